/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server's end of a WebSocket: the handshake (RFC 6455 section 4.2) and the daemon's upgraded connection.
 *
 * Without TLS that is the connection's socket. Under TLS the daemon (0.9.75) hands out one end of a socket pair and moves the
 * bytes between it and the TLS session: four at a time, since its pool has no more room by then, each four in a record of
 * their own; and when the peer's connection ends without a close frame, the pair just falls silent. So the pair is left alone
 * and we speak on the TLS session ourselves. The daemon goes on asking it when the socket shows something: what the session
 * reads and writes goes through functions of ours, which have nothing for anybody but us. */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "http/http_server_priv.h"
#include "http/ws_priv.h"

struct upgraded {
	int fd; /* of the connection */
	struct http_server *server;
	struct MHD_UpgradeResponseHandle *handle;
	gnutls_session_t session; /* NULL: no TLS */
	bool ours;		  /* it is us who call the session */
};

/* ---- under the TLS session ---- */

/* What a session is left with that is ours no more: nothing comes and nothing goes. */
static struct upgraded gone = { .fd = -1 };

static bool may_pass(const struct upgraded *up)
{
	if (up->ours)
		return true;
	errno = up->fd < 0 ? ECONNRESET : EAGAIN;
	return false;
}

static ssize_t session_pull(gnutls_transport_ptr_t transport, void *buf, size_t max)
{
	const struct upgraded *up = transport;

	return may_pass(up) ? recv(up->fd, buf, max, MSG_DONTWAIT) : -1;
}

static ssize_t session_push(gnutls_transport_ptr_t transport, const void *buf, size_t len)
{
	const struct upgraded *up = transport;

	return may_pass(up) ? send(up->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL) : -1;
}

/* It is only asked whether there is something, and recv() tells as well. */
static int session_pull_timeout(gnutls_transport_ptr_t transport, unsigned ms)
{
	return 1;
}

/* What it has decrypted already goes to early: the daemon must not find it. */
static void session_take(struct upgraded *up, struct strbuf *early)
{
	uint8_t buf[KIB];
	ssize_t n;

	while (gnutls_record_check_pending(up->session) > 0 &&
	       (n = gnutls_record_recv(up->session, buf, sizeof(buf))) > 0)
		strbuf_add(early, buf, (size_t)n);
	gnutls_transport_set_ptr(up->session, up);
	gnutls_transport_set_pull_function(up->session, session_pull);
	gnutls_transport_set_pull_timeout_function(up->session, session_pull_timeout);
	gnutls_transport_set_push_function(up->session, session_push);
}

/* The daemon ends it once it comes round to it, when we are gone. */
static void session_leave(struct upgraded *up)
{
	up->ours = true;
	gnutls_bye(up->session, GNUTLS_SHUT_WR);
	up->ours = false;
	gnutls_transport_set_ptr(up->session, &gone);
}

/* A result of the session as a transport gives it. */
static ssize_t session_result(ssize_t n)
{
	if (n >= 0)
		return n;
	/* Also news within TLS that are no data, such as new keys. */
	return n == GNUTLS_E_PREMATURE_TERMINATION ? 0 : gnutls_error_is_fatal((int)n) ? -EPIPE : -EAGAIN;
}

/* ---- the transport ---- */

/* max is that of a record at least: nothing read stays in the session, where the daemon would find it. */
static ssize_t upgraded_recv(void *data, void *buf, size_t max)
{
	struct upgraded *up = data;
	ssize_t n;

	if (!up->session) {
		n = recv(up->fd, buf, max, MSG_DONTWAIT);
		return n >= 0 ? n : errno == EINTR ? -EAGAIN : -errno;
	}
	up->ours = true;
	do {
		n = gnutls_record_recv(up->session, buf, max);
	} while (n < 0 && n != GNUTLS_E_AGAIN && !gnutls_error_is_fatal((int)n));
	up->ours = false;
	return session_result(n);
}

static ssize_t upgraded_send(void *data, const void *buf, size_t len)
{
	struct upgraded *up = data;
	ssize_t n;

	if (!up->session) {
		n = send(up->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		return n >= 0 ? n : errno == EINTR ? -EAGAIN : -errno;
	}
	up->ours = true;
	/* After "again" the record is in the session, and what is given next stands for it. */
	n = gnutls_record_send(up->session, buf, len);
	up->ours = false;
	return session_result(n);
}

static void upgraded_close(void *data)
{
	struct upgraded *up = data;

	if (up->session)
		session_leave(up);
	MHD_upgrade_action(up->handle, MHD_UPGRADE_ACTION_CLOSE);
	server_run_soon(up->server);
	free(up);
}

static const struct ws_transport upgraded_transport = {
	.recv = upgraded_recv,
	.send = upgraded_send,
	.close = upgraded_close,
};

static void on_upgrade(void *cls, struct MHD_Connection *mhd, void *context, const char *extra, size_t extra_len,
		       MHD_socket fd, struct MHD_UpgradeResponseHandle *handle)
{
	struct http_request *request = context;
	struct ws *ws = TAKE_PTR(request->ws);
	struct upgraded *up = new0(struct upgraded, 1);
	_cleanup_strbuf_ struct strbuf early = { 0 };
	int on = 1;

	if (extra_len > 0)
		strbuf_add(&early, extra, extra_len);

	up->fd = request->conn->fd;
	up->server = request->server;
	up->handle = handle;
	if (fd != up->fd) {
		up->session = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
		session_take(up, &early);
	}
	/* A key that somebody presses must not wait for an acknowledgement. */
	setsockopt(up->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	ws_attach(ws, &upgraded_transport, up, up->fd, early.data, early.len);
}

/* Whether a comma-separated list has a word (RFC 9110 section 5.6.1). */
static bool list_has(const char *list, const char *word)
{
	size_t word_len = strlen(word);

	while (list && *list) {
		size_t len;

		list += strspn(list, ", \t");
		len = strcspn(list, ", \t");
		if (len == word_len && strncasecmp(list, word, len) == 0)
			return true;
		list += len;
	}
	return false;
}

static bool key_valid(const char *key)
{
	_cleanup_free_ void *nonce = NULL;
	size_t len;

	return key && base64_decode(key, &nonce, &len) >= 0 && len == 16;
}

/* 0, or fills err and *ret_status. */
static int handshake_check(const struct http_request *request, int *ret_status, struct err *err)
{
	*ret_status = 426; /* RFC 9110 section 15.5.22 */
	if (!list_has(http_request_header(request, "Upgrade"), "websocket") ||
	    !list_has(http_request_header(request, "Connection"), "upgrade"))
		return err_set(err, ERR_INVALID, "%s is a WebSocket: an upgrade is needed", request->path);
	if (!str_equal(http_request_header(request, "Sec-WebSocket-Version"), "13"))
		return err_set(err, ERR_UNSUPPORTED, "only version 13 of the WebSocket protocol is understood");
	*ret_status = 400;
	if (!str_equal(request->method, "GET") || !key_valid(http_request_header(request, "Sec-WebSocket-Key")))
		return err_set(err, ERR_INVALID, "the WebSocket handshake is malformed");
	return 0;
}

int http_answer_websocket(struct http_request *request, struct ws **ret_ws)
{
	static const char *const refusal_headers[] = { "Upgrade: websocket", "Connection: Upgrade",
						       "Sec-WebSocket-Version: 13", NULL };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *accept = NULL;
	struct MHD_Response *response;
	int status, r = handshake_check(request, &status, &err);

	if (r < 0) {
		response = problem_response(&err, &status, status == 426 ? refusal_headers : NULL);
		request_answer(request, status, response, status == 426 ? refusal_headers : NULL);
		return r;
	}
	response = MHD_create_response_for_upgrade(on_upgrade, NULL);
	if (!response)
		abort(); /* out of memory */
	accept = ws_accept_value(http_request_header(request, "Sec-WebSocket-Key"));
	MHD_add_response_header(response, "Upgrade", "websocket");
	MHD_add_response_header(response, "Sec-WebSocket-Accept", accept);
	*ret_ws = ws_new(request->server->loop, false, &request->server->sockets);
	request->ws = *ret_ws;
	request_answer(request, 101, response, NULL);
	return 0;
}

void socket_lost(struct ws *ws)
{
	ws_lost(ws, "the connection broke before it was a WebSocket");
}

void sockets_close(struct http_server *server)
{
	ws_abort_all(&server->sockets, "the server is stopping");
}
