/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The program `ingot` where it takes time: --wait, task watch, event watch, consoles, signals. */
#include <signal.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "cli_world.h"

static int exit_code(enum err_code code)
{
	return err_meaning(code)->exit_code;
}

/* ---- a child that is spoken to while it runs ---- */

struct live {
	struct child child;
	struct loop_io *io;
	int fd;
	struct strbuf said;
	const char *until; /* signal it once it said this */
	int signal;
	bool ended, closed;
};

static void live_check(struct live *live)
{
	if (live->ended && live->closed)
		loop_quit(live->child.world->loop, 0);
}

static void live_ended(pid_t pid, int status, void *data)
{
	struct live *live = data;
	live->ended = true;
	live->child.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	live_check(live);
}

static void live_read(int fd, uint32_t events, void *data)
{
	struct live *live = data;
	char buffer[4096];
	ssize_t n = read(fd, buffer, sizeof(buffer));
	if (n > 0)
		strbuf_add(&live->said, buffer, (size_t)n);
	if (n <= 0) {
		live->io = loop_io_free(live->io);
		live->closed = true;
		live_check(live);
	} else if (live->until && strstr(live->said.data, live->until)) {
		live->until = NULL;
		kill(live->child.world->child, live->signal);
	}
}

/* Runs it to its end; its output and errors are in live->said. */
static void live_run(struct live *live, const char *line)
{
	struct world *w = live->child.world;
	char buffer[1024];
	int fds[2];
	_cleanup_err_ struct err err = ERR_INIT;
	child_arguments(&live->child, line, buffer, sizeof(buffer));
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	const struct cmd cmd = { .argv = live->child.argv,
				 .envp = live->child.envp,
				 .input = live->child.input,
				 .input_len = live->child.input ? strlen(live->child.input) : 0,
				 .deadline_ms = CHILD_MS,
				 .stdout_fd = fds[1],
				 .die_with_parent = true };
	w->looks = 0;
	if (cmd_start(&cmd, &w->child, &err) < 0)
		fail_msg("%s", err.text);
	close(fds[1]);
	live->io = loop_io_new(w->loop, fds[0], EPOLLIN, live_read, live);
	loop_child_new(w->loop, w->child, live_ended, live);
	loop_run(w->loop);
	close(fds[0]);
	strbuf_add(&live->said, "", 1);
}

static void assert_live_said(const struct live *live, const char *words)
{
	if (!strstr(live->said.data, words))
		fail_msg("'%s' is not in:\n%s", words, live->said.data);
}

static void live_done(struct live *live)
{
	child_done(&live->child);
	strbuf_done(&live->said);
}

/* ---- waiting ---- */

static void test_wait_for_success(void **state)
{
	struct world *w = *state;
	_cleanup_child_ struct child child = child_of(w);
	child_run(&child, "vm create web --volume root --start --wait");
	assert_code(&child, 0);
	assert_true(w->looks >= 3);
	assert_said(&child, "vm.start web: check");
	assert_said(&child, "vm.start web: write: at work\\u001b[31m");
	assert_said(&child, "vm.start web: succeeded");
	/* Then the resource as it is now. */
	assert_string_equal(child.result.out, "NAME  STATE    NODE  CPUS  MEMORY   VOLUME\n"
					      "web   running  -     2     128 MiB  root\n");
}

static void test_wait_for_failure(void **state)
{
	_cleanup_child_ struct child child = child_of(*state);
	child_run(&child, "vm create bad --volume root --wait");
	assert_code(&child, exit_code(ERR_CAPACITY));
	assert_said(&child, "ingot: web: There is not enough room: the pool has 1 GiB left");
	assert_string_equal(child.result.out, "");
}

static void test_wait_gives_the_last_task_as_json(void **state)
{
	_cleanup_child_ struct child child = child_of(*state);
	child_run(&child, "vm start ok --wait -o json");
	assert_code(&child, 0);
	json_t *json = json_loads(child.result.out, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(json, "state")), "succeeded");
	json_decref(json);
}

static void test_wait_for_several(void **state)
{
	_cleanup_child_ struct child child = child_of(*state);
	child_run(&child, "vm start ok bad --wait");
	assert_code(&child, exit_code(ERR_CAPACITY));
	assert_said(&child, "succeeded");
	assert_said(&child, "There is not enough room");
	child_run(&child, "vm start cancelled --wait");
	assert_code(&child, exit_code(ERR_CANCELLED));
}

static void test_wait_until_timeout(void **state)
{
	_cleanup_child_ struct child child = child_of(*state);
	child_run(&child, "vm start slow --wait --timeout 1");
	assert_code(&child, exit_code(ERR_TIMEOUT));
	assert_said(&child, "To watch it: ingot task watch t-slow");
}

static void test_watch(void **state)
{
	_cleanup_child_ struct child child = child_of(*state);
	child_run(&child, "task watch t-ok");
	assert_code(&child, 0);
	child_run(&child, "task watch t-bad");
	assert_code(&child, exit_code(ERR_CAPACITY));
	child_run(&child, "task watch t-none");
	assert_code(&child, exit_code(ERR_NOT_FOUND));
	assert_said(&child, "ingot: t-none: There is no such thing");
}

/* A provisioner that restarts is no reason to give up. */
static void test_watch_over_a_restart(void **state)
{
	struct world *w = *state;
	_cleanup_child_ struct child child = child_of(w);
	w->unavailable = 2;
	child_run(&child, "task watch t-ok");
	assert_code(&child, 0);
	assert_int_equal(w->unavailable, 0);
	assert_said(&child, "the provisioner does not answer (it restarts); trying again");
}

static void interrupt(struct world *w)
{
	if (w->looks == 2)
		kill(w->child, SIGINT);
}

static void test_interrupt_leaves_the_task(void **state)
{
	struct world *w = *state;
	struct live live = { .child = child_of(w) };
	w->on_look = interrupt;
	live_run(&live, "task watch t-slow");
	w->on_look = NULL;
	assert_int_equal(live.child.code, 130);
	assert_live_said(&live, "ingot: interrupted; what was started goes on. To watch it: ingot task watch t-slow");
	live_done(&live);
}

/* ---- events ---- */

static void test_events_go_on_where_they_were(void **state)
{
	struct world *w = *state;
	struct live live = { .child = child_of(w), .until = "second", .signal = SIGTERM };
	str_set(&w->last_event_id, NULL);
	live_run(&live, "event watch");
	assert_int_equal(live.child.code, 143);
	assert_string_equal(w->last_event_id, "1");
	assert_live_said(&live, "1  2026-01-31 00:00:00  vm.started  -  first\\u001b[31m\n");
	assert_live_said(&live, "the connection was lost");
	assert_live_said(&live, "second\n");
	live_done(&live);
}

static void test_events_go_on_after_a_silence(void **state)
{
	struct world *w = *state;
	struct live live = { .child = child_of(w), .until = "  second\n", .signal = SIGTERM };
	str_set(&w->last_event_id, NULL);
	w->events_fall_silent = true;
	live_run(&live, "event watch");
	w->events_fall_silent = false;
	assert_int_equal(live.child.code, 143);
	assert_string_equal(w->last_event_id, "1");
	assert_live_said(&live, "the connection was lost (nothing was heard");
	assert_live_said(&live, "second\n");
	assert_null(strstr(live.said.data, "every_ms"));
	live_done(&live);
}

static void test_events_as_json_lines(void **state)
{
	struct live live = { .child = child_of(*state), .until = "second", .signal = SIGTERM };
	str_set(&live.child.world->last_event_id, NULL);
	live_run(&live, "event watch -o json");
	assert_live_said(&live, "\"text\":\"first\\u001B[31m\"}\n");
	live_done(&live);
}

static void test_events_refused(void **state)
{
	_cleanup_child_ struct child child = child_of(*state);
	child_env(&child, "INGOT_TOKEN", "ingot_bad-token");
	child_run(&child, "event watch");
	assert_code(&child, exit_code(ERR_UNAUTHENTICATED));
	child_env(&child, "INGOT_URL", "https://127.0.0.1:1");
	child_run(&child, "event watch");
	assert_code(&child, exit_code(ERR_UNREACHABLE));
}

/* ---- consoles ---- */

static void console_reset(struct world *w, bool closes)
{
	strbuf_done(&w->console);
	w->console = (struct strbuf){ 0 };
	w->console_closes = closes;
}

static void test_console_through_pipes(void **state)
{
	struct world *w = *state;
	_cleanup_child_ struct child child = child_of(w);
	console_reset(w, true);
	child.input = "~.uname\n"; /* no terminal, no escape character */
	child_run(&child, "vm console web");
	assert_code(&child, exit_code(ERR_UNREACHABLE));
	assert_string_equal(child.result.out, "login: ~.uname\n");
	assert_string_equal(w->console.data, "~.uname\n");
	assert_said(&child, "the console was closed: the guest is off");
}

static void test_console_for_a_time(void **state)
{
	struct world *w = *state;
	_cleanup_child_ struct child child = child_of(w);
	console_reset(w, false);
	child_run(&child, "vm console web --duration 1"); /* standard input is /dev/null */
	assert_code(&child, 0);
	assert_string_equal(child.result.out, "login: ");
}

static void test_console_of_none(void **state)
{
	_cleanup_child_ struct child child = child_of(*state);
	child_run(&child, "vm console none");
	assert_code(&child, exit_code(ERR_NOT_FOUND));
	assert_said(&child, "there is no vm 'none'");
}

/* On a terminal, which script(1) makes: raw, and ~. ends it. */
static void test_console_on_a_terminal(void **state)
{
	struct world *w = *state;
	_cleanup_child_ struct child child = child_of(w);
	_cleanup_free_ char *command = xasprintf("%s vm console web", w->program);
	console_reset(w, false);
	child.input = "ab\n~.";
	child_env(&child, "SHELL", "/bin/sh");
	child_env(&child, "PATH", "/usr/bin:/bin");
	child.argv[0] = "/usr/bin/script";
	child.argv[1] = "-qefc";
	child.argv[2] = command;
	child.argv[3] = "/dev/null";
	child.argv[4] = NULL;
	assert_int_equal(loop_work(w->loop, NULL, child_work, child_quit, &child), 0);
	loop_run(w->loop);
	child.code = WEXITSTATUS(child.result.status);
	assert_code(&child, 0);
	assert_said(&child, "~. on a new line ends it");
	assert_non_null(strstr(w->console.data, "ab"));
	assert_null(strstr(w->console.data, "~"));
}

/* ---- screens ---- */

/* A VNC viewer, as far as it matters here: it takes what comes and sends it back. */
struct rfb {
	struct world *w;
	uint16_t port;
	int fd;
	struct loop_timer *timer;
	char seen[64];
	size_t seen_len;
};

/* Tries until the program listens, then talks. */
static void rfb_step(void *data)
{
	struct rfb *rfb = data;
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(rfb->port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	rfb->timer = loop_timer_new(rfb->w->loop, 20, rfb_step, rfb);
	if (rfb->fd < 0) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
			rfb->fd = fd;
		else
			close(fd);
		return;
	}
	ssize_t n = recv(rfb->fd, rfb->seen + rfb->seen_len, sizeof(rfb->seen) - 1 - rfb->seen_len, MSG_DONTWAIT);
	if (n > 0) {
		bool first = rfb->seen_len == 0;
		rfb->seen_len += (size_t)n;
		if (first)
			assert_int_equal(send(rfb->fd, "RFB", 3, MSG_NOSIGNAL), 3);
	}
}

static uint16_t free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static void test_screen(void **state)
{
	struct world *w = *state;
	_cleanup_child_ struct child child = child_of(w);
	struct rfb rfb = { .w = w, .port = free_port(), .fd = -1 };
	_cleanup_free_ char *line = xasprintf("vm vnc web --listen 127.0.0.1:%u --duration 2", rfb.port);
	console_reset(w, false);
	rfb_step(&rfb);
	child_run(&child, line);
	loop_timer_free(rfb.timer);
	assert_code(&child, 0);
	assert_said(&child, "waiting for a VNC viewer at 127.0.0.1:");
	assert_string_equal(json_string_value(json_object_get(w->body, "kind")), "vnc");
	/* What the far end says first, then its echo of what the viewer said. */
	assert_string_equal(rfb.seen, "login: RFB");
	assert_string_equal(w->console.data, "RFB");
	close(rfb.fd);
}

static void test_screen_refusals(void **state)
{
	_cleanup_child_ struct child child = child_of(*state);
	child_run(&child, "vm vnc web --listen 0.0.0.0:5900");
	assert_code(&child, 2);
	assert_said(&child, "whoever reaches the port has the screen");
	child_run(&child, "vm vnc web --listen here");
	assert_code(&child, 2);
	assert_said(&child, "must be ADDRESS:PORT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wait_for_success),
		cmocka_unit_test(test_wait_for_failure),
		cmocka_unit_test(test_wait_gives_the_last_task_as_json),
		cmocka_unit_test(test_wait_for_several),
		cmocka_unit_test(test_wait_until_timeout),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_watch_over_a_restart),
		cmocka_unit_test(test_interrupt_leaves_the_task),
		cmocka_unit_test(test_events_go_on_where_they_were),
		cmocka_unit_test(test_events_go_on_after_a_silence),
		cmocka_unit_test(test_events_as_json_lines),
		cmocka_unit_test(test_events_refused),
		cmocka_unit_test(test_console_through_pipes),
		cmocka_unit_test(test_console_for_a_time),
		cmocka_unit_test(test_console_of_none),
		cmocka_unit_test(test_console_on_a_terminal),
		cmocka_unit_test(test_screen),
		cmocka_unit_test(test_screen_refusals),
	};
	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
