/* SPDX-License-Identifier: GPL-3.0-or-later */
/* WebSocket frames (RFC 6455 section 5) and what the two ends share. */
#ifndef INGOT_HTTP_WS_PRIV_H
#define INGOT_HTTP_WS_PRIV_H

#include <sys/types.h>

#include "base/list.h"
#include "http/websocket.h"

#define WS_MESSAGE_MAX_BYTES (64 * KIB)
#define WS_QUEUE_MAX_BYTES MIB
#define WS_FULL_BYTES (256 * KIB)
/* A peer that says nothing for so long is pinged, and given up when it says nothing for so long again. */
#define WS_PING_MS 15000

enum ws_opcode { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

/* ---- ws_frame.c: no I/O ---- */
struct ws_parser {
	bool masked; /* what the peer must do: clients mask, servers do not */
	uint8_t head[14];
	unsigned head_len;
	uint64_t payload_left;
	uint64_t payload_at; /* in this frame */
	uint8_t control[125];
	struct strbuf message;
	bool in_message; /* a fragmented message is open */
};
struct ws_message {
	enum ws_opcode opcode; /* WS_BINARY, WS_CLOSE, WS_PING, WS_PONG */
	const void *payload;   /* in the parser, until the next call */
	size_t len;
};
/* Takes bytes off *data. 1: *ret is whole; 0: more bytes are needed; negative: the status to close with, *ret_fault says
 * why, and the parser must not be used again. */
int ws_parser_next(struct ws_parser *parser, const uint8_t **data, size_t *len, struct ws_message *ret,
		   const char **ret_fault);
void ws_parser_done(struct ws_parser *parser);
/* Appends one unfragmented frame. */
void ws_frame_add(struct strbuf *out, enum ws_opcode opcode, bool mask, const void *payload, size_t len);
/* The value of Sec-WebSocket-Accept for a key (section 4.2.2); the caller frees. */
char *ws_accept_value(const char *key);

/* ---- websocket.c ---- */
struct ws_transport {
	/* Bytes moved; 0 from recv is the end; -EAGAIN, or another negative errno. max: 16 KiB, a whole record of TLS. */
	ssize_t (*recv)(void *data, void *buf, size_t max);
	ssize_t (*send)(void *data, const void *buf, size_t len);
	void (*close)(void *data); /* gives the connection and data up */
};
/* is_client: masks what it sends. owner: a list of sockets it is put on; its owner ends them with ws_abort_all(). */
struct ws *ws_new(struct loop *loop, bool is_client, struct list *owner);
/* The connection is there. extra: bytes that were read already. */
void ws_attach(struct ws *ws, const struct ws_transport *transport, void *data, int fd, const void *extra,
	       size_t extra_len);
/* The connection will not come. */
void ws_lost(struct ws *ws, const char *reason);
/* Ends those that have a connection, or lost it, at once; closed is called from within. */
void ws_abort_all(struct list *owner, const char *reason);

#endif
