/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/screen.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "console/guest_socket.h"

#define READ_BYTES (16 * KIB)

struct screen {
	struct loop *loop;
	const struct screen_events *events;
	void *data;
	int fd;
	struct loop_io *io;
	struct loop_timer *end_timer;
	struct strbuf input; /* what QEMU has not taken */
	bool stopped;	     /* nothing is read */
};

static void update_io(struct screen *screen)
{
	if (screen->io)
		loop_io_set_events(screen->io, (screen->stopped ? 0 : EPOLLIN) | (screen->input.len ? EPOLLOUT : 0));
}

static void tell_end(void *data)
{
	struct screen *screen = data;

	screen->end_timer = NULL;
	screen->events->ended("the virtual machine has ended or moved", screen->data);
}

/* Told from the loop, so that it may be freed there and then. */
static void screen_end(struct screen *screen)
{
	screen->io = loop_io_free(screen->io);
	if (!screen->end_timer)
		screen->end_timer = loop_timer_new(screen->loop, 0, tell_end, screen);
}

static bool send_input(struct screen *screen)
{
	while (screen->input.len > 0) {
		ssize_t n = send(screen->fd, screen->input.data, screen->input.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		strbuf_remove_front(&screen->input, (size_t)n);
	}
	return true;
}

/* One piece a round: a busy screen is not to keep the rest from its turn. */
static void on_io(int fd, uint32_t events, void *data)
{
	struct screen *screen = data;
	bool waited = screen->input.len > 0;
	char buf[READ_BYTES];
	ssize_t n = -1;

	errno = EAGAIN;
	if (!send_input(screen))
		n = 0;
	else if (!screen->stopped)
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	else if (events & (EPOLLHUP | EPOLLERR))
		n = 0;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		screen_end(screen);
		return;
	}
	if (waited && screen->input.len == 0)
		screen->events->drained(screen->data);
	if (n > 0 && !screen->events->output(buf, (size_t)n, screen->data))
		screen->stopped = true;
	update_io(screen);
}

bool screen_write(struct screen *screen, const void *bytes, size_t len)
{
	if (!screen->io)
		return true; /* its end is about to be told */
	strbuf_add(&screen->input, bytes, len);
	if (!send_input(screen))
		screen_end(screen);
	update_io(screen);
	return screen->input.len == 0;
}

void screen_resume(struct screen *screen)
{
	screen->stopped = false;
	update_io(screen);
}

int screen_open(struct loop *loop, const char *socket_path, const struct screen_events *events, void *data,
		struct screen **ret, struct err *err)
{
	struct screen *screen;
	int fd, r = guest_socket_connect(socket_path, "screen", &fd, err);

	if (r < 0)
		return r;
	screen = new0(struct screen, 1);
	screen->loop = loop;
	screen->events = events;
	screen->data = data;
	screen->fd = fd;
	screen->io = loop_io_new(loop, fd, EPOLLIN, on_io, screen);
	*ret = screen;
	return 0;
}

struct screen *screen_free(struct screen *screen)
{
	if (!screen)
		return NULL;
	loop_io_free(screen->io);
	loop_timer_free(screen->end_timer);
	close_fd(screen->fd);
	strbuf_done(&screen->input);
	free(screen);
	return NULL;
}
