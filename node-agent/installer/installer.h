/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `ingot-agent install`: the installer on a medium (docs/protocol.md, docs/answers.md). */
#ifndef INGOT_INSTALLER_INSTALLER_H
#define INGOT_INSTALLER_INSTALLER_H

struct installer_options {
	const char *check;   /* an answer file to judge */
	const char *answers; /* an answer file to install by, or its http:// address */
	const char *medium;  /* where the medium is mounted */
	const char *sysroot; /* before /sys, /proc, /dev; "" on a real machine */
	const char *prefix;  /* before /run; "" on a real machine. With one, nothing is booted */
};

/* Returns the exit code of the program. On the main thread, with no other one running. */
int installer_run(const struct installer_options *options);

#endif
