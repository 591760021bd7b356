/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>

#include "task/task.h"

#define CHECK_EVERY_MS 1000
#define OWNERS_MAX 8

const char *task_create(struct store *store, const char *action, const char *resource, const char *resource_id,
			const char *resource_name, int64_t deadline_ms)
{
	struct task *task = store_create(store, &kind_task);
	int64_t now = loop_now_ms(store_loop(store));
	str_set(&task->action, action);
	str_set(&task->resource, resource);
	str_set(&task->resource_id, resource_id);
	str_set(&task->resource_name, resource_name);
	task->state = TASK_RUNNING;
	task->created = now;
	task->deadline = now + deadline_ms;
	store_event(store, "task.started", resource, resource_id, resource_name, "action", action, NULL);
	return task->id;
}

static struct task *running(struct store *store, const char *id)
{
	const struct task *task = store_get(store, &kind_task, id);
	return task && task->state == TASK_RUNNING ? store_edit(store, &kind_task, id) : NULL;
}

bool task_running(struct store *store, const char *id)
{
	const struct task *task = store_get(store, &kind_task, id);
	return task && task->state == TASK_RUNNING;
}

void task_order(struct store *store, const char *id, const struct schema *schema, const void *order)
{
	struct task *task = running(store, id);
	if (!task)
		return;
	json_decref(task->order);
	task->order = schema_encode(schema, order, true);
}

int task_order_get(const struct task *task, const struct schema *schema, void *ret, struct err *err)
{
	if (!task->order)
		return err_set(
			err, ERR_STATE,
			"what was asked for was not kept with this task, which is of an earlier version; ask for "
			"it anew");
	return schema_decode(schema, SCHEMA_STORE, task->order, ret, err);
}

int task_check_retry(const struct task *task, struct err *err)
{
	if (task->state == TASK_RUNNING)
		return err_set(err, ERR_STATE, "the task still runs; wait for its end, or cancel it");
	if (task->state == TASK_SUCCEEDED)
		return err_set(err, ERR_STATE, "the task has succeeded; there is nothing to try again");
	if (task->retried_by)
		return err_set(err, ERR_STATE, "the task was tried again already, by task %s: look at that one",
			       task->retried_by);
	return 0;
}

void task_retried(struct store *store, const char *of, const char *by)
{
	struct task *first = store_edit(store, &kind_task, of), *again = store_edit(store, &kind_task, by);
	str_set(&first->retried_by, by);
	str_set(&again->retry_of, of);
	task_log(store, by, "tries task %s again, which %s", of,
		 first->state == TASK_CANCELLED ? "was cancelled" : "failed");
}

int task_commit(struct store *store, const char *id, const char **ret_id, struct err *err)
{
	_cleanup_free_ char *kept = xstrdup(id);
	int r = store_commit(store, err);
	if (r == 0)
		*ret_id = ((const struct task *)store_get(store, &kind_task, kept))->id;
	return r;
}

static void end_step(struct task *task, int64_t now)
{
	if (task->step_count > 0 && !task->steps[task->step_count - 1].ended)
		task->steps[task->step_count - 1].ended = now;
}

void task_step(struct store *store, const char *id, const char *name)
{
	struct task *task = running(store, id);
	int64_t now = loop_now_ms(store_loop(store));
	if (!task)
		return;
	if (task->step_count > 0 && str_equal(task->steps[task->step_count - 1].name, name))
		return;
	end_step(task, now);
	struct task_step *step = schema_list_add(&task_schema, task, "steps");
	step->name = xstrdup(name);
	step->started = now;
	str_set(&task->message, name);
	task->progress = 0;
}

void task_progress(struct store *store, const char *id, int64_t percent, const char *message)
{
	struct task *task = running(store, id);
	if (!task)
		return;
	task->progress = percent;
	if (message)
		str_set(&task->message, message);
}

void task_put_off(struct store *store, const char *id, int64_t deadline_ms)
{
	struct task *task = running(store, id);
	if (task)
		task->deadline = loop_now_ms(store_loop(store)) + deadline_ms;
}

void task_log(struct store *store, const char *id, const char *fmt, ...)
{
	struct task *task = running(store, id);
	if (!task)
		return;
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *text = xvasprintf(fmt, ap);
	va_end(ap);
	_cleanup_free_ char *when = time_format(loop_now_ms(store_loop(store)));
	_cleanup_free_ char *line = xasprintf("%s %s", when, text);
	if (task->log_count >= TASK_LOG_MAX) {
		free(task->log[0]);
		memmove(task->log, task->log + 1, (task->log_count - 1) * sizeof(char *));
		task->log[--task->log_count] = NULL;
	}
	schema_strings_add(&task->log, &task->log_count, line);
}

void task_finish(struct store *store, const char *id, const struct err *err)
{
	struct task *task = running(store, id);
	int64_t now = loop_now_ms(store_loop(store));
	if (!task)
		return;
	end_step(task, now);
	task->ended = now;
	if (!err) {
		task->state = TASK_SUCCEEDED;
		task->progress = 100;
		str_set(&task->message, "done");
	} else {
		task->state = err->code == ERR_CANCELLED ? TASK_CANCELLED : TASK_FAILED;
		task->error = problem_new(err);
		str_set(&task->message, task->error->text);
	}
	_cleanup_free_ char *kind = xasprintf("task.%s", task_state_words[task->state]);
	store_event(store, kind, task->resource, task->resource_id, task->resource_name, "action", task->action,
		    "reason", err ? task->error->text : NULL, NULL);
}

/* ---- deadlines, cancelling, keeping the list short ---- */

struct task_service {
	struct store *store;
	struct loop_timer *timer;
	struct store_cursor checked; /* how far the check under way has come */
	struct {
		const char *word;
		task_stop_fn fn;
		void *data;
	} owners[OWNERS_MAX];
	size_t owner_count;
};

static bool stop(struct task_service *service, const struct task *task, const struct err *why)
{
	for (size_t i = 0; i < service->owner_count; i++) {
		size_t len = strlen(service->owners[i].word);
		if (strncmp(task->action, service->owners[i].word, len) == 0 && task->action[len] == '.') {
			return service->owners[i].fn(task, why, service->owners[i].data);
		}
	}
	return false;
}

static void drop_oldest(struct store *store)
{
	size_t count = store_count(store, &kind_task);
	if (count <= TASKS_KEPT_MAX)
		return;
	store_begin(store);
	STORE_EACH(struct task, task, store, &kind_task) {
		if (count <= TASKS_KEPT_MAX)
			break;
		if (task->state == TASK_RUNNING)
			continue;
		store_remove(store, &kind_task, task->id);
		count--;
	}
	store_must_commit(store);
}

static void time_out(struct task_service *service, const struct task *task)
{
	struct store *store = service->store;
	_cleanup_err_ struct err why = ERR_INIT;
	_cleanup_free_ char *id = xstrdup(task->id);
	err_set(&why, ERR_TIMEOUT, "%s was not done by its deadline; the last step was: %s", task->action,
		str_or(task->message, "none"));
	if (stop(service, task, &why))
		return;
	/* An owner that has lost sight of its task would leave it running for ever. */
	store_begin(store);
	task_finish(store, id, &why);
	store_must_commit(store);
}

static void ask_to_stop(struct task_service *service, const struct task *task)
{
	_cleanup_err_ struct err why = ERR_INIT;
	err_set(&why, ERR_CANCELLED, "cancelled on request");
	stop(service, task, &why);
}

static void check(void *data)
{
	struct task_service *service = data;
	struct loop *loop = store_loop(service->store);
	int64_t now = loop_now_ms(loop), began_ms = loop_monotonic_ms(loop);
	const struct task *task;
	while ((task = store_each(service->store, &kind_task, &service->checked))) {
		if (task->state == TASK_RUNNING && now >= task->deadline)
			time_out(service, task);
		else if (task->state == TASK_RUNNING && task->cancel) /* we died before its owner was told */
			ask_to_stop(service, task);
		if (loop_turn_is_over(loop, began_ms))
			break;
	}
	if (!task) {
		service->checked = (struct store_cursor){ 0 };
		drop_oldest(service->store);
	}
	service->timer = loop_timer_new(loop, task ? 0 : CHECK_EVERY_MS, check, service);
}

struct task_service *task_service_new(struct store *store)
{
	struct task_service *service = new0(struct task_service, 1);
	service->store = store;
	service->timer = loop_timer_new(store_loop(store), CHECK_EVERY_MS, check, service);
	return service;
}

struct task_service *task_service_free(struct task_service *service)
{
	if (service) {
		loop_timer_free(service->timer);
		free(service);
	}
	return NULL;
}

void task_service_owner(struct task_service *service, const char *word, task_stop_fn fn, void *data)
{
	assert(service->owner_count < OWNERS_MAX);
	service->owners[service->owner_count].word = word;
	service->owners[service->owner_count].fn = fn;
	service->owners[service->owner_count++].data = data;
}

int task_cancel(struct task_service *service, const char *id, struct err *err)
{
	const struct task *task = store_get(service->store, &kind_task, id);
	if (!task)
		return err_set(err, ERR_NOT_FOUND, "there is no task '%s'", id);
	if (task->state != TASK_RUNNING)
		return err_set(err, ERR_STATE, "the task has ended already (%s)", task_state_words[task->state]);
	store_begin(service->store);
	struct task *edit = store_edit(service->store, &kind_task, id);
	edit->cancel = true;
	int r = store_commit(service->store, err);
	if (r < 0)
		return r;
	ask_to_stop(service, store_get(service->store, &kind_task, id));
	return 0;
}
