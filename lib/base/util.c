/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/util.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

int close_fd(int fd)
{
	if (fd >= 0) {
		int saved = errno;
		close(fd);
		errno = saved;
	}
	return -1;
}

void close_p(int *fd)
{
	*fd = close_fd(*fd);
}

static _Noreturn void die_of_memory(void)
{
	static const char text[] = "out of memory\n";
	ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)n;
	abort();
}

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);
	if (!p)
		die_of_memory();
	return p;
}

void *xcalloc(size_t count, size_t size)
{
	/* calloc() itself refuses a product that overflows. */
	void *p = calloc(count ? count : 1, size ? size : 1);
	if (!p)
		die_of_memory();
	return p;
}

void *xrealloc(void *ptr, size_t size)
{
	void *p = realloc(ptr, size ? size : 1);
	if (!p)
		die_of_memory();
	return p;
}

char *xstrdup(const char *s)
{
	return s ? xstrndup(s, strlen(s)) : NULL;
}

char *xstrndup(const char *s, size_t len)
{
	size_t n = strnlen(s, len);
	char *copy = xmalloc(n + 1);
	memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char *text;
	if (vasprintf(&text, fmt, ap) < 0)
		die_of_memory();
	return text;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *text = xvasprintf(fmt, ap);
	va_end(ap);
	return text;
}

void str_set(char **dst, const char *src)
{
	/* Copied first: src may point into *dst. */
	char *copy = xstrdup(src);
	free(*dst);
	*dst = copy;
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static void (*random_source)(void *data, size_t len);

void random_set_source(void (*source)(void *data, size_t len))
{
	random_source = source;
}

void random_bytes(void *data, size_t len)
{
	if (random_source) {
		random_source(data, len);
		return;
	}
	for (size_t done = 0; done < len;) {
		ssize_t n = getrandom((char *)data + done, len - done, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			abort();
		done += (size_t)n;
	}
}

char *uuid_new(void)
{
	uint8_t b[16];
	random_bytes(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* version 4 */
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80); /* variant 10 */
	return xasprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
			 b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

bool uuid_valid(const char *s)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	if (!s || strlen(s) != 36)
		return false;
	for (int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? s[i] != '-' : !strchr(digits, s[i]))
			return false;
	}
	return true;
}

void wipe(void *data, size_t len)
{
	if (len > 0)
		explicit_bzero(data, len);
}

bool equal_constant_time(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t difference = 0;
	for (size_t i = 0; i < len; i++)
		difference |= (uint8_t)(x[i] ^ y[i]);
	return difference == 0;
}
