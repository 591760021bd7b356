/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines that nobody knows: how many may appear, what people are told of the rest, and that those that are known are served. */
#include "rack_fixture.h"

static enum err_code hello(struct rack *rack, unsigned n)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *mac = xasprintf("52:54:00:00:00:%02x", n);
	json_t *reply = NULL;
	json_t *request = json_pack("{s:[s], s:s}", "macs", mac, "boot_id", "first-boot");
	machine_agent_hello(rack->controller->machines, request, &reply, &err);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_so_many_wait_to_be_accepted),
		TEST(they_come_no_faster_than_is_allowed),
		TEST(people_are_told_once_a_minute),
		TEST(names_are_not_given_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
