/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A virtual machine's serial port as its viewers share it. QEMU serves one peer at a time, so there is one connection, for
 * input only; output is read from the log that QEMU keeps, by each viewer from its own offset: that gives history and what
 * comes live as one stream, without gap or repeat. On the loop's thread. */
#ifndef INGOT_CONSOLE_SERIAL_PORT_H
#define INGOT_CONSOLE_SERIAL_PORT_H

#include <sys/types.h>

#include "base/err.h"
#include "base/list.h"
#include "loop/loop.h"

struct serial_port;

struct serial_port_events {
	void (*output)(void *data);		       /* the log has grown */
	void (*ended)(const char *reason, void *data); /* once: QEMU has let go; the log is whole */
};
/* ERR_NOT_FOUND if the machine does not run here. Paths: see vm_paths.h. */
int serial_port_open(struct loop *loop, const char *socket_path, const char *log_path,
		     const struct serial_port_events *events, void *data, struct serial_port **ret, struct err *err);
/* QEMU is left so that no output is lost: the connection ends a little later, on a worker. NULL is fine; returns NULL. */
struct serial_port *serial_port_free(struct serial_port *port);

/* Where a viewer begins: at most history_bytes before the end, at the beginning of a line unless at that of the log. */
uint64_t serial_port_start(struct serial_port *port, uint64_t history_bytes);
/* Output from an offset on: how many bytes, 0 if there is no more now, or a negative errno. */
ssize_t serial_port_read(struct serial_port *port, uint64_t offset, void *data, size_t len);
/* Queues input. -ENOBUFS if the guest has not read what was typed before (64 KiB); nothing was taken then. */
int serial_port_write(struct serial_port *port, const void *data, size_t len);

#endif
