/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What people ask of virtual machines. */
#include "compute/cloud_init.h"
#include "compute/compute_priv.h"

const struct vm *vm_get(struct compute *compute, const char *id)
{
	return store_get(compute->store, &kind_vm, id);
}

void vm_end_task(struct compute *compute, struct vm *vm, const struct err *why)
{
	task_finish(compute->store, vm->task, why);
	str_set(&vm->task, NULL);
}

void vm_set_error(struct vm *vm, const struct err *why)
{
	schema_free(&problem_schema, vm->error);
	vm->error = why ? problem_new(why) : NULL;
}

/* Within a transaction: a new task takes the place of one that was overtaken (a stop overtakes a start). */
static void new_task(struct compute *compute, struct vm *vm, const char *action, int64_t deadline_ms)
{
	_cleanup_err_ struct err why = ERR_INIT;
	err_set(&why, ERR_CANCELLED, "overtaken by %s", action);
	vm_end_task(compute, vm, &why);
	str_set(&vm->task, task_create(compute->store, action, "vm", vm->id, vm->name, deadline_ms));
}

/* ---- create ---- */

static int check_new(struct compute *compute, const struct vm *wanted, const struct volume **ret_volume,
		     struct err *err)
{
	const struct vm *other = store_find(compute->store, &kind_vm, wanted->name);
	const struct volume *volume = store_find(compute->store, &kind_volume, wanted->volume);
	if (other)
		return err_set_field(err, ERR_EXISTS, "name",
				     "name: '%s' is taken by virtual machine %s; choose another", wanted->name,
				     other->id);
	if (!volume)
		return err_set_field(err, ERR_INVALID, "volume", "volume: there is no volume '%s'", wanted->volume);
	if (volume->vm) {
		const struct vm *user = vm_get(compute, volume->vm);
		return err_set_field(err, ERR_STATE, "volume", "volume: '%s' is used by virtual machine %s",
				     volume->name, user ? user->name : volume->vm);
	}
	if (volume->state != VOLUME_AVAILABLE)
		return err_set_field(err, ERR_STATE, "volume", "volume: '%s' is %s, not available", volume->name,
				     volume_state_words[volume->state]);
	*ret_volume = volume;
	return 0;
}

static int check_seed(const struct vm *wanted, struct err *err)
{
	int r = cloud_init_check_user_data(wanted->user_data, err);
	if (r == 0)
		r = cloud_init_check_network_config(wanted->network_config, err);
	if (r == 0)
		r = cloud_init_check_ssh_keys(wanted->ssh_keys, wanted->ssh_key_count, err);
	if (r < 0)
		return r;
	struct vm likeness = *wanted;
	likeness.id = (char *)"00000000-0000-0000-0000-000000000000"; /* as long as the one that it gets */
	likeness.cloud_init = wanted->user_data || wanted->network_config || wanted->ssh_key_count > 0;
	size_t bytes = cloud_init_seed_bytes(&likeness);
	if (bytes <= SEED_MAX_BYTES)
		return 0;
	return err_set_field(
		err, ERR_INVALID, "user_data",
		"user_data, network_config and ssh_keys: are %zu bytes together, as the node is told (quotes and line "
		"ends count twice); at most %d: let the guest fetch the rest (#include)",
		bytes, SEED_MAX_BYTES);
}

static void take_seed(struct vm *vm, const struct vm *wanted)
{
	str_set(&vm->hostname, wanted->hostname);
	str_set(&vm->user_data, wanted->user_data);
	str_set(&vm->network_config, wanted->network_config);
	for (size_t i = 0; i < wanted->ssh_key_count; i++)
		schema_strings_add(&vm->ssh_keys, &vm->ssh_key_count, wanted->ssh_keys[i]);
	vm->cloud_init = vm->hostname || vm->user_data || vm->network_config || vm->ssh_key_count > 0;
	vm->seed_bytes = cloud_init_seed_bytes(vm);
}

static const char *starting_step(struct compute *compute, const struct vm *vm)
{
	if (!vm->node)
		return "choosing a node";
	return vm_may_run(compute, vm) ? "starting" : "waiting for what the other nodes have";
}

/* Who is told to run it may do so from then on, whatever is known here: each order is marked. */
void vm_begin_start(struct compute *compute, struct vm *vm)
{
	vm->wanted = true;
	vm->state = VM_STARTING;
	vm->generation++;
	vm->has_run = false;
	vm_set_error(vm, NULL);
	new_task(compute, vm, "vm.start", START_DEADLINE_MS);
	task_step(compute->store, vm->task, starting_step(compute, vm));
	store_mark(compute->store);
}

int vm_create(struct compute *compute, const struct vm *wanted, const struct vm **ret, struct err *err)
{
	const struct volume *volume = NULL;
	int r = check_new(compute, wanted, &volume, err);
	if (r == 0)
		r = check_seed(wanted, err);
	if (r == 0)
		r = vm_networks_check(compute, wanted, err);
	if (r == 0 && wanted->start)
		r = vm_check_awaited(compute, NULL, err);
	if (r < 0)
		return r;
	store_begin(compute->store);
	struct vm *vm = store_create(compute->store, &kind_vm);
	_cleanup_free_ char *id = xstrdup(vm->id);
	str_set(&vm->name, wanted->name);
	str_set(&vm->volume, volume->id);
	vm->cpus = wanted->cpus;
	vm->memory_bytes = wanted->memory_bytes;
	take_seed(vm, wanted);
	vm_networks_take(compute, vm, wanted);
	vm->state = VM_STOPPED;
	vm->created = loop_now_ms(compute->loop);
	struct volume *used = store_edit(compute->store, &kind_volume, volume->id);
	used->state = VOLUME_IN_USE;
	str_set(&used->vm, id);
	store_event(compute->store, "vm.created", "vm", id, vm->name, NULL);
	if (wanted->start)
		vm_begin_start(compute, vm);
	r = store_commit(compute->store, err);
	if (r == 0)
		*ret = vm_get(compute, id);
	return r;
}

/* ---- start, stop, delete ---- */

int vm_start(struct compute *compute, const char *id, const char **ret_task, struct err *err)
{
	const struct vm *vm = vm_get(compute, id);
	if (vm->state != VM_STOPPED && vm->state != VM_FAILED)
		return err_set(err, ERR_STATE, "%s is %s; only one that is stopped or failed can be started", vm->name,
			       vm_state_words[vm->state]);
	/* If it runs somewhere already that is where it is started. */
	const char *where = vm->node ? vm->node : vm_elsewhere(compute, vm);
	const struct node *node = where ? store_get(compute->store, &kind_node, where) : NULL;
	if (node && node->health != NODE_READY)
		return err_set(err, ERR_STATE, "%s was on node %s, which does not answer: it may still run there",
			       vm->name, node->name);
	int r = vm_check_awaited(compute, where, err);
	if (r < 0)
		return r;
	store_begin(compute->store);
	struct vm *edit = store_edit(compute->store, &kind_vm, id);
	if (!edit->node && node)
		str_set(&edit->node, node->id);
	vm_begin_start(compute, edit);
	return task_commit(compute->store, edit->task, ret_task, err);
}

/* Where it runs is decided between two nodes: it cannot be ended before that. */
static int refuse_moving(struct compute *compute, const struct vm *vm, struct err *err)
{
	if (!vm->target)
		return 0;
	if (vm->state == VM_UNKNOWN)
		return err_set(err, ERR_STATE,
			       "%s was migrating from %s to %s, which do not both answer: it may run on either; wait "
			       "until they do",
			       vm->name, vm_node_name(compute, vm->node), vm_node_name(compute, vm->target));
	return err_set(err, ERR_STATE, "%s is migrating; cancel that first (task %s), or wait for its end", vm->name,
		       str_or(vm->task, "none: it was called off"));
}

int vm_stop(struct compute *compute, const char *id, const char **ret_task, struct err *err)
{
	const struct vm *vm = vm_get(compute, id);
	int r = refuse_moving(compute, vm, err);
	if (r < 0)
		return r;
	if (vm->state != VM_RUNNING && vm->state != VM_STARTING && vm->state != VM_FAILED && vm->state != VM_UNKNOWN)
		return err_set(err, ERR_STATE, "%s is %s; only one that runs can be stopped", vm->name,
			       vm_state_words[vm->state]);
	store_begin(compute->store);
	struct vm *edit = store_edit(compute->store, &kind_vm, id);
	new_task(compute, edit, "vm.stop", STOP_DEADLINE_MS);
	_cleanup_free_ char *task = xstrdup(edit->task);
	edit->wanted = false;
	edit->state = VM_STOPPING;
	if (!edit->node)
		vm_gone(compute, edit);
	return task_commit(compute->store, task, ret_task, err);
}

int vm_delete(struct compute *compute, const char *id, const char **ret_task, struct err *err)
{
	const struct vm *vm = vm_get(compute, id);
	int r = refuse_moving(compute, vm, err);
	if (r < 0)
		return r;
	if (vm->state == VM_DELETING)
		return err_set(err, ERR_STATE, "%s is %s; wait for that to end", vm->name, vm_state_words[vm->state]);
	store_begin(compute->store);
	struct vm *edit = store_edit(compute->store, &kind_vm, id);
	new_task(compute, edit, "vm.delete", STOP_DEADLINE_MS);
	_cleanup_free_ char *task = xstrdup(edit->task);
	edit->wanted = false;
	edit->state = VM_DELETING;
	if (!edit->node)
		vm_gone(compute, edit);
	return task_commit(compute->store, task, ret_task, err);
}

void vm_gone(struct compute *compute, struct vm *vm)
{
	const char *elsewhere = vm_elsewhere(compute, vm);
	str_set(&vm->node, NULL);
	/* Somebody wants it to end, and it runs on: it is ended there. */
	if (elsewhere && (vm->state == VM_STOPPING || vm->state == VM_DELETING)) {
		str_set(&vm->node, elsewhere);
		return;
	}
	if (vm->state == VM_STOPPING) {
		vm->state = VM_STOPPED;
		store_event(compute->store, "vm.stopped", "vm", vm->id, vm->name, NULL);
		vm_end_stop(compute, vm);
	} else if (vm->state == VM_DELETING && vm_all_heard(compute, NULL)) {
		const struct volume *volume = store_get(compute->store, &kind_volume, vm->volume);
		if (volume) {
			struct volume *edit = store_edit(compute->store, &kind_volume, vm->volume);
			edit->state = VOLUME_AVAILABLE;
			str_set(&edit->vm, NULL);
		}
		store_event(compute->store, "vm.deleted", "vm", vm->id, vm->name, NULL);
		vm_end_task(compute, vm, NULL);
		vm_deleted_note(compute, vm);
		store_remove(compute->store, &kind_vm, vm->id);
	}
}

/* ---- migrate ---- */

int vm_migrate(struct compute *compute, const char *id, const struct node *target, const char **ret_task,
	       struct err *err)
{
	const struct vm *vm = vm_get(compute, id);
	if (vm->state != VM_RUNNING)
		return err_set(err, ERR_STATE, "%s is %s; only one that runs can be migrated", vm->name,
			       vm_state_words[vm->state]);
	if (str_equal(vm->node, target->id))
		return err_set_field(err, ERR_INVALID, "node", "node: %s is on %s already; choose another", vm->name,
				     target->name);
	store_begin(compute->store);
	struct vm *edit = store_edit(compute->store, &kind_vm, id);
	new_task(compute, edit, "vm.migrate", MIGRATE_DEADLINE_MS);
	task_step(compute->store, edit->task, "preparing the target");
	edit->state = VM_MIGRATING;
	edit->target_ready = false;
	edit->source_gone = false;
	edit->call_off = false;
	vm_set_error(edit, NULL);
	edit->migration_progress = 0;
	str_set(&edit->target, target->id);
	free(edit->migration_id);
	edit->migration_id = store_id_new(compute->store);
	store_mark(compute->store);
	return task_commit(compute->store, edit->task, ret_task, err);
}

/* ---- placement ---- */

bool vm_needs_node(const struct vm *vm)
{
	return vm->wanted && vm->state == VM_STARTING && !vm->node;
}

void vm_place(struct compute *compute, const char *id, const struct node *node, const char *why)
{
	store_begin(compute->store);
	struct vm *vm = store_edit(compute->store, &kind_vm, id);
	str_set(&vm->node, node->id);
	str_set(&vm->placement, why);
	task_step(compute->store, vm->task, starting_step(compute, vm));
	store_mark(compute->store);
	task_log(compute->store, vm->task, "node %s: %s", node->name, why);
	store_must_commit(compute->store);
}

void vm_unplaceable(struct compute *compute, const char *id, const struct err *why)
{
	store_begin(compute->store);
	struct vm *vm = store_edit(compute->store, &kind_vm, id);
	vm->wanted = false;
	vm->state = VM_STOPPED;
	vm_set_error(vm, why);
	vm_end_task(compute, vm, why);
	store_must_commit(compute->store);
}
