/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the sources of the server share. */
#ifndef INGOT_HTTP_HTTP_SERVER_PRIV_H
#define INGOT_HTTP_HTTP_SERVER_PRIV_H

#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netinet/in.h>

#include "base/list.h"
#include "http/http_server.h"

/* Pool of a connection: request head, response head, read buffer. A head must fit into most of it. */
#define CONN_MEMORY_BYTES (16 * KIB)
#define CONN_MEMORY_STEP_BYTES (2 * KIB)
#define CONNECTIONS_DEFAULT 1000
#define IDLE_TIMEOUT_DEFAULT_MS 30000
#define FIRST_HEAD_DEFAULT_MS 10000
/* A request that waits longer than this for its answer gets 504. Above the longest poll, which is 60 s. */
#define ANSWER_DEADLINE_MS 120000
/* A refused body of at most this size is read and thrown away, so that the answer reaches a client that is still writing
 * (RFC 9112 section 9.6 tells of the reset that eats it otherwise). */
#define SWALLOW_MAX_BYTES MIB
/* A body must come at this rate on average, after the idle timeout: nobody holds a connection by trickling. */
#define BODY_MIN_BYTES_PER_S 1024
#define BODY_MEMORY_MAX_BYTES (16 * MIB)
#define STREAM_QUEUE_MAX_BYTES MIB
#define STREAM_HEARTBEAT_MS 15000
#define PATH_SEGMENTS_MAX 32
#define QUERY_PAIRS_MAX 64

/* Sessions that have not ended may use any that there was. */
struct http_credentials {
	struct http_credentials *before;
	gnutls_certificate_credentials_t tls;
};

struct http_server {
	struct loop *loop;
	struct MHD_Daemon *daemon;
	struct loop_io *io;	    /* the daemon's epoll */
	struct loop_timer *timer;   /* runs the daemon */
	int64_t timer_due_ms;	    /* monotonic; INT64_MAX: no timer */
	struct loop_timer *sweeper; /* ends what is past its deadline */
	int64_t sweeper_due_ms;
	struct loop_timer *teller;
	const struct http_route *routes;
	size_t route_count;
	http_handler_fn fallback;
	struct http_route fallback_route;
	bool (*admit)(struct http_request *request, void *data);
	void *data;
	char *body_dir;
	bool check_clients, has_tls;
	char *client_ca_pem;
	struct http_credentials *credentials; /* set after the start; NULL: those of the daemon */
	int64_t idle_timeout_ms, first_head_ms;
	int64_t answer_deadline_ms; /* these two are constants but for tests */
	int64_t heartbeat_ms;
	unsigned connections, connections_max;
	bool run_again;
	uint16_t port;
	unsigned depth; /* of callbacks on the stack: the server must not be freed by them */
	bool closing;
	struct list fresh;   /* struct http_conn: waits for its first request head, oldest first */
	struct list heads;   /* struct http_conn: waits for another one, oldest first */
	struct list waiting; /* struct http_request: waits for its answer, oldest first */
	struct list orphans; /* struct http_request: its client is gone, its holder does not know */
	struct list streams; /* struct http_stream */
	struct list sockets; /* struct ws, by its owner link */
	struct list gone;    /* struct http_stream: left; to be told once MHD_run() is over */
};

enum conn_client { CLIENT_UNCHECKED, CLIENT_NONE, CLIENT_GOOD, CLIENT_BAD };

struct http_conn {
	struct http_server *server;
	struct MHD_Connection *mhd;
	int fd;
	struct list link; /* in server->fresh, server->heads, or by itself */
	int64_t head_deadline_ms;
	enum conn_client client;
	char *client_name;
	const char *client_fault; /* why it is bad */
	char *peer;
};

enum request_phase {
	REQUEST_HEAD,	  /* its head is not complete or was not looked at */
	REQUEST_BODY,	  /* the body comes */
	REQUEST_SWALLOW,  /* refused; the body is thrown away before the answer */
	REQUEST_HANDLING, /* the handler is on the stack */
	REQUEST_WAITING,  /* suspended until somebody answers */
	REQUEST_ANSWERED,
	REQUEST_ABORTED, /* the client left, or the daemon could not go on */
};

struct query_pair {
	char *name, *value;
};

struct http_request {
	struct http_server *server;
	struct http_conn *conn; /* NULL: an orphan */
	struct list link;	/* in waiting or orphans */
	enum request_phase phase;
	char method[16];
	char *path;  /* decoded */
	char *parts; /* the same, NUL instead of slashes: what part points into */
	const char *part[PATH_SEGMENTS_MAX];
	unsigned part_count;
	char *query_text;
	struct query_pair *query;
	unsigned query_count;
	bool target_bad;
	bool held; /* given up, but its holder was not told and may still answer */
	const struct http_route *route;
	/* body */
	size_t body_max_bytes;
	uint64_t body_bytes;
	int64_t body_start_ms;
	struct strbuf body;
	int body_fd;
	char *body_file;
	struct sha256 *body_hash; /* of the file so far; NULL: not known */
	/* answer */
	struct MHD_Response *response;
	int status;
	int64_t deadline_ms;
	struct loop_io *watch; /* sees the client leave while the daemon does not look */
	loop_fn gone;
	void *gone_data;
	struct http_stream *stream;
	struct ws *ws; /* until the connection is its own */
};

struct http_stream {
	struct http_server *server;
	struct http_request *request; /* NULL: the client is gone */
	struct list link;	      /* in streams, then in gone */
	struct strbuf queue;
	size_t at; /* sent up to here */
	bool suspended, ending, failed;
	bool silent; /* closed by its owner: gone is not called */
	struct loop_timer *heartbeat;
	loop_fn gone;
	void *gone_data;
};

/* http_listen.c: a listening socket of ours or an inherited one, ready for the daemon. The daemon closes it. */
int http_listen(const struct http_server_spec *spec, int *ret_fd, uint16_t *ret_port, struct err *err);

/* http_target.c: parses the target of a request line. False if it is malformed. */
bool target_parse(struct http_request *request, const char *target);
void target_done(struct http_request *request);
/* The route for method and path, or NULL. *ret_allowed gets the methods of other routes for the path, or NULL. */
const struct http_route *route_find(const struct http_server *server, const struct http_request *request,
				    char **ret_allowed);
const char *route_param(const struct http_request *request, const char *name);

/* http_head.c: whether the head may be taken (RFC 9112). *ret_content_length: UINT64_MAX for a chunked body. */
int head_check(struct http_request *request, const char *version, uint64_t *ret_content_length, struct err *err);
void conn_check_client(struct http_conn *conn);

/* http_request.c */
struct http_request *request_new(struct http_server *server, struct http_conn *conn, const char *target);
struct http_request *request_free(struct http_request *request);
/* What the daemon calls: once for the head, for each piece of the body, at its end, and after it was resumed. */
enum MHD_Result request_step(struct http_request *request, const char *method, const char *version, const char *data,
			     size_t *len);
/* The connection is done with it. */
void request_completed(struct http_request *request);
/* Nobody will answer it, or nobody will read the answer: tells the holder. err: what is answered; NULL: nothing. */
void request_abandon(struct http_request *request, const struct err *err);
/* Calls fn when the peer closes, which the daemon does not see of a suspended connection. */
void request_watch(struct http_request *request, loop_io_fn fn, void *data);

/* http_body.c */
void body_begin(struct http_request *request);
/* 0, or a negative errno and err is filled. */
int body_add(struct http_request *request, const char *data, size_t len, struct err *err);
int body_end(struct http_request *request, struct err *err);
void body_done(struct http_request *request);

/* http_answer.c: gives the request its response and wakes the daemon. Takes response over. */
void request_answer(struct http_request *request, int status, struct MHD_Response *response,
		    const char *const *headers);
void response_add_headers(struct MHD_Response *response, const char *const *headers);
/* A problem document; status 0: the one of the code. What headers, which request_answer() is given as well, name it does not
 * set; NULL: there are none. */
struct MHD_Response *problem_response(const struct err *err, int *inout_status, const char *const *headers);

/* http_stream.c */
void stream_detach(struct http_stream *stream);
void streams_close(struct http_server *server);
void streams_tell_gone(struct http_server *server);

/* http_server.c */
/* fresh: it is its first. */
void conn_wait_head(struct http_conn *conn, bool fresh);
void conn_has_head(struct http_conn *conn);
/* A deadline was added at the end of a list. */
void server_sweep_at(struct http_server *server, int64_t deadline_ms);
/* The daemon has something to do that its epoll does not show: a connection was resumed. */
void server_run_soon(struct http_server *server);
/* After a callback that was not called by the daemon: there may be streams whose end is to be told. */
void server_tell_soon(struct http_server *server);

/* ws_server.c */
void sockets_close(struct http_server *server);
/* The request ended before the upgrade. */
void socket_lost(struct ws *ws);

#endif
