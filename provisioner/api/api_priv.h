/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef INGOT_API_API_PRIV_H
#define INGOT_API_API_PRIV_H

#include "api/api.h"
#include "base/list.h"
#include "base/rate.h"
#include "proto/operations.h"

#define STRANGERS_KEPT 1024
#define RENEWALS_KEPT 1024

struct api {
	struct api_spec spec;
	struct store *store;
	struct auth *auth;
	struct http_route routes[OPERATION_COUNT + 1];
	struct list streams;			/* event_stream.c */
	struct loop_timer *heartbeat;		/* event_stream.c; NULL while there are no streams */
	struct list consoles, machine_consoles; /* console_vm.c, console_machine.c */
	struct list viewers;			/* console.c: of both */
	struct loop_timer *viewers_timer;
	unsigned console_viewers;
	struct tickets *tickets;	/* console.c */
	struct list readings;		/* machine_readings.c */
	struct list waiting;		/* struct api_call: for a worker */
	struct agent_queue *agents;	/* agent_queue.c */
	struct rate_table strangers;	/* agent_routes.c: hellos by address */
	struct rate_table boots;	/* agent_routes.c: what live agents say and ask, by machine */
	struct rate_table renewals;	/* agent_routes.c: certificates by node */
	unsigned char creation_key[32]; /* creation.c: of this process */
	json_t *openapi;
};

/* One call, after what is common was checked. */
struct api_call {
	struct api *api;
	struct http_request *request;
	const struct operation *operation;
	struct auth_who who;
	const struct store_kind *kind;
	const char *id;			 /* of the resource in the path; borrowed */
	void *body;			 /* decoded by the operation's schema; or NULL */
	struct password_work *passwords; /* what was found out on a worker before the handler; or NULL */
	char *upload;			 /* the file that a worker brings to the disk before the handler; or NULL */
	int upload_error;		 /* a negative errno, if that failed */
	char *address, *object;		 /* for the audit: where it came from, what it was called on */
	/* results */
	const char *task;      /* OPERATION_TASK: borrowed id */
	const void *result;    /* OPERATION_CREATE: borrowed document */
	bool answered;	       /* the handler answered by itself */
	bool repeated;	       /* it was done by an earlier call with the same key */
	char *token_text;      /* OPERATION_CREATE of a token: shown this once */
	int status;	       /* answered; 0: as the kind of operation has it */
	int64_t retry_after_s; /* with ERR_RATE_LIMIT */
	struct list link;      /* in api->waiting */
	bool gone;	       /* the client is, or the api */
};

/* 0 and the answer is made from the call's results; or a negative errno with err. */
typedef int (*api_fn)(struct api_call *call, struct err *err);

/* ---- api_access.c ---- */

/* Finds out who calls, by token or by session, and whether that one may: ERR_UNAUTHENTICATED, ERR_FORBIDDEN. A session's
 * call that changes something needs its CSRF token, and comes from our own pages (Origin). *ret is set as far as it is
 * known, also on failure. */
int api_authorize(struct api *api, struct http_request *request, const struct operation *operation,
		  struct auth_who *ret, struct err *err);
/* The value of the session's cookie; the caller wipes and frees it. NULL: none. */
char *api_cookie(const struct http_request *request);
/* Fetch Standard section 3.1: a page of another site says so in Origin. needed: it has to be there. ERR_FORBIDDEN. */
int api_check_origin(const struct http_request *request, bool needed, struct err *err);
/* Whether a resource is there for the one who calls: tokens are their maker's and administrators'. */
bool api_sees(const struct api_call *call, const void *object);

/* ---- api_audit.c ---- */

/* Takes down a call that was answered, if it is of those that are. err NULL: it was done. */
void api_audit(struct api_call *call, const struct err *err);

/* ---- api_users.c: sessions, users, tokens ---- */

/* What needs a hash first: *ret_work is what a worker is to find out; NULL: nothing. */
int api_prepare_sign_in(struct api_call *call, struct password_work **ret_work, struct err *err);
int api_prepare_password(struct api_call *call, struct password_work **ret_work, struct err *err);
int api_prepare_user_create(struct api_call *call, struct password_work **ret_work, struct err *err);
int api_prepare_user_update(struct api_call *call, struct password_work **ret_work, struct err *err);
int api_sign_in(struct api_call *call, struct err *err);
int api_session_show(struct api_call *call, struct err *err);
int api_sign_out(struct api_call *call, struct err *err);
int api_session_password(struct api_call *call, struct err *err);
int api_user_create(struct api_call *call, struct err *err);
int api_user_update(struct api_call *call, struct err *err);
int api_user_delete(struct api_call *call, struct err *err);
int api_token_create(struct api_call *call, struct err *err);
int api_token_delete(struct api_call *call, struct err *err);

/* A resource as it is answered, with the names of what it refers to. The caller owns it. */
json_t *api_show(struct api *api, const struct store_kind *kind, const void *object);
/* The value of a FIELD_STRING as it is answered: for a field such as "node_name" the name of what is referred to.
 * Borrowed; NULL: none. */
const char *api_string_value(struct api *api, const struct store_kind *kind, const struct field *f, const void *object);
/* Answers OPERATION_LIST: ?limit=&cursor=&sort=&q=&FIELD=value. ERR_INVALID names the parameter. */
int api_list(struct api_call *call, struct err *err);

/* Calls fn to create or begin something, or finds what an earlier call with the same Idempotency-Key did; operation_takes_key().
 * ERR_INVALID, ERR_STATE name the header: no key, or that of another request. ERR_NOT_FOUND: what was done is gone by now. */
int api_once(struct api_call *call, api_fn fn, struct err *err);
int api_events(struct api_call *call, struct err *err);
/* Whether it is asked for as a stream, not as a page. */
bool api_wants_stream(const struct http_request *request);
void api_events_register(struct api *api);
void api_events_stop(struct api *api);

/* ---- agent_queue.c ---- */

/* Calls fn with the request and the api when its turn has come, unless the agent leaves before. stranger: it is not known who
 * speaks. ERR_BUSY (503) is answered if too many strangers wait. */
void agent_queue_add(struct api *api, struct http_request *request, bool stranger, http_handler_fn fn);
void agent_queue_start(struct api *api);
void agent_queue_stop(struct api *api);

/* ---- machine_readings.c ---- */

int api_machine_sensors(struct api_call *call, struct err *err);
int api_machine_sel(struct api_call *call, struct err *err);
void api_readings_stop(struct api *api);

/* ---- image_content.c: images in pieces ---- */

/* Before the body is read: says where it goes. *ret_header: how much has arrived, for the answer, if that is what is wrong;
 * the caller frees. */
int api_admit_piece(struct api_call *call, char **ret_header, struct err *err);
/* What was received: *ret_path is on the disk before a handler is called. The caller frees. */
int api_prepare_upload(struct api_call *call, char **ret_path, struct err *err);
int api_image_upload(struct api_call *call, struct err *err);
int api_image_append(struct api_call *call, struct err *err);
int api_image_content(struct api_call *call, struct err *err);

int api_vm_console(struct api_call *call, struct err *err);
int api_machine_console(struct api_call *call, struct err *err);
int api_vm_console_ticket(struct api_call *call, struct err *err);
int api_machine_console_ticket(struct api_call *call, struct err *err);
int api_console(struct api_call *call, struct err *err);
/* An agent dials in with a ticket. */
void api_agent_console(struct http_request *request, void *data);
void api_consoles_register(struct api *api);
void api_consoles_stop(struct api *api);
int api_metrics(struct api_call *call, struct err *err);

#endif
