/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A console of a machine or a virtual machine on this terminal, or through pipes. */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#include "cli/escape.h"
#include "cli/verbs.h"
#include "cli/visible.h"
#include "http/websocket.h"

#define CHUNK 4096

struct terminal {
	struct session *session;
	struct ws *ws;
	struct loop_io *input;
	struct loop_timer *timer, *input_timer;
	struct escape escape;
	struct termios before;
	bool raw;  /* the terminal is in raw mode */
	bool over; /* in the way that was asked for */
	struct err err;
};

static void quit(struct terminal *t)
{
	loop_quit(t->session->loop, 0);
}

/* ---- the terminal ---- */

static void raw_begin(struct terminal *t)
{
	struct termios raw;
	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &t->before) < 0)
		return;
	raw = t->before;
	cfmakeraw(&raw);
	t->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
	if (t->raw)
		fputs("Connected; ~. on a new line ends it, ~? is help.\r\n", stderr);
}

static void raw_end(struct terminal *t)
{
	if (!t->raw)
		return;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &t->before);
	fputs("\r\n", stderr);
	t->raw = false;
}

static void take_input(struct terminal *t, const char *data, size_t len)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	if (!t->raw) {
		ws_send(t->ws, data, len);
		return;
	}
	enum escape_asked asked = escape_filter(&t->escape, data, len, &out);
	if (out.len > 0)
		ws_send(t->ws, out.data, out.len);
	if (asked == ESCAPE_HELP)
		fputs("\r\n~.  end\r\n~~  send a ~\r\n~?  this list\r\n", stderr);
	if (asked == ESCAPE_END) {
		t->over = true;
		quit(t);
	}
}

/* False at the end of input. What the console says still comes then. */
static bool read_input(struct terminal *t)
{
	char data[CHUNK];
	ssize_t n = read(STDIN_FILENO, data, sizeof(data));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n > 0)
		take_input(t, data, (size_t)n);
	return n > 0;
}

static void on_input(int fd, uint32_t events, void *data)
{
	struct terminal *t = data;
	if (read_input(t))
		return;
	t->input = loop_io_free(t->input);
	if (t->raw) { /* the terminal is gone */
		t->over = true;
		quit(t);
	}
}

/* Files cannot be waited for: they are always ready. One piece a round, so that the rest goes on meanwhile. */
static void on_file_input(void *data)
{
	struct terminal *t = data;
	t->input_timer = NULL;
	if (read_input(t))
		t->input_timer = loop_timer_new(t->session->loop, 1, on_file_input, t);
}

static void input_begin(struct terminal *t)
{
	struct epoll_event event = { .events = EPOLLIN };
	_cleanup_close_ int probe = epoll_create1(EPOLL_CLOEXEC);
	if (probe < 0 || epoll_ctl(probe, EPOLL_CTL_ADD, STDIN_FILENO, &event) == 0)
		t->input = loop_io_new(t->session->loop, STDIN_FILENO, EPOLLIN, on_input, t);
	else if (errno == EPERM)
		t->input_timer = loop_timer_new(t->session->loop, 0, on_file_input, t);
	/* else there is none: it was closed */
}

/* ---- the console ---- */

static void on_message(struct ws *ws, const void *payload, size_t len, void *data)
{
	struct terminal *t = data;
	for (size_t done = 0; done < len;) {
		ssize_t n = write(STDOUT_FILENO, (const char *)payload + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_set(&t->err, ERR_INTERNAL, "standard output: %s", strerrordesc_np(errno));
			quit(t);
			return;
		}
		done += (size_t)n;
	}
}

static void on_closed(struct ws *ws, const char *reason, void *data)
{
	struct terminal *t = data;
	t->ws = NULL;
	err_set(&t->err, ERR_UNREACHABLE, "the console was closed%s%s", reason && reason[0] ? ": " : "",
		str_or(reason, ""));
	quit(t);
}

static void on_connected(struct ws *ws, const struct err *err, void *data)
{
	static const struct ws_events events = { .message = on_message, .closed = on_closed };
	struct terminal *t = data;
	t->ws = ws;
	if (ws)
		ws_set_events(ws, &events, t);
	else
		err_copy(&t->err, err);
	quit(t);
}

static void on_duration(void *data)
{
	struct terminal *t = data;
	t->timer = NULL;
	t->over = true;
	quit(t);
}

/* 0 once it is there. It answers within 30 seconds, one way or the other. */
static int terminal_connect(struct terminal *t, const char *url)
{
	ws_connect(t->session->client, url, on_connected, t);
	int r = session_run(t->session, &t->err);
	return r < 0 || !t->ws ? -EIO : 0;
}

static void terminal_run(struct terminal *t, int64_t duration_ms)
{
	_cleanup_err_ struct err err = ERR_INIT;
	if (duration_ms)
		t->timer = loop_timer_new(t->session->loop, duration_ms, on_duration, t);
	raw_begin(t);
	input_begin(t);
	if (session_run(t->session, &err) < 0)
		err_move(&t->err, &err);
	raw_end(t);
	loop_io_free(t->input);
	loop_timer_free(t->input_timer);
	loop_timer_free(t->timer);
	if (t->ws)
		ws_close(t->ws, "done");
}

int verb_console(struct session *session, const struct invocation *in)
{
	_cleanup_free_ char *path = operation_path(command_operation(in->command), in->targets[0]);
	_cleanup_free_ char *url = xasprintf("%s%s", session->url, path);
	struct terminal t = { .session = session };
	int code = 0;
	if (terminal_connect(&t, url) == 0)
		terminal_run(&t, in->duration_ms);
	if (session->signal)
		code = 128 + session->signal;
	else if (!t.over)
		code = session_fail(session, in->command, NULL, NULL, &t.err);
	err_done(&t.err);
	return code;
}
