/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of a machine's life: it is right, and each of its rows does what it says when it is run. */
#include "rack_fixture.h"

static void the_table_is_right(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	if (fsm_check(&machine_fsm, &err) < 0)
		fail_msg("%s", err.text);
}

/* A machine in any step, as if it had come there. */
static char *machine_in(struct rack *rack, int step, unsigned retries, bool agent, bool inventoried)
{
	struct store *store = rack_store(rack);
	store_begin(store);
	struct machine *machine = store_create(store, &kind_machine);
	char *id = xstrdup(machine->id);
	machine->name = machine_free_name(rack->controller->machines);
	str_set(&machine->step, machine_fsm.states[step].name);
	str_set(&machine->boot_mac, MAC(1));
	if (step == STEP_FAILED) {
		const struct err why = { .code = ERR_INTERNAL, .text = (char *)"an earlier reason" };
		str_set(&machine->failed_step, "DEPLOY_RESTART");
		machine->error = problem_new(&why);
	}
	machine->state = machine_fsm.states[step].public_state;
	machine->attempt = 7;
	machine->retries = retries;
	machine->inventory = inventoried ? new0(struct inventory, 1) : NULL;
	if (!machine_fsm.states[step].restful)
		str_set(&machine->task, task_create(store, "machine.test", "machine", id, machine->name, 3600000));
	assert_int_equal(store_commit(store, NULL), 0);
	machine_runtime(rack->controller->machines, id)->seen_ms = agent ? loop_monotonic_ms(rack->loop) : 0;
	return id;
}

/* Feeds it, and stops the world before an effect can run: what was committed is looked at, no more. */
static unsigned effects_seen;
static char *effect_seen;

static void on_effect(const struct effect *effect, void *data)
{
	effects_seen++;
	str_set(&effect_seen, effect->name);
}

static void replace_effects(struct rack *rack)
{
	struct store *store = rack_store(rack);
	for (size_t i = 0; i < store->handler_count; i++)
		store->handlers[i].fn = on_effect;
}

static void assert_entered(struct rack *rack, const struct machine *machine, int from, int to, bool retried)
{
	const struct fsm_state *wanted = &machine_fsm.states[to];
	int64_t now = loop_now_ms(rack->loop);
	assert_string_equal(machine->step, wanted->name);
	assert_int_equal(machine->state, wanted->public_state);
	assert_true(machine->attempt == 8);
	assert_true(machine->retries == (retried ? 1 : 0));
	assert_true(machine->step_deadline == (wanted->deadline_ms ? now + wanted->deadline_ms : 0));
	assert_int_equal(effects_seen, wanted->effects[0] ? 1 : 0);
	if (wanted->effects[0])
		assert_string_equal(effect_seen, wanted->effects[0]);
	if (!retried)
		assert_string_equal(machine->previous_step, machine_fsm.states[from].name);
	if (wanted->restful)
		assert_null(machine->task); /* nobody waits for ever */
	if (to == STEP_FAILED) {
		assert_string_equal(machine->failed_step, machine_fsm.states[from].name);
		assert_string_equal(machine->error->text, "a reason");
	} else { /* a failure is told of a machine that has failed, and of no other */
		assert_null(machine->failed_step);
		assert_null(machine->error);
	}
}

static void run_row(struct rack *rack, size_t index)
{
	const struct fsm_row *row = &machine_fsm.rows[index];
	bool agent = str_equal(row->guard_name, "agent_live");
	bool inventoried = !str_equal(row->guard_name, "never_inventoried");
	assert_true(!row->guard || agent || !inventoried); /* there are no other guards */
	_cleanup_err_ struct err why = ERR_INIT;
	_cleanup_free_ char *id =
		machine_in(rack, row->state, machine_fsm.states[row->state].retries, agent, inventoried);
	_cleanup_free_ char *task = xstrdup(rack_machine(rack, id)->task);
	effects_seen = 0;
	err_set(&why, row->event == EVENT_CANCEL ? ERR_CANCELLED : ERR_INTERNAL, "a reason");
	assert_true(
		machine_would_take(rack->controller->machines, rack_machine(rack, id), (enum machine_event)row->event));
	bool bad = row->event == EVENT_FAILURE || row->event == EVENT_TIMEOUT || row->event == EVENT_CANCEL;
	assert_true(machine_feed(rack->controller->machines, id, (enum machine_event)row->event, bad ? &why : NULL));
	const struct machine *machine = rack_machine(rack, id);
	if (row->next == FSM_SAME) {
		assert_string_equal(machine->step, machine_fsm.states[row->state].name);
		assert_true(machine->attempt == 7);
		assert_int_equal(effects_seen, 0);
		return;
	}
	assert_entered(rack, machine, row->state, row->next, false);
	if (!task || !machine_fsm.states[row->next].restful)
		return;
	int ended = rack_task(rack, task)->state;
	assert_int_equal(ended, !bad ? TASK_SUCCEEDED : row->event == EVENT_CANCEL ? TASK_CANCELLED : TASK_FAILED);
}

static void every_row_does_what_it_says(void **state)
{
	struct rack *rack = *state;
	replace_effects(rack);
	for (size_t i = 0; i < machine_fsm.row_count; i++)
		run_row(rack, i);
	str_set(&effect_seen, NULL);
}

static void every_retry_enters_the_state_again(void **state)
{
	struct rack *rack = *state;
	replace_effects(rack);
	for (int step = 0; step < STEP_COUNT; step++) {
		_cleanup_err_ struct err why = ERR_INIT;
		if (machine_fsm.states[step].retries == 0)
			continue;
		_cleanup_free_ char *id = machine_in(rack, step, 0, false, true);
		effects_seen = 0;
		err_set(&why, ERR_TIMEOUT, "a reason");
		assert_true(machine_feed(rack->controller->machines, id, EVENT_TIMEOUT, &why));
		assert_entered(rack, rack_machine(rack, id), step, step, true);
	}
	str_set(&effect_seen, NULL);
}

static void what_has_no_row_changes_nothing(void **state)
{
	struct rack *rack = *state;
	unsigned tried = 0;
	for (int step = 0; step < STEP_COUNT; step++) {
		_cleanup_free_ char *id = machine_in(rack, step, UINT8_MAX, true, true);
		int64_t revision = store_revision(rack_store(rack), &kind_machine, id);
		for (int event = 0; event < EVENT_COUNT; event++) {
			bool row = false;
			for (size_t i = 0; i < machine_fsm.row_count; i++)
				row = row || (machine_fsm.rows[i].state == step && machine_fsm.rows[i].event == event);
			if (row)
				continue;
			tried++;
			assert_false(machine_would_take(rack->controller->machines, rack_machine(rack, id),
							(enum machine_event)event));
			assert_false(machine_feed(rack->controller->machines, id, (enum machine_event)event, NULL));
			assert_true(store_revision(rack_store(rack), &kind_machine, id) == revision);
		}
	}
	assert_int_not_equal(tried, 0);
	assert_false(machine_feed(rack->controller->machines, "none", EVENT_HELLO, NULL));
}

/* From the moment the image is written: no machine installs itself twice. */
static void the_boot_intent_is_disk_once_it_is_written(void **state)
{
	static const int on_disk[] = { STEP_DEPLOY_SWITCH, STEP_DEPLOY_START, STEP_DEPLOY_RESTART, STEP_DEPLOYED };
	for (int step = 0; step < STEP_COUNT; step++) {
		bool disk = false;
		for (size_t i = 0; i < ARRAY_SIZE(on_disk); i++)
			disk = disk || on_disk[i] == step;
		struct machine machine = { .step = (char *)machine_fsm.states[step].name };
		assert_int_equal(machine_boot_intent(&machine), disk ? BOOT_INTENT_DISK : BOOT_INTENT_LIVE);
		/* One that failed is told what it was told when it failed. */
		struct machine failed = { .step = (char *)"FAILED",
					  .failed_step = (char *)machine_fsm.states[step].name };
		assert_int_equal(machine_boot_intent(&failed), disk ? BOOT_INTENT_DISK : BOOT_INTENT_LIVE);
	}
	struct machine odd = { .step = (char *)"NO_SUCH_STEP" };
	assert_int_equal(machine_boot_intent(&odd), BOOT_INTENT_LIVE);
	assert_int_equal(machine_step_of(&odd), STEP_SILENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_right),
		TEST(every_row_does_what_it_says),
		TEST(every_retry_enters_the_state_again),
		TEST(what_has_no_row_changes_nothing),
		cmocka_unit_test(the_boot_intent_is_disk_once_it_is_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
