/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events: a list, or a stream that is taken up again where it broke off (Last-Event-ID). */
#include "api/api_priv.h"

#define PAGE 100
/* Half of what a stream's queue holds: what happens meanwhile has room beside it. */
#define REPLAY_MAX_BYTES (512 * KIB)

struct event_stream {
	struct list link;
	struct api *api;
	struct http_stream *stream;
	char *reference; /* who it is for */
};

static void gone(void *data)
{
	struct event_stream *s = data;
	list_remove(&s->link);
	free(s->reference);
	free(s);
}

static size_t send_event(struct event_stream *s, const json_t *event, int64_t *ret_seq)
{
	_cleanup_free_ char *text = json_dumps(event, JSON_COMPACT);
	const char *id = json_string_value(json_object_get(event, "id"));
	http_stream_event(s->stream, id, NULL, text);
	parse_i64(id, 0, INT64_MAX, ret_seq);
	return strlen(text) + strlen(id);
}

/* What came after the last event that the client saw. False: that is more than a stream takes at once, and not all of it. */
static bool replay(struct event_stream *s, int64_t after)
{
	size_t bytes = 0, count = PAGE;
	while (count == PAGE && bytes < REPLAY_MAX_BYTES) {
		json_t *events = store_events(s->api->store, after, PAGE);
		size_t i;
		json_t *event;
		json_array_foreach(events, i, event)
			bytes += send_event(s, event, &after);
		count = json_array_size(events);
		json_decref(events);
	}
	return after >= store_event_last(s->api->store) || count < PAGE;
}

static bool wants_stream(const struct http_request *request)
{
	const char *accept = http_request_header(request, "Accept");
	return accept && strstr(accept, "text/event-stream");
}

static void answer_page(struct api_call *call, int64_t after)
{
	struct store *store = call->api->store;
	json_t *items = store_events(store, after, PAGE);
	const char *last = json_string_value(json_object_get(json_array_get(items, json_array_size(items) - 1), "id"));
	int64_t seq = 0;
	bool more = last && parse_i64(last, 0, INT64_MAX, &seq) == 0 && seq < store_event_last(store);
	json_t *next = more ? json_string(last) : json_null();
	http_answer_json(call->request, 200, json_pack("{s:o, s:o}", "items", items, "next", next), NULL);
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
		answer_page(call, after >= 0 ? after : MAX_OF(store_event_last(api->store) - PAGE, 0));
		return 0;
	}
	struct event_stream *s = new0(struct event_stream, 1);
	s->api = api;
	s->reference = auth_reference(&call->who);
	list_append(&api->streams, &s->link);
	s->stream = http_answer_events(call->request, gone, s);
	if (after >= 0 && !replay(s, after)) {
		/* It comes again for the rest, from the last one it got: that is what clients of a stream do when it ends. */
		http_stream_close(s->stream);
		gone(s);
	}
	return 0;
}

static void on_event(int64_t seq, const char *json, void *data)
{
	struct api *api = data;
	struct event_stream *s;
	_cleanup_free_ char *id = xasprintf("%lld", (long long)seq);
	LIST_FOREACH(s, &api->streams, link) {
		/* Who signed out, or may not see this any more, hears nothing more. */
		if (auth_reference_valid(api->auth, s->reference, operations[OP_EVENT_LIST].role)) {
			http_stream_event(s->stream, id, NULL, json);
		} else {
			http_stream_close(s->stream);
			gone(s);
		}
	}
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
