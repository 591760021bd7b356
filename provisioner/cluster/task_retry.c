/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tasks that failed or were cancelled, once more. A retry goes the way of the first call: whoever did the work looks again at
 * whether it can be done in the present state, so nothing is started that runs. */
#include <errno.h>

#include "cluster/cluster_priv.h"

typedef int (*retry_fn)(struct cluster *cluster, const struct task *task, const char **ret_task, struct err *err);

static int commission(struct cluster *cluster, const struct task *task, const char **ret_task, struct err *err)
{
	const struct machine_accept how = { 0 }; /* the name that it was given it has */
	int r = machine_accept(cluster->spec.machines, task->resource_id, &how, err);
	if (r == 0)
		*ret_task = ((const struct machine *)store_get(cluster->store, &kind_machine, task->resource_id))->task;
	return r;
}

static int deploy(struct cluster *cluster, const struct task *task, const char **ret_task, struct err *err)
{
	struct machine_deploy how = { 0 };
	int r = task_order_get(task, &machine_deploy_schema, &how, err);
	if (r == 0)
		r = machine_deploy(cluster->spec.machines, task->resource_id, &how, ret_task, err);
	schema_done(&machine_deploy_schema, &how);
	return r;
}

static int power(struct cluster *cluster, const struct task *task, const char **ret_task, struct err *err)
{
	struct machine_power how = { 0 };
	int r = task_order_get(task, &machine_power_schema, &how, err);
	return r < 0 ? r : machine_power(cluster->spec.machines, task->resource_id, how.action, ret_task, err);
}

static int create_volume(struct cluster *cluster, const struct task *task, const char **ret_task, struct err *err)
{
	return volume_create_again(cluster->spec.storage, task, ret_task, err);
}

static int delete_volume(struct cluster *cluster, const struct task *task, const char **ret_task, struct err *err)
{
	return volume_delete(cluster->spec.storage, task->resource_id, ret_task, err);
}

static int import_image(struct cluster *cluster, const struct task *task, const char **ret_task, struct err *err)
{
	return err_set(err, ERR_STATE,
		       "the content of image %s is not kept when its import ends; send it again, which starts another",
		       task->resource_name);
}

static int delete_image(struct cluster *cluster, const struct task *task, const char **ret_task, struct err *err)
{
	return image_delete(cluster->spec.storage, task->resource_id, ret_task, err);
}

static int start(struct cluster *cluster, const struct task *task, const char **ret_task, struct err *err)
{
	return vm_start(cluster->spec.compute, task->resource_id, ret_task, err);
}

static int stop(struct cluster *cluster, const struct task *task, const char **ret_task, struct err *err)
{
	return vm_stop(cluster->spec.compute, task->resource_id, ret_task, err);
}

static int delete_vm(struct cluster *cluster, const struct task *task, const char **ret_task, struct err *err)
{
	return vm_delete(cluster->spec.compute, task->resource_id, ret_task, err);
}

static int migrate(struct cluster *cluster, const struct task *task, const char **ret_task, struct err *err)
{
	struct vm_migrate how = { 0 };
	int r = task_order_get(task, &vm_migrate_schema, &how, err);
	if (r == 0)
		r = cluster_vm_migrate(cluster, task->resource_id, how.node, ret_task, err);
	schema_done(&vm_migrate_schema, &how);
	return r;
}

/* Every action there is. */
static const struct retry {
	const char *action;
	const struct store_kind *kind;
	retry_fn fn;
	bool made_anew; /* if it is gone */
} retries[] = {
	{ "machine.commission", &kind_machine, commission, false },
	{ "machine.deploy", &kind_machine, deploy, false },
	{ "machine.power", &kind_machine, power, false },
	{ "volume.create", &kind_volume, create_volume, true },
	{ "volume.delete", &kind_volume, delete_volume, false },
	{ "image.import", &kind_image, import_image, false },
	{ "image.delete", &kind_image, delete_image, false },
	{ "vm.start", &kind_vm, start, false },
	{ "vm.stop", &kind_vm, stop, false },
	{ "vm.delete", &kind_vm, delete_vm, false },
	{ "vm.migrate", &kind_vm, migrate, false },
};

/* NULL, with err: it cannot be tried again. */
static const struct retry *find_retry(struct cluster *cluster, const struct task *task, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(retries); i++) {
		if (!str_equal(retries[i].action, task->action))
			continue;
		if (store_get(cluster->store, retries[i].kind, task->resource_id) ||
		    (retries[i].made_anew && task->state == TASK_CANCELLED))
			return &retries[i];
		err_set(err, ERR_STATE, "the %s %s, which the task was about, is gone", task->resource,
			str_or(task->resource_name, task->resource_id));
		return NULL;
	}
	err_set(err, ERR_UNSUPPORTED, "%s cannot be tried again", task->action);
	return NULL;
}

int cluster_task_retry(struct cluster *cluster, const char *id, const char **ret_task, struct err *err)
{
	const struct task *task = store_get(cluster->store, &kind_task, id);
	const char *again = NULL;
	if (!task)
		return err_set(err, ERR_NOT_FOUND, "there is no task '%s'", id);
	int r = task_check_retry(task, err);
	if (r < 0)
		return r;
	const struct retry *retry = find_retry(cluster, task, err);
	if (!retry)
		return -EINVAL;
	/* With the link in one transaction: a task is tried again once, whoever dies and however often it is asked for. */
	store_begin(cluster->store);
	r = retry->fn(cluster, task, &again, err);
	if (r < 0) {
		store_rollback(cluster->store);
		return r;
	}
	_cleanup_free_ char *again_id = xstrdup(again);
	task_retried(cluster->store, task->id, again_id);
	return task_commit(cluster->store, again_id, ret_task, err);
}
