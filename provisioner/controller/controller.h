/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything that decides, put together: store, tasks, machines, storage, compute, cluster. What it stands on (clock, BMC
 * driver, network boot, Ceph) comes from outside, so that the program and the simulation run the same thing. */
#ifndef INGOT_CONTROLLER_CONTROLLER_H
#define INGOT_CONTROLLER_CONTROLLER_H

#include "cluster/cluster.h"

struct controller {
	struct store *store;
	struct task_service *tasks;
	struct machines *machines;
	struct storage *storage;
	struct compute *compute;
	struct cluster *cluster;
};

struct controller_spec {
	struct loop *loop;
	const char *database;
	const char *mark; /* path of the file that tells an old database from the last one; NULL: none, for tests */
	struct machines_spec machines; /* store and tasks are filled in */
	struct storage_spec storage;   /* likewise */
	struct ca *ca;
	uint16_t boot_port; /* of the boot listener, for join tokens */
};

/* Opens the store and puts everything together; nothing acts yet. A database that is older than the mark says is taken up with
 * care: compute_restored(). The errors of store_open(), store_mark_open() and store_commit(). */
int controller_new(const struct controller_spec *spec, struct controller **ret, struct err *err);
/* Begins to act: takes up what an earlier life left. */
void controller_start(struct controller *controller);
struct controller *controller_free(struct controller *controller);
DEFINE_CLEANUP(struct controller *, controller_free)

#endif
