/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "schema/schema.h"

static bool name_ok(const char *text)
{
	size_t len = strlen(text);
	if (len == 0 || len > 63 || text[0] == '-' || text[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) && text[i] != '-')
			return false;
	return true;
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
		bool digit = isdigit((unsigned char)text[i]) || (text[i] >= 'a' && text[i] <= 'f');
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
	[FORMAT_NAME] = { name_ok, "1 to 63 of a-z, 0-9 and '-', not at the ends" },
	[FORMAT_UUID] = { uuid_valid, "a UUID such as 123e4567-e89b-42d3-a456-426614174000" },
	[FORMAT_ADDRESS] = { address_ok, "an IPv4 or IPv6 address" },
	[FORMAT_MAC] = { mac_ok, "a MAC address such as 52:54:00:12:34:56, in lower case" },
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
	const char *suffix;
	uint64_t factor;
} units[] = {
	{ "TiB", GIB * 1024 }, { "GiB", GIB }, { "MiB", MIB }, { "KiB", KIB }, { "B", 1 },
	{ "T", GIB * 1024 },   { "G", GIB },   { "M", MIB },   { "K", KIB },   { "", 1 },
};

int bytes_parse(const char *text, uint64_t *ret_bytes)
{
	char *end;
	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	long double value = strtold(text, &end);
	while (*end == ' ')
		end++;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (!str_equal(end, units[i].suffix))
			continue;
		value *= (long double)units[i].factor;
		if (!isfinite(value) || value > (long double)INT64_MAX)
			return -ERANGE;
		*ret_bytes = (uint64_t)value;
		return 0;
	}
	return -EINVAL;
}

char *bytes_format(uint64_t bytes)
{
	for (size_t i = 0; i < 4; i++) {
		if (bytes < units[i].factor)
			continue;
		if (bytes % units[i].factor == 0)
			return xasprintf("%llu %s", (unsigned long long)(bytes / units[i].factor), units[i].suffix);
		return xasprintf("%.1f %s", (double)bytes / (double)units[i].factor, units[i].suffix);
	}
	return xasprintf("%llu B", (unsigned long long)bytes);
}
