/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/event_source.h"

#define BACKOFF_FIRST_MS 250
#define BACKOFF_MAX_MS 5000
#define GIVE_UP_MS INT64_C(300000)
#define CONNECT_MAX_MS 60000 /* no attempt to connect lasts longer */
#define ID_MAX 128
#define BEATS_MISSED 3 /* so many heartbeats that do not come, and the line is dead */
#define BEAT_MAX_MS 60000

struct event_source {
	struct session *session;
	struct event_source_events events;
	void *data;
	struct http_call *call;
	struct loop_timer *timer, *silence;
	char *url, *last_id_header; /* "Last-Event-ID: 42" */
	const char *headers[3];
	int64_t backoff_ms;
	int64_t beat_ms;		  /* the pace of this stream's heartbeats; 0: it has named none */
	int64_t opened_at_ms, lost_at_ms; /* monotonic */
};

static void stream_open(struct event_source *source);

static void on_timer(void *data)
{
	struct event_source *source = data;
	source->timer = NULL;
	stream_open(source);
}

/* What goes into a header: visible ASCII and not long. */
static bool id_usable(const char *id)
{
	size_t len = id ? strlen(id) : 0;
	for (size_t i = 0; i < len; i++)
		if (id[i] <= ' ' || id[i] > '~')
			return false;
	return len > 0 && len <= ID_MAX;
}

static void take_id(struct event_source *source, const char *id)
{
	if (!id_usable(id))
		return;
	free(source->last_id_header);
	source->last_id_header = xasprintf("Last-Event-ID: %s", id);
}

static void on_silence(void *data);

/* As long as something is heard it stands. */
static void listen_on(struct event_source *source)
{
	source->silence = loop_timer_free(source->silence);
	if (source->beat_ms > 0)
		source->silence =
			loop_timer_new(source->session->loop, source->beat_ms * BEATS_MISSED, on_silence, source);
}

static void take_heartbeat(struct event_source *source, const json_t *json)
{
	int64_t every_ms = json_integer_value(json_object_get(json, "every_ms"));
	source->beat_ms = every_ms > 0 && every_ms <= BEAT_MAX_MS ? every_ms : 0;
}

static void on_event(const char *id, const char *event, const char *payload, void *data)
{
	struct event_source *source = data;
	json_t *json = payload ? json_loads(payload, JSON_REJECT_DUPLICATES, NULL) : NULL;
	source->backoff_ms = BACKOFF_FIRST_MS;
	source->lost_at_ms = 0;
	take_id(source, id);
	bool heartbeat = str_equal(event, "heartbeat");
	if (heartbeat)
		take_heartbeat(source, json);
	listen_on(source);
	if (!heartbeat && json_is_object(json))
		source->events.event(json, source->data); /* last: it may free the source */
	json_decref(json);
}

/* Whether the same again might do better. */
static bool worth_trying(int status, const struct err *err)
{
	return err->code == ERR_NONE || status == 0 || status >= 500 || err_meaning(err->code)->retry;
}

/* The stream has ended, or never began: another one, later. */
static void open_later(struct event_source *source, bool first_loss, const struct err *err)
{
	source->silence = loop_timer_free(source->silence);
	source->beat_ms = 0;
	source->timer = loop_timer_new(source->session->loop, source->backoff_ms, on_timer, source);
	source->backoff_ms = MIN_OF(source->backoff_ms * 2, BACKOFF_MAX_MS);
	if (first_loss && source->events.lost)
		source->events.lost(err, source->data); /* last: it may free the source */
}

static void on_silence(void *data)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct event_source *source = data;
	source->silence = NULL;
	source->call = http_call_free(source->call);
	source->lost_at_ms = loop_monotonic_ms(source->session->loop);
	err_set(&err, ERR_TIMEOUT, "nothing was heard for %lld seconds",
		(long long)(source->beat_ms * BEATS_MISSED / 1000));
	open_later(source, true, &err);
}

static void on_done(const struct http_response *response, const struct err *err, void *data)
{
	struct event_source *source = data;
	int64_t now = loop_monotonic_ms(source->session->loop);
	source->call = NULL;
	/* One that lasted this long was there, if only nothing happened meanwhile. */
	bool lived = response->status == 200 || now - source->opened_at_ms > CONNECT_MAX_MS;
	bool first_loss = source->lost_at_ms == 0 || lived;
	if (first_loss)
		source->lost_at_ms = now;
	if (!worth_trying(response->status, err) || now - source->lost_at_ms > GIVE_UP_MS) {
		source->silence = loop_timer_free(source->silence);
		source->events.failed(response->status, err, source->data);
		return;
	}
	open_later(source, first_loss, err);
}

static void stream_open(struct event_source *source)
{
	source->opened_at_ms = loop_monotonic_ms(source->session->loop);
	source->headers[0] = "Accept: text/event-stream";
	source->headers[1] = source->last_id_header;
	const struct http_call_spec spec = {
		.method = "GET",
		.url = source->url,
		.headers = source->headers,
		.event = on_event,
		.done = on_done,
		.data = source,
	};
	source->call = http_call_new(source->session->client, &spec);
}

/* The list first: it tells whether there is anything to follow at all, and where it stands, so that no event falls
 * between now and a first connection that is lost before it brought one. */
static void on_list(const struct http_response *response, const struct err *err, void *data)
{
	struct event_source *source = data;
	source->call = NULL;
	if (err->code != ERR_NONE) {
		source->events.failed(response->status, err, source->data);
		return;
	}
	const json_t *items = json_object_get(response->json, "items");
	take_id(source, json_string_value(json_object_get(json_array_get(items, json_array_size(items) - 1), "id")));
	stream_open(source);
}

struct event_source *event_source_new(struct session *session, const struct event_source_events *events, void *data)
{
	struct event_source *source = new0(struct event_source, 1);
	source->session = session;
	source->events = *events;
	source->data = data;
	source->backoff_ms = BACKOFF_FIRST_MS;
	source->url = xasprintf("%s%s", session->url, operations[OP_EVENT_LIST].path);
	const struct http_call_spec spec = { .method = "GET", .url = source->url, .done = on_list, .data = source };
	source->call = http_call_new(session->client, &spec);
	return source;
}

struct event_source *event_source_free(struct event_source *source)
{
	if (!source)
		return NULL;
	http_call_free(source->call);
	loop_timer_free(source->timer);
	loop_timer_free(source->silence);
	free(source->url);
	free(source->last_id_header);
	free(source);
	return NULL;
}
