/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Buckets that fill up again with time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rate.h"

static const struct rate rate = { .most = 3, .per_minute = 6 };
static struct rate_table table;

static int setup(void **state)
{
	rate_table_init(&table, 4);
	return 0;
}

static int teardown(void **state)
{
	rate_table_done(&table);
	return 0;
}

static void so_many_at_once_and_more_with_time(void **state)
{
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rate_wait_ms(&table, 7, &rate, 1000), 0);
		rate_take(&table, 7, &rate, 1000);
	}
	assert_int_equal(rate_wait_ms(&table, 7, &rate, 1000), 10000);
	assert_int_equal(rate_wait_ms(&table, 7, &rate, 6000), 5000);
	assert_int_equal(rate_wait_ms(&table, 7, &rate, 11000), 0);
	rate_take(&table, 7, &rate, 11000);
	assert_true(rate_wait_ms(&table, 7, &rate, 11000) > 0);
	/* Never more than it holds, also after a very long time. */
	for (int i = 0; i < 3; i++)
		rate_take(&table, 7, &rate, INT64_MAX / 2);
	assert_true(rate_wait_ms(&table, 7, &rate, INT64_MAX / 2) > 0);
}

static void what_is_given_back_did_not_count(void **state)
{
	for (int i = 0; i < 20; i++) {
		assert_int_equal(rate_wait_ms(&table, 7, &rate, 0), 0);
		rate_take(&table, 7, &rate, 0);
		rate_give(&table, 7, &rate, 0);
	}
	rate_give(&table, 7, &rate, 0);
	for (int i = 0; i < 3; i++)
		rate_take(&table, 7, &rate, 0);
	assert_true(rate_wait_ms(&table, 7, &rate, 0) > 0); /* not four */
}

static void who_used_most_is_forgotten_last(void **state)
{
	for (int i = 0; i < 3; i++)
		rate_take(&table, 1, &rate, 0);
	for (uint64_t key = 2; key < 100; key++)
		rate_take(&table, key, &rate, 0);
	assert_true(rate_wait_ms(&table, 1, &rate, 0) > 0);
}

static void addresses_of_one_place_share_a_bucket(void **state)
{
	assert_true(rate_key_of_address("2001:db8::1") == rate_key_of_address("2001:db8::ffff:1"));
	assert_true(rate_key_of_address("2001:db8::1") != rate_key_of_address("2001:db8:0:1::1"));
	assert_true(rate_key_of_address("10.0.0.1") != rate_key_of_address("10.0.0.2"));
	assert_true(rate_key_of_address("::ffff:10.0.0.1") != rate_key_of_address("::ffff:10.0.0.2"));
	assert_true(rate_key('a', "x", 1) != rate_key('b', "x", 1));
	assert_true(rate_key('a', "", 0) != 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(so_many_at_once_and_more_with_time),
		TEST(what_is_given_back_did_not_count),
		TEST(who_used_most_is_forgotten_last),
		TEST(addresses_of_one_place_share_a_bucket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
