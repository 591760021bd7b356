/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef INGOT_COMPUTE_COMPUTE_PRIV_H
#define INGOT_COMPUTE_COMPUTE_PRIV_H

#include "compute/compute.h"

struct compute {
	struct store *store;
	struct loop *loop;
};

#define START_DEADLINE_MS (10 * 60 * 1000)
#define STOP_DEADLINE_MS (10 * 60 * 1000)
#define MIGRATE_DEADLINE_MS (30 * 60 * 1000)

const struct vm *vm_get(struct compute *compute, const char *id);
/* Within a transaction: ends its task. */
void vm_end_task(struct compute *compute, struct vm *vm, const struct err *why);
/* Within a transaction: it is nowhere; takes the next step of deleting or stopping. */
void vm_gone(struct compute *compute, struct vm *vm);

#endif
