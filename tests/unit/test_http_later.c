/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers that come later, and streams of events: order, limits, and everybody who may leave early. */
#include "http_fixture.h"

#include "http/http_server_priv.h"

struct world {
	struct fixture *f;
	struct http_server *server;
	struct http_client *client;
	char *origin;
	struct http_request *kept[512]; /* waits for its answer */
	unsigned kept_count;
	unsigned want_kept; /* quits the loop when so many wait */
	unsigned gone;
	struct http_stream *stream;
	unsigned stream_gone;
	/* what the client saw */
	unsigned done, events;
	unsigned want_done, want_events;
	struct http_call *call;
	struct http_response last;
	struct err err;
	char *text;
};

static void on_gone(void *data)
{
	struct world *w = data;

	w->gone++;
	loop_quit(w->f->loop, 0);
}

static void on_wait(struct http_request *request, void *data)
{
	struct world *w = data;

	w->kept[w->kept_count++] = request;
	if (!http_request_query(request, "careless"))
		http_request_on_gone(request, on_gone, w);
	if (w->kept_count == w->want_kept)
		loop_quit(w->f->loop, 0);
}

static void on_stream_gone(void *data)
{
	struct world *w = data;

	w->stream_gone++;
	w->stream = NULL;
	loop_quit(w->f->loop, 0);
}

static void on_events(struct http_request *request, void *data)
{
	struct world *w = data;

	w->stream = http_answer_events(request, on_stream_gone, w);
	loop_quit(w->f->loop, 0);
}

static void on_quick(struct http_request *request, void *data)
{
	http_answer_data(request, 200, "text/plain", "quick", 5, NULL);
}

static const struct http_route routes[] = {
	{ .method = "GET", .path = "/wait", .handler = on_wait },
	{ .method = "GET", .path = "/events", .handler = on_events },
	{ .method = "GET", .path = "/quick", .handler = on_quick },
	{ 0 },
};

static struct world *world_new(struct fixture *f, bool tls)
{
	struct world *w = new0(struct world, 1);

	w->f = f;
	w->server = start_server(f, (struct http_server_spec){ .routes = routes,
							       .data = w,
							       .cert_pem = tls ? f->cert_pem : NULL,
							       .key_pem = tls ? f->key_pem : NULL });
	w->client = http_client_new(&(struct http_client_spec){ .loop = f->loop, .ca_pem = ca_pem(f->ca) });
	w->origin = xasprintf("%s://127.0.0.1:%u", tls ? "https" : "http", http_server_port(w->server));
	return w;
}

static void world_free(struct world *w)
{
	http_client_free(w->client);
	http_server_free(w->server);
	err_done(&w->err);
	free(w->origin);
	free(w->text);
	free(w);
}

static void on_done(const struct http_response *response, const struct err *err, void *data)
{
	struct world *w = data;
	_cleanup_free_ char *text = xstrndup(response->data ? response->data : "", response->len);

	w->done++;
	w->last = *response;
	str_set(&w->text, text);
	err_copy(&w->err, err);
	if (w->done == w->want_done)
		loop_quit(w->f->loop, 0);
}

static void on_event(const char *id, const char *event, const char *payload, void *data)
{
	struct world *w = data;
	_cleanup_free_ char *wanted_id = xasprintf("%u", w->events),
			    *wanted = xasprintf("{\"n\": %u,\n\"x\": 0}", w->events);

	assert_string_equal(id, wanted_id);
	assert_string_equal(event, "changed");
	assert_string_equal(payload, wanted);
	if (++w->events == w->want_events)
		loop_quit(w->f->loop, 0);
}

static struct http_call *call(struct world *w, const char *path, bool events)
{
	_cleanup_free_ char *url = xasprintf("%s%s", w->origin, path);

	return http_call_new(
		w->client,
		&(struct http_call_spec){
			.method = "GET", .url = url, .done = on_done, .data = w, .event = events ? on_event : NULL });
}

/* ---- waiting requests ---- */

static void wait_many(struct fixture *f, bool tls)
{
	struct world *w = world_new(f, tls);
	unsigned count = 300;

	w->want_kept = count;
	for (unsigned i = 0; i < count; i++)
		call(w, "/wait", false);
	run_loop(f->loop);
	assert_int_equal(w->done, 0);
	/* Others are answered meanwhile. */
	w->want_done = 1;
	call(w, "/quick", false);
	run_loop(f->loop);
	assert_string_equal(w->text, "quick");
	w->want_done = 1 + count;
	for (unsigned i = 0; i < count; i++)
		http_answer_json(w->kept[i * 7 % count], 200, json_pack("{s:i}", "n", i), NULL);
	run_loop(f->loop);
	assert_int_equal(w->last.status, 200);
	assert_int_equal(w->gone, 0);
	world_free(w);
}

static void test_wait_many(void **state)
{
	wait_many(*state, false);
}

static void test_wait_many_tls(void **state)
{
	wait_many(*state, true);
}

static void test_client_leaves(void **state)
{
	struct fixture *f = *state;

	for (int tls = 0; tls <= 1; tls++) {
		struct world *w = world_new(f, tls);
		struct http_call *waiting;

		w->want_kept = 1;
		waiting = call(w, "/wait", false);
		run_loop(f->loop);
		http_call_free(waiting);
		run_loop(f->loop);
		assert_int_equal(w->gone, 1);
		w->want_done = 1;
		call(w, "/quick", false);
		run_loop(f->loop);
		assert_int_equal(w->gone, 1);
		world_free(w);
	}
}

/* A holder who does not want to know: its answer goes nowhere, and does no harm. */
static void test_client_leaves_unnoticed(void **state)
{
	struct fixture *f = *state;
	struct world *w = world_new(f, false);
	struct raw *raws[3];
	struct http_stream *stream;

	w->want_kept = 3;
	for (int i = 0; i < 3; i++) {
		raws[i] = raw_open(f->loop, http_server_port(w->server));
		raw_send(raws[i], "GET /wait?careless=1 HTTP/1.1\r\nHost: x\r\n\r\n");
	}
	run_loop(f->loop);
	for (int i = 0; i < 3; i++)
		raw_close(raws[i]);
	while (list_empty(&w->server->orphans) || w->server->orphans.next == w->server->orphans.prev)
		run_once(f->loop);
	for (int i = 0; i < 5; i++)
		run_once(f->loop);
	assert_null(http_request_header(w->kept[0], "Host"));
	assert_string_equal(http_request_path(w->kept[0]), "/wait");
	http_answer_data(w->kept[0], 200, "text/plain", "nobody", 6, NULL);
	stream = http_answer_events(w->kept[1], on_stream_gone, w);
	http_stream_event(stream, "1", NULL, "nobody");
	assert_int_equal(w->stream_gone, 0); /* never from within */
	run_loop(f->loop);
	assert_int_equal(w->stream_gone, 1);
	world_free(w); /* with the third of them */
}

/* The same, answered before the connection's end was seen to its end. */
static void test_answer_races_leaving(void **state)
{
	struct fixture *f = *state;
	struct world *w = world_new(f, false);
	struct raw *raw = raw_open(f->loop, http_server_port(w->server));

	w->want_kept = 1;
	raw_send(raw, "GET /wait?careless=1 HTTP/1.1\r\nHost: x\r\n\r\n");
	run_loop(f->loop);
	raw_close(raw);
	http_answer_data(w->kept[0], 200, "text/plain", "nobody", 6, NULL);
	w->want_done = 1;
	call(w, "/quick", false);
	run_loop(f->loop);
	world_free(w);
}

static void test_answer_deadline(void **state)
{
	struct fixture *f = *state;
	struct world *w = world_new(f, true);

	w->server->answer_deadline_ms = 50;
	w->want_kept = 1;
	call(w, "/wait", false);
	run_loop(f->loop);
	run_loop(f->loop); /* ended by on_gone */
	assert_int_equal(w->gone, 1);
	w->want_done = 1;
	run_loop(f->loop);
	assert_int_equal(w->last.status, 504);
	assert_int_equal(w->err.code, ERR_TIMEOUT);
	/* Without a function to tell: the late answer is dropped. */
	w->want_kept = 2;
	call(w, "/wait?careless=1", false);
	w->want_done = 2;
	run_loop(f->loop);
	run_loop(f->loop);
	assert_int_equal(w->last.status, 504);
	http_answer_data(w->kept[1], 200, "text/plain", "late", 4, NULL);
	w->want_done = 3;
	call(w, "/quick", false);
	run_loop(f->loop);
	assert_string_equal(w->text, "quick");
	world_free(w);
}

/* A second request on the connection of one that waits is looked at after it. */
static void test_pipelined_behind_waiting(void **state)
{
	struct fixture *f = *state;
	struct world *w = world_new(f, false);
	struct raw *raw = raw_open(f->loop, http_server_port(w->server));

	w->want_kept = 1;
	raw_send(raw, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\nGET /quick HTTP/1.1\r\nHost: x\r\n\r\n");
	run_loop(f->loop);
	for (int i = 0; i < 5; i++)
		run_once(f->loop);
	assert_int_equal(raw->in.len, 0);
	http_answer_data(w->kept[0], 200, "text/plain", "slow", 4, NULL);
	assert_true(raw_wait(raw, "quick"));
	assert_true(strstr(raw->in.data, "slow") < strstr(raw->in.data, "quick"));
	raw_close(raw);
	world_free(w);
}

static void free_with_all(struct fixture *f, bool tls)
{
	struct world *w = world_new(f, tls);
	_cleanup_free_ char *url = xasprintf("%s/events", w->origin);

	/* Two that wait, one of them careless, and a stream; none of which the daemon may find suspended. */
	w->want_kept = 2;
	call(w, "/wait", false);
	call(w, "/wait?careless=1", false);
	run_loop(f->loop);
	http_call_new(w->client, &(struct http_call_spec){
					 .method = "GET", .url = url, .event = on_event, .done = on_done, .data = w });
	run_loop(f->loop);
	assert_non_null(w->stream);
	run_once(f->loop);
	w->server = http_server_free(w->server);
	assert_int_equal(w->gone, 1);
	assert_int_equal(w->stream_gone, 1);
	w->want_done = 3;
	run_loop(f->loop);
	assert_int_equal(w->done, 3);
	world_free(w);
}

static void test_free_with_all(void **state)
{
	free_with_all(*state, false);
	free_with_all(*state, true);
}

static void test_free_answers_503(void **state)
{
	struct fixture *f = *state;
	struct world *w = world_new(f, true);

	w->want_kept = 1;
	call(w, "/wait", false);
	run_loop(f->loop);
	w->server = http_server_free(w->server);
	w->want_done = 1;
	run_loop(f->loop);
	assert_int_equal(w->last.status, 503);
	assert_int_equal(w->err.code, ERR_BUSY);
	world_free(w);
}

/* ---- events ---- */

static void push(struct world *w, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		_cleanup_free_ char *id = xasprintf("%u", i), *payload = xasprintf("{\"n\": %u,\n\"x\": 0}", i);

		http_stream_event(w->stream, id, "changed", payload);
	}
}

static void thousand_events(struct fixture *f, bool tls)
{
	struct world *w = world_new(f, tls);

	w->call = call(w, "/events", true);
	run_loop(f->loop);
	/* In lots of all sizes, with and without the client having taken those before. */
	for (unsigned at = 0, lot = 1; at < 1000; lot = lot * 3 % 101 + 1) {
		unsigned to = MIN_OF(at + lot, 1000);

		push(w, at, to);
		at = to;
		w->want_events = at;
		if (lot % 2)
			run_loop(f->loop);
	}
	if (w->events < 1000)
		run_loop(f->loop);
	assert_int_equal(w->events, 1000);
	w->want_done = 1;
	http_stream_close(TAKE_PTR(w->stream));
	run_loop(f->loop);
	assert_int_equal(w->last.status, 200);
	assert_int_equal(w->err.code, ERR_NONE);
	assert_int_equal(w->stream_gone, 0); /* who closes is not told */
	world_free(w);
}

static void test_thousand_events(void **state)
{
	thousand_events(*state, false);
}

static void test_thousand_events_tls(void **state)
{
	thousand_events(*state, true);
}

static void test_event_format(void **state)
{
	struct fixture *f = *state;
	struct world *w = world_new(f, false);
	struct raw *raw = raw_open(f->loop, http_server_port(w->server));

	w->server->heartbeat_ms = 10;
	raw_send(raw, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
	run_loop(f->loop);
	assert_true(raw_wait(raw, "text/event-stream"));
	/* What would be another field or another event is cut or made lines of. */
	http_stream_event(w->stream, "7\nevent: evil", "kind\r\nid: evil", "one\r\ntwo\rthree\n\nfour");
	assert_true(raw_wait(raw, "id: 7\nevent: kind\ndata: one\ndata: two\ndata: three\ndata: \ndata: four\n\n"));
	http_stream_event(w->stream, NULL, NULL, "plain");
	assert_true(raw_wait(raw, "\ndata: plain\n\n"));
	assert_null(strstr(raw->in.data, "evil"));
	assert_true(raw_wait(raw, "\n:\n\n")); /* a heartbeat */
	raw_close(raw);
	run_loop(f->loop);
	assert_int_equal(w->stream_gone, 1);
	world_free(w);
}

static void test_stream_client_leaves(void **state)
{
	struct fixture *f = *state;

	for (int tls = 0; tls <= 1; tls++) {
		struct world *w = world_new(f, tls);

		w->call = call(w, "/events", true);
		run_loop(f->loop);
		w->want_events = 1;
		push(w, 0, 1);
		run_loop(f->loop);
		http_call_free(w->call);
		run_loop(f->loop);
		assert_int_equal(w->stream_gone, 1);
		assert_int_equal(w->done, 0);
		world_free(w);
	}
}

/* A client that does not read is closed, and its queue does not grow without end. */
static void test_stream_not_read(void **state)
{
	struct fixture *f = *state;
	struct world *w = world_new(f, false);
	struct raw *raw = raw_open(f->loop, http_server_port(w->server));
	_cleanup_free_ char *big = xcalloc(1, 60001);
	unsigned pushed = 0;

	memset(big, 'x', 60000);
	raw_send(raw, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
	run_loop(f->loop);
	raw->io = loop_io_free(raw->io);
	while (w->stream && pushed < 10000) {
		http_stream_event(w->stream, NULL, NULL, big);
		pushed++;
		run_once(f->loop);
	}
	assert_null(w->stream);
	assert_int_equal(w->stream_gone, 1);
	assert_true(pushed > 10 && pushed < 1000);
	w->want_done = 1;
	call(w, "/quick", false);
	run_loop(f->loop);
	assert_string_equal(w->text, "quick");
	raw_close(raw);
	world_free(w);
}

static void on_first_event(const char *id, const char *event, const char *payload, void *data)
{
	struct world *w = data;

	assert_int_equal(w->events++, 0);
	w->call = http_call_free(w->call);
	loop_quit(w->f->loop, 0);
}

static void test_free_within_event(void **state)
{
	struct fixture *f = *state;
	struct world *w = world_new(f, true);
	_cleanup_free_ char *url = xasprintf("%s/events", w->origin);

	w->call = http_call_new(
		w->client, &(struct http_call_spec){
				   .method = "GET", .url = url, .event = on_first_event, .done = on_done, .data = w });
	run_loop(f->loop);
	push(w, 0, 10);
	run_loop(f->loop);
	assert_null(w->call);
	run_loop(f->loop); /* until the server has seen it */
	assert_int_equal(w->events, 1);
	assert_int_equal(w->done, 0);
	assert_int_equal(w->stream_gone, 1);
	world_free(w);
}

/* An event stream that is refused ends in a problem like every other call. */
static void test_events_refused(void **state)
{
	struct fixture *f = *state;
	struct world *w = world_new(f, true);

	w->want_done = 1;
	call(w, "/nowhere", true);
	run_loop(f->loop);
	assert_int_equal(w->last.status, 404);
	assert_int_equal(w->err.code, ERR_NOT_FOUND);
	assert_non_null(strstr(w->err.text, "/nowhere"));
	world_free(w);
}

/* A connection that breaks in the middle is an error, not an end. */
static void test_events_broken(void **state)
{
	struct fixture *f = *state;
	struct world *w = world_new(f, false);

	w->call = call(w, "/events", true);
	run_loop(f->loop);
	w->want_events = 1;
	push(w, 0, 1);
	run_loop(f->loop);
	shutdown(w->stream->request->conn->fd, SHUT_RDWR);
	w->want_done = 1;
	run_loop(f->loop);
	if (w->done == 0)
		run_loop(f->loop);
	assert_int_equal(w->last.status, 0);
	assert_int_equal(w->err.code, ERR_UNREACHABLE);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(test_wait_many),
		HTTP_TEST(test_wait_many_tls),
		HTTP_TEST(test_client_leaves),
		HTTP_TEST(test_client_leaves_unnoticed),
		HTTP_TEST(test_answer_races_leaving),
		HTTP_TEST(test_answer_deadline),
		HTTP_TEST(test_pipelined_behind_waiting),
		HTTP_TEST(test_free_with_all),
		HTTP_TEST(test_free_answers_503),
		HTTP_TEST(test_thousand_events),
		HTTP_TEST(test_thousand_events_tls),
		HTTP_TEST(test_event_format),
		HTTP_TEST(test_stream_client_leaves),
		HTTP_TEST(test_stream_not_read),
		HTTP_TEST(test_free_within_event),
		HTTP_TEST(test_events_refused),
		HTTP_TEST(test_events_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
