/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parser of Server-Sent Events (HTML Living Standard section 9.2.6). No I/O. */
#ifndef INGOT_HTTP_SSE_H
#define INGOT_HTTP_SSE_H

#include "base/util.h"

/* An event longer than this is given up. */
#define SSE_EVENT_MAX_BYTES (16 * MIB)

struct sse_parser {
	struct strbuf line;
	struct strbuf payload;
	char *event;
	char *last_id;
	bool started;  /* the byte order mark was looked for */
	bool after_cr; /* a line feed belongs to the line before */
	bool returned; /* its event was given out and is still in the buffers */
};
struct sse_event {
	const char *id;	   /* the last one sent, or NULL; all are borrowed until the next call */
	const char *event; /* "message" if it has no name */
	const char *payload;
};
/* Takes bytes off *data. 1: *ret is an event; 0: more bytes are needed; -EFBIG: it is too long. */
int sse_parser_next(struct sse_parser *parser, const char **data, size_t *len, struct sse_event *ret);
void sse_parser_done(struct sse_parser *parser);

#endif
