/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From answers to what the host starts with: pure, so that it can be shown before anything is written. */
#ifndef INGOT_INSTALLER_PLAN_H
#define INGOT_INSTALLER_PLAN_H

#include "install/host_files.h"
#include "installer/answers.h"

/* What is not in the answers. Borrowed. */
struct plan_input {
	const char *medium;	   /* folder of the medium's /ingot */
	const char *ca_pem;	   /* of the provisioner that a node joins */
	const char *password_hash; /* of the administrator, for console and dashboard; NULL: there is no provisioner */
	const char *mark;	   /* which answers these are: install_mark(); NULL: a person's */
	const char *version;	   /* of the medium */
};

/* The files of the host. answers have been checked. */
void plan_files(const struct answers *answers, const struct plan_input *input, struct host_files *ret);
/* Those that are put into a state partition that is kept: the medium's files and the record of this installation. */
void plan_files_kept(const struct answers *answers, const struct plan_input *input, struct host_files *ret);
/* "console=tty0 console=ttyS0,115200" from the answers, else from the words console= of this kernel's command line; the caller
 * frees. */
char *plan_console(const struct answers *answers, const char *cmdline);
/* "ADDRESS:PORT" of the listener for agents that answers with a join token lead to; the caller frees. */
char *plan_server(const struct answers *answers);
/* The provisioner's configuration (docs/configuration.md); the caller frees. */
char *plan_provisioner_config(const struct answers *answers);

#endif
