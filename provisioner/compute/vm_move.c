/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A migration: both ends speak, and the machine is where it runs. Whatever was asked meanwhile, its task ends with what became
 * of it. */
#include "compute/compute_priv.h"

/* Neither end has anything to do with it any more. */
static void end_move(struct vm *vm)
{
	str_set(&vm->target, NULL);
	vm->target_ready = vm->source_gone = vm->call_off = false;
}

static void arrived(struct compute *compute, struct vm *vm)
{
	store_event(compute->store, vm->call_off ? "vm.migrated.late" : "vm.migrated", "vm", vm->id, vm->name, "node",
		    vm_node_name(compute, vm->target), NULL);
	str_set(&vm->node, vm->target);
	end_move(vm);
	str_set(&vm->placement, "migrated");
	vm->migration_progress = 100;
	vm_mark_running(compute, vm);
}

/* It was called off, or it failed for this reason. */
static void stayed(struct compute *compute, struct vm *vm, struct err *cause)
{
	_cleanup_err_ struct err why = ERR_INIT;
	const struct task *task = store_get(compute->store, &kind_task, vm->task);
	if (vm->call_off && task) {
		vm_called_off(task, &why);
		err_prefix(&why, "it still runs where it was");
	} else {
		err_move(&why, cause);
		err_prefix(&why, "migration failed; it still runs where it was");
	}
	end_move(vm);
	vm->state = VM_RUNNING;
	vm_set_error(vm, why.code == ERR_CANCELLED ? NULL : &why);
	vm_end_task(compute, vm, &why);
}

/* Both ends have said that it is not there. */
static void nowhere(struct compute *compute, struct vm *vm)
{
	_cleanup_err_ struct err why = ERR_INIT;
	err_set(&why, ERR_INTERNAL, "it ended while it migrated; it is started again where it was");
	store_event(compute->store, "vm.lost", "vm", vm->id, vm->name, "reason", why.text, NULL);
	end_move(vm);
	if (!store_get(compute->store, &kind_node, vm->node))
		str_set(&vm->node, NULL);
	vm_end_task(compute, vm, &why);
	vm_begin_start(compute, vm);
	vm_set_error(vm, &why);
}

/* It runs at the source: how far is it? */
static void from_source_running(struct compute *compute, struct vm *vm, const struct vm_report *report)
{
	_cleanup_err_ struct err cause = ERR_INIT;
	const struct migration_report *migration = report->migration;
	bool ours = migration && str_equal(migration->id, vm->migration_id);
	vm->migration_progress = ours ? migration->progress : 0;
	if (report->generation > vm->generation) {
		/* An old state has come back, with a migration that was over before: its agent passes such orders over. */
		vm->generation = report->generation;
		err_set(&cause, ERR_STATE, "it was started anew since");
		stayed(compute, vm, &cause);
	} else if (ours && str_equal(migration->state, "failed")) {
		problem_to_err(migration->error, &cause);
		stayed(compute, vm, &cause);
	} else if (ours) {
		task_progress(compute->store, vm->task, migration->progress, NULL);
	}
}

void vm_from_source(struct compute *compute, struct vm *vm, const struct vm_report *report, bool settled)
{
	if (vm_report_runs(report)) {
		from_source_running(compute, vm, report);
	} else if (vm->target_ready && vm_report_not_here(report, settled)) {
		/* It is not here, and while it is to migrate this agent will not start it. Either it has arrived, or it ended
		 * on the way: the target is asked anew, see vm_from_target(). A node that is no more has nothing. */
		vm->source_gone = true;
		if (!store_get(compute->store, &kind_node, vm->target))
			nowhere(compute, vm);
	}
	vm_settle(compute, vm);
}

/* The target runs it: libvirt lets it run there only once the source has given it up. That it is not there counts only
 * when it is said after the source had given it up: the desired document then asks for a confirmation, and only a report
 * of that document is settled. While it is arriving nothing is known yet: all of its memory may be there, and the source's
 * QEMU dead. */
void vm_from_target(struct compute *compute, struct vm *vm, const struct vm_report *report, bool settled)
{
	bool incoming = report && str_equal(report->state, "incoming");
	if (incoming && !vm->target_ready) {
		vm->target_ready = true;
		task_step(compute->store, vm->task, "copying memory");
	} else if (vm->target_ready && vm_report_runs(report)) {
		arrived(compute, vm);
	} else if (vm->source_gone && vm_report_not_here(report, settled)) {
		nowhere(compute, vm);
	} else if (vm->target_ready && !store_get(compute->store, &kind_node, vm->node)) {
		vm->source_gone = true; /* the node is no more */
	}
	vm_settle(compute, vm);
}
