/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tasks of virtual machines that are to stop, because somebody asks for it or their time is over. What a node was told may be
 * done already: it is called off, and the task ends with what the nodes say became of it. If they say nothing it ends as
 * failed, a while after its deadline. */
#include "compute/compute_priv.h"

void vm_called_off(const struct task *task, struct err *ret)
{
	if (task->cancel)
		err_set(ret, ERR_CANCELLED, "cancelled on request");
	else
		err_set(ret, ERR_TIMEOUT, "%s was not done by its deadline", task->action);
}

static bool is_start(const struct task *task)
{
	return str_equal(task->action, "vm.start");
}

void vm_end_stop(struct compute *compute, struct vm *vm)
{
	_cleanup_err_ struct err why = ERR_INIT;
	const struct task *task = store_get(compute->store, &kind_task, vm->task);
	if (task && is_start(task))
		vm_called_off(task, &why);
	if (why.code == ERR_TIMEOUT)
		vm_set_error(vm, &why);
	vm_end_task(compute, vm, why.code ? &why : NULL);
}

/* The source is told to end it; if it was never told to begin, nothing has to be ended. */
static void stop_move(struct compute *compute, struct vm *vm, const struct err *why)
{
	vm->call_off = true;
	task_step(compute->store, vm->task, "calling it off");
	if (vm->target_ready)
		return;
	str_set(&vm->target, NULL);
	vm->call_off = false;
	if (vm->state == VM_MIGRATING)
		vm->state = VM_RUNNING;
	if (why->code != ERR_CANCELLED)
		vm_set_error(vm, why);
	vm_end_task(compute, vm, why);
}

/* A half-started machine is stopped. */
static void stop_start(struct compute *compute, struct vm *vm)
{
	task_step(compute->store, vm->task, "calling it off");
	if (vm->state == VM_STOPPING)
		return;
	vm->wanted = false;
	vm->state = VM_STOPPING;
	if (!vm->node)
		vm_gone(compute, vm);
}

static void give_up(struct compute *compute, struct vm *vm, const struct task *task)
{
	_cleanup_err_ struct err why = ERR_INIT;
	if (vm->target)
		err_set(&why, ERR_TIMEOUT,
			"%s was not done by its deadline and could not be called off; whether %s moved from %s to %s is "
			"known once they answer",
			task->action, vm->name, vm_node_name(compute, vm->node), vm_node_name(compute, vm->target));
	else
		err_set(&why, ERR_TIMEOUT,
			"%s was not done by its deadline and could not be called off; it is stopped once %s answers",
			task->action, vm_node_name(compute, vm->node));
	vm_set_error(vm, &why);
	vm_end_task(compute, vm, &why);
}

/* What is to end ends: a stop and a deletion cannot be called back, and their tasks tell how they went. */
static bool stop(struct compute *compute, struct vm *vm, const struct task *task, const struct err *why)
{
	if (vm->target) {
		stop_move(compute, vm, why);
	} else if (is_start(task)) {
		stop_start(compute, vm);
	} else if (why->code == ERR_CANCELLED) {
		task_step(compute->store, vm->task, "cannot be called back");
	} else {
		vm_end_task(compute, vm, why);
	}
	if (vm->task && loop_now_ms(compute->loop) >= task->deadline + CALL_OFF_MS)
		give_up(compute, vm, task);
	return true;
}

bool vm_task_stop(const struct task *task, const struct err *why, void *data)
{
	struct compute *compute = data;
	const struct vm *vm = vm_get(compute, task->resource_id);
	if (!vm || !str_equal(vm->task, task->id)) {
		_cleanup_free_ char *id = xstrdup(task->id);
		store_begin(compute->store);
		task_finish(compute->store, id, why); /* nobody works on it any more */
		store_must_commit(compute->store);
		return true;
	}
	store_begin(compute->store);
	bool ends = stop(compute, store_edit(compute->store, &kind_vm, vm->id), task, why);
	store_must_commit(compute->store);
	return ends;
}
