/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events: a list, or a stream that is taken up again where it broke off (Last-Event-ID). */
#include "api/api_priv.h"

#define PAGE 100
#define PAGE_MAX 1000
/* Half of what a stream's queue holds: what happens meanwhile has room beside it. */
#define REPLAY_MAX_BYTES (512 * KIB)
/* A line that went dead without a word looks like a cluster in which nothing happens: who hears none of these any more knows
 * better. Clients are told the pace. */
#define HEARTBEAT_MS 5000

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

static void end_stream(struct event_stream *s)
{
	http_stream_close(s->stream);
	gone(s);
}

/* Who signed out, or may not see this any more, hears nothing more. */
static bool may_hear(const struct event_stream *s)
{
	return auth_reference_valid(s->api->auth, s->reference, operations[OP_EVENT_LIST].role);
}

static void send_heartbeat(struct event_stream *s)
{
	_cleanup_free_ char *text = xasprintf("{\"every_ms\":%d}", HEARTBEAT_MS);
	http_stream_event(s->stream, NULL, "heartbeat", text);
}

static void on_heartbeat(void *data)
{
	struct api *api = data;
	struct event_stream *s;
	api->heartbeat = NULL;
	LIST_FOREACH(s, &api->streams, link) {
		if (may_hear(s))
			send_heartbeat(s);
		else
			end_stream(s);
	}
	if (!list_empty(&api->streams))
		api->heartbeat = loop_timer_new(api->spec.loop, HEARTBEAT_MS, on_heartbeat, api);
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

bool api_wants_stream(const struct http_request *request)
{
	const char *accept = http_request_header(request, "Accept");
	return accept && strstr(accept, "text/event-stream");
}

static json_t *id_at(const json_t *items, size_t index)
{
	return json_incref(json_object_get(json_array_get(items, index), "id"));
}

static void answer_page(struct api_call *call, const struct event_query *query)
{
	bool more = false, forward = query->after >= 0;
	json_t *items = store_events_find(call->api->store, query, &more);
	json_t *next = more && forward ? id_at(items, json_array_size(items) - 1) : json_null();
	json_t *previous = more && !forward ? id_at(items, 0) : json_null();
	http_answer_json(call->request, 200,
			 json_pack("{s:o, s:o, s:o}", "items", items, "next", next, "previous", previous), NULL);
}

static int take_number(const char *name, const char *text, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
	if (parse_i64(text, min, max, ret) == 0)
		return 0;
	if (max == INT64_MAX)
		return err_set_field(err, ERR_INVALID, name, "%s: must be the number of an event", name);
	return err_set_field(err, ERR_INVALID, name, "%s: must be a number from %lld to %lld", name, (long long)min,
			     (long long)max);
}

static int take_parameter(struct event_query *query, const char *name, const char *text, struct err *err)
{
	int64_t count = 0;
	if (str_equal(name, "after"))
		return take_number(name, text, 0, INT64_MAX, &query->after, err);
	if (str_equal(name, "before"))
		return take_number(name, text, 1, INT64_MAX, &query->before, err);
	if (str_equal(name, "limit")) {
		int r = take_number(name, text, 1, PAGE_MAX, &count, err);
		query->count = (unsigned)count;
		return r;
	}
	if (str_equal(name, "resource"))
		query->resource = text;
	else if (str_equal(name, "resource_id"))
		query->resource_id = text;
	else if (str_equal(name, "kind"))
		query->kind = text;
	else
		return err_set_field(err, ERR_INVALID, name,
				     "%s: events cannot be asked for that; what they know: after, before, limit, "
				     "resource, resource_id, kind",
				     name);
	return 0;
}

static int take_query(struct http_request *request, struct event_query *query, struct err *err)
{
	const char *name, *last = http_request_header(request, "Last-Event-ID");
	bool stream = api_wants_stream(request);
	for (unsigned i = 0; (name = http_request_query_name(request, i)); i++) {
		int r = take_parameter(query, name, http_request_query(request, name), err);
		if (r < 0)
			return r;
		if (stream && !str_equal(name, "after"))
			return err_set_field(err, ERR_INVALID, name,
					     "%s: a stream has all events; only 'after' goes with it", name);
	}
	if (query->after >= 0 && query->before > 0)
		return err_set_field(err, ERR_INVALID, "before", "before: does not go with 'after'");
	return last ? take_number("Last-Event-ID", last, 0, INT64_MAX, &query->after, err) : 0;
}

int api_events(struct api_call *call, struct err *err)
{
	struct api *api = call->api;
	struct event_query query = { .after = -1, .count = PAGE };
	int r = take_query(call->request, &query, err);
	if (r < 0)
		return r;
	int64_t after = query.after;
	call->answered = true;
	if (!api_wants_stream(call->request)) {
		answer_page(call, &query);
		return 0;
	}
	struct event_stream *s = new0(struct event_stream, 1);
	s->api = api;
	s->reference = auth_reference(&call->who);
	list_append(&api->streams, &s->link);
	s->stream = http_answer_events(call->request, gone, s);
	send_heartbeat(s);
	if (!api->heartbeat)
		api->heartbeat = loop_timer_new(api->spec.loop, HEARTBEAT_MS, on_heartbeat, api);
	/* It comes again for the rest, from the last one it got: that is what clients of a stream do when it ends. */
	if (after >= 0 && !replay(s, after))
		end_stream(s);
	return 0;
}

static void on_event(int64_t seq, const char *json, void *data)
{
	struct api *api = data;
	struct event_stream *s;
	_cleanup_free_ char *id = xasprintf("%lld", (long long)seq);
	LIST_FOREACH(s, &api->streams, link) {
		if (may_hear(s))
			http_stream_event(s->stream, id, NULL, json);
		else
			end_stream(s);
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
	LIST_FOREACH(s, &api->streams, link)
		end_stream(s);
	api->heartbeat = loop_timer_free(api->heartbeat);
}
