/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/escape.h"

enum escape_asked escape_filter(struct escape *escape, const char *typed, size_t len, struct strbuf *out)
{
	enum escape_asked asked = ESCAPE_NOTHING;
	for (size_t i = 0; i < len; i++) {
		char c = typed[i];
		bool was_tilde = escape->state == ESCAPE_TILDE;
		if (escape->state == ESCAPE_LINE_START && c == '~') {
			escape->state = ESCAPE_TILDE;
			continue;
		}
		if (was_tilde && c == '.')
			return ESCAPE_END;
		if (was_tilde && c == '?') {
			escape->state = ESCAPE_LINE_START;
			asked = ESCAPE_HELP;
			continue;
		}
		if (was_tilde && c != '~')
			strbuf_add(out, "~", 1); /* it was none of ours */
		strbuf_add(out, &c, 1);
		escape->state = c == '\r' || c == '\n' ? ESCAPE_LINE_START : ESCAPE_IN_LINE;
	}
	return asked;
}
