/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An old database comes back: what it says of virtual machines may be over, and a node that is silent may run any of them. */
#include "compute/compute_priv.h"
#include "vm_fixture.h"

static void copy_file(const char *from, const char *to)
{
	_cleanup_free_ char *data = NULL;
	size_t len = 0;
	assert_int_equal(read_file(from, 64 * MIB, &data, &len), 0);
	assert_int_equal(write_file_atomic(to, data, len, 0600), 0);
}

/* A backup of the database, as it is while nobody has it open; the provisioner goes on from there. */
static void back_up(struct rack *rack)
{
	_cleanup_free_ char *copy = xasprintf("%s/backup", rack->dir);
	rack->controller = controller_free(rack->controller);
	copy_file(rack->database, copy);
	rack_start(rack);
	rack_settle(rack);
}

static void restore(struct rack *rack)
{
	_cleanup_free_ char *copy = xasprintf("%s/backup", rack->dir), *log = xasprintf("%s-wal", rack->database);
	rack->controller = controller_free(rack->controller);
	remove(log);
	copy_file(copy, rack->database);
	rack_start(rack);
	rack_settle(rack);
}

static const struct node *get_node(struct rack *rack, const char *id)
{
	const struct node *node = store_get(rack_store(rack), &kind_node, id);
	assert_non_null(node);
	return node;
}

static bool has_event(struct rack *rack, const char *kind)
{
	bool more;
	json_t *found = store_events_find(
		rack_store(rack), &(struct event_query){ .after = -1, .before = INT64_MAX, .count = 10, .kind = kind },
		&more);
	bool has = json_array_size(found) > 0;
	json_decref(found);
	return has;
}

/* Time goes by, in which this node reports and no other. */
static void only_reports(struct rack *rack, const char *node, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i += 10) {
		rack_pass(rack, 10000);
		rack_say_nothing(rack, node, true);
	}
}

/* The backup says that it is stopped and nowhere; since then it was started, on the second node, which is silent. */
struct twice {
	char *one, *two, *id;
};

static void twice_done(struct twice *twice)
{
	free(twice->one);
	free(twice->two);
	free(twice->id);
}
#define _cleanup_twice_ _cleanup_(twice_done)

static struct twice restored(struct rack *rack)
{
	struct twice twice = { .one = rack_node(rack, 1), .two = rack_node(rack, 2) };
	rack_volume(rack, "root", VOLUME_AVAILABLE);
	twice.id = rack_vm(rack, "web", "root", false);
	back_up(rack);
	rack_say_nothing(rack, twice.one, true);
	rack_say_nothing(rack, twice.two, true);
	free(rack_vm_do(rack, twice.id, vm_start));
	assert_non_null(rack_get_vm(rack, twice.id)->node);
	restore(rack);
	assert_int_equal(rack_get_vm(rack, twice.id)->state, VM_STOPPED);
	return twice;
}

static void assert_not_started(struct rack *rack, const struct twice *twice)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const char *task = NULL;
	assert_true(vm_start(rack->controller->compute, twice->id, &task, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_non_null(strstr(err.text, "confirm-off"));
	assert_int_equal(rack_get_vm(rack, twice->id)->state, VM_STOPPED);
}

static void a_silent_node_is_waited_for_however_long(void **state)
{
	struct rack *rack = *state;
	_cleanup_twice_ struct twice twice = restored(rack);
	assert_true(has_event(rack, "provisioner.restored"));
	assert_true(get_node(rack, twice.one)->awaited && get_node(rack, twice.two)->awaited);
	only_reports(rack, twice.one, 3600);
	assert_false(get_node(rack, twice.one)->awaited);
	assert_int_equal(get_node(rack, twice.two)->health, NODE_UNREACHABLE);
	assert_not_started(rack, &twice);
	rack_restart(rack); /* this does not make it known either */
	only_reports(rack, twice.one, 60);
	assert_not_started(rack, &twice);
}

static void what_it_runs_is_found_when_it_speaks(void **state)
{
	struct rack *rack = *state;
	_cleanup_twice_ struct twice twice = restored(rack);
	only_reports(rack, twice.one, 60);
	rack_say_vm(rack, twice.two, twice.id, 1, "running", true);
	assert_false(get_node(rack, twice.two)->awaited);
	free(rack_vm_do(rack, twice.id, vm_start));
	assert_string_equal(rack_get_vm(rack, twice.id)->node, twice.two);
	assert_told(rack, twice.one, twice.id, NULL);
	assert_told(rack, twice.two, twice.id, "running");
}

static void one_that_was_unreachable_in_the_backup_is_waited_for(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = rack_node(rack, 1), *id = rack_running(rack, "web", one), *two = rack_node(rack, 2);
	only_reports(rack, one, 60);
	rack_say_vm(rack, one, id, rack_get_vm(rack, id)->generation, "running", true);
	assert_int_equal(get_node(rack, two)->health, NODE_UNREACHABLE);
	back_up(rack);
	rack_volume(rack, "other", VOLUME_AVAILABLE);
	rack_say_nothing(rack, two, true);
	free(rack_vm(rack, "later", "other", true)); /* an order that the backup knows nothing of */
	restore(rack);
	only_reports(rack, one, 60);
	assert_told(rack, one, id, NULL);
	rack_say_nothing(rack, two, true);
	assert_told(rack, one, id, "running");
}

static void a_person_confirms_that_it_is_off(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT, early = ERR_INIT, again = ERR_INIT;
	_cleanup_twice_ struct twice twice = restored(rack);
	struct cluster *cluster = rack->controller->cluster;
	assert_true(cluster_node_confirm_off(cluster, twice.two, &early) < 0); /* it may still report */
	assert_int_equal(early.code, ERR_STATE);
	only_reports(rack, twice.one, 60);
	assert_int_equal(cluster_node_confirm_off(cluster, twice.two, &err), 0);
	assert_false(get_node(rack, twice.two)->awaited);
	free(rack_vm_do(rack, twice.id, vm_start));
	assert_string_equal(rack_get_vm(rack, twice.id)->node, twice.one);
	assert_told(rack, twice.one, twice.id, "running");
	assert_true(cluster_node_confirm_off(cluster, twice.two, &again) < 0);
	assert_non_null(strstr(again.text, "nothing to confirm"));
}

static void nobody_is_believed_while_the_bmc_says_that_it_is_on(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_twice_ struct twice twice = restored(rack);
	only_reports(rack, twice.one, 60);
	store_begin(rack_store(rack));
	struct machine *machine = store_edit(rack_store(rack), &kind_machine, get_node(rack, twice.two)->machine);
	machine->bmc_state = BMC_STATE_OK;
	machine->power = POWER_ON;
	assert_int_equal(store_commit(rack_store(rack), NULL), 0);
	assert_true(cluster_node_confirm_off(rack->controller->cluster, twice.two, &err) < 0);
	assert_non_null(strstr(err.text, "machine power"));
	assert_true(get_node(rack, twice.two)->awaited);
}

static void none_is_made_to_run_at_once_meanwhile(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_twice_ struct twice twice = restored(rack);
	const struct vm wanted = {
		.name = (char *)"new", .volume = (char *)"disk", .cpus = 1, .memory_bytes = GIB, .start = true
	};
	const struct vm *vm = NULL;
	rack_volume(rack, "disk", VOLUME_AVAILABLE);
	only_reports(rack, twice.one, 60);
	assert_true(vm_create(rack->controller->compute, &wanted, &vm, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_null(store_find(rack_store(rack), &kind_vm, "new"));
}

/* No database came back: who is silent is as he was known to be. */
static void a_start_is_no_restoring(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = rack_node(rack, 1), *two = rack_node(rack, 2);
	free(rack_running(rack, "web", one));
	for (unsigned i = 0; i < 3; i++)
		rack_restart(rack);
	assert_false(has_event(rack, "provisioner.restored"));
	assert_false(get_node(rack, one)->awaited || get_node(rack, two)->awaited);
}

/* The whole folder came back, or the database alone on another computer. */
static void a_database_without_its_mark_is_not_trusted(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = rack_node(rack, 1);
	rack->controller = controller_free(rack->controller);
	assert_int_equal(remove(rack->mark), 0);
	rack_start(rack);
	assert_true(get_node(rack, one)->awaited);
	assert_true(has_event(rack, "provisioner.restored"));
}

/* A node is known to have one where it is not expected; then both, it and this process, fall silent. */
static void what_a_node_was_seen_with_is_known_after_a_restart(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = rack_node(rack, 1), *id = rack_running(rack, "web", one), *two = rack_node(rack, 2);
	rack_say_vm(rack, two, id, 7, "running", true);
	assert_told(rack, one, id, NULL);
	rack_restart(rack);
	rack_pass(rack, 1);
	for (unsigned i = 0; i < 6; i++) {
		rack_pass(rack, 10000);
		rack_node_report(rack, one, json_object());
	}
	assert_int_equal(get_node(rack, two)->health, NODE_UNREACHABLE);
	assert_told(rack, one, id, NULL);
	rack_say_nothing(rack, two, true); /* it has ended there */
	assert_told(rack, one, id, "running");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_silent_node_is_waited_for_however_long),
		TEST(what_it_runs_is_found_when_it_speaks),
		TEST(one_that_was_unreachable_in_the_backup_is_waited_for),
		TEST(a_person_confirms_that_it_is_off),
		TEST(nobody_is_believed_while_the_bmc_says_that_it_is_on),
		TEST(none_is_made_to_run_at_once_meanwhile),
		TEST(a_start_is_no_restoring),
		TEST(a_database_without_its_mark_is_not_trusted),
		TEST(what_a_node_was_seen_with_is_known_after_a_restart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
