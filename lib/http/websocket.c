/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A WebSocket over any transport: queues, closing, callbacks. */
#include <errno.h>
#include <sys/epoll.h>

#include "http/ws_priv.h"

#define READ_BYTES (16 * 1024)
/* How often it reads before other sources of the loop get their turn. */
#define READ_ROUNDS 16
/* After a close was sent: how long the peer has to read it and to answer. */
#define LINGER_MS 5000

enum ws_state {
	WS_OPENING, /* no connection yet */
	WS_OPEN,
	WS_LINGERING, /* our close is queued or sent; nothing but the peer's close is waited for */
	WS_DEAD,      /* no connection any more */
};

struct ws {
	struct loop *loop;
	struct list owner_link;
	bool is_client;
	enum ws_state state;
	const struct ws_transport *transport;
	void *transport_data;
	int fd;
	struct loop_io *io;
	struct ws_parser parser;
	struct strbuf out;
	size_t out_at;
	struct strbuf extra; /* came with the handshake */
	const struct ws_events *events;
	void *data;
	bool paused;
	bool waited;		    /* something had to wait to be sent */
	struct loop_timer *drainer; /* tells that it was */
	bool released;		    /* its holder closed it or was told */
	char *reason;		    /* to be told */
	struct loop_timer *teller;  /* tells it */
	struct loop_timer *reader;  /* reads though the descriptor may show nothing */
	struct loop_timer *linger;
	struct loop_timer *pinger;
	int64_t ping_ms;
	int64_t heard_ms; /* monotonic: when the peer said something last */
	bool pinged;	  /* since then */
	unsigned peer_status;
	unsigned depth; /* of functions on the stack that use it */
};

struct ws *ws_new(struct loop *loop, bool is_client, struct list *owner)
{
	struct ws *ws = new0(struct ws, 1);

	ws->loop = loop;
	ws->is_client = is_client;
	ws->parser.masked = !is_client;
	ws->fd = -1;
	ws->ping_ms = WS_PING_MS;
	ws->peer_status = WS_VANISHED;
	list_init(&ws->owner_link);
	list_append(owner, &ws->owner_link);
	return ws;
}

static void ws_disconnect(struct ws *ws)
{
	ws->state = WS_DEAD;
	ws->io = loop_io_free(ws->io);
	ws->linger = loop_timer_free(ws->linger);
	ws->reader = loop_timer_free(ws->reader);
	ws->pinger = loop_timer_free(ws->pinger);
	ws->drainer = loop_timer_free(ws->drainer);
	if (ws->transport)
		ws->transport->close(ws->transport_data);
	ws->transport = NULL;
}

/* Frees it once it has neither a connection nor a holder. */
static void ws_settle(struct ws *ws)
{
	if (ws->depth > 0 || ws->state != WS_DEAD || !ws->released)
		return;
	list_remove(&ws->owner_link);
	loop_timer_free(ws->teller);
	loop_timer_free(ws->drainer);
	ws_parser_done(&ws->parser);
	strbuf_done(&ws->out);
	strbuf_done(&ws->extra);
	free(ws->reason);
	free(ws);
}

static void ws_tell(struct ws *ws)
{
	if (ws->released)
		return;
	ws->released = true;
	ws->depth++;
	if (ws->events && ws->events->closed)
		ws->events->closed(ws, str_or(ws->reason, "closed"), ws->data);
	ws->depth--;
}

static void on_tell(void *data)
{
	struct ws *ws = data;

	ws->teller = NULL;
	ws_tell(ws);
	ws_settle(ws);
}

/* The holder hears of it in the next round, unless it closes first. */
static void ws_tell_soon(struct ws *ws, const char *reason)
{
	if (ws->released || ws->teller)
		return;
	str_set(&ws->reason, reason);
	/* Who set no functions yet is told when it does. */
	if (ws->events)
		ws->teller = loop_timer_new(ws->loop, 0, on_tell, ws);
}

static void ws_heard(struct ws *ws)
{
	ws->heard_ms = loop_monotonic_ms(ws->loop);
	ws->pinged = false;
}

/* ---- writing ---- */

static void ws_update_io(struct ws *ws)
{
	uint32_t events = (ws->paused ? 0 : EPOLLIN) | (ws->out.len > ws->out_at ? EPOLLOUT : 0);

	if (ws->io)
		loop_io_set_events(ws->io, events);
}

static void on_drainer(void *data)
{
	struct ws *ws = data;

	ws->drainer = NULL;
	ws->depth++;
	if (!ws->released)
		ws->events->drained(ws, ws->data);
	ws->depth--;
	ws_settle(ws);
}

static void ws_drained(struct ws *ws)
{
	ws->waited = false;
	if (ws->state == WS_OPEN && !ws->released && ws->events && ws->events->drained && !ws->drainer)
		ws->drainer = loop_timer_new(ws->loop, 0, on_drainer, ws);
}

static void ws_flush(struct ws *ws)
{
	while (ws->out.len > ws->out_at && ws->transport) {
		ssize_t n =
			ws->transport->send(ws->transport_data, ws->out.data + ws->out_at, ws->out.len - ws->out_at);

		if (n == -EAGAIN) {
			ws->waited = true;
			break;
		}
		if (n < 0) {
			ws_tell_soon(ws, "the connection broke");
			ws_disconnect(ws);
			return;
		}
		ws->out_at += (size_t)n;
		if (ws->waited) /* there is room again: it reads */
			ws_heard(ws);
	}
	if (ws->out_at == ws->out.len) {
		strbuf_done(&ws->out); /* a quiet one holds no memory */
		ws->out_at = 0;
		if (ws->waited)
			ws_drained(ws);
	} else if (ws->out_at >= ws->out.len / 2) {
		strbuf_remove_front(&ws->out, ws->out_at);
		ws->out_at = 0;
	}
	ws_update_io(ws);
}

static void on_linger_end(void *data)
{
	struct ws *ws = data;

	ws->linger = NULL;
	ws_disconnect(ws);
	ws_settle(ws);
}

/* Nothing goes out any more but what is queued; the peer gets a while to take it. */
static void ws_linger(struct ws *ws)
{
	ws->state = WS_LINGERING;
	ws->linger = loop_timer_new(ws->loop, LINGER_MS, on_linger_end, ws);
}

/* Queues a close frame (section 5.5.1). */
static void ws_add_close(struct ws *ws, unsigned status, const char *reason)
{
	uint8_t payload[125] = { (uint8_t)(status >> 8), (uint8_t)status };
	size_t reason_len = strlen(reason), len = MIN_OF(reason_len, sizeof(payload) - 2);

	/* Not cut in the middle of a UTF-8 sequence. */
	if (len < reason_len)
		while (len > 0 && ((unsigned char)reason[len] & 0xc0) == 0x80)
			len--;
	memcpy(payload + 2, reason, len);
	ws_frame_add(&ws->out, WS_CLOSE, ws->is_client, payload, len + 2);
}

static void ws_say_close(struct ws *ws, unsigned status, const char *reason)
{
	ws_add_close(ws, status, reason);
	ws_linger(ws);
	ws_pause(ws, false); /* the peer's close is to be seen */
	ws_flush(ws);
}

static void ws_queue(struct ws *ws, enum ws_opcode opcode, const void *payload, size_t len)
{
	if (ws->state > WS_OPEN)
		return;
	if (ws->out.len - ws->out_at + len > WS_QUEUE_MAX_BYTES) {
		ws_tell_soon(ws, "the peer does not read");
		ws_disconnect(ws);
		return;
	}
	ws_frame_add(&ws->out, opcode, ws->is_client, payload, len);
}

void ws_send(struct ws *ws, const void *payload, size_t len)
{
	const uint8_t *at = payload;

	do {
		size_t n = MIN_OF(len, WS_MESSAGE_MAX_BYTES);

		ws_queue(ws, WS_BINARY, at, n);
		at += n;
		len -= n;
	} while (len > 0);
	if (ws->state == WS_OPEN)
		ws_flush(ws);
}

size_t ws_waiting_bytes(const struct ws *ws)
{
	return ws->out.len - ws->out_at;
}

bool ws_is_full(const struct ws *ws)
{
	return ws_waiting_bytes(ws) >= WS_FULL_BYTES;
}

/* ---- reading ---- */

/* What the peer said as it closed, fit to be shown. */
static char *close_reason(const struct ws_message *message)
{
	const uint8_t *payload = message->payload;
	char *text;

	if (message->len < 2)
		return xstrdup("closed by the peer");
	if (message->len == 2)
		return xasprintf("closed by the peer with status %u", payload[0] << 8 | payload[1]);
	text = xstrndup((const char *)payload + 2, message->len - 2);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return text;
}

/* Sections 7.4.1 and 7.4.2. */
static bool status_may_be_sent(unsigned status)
{
	return (status >= 1000 && status <= 1003) || (status >= 1007 && status <= 1014) ||
	       (status >= 3000 && status <= 4999);
}

static void ws_take_close(struct ws *ws, const struct ws_message *message)
{
	const uint8_t *payload = message->payload;
	_cleanup_free_ char *reason = close_reason(message);

	if (ws->state == WS_OPEN) {
		unsigned status = message->len >= 2 ? (unsigned)(payload[0] << 8 | payload[1]) : WS_NORMAL;

		ws->peer_status = message->len >= 2 ? status : WS_NONE;
		ws_tell_soon(ws, reason);
		ws_say_close(ws, status_may_be_sent(status) && message->len != 1 ? status : WS_PROTOCOL_ERROR, "");
	}
	/* A server closes the connection, a client waits for that (section 7.1.1), for as long as we linger. */
	if (!ws->is_client && ws->out.len == 0)
		ws_disconnect(ws);
}

static void ws_take(struct ws *ws, const struct ws_message *message)
{
	if (message->opcode == WS_CLOSE)
		ws_take_close(ws, message);
	if (ws->state != WS_OPEN)
		return;
	if (message->opcode == WS_PING) {
		ws_queue(ws, WS_PONG, message->payload, message->len);
		ws_flush(ws);
	} else if (message->opcode == WS_BINARY && ws->events->message && !ws->released) {
		ws->events->message(ws, message->payload, message->len, ws->data);
	}
}

static void ws_feed(struct ws *ws, const void *data, size_t len)
{
	const uint8_t *at = data;
	const char *fault = NULL;
	struct ws_message message;
	int r = 0;

	while (ws->state != WS_DEAD && (r = ws_parser_next(&ws->parser, &at, &len, &message, &fault)) > 0)
		ws_take(ws, &message);
	if (r >= 0)
		return;
	/* After a fault the frames' borders are lost: nothing can be read any more, not even the answer to our close. */
	ws_tell_soon(ws, fault);
	if (ws->state == WS_OPEN)
		ws_say_close(ws, (unsigned)-r, fault);
	if (ws->state != WS_DEAD)
		ws_disconnect(ws);
}

static void ws_read_soon(struct ws *ws);

static void ws_read(struct ws *ws)
{
	uint8_t buf[READ_BYTES];

	for (unsigned i = 0; i < READ_ROUNDS && ws->state != WS_DEAD && !ws->paused; i++) {
		ssize_t n = ws->transport->recv(ws->transport_data, buf, sizeof(buf));

		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			ws_tell_soon(ws, n == 0 ? "the peer ended the connection" : "the connection broke");
			ws_disconnect(ws);
			return;
		}
		ws_heard(ws);
		ws_feed(ws, buf, (size_t)n);
	}
	if (ws->state != WS_DEAD && !ws->paused)
		ws_read_soon(ws);
}

void ws_pause(struct ws *ws, bool paused)
{
	if (!ws || ws->paused == paused || ws->state == WS_DEAD)
		return;
	ws->paused = paused;
	ws_heard(ws);
	ws_update_io(ws);
	/* The transport may hold what the descriptor does not show. */
	if (!paused && ws->io)
		ws_read_soon(ws);
}

static void on_reader(void *data)
{
	struct ws *ws = data;
	_cleanup_strbuf_ struct strbuf extra = ws->extra;

	ws->reader = NULL;
	ws->extra = (struct strbuf){ 0 };
	ws->depth++;
	ws_feed(ws, extra.data, extra.len);
	if (ws->state != WS_DEAD)
		ws_read(ws);
	ws->depth--;
	ws_settle(ws);
}

static void ws_read_soon(struct ws *ws)
{
	if (!ws->reader)
		ws->reader = loop_timer_new(ws->loop, 0, on_reader, ws);
}

static void on_io(int fd, uint32_t events, void *data)
{
	struct ws *ws = data;

	ws->depth++;
	if (events & EPOLLOUT)
		ws_flush(ws);
	if ((events & ~(uint32_t)EPOLLOUT) && ws->state != WS_DEAD)
		ws_read(ws);
	ws->depth--;
	ws_settle(ws);
}

/* ---- whether the peer is still there ---- */

static void ws_ping_within(struct ws *ws, int64_t delay_ms);

static void on_pinger(void *data)
{
	struct ws *ws = data;
	int64_t silent_ms = ws->paused ? 0 : loop_monotonic_ms(ws->loop) - ws->heard_ms;

	ws->pinger = NULL;
	ws->depth++;
	if (silent_ms < ws->ping_ms) {
		ws_ping_within(ws, ws->ping_ms - silent_ms);
	} else if (!ws->pinged) {
		ws->pinged = true;
		ws_queue(ws, WS_PING, NULL, 0);
		if (ws->state == WS_OPEN)
			ws_flush(ws);
		ws_ping_within(ws, ws->ping_ms);
	} else {
		ws_tell_soon(ws, "the peer does not answer any more");
		ws_disconnect(ws);
	}
	ws->depth--;
	ws_settle(ws);
}

/* One that lingers has its own deadline. */
static void ws_ping_within(struct ws *ws, int64_t delay_ms)
{
	if (ws->state == WS_OPEN)
		ws->pinger = loop_timer_new(ws->loop, delay_ms, on_pinger, ws);
}

void ws_set_ping(struct ws *ws, int64_t ping_ms)
{
	ws->ping_ms = ping_ms;
	if (ws->pinger) {
		loop_timer_free(ws->pinger);
		ws_ping_within(ws, ping_ms);
	}
}

/* ---- opening and closing ---- */

/* Reading begins when there is a connection and somebody to take what is read, or only the peer's close to wait for. */
static void ws_start(struct ws *ws)
{
	if (ws->io || !ws->transport || (ws->state == WS_OPEN && !ws->events))
		return;
	ws->io = loop_io_new(ws->loop, ws->fd, EPOLLIN, on_io, ws);
	ws->heard_ms = loop_monotonic_ms(ws->loop);
	ws_ping_within(ws, ws->ping_ms);
	ws_update_io(ws);
	/* The handshake or the transport may hold what the descriptor does not show. */
	ws_read_soon(ws);
}

void ws_attach(struct ws *ws, const struct ws_transport *transport, void *data, int fd, const void *extra,
	       size_t extra_len)
{
	ws->transport = transport;
	ws->transport_data = data;
	ws->fd = fd;
	if (extra_len > 0)
		strbuf_add(&ws->extra, extra, extra_len);
	if (ws->state == WS_OPENING)
		ws->state = WS_OPEN;
	if (ws->released && ws->state == WS_OPEN)
		ws_linger(ws); /* it was closed before it was open */
	ws_start(ws);
	ws->depth++;
	ws_flush(ws);
	ws->depth--;
	ws_settle(ws);
}

void ws_lost(struct ws *ws, const char *reason)
{
	ws->state = WS_DEAD;
	ws_tell_soon(ws, reason);
	ws_settle(ws);
}

void ws_set_events(struct ws *ws, const struct ws_events *events, void *data)
{
	ws->events = events;
	ws->data = data;
	if (ws->reason && !ws->teller && !ws->released)
		ws->teller = loop_timer_new(ws->loop, 0, on_tell, ws);
	ws_start(ws);
}

unsigned ws_peer_status(const struct ws *ws)
{
	return ws->peer_status;
}

void ws_close(struct ws *ws, const char *reason)
{
	ws_close_with(ws, WS_NORMAL, reason);
}

void ws_close_with(struct ws *ws, enum ws_status status, const char *reason)
{
	if (!ws)
		return;
	ws->released = true;
	ws->teller = loop_timer_free(ws->teller);
	ws->depth++;
	if (ws->state == WS_OPENING) {
		ws_add_close(ws, status, str_or(reason, ""));
	} else if (ws->state == WS_OPEN) {
		ws_say_close(ws, status, str_or(reason, ""));
		ws_start(ws);
	}
	ws->depth--;
	ws_settle(ws);
}

static void ws_abort(struct ws *ws, const char *reason)
{
	ws->depth++;
	list_remove(&ws->owner_link);
	ws->teller = loop_timer_free(ws->teller);
	if (!ws->reason)
		ws->reason = xstrdup(reason);
	if (ws->state == WS_OPEN)
		ws_say_close(ws, WS_GOING_AWAY, reason);
	if (ws->state != WS_DEAD)
		ws_disconnect(ws);
	ws_tell(ws);
	ws->depth--;
	ws_settle(ws);
}

/* From the start each time: what is told may close others. */
void ws_abort_all(struct list *owner, const char *reason)
{
	struct list *link = owner->next;

	while (link != owner) {
		struct ws *ws = CONTAINER_OF(link, struct ws, owner_link);
		/* The analyzer does not follow that what is freed has left the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		bool opening = ws->state == WS_OPENING;

		if (!opening)
			ws_abort(ws, reason);
		link = opening ? link->next : owner->next;
	}
}
