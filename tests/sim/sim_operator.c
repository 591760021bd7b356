/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The operator: looks every few seconds and asks for the next thing, as a person at the command line would. */
#include <stdio.h>

#include "world.h"

#define LOOK_MS 5000
#define IMAGE_BYTES 512

char *sim_disk_for_the_system(const struct machine *machine)
{
	return machine->inventory && machine->inventory->disk_count ? machine->inventory->disks[0].serial : NULL;
}

static void ask_machines(struct world *world)
{
	struct controller *c = world->controller;
	_cleanup_free_ char *after = NULL;
	const struct machine *machine;
	while ((machine = store_next(c->store, &kind_machine, after))) {
		_cleanup_err_ struct err err = ERR_INIT;
		const struct machine_accept accept = { 0 };
		_cleanup_free_ char *disk = xstrdup(sim_disk_for_the_system(machine));
		const struct machine_deploy deploy = { .disk = disk };
		const char *task;
		str_set(&after, machine->id);
		if (machine->state == MACHINE_NEW)
			machine_accept(c->machines, after, &accept, &err);
		else if (machine->state == MACHINE_READY)
			machine_deploy(c->machines, after, &deploy, &task, &err);
		else if (machine->state == MACHINE_FAILED &&
			 machine_deploy(c->machines, after, &deploy, &task, &err) < 0)
			machine_accept(c->machines, after, &accept, &err);
		/* Now and then somebody changes their mind. */
		machine = store_get(c->store, &kind_machine, after);
		if (machine && machine->task && world_chance(world, world->calm ? 0 : 2))
			task_cancel(c->tasks, machine->task, &err);
	}
}

static void ask_image(struct world *world)
{
	struct controller *c = world->controller;
	_cleanup_err_ struct err err = ERR_INIT;
	const struct image wanted = { .name = (char *)"guest" }, *image = store_find(c->store, &kind_image, "guest");
	const char *task;
	if (!image && image_create(c->storage, &wanted, &image, &err) < 0)
		return;
	if (image->state != IMAGE_UPLOADING && image->state != IMAGE_FAILED)
		return;
	_cleanup_free_ char *path = xasprintf("%s/content", world->upload_dir);
	char content[IMAGE_BYTES] = { 0 };
	if (write_file_atomic(path, content, sizeof(content), 0600) == 0)
		image_upload(c->storage, image->id, path, NULL, &task, &err);
}

static void cancel(struct world *world, const char *id)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *task = xstrdup(id);
	world_say(world, "the operator cancels task %.13s", task);
	task_cancel(world->controller->tasks, task, &err);
}

static void ask_volume(struct world *world)
{
	struct controller *c = world->controller;
	_cleanup_err_ struct err err = ERR_INIT;
	const struct volume *volume = store_find(c->store, &kind_volume, "disk");
	const struct volume wanted = { .name = (char *)"disk", .image = (char *)"guest", .size_bytes = GIB };
	const char *task;
	if (!volume)
		volume_create(c->storage, &wanted, &volume, &err);
	else if (volume->state == VOLUME_CREATING && volume->task && world_chance(world, 100))
		cancel(world, volume->task);
	else if (volume->state == VOLUME_FAILED)
		volume_delete(c->storage, volume->id, &task, &err);
}

/* So that what its task says at its end can be compared with what happened. */
static void note_migration(struct world *world, const char *vm_id, const char *task)
{
	const struct vm *vm = store_get(world->controller->store, &kind_vm, vm_id);
	if (world->move_count == MOVES_MAX)
		abort();
	world->moves[world->move_count++] =
		(struct sim_move){ .task = xstrdup(task), .migration = xstrdup(vm->migration_id) };
}

static void ask_migration(struct world *world, const struct vm *vm)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *from = xstrdup(vm->node), *id = xstrdup(vm->id);
	const char *task;
	if (world->migrations >= world->wanted_migrations || vm->state != VM_RUNNING)
		return;
	/* To where it is already: must be refused. */
	if (cluster_vm_migrate(world->controller->cluster, vm->id, from, &task, &err) == 0)
		world_violated(world, "a migration to the same node was taken");
	if (cluster_vm_migrate(world->controller->cluster, vm->id, NULL, &task, &err) == 0)
		note_migration(world, id, task);
}

/* Somebody changes their mind: of a start or a migration; what was to end ends. */
static bool change_mind(struct world *world, const struct vm *vm)
{
	_cleanup_free_ char *task = xstrdup(vm->task);
	bool likely = vm->state == VM_MIGRATING;
	if (!task || !world_chance(world, likely ? 100 : 10))
		return false;
	cancel(world, task);
	return true;
}

/* There is always one to be in; one that somebody is in stays. */
static void ask_network(struct world *world)
{
	struct controller *c = world->controller;
	_cleanup_err_ struct err err = ERR_INIT;
	const struct network wanted = { .name = (char *)"lan", .vlan = 20, .mtu = 1500 },
			     *network = store_find(c->store, &kind_network, "lan");
	const struct vm *vm = store_find(c->store, &kind_vm, "guest");
	if (!network)
		network_create(c->compute, &wanted, &network, &err);
	else if (world_chance(world, 20) && network_delete(c->compute, network->id, &err) == 0 && vm)
		world_violated(world, "a network with a virtual machine in it was deleted");
}

static void ask_vm(struct world *world)
{
	static char *const networks[] = { (char *)"lan" };
	struct controller *c = world->controller;
	_cleanup_err_ struct err err = ERR_INIT;
	const struct vm *vm = store_find(c->store, &kind_vm, "guest");
	const struct vm wanted = { .name = (char *)"guest",
				   .volume = (char *)"disk",
				   .cpus = 1,
				   .memory_bytes = GIB,
				   .networks = (char **)networks,
				   .network_count = ARRAY_SIZE(networks),
				   .user_data = (char *)"#cloud-config\n",
				   .start = true };
	const char *task;
	if (!vm) {
		vm_create(c->compute, &wanted, &vm, &err);
		return;
	}
	bool runs = vm->state == VM_RUNNING || vm->state == VM_STARTING;
	if (change_mind(world, vm))
		return;
	/* Not where a backup may come back: of a machine that was made after it nobody would know which disk it writes. */
	bool deletable = vm->state != VM_MIGRATING && vm->state != VM_DELETING && !world->faults.restore;
	if (deletable && world_chance(world, 10))
		vm_delete(c->compute, vm->id, &task, &err);
	else if (vm->state == VM_STOPPED || vm->state == VM_FAILED)
		vm_start(c->compute, vm->id, &task, &err);
	else if (runs && world_chance(world, 50))
		vm_stop(c->compute, vm->id, &task, &err);
	else if (vm->state == VM_UNKNOWN && world_random(world, 1000) < 50)
		vm_stop(c->compute, vm->id, &task, &err);
	else
		ask_migration(world, vm);
}

/* What is to be tried again, if anything: of what failed or was cancelled and is asked for once more by nobody else. */
static char *choose_failed(struct world *world)
{
	STORE_EACH(struct task, task, world->controller->store, &kind_task) {
		bool ended_badly = task->state == TASK_FAILED || task->state == TASK_CANCELLED;
		/* As in ask_vm() */
		bool wanted = !str_equal(task->action, "vm.delete") || !world->faults.restore;
		if (ended_badly && wanted && !task->retried_by && world_chance(world, 200))
			return xstrdup(task->id);
	}
	return NULL;
}

static void try_again(struct world *world)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct controller *c = world->controller;
	_cleanup_free_ char *failed = choose_failed(world);
	const char *task = NULL, *second = NULL;
	if (!failed || cluster_task_retry(c->cluster, failed, &task, &err) < 0 || !world_up(world))
		return;
	const struct task *again = store_get(c->store, &kind_task, task);
	world_say(world, "the operator tries %s again: task %.13s", again->action, again->id);
	if (str_equal(again->action, "vm.migrate"))
		note_migration(world, again->resource_id, again->id);
	if (cluster_task_retry(c->cluster, failed, &second, &err) == 0)
		world_violated(world, "task %.13s was tried again twice", failed);
}

/* A node that everybody waits for and nobody hears: somebody goes there, switches it off, and says so. */
static void ask_awaited(struct world *world)
{
	struct controller *c = world->controller;
	STORE_EACH(struct node, node, c->store, &kind_node) {
		_cleanup_err_ struct err err = ERR_INIT;
		const struct machine *machine = store_get(c->store, &kind_machine, node->machine);
		struct sim_machine *m = machine ? sim_machine_by_mac(world, machine->boot_mac) : NULL;
		if (!m || !node->awaited || !world_chance(world, 100))
			continue;
		/* Of one that is up nobody is believed. */
		if (node->health == NODE_READY) {
			if (cluster_node_confirm_off(c->cluster, node->id, &err) == 0)
				world_violated(world, "a node that reports was taken for one that is off");
			continue;
		}
		sim_machine_power(m, false);
		if (cluster_node_confirm_off(c->cluster, node->id, &err) == 0)
			world_say(world, "machine %u is confirmed to be off", m->index);
		sim_machine_power(m, true);
		return;
	}
}

/* Each machine has its own BMC, by the address that it has now. */
static bool bmcs_are_right(struct world *world)
{
	STORE_EACH(struct machine, machine, world->controller->store, &kind_machine) {
		const struct sim_machine *m = sim_machine_by_mac(world, machine->boot_mac);
		if (!m || machine->bmc_state != BMC_STATE_OK || !str_equal(machine->bmc_address, m->bmc_address))
			return false;
	}
	return true;
}

static void see_whether_done(struct world *world)
{
	struct controller *c = world->controller;
	const struct pool *pool = store_next(c->store, &kind_pool, NULL);
	const struct vm *vm = store_find(c->store, &kind_vm, "guest");
	unsigned deployed = 0;
	STORE_EACH(struct machine, machine, c->store, &kind_machine)
		deployed += machine->state == MACHINE_DEPLOYED;
	if (deployed == world->machine_count && pool && pool->state == POOL_ACTIVE && vm && world_chance(world, 50))
		world_back_up(world);
	world->done = deployed == world->machine_count && pool && pool->state == POOL_ACTIVE && vm &&
		      vm->state == VM_RUNNING && world->migrations >= world->wanted_migrations && bmcs_are_right(world);
}

void sim_operator(void *data)
{
	struct world *world = data;
	world->operator_timer = loop_timer_new(world->loop, LOOK_MS, sim_operator, world);
	/* First: the others ask for what failed by themselves. */
	void (*const asks[])(struct world *) = { try_again,   ask_machines, ask_image,	 ask_volume,
						 ask_network, ask_vm,	    ask_awaited, see_whether_done };
	for (size_t i = 0; i < ARRAY_SIZE(asks); i++)
		if (world_up(world))
			asks[i](world);
}
