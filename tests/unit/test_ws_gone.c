/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A peer of a WebSocket that vanishes: killed (the kernel ends its connection without TLS's close_notify or a close frame),
 * reset, or cut off so that nothing comes any more at all. The other end is told, whichever of them it is. */
#include <fcntl.h>

#include "http_fixture.h"

#include "http/http_server_priv.h"
#include "http/ws_priv.h"

/* What one end knows. */
struct end {
	struct loop *loop;
	struct ws *ws;
	struct strbuf in;
	char *closed;
	size_t until;
};

static void on_message(struct ws *ws, const void *payload, size_t len, void *data)
{
	struct end *end = data;

	strbuf_add(&end->in, payload, len);
	if (end->until && end->in.len >= end->until)
		loop_quit(end->loop, 0);
}

static void on_closed(struct ws *ws, const char *reason, void *data)
{
	struct end *end = data;

	assert_null(end->closed);
	end->ws = NULL;
	end->closed = xstrdup(reason);
	loop_quit(end->loop, 0);
}

static const struct ws_events events = { .message = on_message, .closed = on_closed };

static void on_socket(struct http_request *request, void *data)
{
	struct end *end = data;

	if (http_answer_websocket(request, &end->ws) >= 0)
		ws_set_events(end->ws, &events, end);
}

static const struct http_route routes[] = { { .method = "GET", .path = "/socket", .handler = on_socket }, { 0 } };

struct world {
	struct fixture *f;
	struct http_server *server;
	struct http_client *client;
	struct end near, far; /* the server's and the client's */
};

static int world_setup(void **state)
{
	struct world *w = new0(struct world, 1);

	fixture_setup((void **)&w->f);
	w->near.loop = w->far.loop = w->f->loop;
	*state = w;
	return 0;
}

static int world_teardown(void **state)
{
	struct world *w = *state;

	http_client_free(w->client);
	http_server_free(w->server);
	strbuf_done(&w->near.in);
	strbuf_done(&w->far.in);
	free(w->near.closed);
	free(w->far.closed);
	fixture_teardown((void **)&w->f);
	free(w);
	return 0;
}

static void on_connected(struct ws *ws, const struct err *err, void *data)
{
	struct end *far_end = data;

	if (!ws)
		fail_msg("%s", err->text);
	far_end->ws = ws;
	ws_set_events(ws, &events, far_end);
	loop_quit(far_end->loop, 0);
}

static void world_serve(struct world *w, bool tls)
{
	w->server = start_server(w->f, (struct http_server_spec){ .routes = routes,
								  .data = &w->near,
								  .cert_pem = tls ? w->f->cert_pem : NULL,
								  .key_pem = tls ? w->f->key_pem : NULL });
}

static void world_connect(struct world *w, bool tls)
{
	_cleanup_free_ char *url = NULL;

	world_serve(w, tls);
	w->client = http_client_new(&(struct http_client_spec){ .loop = w->f->loop, .ca_pem = ca_pem(w->f->ca) });
	url = xasprintf("%s://127.0.0.1:%u/socket", tls ? "wss" : "ws", http_server_port(w->server));
	ws_connect(w->client, url, on_connected, &w->far);
	run_loop(w->f->loop);
	assert_non_null(w->near.ws);
}

/* The socket of this process whose own port (or its peer's) is the server's, and which does not listen. */
static int find_socket(const struct world *w, bool of_server)
{
	for (int fd = 3; fd < 256; fd++) {
		struct sockaddr_in address = { 0 };
		socklen_t len = sizeof(address);

		if (getpeername(fd, (struct sockaddr *)&address, &len) < 0)
			continue;
		len = sizeof(address);
		if (of_server && getsockname(fd, (struct sockaddr *)&address, &len) < 0)
			continue;
		if (address.sin_family == AF_INET && ntohs(address.sin_port) == http_server_port(w->server))
			return fd;
	}
	fail_msg("no such socket");
	return -1;
}

/* As the kernel does for a process that was killed: with data that was not read it resets, without it ends. */
static void kill_socket(int fd, bool reset)
{
	struct linger now = { .l_onoff = 1 };

	if (reset) {
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
		/* A connection to nowhere takes its place: the descriptor is libcurl's or the daemon's, and stays. */
		int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		assert_true(other >= 0);
		assert_int_equal(dup3(other, fd, O_CLOEXEC), fd);
		close(other);
	} else {
		assert_int_equal(shutdown(fd, SHUT_RDWR), 0);
	}
}

static void wait_closed(struct end *end)
{
	while (!end->closed)
		run_loop(end->loop);
}

static void client_vanishes(struct world *w, bool tls, bool reset)
{
	static const char text[] = "last words";

	world_connect(w, tls);
	/* What was sent before the end arrives. */
	ws_send(w->far.ws, text, strlen(text));
	kill_socket(find_socket(w, false), reset);
	wait_closed(&w->near);
	if (!reset) {
		assert_int_equal(w->near.in.len, strlen(text));
		assert_memory_equal(w->near.in.data, text, strlen(text));
	}
}

static void test_client_ends_plain(void **state)
{
	client_vanishes(*state, false, false);
}

static void test_client_ends_tls(void **state)
{
	client_vanishes(*state, true, false);
}

static void test_client_resets_plain(void **state)
{
	client_vanishes(*state, false, true);
}

static void test_client_resets_tls(void **state)
{
	client_vanishes(*state, true, true);
}

/* The other way round: libcurl sees the end. */
static void server_vanishes(struct world *w, bool tls, bool reset)
{
	world_connect(w, tls);
	kill_socket(find_socket(w, true), reset);
	wait_closed(&w->far);
}

static void test_server_ends(void **state)
{
	server_vanishes(*state, false, false);
}

static void test_server_ends_tls(void **state)
{
	server_vanishes(*state, true, false);
}

/* ---- a peer that is cut off: not even its end comes ---- */

#define PING_MS 30

static struct raw *silent_peer(struct world *w)
{
	struct raw *raw;

	world_serve(w, false);
	raw = raw_open(w->f->loop, http_server_port(w->server));
	raw_send(raw, "GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
	assert_true(raw_wait(raw, "\r\n\r\n"));
	strbuf_done(&raw->in);
	ws_set_ping(w->near.ws, PING_MS);
	return raw;
}

static void expect_ping(struct raw *raw)
{
	raw->until_len = 2;
	if (raw->in.len < 2)
		run_loop(raw->loop);
	assert_memory_equal(raw->in.data, "\x89\x00", 2);
	strbuf_remove_front(&raw->in, 2);
}

static void test_cut_off(void **state)
{
	struct world *w = *state;
	struct raw *raw = silent_peer(w);

	expect_ping(raw);
	assert_null(w->near.closed);
	raw->until_len = 0;
	wait_closed(&w->near);
	assert_string_equal(w->near.closed, "the peer does not answer any more");
	assert_int_equal(raw->in.len, 0); /* asked once */
	raw_close(raw);
}

/* Whoever answers stays, as often as it is asked; so does who says something else. */
static void test_answers_pings(void **state)
{
	struct world *w = *state;
	struct raw *raw = silent_peer(w);

	for (unsigned i = 0; i < 4; i++) {
		_cleanup_strbuf_ struct strbuf frame = { 0 };

		expect_ping(raw);
		ws_frame_add(&frame, i < 2 ? WS_PONG : WS_BINARY, true, "", 0);
		assert_int_equal(send(raw->fd, frame.data, frame.len, MSG_NOSIGNAL), (ssize_t)frame.len);
	}
	assert_null(w->near.closed);
	raw->until_len = 0;
	wait_closed(&w->near);
	assert_string_equal(w->near.closed, "the peer does not answer any more");
	raw_close(raw);
}

static void test_client_answers_pings(void **state)
{
	struct world *w = *state;

	world_connect(w, true);
	ws_set_ping(w->near.ws, PING_MS);
	struct loop_timer *timer = loop_timer_new(w->f->loop, (int64_t)PING_MS * 10, fixture_quit, w->f->loop);
	run_loop(w->f->loop);
	if (w->near.closed)
		loop_timer_free(timer);
	assert_null(w->near.closed);
	assert_null(w->far.closed);
}

/* ---- what the other end is told ---- */

static unsigned seen_status;

static void on_status_closed(struct ws *ws, const char *reason, void *data)
{
	seen_status = ws_peer_status(ws);
	on_closed(ws, reason, data);
}

static void test_status(void **state)
{
	static const struct ws_events status_events = { .message = on_message, .closed = on_status_closed };
	struct world *w = *state;

	world_connect(w, true);
	ws_set_events(w->far.ws, &status_events, &w->far);
	ws_close_with(TAKE_PTR(w->near.ws), WS_TRY_AGAIN, "come again");
	wait_closed(&w->far);
	assert_string_equal(w->far.closed, "come again");
	assert_int_equal(seen_status, WS_TRY_AGAIN);
}

static void test_status_of_one_that_vanished(void **state)
{
	static const struct ws_events status_events = { .message = on_message, .closed = on_status_closed };
	struct world *w = *state;

	world_connect(w, true);
	ws_set_events(w->near.ws, &status_events, &w->near);
	kill_socket(find_socket(w, false), false);
	wait_closed(&w->near);
	assert_int_equal(seen_status, WS_VANISHED);
}

int main(void)
{
#define GONE_TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		GONE_TEST(test_client_ends_plain),
		GONE_TEST(test_client_ends_tls),
		GONE_TEST(test_client_resets_plain),
		GONE_TEST(test_client_resets_tls),
		GONE_TEST(test_server_ends),
		GONE_TEST(test_server_ends_tls),
		GONE_TEST(test_cut_off),
		GONE_TEST(test_answers_pings),
		GONE_TEST(test_client_answers_pings),
		GONE_TEST(test_status),
		GONE_TEST(test_status_of_one_that_vanished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
