/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>

#include "base/utf8.h"
#include "schema/schema.h"

/* <ctype.h> asks the locale. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/* A name that reads like an identifier would be taken for one. */
static bool name_ok(const char *text)
{
	size_t len = strlen(text);
	if (len == 0 || len > 63 || text[0] == '-' || text[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_lower(text[i]) && !is_digit(text[i]) && text[i] != '-')
			return false;
	return !uuid_valid(text);
}

static bool address_ok(const char *text)
{
	unsigned char buf[sizeof(struct in6_addr)];
	return inet_pton(AF_INET, text, buf) == 1 || inet_pton(AF_INET6, text, buf) == 1;
}

static bool mac_ok(const char *text)
{
	if (strlen(text) != 17)
		return false;
	for (size_t i = 0; i < 17; i++) {
		bool digit = is_digit(text[i]) || (text[i] >= 'a' && text[i] <= 'f');
		if (i % 3 == 2 ? text[i] != ':' : !digit)
			return false;
	}
	return true;
}

static bool sha256_ok(const char *text)
{
	return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static bool any_ok(const char *text)
{
	(void)text;
	return true;
}

static const struct {
	bool (*ok)(const char *text);
	const char *right;
} formats[] = {
	[FORMAT_ANY] = { any_ok, "" },
	[FORMAT_NAME] = { name_ok, "1 to 63 of a-z, 0-9 and '-', without '-' at the ends, and no UUID" },
	[FORMAT_UUID] = { uuid_valid, "a UUID such as 123e4567-e89b-42d3-a456-426614174000" },
	[FORMAT_ADDRESS] = { address_ok, "an IPv4 or IPv6 address" },
	[FORMAT_MAC] = { mac_ok, "a MAC address such as 52:54:00:12:34:56, in lower case" },
	[FORMAT_TEXT] = { utf8_printable, "a line of characters that can be seen; leave out control characters, line "
					  "breaks, and marks without width or of direction" },
	[FORMAT_SHA256] = { sha256_ok, "64 hexadecimal digits in lower case" },
};

const char *format_check(enum field_format format, const char *text)
{
	return formats[format].ok(text) ? NULL : formats[format].right;
}

int word_index(const char *const *words, const char *text)
{
	for (int i = 0; words[i]; i++)
		if (str_equal(words[i], text))
			return i;
	return -1;
}

static const struct {
	const char *suffix, *short_suffix;
	unsigned shift;
} units[] = {
	{ "PiB", "P", 50 }, { "TiB", "T", 40 }, { "GiB", "G", 30 },
	{ "MiB", "M", 20 }, { "KiB", "K", 10 }, { "B", "", 0 },
};

/* Digits, at *p, which moves behind them. */
static int take_number(const char **p, uint64_t *ret)
{
	uint64_t value = 0;
	if (!is_digit(**p))
		return -EINVAL;
	for (; is_digit(**p); (*p)++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(**p - '0'), &value))
			return -ERANGE;
	*ret = value;
	return 0;
}

/* ".5", in parts of 10^9. */
static int take_fraction(const char **p, uint64_t *ret)
{
	uint64_t scale = 100000000, value = 0;
	if (**p != '.')
		return 0;
	(*p)++;
	if (!is_digit(**p))
		return -EINVAL;
	for (; is_digit(**p); (*p)++, scale /= 10)
		value += (uint64_t)(**p - '0') * scale;
	*ret = value;
	return 1;
}

/* By hand and in whole numbers: strtold() would take "0x10", "1e3" and the decimal comma of a locale. */
int bytes_parse(const char *text, uint64_t *ret_bytes)
{
	const char *p = text;
	uint64_t whole, fraction = 0;
	int r = take_number(&p, &whole);
	if (r < 0)
		return r;
	int has_fraction = take_fraction(&p, &fraction);
	if (has_fraction < 0)
		return has_fraction;
	p += strspn(p, " ");
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (!str_equal(p, units[i].suffix) && !str_equal(p, units[i].short_suffix))
			continue;
		if (has_fraction && units[i].shift == 0)
			return -EINVAL; /* no part of a byte */
		if (whole > (uint64_t)INT64_MAX >> units[i].shift)
			return -ERANGE;
		*ret_bytes = (whole << units[i].shift) +
			     (uint64_t)(((unsigned __int128)fraction << units[i].shift) / 1000000000);
		return *ret_bytes <= INT64_MAX ? 0 : -ERANGE;
	}
	return -EINVAL;
}

char *bytes_format(uint64_t bytes)
{
	for (size_t i = 0; units[i].shift > 0; i++) {
		uint64_t factor = UINT64_C(1) << units[i].shift;
		if (bytes < factor)
			continue;
		if (bytes % factor == 0)
			return xasprintf("%llu %s", (unsigned long long)(bytes / factor), units[i].suffix);
		/* Cut, not rounded: 1023.99 MiB must not read "1024.0 MiB", nor free space more than there is. */
		return xasprintf("%llu.%llu %s", (unsigned long long)(bytes / factor),
				 (unsigned long long)((unsigned __int128)(bytes % factor) * 10 / factor),
				 units[i].suffix);
	}
	return xasprintf("%llu B", (unsigned long long)bytes);
}
