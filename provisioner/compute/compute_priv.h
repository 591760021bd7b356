/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef INGOT_COMPUTE_COMPUTE_PRIV_H
#define INGOT_COMPUTE_COMPUTE_PRIV_H

#include "base/list.h"
#include "compute/compute.h"

struct compute {
	struct store *store;
	struct loop *loop;
	struct list strays, unheard; /* vm_stray.c */
	struct store_index *awaited; /* nodes that are */
	/* vm_deleted.c: nodes that have not said what they have since this round began; empty: nothing is to be forgotten */
	struct list round;
	int64_t round_number;
};

#define START_DEADLINE_MS (10 * 60 * 1000)
#define STOP_DEADLINE_MS (10 * 60 * 1000)
#define MIGRATE_DEADLINE_MS (30 * 60 * 1000)
/* So long after its deadline a task that is called off waits for what the nodes say of it. */
#define CALL_OFF_MS (60 * 1000)

const struct vm *vm_get(struct compute *compute, const char *id);
/* Within a transaction: ends its task. */
void vm_end_task(struct compute *compute, struct vm *vm, const struct err *why);
/* What failed last, as its document says it; NULL: nothing. */
void vm_set_error(struct vm *vm, const struct err *why);

/* ---- what one node says of one (vm_agent.c) ---- */

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
/* NULL: it is not spoken of. */
bool vm_report_runs(const struct vm_report *report);
/* No QEMU of it is there, and none that waits for its memory. */
bool vm_report_not_here(const struct vm_report *report, bool settled);

/* ---- its state; within a transaction ---- */

/* Its node says that it runs. */
void vm_mark_running(struct compute *compute, struct vm *vm);
/* A start: another generation, a new task. */
void vm_begin_start(struct compute *compute, struct vm *vm);
/* Makes it unknown while the node that would know is silent, and what it was before once that speaks. */
void vm_settle(struct compute *compute, struct vm *vm);
/* A node's words. */
const char *vm_node_name(struct compute *compute, const char *node);

/* ---- migration (vm_move.c); one is under way as long as there is a target ---- */

void vm_from_source(struct compute *compute, struct vm *vm, const struct vm_report *report, bool settled);
void vm_from_target(struct compute *compute, struct vm *vm, const struct vm_report *report, bool settled);

/* ---- tasks that are to stop (vm_task.c) ---- */

/* Why the task was called off: cancelled, or past its deadline. */
void vm_called_off(const struct task *task, struct err *ret);
/* It has stopped: ends the task, which was to stop it, or to start it and was called off. */
void vm_end_stop(struct compute *compute, struct vm *vm);
/* Of tasks "vm.*"; see task_service_owner(). */
bool vm_task_stop(const struct task *task, const struct err *why, void *compute);

/* ---- deleted ones (vm_deleted.c) ---- */

#define DELETED_KEPT_MAX 10000
/* NULL if none of this id is known to have been deleted. */
const struct deleted_vm *vm_deleted(struct compute *compute, const char *id);
/* Goes on counting where an earlier life of the provisioner ended. */
void vm_deleted_init(struct compute *compute);
/* Within a transaction. */
void vm_deleted_note(struct compute *compute, const struct vm *vm);
/* A node has said what it has, or there is nothing to wait for. */
void vm_deleted_heard(struct compute *compute, const char *node);
void vm_deleted_done(struct compute *compute);

/* ---- where they are not expected (vm_stray.c). That a node has one is stored with the virtual machine; what exactly it said of
 * it is in memory only, and is heard anew after a restart. ---- */

/* What a node has: it runs there, or is arriving. */
struct vm_sighting {
	const char *id;
	int64_t generation;
	bool runs;
};
void vm_strays_init(struct compute *compute);
void vm_strays_done(struct compute *compute);
/* All that a node has, from a settled report. True if what others may be told has changed. */
bool vm_strays_take(struct compute *compute, const char *node, const struct vm_sighting *seen, size_t count);
/* Adds "absent" for each that this node has and that was deleted. */
void vm_strays_desired(struct compute *compute, const char *node, json_t *list);
/* Nothing more is waited for from this node. */
void vm_strays_heard(struct compute *compute, const char *node);
/* Another node than its own that has it, or NULL; borrowed until that node speaks again. */
const char *vm_elsewhere(struct compute *compute, const struct vm *vm);
/* Since this process began all nodes that were there but this one (NULL: all) have said what they have, or have been silent
 * for too long; and none is awaited, for which no time is too long. */
bool vm_all_heard(struct compute *compute, const char *but);
/* A node has said all that it has: it is awaited no more. True if it was. */
bool vm_not_awaited(struct compute *compute, const char *node);
/* As vm_node_off(), but for what waited for it. */
int vm_strays_off(struct compute *compute, const char *node, struct err *err);
/* ERR_STATE, with the remedy, if one that is to run on this node (NULL: on any) would wait for another that does not answer. */
int vm_check_awaited(struct compute *compute, const char *node, struct err *err);
/* Whether its node may be told to run it: no other node has it, and all have been heard. */
bool vm_may_run(struct compute *compute, const struct vm *vm);
/* Within a transaction, once its own node has said that it is not there: if it runs elsewhere that is its node from now on. */
bool vm_found(struct compute *compute, struct vm *vm);

/* ---- network.c ---- */

/* What a new machine asks for: ERR_INVALID networks, if there is no such network. */
int vm_networks_check(struct compute *compute, const struct vm *wanted, struct err *err);
/* Within a transaction: gives it a card, with a MAC address of its own for good, in each. */
void vm_networks_take(struct compute *compute, struct vm *vm, const struct vm *wanted);
/* [{"mac", "vlan", "mtu"}] as its node is told; NULL if it has none. The caller owns it. */
json_t *vm_networks_desired(struct compute *compute, const struct vm *vm);

/* Within a transaction: it is nowhere; takes the next step of deleting or stopping. A volume is not freed before all nodes
 * were heard; then this is called again. */
void vm_gone(struct compute *compute, struct vm *vm);

#endif
