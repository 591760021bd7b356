/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <endian.h>
#include <gnutls/crypto.h>

#include "http/ws_priv.h"

static int fault(const char **ret_fault, enum ws_status status, const char *text)
{
	*ret_fault = text;
	return -(int)status;
}

static bool is_control(unsigned opcode)
{
	return opcode & 8;
}

/* How long the head is, as far as its first two bytes tell. */
static unsigned head_size(const struct ws_parser *parser)
{
	unsigned len = parser->head[1] & 0x7f;

	return 2 + (len == 126 ? 2 : len == 127 ? 8 : 0) + (parser->head[1] & 0x80 ? 4 : 0);
}

/* The first two bytes are there: what is wrong with them is wrong whatever follows. */
static int head_check(const struct ws_parser *parser, const char **ret_fault)
{
	unsigned opcode = parser->head[0] & 0x0f;
	bool final = parser->head[0] & 0x80;

	if (parser->head[0] & 0x70)
		return fault(ret_fault, WS_PROTOCOL_ERROR, "reserved bits are set");
	if (!!(parser->head[1] & 0x80) != parser->masked)
		return fault(ret_fault, WS_PROTOCOL_ERROR,
			     parser->masked ? "a client must mask" : "a server must not mask");
	switch (opcode) {
	case WS_CONTINUATION:
		return parser->in_message ? 0 : fault(ret_fault, WS_PROTOCOL_ERROR, "nothing to continue");
	case WS_BINARY:
		return parser->in_message ? fault(ret_fault, WS_PROTOCOL_ERROR, "the message before did not end") : 0;
	case WS_TEXT:
		return fault(ret_fault, WS_UNSUPPORTED, "only binary messages are understood");
	case WS_CLOSE:
	case WS_PING:
	case WS_PONG:
		if (!final || (parser->head[1] & 0x7f) > 125)
			return fault(ret_fault, WS_PROTOCOL_ERROR, "a control frame is fragmented or too long");
		return 0;
	default:
		return fault(ret_fault, WS_PROTOCOL_ERROR, "an unknown opcode");
	}
}

/* The whole head is there: finds the payload's length. */
static int head_finish(struct ws_parser *parser, const char **ret_fault)
{
	unsigned short_len = parser->head[1] & 0x7f;
	uint64_t len = short_len;
	uint16_t len16;
	uint64_t len64;

	if (short_len == 126) {
		memcpy(&len16, parser->head + 2, sizeof(len16));
		len = be16toh(len16);
		if (len < 126)
			return fault(ret_fault, WS_PROTOCOL_ERROR, "a length is longer than needed");
	} else if (short_len == 127) {
		memcpy(&len64, parser->head + 2, sizeof(len64));
		len = be64toh(len64);
		if (len <= UINT16_MAX || len > INT64_MAX)
			return fault(ret_fault, WS_PROTOCOL_ERROR, "a length is out of range");
	}
	if (!is_control(parser->head[0] & 0x0f) && len > WS_MESSAGE_MAX_BYTES - parser->message.len)
		return fault(ret_fault, WS_TOO_BIG, "the message is too long");
	parser->payload_left = len;
	parser->payload_at = 0;
	return 0;
}

/* Takes head bytes. 1: the head is whole; 0: more is needed. */
static int take_head(struct ws_parser *parser, const uint8_t **data, size_t *len, const char **ret_fault)
{
	while (parser->head_len < 2 || parser->head_len < head_size(parser)) {
		int r;

		if (*len == 0)
			return 0;
		parser->head[parser->head_len++] = *(*data)++;
		(*len)--;
		if (parser->head_len == 2) {
			r = head_check(parser, ret_fault);
			if (r < 0)
				return r;
		}
		if (parser->head_len >= 2 && parser->head_len == head_size(parser)) {
			r = head_finish(parser, ret_fault);
			if (r < 0)
				return r;
		}
	}
	return 1;
}

static void take_payload(struct ws_parser *parser, const uint8_t **data, size_t *len)
{
	const uint8_t *mask = parser->masked ? parser->head + head_size(parser) - 4 : NULL;
	size_t n = (size_t)MIN_OF(parser->payload_left, (uint64_t)*len), start;
	uint8_t *out;

	if (is_control(parser->head[0] & 0x0f)) {
		out = parser->control + parser->payload_at;
		memcpy(out, *data, n);
	} else {
		start = parser->message.len;
		strbuf_add(&parser->message, *data, n);
		out = n > 0 ? (uint8_t *)parser->message.data + start : NULL;
	}
	for (size_t i = 0; mask && i < n; i++)
		out[i] ^= mask[(parser->payload_at + i) & 3];
	parser->payload_at += n;
	parser->payload_left -= n;
	*data += n;
	*len -= n;
}

int ws_parser_next(struct ws_parser *parser, const uint8_t **data, size_t *len, struct ws_message *ret,
		   const char **ret_fault)
{
	/* The message that was returned last is done with. */
	if (!parser->in_message && parser->head_len == 0)
		parser->message.len = 0;
	for (;;) {
		unsigned opcode;
		bool final;
		int r = take_head(parser, data, len, ret_fault);

		if (r <= 0)
			return r;
		take_payload(parser, data, len);
		if (parser->payload_left > 0)
			return 0;
		opcode = parser->head[0] & 0x0f;
		final = parser->head[0] & 0x80;
		parser->head_len = 0;
		if (is_control(opcode)) {
			*ret = (struct ws_message){ (enum ws_opcode)opcode, parser->control,
						    (size_t)parser->payload_at };
			return 1;
		}
		parser->in_message = !final;
		if (final) {
			*ret = (struct ws_message){ WS_BINARY, parser->message.data, parser->message.len };
			return 1;
		}
	}
}

void ws_parser_done(struct ws_parser *parser)
{
	strbuf_done(&parser->message);
}

void ws_frame_add(struct strbuf *out, enum ws_opcode opcode, bool mask, const void *payload, size_t len)
{
	uint8_t head[14] = { (uint8_t)(0x80 | opcode) }, *key = NULL;
	unsigned head_len = 2;
	size_t start;

	if (len < 126) {
		head[1] = (uint8_t)len;
	} else if (len <= UINT16_MAX) {
		uint16_t len16 = htobe16((uint16_t)len);

		head[1] = 126;
		memcpy(head + 2, &len16, sizeof(len16));
		head_len += 2;
	} else {
		uint64_t len64 = htobe64(len);

		head[1] = 127;
		memcpy(head + 2, &len64, sizeof(len64));
		head_len += 8;
	}
	if (mask) {
		head[1] |= 0x80;
		key = head + head_len;
		random_bytes(key, 4);
		head_len += 4;
	}
	strbuf_add(out, head, head_len);
	start = out->len;
	strbuf_add(out, payload, len);
	for (size_t i = 0; key && i < len; i++)
		out->data[start + i] = (char)((uint8_t)out->data[start + i] ^ key[i & 3]);
}

char *ws_accept_value(const char *key)
{
	_cleanup_free_ char *text = xasprintf("%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
	uint8_t digest[20];

	if (gnutls_hash_fast(GNUTLS_DIG_SHA1, text, strlen(text), digest) < 0)
		abort(); /* it is always compiled in */
	return base64_encode(digest, sizeof(digest));
}
