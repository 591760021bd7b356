/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first byte says into what pieces the rest is cut. */
#include <assert.h>

#include "http/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct strbuf parse(const uint8_t *data, size_t size, size_t piece)
{
	struct sse_parser parser = { 0 };
	struct strbuf out = { 0 };

	for (size_t at = 0; at < size; at += piece) {
		const char *bytes = (const char *)data + at;
		size_t len = MIN_OF(piece, size - at);
		struct sse_event event;
		int r;

		while ((r = sse_parser_next(&parser, &bytes, &len, &event)) > 0) {
			assert(event.event[0] && !strpbrk(event.event, "\r\n"));
			assert(!event.id || (event.id[0] && !strpbrk(event.id, "\r\n")));
			strbuf_addf(&out, "%s %s %s;", str_or(event.id, "-"), event.event, event.payload);
		}
		assert(r == 0 && len == 0);
	}
	strbuf_adds(&out, "end");
	sse_parser_done(&parser);
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_strbuf_ struct strbuf whole = { 0 }, pieces = { 0 };

	if (size < 2)
		return 0;
	whole = parse(data + 1, size - 1, size);
	pieces = parse(data + 1, size - 1, (size_t)data[0] + 1);
	assert(whole.len == pieces.len && memcmp(whole.data, pieces.data, whole.len) == 0);
	return 0;
}
