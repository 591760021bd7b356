/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a provisioner hands to the agent on its own host: for how long it is good, and whose token it is. */
#include "rack_fixture.h"

#include "daemon/own_node.h"

#define HOUR_MS 3600000

static struct own_node *started(struct rack *rack)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct own_node_spec spec = { .controller = rack->controller,
					    .state_dir = rack->dir,
					    .server = "10.77.0.1:8444",
					    .ca_pem = ca_pem(rack->ca),
					    .address = "10.77.0.1" };
	struct own_node *own = NULL;
	if (own_node_new(&spec, &own, &err) < 0)
		fail_msg("%s", err.text);
	return own;
}

/* What the agent reads; NULL: there is no file. The caller's. */
static char *handed(struct rack *rack)
{
	_cleanup_free_ char *path = xasprintf("%s/own-node.json", rack->dir);
	json_t *json = json_load_file(path, 0, NULL);
	char *token = xstrdup(json_string_value(json_object_get(json, "token")));
	json_decref(json);
	return token;
}

/* The agent beside the provisioner asks, from its address. */
static int join(struct rack *rack, const char *token)
{
	_cleanup_free_ char *csr = rack_csr();
	json_t *reply = NULL, *request = json_pack("{s:s, s:s, s:{s:s, s:[s], s:s}}", "token", token, "csr", csr,
						   "join", "name", "here", "macs", MAC(1), "boot_mac", MAC(1));
	int r = cluster_agent_enroll(rack->controller->cluster, request, "10.77.0.1", &reply, NULL);
	json_decref(request);
	json_decref(reply);
	return r;
}

static const struct join_token *find(struct rack *rack, const char *name)
{
	return store_find(rack_store(rack), &kind_join_token, name);
}

static void it_is_good_however_late_the_agent_asks(void **state)
{
	struct rack *rack = *state;
	struct own_node *own = started(rack);
	_cleanup_free_ char *first = handed(rack);
	rack_pass(rack, HOUR_MS);
	_cleanup_free_ char *same = handed(rack);
	assert_string_equal(same, first);
	rack_pass(rack, 50 * HOUR_MS);
	_cleanup_free_ char *late = handed(rack);
	assert_string_not_equal(late, first);
	assert_int_equal(store_count(rack_store(rack), &kind_join_token), 1);
	assert_true(join(rack, first) < 0);
	assert_int_equal(join(rack, late), 0);
	rack_pass(rack, 50 * HOUR_MS); /* it is a node: nothing is made any more */
	_cleanup_free_ char *last = handed(rack);
	assert_string_equal(last, late);
	own_node_free(own);
	own = started(rack);
	assert_null(handed(rack));
	own_node_free(own);
}

static void one_that_is_gone_is_made_anew(void **state)
{
	struct rack *rack = *state;
	struct own_node *own = started(rack);
	_cleanup_free_ char *first = handed(rack);
	assert_int_equal(cluster_join_token_delete(rack->controller->cluster, find(rack, "own-node")->id, NULL), 0);
	rack_pass(rack, 61000);
	_cleanup_free_ char *second = handed(rack);
	assert_string_not_equal(second, first);
	assert_int_equal(join(rack, second), 0);
	own_node_free(own);
}

static void a_token_that_a_person_made_stays(void **state)
{
	struct rack *rack = *state;
	const struct join_token wanted = { .name = (char *)"own-node", .uses = 3 }, *made = NULL;
	char *text = NULL;
	assert_int_equal(
		cluster_join_token_create(rack->controller->cluster, &wanted, "somebody", "ann", &made, &text, NULL),
		0);
	free(text);
	_cleanup_free_ char *id = xstrdup(made->id);
	for (unsigned i = 0; i < 2; i++) {
		struct own_node *own = started(rack);
		assert_string_equal(find(rack, "own-node")->id, id);
		assert_non_null(find(rack, "own-node-2"));
		assert_int_equal(store_count(rack_store(rack), &kind_join_token), 2);
		own_node_free(own);
	}
	_cleanup_free_ char *ours = handed(rack);
	assert_int_equal(join(rack, ours), 0);
}

static void what_cannot_be_written_is_told(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	const struct own_node_spec spec = { .controller = rack->controller,
					    .state_dir = "/nonexistent",
					    .server = "10.77.0.1:8444",
					    .ca_pem = ca_pem(rack->ca),
					    .address = "10.77.0.1" };
	struct own_node *own = NULL;
	assert_true(own_node_new(&spec, &own, &err) < 0);
	assert_null(own);
	assert_non_null(strstr(err.text, "writing /nonexistent/own-node.json"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_good_however_late_the_agent_asks),
		TEST(one_that_is_gone_is_made_anew),
		TEST(a_token_that_a_person_made_stays),
		TEST(what_cannot_be_written_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
