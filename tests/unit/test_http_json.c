/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "http/http_server.h"

static char *nested(unsigned depth, const char *open, const char *inside, const char *close)
{
	struct strbuf text = { 0 };

	for (unsigned i = 0; i < depth; i++)
		strbuf_adds(&text, open);
	strbuf_adds(&text, inside);
	for (unsigned i = 0; i < depth; i++)
		strbuf_adds(&text, close);
	return strbuf_take(&text);
}

static int parse(const char *text, struct err *err)
{
	json_t *json = NULL;
	int r = http_json_parse(text, strlen(text), &json, err);

	assert_true((r == 0) == (json != NULL));
	json_decref(json);
	return r;
}

static void test_depth(void **state)
{
	static const struct {
		const char *open, *inside, *close;
	} forms[] = { { "[", "", "]" }, { "{\"a\":", "1", "}" }, { "[{\"a\":", "null", "}]" } };
	_cleanup_err_ struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		unsigned per = i == 2 ? 2 : 1;
		_cleanup_free_ char *fits = nested(32 / per, forms[i].open, forms[i].inside, forms[i].close);
		_cleanup_free_ char *inner = nested(32 / per, forms[i].open, forms[i].inside, forms[i].close);
		_cleanup_free_ char *deeper = xasprintf("[%s]", inner);

		assert_int_equal(parse(fits, NULL), 0);
		assert_int_equal(parse(deeper, &err), -EINVAL);
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.text, "32"));
		err_done(&err);
	}
	{
		/* A bomb is refused before it is built. */
		_cleanup_free_ char *bomb = nested(1000000, "[", "", "");

		assert_int_equal(parse(bomb, &err), -EINVAL);
		assert_non_null(strstr(err.text, "line 1 column 33"));
	}
}

static void test_brackets_in_strings(void **state)
{
	_cleanup_free_ char *inside = nested(100, "[{", "", "");
	_cleanup_free_ char *text = xasprintf("{\"a\\\"%s\": \"\\\\%s\\\"\"}", inside, inside);

	assert_int_equal(parse(text, NULL), 0);
}

static void test_syntax(void **state)
{
	static const struct {
		const char *text, *wanted;
	} wrong[] = {
		{ "", "empty" },
		{ "{\n\n  \"a\": tru\n}", "line 3" },
		{ "{\"a\": 1, \"a\": 2}", "duplicate" },
		{ "{\"a\": 1} x", "line 1" },
		{ "{\"a\": 1", "line 1" },
		{ "17", "line 1" },
		{ "{\"a\": \"\xff\"}", "line 1" },
		{ "{\"a\": \"\\u0000\"}", "line 1" },
		{ "{\"a\": 99999999999999999999999}", "line 1" },
		{ "]]]]", "line 1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_err_ struct err err = ERR_INIT;

		assert_int_equal(parse(wrong[i].text, &err), -EINVAL);
		assert_int_equal(err.code, ERR_INVALID);
		if (!strstr(err.text, wrong[i].wanted))
			fail_msg("%s: %s", wrong[i].text, err.text);
	}
}

/* What was sent may be a password: it is not repeated. */
static void test_no_secrets(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;

	assert_int_equal(parse("{\"password\": \"hunter2\" \"x\": hunter3}", &err), -EINVAL);
	assert_null(strstr(err.text, "hunter"));
	err_done(&err);
	assert_int_equal(parse("{\"password\": hunter2}", &err), -EINVAL);
	assert_null(strstr(err.text, "hunter"));
}

static void test_not_terminated(void **state)
{
	json_t *json;

	/* Only len bytes are looked at. */
	assert_int_equal(http_json_parse("[1]]]", 3, &json, NULL), 0);
	assert_int_equal(json_array_size(json), 1);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_depth),	       cmocka_unit_test(test_brackets_in_strings),
		cmocka_unit_test(test_syntax),	       cmocka_unit_test(test_no_secrets),
		cmocka_unit_test(test_not_terminated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
