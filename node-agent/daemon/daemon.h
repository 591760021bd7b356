/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Services that outlive the agent. Any worker thread; calls block, each with a deadline. */
#ifndef INGOT_DAEMON_DAEMON_H
#define INGOT_DAEMON_DAEMON_H

#include <sys/types.h>

#include "base/err.h"

struct daemon {
	const char *name;	 /* for people: "ceph-osd.3" */
	const char *unit;	 /* systemd: "ceph-osd@3.service" */
	const char *const *argv; /* direct: it puts itself into the background and writes pid_file; NULL at the end */
	const char *pid_file;	 /* direct */
};

enum daemon_state {
	DAEMON_STOPPED, /* does not run, and is not known to have failed */
	DAEMON_STARTING,
	DAEMON_RUNNING, /* the process is there; whether it does its work is for the caller to find out */
	DAEMON_FAILED,
};

struct daemon_driver {
	const char *name;
	/* ret_why: for DAEMON_FAILED what is known of it, else NULL; the caller frees. */
	int (*state)(const struct daemon *daemon, enum daemon_state *ret, char **ret_why, struct err *err);
	/* Does nothing if it runs. */
	int (*start)(const struct daemon *daemon, struct err *err);
	/* Ends it, and waits for its end. Does nothing if it does not run. */
	int (*stop)(const struct daemon *daemon, struct err *err);
};
extern const struct daemon_driver daemon_driver_systemd, daemon_driver_direct;

/* systemd if it manages this machine (sd_booted(3)), else direct. */
const struct daemon_driver *daemon_driver_here(void);

/* What "systemctl show" said: "Key=value" lines. Pure. */
enum daemon_state daemon_state_parse(const char *properties, char **ret_why);

#endif
