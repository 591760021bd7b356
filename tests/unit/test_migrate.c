/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Live migration as the two nodes tell it: in order, out of order, halfway, and not at all. A virtual machine is never wanted
 * running on two nodes. */
#include "vm_fixture.h"

struct move {
	struct rack *rack;
	char *source, *target, *id, *task;
};

static char *migrate(struct rack *rack, const char *id, const char *node)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const char *task = NULL;
	if (cluster_vm_migrate(rack->controller->cluster, id, node, &task, &err) < 0)
		fail_msg("%s", err.text);
	char *copy = xstrdup(task);
	rack_settle(rack);
	return copy;
}

/* One that runs on the first of two nodes and is to go to the other. */
static struct move move_begun(struct rack *rack)
{
	struct move m = { .rack = rack, .source = rack_node(rack, 1) };
	m.id = rack_running(rack, "web", m.source);
	m.target = rack_node(rack, 2);
	m.task = migrate(rack, m.id, NULL);
	return m;
}

static void move_done(struct move *m)
{
	free(m->source);
	free(m->target);
	free(m->id);
	free(m->task);
}
#define _cleanup_move_ _cleanup_(move_done)

static const struct vm *vm_of(const struct move *m)
{
	return rack_get_vm(m->rack, m->id);
}

static void say(const struct move *m, const char *node, const char *vm_state, bool settled)
{
	if (vm_state)
		rack_say_vm(m->rack, node, m->id, vm_of(m)->generation, vm_state, settled);
	else
		rack_say_nothing(m->rack, node, settled);
}

/* The source speaks of the migration itself. */
static void say_migration(const struct move *m, const char *migration_id, const char *migration_state, int progress)
{
	rack_say(m->rack, m->source,
		 json_pack("[{s:s, s:I, s:s, s:{s:s, s:s, s:i, s:{s:s, s:s}}}]", "id", m->id, "generation",
			   (json_int_t)vm_of(m)->generation, "state", "running", "migration", "id", migration_id,
			   "state", migration_state, "progress", progress, "error", "code", "unreachable", "text",
			   "no route to host"),
		 true);
}

static bool told_to_migrate(const struct move *m)
{
	json_t *vm = rack_desired_vm(m->rack, m->source, m->id);
	const json_t *how = json_object_get(vm, "migrate");
	bool told = json_is_object(how);
	if (told) {
		const struct node *target = store_get(rack_store(m->rack), &kind_node, m->target);
		assert_string_equal(json_string_value(json_object_get(how, "address")), target->address);
		assert_string_equal(json_string_value(json_object_get(how, "id")), vm_of(m)->migration_id);
	}
	json_decref(vm);
	return told;
}

static bool told_to_confirm(const struct move *m)
{
	json_t *vm = rack_desired_vm(m->rack, m->target, m->id);
	assert_string_equal(json_string_value(json_object_get(vm, "state")), "incoming");
	bool told = json_is_true(json_object_get(vm, "confirm"));
	json_decref(vm);
	return told;
}

/* ---- the way it should go ---- */

static void it_goes_when_the_target_is_ready_and_arrives_when_it_runs_there(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	assert_int_equal(vm_of(&m)->state, VM_MIGRATING);
	assert_told(m.rack, m.target, m.id, "incoming");
	assert_told(m.rack, m.source, m.id, "running");
	assert_false(told_to_migrate(&m));
	say(&m, m.target, "starting", true);
	assert_false(told_to_migrate(&m));
	say(&m, m.target, "incoming", true);
	assert_true(told_to_migrate(&m));
	say_migration(&m, vm_of(&m)->migration_id, "running", 40);
	assert_true(rack_task(m.rack, m.task)->progress == 40);
	assert_true(vm_of(&m)->migration_progress == 40);
	say(&m, m.target, "running", false);
	assert_int_equal(vm_of(&m)->state, VM_RUNNING);
	assert_string_equal(vm_of(&m)->node, m.target);
	assert_null(vm_of(&m)->target);
	assert_int_equal(rack_task(m.rack, m.task)->state, TASK_SUCCEEDED);
	assert_told(m.rack, m.target, m.id, "running");
	assert_told(m.rack, m.source, m.id, NULL);
	say(&m, m.source, "running", false); /* late */
	assert_string_equal(vm_of(&m)->node, m.target);
}

static void the_source_may_be_the_first_to_say_that_it_is_gone(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	say(&m, m.target, "incoming", true);
	say(&m, m.source, NULL, true);
	assert_int_equal(vm_of(&m)->state, VM_MIGRATING);
	assert_true(told_to_confirm(&m));
	say(&m, m.target, "running", true);
	assert_int_equal(vm_of(&m)->state, VM_RUNNING);
	assert_string_equal(vm_of(&m)->node, m.target);
}

static void it_can_go_back(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	say(&m, m.target, "incoming", true);
	say(&m, m.target, "running", true);
	_cleanup_free_ char *first = xstrdup(vm_of(&m)->migration_id);
	_cleanup_free_ char *back = migrate(m.rack, m.id, "machine-1");
	assert_string_not_equal(vm_of(&m)->migration_id, first);
	say(&m, m.source, "incoming", true);
	say(&m, m.source, "running", true);
	assert_string_equal(vm_of(&m)->node, m.source);
	assert_int_equal(rack_task(m.rack, back)->state, TASK_SUCCEEDED);
}

/* ---- what is refused ---- */

static void assert_refused(struct rack *rack, const char *id, const char *node, enum err_code code, const char *field,
			   const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const char *task = NULL;
	int64_t revision = store_revision(rack_store(rack), &kind_vm, id);
	assert_true(cluster_vm_migrate(rack->controller->cluster, id, node, &task, &err) < 0);
	assert_null(task);
	assert_string_equal(err.text, text);
	assert_int_equal(err.code, code);
	assert_true(str_equal(err.field, field));
	assert_true(store_revision(rack_store(rack), &kind_vm, id) == revision);
}

static void a_wrong_target_is_refused(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = rack_node(rack, 1), *id = rack_running(rack, "web", one);
	assert_refused(rack, id, NULL, ERR_CAPACITY, NULL, "no node can take it (machine-1: it is there already)");
	assert_refused(rack, id, "machine-1", ERR_INVALID, "node", "node: web is on machine-1 already; choose another");
	assert_refused(rack, id, one, ERR_INVALID, "node", "node: web is on machine-1 already; choose another");
	assert_refused(rack, id, "nowhere", ERR_INVALID, "node", "node: there is no node 'nowhere'");
	_cleanup_free_ char *two = rack_node(rack, 2);
	rack_pass(rack, 20000);
	rack_node_report(rack, one, json_object());
	rack_pass(rack, 15000);
	assert_refused(rack, id, "machine-2", ERR_CAPACITY, "node", "node: machine-2 cannot take it: does not report");
	store_begin(rack_store(rack));
	struct node *node = store_edit(rack_store(rack), &kind_node, two);
	node->memory_bytes = GIB;
	assert_int_equal(store_commit(rack_store(rack), NULL), 0);
	rack_node_report(rack, two, json_object());
	assert_refused(rack, id, two, ERR_CAPACITY, "node",
		       "node: machine-2 cannot take it: not enough free memory: 0 B of 1 GiB");
}

static void one_that_does_not_run_is_refused(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	assert_refused(m.rack, m.id, NULL, ERR_STATE, NULL, "web is migrating; only one that runs can be migrated");
	_cleanup_free_ char *idle = rack_started(m.rack, "idle");
	assert_refused(m.rack, idle, "machine-2", ERR_STATE, NULL,
		       "idle is starting; only one that runs can be migrated");
	_cleanup_err_ struct err err = ERR_INIT;
	const char *task;
	assert_true(vm_stop(m.rack->controller->compute, m.id, &task, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_true(vm_delete(m.rack->controller->compute, m.id, &task, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
}

/* ---- where it may go wrong ---- */

static void a_failed_migration_leaves_it_where_it_is(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	say(&m, m.target, "incoming", true);
	say_migration(&m, "an earlier one", "failed", 0);
	assert_int_equal(vm_of(&m)->state, VM_MIGRATING);
	say_migration(&m, vm_of(&m)->migration_id, "failed", 70);
	assert_int_equal(vm_of(&m)->state, VM_RUNNING);
	assert_string_equal(vm_of(&m)->node, m.source);
	assert_null(vm_of(&m)->target);
	assert_string_equal(vm_of(&m)->error->text, "migration failed; it still runs where it was: no route to host");
	assert_int_equal(rack_task(m.rack, m.task)->state, TASK_FAILED);
	assert_string_equal(rack_task(m.rack, m.task)->error->code, "unreachable");
	assert_told(m.rack, m.source, m.id, "running");
	assert_told(m.rack, m.target, m.id, NULL);
	say(&m, m.target, "incoming", false); /* late: nobody asks */
	assert_int_equal(vm_of(&m)->state, VM_RUNNING);
}

static void unsettled_silence_proves_nothing(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	say(&m, m.target, "incoming", true);
	say(&m, m.source, NULL, false); /* of a document that did not name it yet, after a restart of the agent */
	assert_false(told_to_confirm(&m));
	say(&m, m.target, NULL, false);
	say(&m, m.target, NULL, true); /* it says no, before the source has given it up: it may be on its way */
	assert_int_equal(vm_of(&m)->state, VM_MIGRATING);
	say(&m, m.source, "running", true);
	assert_int_equal(vm_of(&m)->state, VM_MIGRATING);
}

static void one_that_is_nowhere_is_started_again(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	int64_t generation = vm_of(&m)->generation;
	say(&m, m.target, "incoming", true);
	int64_t before = rack_generation(m.rack, m.target);
	say(&m, m.source, NULL, true);
	assert_true(told_to_confirm(&m));
	assert_true(rack_generation(m.rack, m.target) != before); /* so that an answer to the question can be told */
	rack_node_report(m.rack, m.target,
			 json_pack("{s:{s:I}, s:[]}", "generations", "vms", (json_int_t)before, "vms"));
	assert_int_equal(vm_of(&m)->state, VM_MIGRATING);
	say(&m, m.target, NULL, true);
	assert_int_equal(vm_of(&m)->state, VM_STARTING);
	assert_string_equal(vm_of(&m)->node, m.source);
	assert_true(vm_of(&m)->generation == generation + 1);
	assert_told(m.rack, m.target, m.id, NULL);
	assert_told(m.rack, m.source, m.id, "running");
	assert_int_equal(rack_task(m.rack, m.task)->state, TASK_FAILED);
	assert_string_equal(rack_task(m.rack, vm_of(&m)->task)->action, "vm.start"); /* which ends it if that hangs */
	/* An old word of the target does not make it run there. */
	rack_say_vm(m.rack, m.target, m.id, generation, "running", false);
	assert_string_equal(vm_of(&m)->node, m.source);
	say(&m, m.source, "running", true);
	assert_int_equal(vm_of(&m)->state, VM_RUNNING);
}

/* The source's QEMU died when all of the memory was over there, and libvirt has not yet let the target's run. */
static void one_that_is_still_arriving_is_not_started_again(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	int64_t generation = vm_of(&m)->generation;
	say(&m, m.target, "incoming", true);
	say(&m, m.source, "stopped", true);
	assert_true(told_to_confirm(&m));
	say(&m, m.target, "arriving", true);
	say(&m, m.target, "failed", true);     /* says nothing of what is there */
	say(&m, m.target, "a new word", true); /* neither */
	assert_int_equal(vm_of(&m)->state, VM_MIGRATING);
	assert_true(vm_of(&m)->generation == generation);
	say(&m, m.target, "running", true);
	assert_string_equal(vm_of(&m)->node, m.target);
	assert_true(vm_of(&m)->generation == generation);
}

static void one_that_did_not_arrive_is_started_again(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	int64_t generation = vm_of(&m)->generation;
	say(&m, m.target, "incoming", true);
	say(&m, m.source, "stopped", true);
	say(&m, m.target, "arriving", true);
	say(&m, m.target, "incoming", false); /* from before the question */
	assert_int_equal(vm_of(&m)->state, VM_MIGRATING);
	say(&m, m.target, "incoming", true);
	assert_int_equal(vm_of(&m)->state, VM_STARTING);
	assert_string_equal(vm_of(&m)->node, m.source);
	assert_true(vm_of(&m)->generation == generation + 1);
}

static void the_source_shut_off_counts_as_gone(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	say(&m, m.target, "incoming", true);
	say(&m, m.source, "stopped", false); /* said before it was to migrate: it may have been started since */
	assert_false(told_to_confirm(&m));
	say(&m, m.source, "stopped", true);
	assert_true(told_to_confirm(&m));
	say(&m, m.target, "running", true);
	assert_string_equal(vm_of(&m)->node, m.target);
}

/* ---- calling it off ---- */

static void before_the_target_is_ready_it_is_called_off_at_once(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	assert_int_equal(task_cancel(m.rack->controller->tasks, m.task, NULL), 0);
	assert_int_equal(vm_of(&m)->state, VM_RUNNING);
	assert_null(vm_of(&m)->target);
	assert_int_equal(rack_task(m.rack, m.task)->state, TASK_CANCELLED);
	assert_told(m.rack, m.target, m.id, NULL);
	say(&m, m.target, "incoming", false);
	assert_false(told_to_migrate(&m));
	assert_int_equal(vm_of(&m)->state, VM_RUNNING);
}

static bool told_to_abort(const struct move *m)
{
	json_t *vm = rack_desired_vm(m->rack, m->source, m->id);
	const json_t *how = json_object_get(vm, "migrate");
	assert_true(json_is_object(how)); /* without it the source might start what has left */
	bool told = json_is_true(json_object_get(how, "abort"));
	json_decref(vm);
	return told;
}

static void cancel(const struct move *m)
{
	assert_int_equal(task_cancel(m->rack->controller->tasks, m->task, NULL), 0);
	rack_settle(m->rack);
}

/* Both ends speak on, the source of a migration that goes on and on. */
static void pass_under_way(const struct move *m, int64_t ms)
{
	for (; ms > 0; ms -= 20000) {
		rack_pass(m->rack, MIN_OF(ms, 20000));
		say_migration(m, vm_of(m)->migration_id, "running", 50);
		say(m, m->target, "arriving", true);
	}
}

static void once_it_is_on_its_way_the_source_is_told_to_end_it(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	say(&m, m.target, "incoming", true);
	assert_true(told_to_migrate(&m));
	assert_false(told_to_abort(&m));
	cancel(&m);
	assert_true(told_to_abort(&m));
	assert_int_equal(rack_task(m.rack, m.task)->state, TASK_RUNNING);
	assert_string_equal(rack_task(m.rack, m.task)->message, "calling it off");
	pass_under_way(&m, 40000);
	assert_int_equal(rack_task(m.rack, m.task)->state, TASK_RUNNING);
	assert_int_equal(vm_of(&m)->state, VM_MIGRATING);
	rack_restart(m.rack);
	assert_true(told_to_abort(&m));
	say_migration(&m, vm_of(&m)->migration_id, "failed", 70);
	assert_int_equal(vm_of(&m)->state, VM_RUNNING);
	assert_string_equal(vm_of(&m)->node, m.source);
	assert_null(vm_of(&m)->target);
	assert_null(vm_of(&m)->error);
	assert_int_equal(rack_task(m.rack, m.task)->state, TASK_CANCELLED);
	assert_string_equal(rack_task(m.rack, m.task)->error->text, "it still runs where it was: cancelled on request");
}

static void what_had_moved_already_is_not_cancelled(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	say(&m, m.target, "incoming", true);
	cancel(&m);
	say(&m, m.source, NULL, true);
	assert_int_equal(rack_task(m.rack, m.task)->state, TASK_RUNNING);
	say(&m, m.target, "running", false);
	assert_int_equal(vm_of(&m)->state, VM_RUNNING);
	assert_string_equal(vm_of(&m)->node, m.target);
	assert_int_equal(rack_task(m.rack, m.task)->state, TASK_SUCCEEDED);
	/* The next one is not called off. */
	_cleanup_free_ char *back = migrate(m.rack, m.id, m.source);
	assert_false(vm_of(&m)->call_off);
}

static struct move move_past_its_deadline(struct rack *rack)
{
	struct move m = move_begun(rack);
	say(&m, m.target, "incoming", true);
	pass_under_way(&m, 29 * 60000);
	assert_false(told_to_abort(&m));
	pass_under_way(&m, 90000);
	assert_true(told_to_abort(&m));
	assert_int_equal(rack_task(m.rack, m.task)->state, TASK_RUNNING);
	return m;
}

static void past_its_deadline_it_is_called_off_as_well(void **state)
{
	_cleanup_move_ struct move m = move_past_its_deadline(*state);
	say_migration(&m, vm_of(&m)->migration_id, "failed", 70);
	assert_int_equal(vm_of(&m)->state, VM_RUNNING);
	assert_string_equal(vm_of(&m)->node, m.source);
	assert_string_equal(rack_task(m.rack, m.task)->error->code, "timeout");
	assert_string_equal(rack_task(m.rack, m.task)->error->text,
			    "it still runs where it was: vm.migrate was not done by its deadline");
	assert_string_equal(vm_of(&m)->error->code, "timeout");
}

static void past_its_deadline_it_may_have_moved(void **state)
{
	_cleanup_move_ struct move m = move_past_its_deadline(*state);
	say(&m, m.target, "running", false);
	assert_string_equal(vm_of(&m)->node, m.target);
	assert_int_equal(rack_task(m.rack, m.task)->state, TASK_SUCCEEDED);
}

/* ---- nodes that fall silent ---- */

static void assert_neither_stopped_nor_deleted(const struct move *m, const char *text)
{
	int (*const ask[])(struct compute *, const char *, const char **, struct err *) = { vm_stop, vm_delete,
											    vm_start };
	for (size_t i = 0; i < ARRAY_SIZE(ask); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		const char *task = NULL;
		assert_true(ask[i](m->rack->controller->compute, m->id, &task, &err) < 0);
		assert_int_equal(err.code, ERR_STATE);
		if (i < 2 && !strstr(err.text, text))
			fail_msg("%s", err.text);
	}
	const struct volume *volume = store_find(rack_store(m->rack), &kind_volume, "disk-of-web");
	assert_int_equal(volume->state, VOLUME_IN_USE);
}

static void keep_silent(const struct move *m, const char *speaks, int64_t ms)
{
	for (; ms > 0; ms -= 10000) {
		rack_pass(m->rack, 10000);
		if (speaks)
			rack_node_report(m->rack, speaks, json_object());
	}
}

static void one_whose_source_is_silent_is_unknown_until_it_speaks(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	say(&m, m.target, "incoming", true);
	assert_neither_stopped_nor_deleted(&m, "is migrating; cancel that first (task ");
	keep_silent(&m, m.target, 40000);
	assert_int_equal(vm_of(&m)->state, VM_UNKNOWN);
	assert_string_equal(vm_of(&m)->target, m.target);
	assert_neither_stopped_nor_deleted(&m, "was migrating from machine-1 to machine-2, which do not both answer");
	assert_true(told_to_migrate(&m));
	say_migration(&m, vm_of(&m)->migration_id, "running", 50);
	assert_int_equal(vm_of(&m)->state, VM_MIGRATING);
	say(&m, m.target, "running", true);
	assert_int_equal(vm_of(&m)->state, VM_RUNNING);
	assert_int_equal(rack_task(m.rack, m.task)->state, TASK_SUCCEEDED);
}

static void it_arrives_though_its_source_is_silent(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	say(&m, m.target, "incoming", true);
	keep_silent(&m, m.target, 40000);
	say(&m, m.target, "running", false);
	assert_int_equal(vm_of(&m)->state, VM_RUNNING);
	assert_string_equal(vm_of(&m)->node, m.target);
}

static void one_that_has_left_for_a_silent_target_is_unknown(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	say(&m, m.target, "incoming", true);
	keep_silent(&m, m.source, 40000);
	assert_int_equal(vm_of(&m)->state, VM_MIGRATING); /* the source would know */
	say(&m, m.source, NULL, true);
	assert_int_equal(vm_of(&m)->state, VM_UNKNOWN);
	rack_node_report(m.rack, m.target, json_object());
	assert_int_equal(vm_of(&m)->state, VM_MIGRATING);
	say(&m, m.target, "running", true);
	assert_int_equal(vm_of(&m)->state, VM_RUNNING);
}

/* An old state came back with a migration that was over long ago: its source passes such an order over. */
static void one_that_was_started_anew_since_is_not_migrating(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	say(&m, m.target, "incoming", true);
	rack_say_vm(m.rack, m.source, m.id, 9, "running", true);
	assert_int_equal(vm_of(&m)->state, VM_RUNNING);
	assert_null(vm_of(&m)->target);
	assert_true(vm_of(&m)->generation == 9);
	assert_int_equal(rack_task(m.rack, m.task)->state, TASK_FAILED);
}

static void if_nobody_answers_its_task_says_that_nobody_knows(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	say(&m, m.target, "incoming", true);
	cancel(&m);
	keep_silent(&m, NULL, 30 * 60000);
	assert_int_equal(rack_task(m.rack, m.task)->state, TASK_RUNNING);
	keep_silent(&m, NULL, 70000);
	assert_int_equal(rack_task(m.rack, m.task)->state, TASK_FAILED);
	assert_string_equal(
		rack_task(m.rack, m.task)->error->text,
		"vm.migrate was not done by its deadline and could not be called off; whether web moved from "
		"machine-1 to machine-2 is known once they answer");
	assert_int_equal(vm_of(&m)->state, VM_UNKNOWN);
	assert_true(told_to_abort(&m));
	say_migration(&m, vm_of(&m)->migration_id, "failed", 70);
	assert_int_equal(vm_of(&m)->state, VM_RUNNING);
	assert_string_equal(vm_of(&m)->node, m.source);
	assert_null(vm_of(&m)->target);
}

static void a_target_that_never_gets_ready_ends_by_the_deadline(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	for (unsigned i = 0; i < 31 * 3; i++) {
		rack_pass(m.rack, 20000);
		say(&m, m.source, "running", false);
	}
	assert_int_equal(rack_task(m.rack, m.task)->state, TASK_FAILED);
	assert_string_equal(rack_task(m.rack, m.task)->error->code, "timeout");
	assert_int_equal(vm_of(&m)->state, VM_RUNNING);
	assert_string_equal(vm_of(&m)->node, m.source);
	assert_null(vm_of(&m)->target);
}

/* ---- room, restarts ---- */

static void its_room_is_kept_on_both_nodes(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	const struct node *source = store_get(rack_store(m.rack), &kind_node, m.source);
	const struct node *target = store_get(rack_store(m.rack), &kind_node, m.target);
	assert_true(source->vm_count == 1 && target->vm_count == 1);
	assert_true(target->memory_free_bytes <= 16 * GIB - GIB - GIB / 2);
	say(&m, m.target, "incoming", true);
	say(&m, m.target, "running", true);
	source = store_get(rack_store(m.rack), &kind_node, m.source);
	target = store_get(rack_store(m.rack), &kind_node, m.target);
	assert_true(source->vm_count == 0 && target->vm_count == 1);
}

static void a_restart_of_the_provisioner_does_not_disturb_it(void **state)
{
	_cleanup_move_ struct move m = move_begun(*state);
	rack_restart(m.rack);
	assert_told(m.rack, m.target, m.id, "incoming");
	say(&m, m.target, "incoming", true);
	rack_restart(m.rack);
	assert_true(told_to_migrate(&m));
	say(&m, m.source, NULL, true);
	rack_restart(m.rack);
	assert_true(told_to_confirm(&m));
	say(&m, m.target, "running", true);
	assert_string_equal(vm_of(&m)->node, m.target);
	assert_int_equal(rack_task(m.rack, m.task)->state, TASK_SUCCEEDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_goes_when_the_target_is_ready_and_arrives_when_it_runs_there),
		TEST(the_source_may_be_the_first_to_say_that_it_is_gone),
		TEST(it_can_go_back),
		TEST(a_wrong_target_is_refused),
		TEST(one_that_does_not_run_is_refused),
		TEST(a_failed_migration_leaves_it_where_it_is),
		TEST(unsettled_silence_proves_nothing),
		TEST(one_that_is_nowhere_is_started_again),
		TEST(one_that_is_still_arriving_is_not_started_again),
		TEST(one_that_did_not_arrive_is_started_again),
		TEST(the_source_shut_off_counts_as_gone),
		TEST(before_the_target_is_ready_it_is_called_off_at_once),
		TEST(once_it_is_on_its_way_the_source_is_told_to_end_it),
		TEST(what_had_moved_already_is_not_cancelled),
		TEST(past_its_deadline_it_is_called_off_as_well),
		TEST(past_its_deadline_it_may_have_moved),
		TEST(one_whose_source_is_silent_is_unknown_until_it_speaks),
		TEST(it_arrives_though_its_source_is_silent),
		TEST(one_that_has_left_for_a_silent_target_is_unknown),
		TEST(one_that_was_started_anew_since_is_not_migrating),
		TEST(if_nobody_answers_its_task_says_that_nobody_knows),
		TEST(a_target_that_never_gets_ready_ends_by_the_deadline),
		TEST(its_room_is_kept_on_both_nodes),
		TEST(a_restart_of_the_provisioner_does_not_disturb_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
