/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The talk with the agents: desired documents with generations, long polls, reports handed to whom they concern. */
#include <search.h>

#include "base/log.h"
#include "cluster/cluster_priv.h"

static int compare_briefings(const void *a, const void *b)
{
	const struct briefing *left = a, *right = b;
	return strcmp(left->id, right->id);
}

struct briefing *cluster_briefing(struct cluster *cluster, const char *id)
{
	const struct briefing key = { .id = (char *)id };
	void **found = tfind(&key, &cluster->briefings, compare_briefings);
	if (found)
		return *found;
	struct briefing *briefing = new0(struct briefing, 1);
	briefing->id = xstrdup(id);
	list_init(&briefing->link);
	list_init(&briefing->waits);
	if (!tsearch(briefing, &cluster->briefings, compare_briefings))
		abort();
	return briefing;
}

/* ---- the desired document ---- */

static json_t *consoles_desired(struct cluster *cluster, const char *node)
{
	json_t *list = json_array();
	struct console_ask *ask;
	LIST_FOREACH(ask, &cluster->consoles, link)
		if (str_equal(ask->node, node))
			json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "vm", ask->vm, "ticket", ask->ticket,
							      "kind", ask->kind));
	return list;
}

/* A certificate bears its node's identifier. One list for all: it is in thousands of documents, which are compared often. */
static json_t *member_names(struct cluster *cluster)
{
	if (cluster->members)
		return cluster->members;
	cluster->members = json_array();
	STORE_EACH(struct node, node, cluster->store, &kind_node)
		json_array_append_new(cluster->members, json_string(node->id));
	return cluster->members;
}

void cluster_members_changed(struct cluster *cluster)
{
	json_t *before = cluster->members;
	if (!before)
		return;
	cluster->members = NULL;
	/* Nodes change all the time, and seldom come or go. */
	if (!json_equal(before, member_names(cluster))) {
		json_decref(before);
		return;
	}
	json_decref(cluster->members);
	cluster->members = before;
}

static json_t *make_document(struct cluster *cluster, const struct peer *peer)
{
	json_t *document = json_object();
	const struct machine *machine = peer->machine ? store_get(cluster->store, &kind_machine, peer->machine) : NULL;
	const struct node *node = peer->node ? store_get(cluster->store, &kind_node, peer->node) : NULL;
	json_t *install = machine ? machine_agent_desired(cluster->spec.machines, machine) : NULL;
	json_t *ceph = node ? storage_agent_desired(cluster->spec.storage, node) : NULL;
	if (install)
		json_object_set_new(document, "install", install);
	if (ceph)
		json_object_set_new(document, "ceph", ceph);
	if (node) {
		json_object_set_new(document, "vms", vm_agent_desired(cluster->spec.compute, node));
		json_object_set_new(document, "consoles", consoles_desired(cluster, node->id));
		if (node->address)
			json_object_set_new(document, "members",
					    json_pack("{s:s, s:s, s:O}", "name", node->id, "address", node->address,
						      "names", member_names(cluster)));
	}
	return document;
}

static bool wants_same_vms(const json_t *document, const json_t *before)
{
	const json_t *vms = json_object_get(document, "vms"), *vms_before = json_object_get(before, "vms");
	return vms && vms_before && json_equal(vms, vms_before);
}

/* Makes the document anew and gives it a new generation if it differs. Generations come from the clock, so that those of
 * an earlier life of the provisioner are not met again. */
static struct briefing *brief(struct cluster *cluster, const struct peer *peer)
{
	struct briefing *briefing = cluster_briefing(cluster, peer->node ? peer->node : peer->machine);
	json_t *document = make_document(cluster, peer);
	if (briefing->document && json_equal(document, briefing->document)) {
		json_decref(document);
		return briefing;
	}
	if (!wants_same_vms(document, briefing->document))
		briefing->same_vms_count = 0;
	json_decref(briefing->document);
	briefing->document = document;
	briefing->generation = MAX_OF(loop_now_ms(cluster->loop), briefing->generation + 1);
	briefing->same_vms[briefing->same_vms_count++ % BRIEFING_SAME_VMS] = briefing->generation;
	return briefing;
}

/* Whether who carried out the section "vms" of that document has carried out what is wanted now. The other sections have no
 * say: each node that joins is in the documents of all, and none could be believed until it has caught up with the last. */
static bool is_settled(const struct briefing *briefing, int64_t generation)
{
	for (size_t i = 0; i < MIN_OF(briefing->same_vms_count, (size_t)BRIEFING_SAME_VMS); i++)
		if (briefing->same_vms[i] == generation)
			return true;
	return false;
}

json_t *cluster_agent_desired(struct cluster *cluster, const struct peer *peer, int64_t after)
{
	const struct briefing *briefing = brief(cluster, peer);
	if (briefing->generation == after)
		return NULL;
	json_t *document = json_copy(briefing->document);
	json_object_set_new(document, "generation", json_integer(briefing->generation));
	return document;
}

/* ---- long polls ---- */

struct desired_wait *desired_wait_free(struct desired_wait *wait)
{
	if (!wait)
		return NULL;
	list_remove(&wait->link);
	loop_timer_free(wait->timer);
	free(wait->machine);
	free(wait->node);
	free(wait);
	return NULL;
}

static void wait_over(void *data)
{
	struct desired_wait *wait = data;
	loop_fn fn = wait->fn;
	void *fn_data = wait->data;
	wait->timer = NULL;
	desired_wait_free(wait);
	fn(fn_data);
}

struct desired_wait *cluster_agent_wait(struct cluster *cluster, const struct peer *peer, int64_t after,
					int64_t wait_ms, loop_fn fn, void *data)
{
	struct desired_wait *wait = new0(struct desired_wait, 1);
	wait->cluster = cluster;
	wait->machine = xstrdup(peer->machine);
	wait->node = xstrdup(peer->node);
	wait->after = after;
	wait->fn = fn;
	wait->data = data;
	wait->round = cluster->round;
	wait->timer = loop_timer_new(cluster->loop, wait_ms, wait_over, wait);
	list_append(peer->node ? &cluster->waits : &cluster_briefing(cluster, peer->machine)->waits, &wait->link);
	return wait;
}

static void check_wait(struct desired_wait *wait)
{
	const struct peer peer = { wait->machine, wait->node };
	if (wait->after == INT64_MIN || brief(wait->cluster, &peer)->generation == wait->after)
		return;
	/* Its turn comes from the loop: what it calls may change the lists. */
	loop_timer_free(wait->timer);
	wait->timer = loop_timer_new(wait->cluster->loop, 0, wait_over, wait);
	wait->after = INT64_MIN;
}

static bool check_stale(struct cluster *cluster, int64_t began_ms)
{
	struct desired_wait *wait;
	while (!list_empty(&cluster->stale)) {
		struct briefing *briefing = CONTAINER_OF(list_take_first(&cluster->stale), struct briefing, link);
		LIST_FOREACH(wait, &briefing->waits, link)
			check_wait(wait);
		if (loop_turn_is_over(cluster->loop, began_ms))
			return false;
	}
	return true;
}

static bool check_nodes(struct cluster *cluster, int64_t began_ms)
{
	while (!list_empty(&cluster->waits)) {
		struct desired_wait *wait = CONTAINER_OF(cluster->waits.next, struct desired_wait, link);
		if (wait->round == cluster->round)
			break;
		wait->round = cluster->round;
		list_remove(&wait->link);
		list_append(&cluster->waits, &wait->link);
		check_wait(wait);
		if (loop_turn_is_over(cluster->loop, began_ms))
			return false;
	}
	return true;
}

static void check_waits(void *data);

static void check_soon(struct cluster *cluster)
{
	if (!cluster->wake)
		cluster->wake = loop_timer_new(cluster->loop, 0, check_waits, cluster);
}

static void check_waits(void *data)
{
	struct cluster *cluster = data;
	int64_t began_ms = loop_monotonic_ms(cluster->loop);
	cluster->wake = NULL;
	if (!check_stale(cluster, began_ms) || !check_nodes(cluster, began_ms))
		check_soon(cluster);
}

void cluster_wake(struct cluster *cluster)
{
	cluster->round++;
	check_soon(cluster);
}

void cluster_wake_machine(struct cluster *cluster, const char *id)
{
	struct briefing *briefing = cluster_briefing(cluster, id);
	if (list_empty(&briefing->waits))
		return;
	list_remove(&briefing->link);
	list_append(&cluster->stale, &briefing->link);
	check_soon(cluster);
}

/* ---- reports ---- */

static void node_heard(struct cluster *cluster, const char *id)
{
	const struct node *node = store_get(cluster->store, &kind_node, id);
	cluster_briefing(cluster, id)->heard_ms = loop_monotonic_ms(cluster->loop);
	if (node->health == NODE_READY)
		return;
	store_begin(cluster->store);
	struct node *edit = store_edit(cluster->store, &kind_node, id);
	edit->health = NODE_READY;
	edit->seen = loop_now_ms(cluster->loop);
	store_event(cluster->store, "node.ready", "node", id, edit->name, NULL);
	vm_node_health(cluster->spec.compute, id, true);
	store_must_commit(cluster->store);
}

static int node_report(struct cluster *cluster, const char *id, const json_t *report, struct err *err)
{
	const struct node *node = store_get(cluster->store, &kind_node, id);
	if (!node)
		return err_set(err, ERR_UNAUTHENTICATED, "node '%s' is not a member (any more)", id);
	node_heard(cluster, id);
	const json_t *vms = json_object_get(report, "vms"), *ceph = json_object_get(report, "ceph");
	/* Of the document that the section was carried out with; the agent may have read a newer one since. */
	int64_t generation = json_integer_value(json_object_get(json_object_get(report, "generations"), "vms"));
	const struct peer peer = { .node = id };
	if (json_is_object(json_object_get(report, "inventory")))
		machine_agent_report(cluster->spec.machines, node->machine, report, err);
	if (ceph)
		storage_agent_report(cluster->spec.storage, id, ceph);
	if (json_is_array(vms) &&
	    vm_agent_report(cluster->spec.compute, id, vms, is_settled(brief(cluster, &peer), generation)))
		cluster_wake(cluster);
	return 0;
}

static int take_report(struct cluster *cluster, const struct peer *peer, const json_t *report, struct err *err)
{
	if (peer->node)
		return node_report(cluster, peer->node, report, err);
	return machine_agent_report(cluster->spec.machines, peer->machine, report, err);
}

int cluster_agent_report(struct cluster *cluster, const struct peer *peer, const json_t *report, struct err *err)
{
	if (!json_is_object(report))
		return err_set(err, ERR_INVALID, "a report must be a JSON object");
	int r = take_report(cluster, peer, report, err);
	/* What was not stored is not acknowledged: it is said again, to the process that comes. */
	return r == 0 && store_is_dead(cluster->store) ? err_set(err, ERR_INTERNAL, "the report was not stored") : r;
}

/* ---- consoles ---- */

static void ask_free(struct console_ask *ask)
{
	list_remove(&ask->link);
	free(ask->node);
	free(ask->vm);
	free(ask->ticket);
	free(ask);
}

char *cluster_console_ask(struct cluster *cluster, const char *node, const char *vm, const char *kind)
{
	struct console_ask *ask = new0(struct console_ask, 1);
	ask->node = xstrdup(node);
	ask->vm = xstrdup(vm);
	ask->kind = kind;
	ask->ticket = token_new("console");
	list_append(&cluster->consoles, &ask->link);
	cluster_wake(cluster);
	return xstrdup(ask->ticket);
}

void cluster_console_end(struct cluster *cluster, const char *ticket)
{
	struct console_ask *ask;
	LIST_FOREACH(ask, &cluster->consoles, link) {
		if (!str_equal(ask->ticket, ticket))
			continue;
		ask_free(ask); /* the ticket may have been its own */
		break;
	}
	cluster_wake(cluster);
}
