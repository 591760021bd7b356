/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client's end of a WebSocket: libcurl makes the connection (and the TLS session), the handshake is ours (RFC 6455 section
 * 4.1), and the bytes go through libcurl as long as it lives. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "http/http_client_priv.h"
#include "http/http_server.h" /* http_json_parse() */
#include "http/ws_priv.h"

#define HANDSHAKE_DEADLINE_MS 30000
#define HANDSHAKE_MAX_BYTES (16 * KIB)

/* A connection that libcurl made and holds. */
struct link {
	struct http_client *client;
	CURL *easy;
};

static ssize_t link_recv(void *data, void *buf, size_t max)
{
	struct link *link = data;
	size_t n = 0;
	CURLcode r = curl_easy_recv(link->easy, buf, max, &n);

	return r == CURLE_OK ? (ssize_t)n : r == CURLE_AGAIN ? -EAGAIN : -EPIPE;
}

static ssize_t link_send(void *data, const void *buf, size_t len)
{
	struct link *link = data;
	size_t n = 0;
	CURLcode r = curl_easy_send(link->easy, buf, len, &n);

	return r == CURLE_OK ? (ssize_t)n : r == CURLE_AGAIN ? -EAGAIN : -EPIPE;
}

static void link_close(void *data)
{
	struct link *link = data;

	client_easy_free(link->client, link->easy);
	free(link);
}

static const struct ws_transport link_transport = { .recv = link_recv, .send = link_send, .close = link_close };

/* A handshake under way. */
struct dial {
	struct transfer transfer;
	struct list link;
	struct http_client *client;
	struct link *connection; /* once it is there */
	CURL *easy;		 /* until then */
	char error_text[CURL_ERROR_SIZE];
	char *url;
	char *key;
	int fd;
	struct loop_io *io;
	struct loop_timer *timer; /* the deadline; or tells an error that came at once */
	struct strbuf out, in;
	ws_connected_fn done;
	void *data;
	struct err err;
};

static void dial_free(struct dial *dial)
{
	list_remove(&dial->link);
	loop_io_free(dial->io);
	loop_timer_free(dial->timer);
	if (dial->connection)
		link_close(dial->connection);
	client_easy_free(dial->client, dial->easy);
	if (dial->out.data)
		wipe(dial->out.data, dial->out.len); /* the token */
	strbuf_done(&dial->out);
	strbuf_done(&dial->in);
	err_done(&dial->err);
	free(dial->url);
	free(dial->key);
	free(dial);
}

void dials_abandon(struct http_client *client)
{
	struct dial *dial;

	LIST_FOREACH(dial, &client->dials, link)
		dial_free(dial);
}

static void dial_fail(struct dial *dial)
{
	_cleanup_err_ struct err err = ERR_INIT;
	ws_connected_fn done = dial->done;
	void *data = dial->data;

	err_move(&err, &dial->err);
	dial_free(dial);
	done(NULL, &err, data);
}

static void on_deadline(void *data)
{
	struct dial *dial = data;

	dial->timer = NULL;
	if (dial->err.code == ERR_NONE)
		err_set(&dial->err, ERR_TIMEOUT, "the WebSocket was not opened within %d seconds",
			HANDSHAKE_DEADLINE_MS / 1000);
	dial_fail(dial);
}

/* ---- the handshake ---- */

static void dial_fail_soon(struct dial *dial)
{
	loop_timer_free(dial->timer);
	dial->timer = loop_timer_new(dial->client->loop, 0, on_deadline, dial);
}

static void dial_compose(struct dial *dial)
{
	const char *authority = strstr(dial->url, "://") + 3;
	size_t authority_len = strcspn(authority, "/?#");
	const char *target = authority + authority_len;
	size_t target_len = strcspn(target, "#");
	uint8_t nonce[16];

	random_bytes(nonce, sizeof(nonce));
	dial->key = base64_encode(nonce, sizeof(nonce));
	strbuf_addf(&dial->out, "GET %s%.*s HTTP/1.1\r\n", *target == '/' ? "" : "/", (int)target_len, target);
	strbuf_addf(&dial->out, "Host: %.*s\r\n", (int)authority_len, authority);
	strbuf_addf(&dial->out, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\n", dial->key);
	strbuf_adds(&dial->out, "Sec-WebSocket-Version: 13\r\nUser-Agent: ingot/" INGOT_VERSION "\r\n");
	if (dial->client->bearer)
		strbuf_addf(&dial->out, "Authorization: Bearer %s\r\n", dial->client->bearer);
	strbuf_adds(&dial->out, "\r\n");
}

/* The value of a header in the head, which ends in an empty line; the caller frees. */
static char *head_value(const char *head, const char *name)
{
	size_t name_len = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line && line[2] != '\r'; line = strstr(line + 2, "\r\n")) {
		const char *at = line + 2;

		if (strncasecmp(at, name, name_len) != 0 || at[name_len] != ':')
			continue;
		at += name_len + 1;
		at += strspn(at, " \t");
		return xstrndup(at, strcspn(at, "\r\n \t"));
	}
	return NULL;
}

/* The server's no: as much of the problem document as came, if the length says that it is all. */
static bool dial_refused(struct dial *dial, int status, size_t head_len)
{
	_cleanup_free_ char *length_text = head_value(dial->in.data, "Content-Length");
	size_t have = dial->in.len - head_len;
	int64_t length = 0;
	json_t *json = NULL;

	if (length_text && parse_i64(length_text, 0, (int64_t)(HANDSHAKE_MAX_BYTES - head_len), &length) < 0)
		length = 0;
	if (have < (size_t)length)
		return false;
	http_json_parse(dial->in.data + head_len, (size_t)length, &json, NULL);
	problem_err(&dial->err, status, json);
	json_decref(json);
	return true;
}

/* True once the answer is whole: dial->err says whether it is a yes. */
static bool dial_answered(struct dial *dial, size_t *ret_head_len)
{
	const char *end = dial->in.data ? strstr(dial->in.data, "\r\n\r\n") : NULL;
	_cleanup_free_ char *expected = NULL, *accept = NULL;
	int64_t status = 0;
	char digits[4] = "";

	if (!end && dial->in.len >= HANDSHAKE_MAX_BYTES) {
		err_set(&dial->err, ERR_TOO_LARGE, "the answer to the WebSocket handshake is too long");
		return true;
	}
	if (!end)
		return false;
	*ret_head_len = (size_t)(end + 4 - dial->in.data);
	if (str_starts(dial->in.data, "HTTP/1.1 ") || str_starts(dial->in.data, "HTTP/1.0 "))
		memcpy(digits, dial->in.data + 9, 3);
	if (parse_i64(digits, 100, 599, &status) < 0) {
		err_set(&dial->err, ERR_UNREACHABLE, "the answer to the WebSocket handshake is not HTTP");
		return true;
	}
	if (status != 101)
		return dial_refused(dial, (int)status, *ret_head_len);
	expected = ws_accept_value(dial->key);
	accept = head_value(dial->in.data, "Sec-WebSocket-Accept");
	if (!str_equal(accept, expected))
		err_set(&dial->err, ERR_UNREACHABLE, "the answer to the WebSocket handshake is not one to our key");
	return true;
}

static void dial_succeed(struct dial *dial, size_t head_len)
{
	_cleanup_err_ struct err none = ERR_INIT;
	ws_connected_fn done = dial->done;
	void *data = dial->data;
	struct ws *ws = ws_new(dial->client->loop, true, &dial->client->sockets);

	dial->io = loop_io_free(dial->io);
	ws_attach(ws, &link_transport, TAKE_PTR(dial->connection), dial->fd, dial->in.data + head_len,
		  dial->in.len - head_len);
	dial_free(dial);
	done(ws, &none, data);
}

static void dial_read(struct dial *dial)
{
	size_t head_len = 0;
	char buf[4096];
	ssize_t n;

	while ((n = link_recv(dial->connection, buf, sizeof(buf))) > 0) {
		strbuf_add(&dial->in, buf, (size_t)n);
		if (!dial_answered(dial, &head_len))
			continue;
		if (dial->err.code != ERR_NONE)
			dial_fail(dial);
		else
			dial_succeed(dial, head_len);
		return;
	}
	if (n == -EAGAIN)
		return;
	err_set(&dial->err, ERR_UNREACHABLE, "the connection ended during the WebSocket handshake");
	dial_fail(dial);
}

static void on_io(int fd, uint32_t events, void *data)
{
	struct dial *dial = data;

	while (dial->out.len > 0) {
		ssize_t n = link_send(dial->connection, dial->out.data, dial->out.len);

		if (n == -EAGAIN)
			break;
		if (n < 0) {
			err_set(&dial->err, ERR_UNREACHABLE, "the connection broke during the WebSocket handshake");
			dial_fail(dial);
			return;
		}
		strbuf_remove_front(&dial->out, (size_t)n);
	}
	loop_io_set_events(dial->io, dial->out.len > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
	dial_read(dial);
}

/* Noted within libcurl's harvest: the connection is there or will not be. */
static void on_finished(struct transfer *transfer, CURLcode result)
{
	struct dial *dial = CONTAINER_OF(transfer, struct dial, transfer);
	curl_socket_t fd = CURL_SOCKET_BAD;
	int on = 1;

	/* The handle outlives the handshake. */
	curl_easy_setopt(dial->easy, CURLOPT_ERRORBUFFER, NULL);
	curl_easy_setopt(dial->easy, CURLOPT_PRIVATE, NULL);
	if (result == CURLE_OK)
		curl_easy_getinfo(dial->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (fd == CURL_SOCKET_BAD) {
		curl_err(&dial->err, dial->easy, result != CURLE_OK ? result : CURLE_COULDNT_CONNECT, dial->error_text);
		dial_fail_soon(dial);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	dial->fd = fd;
	dial->connection = new0(struct link, 1);
	dial->connection->client = dial->client;
	dial->connection->easy = TAKE_PTR(dial->easy);
	dial->io = loop_io_new(dial->client->loop, fd, EPOLLIN | EPOLLOUT, on_io, dial);
}

void ws_connect(struct http_client *client, const char *url, ws_connected_fn done, void *data)
{
	struct dial *dial = new0(struct dial, 1);

	dial->transfer.finished = on_finished;
	dial->client = client;
	dial->fd = -1;
	dial->done = done;
	dial->data = data;
	list_init(&dial->link);
	list_append(&client->dials, &dial->link);
	/* The ws schemes are the http ones in another coat (RFC 6455 section 3). */
	dial->url = str_starts(url, "ws://") || str_starts(url, "wss://") ? xasprintf("http%s", url + 2) : xstrdup(url);
	if (!header_value_clean(dial->url) || strchr(dial->url, ' '))
		err_set(&dial->err, ERR_INVALID, "the address has forbidden characters");
	else if (client_easy_new(client, dial->url, &dial->transfer, &dial->easy, &dial->err) >= 0)
		dial_compose(dial);
	if (dial->err.code != ERR_NONE) {
		dial_fail_soon(dial);
		return;
	}
	curl_easy_setopt(dial->easy, CURLOPT_ERRORBUFFER, dial->error_text);
	curl_easy_setopt(dial->easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(dial->easy, CURLOPT_FRESH_CONNECT, 1L);
	dial->timer = loop_timer_new(client->loop, HANDSHAKE_DEADLINE_MS, on_deadline, dial);
	if (curl_multi_add_handle(client->multi, dial->easy) != CURLM_OK) {
		err_set(&dial->err, ERR_INTERNAL, "cannot start the connection");
		dial_fail_soon(dial);
	}
}
