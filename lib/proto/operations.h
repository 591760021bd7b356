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
	OP_MACHINE_CONSOLE,
	OP_NODE_LIST,
	OP_NODE_SHOW,
	OP_POOL_LIST,
	OP_POOL_SHOW,
	OP_IMAGE_LIST,
	OP_IMAGE_SHOW,
	OP_IMAGE_CREATE,
	OP_IMAGE_UPLOAD,
	OP_IMAGE_DELETE,
	OP_VOLUME_LIST,
	OP_VOLUME_SHOW,
	OP_VOLUME_CREATE,
	OP_VOLUME_DELETE,
	OP_VM_LIST,
	OP_VM_SHOW,
	OP_VM_CREATE,
	OP_VM_START,
	OP_VM_STOP,
	OP_VM_MIGRATE,
	OP_VM_DELETE,
	OP_VM_CONSOLE,
	OP_TASK_LIST,
	OP_TASK_SHOW,
	OP_TASK_CANCEL,
	OP_EVENT_LIST,
	OP_OPENAPI,
	OP_VERSION,
	OP_METRICS,
	OPERATION_COUNT,
};

enum operation_kind {
	OPERATION_LIST,	     /* 200 {"items": [...], "next": cursor or null} */
	OPERATION_SHOW,	     /* 200 the resource, ETag */
	OPERATION_CREATE,    /* 201 the resource, Location; or 202 if it takes a task (field "task") */
	OPERATION_ACTION,    /* 200 the resource */
	OPERATION_TASK,	     /* 202 the task, Location: its address */
	OPERATION_EVENTS,    /* 200 a list, or with Accept: text/event-stream a stream of server-sent events */
	OPERATION_WEBSOCKET, /* 101 */
	OPERATION_DOCUMENT,  /* 200 something else */
};

struct operation {
	const char *name; /* "machine.deploy" */
	enum operation_kind kind;
	const char *method, *path;
	const struct schema *request;  /* NULL: no body */
	const struct schema *response; /* an element of a list; NULL: none */
	int role;		       /* enum role: the least that may */
	size_t body_max_bytes;
	const char *summary;
};
extern const struct operation operations[OPERATION_COUNT];

/* The OpenAPI 3.1 document of all operations. The caller owns it. */
json_t *openapi_document(void);

#endif
