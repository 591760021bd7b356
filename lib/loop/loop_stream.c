/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop/loop_stream.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES (16 * KIB)

struct loop_stream {
	struct loop *loop;
	const struct loop_stream_events *events;
	void *data;
	int fd;
	struct loop_io *io;
	struct loop_timer *end_timer;
	struct strbuf out; /* what the peer has not taken */
	bool stopped;	   /* nothing is read */
};

static void update_io(struct loop_stream *stream)
{
	if (stream->io)
		loop_io_set_events(stream->io, (stream->stopped ? 0 : EPOLLIN) | (stream->out.len ? EPOLLOUT : 0));
}

static void tell_end(void *data)
{
	struct loop_stream *stream = data;

	stream->end_timer = NULL;
	stream->events->ended(stream->data);
}

/* Told from the loop, so that it may be freed there and then. */
static void stream_end(struct loop_stream *stream)
{
	stream->io = loop_io_free(stream->io);
	if (!stream->end_timer)
		stream->end_timer = loop_timer_new(stream->loop, 0, tell_end, stream);
}

static bool send_waiting(struct loop_stream *stream)
{
	while (stream->out.len > 0) {
		ssize_t n = send(stream->fd, stream->out.data, stream->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		strbuf_remove_front(&stream->out, (size_t)n);
	}
	return true;
}

/* One piece a round: a busy one is not to keep the rest from its turn. */
static void on_io(int fd, uint32_t events, void *data)
{
	struct loop_stream *stream = data;
	bool waited = stream->out.len > 0;
	char buf[READ_BYTES];
	ssize_t n = -1;

	errno = EAGAIN;
	if (!send_waiting(stream))
		n = 0;
	else if (!stream->stopped)
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	else if (events & (EPOLLHUP | EPOLLERR))
		n = 0;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		stream_end(stream);
		return;
	}
	if (waited && stream->out.len == 0)
		stream->events->drained(stream->data);
	if (n > 0 && !stream->events->output(buf, (size_t)n, stream->data))
		stream->stopped = true;
	update_io(stream);
}

bool loop_stream_write(struct loop_stream *stream, const void *bytes, size_t len)
{
	if (!stream->io)
		return true; /* its end is about to be told */
	strbuf_add(&stream->out, bytes, len);
	if (!send_waiting(stream))
		stream_end(stream);
	update_io(stream);
	return stream->out.len == 0;
}

void loop_stream_resume(struct loop_stream *stream)
{
	stream->stopped = false;
	update_io(stream);
}

struct loop_stream *loop_stream_new(struct loop *loop, int fd, const struct loop_stream_events *events, void *data)
{
	struct loop_stream *stream = new0(struct loop_stream, 1);

	stream->loop = loop;
	stream->events = events;
	stream->data = data;
	stream->fd = fd;
	stream->io = loop_io_new(loop, fd, EPOLLIN, on_io, stream);
	return stream;
}

struct loop_stream *loop_stream_free(struct loop_stream *stream)
{
	if (!stream)
		return NULL;
	loop_io_free(stream->io);
	loop_timer_free(stream->end_timer);
	close_fd(stream->fd);
	strbuf_done(&stream->out);
	free(stream);
	return NULL;
}
