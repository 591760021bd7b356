/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines that nobody knows: how many may appear, what people are told of the rest, and that those that are known are served. */
#include "rack_fixture.h"

static enum err_code hello(struct rack *rack, unsigned n)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *mac = xasprintf("52:54:00:00:00:%02x", n);
	json_t *reply = NULL;
	json_t *request = json_pack("{s:[s], s:s}", "macs", mac, "boot_id", "first-boot");
	machine_agent_hello(rack->controller->machines, request, "10.77.0.90", &reply, &err);
	assert_true((err.code == ERR_NONE) == (reply != NULL));
	json_decref(request);
	json_decref(reply);
	return err.code;
}

static size_t count(struct rack *rack)
{
	return store_count(rack_store(rack), &kind_machine);
}

/* The texts of the events about it, one after another; the caller frees. */
static char *refusals(struct rack *rack)
{
	struct strbuf texts = { 0 };
	bool more;
	const struct event_query query = { .after = 0, .count = 1000, .kind = "machine.refused" };
	json_t *events = store_events_find(rack_store(rack), &query, &more), *event;
	size_t i;
	json_array_foreach(events, i, event)
		strbuf_addf(&texts, "%.9s|", json_string_value(json_object_get(event, "text")));
	json_decref(events);
	return strbuf_take(&texts);
}

static void restart_with(struct rack *rack, int64_t new_max, int64_t new_per_minute)
{
	rack->new_max = new_max;
	rack->new_per_minute = new_per_minute;
	rack_restart(rack);
}

static void only_so_many_wait_to_be_accepted(void **state)
{
	struct rack *rack = *state;
	restart_with(rack, 3, 0);
	for (unsigned n = 1; n <= 3; n++)
		assert_int_equal(hello(rack, n), ERR_NONE);
	assert_int_equal(hello(rack, 4), ERR_CAPACITY);
	assert_int_equal(count(rack), 3);
	/* Those that are known say hello as ever. */
	for (unsigned n = 1; n <= 3; n++)
		assert_int_equal(hello(rack, n), ERR_NONE);
	/* What was counted is so after a restart, too. */
	restart_with(rack, 3, 0);
	assert_int_equal(hello(rack, 4), ERR_CAPACITY);
	/* One that is accepted makes room. */
	_cleanup_free_ char *id = xstrdup(rack_machine(rack, "machine-1")->id);
	rack_accept(rack, id);
	assert_int_equal(hello(rack, 4), ERR_NONE);
	assert_int_equal(hello(rack, 5), ERR_CAPACITY);
}

static void they_come_no_faster_than_is_allowed(void **state)
{
	struct rack *rack = *state;
	restart_with(rack, 0, 6);
	for (unsigned n = 1; n <= 6; n++)
		assert_int_equal(hello(rack, n), ERR_NONE);
	assert_int_equal(hello(rack, 7), ERR_RATE_LIMIT);
	assert_int_equal(hello(rack, 6), ERR_NONE);
	rack_pass(rack, 10000);
	assert_int_equal(hello(rack, 7), ERR_NONE);
	assert_int_equal(hello(rack, 8), ERR_RATE_LIMIT);
	assert_int_equal(count(rack), 7);
}

static void people_are_told_once_a_minute(void **state)
{
	struct rack *rack = *state;
	restart_with(rack, 1, 0);
	assert_int_equal(hello(rack, 1), ERR_NONE);
	int64_t before = store_event_last(rack_store(rack));
	for (unsigned n = 2; n <= 101; n++)
		assert_int_equal(hello(rack, n), ERR_CAPACITY);
	assert_true(store_event_last(rack_store(rack)) == before + 1);
	_cleanup_free_ char *first = refusals(rack);
	assert_string_equal(first, "1 machine|");
	rack_pass(rack, 61000);
	_cleanup_free_ char *both = refusals(rack);
	assert_string_equal(both, "1 machine|99 machin|");
	rack_pass(rack, 600000);
	_cleanup_free_ char *still = refusals(rack);
	assert_string_equal(still, both);
	assert_int_equal(hello(rack, 2), ERR_CAPACITY);
	_cleanup_free_ char *again = refusals(rack);
	assert_string_equal(again, "1 machine|99 machin|1 machine|");
}

static void names_are_not_given_twice(void **state)
{
	struct rack *rack = *state;
	assert_int_equal(hello(rack, 1), ERR_NONE);
	_cleanup_free_ char *id = xstrdup(rack_machine(rack, "machine-1")->id);
	store_begin(rack_store(rack));
	str_set(&((struct machine *)store_edit(rack_store(rack), &kind_machine, id))->name, "alpha");
	assert_int_equal(store_commit(rack_store(rack), NULL), 0);
	assert_int_equal(hello(rack, 2), ERR_NONE);
	assert_non_null(rack_machine(rack, "machine-2"));
	restart_with(rack, 0, 0);
	assert_int_equal(hello(rack, 3), ERR_NONE);
	assert_int_equal(hello(rack, 4), ERR_NONE);
	/* Another life knows of those that are there, and of no others. */
	assert_non_null(rack_machine(rack, "machine-1"));
	assert_non_null(rack_machine(rack, "machine-3"));
}

/* ---- those that are not there ---- */

static void assert_not_deleted(struct rack *rack, const char *id, const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	assert_true(machine_delete(rack->controller->machines, id, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_string_equal(err.text, text);
	assert_non_null(store_get(rack_store(rack), &kind_machine, id));
}

static void forget(struct rack *rack, const char *id)
{
	_cleanup_err_ struct err err = ERR_INIT;
	if (machine_delete(rack->controller->machines, id, &err) < 0)
		fail_msg("%s", err.text);
	assert_null(store_get(rack_store(rack), &kind_machine, id));
	rack_settle(rack);
}

static void those_that_are_deleted_make_room(void **state)
{
	struct rack *rack = *state;
	restart_with(rack, 3, 0);
	for (unsigned n = 1; n <= 3; n++)
		assert_int_equal(hello(rack, n), ERR_NONE);
	assert_int_equal(hello(rack, 4), ERR_CAPACITY);
	_cleanup_free_ char *id = xstrdup(rack_machine(rack, "machine-2")->id);
	forget(rack, id);
	assert_int_equal(hello(rack, 4), ERR_NONE);
	assert_int_equal(hello(rack, 5), ERR_CAPACITY);
	/* All of them, as after a flood. */
	const struct machine *machine;
	while ((machine = store_next(rack_store(rack), &kind_machine, NULL))) {
		_cleanup_free_ char *each = xstrdup(machine->id);
		forget(rack, each);
	}
	for (unsigned n = 5; n <= 7; n++)
		assert_int_equal(hello(rack, n), ERR_NONE);
	assert_int_equal(hello(rack, 8), ERR_CAPACITY);
	restart_with(rack, 3, 0);
	assert_int_equal(hello(rack, 8), ERR_CAPACITY);
}

static void one_that_is_there_after_all_is_found_again(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = NULL, *token = rack_found(rack, 1, &id), *again = NULL;
	const struct machine *machine;
	forget(rack, id);
	assert_true(machine_agent_find(rack->controller->machines, token, &machine, &err) < 0);
	assert_int_equal(err.code, ERR_UNAUTHENTICATED);
	const struct peer peer = { .machine = id };
	json_t *document = cluster_agent_desired(rack->controller->cluster, &peer, -1); /* it may be waiting for one */
	assert_null(json_object_get(document, "install"));
	json_decref(document);
	free(rack_found(rack, 1, &again));
	assert_string_not_equal(again, id);
	assert_int_equal(rack_machine(rack, again)->state, MACHINE_NEW);
}

static void one_that_is_in_use_is_not_deleted(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL;
	free(rack_node(rack, 2));
	free(rack_ready(rack, 1, &id));
	assert_not_deleted(rack, id, "machine-2 is ready; only a machine that is new or has failed is deleted");
	free(rack_deploy(rack, id));
	assert_not_deleted(rack, id, "machine-2 is deploying; only a machine that is new or has failed is deleted");
	_cleanup_free_ char *host = xstrdup(rack_machine(rack, "machine-1")->id);
	assert_not_deleted(rack, host, "machine-1 is deployed; only a machine that is new or has failed is deleted");
	/* It failed when it had been written: what boots there later is not to start that host. */
	rack_install_report(rack, id, "written", "identity", 100);
	_cleanup_free_ char *task = xstrdup(rack_machine(rack, id)->task);
	task_cancel(rack->controller->tasks, task, NULL);
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_FAILED);
	assert_string_equal(rack_intent(rack, MAC(1)), "disk");
	forget(rack, id);
	assert_string_equal(rack_intent(rack, MAC(1)), "live");
}

/* Its BMC is asked for something just now. */
static void one_that_is_looked_into_may_go(void **state)
{
	struct rack *rack = *state;
	const char *task = NULL;
	rack->bmcs[1] = (struct rack_bmc){ .there = true, .uuid = UUID(1) };
	loop_fake_set_ms(rack->loop, loop_now_ms(rack->loop) + 31000);
	const struct machine *machine = NULL;
	while (!machine || !str_equal(machine->step, "FOUND")) {
		assert_true(loop_fake_run_due(rack->loop) || loop_fake_work_run(rack->loop, 0));
		machine = store_next(rack_store(rack), &kind_machine, NULL);
	}
	while (loop_fake_run_due(rack->loop))
		;
	assert_true(loop_fake_work_count(rack->loop) > 0); /* the look has begun */
	_cleanup_free_ char *id = xstrdup(machine->id);
	rack->bmcs[1].there = false;
	forget(rack, id);
	rack_pass(rack, 120000);
	assert_int_equal(count(rack), 0);
	/* What a person has asked for is let come to its end. */
	rack->bmcs[1].there = true;
	rack_pass(rack, 31000);
	machine = store_next(rack_store(rack), &kind_machine, NULL);
	_cleanup_free_ char *second = xstrdup(machine->id);
	assert_int_equal(machine_power(rack->controller->machines, second, POWER_ACTION_CYCLE, &task, NULL), 0);
	assert_not_deleted(rack, second,
			   "machine.power of machine-2 is under way; cancel that first, or wait for its end");
	rack_pass(rack, 60000);
	forget(rack, second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_so_many_wait_to_be_accepted),	 TEST(they_come_no_faster_than_is_allowed),
		TEST(people_are_told_once_a_minute),	 TEST(names_are_not_given_twice),
		TEST(those_that_are_deleted_make_room),	 TEST(one_that_is_there_after_all_is_found_again),
		TEST(one_that_is_in_use_is_not_deleted), TEST(one_that_is_looked_into_may_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
