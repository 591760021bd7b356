/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first byte says whether the peer masks, and into what pieces the rest is cut. */
#include <assert.h>

#include "http/ws_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything that came out, one after the other. */
static struct strbuf parse(const uint8_t *data, size_t size, bool masked, size_t piece)
{
	struct ws_parser parser = { .masked = masked };
	struct strbuf out = { 0 };
	int r = 0;

	for (size_t at = 0; at < size && r >= 0; at += piece) {
		const uint8_t *bytes = data + at;
		size_t len = MIN_OF(piece, size - at);
		struct ws_message message;
		const char *fault = NULL;

		while ((r = ws_parser_next(&parser, &bytes, &len, &message, &fault)) > 0) {
			assert(message.len <= (message.opcode == WS_BINARY ? WS_MESSAGE_MAX_BYTES : 125));
			strbuf_addf(&out, "%d %zu ", (int)message.opcode, message.len);
			strbuf_add(&out, message.payload, message.len);
		}
		assert(r < 0 ? fault != NULL : len == 0);
	}
	strbuf_addf(&out, "%d", r);
	ws_parser_done(&parser);
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_strbuf_ struct strbuf whole = { 0 }, pieces = { 0 };
	bool masked;

	if (size < 2)
		return 0;
	masked = data[0] & 1;
	whole = parse(data + 1, size - 1, masked, size);
	pieces = parse(data + 1, size - 1, masked, data[0] / 2 + 1);
	assert(whole.len == pieces.len && memcmp(whole.data, pieces.data, whole.len) == 0);
	return 0;
}
