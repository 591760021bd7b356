/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The invariants, looked at after every step. */
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

/* A deployed machine's network boot leads to its disk. */
static void check_intents(struct world *world)
{
	STORE_EACH(struct machine, machine, world->controller->store, &kind_machine)
		for (unsigned i = 0; i < world->intent_count; i++)
			if (str_equal(world->intents[i].mac, machine->boot_mac) &&
			    world->intents[i].intent != machine_boot_intent(machine))
				world_violated(world, "%s in %s is told to boot the wrong thing", machine->name,
					       machine->step);
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
	check_intents(world);
	check_references(world);
	check_nodes(world);
}
