/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the sources of the client share. Nobody else's function is called from within libcurl, which could not bear a transfer
 * ended there: its callbacks note what happened, and client_pump() tells it afterwards. */
#ifndef INGOT_HTTP_HTTP_CLIENT_PRIV_H
#define INGOT_HTTP_HTTP_CLIENT_PRIV_H

#include <curl/curl.h>

#include "base/list.h"
#include "http/http_client.h"
#include "http/sse.h"

#define DEADLINE_DEFAULT_MS 30000
#define CONNECT_DEADLINE_MS 10000
#define RESPONSE_MAX_DEFAULT_BYTES (16 * MIB)
#define CONNECTIONS_KEPT 16
/* Less than the server's idle timeout: who writes on a connection that is being closed loses the race. */
#define CONNECTION_AGE_MAX_S 20

/* What libcurl knows of us: CURLOPT_PRIVATE. */
struct transfer {
	void (*finished)(struct transfer *transfer, CURLcode result);
	const char *server_name; /* that its certificate must have, the client's; or NULL */
};

struct http_client {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer *timer; /* libcurl's */
	struct loop_timer *kick;  /* something is to be told */
	/* libcurl's GnuTLS takes PEM from files only: these are files in memory. -1: none. */
	int ca_fd, cert_fd, key_fd;
	char *bearer, *server_name;
	struct list calls;
	struct list dirty;   /* struct http_call with news, by their dirty_link */
	struct list dials;   /* struct dial */
	struct list sockets; /* struct ws */
	unsigned depth;	     /* of our functions on the stack that call others */
	bool dead;
};

/* http_client.c */
/* A handle with all that does not depend on the call. err is filled if the URL or the credentials are unfit. */
int client_easy_new(struct http_client *client, const char *url, struct transfer *transfer, CURL **ret,
		    struct err *err);
void client_easy_free(struct http_client *client, CURL *easy);
/* Tells what is to be told, soon or now. The client may be gone after client_pump(). */
void client_kick(struct http_client *client);
void client_pump(struct http_client *client);
/* What a result of a transfer means. text: libcurl's own words, or empty. */
int curl_err(struct err *err, CURL *easy, CURLcode result, const char *text);
bool header_value_clean(const char *value);

/* http_call.c */
void call_dispatch(struct http_call *call);
struct http_call *call_of_dirty_link(struct list *link);
void calls_abandon(struct http_client *client);
/* Fills err from an answer outside 200..299. json may be NULL. */
void problem_err(struct err *err, int status, json_t *json);

/* ws_client.c */
void dials_abandon(struct http_client *client);

#endif
