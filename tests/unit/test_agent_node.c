/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent on a node: enrolling, and what it keeps. */
#include "agent_world.h"

/* ---- node ---- */

static void assert_mode(const char *name, mode_t mode)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", world.dir, name);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, mode);
}

static void test_node_enrolls_once(void **state)
{
	_cleanup_free_ char *identity = NULL, *key = NULL, *key_later = NULL, *csr = NULL;

	start_agent(PART_NODE);
	RUN_UNTIL(echo_says_nothing);
	assert_int_equal(world.enrolls, 1);
	assert_int_equal(world.hellos, 0);
	assert_string_equal(world.client_name, "node-1");
	assert_non_null(json_object_get(world.seen, "node_only"));
	assert_mode("state/agent.key", 0600);
	assert_mode("state/identity.json", 0600);
	identity = read_text("state/identity.json");
	assert_null(strstr(identity, "token"));
	assert_non_null(strstr(identity, "node-1"));
	key = read_text("state/agent.key");
	csr = read_text("state/agent.csr");
	assert_string_equal(csr, world.last_csr);
	stop_agent();

	json_object_clear(world.seen);
	start_agent(PART_NODE);
	RUN_UNTIL(echo_says_nothing);
	assert_int_equal(world.enrolls, 1);
	key_later = read_text("state/agent.key");
	assert_string_equal(key, key_later);
}

static bool enrolled_at_the_third(void)
{
	return world.enrolls == 3 && echo_says_nothing();
}

static void test_node_asks_the_same_until_answered(void **state)
{
	world.refuse_enrolls = 2; /* handle_enroll compares the requests */
	start_agent(PART_NODE);
	RUN_UNTIL(enrolled_at_the_third);
}

static bool enrolled(void)
{
	return world.enrolls == 1;
}

static bool enrolled_twice_and_reported(void)
{
	return world.enrolls == 2 && echo_says_nothing();
}

static void test_node_killed_before_the_answer_asks_the_same(void **state)
{
	_cleanup_free_ char *key = NULL, *later = NULL;

	world.refuse_enrolls = 1;
	start_agent(PART_NODE);
	RUN_UNTIL(enrolled);
	key = read_text("state/agent.key");
	stop_agent();
	start_agent(PART_NODE);
	RUN_UNTIL(enrolled_twice_and_reported);
	later = read_text("state/agent.key");
	assert_string_equal(key, later);
}

static void test_node_without_identity(void **state)
{
	static const char *const bad[] = { "{}", "not json", "{\"server\": 1}" };
	_cleanup_free_ char *state_dir = xasprintf("%s/nowhere", world.dir);
	struct agent_spec spec = { .loop = world.loop, .mode = PART_NODE, .parts = parts, .sysroot = world.dir };
	struct agent *agent = NULL;

	spec.state_dir = state_dir;
	for (size_t i = 0; i <= ARRAY_SIZE(bad); i++) {
		_cleanup_err_ struct err err = ERR_INIT;

		if (i > 0)
			write_text("nowhere/identity.json", bad[i - 1]);
		assert_true(agent_new(&spec, &agent, &err) < 0);
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.text, "identity.json"));
	}
}

static bool waits_ran_on_what_was_kept(void)
{
	return runs_of(&parts_memory.waits_runs) >= 1;
}

static bool waits_was_told_one(void)
{
	return json_is_false(json_object_get(json_object_get(world.seen, "waits"), "null"));
}

static void poll_soon(void *data)
{
	struct loop_timer **timer = data;

	poll_condition(NULL);
	*timer = loop_timer_new(world.loop, 20, poll_soon, timer);
}

/* A section that is kept is acted on at the next start although nobody answers; one that waits and was not kept is not. */
static void test_section_is_kept(void **state)
{
	struct loop_timer *timer = NULL;

	desire(json_pack("{s:s}", "waits", "kept"));
	start_agent(PART_NODE);
	RUN_UNTIL(waits_was_told_one);
	stop_agent();
	assert_mode("state/desired-waits.json", 0600);

	world.agents = http_server_free(world.agents);
	parts_memory.waits_runs = 0;
	parts_memory.waits_saw_null = true;
	start_agent(PART_NODE);
	poll_soon(&timer);
	RUN_UNTIL(waits_ran_on_what_was_kept);
	loop_timer_free(timer);
	assert_false(parts_memory.waits_saw_null);
}

static bool echo_ran(void)
{
	return runs_of(&parts_memory.echo_runs) >= 1;
}

static void test_waiting_part_is_not_run_without_a_document(void **state)
{
	struct loop_timer *timer = NULL;

	world.agents = http_server_free(world.agents);
	start_agent(PART_LIVE);
	poll_soon(&timer);
	RUN_UNTIL(echo_ran);
	assert_int_equal(runs_of(&parts_memory.waits_runs), 0);
	open_agents();
	RUN_UNTIL(waits_ran_on_what_was_kept);
	assert_true(parts_memory.waits_saw_null);
	loop_timer_free(timer);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_node_enrolls_once),
		TEST(test_node_asks_the_same_until_answered),
		TEST(test_node_killed_before_the_answer_asks_the_same),
		TEST(test_node_without_identity),
		TEST(test_section_is_kept),
		TEST(test_waiting_part_is_not_run_without_a_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
