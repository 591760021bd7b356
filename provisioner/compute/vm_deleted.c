/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Virtual machines that were deleted. A node that was away may come back with one that runs: it is told to end it, which is never
 * said of one that is only not known. They are remembered until all nodes have said what they have since. */
#include "compute/compute_priv.h"

struct waited {
	struct list link; /* in compute->round */
	char *node;
};

static void waited_free(struct waited *waited)
{
	list_remove(&waited->link);
	free(waited->node);
	free(waited);
}

/* Rounds are counted: a clock that is set back would let one be forgotten that nobody was asked about. */
void vm_deleted_init(struct compute *compute)
{
	list_init(&compute->round);
	STORE_EACH(struct deleted_vm, deleted, compute->store, &kind_deleted_vm)
		compute->round_number = MAX_OF(compute->round_number, deleted->round);
}

void vm_deleted_done(struct compute *compute)
{
	struct waited *waited;
	LIST_FOREACH(waited, &compute->round, link)
		waited_free(waited);
}

const struct deleted_vm *vm_deleted(struct compute *compute, const char *id)
{
	return store_get(compute->store, &kind_deleted_vm, id);
}

/* Ids are in the order in which they were created, not deleted. */
static void drop_oldest(struct compute *compute)
{
	const struct deleted_vm *oldest = NULL;
	STORE_EACH(struct deleted_vm, deleted, compute->store, &kind_deleted_vm)
		if (!oldest || deleted->round < oldest->round ||
		    (deleted->round == oldest->round && deleted->deleted < oldest->deleted))
			oldest = deleted;
	if (oldest)
		store_remove(compute->store, &kind_deleted_vm, oldest->id);
}

void vm_deleted_note(struct compute *compute, const struct vm *vm)
{
	if (store_count(compute->store, &kind_deleted_vm) >= DELETED_KEPT_MAX)
		drop_oldest(compute);
	struct deleted_vm *deleted = store_create_id(compute->store, &kind_deleted_vm, vm->id);
	str_set(&deleted->name, vm->name);
	deleted->generation = vm->generation;
	deleted->deleted = loop_now_ms(compute->loop);
	deleted->round = compute->round_number;
}

/* All have spoken since the round began: those that were deleted before it are nowhere, unless they are seen. */
static void forget(struct compute *compute)
{
	store_begin(compute->store);
	STORE_EACH(struct deleted_vm, deleted, compute->store, &kind_deleted_vm) {
		const struct vm gone = { .id = deleted->id };
		if (deleted->round < compute->round_number && !vm_elsewhere(compute, &gone))
			store_remove(compute->store, &kind_deleted_vm, deleted->id);
	}
	store_must_commit(compute->store);
}

static void begin_round(struct compute *compute)
{
	compute->round_number++;
	STORE_EACH(struct node, node, compute->store, &kind_node) {
		struct waited *waited = new0(struct waited, 1);
		waited->node = xstrdup(node->id);
		list_append(&compute->round, &waited->link);
	}
}

void vm_deleted_heard(struct compute *compute, const char *node)
{
	struct waited *waited;
	if (store_count(compute->store, &kind_deleted_vm) == 0) {
		vm_deleted_done(compute);
		return;
	}
	if (list_empty(&compute->round)) {
		begin_round(compute);
		return;
	}
	LIST_FOREACH(waited, &compute->round, link)
		if (str_equal(waited->node, node) || !store_get(compute->store, &kind_node, waited->node))
			waited_free(waited);
	if (list_empty(&compute->round))
		forget(compute);
}
