/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One-use tickets for consoles: what a browser, which can send no token with a WebSocket, opens one with. In memory only:
 * they end with the program. Loop thread. */
#ifndef INGOT_API_TICKETS_H
#define INGOT_API_TICKETS_H

#include "base/list.h"
#include "loop/loop.h"
#include "proto/resources.h"

#define TICKET_LIFE_MS 30000
#define TICKETS_MAX 1024

/* What one is for. */
struct ticket {
	char *owner;	    /* who asked for it, in the words of the caller */
	char *vm, *machine; /* one of them: the id */
	enum console_kind kind;
};
void ticket_done(struct ticket *ticket);

struct tickets;
struct tickets *tickets_new(struct loop *loop);
struct tickets *tickets_free(struct tickets *tickets); /* NULL is fine; returns NULL */
/* Takes what what points to over and gives the text; the caller wipes and frees it. ERR_BUSY: TICKETS_MAX are out already. */
int ticket_issue(struct tickets *tickets, struct ticket *what, char **ret_text, int64_t *ret_expires_ms,
		 struct err *err);
/* Uses it up: 0 and *ret is the caller's; or ERR_NOT_FOUND, the same for one that never was, was used or has expired. */
int ticket_take(struct tickets *tickets, const char *text, struct ticket *ret, struct err *err);

#endif
