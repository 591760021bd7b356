/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTTP client on the loop: libcurl's multi interface. HTTPS is verified against the CA given and no other. */
#ifndef INGOT_HTTP_HTTP_CLIENT_H
#define INGOT_HTTP_HTTP_CLIENT_H

#include <jansson.h>

#include "base/err.h"
#include "loop/loop.h"

struct http_client;
struct http_call;

struct http_client_spec {
	struct loop *loop;
	const char *ca_pem;		/* NULL: the system's authorities */
	const char *server_name;	/* common name that the server's certificate must have as well, or NULL */
	const char *cert_pem, *key_pem; /* client certificate, or NULL */
	const char *bearer;		/* token for every call, or NULL */
};
struct http_client *http_client_new(const struct http_client_spec *spec);
/* Ends calls under way without calling back; WebSockets are closed, and told so. NULL is fine; returns NULL. */
struct http_client *http_client_free(struct http_client *client);
DEFINE_CLEANUP(struct http_client *, http_client_free)

struct http_response {
	int status;   /* 0: no answer came; err says why */
	json_t *json; /* the body if it was JSON, else NULL; borrowed */
	const void *data;
	size_t len;
	const char *location; /* headers of use, or NULL */
	const char *etag;
};
/* err is never NULL: its code is ERR_NONE for a status of 200..299, otherwise it is filled from the problem document (code,
 * detail, field) or from what went wrong. The end of a stream of events is a 200 with no body. */
typedef void (*http_done_fn)(const struct http_response *response, const struct err *err, void *data);

/* No answer is taken that is larger, whatever was asked for. */
#define HTTP_RESPONSE_MAX_BYTES (48 * MIB)
struct http_call_spec {
	const char *method, *url;
	json_t *json;		    /* body; borrowed; or */
	const char *body_file;	    /* a file sent as it is; */
	uint64_t body_offset_bytes; /* but for so much of its beginning */
	const char *body_type;	    /* NULL: application/octet-stream */
	const char *const *headers;
	int64_t deadline_ms;	   /* whole call; 0: 30 000 */
	size_t response_max_bytes; /* 0: 16 MiB */
	/* If set, called for each Server-Sent Event instead of collecting the body; no deadline but the caller's. */
	void (*event)(const char *id, const char *event, const char *payload, void *data);
	void (*upload_progress)(uint64_t done_bytes, uint64_t total_bytes, void *data);
	http_done_fn done;
	void *data;
};
/* The handle is valid until done was called. done is never called from within. Within any of the functions the call and the
 * client may be freed. */
struct http_call *http_call_new(struct http_client *client, const struct http_call_spec *spec);
/* Abandons it; done is not called. NULL is fine; returns NULL. */
struct http_call *http_call_free(struct http_call *call);

#endif
