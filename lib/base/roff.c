/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/roff.h"

/* A backslash and a dash mean something to troff, and so does a dot or a quote that begins a line. */
static void add_escaped(struct strbuf *sb, const char *text)
{
	if (text[0] == '.' || text[0] == '\'')
		strbuf_adds(sb, "\\&");
	for (; *text; text++) {
		if (*text == '\\')
			strbuf_adds(sb, "\\e");
		else if (*text == '-')
			strbuf_adds(sb, "\\-");
		else if (*text == '~')
			strbuf_adds(sb, "\\(ti");
		else
			strbuf_add(sb, text, 1);
	}
}

void roff_add(struct strbuf *sb, const char *before, const char *text, const char *after)
{
	strbuf_adds(sb, before);
	add_escaped(sb, text);
	strbuf_addf(sb, "%s\n", after);
}
