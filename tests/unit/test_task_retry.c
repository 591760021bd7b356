/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tasks that are tried again: what is asked for once more, and what is refused. */
#include "storage_fixture.h"
#include "vm_fixture.h"

/* The task that tries another one again; the caller's. */
static char *retry(struct rack *rack, const char *id)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const char *again = NULL;
	if (cluster_task_retry(rack->controller->cluster, id, &again, &err) < 0)
		fail_msg("%s", err.text);
	char *copy = xstrdup(again);
	assert_string_equal(rack_task(rack, copy)->retry_of, id);
	assert_string_equal(rack_task(rack, id)->retried_by, copy);
	assert_string_equal(rack_task(rack, copy)->action, rack_task(rack, id)->action);
	return copy;
}

static void assert_refused(struct rack *rack, const char *id, enum err_code code, const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const char *again = NULL;
	size_t count = store_count(rack_store(rack), &kind_task);
	assert_true(cluster_task_retry(rack->controller->cluster, id, &again, &err) < 0);
	assert_null(again);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, text))
		fail_msg("%s", err.text);
	assert_int_equal(store_count(rack_store(rack), &kind_task), count);
}

static void cancel(struct rack *rack, const char *id)
{
	_cleanup_err_ struct err err = ERR_INIT;
	if (task_cancel(rack->controller->tasks, id, &err) < 0)
		fail_msg("%s", err.text);
	rack_settle(rack);
	assert_int_equal(rack_task(rack, id)->state, TASK_CANCELLED);
}

/* ---- machines ---- */

static void a_deploy_goes_to_the_same_disk(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = NULL;
	free(rack_ready(rack, 1, &id));
	const struct machine_deploy how = { .disk = (char *)"S1b", .name = (char *)"rack1-a" };
	const char *task = NULL;
	assert_int_equal(machine_deploy(rack->controller->machines, id, &how, &task, &err), 0);
	_cleanup_free_ char *first = xstrdup(task);
	assert_refused(rack, first, ERR_STATE, "still runs");
	cancel(rack, first);
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_READY);

	_cleanup_free_ char *again = retry(rack, first);
	const struct machine *machine = rack_machine(rack, id);
	assert_int_equal(machine->state, MACHINE_DEPLOYING);
	assert_string_equal(machine->task, again);
	assert_string_equal(machine->install_disk->serial, "S1b");
	assert_string_equal(machine->name, "rack1-a");
	/* It is asked for twice: the second is told of the first, also after a restart. */
	assert_refused(rack, first, ERR_STATE, again);
	rack_restart(rack);
	assert_refused(rack, first, ERR_STATE, again);
	/* It fails as well: that one can be tried again. */
	cancel(rack, again);
	_cleanup_free_ char *third = retry(rack, again);
	assert_string_equal(rack_machine(rack, id)->task, third);
}

/* Somebody has deployed it meanwhile: its disk is not written again. */
static void a_deploy_is_not_repeated_on_a_deployed_machine(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL;
	free(rack_ready(rack, 1, &id));
	_cleanup_free_ char *first = rack_deploy(rack, id);
	cancel(rack, first);
	_cleanup_free_ char *second = rack_deploy(rack, id), *enroll = rack_install_token(rack, id), *csr = rack_csr();
	rack_install_report(rack, id, "written", "identity", 100);
	assert_int_equal(rack_enroll(rack, enroll, csr, NULL, NULL), 0);
	rack_settle(rack);
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_DEPLOYED);
	assert_refused(rack, first, ERR_STATE, "it cannot be deployed now");
	assert_null(rack_task(rack, first)->retried_by);
	assert_refused(rack, second, ERR_STATE, "has succeeded");
}

static void power_does_what_was_asked_for(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	struct rack_bmc *bmc = &rack->bmcs[1];
	const char *task = NULL;
	*bmc = (struct rack_bmc){ .there = true, .on = true, .uuid = UUID(1) };
	_cleanup_free_ char *id = NULL;
	free(rack_found(rack, 1, &id));
	machine_bmc_found(rack->controller->machines, "10.0.0.1");
	rack_pass(rack, 1000);
	assert_non_null(rack_machine(rack, id)->bmc_address);
	bmc->fault = ERR_BUSY;
	assert_int_equal(machine_power(rack->controller->machines, id, POWER_ACTION_OFF, &task, &err), 0);
	_cleanup_free_ char *first = xstrdup(task);
	rack_pass(rack, 6 * 60 * 1000);
	assert_int_equal(rack_task(rack, first)->state, TASK_FAILED);
	bmc->fault = ERR_NONE;
	unsigned sets = bmc->power_sets;
	_cleanup_free_ char *again = retry(rack, first);
	rack_pass(rack, 60000);
	assert_int_equal(rack_task(rack, again)->state, TASK_SUCCEEDED);
	assert_int_equal(bmc->power_sets, sets + 1);
	assert_false(bmc->on);
}

static void a_commissioning_is_repeated(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = &rack->bmcs[1];
	*bmc = (struct rack_bmc){ .there = true, .uuid = UUID(1) };
	_cleanup_free_ char *id = NULL;
	free(rack_found(rack, 1, &id));
	machine_bmc_found(rack->controller->machines, "10.0.0.1");
	rack_pass(rack, 1000);
	bmc->there = false;
	rack_accept(rack, id);
	_cleanup_free_ char *first = xstrdup(rack_machine(rack, id)->task);
	assert_non_null(first);
	rack_pass(rack, 30 * 60 * 1000);
	assert_int_equal(rack_task(rack, first)->state, TASK_FAILED);
	bmc->there = true;
	_cleanup_free_ char *again = retry(rack, first);
	assert_string_equal(rack_machine(rack, id)->task, again);
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_COMMISSIONING);
}

/* ---- storage ---- */

static void a_volume_is_made_after_all(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	const struct volume wanted = { .name = (char *)"data", .size_bytes = GIB }, *volume = NULL;
	rack_with_pool(rack);
	rack->ceph_fault = ERR_INTERNAL;
	assert_int_equal(volume_create(rack->controller->storage, &wanted, &volume, &err), 0);
	_cleanup_free_ char *id = xstrdup(volume->id), *first = xstrdup(volume->task);
	rack_settle(rack);
	assert_int_equal(rack_task(rack, first)->state, TASK_FAILED);
	rack->ceph_fault = ERR_NONE;
	_cleanup_free_ char *again = retry(rack, first);
	volume = store_get(rack_store(rack), &kind_volume, id);
	assert_int_equal(volume->state, VOLUME_CREATING);
	assert_string_equal(volume->task, again);
	assert_null(volume->error);
	rack_settle(rack);
	assert_int_equal(rack_task(rack, again)->state, TASK_SUCCEEDED);
	volume = store_get(rack_store(rack), &kind_volume, id);
	assert_int_equal(volume->state, VOLUME_AVAILABLE);
	assert_int_equal(volume->size_bytes, GIB);

	/* Deleted, it is nothing that anything could be done with. */
	const char *task = NULL;
	rack->ceph_fault = ERR_INTERNAL;
	assert_int_equal(volume_delete(rack->controller->storage, id, &task, &err), 0);
	_cleanup_free_ char *failed = xstrdup(task);
	rack_settle(rack);
	rack->ceph_fault = ERR_NONE;
	assert_int_equal(volume_delete(rack->controller->storage, id, &task, &err), 0);
	rack_settle(rack);
	assert_null(store_get(rack_store(rack), &kind_volume, id));
	assert_refused(rack, failed, ERR_STATE, "the volume data, which the task was about, is gone");
}

/* ---- virtual machines ---- */

static void a_start_is_tried_again_where_there_is_a_node_now(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = rack_started(rack, "web"); /* there is no node: it is refused at once, or soon */
	_cleanup_free_ char *node = rack_node(rack, 1);
	rack_pass(rack, 1000);
	_cleanup_free_ char *first = NULL;
	STORE_EACH(struct task, task, rack_store(rack), &kind_task)
		if (str_equal(task->action, "vm.start"))
			str_set(&first, task->id);
	assert_non_null(first);
	assert_int_equal(rack_task(rack, first)->state, TASK_FAILED);
	_cleanup_free_ char *again = retry(rack, first);
	rack_settle(rack);
	assert_string_equal(rack_get_vm(rack, id)->node, node);
	assert_told(rack, node, id, "running");
	rack_say_vm(rack, node, id, rack_get_vm(rack, id)->generation, "running", true);
	assert_int_equal(rack_task(rack, again)->state, TASK_SUCCEEDED);
}

/* Whoever had cancelled a start has started it again since: it is not started twice. */
static void what_runs_is_not_started(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_started(rack, "web");
	_cleanup_free_ char *first = xstrdup(rack_get_vm(rack, id)->task);
	_cleanup_err_ struct err err = ERR_INIT;
	assert_int_equal(task_cancel(rack->controller->tasks, first, &err), 0);
	rack_say_nothing(rack, node, true);
	assert_int_equal(rack_task(rack, first)->state, TASK_CANCELLED);
	_cleanup_free_ char *second = rack_vm_do(rack, id, vm_start);
	int64_t generation = rack_get_vm(rack, id)->generation;
	assert_refused(rack, first, ERR_STATE, "only one that is stopped or failed can be started");
	rack_say_vm(rack, node, id, generation, "running", true);
	assert_refused(rack, first, ERR_STATE, "only one that is stopped or failed can be started");
	assert_int_equal(rack_get_vm(rack, id)->generation, generation);
}

static void a_migration_goes_to_the_same_node(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *one = rack_node(rack, 1), *id = rack_running(rack, "web", one);
	_cleanup_free_ char *two = rack_node(rack, 2), *three = rack_node(rack, 3);
	const char *task = NULL;
	for (unsigned i = 0; i < 2; i++) {
		const char *wanted = i ? three : two;
		assert_int_equal(cluster_vm_migrate(rack->controller->cluster, id, wanted, &task, &err), 0);
		_cleanup_free_ char *first = xstrdup(task);
		cancel(rack, first);
		assert_int_equal(rack_get_vm(rack, id)->state, VM_RUNNING);
		_cleanup_free_ char *again = retry(rack, first);
		assert_string_equal(rack_get_vm(rack, id)->target, wanted);
		assert_string_equal(rack_get_vm(rack, id)->task, again);
		cancel(rack, again);
	}
}

static void there_has_to_be_one(void **state)
{
	struct rack *rack = *state;
	assert_refused(rack, "none", ERR_NOT_FOUND, "there is no task 'none'");
}

/* Of an earlier version, which kept nothing of what was asked for. */
static void without_an_order_it_is_refused(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL;
	free(rack_ready(rack, 1, &id));
	_cleanup_free_ char *first = rack_deploy(rack, id);
	cancel(rack, first);
	store_begin(rack_store(rack));
	struct task *task = store_edit(rack_store(rack), &kind_task, first);
	json_decref(task->order);
	task->order = NULL;
	assert_int_equal(store_commit(rack_store(rack), NULL), 0);
	assert_refused(rack, first, ERR_STATE, "was not kept with this task");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_deploy_goes_to_the_same_disk),
		TEST(a_deploy_is_not_repeated_on_a_deployed_machine),
		TEST(power_does_what_was_asked_for),
		TEST(a_commissioning_is_repeated),
		TEST(a_volume_is_made_after_all),
		TEST(a_start_is_tried_again_where_there_is_a_node_now),
		TEST(what_runs_is_not_started),
		TEST(a_migration_goes_to_the_same_node),
		TEST(there_has_to_be_one),
		TEST(without_an_order_it_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
