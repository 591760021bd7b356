/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The connection to the provisioner: address, token, authority, deadline, and calls that read as if they were plain
 * ones: each runs the loop until its answer is there, the time is up, or the person pressed Ctrl-C. */
#ifndef INGOT_CLI_CLI_SESSION_H
#define INGOT_CLI_CLI_SESSION_H

#include "cli/arguments.h"
#include "http/http_client.h"

struct session {
	struct loop *loop;
	struct http_client *client; /* NULL until session_connect() */
	char *url;		    /* without a slash at the end */
	bool json;		    /* -o json */
	int64_t deadline_at_ms;	    /* monotonic; 0: none */
	struct loop_signal *interrupt, *terminate;
	int signal; /* that came, or 0 */
};

struct reply {
	int status;   /* 0: no answer came */
	json_t *json; /* what was answered, or NULL */
};
void reply_done(struct reply *reply);
#define _cleanup_reply_ _cleanup_(reply_done)

struct session *session_new(const struct invocation *invocation);
struct session *session_free(struct session *session); /* NULL is fine; returns NULL */
DEFINE_CLEANUP(struct session *, session_free)
/* Reads address, token and authority from options and environment. ERR_INVALID says which is missing and how to give
 * it. */
int session_connect(struct session *session, const struct invocation *invocation, struct err *err);

struct call {
	const char *method, *path; /* path with its query, from "/v1" on */
	json_t *body;		   /* borrowed, or NULL */
	const char *body_file;	   /* but for its first body_offset_bytes */
	uint64_t body_offset_bytes;
	const char *body_type;	    /* of body_file; NULL: application/octet-stream */
	const char *const *headers; /* "Name: value", NULL-terminated, or NULL */
	int64_t deadline_ms;	    /* 0: 30 000; --timeout shortens it */
	void (*upload_progress)(uint64_t done_bytes, uint64_t total_bytes, void *data);
	void *data;
};
/* 0 with the answer; or err as the provisioner or the connection has it. ERR_CANCELLED after a signal. reply->status is
 * set either way. */
int session_call(struct session *session, const struct call *call, struct reply *ret, struct err *err);
/* A call of an operation on a resource; id may be NULL if its path has none. One that creates or begins something and is not
 * answered is made again a few times, with the same Idempotency-Key: it is done once. */
int session_operation(struct session *session, const struct operation *operation, const char *id, json_t *body,
		      struct reply *ret, struct err *err);
/* Runs the loop until loop_quit(), the deadline (then ERR_TIMEOUT) or a signal (ERR_CANCELLED). */
int session_run(struct session *session, struct err *err);

/* "/v1/machines/{id}/deploy" with the id in it, percent-encoded (RFC 3986 section 2.1). The caller frees. */
char *operation_path(const struct operation *operation, const char *id);
char *url_encode(const char *text);
/* How a resource of a kind is shown; NULL: there is no operation for it. */
const struct operation *operation_show_of(const struct schema *schema);

/* Prints "ingot: [ABOUT: ]TITLE: DETAIL" on standard error, with the field and what may help, and gives the exit code.
 * about: the target, or NULL. command: to speak of its options, or NULL. */
int session_fail(const struct session *session, const struct command *command, const char *about,
		 const struct reply *reply, const struct err *err);

#endif
