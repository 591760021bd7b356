/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A virtual machine's screen for a VNC viewer on this computer: a listening socket, and for each viewer that connects a ticket
 * and a WebSocket, between which RFB (RFC 6143) is passed on as it is. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "cli/print.h"
#include "cli/verbs.h"
#include "http/websocket.h"
#include "loop/loop_stream.h"

#define LISTEN_DEFAULT "127.0.0.1:5900"

struct screens {
	struct session *session;
	const struct invocation *in;
	int listen_fd, accepted_fd; /* accepted: to be served next */
	struct list viewers;
	struct loop_timer *timer;
	bool over;
};

struct viewer {
	struct list link;
	struct screens *all;
	int fd; /* until there is a stream */
	struct loop_stream *stream;
	struct ws *ws;
};

static void viewer_free(struct viewer *viewer, const char *reason)
{
	list_remove(&viewer->link);
	ws_close(viewer->ws, reason);
	loop_stream_free(viewer->stream);
	close_fd(viewer->fd);
	free(viewer);
}

/* ---- between the two ---- */

static bool stream_output(const void *bytes, size_t len, void *data)
{
	struct viewer *viewer = data;
	ws_send(viewer->ws, bytes, len);
	return !ws_is_full(viewer->ws);
}

static void stream_drained(void *data)
{
	struct viewer *viewer = data;
	ws_pause(viewer->ws, false);
}

static void stream_ended(void *data)
{
	viewer_free(data, "the viewer left");
}

static const struct loop_stream_events stream_events = { stream_output, stream_drained, stream_ended };

static void on_message(struct ws *ws, const void *payload, size_t len, void *data)
{
	struct viewer *viewer = data;
	if (!loop_stream_write(viewer->stream, payload, len))
		ws_pause(ws, true);
}

static void on_drained(struct ws *ws, void *data)
{
	struct viewer *viewer = data;
	loop_stream_resume(viewer->stream);
}

static void on_closed(struct ws *ws, const char *reason, void *data)
{
	struct viewer *viewer = data;
	fprintf(stderr, "ingot: the screen was closed: %s\n", reason);
	viewer->ws = NULL;
	viewer_free(viewer, NULL);
}

static void on_connected(struct ws *ws, const struct err *err, void *data)
{
	static const struct ws_events events = { .message = on_message, .closed = on_closed, .drained = on_drained };
	struct viewer *viewer = data;
	if (!ws) {
		fprintf(stderr, "ingot: %s\n", err->text);
		viewer_free(viewer, NULL);
		return;
	}
	viewer->ws = ws;
	viewer->stream = loop_stream_new(viewer->all->session->loop, TAKE_FD(viewer->fd), &stream_events, viewer);
	ws_set_events(ws, &events, viewer);
}

/* ---- viewers ---- */

/* Asks for a ticket and waits for it; those who are served already go on meanwhile. */
static int viewer_new(struct screens *all, int fd, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	json_t *body = json_pack("{s:s}", "kind", console_kind_words[CONSOLE_VNC]);
	int r = session_operation(all->session, &operations[OP_VM_CONSOLE_TICKET], all->in->targets[0], body, &reply,
				  err);
	json_decref(body);
	const char *path = json_string_value(json_object_get(reply.json, "url"));
	if (r == 0 && (!path || path[0] != '/'))
		r = err_set(err, ERR_INTERNAL, "the provisioner's answer has no address of the screen");
	if (r < 0) {
		close(fd);
		return r;
	}
	_cleanup_free_ char *url = xasprintf("%s%s", all->session->url, path);
	struct viewer *viewer = new0(struct viewer, 1);
	viewer->all = all;
	viewer->fd = fd;
	list_append(&all->viewers, &viewer->link);
	ws_connect(all->session->client, url, on_connected, viewer);
	return 0;
}

static void on_listen(int fd, uint32_t events, void *data)
{
	struct screens *all = data;
	all->accepted_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (all->accepted_fd >= 0)
		loop_quit(all->session->loop, 0);
}

static void on_duration(void *data)
{
	struct screens *all = data;
	all->timer = NULL;
	all->over = true;
	loop_quit(all->session->loop, 0);
}

/* Until it is told to end. A viewer that cannot be served is told of, and the next may be. */
static int serve(struct screens *all, struct err *err)
{
	int r = 0;
	while (r == 0 && !all->over) {
		struct loop_io *io = loop_io_new(all->session->loop, all->listen_fd, EPOLLIN, on_listen, all);
		r = session_run(all->session, err);
		loop_io_free(io);
		if (r < 0 || all->accepted_fd < 0)
			continue;
		_cleanup_err_ struct err refused = ERR_INIT;
		if (viewer_new(all, TAKE_FD(all->accepted_fd), &refused) < 0)
			session_fail(all->session, all->in->command, all->in->targets[0], NULL, &refused);
	}
	return r;
}

/* ---- listening ---- */

static int parse_listen(const char *text, struct sockaddr_in *ret, struct err *err)
{
	const char *colon = strrchr(text, ':');
	_cleanup_free_ char *host = colon ? xstrndup(text, (size_t)(colon - text)) : NULL;
	int64_t port = 0;
	*ret = (struct sockaddr_in){ .sin_family = AF_INET };
	if (!host || inet_pton(AF_INET, host, &ret->sin_addr) != 1 || parse_i64(colon + 1, 0, UINT16_MAX, &port) < 0)
		return err_set(err, ERR_INVALID, "--listen %s: must be ADDRESS:PORT such as " LISTEN_DEFAULT, text);
	if (ntohl(ret->sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
		return err_set(err, ERR_INVALID,
			       "--listen %s: whoever reaches the port has the screen; use an address of this computer "
			       "only, 127.x.x.x",
			       text);
	ret->sin_port = htons((uint16_t)port);
	return 0;
}

static int listen_at(const char *text, int *ret_fd, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	int on = 1, r = parse_listen(text, &address, err);
	if (r < 0)
		return r;
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return err_set_errno(err, -errno, "--listen %s", text);
	fprintf(stderr, "ingot: waiting for a VNC viewer at %s:%u; Ctrl-C ends it\n", inet_ntoa(address.sin_addr),
		ntohs(address.sin_port));
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int verb_vnc(struct session *session, const struct invocation *in)
{
	struct screens all = { .session = session, .in = in, .listen_fd = -1, .accepted_fd = -1 };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_reply_ struct reply reply = { 0 };
	struct viewer *viewer;
	list_init(&all.viewers);
	/* Before anything waits: whether there is such a machine. */
	int r = session_operation(session, command_operation(in->command), in->targets[0], NULL, &reply, &err);
	if (r == 0)
		r = listen_at(str_or(in->given[OPTION_LISTEN], LISTEN_DEFAULT), &all.listen_fd, &err);
	if (r == 0 && in->duration_ms)
		all.timer = loop_timer_new(session->loop, in->duration_ms, on_duration, &all);
	if (r == 0)
		r = serve(&all, &err);
	LIST_FOREACH(viewer, &all.viewers, link)
		viewer_free(viewer, "done"); /* nobody runs the loop again: one that is dialled is not told */
	loop_timer_free(all.timer);
	close_fd(all.listen_fd);
	if (session->signal)
		return 128 + session->signal;
	return r < 0 ? session_fail(session, in->command, NULL, &reply, &err) : 0;
}
