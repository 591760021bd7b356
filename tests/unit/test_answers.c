/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answer files: tests/golden/answers/NAME.yaml and what is said of it in NAME.txt (INGOT_REGENERATE=1 writes them anew). Run
 * from the top of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <locale.h>
#include <stdio.h>

#include "installer/answers.h"
#include "installer/words.h"

#define GOLDEN "tests/golden/answers/"
#define FILE_MAX_BYTES ((size_t)(64 * KIB))

/* What the program would print; the caller frees. */
static char *judge(const char *text, size_t len, const char *name)
{
	_cleanup_answers_ struct answers answers = { 0 };
	_cleanup_problems_ struct problems problems = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;
	struct strbuf out = { 0 };

	if (answers_parse(text, len, name, &answers, &err) < 0) {
		strbuf_addf(&out, "%s\n", err.text);
		return strbuf_take(&out);
	}
	answers_check(&answers, &problems);
	for (unsigned i = 0; i < problems.count; i++) {
		_cleanup_free_ char *line = answers_problem_line(&answers, &problems, i);

		strbuf_addf(&out, "%s\n", line);
	}
	if (problems.count == 0)
		strbuf_adds(&out, "right\n");
	return strbuf_take(&out);
}

static void check_golden(const char *name)
{
	_cleanup_free_ char *path = xasprintf(GOLDEN "%s", name);
	_cleanup_free_ char *golden = xasprintf(GOLDEN "%.*s.txt", (int)(strlen(name) - strlen(".yaml")), name);
	_cleanup_free_ char *text = NULL, *should = NULL, *is = NULL;
	size_t len, should_len;

	assert_int_equal(read_file(path, FILE_MAX_BYTES, &text, &len), 0);
	is = judge(text, len, name);
	if (getenv("INGOT_REGENERATE"))
		assert_int_equal(write_file_atomic(golden, is, strlen(is), 0644), 0);
	assert_int_equal(read_file(golden, FILE_MAX_BYTES, &should, &should_len), 0);
	assert_string_equal(is, should);
}

/* Nothing is said that is not translated, in whole or in a piece. */
static void check_korean(const char *name)
{
	static const char *const leftovers[] = { "is ", "the ", " of ", " or ", " and ", "say ", "leave " };
	_cleanup_free_ char *path = xasprintf(GOLDEN "%s", name);
	_cleanup_answers_ struct answers answers = { 0 };
	_cleanup_problems_ struct problems problems = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;

	if (answers_read(path, &answers, &err) < 0)
		return; /* about a file, and nobody at a screen has one */
	answers_check(&answers, &problems);
	for (unsigned i = 0; i < problems.count; i++) {
		const char *text = problems.list[i].text;

		if (!strpbrk(text, "\352\353\354\355"))
			fail_msg("%s: no Korean in \"%s\"", name, text);
		for (size_t k = 0; k < ARRAY_SIZE(leftovers); k++) {
			if (strstr(text, leftovers[k]))
				fail_msg("%s: English in \"%s\"", name, text);
		}
	}
}

static void each_golden(void (*check)(const char *name))
{
	DIR *dir = opendir(GOLDEN);
	unsigned count = 0;

	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		size_t len = strlen(entry->d_name);

		if (len > 5 && str_equal(entry->d_name + len - 5, ".yaml")) {
			check(entry->d_name);
			count++;
		}
	}
	closedir(dir);
	assert_true(count >= 20);
}

static void test_golden(void **state)
{
	each_golden(check_golden);
}

static void test_refusals_in_korean(void **state)
{
	setenv("TERM", "vt220", 1);
	setlocale(LC_CTYPE, "C.UTF-8");
	words_language("ko");
	each_golden(check_korean);
	words_language("en");
	each_golden(check_golden);
}

static void test_values_and_places(void **state)
{
	static const char text[] =
		"role: provisioner\nnetwork:\n  dns: [192.0.2.1,\n    192.0.2.2]\n  mac:\ntime: {}\n";
	struct answers answers;

	assert_int_equal(answers_parse(text, strlen(text), "a.yaml", &answers, NULL), 0);
	assert_string_equal(answers_get(&answers, ANSWER_NET_DNS), "192.0.2.1 192.0.2.2");
	assert_int_equal(answers.mark[ANSWER_NET_DNS].line, 3);
	assert_int_equal(answers.mark[ANSWER_NET_DNS].column, 8);
	assert_null(answers_get(&answers, ANSWER_NET_MAC));
	assert_string_equal(answers_get(&answers, ANSWER_TIME_ZONE), "UTC");
	assert_true(answers_has_provisioner(&answers));
	answers_done(&answers);
	assert_null(answers.file);
}

/* A secret is not repeated in what is said about it. */
static void test_secrets_stay_secret(void **state)
{
	static const char text[] = "role: both\nadmin: {password: \"hunt\\ter2 hunter2\", password_hash: topsecret}\n"
				   "join: {token: \"se cret!\"}\n";
	_cleanup_free_ char *said = judge(text, strlen(text), "a.yaml");

	assert_non_null(strstr(said, "admin.password: "));
	assert_null(strstr(said, "hunter2"));
	assert_null(strstr(said, "topsecret"));
	assert_null(strstr(said, "cret!"));
}

static void test_too_large(void **state)
{
	_cleanup_free_ char *text = xmalloc(ANSWERS_MAX_BYTES + 1);
	_cleanup_err_ struct err err = ERR_INIT;
	struct answers answers;

	memset(text, '#', ANSWERS_MAX_BYTES + 1);
	assert_true(answers_parse(text, ANSWERS_MAX_BYTES + 1, "a.yaml", &answers, &err) < 0);
	assert_int_equal(err.code, ERR_TOO_LARGE);
	err_done(&err);
	assert_true(answers_read("/does/not/exist.yaml", &answers, &err) < 0);
	assert_non_null(strstr(err.text, "/does/not/exist.yaml"));
}

static void test_same_network(void **state)
{
	struct answers answers = { 0 };

	answers_set(&answers, ANSWER_NET_MAC, "52:54:00:00:00:01");
	assert_true(answers_one_network(&answers));
	answers_set(&answers, ANSWER_PROV_VLAN, "30");
	assert_false(answers_one_network(&answers));
	answers_set(&answers, ANSWER_NET_VLAN, "30");
	assert_true(answers_one_network(&answers));
	answers_set(&answers, ANSWER_PROV_MAC, "52:54:00:00:00:02");
	assert_false(answers_one_network(&answers));
	answers_done(&answers);
}

static void test_password_strength(void **state)
{
	static const char *const weak[] = { "aaaaaaaaaaaaaaaaaaaaaaaa",
					    "1234567890",
					    "abababababababab",
					    "adminadmin",
					    "Password123",
					    "letmein2024",
					    "Administrator1",
					    "P@ssw0rd2024!",
					    "xkqvxkqvxkqv",
					    "ingotingot1",
					    "Rack-One-2024",
					    "ADMIN-admin-1",
					    "qwertyuiop123" };
	static const char *const fine[] = { "kT9-vQ2+xW", "correct horse battery staple", "violet tram 81 echo",
					    "admin keeps 7 brown owls" };

	/* Runs, repeats, one letter over and over and what everybody tries count little; long ones of other words are fine. */
	for (size_t i = 0; i < ARRAY_SIZE(weak); i++) {
		if (password_bits(weak[i], "rack-one") >= PASSWORD_MIN_BITS)
			fail_msg("%s: %u bits", weak[i], password_bits(weak[i], "rack-one"));
	}
	for (size_t i = 0; i < ARRAY_SIZE(fine); i++) {
		if (password_bits(fine[i], "rack-one") < PASSWORD_MIN_BITS)
			fail_msg("%s: %u bits", fine[i], password_bits(fine[i], "rack-one"));
	}
	assert_true(password_bits("zanzibar-8", "zanzibar") < password_bits("zanzibar-8", NULL));
	assert_true(password_bits("correct horse battery staple", NULL) > password_bits("kT9-vQ2+xW", NULL));
	assert_string_equal(password_word(password_bits("", NULL)), "too weak");
	assert_string_equal(password_word(password_bits("correct horse battery staple", NULL)), "strong");
}

static void test_zones(void **state)
{
	assert_true(zone_known("Asia/Seoul"));
	assert_true(zone_known("UTC"));
	assert_true(zone_known("Africa/Abidjan"));
	assert_true(zone_known("Zulu"));
	assert_false(zone_known("Asia"));
	assert_false(zone_known("../../etc/passwd"));
	assert_false(zone_known(""));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_refusals_in_korean),
		cmocka_unit_test(test_values_and_places),
		cmocka_unit_test(test_secrets_stay_secret),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_same_network),
		cmocka_unit_test(test_password_strength),
		cmocka_unit_test(test_zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
