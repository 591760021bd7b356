/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 6455, rule by rule: the frame parser by itself, then our server against a raw peer. */
#include "http_fixture.h"

#include "http/ws_priv.h"

/* ---- the parser ---- */

/* What a byte string is read as, fed in pieces of a size: "opcode:payload;" each, then "!status" for a fault. */
static char *parse(const void *bytes, size_t total, bool masked, size_t piece)
{
	struct ws_parser parser = { .masked = masked };
	struct strbuf out = { 0 };
	int r = 0;

	for (size_t at = 0; at < total && r >= 0; at += piece) {
		const uint8_t *data = (const uint8_t *)bytes + at;
		size_t len = MIN_OF(piece, total - at);
		struct ws_message message;
		const char *fault = NULL;

		while ((r = ws_parser_next(&parser, &data, &len, &message, &fault)) > 0)
			strbuf_addf(&out, "%d:%.*s;", (int)message.opcode, (int)message.len,
				    message.len ? (const char *)message.payload : "");
		if (r < 0) {
			assert_non_null(fault);
			strbuf_addf(&out, "!%d", -r);
		} else {
			assert_int_equal(len, 0);
		}
	}
	ws_parser_done(&parser);
	return strbuf_take(&out);
}

static void assert_parsed(const void *bytes, size_t len, bool masked, const char *wanted)
{
	for (size_t piece = 1; piece <= len; piece = piece * 2 + 1) {
		_cleanup_free_ char *out = parse(bytes, len, masked, piece);

		assert_string_equal(out, wanted);
	}
}
#define ASSERT_PARSED(bytes, masked, wanted) assert_parsed(bytes, sizeof(bytes) - 1, masked, wanted)

static void test_frames(void **state)
{
	/* Section 5.7's examples, in binary. */
	ASSERT_PARSED("\x82\x05Hello", false, "2:Hello;");
	ASSERT_PARSED("\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", true, "2:Hello;");
	ASSERT_PARSED("\x02\x03Hel\x80\x02lo", false, "2:Hello;");
	ASSERT_PARSED("\x89\x05Hello", false, "9:Hello;");
	ASSERT_PARSED("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", true, "10:Hello;");
	/* Control frames between fragments; empty messages and fragments. */
	ASSERT_PARSED("\x02\x01"
		      "a"
		      "\x89\x01p"
		      "\x00\x01"
		      "b"
		      "\x8a\x00"
		      "\x80\x01"
		      "c"
		      "\x82\x01"
		      "d",
		      false, "9:p;10:;2:abc;2:d;");
	ASSERT_PARSED("\x82\x00\x82\x00", false, "2:;2:;");
	ASSERT_PARSED("\x02\x00\x00\x00\x80\x01x", false, "2:x;");
	ASSERT_PARSED("\x88\x02\x03\xe8", false, "8:\x03\xe8;");
}

static void test_faults(void **state)
{
	ASSERT_PARSED("\x82\x05Hello", true, "!1002");				       /* a client that does not mask */
	ASSERT_PARSED("\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", false, "!1002"); /* a server that does */
	ASSERT_PARSED("\xc2\x01x", false, "!1002");				       /* a reserved bit */
	ASSERT_PARSED("\x83\x01x", false, "!1002");				       /* unknown opcodes */
	ASSERT_PARSED("\x8b\x01x", false, "!1002");
	ASSERT_PARSED("\x81\x01x", false, "!1003");		/* text */
	ASSERT_PARSED("\x80\x01x", false, "!1002");		/* nothing to continue */
	ASSERT_PARSED("\x02\x01x\x82\x01y", false, "!1002");	/* a message within another */
	ASSERT_PARSED("\x09\x01x", false, "!1002");		/* a fragmented ping */
	ASSERT_PARSED("\x89\x7e\x00\x7e", false, "!1002");	/* a long one */
	ASSERT_PARSED("\x82\x7e\x00\x05Hello", false, "!1002"); /* a length longer than needed */
	ASSERT_PARSED("\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff", false, "!1002");
	ASSERT_PARSED("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", false, "!1002");
	ASSERT_PARSED("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x01", false, "!1009"); /* 64 KiB and one byte */
	ASSERT_PARSED("\x82\x01"
		      "a"
		      "\x81\x01x",
		      false, "2:a;!1003");
}

static void test_message_size(void **state)
{
	_cleanup_strbuf_ struct strbuf frame = { 0 }, fragments = { 0 };
	_cleanup_free_ char *payload = xcalloc(1, 65537), *out = NULL, *over = NULL;

	memset(payload, 'x', 65536);
	ws_frame_add(&frame, WS_BINARY, true, payload, 65536);
	out = parse(frame.data, frame.len, true, 1000);
	assert_int_equal(strlen(out), 2 + 65536 + 1);
	/* The sum of fragments counts. */
	ws_frame_add(&fragments, WS_BINARY, false, payload, 65535);
	fragments.data[0] &= 0x7f;
	ws_frame_add(&fragments, WS_CONTINUATION, false, payload, 2);
	over = parse(fragments.data, fragments.len, false, 1000);
	assert_string_equal(over, "!1009");
}

/* Section 1.3. */
static void test_accept_value(void **state)
{
	_cleanup_free_ char *value = ws_accept_value("dGhlIHNhbXBsZSBub25jZQ==");

	assert_string_equal(value, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

/* ---- the server and a raw peer ---- */

static unsigned closed;
static char *closed_reason;
static struct ws *server_ws;

static void on_message(struct ws *ws, const void *payload, size_t len, void *data)
{
	ws_send(ws, payload, len);
}

static void on_closed(struct ws *ws, const char *reason, void *data)
{
	assert_ptr_equal(ws, server_ws);
	server_ws = NULL;
	closed++;
	str_set(&closed_reason, reason);
	loop_quit(data, 0);
}

static const struct ws_events events = { .message = on_message, .closed = on_closed };

static void on_socket(struct http_request *request, void *data)
{
	if (http_answer_websocket(request, &server_ws) >= 0)
		ws_set_events(server_ws, &events, data);
}

static void on_closing(struct http_request *request, void *data)
{
	struct ws *ws;

	if (http_answer_websocket(request, &ws) >= 0)
		ws_close(ws, "changed my mind");
}

static const struct http_route routes[] = {
	{ .method = "GET", .path = "/socket", .handler = on_socket },
	{ .method = "POST", .path = "/socket", .handler = on_socket },
	{ .method = "GET", .path = "/closing", .handler = on_closing },
	{ 0 },
};

#define UPGRADE                                                                                                        \
	"Host: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"            \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

struct peer {
	struct http_server *server;
	struct raw *raw;
};

static struct peer peer_new(struct fixture *f)
{
	struct peer peer = { .server =
				     start_server(f, (struct http_server_spec){ .routes = routes, .data = f->loop }) };

	closed = 0;
	peer.raw = raw_open(f->loop, http_server_port(peer.server));
	return peer;
}

static void peer_done(struct peer *peer)
{
	raw_close(peer->raw);
	http_server_free(peer->server);
	str_set(&closed_reason, NULL);
}

static void peer_upgrade(struct peer *peer)
{
	raw_send(peer->raw, "GET /socket HTTP/1.1\r\n" UPGRADE);
	assert_true(raw_wait(peer->raw, "\r\n\r\n"));
	assert_true(str_starts(peer->raw->in.data, "HTTP/1.1 101 "));
	assert_non_null(strstr(peer->raw->in.data, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	strbuf_done(&peer->raw->in);
}

static void peer_send(struct peer *peer, const void *bytes, size_t len)
{
	assert_int_equal(send(peer->raw->fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void peer_frame(struct peer *peer, enum ws_opcode opcode, const void *payload, size_t len)
{
	_cleanup_strbuf_ struct strbuf frame = { 0 };

	ws_frame_add(&frame, opcode, true, payload, len);
	peer_send(peer, frame.data, frame.len);
}

static void peer_expect(struct peer *peer, const void *bytes, size_t len)
{
	peer->raw->until_len = len;
	if (peer->raw->in.len < len && !peer->raw->ended)
		run_loop(peer->raw->loop);
	peer->raw->until_len = 0;
	assert_true(peer->raw->in.len >= len);
	assert_memory_equal(peer->raw->in.data, bytes, len);
	strbuf_remove_front(&peer->raw->in, len);
}

static void test_handshake_refusals(void **state)
{
	static const struct {
		const char *request;
		const char *status;
	} refused[] = {
		{ "GET /socket HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", " 426 " },
		{ "GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, close\r\n\r\n", " 426 " },
		{ "GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n"
		  "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		  " 426 " },
		{ "GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n"
		  "Sec-WebSocket-Version: 13\r\n\r\n",
		  " 400 " },
		{ "GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n"
		  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2hvcnQ=\r\n\r\n",
		  " 400 " },
		{ "POST /socket HTTP/1.1\r\nContent-Length: 0\r\n" UPGRADE, " 400 " },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct peer peer = peer_new(f);

		raw_send(peer.raw, refused[i].request);
		if (!raw_wait(peer.raw, refused[i].status))
			fail_msg("%s: %s", refused[i].request, peer.raw->in.data);
		peer_done(&peer);
	}
}

static void test_messages(void **state)
{
	struct peer peer = peer_new(*state);
	_cleanup_free_ char *big = xcalloc(1, 65537);

	memset(big, 'x', 65536);
	peer_upgrade(&peer);
	peer_frame(&peer, WS_BINARY, "one", 3);
	peer_expect(&peer, "\x82\x03one", 5);
	peer_frame(&peer, WS_PING, "are you there", 13);
	peer_expect(&peer,
		    "\x8a\x0d"
		    "are you there",
		    15);
	peer_frame(&peer, WS_PONG, "unasked", 7);
	/* A byte at a time, and fragmented with a ping between. */
	for (const char *p = "\x02\x82\0\0\0\0ab"
			     "\x89\x81\0\0\0\0p"
			     "\x80\x81\0\0\0\0c";
	     p; p = NULL)
		for (size_t i = 0; i < 8 + 7 + 7; i++) {
			peer_send(&peer, p + i, 1);
			run_once(peer.raw->loop);
		}
	peer_expect(&peer,
		    "\x8a\x01p\x82\x03"
		    "abc",
		    8);
	peer_frame(&peer, WS_BINARY, big, 65536);
	peer_expect(&peer, "\x82\x7f\0\0\0\0\0\1\0\0xxx", 13);
	peer_done(&peer);
}

/* The first message comes in one packet with the handshake, before the handler knows. */
static void test_early_message(void **state)
{
	struct peer peer = peer_new(*state);
	_cleanup_strbuf_ struct strbuf all = { 0 };

	strbuf_adds(&all, "GET /socket HTTP/1.1\r\n" UPGRADE);
	ws_frame_add(&all, WS_BINARY, true, "early", 5);
	peer_send(&peer, all.data, all.len);
	assert_true(raw_wait(peer.raw, "\x82\x05"
				       "early"));
	peer_done(&peer);
}

static void test_peer_closes(void **state)
{
	struct peer peer = peer_new(*state);

	peer_upgrade(&peer);
	peer_frame(&peer, WS_CLOSE,
		   "\x03\xe8"
		   "bye",
		   5);
	run_loop(peer.raw->loop);
	assert_int_equal(closed, 1);
	assert_string_equal(closed_reason, "bye");
	raw_wait_end(peer.raw);
	peer_expect(&peer, "\x88\x02\x03\xe8", 4);
	assert_int_equal(peer.raw->in.len, 0);
	peer_done(&peer);
}

static void test_peer_vanishes(void **state)
{
	struct peer peer = peer_new(*state);

	peer_upgrade(&peer);
	shutdown(peer.raw->fd, SHUT_RDWR);
	while (closed == 0)
		run_loop(peer.raw->loop);
	assert_int_equal(closed, 1);
	assert_non_null(closed_reason);
	peer_done(&peer);
}

static void test_peer_breaks_rules(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		unsigned status;
	} broken[] = {
		{ "\x82\x01x", 3, 1002 },
		{ "\x81\x81\0\0\0\0x", 7, 1003 },
		{ "\x82\xff\0\0\0\0\0\1\0\1\0\0\0\0", 14, 1009 },
		{ "\x88\x81\0\0\0\0x", 7, 1002 },	 /* half a status */
		{ "\x88\x82\0\0\0\0\x03\xee", 8, 1002 }, /* 1006 is never sent */
	};

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct peer peer = peer_new(*state);
		const uint8_t *answer;

		peer_upgrade(&peer);
		peer_send(&peer, broken[i].bytes, broken[i].len);
		run_loop(peer.raw->loop);
		assert_int_equal(closed, 1);
		raw_wait_end(peer.raw);
		answer = (const uint8_t *)peer.raw->in.data;
		assert_true(peer.raw->in.len >= 4);
		assert_int_equal(answer[0], 0x88);
		assert_int_equal(answer[2] << 8 | answer[3], broken[i].status);
		peer_done(&peer);
	}
}

/* Sends more than the peer takes: closed, and the queue has an end. */
static void test_peer_does_not_read(void **state)
{
	struct peer peer = peer_new(*state);
	_cleanup_free_ char *big = xcalloc(1, 65536);
	unsigned sent = 0;

	peer_upgrade(&peer);
	peer.raw->io = loop_io_free(peer.raw->io);
	while (server_ws && sent < 10000) {
		ws_send(server_ws, big, 65536);
		assert_int_equal(closed, 0); /* never from within */
		sent++;
		run_once(peer.raw->loop);
	}
	assert_int_equal(closed, 1);
	assert_string_equal(closed_reason, "the peer does not read");
	assert_true(sent > 10 && sent < 1000);
	peer_done(&peer);
}

/* What was queued before the close arrives before it. */
static void test_close_after_queue(void **state)
{
	struct peer peer = peer_new(*state);
	_cleanup_free_ char *big = xcalloc(1, 65537);

	memset(big, 'x', 65536);
	peer_upgrade(&peer);
	for (int i = 0; i < 15; i++)
		ws_send(server_ws, big, 65536);
	ws_close(TAKE_PTR(server_ws), "enough");
	peer.raw->until_len = 15 * (65536 + 10) + 10;
	if (peer.raw->in.len < peer.raw->until_len)
		run_loop(peer.raw->loop);
	assert_int_equal(peer.raw->in.len, peer.raw->until_len);
	assert_memory_equal(peer.raw->in.data + peer.raw->in.len - 10,
			    "\x88\x08\x03\xe8"
			    "enough",
			    10);
	/* Ours is answered: then the server ends the connection. */
	peer.raw->until_len = 0;
	peer_frame(&peer, WS_CLOSE, "\x03\xe8", 2);
	raw_wait_end(peer.raw);
	assert_int_equal(closed, 0);
	peer_done(&peer);
}

static void test_closed_before_open(void **state)
{
	struct peer peer = peer_new(*state);

	raw_send(peer.raw, "GET /closing HTTP/1.1\r\n" UPGRADE);
	assert_true(raw_wait(peer.raw, "\x88\x11\x03\xe8"
				       "changed my mind"));
	peer_frame(&peer, WS_CLOSE, "\x03\xe8", 2);
	raw_wait_end(peer.raw);
	peer_done(&peer);
}

/* A client that goes between its request and the 101. */
static void test_gone_before_open(void **state)
{
	struct peer peer = peer_new(*state);
	struct linger reset = { .l_onoff = 1 };

	server_ws = NULL;
	raw_send(peer.raw, "GET /socket HTTP/1.1\r\n" UPGRADE);
	setsockopt(peer.raw->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	loop_io_free(peer.raw->io);
	peer.raw->io = NULL;
	close(peer.raw->fd);
	peer.raw->fd = dup(1);
	for (int i = 0; i < 20 && closed == 0; i++)
		run_once(peer.raw->loop);
	/* Either it was never read, or its end was told. */
	assert_true(server_ws == NULL);
	peer_done(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),	     cmocka_unit_test(test_faults),
		cmocka_unit_test(test_message_size), cmocka_unit_test(test_accept_value),
		HTTP_TEST(test_handshake_refusals),  HTTP_TEST(test_messages),
		HTTP_TEST(test_early_message),	     HTTP_TEST(test_peer_closes),
		HTTP_TEST(test_peer_vanishes),	     HTTP_TEST(test_peer_breaks_rules),
		HTTP_TEST(test_peer_does_not_read),  HTTP_TEST(test_close_after_queue),
		HTTP_TEST(test_closed_before_open),  HTTP_TEST(test_gone_before_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
