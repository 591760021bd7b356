/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Server-sent events. The connection is suspended while there is nothing to send; then nothing but our watch sees the client
 * leave, and nothing but our timer keeps the way open. */
#include <sys/socket.h>

#include "http/http_server_priv.h"

static void stream_free(struct http_stream *stream)
{
	list_remove(&stream->link);
	loop_timer_free(stream->heartbeat);
	strbuf_done(&stream->queue);
	free(stream);
}

static void stream_wake(struct http_stream *stream)
{
	if (!stream->suspended)
		return;
	stream->suspended = false;
	MHD_resume_connection(stream->request->conn->mhd);
	server_run_soon(stream->server);
}

static ssize_t stream_read(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct http_stream *stream = cls;
	size_t n = MIN_OF(stream->queue.len - stream->at, max);

	if (stream->failed)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n > 0) {
		memcpy(buf, stream->queue.data + stream->at, n);
		stream->at += n;
		return (ssize_t)n;
	}
	/* All was sent: a quiet stream holds no memory. */
	strbuf_done(&stream->queue);
	stream->at = 0;
	if (stream->ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	stream->suspended = true;
	MHD_suspend_connection(stream->request->conn->mhd);
	return 0;
}

/* Nothing more goes out. The daemon finds the connection shut and completes the request. */
static void stream_fail(struct http_stream *stream)
{
	stream->failed = true;
	strbuf_done(&stream->queue);
	stream->at = 0;
	stream->request->watch = loop_io_free(stream->request->watch);
	shutdown(stream->request->conn->fd, SHUT_RDWR);
	stream_wake(stream);
}

static void on_left(int fd, uint32_t events, void *data)
{
	stream_fail(data);
}

static void stream_add(struct http_stream *stream, const char *text, size_t len)
{
	if (stream->at > 0 && stream->at >= stream->queue.len - stream->at) {
		strbuf_remove_front(&stream->queue, stream->at);
		stream->at = 0;
	}
	strbuf_add(&stream->queue, text, len);
}

static void on_heartbeat(void *data)
{
	struct http_stream *stream = data;

	stream->heartbeat = NULL;
	if (stream->request && !stream->failed && stream->queue.len == 0) {
		stream_add(stream, ":\n\n", 3); /* a comment */
		stream_wake(stream);
	}
	stream->heartbeat = loop_timer_new(stream->server->loop, stream->server->heartbeat_ms, on_heartbeat, stream);
}

struct http_stream *http_answer_events(struct http_request *request, loop_fn gone, void *data)
{
	static const char *const headers[] = { "Content-Type: text/event-stream", "Cache-Control: no-store",
					       "X-Content-Type-Options: nosniff", NULL };
	struct http_server *server = request->server;
	struct http_stream *stream = new0(struct http_stream, 1);
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, KIB, stream_read, stream, NULL);

	if (!response)
		abort(); /* out of memory */
	stream->server = server;
	stream->gone = gone;
	stream->gone_data = data;
	list_init(&stream->link);
	if (request->held) {
		/* Nobody is there any more, which is told in the way it is always told. */
		list_append(&server->gone, &stream->link);
		server_tell_soon(server);
		request_answer(request, 200, response, NULL);
		return stream;
	}
	list_append(&server->streams, &stream->link);
	stream->request = request;
	stream->heartbeat = loop_timer_new(server->loop, server->heartbeat_ms, on_heartbeat, stream);
	request_answer(request, 200, response, headers);
	request->stream = stream;
	request_watch(request, on_left, stream);
	return stream;
}

/* One "name: line" for each line of text. */
static void add_lines(struct strbuf *out, const char *name, const char *text)
{
	for (;;) {
		size_t len = strcspn(text, "\r\n");

		strbuf_addf(out, "%s: ", name);
		strbuf_add(out, text, len);
		strbuf_adds(out, "\n");
		text += len;
		if (!*text)
			return;
		text += text[0] == '\r' && text[1] == '\n' ? 2 : 1;
	}
}

/* id and event are one line: what stands behind a line break would be another field. */
static void add_field(struct strbuf *out, const char *name, const char *text)
{
	if (!text)
		return;
	strbuf_addf(out, "%s: ", name);
	strbuf_add(out, text, strcspn(text, "\r\n"));
	strbuf_adds(out, "\n");
}

void http_stream_event(struct http_stream *stream, const char *id, const char *event, const char *data)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	if (!stream->request || stream->failed || stream->ending)
		return;
	add_field(&text, "id", id);
	add_field(&text, "event", event);
	add_lines(&text, "data", str_or(data, ""));
	strbuf_adds(&text, "\n");
	if (stream->queue.len - stream->at + text.len > STREAM_QUEUE_MAX_BYTES) {
		stream_fail(stream);
		return;
	}
	stream_add(stream, text.data, text.len);
	stream_wake(stream);
}

void http_stream_close(struct http_stream *stream)
{
	stream->silent = true;
	stream->heartbeat = loop_timer_free(stream->heartbeat);
	if (!stream->request) {
		stream_free(stream); /* was waiting to be told of its end */
		return;
	}
	stream->ending = true;
	stream_wake(stream);
}

/* Called by the daemon, which may hold its lock: nobody is told yet. */
void stream_detach(struct http_stream *stream)
{
	stream->request = NULL;
	if (stream->silent) {
		stream_free(stream);
		return;
	}
	stream->heartbeat = loop_timer_free(stream->heartbeat);
	list_remove(&stream->link);
	list_append(&stream->server->gone, &stream->link);
}

void streams_tell_gone(struct http_server *server)
{
	while (!list_empty(&server->gone)) {
		struct http_stream *stream = CONTAINER_OF(server->gone.next, struct http_stream, link);
		/* The analyzer does not follow that what is freed has left the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		loop_fn gone = stream->gone;
		void *data = stream->gone_data;

		stream_free(stream);
		if (gone)
			gone(data);
	}
}

void streams_close(struct http_server *server)
{
	struct http_stream *stream;

	LIST_FOREACH(stream, &server->streams, link) {
		stream->ending = true;
		stream_wake(stream);
	}
}
