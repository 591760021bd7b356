/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "installer/installer.h"

#include <stdio.h>

#include "installer/answers.h"

static int check_file(const char *path)
{
	_cleanup_answers_ struct answers answers = { 0 };
	_cleanup_problems_ struct problems problems = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;

	if (answers_read(path, &answers, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return err_meaning(err.code)->exit_code;
	}
	if (answers_check(&answers, &problems)) {
		printf("%s: right; role %s, disk %s\n", path, answers_get(&answers, ANSWER_ROLE),
		       str_or(answers_get(&answers, ANSWER_DISK_SERIAL), answers_get(&answers, ANSWER_DISK_WWN)));
		return 0;
	}
	for (unsigned i = 0; i < problems.count; i++) {
		_cleanup_free_ char *line = answers_problem_line(&answers, &problems, i);

		fprintf(stderr, "%s\n", line);
	}
	return err_meaning(ERR_INVALID)->exit_code;
}

int installer_run(const struct installer_options *options)
{
	if (options->check)
		return check_file(options->check);
	fprintf(stderr, "ingot-agent install: nothing to do; see ingot-agent --help\n");
	return err_meaning(ERR_INVALID)->exit_code;
}
