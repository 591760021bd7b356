/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd/cmd.h"
#include "cmd/cmd_priv.h"

#define LONG_MS 20000 /* never reached by what works */

/* A shell script with its result, in one go. */
struct shell {
	struct cmd cmd;
	struct cmd_result result;
	struct err err;
	int code;
};

static void shell_done(struct shell *s)
{
	cmd_result_done(&s->result);
	err_done(&s->err);
}
#define _cleanup_shell_ _cleanup_(shell_done)

static void shell(struct shell *s, const char *script)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	s->cmd.argv = argv;
	if (s->cmd.deadline_ms == 0)
		s->cmd.deadline_ms = LONG_MS;
	s->code = cmd_run(&s->cmd, &s->result, &s->err);
	s->cmd.argv = NULL;
}

/* ---- how it ended ---- */

static void output_is_captured(void **state)
{
	_cleanup_shell_ struct shell s = { 0 };
	shell(&s, "echo out; printf 'no newline' >&2");
	assert_int_equal(s.code, 0);
	assert_true(WIFEXITED(s.result.status));
	assert_string_equal(s.result.out, "out\n");
	assert_int_equal(s.result.out_len, 4);
	assert_int_equal(s.result.output_len, 14);
	assert_non_null(strstr(s.result.output, "out\n"));
	assert_non_null(strstr(s.result.output, "no newline"));
	assert_false(s.result.truncated);
	assert_null(s.err.text);
}

static void nothing_written_is_an_empty_text(void **state)
{
	_cleanup_shell_ struct shell s = { 0 };
	shell(&s, "exit 0");
	assert_int_equal(s.code, 0);
	assert_string_equal(s.result.output, "");
	assert_string_equal(s.result.out, "");
}

static void an_exit_code_is_an_error_with_the_last_line(void **state)
{
	_cleanup_shell_ struct shell s = { 0 };
	shell(&s, "echo first; printf 'the\\033reason  \\n \\n\\n' >&2; exit 7");
	assert_int_equal(s.code, -EIO);
	assert_int_equal(WEXITSTATUS(s.result.status), 7);
	assert_int_equal(s.err.code, ERR_INTERNAL);
	assert_string_equal(s.err.text, "sh: exit code 7: the reason");
	assert_string_equal(s.result.out, "first\n"); /* filled in failure as well */
}

static void a_silent_failure_has_no_line(void **state)
{
	_cleanup_shell_ struct shell s = { 0 };
	shell(&s, "exit 1");
	assert_string_equal(s.err.text, "sh: exit code 1");
}

static void a_signal_is_named(void **state)
{
	_cleanup_shell_ struct shell s = { 0 };
	shell(&s, "echo dying; kill -SEGV $$");
	assert_int_equal(s.code, -EIO);
	assert_true(WIFSIGNALED(s.result.status));
	assert_string_equal(s.err.text, "sh: killed by SIGSEGV: dying");
}

static void a_missing_program_is_said_before_anything_runs(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	assert_int_equal(cmd_runl(&err, LONG_MS, "no-such-program-here", "x", NULL), -ENOENT);
	assert_string_equal(err.text, "no-such-program-here: no such program in PATH");
	assert_int_equal(cmd_runl(&err, LONG_MS, "/no/such/program", NULL), -ENOENT);
	assert_string_equal(err.text, "/no/such/program: cannot be started: No such file or directory");
	assert_int_equal(cmd_runl(&err, LONG_MS, "/etc/passwd", NULL), -EACCES);
	assert_string_equal(err.text, "/etc/passwd: cannot be started: Permission denied");
	assert_int_equal(cmd_runl(NULL, LONG_MS, "no-such-program-here", NULL), -ENOENT);
	pid_t pid = 4711;
	struct cmd cmd = { .argv = (const char *const[]){ "/no/such/program", NULL } };
	assert_int_equal(cmd_start(&cmd, &pid, &err), -ENOENT);
	assert_int_equal(pid, 4711);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie of the attempts */
}

static void a_run_without_deadline_is_refused(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	assert_int_equal(cmd_runl(&err, 0, "true", NULL), -EIO);
	assert_string_equal(err.text, "true: no deadline was given");
}

/* ---- what it is given ---- */

static void arguments_are_not_looked_at_by_a_shell(void **state)
{
	_cleanup_free_ char *out = NULL;
	assert_int_equal(cmd_outputl(NULL, LONG_MS, &out, "printf", "[%s]", "a b", "$HOME;`id`", "", "'\"", "1", "2",
				     "3", "4", "5", "6", NULL),
			 0);
	assert_string_equal(out, "[a b][$HOME;`id`][]['\"][1][2][3][4][5][6]");
}

static void outputl_touches_nothing_in_failure(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	char *out = NULL;
	assert_int_equal(cmd_outputl(&err, LONG_MS, &out, "sh", "-c", "echo x; exit 2", NULL), -EIO);
	assert_null(out);
	assert_int_equal(cmd_outputl(&err, LONG_MS, &out, "head", "-c", "1100000", "/dev/zero", NULL), -EFBIG);
	assert_null(out);
	assert_int_equal(err.code, ERR_TOO_LARGE);
}

static void input_larger_than_any_pipe(void **state)
{
	size_t len = 5 * MIB;
	_cleanup_free_ char *input = xmalloc(len);
	_cleanup_shell_ struct shell s = { .cmd = { .input = input, .input_len = len } };
	memset(input, 'x', len);
	shell(&s, "wc -c");
	assert_int_equal(s.code, 0);
	assert_string_equal(s.result.out, "5242880\n");
}

static void input_that_is_not_read_does_no_harm(void **state)
{
	size_t len = 1 * MIB;
	_cleanup_free_ char *input = xmalloc(len);
	_cleanup_shell_ struct shell s = { .cmd = { .input = input, .input_len = len } };
	memset(input, 'x', len);
	shell(&s, "exit 0");
	assert_int_equal(s.code, 0);
}

static void without_input_it_is_empty(void **state)
{
	_cleanup_shell_ struct shell s = { 0 };
	shell(&s, "cat; readlink /proc/self/fd/0");
	assert_int_equal(s.code, 0);
	assert_string_equal(s.result.out, "/dev/null\n");
}

static void folder_and_environment(void **state)
{
	_cleanup_shell_ struct shell s = { .cmd = { .envp = (const char *const[]){ "A=b", NULL } } };
	shell(&s, "pwd; echo $A; echo ${HOME-none}");
	assert_string_equal(s.result.out, "/\nb\nnone\n");
	_cleanup_shell_ struct shell t = { .cmd = { .directory = "/proc" } };
	setenv("INGOT_TEST", "inherited", 1);
	shell(&t, "pwd; echo $INGOT_TEST");
	assert_string_equal(t.result.out, "/proc\ninherited\n");
	_cleanup_shell_ struct shell u = { .cmd = { .directory = "/no/folder" } };
	shell(&u, "exit 0");
	assert_int_equal(u.code, -ENOENT);
	assert_string_equal(u.err.text, "sh: folder /no/folder: No such file or directory");
}

static void stdout_may_go_elsewhere(void **state)
{
	_cleanup_close_ int fd = memfd_create("out", MFD_CLOEXEC);
	_cleanup_shell_ struct shell s = { .cmd = { .stdout_fd = fd } };
	char text[32] = "";
	shell(&s, "echo there; echo here >&2; exit 1");
	assert_int_equal(s.code, -EIO);
	assert_int_equal(pread(fd, text, sizeof(text) - 1, 0), 6);
	assert_string_equal(text, "there\n");
	assert_string_equal(s.result.out, "");
	assert_string_equal(s.result.output, "here\n");
	assert_string_equal(s.err.text, "sh: exit code 1: here");
	assert_true(fcntl(fd, F_GETFD) >= 0); /* still the caller's */
}

static void path_is_searched_in_order_and_without_the_current_folder(void **state)
{
	_cleanup_free_ char *path = xstrdup(getenv("PATH")), *out = NULL;
	char folder[] = "/tmp/ingot-test-XXXXXX";
	assert_non_null(mkdtemp(folder));
	_cleanup_free_ char *program = xasprintf("%s/ingot-prog", folder), *old = getcwd(NULL, 0);
	_cleanup_free_ char *with = xasprintf(":%s:/usr/bin:/bin", folder);
	assert_int_equal(write_file_atomic(program, "#!/bin/sh\necho found\n", 21, 0755), 0);
	assert_int_equal(chdir(folder), 0);
	setenv("PATH", "::/usr/bin:/bin:", 1);
	assert_int_equal(cmd_outputl(NULL, LONG_MS, &out, "ingot-prog", NULL), -ENOENT);
	setenv("PATH", with, 1);
	assert_int_equal(cmd_outputl(NULL, LONG_MS, &out, "ingot-prog", NULL), 0);
	assert_string_equal(out, "found\n");
	/* A script without an interpreter is not given to a shell. */
	assert_int_equal(write_file_atomic(program, "echo found\n", 11, 0755), 0);
	assert_int_equal(cmd_runl(NULL, LONG_MS, "ingot-prog", NULL), -ENOEXEC);
	setenv("PATH", path, 1);
	assert_int_equal(chdir(old), 0);
	unlink(program);
	rmdir(folder);
}

/* ---- caps ---- */

static void the_end_of_much_output_is_kept(void **state)
{
	_cleanup_shell_ struct shell s = { .cmd = { .output_max_bytes = 1000 } };
	_cleanup_strbuf_ struct strbuf want = { 0 };
	for (int i = 1; i <= 100000; i++)
		strbuf_addf(&want, "%d\n", i);
	shell(&s, "seq 1 100000");
	assert_int_equal(s.code, 0);
	assert_true(s.result.truncated);
	assert_int_equal(s.result.out_len, 1000);
	assert_int_equal(s.result.output_len, 1000);
	assert_string_equal(s.result.out, want.data + want.len - 1000);
}

static void exactly_the_cap_is_whole(void **state)
{
	_cleanup_shell_ struct shell s = { .cmd = { .output_max_bytes = 10 } };
	shell(&s, "printf 0123456789");
	assert_false(s.result.truncated);
	assert_string_equal(s.result.out, "0123456789");
	_cleanup_shell_ struct shell t = { .cmd = { .output_max_bytes = 10 } };
	shell(&t, "printf 0123456789X");
	assert_true(t.result.truncated);
	assert_string_equal(t.result.out, "123456789X");
}

static void bytes_of_any_value(void **state)
{
	_cleanup_shell_ struct shell s = { 0 };
	shell(&s, "printf 'a\\000b\\377'");
	assert_int_equal(s.result.out_len, 4);
	assert_memory_equal(s.result.out, "a\0b\377", 5);
}

/* ---- the deadline ---- */

/* Whatever holds the writing end is dead when this returns true. */
static bool all_writers_gone(int fd)
{
	char c;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	while (poll(&p, 1, LONG_MS) > 0)
		if (read(fd, &c, 1) <= 0)
			return true;
	return false;
}

static void the_deadline_kills_the_whole_group(void **state)
{
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	int64_t begin = monotonic_ms();
	_cleanup_shell_ struct shell s = { .cmd = { .deadline_ms = 300, .stdout_fd = fds[1] } };
	/* The grandchildren hold the pipe, and one of them does not listen to polite signals. */
	shell(&s, "trap '' TERM; sleep 1000 & sh -c 'trap \"\" TERM HUP; sleep 1000; sleep 1000' & "
		  "echo waiting >&2; sleep 1000; sleep 1000");
	assert_int_equal(s.code, -ETIMEDOUT);
	assert_int_equal(s.err.code, ERR_TIMEOUT);
	assert_string_equal(s.err.text, "sh: did not end within 300 ms: waiting");
	assert_true(WIFSIGNALED(s.result.status));
	assert_int_equal(WTERMSIG(s.result.status), SIGKILL);
	assert_in_range(monotonic_ms() - begin, 300, LONG_MS);
	close_fd(fds[1]);
	assert_true(all_writers_gone(fds[0]));
	close_fd(fds[0]);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void the_deadline_holds_for_one_that_never_stops_writing(void **state)
{
	_cleanup_shell_ struct shell s = { .cmd = { .deadline_ms = 200, .output_max_bytes = 100 } };
	shell(&s, "exec yes");
	assert_int_equal(s.code, -ETIMEDOUT);
	assert_int_equal(s.result.out_len, 100);
}

static void the_deadline_kills_a_session_of_its_own(void **state)
{
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	_cleanup_shell_ struct shell s = { .cmd = { .deadline_ms = 200, .stdout_fd = fds[1], .new_session = true } };
	shell(&s, "sleep 1000 & sleep 1000; sleep 1000");
	assert_int_equal(s.code, -ETIMEDOUT);
	close_fd(fds[1]);
	assert_true(all_writers_gone(fds[0]));
	close_fd(fds[0]);
}

static void what_stays_in_the_background_is_not_waited_for(void **state)
{
	_cleanup_shell_ struct shell s = { 0 };
	int64_t begin = monotonic_ms(), pid = 0;
	shell(&s, "sleep 1000 & echo $!");
	assert_int_equal(s.code, 0);
	assert_true(monotonic_ms() - begin < LONG_MS);
	s.result.out[strcspn(s.result.out, "\n")] = '\0';
	assert_int_equal(parse_i64(s.result.out, 2, INT32_MAX, &pid), 0);
	assert_int_equal(kill((pid_t)pid, SIGKILL), 0); /* it was there, and held the pipe */
}

static void one_that_cannot_be_waited_for_is_reaped_later(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct cmd cmd = { .argv = (const char *const[]){ "sleep", "1000", NULL } };
	pid_t pid = 0;
	siginfo_t info;
	assert_int_equal(cmd_start(&cmd, &pid, &err), 0);
	assert_false(spawn_kill(pid, -1, NULL)); /* as if it hung in the kernel */
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(cmd_runl(&err, LONG_MS, "true", NULL), 0);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* ---- cmd_start ---- */

static void start_returns_at_once_and_leaves_the_reaping(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	int fds[2], status = 0;
	char text[16] = "";
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	struct cmd cmd = { .argv = (const char *const[]){ "sh", "-c", "read x; echo $x; echo e >&2; exit 5", NULL },
			   .input = "hello\n",
			   .input_len = 6,
			   .stdout_fd = fds[1] };
	pid_t pid = 0;
	assert_int_equal(cmd_start(&cmd, &pid, &err), 0);
	close_fd(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 5);
	assert_int_equal(read(fds[0], text, sizeof(text)), 8);
	assert_string_equal(text, "hello\ne\n");
	close_fd(fds[0]);
}

/* ---- the hook ---- */

static struct strbuf seen;

static int hook(const struct cmd *cmd, struct cmd_result *ret, struct err *err, void *data)
{
	for (size_t i = 0; cmd->argv[i]; i++)
		strbuf_addf(&seen, "%s ", cmd->argv[i]);
	if (ret) {
		ret->out = xstrdup("made up");
		ret->out_len = 7;
	}
	return data ? err_set(err, ERR_BUSY, "%s", (const char *)data) : 0;
}

static void a_hook_is_asked_instead(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *out = NULL;
	char reason[] = "not now";
	pid_t pid = 4711;
	struct cmd cmd = { .argv = (const char *const[]){ "mkfs", "/dev/x", NULL } };
	cmd_set_hook(hook, NULL);
	assert_int_equal(cmd_outputl(&err, 1, &out, "sfdisk", "--json", NULL), 0);
	assert_string_equal(out, "made up");
	assert_int_equal(cmd_runl(&err, 1, "a", NULL), 0);
	assert_int_equal(cmd_start(&cmd, &pid, &err), 0);
	assert_int_equal(pid, 0);
	cmd_set_hook(hook, reason);
	assert_int_equal(cmd_runl(&err, 1, "b", NULL), -EBUSY);
	assert_string_equal(err.text, "not now");
	cmd_set_hook(NULL, NULL);
	assert_string_equal(seen.data, "sfdisk --json a mkfs /dev/x b ");
	strbuf_done(&seen);
	assert_int_equal(cmd_runl(&err, LONG_MS, "true", NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_is_captured),
		cmocka_unit_test(nothing_written_is_an_empty_text),
		cmocka_unit_test(an_exit_code_is_an_error_with_the_last_line),
		cmocka_unit_test(a_silent_failure_has_no_line),
		cmocka_unit_test(a_signal_is_named),
		cmocka_unit_test(a_missing_program_is_said_before_anything_runs),
		cmocka_unit_test(a_run_without_deadline_is_refused),
		cmocka_unit_test(arguments_are_not_looked_at_by_a_shell),
		cmocka_unit_test(outputl_touches_nothing_in_failure),
		cmocka_unit_test(input_larger_than_any_pipe),
		cmocka_unit_test(input_that_is_not_read_does_no_harm),
		cmocka_unit_test(without_input_it_is_empty),
		cmocka_unit_test(folder_and_environment),
		cmocka_unit_test(stdout_may_go_elsewhere),
		cmocka_unit_test(path_is_searched_in_order_and_without_the_current_folder),
		cmocka_unit_test(the_end_of_much_output_is_kept),
		cmocka_unit_test(exactly_the_cap_is_whole),
		cmocka_unit_test(bytes_of_any_value),
		cmocka_unit_test(the_deadline_kills_the_whole_group),
		cmocka_unit_test(the_deadline_holds_for_one_that_never_stops_writing),
		cmocka_unit_test(the_deadline_kills_a_session_of_its_own),
		cmocka_unit_test(what_stays_in_the_background_is_not_waited_for),
		cmocka_unit_test(one_that_cannot_be_waited_for_is_reaped_later),
		cmocka_unit_test(start_returns_at_once_and_leaves_the_reaping),
		cmocka_unit_test(a_hook_is_asked_instead),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
