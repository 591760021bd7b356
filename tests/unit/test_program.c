/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/program.h"

static const struct program_text commands[] = { { "walk", "go on foot" }, { "ride", "go by horse" }, { NULL, NULL } };
static const struct program_option options[] = { { "speed", "N", "steps a minute" },
						 { "slow", NULL, "no hurry" },
						 { NULL, NULL, NULL } };
static const struct program_text sections[] = { { "FILES", ".profile is read" }, { NULL, NULL } };
static const struct program with_commands = { .name = "go-there",
					      .summary = "goes there",
					      .description = "Goes there.",
					      .commands = commands,
					      .options = options,
					      .sections = sections,
					      .see_also = ".BR ls (1)" };
static const struct program without_commands = { .name = "go-there",
						 .summary = "goes there",
						 .description = "Goes there.",
						 .options = options,
						 .see_also = ".BR ls (1)" };

static unsigned seen[2];
static const char *speed;

static void set(void *data, unsigned option, const char *value)
{
	assert_ptr_equal(data, seen);
	seen[option]++;
	if (option == 0)
		speed = value;
	else
		assert_null(value);
}

#define PARSE(program, ...)                                                                                            \
	({                                                                                                             \
		const char *words_[] = { "go-there", ##__VA_ARGS__, NULL };                                            \
		memset(seen, 0, sizeof(seen));                                                                         \
		speed = NULL;                                                                                          \
		command = 99;                                                                                          \
		program_parse(program, (int)ARRAY_SIZE(words_) - 1, (char **)words_, &command, set, seen);             \
	})

static void test_parse(void **state)
{
	unsigned command;
	assert_int_equal(PARSE(&with_commands, "ride", "--speed", "7", "--slow"), PROGRAM_RUN);
	assert_int_equal(command, 1);
	assert_string_equal(speed, "7");
	assert_int_equal(seen[1], 1);
	assert_int_equal(PARSE(&with_commands, "--speed=8", "walk"), PROGRAM_RUN);
	assert_int_equal(command, 0);
	assert_string_equal(speed, "8");
	assert_int_equal(PARSE(&without_commands), PROGRAM_RUN);
	assert_int_equal(PARSE(&without_commands, "--speed="), PROGRAM_RUN);
	assert_string_equal(speed, "");
}

static void test_wrong(void **state)
{
	unsigned command;
	assert_int_equal(PARSE(&with_commands), PROGRAM_WRONG);
	assert_int_equal(PARSE(&with_commands, "fly"), PROGRAM_WRONG);
	assert_int_equal(PARSE(&with_commands, "walk", "ride"), PROGRAM_WRONG);
	assert_int_equal(PARSE(&with_commands, "walk", "--speed"), PROGRAM_WRONG);
	assert_int_equal(PARSE(&with_commands, "walk", "--slow=1"), PROGRAM_WRONG);
	assert_int_equal(PARSE(&with_commands, "walk", "--spee", "1"), PROGRAM_WRONG);
	assert_int_equal(PARSE(&with_commands, "walk", "--help=1"), PROGRAM_WRONG);
	assert_int_equal(PARSE(&with_commands, "walk", "-h"), PROGRAM_WRONG);
	assert_int_equal(PARSE(&without_commands, "walk"), PROGRAM_WRONG);
	assert_int_equal(PARSE(&with_commands, "--help"), PROGRAM_DONE);
	assert_int_equal(PARSE(&with_commands, "walk", "--version"), PROGRAM_DONE);
	assert_int_equal(PARSE(&without_commands, "--man"), PROGRAM_DONE);
}

static void test_texts(void **state)
{
	_cleanup_free_ char *help = program_help(&with_commands), *man = program_man(&with_commands);
	assert_non_null(strstr(help, "Usage: go-there COMMAND [OPTION]...\n"));
	assert_non_null(strstr(help, "  ride                 go by horse\n"));
	assert_non_null(strstr(help, "  --speed N            steps a minute\n"));
	assert_non_null(strstr(help, "  --version            "));
	assert_non_null(strstr(man, ".TH \"go\\-there\" 8 "));
	assert_non_null(strstr(man, "\n.TP\n\\fB\\-\\-speed\\fR \\fIN\\fR\nsteps a minute\n"));
	/* A line that begins with a dot is no request to troff. */
	assert_non_null(strstr(man, ".SH \"FILES\"\n\\&.profile is read\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
