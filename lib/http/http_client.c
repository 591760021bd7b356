/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libcurl's multi interface on the loop. */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "http/http_client_priv.h"
#include "http/ws_priv.h"

/* ---- libcurl and the loop ---- */

static void client_harvest(struct http_client *client)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(client->multi, &left))) {
		struct transfer *transfer = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		transfer->finished(transfer, message->data.result);
	}
}

static void client_action(struct http_client *client, curl_socket_t fd, int mask)
{
	int running;

	curl_multi_socket_action(client->multi, fd, mask, &running);
	client_pump(client);
}

static void on_socket(int fd, uint32_t events, void *data)
{
	int mask = (events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		   (events & EPOLLERR ? CURL_CSELECT_ERR : 0);

	client_action(data, fd, mask);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data)
{
	struct http_client *client = data;
	struct loop_io *io = socket_data;
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);

	if (what == CURL_POLL_REMOVE) {
		loop_io_free(io);
		curl_multi_assign(client->multi, fd, NULL);
	} else if (io) {
		loop_io_set_events(io, events);
	} else {
		curl_multi_assign(client->multi, fd, loop_io_new(client->loop, fd, events, on_socket, client));
	}
	return 0;
}

static void on_timer(void *data)
{
	struct http_client *client = data;

	client->timer = NULL;
	client_action(client, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *data)
{
	struct http_client *client = data;

	client->timer = loop_timer_free(client->timer);
	if (timeout_ms >= 0)
		client->timer = loop_timer_new(client->loop, timeout_ms, on_timer, client);
	return 0;
}

/* ---- telling ---- */

static void client_settle(struct http_client *client)
{
	if (client->dead && client->depth == 0)
		free(client);
}

void client_pump(struct http_client *client)
{
	client->depth++;
	if (!client->dead)
		client_harvest(client);
	while (!client->dead && !list_empty(&client->dirty))
		call_dispatch(call_of_dirty_link(client->dirty.next));
	client->depth--;
	client_settle(client);
}

static void on_kick(void *data)
{
	struct http_client *client = data;

	client->kick = NULL;
	client_pump(client);
}

void client_kick(struct http_client *client)
{
	if (!client->kick)
		client->kick = loop_timer_new(client->loop, 0, on_kick, client);
}

/* ---- what all transfers have in common ---- */

bool header_value_clean(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < 0x20 && *value != '\t')
			return false;
	return true;
}

static int memory_file(const char *pem)
{
	size_t len = pem ? strlen(pem) : 0;
	int fd;

	if (!pem)
		return -1;
	fd = memfd_create("ingot-pem", MFD_CLOEXEC);
	if (fd < 0 || write(fd, pem, len) != (ssize_t)len)
		abort(); /* out of memory or descriptors */
	return fd;
}

/* Empty if there is none. */
static void peer_name(gnutls_session_t session, char *ret_name, size_t size)
{
	gnutls_x509_crt_t crt = NULL;
	unsigned count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);

	*ret_name = '\0';
	if (count == 0 || gnutls_x509_crt_init(&crt) < 0)
		return;
	if (gnutls_x509_crt_import(crt, &chain[0], GNUTLS_X509_FMT_DER) < 0 ||
	    gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, ret_name, &size) < 0)
		*ret_name = '\0';
	gnutls_x509_crt_deinit(crt);
}

/* After the handshake, in which libcurl has verified the certificate and its address, and before anything is sent. */
static int check_server(void *data, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
	CURL *easy = data;
	struct transfer *transfer = NULL;
	const struct curl_tlssessioninfo *tls = NULL;
	char name[65]; /* ub-common-name, RFC 5280 appendix A.1 */

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
	curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &tls);
	if (!tls || tls->backend != CURLSSLBACKEND_GNUTLS || !tls->internals)
		return CURL_PREREQFUNC_ABORT;
	peer_name(tls->internals, name, sizeof(name));
	return str_equal(name, transfer->server_name) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static void set_tls(struct http_client *client, CURL *easy)
{
	char path[32];

	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (client->ca_fd >= 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", client->ca_fd);
		curl_easy_setopt(easy, CURLOPT_CAINFO, path);
		/* Otherwise the system's authorities would be trusted as well. */
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	if (client->cert_fd >= 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", client->cert_fd);
		curl_easy_setopt(easy, CURLOPT_SSLCERT, path);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", client->key_fd);
		curl_easy_setopt(easy, CURLOPT_SSLKEY, path);
	}
}

int client_easy_new(struct http_client *client, const char *url, struct transfer *transfer, CURL **ret, struct err *err)
{
	CURL *easy;

	if (!str_starts(url, "https://") && !str_starts(url, "http://"))
		return err_set(err, ERR_INVALID, "\"%.100s\" is not an HTTP address", url);
	if (client->bearer && !header_value_clean(client->bearer))
		return err_set(err, ERR_INVALID, "the token has characters that no token has");
	easy = curl_easy_init();
	if (!easy)
		abort(); /* out of memory */
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_DEADLINE_MS);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)CONNECTION_AGE_MAX_S);
	/* A stream of events has no deadline: the kernel finds out when its other end is gone. */
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
	set_tls(client, easy);
	if (client->server_name) {
		transfer->server_name = client->server_name;
		curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, check_server);
		curl_easy_setopt(easy, CURLOPT_PREREQDATA, easy);
	}
	*ret = easy;
	return 0;
}

void client_easy_free(struct http_client *client, CURL *easy)
{
	if (!easy)
		return;
	curl_multi_remove_handle(client->multi, easy);
	curl_easy_cleanup(easy);
}

/* libcurl says the same of whatever is wrong with a certificate, and names the files it looked into, which are ours in memory. */
static const char *refusal_text(CURL *easy)
{
	long flags = 0; /* of gnutls_certificate_status_t */

	curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &flags);
	if (flags & GNUTLS_CERT_NOT_ACTIVATED)
		return "the server's certificate is not valid yet by this machine's clock; look at the clocks of both";
	if (flags & GNUTLS_CERT_EXPIRED)
		return "the server's certificate is not valid any more by this machine's clock; look at the clocks of both";
	return "the server's certificate was not issued by the authority that is trusted";
}

int curl_err(struct err *err, CURL *easy, CURLcode result, const char *text)
{
	if (!*text)
		text = curl_easy_strerror(result);
	switch ((int)result) {
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(err, ERR_TIMEOUT, "%s", text);
	case CURLE_PEER_FAILED_VERIFICATION:
		if (strstr(text, "CAfile"))
			text = refusal_text(easy);
		return err_set(err, ERR_UNREACHABLE, "%s", text);
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return err_set(err, ERR_INVALID, "%s", text);
	case CURLE_ABORTED_BY_CALLBACK:
		if (strstr(text, "pre-request")) /* check_server() */
			text = "the server's certificate is another server's";
		return err_set(err, ERR_UNREACHABLE, "%s", text);
	case CURLE_SSL_CERTPROBLEM:
		return err_set(err, ERR_INVALID, "the client certificate or its key cannot be used");
	case CURLE_SSL_CACERT_BADFILE:
		return err_set(err, ERR_INVALID, "the authority's certificate cannot be read");
	default:
		return err_set(err, ERR_UNREACHABLE, "%s", text);
	}
}

/* ---- making and freeing ---- */

static void curl_init(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
}

struct http_client *http_client_new(const struct http_client_spec *spec)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct http_client *client = new0(struct http_client, 1);

	pthread_once(&once, curl_init);
	client->loop = spec->loop;
	client->ca_fd = memory_file(spec->ca_pem);
	client->cert_fd = memory_file(spec->cert_pem);
	client->key_fd = memory_file(spec->cert_pem ? spec->key_pem : NULL);
	client->bearer = xstrdup(spec->bearer);
	client->server_name = xstrdup(spec->server_name);
	list_init(&client->calls);
	list_init(&client->dirty);
	list_init(&client->dials);
	list_init(&client->sockets);
	client->multi = curl_multi_init();
	if (!client->multi)
		abort(); /* out of memory */
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
	return client;
}

struct http_client *http_client_free(struct http_client *client)
{
	if (!client || client->dead)
		return NULL;
	client->dead = true;
	client->depth++;
	calls_abandon(client);
	dials_abandon(client);
	ws_abort_all(&client->sockets, "the client is stopping");
	curl_multi_cleanup(client->multi);
	loop_timer_free(client->timer);
	loop_timer_free(client->kick);
	close_fd(client->ca_fd);
	close_fd(client->cert_fd);
	close_fd(client->key_fd);
	if (client->bearer)
		wipe(client->bearer, strlen(client->bearer));
	free(client->bearer);
	client->bearer = NULL;
	str_set(&client->server_name, NULL);
	client->depth--;
	client_settle(client);
	return NULL;
}
