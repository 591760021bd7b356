/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/schema.h"

static void test_bytes_parse_takes_binary_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{ "0", 0 },
		{ "4096", 4096 },
		{ "4096B", 4096 },
		{ "4096 B", 4096 },
		{ "1K", KIB },
		{ "1KiB", KIB },
		{ "1 KiB", KIB },
		{ "512M", 512 * MIB },
		{ "10 GiB", 10 * GIB },
		{ "1.5GiB", 3 * GIB / 2 },
		{ "1.5  TiB", 3 * 512 * GIB },
		{ "0.25 K", 256 },
		{ "1PiB", GIB * 1024 * 1024 },
		{ "8191 PiB", 8191 * GIB * 1024 * 1024 },
		{ "9223372036854775807", INT64_MAX },
		{ "0000000000000000000000000000000001", 1 },
		{ "1.99999999999999999999K", 2047 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t bytes = 42;
		assert_int_equal(bytes_parse(cases[i].text, &bytes), 0);
		assert_int_equal(bytes, cases[i].bytes);
	}
}

static void test_bytes_parse_refuses_the_rest(void **state)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{ "", -EINVAL },
		{ " 1", -EINVAL },
		{ "-1", -EINVAL },
		{ "+1", -EINVAL },
		{ "1e3", -EINVAL },
		{ "0x10", -EINVAL },
		{ "1,5GiB", -EINVAL },
		{ "1.GiB", -EINVAL },
		{ ".5GiB", -EINVAL },
		{ "1GB", -EINVAL },
		{ "1gib", -EINVAL },
		{ "1 G iB", -EINVAL },
		{ "1GiB ", -EINVAL },
		{ "1.5", -EINVAL },
		{ "1.5B", -EINVAL },
		{ "inf", -EINVAL },
		{ "nan", -EINVAL },
		{ "1GiB\n", -EINVAL },
		{ "KiB", -EINVAL },
		{ "1 X", -EINVAL },
		{ "8192PiB", -ERANGE },
		{ "8191.9999999999PiB", 0 },
		{ "9223372036854775808", -ERANGE },
		{ "99999999999999999999999", -ERANGE },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t bytes = 42;
		assert_int_equal(bytes_parse(cases[i].text, &bytes), cases[i].error);
		if (cases[i].error)
			assert_int_equal(bytes, 42);
	}
}

/* What the OpenAPI document says of sizes is what is taken. */
static void test_bytes_pattern_agrees_with_bytes_parse(void **state)
{
	static const char *const texts[] = { "1",   "1 B", "1.5", "1.5B", "1.5 GiB", "10G",
					     "1GB", "1.G", "G",	  "",	  "1  KiB",  "1KiB " };
	regex_t regex;
	assert_int_equal(regcomp(&regex, BYTES_PATTERN, REG_EXTENDED | REG_NOSUB), 0);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		uint64_t bytes;
		bool taken = bytes_parse(texts[i], &bytes) == 0;
		assert_int_equal(regexec(&regex, texts[i], 0, NULL, 0) == 0, taken);
	}
	regfree(&regex);
}

static void test_bytes_format(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0 B" },
		{ 1, "1 B" },
		{ 1023, "1023 B" },
		{ KIB, "1 KiB" },
		{ KIB + 512, "1.5 KiB" },
		{ MIB - 1, "1023.9 KiB" },
		{ 1536 * MIB, "1.5 GiB" },
		{ 10 * GIB, "10 GiB" },
		{ 2048 * GIB, "2 TiB" },
		{ GIB * 1024 * 1024, "1 PiB" },
		{ UINT64_MAX, "16383.9 PiB" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = bytes_format(cases[i].bytes);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_bytes_of_whole_units_survive_a_round(void **state)
{
	for (unsigned shift = 0; shift < 63; shift++) {
		uint64_t back = 0;
		_cleanup_free_ char *text = bytes_format(UINT64_C(1) << shift);
		assert_int_equal(bytes_parse(text, &back), 0);
		assert_int_equal(back, UINT64_C(1) << shift);
	}
}

static void test_formats(void **state)
{
	static const char longest[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	static const char too_long[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	static const struct {
		enum field_format format;
		const char *text;
		bool fits;
	} cases[] = {
		{ FORMAT_ANY, "", true },
		{ FORMAT_ANY, "anything \x1b[31m", true },
		{ FORMAT_TEXT, "", true },
		{ FORMAT_TEXT, "Rack 1, 2nd floor / \xea\xb5\xac\xec\x97\xad \xf0\x9f\x98\x80",
		  true },			    /* Korean; a face */
		{ FORMAT_TEXT, "e\xcc\x81", true }, /* a mark over a letter */
		{ FORMAT_TEXT, "rack\n1", false },
		{ FORMAT_TEXT, "rack\t1", false },
		{ FORMAT_TEXT, "\x1b[31mrack", false },
		{ FORMAT_TEXT, "rack\x7f", false },
		{ FORMAT_TEXT, "rack\xc2\x9b", false },	    /* C1: another escape */
		{ FORMAT_TEXT, "rack\xe2\x80\x8b", false }, /* zero width space */
		{ FORMAT_TEXT, "\xe2\x80\xaekcar", false }, /* right-to-left override */
		{ FORMAT_TEXT, "rack\xe2\x80\xa8", false }, /* line separator */
		{ FORMAT_TEXT, "\xef\xbb\xbfrack", false }, /* byte order mark */
		{ FORMAT_TEXT, "\xf3\xa0\x81\x81", false }, /* tag */
		{ FORMAT_TEXT, "rack\xff", false },	    /* no UTF-8 */
		{ FORMAT_TEXT, "rack\xc3", false },	    /* cut */
		{ FORMAT_TEXT, "\xed\xa0\x80", false },	    /* a surrogate */
		{ FORMAT_NAME, "a", true },
		{ FORMAT_NAME, "0", true },
		{ FORMAT_NAME, "rack1-a", true },
		{ FORMAT_NAME, longest, true },
		{ FORMAT_NAME, too_long, false },
		{ FORMAT_NAME, "", false },
		{ FORMAT_NAME, "-a", false },
		{ FORMAT_NAME, "a-", false },
		{ FORMAT_NAME, "A", false },
		{ FORMAT_NAME, "a.b", false },
		{ FORMAT_NAME, "a_b", false },
		{ FORMAT_NAME, "a/b", false },
		{ FORMAT_NAME, "\xc3\xa4", false },
		{ FORMAT_NAME, "123e4567-e89b-42d3-a456-426614174000", false },
		{ FORMAT_NAME, "123e4567-e89b-42d3-a456-42661417400", true },
		{ FORMAT_UUID, "123e4567-e89b-42d3-a456-426614174000", true },
		{ FORMAT_UUID, "123e4567e89b42d3a456426614174000", false },
		{ FORMAT_UUID, "", false },
		{ FORMAT_ADDRESS, "10.0.0.1", true },
		{ FORMAT_ADDRESS, "fe80::1", true },
		{ FORMAT_ADDRESS, "10.0.0", false },
		{ FORMAT_ADDRESS, "10.0.0.256", false },
		{ FORMAT_ADDRESS, "fe80::1%eth0", false },
		{ FORMAT_ADDRESS, "host", false },
		{ FORMAT_MAC, "52:54:00:12:34:56", true },
		{ FORMAT_MAC, "52:54:00:AB:34:56", false },
		{ FORMAT_MAC, "52-54-00-12-34-56", false },
		{ FORMAT_MAC, "52:54:00:12:34", false },
		{ FORMAT_MAC, "52:54:00:12:34:5g", false },
		{ FORMAT_SHA256, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", true },
		{ FORMAT_SHA256, "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", false },
		{ FORMAT_SHA256, "0123456789abcdef", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *right = format_check(cases[i].format, cases[i].text);
		if (cases[i].fits) {
			assert_null(right);
		} else {
			assert_non_null(right);
			assert_true(strlen(right) > 5);
		}
	}
}

static void test_word_index(void **state)
{
	static const char *const words[] = { "off", "on", NULL };
	assert_int_equal(word_index(words, "off"), 0);
	assert_int_equal(word_index(words, "on"), 1);
	assert_int_equal(word_index(words, "o"), -1);
	assert_int_equal(word_index(words, "ON"), -1);
	assert_int_equal(word_index(words, ""), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_parse_takes_binary_units),
		cmocka_unit_test(test_bytes_parse_refuses_the_rest),
		cmocka_unit_test(test_bytes_pattern_agrees_with_bytes_parse),
		cmocka_unit_test(test_bytes_format),
		cmocka_unit_test(test_bytes_of_whole_units_survive_a_round),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_word_index),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
