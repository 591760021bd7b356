/* SPDX-License-Identifier: GPL-3.0-or-later */
/* WebSocket (RFC 6455), both ends, binary messages. On the loop's thread. Messages of at most 64 KiB are accepted; pings
 * are answered; a peer that does not read is closed once 1 MiB waits. A peer that says nothing for a while is asked by a
 * ping (section 5.5.2); one that is silent for as long again is given up. */
#ifndef INGOT_HTTP_WEBSOCKET_H
#define INGOT_HTTP_WEBSOCKET_H

#include "base/err.h"
#include "loop/loop.h"

struct ws;
/* RFC 6455 section 7.4.1, and what IANA's registry has added. WS_NONE and WS_VANISHED are never sent. */
enum ws_status {
	WS_NORMAL = 1000,
	WS_GOING_AWAY = 1001,
	WS_PROTOCOL_ERROR = 1002,
	WS_UNSUPPORTED = 1003,
	WS_NONE = 1005,	    /* closed without one */
	WS_VANISHED = 1006, /* no close frame came */
	WS_POLICY = 1008,
	WS_TOO_BIG = 1009,
	WS_INTERNAL_ERROR = 1011,
	WS_TRY_AGAIN = 1013,
};
struct ws_events {
	void (*message)(struct ws *ws, const void *payload, size_t len, void *data);
	/* Once, never from within a function below; then ws is gone. The reason is the peer's or says what failed. */
	void (*closed)(struct ws *ws, const char *reason, void *data);
	/* All that waited to be sent has been. Never from within a function below. May be NULL. */
	void (*drained)(struct ws *ws, void *data);
};
/* For closed(): the status the peer gave as it closed (one of its own is possible), WS_NONE, or WS_VANISHED. */
unsigned ws_peer_status(const struct ws *ws);
/* Nothing is read before this; what came until then is kept. */
void ws_set_events(struct ws *ws, const struct ws_events *events, void *data);
/* How long the peer may be silent before it is asked, instead of 15 s. */
void ws_set_ping(struct ws *ws, int64_t ping_ms);
/* Queues a binary message; what is longer than 64 KiB goes as several. */
void ws_send(struct ws *ws, const void *payload, size_t len);
/* How many bytes wait to be sent, and whether those are enough for now: whoever passes on what comes from elsewhere stops
 * there until drained() was called, and never comes near the limit at which the peer is given up. */
size_t ws_waiting_bytes(const struct ws *ws);
bool ws_is_full(const struct ws *ws);
/* While it is paused no message() is called and the peer can send no more than the buffers hold; nor is it asked whether it
 * is there. NULL is fine. */
void ws_pause(struct ws *ws, bool paused);
/* Sends a close frame with the status and the reason, of which 123 bytes are sent (RFC 6455 section 5.5.1), and ends; closed
 * is not called. NULL is fine, for both. */
void ws_close_with(struct ws *ws, enum ws_status status, const char *reason);
/* The same with WS_NORMAL. */
void ws_close(struct ws *ws, const char *reason);

/* Client side: connects over HTTPS with the credentials of the client, asks for the upgrade, then calls done once: with ws,
 * or with err. Not at all if the client is freed before. 30 seconds at most. */
struct http_client;
typedef void (*ws_connected_fn)(struct ws *ws, const struct err *err, void *data);
void ws_connect(struct http_client *client, const char *url, ws_connected_fn done, void *data);

#endif
