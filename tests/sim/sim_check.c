/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The invariants, looked at after every step. */
#include <string.h>

#include "world.h"

#define SLACK_MS 120000
#define DEADLINES_SEEN_MS 5000

/* A virtual machine never runs twice, and no two write one disk. */
static bool clash(const struct sim_domain *a, const struct sim_domain *b)
{
	return a->state == DOMAIN_RUNNING && b->state == DOMAIN_RUNNING &&
	       (str_equal(a->id, b->id) || str_equal(a->image, b->image));
}

static void check_domains(struct world *world)
{
	for (unsigned i = 0; i < world->machine_count; i++) {
		const struct sim_machine *m = &world->machines[i];
		for (unsigned n = 0; n < m->domain_count; n++)
			for (unsigned j = i + 1; j < world->machine_count; j++)
				for (unsigned k = 0; k < world->machines[j].domain_count; k++)
					if (clash(&m->domains[n], &world->machines[j].domains[k]))
						world_violated(world, "%s runs on machines %u and %u", m->domains[n].id,
							       i, j);
	}
}

/* Nothing waits for ever. */
static void check_deadlines(struct world *world)
{
	struct store *store = world->controller->store;
	int64_t now = loop_now_ms(world->loop);
	/* What is stored may be from long ago: its deadlines are looked at once a second. */
	if (now < world->started_ms + DEADLINES_SEEN_MS)
		return;
	STORE_EACH(struct machine, machine, store, &kind_machine) {
		if (machine->step_deadline && now > machine->step_deadline + SLACK_MS)
			world_violated(world, "%s is in %s past its deadline", machine->name, machine->step);
		bool busy = machine->state == MACHINE_DEPLOYING || machine->state == MACHINE_COMMISSIONING;
		if (busy && !machine->step_deadline)
			world_violated(world, "%s is in %s without a deadline", machine->name, machine->step);
		if (machine->state == MACHINE_FAILED && !machine->error)
			world_violated(world, "%s failed without a reason", machine->name);
	}
	STORE_EACH(struct task, task, store, &kind_task)
		if (task->state == TASK_RUNNING && now > task->deadline + SLACK_MS)
			world_violated(world, "task %s (%s) runs past its deadline", task->id, task->action);
}

/* What a silent node does nobody knows, and nobody says. */
static void check_unknown(struct world *world)
{
	struct store *store = world->controller->store;
	STORE_EACH(struct vm, vm, store, &kind_vm) {
		const struct node *node = store_get(store, &kind_node, vm->node);
		bool said = vm->state == VM_STARTING || vm->state == VM_RUNNING ||
			    (vm->state == VM_MIGRATING && !vm->source_gone);
		if (said && node && node->health == NODE_UNREACHABLE)
			world_violated(world, "%s is called %s, and its node does not answer", vm->name,
				       vm_state_words[vm->state]);
		if ((vm->state == VM_MIGRATING) != (vm->target != NULL) && vm->state != VM_UNKNOWN)
			world_violated(world, "%s is %s and %s a target", vm->name, vm_state_words[vm->state],
				       vm->target ? "has" : "lacks");
	}
}

/* How a migration ended is said as it was. An old state that comes back knows nothing of what came after it. */
static void check_moves(struct world *world)
{
	for (unsigned i = 0; i < world->move_count && !world->restores; i++) {
		const struct sim_move *move = &world->moves[i];
		const struct task *task = store_get(world->controller->store, &kind_task, move->task);
		if (!task || task->state == TASK_RUNNING)
			continue;
		if (task->state == TASK_SUCCEEDED && !move->moved)
			world_violated(world, "migration %.13s succeeded, and nothing moved", task->id);
		if (task->state == TASK_CANCELLED && move->moved)
			world_violated(world, "migration %.13s was cancelled, and it moved", task->id);
		if (task->state == TASK_FAILED && move->moved && strstr(task->error->text, "still runs where it was"))
			world_violated(world, "migration %.13s failed to move it, and it moved", task->id);
	}
}

/* A deployed machine's network boot leads to its disk. */
static void check_intents(struct world *world)
{
	STORE_EACH(struct machine, machine, world->controller->store, &kind_machine) {
		const struct sim_machine *m = sim_machine_by_mac(world, machine->boot_mac);
		if (m && m->intent != machine_boot_intent(machine))
			world_violated(world, "%s in %s is told to boot the wrong thing", machine->name, machine->step);
	}
}

/* What a document names exists. */
static void check_references(struct world *world)
{
	struct store *store = world->controller->store;
	STORE_EACH(struct vm, vm, store, &kind_vm)
		if (!store_get(store, &kind_volume, vm->volume))
			world_violated(world, "%s has lost its volume", vm->name);
	STORE_EACH(struct vm, guest, store, &kind_vm)
		for (size_t i = 0; i < guest->nic_count; i++)
			if (!store_get(store, &kind_network, guest->nics[i].network))
				world_violated(world, "%s has lost its network", guest->name);
	STORE_EACH(struct volume, volume, store, &kind_volume)
		if (volume->vm && !store_get(store, &kind_vm, volume->vm))
			world_violated(world, "volume %s is held by nobody", volume->name);
}

static bool has_rbd(const struct world *world, const char *name)
{
	for (unsigned i = 0; i < world->rbd_count; i++)
		if (str_equal(world->rbd[i], name))
			return true;
	return false;
}

/* What is called available is there; what was cancelled is not, nor what nobody has. An old state that comes back knows nothing
 * of what came after it. */
static void check_volumes(struct world *world)
{
	struct store *store = world->controller->store;
	for (unsigned i = 0; i < world->rbd_count && !world->restores; i++)
		if (str_starts(world->rbd[i], "volume-") &&
		    !store_get(store, &kind_volume, world->rbd[i] + strlen("volume-")))
			world_violated(world, "%s is in the pool and nobody's", world->rbd[i]);
	STORE_EACH(struct volume, volume, store, &kind_volume) {
		_cleanup_free_ char *name = volume_device(volume);
		bool usable = volume->state == VOLUME_AVAILABLE || volume->state == VOLUME_IN_USE;
		if (usable && !world->restores && !has_rbd(world, name))
			world_violated(world, "volume %s is %s and not in the pool", volume->name,
				       volume_state_words[volume->state]);
	}
	STORE_EACH(struct task, task, store, &kind_task)
		if (str_equal(task->action, "volume.create") && task->state == TASK_CANCELLED &&
		    store_get(store, &kind_volume, task->resource_id))
			world_violated(world, "volume %s is there, and its making was cancelled", task->resource_name);
}

/* A task is tried again once, and both know of each other. */
static void check_retries(struct world *world)
{
	struct store *store = world->controller->store;
	STORE_EACH(struct task, task, store, &kind_task) {
		const struct task *first = task->retry_of ? store_get(store, &kind_task, task->retry_of) : NULL;
		if (first && !str_equal(first->retried_by, task->id))
			world_violated(world, "task %.13s tries one again that another one tries", task->id);
		if (first && (first->state == TASK_RUNNING || first->state == TASK_SUCCEEDED))
			world_violated(world, "task %.13s tries one again that is %s", task->id,
				       task_state_words[first->state]);
	}
}

/* However its BMC's address changes, a machine is one machine; and two do not have one BMC. */
static void check_bmcs(struct world *world)
{
	struct store *store = world->controller->store;
	if (store_count(store, &kind_machine) > world->machine_count)
		world_violated(world, "there are more machines than there are");
	STORE_EACH(struct machine, machine, store, &kind_machine)
		STORE_EACH(struct machine, other, store, &kind_machine)
			if (machine != other && machine->bmc_address &&
			    str_equal(machine->bmc_address, other->bmc_address))
				world_violated(world, "%s and %s have the BMC at %s", machine->name, other->name,
					       machine->bmc_address);
}

/* A node is a deployed machine, and a deployed machine is a node. */
static void check_nodes(struct world *world)
{
	struct store *store = world->controller->store;
	STORE_EACH(struct machine, machine, store, &kind_machine) {
		const struct node *node = machine->node ? store_get(store, &kind_node, machine->node) : NULL;
		if (machine->state == MACHINE_DEPLOYED && !node)
			world_violated(world, "%s is deployed and no node", machine->name);
		if (node && (machine->state == MACHINE_NEW || machine->state == MACHINE_READY))
			world_violated(world, "%s became a node and is %s", machine->name,
				       machine_state_words[machine->state]);
	}
	STORE_EACH(struct node, node, store, &kind_node) {
		const struct machine *machine = store_get(store, &kind_machine, node->machine);
		if (!machine || !str_equal(machine->node, node->id))
			world_violated(world, "node %s is no machine's", node->name);
	}
}

void sim_check(struct world *world)
{
	check_domains(world);
	if (!world_up(world))
		return;
	check_deadlines(world);
	check_unknown(world);
	check_moves(world);
	check_intents(world);
	check_bmcs(world);
	check_references(world);
	check_volumes(world);
	check_retries(world);
	check_nodes(world);
}
