/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTTP server on the loop: libmicrohttpd driven by an external epoll. Requests are handled on the loop's thread, whole
 * (body read up to the route's limit) before the handler is called. Answers may come later: a handler may keep the request
 * and answer from any later callback; the connection waits, with a deadline.
 *
 * Refused before any handler (400 and the connection is closed), because libmicrohttpd lets them through: Content-Length
 * together with Transfer-Encoding, two Content-Lengths, white space before a header's colon, a header that goes on in the next
 * line, control characters in a value (RFC 9112 sections 2.2, 5.1, 5.2, 6.1, 6.3). 413 past the route's body limit, 431 and 414 by libmicrohttpd's own limits. */
#ifndef INGOT_HTTP_HTTP_SERVER_H
#define INGOT_HTTP_HTTP_SERVER_H

#include <jansson.h>

#include "base/err.h"
#include "crypto/crypto.h"
#include "loop/loop.h"

struct http_server;
struct http_request;
struct http_stream;
struct ws;

typedef void (*http_handler_fn)(struct http_request *request, void *data);

/* One route. path: "/v1/machines/{id}/deploy"; a part in braces matches one segment, a last "{*}" the rest. */
struct http_route {
	const char *method;
	const char *path;
	size_t body_max_bytes; /* 0: no body is accepted */
	http_handler_fn handler;
	const void *tag;	  /* the caller's: role, schema */
	bool stream_body_to_file; /* the body goes to a temporary file in body_dir instead of memory */
};

struct http_server_spec {
	struct loop *loop;
	const struct http_route *routes; /* borrowed; ends with method NULL */
	size_t route_count;
	void *data; /* for the handlers */
	/* Called once a request's head is there, before its body is read (and may fill memory or body_dir): says whether this
	 * client may call this route. True goes on; false after it answered with a problem. It must not keep the request.
	 * NULL: all go on. */
	bool (*admit)(struct http_request *request, void *data);
	/* Called for a path that no route has; NULL: a 404 problem document. */
	http_handler_fn fallback;
	const char *address;		/* "10.0.0.1" or "::"; ignored with listen_fd */
	uint16_t port;			/* 0: the kernel chooses; see http_server_port() */
	int listen_fd;			/* an inherited listening socket, the server's from now on; -1: none */
	const char *cert_pem, *key_pem; /* NULL: plain HTTP */
	const char *client_ca_pem;	/* asks for client certificates and checks them against it; none is fine */
	const char *body_dir;
	unsigned
		connections_max; /* 0: 1000. Past half of it, connections that have not said anything for long are closed first */
	unsigned connections_per_address_max; /* 0: no such limit; more are closed as they come */
	int64_t idle_timeout_ms;	      /* 0: 30 000; SSE and waiting requests are not idle */
	int64_t first_head_ms; /* how long a new connection may take for TLS and its first head; 0: 10 000, or idle_timeout_ms */
};
/* *ret: the caller's. ERR_INVALID: a route asks for what cannot be, or certificate and key are none; those of err_set_errno() if
 * the address cannot be listened at; ERR_INTERNAL: libmicrohttpd does not start, and listen_fd is closed. On other failures that
 * stays the caller's. */
int http_server_new(const struct http_server_spec *spec, struct http_server **ret, struct err *err);
uint16_t http_server_port(const struct http_server *server);
/* Connections that are made from now on are shown this certificate; those that are there go on with theirs. The loop's thread.
 * ERR_INVALID: certificate and key are none, or the server speaks plain HTTP; what it has stays. */
int http_server_set_certificate(struct http_server *server, const char *cert_pem, const char *key_pem, struct err *err);
/* Answers what waits with 503, ends streams and connections; their gone and closed functions are called. Not from within a
 * handler or another function that the server calls. NULL is fine; returns NULL. */
struct http_server *http_server_free(struct http_server *server);
DEFINE_CLEANUP(struct http_server *, http_server_free)

/* ---- the request: borrowed strings live until it is answered ---- */
const char *http_request_method(const struct http_request *request);
const char *http_request_path(const struct http_request *request);
const char *http_request_header(const struct http_request *request, const char *name);
const char *http_request_query(const struct http_request *request, const char *name);
/* The name of each parameter of the query in turn; NULL past the last. */
const char *http_request_query_name(const struct http_request *request, unsigned index);
const char *http_request_param(const struct http_request *request,
			       const char *name); /* from the path; "*" for the rest */
const struct http_route *http_request_route(const struct http_request *request);
const void *http_request_body(const struct http_request *request, size_t *ret_len);
const char *
http_request_body_file(const struct http_request *request); /* stream_body_to_file; removed after the answer */
/* Within admit(): this body may have at most max_bytes, if that is less than what its route allows. 413 past it. */
void http_request_limit_body(struct http_request *request, size_t max_bytes);
/* Within admit(), for a route with stream_body_to_file: the body is added to the file at path, which is made if it is not there
 * and has to be offset_bytes long, until that has max_bytes. What came stays in it, also of a body that was cut off, and
 * nobody else adds to it meanwhile. so_far: the hash of its first offset_bytes, which goes on with what comes; taken over; or
 * NULL. *ret_bytes: how long it is, if that is known. ERR_STATE: not offset_bytes; ERR_BUSY: somebody else is adding. */
int http_request_body_to(struct http_request *request, const char *path, uint64_t offset_bytes, uint64_t max_bytes,
			 struct sha256 *so_far, uint64_t *ret_bytes, struct err *err);
/* In the handler, for a route with stream_body_to_file: the hash of all that is in the file, as it came in; NULL if what was
 * in it before is not known. The caller's. */
struct sha256 *http_request_take_body_hash(struct http_request *request);
/* The token of "Authorization: Bearer TOKEN", or NULL. */
const char *http_request_bearer(const struct http_request *request);
/* Common name of the verified client certificate, or NULL. */
const char *http_request_client_name(const struct http_request *request);
/* The peer's address as text; borrowed. */
const char *http_request_peer(const struct http_request *request);
/* The body as JSON: ERR_INVALID with line and column for bad syntax, duplicate keys, or nesting deeper than 32. */
int http_request_json(struct http_request *request, json_t **ret_json, struct err *err);
/* Called once if the client goes away, or two minutes pass, before the answer; afterwards the request must not be touched.
 * Who keeps a request without this may still answer it then: the answer is dropped. */
void http_request_on_gone(struct http_request *request, loop_fn fn, void *data);

/* ---- answers: exactly one; the request is gone afterwards ---- */
/* json is stolen; NULL with a status that has no body. headers: "Name: value" strings, NULL-terminated, or NULL. */
void http_answer_json(struct http_request *request, int status, json_t *json, const char *const *headers);
/* An RFC 9457 problem document made from err (type, title, status, detail, field, code), application/problem+json. */
void http_answer_problem(struct http_request *request, const struct err *err);
/* The same with further headers ("Name: value", then NULL). They take the place of those that it has of itself: Cache-Control,
 * WWW-Authenticate of a 401, Retry-After of a 503. */
void http_answer_problem_with(struct http_request *request, const struct err *err, const char *const *headers);
void http_answer_data(struct http_request *request, int status, const char *content_type, const void *data, size_t len,
		      const char *const *headers);

/* The first size bytes of a regular file; fd is taken over. It is read as it is sent, on the loop's thread. */
void http_answer_file(struct http_request *request, int status, const char *content_type, int fd, uint64_t size_bytes,
		      const char *const *headers);

/* Server-sent events (HTML Living Standard section 9.2). Starts the answer. The queue is capped (1 MiB): a client that does
 * not read is closed. gone is called once when the client left or was closed for that, never from within the functions
 * below; then the stream is gone. id and event may be NULL. */
struct http_stream *http_answer_events(struct http_request *request, loop_fn gone, void *data);
void http_stream_event(struct http_stream *stream, const char *id, const char *event, const char *data);
/* Ends it after what is queued; gone is not called. */
void http_stream_close(struct http_stream *stream);

/* Answers with 101 and gives a WebSocket (see websocket.h). 0, or an error after which the request was answered. */
int http_answer_websocket(struct http_request *request, struct ws **ret_ws);

/* JSON of text with the same limits as http_request_json(). */
int http_json_parse(const char *text, size_t len, json_t **ret_json, struct err *err);
#define HTTP_JSON_DEPTH_MAX 32

#endif
