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

size_t visible_width(const char *text)
{
	size_t width = 0;
	while (*text) {
		uint32_t c = 0;
		size_t len = utf8_take(text, &c);
		int columns = len ? wcwidth((wchar_t)c) : 1;
		width += columns < 0 ? 1 : (size_t)columns;
		text += len ? len : 1;
	}
	return width;
}
