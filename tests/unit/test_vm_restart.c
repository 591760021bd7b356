/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When libvirt's daemon is started anew, and that what waits for it does not wait for ever. */
#include "vm_part_fixture.h"

#define OTHER "0191d8a0-6c1e-7b3a-9d2f-3c5b7a9e1f21"
#define MINUTE_MS 60000

static const char one[] = "auth_tls = \"none\"\ntls_allowed_dn_list = [\n\t\"CN=node-1\",\n]\nCERTIFICATE\n";
static const char both[] =
	"auth_tls = \"none\"\ntls_allowed_dn_list = [\n\t\"CN=node-1\",\n\t\"CN=node-2\",\n]\nCERTIFICATE\n";
static const char renewed[] =
	"auth_tls = \"none\"\ntls_allowed_dn_list = [\n\t\"CN=node-1\",\n]\nANOTHER CERTIFICATE\n";

static void what_only_lets_in_more_is_known(void **state)
{
	assert_true(vm_text_only_adds(one, both));
	assert_false(vm_text_only_adds(both, one));
	assert_false(vm_text_only_adds(one, renewed));
	assert_false(vm_text_only_adds(renewed, both));
	assert_false(vm_text_only_adds("", one));
	assert_false(vm_text_only_adds(one, ""));
}

static void nodes_that_join_one_after_the_other_are_one_restart(void **state)
{
	struct vm_state vms = { .started_ms = MINUTE_MS, .restart_since_ms = MINUTE_MS + 1000 };

	assert_false(vm_restart_may(&vms, one, both, false, MINUTE_MS + 1000));
	assert_false(vm_restart_may(&vms, one, both, false, MINUTE_MS + 29999));
	assert_true(vm_restart_may(&vms, one, both, false, MINUTE_MS + 30000));
	/* What else changes does not wait. */
	assert_true(vm_restart_may(&vms, both, one, false, MINUTE_MS + 1000));
	assert_true(vm_restart_may(&vms, one, renewed, false, MINUTE_MS + 1000));
	vms.started_ms = 0;
	assert_true(vm_restart_may(&vms, one, both, false, MINUTE_MS + 1000));
}

static void migrations_are_not_waited_for_without_end(void **state)
{
	const struct vm_state vms = { .restart_since_ms = MINUTE_MS };

	assert_false(vm_restart_may(&vms, both, one, true, 2 * MINUTE_MS - 1));
	assert_true(vm_restart_may(&vms, both, one, true, 2 * MINUTE_MS));
	assert_false(vm_restart_may(&vms, one, both, true, 2 * MINUTE_MS));
	assert_false(vm_restart_may(&vms, one, both, true, 36 * MINUTE_MS - 1));
	assert_true(vm_restart_may(&vms, one, both, true, 36 * MINUTE_MS));
}

/* ---- who is let in ---- */

static void who_was_told_to_come_is_waited_for(void **state)
{
	_cleanup_json_ json_t *desired =
		json_pack("[{s:s, s:s}, {s:s, s:s}]", "id", ID, "state", "incoming", "id", OTHER, "state", "running");
	_cleanup_json_ json_t *told = json_pack("[{s:s, s:s}]", "id", ID, "state", "incoming");
	_cleanup_json_ json_t *on_its_way = json_pack("[{s:s, s:s}]", "id", ID, "state", "arriving");
	_cleanup_json_ json_t *not_yet = json_pack("[{s:s, s:s}]", "id", ID, "state", "starting");
	struct vm_state vms = { 0 };

	assert_true(vm_let_in_any(&vms, desired)); /* nobody knows what the process before has said */
	vm_let_in_note(&vms, not_yet);
	assert_false(vm_let_in_any(&vms, desired));
	vm_let_in_note(&vms, told);
	assert_true(vm_let_in_any(&vms, desired));
	vm_let_in_note(&vms, on_its_way);
	assert_true(vm_let_in_any(&vms, desired));
	assert_false(vm_let_in(&vms, OTHER));
	assert_false(vm_let_in_any(&vms, NULL)); /* it is not ordered any more */
	json_decref(vms.let_in);
}

static int converge(struct part_run *run, json_t *desired, json_t **ret_report, struct err *err)
{
	const struct vm_order order = {
		.id = ID, .generation = 2, .want = VM_WANT_INCOMING, .cpus = 1, .memory_bytes = GIB
	};
	bool unsettled;

	*ret_report = vm_converge_one(run, &host.state, &order, NULL, &unsettled);
	return 0;
}

static void assert_waits_for(const char *text)
{
	_cleanup_json_ json_t *vm = host_run(converge);
	const json_t *error = json_object_get(vm, "error");

	assert_string_equal(json_string_value(json_object_get(vm, "state")), "starting");
	if (!strstr(str_or(json_string_value(json_object_get(error, "text")), ""), text))
		fail_msg("%s", str_or(json_string_value(json_object_get(error, "text")), "no error"));
}

static void while_a_restart_is_due_nobody_new_is_let_in(void **state)
{
	_cleanup_json_ json_t *told = json_pack("[{s:s, s:s}]", "id", ID, "state", "incoming"), *none = json_array();

	host_open();
	vm_let_in_note(&host.state, none);
	assert_waits_for("no key to the storage"); /* there is none here: it is looked for */
	host.state.restart_since_ms = 1;
	assert_waits_for("libvirtd is to be started anew");
	vm_let_in_note(&host.state, told);
	assert_waits_for("no key to the storage");
	json_decref(host.state.let_in);
	host_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_only_lets_in_more_is_known),
		cmocka_unit_test(nodes_that_join_one_after_the_other_are_one_restart),
		cmocka_unit_test(migrations_are_not_waited_for_without_end),
		cmocka_unit_test(who_was_told_to_come_is_waited_for),
		cmocka_unit_test(while_a_restart_is_due_nobody_new_is_let_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
