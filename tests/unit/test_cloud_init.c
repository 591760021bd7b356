/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What cloud-init is given: what is refused and in which words, and what a node is told of it. */
#include "compute/cloud_init.h"
#include "vm_fixture.h"

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGlAwHl6FKaKmeuzHQwNRwW8AL3Mm2yhAPFDnwQXhTxR"

static void assert_refused(int r, const struct err *err, const char *field, const char *words)
{
	assert_true(r < 0);
	assert_int_equal(err->code, ERR_INVALID);
	assert_string_equal(err->field, field);
	if (!strstr(err->text, words))
		fail_msg("%s", err->text);
}

static void assert_user_data_refused(const char *text, const char *words)
{
	_cleanup_err_ struct err err = ERR_INIT;
	assert_refused(cloud_init_check_user_data(text, &err), &err, "user_data", words);
}

static void user_data_says_what_it_is(void **state)
{
	static const char *const right[] = {
		"#cloud-config\nusers: []\n",
		"#cloud-config",
		"#cloud-config \r\nusers: []\r\n",
		"#cloud-config\n# nothing yet\n",
		"#cloud-config\n---\na: &x [1, 2]\nb: *x\n",
		"#cloud-config\nwrite_files:\n- content: |\n    a: [\n",
		"#!/bin/sh\necho : [\n",
		"#include\nhttp://192.0.2.1/more\n",
		"#include-once\n",
		"#cloud-boothook\n#!/bin/sh\n",
		"#part-handler\n",
		"#cloud-config-archive\n- type: text/cloud-config\n",
		"## template: jinja\n#cloud-config\n{% if x %}\n",
		"Content-Type: multipart/mixed; boundary=x\n\n",
		"MIME-Version: 1.0\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		if (cloud_init_check_user_data(right[i], &err) < 0)
			fail_msg("%s: %s", right[i], err.text);
	}
	assert_int_equal(cloud_init_check_user_data(NULL, NULL), 0);
	static const char *const wrong[] = { "",
					     "users: []\n",
					     " #cloud-config\n",
					     "#cloud-configs\n",
					     "#cloud-config: x\n",
					     "\n#!/bin/sh\n",
					     "# comment\n",
					     "\xef\xbb\xbf#cloud-config\n" };
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_user_data_refused(wrong[i], "line 1: says not what it is; begin with \"#cloud-config\"");
}

static void cloud_config_is_yaml(void **state)
{
	assert_user_data_refused("#cloud-config\nusers:\n  - name: kim\n   sudo: x\n", "user_data: line 4, column ");
	assert_user_data_refused("#cloud-config\na: [1, 2\nb: 3\n", "user_data: line 3, column 2: is no YAML");
	assert_user_data_refused("#cloud-config\na: \"open\n", "is no YAML");
	assert_user_data_refused("#cloud-config\n\tb: 1\n", "line 2");
	assert_user_data_refused("#cloud-config\na: *nowhere: [\n", "is no YAML");
	assert_user_data_refused("#cloud-config\na: \x01\n", "a byte that may not be in a text");
	assert_user_data_refused("#cloud-config\n- a\n- b\n", "must be a YAML mapping");
	assert_user_data_refused("#cloud-config\njust words\n", "must be a YAML mapping");
	assert_user_data_refused("#cloud-config-archive\na: b\n", "must be a YAML list");
	/* Deep as it can be: it ends, one way or the other. */
	char deep[4096] = "#cloud-config\na: ";
	memset(deep + strlen(deep), '[', sizeof(deep) - strlen(deep) - 1);
	assert_user_data_refused(deep, "is no YAML");
}

/* It may be a password. */
static void no_error_repeats_what_was_given(void **state)
{
	static const char *const texts[] = { "hunter2\n", "#cloud-config\nhunter2\n",
					     "#cloud-config\npassword: [hunter2\n",
					     "#cloud-config\n&hunter2 &hunter2 x: y\n",
					     "#cloud-config\na: *hunter2\nb: [" };
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		assert_true(cloud_init_check_user_data(texts[i], &err) < 0);
		assert_null(strstr(err.text, "hunter2"));
	}
}

static void network_configuration_has_a_version(void **state)
{
	static const char *const right[] = { "version: 2\nethernets: {}\n", "{\"version\": 1, \"config\": []}",
					     "network:\n  version: 2\n" };
	for (size_t i = 0; i < ARRAY_SIZE(right); i++)
		assert_int_equal(cloud_init_check_network_config(right[i], NULL), 0);
	static const char *const wrong[][2] = {
		{ "ethernets: {}\n", "\"version: 2\" (or 1) is missing" },
		{ "x: version\nversions: 2\n", "\"version: 2\" (or 1) is missing" },
		{ "version: 3\n", "version: must be 1 or 2" },
		{ "version: [2]\n", "version: must be 1 or 2" },
		{ "- version: 2\n", "must be a YAML mapping" },
		{ "", "must be a YAML mapping" },
		{ "version: 2\n ethernets: {}\n", "line 2" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		assert_refused(cloud_init_check_network_config(wrong[i][0], &err), &err, "network_config", wrong[i][1]);
	}
}

static void keys_are_public_keys(void **state)
{
	static const char *const right[] = { KEY, KEY " kim@desk", KEY " two words" };
	static const char *const wrong[][2] = {
		{ "-----BEGIN OPENSSH PRIVATE KEY-----", "is a private key; give the public one" },
		{ "hello", "must begin with the type of a key" },
		{ "ssh-ed25519", "must begin with the type of a key" },
		{ "no-pty " KEY, "must begin with the type of a key" },
		{ "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIGlAwHl6FKaKmeuzHQwNRwW8AL3Mm2yhAPFDnwQXhTxR", "is broken" },
		{ "ssh-ed25519 AAAAC3Nza", "is broken" },
		{ "ssh-ed25519 not/base64!", "is broken" },
		{ KEY "\nssh-rsa x", "must be one line" },
		{ "", "must begin" },
	};
	assert_int_equal(cloud_init_check_ssh_keys((char *const *)right, ARRAY_SIZE(right), NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		char *const keys[] = { (char *)KEY, (char *)wrong[i][0] };
		assert_refused(cloud_init_check_ssh_keys(keys, 2, &err), &err, "ssh_keys", wrong[i][1]);
		assert_non_null(strstr(err.text, "ssh_keys[1]: "));
	}
}

static void a_verdict_has_each_field_once(void **state)
{
	char *keys[] = { (char *)"x", (char *)"y" };
	const struct cloud_init_input bad = { .user_data = (char *)"x",
					      .network_config = (char *)"x",
					      .ssh_keys = keys,
					      .ssh_key_count = 2 },
				      none = { 0 };
	struct cloud_init_verdict verdict;
	cloud_init_check(&bad, &verdict);
	assert_int_equal(verdict.problem_count, 3);
	assert_string_equal(verdict.problems[0].field, "user_data");
	assert_string_equal(verdict.problems[1].field, "network_config");
	assert_string_equal(verdict.problems[2].field, "ssh_keys");
	assert_string_equal(verdict.problems[0].code, "invalid");
	schema_done(&cloud_init_verdict_schema, &verdict);
	cloud_init_check(&none, &verdict);
	assert_int_equal(verdict.problem_count, 0);
	schema_done(&cloud_init_verdict_schema, &verdict);
}

/* ---- a virtual machine with a seed ---- */

static char *make(struct rack *rack, struct vm *wanted)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct vm *vm = NULL;
	rack_volume(rack, wanted->volume, VOLUME_AVAILABLE);
	wanted->cpus = 1;
	wanted->memory_bytes = GIB;
	wanted->start = true;
	if (vm_create(rack->controller->compute, wanted, &vm, &err) < 0)
		fail_msg("%s", err.text);
	char *id = xstrdup(vm->id);
	rack_settle(rack);
	return id;
}

static const char *seed_text(const json_t *desired, const char *name)
{
	return json_string_value(json_object_get(json_object_get(desired, "seed"), name));
}

static void its_node_is_told_the_seed(void **state)
{
	struct rack *rack = *state;
	char *keys[] = { (char *)KEY };
	_cleanup_free_ char *node = rack_node(rack, 1), *other = rack_node(rack, 2);
	struct vm wanted = { .name = (char *)"web",
			     .volume = (char *)"root",
			     .user_data = (char *)"#!/bin/sh\necho hunter2\n",
			     .network_config = (char *)"version: 2\n",
			     .ssh_keys = keys,
			     .ssh_key_count = 1 };
	_cleanup_free_ char *id = make(rack, &wanted), *at = xstrdup(rack_get_vm(rack, id)->node);
	json_t *desired = rack_desired_vm(rack, at, id);
	assert_true(rack_get_vm(rack, id)->cloud_init);
	assert_string_equal(seed_text(desired, "user_data"), wanted.user_data);
	assert_string_equal(seed_text(desired, "network_config"), "version: 2\n");
	json_t *meta = json_loads(seed_text(desired, "meta_data"), 0, NULL);
	assert_string_equal(json_string_value(json_object_get(meta, "instance-id")), id);
	assert_string_equal(json_string_value(json_object_get(meta, "local-hostname")), "web");
	assert_string_equal(json_string_value(json_array_get(json_object_get(meta, "public-keys"), 0)), KEY);
	json_decref(meta);

	/* The same where it goes, before it goes there. */
	_cleanup_err_ struct err err = ERR_INIT;
	const char *task = NULL, *target = str_equal(at, node) ? other : node;
	rack_say_vm(rack, at, id, rack_get_vm(rack, id)->generation, "running", true);
	assert_int_equal(cluster_vm_migrate(rack->controller->cluster, id, NULL, &task, &err), 0);
	json_t *incoming = rack_desired_vm(rack, target, id);
	assert_string_equal(json_string_value(json_object_get(incoming, "state")), "incoming");
	assert_true(json_equal(json_object_get(desired, "seed"), json_object_get(incoming, "seed")));
	json_decref(desired);
	json_decref(incoming);

	/* And nobody else: it may hold secrets. */
	json_t *shown = schema_encode(&vm_schema, rack_get_vm(rack, id), false);
	_cleanup_free_ char *text = json_dumps(shown, 0), *events = NULL;
	json_t *log = store_events(rack_store(rack), 0, 1000);
	events = json_dumps(log, 0);
	assert_null(strstr(text, "hunter2"));
	assert_null(strstr(events, "hunter2"));
	json_decref(shown);
	json_decref(log);
}

static void without_any_of_it_there_is_no_seed(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1);
	struct vm bare = { .name = (char *)"bare", .volume = (char *)"a" },
		  named = { .name = (char *)"named", .volume = (char *)"b", .hostname = (char *)"www" };
	_cleanup_free_ char *without = make(rack, &bare), *with = make(rack, &named);
	json_t *first = rack_desired_vm(rack, node, without), *second = rack_desired_vm(rack, node, with);
	assert_null(json_object_get(first, "seed"));
	assert_false(rack_get_vm(rack, without)->cloud_init);
	/* cloud-init wants both files. */
	assert_string_equal(seed_text(second, "user_data"), "#cloud-config\n{}\n");
	assert_null(seed_text(second, "network_config"));
	assert_non_null(strstr(seed_text(second, "meta_data"), "\"www\""));
	json_decref(first);
	json_decref(second);
}

static void what_is_wrong_makes_no_machine(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	const struct vm *vm = NULL;
	rack_volume(rack, "root", VOLUME_AVAILABLE);
	const struct vm wanted = { .name = (char *)"web",
				   .volume = (char *)"root",
				   .cpus = 1,
				   .memory_bytes = GIB,
				   .user_data = (char *)"#cloud-config\na: [\n" };
	assert_refused(vm_create(rack->controller->compute, &wanted, &vm, &err), &err, "user_data", "line 3");
	assert_int_equal(store_count(rack_store(rack), &kind_vm), 0);
	const struct volume *volume = store_find(rack_store(rack), &kind_volume, "root");
	assert_int_equal(volume->state, VOLUME_AVAILABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(user_data_says_what_it_is),
		cmocka_unit_test(cloud_config_is_yaml),
		cmocka_unit_test(no_error_repeats_what_was_given),
		cmocka_unit_test(network_configuration_has_a_version),
		cmocka_unit_test(keys_are_public_keys),
		cmocka_unit_test(a_verdict_has_each_field_once),
		TEST(its_node_is_told_the_seed),
		TEST(without_any_of_it_there_is_no_seed),
		TEST(what_is_wrong_makes_no_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
