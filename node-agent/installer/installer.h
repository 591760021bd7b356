/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `ingot-agent install`: the installer on a medium (docs/protocol.md, docs/answers.md). */
#ifndef INGOT_INSTALLER_INSTALLER_H
#define INGOT_INSTALLER_INSTALLER_H

struct installer_options {
	const char *check; /* an answer file to judge */
};

/* Returns the exit code of the program. On the main thread, with no other one running. */
int installer_run(const struct installer_options *options);

#endif
