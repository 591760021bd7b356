/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "http/sse.h"

static bool is_field(const char *name, size_t len, const char *wanted)
{
	return len == strlen(wanted) && memcmp(name, wanted, len) == 0;
}

static void take_field(struct sse_parser *parser, const char *line)
{
	size_t name_len = strcspn(line, ":");
	const char *value = line + name_len;

	if (*value == ':')
		value += value[1] == ' ' ? 2 : 1;
	if (is_field(line, name_len, "data")) {
		strbuf_adds(&parser->payload, value);
		strbuf_adds(&parser->payload, "\n");
	} else if (is_field(line, name_len, "event")) {
		str_set(&parser->event, value);
	} else if (is_field(line, name_len, "id")) {
		str_set(&parser->last_id, value);
	}
	/* A comment has an empty name; other fields are not for us. */
}

/* The line in the buffer is whole. True if it ended an event. */
static bool take_line(struct sse_parser *parser, struct sse_event *ret)
{
	if (parser->line.len > 0) {
		/* A NUL in a line would cut it: such a line is left out, as the standard has it for "id". */
		if (strlen(parser->line.data) == parser->line.len)
			take_field(parser, parser->line.data);
		parser->line.len = 0;
		return false;
	}
	if (parser->payload.len == 0) {
		str_set(&parser->event, NULL);
		return false;
	}
	parser->payload.data[--parser->payload.len] = '\0'; /* the last line feed */
	*ret = (struct sse_event){
		.id = parser->last_id && *parser->last_id ? parser->last_id : NULL,
		.event = parser->event && *parser->event ? parser->event : "message",
		.payload = parser->payload.data,
	};
	return true;
}

/* What was returned last is done with. */
static void forget_event(struct sse_parser *parser)
{
	strbuf_done(&parser->payload);
	str_set(&parser->event, NULL);
}

int sse_parser_next(struct sse_parser *parser, const char **data, size_t *len, struct sse_event *ret)
{
	static const char mark[] = "\xef\xbb\xbf";

	if (parser->returned) {
		forget_event(parser);
		parser->returned = false;
	}
	while (*len > 0) {
		size_t n = 0;
		char end;

		if (parser->after_cr && (*data)[0] == '\n') {
			parser->after_cr = false;
			(*data)++;
			(*len)--;
			continue;
		}
		parser->after_cr = false;
		while (n < *len && (*data)[n] != '\n' && (*data)[n] != '\r')
			n++;
		if (parser->line.len + parser->payload.len + n > SSE_EVENT_MAX_BYTES)
			return -EFBIG;
		strbuf_add(&parser->line, *data, n);
		*data += n;
		*len -= n;
		if (*len == 0)
			break;
		end = *(*data)++;
		(*len)--;
		parser->after_cr = end == '\r';
		if (!parser->started && parser->line.len >= 3 && memcmp(parser->line.data, mark, 3) == 0)
			strbuf_remove_front(&parser->line, 3);
		parser->started = true;
		if (take_line(parser, ret)) {
			parser->returned = true;
			return 1;
		}
	}
	return 0;
}

void sse_parser_done(struct sse_parser *parser)
{
	strbuf_done(&parser->line);
	strbuf_done(&parser->payload);
	free(parser->event);
	free(parser->last_id);
}
