/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Virtual machines where they are not expected: after a restored backup, or when what is known here is wrong in any other way. */
#include "compute/compute_priv.h"

struct stray {
	struct list link;
	char *node, *vm;
	int64_t generation;
	bool runs; /* false: it is still arriving there */
};

/* A node that was there before this process, and has not said yet what it runs. */
struct unheard {
	struct list link;
	char *node;
};

static void stray_free(struct stray *stray)
{
	list_remove(&stray->link);
	free(stray->node);
	free(stray->vm);
	free(stray);
}

static void unheard_free(struct unheard *unheard)
{
	list_remove(&unheard->link);
	free(unheard->node);
	free(unheard);
}

void vm_strays_init(struct compute *compute)
{
	list_init(&compute->strays);
	list_init(&compute->unheard);
	STORE_EACH(struct node, node, compute->store, &kind_node) {
		if (node->health != NODE_READY)
			continue;
		struct unheard *unheard = new0(struct unheard, 1);
		unheard->node = xstrdup(node->id);
		list_append(&compute->unheard, &unheard->link);
	}
}

void vm_strays_done(struct compute *compute)
{
	struct stray *stray;
	struct unheard *unheard;
	LIST_FOREACH(stray, &compute->strays, link)
		stray_free(stray);
	LIST_FOREACH(unheard, &compute->unheard, link)
		unheard_free(unheard);
}

void vm_strays_heard(struct compute *compute, const char *node)
{
	struct unheard *unheard;
	LIST_FOREACH(unheard, &compute->unheard, link)
		if (str_equal(unheard->node, node))
			unheard_free(unheard);
}

static struct stray *find(struct compute *compute, const char *vm, const char *node, const char *but)
{
	struct stray *stray;
	LIST_FOREACH(stray, &compute->strays, link)
		if (str_equal(stray->vm, vm) && (!node || str_equal(stray->node, node)) &&
		    !str_equal(stray->node, but) && store_get(compute->store, &kind_node, stray->node))
			return stray;
	return NULL;
}

const char *vm_elsewhere(struct compute *compute, const struct vm *vm)
{
	const struct stray *stray = find(compute, vm->id, NULL, vm->node);
	return stray ? stray->node : NULL;
}

bool vm_all_heard(struct compute *compute, const char *but)
{
	struct unheard *unheard;
	LIST_FOREACH(unheard, &compute->unheard, link)
		if (!str_equal(unheard->node, but) && store_get(compute->store, &kind_node, unheard->node))
			return false;
	return true;
}

bool vm_may_run(struct compute *compute, const struct vm *vm)
{
	return vm_all_heard(compute, vm->node) && !vm_elsewhere(compute, vm);
}

void vm_strays_desired(struct compute *compute, const char *node, json_t *list)
{
	struct stray *stray;
	LIST_FOREACH(stray, &compute->strays, link) {
		const struct deleted_vm *deleted = vm_deleted(compute, stray->vm);
		if (deleted && str_equal(stray->node, node))
			json_array_append_new(list,
					      json_pack("{s:s, s:s, s:I, s:s}", "id", stray->vm, "name", deleted->name,
							"generation",
							(json_int_t)MAX_OF(deleted->generation, stray->generation),
							"state", "absent"));
	}
}

bool vm_found(struct compute *compute, struct vm *vm)
{
	const struct stray *stray = find(compute, vm->id, NULL, vm->node);
	const struct node *node = stray ? store_get(compute->store, &kind_node, stray->node) : NULL;
	if (!stray || !stray->runs)
		return false;
	store_event(compute->store, "vm.found", "vm", vm->id, vm->name, "node", node->name, NULL);
	vm->generation = MAX_OF(vm->generation, stray->generation);
	str_set(&vm->placement, "found running here");
	str_set(&vm->node, stray->node);
	vm_mark_running(compute, vm);
	return true;
}

/* ---- what nodes say ---- */

static void tell(struct compute *compute, const char *node_id, const struct vm *vm, const char *id)
{
	const char *name = vm_node_name(compute, node_id);
	const struct deleted_vm *deleted = vm_deleted(compute, id);
	store_begin(compute->store);
	if (vm)
		store_event(compute->store, "vm.stray", "vm", vm->id, vm->name, "node", name, NULL);
	else if (deleted)
		store_event(compute->store, "vm.stray.deleted", "node", node_id, name, "vm", deleted->name, "id", id,
			    NULL);
	else
		store_event(compute->store, "vm.stray.unknown", "node", node_id, name, "id", id, NULL);
	store_must_commit(compute->store);
}

static bool is_expected(const struct vm *vm, const char *node)
{
	return vm && (str_equal(vm->node, node) || str_equal(vm->target, node));
}

static bool still_there(const struct stray *stray, const struct vm_sighting *seen, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_equal(seen[i].id, stray->vm))
			return true;
	return false;
}

bool vm_strays_take(struct compute *compute, const char *node, const struct vm_sighting *seen, size_t count)
{
	bool changed = !list_empty(&compute->unheard);
	struct stray *stray;
	vm_strays_heard(compute, node);
	LIST_FOREACH(stray, &compute->strays, link) {
		if (!str_equal(stray->node, node) ||
		    (still_there(stray, seen, count) && !is_expected(vm_get(compute, stray->vm), node)))
			continue;
		stray_free(stray);
		changed = true;
	}
	for (size_t i = 0; i < count; i++) {
		const struct vm *vm = vm_get(compute, seen[i].id);
		if (is_expected(vm, node))
			continue;
		stray = find(compute, seen[i].id, node, NULL);
		if (!stray) {
			stray = new0(struct stray, 1);
			stray->node = xstrdup(node);
			stray->vm = xstrdup(seen[i].id);
			list_append(&compute->strays, &stray->link);
			tell(compute, node, vm, seen[i].id);
			changed = true;
		}
		stray->generation = seen[i].generation;
		stray->runs = seen[i].runs;
	}
	return changed;
}
