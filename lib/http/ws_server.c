/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server's end of a WebSocket: the handshake (RFC 6455 section 4.2) and the daemon's upgraded connection. Under TLS the
 * daemon hands out one end of a socket pair and moves the bytes between it and the TLS session. It does not pass the end on
 * (0.9.75): when the peer's connection ends without a close frame, the pair just falls silent. So the connection itself is
 * watched. */
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "http/http_server_priv.h"
#include "http/ws_priv.h"

/* After the peer's end was seen: so many rounds in a row, each with a run of the daemon, must bring no byte more. */
#define QUIET_ROUNDS 4

struct upgraded {
	int fd;
	struct http_server *server;
	struct MHD_UpgradeResponseHandle *handle;
	struct ws *ws;
	struct loop_io *watch; /* of the connection, under TLS */
	struct loop_timer *rest;
	unsigned quiet_rounds;
};

static ssize_t upgraded_recv(void *data, void *buf, size_t max)
{
	struct upgraded *up = data;
	ssize_t n = recv(up->fd, buf, max, MSG_DONTWAIT);

	return n >= 0 ? n : errno == EINTR ? -EAGAIN : -errno;
}

static ssize_t upgraded_send(void *data, const void *buf, size_t len)
{
	struct upgraded *up = data;
	ssize_t n = send(up->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n >= 0 ? n : errno == EINTR ? -EAGAIN : -errno;
}

static void upgraded_close(void *data)
{
	struct upgraded *up = data;

	loop_io_free(up->watch);
	loop_timer_free(up->rest);
	MHD_upgrade_action(up->handle, MHD_UPGRADE_ACTION_CLOSE);
	server_run_soon(up->server);
	free(up);
}

static const struct ws_transport upgraded_transport = {
	.recv = upgraded_recv,
	.send = upgraded_send,
	.close = upgraded_close,
};

/* What came before the end is still on its way through the daemon. */
static void on_rest(void *data)
{
	struct upgraded *up = data;
	unsigned quiet_rounds = up->quiet_rounds + 1;

	up->rest = loop_timer_new(up->server->loop, 0, on_rest, up);
	server_run_soon(up->server);
	up->quiet_rounds = 0;
	if (ws_read_rest(up->ws))
		return; /* and may be closed by what it read */
	up->quiet_rounds = quiet_rounds;
	if (quiet_rounds > QUIET_ROUNDS)
		ws_end(up->ws, "the peer ended the connection");
}

static void on_peer_end(int fd, uint32_t events, void *data)
{
	struct upgraded *up = data;

	up->watch = loop_io_free(up->watch);
	up->rest = loop_timer_new(up->server->loop, 0, on_rest, up);
}

static void on_upgrade(void *cls, struct MHD_Connection *mhd, void *context, const char *extra, size_t extra_len,
		       MHD_socket fd, struct MHD_UpgradeResponseHandle *handle)
{
	struct http_request *request = context;
	struct ws *ws = TAKE_PTR(request->ws);
	struct upgraded *up = new0(struct upgraded, 1);
	int on = 1;

	/* A key that somebody presses must not wait for an acknowledgement. */
	setsockopt(request->conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	up->fd = fd;
	up->server = request->server;
	up->handle = handle;
	up->ws = ws;
	if (fd != request->conn->fd)
		up->watch = loop_io_new(up->server->loop, request->conn->fd, EPOLLRDHUP, on_peer_end, up);
	ws_attach(ws, &upgraded_transport, up, fd, extra, extra_len);
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
		response = problem_response(&err, &status);
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
