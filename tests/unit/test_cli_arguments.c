/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Argument vectors to invocations, and the table of commands they come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/arguments.h"
#include "cli/help.h"

#define WORDS_MAX 16

/* Words split at spaces; an empty word is written ''. The words live in buffer. */
static int split(const char *line, char *buffer, size_t size, char **argv)
{
	int argc = 0;
	snprintf(buffer, size, "ingot %s", line);
	for (char *rest = buffer, *word; (word = strsep(&rest, " "));) {
		assert_true(argc < WORDS_MAX - 1);
		if (word[0])
			argv[argc++] = str_equal(word, "''") ? word + 2 : word;
	}
	argv[argc] = NULL;
	return argc;
}

static char buffer[1024]; /* what is borrowed of it lives until the next line */

static int parse(const char *line, struct invocation *in, struct err *err)
{
	char *argv[WORDS_MAX];
	int argc = split(line, buffer, sizeof(buffer), argv);
	return arguments_parse(argc, argv, in, err);
}

static struct invocation taken(const char *line)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct invocation in;
	if (parse(line, &in, &err) < 0)
		fail_msg("%s: %s", line, err.text);
	return in;
}

static void assert_refused(const char *line, const char *words)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(invocation_done) struct invocation in;
	if (parse(line, &in, &err) == 0)
		fail_msg("'%s' was taken", line);
	assert_int_equal(err.code, ERR_INVALID);
	if (!strstr(err.text, words))
		fail_msg("'%s' is not in: %s", words, err.text);
}

static void assert_body(const struct invocation *in, const char *text)
{
	json_t *right = json_loads(text, 0, NULL);
	_cleanup_free_ char *got = json_dumps(in->body, JSON_COMPACT);
	if (!json_equal(in->body, right))
		fail_msg("%s instead of %s", got, text);
	json_decref(right);
}

static void test_targets(void **state)
{
	struct invocation in = taken("machine deploy a b c --disk S1 --wait");
	assert_int_equal(in.command->operation, OP_MACHINE_DEPLOY);
	assert_int_equal(in.target_count, 3);
	assert_string_equal(in.targets[0], "a");
	assert_string_equal(in.targets[2], "c");
	assert_non_null(in.given[OPTION_WAIT]);
	assert_body(&in, "{\"disk\": \"S1\"}");
	invocation_done(&in);
}

static void test_options_of_the_schema(void **state)
{
	struct invocation in = taken("vm create web --cpus 2 --memory 1.5GiB --volume=root --start");
	assert_int_equal(in.target_count, 0);
	assert_body(&in, "{\"name\": \"web\", \"cpus\": 2, \"memory_bytes\": 1610612736, \"volume\": \"root\", "
			 "\"start\": true}");
	invocation_done(&in);
}

static void test_positional_field_behind_targets(void **state)
{
	struct invocation in = taken("machine power a b cycle");
	assert_int_equal(in.target_count, 2);
	assert_body(&in, "{\"action\": \"cycle\"}");
	invocation_done(&in);
	assert_refused("machine power a", "the action is missing");
	assert_refused("machine power", "the name is missing");
	assert_refused("machine power a explode", "'explode' is not one of: on, off, cycle, reset");
}

static void test_empty_body_where_one_is_taken(void **state)
{
	struct invocation in = taken("vm migrate web");
	assert_body(&in, "{}");
	invocation_done(&in);
	in = taken("vm start web");
	assert_null(in.body);
	invocation_done(&in);
}

static void test_general_options_stand_anywhere(void **state)
{
	struct invocation in = taken("-o json vm list --timeout 5 --url https://a");
	assert_true(in.json);
	assert_int_equal(in.timeout_ms, 5000);
	assert_string_equal(in.given[OPTION_URL], "https://a");
	invocation_done(&in);
	in = taken("vm list -ojson");
	assert_true(in.json);
	invocation_done(&in);
	in = taken("vm list --output=table");
	assert_false(in.json);
	invocation_done(&in);
}

static void test_two_dashes_end_the_options(void **state)
{
	struct invocation in = taken("vm show -- --wait");
	assert_string_equal(in.targets[0], "--wait");
	invocation_done(&in);
}

static void test_all(void **state)
{
	struct invocation in = taken("machine accept --all --wait");
	assert_int_equal(in.target_count, 0);
	assert_non_null(in.given[OPTION_ALL]);
	invocation_done(&in);
	assert_refused("machine accept a --all", "not both");
	assert_refused("machine accept", "the name or id of a machine is missing");
	assert_refused("vm start --all", "unknown option '--all'");
	assert_refused("machine accept a b --name x", "--name is for one machine");
}

static void test_what_is_missing(void **state)
{
	assert_refused("", "a command is missing");
	assert_refused("vm", "what to do with a virtual machine is missing; there is: list, show, create, start");
	assert_refused("vm show", "the name or id of a virtual machine is missing");
	assert_refused("vm create", "the name is missing");
	assert_refused("vm create web", "--volume VOLUME is missing: volume (name or id) it boots from");
	assert_refused("image import x", "--file FILE is missing");
	assert_refused("vm create web --cpus", "--cpus needs a value: --cpus N");
	assert_refused("vm list -o", "--output needs a value");
}

static void test_what_is_wrong(void **state)
{
	assert_refused(
		"frobnicate",
		"unknown command 'frobnicate'; there is: machine, bmc-range, node, pool, image, volume, network, vm, cloud-init, task");
	assert_refused("vm frobnicate", "unknown command 'vm frobnicate'; there is: list, show");
	assert_refused("vm show a b", "'b' is one argument too many");
	assert_refused("vm list a", "'a' is one argument too many");
	assert_refused("vm create web --volume v --cpus two", "--cpus 'two' is not a whole number");
	assert_refused("vm create web --volume v --memory lots", "--memory 'lots' is not a size such as 512MiB");
	assert_refused("vm create web --volume v --start=yes", "--start takes no value");
	assert_refused("vm create web --volume v --node n", "unknown option '--node'");
	assert_refused("vm create web --volume \xff", "--volume is not UTF-8");
	assert_refused("vm list -o yaml", "--output 'yaml' is not one of: table, json");
	assert_refused("vm list --wait", "--wait: this command starts nothing to wait for");
	assert_refused("vm list -x", "unknown option '-x'");
	assert_refused("vm list --timeout 0", "--timeout '0' is not a number of seconds");
	assert_refused("vm list --timeout 1h", "--timeout '1h'");
	assert_refused("--cpus 2 vm create web", "options of a command stand behind it");
}

/* They would leave the path they are put in. */
static void test_targets_that_are_no_names(void **state)
{
	assert_refused("vm show .", "'.' is not the name");
	assert_refused("vm delete web ..", "'..' is not the name");
	assert_refused("vm show ''", "'' is not the name");
}

static void test_no_token_on_the_command_line(void **state)
{
	assert_refused("vm list --token abc", "INGOT_TOKEN");
	assert_refused("--token=abc vm list", "INGOT_TOKEN");
}

static void test_help_needs_nothing_else(void **state)
{
	static const char *const lines[] = { "--help",	      "-h", "help", "vm --help", "help vm", "vm create --help",
					     "help vm create" };
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct invocation in = taken(lines[i]);
		assert_non_null(in.given[OPTION_HELP]);
		invocation_done(&in);
	}
}

/* ---- the table ---- */

static void test_table_is_sound(void **state)
{
	FOREACH_COMMAND(c)
	{
		const struct operation *operation = command_operation(c);
		struct option_info option, other;
		assert_ptr_equal(command_find(c->noun, c->verb), c); /* no command twice */
		assert_non_null(c->run);
		assert_non_null(command_help(c));
		if (c->positional)
			assert_non_null(schema_field(command_request(c), c->positional));
		if (operation && !(c->flags & COMMAND_LOCAL))
			assert_int_equal((c->flags & COMMAND_TARGET) != 0, strstr(operation->path, "{id}") != NULL);
		for (size_t i = 0; command_option(c, i, &option); i++) {
			assert_true(option.help && option.help[0]);
			for (size_t k = 0; k < i && command_option(c, k, &other); k++) {
				if (str_equal(option.name, other.name) ||
				    (option.letter && option.letter == other.letter))
					fail_msg("%s %s has --%s twice", c->noun, str_or(c->verb, ""), option.name);
			}
		}
	}
}

static void test_what_a_list_is_asked_for(void **state)
{
	struct invocation in =
		taken("machine list --filter state=ready,new --sort -name --search a&b --filter serial=");
	assert_string_equal(in.query, "&state=ready%2Cnew&sort=-name&q=a%26b&serial=");
	invocation_done(&in);
	in = taken("audit list");
	assert_null(in.query);
	invocation_done(&in);
	assert_refused("machine list --filter ready", "not FIELD=VALUE");
	assert_refused("machine list --filter =ready", "not FIELD=VALUE");
	assert_refused("machine show a --sort name", "--sort");
}

static void test_what_changes_is_said_both_ways(void **state)
{
	struct invocation in = taken("user update kim --disabled false --role viewer");
	assert_body(&in, "{\"disabled\": false, \"role\": \"viewer\"}");
	invocation_done(&in);
	in = taken("user update kim --disabled=true");
	assert_body(&in, "{\"disabled\": true}");
	invocation_done(&in);
	in = taken("user create kim --disabled");
	assert_body(&in, "{\"name\": \"kim\", \"disabled\": true}");
	invocation_done(&in);
	assert_refused("user update kim --disabled", "needs a value");
	assert_refused("user update kim --disabled maybe", "true, false");
	assert_refused("user update kim --name lee", "--name");
	assert_refused("user create kim --password x", "--password");
	in = taken("bmc-range create rack1 --range 10.1.0.0/24 --user admin --password-file /dev/null");
	assert_body(&in, "{\"name\": \"rack1\", \"range\": \"10.1.0.0/24\", \"user\": \"admin\"}");
	invocation_done(&in);
	assert_refused("bmc-range create rack1 --range 10.1.0.0/24 --user admin --password x", "--password");
	assert_refused("bmc-range create rack1 --range 10.1.0.0/24", "--user");
	assert_refused("bmc-range update rack1 --range 10.1.0.0/25", "--range");
	const struct command *update = command_find("user", "update");
	_cleanup_free_ char *help = help_text("user", update);
	assert_null(strstr(help, "default viewer"));
	assert_false(command_can_wait(update) || command_can_wait(command_find("user", "delete")));
	assert_true(command_can_wait(command_find("vm", "delete")) &&
		    command_can_wait(command_find("machine", "accept")));
}

/* "--password-file" is for password, "--user-data" for user_data, "--ssh-key" for one of ssh_keys. */
static bool comes_from_a_file(const struct command *command, const struct field *field)
{
	struct option_info option;
	char flag[48];
	field_flag_name(field, flag, sizeof(flag));
	for (size_t i = 0; command_option(command, i, &option); i++)
		if (!option.field && str_equal(option.value, "FILE") &&
		    (str_starts(option.name, flag) || str_starts(flag, option.name)))
			return true;
	return false;
}

/* Every field that may be sent can be given, and every noun of the API has its commands. */
static void test_every_settable_field_can_be_given(void **state)
{
	FOREACH_COMMAND(c)
	{
		const struct schema *request = command_request(c);
		for (size_t f = 0; request && f < request->field_count; f++) {
			struct option_info option;
			bool found = str_equal(request->fields[f].name, c->positional);
			for (size_t i = 0; command_option(c, i, &option); i++)
				found |= option.field == &request->fields[f];
			bool change = command_operation(c)->kind == OPERATION_UPDATE;
			bool sent = request->fields[f].flags & (change ? FIELD_UPDATE : FIELD_CREATE);
			/* A secret would be seen by others: it comes from a file. */
			bool secret = request->fields[f].flags & FIELD_INTERNAL;
			assert_int_equal(found, sent && !secret);
			if (sent && secret)
				assert_true(comes_from_a_file(c, &request->fields[f]));
		}
	}
}

static void test_every_operation_of_people_has_a_command(void **state)
{
	for (int id = 0; id < OPERATION_COUNT; id++) {
		bool found = id == OP_IMAGE_UPLOAD || id == OP_OPENAPI ||
			     id == OP_METRICS;			      /* import sends; not for people */
		found |= str_starts(operations[id].name, "session."); /* of browsers; a token has none */
		/* Consoles are opened with a token; what browsers need for them is a ticket. */
		found |= operations[id].response == &console_ticket_schema || id == OP_CONSOLE;
		found |= id == OP_IMAGE_CONTENT || id == OP_IMAGE_APPEND; /* import uses them */
		FOREACH_COMMAND(c)
		found |= c->operation == id;
		if (!found)
			fail_msg("%s has no command", operations[id].name);
	}
}

static void test_help_tells_everything(void **state)
{
	_cleanup_free_ char *program = help_text(NULL, NULL);
	_cleanup_free_ char *man = man_page();
	_cleanup_free_ char *completion = completion_bash();
	FOREACH_COMMAND(c)
	{
		_cleanup_free_ char *help = help_text(c->noun, c);
		_cleanup_free_ char *noun = help_text(c->noun, NULL);
		_cleanup_free_ char *name = command_name(c);
		_cleanup_free_ char *usage = command_usage(c);
		struct option_info option;
		assert_non_null(strstr(program, name));
		assert_non_null(strstr(noun, name));
		assert_non_null(strstr(help, usage));
		for (size_t i = 0; command_option(c, i, &option); i++) {
			_cleanup_free_ char *flag = xasprintf("--%s", option.name);
			assert_non_null(strstr(help, flag));
			assert_non_null(strstr(completion, flag));
		}
		if (c->verb)
			assert_non_null(strstr(completion, c->verb));
	}
	assert_non_null(strstr(program, "INGOT_CACERT"));
	assert_non_null(strstr(man, ".SH \"EXIT STATUS\""));
	assert_non_null(strstr(man, "vm create NAME"));
}

static void test_help_shows_bounds_and_defaults(void **state)
{
	_cleanup_free_ char *help = help_text("vm", command_find("vm", "create"));
	assert_non_null(strstr(help, "--memory SIZE"));
	assert_non_null(strstr(help, "(16 MiB to 16 TiB, default 128 MiB)"));
	assert_non_null(strstr(help, "(1 to 256, default 1)"));
	assert_non_null(strstr(help, "(required)"));
	assert_non_null(strstr(help, "--wait"));
	for (const char *line = help; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		assert_true(strcspn(line, "\n") <= 100);
}

/* No line of the page's text may be taken for a request by troff. */
static void test_man_page_has_only_requests_it_means(void **state)
{
	static const char *const requests[] = { ".TH ", ".SH ", ".SS ", ".TP", ".PP", ".B ", ".BR ",
						".I ",	".RI ", ".RS",	".RE", ".nf", ".fi" };
	_cleanup_free_ char *man = man_page();
	char *rest = man;
	for (char *line; (line = strsep(&rest, "\n"));) {
		bool known = line[0] != '.' && line[0] != '\'';
		for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
			known |= str_starts(line, requests[i]);
		if (!known)
			fail_msg("%s", line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_options_of_the_schema),
		cmocka_unit_test(test_positional_field_behind_targets),
		cmocka_unit_test(test_empty_body_where_one_is_taken),
		cmocka_unit_test(test_general_options_stand_anywhere),
		cmocka_unit_test(test_two_dashes_end_the_options),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_what_is_missing),
		cmocka_unit_test(test_what_is_wrong),
		cmocka_unit_test(test_targets_that_are_no_names),
		cmocka_unit_test(test_no_token_on_the_command_line),
		cmocka_unit_test(test_help_needs_nothing_else),
		cmocka_unit_test(test_table_is_sound),
		cmocka_unit_test(test_every_settable_field_can_be_given),
		cmocka_unit_test(test_every_operation_of_people_has_a_command),
		cmocka_unit_test(test_what_a_list_is_asked_for),
		cmocka_unit_test(test_what_changes_is_said_both_ways),
		cmocka_unit_test(test_help_tells_everything),
		cmocka_unit_test(test_help_shows_bounds_and_defaults),
		cmocka_unit_test(test_man_page_has_only_requests_it_means),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
