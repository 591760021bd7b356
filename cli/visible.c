/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/visible.h"

#include <locale.h>
#include <stdio.h>
#include <wchar.h>

void visible_setup(void)
{
	/* Widths of characters are asked from the C library, which knows them by locale; this one is always there. */
	setlocale(LC_CTYPE, "C.UTF-8");
}

/* Takes one character off text (RFC 3629 section 4: shortest form, no surrogates). Its length, or 0 if it is none. */
static size_t take_utf8(const unsigned char *text, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	static const uint8_t lengths[32] = { [0 ... 15] = 1, [24 ... 27] = 2, [28 ... 29] = 3, [30] = 4 };
	size_t len = lengths[text[0] >> 3];
	if (len == 0)
		return 0;
	uint32_t c = len == 1 ? text[0] : text[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (text[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return len;
}

/* What a terminal would act on, or what would make a line look like another: C0, DEL and C1 (ECMA-48 section 5),
 * marks and overrides of direction and separators of lines (Unicode 15, sections 23.2 and 5.8). */
static bool hidden(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	       (c >= 0xfff9 && c <= 0xfffb) || c >= 0xe0000;
}

char *visible(const char *text)
{
	struct strbuf sb = { 0 };
	while (*text) {
		uint32_t c = 0;
		size_t len = take_utf8((const unsigned char *)text, &c);
		if (len == 0)
			strbuf_addf(&sb, "\\x%02x", (unsigned char)*text);
		else if (c == '\n')
			strbuf_adds(&sb, "\\n");
		else if (c == '\t')
			strbuf_adds(&sb, "\\t");
		else if (hidden(c))
			strbuf_addf(&sb, c > 0xffff ? "\\U%08x" : "\\u%04x", c);
		else
			strbuf_add(&sb, text, len);
		text += len ? len : 1;
	}
	return strbuf_take(&sb);
}

size_t visible_width(const char *text)
{
	size_t width = 0;
	while (*text) {
		uint32_t c = 0;
		size_t len = take_utf8((const unsigned char *)text, &c);
		int columns = len ? wcwidth((wchar_t)c) : 1;
		width += columns < 0 ? 1 : (size_t)columns;
		text += len ? len : 1;
	}
	return width;
}
