/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libmicrohttpd on the loop: its epoll is a descriptor of ours, its timeouts are a timer of ours. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/log.h"
#include "http/http_server_priv.h"

/* TLS 1.2 and 1.3, forward secrecy, authenticated encryption only. */
#define TLS_PRIORITY                                                                                                   \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:-CIPHER-ALL:+AES-128-GCM:"                           \
	"+AES-256-GCM:+CHACHA20-POLY1305:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:%SERVER_PRECEDENCE"
/* How often the daemon runs before other sources of the loop get their turn. */
#define RUN_ROUNDS 16
/* A client that means it has its handshake and its head done by then, whatever else is going on here. */
#define HANDSHAKE_MS 2000

/* ---- deadlines ---- */

static void on_sweep(void *data);

void server_sweep_at(struct http_server *server, int64_t deadline_ms)
{
	if (server->sweeper && server->sweeper_due_ms <= deadline_ms)
		return;
	loop_timer_free(server->sweeper);
	server->sweeper_due_ms = deadline_ms;
	server->sweeper = loop_timer_new(server->loop, deadline_ms - loop_monotonic_ms(server->loop), on_sweep, server);
}

static void conn_cut(struct http_conn *conn)
{
	list_remove(&conn->link);
	shutdown(conn->fd, SHUT_RDWR); /* the daemon sees it and closes */
}

static void sweep_heads(struct http_server *server, struct list *heads, int64_t now_ms)
{
	struct http_conn *conn;

	LIST_FOREACH(conn, heads, link) {
		if (conn->head_deadline_ms > now_ms) {
			server_sweep_at(server, conn->head_deadline_ms);
			break;
		}
		conn_cut(conn);
	}
}

/* All lists are in order of time: what is new goes to the end, and all in one wait equally long. */
static void on_sweep(void *data)
{
	struct http_server *server = data;
	int64_t now_ms = loop_monotonic_ms(server->loop);
	struct http_request *request;

	server->sweeper = NULL;
	sweep_heads(server, &server->fresh, now_ms);
	sweep_heads(server, &server->heads, now_ms);
	while (!list_empty(&server->waiting)) {
		_cleanup_err_ struct err err = ERR_INIT;

		request = CONTAINER_OF(server->waiting.next, struct http_request, link);
		if (request->deadline_ms > now_ms) {
			server_sweep_at(server, request->deadline_ms);
			break;
		}
		err_set(&err, ERR_TIMEOUT, "there was no answer within %" PRId64 " seconds",
			server->answer_deadline_ms / 1000);
		request_abandon(request, &err);
	}
}

void conn_wait_head(struct http_conn *conn, bool fresh)
{
	struct http_server *server = conn->server;

	conn->head_deadline_ms =
		loop_monotonic_ms(server->loop) + (fresh ? server->first_head_ms : server->idle_timeout_ms);
	list_remove(&conn->link);
	list_append(fresh ? &server->fresh : &server->heads, &conn->link);
	server_sweep_at(server, conn->head_deadline_ms);
}

/* Whoever opens connections and says nothing must not keep out who speaks at once: if places are scarce, the one that has been
 * silent for longest goes, but for what any handshake takes. */
static void make_room(struct http_server *server)
{
	struct http_conn *oldest;

	if (server->connections <= server->connections_max / 2 || list_empty(&server->fresh))
		return;
	oldest = CONTAINER_OF(server->fresh.next, struct http_conn, link);
	if (oldest->head_deadline_ms - server->first_head_ms + HANDSHAKE_MS < loop_monotonic_ms(server->loop))
		conn_cut(oldest);
}

void conn_has_head(struct http_conn *conn)
{
	list_remove(&conn->link);
}

/* ---- what the daemon calls ---- */

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http_server *server = cls;
	struct http_conn *conn = *socket_context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		conn = new0(struct http_conn, 1);
		conn->server = server;
		conn->mhd = mhd;
		conn->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		/* Nothing has been said yet: the daemon's own are put aside for this session. */
		if (server->credentials)
			gnutls_credentials_set(
				MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session,
				GNUTLS_CRD_CERTIFICATE, server->credentials->tls);
		list_init(&conn->link);
		*socket_context = conn;
		server->connections++;
		make_room(server);
		conn_wait_head(conn, true);
		return;
	}
	if (server->connections-- == server->connections_max)
		server->run_again = true;
	list_remove(&conn->link);
	free(conn->client_name);
	free(conn->peer);
	free(conn);
	*socket_context = NULL;
}

static void *on_request_line(void *cls, const char *target, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return request_new(cls, info->socket_context, target);
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
				 const char *version, const char *data, size_t *len, void **context)
{
	struct http_server *server = cls;

	struct http_request *request = *context;

	/* While the server stops, answers still go out; nothing new begins. */
	if (!request || (server->closing && request->phase != REQUEST_ANSWERED))
		return MHD_NO;
	return request_step(request, method, version, data, len);
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
	struct http_request *request = *context;
	struct http_conn *conn = request ? request->conn : NULL;

	*context = NULL;
	if (!request)
		return;
	request_completed(request);
	conn_wait_head(conn, false);
}

static PRINTF_LIKE(2, 0) void on_log(void *cls, const char *fmt, va_list ap)
{
	char line[256];

	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	log_debug("http: %s", line);
}

/* Decoding is ours: see http_target.c. */
static size_t no_unescape(void *cls, struct MHD_Connection *mhd, char *text)
{
	return strlen(text);
}

/* ---- running it ---- */

static void server_run(struct http_server *server);

static void on_timer(void *data)
{
	struct http_server *server = data;

	server->timer = NULL;
	server->timer_due_ms = INT64_MAX;
	server_run(server);
}

/* A timer that comes too early does no harm; so there is a new one only if the old one would come too late. */
static void server_run_within(struct http_server *server, uint64_t delay_ms)
{
	int64_t due_ms = loop_monotonic_ms(server->loop) + (int64_t)MIN_OF(delay_ms, (uint64_t)INT32_MAX);

	if (server->timer && server->timer_due_ms <= due_ms)
		return;
	loop_timer_free(server->timer);
	server->timer_due_ms = due_ms;
	server->timer = loop_timer_new(server->loop, (int64_t)delay_ms, on_timer, server);
}

void server_run_soon(struct http_server *server)
{
	server_run_within(server, 0);
}

static void server_run(struct http_server *server)
{
	MHD_UNSIGNED_LONG_LONG delay_ms = 0;
	int64_t began_ms = loop_monotonic_ms(server->loop);
	bool timed = true;

	server->depth++;
	for (unsigned i = 0; i < RUN_ROUNDS && timed && delay_ms == 0; i++) {
		if (i > 0 && loop_turn_is_over(server->loop, began_ms))
			break;
		server->run_again = false;
		MHD_run(server->daemon);
		timed = MHD_get_timeout(server->daemon, &delay_ms) == MHD_YES;
		/* It listens again as a run begins, and knows of a free place only as one ends. */
		if (server->run_again) {
			timed = true;
			delay_ms = 0;
		}
	}
	streams_tell_gone(server);
	server->depth--;
	if (timed)
		server_run_within(server, delay_ms);
}

static void on_epoll(int fd, uint32_t events, void *data)
{
	server_run(data);
}

static void on_tell(void *data)
{
	struct http_server *server = data;

	server->teller = NULL;
	server->depth++;
	streams_tell_gone(server);
	server->depth--;
}

void server_tell_soon(struct http_server *server)
{
	if (!server->teller)
		server->teller = loop_timer_new(server->loop, 0, on_tell, server);
}

/* ---- start and stop ---- */

/* The caller ends what is returned. */
static int load_credentials(const char *cert_pem, const char *key_pem, const char *client_ca_pem,
			    gnutls_certificate_credentials_t *ret, struct err *err)
{
	gnutls_datum_t cert = { .data = (unsigned char *)cert_pem, .size = (unsigned)strlen(cert_pem) };
	gnutls_datum_t key = { .data = (unsigned char *)key_pem, .size = (unsigned)strlen(key_pem) };
	gnutls_datum_t trust = { .data = (unsigned char *)client_ca_pem };
	gnutls_certificate_credentials_t credentials;
	int r;

	if (gnutls_certificate_allocate_credentials(&credentials) < 0)
		abort(); /* out of memory */
	r = gnutls_certificate_set_x509_key_mem(credentials, &cert, &key, GNUTLS_X509_FMT_PEM);
	if (r < 0) {
		r = err_set(err, ERR_INVALID, "cannot use the server's certificate and key: %s", gnutls_strerror(r));
	} else if (client_ca_pem) {
		trust.size = (unsigned)strlen(client_ca_pem);
		r = gnutls_certificate_set_x509_trust_mem(credentials, &trust, GNUTLS_X509_FMT_PEM);
		if (r <= 0)
			r = err_set(err, ERR_INVALID, "cannot use the authority for client certificates");
	}
	if (r < 0) {
		gnutls_certificate_free_credentials(credentials);
		return r;
	}
	*ret = credentials;
	return 0;
}

/* The daemon says nothing about what is wrong with a certificate. */
static int check_certificates(const struct http_server_spec *spec, struct err *err)
{
	gnutls_certificate_credentials_t credentials;
	int r;

	if (!spec->cert_pem)
		return spec->client_ca_pem || spec->key_pem ? err_set(err, ERR_INVALID, "a key without a certificate")
							    : 0;
	if (!spec->key_pem)
		return err_set(err, ERR_INVALID, "a certificate without its key");
	r = load_credentials(spec->cert_pem, spec->key_pem, spec->client_ca_pem, &credentials, err);
	if (r == 0)
		gnutls_certificate_free_credentials(credentials);
	return r;
}

static int check_routes(const struct http_server_spec *spec, struct err *err)
{
	for (const struct http_route *route = spec->routes; route && route->method; route++)
		if (route->path[0] != '/' ||
		    (!route->stream_body_to_file && route->body_max_bytes > BODY_MEMORY_MAX_BYTES) ||
		    (route->stream_body_to_file && !spec->body_dir))
			return err_set(err, ERR_INVALID, "the route %s %s asks for what cannot be", route->method,
				       route->path);
	return 0;
}

static struct MHD_Daemon *daemon_start(struct http_server *server, const struct http_server_spec *spec, int fd)
{
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG |
			 (spec->cert_pem ? MHD_USE_TLS : 0);
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)spec->cert_pem },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)spec->key_pem },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITY },
		{ spec->client_ca_pem ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0, (void *)spec->client_ca_pem },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };

	return MHD_start_daemon(flags, 0, NULL, NULL, on_access, server, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
				MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
				MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_URI_LOG_CALLBACK,
				on_request_line, server, MHD_OPTION_UNESCAPE_CALLBACK, no_unescape, NULL,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONN_MEMORY_BYTES,
				MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)CONN_MEMORY_STEP_BYTES,
				MHD_OPTION_CONNECTION_LIMIT, server->connections_max,
				MHD_OPTION_PER_IP_CONNECTION_LIMIT, spec->connections_per_address_max,
				MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((server->idle_timeout_ms + 999) / 1000),
				MHD_OPTION_ARRAY, spec->cert_pem ? tls : none, MHD_OPTION_END);
}

/* A server as it is asked for; it listens to nothing yet. */
static struct http_server *server_make(const struct http_server_spec *spec)
{
	struct http_server *server = new0(struct http_server, 1);
	server->loop = spec->loop;
	server->routes = spec->routes;
	while (spec->routes && spec->routes[server->route_count].method)
		server->route_count++;
	server->fallback = spec->fallback;
	server->fallback_route = (struct http_route){ .method = "*", .path = "/{*}", .handler = spec->fallback };
	server->admit = spec->admit;
	server->data = spec->data;
	server->body_dir = xstrdup(spec->body_dir);
	server->check_clients = spec->client_ca_pem;
	server->client_ca_pem = spec->client_ca_pem ? xstrdup(spec->client_ca_pem) : NULL;
	server->has_tls = spec->cert_pem;
	server->idle_timeout_ms = spec->idle_timeout_ms > 0 ? spec->idle_timeout_ms : IDLE_TIMEOUT_DEFAULT_MS;
	server->first_head_ms =
		spec->first_head_ms > 0 ? spec->first_head_ms : MIN_OF(server->idle_timeout_ms, FIRST_HEAD_DEFAULT_MS);
	server->answer_deadline_ms = ANSWER_DEADLINE_MS;
	server->heartbeat_ms = STREAM_HEARTBEAT_MS;
	server->connections_max = spec->connections_max ? spec->connections_max : CONNECTIONS_DEFAULT;
	server->timer_due_ms = INT64_MAX;
	struct list *const lists[] = { &server->fresh,	 &server->heads,   &server->waiting, &server->orphans,
				       &server->streams, &server->sockets, &server->gone };
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		list_init(lists[i]);
	return server;
}

int http_server_new(const struct http_server_spec *spec, struct http_server **ret, struct err *err)
{
	struct http_server *server;
	uint16_t port;
	int fd, r = check_certificates(spec, err);

	if (r >= 0)
		r = check_routes(spec, err);
	if (r >= 0)
		r = http_listen(spec, &fd, &port, err);
	if (r < 0)
		return r;
	server = server_make(spec);
	server->port = port;
	server->daemon = daemon_start(server, spec, fd);
	if (!server->daemon) {
		if (fcntl(fd, F_GETFD) >= 0)
			close_fd(fd);
		free(server->client_ca_pem);
		free(server->body_dir);
		free(server);
		return err_set(err, ERR_INTERNAL, "cannot start the HTTP server");
	}
	server->io = loop_io_new(server->loop, MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
				 EPOLLIN, on_epoll, server);
	/* Its first run puts the listening socket into its epoll. */
	server_run_soon(server);
	*ret = server;
	return 0;
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}

int http_server_set_certificate(struct http_server *server, const char *cert_pem, const char *key_pem, struct err *err)
{
	struct http_credentials *fresh;
	gnutls_certificate_credentials_t credentials;
	int r;

	loop_assert_thread(server->loop);
	if (!server->has_tls)
		return err_set(err, ERR_INVALID, "a certificate for a server that speaks plain HTTP");
	r = load_credentials(cert_pem, key_pem, server->client_ca_pem, &credentials, err);
	if (r < 0)
		return r;
	fresh = new0(struct http_credentials, 1);
	*fresh = (struct http_credentials){ server->credentials, credentials };
	server->credentials = fresh;
	return 0;
}

/* Nothing may be suspended when the daemon stops (it aborts): all is answered, then the daemon runs until it has taken
 * notice. It sends what fits into the sockets' buffers; nobody is waited for. */
static void server_drain(struct http_server *server)
{
	_cleanup_err_ struct err err = ERR_INIT;

	server->closing = true;
	err_set(&err, ERR_BUSY, "the server is stopping");
	while (!list_empty(&server->waiting))
		request_abandon(CONTAINER_OF(server->waiting.next, struct http_request, link), &err);
	streams_close(server);
	sockets_close(server);
	for (unsigned i = 0; i < RUN_ROUNDS; i++)
		MHD_run(server->daemon);
	sockets_close(server); /* those that were being made */
}

struct http_server *http_server_free(struct http_server *server)
{
	if (!server)
		return NULL;
	loop_assert_thread(server->loop);
	assert(server->depth == 0);
	server_drain(server);
	loop_io_free(server->io);
	MHD_stop_daemon(server->daemon);
	sockets_close(server); /* those that were not made */
	streams_tell_gone(server);
	loop_timer_free(server->timer);
	loop_timer_free(server->sweeper);
	loop_timer_free(server->teller);
	while (!list_empty(&server->orphans))
		request_free(CONTAINER_OF(server->orphans.next, struct http_request, link));
	while (server->credentials) {
		struct http_credentials *last = server->credentials;

		server->credentials = last->before;
		gnutls_certificate_free_credentials(last->tls);
		free(last);
	}
	free(server->client_ca_pem);
	free(server->body_dir);
	free(server);
	return NULL;
}
