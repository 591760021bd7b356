/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Virtual machines that run where they are not expected, as after a restored backup: nothing is started beside them. */
#include "compute/compute_priv.h"
#include "vm_fixture.h"

static unsigned events_of(struct rack *rack, const char *kind)
{
	json_t *list = store_events(rack_store(rack), 0, 10000), *event;
	unsigned count = 0;
	size_t i;
	json_array_foreach(list, i, event)
		count += str_equal(json_string_value(json_object_get(event, "kind")), kind);
	json_decref(list);
	return count;
}

/* One that is thought to run on the first of two nodes and runs on the second. */
struct lost {
	char *thought, *found, *id;
};

static void lost_done(struct lost *lost)
{
	free(lost->thought);
	free(lost->found);
	free(lost->id);
}
#define _cleanup_lost_ _cleanup_(lost_done)

static struct lost lose(struct rack *rack, const char *word)
{
	struct lost lost = { .thought = rack_node(rack, 1) };
	lost.id = rack_running(rack, "web", lost.thought);
	lost.found = rack_node(rack, 2);
	rack_say_vm(rack, lost.found, lost.id, 7, word, true);
	return lost;
}

static void it_is_where_it_runs_once_its_node_says_no(void **state)
{
	struct rack *rack = *state;
	_cleanup_lost_ struct lost lost = lose(rack, "running");
	assert_int_equal(events_of(rack, "vm.stray"), 1);
	assert_told(rack, lost.thought, lost.id, NULL);
	rack_say_nothing(rack, lost.thought, false); /* of the order to run it, which it may be busy with */
	assert_string_equal(rack_get_vm(rack, lost.id)->node, lost.thought);
	rack_say_nothing(rack, lost.thought, true);
	assert_string_equal(rack_get_vm(rack, lost.id)->node, lost.found);
	assert_int_equal(rack_get_vm(rack, lost.id)->state, VM_RUNNING);
	assert_true(rack_get_vm(rack, lost.id)->generation == 7);
	assert_int_equal(events_of(rack, "vm.found"), 1);
	assert_told(rack, lost.found, lost.id, "running");
	assert_told(rack, lost.thought, lost.id, NULL);
}

static void what_is_arriving_elsewhere_is_waited_for(void **state)
{
	struct rack *rack = *state;
	_cleanup_lost_ struct lost lost = lose(rack, "arriving");
	assert_told(rack, lost.thought, lost.id, NULL);
	rack_say_nothing(rack, lost.thought, true);
	assert_string_equal(rack_get_vm(rack, lost.id)->node, lost.thought);
	rack_say_nothing(rack, lost.found, true); /* it did not arrive */
	assert_told(rack, lost.thought, lost.id, "running");
	assert_int_equal(events_of(rack, "vm.stray"), 1);
}

static void it_is_told_once(void **state)
{
	struct rack *rack = *state;
	_cleanup_lost_ struct lost lost = lose(rack, "running");
	for (unsigned i = 0; i < 3; i++)
		rack_say_vm(rack, lost.found, lost.id, 7, "running", true);
	assert_int_equal(events_of(rack, "vm.stray"), 1);
}

static void an_old_word_of_where_it_was_is_no_stray(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = rack_node(rack, 1), *id = rack_running(rack, "web", one), *two = rack_node(rack, 2);
	rack_say_vm(rack, two, id, 1, "running", false);
	assert_int_equal(events_of(rack, "vm.stray"), 0);
	assert_told(rack, one, id, "running");
}

static void it_is_stopped_and_deleted_where_it_runs(void **state)
{
	struct rack *rack = *state;
	_cleanup_lost_ struct lost lost = lose(rack, "running");
	_cleanup_free_ char *task = rack_delete(rack, lost.id);
	rack_say_nothing(rack, lost.thought, true);
	assert_int_equal(rack_get_vm(rack, lost.id)->state, VM_DELETING);
	assert_string_equal(rack_get_vm(rack, lost.id)->node, lost.found);
	assert_told(rack, lost.found, lost.id, "absent");
	rack_say_nothing(rack, lost.found, true);
	assert_null(store_get(rack_store(rack), &kind_vm, lost.id));
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
}

static void one_that_was_stopped_is_started_where_it_runs(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = rack_node(rack, 1), *two = rack_node(rack, 2);
	rack_volume(rack, "root", VOLUME_AVAILABLE);
	_cleanup_free_ char *id = rack_vm(rack, "web", "root", false);
	rack_say_vm(rack, two, id, 3, "running", true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STOPPED);
	assert_told(rack, two, id, NULL); /* nobody asked: it is not touched */
	free(rack_vm_do(rack, id, vm_start));
	assert_string_equal(rack_get_vm(rack, id)->node, two);
	assert_told(rack, two, id, "running");
	assert_told(rack, one, id, NULL);
}

/* Not even "absent" is said of one that is not known: it may be the newest of all. */
static void one_that_is_not_known_is_left_alone(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1);
	for (unsigned i = 0; i < 2; i++)
		rack_say_vm(rack, node, "0191d8a0-6c1e-7b3a-9d2f-3c5b7a9e1f20", 1, "running", true);
	assert_int_equal(events_of(rack, "vm.stray"), 1);
	assert_told(rack, node, "0191d8a0-6c1e-7b3a-9d2f-3c5b7a9e1f20", NULL);
}

/* ---- one that was deleted ---- */

/* An old state came back: it knew nothing of a move. What had moved is deleted while its true node is away. */
static struct lost delete_unseen(struct rack *rack)
{
	struct lost lost = { .thought = rack_node(rack, 1) };
	lost.id = rack_running(rack, "web", lost.thought);
	lost.found = rack_node(rack, 2);
	free(rack_delete(rack, lost.id));
	rack_say_nothing(rack, lost.thought, true);
	assert_null(store_get(rack_store(rack), &kind_vm, lost.id));
	return lost;
}

static void one_that_was_deleted_is_ended_where_it_shows_up(void **state)
{
	struct rack *rack = *state;
	_cleanup_lost_ struct lost lost = delete_unseen(rack);
	rack_restart(rack);
	rack_say_vm(rack, lost.found, lost.id, 7, "running", true);
	assert_int_equal(events_of(rack, "vm.stray"), 1);
	assert_told(rack, lost.found, lost.id, "absent");
	assert_told(rack, lost.thought, lost.id, NULL);
	json_t *vm = rack_desired_vm(rack, lost.found, lost.id);
	/* An order of a lower generation than the domain bears changes nothing there. */
	assert_true(json_integer_value(json_object_get(vm, "generation")) >= 7);
	json_decref(vm);
	rack_say_vm(rack, lost.found, lost.id, 7, "stopped", true); /* its definition is there */
	assert_told(rack, lost.found, lost.id, "absent");
	rack_say_vm(rack, lost.found, lost.id, 7, "absent", true);
	assert_told(rack, lost.found, lost.id, NULL);
	assert_int_equal(events_of(rack, "vm.stray"), 1);
}

/* Both nodes speak, as many times as it takes to have been asked after the deletion. */
static void all_speak(struct rack *rack, const struct lost *lost)
{
	for (unsigned i = 0; i < 3; i++) {
		rack_pass(rack, 1000);
		rack_say_nothing(rack, lost->thought, true);
		rack_say_nothing(rack, lost->found, true);
	}
}

static void it_is_remembered_until_all_nodes_have_spoken(void **state)
{
	struct rack *rack = *state;
	_cleanup_lost_ struct lost lost = delete_unseen(rack);
	for (unsigned i = 0; i < 5; i++) {
		rack_pass(rack, 10000);
		rack_say_nothing(rack, lost.thought, true);
		rack_say_nothing(rack, lost.found, false); /* of a document that was before */
	}
	assert_int_equal(store_count(rack_store(rack), &kind_deleted_vm), 1);
	all_speak(rack, &lost);
	assert_int_equal(store_count(rack_store(rack), &kind_deleted_vm), 0);
}

static void it_is_remembered_while_a_node_has_it(void **state)
{
	struct rack *rack = *state;
	_cleanup_lost_ struct lost lost = delete_unseen(rack);
	for (unsigned i = 0; i < 5; i++) {
		rack_pass(rack, 1000);
		rack_say_nothing(rack, lost.thought, true);
		rack_say_vm(rack, lost.found, lost.id, 7, "running", true); /* it cannot be ended there */
	}
	assert_int_equal(store_count(rack_store(rack), &kind_deleted_vm), 1);
	all_speak(rack, &lost);
	assert_int_equal(store_count(rack_store(rack), &kind_deleted_vm), 0);
}

/* One that never ran, and is nowhere: it is deleted at once. */
static char *deleted_at_once(struct rack *rack, const char *name)
{
	_cleanup_free_ char *volume = xasprintf("disk-of-%s", name);
	rack_volume(rack, volume, VOLUME_AVAILABLE);
	char *id = rack_vm(rack, name, volume, false);
	free(rack_delete(rack, id));
	assert_non_null(store_get(rack_store(rack), &kind_deleted_vm, id));
	return id;
}

static void both_speak(struct rack *rack, const char *one, const char *two)
{
	rack_say_nothing(rack, one, true);
	rack_say_nothing(rack, two, true);
}

/* The time of day tells nothing of what was before: it may be set. */
static void a_clock_that_is_set_forgets_nothing(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = rack_node(rack, 1), *two = rack_node(rack, 2);
	_cleanup_free_ char *first = deleted_at_once(rack, "first");
	rack_say_nothing(rack, one, true); /* a round begins */
	rack_say_nothing(rack, one, true);
	_cleanup_free_ char *second = deleted_at_once(rack, "second");
	store_begin(rack_store(rack));
	((struct deleted_vm *)store_edit(rack_store(rack), &kind_deleted_vm, second))->deleted = START_MS - 3600000;
	assert_int_equal(store_commit(rack_store(rack), NULL), 0);
	rack_say_nothing(rack, two, true); /* it ends: the first node has not spoken since the second was deleted */
	assert_null(store_get(rack_store(rack), &kind_deleted_vm, first));
	assert_non_null(store_get(rack_store(rack), &kind_deleted_vm, second));
	rack_restart(rack);
	for (unsigned i = 0; i < 3; i++)
		both_speak(rack, one, two);
	assert_int_equal(store_count(rack_store(rack), &kind_deleted_vm), 0);
}

/* Not the one that was created first: it may have been deleted just now. */
static void the_one_deleted_longest_ago_makes_room(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *early = NULL, *longest = NULL;
	store_begin(rack_store(rack));
	for (unsigned i = 0; i < DELETED_KEPT_MAX; i++) {
		struct deleted_vm *deleted = store_create(rack_store(rack), &kind_deleted_vm);
		deleted->deleted = i == 5000 ? START_MS - 2000 : START_MS - 1000;
		if (i == 0)
			early = xstrdup(deleted->id);
		if (i == 5000)
			longest = xstrdup(deleted->id);
	}
	assert_int_equal(store_commit(rack_store(rack), NULL), 0);
	free(deleted_at_once(rack, "last"));
	assert_int_equal(store_count(rack_store(rack), &kind_deleted_vm), DELETED_KEPT_MAX);
	assert_null(store_get(rack_store(rack), &kind_deleted_vm, longest));
	assert_non_null(store_get(rack_store(rack), &kind_deleted_vm, early));
}

/* ---- after a restart ---- */

static void no_volume_is_freed_before_all_nodes_are_heard(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = rack_node(rack, 1), *two = rack_node(rack, 2);
	rack_volume(rack, "root", VOLUME_AVAILABLE);
	_cleanup_free_ char *id = rack_vm(rack, "web", "root", false);
	rack_restart(rack);
	_cleanup_free_ char *task = rack_delete(rack, id);
	rack_say_nothing(rack, one, true);
	const struct volume *volume = store_find(rack_store(rack), &kind_volume, "root");
	assert_int_equal(volume->state, VOLUME_IN_USE);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_DELETING);
	rack_say_vm(rack, two, id, 3, "running", true); /* there it is: it is ended first */
	assert_told(rack, two, id, "absent");
	volume = store_find(rack_store(rack), &kind_volume, "root");
	assert_int_equal(volume->state, VOLUME_IN_USE);
	rack_say_nothing(rack, two, true);
	assert_null(store_get(rack_store(rack), &kind_vm, id));
	volume = store_find(rack_store(rack), &kind_volume, "root");
	assert_int_equal(volume->state, VOLUME_AVAILABLE);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
}

static void a_node_that_stays_away_does_not_keep_a_volume(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = rack_node(rack, 1), *two = rack_node(rack, 2);
	rack_volume(rack, "root", VOLUME_AVAILABLE);
	_cleanup_free_ char *id = rack_vm(rack, "web", "root", false);
	rack_restart(rack);
	free(rack_delete(rack, id));
	for (unsigned i = 0; i < 4; i++) {
		rack_pass(rack, 10000);
		rack_say_nothing(rack, one, true);
	}
	assert_null(store_get(rack_store(rack), &kind_vm, id));
	rack_say_vm(rack, two, id, 3, "running", true);
	assert_told(rack, two, id, "absent");
}

static void after_a_restart_all_nodes_are_heard_first(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = rack_node(rack, 1), *id = rack_running(rack, "web", one), *two = rack_node(rack, 2);
	rack_restart(rack);
	assert_told(rack, one, id, NULL);
	rack_say_nothing(rack, two, false);
	assert_told(rack, one, id, NULL);
	rack_say_nothing(rack, two, true);
	assert_told(rack, one, id, "running");
}

static void a_node_that_stays_silent_is_not_waited_for_for_ever(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = rack_node(rack, 1), *id = rack_running(rack, "web", one), *two = rack_node(rack, 2);
	rack_restart(rack);
	for (unsigned i = 0; i < 4; i++) {
		rack_pass(rack, 10000);
		rack_node_report(rack, one, json_object());
	}
	assert_int_equal(((const struct node *)store_get(rack_store(rack), &kind_node, two))->health, NODE_UNREACHABLE);
	assert_told(rack, one, id, "running");
}

/* It has sent it away under this very order, says its own note, and nobody else has it. */
static void one_that_its_node_denies_is_unknown_until_a_person_decides(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_running(rack, "web", node);
	int64_t generation = rack_get_vm(rack, id)->generation;
	rack_say_vm(rack, node, id, generation, "absent", false);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_RUNNING);
	rack_say_vm(rack, node, id, generation, "absent", true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_UNKNOWN);
	free(rack_stop(rack, id));
	rack_say_vm(rack, node, id, generation, "stopped", true);
	free(rack_vm_do(rack, id, vm_start));
	assert_true(rack_get_vm(rack, id)->generation == generation + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_where_it_runs_once_its_node_says_no),
		TEST(what_is_arriving_elsewhere_is_waited_for),
		TEST(it_is_told_once),
		TEST(an_old_word_of_where_it_was_is_no_stray),
		TEST(it_is_stopped_and_deleted_where_it_runs),
		TEST(one_that_was_stopped_is_started_where_it_runs),
		TEST(one_that_is_not_known_is_left_alone),
		TEST(one_that_was_deleted_is_ended_where_it_shows_up),
		TEST(it_is_remembered_until_all_nodes_have_spoken),
		TEST(it_is_remembered_while_a_node_has_it),
		TEST(a_clock_that_is_set_forgets_nothing),
		TEST(the_one_deleted_longest_ago_makes_room),
		TEST(no_volume_is_freed_before_all_nodes_are_heard),
		TEST(a_node_that_stays_away_does_not_keep_a_volume),
		TEST(after_a_restart_all_nodes_are_heard_first),
		TEST(a_node_that_stays_silent_is_not_waited_for_for_ever),
		TEST(one_that_its_node_denies_is_unknown_until_a_person_decides),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
