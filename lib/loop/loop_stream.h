/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A connected stream socket whose bytes are passed on: what comes is handed over and can be stopped, what cannot be sent at
 * once waits. Real loop only; on its thread. */
#ifndef INGOT_LOOP_LOOP_STREAM_H
#define INGOT_LOOP_LOOP_STREAM_H

#include "loop/loop.h"

struct loop_stream;
struct loop_stream_events {
	/* Bytes came. False: no more until loop_stream_resume(). The stream must not be freed here. */
	bool (*output)(const void *bytes, size_t len, void *data);
	/* All that waited to be sent was. */
	void (*drained)(void *data);
	/* Once: the peer has let go. */
	void (*ended)(void *data);
};
/* Takes fd over. */
struct loop_stream *loop_stream_new(struct loop *loop, int fd, const struct loop_stream_events *events, void *data);
struct loop_stream *loop_stream_free(struct loop_stream *stream); /* NULL is fine; returns NULL */

/* Takes all of it. False: the peer does not read just now; no more should be given until drained() was called. */
bool loop_stream_write(struct loop_stream *stream, const void *bytes, size_t len);
void loop_stream_resume(struct loop_stream *stream);

#endif
