/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The small words that stand in queries, headers and fields: numbers (Last-Event-ID, a page's cursor, a limit), sizes, names,
 * hexadecimal, base64. Each is read a second time in another way. */
#include <assert.h>
#include <errno.h>
#include <limits.h>

#include "base/utf8.h"
#include "schema/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_number(const char *text)
{
	int64_t number = 7;
	int r = parse_i64(text, INT64_MIN, INT64_MAX, &number);
	char *end;
	long long other;

	errno = 0;
	other = strtoll(text, &end, 10);
	if (r == 0) {
		assert(errno == 0 && *end == '\0' && other == number);
		assert(parse_i64(text, number, number, &number) == 0);
		assert(number == INT64_MAX || parse_i64(text, number + 1, INT64_MAX, &number) == -ERANGE);
	} else {
		assert(number == 7);
		assert(r == -EINVAL || (r == -ERANGE && errno == ERANGE));
	}
}

static void check_bytes(const char *text)
{
	uint64_t bytes = 0, again = 0;

	if (bytes_parse(text, &bytes) == 0) {
		_cleanup_free_ char *formatted = bytes_format(bytes);

		/* What is shown may be rounded, but it is a size, and a small one is exact. */
		assert(bytes <= INT64_MAX && bytes_parse(formatted, &again) == 0);
		assert(bytes >= KIB || again == bytes);
	}
}

static void check_encodings(const char *text, const uint8_t *data, size_t size)
{
	_cleanup_free_ char *hex = hex_encode(data, size), *base64 = base64_encode(data, size);
	_cleanup_free_ uint8_t *from_hex = xmalloc(size + 1);
	_cleanup_free_ void *from_base64 = NULL, *other = NULL;
	size_t len = 0;

	assert(hex_decode(hex, from_hex, size) == 0 && memcmp(from_hex, data, size) == 0);
	assert(base64_decode(base64, &from_base64, &len) == 0 && len == size && memcmp(from_base64, data, size) == 0);
	if (base64_decode(text, &other, &len) == 0) {
		_cleanup_free_ char *again = base64_encode(other, len);

		assert(str_equal(again, text));
	}
	if (hex_decode(text, from_hex, strlen(text) / 2) == 0) {
		_cleanup_free_ char *again = hex_encode(from_hex, strlen(text) / 2);

		assert(strcasecmp(again, text) == 0);
	}
}

/* What may be shown is what need not be shown otherwise. */
static void check_visible(const char *text)
{
	_cleanup_free_ char *visible = utf8_visible(text);

	assert(!format_check(FORMAT_TEXT, text) == str_equal(visible, text));
	assert(!format_check(FORMAT_TEXT, visible));
}

static void check_formats(const char *text)
{
	for (int format = FORMAT_ANY; format <= FORMAT_SHA256; format++) {
		if (format == FORMAT_ANY || format == FORMAT_TEXT || format_check(format, text))
			continue;
		/* Whatever has a format can stand in a path, a line or a command. */
		assert(text[0] && !strpbrk(text, "/ \t\r\n'\"\\$;&|<>`"));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);

	check_number(text);
	check_bytes(text);
	check_formats(text);
	check_visible(text);
	check_encodings(text, data, size);
	return 0;
}
