/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/utf8.h"

size_t utf8_take(const char *text, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	static const uint8_t lengths[32] = { [0 ... 15] = 1, [24 ... 27] = 2, [28 ... 29] = 3, [30] = 4 };
	const unsigned char *bytes = (const unsigned char *)text;
	size_t len = lengths[bytes[0] >> 3];
	if (len == 0)
		return 0;
	uint32_t c = len == 1 ? bytes[0] : bytes[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (bytes[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return len;
}

bool utf8_hidden(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	       (c >= 0xfff9 && c <= 0xfffb) || c >= 0xe0000;
}

bool utf8_printable(const char *text)
{
	while (*text) {
		uint32_t c = 0;
		size_t len = utf8_take(text, &c);
		if (len == 0 || utf8_hidden(c))
			return false;
		text += len;
	}
	return true;
}

char *utf8_visible(const char *text)
{
	struct strbuf sb = { 0 };
	while (*text) {
		uint32_t c = 0;
		size_t len = utf8_take(text, &c);
		if (len == 0)
			strbuf_addf(&sb, "\\x%02x", (unsigned char)*text);
		else if (c == '\n')
			strbuf_adds(&sb, "\\n");
		else if (c == '\t')
			strbuf_adds(&sb, "\\t");
		else if (utf8_hidden(c))
			strbuf_addf(&sb, c > 0xffff ? "\\U%08x" : "\\u%04x", c);
		else
			strbuf_add(&sb, text, len);
		text += len ? len : 1;
	}
	return strbuf_take(&sb);
}
