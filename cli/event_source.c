/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/event_source.h"

#define BACKOFF_FIRST_MS 250
#define BACKOFF_MAX_MS 5000
#define GIVE_UP_MS (5 * 60 * 1000)
#define ID_MAX 128

struct event_source {
	struct session *session;
	struct event_source_events events;
	void *data;
	struct http_call *call;
	struct loop_timer *timer;
	char *url, *last_id_header; /* "Last-Event-ID: 42" */
	const char *headers[3];
	bool ever;                  /* it was there once */
	int64_t backoff_ms, lost_at_ms;
};

static void stream_open(struct event_source *stream);

static void on_timer(void *data)
{
	struct event_source *stream = data;
	stream->timer = NULL;
	stream_open(stream);
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

static void on_event(const char *id, const char *event, const char *payload, void *data)
{
	struct event_source *stream = data;
	json_t *json = payload ? json_loads(payload, JSON_REJECT_DUPLICATES, NULL) : NULL;
	stream->ever = true;
	stream->backoff_ms = BACKOFF_FIRST_MS;
	stream->lost_at_ms = 0;
	if (id_usable(id)) {
		free(stream->last_id_header);
		stream->last_id_header = xasprintf("Last-Event-ID: %s", id);
	}
	if (json_is_object(json))
		stream->events.event(json, stream->data);
	json_decref(json);
}

/* Whether the same again might do better. */
static bool worth_trying(const struct event_source *stream, int status, const struct err *err)
{
	if (!stream->ever && status != 200)
		return false;
	if (err->code == ERR_NONE || status == 0 || status == 200)
		return true;
	return err_meaning(err->code)->retry || status >= 500;
}

static void on_done(const struct http_response *response, const struct err *err, void *data)
{
	static const struct err none;
	struct event_source *stream = data;
	int64_t now = loop_monotonic_ms(stream->session->loop);
	const struct err *why = err ? err : &none;
	stream->call = NULL;
	bool first_loss = stream->lost_at_ms == 0 || response->status == 200;
	if (first_loss)
		stream->lost_at_ms = now;
	if (!worth_trying(stream, response->status, why) || now - stream->lost_at_ms > GIVE_UP_MS) {
		stream->events.failed(response->status, why, stream->data);
		return;
	}
	if (response->status == 200)
		stream->ever = true;
	stream->timer = loop_timer_new(stream->session->loop, stream->backoff_ms, on_timer, stream);
	stream->backoff_ms = MIN_OF(stream->backoff_ms * 2, BACKOFF_MAX_MS);
	if (first_loss && stream->events.lost)
		stream->events.lost(why, stream->data); /* last: it may free the stream */
}

static void stream_open(struct event_source *stream)
{
	stream->headers[0] = "Accept: text/event-stream";
	stream->headers[1] = stream->last_id_header;
	const struct http_call_spec spec = {
		.method = "GET", .url = stream->url, .headers = stream->headers, .event = on_event, .done = on_done,
		.data = stream,
	};
	stream->call = http_call_new(stream->session->client, &spec);
}

struct event_source *event_source_new(struct session *session, const struct event_source_events *events, void *data)
{
	struct event_source *stream = new0(struct event_source, 1);
	stream->session = session;
	stream->events = *events;
	stream->data = data;
	stream->backoff_ms = BACKOFF_FIRST_MS;
	stream->url = xasprintf("%s%s", session->url, operations[OP_EVENT_LIST].path);
	stream_open(stream);
	return stream;
}

struct event_source *event_source_free(struct event_source *stream)
{
	if (!stream)
		return NULL;
	http_call_free(stream->call);
	loop_timer_free(stream->timer);
	free(stream->url);
	free(stream->last_id_header);
	free(stream);
	return NULL;
}
