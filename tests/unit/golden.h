/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Golden files: what a text was when somebody last looked at it. INGOT_REGENERATE=1 writes them anew: read the difference. Run
 * from the top of the tree. After cmocka.h. */
#ifndef INGOT_TESTS_GOLDEN_H
#define INGOT_TESTS_GOLDEN_H

#include <stdlib.h>

#include "base/util.h"

/* name: below tests/golden, "vm/secret.xml". */
static inline void assert_golden(const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("tests/golden/%s", name);
	_cleanup_free_ char *expected = NULL;

	if (getenv("INGOT_REGENERATE"))
		assert_int_equal(write_file_atomic(path, text, strlen(text), 0644), 0);
	assert_int_equal(read_file(path, MIB, &expected, NULL), 0);
	assert_string_equal(text, expected);
}

#endif
