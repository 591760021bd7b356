/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything the REST API can do, one row each. The provisioner binds a handler to each row, the OpenAPI document lists
 * them, the command line calls them. */
#ifndef INGOT_PROTO_OPERATIONS_H
#define INGOT_PROTO_OPERATIONS_H

#include "proto/resources.h"

enum operation_id {
	OP_MACHINE_LIST,
	OP_MACHINE_SHOW,
	OP_MACHINE_ACCEPT,
	OP_MACHINE_DEPLOY,
	OP_MACHINE_POWER,
	OP_MACHINE_UPDATE,
	OP_MACHINE_DELETE,
	OP_MACHINE_CONSOLE,
	OP_MACHINE_CONSOLE_TICKET,
	OP_MACHINE_SENSORS,
	OP_MACHINE_SEL,
	OP_BMC_RANGE_LIST,
	OP_BMC_RANGE_SHOW,
	OP_BMC_RANGE_CREATE,
	OP_BMC_RANGE_UPDATE,
	OP_BMC_RANGE_DELETE,
	OP_NODE_LIST,
	OP_NODE_SHOW,
	OP_NODE_UPDATE,
	OP_NODE_CONFIRM_OFF,
	OP_POOL_LIST,
	OP_POOL_SHOW,
	OP_POOL_USAGE,
	OP_IMAGE_LIST,
	OP_IMAGE_SHOW,
	OP_IMAGE_CREATE,
	OP_IMAGE_UPLOAD,
	OP_IMAGE_CONTENT,
	OP_IMAGE_APPEND,
	OP_IMAGE_DELETE,
	OP_VOLUME_LIST,
	OP_VOLUME_SHOW,
	OP_VOLUME_CREATE,
	OP_VOLUME_DELETE,
	OP_NETWORK_LIST,
	OP_NETWORK_SHOW,
	OP_NETWORK_CREATE,
	OP_NETWORK_DELETE,
	OP_VM_LIST,
	OP_VM_SHOW,
	OP_VM_CREATE,
	OP_VM_START,
	OP_VM_STOP,
	OP_VM_MIGRATE,
	OP_VM_DELETE,
	OP_VM_CONSOLE,
	OP_VM_CONSOLE_TICKET,
	OP_CLOUD_INIT_CHECK,
	OP_CONSOLE,
	OP_TASK_LIST,
	OP_TASK_SHOW,
	OP_TASK_CANCEL,
	OP_TASK_RETRY,
	OP_EVENT_LIST,
	OP_SESSION_CREATE,
	OP_SESSION_SHOW,
	OP_SESSION_DELETE,
	OP_SESSION_PASSWORD,
	OP_USER_LIST,
	OP_USER_SHOW,
	OP_USER_CREATE,
	OP_USER_UPDATE,
	OP_USER_DELETE,
	OP_TOKEN_LIST,
	OP_TOKEN_SHOW,
	OP_TOKEN_CREATE,
	OP_TOKEN_DELETE,
	OP_JOIN_TOKEN_LIST,
	OP_JOIN_TOKEN_SHOW,
	OP_JOIN_TOKEN_CREATE,
	OP_JOIN_TOKEN_DELETE,
	OP_AUDIT_LIST,
	OP_OPENAPI,
	OP_VERSION,
	OP_METRICS,
	OPERATION_COUNT,
};

enum operation_kind {
	OPERATION_LIST,	     /* 200 {"items": [...], "next": cursor or null, "total": how many there are} */
	OPERATION_SHOW,	     /* 200 the resource, ETag */
	OPERATION_CREATE,    /* 201 the resource, Location; or 202 if it takes a task (field "task") */
	OPERATION_UPDATE,    /* 200 the resource; the body has the fields that change */
	OPERATION_DELETE,    /* 204 */
	OPERATION_ISSUE,     /* 201 something that is no resource: a session, a ticket */
	OPERATION_ACTION,    /* 200 the resource */
	OPERATION_TASK,	     /* 202 the task, Location: its address */
	OPERATION_READING,   /* 200 what was found just now: of no revision */
	OPERATION_APPEND,    /* 204, Upload-Offset; or 202 the task that the last byte starts */
	OPERATION_EVENTS,    /* 200 a list, or with Accept: text/event-stream a stream of server-sent events */
	OPERATION_WEBSOCKET, /* 101 */
	OPERATION_DOCUMENT,  /* 200 something else */
};

/* The cookie of a session: of this host only, sent over TLS only (RFC 6265bis section 4.1.3.2). */
#define SESSION_COOKIE "__Host-ingot"

struct operation {
	const char *name; /* "machine.deploy" */
	enum operation_kind kind;
	const char *method, *path;
	const struct schema *request;  /* NULL: no body */
	const struct schema *response; /* an element of a list; NULL: none */
	int role;		       /* enum role: the least that may; ROLE_NONE: whoever asks */
	size_t body_max_bytes;
	const char *summary;
};
extern const struct operation operations[OPERATION_COUNT];

/* Whether it may change something: what a session's calls need more than the cookie for, and what is audited. */
bool operation_is_unsafe(const struct operation *operation);
/* Whether a call that was not answered may be made again with the same Idempotency-Key (draft-ietf-httpapi-idempotency-key-header):
 * what creates or begins something by POST. */
bool operation_takes_key(const struct operation *operation);
/* A field of a resource that lists can be asked for by "?FIELD=value" and sorted by. */
bool field_filters(const struct field *field);
bool field_sorts(const struct field *field);

/* The OpenAPI 3.1 document of all operations. The caller owns it. */
json_t *openapi_document(void);

#endif
