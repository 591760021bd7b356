/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The download against a server that does what it is told, connection by connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "install/fetch.h"

#define FILE_BYTES ((size_t)(3 * MIB + 123))
#define ELSEWHERE "<p>It is <a href=\"/elsewhere\">elsewhere</a>.</p>\n"

/* What the server does with one connection. */
struct turn {
	int status;	   /* 0: hangs up at once */
	size_t send_bytes; /* of the body, then it hangs up; 0: all that was asked for */
	bool ranges;	   /* it knows them */
};

static struct {
	int listener;
	uint16_t port;
	uint8_t *file;
	const struct turn *turns;
	atomic_uint connections;
	pthread_t thread;
	uint64_t last_range;
} server;

static void send_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		p += n;
		len -= (size_t)n;
	}
}

static void answer(int fd, const struct turn *turn)
{
	char request[4096] = "", *range;
	uint64_t from = 0;
	size_t len = 0;
	_cleanup_free_ char *head = NULL;

	while (!strstr(request, "\r\n\r\n")) {
		ssize_t n = recv(fd, request + len, sizeof(request) - 1 - len, 0);

		if (n <= 0)
			return;
		len += (size_t)n;
		request[len] = '\0';
	}
	range = strstr(request, "Range: bytes=");
	if (range && turn->ranges) {
		range[strcspn(range, "-")] = '\0';
		assert_int_equal(parse_i64(range + strlen("Range: bytes="), 0, INT64_MAX, (int64_t *)&from), 0);
		server.last_range = from;
	}
	/* Who redirects says so in words as well (RFC 9110 section 15.4.3). */
	head = xasprintf("HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n",
			 from && turn->status == 200 ? 206 : turn->status,
			 turn->status == 200	   ? FILE_BYTES - from
			 : turn->status / 100 == 3 ? strlen(ELSEWHERE)
						   : 0);
	send_all(fd, head, strlen(head));
	if (turn->status == 200)
		send_all(fd, server.file + from, turn->send_bytes ? turn->send_bytes : FILE_BYTES - from);
	else if (turn->status / 100 == 3)
		send_all(fd, ELSEWHERE, strlen(ELSEWHERE));
}

static void *serve(void *data)
{
	for (unsigned i = 0;; i++) {
		int fd = accept(server.listener, NULL, NULL);

		if (fd < 0)
			return NULL;
		atomic_fetch_add(&server.connections, 1);
		if (server.turns[i].status)
			answer(fd, &server.turns[i]);
		close(fd);
	}
}

static void start(const struct turn *turns)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	server.turns = turns;
	atomic_store(&server.connections, 0);
	server.last_range = 0;
	server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server.listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(server.listener, 8), 0);
	assert_int_equal(getsockname(server.listener, (struct sockaddr *)&address, &len), 0);
	server.port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void stop(void)
{
	shutdown(server.listener, SHUT_RDWR);
	pthread_join(server.thread, NULL);
	close(server.listener);
}

static struct fetch *fetch_new(int64_t give_up_ms)
{
	_cleanup_free_ char *url = xasprintf("http://127.0.0.1:%u/bundle/host.tar", server.port);
	_cleanup_err_ struct err err = ERR_INIT;
	struct fetch *fetch;

	if (fetch_start(&(struct fetch_spec){ .url = url, .give_up_ms = give_up_ms, .retry_pause_ms = 10 }, &fetch,
			&err) < 0)
		fail_msg("%s", err.text);
	return fetch;
}

/* Reads to the end and compares with the file. Returns how much came. */
static size_t drain(struct fetch *fetch)
{
	uint8_t buffer[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = read(fetch_fd(fetch), buffer, sizeof(buffer))) > 0) {
		assert_true(total + (size_t)n <= FILE_BYTES);
		assert_memory_equal(buffer, server.file + total, n);
		total += (size_t)n;
	}
	assert_int_equal(n, 0);
	return total;
}

static void test_whole(void **state)
{
	static const struct turn turns[] = { { 200, 0, true } };
	struct fetch *fetch;

	start(turns);
	fetch = fetch_new(0);
	assert_int_equal(drain(fetch), FILE_BYTES);
	assert_int_equal(fetch_finish(fetch, NULL), 0);
	fetch_free(fetch);
	stop();
	assert_int_equal(server.connections, 1);
}

static void test_goes_on_where_it_broke(void **state)
{
	static const struct turn turns[] = {
		{ 200, 1000000, true }, { 0, 0, true }, { 503, 0, true }, { 200, 777, true }, { 200, 0, true }
	};
	struct fetch *fetch;

	start(turns);
	fetch = fetch_new(0);
	assert_int_equal(drain(fetch), FILE_BYTES);
	assert_int_equal(fetch_finish(fetch, NULL), 0);
	fetch_free(fetch);
	stop();
	assert_int_equal(server.connections, 5);
	assert_int_equal(server.last_range, 1000777);
}

static void test_server_without_ranges(void **state)
{
	static const struct turn turns[] = {
		{ 200, 1000000, false }, { 200, 500, false }, { 200, 2000000, false }, { 200, 0, false }
	};
	struct fetch *fetch;

	start(turns);
	fetch = fetch_new(0);
	assert_int_equal(drain(fetch), FILE_BYTES);
	assert_int_equal(fetch_finish(fetch, NULL), 0);
	fetch_free(fetch);
	stop();
	assert_int_equal(server.connections, 4);
}

static void test_refusal_is_final(void **state)
{
	static const struct turn turns[] = { { 404, 0, true }, { 200, 0, true } };
	_cleanup_err_ struct err err = ERR_INIT;
	struct fetch *fetch;

	start(turns);
	fetch = fetch_new(0);
	assert_int_equal(drain(fetch), 0);
	assert_true(fetch_finish(fetch, &err) < 0);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "/bundle/host.tar: the server answers 404"));
	fetch_free(fetch);
	stop();
	assert_int_equal(server.connections, 1);
}

/* Words about another place are not the file, and another try would be answered by the same. */
static void test_redirection_is_final(void **state)
{
	static const struct turn turns[] = { { 302, 0, true }, { 200, 0, true } };
	_cleanup_err_ struct err err = ERR_INIT;
	struct fetch *fetch;

	start(turns);
	fetch = fetch_new(0);
	assert_int_equal(drain(fetch), 0);
	assert_true(fetch_finish(fetch, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	assert_non_null(strstr(err.text,
			       "/bundle/host.tar: the server answers 302, which leads to nowhere and is not followed"));
	fetch_free(fetch);
	stop();
	assert_int_equal(server.connections, 1);
}

static void test_gives_up(void **state)
{
	static const struct turn turns[1000] = { { 200, 1000000, true } };
	_cleanup_err_ struct err err = ERR_INIT;
	struct fetch *fetch;

	start(turns);
	fetch = fetch_new(200);
	assert_int_equal(drain(fetch), 1000000);
	assert_true(fetch_finish(fetch, &err) < 0);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(err.text, "after 1000000 bytes"));
	fetch_free(fetch);
	stop();
	assert_true(server.connections > 1);
}

/* The reader leaves in the middle: the thread, which waits for room in the pipe, ends. */
static void test_reader_leaves(void **state)
{
	static const struct turn turns[] = { { 200, 0, true } };
	_cleanup_err_ struct err err = ERR_INIT;
	struct fetch *fetch;
	char byte;

	start(turns);
	fetch = fetch_new(0);
	assert_int_equal(read(fetch_fd(fetch), &byte, 1), 1);
	assert_true(fetch_finish(fetch, &err) < 0);
	assert_int_equal(err.code, ERR_CANCELLED);
	fetch_free(fetch);
	stop();
}

static void test_reader_leaves_while_nobody_answers(void **state)
{
	static const struct turn turns[1000] = { { 0 } };
	_cleanup_err_ struct err err = ERR_INIT;
	struct fetch *fetch;

	start(turns);
	fetch = fetch_new(0);
	assert_true(fetch_finish(fetch, &err) < 0);
	fetch_free(fetch);
	stop();
}

static int set_up(void **state)
{
	server.file = xmalloc(FILE_BYTES);
	random_bytes(server.file, FILE_BYTES);
	return 0;
}

static int tear_down(void **state)
{
	free(server.file);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_goes_on_where_it_broke),
		cmocka_unit_test(test_server_without_ranges),
		cmocka_unit_test(test_refusal_is_final),
		cmocka_unit_test(test_redirection_is_final),
		cmocka_unit_test(test_gives_up),
		cmocka_unit_test(test_reader_leaves),
		cmocka_unit_test(test_reader_leaves_while_nobody_answers),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
