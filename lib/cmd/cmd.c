/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd_priv.h"

#define OUTPUT_DEFAULT_BYTES (64 * KIB)
#define OUTPUT_MAX_BYTES (16 * MIB)
#define PIPE_BYTES (1 * MIB) /* the most that a pipe holds unless root made it larger */
#define LAST_LINE_BYTES 200

/* ---- the hook ---- */

static pthread_mutex_t hook_lock = PTHREAD_MUTEX_INITIALIZER;
static cmd_hook_fn hook_fn;
static void *hook_data;

void cmd_set_hook(cmd_hook_fn hook, void *data)
{
	pthread_mutex_lock(&hook_lock);
	hook_fn = hook;
	hook_data = data;
	pthread_mutex_unlock(&hook_lock);
}

bool cmd_hooked(const struct cmd *cmd, struct cmd_result *ret, struct err *err, int *ret_result)
{
	pthread_mutex_lock(&hook_lock);
	cmd_hook_fn hook = hook_fn;
	void *data = hook_data;
	pthread_mutex_unlock(&hook_lock);
	if (!hook)
		return false;
	*ret_result = hook(cmd, ret, err, data);
	return true;
}

/* ---- what it writes ---- */

struct capture {
	struct strbuf all, out;
	size_t max_bytes;
	bool truncated;
};

static void keep_last(struct strbuf *sb, size_t max_bytes)
{
	if (sb->len > max_bytes)
		strbuf_remove_front(sb, sb->len - max_bytes);
}

static void capture_add(struct capture *capture, struct strbuf *sb, const char *data, size_t len)
{
	strbuf_add(sb, data, len);
	if (sb->len > capture->max_bytes)
		capture->truncated = true;
	/* Not at every piece: moving the rest each time would be quadratic. */
	if (sb->len > capture->max_bytes * 2)
		keep_last(sb, capture->max_bytes);
}

/* Reads once. How much, or 0 when there is nothing (yet, or any more: then *fd is closed). */
static size_t capture_read(struct capture *capture, int *fd, bool is_out)
{
	char data[16 * 1024];
	ssize_t n = read(*fd, data, sizeof(data));
	if (n > 0) {
		capture_add(capture, &capture->all, data, (size_t)n);
		if (is_out)
			capture_add(capture, &capture->out, data, (size_t)n);
		return (size_t)n;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		*fd = close_fd(*fd);
	return 0;
}

static void capture_result(struct capture *capture, struct cmd_result *result)
{
	keep_last(&capture->all, capture->max_bytes);
	keep_last(&capture->out, capture->max_bytes);
	result->truncated = capture->truncated;
	result->output_len = capture->all.len;
	result->output = strbuf_take(&capture->all);
	result->out_len = capture->out.len;
	result->out = strbuf_take(&capture->out);
}

static void capture_done(struct capture *capture)
{
	strbuf_done(&capture->all);
	strbuf_done(&capture->out);
}

void cmd_result_done(struct cmd_result *result)
{
	if (!result)
		return;
	free(result->output);
	free(result->out);
	*result = (struct cmd_result){ 0 };
}

/* ---- a run ---- */

struct run {
	const struct cmd *cmd;
	pid_t pid;
	int pidfd, out_fd, err_fd; /* -1: closed */
	struct capture capture;
	bool timed_out, stuck;
	int status;
};

static void run_done(struct run *run)
{
	close_fd(run->pidfd);
	close_fd(run->out_fd);
	close_fd(run->err_fd);
	capture_done(&run->capture);
}

/* A pipe whose reading end does not block. */
static int output_pipe(int *ret_read, int *ret_write)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0) {
		int r = -errno;
		close_fd(fds[0]);
		close_fd(fds[1]);
		return r;
	}
	*ret_read = fds[0];
	*ret_write = fds[1];
	return 0;
}

static int run_start(struct run *run, struct err *err)
{
	const struct cmd *cmd = run->cmd;
	_cleanup_close_ int in = -1, out = -1, error = -1;
	int r = spawn_input(cmd, &in, err);
	if (r < 0)
		return r;
	r = output_pipe(&run->err_fd, &error);
	if (r == 0 && cmd->stdout_fd == 0)
		r = output_pipe(&run->out_fd, &out);
	if (r < 0)
		return err_set_errno(err, r, "%s: cannot be started", cmd->argv[0]);
	int fds[3] = { in, cmd->stdout_fd ? cmd->stdout_fd : out, error };
	return spawn(cmd, fds, &run->pid, &run->pidfd, err);
}

/* What the process itself wrote is in the pipes by now; something it left behind may go on writing without end. */
static void run_drain(struct run *run)
{
	size_t n, out = 0, error = 0;
	while (run->out_fd >= 0 && out < PIPE_BYTES && (n = capture_read(&run->capture, &run->out_fd, true)) > 0)
		out += n;
	while (run->err_fd >= 0 && error < PIPE_BYTES && (n = capture_read(&run->capture, &run->err_fd, false)) > 0)
		error += n;
}

/* Until it has ended or the deadline is past. */
static void run_wait(struct run *run)
{
	int64_t end_ms = monotonic_ms() + run->cmd->deadline_ms;
	for (;;) {
		struct pollfd p[] = {
			{ .fd = run->pidfd, .events = POLLIN },
			{ .fd = run->out_fd, .events = POLLIN },
			{ .fd = run->err_fd, .events = POLLIN },
		};
		int64_t left_ms = MAX_OF(end_ms - monotonic_ms(), 0);
		int n = poll(p, ARRAY_SIZE(p), (int)MIN_OF(left_ms, INT32_MAX));
		if (n > 0 && p[0].revents)
			break;
		/* Looked at also while it writes: one that never stops writing has a deadline as well. */
		if (left_ms == 0) {
			run->timed_out = true;
			break;
		}
		if (n > 0 && p[1].revents)
			capture_read(&run->capture, &run->out_fd, true);
		if (n > 0 && p[2].revents)
			capture_read(&run->capture, &run->err_fd, false);
	}
	if (run->timed_out)
		run->stuck = !spawn_kill(run->pid, run->pidfd, &run->status);
	else
		waitpid(run->pid, &run->status, 0);
	run_drain(run);
}

char *cmd_status_text(int status)
{
	if (WIFEXITED(status))
		return xasprintf("exit code %d", WEXITSTATUS(status));
	const char *name = sigabbrev_np(WTERMSIG(status));
	return name ? xasprintf("killed by SIG%s", name) : xasprintf("killed by signal %d", WTERMSIG(status));
}

/* ": " and the last line that says something, or "". The caller frees. */
static char *last_line(const char *text)
{
	size_t end = strlen(text);
	while (end > 0 && strchr(" \t\r\n", text[end - 1]))
		end--;
	size_t start = end;
	while (start > 0 && text[start - 1] != '\n' && text[start - 1] != '\r')
		start--;
	size_t len = MIN_OF(end - start, (size_t)LAST_LINE_BYTES);
	if (len == 0)
		return xstrdup("");
	char *line = xasprintf(": %.*s", (int)len, text + start);
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return line;
}

static int run_judge(const struct run *run, const struct cmd_result *result, struct err *err)
{
	const char *program = run->cmd->argv[0];
	if (!run->timed_out && WIFEXITED(run->status) && WEXITSTATUS(run->status) == 0)
		return 0;
	_cleanup_free_ char *line = last_line(result->output);
	if (run->timed_out)
		return err_set(err, ERR_TIMEOUT, "%s: did not end within %lld ms%s%s", program,
			       (long long)run->cmd->deadline_ms, run->stuck ? " and cannot be killed" : "", line);
	_cleanup_free_ char *how = cmd_status_text(run->status);
	return err_set(err, ERR_INTERNAL, "%s: %s%s", program, how, line);
}

int cmd_run(const struct cmd *cmd, struct cmd_result *ret, struct err *err)
{
	struct cmd_result own = { 0 }, *result = ret ? ret : &own;
	int r;
	*result = (struct cmd_result){ 0 };
	if (cmd_hooked(cmd, result, err, &r)) {
		cmd_result_done(&own);
		return r;
	}
	if (cmd->deadline_ms <= 0)
		return err_set(err, ERR_INTERNAL, "%s: no deadline was given", cmd->argv[0]);
	_cleanup_(run_done) struct run run = {
		.cmd = cmd,
		.pidfd = -1,
		.out_fd = -1,
		.err_fd = -1,
		.capture.max_bytes =
			MIN_OF(cmd->output_max_bytes ? cmd->output_max_bytes : OUTPUT_DEFAULT_BYTES, OUTPUT_MAX_BYTES),
	};
	r = run_start(&run, err);
	if (r < 0)
		return r;
	run_wait(&run);
	capture_result(&run.capture, result);
	result->status = run.status;
	r = run_judge(&run, result, err);
	cmd_result_done(&own);
	return r;
}

/* ---- from argument lists ---- */

/* The vector of program and the rest; the caller frees it, not the strings. */
static const char **collect(const char *program, va_list ap)
{
	size_t count = 0, alloc = 8;
	const char **argv = xmalloc(alloc * sizeof(*argv));
	for (const char *arg = program;; arg = va_arg(ap, const char *)) {
		if (count == alloc)
			argv = xrealloc(argv, (alloc *= 2) * sizeof(*argv));
		argv[count++] = arg;
		if (!arg)
			return argv;
	}
}

int cmd_runl(struct err *err, int64_t deadline_ms, const char *program, ...)
{
	va_list ap;
	va_start(ap, program);
	_cleanup_free_ const char **argv = collect(program, ap);
	va_end(ap);
	struct cmd cmd = { .argv = argv, .deadline_ms = deadline_ms };
	return cmd_run(&cmd, NULL, err);
}

int cmd_outputl(struct err *err, int64_t deadline_ms, char **ret_out, const char *program, ...)
{
	va_list ap;
	va_start(ap, program);
	_cleanup_free_ const char **argv = collect(program, ap);
	va_end(ap);
	struct cmd cmd = { .argv = argv, .deadline_ms = deadline_ms, .output_max_bytes = 1 * MIB };
	_cleanup_(cmd_result_done) struct cmd_result result = { 0 };
	int r = cmd_run(&cmd, &result, err);
	if (r < 0)
		return r;
	/* The end of a JSON text without its beginning is worth nothing. */
	if (result.truncated)
		return err_set(err, ERR_TOO_LARGE, "%s: wrote more than %zu bytes", program, cmd.output_max_bytes);
	*ret_out = result.out ? TAKE_PTR(result.out) : xstrdup("");
	return 0;
}

int cmd_start(const struct cmd *cmd, pid_t *ret_pid, struct err *err)
{
	int r;
	if (cmd_hooked(cmd, NULL, err, &r)) {
		if (r >= 0)
			*ret_pid = 0;
		return r;
	}
	_cleanup_close_ int in = -1;
	r = spawn_input(cmd, &in, err);
	if (r < 0)
		return r;
	/* A program may have been started without them; the child then gets /dev/null. */
	int out = fcntl(STDOUT_FILENO, F_GETFD) >= 0 ? STDOUT_FILENO : -1;
	int error = fcntl(STDERR_FILENO, F_GETFD) >= 0 ? STDERR_FILENO : -1;
	int fds[3] = { in, cmd->stdout_fd ? cmd->stdout_fd : out, cmd->stdout_fd ? cmd->stdout_fd : error };
	return spawn(cmd, fds, ret_pid, NULL, err);
}
