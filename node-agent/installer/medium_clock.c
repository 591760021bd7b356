/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "installer/medium_clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "installer/words.h"

static void day_text(int64_t when_s, char *ret, size_t size)
{
	time_t when = (time_t)when_s;
	struct tm day;

	gmtime_r(&when, &day);
	strftime(ret, size, "%Y-%m-%d %H:%M UTC", &day);
}

static char *format(const char *fmt, ...) PRINTF_LIKE(1, 2);

static char *format(const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(tr(fmt), ap);
	va_end(ap);
	return text;
}

char *clock_judge(int64_t now_s, int64_t made_s, int64_t *ret_set_s)
{
	char now[64], made[64];

	*ret_set_s = now_s < made_s ? made_s : 0;
	day_text(now_s, now, sizeof(now));
	day_text(made_s, made, sizeof(made));
	if (now_s < made_s)
		return format(
			"The clock of this machine shows %s, before this medium was made (%s): it is set to that time. "
			"Set it right in the firmware, or name time servers.",
			now, made);
	if (now_s - made_s > CLOCK_AHEAD_MAX_S)
		return format(
			"The clock of this machine shows %s, more than 10 years after this medium was made (%s). If that "
			"is wrong, set it in the firmware: certificates are judged by it.",
			now, made);
	return NULL;
}

char *clock_check(const struct medium *medium, const char *prefix)
{
	_cleanup_free_ char *path = xasprintf("%s/version", medium->dir);
	struct stat st;
	int64_t set_s;
	char *text;

	if (stat(path, &st) < 0)
		return NULL;
	text = clock_judge(time(NULL), st.st_mtim.tv_sec, &set_s);
	if (text && set_s && !*prefix && clock_settime(CLOCK_REALTIME, &(struct timespec){ .tv_sec = set_s }) < 0) {
		char *more = xasprintf("%s (%s)", text, strerror(errno));

		free(text);
		text = more;
	}
	return text;
}
