/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of lib/http share: a loop that ends with a failure after a while, a certificate authority, and a raw socket
 * that says to a server what no client library would. */
#ifndef INGOT_TESTS_HTTP_FIXTURE_H
#define INGOT_TESTS_HTTP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "http/http_client.h"
#include "http/http_server.h"
#include "http/websocket.h"

/* Generous: the machine may be busy, and a sanitizer slow. It is a failure to wait so long, never a way to wait. */
#define TEST_DEADLINE_MS 60000

struct fixture {
	struct loop *loop;
	char *dir;
	struct ca *ca;
	char *cert_pem, *key_pem;
};

static inline int fixture_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static inline int fixture_setup(void **state)
{
	static const char *const names[] = { "localhost", "127.0.0.1", NULL };
	_cleanup_err_ struct err err = ERR_INIT;
	struct fixture *f = new0(struct fixture, 1);

	signal(SIGPIPE, SIG_IGN);
	f->loop = loop_new(1);
	f->dir = xstrdup("/tmp/ingot-http-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(ca_open(f->dir, &f->ca, &err), 0);
	assert_int_equal(ca_issue_server(f->ca, "server", names, &f->cert_pem, &f->key_pem, &err), 0);
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	ca_free(f->ca);
	nftw(f->dir, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
	loop_free(f->loop);
	free(f->dir);
	free(f->cert_pem);
	free(f->key_pem);
	free(f);
	return 0;
}

static inline void fixture_expired(void *data)
{
	loop_quit(data, 99);
}

/* Runs until somebody calls loop_quit(loop, 0). */
static inline void run_loop(struct loop *loop)
{
	struct loop_timer *timer = loop_timer_new(loop, TEST_DEADLINE_MS, fixture_expired, loop);
	int code = loop_run(loop);

	if (code != 99)
		loop_timer_free(timer);
	assert_int_equal(code, 0);
}

static inline void fixture_quit(void *data)
{
	loop_quit(data, 0);
}

struct fixture_round {
	struct loop *loop;
	bool over;
};

static inline void fixture_round_over(void *data)
{
	struct fixture_round *round = data;

	round->over = true;
	loop_quit(round->loop, 0);
}

/* Runs for one round more, so that what is due now has happened, or until somebody quits. */
static inline void run_once(struct loop *loop)
{
	struct fixture_round round = { .loop = loop };
	struct loop_timer *timer = loop_timer_new(loop, 0, fixture_round_over, &round);

	run_loop(loop);
	if (!round.over)
		loop_timer_free(timer);
}

static inline struct http_server *start_server(struct fixture *f, struct http_server_spec spec)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct http_server *server = NULL;

	spec.loop = f->loop;
	spec.address = "127.0.0.1";
	spec.listen_fd = -1;
	if (http_server_new(&spec, &server, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_not_equal(http_server_port(server), 0);
	return server;
}

/* ---- a raw socket ---- */

struct raw {
	struct loop *loop;
	int fd;
	struct loop_io *io;
	struct strbuf in;
	bool ended;
	const char *until;
	size_t until_len; /* or so many bytes */
};

static inline void raw_check(struct raw *raw)
{
	if (raw->ended || (raw->until && raw->in.data && strstr(raw->in.data, raw->until)) ||
	    (raw->until_len > 0 && raw->in.len >= raw->until_len))
		loop_quit(raw->loop, 0);
}

static inline void raw_on_io(int fd, uint32_t events, void *data)
{
	struct raw *raw = data;
	char buf[65536];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		strbuf_add(&raw->in, buf, (size_t)n);
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		raw->ended = true;
		raw->io = loop_io_free(raw->io);
	}
	raw_check(raw);
}

static inline struct raw *raw_open(struct loop *loop, uint16_t port)
{
	struct raw *raw = new0(struct raw, 1);
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	raw->loop = loop;
	raw->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(raw->fd >= 0);
	assert_int_equal(connect(raw->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	raw->io = loop_io_new(loop, raw->fd, EPOLLIN, raw_on_io, raw);
	return raw;
}

static inline void raw_send(struct raw *raw, const char *text)
{
	assert_int_equal(send(raw->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Runs until the text came, or the server closed. True if the text came. */
static inline bool raw_wait(struct raw *raw, const char *until)
{
	raw->until = until;
	if (!raw->ended && !(raw->in.data && strstr(raw->in.data, until)))
		run_loop(raw->loop);
	raw->until = NULL;
	return raw->in.data && strstr(raw->in.data, until);
}

static inline void raw_wait_end(struct raw *raw)
{
	if (!raw->ended)
		run_loop(raw->loop);
}

static inline void raw_close(struct raw *raw)
{
	loop_io_free(raw->io);
	close(raw->fd);
	strbuf_done(&raw->in);
	free(raw);
}

/* A whole exchange: what came until the server closed. The caller frees. */
static inline char *raw_talk(struct loop *loop, uint16_t port, const char *text)
{
	struct raw *raw = raw_open(loop, port);
	char *answer;

	raw_send(raw, text);
	raw_wait_end(raw);
	answer = strbuf_take(&raw->in);
	raw_close(raw);
	return answer;
}

#define HTTP_TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

#endif
