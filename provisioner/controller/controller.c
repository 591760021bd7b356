/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "controller/controller.h"

/* Before anything acts on what is stored. */
static int look_at_mark(struct controller *c, const char *path, struct err *err)
{
	_cleanup_free_ char *why = NULL;
	int r = path ? store_mark_open(c->store, path, &why, err) : 0;
	if (r < 0 || !why)
		return r;
	store_begin(c->store);
	compute_restored(c->compute, why);
	return store_commit(c->store, err);
}

int controller_new(const struct controller_spec *spec, struct controller **ret, struct err *err)
{
	_cleanup_(controller_free_p) struct controller *c = new0(struct controller, 1);
	int r = store_open(spec->loop, spec->database, &c->store, err);
	if (r < 0)
		return r;
	c->tasks = task_service_new(c->store);
	struct machines_spec machines = spec->machines;
	machines.store = c->store;
	machines.tasks = c->tasks;
	c->machines = machines_new(&machines);
	struct storage_spec storage = spec->storage;
	storage.store = c->store;
	storage.tasks = c->tasks;
	c->storage = storage_new(&storage);
	c->compute = compute_new(c->store, c->tasks);
	r = look_at_mark(c, spec->mark, err);
	if (r < 0)
		return r;
	const struct cluster_spec cluster = {
		.store = c->store,
		.machines = c->machines,
		.storage = c->storage,
		.compute = c->compute,
		.ca = spec->ca,
		.server = spec->machines.server,
		.boot_port = spec->boot_port,
	};
	c->cluster = cluster_new(&cluster);
	*ret = TAKE_PTR(c);
	return 0;
}

void controller_start(struct controller *c)
{
	machines_start(c->machines);
	storage_start(c->storage);
	cluster_start(c->cluster);
	store_effects_replay(c->store);
}

struct controller *controller_free(struct controller *c)
{
	if (!c)
		return NULL;
	cluster_free(c->cluster);
	compute_free(c->compute);
	storage_free(c->storage);
	machines_free(c->machines);
	task_service_free(c->tasks);
	store_free(c->store);
	free(c);
	return NULL;
}
