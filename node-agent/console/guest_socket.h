/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef INGOT_CONSOLE_GUEST_SOCKET_H
#define INGOT_CONSOLE_GUEST_SOCKET_H

#include "base/err.h"

/* Connects to a socket that QEMU listens on; *ret_fd does not block and is the caller's. what: "serial port". ERR_NOT_FOUND
 * if the machine does not run here, ERR_CORRUPT if what is there is no socket (a link is not followed). */
int guest_socket_connect(const char *path, const char *what, int *ret_fd, struct err *err);

#endif
