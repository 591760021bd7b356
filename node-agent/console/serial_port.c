/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console/guest_socket.h"
#include "console/serial_port.h"

#define INPUT_MAX_BYTES ((size_t)(64 * KIB))
#define LINE_LOOK_BYTES 4096
#define LET_GO_MS 2000

struct serial_port {
	const struct serial_port_events *events;
	void *data;
	int fd; /* to QEMU; -1 once it has let go */
	int log_fd;
	int notify_fd;
	struct loop *loop;
	struct loop_io *io, *notify_io;
	struct loop_timer *end_timer;
	struct strbuf input;
};

/* ---- to QEMU ---- */

static void tell_end(void *data)
{
	struct serial_port *port = data;

	port->end_timer = NULL;
	port->events->ended("the virtual machine has ended or moved", port->data);
}

/* Told from the loop, so that the port may be freed there and then. */
static void port_end(struct serial_port *port)
{
	port->io = loop_io_free(port->io);
	port->fd = close_fd(port->fd);
	port->end_timer = loop_timer_new(port->loop, 0, tell_end, port);
}

static int send_input(struct serial_port *port)
{
	while (port->input.len) {
		ssize_t n = send(port->fd, port->input.data, port->input.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		strbuf_remove_front(&port->input, (size_t)n);
	}
	return 0;
}

static void on_socket(int fd, uint32_t events, void *data)
{
	struct serial_port *port = data;
	char discarded[4096];
	ssize_t n;

	/* The same output comes by the log; here it is only taken so that QEMU need not wait. */
	while ((n = read(fd, discarded, sizeof(discarded))) > 0)
		;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || send_input(port) < 0) {
		port_end(port);
		return;
	}
	loop_io_set_events(port->io, EPOLLIN | (port->input.len ? EPOLLOUT : 0));
}

int serial_port_write(struct serial_port *port, const void *data, size_t len)
{
	if (port->fd < 0)
		return -EPIPE;
	if (port->input.len + len > INPUT_MAX_BYTES)
		return -ENOBUFS;
	strbuf_add(&port->input, data, len);
	/* A failure is seen where the socket is watched. */
	send_input(port);
	loop_io_set_events(port->io, EPOLLIN | (port->input.len ? EPOLLOUT : 0));
	return 0;
}

/* QEMU drops the character that it is writing, from the log as well, if nobody holds the other end any more. So we say that
 * we go, and take what comes until QEMU has closed too. On a worker. */
static void let_go(void *data)
{
	int fd = (int)(intptr_t)data;
	int64_t deadline = monotonic_ms() + LET_GO_MS;
	struct pollfd waits = { .fd = fd, .events = POLLIN };
	char discarded[4096];
	ssize_t n = 0;

	shutdown(fd, SHUT_WR);
	do {
		int64_t left = deadline - monotonic_ms();

		if (left <= 0 || poll(&waits, 1, (int)left) <= 0)
			break;
		n = read(fd, discarded, sizeof(discarded));
	} while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
	close(fd);
}

/* ---- the log ---- */

static void on_notify(int fd, uint32_t events, void *data)
{
	struct serial_port *port = data;
	char ignored[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(fd, ignored, sizeof(ignored)) > 0)
		;
	port->events->output(port->data);
}

ssize_t serial_port_read(struct serial_port *port, uint64_t offset, void *data, size_t len)
{
	ssize_t n;

	do {
		n = pread(port->log_fd, data, len, (off_t)offset);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

uint64_t serial_port_start(struct serial_port *port, uint64_t history_bytes)
{
	char text[LINE_LOOK_BYTES];
	const char *newline;
	uint64_t start;
	struct stat st;
	ssize_t n;

	if (fstat(port->log_fd, &st) < 0 || (uint64_t)st.st_size <= history_bytes)
		return 0;
	start = (uint64_t)st.st_size - history_bytes;
	n = serial_port_read(port, start, text, sizeof(text));
	newline = n > 0 ? memchr(text, '\n', (size_t)n) : NULL;
	return newline ? start + (uint64_t)(newline + 1 - text) : start;
}

static int open_log(struct serial_port *port, const char *path, struct err *err)
{
	port->log_fd = open(path, O_RDONLY | O_CLOEXEC);
	port->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (port->log_fd < 0 || port->notify_fd < 0 || inotify_add_watch(port->notify_fd, path, IN_MODIFY) < 0)
		return err_set_errno(err, -errno, "cannot follow %s", path);
	return 0;
}

/* ---- life ---- */

int serial_port_open(struct loop *loop, const char *socket_path, const char *log_path,
		     const struct serial_port_events *events, void *data, struct serial_port **ret, struct err *err)
{
	struct serial_port *port = new0(struct serial_port, 1);
	int r;

	port->loop = loop;
	port->events = events;
	port->data = data;
	port->fd = port->log_fd = port->notify_fd = -1;
	r = guest_socket_connect(socket_path, "serial port", &port->fd, err);
	if (r == 0)
		r = open_log(port, log_path, err);
	if (r < 0) {
		serial_port_free(port);
		return r;
	}
	port->io = loop_io_new(loop, port->fd, EPOLLIN, on_socket, port);
	port->notify_io = loop_io_new(loop, port->notify_fd, EPOLLIN, on_notify, port);
	*ret = port;
	return 0;
}

struct serial_port *serial_port_free(struct serial_port *port)
{
	if (!port)
		return NULL;
	loop_io_free(port->io);
	loop_io_free(port->notify_io);
	loop_timer_free(port->end_timer);
	if (port->fd >= 0 && loop_work(port->loop, NULL, let_go, NULL, (void *)(intptr_t)port->fd) < 0)
		close_fd(port->fd);
	close_fd(port->log_fd);
	close_fd(port->notify_fd);
	strbuf_done(&port->input);
	free(port);
	return NULL;
}
