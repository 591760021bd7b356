/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nodes and the talk with agents: documents with generations, long polls, who is heard and who is not. */
#include "cluster/cluster_priv.h"
#include "vm_fixture.h"

static json_t *desired(struct rack *rack, const char *node, int64_t after)
{
	const struct peer peer = { .node = node };
	return cluster_agent_desired(rack->controller->cluster, &peer, after);
}

/* ---- desired documents ---- */

static void a_document_is_given_once_until_it_changes(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1);
	int64_t first = rack_generation(rack, node);
	assert_null(desired(rack, node, first));
	rack_pass(rack, 5000);
	int64_t later = rack_generation(rack, node);
	assert_null(desired(rack, node, later)); /* asking changes nothing */
	free(rack_started(rack, "web"));
	json_t *document = desired(rack, node, later);
	assert_non_null(document);
	assert_true(json_integer_value(json_object_get(document, "generation")) > later);
	assert_int_equal(json_array_size(json_object_get(document, "vms")), 1);
	json_decref(document);
}

static void generations_of_an_earlier_life_are_not_met_again(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1);
	int64_t before = rack_generation(rack, node);
	rack_pass(rack, 1);
	rack_restart(rack);
	assert_true(rack_generation(rack, node) > before);
}

/* ---- long polls ---- */

static unsigned woken;

static void on_wake(void *data)
{
	woken++;
}

static void a_poll_ends_with_news_or_with_its_time(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1);
	const struct peer peer = { .node = node };
	rack_pass(rack, 5000);
	int64_t generation = rack_generation(rack, node);
	woken = 0;
	cluster_agent_wait(rack->controller->cluster, &peer, generation, 10000, on_wake, NULL);
	rack_pass(rack, 9999);
	assert_int_equal(woken, 0);
	rack_pass(rack, 1);
	assert_int_equal(woken, 1);
	cluster_agent_wait(rack->controller->cluster, &peer, generation, 10000, on_wake, NULL);
	free(rack_started(rack, "web"));
	assert_int_equal(woken, 2); /* at once */
	rack_pass(rack, 20000);
	assert_int_equal(woken, 2); /* and once */
	struct desired_wait *wait =
		cluster_agent_wait(rack->controller->cluster, &peer, rack_generation(rack, node), 10000, on_wake, NULL);
	assert_null(desired_wait_free(wait)); /* the agent went away */
	rack_pass(rack, 20000);
	assert_int_equal(woken, 2);
}

static void news_of_others_wakes_nobody(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = rack_node(rack, 1), *two = rack_node(rack, 2);
	rack_pass(rack, 5000);
	const struct peer peer = { .node = two };
	woken = 0;
	struct desired_wait *wait =
		cluster_agent_wait(rack->controller->cluster, &peer, rack_generation(rack, two), 60000, on_wake, NULL);
	_cleanup_free_ char *id = rack_started(rack, "web");
	assert_string_equal(rack_get_vm(rack, id)->node, one);
	assert_int_equal(woken, 0);
	desired_wait_free(wait);
}

/* A machine's document is its own: what happens to others is not even looked at for it. */
static void a_machine_waits_for_its_own_document(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL, *other = NULL;
	free(rack_ready(rack, 1, &id));
	free(rack_ready(rack, 2, &other));
	const struct peer peer = { .machine = id };
	json_t *document = cluster_agent_desired(rack->controller->cluster, &peer, -1);
	int64_t generation = json_integer_value(json_object_get(document, "generation"));
	json_decref(document);
	woken = 0;
	cluster_agent_wait(rack->controller->cluster, &peer, generation, 60000, on_wake, NULL);
	cluster_agent_wait(rack->controller->cluster, &peer, generation, 60000, on_wake, NULL);
	free(rack_deploy(rack, other));
	rack_settle(rack);
	assert_int_equal(woken, 0);
	free(rack_deploy(rack, id));
	rack_settle(rack);
	assert_int_equal(woken, 2); /* both of its agents: one may be of a boot that is over */
	document = cluster_agent_desired(rack->controller->cluster, &peer, generation);
	assert_non_null(json_object_get(document, "install"));
	json_decref(document);
	/* What waits when the provisioner ends goes with it. */
	cluster_agent_wait(rack->controller->cluster, &peer, generation, 60000, on_wake, NULL);
	rack_restart(rack);
	assert_int_equal(woken, 2);
}

/* ---- consoles ---- */

static void a_console_is_asked_for_and_ended(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1),
			    *ticket = cluster_console_ask(rack->controller->cluster, node, "vm-1", "serial");
	json_t *document = desired(rack, node, -1);
	const json_t *ask = json_array_get(json_object_get(document, "consoles"), 0);
	assert_string_equal(json_string_value(json_object_get(ask, "ticket")), ticket);
	assert_string_equal(json_string_value(json_object_get(ask, "vm")), "vm-1");
	json_decref(document);
	cluster_console_end(rack->controller->cluster, "another");
	cluster_console_end(rack->controller->cluster, ticket);
	document = desired(rack, node, -1);
	assert_int_equal(json_array_size(json_object_get(document, "consoles")), 0);
	json_decref(document);
}

/* ---- members ---- */

static const struct node *get(struct rack *rack, const char *id)
{
	return store_get(rack_store(rack), &kind_node, id);
}

static bool is_member(struct rack *rack, const char *node, const char *name)
{
	json_t *document = desired(rack, node, -1);
	const json_t *members = json_object_get(document, "members"), *entry;
	bool found = false;
	size_t i;
	assert_string_equal(json_string_value(json_object_get(members, "name")), node);
	assert_string_equal(json_string_value(json_object_get(members, "address")), get(rack, node)->address);
	json_array_foreach(json_object_get(members, "names"), i, entry)
		found = found || str_equal(json_string_value(entry), name);
	json_decref(document);
	return found;
}

static void nodes_are_told_who_the_members_are(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = rack_node(rack, 1);
	assert_true(is_member(rack, one, one));
	int64_t generation = rack_generation(rack, one);
	_cleanup_free_ char *two = rack_node(rack, 2);
	assert_true(is_member(rack, one, two) && is_member(rack, two, one));
	assert_true(rack_generation(rack, one) > generation);
	/* What else happens to a node makes no other list. */
	json_t *before = desired(rack, one, -1);
	rack_pass(rack, 20000);
	rack_node_report(rack, one, json_object());
	rack_pass(rack, 20000);
	assert_int_equal(get(rack, two)->health, NODE_UNREACHABLE);
	json_t *after = desired(rack, one, -1);
	assert_ptr_equal(json_object_get(json_object_get(after, "members"), "names"),
			 json_object_get(json_object_get(before, "members"), "names"));
	json_decref(before);
	json_decref(after);
	/* One that is gone is a member no more. */
	store_begin(rack_store(rack));
	store_remove(rack_store(rack), &kind_node, two);
	assert_int_equal(store_commit(rack_store(rack), NULL), 0);
	assert_false(is_member(rack, one, two));
}

static void say_nothing_of(struct rack *rack, const char *node, int64_t generation)
{
	rack_node_report(rack, node, json_pack("{s:{s:I}, s:[]}", "generations", "vms", (json_int_t)generation, "vms"));
	rack_settle(rack);
}

/* What an agent has carried out is what is wanted, whoever joined since; nothing else is. */
static void a_report_is_believed_while_nodes_join(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = rack_node(rack, 1), *id = rack_running(rack, "web", one);
	int64_t old = rack_generation(rack, one);
	rack_pass(rack, 1000);
	free(rack_delete(rack, id));
	assert_told(rack, one, id, "absent");
	say_nothing_of(rack, one, old); /* of an order that wanted it to run */
	assert_non_null(store_get(rack_store(rack), &kind_vm, id));
	int64_t wanted = rack_generation(rack, one);
	assert_true(wanted > old);
	rack_pass(rack, 1000);
	free(rack_node(rack, 2));
	rack_pass(rack, 1000);
	free(rack_node(rack, 3));
	assert_true(rack_generation(rack, one) > wanted + 1);
	say_nothing_of(rack, one,
		       wanted + 1); /* between, but no document of ours: of another life of the provisioner */
	assert_non_null(store_get(rack_store(rack), &kind_vm, id));
	say_nothing_of(rack, one, wanted);
	assert_null(store_get(rack_store(rack), &kind_vm, id));
}

/* An agent that is many documents behind is waited for; nothing is believed of what is not remembered. */
static void what_is_too_long_ago_is_not_believed(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = rack_node(rack, 1), *id = rack_running(rack, "web", one);
	free(rack_delete(rack, id));
	int64_t wanted = rack_generation(rack, one), second = 0;
	for (unsigned i = 0; i < BRIEFING_SAME_VMS; i++) {
		free(cluster_console_ask(rack->controller->cluster, one, "vm-1", "serial"));
		second = second ? second : rack_generation(rack, one);
		rack_generation(rack, one);
	}
	say_nothing_of(rack, one, wanted);
	assert_non_null(store_get(rack_store(rack), &kind_vm, id));
	say_nothing_of(rack, one, second);
	assert_null(store_get(rack_store(rack), &kind_vm, id));
}

/* ---- who is heard ---- */

static void a_node_joins_and_falls_silent_and_comes_back(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = rack_node(rack, 1);
	assert_int_equal(get(rack, id)->health, NODE_READY);
	assert_string_equal(get(rack, id)->name, "machine-1");
	assert_true(get(rack, id)->memory_bytes == 16 * GIB && get(rack, id)->cpus == 4);
	rack_pass(rack, 29000);
	assert_int_equal(get(rack, id)->health, NODE_READY);
	rack_pass(rack, 3000);
	assert_int_equal(get(rack, id)->health, NODE_UNREACHABLE);
	int64_t events = store_event_last(rack_store(rack));
	rack_pass(rack, 60000);
	json_t *news = store_events(rack_store(rack), events, 10);
	size_t i;
	const json_t *event;
	json_array_foreach(news, i, event)
		assert_string_not_equal(json_string_value(json_object_get(event, "kind")),
					"node.unreachable"); /* said once */
	json_decref(news);
	rack_node_report(rack, id, json_object());
	assert_int_equal(get(rack, id)->health, NODE_READY);
}

/* After a restart nobody was heard yet: that is no reason to give anybody up. */
static void a_restart_gives_nodes_their_time(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = rack_node(rack, 1);
	rack_pass(rack, 29000);
	rack_restart(rack);
	rack_pass(rack, 29000);
	assert_int_equal(get(rack, id)->health, NODE_READY);
	rack_pass(rack, 3000);
	assert_int_equal(get(rack, id)->health, NODE_UNREACHABLE);
}

static void after_a_restart_placing_waits_for_nodes(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1);
	rack_pass(rack, 40000);
	rack_restart(rack);
	_cleanup_free_ char *id = rack_started(rack, "web");
	rack_pass(rack, 10000);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STARTING); /* no "no node can take it" */
	rack_node_report(rack, node, json_object());
	rack_pass(rack, 2000);
	assert_string_equal(rack_get_vm(rack, id)->node, node);
}

static void who_is_no_member_is_refused(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	const struct peer stranger = { .node = "019b76da-0000-7000-8000-000000000000" };
	json_t *report = json_object();
	assert_true(cluster_agent_report(rack->controller->cluster, &stranger, report, &err) < 0);
	assert_int_equal(err.code, ERR_UNAUTHENTICATED);
	const struct peer nobody = { .machine = "none" };
	assert_true(cluster_agent_report(rack->controller->cluster, &nobody, report, &err) < 0);
	json_decref(report);
	assert_int_equal(store_count(rack_store(rack), &kind_node), 0);
}

/* ---- a store that cannot be written ---- */

static bool is_full(void *data)
{
	return true;
}

/* It is not acknowledged, so that the agent says it again; what comes after this process finds everything as it was. */
static void what_is_not_stored_is_not_acknowledged(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_started(rack, "web");
	const struct peer peer = { .node = node };
	json_t *report = json_pack("{s:{s:I}, s:[{s:s, s:I, s:s}]}", "generations", "vms",
				   (json_int_t)rack_generation(rack, node), "vms", "id", id, "generation",
				   (json_int_t)1, "state", "running");
	store_set_fault_hook(rack_store(rack), is_full, NULL);
	assert_true(cluster_agent_report(rack->controller->cluster, &peer, report, &err) < 0);
	assert_string_equal(err.text, "the report was not stored");
	assert_true(store_is_dead(rack_store(rack)));
	rack_restart(rack);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_STARTING);
	assert_int_equal(cluster_agent_report(rack->controller->cluster, &peer, report, &err), 0);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_RUNNING);
	json_decref(report);
}

/* ---- certificates ---- */

static unsigned events_of_kind(struct rack *rack, const char *kind)
{
	json_t *events = store_events(rack_store(rack), 0, 1000);
	const json_t *event;
	unsigned count = 0;
	size_t i;
	json_array_foreach(events, i, event)
		count += str_equal(json_string_value(json_object_get(event, "kind")), kind);
	json_decref(events);
	return count;
}

static void set_certificate_until(struct rack *rack, const char *node, int64_t until_ms)
{
	store_begin(rack_store(rack));
	struct node *edit = store_edit(rack_store(rack), &kind_node, node);
	edit->certificate_until = until_ms;
	assert_int_equal(store_commit(rack_store(rack), NULL), 0);
}

/* What brings such a node back: test_join.c. This one holds the monitor. */
static void a_certificate_that_runs_out_is_told(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1);
	int64_t now_ms = loop_now_ms(store_loop(rack_store(rack)));
	assert_true(get(rack, node)->certificate_until > now_ms + INT64_C(2) * 365 * 86400 * 1000);
	set_certificate_until(rack, node, now_ms + 10000);
	rack_pass(rack, 9000);
	assert_null(get(rack, node)->error);
	rack_pass(rack, 3000);
	assert_string_equal(get(rack, node)->error->code, "credentials");
	assert_non_null(strstr(get(rack, node)->error->text, "its certificate ran out on "));
	assert_non_null(strstr(get(rack, node)->error->text, "as long as it is a part of the storage"));
	rack_pass(rack, 60000);
	assert_int_equal(events_of_kind(rack, "node.certificate-expired"), 1); /* once */
	assert_int_equal(get(rack, node)->health, NODE_UNREACHABLE);
}

static void a_renewed_certificate_counts(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *node = rack_node(rack, 1), *csr = rack_csr();
	json_t *request = json_pack("{s:s, s:s}", "use", "guests", "csr", csr), *reply = NULL;
	set_certificate_until(rack, node, loop_now_ms(store_loop(rack_store(rack))) + 10000);
	/* The other certificate is no reason to believe that the first is good for longer. */
	assert_int_equal(cluster_agent_certificate(rack->controller->cluster, node, request, &reply, &err), 0);
	json_decref(TAKE_PTR(reply));
	rack_pass(rack, 5000);
	json_object_set_new(request, "use", json_string("node"));
	assert_int_equal(cluster_agent_certificate(rack->controller->cluster, node, request, &reply, &err), 0);
	json_decref(reply);
	json_decref(request);
	rack_pass(rack, 20000);
	assert_null(get(rack, node)->error);
	assert_int_equal(events_of_kind(rack, "node.certificate"), 2);
}

/* ---- room ---- */

static void what_is_free_on_a_node_is_counted(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1), *id = rack_running(rack, "web", node);
	uint64_t before = get(rack, node)->memory_free_bytes;
	assert_true(get(rack, node)->vm_count == 1);
	free(rack_started(rack, "second"));
	assert_true(get(rack, node)->vm_count == 2);
	assert_true(before - get(rack, node)->memory_free_bytes == GIB);
	free(rack_delete(rack, id));
	rack_say_nothing(rack, node, true);
	assert_true(get(rack, node)->vm_count == 1);
	assert_true(get(rack, node)->memory_free_bytes == before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_document_is_given_once_until_it_changes),
		TEST(generations_of_an_earlier_life_are_not_met_again),
		TEST(a_poll_ends_with_news_or_with_its_time),
		TEST(news_of_others_wakes_nobody),
		TEST(a_machine_waits_for_its_own_document),
		TEST(a_console_is_asked_for_and_ended),
		TEST(nodes_are_told_who_the_members_are),
		TEST(a_report_is_believed_while_nodes_join),
		TEST(what_is_too_long_ago_is_not_believed),
		TEST(a_node_joins_and_falls_silent_and_comes_back),
		TEST(a_restart_gives_nodes_their_time),
		TEST(after_a_restart_placing_waits_for_nodes),
		TEST(who_is_no_member_is_refused),
		TEST(what_is_not_stored_is_not_acknowledged),
		TEST(a_certificate_that_runs_out_is_told),
		TEST(a_renewed_certificate_counts),
		TEST(what_is_free_on_a_node_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
