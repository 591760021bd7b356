/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One viewer's connection to a virtual machine's screen: QEMU's VNC server on a unix socket, which serves several at once.
 * Bytes are passed on as they are (RFB, RFC 6143). On the loop's thread. */
#ifndef INGOT_CONSOLE_SCREEN_H
#define INGOT_CONSOLE_SCREEN_H

#include "base/err.h"
#include "loop/loop.h"

struct screen;
struct screen_events {
	/* Bytes from QEMU. False: no more until screen_resume(). */
	bool (*output)(const void *bytes, size_t len, void *data);
	/* All input that waited was taken. */
	void (*drained)(void *data);
	/* Once: QEMU has let go. */
	void (*ended)(const char *reason, void *data);
};
/* ERR_NOT_FOUND if the machine does not run here. */
int screen_open(struct loop *loop, const char *socket_path, const struct screen_events *events, void *data,
		struct screen **ret, struct err *err);
struct screen *screen_free(struct screen *screen); /* not in output(); NULL is fine; returns NULL */

/* Takes all of it. False: QEMU does not read just now; no more should be given until drained() was called. */
bool screen_write(struct screen *screen, const void *bytes, size_t len);
void screen_resume(struct screen *screen);

#endif
