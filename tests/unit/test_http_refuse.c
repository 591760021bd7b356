/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the server does not let in: requests that two readers could take for different ones, and clients that hold a
 * connection without saying anything. */
#include "http_fixture.h"

#include <glob.h>

static unsigned handled;

static void on_any(struct http_request *request, void *data)
{
	size_t len;
	const void *body = http_request_body(request, &len);

	handled++;
	http_answer_data(request, 200, "text/plain", body, len, NULL);
}

static const struct http_route routes[] = {
	{ .method = "POST", .path = "/", .body_max_bytes = 4096, .handler = on_any },
	{ .method = "PUT",
	  .path = "/file",
	  .body_max_bytes = 64 * MIB,
	  .handler = on_any,
	  .stream_body_to_file = true },
	{ 0 },
};

/* A second request hides in the first one's body, or behind it. */
#define SMUGGLED "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"

static void test_framing(void **state)
{
	static const struct {
		const char *head;
		const char *why;
	} refused[] = {
		{ "Host: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n", "exclude each other" },
		{ "Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n", "exclude each other" },
		{ "Host: x\r\nContent-Length: 4\r\nContent-Length: 4\r\n", "more than one Content-Length" },
		{ "Host: x\r\nContent-Length: 4\r\ncontent-length: 5\r\n", "more than one Content-Length" },
		{ "Host: x\r\nContent-Length : 4\r\n", "white space" },
		{ "Host: x\r\nContent-Length\t: 4\r\n", "white space" },
		{ "Host: x\r\nTransfer-Encoding : chunked\r\n", "white space" },
		{ "Host: x\r\nX-(odd): 4\r\n", "forbidden characters" },
		{ "Host: x\rContent-Length: 4\r\n", "control characters" },
		{ "Host: x\r\nX-Y: 4\r\n 5\r\n", "goes on" },
		{ "Host: x\r\nContent-Leng: 4\r\n th\r\n", "goes on" },
		{ "Host: x\r\nX-Y:\r\n\tz\r\n", "goes on" },
		{ "Host: x\r\nTransfer-Encoding: gzip, chunked\r\n", "chunked" },
		{ "Host: x\r\nTransfer-Encoding: identity\r\n", "chunked" },
		{ "Host: x\r\nTransfer-Encoding: xchunked\r\n", "chunked" },
		{ "Host: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "chunked" },
		{ "Content-Length: 0\r\n", "one Host" },
		{ "Host: x\r\nHost: y\r\nContent-Length: 0\r\n", "one Host" },
		{ "Host: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n", "Authorization" },
	};
	struct fixture *f = *state;
	struct http_server *server = start_server(f, (struct http_server_spec){ .routes = routes, .body_dir = f->dir });

	handled = 0;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_free_ char *request = xasprintf("POST / HTTP/1.1\r\n%s\r\n" SMUGGLED, refused[i].head);
		/* The server closes: raw_talk() returns. One answer, for the first; nothing behind it is looked at. */
		_cleanup_free_ char *answer = raw_talk(f->loop, http_server_port(server), request);

		if (!str_starts(answer, "HTTP/1.1 400 ") || !strstr(answer, refused[i].why) ||
		    !strstr(answer, "Connection: close") || strstr(answer + 1, "HTTP/1.1 "))
			fail_msg("%s: %s", refused[i].head, answer);
	}
	assert_int_equal(handled, 0);
	http_server_free(server);
}

/* Those that libmicrohttpd refuses by itself. */
static void test_malformed(void **state)
{
	static const struct {
		const char *request;
		const char *status;
	} refused[] = {
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\nabcd", " 400 " },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4, 4\r\n\r\nabcd", " 400 " },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x4\r\n\r\nabcd", " 400 " },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\nabcd", " 400 " },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", " 413 " },
		{ "POST / HTTP/1.1\r\nHost: x\r\nno colon here\r\n\r\n", " 400 " },
		{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", " 400 " },
		{ "THISMETHODISMUCHTOOLONGTOBEONE / HTTP/1.1\r\nHost: x\r\n\r\n", " 400 " },
	};
	struct fixture *f = *state;
	struct http_server *server = start_server(f, (struct http_server_spec){ .routes = routes, .body_dir = f->dir });

	handled = 0;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_free_ char *answer = raw_talk(f->loop, http_server_port(server), refused[i].request);

		if (!strstr(answer, refused[i].status) || strstr(answer, " 200 "))
			fail_msg("%s: %s", refused[i].request, answer);
	}
	/* A body that is not as announced gets no answer from a handler. */
	free(raw_talk(f->loop, http_server_port(server),
		      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabcd\r\n0\r\n\r\n"));
	assert_int_equal(handled, 0);
	http_server_free(server);
}

static void test_head_too_large(void **state)
{
	struct fixture *f = *state;
	struct http_server *server = start_server(f, (struct http_server_spec){ .routes = routes, .body_dir = f->dir });
	_cleanup_free_ char *target = xasprintf("GET /%030000d HTTP/1.1\r\nHost: x\r\n\r\n", 0), *answer = NULL,
			    *other = NULL;
	_cleanup_free_ char *header = xasprintf("POST / HTTP/1.1\r\nHost: x\r\nX-Big: %030000d\r\n\r\n", 0);

	answer = raw_talk(f->loop, http_server_port(server), target);
	assert_non_null(strstr(answer, " 414 "));
	other = raw_talk(f->loop, http_server_port(server), header);
	assert_non_null(strstr(other, " 431 "));
	http_server_free(server);
}

/* Without a word, with half a head, with a head that grows by a byte now and then: closed, and quiet ones do not count. */
struct trickle {
	struct raw *raw;
	struct loop_timer *timer;
	unsigned sent;
};

static void on_trickle(void *data)
{
	struct trickle *trickle = data;

	/* The server may have closed already. */
	if (send(trickle->raw->fd, "x", 1, MSG_NOSIGNAL) == 1)
		trickle->sent++;
	trickle->timer = loop_timer_new(trickle->raw->loop, 20, on_trickle, trickle);
}

static void test_slow_heads(void **state)
{
	struct fixture *f = *state;
	struct http_server *server = start_server(
		f, (struct http_server_spec){ .routes = routes, .body_dir = f->dir, .idle_timeout_ms = 200 });
	static const char *const starts[] = { "", "POST / HTTP/1.1\r\nHost:", "POST /",
					      /* and one that was answered once */
					      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" };
	int64_t start_ms = monotonic_ms();
	struct trickle trickle = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		free(raw_talk(f->loop, http_server_port(server), starts[i]));
	assert_true(monotonic_ms() - start_ms >= 4 * 200);
	trickle.raw = raw_open(f->loop, http_server_port(server));
	raw_send(trickle.raw, "POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
	on_trickle(&trickle);
	raw_wait_end(trickle.raw);
	assert_true(trickle.sent >= 2);
	assert_int_equal(trickle.raw->in.len, 0);
	loop_timer_free(trickle.timer);
	raw_close(trickle.raw);
	http_server_free(server);
}

/* A body that comes below the least rate, though never idle. */
static void test_slow_body(void **state)
{
	struct fixture *f = *state;
	struct http_server *server = start_server(
		f, (struct http_server_spec){ .routes = routes, .body_dir = f->dir, .idle_timeout_ms = 200 });
	struct trickle trickle = { .raw = raw_open(f->loop, http_server_port(server)) };

	handled = 0;
	raw_send(trickle.raw, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n");
	on_trickle(&trickle);
	raw_wait_end(trickle.raw);
	assert_true(trickle.sent >= 2);
	assert_int_equal(handled, 0);
	loop_timer_free(trickle.timer);
	raw_close(trickle.raw);
	http_server_free(server);
}

static unsigned count_uploads(const char *dir)
{
	_cleanup_free_ char *pattern = xasprintf("%s/.upload-*", dir);
	glob_t found;
	unsigned count = 0;

	if (glob(pattern, 0, NULL, &found) == 0)
		count = (unsigned)found.gl_pathc;
	globfree(&found);
	return count;
}

/* A client that hangs up in the middle of its upload leaves nothing behind. */
static void test_broken_upload(void **state)
{
	struct fixture *f = *state;
	struct http_server *server = start_server(f, (struct http_server_spec){ .routes = routes, .body_dir = f->dir });
	struct raw *raw = raw_open(f->loop, http_server_port(server));

	handled = 0;
	raw_send(raw, "PUT /file HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nthis is all");
	while (count_uploads(f->dir) == 0)
		run_once(f->loop);
	raw_close(raw);
	free(raw_talk(f->loop, http_server_port(server), "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
	assert_int_equal(handled, 1);
	assert_int_equal(count_uploads(f->dir), 0);
	http_server_free(server);
}

/* One more than allowed waits until another one goes. */
static void test_connection_limit(void **state)
{
	struct fixture *f = *state;
	struct http_server *server = start_server(
		f, (struct http_server_spec){ .routes = routes, .body_dir = f->dir, .connections_max = 2 });
	static const char request[] = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
	struct raw *raws[3];

	for (size_t i = 0; i < 3; i++) {
		raws[i] = raw_open(f->loop, http_server_port(server));
		raw_send(raws[i], request);
	}
	assert_true(raw_wait(raws[0], " 200 "));
	assert_true(raw_wait(raws[1], " 200 "));
	run_once(f->loop);
	assert_int_equal(raws[2]->in.len, 0);
	raw_close(raws[0]);
	assert_true(raw_wait(raws[2], " 200 "));
	raw_close(raws[1]);
	raw_close(raws[2]);
	http_server_free(server);
}

/* ---- who opens connections ---- */

#define OPENED 12

static void test_connections_of_one_address(void **state)
{
	struct fixture *f = *state;
	struct http_server *server = start_server(
		f, (struct http_server_spec){ .routes = routes, .body_dir = f->dir, .connections_per_address_max = 4 });
	struct raw *raws[OPENED];
	unsigned served = 0;

	for (unsigned i = 0; i < OPENED; i++) {
		raws[i] = raw_open(f->loop, http_server_port(server));
		send(raws[i]->fd, SMUGGLED, strlen(SMUGGLED), MSG_NOSIGNAL);
	}
	for (unsigned i = 0; i < OPENED; i++) {
		while (!raws[i]->ended && raws[i]->in.len == 0)
			run_once(f->loop);
		served += raws[i]->in.data && str_starts(raws[i]->in.data, "HTTP/1.1 200");
	}
	assert_int_equal(served, 4);
	/* Who leaves makes room. */
	for (unsigned i = 0; i < OPENED; i++)
		raw_close(raws[i]);
	struct raw *late = raw_open(f->loop, http_server_port(server));
	bool answered = false;
	for (unsigned i = 0; i < 1000 && !answered; i++) {
		send(late->fd, SMUGGLED, strlen(SMUGGLED), MSG_NOSIGNAL);
		answered = raw_wait(late, "HTTP/1.1 200");
		if (!answered) {
			raw_close(late);
			late = raw_open(f->loop, http_server_port(server));
		}
	}
	assert_true(answered);
	raw_close(late);
	http_server_free(server);
}

/* A byte now and then keeps no connection: the whole first head has its time. */
static void test_first_head_has_a_deadline(void **state)
{
	struct fixture *f = *state;
	struct http_server *server = start_server(
		f, (struct http_server_spec){
			   .routes = routes, .body_dir = f->dir, .idle_timeout_ms = 60000, .first_head_ms = 100 });
	struct raw *raw = raw_open(f->loop, http_server_port(server));
	struct raw *kept = raw_open(f->loop, http_server_port(server));
	int64_t began_ms = monotonic_ms();

	raw_send(kept, SMUGGLED);
	assert_true(raw_wait(kept, "HTTP/1.1 200"));
	raw_send(raw, "POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
	while (!raw->ended) {
		send(raw->fd, "a", 1, MSG_NOSIGNAL);
		run_once(f->loop);
	}
	assert_true(monotonic_ms() - began_ms >= 100);
	assert_null(raw->in.data);
	/* One that has been served waits for its next request as long as any. */
	raw_send(kept, SMUGGLED);
	strbuf_done(&kept->in);
	assert_true(raw_wait(kept, "HTTP/1.1 200"));
	raw_close(raw);
	raw_close(kept);
	http_server_free(server);
}

static bool admit_ten(struct http_request *request, void *data)
{
	http_request_limit_body(request, 10);
	return true;
}

static void test_limited_body(void **state)
{
	struct fixture *f = *state;
	struct http_server *server =
		start_server(f, (struct http_server_spec){ .routes = routes, .body_dir = f->dir, .admit = admit_ten });
	_cleanup_free_ char *fits =
		raw_talk(f->loop, http_server_port(server),
			 "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n\r\n"
			 "0123456789");
	_cleanup_free_ char *more =
		raw_talk(f->loop, http_server_port(server),
			 "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
			 "\r\n6\r\n012345\r\n6\r\n012345\r\n0\r\n\r\n");

	assert_true(str_starts(fits, "HTTP/1.1 200 "));
	assert_true(str_starts(more, "HTTP/1.1 413 "));
	http_server_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(test_framing),
		HTTP_TEST(test_malformed),
		HTTP_TEST(test_head_too_large),
		HTTP_TEST(test_slow_heads),
		HTTP_TEST(test_slow_body),
		HTTP_TEST(test_broken_upload),
		HTTP_TEST(test_connection_limit),
		HTTP_TEST(test_connections_of_one_address),
		HTTP_TEST(test_first_head_has_a_deadline),
		HTTP_TEST(test_limited_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
