/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the nodes' agents are told of virtual machines, and what they say. */
#include "base/log.h"
#include "compute/cloud_init.h"
#include "compute/compute_priv.h"

/* ---- told ---- */

static const char *wanted_state(const struct vm *vm)
{
	if (vm->wanted)
		return "running";
	/* Once it has stopped nothing of it needs to stay on the node: its definition is here. */
	return vm->state == VM_STOPPING ? "stopped" : "absent";
}

static json_t *desired_vm(struct compute *compute, const struct vm *vm, const char *state, const struct node *node)
{
	const struct volume *volume = store_get(compute->store, &kind_volume, vm->volume);
	_cleanup_free_ char *device = xasprintf("volume-%s", vm->volume);
	json_t *desired = json_pack("{s:s, s:s, s:I, s:s, s:I, s:I, s:[{s:s, s:s}]}", "id", vm->id, "name", vm->name,
				    "generation", (json_int_t)vm->generation, "state", state, "cpus",
				    (json_int_t)vm->cpus, "memory_bytes", (json_int_t)vm->memory_bytes, "disks", "pool",
				    volume ? volume->pool : "", "image", device);
	bool has_qemu = str_equal(state, "running") || str_equal(state, "incoming");
	json_t *seed = has_qemu ? cloud_init_seed(vm) : NULL;
	json_t *nics = has_qemu ? vm_networks_desired(compute, vm) : NULL;
	if (seed)
		json_object_set_new(desired, "seed", seed);
	if (nics) {
		json_object_set_new(desired, "nics", nics);
		/* Networks are on the card that the node is reached by. */
		json_object_set_new(desired, "uplink", json_string(node->address));
	}
	return desired;
}

static void add_migration(struct compute *compute, const struct vm *vm, json_t *desired)
{
	const struct node *target = store_get(compute->store, &kind_node, vm->target);
	if (target)
		json_object_set_new(desired, "migrate",
				    json_pack("{s:s, s:s}", "id", vm->migration_id, "address", target->address));
}

json_t *vm_agent_desired(struct compute *compute, const struct node *node)
{
	json_t *list = json_array();
	STORE_EACH(struct vm, vm, compute->store, &kind_vm) {
		bool migrating = vm->state == VM_MIGRATING;
		if (str_equal(vm->node, node->id)) {
			/* Not spoken of at all: what runs goes on, what does not is not started. */
			if (vm->wanted && !(migrating && vm->target_ready) && !vm_may_run(compute, vm))
				continue;
			json_t *desired = desired_vm(compute, vm, wanted_state(vm), node);
			if (migrating && vm->target_ready)
				add_migration(compute, vm, desired);
			json_array_append_new(list, desired);
		} else if (migrating && str_equal(vm->target, node->id)) {
			json_t *desired = desired_vm(compute, vm, "incoming", node);
			/* So that no two migrations to here are asked for in the same words. */
			json_object_set_new(desired, "migration", json_string(vm->migration_id));
			json_object_set_new(desired, "confirm", json_boolean(vm->source_gone));
			json_array_append_new(list, desired);
		}
	}
	return list;
}

/* ---- said ---- */

struct migration_report {
	char *id, *state;
	int64_t progress;
	struct problem *error;
};
struct vm_report {
	char *id, *state;
	int64_t generation;
	struct migration_report *migration;
	struct problem *error;
};
struct vms_report {
	struct vm_report *vms;
	size_t vm_count;
};
static const struct field migration_fields[] = {
	F(struct migration_report, id, FIELD_STRING, 0, .max = 64),
	F(struct migration_report, state, FIELD_STRING, 0, .max = 32),
	F(struct migration_report, progress, FIELD_INT, 0, .max = 100),
	F(struct migration_report, error, FIELD_OBJECT, 0, .of = &problem_schema),
};
static const struct schema migration_schema = SCHEMA("migration", struct migration_report, migration_fields, "");
static const struct field vm_report_fields[] = {
	F(struct vm_report, id, FIELD_STRING, 0, .max = 64),
	F(struct vm_report, state, FIELD_STRING, 0, .max = 32),
	F(struct vm_report, generation, FIELD_INT, 0),
	F(struct vm_report, migration, FIELD_OBJECT, 0, .of = &migration_schema),
	F(struct vm_report, error, FIELD_OBJECT, 0, .of = &problem_schema),
};
static const struct schema vm_report_schema = SCHEMA("vm", struct vm_report, vm_report_fields, "");
static const struct field vms_report_fields[] = {
	F_LIST(struct vms_report, vms, vm_count, FIELD_OBJECTS, 0, .of = &vm_report_schema),
};
static const struct schema vms_report_schema = SCHEMA("vms", struct vms_report, vms_report_fields, "");

static bool is_running(const struct vm_report *report)
{
	return report && (str_equal(report->state, "running") || str_equal(report->state, "paused"));
}

static bool is_arriving(const struct vm_report *report)
{
	return report && str_equal(report->state, "arriving");
}

/* That it is *not* somewhere counts only in a settled report, whether it is said or it is not spoken of: an agent that is
 * busy with one order goes on saying what was before it. */
static bool is_absent(const struct vm_report *report, bool settled)
{
	return settled && (!report || str_equal(report->state, "absent"));
}

/* No QEMU of it is there, and none that waits for its memory. Not said by "failed", nor by a word we do not know. */
static bool is_not_here(const struct vm_report *report, bool settled)
{
	static const char *const words[] = { "absent", "stopped", "incoming", "starting" };
	for (size_t i = 0; report && i < ARRAY_SIZE(words); i++)
		if (str_equal(report->state, words[i]))
			return settled;
	return settled && !report;
}

static void mark_running(struct compute *compute, struct vm *vm)
{
	if (vm->state == VM_RUNNING)
		return;
	store_event(compute->store, "vm.running", "vm", vm->id, vm->name, "%s runs", vm->name);
	vm->state = VM_RUNNING;
	vm->error = schema_free(&problem_schema, vm->error);
	vm_end_task(compute, vm, NULL);
}

static void mark_failed(struct compute *compute, struct vm *vm, const struct problem *problem)
{
	_cleanup_err_ struct err why = ERR_INIT;
	problem_to_err(problem, &why);
	vm->state = VM_FAILED;
	vm->wanted = false;
	schema_free(&problem_schema, vm->error);
	vm->error = problem_new(&why);
	store_event(compute->store, "vm.failed", "vm", vm->id, vm->name, "%s failed: %s", vm->name, why.text);
	vm_end_task(compute, vm, &why);
}

/* It stopped by itself: the guest powered off, or QEMU ended. */
static void mark_ended(struct compute *compute, struct vm *vm)
{
	vm->wanted = false;
	vm->state = VM_STOPPED;
	store_event(compute->store, "vm.ended", "vm", vm->id, vm->name, "%s powered itself off", vm->name);
}

static void mark_stopped(struct compute *compute, struct vm *vm)
{
	vm->state = VM_STOPPED;
	store_event(compute->store, "vm.stopped", "vm", vm->id, vm->name, "%s is stopped", vm->name);
	vm_end_task(compute, vm, NULL);
}

/* Its node does not have it and will not start it: it has moved it away under this very order (an older state of ours came
 * back), or it waits for what another node has to say. */
static void mark_missing(struct compute *compute, struct vm *vm, const struct vm_report *report)
{
	if (vm_found(compute, vm)) {
		mark_running(compute, vm);
	} else if (report && str_equal(report->state, "absent") && vm->state == VM_RUNNING) {
		vm->state = VM_UNKNOWN;
		store_event(compute->store, "vm.unknown", "vm", vm->id, vm->name,
			    "the node of %s does not have it; if it runs nowhere else, stop it and start it again",
			    vm->name);
	}
}

/* Its own node speaks. */
static void from_node(struct compute *compute, struct vm *vm, const struct vm_report *report, bool settled)
{
	/* What is over counts only if it was said of the very order that stands now. */
	bool of_now = settled && report && report->generation == vm->generation;
	switch ((enum vm_state)vm->state) {
	case VM_STARTING:
		if (is_running(report) && report->generation == vm->generation)
			mark_running(compute, vm);
		else if (of_now && str_equal(report->state, "failed"))
			mark_failed(compute, vm, report->error);
		else if (is_not_here(report, settled))
			mark_missing(compute, vm, report);
		return;
	case VM_UNKNOWN:
	case VM_RUNNING:
		if (is_running(report))
			mark_running(compute, vm);
		else if (of_now && str_equal(report->state, "failed"))
			mark_failed(compute, vm, report->error);
		else if (of_now && str_equal(report->state, "stopped"))
			mark_ended(compute, vm);
		else if (is_not_here(report, settled))
			mark_missing(compute, vm, report);
		return;
	case VM_STOPPING:
		if (of_now && str_equal(report->state, "stopped"))
			mark_stopped(compute, vm);
		else if (is_absent(report, settled))
			vm_gone(compute, vm);
		return;
	case VM_DELETING:
	case VM_STOPPED:
	case VM_FAILED:
		if (is_absent(report, settled))
			vm_gone(compute, vm);
		return;
	case VM_MIGRATING:
		return;
	}
}

/* ---- migration: both ends speak, and the machine is where it runs ---- */

static void arrived(struct compute *compute, struct vm *vm)
{
	const struct node *target = store_get(compute->store, &kind_node, vm->target);
	store_event(compute->store, "vm.migrated", "vm", vm->id, vm->name, "%s moved to %s", vm->name,
		    target ? target->name : vm->target);
	str_set(&vm->node, vm->target);
	str_set(&vm->target, NULL);
	str_set(&vm->placement, "migrated");
	vm->migration_progress = 100;
	mark_running(compute, vm);
}

static void stayed(struct compute *compute, struct vm *vm, const struct problem *problem)
{
	_cleanup_err_ struct err why = ERR_INIT;
	problem_to_err(problem, &why);
	err_prefix(&why, "migration failed; it still runs where it was");
	str_set(&vm->target, NULL);
	vm->state = VM_RUNNING;
	schema_free(&problem_schema, vm->error);
	vm->error = problem_new(&why);
	vm_end_task(compute, vm, &why);
}

static void from_source(struct compute *compute, struct vm *vm, const struct vm_report *report, bool settled)
{
	const struct migration_report *migration = report ? report->migration : NULL;
	bool ours = migration && str_equal(migration->id, vm->migration_id);
	if (is_running(report)) {
		if (ours && str_equal(migration->state, "failed"))
			stayed(compute, vm, migration->error);
		else if (ours)
			task_progress(compute->store, vm->task, migration->progress, NULL);
		vm->migration_progress = ours ? migration->progress : 0;
	} else if (vm->target_ready && is_not_here(report, settled)) {
		/* It is not here, and while it is to migrate this agent will not start it. Either it has arrived, or it ended
		 * on the way: the target is asked anew, see from_target(). */
		vm->source_gone = true;
	}
}

/* Both ends have said that it is not there. */
static void nowhere(struct compute *compute, struct vm *vm)
{
	_cleanup_err_ struct err why = ERR_INIT;
	err_set(&why, ERR_INTERNAL, "it ended while it migrated; it is started again where it was");
	str_set(&vm->target, NULL);
	schema_free(&problem_schema, vm->error);
	vm->error = problem_new(&why);
	vm->state = VM_STARTING;
	vm->generation++;
	store_event(compute->store, "vm.lost", "vm", vm->id, vm->name, "%s: %s", vm->name, why.text);
	vm_end_task(compute, vm, &why);
}

/* The target runs it: libvirt lets it run there only once the source has given it up. That it is not there counts only
 * when it is said after the source had given it up: the desired document then asks for a confirmation, and only a report
 * of that document is settled. While it is arriving nothing is known yet: all of its memory may be there, and the source's
 * QEMU dead. */
static void from_target(struct compute *compute, struct vm *vm, const struct vm_report *report, bool settled)
{
	bool incoming = report && str_equal(report->state, "incoming");
	if (incoming && !vm->target_ready) {
		vm->target_ready = true;
		task_step(compute->store, vm->task, "copying memory");
	} else if (vm->target_ready && is_running(report)) {
		arrived(compute, vm);
	} else if (vm->source_gone && is_not_here(report, settled)) {
		nowhere(compute, vm);
	}
}

static const struct vm_report *find_report(const struct vms_report *reports, const char *id)
{
	for (size_t i = 0; i < reports->vm_count; i++)
		if (str_equal(reports->vms[i].id, id))
			return &reports->vms[i];
	return NULL;
}

static void take_reports(struct compute *compute, const char *node, const struct vms_report *reports, bool settled)
{
	STORE_EACH(struct vm, vm, compute->store, &kind_vm) {
		bool own = str_equal(vm->node, node), target = vm->state == VM_MIGRATING && str_equal(vm->target, node);
		if (!own && !target)
			continue;
		const struct vm_report *report = find_report(reports, vm->id);
		store_begin(compute->store);
		struct vm *edit = store_edit(compute->store, &kind_vm, vm->id);
		if (target)
			from_target(compute, edit, report, settled);
		else if (vm->state == VM_MIGRATING)
			from_source(compute, edit, report, settled);
		else
			from_node(compute, edit, report, settled);
		store_commit(compute->store, NULL);
	}
}

static bool take_strays(struct compute *compute, const char *node, const struct vms_report *reports)
{
	_cleanup_free_ struct vm_sighting *seen = new0(struct vm_sighting, reports->vm_count + 1);
	size_t count = 0;
	for (size_t i = 0; i < reports->vm_count; i++) {
		const struct vm_report *report = &reports->vms[i];
		if (report->id && (is_running(report) || is_arriving(report)))
			seen[count++] = (struct vm_sighting){ report->id, report->generation, is_running(report) };
	}
	return vm_strays_take(compute, node, seen, count);
}

bool vm_agent_report(struct compute *compute, const char *node, const json_t *json, bool settled)
{
	bool changed = false;
	_cleanup_err_ struct err err = ERR_INIT;
	struct vms_report reports = { 0 };
	json_t *wrapped = json_pack("{s:O}", "vms", json);
	if (schema_decode(&vms_report_schema, SCHEMA_PEER, wrapped, &reports, &err) < 0)
		log_warning("node %s: report of its virtual machines: %s", node, err.text);
	else {
		take_reports(compute, node, &reports, settled);
		/* An unsettled one may tell of a machine that has just left. */
		changed = settled && take_strays(compute, node, &reports);
	}
	schema_done(&vms_report_schema, &reports);
	json_decref(wrapped);
	return changed;
}

void vm_node_health(struct compute *compute, const char *node, bool ready)
{
	if (!ready)
		vm_strays_heard(compute, node);
	STORE_EACH(struct vm, vm, compute->store, &kind_vm) {
		if (!str_equal(vm->node, node) || ready || vm->state != VM_RUNNING)
			continue;
		store_begin(compute->store);
		struct vm *edit = store_edit(compute->store, &kind_vm, vm->id);
		edit->state = VM_UNKNOWN;
		store_event(compute->store, "vm.unknown", "vm", edit->id, edit->name,
			    "the node of %s does not answer; it may still run", edit->name);
		store_commit(compute->store, NULL);
	}
}

/* ---- a task is to stop ---- */

/* A migration is called off by no longer wanting it; the source reports what became of it. Everything else goes on until
 * its end, unseen: a half-started machine is stopped by asking for that. */
static void task_stop(const struct task *task, const struct err *why, void *data)
{
	struct compute *compute = data;
	const struct vm *vm = vm_get(compute, task->resource_id);
	_cleanup_free_ char *id = xstrdup(task->id);
	store_begin(compute->store);
	task_finish(compute->store, id, why);
	if (vm && str_equal(vm->task, id)) {
		struct vm *edit = store_edit(compute->store, &kind_vm, vm->id);
		str_set(&edit->task, NULL);
		if (edit->state == VM_MIGRATING && !edit->target_ready) {
			edit->state = VM_RUNNING;
			str_set(&edit->target, NULL);
		}
	}
	store_commit(compute->store, NULL);
}

struct compute *compute_new(struct store *store, struct task_service *tasks)
{
	struct compute *compute = new0(struct compute, 1);
	compute->store = store;
	compute->loop = store_loop(store);
	vm_strays_init(compute);
	task_service_owner(tasks, "vm", task_stop, compute);
	return compute;
}

struct compute *compute_free(struct compute *compute)
{
	if (compute)
		vm_strays_done(compute);
	free(compute);
	return NULL;
}
