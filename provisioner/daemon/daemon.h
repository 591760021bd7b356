/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The program: files, keys, listeners and network boot around the controller. */
#ifndef INGOT_DAEMON_DAEMON_H
#define INGOT_DAEMON_DAEMON_H

#include "daemon/config.h"
#include "loop/loop.h"

struct daemon;
/* What daemon_new() would refuse of a configuration that can be read, without a look at this host. ERR_INVALID with the field. */
int daemon_check(const struct config *config, struct err *err);
/* Starts everything. Errors name the field or the file. config is borrowed. */
int daemon_new(struct loop *loop, const struct config *config, struct daemon **ret, struct err *err);
struct daemon *daemon_free(struct daemon *daemon);

#endif
