/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The child between fork and exec. Another thread may have held any lock when we forked, so only functions of
 * signal-safety(7) are called here; nothing else lives in this file, so that a test can hold what the object file
 * refers to against that list. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cmd/cmd_priv.h"

/* The status descriptor's place in the child; all above it are closed. */
#define STATUS_FD 3

static _Noreturn void fail(int status_fd, enum spawn_step step)
{
	struct spawn_failure failure = { .step = (int)step, .error = errno };
	ssize_t n = write(status_fd, &failure, sizeof(failure));
	(void)n; /* the parent is gone, then */
	_exit(127);
}

/* Ignored signals stay ignored over an exec, and so does the mask. */
static void reset_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &action, NULL); /* those that cannot be set need not be */
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn void spawn_child(const struct spawn_plan *plan)
{
	int status_fd = plan->status_fd;

	reset_signals();
	/* A group of its own, so that the deadline reaches its children too. */
	if ((plan->new_session ? setsid() : setpgid(0, 0)) < 0)
		fail(status_fd, SPAWN_GROUP);
	if (plan->die_with_parent) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
			fail(status_fd, SPAWN_PARENT);
		/* It may have ended before that call. */
		if (getppid() != plan->parent)
			_exit(127);
	}
	/* Only what is in this set outlives an exec by somebody who is not root. */
	if (!plan->keep_capabilities && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L) < 0)
		fail(status_fd, SPAWN_RIGHTS);
	for (int i = 0; i < 3; i++)
		if (dup2(plan->fds[i], i) < 0)
			fail(status_fd, SPAWN_FILES);
	if (status_fd != STATUS_FD) {
		if (dup3(status_fd, STATUS_FD, O_CLOEXEC) < 0)
			fail(status_fd, SPAWN_FILES);
		status_fd = STATUS_FD;
	}
	if (close_range(STATUS_FD + 1, ~0U, 0) < 0)
		fail(status_fd, SPAWN_FILES);
	if (chdir(plan->directory) < 0)
		fail(status_fd, SPAWN_DIRECTORY);
	execve(plan->path, plan->argv, plan->envp);
	fail(status_fd, SPAWN_EXEC);
}
