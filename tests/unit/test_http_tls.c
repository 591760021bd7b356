/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the server agrees to in a TLS handshake, and what it does with one that does not go on. */
#include "http_fixture.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>

static void on_hello(struct http_request *request, void *data)
{
	http_answer_data(request, 200, "text/plain", "hello", 5, NULL);
}

static const struct http_route routes[] = {
	{ .method = "GET", .path = "/", .handler = on_hello },
	{ 0 },
};

struct tls {
	struct fixture *f;
	struct raw *raw;
	gnutls_session_t session;
	gnutls_certificate_credentials_t credentials;
};

/* name: what the server's certificate has to say. */
static struct tls tls_open_as(struct fixture *f, uint16_t port, const char *priority, const char *name)
{
	static const gnutls_datum_t protocols[] = { { (unsigned char *)"h2", 2 }, { (unsigned char *)"http/1.1", 8 } };
	gnutls_datum_t trust = { (unsigned char *)ca_pem(f->ca), (unsigned)strlen(ca_pem(f->ca)) };
	struct tls tls = { .f = f, .raw = raw_open(f->loop, port) };

	/* The session reads the socket, not the fixture. */
	tls.raw->io = loop_io_free(tls.raw->io);
	assert_int_equal(gnutls_certificate_allocate_credentials(&tls.credentials), 0);
	assert_int_equal(gnutls_certificate_set_x509_trust_mem(tls.credentials, &trust, GNUTLS_X509_FMT_PEM), 1);
	assert_int_equal(gnutls_init(&tls.session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL), 0);
	assert_int_equal(gnutls_priority_set_direct(tls.session, priority, NULL), 0);
	assert_int_equal(gnutls_credentials_set(tls.session, GNUTLS_CRD_CERTIFICATE, tls.credentials), 0);
	assert_int_equal(gnutls_alpn_set_protocols(tls.session, protocols, 2, 0), 0);
	gnutls_session_set_verify_cert(tls.session, name, 0);
	assert_int_equal(fcntl(tls.raw->fd, F_SETFL, O_NONBLOCK), 0);
	gnutls_transport_set_int(tls.session, tls.raw->fd);
	return tls;
}

static struct tls tls_open(struct fixture *f, uint16_t port, const char *priority)
{
	return tls_open_as(f, port, priority, "127.0.0.1");
}

/* 0, or the error that ended it. */
static int tls_handshake(struct tls *tls)
{
	int64_t end_ms = monotonic_ms() + TEST_DEADLINE_MS;
	int r;

	while ((r = gnutls_handshake(tls->session)) < 0 && !gnutls_error_is_fatal(r)) {
		assert_true(monotonic_ms() < end_ms);
		run_once(tls->f->loop);
	}
	return r;
}

static void tls_close(struct tls *tls)
{
	gnutls_deinit(tls->session);
	gnutls_certificate_free_credentials(tls->credentials);
	raw_close(tls->raw);
}

static struct http_server *start(struct fixture *f, int64_t idle_timeout_ms)
{
	return start_server(f, (struct http_server_spec){ .routes = routes,
							  .cert_pem = f->cert_pem,
							  .key_pem = f->key_pem,
							  .idle_timeout_ms = idle_timeout_ms });
}

static void test_agreed(void **state)
{
	static const struct {
		const char *priority;
		bool good;
	} clients[] = {
		{ "NORMAL", true },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.3", true },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2", true },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.1", false },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.0", false },
		/* Without authenticated encryption, without forward secrecy. */
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-CBC:+AES-128-CBC", false },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA", false },
	};
	struct fixture *f = *state;
	struct http_server *server = start(f, 0);

	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		struct tls tls = tls_open(f, http_server_port(server), clients[i].priority);
		int r = tls_handshake(&tls);
		gnutls_datum_t protocol;

		if ((r == 0) != clients[i].good)
			fail_msg("%s: %s", clients[i].priority, gnutls_strerror(r));
		if (r == 0) {
			assert_int_equal(gnutls_alpn_get_selected_protocol(tls.session, &protocol), 0);
			assert_int_equal(protocol.size, 8);
			assert_memory_equal(protocol.data, "http/1.1", 8);
		}
		tls_close(&tls);
	}
	http_server_free(server);
}

/* Half a handshake holds a connection no longer than half a request does. */
static void test_half_handshake(void **state)
{
	struct fixture *f = *state;
	struct http_server *server = start(f, 200);
	struct raw *raw = raw_open(f->loop, http_server_port(server));

	assert_int_equal(send(raw->fd, "\x16\x03\x01\x02\x00\x01", 6, MSG_NOSIGNAL), 6);
	raw_wait_end(raw);
	raw_close(raw);
	http_server_free(server);
}

/* Plain HTTP on the port of HTTPS gets nothing, least of all an answer. */
static void test_plain_to_tls(void **state)
{
	struct fixture *f = *state;
	struct http_server *server = start(f, 1000);
	_cleanup_free_ char *answer = raw_talk(f->loop, http_server_port(server), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");

	assert_null(strstr(answer, "hello"));
	http_server_free(server);
}

static int handshake_as(struct fixture *f, struct http_server *server, const char *name)
{
	struct tls tls = tls_open_as(f, http_server_port(server), "NORMAL", name);
	int r = tls_handshake(&tls);

	tls_close(&tls);
	return r;
}

/* A new one is shown to who comes from then on; who is there stays. */
static void test_another_certificate(void **state)
{
	static const char *const names[] = { "127.0.0.1", "192.0.2.7", NULL };
	_cleanup_free_ char *cert = NULL, *key = NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	struct fixture *f = *state;
	struct http_server *server = start(f, 0),
			   *plain = start_server(f, (struct http_server_spec){ .routes = routes });
	struct tls before = tls_open(f, http_server_port(server), "NORMAL");
	char answer[16];
	ssize_t n;

	assert_int_equal(tls_handshake(&before), 0);
	assert_int_equal(handshake_as(f, server, names[1]), GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR);
	assert_int_equal(ca_issue_server(f->ca, "again", names, &cert, &key, NULL), 0);
	/* One that does not do changes nothing. */
	assert_true(http_server_set_certificate(server, cert, f->key_pem, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(handshake_as(f, server, names[1]), GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(http_server_set_certificate(server, cert, key, NULL), 0);
		assert_int_equal(handshake_as(f, server, names[1]), 0);
		assert_int_equal(handshake_as(f, server, names[0]), 0);
	}
	assert_int_equal(gnutls_record_send(before.session, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27), 27);
	while ((n = gnutls_record_recv(before.session, answer, sizeof(answer))) == GNUTLS_E_AGAIN)
		run_once(f->loop);
	assert_true(n >= 12);
	assert_memory_equal(answer, "HTTP/1.1 200", 12);
	assert_true(http_server_set_certificate(plain, cert, key, NULL) < 0);
	tls_close(&before);
	http_server_free(plain);
	http_server_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(test_agreed),
		HTTP_TEST(test_half_handshake),
		HTTP_TEST(test_plain_to_tls),
		HTTP_TEST(test_another_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
