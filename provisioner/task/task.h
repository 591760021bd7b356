/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tasks: what takes longer than a blink, as people see it: steps, progress, log, deadline, cancel. Whoever owns the work
 * (a machine's life cycle, a migration) writes here; a task drives nothing itself. All but task_service_*() within a
 * transaction of the store. Loop thread. */
#ifndef INGOT_TASK_TASK_H
#define INGOT_TASK_TASK_H

#include "store/store.h"

/* A new running task; its id is borrowed from the document. action: "machine.deploy"; the owner of the action is told when
 * the task is to be cancelled or its deadline has passed. */
const char *task_create(struct store *store, const char *action, const char *resource, const char *resource_id,
			const char *resource_name, int64_t deadline_ms);
/* The functions below take a NULL or finished task id and then do nothing: work may go on for a task that was ended. */
void task_step(struct store *store, const char *id, const char *step);
void task_progress(struct store *store, const char *id, int64_t percent, const char *message);
/* Its deadline is deadline_ms from now: its work begins only now, or has come further. */
void task_put_off(struct store *store, const char *id, int64_t deadline_ms);
void task_log(struct store *store, const char *id, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* err NULL: succeeded. ERR_CANCELLED: cancelled. Otherwise failed. */
void task_finish(struct store *store, const char *id, const struct err *err);
bool task_running(struct store *store, const char *id);
/* Keeps with the task what was asked for, so that it can be asked for again. */
void task_order(struct store *store, const char *id, const struct schema *schema, const void *order);
/* What was asked for: fills an object of zeros, which the caller frees by schema_done(). ERR_STATE: it was not kept, for the task
 * is of an earlier version. */
int task_order_get(const struct task *task, const struct schema *schema, void *ret, struct err *err);
/* Whether a task can be tried again: ERR_STATE if it runs, has succeeded, or was tried again already. */
int task_check_retry(const struct task *task, struct err *err);
/* The one was made to try the other again. */
void task_retried(struct store *store, const char *of, const char *by);
/* Commits the transaction that made the task. *ret_id is the id in its document, borrowed. What follows from the commit may
 * have ended the task already and parted it from its owner: id need not live longer than the transaction. Errors of
 * store_commit(). */
int task_commit(struct store *store, const char *id, const char **ret_id, struct err *err);

/* Owners of actions, by the word before the dot ("machine"). why: ERR_CANCELLED or ERR_TIMEOUT. Called outside any
 * transaction, and again each second until the task has ended. True: the owner has ended it, or sees to it that it ends, with
 * what really happened and soon. False: past its deadline it is ended with why, whatever its owner does. */
struct task_service;
typedef bool (*task_stop_fn)(const struct task *task, const struct err *why, void *data);
struct task_service *task_service_new(struct store *store);
struct task_service *task_service_free(struct task_service *service);
void task_service_owner(struct task_service *service, const char *word, task_stop_fn fn, void *data);
/* A person asks: 0, or ERR_STATE if it has ended. */
int task_cancel(struct task_service *service, const char *id, struct err *err);

#define TASK_LOG_MAX 200
#define TASKS_KEPT_MAX 1000

#endif
