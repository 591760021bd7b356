/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A relay between a fast WebSocket and a slow one: what waits has a bound, nothing is lost, and nobody is given up. */
#include "http_fixture.h"

#include "http/ws_priv.h"

#define TOTAL_BYTES (24 * MIB)
#define PIECE_BYTES (48 * KIB)

struct world {
	struct fixture *f;
	struct http_server *server;
	struct http_client *client;
	struct ws *source, *sink;     /* the server's ends: what comes from one goes to the other */
	struct ws *sender, *receiver; /* the client's */
	size_t sent, received, most_waiting;
	unsigned drained;
	char *fault;
};

static uint8_t byte_at(size_t at)
{
	return (uint8_t)(at * 2654435761u >> 13);
}

/* ---- the relay ---- */

static void source_message(struct ws *ws, const void *payload, size_t len, void *data)
{
	struct world *w = data;

	ws_send(w->sink, payload, len);
	w->most_waiting = MAX_OF(w->most_waiting, ws_waiting_bytes(w->sink));
	if (!ws_is_full(w->sink))
		return;
	ws_pause(ws, true);
	ws_pause(w->receiver, false); /* now all buffers on the way are full */
}

static void sink_drained(struct ws *ws, void *data)
{
	struct world *w = data;

	w->drained++;
	ws_pause(w->source, false);
}

static void on_closed(struct ws *ws, const char *reason, void *data)
{
	struct world *w = data;

	str_set(&w->fault, reason);
	loop_quit(w->f->loop, 0);
}

static void on_source(struct http_request *request, void *data)
{
	static const struct ws_events events = { .message = source_message, .closed = on_closed };
	struct world *w = data;

	assert_int_equal(http_answer_websocket(request, &w->source), 0);
	ws_set_events(w->source, &events, w);
}

static void on_sink(struct http_request *request, void *data)
{
	static const struct ws_events events = { .closed = on_closed, .drained = sink_drained };
	struct world *w = data;

	assert_int_equal(http_answer_websocket(request, &w->sink), 0);
	ws_set_events(w->sink, &events, w);
}

/* ---- the two peers ---- */

static void send_more(struct ws *ws, void *data)
{
	struct world *w = data;
	uint8_t piece[PIECE_BYTES];

	while (w->sent < TOTAL_BYTES && !ws_is_full(ws)) {
		size_t n = MIN_OF(sizeof(piece), TOTAL_BYTES - w->sent);

		for (size_t i = 0; i < n; i++)
			piece[i] = byte_at(w->sent + i);
		ws_send(ws, piece, n);
		w->sent += n;
	}
}

static void receiver_message(struct ws *ws, const void *payload, size_t len, void *data)
{
	struct world *w = data;
	const uint8_t *bytes = payload;

	for (size_t i = 0; i < len; i++)
		if (bytes[i] != byte_at(w->received + i))
			fail_msg("byte %zu differs", w->received + i);
	w->received += len;
	if (w->received == TOTAL_BYTES)
		loop_quit(w->f->loop, 0);
}

static void on_sender(struct ws *ws, const struct err *err, void *data)
{
	static const struct ws_events events = { .closed = on_closed, .drained = send_more };
	struct world *w = data;

	assert_non_null(ws);
	w->sender = ws;
	ws_set_events(ws, &events, w);
	loop_quit(w->f->loop, 0);
}

static void on_receiver(struct ws *ws, const struct err *err, void *data)
{
	static const struct ws_events events = { .message = receiver_message, .closed = on_closed };
	struct world *w = data;

	assert_non_null(ws);
	w->receiver = ws;
	ws_set_events(ws, &events, w);
	loop_quit(w->f->loop, 0);
}

static void relay(struct fixture *f, bool tls)
{
	static const struct http_route routes[] = { { .method = "GET", .path = "/source", .handler = on_source },
						    { .method = "GET", .path = "/sink", .handler = on_sink },
						    { 0 } };
	struct world w = { .f = f };

	w.server = start_server(f, (struct http_server_spec){ .routes = routes,
							      .data = &w,
							      .cert_pem = tls ? f->cert_pem : NULL,
							      .key_pem = tls ? f->key_pem : NULL });

	w.client = http_client_new(&(struct http_client_spec){ .loop = f->loop, .ca_pem = ca_pem(f->ca) });
	_cleanup_free_ char *origin = xasprintf("ws%s://127.0.0.1:%u", tls ? "s" : "", http_server_port(w.server));
	_cleanup_free_ char *source = xasprintf("%s/source", origin), *sink = xasprintf("%s/sink", origin);

	ws_connect(w.client, source, on_sender, &w);
	run_loop(f->loop);
	ws_connect(w.client, sink, on_receiver, &w);
	run_loop(f->loop);
	/* That the relay does not read from the source is not the source's fault. */
	ws_set_ping(w.source, 20);
	ws_pause(w.receiver, true);
	send_more(w.sender, &w);
	run_loop(f->loop);
	if (w.fault)
		fail_msg("%s", w.fault);
	assert_int_equal(w.received, TOTAL_BYTES);
	assert_true(w.drained > 0);
	assert_true(w.most_waiting >= WS_FULL_BYTES);
	assert_true(w.most_waiting < WS_FULL_BYTES + 2 * WS_MESSAGE_MAX_BYTES);
	http_client_free(w.client);
	http_server_free(w.server);
	free(w.fault);
}

static void test_relay_plain(void **state)
{
	relay(*state, false);
}

static void test_relay_tls(void **state)
{
	relay(*state, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = { HTTP_TEST(test_relay_plain), HTTP_TEST(test_relay_tls) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
