/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Virtual machines: start, stop, delete, and what nodes say of them. Migration: test_migrate.c. */
#include "vm_fixture.h"

/* ---- creating ---- */

static void assert_create_refused(struct rack *rack, const char *name, const char *volume, enum err_code code,
				  const char *field, const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct vm wanted = { .name = (char *)name, .volume = (char *)volume, .cpus = 1, .memory_bytes = GIB };
	const struct vm *vm = NULL;
	size_t count = store_count(rack_store(rack), &kind_vm);
	assert_true(vm_create(rack->controller->compute, &wanted, &vm, &err) < 0);
	assert_null(vm);
	assert_int_equal(err.code, code);
	assert_string_equal(err.field, field);
	if (!strstr(err.text, text))
		fail_msg("%s", err.text);
	assert_int_equal(store_count(rack_store(rack), &kind_vm), count);
}

static void creating_is_checked(void **state)
{
	struct rack *rack = *state;
	rack_volume(rack, "root", VOLUME_AVAILABLE);
	rack_volume(rack, "free", VOLUME_AVAILABLE);
	rack_volume(rack, "early", VOLUME_CREATING);
	free(rack_vm(rack, "web", "root", false));
	assert_create_refused(rack, "web", "free", ERR_EXISTS, "name", "name: 'web' is taken by virtual machine");
	assert_create_refused(rack, "web2", "none", ERR_INVALID, "volume", "there is no volume 'none'");
	assert_create_refused(rack, "web2", "root", ERR_STATE, "volume", "'root' is used by virtual machine web");
	assert_create_refused(rack, "web2", "early", ERR_STATE, "volume", "'early' is creating, not available");
}

/* Each part may be as large as it may be, but not all of them: they are in one document with those of the node's others. */
static void seeds_have_a_limit_in_all(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *user_data = xasprintf("#!/bin/sh\n%*s", USER_DATA_MAX_BYTES - 10, "");
	const struct vm *vm = NULL;
	struct vm wanted = { .name = (char *)"web", .volume = (char *)"root", .cpus = 1, .memory_bytes = GIB };
	rack_volume(rack, "root", VOLUME_AVAILABLE);
	wanted.user_data = user_data;
	memset(user_data + 10, '"', 40000); /* written as two characters each */
	assert_true(vm_create(rack->controller->compute, &wanted, &vm, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.field, "user_data");
	assert_non_null(strstr(err.text, "at most 98304"));
	assert_int_equal(store_count(rack_store(rack), &kind_vm), 0);
	memset(user_data + 10 + 20000, ' ', 20000);
	assert_int_equal(vm_create(rack->controller->compute, &wanted, &vm, &err), 0);
	assert_true(vm->seed_bytes > USER_DATA_MAX_BYTES + 20000 && vm->seed_bytes <= SEED_MAX_BYTES);
}

static void a_new_one_holds_its_volume(void **state)
{
	struct rack *rack = *state;
	rack_volume(rack, "root", VOLUME_AVAILABLE);
	_cleanup_free_ char *id = rack_vm(rack, "web", "root", false);
	const struct volume *volume = store_find(rack_store(rack), &kind_volume, "root");
	assert_int_equal(volume->state, VOLUME_IN_USE);
	assert_string_equal(volume->vm, id);
	assert_string_equal(rack_get_vm(rack, id)->volume, volume->id);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPED);
	assert_null(rack_get_vm(rack, id)->task);
}

/* ---- starting ---- */

static void it_runs_when_its_node_says_so_of_this_start(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_started(rack, "web");
	_cleanup_free_ char *task = xstrdup(rack_get_vm(rack, id)->task);
	const struct vm *vm = rack_get_vm(rack, id);
	assert_string_equal(vm->node, node);
	assert_non_null(vm->placement);
	json_t *desired = rack_desired_vm(rack, node, id);
	assert_string_equal(json_string_value(json_object_get(desired, "state")), "running");
	assert_true(json_integer_value(json_object_get(desired, "generation")) == vm->generation);
	json_decref(desired);
	rack_say_vm(rack, node, id, vm->generation - 1, "running", true);
	rack_say_vm(rack, node, id, vm->generation - 1, "failed", true); /* of an earlier start */
	rack_say_vm(rack, node, id, vm->generation, "starting", true);
	rack_say_nothing(rack, node, true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STARTING);
	rack_say_vm(rack, node, id, vm->generation, "running", false);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_RUNNING);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
}

static void one_that_fits_nowhere_fails_its_task_with_the_reasons(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	const char *task_id = NULL;
	free(rack_node(rack, 1));
	rack_volume(rack, "root", VOLUME_AVAILABLE);
	const struct vm wanted = {
		.name = (char *)"huge", .volume = (char *)"root", .cpus = 1, .memory_bytes = 64 * GIB
	};
	const struct vm *vm = NULL;
	assert_int_equal(vm_create(rack->controller->compute, &wanted, &vm, &err), 0);
	_cleanup_free_ char *id = xstrdup(vm->id);
	assert_int_equal(vm_start(rack->controller->compute, id, &task_id, &err), 0);
	assert_non_null(task_id);
	_cleanup_free_ char *task = xstrdup(task_id);
	rack_settle(rack);
	assert_int_equal(rack_task(rack, task)->state, TASK_FAILED);
	assert_string_equal(rack_task(rack, task)->error->code, "capacity");
	assert_non_null(strstr(rack_task(rack, task)->error->text, "machine-1: not enough free memory"));
	vm = rack_get_vm(rack, id);
	assert_int_equal(vm->state, VM_STOPPED);
	assert_false(vm->wanted);
	assert_string_equal(vm->error->code, "capacity");
}

static void one_created_started_that_fits_nowhere_has_a_task_to_follow(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	rack_volume(rack, "root", VOLUME_AVAILABLE);
	const struct vm wanted = {
		.name = (char *)"web", .volume = (char *)"root", .cpus = 1, .memory_bytes = GIB, .start = true
	};
	const struct vm *vm = NULL;
	assert_int_equal(vm_create(rack->controller->compute, &wanted, &vm, &err), 0);
	assert_non_null(vm->task);
	_cleanup_free_ char *task = xstrdup(vm->task);
	rack_settle(rack);
	assert_string_equal(rack_task(rack, task)->error->text, "no node can take it (there are no nodes)");
}

static void a_failed_start_says_why_and_can_be_tried_again(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_started(rack, "web");
	_cleanup_free_ char *task = xstrdup(rack_get_vm(rack, id)->task);
	int64_t generation = rack_get_vm(rack, id)->generation;
	const char *again;
	rack_say(rack, node,
		 json_pack("[{s:s, s:I, s:s, s:{s:s, s:s}}]", "id", id, "generation", (json_int_t)generation, "state",
			   "failed", "error", "code", "capacity", "text", "no hugepages"),
		 true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_FAILED);
	assert_string_equal(rack_get_vm(rack, id)->error->text, "no hugepages");
	assert_string_equal(rack_task(rack, task)->error->code, "capacity");
	assert_string_equal(rack_get_vm(rack, id)->node, node);
	/* What is left of it is cleared away first, and it is nowhere once the node has said so. */
	assert_told(rack, node, id, "absent");
	rack_say_nothing(rack, node, true);
	assert_null(rack_get_vm(rack, id)->node);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_FAILED);
	assert_int_equal(vm_start(rack->controller->compute, id, &again, &err), 0);
	rack_settle(rack);
	assert_true(rack_get_vm(rack, id)->generation > generation);
	assert_null(rack_get_vm(rack, id)->error);
}

static void one_that_runs_is_not_started_again(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_running(rack, "web", node);
	const char *task;
	assert_true(vm_start(rack->controller->compute, id, &task, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_string_equal(err.text, "web is running; only one that is stopped or failed can be started");
}

/* ---- starts that are called off ---- */

static void a_cancelled_start_is_stopped(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_started(rack, "web");
	_cleanup_free_ char *task = xstrdup(rack_get_vm(rack, id)->task);
	int64_t generation = rack_get_vm(rack, id)->generation;
	assert_int_equal(task_cancel(rack->controller->tasks, task, NULL), 0);
	rack_settle(rack);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPING);
	assert_told(rack, node, id, "stopped");
	assert_int_equal(rack_task(rack, task)->state, TASK_RUNNING);
	rack_say_vm(rack, node, id, generation, "running", false); /* it came up meanwhile */
	assert_int_equal(rack_task(rack, task)->state, TASK_RUNNING);
	rack_say_vm(rack, node, id, generation, "stopped", true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPED);
	assert_null(rack_get_vm(rack, id)->error);
	assert_int_equal(rack_task(rack, task)->state, TASK_CANCELLED);
}

static void one_that_runs_before_it_is_cancelled_has_started(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_started(rack, "web");
	_cleanup_free_ char *task = xstrdup(rack_get_vm(rack, id)->task);
	rack_say_vm(rack, node, id, rack_get_vm(rack, id)->generation, "running", false);
	assert_true(task_cancel(rack->controller->tasks, task, &err) < 0);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_RUNNING);
}

/* Its node says for ever that it has left, as after an old state was restored. */
static void a_start_that_does_not_end_is_stopped_at_its_deadline(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_started(rack, "web");
	_cleanup_free_ char *task = xstrdup(rack_get_vm(rack, id)->task);
	int64_t generation = rack_get_vm(rack, id)->generation;
	for (unsigned i = 0; i < 31; i++) {
		rack_pass(rack, 20000);
		rack_say_vm(rack, node, id, generation, "absent", true);
	}
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPED);
	assert_int_equal(rack_task(rack, task)->state, TASK_FAILED);
	assert_string_equal(rack_task(rack, task)->error->text, "vm.start was not done by its deadline");
	assert_string_equal(rack_get_vm(rack, id)->error->code, "timeout");
}

static void a_start_on_a_node_that_is_gone_says_so_at_last(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_started(rack, "web");
	_cleanup_free_ char *task = xstrdup(rack_get_vm(rack, id)->task);
	rack_pass(rack, 12 * 60000);
	assert_int_equal(rack_task(rack, task)->state, TASK_FAILED);
	assert_string_equal(rack_task(rack, task)->error->text,
			    "vm.start was not done by its deadline and could not be called off; it is stopped once "
			    "machine-1 answers");
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPING);
	rack_say_nothing(rack, node, true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPED);
}

static void a_stop_is_not_called_back(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_running(rack, "web", node);
	_cleanup_free_ char *task = rack_stop(rack, id);
	assert_int_equal(task_cancel(rack->controller->tasks, task, NULL), 0);
	assert_int_equal(rack_task(rack, task)->state, TASK_RUNNING);
	assert_string_equal(rack_task(rack, task)->message, "cannot be called back");
	rack_say_vm(rack, node, id, rack_get_vm(rack, id)->generation, "stopped", true);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
}

/* ---- stopping ---- */

static void a_stop_is_over_when_its_node_says_so(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_running(rack, "web", node);
	int64_t generation = rack_get_vm(rack, id)->generation;
	_cleanup_free_ char *task = rack_stop(rack, id);
	assert_told(rack, node, id, "stopped");
	rack_say_vm(rack, node, id, generation, "running", true);
	rack_say_nothing(rack, node, false); /* of an older document: it proves nothing */
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPING);
	rack_say_vm(rack, node, id, generation, "stopped", true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPED);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
	assert_string_equal(rack_get_vm(rack, id)->node, node);
	rack_say_vm(rack, node, id, generation, "stopped", false);
	rack_say_nothing(rack, node, true);
	assert_null(rack_get_vm(rack, id)->node);
}

static void a_stop_overtakes_a_start(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_started(rack, "web");
	_cleanup_free_ char *start = xstrdup(rack_get_vm(rack, id)->task), *stop = rack_stop(rack, id);
	int64_t generation = rack_get_vm(rack, id)->generation;
	assert_int_equal(rack_task(rack, start)->state, TASK_CANCELLED);
	assert_string_equal(rack_task(rack, start)->error->text, "overtaken by vm.stop");
	rack_say_vm(rack, node, id, generation, "running", false); /* the start still came to its end there */
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPING);
	rack_say_nothing(rack, node, true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPED);
	assert_int_equal(rack_task(rack, stop)->state, TASK_SUCCEEDED);
}

/* A provisioner that has just come back waits for its nodes before it places anything. */
/* Its node is busy starting it and goes on saying what was before: that it has none, in so many words or by silence. */
static void what_a_busy_node_said_before_does_not_end_it(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_started(rack, "web");
	int64_t generation = rack_get_vm(rack, id)->generation;
	_cleanup_free_ char *task = rack_stop(rack, id);
	rack_say_vm(rack, node, id, generation, "absent", false);
	rack_say_vm(rack, node, id, generation, "stopped", false);
	rack_say_nothing(rack, node, false);
	/* A section that does not say of which document it is. */
	rack_node_report(rack, node,
			 json_pack("{s:I, s:[]}", "generation", (json_int_t)rack_generation(rack, node), "vms"));
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPING);
	assert_string_equal(rack_get_vm(rack, id)->node, node);
	rack_say_vm(rack, node, id, generation, "running", true);
	rack_say_vm(rack, node, id, generation, "stopped", true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPED);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
}

static void one_that_has_no_place_yet_is_stopped_at_once(void **state)
{
	struct rack *rack = *state;
	free(rack_node(rack, 1));
	rack_pass(rack, 40000);
	rack_restart(rack); /* its node is silent, so that nothing is placed */
	_cleanup_free_ char *id = rack_started(rack, "web");
	assert_null(rack_get_vm(rack, id)->node);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STARTING);
	_cleanup_free_ char *task = rack_stop(rack, id);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPED);
}

static void one_that_failed_and_is_nowhere_can_be_stopped(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_started(rack, "web");
	rack_say_vm(rack, node, id, rack_get_vm(rack, id)->generation, "failed", true);
	rack_say_nothing(rack, node, true);
	assert_null(rack_get_vm(rack, id)->node);
	_cleanup_free_ char *task = rack_stop(rack, id);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPED);
}

static void a_guest_that_powers_itself_off_stays_off(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_running(rack, "web", node);
	int64_t generation = rack_get_vm(rack, id)->generation;
	rack_say_vm(rack, node, id, generation - 1, "stopped", true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_RUNNING);
	rack_say_vm(rack, node, id, generation, "stopped", true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPED);
	assert_false(rack_get_vm(rack, id)->wanted);
	rack_say_nothing(rack, node, true);
	rack_pass(rack, 5000);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPED);
}

/* ---- deleting ---- */

/* While nobody was there to hear that it ran. That its node has done nothing yet of the order is another thing. */
static void a_guest_that_ended_before_it_was_heard_of_has_run(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_started(rack, "web");
	_cleanup_free_ char *task = xstrdup(rack_get_vm(rack, id)->task);
	int64_t generation = rack_get_vm(rack, id)->generation;
	rack_restart(rack);
	rack_say_vm(rack, node, id, generation, "stopped", false);
	rack_say_vm(rack, node, id, generation - 1, "stopped", true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STARTING);
	rack_say_vm(rack, node, id, generation, "stopped", true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPED);
	assert_false(rack_get_vm(rack, id)->wanted);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
	assert_null(rack_get_vm(rack, id)->task);
	assert_told(rack, node, id, "absent");
}

static void deleting_stops_it_and_frees_its_volume(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_running(rack, "web", node);
	_cleanup_free_ char *task = rack_delete(rack, id);
	assert_told(rack, node, id, "absent");
	rack_say_nothing(rack, node, false);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_DELETING);
	rack_say_nothing(rack, node, true);
	assert_null(store_get(rack_store(rack), &kind_vm, id));
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
	const struct volume *volume = store_find(rack_store(rack), &kind_volume, "disk-of-web");
	assert_int_equal(volume->state, VOLUME_AVAILABLE);
	assert_null(volume->vm);
}

static void one_that_is_nowhere_is_deleted_at_once(void **state)
{
	struct rack *rack = *state;
	rack_volume(rack, "root", VOLUME_AVAILABLE);
	_cleanup_free_ char *id = rack_vm(rack, "web", "root", false), *task = rack_delete(rack, id);
	assert_null(store_get(rack_store(rack), &kind_vm, id));
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
}

static void one_that_is_being_deleted_is_left_to_it(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_running(rack, "web", node);
	const char *task;
	free(rack_delete(rack, id));
	assert_true(vm_delete(rack->controller->compute, id, &task, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_true(vm_start(rack->controller->compute, id, &task, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_true(vm_stop(rack->controller->compute, id, &task, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
}

/* ---- nodes that fall silent ---- */

static void one_on_a_silent_node_is_unknown_and_never_started_elsewhere(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *one = rack_node(rack, 1), *two = rack_node(rack, 2), *id = rack_running(rack, "web", one);
	const char *task;
	for (unsigned i = 0; i < 5; i++) {
		rack_pass(rack, 10000);
		rack_node_report(rack, two, json_object());
	}
	assert_int_equal(rack_get_vm(rack, id)->state, VM_UNKNOWN);
	assert_string_equal(rack_get_vm(rack, id)->node, one);
	assert_told(rack, two, id, NULL);
	assert_true(vm_start(rack->controller->compute, id, &task, &err) < 0);
	rack_node_report(rack, one, json_object());
	assert_int_equal(rack_get_vm(rack, id)->state, VM_UNKNOWN); /* it speaks, but not of it */
	rack_say_vm(rack, one, id, rack_get_vm(rack, id)->generation, "running", false);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_RUNNING);
}

static void one_that_is_starting_on_a_silent_node_is_unknown_as_well(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_started(rack, "web");
	_cleanup_free_ char *task = xstrdup(rack_get_vm(rack, id)->task);
	int64_t generation = rack_get_vm(rack, id)->generation;
	rack_pass(rack, 40000);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_UNKNOWN);
	assert_int_equal(rack_task(rack, task)->state, TASK_RUNNING);
	rack_say_vm(rack, node, id, generation - 1, "running", false); /* of an earlier start */
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STARTING);
	rack_pass(rack, 40000);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_UNKNOWN);
	rack_say_vm(rack, node, id, generation, "running", false);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_RUNNING);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
}

/* It was stored when nobody noted whether it had run; its guest powered off while its node was away. */
static void one_of_an_earlier_version_is_not_starting_for_ever(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_running(rack, "web", node);
	store_begin(rack_store(rack));
	((struct vm *)store_edit(rack_store(rack), &kind_vm, id))->has_run = false;
	assert_int_equal(store_commit(rack_store(rack), NULL), 0);
	rack_pass(rack, 31000);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_UNKNOWN);
	rack_say_vm(rack, node, id, rack_get_vm(rack, id)->generation, "stopped", true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPED);
	assert_false(rack_get_vm(rack, id)->wanted);
}

static void one_that_was_starting_on_a_silent_node_can_be_deleted_once_it_speaks(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_started(rack, "web");
	rack_pass(rack, 40000);
	_cleanup_free_ char *task = rack_delete(rack, id);
	const struct volume *volume = store_find(rack_store(rack), &kind_volume, "disk-of-web");
	assert_int_equal(volume->state, VOLUME_IN_USE);
	rack_say_vm(rack, node, id, rack_get_vm(rack, id)->generation, "running", false);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_DELETING);
	rack_say_nothing(rack, node, true);
	volume = store_find(rack_store(rack), &kind_volume, "disk-of-web");
	assert_int_equal(volume->state, VOLUME_AVAILABLE);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
}

static void one_that_stopped_on_a_silent_node_waits_for_it(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_running(rack, "web", node);
	const char *task;
	free(rack_stop(rack, id));
	rack_say_vm(rack, node, id, rack_get_vm(rack, id)->generation, "stopped", true);
	rack_pass(rack, 40000);
	assert_true(vm_start(rack->controller->compute, id, &task, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_string_equal(err.text, "web was on node machine-1, which does not answer: it may still run there");
}

/* ---- reports ---- */

static void odd_reports_change_nothing(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_running(rack, "web", node);
	int64_t revision = store_revision(rack_store(rack), &kind_vm, id);
	rack_say(rack, node, json_pack("[{s:s, s:s}]", "id", "of nobody", "state", "running"), true);
	rack_say_vm(rack, node, id, rack_get_vm(rack, id)->generation, "a new word", true);
	rack_say(rack, node, json_pack("[i, s]", 1, "x"), true);
	rack_node_report(rack, node, json_pack("{s:s}", "vms", "none"));
	assert_true(store_revision(rack_store(rack), &kind_vm, id) == revision);
	assert_int_equal(store_count(rack_store(rack), &kind_vm), 1);
}

/* ---- an old state came back: the node has carried out later orders than it knows ---- */

static void a_stop_reaches_one_that_was_started_under_a_later_order(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_running(rack, "web", node);
	rack_say_vm(rack, node, id, 9, "running", true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_RUNNING);
	free(rack_stop(rack, id));
	json_t *desired = rack_desired_vm(rack, node, id);
	assert_true(json_integer_value(json_object_get(desired, "generation")) == 9);
	json_decref(desired);
	rack_say_vm(rack, node, id, 9, "stopped", true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPED);
}

static void a_start_is_a_later_one_than_any_that_ended(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_started(rack, "web");
	rack_say_vm(rack, node, id, 9, "stopped", true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STARTING);
	assert_true(rack_get_vm(rack, id)->generation == 10);
	rack_say_vm(rack, node, id, 10, "running", true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_RUNNING);
}

static void everything_is_kept_over_a_restart(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_running(rack, "web", node);
	_cleanup_free_ char *starting = rack_started(rack, "second");
	rack_restart(rack);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_RUNNING);
	assert_string_equal(rack_get_vm(rack, starting)->node, node);
	rack_say(rack, node,
		 json_pack("[{s:s, s:i, s:s}, {s:s, s:i, s:s}]", "id", id, "generation", 1, "state", "running", "id",
			   starting, "generation", 1, "state", "running"),
		 false);
	assert_int_equal(rack_get_vm(rack, starting)->state, VM_RUNNING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(creating_is_checked),
		TEST(seeds_have_a_limit_in_all),
		TEST(a_new_one_holds_its_volume),
		TEST(it_runs_when_its_node_says_so_of_this_start),
		TEST(one_that_fits_nowhere_fails_its_task_with_the_reasons),
		TEST(one_created_started_that_fits_nowhere_has_a_task_to_follow),
		TEST(a_failed_start_says_why_and_can_be_tried_again),
		TEST(one_that_runs_is_not_started_again),
		TEST(a_cancelled_start_is_stopped),
		TEST(one_that_runs_before_it_is_cancelled_has_started),
		TEST(a_start_that_does_not_end_is_stopped_at_its_deadline),
		TEST(a_start_on_a_node_that_is_gone_says_so_at_last),
		TEST(a_stop_is_not_called_back),
		TEST(a_stop_is_over_when_its_node_says_so),
		TEST(a_stop_overtakes_a_start),
		TEST(what_a_busy_node_said_before_does_not_end_it),
		TEST(one_that_has_no_place_yet_is_stopped_at_once),
		TEST(one_that_failed_and_is_nowhere_can_be_stopped),
		TEST(a_guest_that_powers_itself_off_stays_off),
		TEST(a_guest_that_ended_before_it_was_heard_of_has_run),
		TEST(deleting_stops_it_and_frees_its_volume),
		TEST(one_that_is_nowhere_is_deleted_at_once),
		TEST(one_that_is_being_deleted_is_left_to_it),
		TEST(one_on_a_silent_node_is_unknown_and_never_started_elsewhere),
		TEST(one_that_is_starting_on_a_silent_node_is_unknown_as_well),
		TEST(one_of_an_earlier_version_is_not_starting_for_ever),
		TEST(one_that_was_starting_on_a_silent_node_can_be_deleted_once_it_speaks),
		TEST(one_that_stopped_on_a_silent_node_waits_for_it),
		TEST(odd_reports_change_nothing),
		TEST(a_stop_reaches_one_that_was_started_under_a_later_order),
		TEST(a_start_is_a_later_one_than_any_that_ended),
		TEST(everything_is_kept_over_a_restart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
