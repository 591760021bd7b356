/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <time.h>

#include "base/util.h"

static int64_t clock_ms(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

int64_t monotonic_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

char *time_format(int64_t ms)
{
	/* Rounded down, also before 1970. */
	int64_t rest = ((ms % 1000) + 1000) % 1000;
	time_t seconds = (time_t)((ms - rest) / 1000);
	struct tm tm;
	if (!gmtime_r(&seconds, &tm))
		abort(); /* beyond any year an int can hold: not a time */
	return xasprintf("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			 tm.tm_hour, tm.tm_min, tm.tm_sec, (int)rest);
}

/* Exactly count digits, at *p, which moves behind them. -1 if there are others. */
static int take_digits(const char **p, int count)
{
	int value = 0;
	for (int i = 0; i < count; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return -1;
		value = value * 10 + (**p - '0');
	}
	return value;
}

static bool take_char(const char **p, const char *any_of)
{
	if (**p == '\0' || !strchr(any_of, **p))
		return false;
	(*p)++;
	return true;
}

static int take_fraction(const char **p, int *ret_ms)
{
	*ret_ms = 0;
	if (!take_char(p, "."))
		return 0;
	int scale = 100, digits = 0;
	for (; **p >= '0' && **p <= '9'; (*p)++, digits++, scale /= 10)
		*ret_ms += (**p - '0') * scale;
	return digits > 0 && digits <= 9 ? 0 : -EINVAL;
}

/* "Z", or "+hh:mm": minutes to take away for UTC. */
static int take_offset(const char **p, int *ret_minutes)
{
	*ret_minutes = 0;
	if (take_char(p, "Zz"))
		return 0;
	int sign = **p == '-' ? -1 : 1;
	if (!take_char(p, "+-"))
		return -EINVAL;
	int hours = take_digits(p, 2);
	if (hours < 0 || hours > 23 || !take_char(p, ":"))
		return -EINVAL;
	int minutes = take_digits(p, 2);
	if (minutes < 0 || minutes > 59)
		return -EINVAL;
	*ret_minutes = sign * (hours * 60 + minutes);
	return 0;
}

/* RFC 3339 section 5.6, date-time. */
int time_parse(const char *text, int64_t *ret_ms)
{
	if (!text)
		return -EINVAL;
	const char *p = text;
	int ms, offset_minutes;
	int year = take_digits(&p, 4);
	if (year < 0 || !take_char(&p, "-"))
		return -EINVAL;
	int month = take_digits(&p, 2);
	if (month < 1 || month > 12 || !take_char(&p, "-"))
		return -EINVAL;
	int day = take_digits(&p, 2);
	if (day < 1 || day > 31 || !take_char(&p, "Tt "))
		return -EINVAL;
	int hour = take_digits(&p, 2);
	if (hour < 0 || hour > 23 || !take_char(&p, ":"))
		return -EINVAL;
	int minute = take_digits(&p, 2);
	if (minute < 0 || minute > 59 || !take_char(&p, ":"))
		return -EINVAL;
	int second = take_digits(&p, 2);
	if (second < 0 || second > 60 || take_fraction(&p, &ms) < 0 || take_offset(&p, &offset_minutes) < 0 ||
	    *p != '\0')
		return -EINVAL;
	struct tm tm = { .tm_year = year - 1900,
			 .tm_mon = month - 1,
			 .tm_mday = day,
			 .tm_hour = hour,
			 .tm_min = minute,
			 .tm_sec = MIN_OF(second, 59) };
	int64_t seconds = timegm(&tm);
	if (tm.tm_mday != day) /* timegm() made another day of it: 30 February */
		return -EINVAL;
	if (second == 60)
		seconds++; /* a leap second, which POSIX time does not have */
	*ret_ms = (seconds - offset_minutes * 60) * 1000 + ms;
	return 0;
}
