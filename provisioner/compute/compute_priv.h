/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef INGOT_COMPUTE_COMPUTE_PRIV_H
#define INGOT_COMPUTE_COMPUTE_PRIV_H

#include "base/list.h"
#include "compute/compute.h"

struct compute {
	struct store *store;
	struct loop *loop;
	struct list strays, unheard; /* vm_stray.c */
};

#define START_DEADLINE_MS (10 * 60 * 1000)
#define STOP_DEADLINE_MS (10 * 60 * 1000)
#define MIGRATE_DEADLINE_MS (30 * 60 * 1000)

const struct vm *vm_get(struct compute *compute, const char *id);
/* Within a transaction: ends its task. */
void vm_end_task(struct compute *compute, struct vm *vm, const struct err *why);
/* ---- where they are not expected (vm_stray.c); in memory only: after a restart the nodes are heard anew ---- */

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
/* Nothing more is waited for from this node. */
void vm_strays_heard(struct compute *compute, const char *node);
/* Another node than its own that has it, or NULL; borrowed until that node speaks again. */
const char *vm_elsewhere(struct compute *compute, const struct vm *vm);
/* Whether its node may be told to run it: no other node has it, and since this process began all nodes that were there have
 * said what they have, or have been silent for too long. */
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

/* Within a transaction: it is nowhere; takes the next step of deleting or stopping. */
void vm_gone(struct compute *compute, struct vm *vm);

#endif
