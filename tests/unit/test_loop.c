/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real loop. Every run ends by an event or, after GUARD_MS, with GUARD. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd/cmd.h"
#include "loop/loop.h"

#define GUARD_MS 20000
#define GUARD 99

static struct loop *loop;
static struct strbuf trace;

#define TEXT(s) ((void *)(uintptr_t)(s))

static void note(void *data)
{
	strbuf_addf(&trace, "%s ", (const char *)data);
}

static void assert_trace(const char *want)
{
	assert_string_equal(trace.data ? trace.data : "", want);
	strbuf_done(&trace);
}

static void give_up(void *data)
{
	loop_quit(loop, GUARD);
}

static void quit(void *data)
{
	loop_quit(loop, 0);
}

/* Runs until somebody quits. */
static int run(void)
{
	struct loop_timer *guard = loop_timer_new(loop, GUARD_MS, give_up, NULL);
	int code = loop_run(loop);
	if (code != GUARD)
		loop_timer_free(guard);
	return code;
}

static int make_loop(void **state)
{
	loop = loop_new(2);
	return 0;
}

static int free_loop(void **state)
{
	loop = loop_free(loop);
	strbuf_done(&trace);
	return 0;
}

/* ---- the loop and its timers ---- */

static void quit_with_7(void *data)
{
	loop_quit(loop, 7);
}

static void it_runs_until_it_is_told_to_quit_and_runs_again(void **state)
{
	loop_post(loop, quit_with_7, NULL);
	assert_int_equal(run(), 7);
	loop_timer_new(loop, 0, quit, NULL);
	assert_int_equal(run(), 0);
}

/* Takes longer than a turn. */
static void toil(void *data)
{
	int64_t began_ms = monotonic_ms();
	while (monotonic_ms() - began_ms <= LOOP_TURN_MS)
		;
	note(data);
}

static void much_to_do_lets_others_come_in_between(void **state)
{
	for (int i = 0; i < 4; i++)
		loop_timer_new(loop, 0, toil, TEXT("timer"));
	loop_timer_new(loop, 1, quit, NULL);
	for (int i = 0; i < 4; i++)
		loop_post(loop, toil, TEXT("post"));
	assert_int_equal(run(), 0);
	/* Not all of the one before any of the other, whichever comes first. */
	assert_false(str_starts(trace.data, "timer timer timer timer "));
	assert_false(str_starts(trace.data, "post post post post "));
	strbuf_done(&trace);
}

static void its_clocks_are_the_systems(void **state)
{
	int64_t before = wall_ms(), now = loop_now_ms(loop);
	assert_true(now >= before && now <= wall_ms());
	before = monotonic_ms();
	now = loop_monotonic_ms(loop);
	assert_true(now >= before && now <= monotonic_ms());
}

static void timers_fire_in_order_and_not_early(void **state)
{
	int64_t begin = loop_monotonic_ms(loop);
	loop_timer_new(loop, 30, quit, NULL);
	loop_timer_new(loop, 20, note, TEXT("20"));
	loop_timer_new(loop, 10, note, TEXT("10a"));
	struct loop_timer *freed = loop_timer_new(loop, 1, note, TEXT("freed"));
	loop_timer_new(loop, 10, note, TEXT("10b"));
	loop_timer_new(loop, 0, note, TEXT("0"));
	loop_timer_free(freed);
	assert_int_equal(run(), 0);
	assert_true(loop_monotonic_ms(loop) - begin >= 30);
	assert_trace("0 10a 10b 20 ");
}

static unsigned rounds;

static void zero_again(void *data)
{
	if (++rounds < 1000)
		loop_timer_new(loop, 0, zero_again, NULL);
	else
		loop_quit(loop, 0);
}

static int ready_pipe[2] = { -1, -1 };

static void on_first_readable(int fd, uint32_t events, void *data)
{
	assert_true(rounds < 1000);
	note(TEXT("file"));
	loop_io_set_events(*(struct loop_io **)data, 0);
}

static void a_timer_that_always_renews_starves_nobody(void **state)
{
	struct loop_io *io;
	assert_int_equal(pipe2(ready_pipe, O_CLOEXEC), 0);
	io = loop_io_new(loop, ready_pipe[0], EPOLLIN, on_first_readable, &io);
	assert_int_equal(write(ready_pipe[1], "x", 1), 1);
	rounds = 0;
	loop_timer_new(loop, 0, zero_again, NULL);
	assert_int_equal(run(), 0);
	assert_trace("file ");
	loop_io_free(io);
	close_fd(ready_pipe[0]);
	close_fd(ready_pipe[1]);
}

/* ---- posted calls ---- */

static void post_again(void *data)
{
	loop_post(loop, post_again, NULL);
}

static void a_call_that_always_posts_itself_starves_nobody(void **state)
{
	loop_post(loop, post_again, NULL);
	loop_timer_new(loop, 5, quit, NULL);
	assert_int_equal(run(), 0);
}

#define POSTERS 4
#define POSTS 2000
static unsigned next_of[POSTERS], out_of_order, posted_total;

static void take_post(void *data)
{
	uintptr_t value = (uintptr_t)data;
	if (next_of[value / POSTS]++ != value % POSTS)
		out_of_order++;
	if (++posted_total == POSTERS * POSTS)
		loop_quit(loop, 0);
}

static void *post_many(void *data)
{
	for (uintptr_t i = 0; i < POSTS; i++)
		loop_post(loop, take_post, (void *)((uintptr_t)data * POSTS + i));
	return NULL;
}

static void threads_post_at_once_each_in_its_order(void **state)
{
	pthread_t threads[POSTERS];
	for (uintptr_t i = 0; i < POSTERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, post_many, (void *)i), 0);
	assert_int_equal(run(), 0);
	for (int i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(out_of_order, 0);
}

/* ---- files ---- */

struct reader {
	struct loop_io *io;
	unsigned calls;
	uint32_t events;
};

static void read_one(int fd, uint32_t events, void *data)
{
	struct reader *reader = data;
	char c;
	reader->calls++;
	reader->events = events;
	if (read(fd, &c, 1) == 1)
		return;
	reader->io = loop_io_free(reader->io); /* in its own call */
	loop_quit(loop, 0);
}

static void a_file_is_read_to_its_end(void **state)
{
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	struct reader reader = { .io = NULL };
	reader.io = loop_io_new(loop, fds[0], EPOLLIN, read_one, &reader);
	assert_int_equal(write(fds[1], "abc", 3), 3);
	close_fd(fds[1]);
	assert_int_equal(run(), 0);
	assert_int_equal(reader.calls, 4);
	assert_true(reader.events & EPOLLHUP);
	assert_null(reader.io);
	assert_int_equal(fcntl(fds[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC); /* still the caller's */
	close_fd(fds[0]);
}

static void writable(int fd, uint32_t events, void *data)
{
	assert_int_equal(events, EPOLLOUT);
	loop_quit(loop, 5);
}

static void events_can_be_changed(void **state)
{
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	struct loop_io *io = loop_io_new(loop, fds[1], 0, writable, NULL);
	loop_timer_new(loop, 0, quit, NULL);
	assert_int_equal(run(), 0); /* nothing was asked for */
	loop_io_set_events(io, EPOLLOUT);
	assert_int_equal(run(), 5);
	assert_null(loop_io_free(io));
	assert_null(loop_io_free(NULL));
	close_fd(fds[0]);
	close_fd(fds[1]);
}

/* ---- children ---- */

struct ended {
	struct loop_child *child;
	pid_t pid;
	int status;
	unsigned calls;
};

static void on_ended(pid_t pid, int status, void *data)
{
	struct ended *ended = data;
	ended->pid = pid;
	ended->status = status;
	ended->calls++;
	ended->child = loop_child_free(ended->child); /* does no harm */
	loop_quit(loop, 0);
}

static pid_t start(const char *script)
{
	pid_t pid = 0;
	_cleanup_err_ struct err err = ERR_INIT;
	struct cmd cmd = { .argv = (const char *const[]){ "sh", "-c", script, NULL }, .die_with_parent = true };
	assert_int_equal(cmd_start(&cmd, &pid, &err), 0);
	return pid;
}

static void a_child_that_exits_is_reaped(void **state)
{
	pid_t pid = start("exit 3");
	struct ended ended = { .child = NULL };
	ended.child = loop_child_new(loop, pid, on_ended, &ended);
	assert_int_equal(run(), 0);
	assert_int_equal(ended.calls, 1);
	assert_int_equal(ended.pid, pid);
	assert_true(WIFEXITED(ended.status));
	assert_int_equal(WEXITSTATUS(ended.status), 3);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void a_child_that_is_killed_says_so(void **state)
{
	pid_t pid = start("kill -KILL $$");
	struct ended ended = { .child = NULL };
	/* It may have ended before anybody waits for it. */
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	ended.child = loop_child_new(loop, pid, on_ended, &ended);
	assert_int_equal(run(), 0);
	assert_true(WIFSIGNALED(ended.status));
	assert_int_equal(WTERMSIG(ended.status), SIGKILL);
}

static void a_child_let_go_is_the_callers_to_reap(void **state)
{
	pid_t pid = start("exit 4");
	struct ended ended = { .child = NULL };
	int status = 0;
	ended.child = loop_child_new(loop, pid, on_ended, &ended);
	assert_null(loop_child_free(ended.child));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 4);
	assert_int_equal(ended.calls, 0);
	assert_null(loop_child_free(NULL));
}

/* ---- signals ---- */

static void a_signal_is_taken_on_the_loop(void **state)
{
	sigset_t before, now;
	pthread_sigmask(SIG_BLOCK, NULL, &before);
	struct loop_signal *sig = loop_signal_new(loop, SIGUSR1, quit_with_7, NULL);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	assert_true(sigismember(&now, SIGUSR1));
	kill(getpid(), SIGUSR1);
	assert_int_equal(run(), 7);
	assert_null(loop_signal_free(sig));
	assert_null(loop_signal_free(NULL));
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void what_is_left_goes_with_the_loop(void **state)
{
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	loop_io_new(loop, fds[0], EPOLLIN, read_one, NULL);
	loop_timer_new(loop, 1, note, TEXT("timer"));
	loop_post(loop, note, TEXT("post"));
	pid_t pid = start("exit 0");
	loop_child_new(loop, pid, on_ended, NULL);
	loop = loop_free(loop);
	assert_trace("");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close_fd(fds[0]);
	close_fd(fds[1]);
}

/* ---- misuse: this program again, which must abort and say why ---- */

static void *timer_from_thread(void *data)
{
	loop_timer_new(data, 0, note, TEXT("x"));
	return NULL;
}

static void misuse_other_thread(void)
{
	pthread_t thread;
	pthread_create(&thread, NULL, timer_from_thread, loop_new(1));
	pthread_join(thread, NULL);
}

static void misuse_fake_with_files(void)
{
	loop_io_new(loop_new_fake(0), 0, EPOLLIN, read_one, NULL);
}

static void misuse_real_as_fake(void)
{
	loop_fake_set_ms(loop_new(1), 5);
}

static void misuse_bad_descriptor(void)
{
	loop_io_new(loop_new(1), 777, EPOLLIN, read_one, NULL);
}

static const struct {
	const char *name;
	void (*fn)(void);
	const char *says;
} misuses[] = {
	{ "other-thread", misuse_other_thread, "another thread" },
	{ "fake-with-files", misuse_fake_with_files, "has no files" },
	{ "real-as-fake", misuse_real_as_fake, "for the fake loop" },
	{ "bad-descriptor", misuse_bad_descriptor, "Bad file descriptor" },
};

static void misuse_aborts(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(misuses); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		_cleanup_(cmd_result_done) struct cmd_result result = { 0 };
		struct cmd cmd = { .argv = (const char *const[]){ "/proc/self/exe", misuses[i].name, NULL },
				   .deadline_ms = GUARD_MS };
		assert_int_equal(cmd_run(&cmd, &result, &err), -EIO);
		assert_true(WIFSIGNALED(result.status));
		assert_int_equal(WTERMSIG(result.status), SIGABRT);
		assert_non_null(strstr(result.output, misuses[i].says));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_loop, free_loop)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(it_runs_until_it_is_told_to_quit_and_runs_again),
		TEST(much_to_do_lets_others_come_in_between),
		TEST(its_clocks_are_the_systems),
		TEST(timers_fire_in_order_and_not_early),
		TEST(a_timer_that_always_renews_starves_nobody),
		TEST(a_call_that_always_posts_itself_starves_nobody),
		TEST(threads_post_at_once_each_in_its_order),
		TEST(a_file_is_read_to_its_end),
		TEST(events_can_be_changed),
		TEST(a_child_that_exits_is_reaped),
		TEST(a_child_that_is_killed_says_so),
		TEST(a_child_let_go_is_the_callers_to_reap),
		TEST(a_signal_is_taken_on_the_loop),
		TEST(what_is_left_goes_with_the_loop),
		cmocka_unit_test(misuse_aborts),
	};
	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(misuses); i++)
		if (str_equal(argv[1], misuses[i].name))
			misuses[i].fn();
	return argc > 1 ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
}
