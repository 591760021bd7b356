/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd_priv.h"

#define START_MS 10000
#define KILL_MS 2000

/* ---- the pids of what could not be killed ---- */

static pthread_mutex_t stuck_lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t *stuck;
static size_t stuck_count;

static void stuck_add(pid_t pid)
{
	pthread_mutex_lock(&stuck_lock);
	stuck = xrealloc(stuck, (stuck_count + 1) * sizeof(*stuck));
	stuck[stuck_count++] = pid;
	pthread_mutex_unlock(&stuck_lock);
}

static void stuck_reap(void)
{
	pthread_mutex_lock(&stuck_lock);
	for (size_t i = 0; i < stuck_count;) {
		if (waitpid(stuck[i], NULL, WNOHANG) != 0)
			stuck[i] = stuck[--stuck_count];
		else
			i++;
	}
	pthread_mutex_unlock(&stuck_lock);
}

bool spawn_wait(int pidfd, int64_t timeout_ms)
{
	int64_t end_ms = monotonic_ms() + timeout_ms;
	for (;;) {
		struct pollfd p = { .fd = pidfd, .events = POLLIN };
		int64_t left_ms = MAX_OF(end_ms - monotonic_ms(), 0);
		int n = poll(&p, 1, (int)MIN_OF(left_ms, INT32_MAX));
		if (n > 0)
			return true;
		if (n == 0 && left_ms == 0)
			return false;
	}
}

bool spawn_kill(pid_t pid, int pidfd, int *ret_status)
{
	/* While it is not reaped, the number is still its own, also as that of the group. */
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL); /* it may be before its setpgid() */
	if (pidfd < 0 || !spawn_wait(pidfd, KILL_MS)) {
		stuck_add(pid);
		return false;
	}
	int status;
	if (waitpid(pid, &status, 0) == pid && ret_status)
		*ret_status = status;
	return true;
}

/* ---- what the child needs ---- */

/* The program's path, or NULL. The caller frees. Empty parts of PATH, which mean the current folder, are passed
 * over. */
static char *find_program(const char *name)
{
	if (strchr(name, '/'))
		return xstrdup(name);
	const char *p = str_or(getenv("PATH"), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	while (*p) {
		size_t len = strcspn(p, ":");
		_cleanup_free_ char *path = xasprintf("%.*s/%s", (int)len, p, name);
		struct stat st;
		if (len > 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0)
			return TAKE_PTR(path);
		p += len + (p[len] == ':');
	}
	return NULL;
}

/* A copy above the standard descriptors, which the child overwrites one by one. */
static int high_fd(int fd, int open_flags)
{
	_cleanup_close_ int null_fd = -1;
	if (fd < 0) {
		null_fd = open("/dev/null", open_flags | O_CLOEXEC);
		if (null_fd < 0)
			return -errno;
	}
	int high = fcntl(fd < 0 ? null_fd : fd, F_DUPFD_CLOEXEC, 3);
	return high < 0 ? -errno : high;
}

static int high_pipe(int ret_fds[2])
{
	_cleanup_close_ int in = -1, out = -1;
	int low[2];
	if (pipe2(low, O_CLOEXEC) < 0)
		return -errno;
	in = low[0];
	out = low[1];
	ret_fds[0] = high_fd(in, 0);
	if (ret_fds[0] < 0)
		return ret_fds[0];
	ret_fds[1] = high_fd(out, 0);
	if (ret_fds[1] >= 0)
		return 0;
	close_fd(ret_fds[0]);
	return ret_fds[1];
}

int spawn_input(const struct cmd *cmd, int *ret_fd, struct err *err)
{
	*ret_fd = -1;
	if (!cmd->input)
		return 0;
	/* Not a pipe: nobody has to feed it while reading, and a child that does not read it raises no SIGPIPE. */
	_cleanup_close_ int fd = memfd_create("input", MFD_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, -errno, "%s: input", cmd->argv[0]);
	for (size_t done = 0; done < cmd->input_len;) {
		ssize_t n = write(fd, cmd->input + done, cmd->input_len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, -errno, "%s: input", cmd->argv[0]);
		done += (size_t)n;
	}
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set_errno(err, -errno, "%s: input", cmd->argv[0]);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* ---- the fork ---- */

/* _Fork() runs no handlers of pthread_atfork(): those of the libraries that we link allocate and lock, in the child
 * too. The sanitizers know fork() only. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FORK fork
#else
#define FORK _Fork
#endif

static pid_t fork_child(const struct spawn_plan *plan)
{
	/* No handler of ours may run in the child. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = FORK();
	if (pid == 0)
		spawn_child(plan);
	int saved = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? -saved : pid;
}

static int explain_failure(const struct cmd *cmd, const struct spawn_failure *failure, struct err *err)
{
	const char *reason = strerrordesc_np(failure->error);
	switch ((enum spawn_step)failure->step) {
	case SPAWN_DIRECTORY:
		err_set(err, ERR_INTERNAL, "%s: folder %s: %s", cmd->argv[0], cmd->directory, reason);
		break;
	case SPAWN_EXEC:
	case SPAWN_GROUP:
	case SPAWN_PARENT:
	case SPAWN_RIGHTS:
	case SPAWN_FILES:
	default:
		err_set(err, ERR_INTERNAL, "%s: cannot be started: %s", cmd->argv[0], reason);
		break;
	}
	return -failure->error;
}

/* Reads what the child says about its way to the program; nothing at all means that the program runs. */
static int wait_started(const struct cmd *cmd, int status_fd, struct err *err)
{
	int64_t end_ms = monotonic_ms() + START_MS;
	struct pollfd p = { .fd = status_fd, .events = POLLIN };
	int n;
	do {
		n = poll(&p, 1, (int)MAX_OF(end_ms - monotonic_ms(), 0));
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return err_set(err, ERR_TIMEOUT, "%s: was not started within %d ms", cmd->argv[0], START_MS);
	struct spawn_failure failure;
	ssize_t len;
	do {
		len = read(status_fd, &failure, sizeof(failure)); /* at most PIPE_BUF: whole or not at all */
	} while (len < 0 && errno == EINTR);
	return len == sizeof(failure) ? explain_failure(cmd, &failure, err) : 0;
}

/* Forks; the plan lacks nothing but the status pipe. */
static int run_plan(const struct cmd *cmd, struct spawn_plan *plan, pid_t *ret_pid, int *ret_pidfd, struct err *err)
{
	int status_pipe[2] = { -1, -1 };
	int r = high_pipe(status_pipe);
	if (r < 0)
		return err_set_errno(err, r, "%s: cannot be started", cmd->argv[0]);
	_cleanup_close_ int status_fd = status_pipe[0], pidfd = -1;
	plan->status_fd = status_pipe[1];
	pid_t pid = fork_child(plan);
	close_fd(status_pipe[1]);
	if (pid < 0)
		return err_set_errno(err, pid, "%s: cannot be started", cmd->argv[0]);
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		r = err_set_errno(err, -errno, "%s: cannot be started", cmd->argv[0]);
		spawn_kill(pid, -1, NULL);
		return r;
	}
	r = wait_started(cmd, status_fd, err);
	if (r < 0) {
		spawn_kill(pid, pidfd, NULL);
		return r;
	}
	*ret_pid = pid;
	if (ret_pidfd)
		*ret_pidfd = TAKE_FD(pidfd);
	return 0;
}

int spawn(const struct cmd *cmd, const int fds[3], pid_t *ret_pid, int *ret_pidfd, struct err *err)
{
	stuck_reap();
	_cleanup_free_ char *path = find_program(cmd->argv[0]);
	if (!path) {
		err_set(err, ERR_INTERNAL, "%s: no such program in PATH", cmd->argv[0]);
		return -ENOENT;
	}
	_cleanup_close_ int in = high_fd(fds[0], O_RDONLY);
	_cleanup_close_ int out = high_fd(fds[1], O_WRONLY);
	_cleanup_close_ int error = high_fd(fds[2], O_WRONLY);
	if (in < 0 || out < 0 || error < 0)
		return err_set_errno(err, MIN_OF(in, MIN_OF(out, error)), "%s: cannot be started", cmd->argv[0]);
	struct spawn_plan plan = {
		.path = path,
		.argv = (char *const *)(uintptr_t)cmd->argv,
		.envp = cmd->envp ? (char *const *)(uintptr_t)cmd->envp : environ,
		.directory = str_or(cmd->directory, "/"),
		.fds = { in, out, error },
		.parent = getpid(),
		.die_with_parent = cmd->die_with_parent,
		.new_session = cmd->new_session,
		.keep_capabilities = cmd->keep_capabilities,
	};
	return run_plan(cmd, &plan, ret_pid, ret_pidfd, err);
}
