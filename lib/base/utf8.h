/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Characters of UTF-8 (RFC 3629), and those of them that nobody sees. Pure functions; any thread. */
#ifndef INGOT_BASE_UTF8_H
#define INGOT_BASE_UTF8_H

#include "base/util.h"

/* The character at the beginning of text, which ends with NUL (RFC 3629 section 4: shortest form, no surrogates). Its length
 * in bytes, or 0 if there is none; *ret is set unless that is 0. */
size_t utf8_take(const char *text, uint32_t *ret);
/* What a terminal would act on, or what would make a line look like another: C0, DEL and C1 (ECMA-48 section 5), marks and
 * overrides of direction, separators of lines, and what has no width (Unicode 15, sections 23.2 and 5.8). */
bool utf8_hidden(uint32_t c);
/* The same as an ECMA-262 class, without its brackets; what is beyond U+FFFF is not in it. */
#define UTF8_HIDDEN_CLASS                                                                                              \
	"\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb"
/* Whether text is UTF-8 and all of it can be seen. */
bool utf8_printable(const char *text);
/* What is hidden is written as "\n" or "\u009b", bytes that are not UTF-8 as "\xff". The caller frees. */
char *utf8_visible(const char *text);

#endif
