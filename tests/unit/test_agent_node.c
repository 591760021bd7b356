/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent on a node: enrolling, and what it keeps. */
#include "agent_world.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include "core/renewal.h"

/* ---- node ---- */

static void assert_mode(const char *name, mode_t mode)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", world.dir, name);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, mode);
}

static void test_node_enrolls_once(void **state)
{
	_cleanup_free_ char *identity = NULL, *key = NULL, *key_later = NULL, *csr = NULL;

	start_agent(PART_NODE);
	RUN_UNTIL(echo_says_nothing);
	assert_int_equal(world.enrolls, 1);
	assert_int_equal(world.hellos, 0);
	assert_string_equal(world.client_name, "node-1");
	assert_non_null(json_object_get(world.seen, "node_only"));
	assert_mode("state/agent.key", 0600);
	assert_mode("state/identity.json", 0600);
	identity = read_text("state/identity.json");
	assert_null(strstr(identity, "token"));
	assert_non_null(strstr(identity, "node-1"));
	key = read_text("state/agent.key");
	csr = read_text("state/agent.csr");
	assert_string_equal(csr, world.last_csr);
	stop_agent();

	json_object_clear(world.seen);
	start_agent(PART_NODE);
	RUN_UNTIL(echo_says_nothing);
	assert_int_equal(world.enrolls, 1);
	key_later = read_text("state/agent.key");
	assert_string_equal(key, key_later);
}

static bool enrolled_at_the_third(void)
{
	return world.enrolls == 3 && echo_says_nothing();
}

static void test_node_asks_the_same_until_answered(void **state)
{
	world.refuse_enrolls = 2; /* handle_enroll compares the requests */
	start_agent(PART_NODE);
	RUN_UNTIL(enrolled_at_the_third);
}

static bool enrolled(void)
{
	return world.enrolls == 1;
}

static bool enrolled_twice_and_reported(void)
{
	return world.enrolls == 2 && echo_says_nothing();
}

static void test_node_killed_before_the_answer_asks_the_same(void **state)
{
	_cleanup_free_ char *key = NULL, *later = NULL;

	world.refuse_enrolls = 1;
	start_agent(PART_NODE);
	RUN_UNTIL(enrolled);
	key = read_text("state/agent.key");
	stop_agent();
	start_agent(PART_NODE);
	RUN_UNTIL(enrolled_twice_and_reported);
	later = read_text("state/agent.key");
	assert_string_equal(key, later);
}

static void test_node_without_identity(void **state)
{
	static const char *const bad[] = { "{}", "not json", "{\"server\": 1}" };
	_cleanup_free_ char *state_dir = xasprintf("%s/nowhere", world.dir);
	struct agent_spec spec = { .loop = world.loop, .mode = PART_NODE, .parts = parts, .sysroot = world.dir };
	struct agent *agent = NULL;

	spec.state_dir = state_dir;
	for (size_t i = 0; i <= ARRAY_SIZE(bad); i++) {
		_cleanup_err_ struct err err = ERR_INIT;

		if (i > 0)
			write_text("nowhere/identity.json", bad[i - 1]);
		assert_true(agent_new(&spec, &agent, &err) < 0);
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.text, "identity.json"));
	}
}

/* ---- joining ---- */

static char *handover_path(void)
{
	return xasprintf("%s/provisioner/own-node.json", world.dir);
}

static void hand_over(const char *token)
{
	_cleanup_free_ char *server = xasprintf("127.0.0.1:%u", world.agents_port);
	json_t *json = json_pack("{s:s, s:s, s:s}", "server", server, "ca", ca_pem(world.ca), "token", token);
	_cleanup_free_ char *text = json_dumps(json, 0);

	write_text("provisioner/own-node.json", text);
	json_decref(json);
}

/* handover: in place of what the provisioner's operator gave. */
static void write_joining(bool handover)
{
	_cleanup_free_ char *server = xasprintf("127.0.0.1:%u", world.agents_port), *path = handover_path();
	json_t *identity = json_pack("{s:s, s:s, s:s, s:b, s:{s:s}}", "machine", "", "name", "node-1", "mac",
				     "52:54:00:aa:00:01", "pool_disks", 0, "disk", "serial", "a");
	char *text;

	if (handover)
		json_object_set_new(identity, "handover", json_string(path));
	else
		json_object_update_new(identity, json_pack("{s:s, s:s, s:s}", "server", server, "ca", ca_pem(world.ca),
							   "token", "once_abc"));
	text = json_dumps(identity, 0);
	write_text("state/identity.json", text);
	free(text);
	json_decref(identity);
}

static void assert_joined(void)
{
	_cleanup_free_ char *identity = read_text("state/identity.json");

	assert_string_equal(world.last_join,
			    "{\"boot_mac\":\"52:54:00:aa:00:01\",\"disk\":{\"serial\":\"a\"},\"name\":\"node-1\","
			    "\"pool_disks\":false,\"uuid\":\"4c4c4544-0042-3510-8054-b7c04f4d3732\"}");
	assert_null(strstr(identity, "token"));
	assert_null(strstr(identity, "handover"));
	assert_non_null(strstr(identity, "server"));
}

static void test_a_machine_that_joins_says_what_it_is(void **state)
{
	write_joining(false);
	start_agent(PART_NODE);
	RUN_UNTIL(echo_says_nothing);
	assert_joined();
}

static struct loop_timer *later;

static void hand_over_later(void *data)
{
	later = NULL;
	hand_over("second");
}

/* There is nothing at first; then what the provisioner wrote before it died; then what it wrote when it came up again. */
static void test_a_host_of_both_waits_for_its_provisioner(void **state)
{
	write_joining(true);
	world.enroll_token = "second";
	start_agent(PART_NODE);
	later = loop_timer_new(world.loop, 700, hand_over_later, NULL);
	RUN_UNTIL(echo_says_nothing);
	assert_joined();
	assert_int_equal(world.enrolls, 1);
	stop_agent();
	/* It needs no handover any more. */
	write_text("provisioner/own-node.json", "{}");
	start_agent(PART_NODE);
	json_object_clear(world.seen);
	RUN_UNTIL(echo_says_nothing);
	assert_int_equal(world.enrolls, 1);
}

static bool asked_again(void)
{
	return world.enrolls >= 2;
}

static bool echo_after_the_second(void)
{
	return world.enrolls >= 2 && echo_says_nothing();
}

static void test_what_is_handed_over_anew_counts(void **state)
{
	write_joining(true);
	hand_over("first");
	world.enroll_token = "first";
	world.refuse_enrolls = 1;
	start_agent(PART_NODE);
	RUN_UNTIL(enrolled);
	hand_over("second");
	world.enroll_token = "second";
	RUN_UNTIL(asked_again);
	RUN_UNTIL(echo_after_the_second);
	assert_joined();
}

/* A file that others may read, or that leads elsewhere, is not taken. */
static void test_a_handover_that_is_none(void **state)
{
	_cleanup_free_ char *path = handover_path(), *elsewhere = xasprintf("%s/provisioner/elsewhere", world.dir);

	write_joining(true);
	hand_over("first");
	assert_int_equal(chmod(path, 0644), 0);
	start_agent(PART_NODE);
	later = loop_timer_new(world.loop, 700, too_late, NULL);
	loop_run(world.loop);
	assert_int_equal(world.enrolls, 0);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(rename(path, elsewhere), 0);
	assert_int_equal(symlink(elsewhere, path), 0);
	later = loop_timer_new(world.loop, 700, too_late, NULL);
	loop_run(world.loop);
	assert_int_equal(world.enrolls, 0);
}

static bool waits_ran_on_what_was_kept(void)
{
	return runs_of(&parts_memory.waits_runs) >= 1;
}

static bool waits_was_told_one(void)
{
	return json_is_false(json_object_get(json_object_get(world.seen, "waits"), "null"));
}

static void poll_soon(void *data)
{
	struct loop_timer **timer = data;

	poll_condition(NULL);
	*timer = loop_timer_new(world.loop, 20, poll_soon, timer);
}

/* A section that is kept is acted on at the next start although nobody answers; one that waits and was not kept is not. */
static void test_section_is_kept(void **state)
{
	struct loop_timer *timer = NULL;

	desire(json_pack("{s:s}", "waits", "kept"));
	start_agent(PART_NODE);
	RUN_UNTIL(waits_was_told_one);
	stop_agent();
	assert_mode("state/desired-waits.json", 0600);

	world.agents = http_server_free(world.agents);
	parts_memory.waits_runs = 0;
	parts_memory.waits_saw_null = true;
	start_agent(PART_NODE);
	poll_soon(&timer);
	RUN_UNTIL(waits_ran_on_what_was_kept);
	loop_timer_free(timer);
	assert_false(parts_memory.waits_saw_null);
}

static bool echo_ran(void)
{
	return runs_of(&parts_memory.echo_runs) >= 1;
}

static void test_waiting_part_is_not_run_without_a_document(void **state)
{
	struct loop_timer *timer = NULL;

	world.agents = http_server_free(world.agents);
	start_agent(PART_LIVE);
	poll_soon(&timer);
	RUN_UNTIL(echo_ran);
	assert_int_equal(runs_of(&parts_memory.waits_runs), 0);
	open_agents();
	RUN_UNTIL(waits_ran_on_what_was_kept);
	assert_true(parts_memory.waits_saw_null);
	loop_timer_free(timer);
}

/* ---- certificates after the first ---- */

static bool has_both(void)
{
	_cleanup_free_ char *guests = read_text("state/guests.crt");

	return world.certificates >= 1 && guests && echo_says_nothing();
}

static bool same_key(const char *one, const char *other)
{
	_cleanup_free_ char *a = NULL, *b = NULL;

	assert_int_equal(csr_key_fingerprint(one, &a, NULL), 0);
	assert_int_equal(csr_key_fingerprint(other, &b, NULL), 0);
	return str_equal(a, b);
}

static void test_guests_have_a_certificate_of_their_own(void **state)
{
	_cleanup_free_ char *guests = NULL, *agent = NULL, *again = NULL;
	struct loop_timer *timer = NULL;

	start_agent(PART_NODE);
	poll_soon(&timer);
	RUN_UNTIL(has_both);
	assert_mode("state/guests.key", 0600);
	guests = read_text("state/guests.crt");
	agent = read_text("state/agent.crt");
	assert_false(same_key(guests, agent));
	stop_agent();

	/* It is asked for once. */
	json_object_clear(world.seen);
	start_agent(PART_NODE);
	RUN_UNTIL(echo_says_nothing);
	loop_timer_free(timer);
	again = read_text("state/guests.crt");
	assert_string_equal(guests, again);
	assert_int_equal(world.certificates, 1);
}

static void read_datum(const char *name, gnutls_datum_t *ret)
{
	char *text = read_text(name);

	assert_non_null(text);
	*ret = (gnutls_datum_t){ .data = (unsigned char *)text, .size = (unsigned)strlen(text) };
}

/* A certificate three quarters through its life, as the authority would have given it long ago: for a request, or for the key that
 * the agent has. */
static char *old_certificate(const char *csr)
{
	gnutls_datum_t csr_text = { .data = (unsigned char *)csr, .size = csr ? (unsigned)strlen(csr) : 0 };
	gnutls_x509_crq_t crq;
	gnutls_datum_t ca_pem_text, ca_key_text, key_text, pem;
	gnutls_x509_crt_t ca, crt;
	gnutls_x509_privkey_t ca_key, key;
	time_t now = time(NULL), year = 365 * 86400;
	unsigned char serial[] = { 0x55, 1, 2, 3, 4, 5, 6, 7 };

	read_datum("ca/ca.pem", &ca_pem_text);
	read_datum("ca/ca.key", &ca_key_text);
	read_datum("state/agent.key", &key_text);
	gnutls_x509_crt_init(&ca);
	gnutls_x509_crt_init(&crt);
	gnutls_x509_privkey_init(&ca_key);
	gnutls_x509_privkey_init(&key);
	assert_int_equal(gnutls_x509_crt_import(ca, &ca_pem_text, GNUTLS_X509_FMT_PEM), 0);
	assert_int_equal(gnutls_x509_privkey_import(ca_key, &ca_key_text, GNUTLS_X509_FMT_PEM), 0);
	assert_int_equal(gnutls_x509_privkey_import(key, &key_text, GNUTLS_X509_FMT_PEM), 0);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	gnutls_x509_crt_set_activation_time(crt, now - 3 * year);
	gnutls_x509_crt_set_expiration_time(crt, now + year);
	gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, "node-1", 6);
	if (csr) {
		gnutls_x509_crq_init(&crq);
		assert_int_equal(gnutls_x509_crq_import(crq, &csr_text, GNUTLS_X509_FMT_PEM), 0);
		gnutls_x509_crt_set_crq(crt, crq);
		gnutls_x509_crq_deinit(crq);
		gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, "node-1", 6);
	} else {
		gnutls_x509_crt_set_key(crt, key);
	}
	gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_CLIENT, 0);
	assert_int_equal(gnutls_x509_crt_sign2(crt, ca, ca_key, GNUTLS_DIG_SHA256, 0), 0);
	assert_int_equal(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), 0);
	char *text = xstrndup((const char *)pem.data, pem.size);
	gnutls_free(pem.data);
	gnutls_x509_crt_deinit(ca);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(ca_key);
	gnutls_x509_privkey_deinit(key);
	free(ca_pem_text.data);
	free(ca_key_text.data);
	free(key_text.data);
	return text;
}

static void age_certificate(void)
{
	_cleanup_free_ char *text = old_certificate(NULL);

	write_text("state/agent.crt", text);
}

static char *old_key;

static bool has_another_key_and_reports(void)
{
	_cleanup_free_ char *key = read_text("state/agent.key"), *laid = read_text("state/agent.crt.new");

	return world.certificates == 2 && !str_equal(key, old_key) && !laid && echo_says_nothing();
}

static void test_certificate_is_renewed_in_time(void **state)
{
	_cleanup_free_ char *before = NULL, *after = NULL, *pem = NULL;
	struct loop_timer *timer = NULL;
	int64_t from_ms, until_ms;

	start_agent(PART_NODE);
	poll_soon(&timer);
	RUN_UNTIL(has_both);
	stop_agent();
	age_certificate();
	old_key = read_text("state/agent.key");
	before = read_text("state/agent.crt");

	start_agent(PART_NODE);
	RUN_UNTIL(has_another_key_and_reports);
	after = read_text("state/agent.crt");
	assert_false(same_key(before, after));
	assert_int_equal(cert_validity(after, &from_ms, &until_ms, NULL), 0);
	assert_true(until_ms > (int64_t)(time(NULL) + 2 * 365 * 86400) * 1000);
	/* What it speaks with from now on: only the new pair is there at the next start. */
	json_object_clear(world.seen);
	RUN_UNTIL(echo_says_nothing);
	stop_agent();
	json_object_clear(world.seen);
	start_agent(PART_NODE);
	RUN_UNTIL(echo_says_nothing);
	assert_int_equal(world.certificates, 2);
	assert_int_equal(world.enrolls, 1);
	loop_timer_free(timer);
	free(TAKE_PTR(old_key));
}

/* The clock here is ahead by years, or the authority is about to end: what comes is old already. It is used, and no other is asked
 * for at once. */
static void test_one_that_comes_old_is_asked_for_once(void **state)
{
	struct loop_timer *timer = NULL;

	start_agent(PART_NODE);
	poll_soon(&timer);
	RUN_UNTIL(has_both);
	stop_agent();
	age_certificate();
	old_key = read_text("state/agent.key");
	world.sign_node = old_certificate;
	start_agent(PART_NODE);
	RUN_UNTIL(has_another_key_and_reports);
	desire(json_pack("{s:s}", "echo", "one"));
	RUN_UNTIL(echo_says_one);
	desire(json_pack("{s:s}", "echo", "two"));
	RUN_UNTIL(echo_says_two);
	desire(json_pack("{s:s}", "echo", "one"));
	RUN_UNTIL(echo_says_one);
	assert_int_equal(world.certificates, 2);
	loop_timer_free(timer);
	free(TAKE_PTR(old_key));
}

/* A crash between the steps of the replacement: the pair is a pair again. */
static void test_replacement_that_was_cut_off(void **state)
{
	_cleanup_free_ char *dir = xasprintf("%s/state", world.dir);
	static const struct {
		bool new_key, new_crt;
		const char *key, *crt; /* what there is in the end */
	} cases[] = {
		{ true, false, "old", "old" }, /* the certificate was not laid beside yet */
		{ true, true, "new", "new" },  /* nothing was replaced yet */
		{ false, true, "old", "new" }, /* "old" here: the key had been replaced already */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *key = NULL, *crt = NULL, *beside_key = NULL, *beside_crt = NULL;

		write_text("state/agent.key", "old");
		write_text("state/agent.crt", "old");
		if (cases[i].new_key)
			write_text("state/agent.key.new", "new");
		if (cases[i].new_crt)
			write_text("state/agent.crt.new", "new");
		renewal_settle(dir);
		key = read_text("state/agent.key");
		crt = read_text("state/agent.crt");
		assert_string_equal(key, cases[i].key);
		assert_string_equal(crt, cases[i].crt);
		beside_key = read_text("state/agent.key.new");
		beside_crt = read_text("state/agent.crt.new");
		assert_null(beside_key);
		assert_null(beside_crt);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_node_enrolls_once),
		TEST(test_node_asks_the_same_until_answered),
		TEST(test_node_killed_before_the_answer_asks_the_same),
		TEST(test_node_without_identity),
		TEST(test_a_machine_that_joins_says_what_it_is),
		TEST(test_a_host_of_both_waits_for_its_provisioner),
		TEST(test_what_is_handed_over_anew_counts),
		TEST(test_a_handover_that_is_none),
		TEST(test_section_is_kept),
		TEST(test_waiting_part_is_not_run_without_a_document),
		TEST(test_guests_have_a_certificate_of_their_own),
		TEST(test_certificate_is_renewed_in_time),
		TEST(test_one_that_comes_old_is_asked_for_once),
		TEST(test_replacement_that_was_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
