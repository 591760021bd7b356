/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a process is started. */
#ifndef INGOT_CMD_CMD_PRIV_H
#define INGOT_CMD_CMD_PRIV_H

#include "cmd/cmd.h"

/* All that the child needs, made before the fork: it allocates nothing and looks nothing up. */
struct spawn_plan {
	const char *path;
	char *const *argv;
	char *const *envp;
	const char *directory;
	int fds[3];    /* what becomes 0, 1 and 2; each is 3 or more */
	int status_fd; /* struct spawn_failure is written here; closed by a successful exec */
	pid_t parent;
	bool die_with_parent, new_session, keep_capabilities;
};

enum spawn_step { SPAWN_GROUP, SPAWN_PARENT, SPAWN_RIGHTS, SPAWN_FILES, SPAWN_DIRECTORY, SPAWN_EXEC };
struct spawn_failure {
	int step;
	int error;
};

/* The child between fork and exec. */
_Noreturn void spawn_child(const struct spawn_plan *plan);

/* Starts cmd with these as standard input, output and error (-1: /dev/null; they stay the caller's) and waits until the
 * program runs, 10 s at most. 0, or a negative errno and err. ret_pidfd may be NULL. */
int spawn(const struct cmd *cmd, const int fds[3], pid_t *ret_pid, int *ret_pidfd, struct err *err);

/* Standard input for it: a file in memory that holds cmd->input, or -1 for /dev/null if it has none. */
int spawn_input(const struct cmd *cmd, int *ret_fd, struct err *err);

/* Waits on a pidfd. True if the process ended within the time. */
bool spawn_wait(int pidfd, int64_t timeout_ms);
/* Kills the group of a child, waits a little, reaps it. Something that even SIGKILL does not end (it waits for a dead
 * disk), and one without a pidfd (-1), is left to be reaped when the next process is started. True if it was reaped. */
bool spawn_kill(pid_t pid, int pidfd, int *ret_status);

/* True if a hook is set, which then has answered with *ret_result. */
bool cmd_hooked(const struct cmd *cmd, struct cmd_result *ret, struct err *err, int *ret_result);

/* "exit code 1", "killed by SIGSEGV". The caller frees. */
char *cmd_status_text(int status);

#endif
