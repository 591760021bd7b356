/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A request from its first line to its answer. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "http/http_server_priv.h"

struct http_request *request_new(struct http_server *server, struct http_conn *conn, const char *target)
{
	struct http_request *request = new0(struct http_request, 1);

	request->server = server;
	request->conn = conn;
	request->body_fd = -1;
	list_init(&request->link);
	request->target_bad = !target_parse(request, target);
	return request;
}

struct http_request *request_free(struct http_request *request)
{
	if (!request)
		return NULL;
	list_remove(&request->link);
	loop_io_free(request->watch);
	if (request->response)
		MHD_destroy_response(request->response);
	body_done(request);
	target_done(request);
	free(request);
	return NULL;
}

/* ---- watching a suspended connection ---- */

void request_watch(struct http_request *request, loop_io_fn fn, void *data)
{
	request->watch = loop_io_new(request->server->loop, request->conn->fd, EPOLLRDHUP, fn, data);
}

static void on_waiting_left(int fd, uint32_t events, void *data)
{
	request_abandon(data, NULL);
}

/* ---- steps ---- */

static enum MHD_Result request_queue(struct http_request *request)
{
	struct MHD_Response *response = TAKE_PTR(request->response);
	enum MHD_Result r = MHD_queue_response(request->conn->mhd, (unsigned)request->status, response);

	MHD_destroy_response(response); /* the daemon has its own reference */
	return r;
}

static void request_set_problem(struct http_request *request, int status, const struct err *err)
{
	request->status = status;
	request->response = problem_response(err, &request->status, NULL);
}

/* The answer is there and the body is still to come. */
static enum MHD_Result request_refused(struct http_request *request, uint64_t content_length)
{
	bool expects = MHD_lookup_connection_value(request->conn->mhd, MHD_HEADER_KIND, "Expect");

	if (content_length > 0 && (expects || (content_length > SWALLOW_MAX_BYTES && content_length != UINT64_MAX))) {
		/* Answered before the body: the daemon closes the connection behind it. */
		request->phase = REQUEST_ANSWERED;
		return request_queue(request);
	}
	request->phase = REQUEST_SWALLOW;
	return MHD_YES;
}

static void request_set_not_found(struct http_request *request, char *allowed)
{
	_cleanup_err_ struct err err = ERR_INIT;

	if (!allowed) {
		err_set(&err, ERR_NOT_FOUND, "there is nothing at %s", request->path);
		request_set_problem(request, 0, &err);
		return;
	}
	err_set(&err, ERR_UNSUPPORTED, "%s takes %s, not %s", request->path, allowed, request->method);
	request_set_problem(request, 405, &err);
	MHD_add_response_header(request->response, "Allow", allowed);
}

/* Whom it is for and whether it may come in. False: the response is set. */
static bool request_route(struct http_request *request, uint64_t content_length)
{
	struct http_server *server = request->server;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *allowed = NULL;

	request->route = route_find(server, request, &allowed);
	if (!request->route && !allowed && server->fallback)
		request->route = &server->fallback_route;
	if (!request->route) {
		request_set_not_found(request, allowed);
		return false;
	}
	request->body_max_bytes = request->route->body_max_bytes;
	if (content_length > request->body_max_bytes && content_length != UINT64_MAX) {
		err_set(&err, ERR_TOO_LARGE, "the body of %" PRIu64 " bytes is longer than %zu bytes", content_length,
			request->body_max_bytes);
		request_set_problem(request, 0, &err);
		return false;
	}
	if (!server->admit)
		return true;
	request->phase = REQUEST_HANDLING;
	server->depth++;
	if (!server->admit(request, server->data) && !request->response) {
		err_set(&err, ERR_FORBIDDEN, "this request is not admitted");
		request_set_problem(request, 0, &err);
	}
	server->depth--;
	return !request->response;
}

static enum MHD_Result request_head(struct http_request *request, const char *method, const char *version)
{
	_cleanup_err_ struct err err = ERR_INIT;
	uint64_t content_length = 0;
	int r;

	conn_has_head(request->conn);
	snprintf(request->method, sizeof(request->method), "%s", method);
	r = request->target_bad || strlen(method) >= sizeof(request->method)
		    ? err_set(&err, ERR_INVALID, "the method or the target of the request line is malformed")
		    : head_check(request, version, &content_length, &err);
	if (r >= 0) {
		conn_check_client(request->conn);
		if (request->conn->client == CLIENT_BAD)
			r = err_set(&err, ERR_UNAUTHENTICATED, "%s", request->conn->client_fault);
	}
	if (r < 0) {
		/* Where this request ends is not known, or its sender is not to be listened to: nothing more is read. */
		request_set_problem(request, 0, &err);
		MHD_add_response_header(request->response, "Connection", "close");
		request->phase = REQUEST_ANSWERED;
		return request_queue(request);
	}
	if (!request_route(request, content_length))
		return request_refused(request, content_length);
	request->phase = REQUEST_BODY;
	body_begin(request);
	return MHD_YES;
}

static enum MHD_Result request_handle(struct http_request *request)
{
	struct http_server *server = request->server;

	request->phase = REQUEST_HANDLING;
	server->depth++;
	request->route->handler(request, server->data);
	server->depth--;
	if (request->phase == REQUEST_ANSWERED)
		return request_queue(request);
	request->phase = REQUEST_WAITING;
	MHD_suspend_connection(request->conn->mhd);
	request_watch(request, on_waiting_left, request);
	request->deadline_ms = loop_monotonic_ms(server->loop) + server->answer_deadline_ms;
	list_append(&server->waiting, &request->link);
	server_sweep_at(server, request->deadline_ms);
	return MHD_YES;
}

static enum MHD_Result request_body(struct http_request *request, const char *data, size_t *len)
{
	_cleanup_err_ struct err err = ERR_INIT;
	int r = *len > 0 ? body_add(request, data, *len, &err) : body_end(request, &err);

	if (r >= 0 && *len == 0)
		return request_handle(request);
	if (r < 0) {
		if (err.code == ERR_TIMEOUT)
			return MHD_NO;
		body_done(request);
		request->body_bytes = 0;
		request_set_problem(request, 0, &err);
		request->phase = REQUEST_SWALLOW;
		if (*len == 0)
			return request_queue(request);
	}
	*len = 0;
	return MHD_YES;
}

static enum MHD_Result request_swallow(struct http_request *request, size_t *len)
{
	if (*len == 0) {
		request->phase = REQUEST_ANSWERED;
		return request_queue(request);
	}
	request->body_bytes += *len;
	*len = 0;
	return request->body_bytes > SWALLOW_MAX_BYTES ? MHD_NO : MHD_YES;
}

enum MHD_Result request_step(struct http_request *request, const char *method, const char *version, const char *data,
			     size_t *len)
{
	switch (request->phase) {
	case REQUEST_HEAD:
		return request_head(request, method, version);
	case REQUEST_BODY:
		return request_body(request, data, len);
	case REQUEST_SWALLOW:
		return request_swallow(request, len);
	case REQUEST_ANSWERED:
		return request->response ? request_queue(request) : MHD_NO;
	case REQUEST_HANDLING:
	case REQUEST_WAITING:
	case REQUEST_ABORTED:
		break;
	}
	return MHD_NO;
}

/* ---- the end ---- */

void request_completed(struct http_request *request)
{
	request->watch = loop_io_free(request->watch);
	if (request->stream)
		stream_detach(TAKE_PTR(request->stream));
	if (request->ws)
		socket_lost(TAKE_PTR(request->ws));
	request->conn = NULL;
	if (!request->held)
		request_free(request);
}

void request_abandon(struct http_request *request, const struct err *err)
{
	struct http_server *server = request->server;
	loop_fn gone = request->gone;

	request->watch = loop_io_free(request->watch);
	list_remove(&request->link);
	request->phase = err ? REQUEST_ANSWERED : REQUEST_ABORTED;
	if (err)
		request_set_problem(request, 0, err);
	if (!gone) {
		request->held = true;
		list_append(&server->orphans, &request->link);
	}
	MHD_resume_connection(request->conn->mhd);
	server_run_soon(server);
	if (gone) {
		server->depth++;
		gone(request->gone_data);
		server->depth--;
	}
}

void http_request_on_gone(struct http_request *request, loop_fn fn, void *data)
{
	request->gone = fn;
	request->gone_data = data;
}

/* ---- what a handler may ask ---- */

const char *http_request_method(const struct http_request *request)
{
	return request->method;
}

const char *http_request_path(const struct http_request *request)
{
	return request->path;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
	return request->conn ? MHD_lookup_connection_value(request->conn->mhd, MHD_HEADER_KIND, name) : NULL;
}

const char *http_request_query(const struct http_request *request, const char *name)
{
	for (unsigned i = 0; i < request->query_count; i++)
		if (str_equal(request->query[i].name, name))
			return request->query[i].value;
	return NULL;
}

const char *http_request_query_name(const struct http_request *request, unsigned index)
{
	return index < request->query_count ? request->query[index].name : NULL;
}

const char *http_request_param(const struct http_request *request, const char *name)
{
	return route_param(request, name);
}

const struct http_route *http_request_route(const struct http_request *request)
{
	return request->route;
}

const void *http_request_body(const struct http_request *request, size_t *ret_len)
{
	*ret_len = request->body.len;
	return request->body.data;
}

const char *http_request_body_file(const struct http_request *request)
{
	return request->body_file;
}

const char *http_request_bearer(const struct http_request *request)
{
	const char *value = http_request_header(request, "Authorization");

	/* The scheme's name has no case (RFC 9110 section 11.1). */
	if (!value || strncasecmp(value, "Bearer ", 7) != 0)
		return NULL;
	value += 7;
	value += strspn(value, " ");
	return *value ? value : NULL;
}

const char *http_request_client_name(const struct http_request *request)
{
	return request->conn && request->conn->client == CLIENT_GOOD ? request->conn->client_name : NULL;
}

const char *http_request_peer(const struct http_request *request)
{
	const union MHD_ConnectionInfo *info;
	char text[INET6_ADDRSTRLEN] = "";

	if (!request->conn)
		return "";
	if (request->conn->peer)
		return request->conn->peer;
	info = MHD_get_connection_info(request->conn->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (info && info->client_addr->sa_family == AF_INET) {
		inet_ntop(AF_INET, &((struct sockaddr_in *)info->client_addr)->sin_addr, text, sizeof(text));
	} else if (info && info->client_addr->sa_family == AF_INET6) {
		const struct in6_addr *v6 = &((struct sockaddr_in6 *)info->client_addr)->sin6_addr;

		/* One and the same peer has one text, whichever socket it came to. */
		if (IN6_IS_ADDR_V4MAPPED(v6))
			inet_ntop(AF_INET, &v6->s6_addr[12], text, sizeof(text));
		else
			inet_ntop(AF_INET6, v6, text, sizeof(text));
	}
	request->conn->peer = xstrdup(text);
	return request->conn->peer;
}

int http_request_json(struct http_request *request, json_t **ret_json, struct err *err)
{
	return http_json_parse(request->body.data, request->body.len, ret_json, err);
}
