/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Virtual machines where they are not expected: after a restored backup, or when what is known here is wrong in any other way; and
 * the nodes that have to say what they run before anything is started. */
#include "base/log.h"
#include "compute/compute_priv.h"

#define AWAITED "awaited" /* the one word of the index */

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

static struct stray *stray_add(struct compute *compute, const char *node, const char *vm)
{
	struct stray *stray = new0(struct stray, 1);
	stray->node = xstrdup(node);
	stray->vm = xstrdup(vm);
	list_append(&compute->strays, &stray->link);
	return stray;
}

static void awaited_key(const struct store_kind *kind, const void *object, struct store_keys *to)
{
	const struct node *node = object;
	if (node->awaited)
		store_keys_add(to, AWAITED);
}

void vm_strays_init(struct compute *compute)
{
	list_init(&compute->strays);
	list_init(&compute->unheard);
	compute->awaited = store_index_new(compute->store, &kind_node, awaited_key);
	/* Until its node speaks again it is not known to run there, and not known not to. */
	STORE_EACH(struct vm, vm, compute->store, &kind_vm)
		for (size_t i = 0; i < vm->stray_count; i++)
			stray_add(compute, vm->strays[i], vm->id);
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
	const struct node *awaited;
	for (size_t i = 0; (awaited = store_index_get(compute->awaited, AWAITED, i)); i++)
		if (!str_equal(awaited->id, but))
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
	vm_settle(compute, vm); /* that node may have fallen silent since */
	return true;
}

/* ---- what nodes say ---- */

/* Within a transaction: the virtual machine's document says what is in the list, but for one node (NULL: none). */
static void note_strays(struct compute *compute, const char *id, const char *but)
{
	const struct stray *stray;
	if (!vm_get(compute, id))
		return;
	struct vm *vm = store_edit(compute->store, &kind_vm, id);
	schema_strings_clear(&vm->strays, &vm->stray_count);
	LIST_FOREACH(stray, &compute->strays, link)
		if (str_equal(stray->vm, id) && !str_equal(stray->node, but))
			schema_strings_add(&vm->strays, &vm->stray_count, stray->node);
}

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
	note_strays(compute, id, NULL);
	store_must_commit(compute->store);
}

static void forget(struct compute *compute, struct stray *stray)
{
	_cleanup_free_ char *id = xstrdup(stray->vm);
	stray_free(stray);
	store_begin(compute->store);
	note_strays(compute, id, NULL);
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
		forget(compute, stray);
		changed = true;
	}
	for (size_t i = 0; i < count; i++) {
		const struct vm *vm = vm_get(compute, seen[i].id);
		if (is_expected(vm, node))
			continue;
		stray = find(compute, seen[i].id, node, NULL);
		if (!stray) {
			stray = stray_add(compute, node, seen[i].id);
			tell(compute, node, vm, seen[i].id);
			changed = true;
		}
		stray->generation = seen[i].generation;
		stray->runs = seen[i].runs;
	}
	return changed;
}

/* ---- after an old state has come back: nodes that are awaited, however long it takes ---- */

void compute_restored(struct compute *compute, const char *why)
{
	size_t count = 0;
	STORE_EACH(struct node, node, compute->store, &kind_node) {
		((struct node *)store_edit(compute->store, &kind_node, node->id))->awaited = true;
		count++;
	}
	if (count > 0) {
		log_warning("the database may be older than what has happened since: %s", why);
		_cleanup_free_ char *nodes = xasprintf("%zu", count);
		store_event(compute->store, "provisioner.restored", "provisioner", "provisioner", "provisioner",
			    "reason", why, "count", nodes, NULL);
	}
	store_mark(compute->store);
}

/* Within a transaction. */
static void await_no_more(struct compute *compute, const char *id, const char *code)
{
	struct node *node = store_edit(compute->store, &kind_node, id);
	bool last = !store_index_get(compute->awaited, AWAITED, 1);
	node->awaited = false;
	store_event(compute->store, code, "node", id, node->name, NULL);
	if (last)
		store_event(compute->store, "provisioner.restored.over", "provisioner", "provisioner", "provisioner",
			    NULL);
}

bool vm_not_awaited(struct compute *compute, const char *id)
{
	const struct node *node = store_get(compute->store, &kind_node, id);
	if (!node || !node->awaited)
		return false;
	store_begin(compute->store);
	await_no_more(compute, id, "node.heard");
	store_must_commit(compute->store);
	return true;
}

int vm_check_awaited(struct compute *compute, const char *but, struct err *err)
{
	const struct node *node;
	for (size_t i = 0; (node = store_index_get(compute->awaited, AWAITED, i)); i++)
		if (!str_equal(node->id, but) && node->health != NODE_READY)
			return err_set(
				err, ERR_STATE,
				"an older state of the provisioner has come back, and node %s has not said since what "
				"it runs; nothing is started until it does, or is off and that is confirmed (ingot node "
				"confirm-off %s)",
				node->name, node->name);
	return 0;
}

static bool has_stray(struct compute *compute, const char *node)
{
	const struct stray *stray;
	LIST_FOREACH(stray, &compute->strays, link)
		if (str_equal(stray->node, node))
			return true;
	return false;
}

int vm_strays_off(struct compute *compute, const char *id, struct err *err)
{
	const struct node *node = store_get(compute->store, &kind_node, id);
	struct stray *stray;
	if (!node->awaited && !has_stray(compute, id))
		return err_set(err, ERR_STATE, "nothing waits for what %s says; there is nothing to confirm",
			       node->name);
	store_begin(compute->store);
	if (node->awaited)
		await_no_more(compute, id, "node.heard.off");
	/* What it had is gone with its power. */
	LIST_FOREACH(stray, &compute->strays, link)
		if (str_equal(stray->node, id))
			note_strays(compute, stray->vm, id);
	int r = store_commit(compute->store, err);
	if (r < 0)
		return r;
	LIST_FOREACH(stray, &compute->strays, link)
		if (str_equal(stray->node, id))
			stray_free(stray);
	vm_strays_heard(compute, id);
	return 0;
}
