/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Consoles: what opens them (console.c) and what they lead to (console_vm.c, console_machine.c). Loop thread. */
#ifndef INGOT_API_CONSOLE_PRIV_H
#define INGOT_API_CONSOLE_PRIV_H

#include "api/api_priv.h"
#include "http/websocket.h"

/* Viewers of all consoles at a time. */
#define CONSOLE_VIEWERS_MAX 256

/* Whether there is such a console now: 0, or ERR_STATE, ERR_UNSUPPORTED. */
int console_vm_check(const struct vm *vm, struct err *err);
/* Answers the request with a WebSocket that is joined to the console: 0, and the request is answered one way or the other; or
 * an error that is still to be answered. owner: auth_reference() of who opens it. */
int console_vm_open(struct api *api, struct http_request *request, const char *id, enum console_kind kind,
		    const char *owner, struct err *err);
int console_machine_open(struct api *api, struct http_request *request, const char *id, const char *owner,
			 struct err *err);
/* Ends all of them. */
void console_vm_stop(struct api *api);
void console_machine_stop(struct api *api);
/* A virtual machine has changed. */
void console_vm_changed(struct api *api, const struct vm *vm);

/* Somebody who looks at a console; part of what console_vm.c and console_machine.c keep of each. */
struct console_viewer {
	struct list link; /* in api->viewers */
	struct api *api;
	struct ws *ws;
	char *owner; /* auth_reference() */
	/* Ends it, with this status and reason. */
	void (*end)(struct console_viewer *viewer, enum ws_status status, const char *reason);
};
/* Accepts a viewer whose api, owner and end are filled in: 0 and it has its ws, and is counted until console_viewer_left();
 * -EALREADY and the request was answered with a refusal; or ERR_BUSY. Once its owner may not open consoles any more (signed
 * out, disabled, the token deleted or expired), it is ended. */
int console_viewer_accept(struct console_viewer *viewer, struct http_request *request, struct err *err);
/* It is gone; its ws is the caller's. One that was not accepted is fine. */
void console_viewer_left(struct console_viewer *viewer);
/* It sent something: true if its owner may; else it was ended, and is gone. */
bool console_viewer_may(struct console_viewer *viewer);

#endif
