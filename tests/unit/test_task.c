/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "task/task.h"
#include "store_fixture.h"

#define DEADLINE_MS 60000

static const struct task *get(struct fixture *f, const char *id)
{
	return store_get(f->store, &kind_task, id);
}

static char *create(struct fixture *f, const char *action)
{
	store_begin(f->store);
	char *id = xstrdup(task_create(f->store, action, "machine", "m1", "rack1-a", DEADLINE_MS));
	assert_commit(f->store);
	return id;
}

static void finish(struct fixture *f, const char *id, const struct err *err)
{
	store_begin(f->store);
	task_finish(f->store, id, err);
	assert_commit(f->store);
}

static void step(struct fixture *f, const char *id, const char *name)
{
	store_begin(f->store);
	task_step(f->store, id, name);
	assert_commit(f->store);
}

/* The last event's kind and text. */
static void assert_event(struct fixture *f, const char *kind, const char *text)
{
	json_t *events = store_events(f->store, store_event_last(f->store) - 1, 1);
	const json_t *event = json_array_get(events, 0);
	assert_string_equal(json_string_value(json_object_get(event, "kind")), kind);
	assert_string_equal(json_string_value(json_object_get(event, "text")), text);
	assert_string_equal(json_string_value(json_object_get(event, "resource_name")), "rack1-a");
	json_decref(events);
}

/* ---- a life ---- */

static void a_task_begins_running_with_a_deadline(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *id = create(f, "machine.deploy");
	const struct task *task = get(f, id);
	assert_int_equal(task->state, TASK_RUNNING);
	assert_true(task_running(f->store, id));
	assert_true(task->created == START_MS && task->deadline == START_MS + DEADLINE_MS && task->ended == 0);
	assert_string_equal(task->resource_id, "m1");
	assert_event(f, "task.started", "machine.deploy started");
}

static void steps_follow_each_other(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *id = create(f, "machine.deploy");
	step(f, id, "booting");
	fixture_pass(f, 1000);
	store_begin(f->store);
	task_progress(f->store, id, 40, "half way");
	assert_commit(f->store);
	assert_true(get(f, id)->progress == 40);
	assert_string_equal(get(f, id)->message, "half way");
	step(f, id, "booting"); /* the same again is no new step */
	assert_int_equal(get(f, id)->step_count, 1);
	step(f, id, "writing");
	const struct task *task = get(f, id);
	assert_int_equal(task->step_count, 2);
	assert_true(task->steps[0].started == START_MS && task->steps[0].ended == START_MS + 1000);
	assert_true(task->steps[1].started == START_MS + 1000 && task->steps[1].ended == 0);
	assert_true(task->progress == 0);
	assert_string_equal(task->message, "writing");
	fixture_pass(f, 500);
	finish(f, id, NULL);
	task = get(f, id);
	assert_int_equal(task->state, TASK_SUCCEEDED);
	assert_true(task->steps[1].ended == START_MS + 1500 && task->ended == START_MS + 1500 && task->progress == 100);
	assert_null(task->error);
	assert_event(f, "task.succeeded", "machine.deploy succeeded");
}

static void a_failure_says_why(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err why = ERR_INIT;
	_cleanup_free_ char *id = create(f, "machine.deploy");
	err_set_field(&why, ERR_CAPACITY, "disk", "the disk is too small");
	finish(f, id, &why);
	const struct task *task = get(f, id);
	assert_int_equal(task->state, TASK_FAILED);
	assert_string_equal(task->error->code, "capacity");
	assert_string_equal(task->error->field, "disk");
	assert_string_equal(task->message, "the disk is too small");
	assert_event(f, "task.failed", "machine.deploy failed: the disk is too small");
}

static void what_has_ended_does_not_change_any_more(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err why = ERR_INIT;
	_cleanup_free_ char *id = create(f, "machine.deploy");
	finish(f, id, NULL);
	int64_t revision = store_revision(f->store, &kind_task, id), event = store_event_last(f->store);
	err_set(&why, ERR_INTERNAL, "too late");
	store_begin(f->store);
	task_step(f->store, id, "another");
	task_progress(f->store, id, 3, "another");
	task_log(f->store, id, "another");
	task_finish(f->store, id, &why);
	assert_commit(f->store);
	assert_true(store_revision(f->store, &kind_task, id) == revision && store_event_last(f->store) == event);
	assert_false(task_running(f->store, id));
}

static void work_may_have_no_task(void **state)
{
	struct fixture *f = *state;
	store_begin(f->store);
	task_step(f->store, NULL, "a");
	task_progress(f->store, NULL, 1, "a");
	task_log(f->store, "none", "a");
	task_finish(f->store, NULL, NULL);
	assert_commit(f->store);
	assert_false(task_running(f->store, NULL));
	assert_int_equal(store_count(f->store, &kind_task), 0);
}

static void the_log_keeps_its_last_lines(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *id = create(f, "machine.deploy");
	store_begin(f->store);
	for (unsigned i = 0; i < TASK_LOG_MAX + 5; i++)
		task_log(f->store, id, "line %u", i);
	assert_commit(f->store);
	const struct task *task = get(f, id);
	assert_int_equal(task->log_count, TASK_LOG_MAX);
	assert_string_equal(task->log[0], "2026-01-01T00:00:00.000Z line 5");
	assert_string_equal(task->log[TASK_LOG_MAX - 1], "2026-01-01T00:00:00.000Z line 204");
	assert_null(task->log[TASK_LOG_MAX]);
}

/* ---- stopping ---- */

struct owner {
	struct fixture *f;
	bool ends; /* it ends the task when it is told */
	bool sees; /* it sees to it that the task ends */
	unsigned told;
	enum err_code why;
};

static bool on_stop(const struct task *task, const struct err *why, void *data)
{
	struct owner *owner = data;
	owner->told++;
	owner->why = why->code;
	if (owner->ends)
		finish(owner->f, task->id, why);
	return owner->sees;
}

static void cancelling_tells_the_owner(void **state)
{
	struct fixture *f = *state;
	struct owner machine = { .f = f, .ends = true }, vm = { .f = f, .ends = true };
	struct task_service *service = task_service_new(f->store);
	task_service_owner(service, "machine", on_stop, &machine);
	task_service_owner(service, "vm", on_stop, &vm);
	_cleanup_free_ char *id = create(f, "machine.deploy");
	assert_int_equal(task_cancel(service, id, NULL), 0);
	assert_int_equal(machine.told, 1);
	assert_int_equal(machine.why, ERR_CANCELLED);
	assert_int_equal(vm.told, 0);
	assert_int_equal(get(f, id)->state, TASK_CANCELLED);
	assert_true(get(f, id)->cancel);
	assert_event(f, "task.cancelled", "machine.deploy cancelled: cancelled on request");
	task_service_free(service);
}

static void what_cannot_be_cancelled_is_told(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	struct task_service *service = task_service_new(f->store);
	_cleanup_free_ char *id = create(f, "machine.deploy");
	assert_true(task_cancel(service, "none", &err) < 0);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	finish(f, id, NULL);
	assert_true(task_cancel(service, id, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_string_equal(err.text, "the task has ended already (succeeded)");
	task_service_free(service);
}

/* A word is the whole word before the dot. */
static void an_owner_is_found_by_its_whole_word(void **state)
{
	struct fixture *f = *state;
	struct owner owner = { .f = f, .ends = true };
	struct task_service *service = task_service_new(f->store);
	task_service_owner(service, "vm", on_stop, &owner);
	_cleanup_free_ char *id = create(f, "vmware.import");
	assert_int_equal(task_cancel(service, id, NULL), 0);
	assert_int_equal(owner.told, 0);
	task_service_free(service);
}

static void an_owner_is_told_until_the_task_has_ended(void **state)
{
	struct fixture *f = *state;
	struct owner owner = { .f = f, .ends = false };
	struct task_service *service = task_service_new(f->store);
	task_service_owner(service, "machine", on_stop, &owner);
	_cleanup_free_ char *id = create(f, "machine.deploy");
	task_cancel(service, id, NULL);
	fixture_pass(f, 2000);
	assert_int_equal(owner.told, 3);
	owner.ends = true;
	fixture_pass(f, 5000);
	assert_int_equal(owner.told, 4);
	assert_int_equal(get(f, id)->state, TASK_CANCELLED);
	task_service_free(service);
}

static bool die(void *data)
{
	return true;
}

static void a_wish_to_cancel_survives_a_crash(void **state)
{
	struct fixture *f = *state;
	struct owner owner = { .f = f, .ends = true };
	struct task_service *service = task_service_new(f->store);
	_cleanup_free_ char *id = create(f, "machine.deploy");
	store_set_crash_hook(f->store, die, NULL);
	task_cancel(service, id, NULL);
	task_service_free(service);
	fixture_reopen(f);
	service = task_service_new(f->store);
	task_service_owner(service, "machine", on_stop, &owner);
	fixture_pass(f, 1000);
	assert_int_equal(owner.told, 1);
	assert_int_equal(get(f, id)->state, TASK_CANCELLED);
	task_service_free(service);
}

static void a_deadline_ends_it_whether_the_owner_does_or_not(void **state)
{
	struct fixture *f = *state;
	for (unsigned ends = 0; ends < 2; ends++) {
		struct owner owner = { .f = f, .ends = ends };
		struct task_service *service = task_service_new(f->store);
		task_service_owner(service, "machine", on_stop, &owner);
		_cleanup_free_ char *id = create(f, "machine.deploy");
		step(f, id, "writing");
		fixture_pass(f, DEADLINE_MS - 1);
		assert_int_equal(get(f, id)->state, TASK_RUNNING);
		fixture_pass(f, 1000);
		assert_int_equal(owner.told, 1);
		assert_int_equal(owner.why, ERR_TIMEOUT);
		assert_int_equal(get(f, id)->state, TASK_FAILED);
		assert_string_equal(get(f, id)->error->code, "timeout");
		assert_string_equal(get(f, id)->error->text,
				    "machine.deploy was not done by its deadline; the last step was: writing");
		task_service_free(service);
	}
}

/* What became of it the owner does not know yet. */
static void an_owner_may_keep_it_past_its_deadline(void **state)
{
	struct fixture *f = *state;
	struct owner owner = { .f = f, .sees = true };
	struct task_service *service = task_service_new(f->store);
	task_service_owner(service, "machine", on_stop, &owner);
	_cleanup_free_ char *id = create(f, "machine.deploy");
	fixture_pass(f, DEADLINE_MS + 3000);
	assert_int_equal(get(f, id)->state, TASK_RUNNING);
	assert_true(owner.told >= 3);
	owner.sees = false;
	fixture_pass(f, 1000);
	assert_int_equal(get(f, id)->state, TASK_FAILED);
	task_service_free(service);
}

/* ---- how many are kept ---- */

static void the_oldest_that_have_ended_are_dropped(void **state)
{
	struct fixture *f = *state;
	struct task_service *service = task_service_new(f->store);
	char *first[3];
	for (unsigned i = 0; i < 3; i++) {
		first[i] = create(f, "machine.deploy");
		loop_fake_set_ms(f->loop, loop_now_ms(f->loop) + 1);
	}
	finish(f, first[0], NULL);
	finish(f, first[2], NULL);
	store_begin(f->store);
	for (unsigned i = 3; i < TASKS_KEPT_MAX + 1; i++)
		task_create(f->store, "machine.deploy", "machine", "m1", "rack1-a", DEADLINE_MS);
	assert_commit(f->store);
	assert_int_equal(store_count(f->store, &kind_task), TASKS_KEPT_MAX + 1);
	fixture_pass(f, 1000);
	assert_int_equal(store_count(f->store, &kind_task), TASKS_KEPT_MAX);
	assert_null(get(f, first[0]));
	assert_non_null(get(f, first[1])); /* it runs */
	assert_non_null(get(f, first[2]));
	store_begin(f->store);
	task_create(f->store, "machine.deploy", "machine", "m1", "rack1-a", DEADLINE_MS);
	assert_commit(f->store);
	fixture_pass(f, 1000);
	assert_null(get(f, first[2]));
	for (unsigned i = 0; i < 3; i++)
		free(first[i]);
	task_service_free(service);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_task_begins_running_with_a_deadline),
		TEST(steps_follow_each_other),
		TEST(a_failure_says_why),
		TEST(what_has_ended_does_not_change_any_more),
		TEST(work_may_have_no_task),
		TEST(the_log_keeps_its_last_lines),
		TEST(cancelling_tells_the_owner),
		TEST(what_cannot_be_cancelled_is_told),
		TEST(an_owner_is_found_by_its_whole_word),
		TEST(an_owner_is_told_until_the_task_has_ended),
		TEST(a_wish_to_cancel_survives_a_crash),
		TEST(a_deadline_ends_it_whether_the_owner_does_or_not),
		TEST(an_owner_may_keep_it_past_its_deadline),
		TEST(the_oldest_that_have_ended_are_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
