/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent in the live image, and how parts are run. */
#include "agent_world.h"

/* Of the document that the section seen last was carried out with. */
static int64_t generation_of(const char *section)
{
	return json_integer_value(json_object_get(json_object_get(world.seen, "generations"), section));
}

/* ---- live ---- */

static void test_live_from_hello_to_report(void **state)
{
	json_t *introduction;

	start_agent(PART_LIVE);
	RUN_UNTIL(echo_says_nothing);
	assert_int_equal(world.hellos, 1);
	assert_int_equal(world.ca_fetches, 1);
	introduction = json_loads(world.last_introduction, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(introduction, "boot_mac")), "52:54:00:aa:00:01");
	assert_string_equal(json_string_value(json_object_get(introduction, "uuid")),
			    "4c4c4544-0042-3510-8054-b7c04f4d3732");
	json_decref(introduction);
	assert_null(json_object_get(world.seen, "node_only"));

	desire(json_pack("{s:s}", "echo", "one"));
	RUN_UNTIL(echo_says_one);
	desire(json_pack("{s:s}", "echo", "two"));
	RUN_UNTIL(echo_says_two);
	assert_int_equal(generation_of("echo"), world.generation);
	/* The section goes: the part is told that nothing is desired. */
	desire(json_object());
	RUN_UNTIL(echo_says_nothing);
	assert_int_equal(world.hellos, 1);
}

/* A full node's virtual machines, each with what cloud-init is given. */
static void test_a_large_document_is_taken(void **state)
{
	const size_t size = 20 * MIB;
	char *much = new0(char, size + 1);

	memset(much, 'x', size);
	start_agent(PART_LIVE);
	RUN_UNTIL(echo_says_nothing);
	desire(json_pack("{s:s, s:s}", "echo", "one", "beside", much));
	free(much);
	RUN_UNTIL(echo_says_one);
	assert_int_equal(generation_of("echo"), world.generation);
}

static bool ca_fetched_thrice(void)
{
	return world.ca_fetches >= 3;
}

static void test_live_tells_nothing_to_a_stranger(void **state)
{
	write_cmdline("00000000000000000000000000000000000000000000000000000000000000ff");
	start_agent(PART_LIVE);
	RUN_UNTIL(ca_fetched_thrice);
	assert_int_equal(world.hellos, 0);
	assert_int_equal(world.reports, 0);
}

static bool said_hello_twice_and_reported(void)
{
	return world.hellos == 2 && echo_says_two();
}

static void test_live_says_hello_again_when_refused(void **state)
{
	start_agent(PART_LIVE);
	RUN_UNTIL(echo_says_nothing);
	/* The provisioner has forgotten the token. */
	str_set(&world.token, "test_forgotten");
	json_object_clear(world.seen);
	desire(json_pack("{s:s}", "echo", "two"));
	RUN_UNTIL(said_hello_twice_and_reported);
}

static void reopen_agents(void *data)
{
	open_agents();
}

static void test_live_survives_a_restart(void **state)
{
	struct loop_timer *reopen;

	start_agent(PART_LIVE);
	RUN_UNTIL(echo_says_nothing);
	json_object_clear(world.seen);
	loop_timer_free(TAKE_PTR(world.waiting_timer));
	world.waiting = NULL;
	world.agents = http_server_free(world.agents);
	/* It is away for longer than a first retry. What it knew of reports is gone. */
	reopen = loop_timer_new(world.loop, 1500, reopen_agents, NULL);
	desire(json_pack("{s:s}", "echo", "one"));
	RUN_UNTIL(echo_says_one);
	(void)reopen; /* it has fired */
	assert_non_null(json_object_get(world.seen, "waits"));
	assert_int_equal(world.hellos, 1);
}

static void test_report_is_sent_until_acknowledged(void **state)
{
	world.refuse_reports = 2;
	start_agent(PART_LIVE);
	RUN_UNTIL(echo_says_nothing);
	assert_int_equal(world.refuse_reports, 0);
	assert_true(world.reports >= 3);
}

static void test_boot_words(void **state)
{
	static const struct {
		const char *line, *missing;
	} bad[] = {
		{ "", "ingot.server" },
		{ "ingot.server=10.0.0.1:8444", "ingot.boot" },
		{ "ingot.server=10.0.0.1:8444 ingot.boot=https://10.0.0.1", "ingot.boot" },
		{ "ingot.server=10.0.0.1:8444 ingot.boot=http://10.0.0.1 ingot.ca=12", "ingot.ca" },
		{ "ingot.server=10.0.0.1 ingot.boot=http://10.0.0.1", "ingot.server" },
	};
	struct agent_boot boot;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_err_ struct err err = ERR_INIT;

		assert_true(agent_boot_parse(bad[i].line, &boot, &err) < 0);
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.text, bad[i].missing));
	}
	assert_int_equal(
		agent_boot_parse("ingot.server=10.0.0.1:8444 ingot.boot=http://10.0.0.1:80/ BOOTIF=01-xx ingot.ca="
				 "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff",
				 &boot, NULL),
		0);
	assert_string_equal(boot.boot_url, "http://10.0.0.1:80");
	assert_string_equal(boot.ca, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
	assert_null(boot.boot_mac);
	agent_boot_done(&boot);
}

/* ---- parts ---- */

static bool echo_ran_thrice(void)
{
	return echo_says_nothing() && runs_of(&parts_memory.echo_runs) >= 3;
}

static void test_failed_part_is_run_again(void **state)
{
	parts_memory.fails_left = 2;
	start_agent(PART_LIVE);
	RUN_UNTIL(echo_ran_thrice);
	assert_int_equal(runs_of(&parts_memory.echo_runs), 3);
}

static bool long_is_running(void)
{
	return str_equal(json_string_value(json_object_get(json_object_get(world.seen, "long"), "state")), "running");
}

static bool long_is_done(void)
{
	return str_equal(json_string_value(json_object_get(json_object_get(world.seen, "long"), "state")), "done");
}

static void test_long_run_is_cancelled_by_a_new_order(void **state)
{
	desire(json_pack("{s:s}", "long", "endless"));
	start_agent(PART_LIVE);
	RUN_UNTIL(long_is_running);
	assert_false(atomic_load(&parts_memory.long_cancelled));
	desire(json_pack("{s:s}", "long", "short"));
	RUN_UNTIL(long_is_done);
	assert_true(atomic_load(&parts_memory.long_cancelled));
	assert_true(atomic_load(&parts_memory.long_changed_seen));
	assert_int_equal(parts_memory.flush_result, 0);
}

static void test_long_run_ends_with_the_agent(void **state)
{
	desire(json_pack("{s:s}", "long", "endless"));
	start_agent(PART_LIVE);
	RUN_UNTIL(long_is_running);
	stop_agent();
	assert_true(atomic_load(&parts_memory.long_cancelled));
}

static const char *slow_says(void)
{
	return json_string_value(json_object_get(world.seen, "slow"));
}

static bool slow_has_reported_the_newest(void)
{
	return slow_says() && generation_of("slow") == world.generation;
}

static bool slow_is_held_and_echo_says_one(void)
{
	bool held;

	pthread_mutex_lock(&parts_memory.lock);
	held = parts_memory.held;
	pthread_mutex_unlock(&parts_memory.lock);
	return held && echo_says_one();
}

static bool whole_report_with_two(void)
{
	return slow_says() && echo_says_two();
}

/* While it is busy with one order the agent reads the next: what it said before that is of neither. */
static void test_an_older_section_keeps_its_generation(void **state)
{
	int64_t first;

	desire(json_pack("{s:s}", "slow", "first"));
	start_agent(PART_LIVE);
	RUN_UNTIL(slow_has_reported_the_newest);
	first = world.generation;
	desire(json_pack("{s:s, s:s}", "slow", "hold", "echo", "one"));
	RUN_UNTIL(slow_is_held_and_echo_says_one);
	json_object_clear(world.seen);
	world.refuse_reports = 1; /* so that the next is whole */
	desire(json_pack("{s:s, s:s}", "slow", "after", "echo", "two"));
	RUN_UNTIL(whole_report_with_two);
	assert_string_equal(slow_says(), "first");
	assert_int_equal(generation_of("slow"), first);
	assert_int_equal(generation_of("echo"), world.generation);

	pthread_mutex_lock(&parts_memory.lock);
	parts_memory.release = true;
	pthread_cond_broadcast(&parts_memory.released);
	pthread_mutex_unlock(&parts_memory.lock);
	RUN_UNTIL(slow_has_reported_the_newest);
	assert_string_equal(slow_says(), "after");
	/* A document with another order for another part: nothing is to be done, and it is said that it is done. */
	desire(json_pack("{s:s, s:s}", "slow", "after", "echo", "one"));
	RUN_UNTIL(slow_has_reported_the_newest);
	/* Another order, the same words. */
	desire(json_pack("{s:s, s:s}", "slow", "hold", "echo", "one"));
	desire(json_pack("{s:s, s:s}", "slow", "after", "echo", "one"));
	RUN_UNTIL(slow_has_reported_the_newest);
}

static bool applied_twice(void)
{
	return parts_memory.applied >= 2 && json_is_string(parts_memory.applied_last);
}

static void test_apply(void **state)
{
	desire(json_pack("{s:s}", "applied", "x"));
	start_agent(PART_LIVE);
	/* Once for the connection, once for the section. */
	RUN_UNTIL(applied_twice);
	assert_string_equal(json_string_value(parts_memory.applied_last), "x");
}

static bool beside_saw_first(void)
{
	return str_equal(seen_text("beside"), "first");
}

static bool beside_saw_second(void)
{
	return str_equal(seen_text("beside"), "second");
}

static bool beside_saw_nothing(void)
{
	return str_equal(seen_text("beside"), "nothing");
}

/* A part that reads another section beside its own is run when that changes, and its report counts for the document. */
static void test_a_section_beside(void **state)
{
	desire(json_pack("{s:s, s:s}", "beside", "mine", "other", "first"));
	start_agent(PART_LIVE);
	RUN_UNTIL(beside_saw_first);
	desire(json_pack("{s:s, s:s}", "beside", "mine", "other", "second"));
	RUN_UNTIL(beside_saw_second);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(world.seen, "generations"), "beside")),
			 world.generation);
	desire(json_pack("{s:s, s:n}", "beside", "mine", "other"));
	RUN_UNTIL(beside_saw_nothing);
}

static void test_parts_that_do_not_fit(void **state)
{
	static const struct part old = {
		.abi = PART_ABI + 1, .name = "old", .modes = PART_LIVE, .converge = echo_converge
	};
	static const struct part twin = {
		.abi = PART_ABI, .name = "echo", .modes = PART_LIVE, .converge = waits_converge
	};
	static const struct part empty = { .abi = PART_ABI, .name = "empty", .modes = PART_LIVE };
	const struct part *bad[] = { &old, &twin, &empty };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct part *const list[] = { &echo, bad[i], NULL };
		_cleanup_err_ struct err err = ERR_INIT;
		struct agent *agent = NULL;

		assert_true(agent_new(&(struct agent_spec){ .loop = world.loop,
							    .mode = PART_LIVE,
							    .parts = list,
							    .sysroot = world.dir,
							    .introduce = introduce },
				      &agent, &err) < 0);
		assert_int_equal(err.code, ERR_INVALID);
		assert_null(agent);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_live_from_hello_to_report),
		TEST(test_a_large_document_is_taken),
		TEST(test_live_tells_nothing_to_a_stranger),
		TEST(test_live_says_hello_again_when_refused),
		TEST(test_live_survives_a_restart),
		TEST(test_report_is_sent_until_acknowledged),
		TEST(test_boot_words),
		TEST(test_failed_part_is_run_again),
		TEST(test_long_run_is_cancelled_by_a_new_order),
		TEST(test_long_run_ends_with_the_agent),
		TEST(test_an_older_section_keeps_its_generation),
		TEST(test_apply),
		TEST(test_a_section_beside),
		TEST(test_parts_that_do_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
