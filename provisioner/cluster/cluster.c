/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Membership and health of nodes, and where virtual machines go. */
#include <search.h>

#include "base/log.h"
#include "cluster/cluster_priv.h"
#include "crypto/join_text.h"

#define TICK_MS 1000
#define HOST_MEMORY_BYTES (512 * MIB)

/* ---- enrollment ---- */

static struct node *add_node(struct cluster *cluster, const struct machine *machine)
{
	struct node *node = store_create(cluster->store, &kind_node);
	const struct inventory *inventory = machine->inventory;
	node->name = xstrdup(machine->name);
	node->machine = xstrdup(machine->id);
	node->address = xstrdup(machine->address);
	node->health = NODE_JOINING;
	node->created = loop_now_ms(cluster->loop);
	node->memory_bytes = inventory ? inventory->memory_bytes : 0;
	node->cpus = inventory && inventory->cpu ? inventory->cpu->threads : 0;
	store_mark(cluster->store); /* a database without it does not know what it runs */
	store_event(cluster->store, "node.enrolled", "node", node->id, node->name, NULL);
	return node;
}

/* Agents report what is not there, too. */
static bool is_there(const char *daemon)
{
	return daemon && !str_equal(daemon, "absent");
}

/* A virtual machine that is on a node or on its way there, or NULL. */
static const struct vm *vm_of_node(struct cluster *cluster, const struct node *node)
{
	STORE_EACH(struct vm, vm, cluster->store, &kind_vm)
		if (str_equal(vm->node, node->id) || str_equal(vm->target, node->id))
			return vm;
	return NULL;
}

static bool is_of_the_storage(struct cluster *cluster, const struct node *node)
{
	const struct ceph_cluster *ceph = store_next(cluster->store, &kind_ceph_cluster, NULL);
	return node->osd_count > 0 || is_there(node->mon) || is_there(node->mgr) ||
	       (ceph && str_equal(ceph->mon_node, node->id));
}

/* Where its record goes, what tells of its virtual machines, monitor and disks in the pool goes with it. */
int cluster_node_check_empty(struct cluster *cluster, const struct node *node, const char *machine, struct err *err)
{
	const struct vm *vm = vm_of_node(cluster, node);
	if (vm)
		return err_set(err, ERR_STATE,
			       "this is machine %s, on whose node is the virtual machine %s; move or delete it first",
			       machine, vm->name);
	if (is_of_the_storage(cluster, node))
		return err_set(
			err, ERR_STATE,
			"this is machine %s, whose node is a part of the storage; install it with its state kept (disk.state: keep), which needs no token",
			machine);
	return 0;
}

/* A machine deployed anew is a new node: what the old one promised is gone with its disks' system. */
int cluster_node_for(struct cluster *cluster, const struct machine *machine, bool repeated, struct node **ret,
		     struct err *err)
{
	const struct node *old = machine->node ? store_get(cluster->store, &kind_node, machine->node) : NULL;
	if (old && repeated) {
		*ret = store_edit(cluster->store, &kind_node, old->id);
		return 0;
	}
	int r = old ? cluster_node_check_empty(cluster, old, machine->name, err) : 0;
	if (r < 0)
		return r;
	if (old)
		store_remove(cluster->store, &kind_node, old->id);
	*ret = add_node(cluster, machine);
	return 0;
}

void cluster_certificate_given(struct node *node, const char *certificate)
{
	int64_t from_ms, until_ms;
	node->certificate_until = cert_validity(certificate, &from_ms, &until_ms, NULL) == 0 ? until_ms : 0;
}

json_t *cluster_enrolled(struct cluster *cluster, const char *node, const char *certificate)
{
	return json_pack("{s:s, s:s, s:s}", "node", node, "certificate", certificate, "ca", ca_pem(cluster->spec.ca));
}

static int sign(struct cluster *cluster, const struct machine *machine, const char *csr, const char *key,
		json_t **ret_reply, struct err *err)
{
	const char *const addresses[] = { machine->address, NULL };
	_cleanup_free_ char *certificate = NULL, *id = NULL;
	bool repeated = machine->enroll_key != NULL;
	struct node *node = NULL;
	store_begin(cluster->store);
	int r = cluster_node_for(cluster, machine, repeated, &node, err);
	if (r < 0) {
		store_rollback(cluster->store);
		return r;
	}
	id = xstrdup(node->id);
	if (repeated && node->certificate)
		certificate = xstrdup(node->certificate);
	else if (ca_sign_request(cluster->spec.ca, csr, id, addresses, &certificate, err) < 0) {
		store_rollback(cluster->store);
		return err_prefix(err, "csr");
	}
	str_set(&node->certificate, certificate);
	cluster_certificate_given(node, certificate);
	if (!repeated)
		machine_enrolled(cluster->spec.machines, machine->id, key, id);
	r = store_commit(cluster->store, err);
	if (r == 0)
		*ret_reply = cluster_enrolled(cluster, id, certificate);
	return r;
}

int cluster_agent_enroll(struct cluster *cluster, const json_t *request, const char *address, json_t **ret_reply,
			 struct err *err)
{
	const char *token = json_string_value(json_object_get(request, "token"));
	const char *csr = json_string_value(json_object_get(request, "csr"));
	const struct machine *machine = NULL;
	_cleanup_free_ char *key = NULL;
	if (!token || !csr)
		return err_set_field(err, ERR_INVALID, token ? "csr" : "token", "%s: is missing",
				     token ? "csr" : "token");
	int r = csr_key_fingerprint(csr, &key, err);
	if (r < 0)
		return err_prefix(err, "csr");
	if (str_starts(token, JOIN_TEXT_PREFIX))
		return cluster_join(cluster, request, key, address, ret_reply, err);
	r = machine_enroll_check(cluster->spec.machines, token, key, &machine, err);
	return r < 0 ? r : sign(cluster, machine, csr, key, ret_reply, err);
}

int cluster_agent_certificate(struct cluster *cluster, const char *id, const json_t *request, json_t **ret_reply,
			      struct err *err)
{
	const struct node *node = store_get(cluster->store, &kind_node, id);
	const char *csr = json_string_value(json_object_get(request, "csr"));
	const char *use = json_string_value(json_object_get(request, "use"));
	bool guests = str_equal(use, "guests");
	/* Whatever the request bears: a node gets certificates in its own name only. */
	const char *const addresses[] = { node->address, NULL };
	_cleanup_free_ char *name = xasprintf("%s%s", guests ? CERT_GUESTS_PREFIX : "", node->id), *certificate = NULL;
	if (!guests && !str_equal(use, "node"))
		return err_set_field(err, ERR_INVALID, "use", "use: must be node or guests");
	if (!csr)
		return err_set_field(err, ERR_INVALID, "csr", "csr: is missing");
	int r = ca_sign_request(cluster->spec.ca, csr, name, addresses, &certificate, err);
	if (r < 0)
		return err_prefix(err, "csr");
	store_begin(cluster->store);
	/* The one of its enrollment stays what the same question is answered with. */
	if (!guests) {
		struct node *edit = store_edit(cluster->store, &kind_node, id);
		cluster_certificate_given(edit, certificate);
	}
	store_event(cluster->store, guests ? "node.certificate.guests" : "node.certificate", "node", node->id,
		    node->name, NULL);
	r = store_commit(cluster->store, err);
	if (r == 0)
		*ret_reply = json_pack("{s:s, s:s}", "certificate", certificate, "ca", ca_pem(cluster->spec.ca));
	return r;
}

/* ---- placement ---- */

/* Whether a virtual machine's memory is promised on a node: where it is, and where it is going. */
static bool takes_room(const struct vm *vm, const struct node *node)
{
	return (str_equal(vm->node, node->id) && vm->state != VM_STOPPED) || str_equal(vm->target, node->id);
}

static struct schedule_node *snapshot(struct cluster *cluster, size_t *ret_count)
{
	size_t count = 0;
	struct schedule_node *nodes = new0(struct schedule_node, store_count(cluster->store, &kind_node) + 1);
	STORE_EACH(struct node, node, cluster->store, &kind_node) {
		struct schedule_node *s = &nodes[count++];
		*s = (struct schedule_node){ .id = node->id,
					     .name = node->name,
					     .ready = node->health == NODE_READY,
					     .cpus = node->cpus,
					     .memory_bytes = node->memory_bytes };
		s->memory_used_bytes = HOST_MEMORY_BYTES + storage_memory_bytes(node, node->mon != NULL);
		STORE_EACH(struct vm, vm, cluster->store, &kind_vm) {
			if (!takes_room(vm, node))
				continue;
			s->memory_used_bytes += vm->memory_bytes;
			s->cpus_used += vm->cpus;
			s->seed_bytes += vm->seed_bytes;
			s->vm_count++;
		}
	}
	*ret_count = count;
	return nodes;
}

static void place_one(struct cluster *cluster, const struct vm *vm)
{
	_cleanup_err_ struct err err = ERR_INIT;
	size_t count, best;
	_cleanup_free_ char *why = NULL;
	_cleanup_free_ struct schedule_node *nodes = snapshot(cluster, &count);
	const struct schedule_request request = { .cpus = vm->cpus,
						  .memory_bytes = vm->memory_bytes,
						  .seed_bytes = vm->seed_bytes };
	if (schedule(&request, nodes, count, &best, &why, &err) < 0) {
		vm_unplaceable(cluster->spec.compute, vm->id, &err);
		return;
	}
	vm_place(cluster->spec.compute, vm->id, store_get(cluster->store, &kind_node, nodes[best].id), why);
}

/* A provisioner that has just started does not know yet who is there. */
static bool too_early(struct cluster *cluster)
{
	if (loop_monotonic_ms(cluster->loop) - cluster->started_ms > NODE_SILENT_MS)
		return false;
	STORE_EACH(struct node, node, cluster->store, &kind_node)
		if (node->health == NODE_READY)
			return false;
	return store_count(cluster->store, &kind_node) > 0;
}

void cluster_place(struct cluster *cluster)
{
	if (too_early(cluster))
		return;
	STORE_EACH(struct vm, vm, cluster->store, &kind_vm)
		if (vm_needs_node(vm))
			place_one(cluster, vm);
}

static int choose_target(struct cluster *cluster, const struct vm *vm, const char *wanted, const struct node **ret,
			 struct err *err)
{
	size_t count, best = 0;
	_cleanup_free_ char *why = NULL;
	_cleanup_free_ struct schedule_node *nodes = snapshot(cluster, &count);
	struct schedule_request request = {
		.cpus = vm->cpus, .memory_bytes = vm->memory_bytes, .seed_bytes = vm->seed_bytes, .avoid = vm->node
	};
	const struct node *node = wanted ? store_find(cluster->store, &kind_node, wanted) : NULL;
	if (wanted && !node)
		return err_set_field(err, ERR_INVALID, "node", "node: there is no node '%s'", wanted);
	if (!node) {
		int r = schedule(&request, nodes, count, &best, &why, err);
		if (r < 0)
			return r;
		*ret = store_get(cluster->store, &kind_node, nodes[best].id);
		return 0;
	}
	request.avoid = NULL; /* the same node is refused by compute, in its own words */
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *refusal = str_equal(nodes[i].id, node->id) && !str_equal(node->id, vm->node)
						       ? schedule_refusal(&request, &nodes[i])
						       : NULL;
		if (refusal)
			return err_set_field(err, ERR_CAPACITY, "node", "node: %s cannot take it: %s", node->name,
					     refusal);
	}
	*ret = node;
	return 0;
}

int cluster_vm_migrate(struct cluster *cluster, const char *id, const char *wanted, const char **ret_task,
		       struct err *err)
{
	const struct vm *vm = store_get(cluster->store, &kind_vm, id);
	const struct node *target = NULL;
	if (vm->state != VM_RUNNING)
		return err_set(err, ERR_STATE, "%s is %s; only one that runs can be migrated", vm->name,
			       vm_state_words[vm->state]);
	int r = choose_target(cluster, vm, wanted, &target, err);
	if (r < 0)
		return r;
	const struct vm_migrate order = { .node = wanted ? target->id : NULL };
	const char *task = NULL;
	store_begin(cluster->store);
	r = vm_migrate(cluster->spec.compute, id, target, &task, err);
	if (r < 0) {
		store_rollback(cluster->store);
		return r;
	}
	task_order(cluster->store, task, &vm_migrate_schema, &order);
	return task_commit(cluster->store, task, ret_task, err);
}

/* ---- time ---- */

static void mark_silent(struct cluster *cluster, const char *id)
{
	store_begin(cluster->store);
	struct node *node = store_edit(cluster->store, &kind_node, id);
	node->health = NODE_UNREACHABLE;
	node->seen = loop_now_ms(cluster->loop) - NODE_SILENT_MS;
	_cleanup_free_ char *seconds = xasprintf("%d", NODE_SILENT_MS / 1000);
	store_event(cluster->store, "node.unreachable", "node", id, node->name, "seconds", seconds, NULL);
	vm_node_health(cluster->spec.compute, id, false);
	store_must_commit(cluster->store);
}

/* What brings such a node back: what cluster_join() takes. A node that something is kept on it does not take. */
static char *way_back(struct cluster *cluster, const struct node *node)
{
	static const char anew[] = "install its machine anew from the installation medium, by a join token "
				   "(ingot join-token create)";
	const struct vm *vm = vm_of_node(cluster, node);
	if (vm)
		return xasprintf("as long as the virtual machine %s is on it, it cannot be made a node anew", vm->name);
	if (is_of_the_storage(cluster, node))
		return xstrdup("as long as it is a part of the storage, it cannot be made a node anew");
	return xstrdup(anew);
}

/* Its agent is refused from now on. It has tried for the last third of that time to get another. */
static void mark_expired(struct cluster *cluster, const char *id)
{
	_cleanup_err_ struct err why = ERR_INIT;
	store_begin(cluster->store);
	struct node *node = store_edit(cluster->store, &kind_node, id);
	_cleanup_free_ char *until = time_format(node->certificate_until), *way = way_back(cluster, node);
	err_set(&why, ERR_CREDENTIALS, "its certificate ran out on %s, and its agent is not let in with it; %s", until,
		way);
	schema_free(&problem_schema, node->error);
	node->error = problem_new(&why);
	store_event(cluster->store, "node.certificate-expired", "node", id, node->name, "reason", why.text, NULL);
	store_must_commit(cluster->store);
	log_warning("node %s: %s", node->name, why.text);
}

static bool has_expired(const struct node *node, int64_t now_ms)
{
	bool said = node->error && str_equal(node->error->code, err_meaning(ERR_CREDENTIALS)->name);
	return node->certificate_until && now_ms > node->certificate_until && !said;
}

static void tick(void *data)
{
	struct cluster *cluster = data;
	int64_t now = loop_monotonic_ms(cluster->loop);
	cluster->tick = loop_timer_new(cluster->loop, TICK_MS, tick, cluster);
	STORE_EACH(struct node, node, cluster->store, &kind_node) {
		int64_t heard = MAX_OF(cluster_briefing(cluster, node->id)->heard_ms, cluster->started_ms);
		if (node->health == NODE_READY && now - heard > NODE_SILENT_MS)
			mark_silent(cluster, node->id);
		if (has_expired(node, loop_now_ms(cluster->loop)))
			mark_expired(cluster, node->id);
	}
	cluster_place(cluster);
}

static void count_vms(struct cluster *cluster)
{
	STORE_EACH(struct node, node, cluster->store, &kind_node) {
		int64_t count = 0;
		uint64_t used = HOST_MEMORY_BYTES + storage_memory_bytes(node, node->mon != NULL);
		STORE_EACH(struct vm, vm, cluster->store, &kind_vm) {
			if (!takes_room(vm, node))
				continue;
			count++;
			used += vm->memory_bytes;
		}
		store_begin(cluster->store);
		struct node *edit = store_edit(cluster->store, &kind_node, node->id);
		edit->vm_count = count;
		edit->memory_free_bytes = used < edit->memory_bytes ? edit->memory_bytes - used : 0;
		store_must_commit(cluster->store);
	}
}

/* In a round of its own: who asks for a start is answered first, with the task that tells how it went. */
static void place_soon(void *data)
{
	struct cluster *cluster = data;
	cluster->place = NULL;
	cluster_place(cluster);
}

/* Of people and of what they call: nothing of it is in what agents are to do. */
static bool concerns_agents(const struct store_kind *kind)
{
	static const struct store_kind *const others[] = {
		&kind_task,	&kind_user,	  &kind_token,	    &kind_sign_in_session, &kind_audit,
		&kind_creation, &kind_join_token, &kind_pool_usage, &kind_bmc_range
	};
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (kind == others[i])
			return false;
	return true;
}

static void watch(const struct store_kind *kind, const char *id, void *data)
{
	struct cluster *cluster = data;
	if (kind == &kind_vm && !cluster->place)
		cluster->place = loop_timer_new(cluster->loop, 0, place_soon, cluster);
	if (kind == &kind_node)
		cluster_members_changed(cluster);
	if (kind == &kind_vm || kind == &kind_node)
		count_vms(cluster);
	if (kind == &kind_machine)
		cluster_wake_machine(cluster, id);
	else if (concerns_agents(kind))
		cluster_wake(cluster);
}

/* ---- life ---- */

struct cluster *cluster_new(const struct cluster_spec *spec)
{
	struct cluster *cluster = new0(struct cluster, 1);
	cluster->spec = *spec;
	cluster->store = spec->store;
	cluster->loop = store_loop(spec->store);
	list_init(&cluster->stale);
	list_init(&cluster->waits);
	list_init(&cluster->consoles);
	store_watch(cluster->store, watch, cluster);
	return cluster;
}

void cluster_start(struct cluster *cluster)
{
	cluster->started_ms = loop_monotonic_ms(cluster->loop);
	cluster->tick = loop_timer_new(cluster->loop, 0, tick, cluster);
}

static void briefing_free(void *data)
{
	struct briefing *briefing = data;
	struct desired_wait *wait;
	LIST_FOREACH(wait, &briefing->waits, link)
		desired_wait_free(wait);
	json_decref(briefing->document);
	free(briefing->id);
	free(briefing);
}

struct cluster *cluster_free(struct cluster *cluster)
{
	struct desired_wait *wait;
	struct console_ask *ask;
	if (!cluster)
		return NULL;
	loop_timer_free(cluster->tick);
	loop_timer_free(cluster->place);
	LIST_FOREACH(wait, &cluster->waits, link)
		desired_wait_free(wait);
	LIST_FOREACH(ask, &cluster->consoles, link)
		cluster_console_end(cluster, ask->ticket);
	loop_timer_free(cluster->wake);
	tdestroy(cluster->briefings, briefing_free);
	json_decref(cluster->members);
	free(cluster);
	return NULL;
}
