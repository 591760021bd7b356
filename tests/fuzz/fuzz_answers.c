/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answer files: whatever they hold, they are read whole or refused with a place, and judged without harm. */
#include <assert.h>

#include "installer/answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_answers_ struct answers answers = { 0 };
	_cleanup_problems_ struct problems problems = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;

	if (answers_parse((const char *)data, size, "f", &answers, &err) < 0) {
		assert(err.text && str_starts(err.text, "f:"));
		return 0;
	}
	assert(answers_check(&answers, &problems) == (problems.count == 0));
	for (unsigned i = 0; i < problems.count; i++) {
		_cleanup_free_ char *line = answers_problem_line(&answers, &problems, i);

		assert(str_starts(line, "f:"));
		assert(i == 0 || problems.list[i - 1].answer < problems.list[i].answer);
	}
	return 0;
}
