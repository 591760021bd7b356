/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The boot listener on loopback, asked over plain sockets. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "netboot/netboot_priv.h"

#define FILE_BYTES (3 * MIB + 17)
#define MAC "52:54:00:aa:bb:cc"
#define PATH "/boot/52-54-00-aa-bb-cc"

static char dir[64];
static char *file;
static struct boot_listener *listener;
static uint16_t port;

struct answer {
	int status; /* 0: the connection broke */
	struct strbuf text;
	const char *body;
	size_t body_len;
};

static void answer_done(struct answer *answer)
{
	strbuf_done(&answer->text);
}
#define _cleanup_answer_ _cleanup_(answer_done)

static struct answer ask_raw(const char *request)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval timeout = { .tv_sec = 20 };
	struct answer answer = { 0 };
	char buffer[65536];
	const char *end;
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		return answer;
	while ((n = recv(fd, buffer, sizeof(buffer), 0)) > 0)
		strbuf_add(&answer.text, buffer, (size_t)n);
	if (!answer.text.data || sscanf(answer.text.data, "HTTP/1.1 %d", &answer.status) != 1)
		return answer;
	end = strstr(answer.text.data, "\r\n\r\n");
	if (!end) {
		answer.status = 0;
		return answer;
	}
	answer.body = end + 4;
	answer.body_len = answer.text.len - (size_t)(answer.body - answer.text.data);
	return answer;
}

static struct answer ask(const char *method, const char *path)
{
	_cleanup_free_ char *request = xasprintf("%s %s HTTP/1.1\r\nHost: x\r\n\r\n", method, path);

	return ask_raw(request);
}

/* A port that is free now; another may take it before we do, so several are tried. */
static uint16_t free_port(void)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	return ntohs(address.sin_port);
}

static int start(uint16_t on_port, struct boot_listener **ret, struct err *err)
{
	struct netboot_spec spec = {
		.address = "127.0.0.1/8",
		.boot_port = on_port,
		.agent_port = 8444,
		.live_dir = dir,
		.bundle_path = file,
		.ca_pem = "the CA\n",
		.ca_fingerprint = "0123456789abcdef",
	};

	return boot_listener_start(&spec, ret, err);
}

static int setup(void **state)
{
	_cleanup_free_ uint8_t *data = xmalloc(FILE_BYTES);

	strncpy(dir, "/tmp/ingot-listener-XXXXXX", sizeof(dir) - 1);
	assert_non_null(mkdtemp(dir));
	file = xasprintf("%s/initrd", dir);
	random_bytes(data, FILE_BYTES);
	assert_int_equal(write_file_atomic(file, data, FILE_BYTES, 0644), 0);
	for (unsigned n = 0; n < 10 && !listener; n++) {
		port = free_port();
		start(port, &listener, NULL);
	}
	assert_non_null(listener);
	return 0;
}

static int teardown(void **state)
{
	listener = boot_listener_free(listener);
	unlink(file);
	rmdir(dir);
	free(file);
	file = NULL;
	return 0;
}

static void set_intent(enum boot_intent intent, const char *console)
{
	const char *const macs[] = { MAC, "not a MAC", NULL };

	boot_listener_set_intent(listener, macs, intent, console);
}

static void test_scripts(void **state)
{
	_cleanup_answer_ struct answer first = ask("GET", "/boot.ipxe");
	_cleanup_answer_ struct answer unknown = ask("GET", PATH);

	assert_int_equal(first.status, 200);
	assert_non_null(strstr(first.body, "#!ipxe"));
	assert_int_equal(unknown.status, 200);
	assert_non_null(strstr(unknown.body, "/live/initrd"));
	set_intent(BOOT_INTENT_DISK, NULL);
	{
		_cleanup_answer_ struct answer disk = ask("GET", "/boot/52:54:00:AA:BB:CC");
		_cleanup_answer_ struct answer other = ask("GET", "/boot/52-54-00-aa-bb-cd");

		assert_non_null(strstr(disk.body, "sanboot"));
		assert_non_null(strstr(other.body, "/live/initrd"));
	}
	set_intent(BOOT_INTENT_LIVE, "ttyS3");
	{
		_cleanup_answer_ struct answer live = ask("GET", PATH);

		assert_non_null(strstr(live.body, "console=ttyS3"));
	}
}

static void test_files(void **state)
{
	_cleanup_free_ char *expected = NULL;
	_cleanup_answer_ struct answer got = ask("GET", "/live/initrd");
	_cleanup_answer_ struct answer bundle = ask("GET", "/bundle/initrd");
	_cleanup_answer_ struct answer head = ask("HEAD", "/live/initrd");
	_cleanup_answer_ struct answer missing = ask("GET", "/live/vmlinuz");
	_cleanup_answer_ struct answer ca = ask("GET", "/ca.pem");

	assert_int_equal(read_file(file, FILE_BYTES, &expected, NULL), 0);
	assert_int_equal(got.status, 200);
	assert_int_equal(got.body_len, FILE_BYTES);
	assert_memory_equal(got.body, expected, FILE_BYTES);
	assert_int_equal(bundle.body_len, FILE_BYTES);
	assert_int_equal(head.status, 200);
	assert_int_equal(head.body_len, 0);
	assert_non_null(strstr(head.text.data, "Content-Length: 3145745"));
	assert_int_equal(missing.status, 404); /* not there now; it may be built later */
	assert_string_equal(ca.body, "the CA\n");
}

static void test_refusals(void **state)
{
	static const struct {
		const char *request;
		int status;
	} rows[] = {
		{ "POST " PATH " HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405 },
		{ "PUT /live/initrd HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		  405 },
		{ "DELETE /live/initrd HTTP/1.1\r\nHost: x\r\n\r\n", 405 },
		{ "GET /live/../live/initrd HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
		{ "GET /live/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
		{ "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
		{ "GET /boot/ff-ff-ff-ff-ff-ff HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
		{ "GET /boot/52-54-00-aa-bb-cc%0a HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_answer_ struct answer answer = ask_raw(rows[i].request);

		assert_int_equal(answer.status, rows[i].status);
		assert_true(answer.body_len < 100);
	}
}

static void test_port_in_use(void **state)
{
	struct boot_listener *second = NULL;
	_cleanup_err_ struct err err = ERR_INIT;

	assert_true(start(port, &second, &err) < 0);
	assert_null(second);
	assert_non_null(strstr(err.text, "Address already in use"));
}

/* ---- no older answer ---- */

#define ASKERS 4
#define CHANGES 200
static atomic_int generation;
static atomic_int answers;
static atomic_int too_old;
static atomic_bool stop;

static void *asker(void *data)
{
	while (!atomic_load(&stop)) {
		int before = atomic_load(&generation);
		_cleanup_answer_ struct answer answer = ask("GET", PATH);
		const char *console = answer.status == 200 ? strstr(answer.body, "console=ttyS") : NULL;

		/* A connection that was cut off, or cut short, is asked again by a machine. */
		if (!console || !strstr(console, "|| goto again\n"))
			continue;
		if (strtol(console + strlen("console=ttyS"), NULL, 10) < before)
			atomic_fetch_add(&too_old, 1);
		atomic_fetch_add(&answers, 1);
	}
	return NULL;
}

static void test_no_older_answer(void **state)
{
	pthread_t threads[ASKERS];

	set_intent(BOOT_INTENT_LIVE, "ttyS1");
	atomic_store(&generation, 1);
	for (unsigned i = 0; i < ASKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, asker, NULL), 0);
	for (int n = 2; n < CHANGES; n++) {
		_cleanup_free_ char *console = xasprintf("ttyS%d", n);
		int seen = atomic_load(&answers);

		set_intent(BOOT_INTENT_LIVE, console);
		atomic_store(&generation, n);
		/* Until an answer came, so that changes and answers interleave. */
		while (atomic_load(&answers) == seen)
			sched_yield();
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < ASKERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&too_old), 0);
	assert_true(atomic_load(&answers) >= CHANGES - 2);
}

/* ---- who holds a connection and does nothing ---- */

static int visit(int receive_bytes)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval timeout = { .tv_sec = 20 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (receive_bytes > 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* What comes until the server closes. */
static size_t rest(int fd)
{
	char buffer[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof(buffer), 0)) > 0)
		total += (size_t)n;
	assert_true(n == 0 || errno == ECONNRESET);
	return total;
}

static void test_who_does_not_ask_is_sent_away(void **state)
{
	int64_t now = monotonic_ms();
	_cleanup_close_ int silent = visit(0), slow = visit(0);
	_cleanup_answer_ struct answer first = ask("GET", "/ca.pem");

	/* Both are there by now: they came before one that was answered. A byte now and then is not asking. */
	say(slow, "GET /ca.pem HTTP/1.1\r\nX-Slow: a");
	assert_int_equal(first.status, 200);
	boot_listener_sweep(listener, now + 9000);
	say(slow, "b");
	boot_listener_sweep(listener, now + 60000);
	assert_int_equal(rest(silent), 0);
	assert_int_equal(rest(slow), 0);
	_cleanup_answer_ struct answer last = ask("GET", "/ca.pem");
	assert_int_equal(last.status, 200);
}

static void test_who_does_not_read_is_sent_away(void **state)
{
	_cleanup_close_ int stuck = visit(4096);
	int64_t now = monotonic_ms();
	char byte;

	say(stuck, "GET /live/initrd HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(recv(stuck, &byte, 1, MSG_PEEK), 1); /* it comes */
	/* It had the time since it connected, and another while in which nothing came through. */
	boot_listener_sweep(listener, now + 31000);
	boot_listener_sweep(listener, now + 62000);
	assert_true(rest(stuck) < FILE_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_scripts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_port_in_use, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_older_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_does_not_ask_is_sent_away, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_does_not_read_is_sent_away, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
