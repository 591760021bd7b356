/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef INGOT_API_API_PRIV_H
#define INGOT_API_API_PRIV_H

#include "api/api.h"
#include "base/list.h"
#include "proto/operations.h"

struct api {
	struct api_spec spec;
	struct store *store;
	struct http_route routes[OPERATION_COUNT + 1];
	struct list streams;  /* event_stream.c */
	struct list consoles; /* console.c */
	json_t *openapi;
};

/* One call, after what is common was checked. */
struct api_call {
	struct api *api;
	struct http_request *request;
	const struct operation *operation;
	const struct token *token;
	const struct store_kind *kind;
	const char *id; /* of the resource in the path; borrowed */
	void *body;	/* decoded by the operation's schema; or NULL */
	/* results */
	const char *task;   /* OPERATION_TASK: borrowed id */
	const void *result; /* OPERATION_CREATE: borrowed document */
	bool answered;	    /* the handler answered by itself */
	bool repeated;	    /* OPERATION_CREATE: it was created by an earlier call with the same key */
};

/* 0 and the answer is made from the call's results; or a negative errno with err. */
typedef int (*api_fn)(struct api_call *call, struct err *err);

/* A resource as it is answered, with the names of what it refers to. The caller owns it. */
json_t *api_show(struct api *api, const struct store_kind *kind, const void *object);
/* The value of a FIELD_STRING as it is answered: for a field such as "node_name" the name of what is referred to.
 * Borrowed; NULL: none. */
const char *api_string_value(struct api *api, const struct store_kind *kind, const struct field *f, const void *object);
/* Answers OPERATION_LIST: ?limit=&cursor=&sort=&q=&FIELD=value. ERR_INVALID names the parameter. */
int api_list(struct api_call *call, struct err *err);

/* Calls fn to create something, or finds what an earlier call with the same Idempotency-Key created. */
int api_create(struct api_call *call, api_fn fn, struct err *err);
int api_events(struct api_call *call, struct err *err);
void api_events_register(struct api *api);
void api_events_stop(struct api *api);
int api_vm_console(struct api_call *call, struct err *err);
int api_machine_console(struct api_call *call, struct err *err);
/* An agent dials in with a ticket. */
void api_agent_console(struct http_request *request, void *data);
void api_consoles_register(struct api *api);
void api_consoles_stop(struct api *api);
int api_metrics(struct api_call *call, struct err *err);

#endif
