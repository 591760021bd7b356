/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Services on the real loop, with real children. Every wait is for a change of state, under a guard. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd/cmd.h"

#define GUARD_MS 20000

static struct loop *loop;

/* The states heard, one letter each, and when. */
static char heard[64];
static int64_t heard_ms[64];
static unsigned heard_count, quit_after;

static void on_changed(struct service *service, enum service_state service_now, void *data)
{
	assert_int_equal(service_state(service), service_now);
	assert_true(heard_count < sizeof(heard) - 1);
	heard_ms[heard_count] = loop_monotonic_ms(loop);
	heard[heard_count++] = "srbf"[service_now];
	heard[heard_count] = '\0';
	if (heard_count == quit_after)
		loop_quit(loop, 0);
}

static void give_up(void *data)
{
	loop_quit(loop, 99);
}

/* Runs until count states were heard in all. */
static int run_until_heard(unsigned count)
{
	struct loop_timer *guard = loop_timer_new(loop, GUARD_MS, give_up, NULL);
	quit_after = count;
	int code = heard_count >= count ? 0 : loop_run(loop);
	if (code != 99)
		loop_timer_free(guard);
	return code;
}

static int make_loop(void **state)
{
	loop = loop_new(1);
	heard_count = quit_after = 0;
	heard[0] = '\0';
	return 0;
}

static int free_loop(void **state)
{
	loop = loop_free(loop);
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1; /* no child is left, alive or not */
}

static struct service *script(const char *text, struct service_spec spec)
{
	const char *argv[] = { "sh", "-c", text, NULL }; /* copied */
	spec.name = "test";
	spec.argv = argv;
	spec.changed = on_changed;
	return service_new(loop, &spec);
}

static void it_runs_and_is_stopped(void **state)
{
	struct service *service = script("exec sleep 1000", (struct service_spec){ 0 });
	pid_t pid = service_pid(service);
	assert_int_equal(service_state(service), SERVICE_RUNNING);
	assert_true(pid > 0);
	assert_null(service_last_end(service));
	assert_int_equal(kill(pid, 0), 0);
	int64_t begin = monotonic_ms();
	assert_null(service_free(service));
	assert_true(monotonic_ms() - begin < 2000); /* it heard SIGTERM */
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_string_equal(heard, ""); /* neither starting nor freeing it calls back */
	assert_null(service_free(NULL));
}

static int note_capabilities(const struct cmd *cmd, struct cmd_result *ret, struct err *err, void *data)
{
	*(int *)data = cmd->keep_capabilities;
	return 0;
}

static void its_capabilities_are_as_ordered(void **state)
{
	for (int keep = 0; keep < 2; keep++) {
		int kept = -1;
		cmd_set_hook(note_capabilities, &kept);
		struct service *service = script("exit", (struct service_spec){ .keep_capabilities = keep });
		cmd_set_hook(NULL, NULL);
		assert_int_equal(kept, keep);
		service_free(service);
	}
}

static void it_is_started_again(void **state)
{
	struct service *service = script("exec sleep 1000", (struct service_spec){ .backoff_first_ms = 1 });
	pid_t first = service_pid(service);
	assert_int_equal(service_signal(service, SIGKILL), 0);
	assert_int_equal(run_until_heard(1), 0);
	assert_string_equal(heard, "b");
	assert_int_equal(service_pid(service), 0);
	assert_int_equal(service_signal(service, SIGHUP), -ESRCH);
	assert_string_equal(service_last_end(service), "killed by SIGKILL");
	assert_int_equal(run_until_heard(2), 0);
	assert_string_equal(heard, "br");
	assert_true(service_pid(service) > 0);
	assert_int_not_equal(service_pid(service), first);
	service_free(service);
}

static void pauses_grow_up_to_the_largest_and_the_cap_ends_it(void **state)
{
	struct service *service = script("exit 3", (struct service_spec){ .backoff_first_ms = 20,
									  .backoff_max_ms = 50,
									  .respawn_max = 5,
									  .respawn_window_ms = GUARD_MS });
	assert_int_equal(run_until_heard(9), 0);
	assert_string_equal(heard, "brbrbrbrf"); /* five starts, the first of which is not heard */
	static const int64_t least_ms[] = { 20, 40, 50, 50 };
	for (unsigned i = 0; i < 4; i++)
		assert_true(heard_ms[2 * i + 1] - heard_ms[2 * i] >= least_ms[i]);
	assert_int_equal(service_state(service), SERVICE_FAILED);
	assert_string_equal(service_last_end(service), "exit code 3");
	assert_int_equal(service_pid(service), 0);
	loop_timer_new(loop, 120, give_up, NULL);
	assert_int_equal(loop_run(loop), 99); /* nothing more happens */
	assert_int_equal(heard_count, 9);
	service_free(service);
}

static void a_good_run_makes_the_pause_short_again(void **state)
{
	/* A run is good from 100 / 50 = 2 ms on, which a shell that waits for input for 20 ms surpasses. */
	struct service *service = script("exec sleep 0.02", (struct service_spec){ .backoff_first_ms = 5,
										   .backoff_max_ms = GUARD_MS * 10,
										   .respawn_max = 50,
										   .respawn_window_ms = 100 });
	/* Doubling twenty times would take hours. */
	assert_int_equal(run_until_heard(40), 0);
	assert_int_equal(service_state(service), heard[39] == 'r' ? SERVICE_RUNNING : SERVICE_BACKOFF);
	service_free(service);
}

static void one_that_cannot_be_started_is_tried_again(void **state)
{
	char folder[] = "/tmp/ingot-test-XXXXXX";
	assert_non_null(mkdtemp(folder));
	_cleanup_free_ char *program = xasprintf("%s/program", folder);
	const char *argv[] = { program, NULL };
	struct service_spec spec = {
		.argv = argv, .backoff_first_ms = 1, .backoff_max_ms = 5, .respawn_max = 1000, .changed = on_changed
	};
	struct service *service = service_new(loop, &spec);
	assert_int_equal(service_state(service), SERVICE_BACKOFF);
	assert_non_null(strstr(service_last_end(service), "No such file"));
	assert_int_equal(run_until_heard(2), 0);
	assert_string_equal(heard, "bb");
	/* Now there is one. */
	assert_int_equal(write_file_atomic(program, "#!/bin/sh\nexec sleep 1000\n", 26, 0755), 0);
	for (unsigned i = 3; service_state(service) != SERVICE_RUNNING; i++)
		assert_int_equal(run_until_heard(i), 0);
	service_free(service);
	unlink(program);
	rmdir(folder);
}

static void one_that_never_starts_fails_at_the_cap(void **state)
{
	const char *argv[] = { "no-such-program-here", NULL };
	struct service_spec spec = { .argv = argv, .backoff_first_ms = 1, .respawn_max = 3, .changed = on_changed };
	struct service *service = service_new(loop, &spec);
	assert_int_equal(run_until_heard(2), 0);
	assert_string_equal(heard, "bf");
	assert_string_equal(service_last_end(service), "no-such-program-here: no such program in PATH");
	service_free(service);
}

/* ---- stopping ---- */

static void on_ready(int fd, uint32_t events, void *data)
{
	char c;
	if (read(fd, &c, 1) == 1)
		loop_quit(loop, 0);
}

static void one_that_ignores_sigterm_is_killed_with_all_it_started(void **state)
{
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	/* The pipe comes as a path: descriptors are not inherited. Its end shows that all who hold it are gone. */
	_cleanup_free_ char *text = xasprintf("trap '' TERM; exec 3>/proc/%d/fd/%d; sh -c 'trap \"\" TERM; sleep 1000;"
					      " sleep 1000' & printf r >&3; while :; do sleep 1000; done",
					      (int)getpid(), fds[1]);
	struct service *service = script(text, (struct service_spec){ 0 });
	pid_t pid = service_pid(service);
	struct loop_io *io = loop_io_new(loop, fds[0], 1 /* EPOLLIN */, on_ready, NULL);
	struct loop_timer *guard = loop_timer_new(loop, GUARD_MS, give_up, NULL);
	assert_int_equal(loop_run(loop), 0); /* its trap is set */
	loop_timer_free(guard);
	loop_io_free(io);
	int64_t begin = monotonic_ms();
	service_free(service);
	assert_in_range(monotonic_ms() - begin, 2000, GUARD_MS);
	assert_int_equal(kill(pid, 0), -1);
	close_fd(fds[1]);
	struct pollfd p = { .fd = fds[0], .events = POLLIN };
	char c;
	assert_int_equal(poll(&p, 1, GUARD_MS), 1);
	assert_int_equal(read(fds[0], &c, 1), 0);
	close_fd(fds[0]);
}

static void it_can_be_freed_in_any_state(void **state)
{
	struct service *backoff = script("exit 0", (struct service_spec){ .backoff_first_ms = GUARD_MS * 10 });
	assert_int_equal(run_until_heard(1), 0);
	assert_int_equal(service_state(backoff), SERVICE_BACKOFF);
	service_free(backoff);
	struct service *failed = script("exit 0", (struct service_spec){ .respawn_max = 1 });
	assert_int_equal(run_until_heard(2), 0);
	assert_int_equal(service_state(failed), SERVICE_FAILED);
	service_free(failed);
	/* It has ended, but the loop has not heard of it. */
	struct service *ended = script("exit 0", (struct service_spec){ 0 });
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)service_pid(ended), &info, WEXITED | WNOWAIT), 0);
	service_free(ended);
	assert_string_equal(heard, "bf");
}

static struct service *to_free;

static void free_it(struct service *service, enum service_state service_now, void *data)
{
	assert_ptr_equal(service, to_free);
	to_free = service_free(service);
	loop_quit(loop, 0);
}

static void it_can_be_freed_when_it_changes(void **state)
{
	static const char *const scripts[] = { "exit 0", "kill -KILL $$" };
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		const char *argv[] = { "sh", "-c", scripts[i], NULL };
		struct service_spec spec = { .argv = argv, .changed = free_it };
		to_free = service_new(loop, &spec);
		assert_int_equal(loop_run(loop), 0);
		assert_null(to_free);
	}
}

static struct service *volatile kept_service;
static struct loop *volatile kept_loop;

/* It dies with the thread of the loop, as a program does that is killed. */
static void *start_and_end(void *data)
{
	const char *argv[] = { "sleep", "1000", NULL };
	struct service_spec spec = { .argv = argv };
	struct loop *own = loop_new(1);
	struct service *service = service_new(own, &spec);
	*(pid_t *)data = service_pid(service);
	/* Nothing is freed: it was killed. Kept where the leak checker sees it. */
	kept_service = service;
	kept_loop = own;
	return NULL;
}

static void it_does_not_outlive_us(void **state)
{
	pthread_t thread;
	pid_t pid = 0;
	int status = 0;
	assert_int_equal(pthread_create(&thread, NULL, start_and_end, &pid), 0);
	pthread_join(thread, NULL);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static int hook(const struct cmd *cmd, struct cmd_result *ret, struct err *err, void *data)
{
	*(const char **)data = cmd->argv[0];
	return 0;
}

static void a_hook_starts_nothing(void **state)
{
	const char *asked = NULL;
	const char *argv[] = { "dnsmasq", NULL };
	struct service_spec spec = { .argv = argv };
	cmd_set_hook(hook, &asked);
	struct service *service = service_new(loop, &spec);
	assert_string_equal(asked, "dnsmasq");
	assert_int_equal(service_state(service), SERVICE_RUNNING);
	assert_int_equal(service_pid(service), 0);
	service_free(service);
	cmd_set_hook(NULL, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_loop, free_loop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_runs_and_is_stopped),
		TEST(its_capabilities_are_as_ordered),
		TEST(it_is_started_again),
		TEST(pauses_grow_up_to_the_largest_and_the_cap_ends_it),
		TEST(a_good_run_makes_the_pause_short_again),
		TEST(one_that_cannot_be_started_is_tried_again),
		TEST(one_that_never_starts_fails_at_the_cap),
		TEST(one_that_ignores_sigterm_is_killed_with_all_it_started),
		TEST(it_can_be_freed_in_any_state),
		TEST(it_can_be_freed_when_it_changes),
		TEST(it_does_not_outlive_us),
		TEST(a_hook_starts_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
