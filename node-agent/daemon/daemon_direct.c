/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "daemon/daemon.h"

#define START_DEADLINE_MS 120000
/* Its first process may end a moment before the one that stays has written its number. */
#define PID_WAIT_MS 5000
#define PID_POLL_MS 20
#define TERM_WAIT_MS 20000
#define KILL_WAIT_MS 5000

/* The arguments of a process begin with these two: numbers are used again, so that a pid file alone says nothing. */
static bool process_is(pid_t pid, const char *const *argv)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/cmdline", (int)pid);
	_cleanup_free_ char *cmdline = NULL;
	size_t len = 0, at = 0;

	if (read_file(path, 64 * KIB, &cmdline, &len) < 0)
		return false;
	for (; *argv && at < len; argv++) {
		const char *given = strrchr(*argv, '/') ? strrchr(*argv, '/') + 1 : *argv;
		const char *has = cmdline + at, *base = strrchr(has, '/') ? strrchr(has, '/') + 1 : has;

		if (!str_equal(given, base))
			return false;
		at += strlen(has) + 1;
	}
	return *argv == NULL;
}

/* A descriptor of the process, or -ESRCH. Opened before it is looked at, so that it cannot become another one. */
static int process_open(const struct daemon *daemon)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	int64_t pid;
	int r;

	r = read_file(daemon->pid_file, 64, &text, NULL);
	if (r < 0)
		return -ESRCH;
	text[strcspn(text, " \n")] = '\0';
	if (parse_i64(text, 2, INT32_MAX, &pid) < 0)
		return -ESRCH;
	fd = pidfd_open((pid_t)pid, 0);
	if (fd < 0 || !process_is((pid_t)pid, daemon->argv))
		return -ESRCH;
	return TAKE_FD(fd);
}

static int direct_state(const struct daemon *daemon, enum daemon_state *ret, char **ret_why, struct err *err)
{
	_cleanup_close_ int fd = process_open(daemon);

	*ret_why = NULL;
	*ret = fd >= 0 ? DAEMON_RUNNING : DAEMON_STOPPED;
	return 0;
}

static int direct_start(const struct daemon *daemon, struct err *err)
{
	_cleanup_close_ int fd = process_open(daemon);
	struct cmd cmd = { .argv = daemon->argv, .deadline_ms = START_DEADLINE_MS, .new_session = true };
	int r;

	if (fd >= 0)
		return 0;
	r = cmd_run(&cmd, NULL, err);
	if (r < 0)
		return err_prefix(err, "%s does not start", daemon->name);
	for (int64_t until_ms = monotonic_ms() + PID_WAIT_MS; fd < 0 && monotonic_ms() < until_ms;) {
		poll(NULL, 0, PID_POLL_MS);
		fd = process_open(daemon);
	}
	return 0;
}

static bool ended_within(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1;
}

static int direct_stop(const struct daemon *daemon, struct err *err)
{
	_cleanup_close_ int fd = process_open(daemon);

	if (fd < 0)
		return 0;
	pidfd_send_signal(fd, SIGTERM, NULL, 0);
	if (ended_within(fd, TERM_WAIT_MS))
		return 0;
	pidfd_send_signal(fd, SIGKILL, NULL, 0);
	if (ended_within(fd, KILL_WAIT_MS))
		return 0;
	return err_set(err, ERR_TIMEOUT, "%s does not stop", daemon->name);
}

const struct daemon_driver daemon_driver_direct = {
	.name = "direct",
	.state = direct_state,
	.start = direct_start,
	.stop = direct_stop,
};
