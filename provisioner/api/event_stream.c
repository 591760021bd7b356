/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events: a list, or a stream that is taken up again where it broke off (Last-Event-ID). */
#include "api/api_priv.h"

#define REPLAY_MAX 10000
#define LIST_DEFAULT 100

struct event_stream {
	struct list link;
	struct api *api;
	struct http_stream *stream;
};

static void gone(void *data)
{
	struct event_stream *s = data;
	list_remove(&s->link);
	free(s);
}

static void send_event(struct event_stream *s, const json_t *event)
{
	_cleanup_free_ char *text = json_dumps(event, JSON_COMPACT);
	http_stream_event(s->stream, json_string_value(json_object_get(event, "id")), NULL, text);
}

/* What came after the last event that the client saw. */
static void replay(struct event_stream *s, int64_t after)
{
	json_t *events = store_events(s->api->store, after, REPLAY_MAX);
	size_t i;
	json_t *event;
	json_array_foreach(events, i, event)
		send_event(s, event);
	json_decref(events);
}

static bool wants_stream(const struct http_request *request)
{
	const char *accept = http_request_header(request, "Accept");
	return accept && strstr(accept, "text/event-stream");
}

int api_events(struct api_call *call, struct err *err)
{
	struct api *api = call->api;
	const char *text = http_request_header(call->request, "Last-Event-ID");
	int64_t after = -1;
	if (!text)
		text = http_request_query(call->request, "after");
	if (text && parse_i64(text, 0, INT64_MAX, &after) < 0)
		return err_set_field(err, ERR_INVALID, "after", "after: must be the number of an event");
	call->answered = true;
	if (!wants_stream(call->request)) {
		int64_t from = after >= 0 ? after : MAX_OF(store_event_last(api->store) - LIST_DEFAULT, 0);
		json_t *items = store_events(api->store, from, LIST_DEFAULT);
		http_answer_json(call->request, 200, json_pack("{s:o, s:n}", "items", items, "next"), NULL);
		return 0;
	}
	struct event_stream *s = new0(struct event_stream, 1);
	s->api = api;
	list_append(&api->streams, &s->link);
	s->stream = http_answer_events(call->request, gone, s);
	if (after >= 0)
		replay(s, after);
	return 0;
}

static void on_event(int64_t seq, const char *json, void *data)
{
	struct api *api = data;
	struct event_stream *s;
	_cleanup_free_ char *id = xasprintf("%lld", (long long)seq);
	LIST_FOREACH(s, &api->streams, link)
		http_stream_event(s->stream, id, NULL, json);
}

void api_events_register(struct api *api)
{
	list_init(&api->streams);
	store_event_watch(api->store, on_event, api);
}

void api_events_stop(struct api *api)
{
	struct event_stream *s;
	LIST_FOREACH(s, &api->streams, link) {
		http_stream_close(s->stream);
		gone(s);
	}
}
