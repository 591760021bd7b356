/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines that join by a token: who may, how often, under which name, and what becomes of a repeated or a forged request. */
#include "crypto/join_text.h"
#include "vm_fixture.h"

static int create(struct rack *rack, const struct join_token *wanted, char **ret_text, struct err *err)
{
	const struct join_token *made = NULL;
	return cluster_join_token_create(rack->controller->cluster, wanted, NULL, "admin", &made, ret_text, err);
}

/* For one machine, for a day. The text is the caller's. */
static char *token(struct rack *rack, const char *name)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct join_token wanted = { .name = (char *)name, .uses = 1 };
	char *text = NULL;
	if (create(rack, &wanted, &text, &err) < 0)
		fail_msg("%s", err.text);
	return text;
}

/* What the agent of machine n says. */
static json_t *join_request(const char *text, const char *csr, unsigned n, const char *name)
{
	_cleanup_free_ char *mac = xasprintf("52:54:00:00:00:0%u", n);
	_cleanup_free_ char *uuid = xasprintf("00000000-0000-4000-8000-00000000000%u", n);
	json_t *inventory = rack_inventory(n);
	json_t *join = json_pack("{s:s, s:s, s:[s], s:s, s:s, s:{s:s}, s:b, s:O}", "name", name, "uuid", uuid, "macs",
				 mac, "boot_mac", mac, "firmware", "uefi", "disk", "serial", "system", "pool_disks", 0,
				 "inventory", json_object_get(inventory, "inventory"));
	json_decref(inventory);
	return json_pack("{s:s, s:s*, s:o}", "token", text, "csr", csr, "join", join);
}

static int may_join(struct rack *rack, const char *text, unsigned n, const char *name, struct err *err)
{
	json_t *request = join_request(text, NULL, n, name), *reply = NULL;
	int r = cluster_agent_may_join(rack->controller->cluster, request, &reply, err);
	if (r == 0)
		assert_string_equal(json_string_value(json_object_get(reply, "role")), "node");
	json_decref(request);
	json_decref(reply);
	return r;
}

/* ret_node: the caller's; may be NULL. */
static int join(struct rack *rack, const char *text, const char *csr, unsigned n, const char *name, char **ret_node,
		struct err *err)
{
	json_t *request = join_request(text, csr, n, name), *reply = NULL;
	int r = cluster_agent_enroll(rack->controller->cluster, request, "10.77.0.31", &reply, err);
	if (r == 0)
		assert_non_null(json_object_get(reply, "certificate"));
	if (r == 0 && ret_node)
		*ret_node = xstrdup(json_string_value(json_object_get(reply, "node")));
	json_decref(request);
	json_decref(reply);
	rack_settle(rack);
	return r;
}

#define ASSERT_REFUSED(call, code_, words)                                                                             \
	do {                                                                                                           \
		_cleanup_err_ struct err err = ERR_INIT;                                                               \
		assert_true((call) < 0);                                                                               \
		assert_int_equal(err.code, code_);                                                                     \
		if (!strstr(err.text, words))                                                                          \
			fail_msg("no \"%s\" in: %s", words, err.text);                                                 \
	} while (0)

static char *joined(struct rack *rack, const char *text, const char *csr, unsigned n, const char *name)
{
	_cleanup_err_ struct err err = ERR_INIT;
	char *node = NULL;
	if (join(rack, text, csr, n, name, &node, &err) < 0)
		fail_msg("%s", err.text);
	return node;
}

static const struct join_token *find(struct rack *rack, const char *name)
{
	return store_find(rack_store(rack), &kind_join_token, name);
}

/* ---- the token ---- */

static void its_text_leads_to_the_provisioner_and_is_not_stored(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *text = token(rack, "rack-2"), *shown = NULL, *hash = sha256_hex(text, strlen(text));
	struct join_text parsed;
	assert_int_equal(join_text_parse(text, &parsed), 0);
	assert_string_equal(parsed.address, "10.77.0.1");
	assert_int_equal(parsed.agent_port, 8444);
	assert_string_equal(parsed.ca, ca_fingerprint(rack->ca));
	const struct join_token *token = find(rack, "rack-2");
	assert_string_equal(token->hash, hash);
	assert_null(token->token);
	assert_int_equal(token->expires_at, START_MS + JOIN_TOKEN_DEFAULT_MS);
	json_t *json = schema_encode(&join_token_schema, token, false);
	shown = json_dumps(json, 0);
	json_decref(json);
	assert_null(strstr(shown, hash));
	assert_null(strstr(shown, text));
}

static void bad_ones_are_not_made(void **state)
{
	struct rack *rack = *state;
	const struct join_token again = { .name = (char *)"a", .uses = 1 };
	const struct join_token past = { .name = (char *)"b", .uses = 1, .expires_at = START_MS - 1 };
	char *text = NULL;
	free(token(rack, "a"));
	ASSERT_REFUSED(create(rack, &again, &text, &err), ERR_EXISTS, "there is a join token 'a' already");
	ASSERT_REFUSED(create(rack, &past, &text, &err), ERR_INVALID, "must be a time to come");
	assert_null(text);
}

/* ---- joining ---- */

static void a_machine_becomes_a_node_that_is_deployed(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *text = token(rack, "t"), *csr = rack_csr();
	_cleanup_err_ struct err none = ERR_INIT;
	assert_int_equal(may_join(rack, text, 1, "node-4", &none), 0);
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 0); /* asking changes nothing */
	assert_int_equal(find(rack, "t")->join_count, 0);
	_cleanup_free_ char *id = joined(rack, text, csr, 1, "node-4");
	const struct machine *machine = rack_machine(rack, "node-4");
	assert_int_equal(machine->state, MACHINE_DEPLOYED);
	assert_string_equal(machine->node, id);
	assert_string_equal(machine->address, "10.77.0.31");
	assert_string_equal(machine->uuid, UUID(1));
	assert_non_null(machine->inventory);
	assert_null(machine->bmc_address);
	assert_int_equal(machine_boot_intent(machine), BOOT_INTENT_DISK);
	const struct node *node = store_get(rack_store(rack), &kind_node, id);
	assert_string_equal(node->name, "node-4");
	assert_true(node->memory_bytes > 0 && node->cpus > 0);
	assert_int_equal(find(rack, "t")->join_count, 1);
	rack_node_report(rack, id, json_pack("{s:{}}", "ceph"));
	assert_int_equal(((const struct node *)store_get(rack_store(rack), &kind_node, id))->health, NODE_READY);
}

/* The answer was lost; the provisioner died; the token has expired meanwhile: the same question, the same answer. */
static void a_repeated_question_gets_the_same_answer(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *text = token(rack, "t"), *csr = rack_csr();
	_cleanup_free_ char *first = joined(rack, text, csr, 1, "node-4"),
			    *again = joined(rack, text, csr, 1, "node-4");
	assert_string_equal(first, again);
	rack_restart(rack);
	rack_pass(rack, 2 * JOIN_TOKEN_DEFAULT_MS);
	_cleanup_free_ char *late = joined(rack, text, csr, 1, "node-4");
	assert_string_equal(first, late);
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 1);
	assert_int_equal(store_count(rack_store(rack), &kind_node), 1);
}

static void a_token_is_for_its_machine_and_key(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *text = token(rack, "t"), *csr = rack_csr(), *other = rack_csr();
	_cleanup_free_ char *node = joined(rack, text, csr, 1, "node-4");
	ASSERT_REFUSED(join(rack, text, other, 1, "node-4", NULL, &err), ERR_UNAUTHENTICATED, "joined by it already");
	ASSERT_REFUSED(may_join(rack, text, 1, "node-4", &err), ERR_UNAUTHENTICATED, "joined by it already");
	ASSERT_REFUSED(join(rack, text, other, 2, "node-5", NULL, &err), ERR_UNAUTHENTICATED, "used already");
	ASSERT_REFUSED(may_join(rack, text, 2, "node-5", &err), ERR_UNAUTHENTICATED, "used already");
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 1);
}

static void as_many_as_it_is_for(void **state)
{
	struct rack *rack = *state;
	const struct join_token wanted = { .name = (char *)"many", .uses = 2 };
	_cleanup_free_ char *text = NULL, *one = rack_csr(), *two = rack_csr(), *three = rack_csr();
	assert_int_equal(create(rack, &wanted, &text, NULL), 0);
	free(joined(rack, text, one, 1, "n1"));
	free(joined(rack, text, two, 2, "n2"));
	ASSERT_REFUSED(join(rack, text, three, 3, "n3", NULL, &err), ERR_UNAUTHENTICATED, "as many machines");
	assert_int_equal(store_count(rack_store(rack), &kind_node), 2);
}

/* Boards of one make came with the same UUID: each is a machine of its own. */
static void a_uuid_that_machines_share(void **state)
{
	struct rack *rack = *state;
	const struct join_token wanted = { .name = (char *)"many", .uses = 2 };
	_cleanup_free_ char *text = NULL, *one = rack_csr(), *two = rack_csr(), *third = rack_csr();
	assert_int_equal(create(rack, &wanted, &text, NULL), 0);
	_cleanup_free_ char *first = joined(rack, text, one, 1, "n1");
	json_t *request = join_request(text, two, 2, "n2"), *reply = NULL;
	json_object_set_new(json_object_get(request, "join"), "uuid", json_string(UUID(1)));
	assert_int_equal(cluster_agent_enroll(rack->controller->cluster, request, "10.77.0.32", &reply, NULL), 0);
	assert_string_not_equal(json_string_value(json_object_get(reply, "node")), first);
	json_decref(request);
	json_decref(reply);
	assert_int_equal(store_count(rack_store(rack), &kind_node), 2);
	ASSERT_REFUSED(join(rack, text, third, 1, "n1", NULL, &err), ERR_UNAUTHENTICATED, "joined by it already");
}

static void what_is_no_token(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *text = token(rack, "t"), *late = token(rack, "late"), *csr = rack_csr();
	ASSERT_REFUSED(join(rack, "join_x", csr, 1, "n", NULL, &err), ERR_UNAUTHENTICATED, "not known here");
	assert_int_equal(cluster_join_token_delete(rack->controller->cluster, find(rack, "t")->id, NULL), 0);
	ASSERT_REFUSED(join(rack, text, csr, 1, "n", NULL, &err), ERR_UNAUTHENTICATED, "deleted");
	rack_pass(rack, JOIN_TOKEN_DEFAULT_MS);
	ASSERT_REFUSED(may_join(rack, late, 1, "n", &err), ERR_UNAUTHENTICATED, "expired");
	ASSERT_REFUSED(join(rack, late, csr, 1, "n", NULL, &err), ERR_UNAUTHENTICATED, "expired");
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 0);
}

static void bad_requests_change_nothing(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *text = token(rack, "t"), *csr = rack_csr();
	static const char *const bad[][2] = {
		{ "{}", "name: is missing" },
		{ "{\"name\": \"Not a name\", \"macs\": [\"52:54:00:00:00:01\"]}", "name" },
		{ "{\"name\": \"n\"}", "macs" },
		{ "{\"name\": \"n\", \"macs\": [\"x\"]}", "macs" },
		{ "{\"name\": \"n\", \"macs\": [\"52:54:00:00:00:01\"], \"uuid\": \"x\"}", "uuid" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *request = json_pack("{s:s, s:s, s:o}", "token", text, "csr", csr, "join",
					    json_loads(bad[i][0], 0, NULL)),
		       *reply = NULL;
		ASSERT_REFUSED(cluster_agent_enroll(rack->controller->cluster, request, "10.77.0.31", &reply, &err),
			       ERR_INVALID, bad[i][1]);
		json_decref(request);
	}
	ASSERT_REFUSED(join(rack, text, "no request", 1, "n", NULL, &err), ERR_INVALID, "csr");
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 0);
	assert_int_equal(find(rack, "t")->join_count, 0);
}

/* Said while there is time to choose another; a host that is there already gets a name like it. */
static void a_name_that_is_taken(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = token(rack, "one"), *two = token(rack, "two"), *csr = rack_csr(),
			    *other = rack_csr();
	free(joined(rack, one, csr, 1, "node-4"));
	ASSERT_REFUSED(may_join(rack, two, 2, "node-4", &err), ERR_EXISTS, "choose another");
	free(joined(rack, two, other, 2, "node-4"));
	assert_string_equal(rack_machine(rack, "node-4-2")->uuid, UUID(2));
	assert_string_equal(rack_machine(rack, "node-4")->uuid, UUID(1));
}

/* It was found in the rack before somebody put the stick in. */
static void a_machine_that_is_known_is_the_same(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL, *text = token(rack, "t"), *csr = rack_csr();
	free(rack_ready(rack, 1, &id));
	assert_non_null(rack_machine(rack, id)->live_token);
	free(joined(rack, text, csr, 1, "node-4"));
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 1);
	assert_null(rack_machine(rack, id)->live_token);
	assert_string_equal(rack_machine(rack, id)->name, "node-4");
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_DEPLOYED);
}

static void a_machine_that_is_deployed_now_waits(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL, *text = token(rack, "t"), *csr = rack_csr();
	free(rack_ready(rack, 1, &id));
	free(rack_deploy(rack, id));
	ASSERT_REFUSED(may_join(rack, text, 1, "node-4", &err), ERR_STATE, "cancel that first");
	ASSERT_REFUSED(join(rack, text, csr, 1, "node-4", NULL, &err), ERR_STATE, "deploying");
	assert_int_equal(store_count(rack_store(rack), &kind_node), 0);
}

/* Whoever has a token and knows a UUID does not push a node out that is up, nor one that may have virtual machines. */
static void a_node_is_not_pushed_out(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = token(rack, "one"), *two = token(rack, "two"), *csr = rack_csr(),
			    *other = rack_csr();
	_cleanup_free_ char *old = joined(rack, one, csr, 1, "node-4");
	rack_node_report(rack, old, json_pack("{s:[], s:{s:s, s:s}}", "vms", "ceph", "mon", "absent", "mgr", "absent"));
	_cleanup_free_ char *vm = rack_started(rack, "web");
	assert_string_equal(rack_get_vm(rack, vm)->node, old);
	ASSERT_REFUSED(join(rack, two, other, 1, "node-4", NULL, &err), ERR_STATE, "whose node is up");
	rack_pass(rack, 31000); /* it is silent */
	ASSERT_REFUSED(join(rack, two, other, 1, "node-4", NULL, &err), ERR_STATE, "virtual machine web");
	store_begin(rack_store(rack));
	str_set(&((struct vm *)store_edit(rack_store(rack), &kind_vm, vm))->node, NULL);
	assert_int_equal(store_commit(rack_store(rack), NULL), 0);
	_cleanup_free_ char *node = joined(rack, two, other, 1, "node-4");
	assert_string_not_equal(node, old);
	assert_null(store_get(rack_store(rack), &kind_node, old));
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 1);
}

/* The first monitor and the disks in the pool are told of in its record alone. */
static void a_node_of_the_storage_is_not_forgotten(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = token(rack, "one"), *two = token(rack, "two"), *csr = rack_csr(),
			    *other = rack_csr();
	_cleanup_free_ char *id = joined(rack, one, csr, 1, "node-4");
	const struct node given = { .pool_disks = true };
	rack_node_report(rack, id, json_pack("{s:[]}", "vms"));
	assert_int_equal(cluster_node_update(rack->controller->cluster, id, &given, NULL), 0);
	rack_pass(rack, 10000); /* the storage begins on it; nothing of it has come up */
	const struct ceph_cluster *ceph = store_next(rack_store(rack), &kind_ceph_cluster, NULL);
	assert_string_equal(ceph->mon_node, id);
	rack_pass(rack, 31000);
	ASSERT_REFUSED(may_join(rack, two, 1, "node-4", &err), ERR_STATE, "disk.state: keep");
	ASSERT_REFUSED(join(rack, two, other, 1, "node-4", NULL, &err), ERR_STATE, "disk.state: keep");
	/* Nor one that only has disks in the pool. */
	store_begin(rack_store(rack));
	struct ceph_cluster *edit = store_edit(rack_store(rack), &kind_ceph_cluster, ceph->id);
	str_set(&edit->mon_node, NULL);
	struct node *node = store_edit(rack_store(rack), &kind_node, id);
	str_set(&node->mon, NULL);
	str_set(&node->mgr, NULL);
	if (node->osd_count == 0)
		schema_list_add(&node_schema, node, "osds");
	assert_int_equal(store_commit(rack_store(rack), NULL), 0);
	ASSERT_REFUSED(join(rack, two, other, 1, "node-4", NULL, &err), ERR_STATE, "disk.state: keep");
	assert_true(((const struct node *)store_get(rack_store(rack), &kind_node, id))->osd_count > 0);
	assert_int_equal(find(rack, "two")->join_count, 0);
}

static const char *expired(struct rack *rack, const char *id)
{
	store_begin(rack_store(rack));
	struct node *node = store_edit(rack_store(rack), &kind_node, id);
	node->certificate_until = loop_now_ms(rack->loop) - 1;
	node->error = schema_free(&problem_schema, node->error);
	assert_int_equal(store_commit(rack_store(rack), NULL), 0);
	rack_pass(rack, 2000);
	const struct problem *error = ((const struct node *)store_get(rack_store(rack), &kind_node, id))->error;
	assert_non_null(error);
	return error->text;
}

/* What is said when a certificate has run out is done here, word for word. */
static void a_node_whose_certificate_ran_out_comes_back_as_is_said(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = token(rack, "one"), *two = token(rack, "two"), *csr = rack_csr(),
			    *other = rack_csr();
	_cleanup_free_ char *old = joined(rack, one, csr, 1, "node-4");
	const char *machine = rack_machine(rack, "node-4")->id, *task;
	rack_node_report(rack, old, json_pack("{s:[], s:{s:s, s:s}}", "vms", "ceph", "mon", "absent", "mgr", "absent"));
	_cleanup_free_ char *vm = rack_started(rack, "web");
	rack_pass(rack, 31000); /* it is refused, so it is silent */
	assert_non_null(strstr(expired(rack, old), "as long as the virtual machine web is on it"));
	ASSERT_REFUSED(join(rack, two, other, 1, "node-4", NULL, &err), ERR_STATE, "virtual machine web");
	store_begin(rack_store(rack));
	str_set(&((struct vm *)store_edit(rack_store(rack), &kind_vm, vm))->node, NULL);
	assert_int_equal(store_commit(rack_store(rack), NULL), 0);
	assert_non_null(
		strstr(expired(rack, old), "install its machine anew from the installation medium, by a join token"));
	/* Not what it once said. */
	_cleanup_err_ struct err err = ERR_INIT;
	const struct machine_deploy how = { .disk = NULL };
	assert_true(machine_deploy(rack->controller->machines, machine, &how, &task, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_int_equal(may_join(rack, two, 1, "node-4", NULL), 0);
	_cleanup_free_ char *node = joined(rack, two, other, 1, "node-4");
	const struct node *anew = store_get(rack_store(rack), &kind_node, node);
	assert_null(store_get(rack_store(rack), &kind_node, old));
	assert_null(anew->error);
	assert_true(anew->certificate_until > loop_now_ms(rack->loop));
}

/* ---- its disks ---- */

static void its_disks_are_its_own_until_they_are_given(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *text = token(rack, "t"), *csr = rack_csr(), *id = joined(rack, text, csr, 1, "node-4");
	_cleanup_err_ struct err none = ERR_INIT;
	struct node changed = { .pool_disks = true };
	rack_node_report(rack, id, json_pack("{s:[]}", "vms"));
	rack_pass(rack, 10000);
	assert_int_equal(store_count(rack_store(rack), &kind_ceph_cluster), 0);
	assert_int_equal(cluster_node_update(rack->controller->cluster, id, &changed, &none), 0);
	rack->quorum = true;
	rack_pass(rack, 10000);
	assert_true(((const struct node *)store_get(rack_store(rack), &kind_node, id))->osd_count > 0);
	changed.pool_disks = false;
	ASSERT_REFUSED(cluster_node_update(rack->controller->cluster, id, &changed, &err), ERR_STATE, "stay there");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(its_text_leads_to_the_provisioner_and_is_not_stored),
		TEST(bad_ones_are_not_made),
		TEST(a_machine_becomes_a_node_that_is_deployed),
		TEST(a_repeated_question_gets_the_same_answer),
		TEST(a_token_is_for_its_machine_and_key),
		TEST(as_many_as_it_is_for),
		TEST(a_uuid_that_machines_share),
		TEST(what_is_no_token),
		TEST(bad_requests_change_nothing),
		TEST(a_name_that_is_taken),
		TEST(a_machine_that_is_known_is_the_same),
		TEST(a_machine_that_is_deployed_now_waits),
		TEST(a_node_is_not_pushed_out),
		TEST(a_node_of_the_storage_is_not_forgotten),
		TEST(a_node_whose_certificate_ran_out_comes_back_as_is_said),
		TEST(its_disks_are_its_own_until_they_are_given),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
