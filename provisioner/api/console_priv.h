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
 * an error that is still to be answered. */
int console_vm_open(struct api *api, struct http_request *request, const char *id, enum console_kind kind,
		    struct err *err);
int console_machine_open(struct api *api, struct http_request *request, const char *id, struct err *err);
/* Ends all of them. */
void console_vm_stop(struct api *api);
void console_machine_stop(struct api *api);
/* A virtual machine has changed. */
void console_vm_changed(struct api *api, const struct vm *vm);

/* Accepts a viewer: 0 and *ret, which is counted until console_viewer_left(); -EALREADY and the request was answered with
 * a refusal; or ERR_BUSY. */
int console_viewer_accept(struct api *api, struct http_request *request, struct ws **ret, struct err *err);
void console_viewer_left(struct api *api);

#endif
