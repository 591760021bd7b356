/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sum by which a disk that lies is told from a bundle that is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "install/weak_sum.h"

static uint64_t sum_of(const uint8_t *data, size_t len, size_t piece)
{
	struct weak_sum sum = { 0 };

	for (size_t at = 0; at < len; at += piece)
		weak_sum_add(&sum, data + at, at + piece < len ? piece : len - at);
	return weak_sum_value(&sum);
}

static void test_pieces(void **state)
{
	uint8_t data[1000];
	uint64_t whole;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 37 + i / 7);
	whole = sum_of(data, sizeof(data), sizeof(data));
	for (size_t piece = 1; piece < 40; piece++)
		assert_int_equal(sum_of(data, sizeof(data), piece), whole);
}

static void test_each_bit_shows(void **state)
{
	uint8_t data[100] = { 0 };
	uint64_t whole = sum_of(data, sizeof(data), sizeof(data));

	for (size_t bit = 0; bit < 8 * sizeof(data); bit++) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(sum_of(data, sizeof(data), sizeof(data)), whole);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void test_order_and_length_show(void **state)
{
	uint8_t there[32] = { [3] = 7, [19] = 9 }, swapped[32] = { [3] = 9, [19] = 7 };

	assert_int_not_equal(sum_of(there, 32, 32), sum_of(swapped, 32, 32));
	assert_int_not_equal(sum_of(there, 31, 32), sum_of(there, 32, 32));
	assert_int_not_equal(sum_of(there, 30, 32), sum_of(there, 31, 32));
}

static void test_zeros_without_data(void **state)
{
	const uint8_t zeros[77] = { 0 };
	struct weak_sum sum = { 0 }, written = { 0 };

	weak_sum_add(&sum, "abc", 3);
	weak_sum_add(&sum, NULL, sizeof(zeros));
	weak_sum_add(&sum, "d", 1);
	weak_sum_add(&written, "abc", 3);
	weak_sum_add(&written, zeros, sizeof(zeros));
	weak_sum_add(&written, "d", 1);
	assert_int_equal(weak_sum_value(&sum), weak_sum_value(&written));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_each_bit_shows),
		cmocka_unit_test(test_order_and_length_show),
		cmocka_unit_test(test_zeros_without_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
