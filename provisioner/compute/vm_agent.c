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
				    json_pack("{s:s, s:s, s:b}", "id", vm->migration_id, "address", target->address,
					      "abort", vm->call_off));
}

json_t *vm_agent_desired(struct compute *compute, const struct node *node)
{
	json_t *list = json_array();
	STORE_EACH(struct vm, vm, compute->store, &kind_vm) {
		bool moving = vm->target != NULL;
		if (str_equal(vm->node, node->id)) {
			/* Not spoken of at all: what runs goes on, what does not is not started. */
			if (vm->wanted && !(moving && vm->target_ready) && !vm_may_run(compute, vm))
				continue;
			json_t *desired = desired_vm(compute, vm, wanted_state(vm), node);
			if (moving && vm->target_ready)
				add_migration(compute, vm, desired);
			json_array_append_new(list, desired);
		} else if (moving && str_equal(vm->target, node->id)) {
			json_t *desired = desired_vm(compute, vm, "incoming", node);
			/* So that no two migrations to here are asked for in the same words. */
			json_object_set_new(desired, "migration", json_string(vm->migration_id));
			json_object_set_new(desired, "confirm", json_boolean(vm->source_gone));
			json_array_append_new(list, desired);
		}
	}
	vm_strays_desired(compute, node->id, list);
	return list;
}

/* ---- said ---- */

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

bool vm_report_runs(const struct vm_report *report)
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
bool vm_report_not_here(const struct vm_report *report, bool settled)
{
	static const char *const words[] = { "absent", "stopped", "incoming", "starting" };
	for (size_t i = 0; report && i < ARRAY_SIZE(words); i++)
		if (str_equal(report->state, words[i]))
			return settled;
	return settled && !report;
}

const char *vm_node_name(struct compute *compute, const char *id)
{
	const struct node *node = store_get(compute->store, &kind_node, id);
	return node ? node->name : str_or(id, "no node");
}

/* Whether the node that would know of it answers: of one that the source of its migration has no more, the target. */
static bool is_heard(struct compute *compute, const struct vm *vm)
{
	const struct node *node =
		store_get(compute->store, &kind_node, vm->target && vm->source_gone ? vm->target : vm->node);
	return !node || node->health == NODE_READY;
}

void vm_settle(struct compute *compute, struct vm *vm)
{
	bool heard = is_heard(compute, vm);
	bool acts = vm->state == VM_STARTING || vm->state == VM_RUNNING || vm->state == VM_MIGRATING;
	if (!heard && acts) {
		vm->state = VM_UNKNOWN;
		store_event(compute->store, "vm.unknown", "vm", vm->id, vm->name, NULL);
	} else if (heard && vm->state == VM_UNKNOWN && vm->target) {
		vm->state = VM_MIGRATING;
	} else if (heard && vm->state == VM_UNKNOWN && vm->wanted && !vm->has_run && vm->task) {
		/* Without a task nobody starts it: it was stored before has_run was, and may have run. */
		vm->state = VM_STARTING;
	}
}

void vm_mark_running(struct compute *compute, struct vm *vm)
{
	vm->has_run = true;
	if (vm->state == VM_RUNNING)
		return;
	store_event(compute->store, "vm.running", "vm", vm->id, vm->name, NULL);
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
	vm_set_error(vm, &why);
	store_event(compute->store, "vm.failed", "vm", vm->id, vm->name, "reason", why.text, NULL);
	vm_end_task(compute, vm, &why);
}

/* It stopped by itself: the guest powered off, or QEMU ended. Of one that was to start: it has run before. */
static void mark_ended(struct compute *compute, struct vm *vm)
{
	vm->wanted = false;
	vm->has_run = true;
	vm->state = VM_STOPPED;
	vm_end_task(compute, vm, NULL);
	store_event(compute->store, "vm.ended", "vm", vm->id, vm->name, NULL);
}

static void mark_stopped(struct compute *compute, struct vm *vm)
{
	vm->state = VM_STOPPED;
	store_event(compute->store, "vm.stopped", "vm", vm->id, vm->name, NULL);
	vm_end_stop(compute, vm);
}

/* Its node does not have it and will not start it: it has moved it away under this very order (an older state of ours came
 * back), or it waits for what another node has to say. */
static void mark_missing(struct compute *compute, struct vm *vm, const struct vm_report *report)
{
	if (!vm_found(compute, vm) && report && str_equal(report->state, "absent") && vm->state == VM_RUNNING) {
		vm->state = VM_UNKNOWN;
		store_event(compute->store, "vm.unknown.absent", "vm", vm->id, vm->name, NULL);
	}
}

/* An old state has come back: its node has carried out later orders than any that are known here, and would pass over those
 * that are given now. */
static void learn_generation(struct vm *vm, const struct vm_report *report)
{
	if (!report || report->generation <= vm->generation)
		return;
	/* A start is to be a new one: what ended under an order is not started again under it. */
	bool again = vm->state == VM_STARTING && !vm_report_runs(report);
	vm->generation = report->generation + again;
}

/* Its own node speaks. */
static void from_node(struct compute *compute, struct vm *vm, const struct vm_report *report, bool settled)
{
	learn_generation(vm, report);
	/* What is over counts only if it was said of the very order that stands now. */
	bool of_now = settled && report && report->generation == vm->generation;
	switch ((enum vm_state)vm->state) {
	case VM_STARTING:
		if (vm_report_runs(report) && report->generation == vm->generation)
			vm_mark_running(compute, vm);
		else if (of_now && str_equal(report->state, "failed"))
			mark_failed(compute, vm, report->error);
		else if (of_now && str_equal(report->state, "stopped"))
			mark_ended(compute, vm); /* nobody was there to hear that it ran */
		else if (vm_report_not_here(report, settled))
			mark_missing(compute, vm, report);
		return;
	case VM_UNKNOWN:
	case VM_RUNNING:
		if (vm_report_runs(report))
			vm_mark_running(compute, vm);
		else if (of_now && str_equal(report->state, "failed"))
			mark_failed(compute, vm, report->error);
		else if (of_now && str_equal(report->state, "stopped"))
			mark_ended(compute, vm);
		else if (vm_report_not_here(report, settled))
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
	case VM_MIGRATING: /* vm_move.c */
		return;
	}
}

/* ---- all that a node says ---- */

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
		bool own = str_equal(vm->node, node), target = str_equal(vm->target, node);
		if (!own && !target)
			continue;
		const struct vm_report *report = find_report(reports, vm->id);
		store_begin(compute->store);
		struct vm *edit = store_edit(compute->store, &kind_vm, vm->id);
		if (target)
			vm_from_target(compute, edit, report, settled);
		else if (vm->target)
			vm_from_source(compute, edit, report, settled);
		else
			from_node(compute, edit, report, settled);
		store_must_commit(compute->store);
	}
}

static bool take_strays(struct compute *compute, const char *node, const struct vms_report *reports)
{
	_cleanup_free_ struct vm_sighting *seen = new0(struct vm_sighting, reports->vm_count + 1);
	size_t count = 0;
	for (size_t i = 0; i < reports->vm_count; i++) {
		const struct vm_report *report = &reports->vms[i];
		if (report->id && (vm_report_runs(report) || is_arriving(report) ||
				   (vm_deleted(compute, report->id) && !str_equal(report->state, "absent"))))
			seen[count++] = (struct vm_sighting){ report->id, report->generation, vm_report_runs(report) };
	}
	return vm_strays_take(compute, node, seen, count);
}

/* What waited for all nodes to be heard. */
static void resume_gone(struct compute *compute)
{
	STORE_EACH(struct vm, vm, compute->store, &kind_vm) {
		if (vm->state != VM_DELETING || vm->node || !vm_all_heard(compute, NULL))
			continue;
		store_begin(compute->store);
		vm_gone(compute, store_edit(compute->store, &kind_vm, vm->id));
		store_must_commit(compute->store);
	}
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
		changed = (settled && vm_not_awaited(compute, node)) || changed;
		if (settled)
			vm_deleted_heard(compute, node);
		if (changed)
			resume_gone(compute);
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
		if (!str_equal(vm->node, node) && !str_equal(vm->target, node))
			continue;
		store_begin(compute->store);
		vm_settle(compute, store_edit(compute->store, &kind_vm, vm->id));
		store_must_commit(compute->store);
	}
	resume_gone(compute);
}

int vm_node_off(struct compute *compute, const char *node, struct err *err)
{
	int r = vm_strays_off(compute, node, err);
	if (r == 0)
		resume_gone(compute);
	return r;
}

struct compute *compute_new(struct store *store, struct task_service *tasks)
{
	struct compute *compute = new0(struct compute, 1);
	compute->store = store;
	compute->loop = store_loop(store);
	vm_deleted_init(compute);
	vm_strays_init(compute);
	task_service_owner(tasks, "vm", vm_task_stop, compute);
	return compute;
}

struct compute *compute_free(struct compute *compute)
{
	if (compute) {
		vm_strays_done(compute);
		vm_deleted_done(compute);
	}
	free(compute);
	return NULL;
}
