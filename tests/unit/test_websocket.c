/* SPDX-License-Identifier: GPL-3.0-or-later */
/* WebSockets: both ends of ours against each other, over TLS and without; and a raw peer that breaks the rules. */
#include "http_fixture.h"
#include "http/ws_priv.h"

/* ---- an echo server ---- */

static unsigned server_closed;
static char *server_reason;

static void on_server_message(struct ws *ws, const void *payload, size_t len, void *data)
{
	if (len == 4 && memcmp(payload, "quit", 4) == 0)
		ws_close(ws, "as you wish");
	else
		ws_send(ws, payload, len);
}

static void on_server_closed(struct ws *ws, const char *reason, void *data)
{
	server_closed++;
	str_set(&server_reason, reason);
	if (data)
		loop_quit(data, 0);
}

static const struct ws_events server_events = { .message = on_server_message, .closed = on_server_closed };

static void on_echo(struct http_request *request, void *data)
{
	struct ws *ws;

	if (http_answer_websocket(request, &ws) >= 0)
		ws_set_events(ws, &server_events, data);
}

static void on_refuse(struct http_request *request, void *data)
{
	_cleanup_err_ struct err err = ERR_INIT;

	err_set(&err, ERR_FORBIDDEN, "not for you");
	http_answer_problem(request, &err);
}

static const struct http_route routes[] = {
	{ .method = "GET", .path = "/echo", .handler = on_echo },
	{ .method = "GET", .path = "/refuse", .handler = on_refuse },
	{ 0 },
};

/* ---- a client that sends much and compares ---- */

#define TOTAL_BYTES (1024 * 1024)

struct talk {
	struct loop *loop;
	struct ws *ws;
	struct err err;
	size_t sent, received;
	uint8_t *content;
	unsigned closed;
	char *reason;
	bool quit_when_whole;
};

static void talk_more(struct talk *talk)
{
	/* Pieces of all sizes around the borders of the length's forms, some in flight at once. */
	static const size_t sizes[] = { 1, 125, 126, 127, 4096, 16384, 65535, 65536 };

	while (talk->sent < TOTAL_BYTES && talk->sent - talk->received < 200000) {
		size_t n = MIN_OF(sizes[talk->sent % ARRAY_SIZE(sizes)], TOTAL_BYTES - talk->sent);

		ws_send(talk->ws, talk->content + talk->sent, n);
		talk->sent += n;
	}
}

static void on_message(struct ws *ws, const void *payload, size_t len, void *data)
{
	struct talk *talk = data;

	assert_true(talk->received + len <= talk->sent);
	assert_memory_equal(payload, talk->content + talk->received, len);
	talk->received += len;
	talk_more(talk);
	if (talk->received == TOTAL_BYTES && talk->quit_when_whole)
		loop_quit(talk->loop, 0);
}

static void on_closed(struct ws *ws, const char *reason, void *data)
{
	struct talk *talk = data;

	talk->closed++;
	talk->ws = NULL;
	str_set(&talk->reason, reason);
	loop_quit(talk->loop, 0);
}

static const struct ws_events client_events = { .message = on_message, .closed = on_closed };

static void on_connected(struct ws *ws, const struct err *err, void *data)
{
	struct talk *talk = data;

	talk->ws = ws;
	if (ws)
		ws_set_events(ws, &client_events, talk);
	else
		err_copy(&talk->err, err);
	loop_quit(talk->loop, 0);
}

struct pair {
	struct http_server *server;
	struct http_client *client;
	struct talk talk;
	char *origin;
};

static struct pair *pair_new(struct fixture *f, bool tls)
{
	struct pair *pair = new0(struct pair, 1);

	server_closed = 0;
	pair->server = start_server(f, (struct http_server_spec){ .routes = routes,
								  .cert_pem = tls ? f->cert_pem : NULL,
								  .key_pem = tls ? f->key_pem : NULL,
								  .data = f->loop });
	pair->client = http_client_new(&(struct http_client_spec){ .loop = f->loop, .ca_pem = ca_pem(f->ca) });
	pair->origin = xasprintf("%s://127.0.0.1:%u", tls ? "wss" : "ws", http_server_port(pair->server));
	pair->talk.loop = f->loop;
	pair->talk.content = xmalloc(TOTAL_BYTES);
	for (size_t i = 0; i < TOTAL_BYTES; i++)
		pair->talk.content[i] = (uint8_t)(i * 2654435761u >> 11);
	return pair;
}

static void pair_free(struct pair *pair)
{
	http_client_free(pair->client);
	http_server_free(pair->server);
	err_done(&pair->talk.err);
	free(pair->talk.content);
	free(pair->talk.reason);
	free(pair->origin);
	free(pair);
	str_set(&server_reason, NULL);
}

static void pair_connect(struct pair *pair, const char *path)
{
	_cleanup_free_ char *url = xasprintf("%s%s", pair->origin, path);

	ws_connect(pair->client, url, on_connected, &pair->talk);
	run_loop(pair->talk.loop);
}

static void echo_much(struct fixture *f, bool tls)
{
	struct pair *pair = pair_new(f, tls);

	pair_connect(pair, "/echo");
	if (!pair->talk.ws)
		fail_msg("%s", pair->talk.err.text);
	pair->talk.quit_when_whole = true;
	talk_more(&pair->talk);
	run_loop(f->loop);
	assert_int_equal(pair->talk.received, TOTAL_BYTES);
	ws_close(TAKE_PTR(pair->talk.ws), "enough");
	run_loop(f->loop);
	assert_int_equal(server_closed, 1);
	assert_string_equal(server_reason, "enough");
	assert_int_equal(pair->talk.closed, 0);
	pair_free(pair);
}

static void test_echo_plain(void **state)
{
	echo_much(*state, false);
}

static void test_echo_tls(void **state)
{
	echo_much(*state, true);
}

static void test_closed_by_server(void **state)
{
	struct pair *pair = pair_new(*state, true);

	pair_connect(pair, "/echo");
	ws_send(pair->talk.ws, "quit", 4);
	run_loop(pair->talk.loop);
	assert_int_equal(pair->talk.closed, 1);
	assert_string_equal(pair->talk.reason, "as you wish");
	assert_int_equal(server_closed, 0); /* who closes is not told */
	pair_free(pair);
}

static void test_freed_ends(void **state)
{
	struct pair *pair = pair_new(*state, true);

	pair_connect(pair, "/echo");
	pair->server = http_server_free(pair->server);
	assert_int_equal(server_closed, 1);
	assert_string_equal(server_reason, "the server is stopping");
	run_loop(pair->talk.loop);
	assert_int_equal(pair->talk.closed, 1);
	assert_string_equal(pair->talk.reason, "the server is stopping");
	pair_free(pair);
	pair = pair_new(*state, true);
	pair_connect(pair, "/echo");
	pair->client = http_client_free(pair->client);
	assert_int_equal(pair->talk.closed, 1);
	assert_string_equal(pair->talk.reason, "the client is stopping");
	run_loop(pair->talk.loop);
	assert_int_equal(server_closed, 1);
	pair_free(pair);
}

static void test_connect_errors(void **state)
{
	struct pair *pair = pair_new(*state, true);

	pair_connect(pair, "/refuse");
	assert_null(pair->talk.ws);
	assert_int_equal(pair->talk.err.code, ERR_FORBIDDEN);
	assert_string_equal(pair->talk.err.text, "not for you");
	pair_connect(pair, "/nowhere");
	assert_int_equal(pair->talk.err.code, ERR_NOT_FOUND);
	str_set(&pair->origin, "wss://127.0.0.1:1");
	pair_connect(pair, "/echo");
	assert_int_equal(pair->talk.err.code, ERR_UNREACHABLE);
	str_set(&pair->origin, "nonsense");
	pair_connect(pair, "/echo");
	assert_int_equal(pair->talk.err.code, ERR_INVALID);
	assert_null(pair->talk.ws);
	pair_free(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(test_echo_plain), HTTP_TEST(test_echo_tls),	    HTTP_TEST(test_closed_by_server),
		HTTP_TEST(test_freed_ends), HTTP_TEST(test_connect_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
