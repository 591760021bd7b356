/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small things that every file uses: cleanup attributes, allocation that aborts, strings that grow, random bytes. */
#ifndef INGOT_BASE_UTIL_H
#define INGOT_BASE_UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

/* Takes a pointer out of a variable that a cleanup attribute would free. */
#define TAKE_PTR(p)                                                                                                    \
	({                                                                                                             \
		__typeof__(p) *pp_ = &(p);                                                                             \
		__typeof__(p) v_ = *pp_;                                                                               \
		*pp_ = NULL;                                                                                           \
		v_;                                                                                                    \
	})

/* The same for a descriptor; -1 is left. */
#define TAKE_FD(fd)                                                                                                    \
	({                                                                                                             \
		int *pp_ = &(fd);                                                                                      \
		int v_ = *pp_;                                                                                         \
		*pp_ = -1;                                                                                             \
		v_;                                                                                                    \
	})

#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define DEFINE_CLEANUP(type, fn)                                                                                       \
	static inline void fn##_p(type *p)                                                                             \
	{                                                                                                              \
		if (*p)                                                                                                \
			fn(*p);                                                                                        \
	}

static inline void free_p(void *p)
{
	free(*(void **)p);
}
#define _cleanup_free_ _cleanup_(free_p)

void close_p(int *fd);
#define _cleanup_close_ _cleanup_(close_p)
#define _cleanup_json_ _cleanup_(json_decrefp) /* of jansson.h */

/* Closes a descriptor if it is one, keeps errno, returns -1. */
int close_fd(int fd);

/* Allocation of bounded, small things: out of memory aborts. What comes from outside has a cap before it gets here. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *ptr, size_t size);
char *xstrdup(const char *s); /* NULL gives NULL */
char *xstrndup(const char *s, size_t len);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);
char *xvasprintf(const char *fmt, va_list ap) PRINTF_LIKE(1, 0);
#define new0(type, count) ((type *)xcalloc((count), sizeof(type)))

/* Replaces *dst by a copy of src. */
void str_set(char **dst, const char *src);
static inline bool str_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}
static inline const char *str_or(const char *s, const char *other)
{
	return s ? s : other;
}
bool str_starts(const char *s, const char *prefix);

/* A string that grows. Zero-initialize; strbuf_done() frees. Past 64 MiB the process aborts: what comes
 * from outside is capped before it gets here. */
struct strbuf {
	char *data; /* NUL-terminated once anything was added */
	size_t len;
	size_t alloc;
};
void strbuf_add(struct strbuf *sb, const void *data, size_t len);
void strbuf_adds(struct strbuf *sb, const char *s);
void strbuf_addf(struct strbuf *sb, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strbuf_remove_front(struct strbuf *sb, size_t len);
char *strbuf_take(struct strbuf *sb); /* never NULL; the caller frees */
void strbuf_done(struct strbuf *sb);
#define _cleanup_strbuf_ _cleanup_(strbuf_done)

/* Parses a whole decimal number within bounds. 0, or -EINVAL, or -ERANGE. */
int parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret);

/* Lower-case hexadecimal. hex_decode: 0, or -EINVAL if text is not exactly 2 * len digits. */
char *hex_encode(const void *data, size_t len);
int hex_decode(const char *text, void *ret_data, size_t len);
char *base64_encode(const void *data, size_t len);
/* 0, or -EINVAL. The caller frees *ret_data. */
int base64_decode(const char *text, void **ret_data, size_t *ret_len);

/* Random bytes from the kernel; aborts if it has none. */
void random_bytes(void *data, size_t len);
/* For the simulation: takes them from here instead, so that a seed repeats a run. NULL: from the kernel again. */
void random_set_source(void (*source)(void *data, size_t len));
/* A random version 4 UUID (RFC 9562 section 5.4), 36 characters; the caller frees. */
char *uuid_new(void);
bool uuid_valid(const char *s);

/* Reads a whole file of at most max_bytes. 0, or a negative errno (-EFBIG past the cap). NUL is added behind. */
int read_file(const char *path, size_t max_bytes, char **ret_data, size_t *ret_len);
/* Writes a file so that either the old or the new content is there after a crash (temporary, fsync, rename, fsync
 * dir). */
int write_file_atomic(const char *path, const void *data, size_t len, unsigned mode);
/* What was written to a file has reached the disk, and its name has (fsync(2) of both the file and its folder). 0, or a negative
 * errno. Blocks. */
int sync_file(const char *path);
/* Makes a folder and its parents. 0, or a negative errno; it being there is not an error. */
int mkdir_p(const char *path, unsigned mode);

/* Overwrites memory in a way the compiler keeps. */
void wipe(void *data, size_t len);
/* Compares in time that depends on the length only. */
bool equal_constant_time(const void *a, const void *b, size_t len);

/* Wall clock in milliseconds since 1970, and as RFC 3339 in UTC with milliseconds ("2026-01-31T23:59:59.123Z"). */
int64_t wall_ms(void);
char *time_format(int64_t ms);
int time_parse(const char *text, int64_t *ret_ms);
int64_t monotonic_ms(void);

#endif
