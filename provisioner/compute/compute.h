/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Virtual machines: what is wanted of each, what its node says, and the one rule above all: a virtual machine is never
 * wanted on two nodes at once. Its node changes only when both ends of a migration have spoken, or when the node it was on
 * has said that it is not there. Where to place one is the cluster's business, above. Loop thread. */
#ifndef INGOT_COMPUTE_COMPUTE_H
#define INGOT_COMPUTE_COMPUTE_H

#include "store/store.h"
#include "task/task.h"

struct compute;

struct compute *compute_new(struct store *store, struct task_service *tasks);
struct compute *compute_free(struct compute *compute);
/* Within a transaction, before anything acts: the database may be older than what has happened, for this reason in words. From
 * now on each node is awaited: none is told to run a virtual machine until all others have said what they run, or
 * vm_node_off(). */
void compute_restored(struct compute *compute, const char *why);

/* ---- what people ask for: id is that of a virtual machine that there is, ret_task the borrowed id of a new task. Besides what is
 * said of each: the errors of store_commit(). ---- */

/* ret: borrowed. With start, the task is in it. Errors: ERR_EXISTS name; ERR_INVALID, ERR_STATE volume; ERR_INVALID networks,
 * and what its guest is given (cloud_init.h); with start, ERR_STATE as vm_start(). */
int vm_create(struct compute *compute, const struct vm *wanted, const struct vm **ret, struct err *err);
/* ERR_STATE: it is neither stopped nor failed; its node does not answer, it may still run there; or a silent node is awaited. */
int vm_start(struct compute *compute, const char *id, const char **ret_task, struct err *err);
/* ERR_STATE: it does not run, or is migrating. */
int vm_stop(struct compute *compute, const char *id, const char **ret_task, struct err *err);
/* ERR_STATE: it is being deleted, or is migrating. */
int vm_delete(struct compute *compute, const char *id, const char **ret_task, struct err *err);
/* To a node that the caller has chosen and found fit. ERR_STATE unless it runs; ERR_INVALID if it is there already. */
int vm_migrate(struct compute *compute, const char *id, const struct node *target, const char **ret_task,
	       struct err *err);

/* ---- networks (network.c) ---- */

/* ret: borrowed. Errors: ERR_EXISTS name, or vlan, which is another network's. */
int network_create(struct compute *compute, const struct network *wanted, const struct network **ret, struct err *err);
/* ERR_STATE names the virtual machines that are in it. */
int network_delete(struct compute *compute, const char *id, struct err *err);

/* ---- placement ---- */

/* Waits for a node: it is to run and has none. */
bool vm_needs_node(const struct vm *vm);
/* why: in words. */
void vm_place(struct compute *compute, const char *id, const struct node *node, const char *why);
/* No node fits: the task fails with this. */
void vm_unplaceable(struct compute *compute, const char *id, const struct err *why);

/* ---- what agents say ---- */

/* The desired document's section "vms" for a node. The caller owns it. */
json_t *vm_agent_desired(struct compute *compute, const struct node *node);
/* settled: the report was made by carrying out what is wanted of the node's virtual machines now: only then does it count
 * that a machine is not there.
 * True if what other nodes are to be told may have changed by it, beyond what was committed. */
bool vm_agent_report(struct compute *compute, const char *node, const json_t *report, bool settled);
/* A node is not heard any more, or again. */
void vm_node_health(struct compute *compute, const char *node, bool ready);
/* Somebody vouches that a silent node is off: nothing runs there. ERR_STATE if nothing waits for what it says; the errors of
 * store_commit(). */
int vm_node_off(struct compute *compute, const char *node, struct err *err);

#endif
