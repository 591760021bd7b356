/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From an argument vector to a command with its targets and its request. */
#ifndef INGOT_CLI_ARGUMENTS_H
#define INGOT_CLI_ARGUMENTS_H

#include "cli/commands.h"

struct invocation {
	const struct command *command; /* NULL: none was named */
	const char *noun;	       /* named, though the verb may be missing */
	const char **targets;	       /* names or ids; borrowed from argv */
	size_t target_count;
	json_t *body;			    /* an object, if the operation takes a request */
	const char *given[OPTION_COUNT];    /* values of options ("" for one without); NULL: not given */
	const char *ssh_keys[SSH_KEYS_MAX]; /* files of --ssh-key, which may be given several times */
	size_t ssh_key_count;
	char *query;			 /* of a list: "&state=ready&sort=name", or NULL */
	int64_t timeout_ms, duration_ms; /* 0: none */
	bool json;			 /* -o json */
};

/* ERR_INVALID says what is wrong with the arguments and how it is right. With --help, --version or --man the rest is
 * not asked to be complete. On failure ret is filled as far as it went, for the hint; invocation_done() frees it either
 * way. */
int arguments_parse(int argc, char **argv, struct invocation *ret, struct err *err);
void invocation_done(struct invocation *invocation);

#endif
