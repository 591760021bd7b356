/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What reaches the terminal, and what is typed into a console. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "cli/escape.h"
#include "cli/cli_session.h"
#include "cli/table.h"
#include "cli/visible.h"
#include "proto/resources.h"

static int setup(void **state)
{
	visible_setup();
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return 0;
}

static void test_visible(void **state)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{ "", "" },
		{ "plain text", "plain text" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac" },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
		{ "\x1b[31mred\x1b[0m", "\\u001b[31mred\\u001b[0m" },
		{ "\x1b]0;title\a", "\\u001b]0;title\\u0007" },
		{ "\xc2\x9b"
		  "31m",
		  "\\u009b31m" }, /* C1 CSI */
		{ "a\r\nb\tc\bd\x7f", "a\\u000d\\nb\\tc\\u0008d\\u007f" },
		{ "\xff\xfe", "\\xff\\xfe" },			/* no UTF-8 */
		{ "\xc0\x9b", "\\xc0\\x9b" },			/* overlong */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },		/* surrogate */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* past U+10FFFF */
		{ "\xe6\x97", "\\xe6\\x97" },			/* cut */
		{ "\xe2\x80\xae"
		  "gnp.exe",
		  "\\u202egnp.exe" }, /* right-to-left override */
		{ "a\xe2\x80\xa8"
		  "b",
		  "a\\u2028b" }, /* line separator */
		{ "a\xe2\x80\x8b"
		  "b",
		  "a\\u200bb" },		       /* zero width */
		{ "\xf3\xa0\x81\x81", "\\U000e0041" }, /* tag */
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *shown = utf8_visible(cases[i].text);
		assert_string_equal(shown, cases[i].shown);
	}
}

/* Whatever the bytes: what comes out is printable. */
static void test_visible_lets_no_control_byte_through(void **state)
{
	for (int a = 1; a < 256; a++) {
		for (int b = 1; b < 256; b++) {
			char text[] = { (char)a, (char)b, '\0' };
			_cleanup_free_ char *shown = utf8_visible(text);
			for (const unsigned char *c = (const unsigned char *)shown; *c; c++) {
				assert_true(*c >= 0x20 && *c != 0x7f);
				assert_false(c[0] == 0xc2 && c[1] < 0xa0);
			}
		}
	}
}

static void test_width(void **state)
{
	assert_int_equal(visible_width("abc"), 3);
	assert_int_equal(visible_width("gr\xc3\xbc\xc3\x9f"), 4);
	assert_int_equal(visible_width("\xe6\x97\xa5\xe6\x9c\xac"), 4);
	assert_int_equal(visible_width("e\xcc\x81"), 1); /* combining */
}

static json_t *parse(const char *text)
{
	json_t *json = json_loads(text, 0, NULL);
	assert_non_null(json);
	return json;
}

static void test_table(void **state)
{
	json_t *items =
		parse("[{\"name\": \"a\", \"state\": \"available\", \"size_bytes\": 1610612736, \"image_name\": null},"
		      " {\"name\": \"\xe6\x97\xa5\xe6\x9c\xac\", \"state\": \"in_use\", \"size_bytes\": 0,"
		      "  \"image_name\": \"\", \"vm_name\": \"x\\u001b[2J\", \"newer\": 1}]");
	_cleanup_free_ char *text = table_format(&volume_schema, items, 0);
	assert_string_equal(text, "NAME  STATE      SIZE     IMAGE  VM\n"
				  "a     available  1.5 GiB  -      -\n"
				  "\xe6\x97\xa5\xe6\x9c\xac  in_use     0 B      -      x\\u001b[2J\n");
	json_decref(items);
}

static void test_empty_table_has_its_head(void **state)
{
	json_t *items = json_array();
	_cleanup_free_ char *text = table_format(&volume_schema, items, 0);
	assert_string_equal(text, "NAME  STATE  SIZE  IMAGE  VM\n");
	json_decref(items);
}

/* A server may be newer, or broken: nothing it sends ends the program. */
static void test_table_of_odd_values(void **state)
{
	json_t *items = parse(
		"[{\"name\": {\"a\": 1}, \"state\": [1, \"b\"], \"size_bytes\": -1, \"image_name\": 1.5, \"vm_name\": true},"
		" 7, null]");
	_cleanup_free_ char *text = table_format(&volume_schema, items, 0);
	assert_non_null(strstr(text, "{\"a\":1}"));
	assert_non_null(strstr(text, "{...}, b"));
	assert_non_null(strstr(text, "-1"));
	assert_non_null(strstr(text, "yes"));
	json_decref(items);
}

static void test_times_are_local(void **state)
{
	_cleanup_free_ char *winter = local_time("2026-01-31T23:59:59.999Z");
	_cleanup_free_ char *summer = local_time("2026-07-01T00:00:00Z");
	_cleanup_free_ char *odd = local_time("soon\x1b");
	assert_string_equal(winter, "2026-02-01 00:59:59");
	assert_string_equal(summer, "2026-07-01 02:00:00");
	assert_string_equal(odd, "soon\\u001b");
}

/* A line "name: value" with any number of spaces between. */
static void assert_line(const char *text, const char *name, const char *value)
{
	_cleanup_free_ char *key = xasprintf("%s:", name);
	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *at = line + strspn(line, " ");
		if (!str_starts(at, key))
			continue;
		at += strlen(key);
		at += strspn(at, " ");
		if (str_starts(at, value) && at[strlen(value)] == '\n')
			return;
	}
	fail_msg("no '%s: %s' in:\n%s", name, value, text);
}

static void test_page(void **state)
{
	json_t *machine =
		parse("{\"id\": \"1\", \"name\": \"m1\", \"state\": \"ready\", \"macs\": [\"a\", \"b\"], \"created\": "
		      "\"2026-01-31T00:00:00Z\","
		      " \"error\": {\"code\": \"timeout\", \"text\": \"it took\\ntoo long\", \"field\": null},"
		      " \"inventory\": {\"memory_bytes\": 1073741824, \"disks\": [{\"serial\": \"S1\", \"size_bytes\": "
		      "1024}],"
		      " \"nics\": []}}");
	_cleanup_free_ char *text = page_format(&machine_schema, machine);
	assert_line(text, "name", "m1");
	assert_line(text, "step", "-");
	assert_non_null(strstr(text, "error:\n  code:  timeout\n  text:  it took\\ntoo long\n  field: -\n"));
	assert_non_null(strstr(text, "macs:\n  a\n  b\n"));
	assert_line(text, "memory_bytes", "1 GiB");
	assert_non_null(strstr(text, "  disks:\n    SERIAL  SIZE\n    S1      1 KiB\n"));
	assert_line(text, "nics", "-");
	assert_line(text, "created", "2026-01-31 01:00:00");
	assert_null(strstr(text, "bmc_password"));
	json_decref(machine);
}

/* ---- the path ---- */

static void test_url_encode(void **state)
{
	_cleanup_free_ char *plain = url_encode("rack1-a.x_y~Z9");
	_cleanup_free_ char *rest = url_encode("a/b?c#d e%\xc3\xa4");
	_cleanup_free_ char *path = operation_path(&operations[OP_MACHINE_DEPLOY], "a/../b");
	_cleanup_free_ char *none = operation_path(&operations[OP_VM_LIST], NULL);
	assert_string_equal(plain, "rack1-a.x_y~Z9");
	assert_string_equal(rest, "a%2Fb%3Fc%23d%20e%25%C3%A4");
	assert_string_equal(path, "/v1/machines/a%2F..%2Fb/deploy");
	assert_string_equal(none, "/v1/vms");
}

static void test_every_resource_that_is_made_can_be_shown(void **state)
{
	for (size_t i = 0; i < OPERATION_COUNT; i++)
		if (operations[i].kind == OPERATION_CREATE || operations[i].kind == OPERATION_ACTION)
			assert_non_null(operation_show_of(operations[i].response));
	assert_null(operation_show_of(NULL));
}

/* ---- the escape character ---- */

static void assert_typed(struct escape *escape, const char *typed, enum escape_asked asked, const char *sent)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	assert_int_equal(escape_filter(escape, typed, strlen(typed), &out), asked);
	assert_string_equal(str_or(out.data, ""), sent);
}

static void test_escape(void **state)
{
	struct escape escape = { 0 };
	assert_typed(&escape, "ls\r", ESCAPE_NOTHING, "ls\r");
	assert_typed(&escape, "~.", ESCAPE_END, "");
	escape = (struct escape){ 0 };
	assert_typed(&escape, "~", ESCAPE_NOTHING, ""); /* not yet known what it is */
	assert_typed(&escape, ".", ESCAPE_END, "");
	escape = (struct escape){ 0 };
	assert_typed(&escape, "a~.b", ESCAPE_NOTHING, "a~.b"); /* not at the start of a line */
	assert_typed(&escape, "\r~~x", ESCAPE_NOTHING, "\r~x");
	assert_typed(&escape, "\n~?", ESCAPE_HELP, "\n");
	assert_typed(&escape, "~.", ESCAPE_END, "");
	escape = (struct escape){ 0 };
	assert_typed(&escape, "~a.", ESCAPE_NOTHING, "~a."); /* none of ours */
	assert_typed(&escape, "\r~\r~.", ESCAPE_END, "\r~\r");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_visible),
		cmocka_unit_test(test_visible_lets_no_control_byte_through),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_empty_table_has_its_head),
		cmocka_unit_test(test_table_of_odd_values),
		cmocka_unit_test(test_times_are_local),
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_url_encode),
		cmocka_unit_test(test_every_resource_that_is_made_can_be_shown),
		cmocka_unit_test(test_escape),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
