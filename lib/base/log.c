/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static _Atomic enum log_level highest = LOG_LEVEL_INFO;
static _Atomic bool quiet;
static bool to_journal;

static const struct {
	const char *journal; /* sd-daemon(3) */
	const char *word;
} prefixes[] = {
	[LOG_LEVEL_ERROR] = { "<3>", "error: " },
	[LOG_LEVEL_WARNING] = { "<4>", "warning: " },
	[LOG_LEVEL_INFO] = { "<6>", "" },
	[LOG_LEVEL_DEBUG] = { "<7>", "debug: " },
};

/* systemd.exec(5): JOURNAL_STREAM is "device:inode" of what standard error was connected to. */
static void find_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return;
	_cleanup_free_ char *ours = xasprintf("%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	to_journal = str_equal(stream, ours);
}

void log_set_level(enum log_level level)
{
	highest = level;
}

void log_set_quiet(bool q)
{
	quiet = q;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int saved = errno;
	if (quiet || level > highest)
		return;
	pthread_once(&once, find_journal);
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *text = xvasprintf(fmt, ap);
	va_end(ap);
	/* What came from outside does not make lines of its own. */
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	const char *prefix = to_journal ? prefixes[level].journal : prefixes[level].word;
	/* One write a line, so that threads do not mix theirs. */
	struct iovec parts[] = {
		{ .iov_base = (void *)(uintptr_t)prefix, .iov_len = strlen(prefix) },
		{ .iov_base = text, .iov_len = strlen(text) },
		{ .iov_base = (char[]){ '\n' }, .iov_len = 1 },
	};
	ssize_t n = writev(STDERR_FILENO, parts, ARRAY_SIZE(parts));
	(void)n; /* there is nowhere to say that it cannot be said */
	errno = saved;
}
