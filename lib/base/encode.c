/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers, hexadecimal, base64 (RFC 4648 section 4): text from outside is taken whole or refused. */
#include <errno.h>

#include "base/util.h"

int parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	if (!s)
		return -EINVAL;
	bool negative = *s == '-';
	const char *p = s + negative;
	if (*p == '\0')
		return -EINVAL;
	/* Counted downwards: the negative range is the larger one. */
	int64_t value = 0;
	bool overflow = false;
	for (; *p; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		overflow = overflow || __builtin_mul_overflow(value, 10, &value) ||
			   __builtin_sub_overflow(value, *p - '0', &value);
	}
	if (!negative)
		overflow = overflow || __builtin_sub_overflow((int64_t)0, value, &value);
	if (overflow || value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

char *hex_encode(const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *in = data;
	char *text = xmalloc(len * 2 + 1);
	for (size_t i = 0; i < len; i++) {
		text[2 * i] = digits[in[i] >> 4];
		text[2 * i + 1] = digits[in[i] & 15];
	}
	text[len * 2] = '\0';
	return text;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(const char *text, void *ret_data, size_t len)
{
	if (!text || strlen(text) != len * 2)
		return -EINVAL;
	for (size_t i = 0; i < len * 2; i++)
		if (hex_digit(text[i]) < 0)
			return -EINVAL;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)ret_data)[i] = (uint8_t)(hex_digit(text[2 * i]) * 16 + hex_digit(text[2 * i + 1]));
	return 0;
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t len)
{
	const uint8_t *in = data;
	char *text = xmalloc((len + 2) / 3 * 4 + 1), *out = text;
	for (size_t i = 0; i < len; i += 3) {
		size_t n = MIN_OF(len - i, (size_t)3);
		uint32_t bits = (uint32_t)in[i] << 16;
		if (n > 1)
			bits |= (uint32_t)in[i + 1] << 8;
		if (n > 2)
			bits |= in[i + 2];
		*out++ = base64_digits[bits >> 18];
		*out++ = base64_digits[bits >> 12 & 63];
		*out++ = n > 1 ? base64_digits[bits >> 6 & 63] : '=';
		*out++ = n > 2 ? base64_digits[bits & 63] : '=';
	}
	*out = '\0';
	return text;
}

static int base64_digit(char c)
{
	const char *at = c ? strchr(base64_digits, c) : NULL;
	return at ? (int)(at - base64_digits) : -1;
}

int base64_decode(const char *text, void **ret_data, size_t *ret_len)
{
	size_t len = text ? strlen(text) : 1;
	if (len % 4 != 0)
		return -EINVAL;
	size_t padding = len == 0 ? 0 : (size_t)(text[len - 1] == '=') + (text[len - 1] == '=' && text[len - 2] == '=');
	size_t out_len = len / 4 * 3 - padding;
	_cleanup_free_ uint8_t *out = xmalloc(out_len + 1);
	size_t o = 0;
	uint32_t bits = 0;
	for (size_t i = 0; i < len; i++) {
		int digit = i >= len - padding ? 0 : base64_digit(text[i]);
		if (digit < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 != 3)
			continue;
		for (int shift = 16; shift >= 0; shift -= 8) {
			uint8_t byte = (uint8_t)(bits >> shift);
			if (o < out_len)
				out[o++] = byte;
			else if (byte != 0)
				return -EINVAL; /* one value, one text: the bits under the padding are zero */
		}
		bits = 0;
	}
	out[out_len] = '\0';
	*ret_data = TAKE_PTR(out);
	*ret_len = out_len;
	return 0;
}
