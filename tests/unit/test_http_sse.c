/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parser of Server-Sent Events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "http/sse.h"

/* All events of a text as "id|event|payload;", fed in pieces of a size. */
static char *parse(const char *text, size_t piece)
{
	struct sse_parser parser = { 0 };
	struct strbuf out = { 0 };
	size_t total = strlen(text);

	for (size_t at = 0; at < total; at += piece) {
		const char *data = text + at;
		size_t len = MIN_OF(piece, total - at);
		struct sse_event event;

		while (sse_parser_next(&parser, &data, &len, &event) > 0)
			strbuf_addf(&out, "%s|%s|%s;", str_or(event.id, "-"), event.event, event.payload);
		assert_int_equal(len, 0);
	}
	sse_parser_done(&parser);
	return strbuf_take(&out);
}

static void test_streams(void **state)
{
	static const struct {
		const char *text, *wanted;
	} streams[] = {
		{ "data: x\n\n", "-|message|x;" },
		{ "data:x\r\n\r\ndata: y\r\n\r\n", "-|message|x;-|message|y;" },
		{ "data: x\r\rdata: y\r\r", "-|message|x;-|message|y;" },
		{ "\xef\xbb\xbf"
		  "data: x\n\n",
		  "-|message|x;" },
		{ "id: 7\nevent: changed\ndata: {\ndata: }\n\n", "7|changed|{\n};" },
		{ "id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", "7|message|a;7|message|b;-|message|c;" },
		{ "event: gone\n\ndata: x\n\n", "-|message|x;" },
		{ ": heartbeat\n\n:\n\ndata: x\n\n", "-|message|x;" },
		{ "data\n\n", "-|message|;" },
		{ "data:  two\n\n", "-|message| two;" },
		{ "retry: 1\nunknown: 2\ndata: x\n\n", "-|message|x;" },
		{ "data: not ended\n", "" },
		{ "\n\n\n", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(streams); i++)
		for (size_t piece = 1; piece < 12; piece++) {
			_cleanup_free_ char *events = parse(streams[i].text, piece);

			assert_string_equal(events, streams[i].wanted);
		}
}

static void test_too_long(void **state)
{
	struct sse_parser parser = { 0 };
	struct sse_event event;
	size_t len = SSE_EVENT_MAX_BYTES + 1;
	char *text = xmalloc(len);
	const char *data = text;

	memset(text, 'x', len);
	assert_int_equal(sse_parser_next(&parser, &data, &len, &event), -EFBIG);
	sse_parser_done(&parser);
	free(text);
}

/* Many data lines, none of which is long. */
static void test_too_long_in_lines(void **state)
{
	struct sse_parser parser = { 0 };
	struct sse_event event;
	_cleanup_free_ char *line = xasprintf("data: %01000d\n", 0);
	int r = 0;

	for (size_t i = 0; i < SSE_EVENT_MAX_BYTES / 1000 + 10 && r == 0; i++) {
		const char *data = line;
		size_t len = strlen(line);

		r = sse_parser_next(&parser, &data, &len, &event);
	}
	assert_int_equal(r, -EFBIG);
	sse_parser_done(&parser);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_too_long_in_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
