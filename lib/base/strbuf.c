/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "base/util.h"

#define STRBUF_MAX_BYTES (64 * MIB)

/* Room for len more bytes and the NUL. */
static void strbuf_reserve(struct strbuf *sb, size_t len)
{
	/* A caller that lets outside bytes grow past this forgot its own cap: that is a bug, not an outside error. */
	if (len > STRBUF_MAX_BYTES || sb->len + len > STRBUF_MAX_BYTES) {
		fputs("strbuf: over 64 MiB\n", stderr);
		abort();
	}
	size_t need = sb->len + len + 1;
	if (need <= sb->alloc)
		return;
	sb->alloc = MAX_OF(need, MAX_OF(sb->alloc * 2, (size_t)64));
	sb->data = xrealloc(sb->data, sb->alloc);
}

void strbuf_add(struct strbuf *sb, const void *data, size_t len)
{
	strbuf_reserve(sb, len);
	if (len > 0)
		memcpy(sb->data + sb->len, data, len);
	sb->len += len;
	sb->data[sb->len] = '\0';
}

void strbuf_adds(struct strbuf *sb, const char *s)
{
	strbuf_add(sb, s, strlen(s));
}

void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	strbuf_reserve(sb, 0);
	int n = vsnprintf(sb->data + sb->len, sb->alloc - sb->len, fmt, ap);
	if (n < 0)
		abort(); /* only a broken format gets here */
	if ((size_t)n >= sb->alloc - sb->len) {
		strbuf_reserve(sb, (size_t)n);
		vsnprintf(sb->data + sb->len, sb->alloc - sb->len, fmt, again);
	}
	sb->len += (size_t)n;
	va_end(again);
	va_end(ap);
}

void strbuf_remove_front(struct strbuf *sb, size_t len)
{
	len = MIN_OF(len, sb->len);
	if (len == 0)
		return;
	sb->len -= len;
	memmove(sb->data, sb->data + len, sb->len + 1);
}

char *strbuf_take(struct strbuf *sb)
{
	char *data = sb->data ? sb->data : xstrndup("", 0);
	*sb = (struct strbuf){ 0 };
	return data;
}

void strbuf_done(struct strbuf *sb)
{
	free(sb->data);
	*sb = (struct strbuf){ 0 };
}
