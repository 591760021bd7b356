/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of a join token: what goes in comes out, and what was mistyped is not taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "crypto/join_text.h"

static const struct join_text join = {
	.address = "192.0.2.200",
	.agent_port = 8444,
	.boot_port = 65535,
	.ca = "4f6e650a0b1c2d3e4f5a6b7c8d9eafb0c1d2e3f40516273849a5b6c7d8e9fa0b",
};

static void test_round_trip(void **state)
{
	_cleanup_free_ char *text = NULL, *other = NULL;
	struct join_text again;

	assert_int_equal(join_text_new(&join, &text), 0);
	assert_int_equal(strlen(text), JOIN_TEXT_LENGTH);
	assert_int_equal(join_text_parse(text, &again), 0);
	assert_string_equal(again.address, join.address);
	assert_string_equal(again.ca, join.ca);
	assert_int_equal(again.agent_port, join.agent_port);
	assert_int_equal(again.boot_port, join.boot_port);
	/* The secret is another one each time. */
	assert_int_equal(join_text_new(&join, &other), 0);
	assert_string_not_equal(text, other);
}

static void test_what_none_can_be_made_of(void **state)
{
	struct join_text bad = join;
	char *text = NULL;

	memcpy(bad.address, "2001:db8::1", sizeof("2001:db8::1"));
	assert_int_equal(join_text_new(&bad, &text), -EINVAL);
	bad = join;
	bad.ca[63] = '\0';
	assert_int_equal(join_text_new(&bad, &text), -EINVAL);
	assert_null(text);
}

/* Each character exchanged for its neighbour in the alphabet, which is the smallest slip there is. */
static void test_slips(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct join_text again;

	assert_int_equal(join_text_new(&join, &text), 0);
	for (size_t i = 0; text[i]; i++) {
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		assert_int_equal(join_text_parse(text, &again), -EINVAL);
		text[i] = was;
	}
	assert_int_equal(join_text_parse(text, &again), 0);
}

static void test_what_is_none(void **state)
{
	static const char *const bad[] = {
		"",
		"join_",
		"join_AAAA",
		"ingot_AQoKAAEg_B-QT25lCgscLT5PWmt8jZ6vsMHS4_QFFic4SaW2x9jp-gsAAQIDBAUGBwgJCgsMDQ4PbsKu",
		"join_????????????????????????????????????????????????????????????????????????????????",
		"join_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};
	_cleanup_free_ char *text = NULL, *cut = NULL, *more = NULL;
	struct join_text again;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(join_text_parse(bad[i], &again), -EINVAL);
	assert_int_equal(join_text_new(&join, &text), 0);
	cut = xstrndup(text, strlen(text) - 1);
	more = xasprintf("%sA", text);
	assert_int_equal(join_text_parse(cut, &again), -EINVAL);
	assert_int_equal(join_text_parse(more, &again), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_what_none_can_be_made_of),
		cmocka_unit_test(test_slips),
		cmocka_unit_test(test_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
