/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What people ask of machines and what live agents say: what is refused and why, and what no one may get. BMCs:
 * test_machine_bmc.c. */
#include "rack_fixture.h"

/* ---- hello ---- */

static json_t *hello(const char *uuid, const char *mac, const char *boot_id)
{
	return json_pack("{s:s?, s:[s], s:s?, s:s?}", "uuid", uuid, "macs", mac, "boot_mac", mac, "boot_id", boot_id);
}

static void assert_hello_refused(struct rack *rack, json_t *request, const char *field)
{
	_cleanup_err_ struct err err = ERR_INIT;
	json_t *reply = NULL;
	assert_true(machine_agent_hello(rack->controller->machines, request, "10.77.0.90", &reply, &err) < 0);
	assert_null(reply);
	assert_int_equal(err.code, ERR_INVALID);
	if (field)
		assert_string_equal(err.field, field);
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 0);
	json_decref(request);
}

static void a_hello_that_says_nothing_is_refused(void **state)
{
	struct rack *rack = *state;
	assert_hello_refused(rack, json_pack("{s:s, s:s}", "uuid", UUID(1), "boot_id", "boot-one"), "macs");
	assert_hello_refused(rack, json_pack("{s:[], s:s}", "macs", "boot_id", "boot-one"), "macs");
	assert_hello_refused(rack, hello(UUID(1), MAC(1), NULL), "boot_id");
	assert_hello_refused(rack, hello(UUID(1), MAC(1), "short"), "boot_id");
	assert_hello_refused(rack, hello(UUID(1), "no mac", "boot-one"), NULL);
	assert_hello_refused(rack, hello("no uuid", MAC(1), "boot-one"), "uuid");
	assert_hello_refused(rack, json_pack("[s]", "hello"), NULL);
	assert_hello_refused(rack, json_null(), NULL);
}

static void a_machine_that_boots_by_itself_appears(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *token = rack_hello(rack, 1, "first-boot");
	const struct machine *machine = rack_machine(rack, "machine-1");
	assert_int_equal(machine->state, MACHINE_NEW);
	assert_string_equal(machine->step, "NEW");
	assert_string_equal(machine->boot_mac, MAC(1));
	assert_string_equal(rack_intent(rack, MAC(1)), "live");
	assert_true(str_starts(token, machine->id));
}

static void the_same_boot_says_hello_again(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *first = rack_hello(rack, 1, "first-boot");
	const struct machine *machine = NULL, *found = NULL;
	int64_t events = store_event_last(rack_store(rack));
	_cleanup_free_ char *second = rack_hello(rack, 1, "first-boot");
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 1);
	assert_true(store_event_last(rack_store(rack)) == events); /* no news */
	machine = rack_machine(rack, "machine-1");
	assert_int_equal(machine_agent_find(rack->controller->machines, second, &found, NULL), 0);
	assert_ptr_equal(found, machine);
	/* The one before was lost on its way, or was somebody's: it opens nothing any more. */
	assert_true(machine_agent_find(rack->controller->machines, first, &found, NULL) < 0);
}

static void a_mac_says_more_than_a_uuid(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	free(rack_hello(rack, 1, "first-boot"));
	/* Boards with one UUID for all of them exist. */
	json_t *request = hello(UUID(1), MAC(2), "other-boot"), *reply = NULL;
	assert_int_equal(machine_agent_hello(rack->controller->machines, request, "10.77.0.90", &reply, &err), 0);
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 2);
	json_decref(request);
	json_decref(reply);
	/* A new main board in the same network cards. */
	request = hello(UUID(9), MAC(1), "third-boot");
	reply = NULL;
	assert_int_equal(machine_agent_hello(rack->controller->machines, request, "10.77.0.90", &reply, &err), 0);
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 2);
	assert_string_equal(rack_machine(rack, "machine-1")->uuid, UUID(9));
	json_decref(request);
	json_decref(reply);
}

static json_t *hello_with(const char *uuid, const char *mac, const char *shared, const char *boot_id)
{
	return json_pack("{s:s, s:s, s:[s, s], s:s}", "uuid", uuid, "boot_mac", mac, "macs", mac, shared, "boot_id",
			 boot_id);
}

static void a_mac_on_every_board_joins_no_machines(void **state)
{
	static const char shared[] = "02:00:00:00:00:99";
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	for (unsigned n = 1; n <= 2; n++) {
		_cleanup_free_ char *mac = xasprintf("52:54:00:00:00:0%u", n);
		_cleanup_free_ char *uuid = xasprintf("00000000-0000-4000-8000-00000000000%u", n);
		json_t *request = hello_with(uuid, mac, shared, "first-boot"), *reply = NULL;
		assert_int_equal(machine_agent_hello(rack->controller->machines, request, "10.77.0.90", &reply, &err),
				 0);
		json_decref(request);
		json_decref(reply);
	}
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 2);
	assert_int_equal(rack_machine(rack, "machine-1")->mac_count, 2);
	assert_int_equal(rack_machine(rack, "machine-2")->mac_count, 1); /* its boots alone are asked for it */
}

static void a_node_does_not_say_hello(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	free(rack_node(rack, 1));
	_cleanup_free_ char *id = xstrdup(rack_machine(rack, "machine-1")->id);
	_cleanup_free_ char *boot_mac = xstrdup(rack_machine(rack, id)->boot_mac);
	json_t *request = hello_with(UUID(7), boot_mac, MAC(8), "a-forged-boot"), *reply = NULL;
	assert_true(machine_agent_hello(rack->controller->machines, request, "10.77.0.90", &reply, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_null(reply);
	assert_null(rack_machine(rack, id)->live_token);
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 1);
	json_decref(request);
}

/* ---- tokens of live agents ---- */

static void assert_token_refused(struct rack *rack, const char *token)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct machine *machine = NULL;
	assert_true(machine_agent_find(rack->controller->machines, token, &machine, &err) < 0);
	assert_int_equal(err.code, ERR_UNAUTHENTICATED);
	assert_null(machine);
}

static void a_forged_token_opens_nothing(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = rack_hello(rack, 1, "first-boot"), *two = rack_hello(rack, 2, "first-boot");
	_cleanup_free_ char *crossed = xasprintf("%.36s%s", one, two + 36);
	_cleanup_free_ char *hash = xasprintf("%.36s.%s", one, rack_machine(rack, "machine-1")->live_token);
	_cleanup_free_ char *shorter = xstrndup(one, strlen(one) - 1);
	const char *const forged[] = { crossed, hash, shorter, "", ".", NULL, "live_xyz", one + 37 };
	for (size_t i = 0; i < ARRAY_SIZE(forged); i++)
		assert_token_refused(rack, forged[i]);
}

static void a_token_is_of_one_boot(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *first = rack_hello(rack, 1, "first-boot");
	_cleanup_free_ char *second = rack_hello(rack, 1, "second-boot");
	assert_token_refused(rack, first);
	rack_restart(rack); /* of the provisioner: what it promised holds */
	const struct machine *machine = NULL;
	assert_int_equal(machine_agent_find(rack->controller->machines, second, &machine, NULL), 0);
}

/* Whoever said hello for it last does not report for it when it has become a node. */
static void a_token_ends_with_the_live_image(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL, *csr = rack_csr(), *node = NULL, *live = rack_ready(rack, 1, &id);
	_cleanup_err_ struct err err = ERR_INIT;
	const struct machine *found = NULL;
	free(rack_deploy(rack, id));
	_cleanup_free_ char *token = rack_install_token(rack, id);
	rack_install_report(rack, id, "written", "identity", 100);
	assert_int_equal(machine_agent_find(rack->controller->machines, live, &found, &err), 0);
	assert_int_equal(rack_enroll(rack, token, csr, &node, &err), 0);
	assert_token_refused(rack, live);
	assert_null(machine_agent_known(rack->controller->machines, live));
	assert_null(rack_machine(rack, id)->live_token);
	/* One that is there from before. */
	_cleanup_free_ char *hash = sha256_hex(live, strlen(live));
	store_begin(rack_store(rack));
	struct machine *edit = store_edit(rack_store(rack), &kind_machine, id);
	str_set(&edit->live_token, hash);
	assert_int_equal(store_commit(rack_store(rack), NULL), 0);
	assert_token_refused(rack, live);
}

static void secrets_are_not_in_what_is_shown(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL, *token = rack_ready(rack, 1, &id);
	free(rack_deploy(rack, id));
	_cleanup_free_ char *enroll = rack_install_token(rack, id);
	json_t *json = schema_encode(&machine_schema, rack_machine(rack, id), false);
	_cleanup_free_ char *shown = json_dumps(json, 0);
	assert_null(strstr(shown, enroll));
	assert_null(strstr(shown, token));
	assert_null(strstr(shown, "bmc-password"));
	assert_null(strstr(shown, rack_machine(rack, id)->enroll_hash));
	json_decref(json);
}

/* ---- accepting ---- */

static void assert_accept_refused(struct rack *rack, const char *id, const char *name, enum err_code code,
				  const char *field)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct machine_accept how = { .name = (char *)name };
	int64_t revision = store_revision(rack_store(rack), &kind_machine, id);
	size_t tasks = store_count(rack_store(rack), &kind_task);
	assert_true(machine_accept(rack->controller->machines, id, &how, &err) < 0);
	assert_int_equal(err.code, code);
	assert_true(str_equal(err.field, field));
	assert_true(store_revision(rack_store(rack), &kind_machine, id) == revision);
	assert_int_equal(store_count(rack_store(rack), &kind_task), tasks);
}

static void accepting_is_checked(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = NULL, *two = NULL;
	free(rack_found(rack, 1, &one));
	free(rack_found(rack, 2, &two));
	assert_accept_refused(rack, one, "machine-2", ERR_EXISTS, "name");
	rack_accept(rack, one);
	assert_accept_refused(rack, one, NULL, ERR_STATE, NULL);
}

static const char *zone_of(struct rack *rack, const char *id)
{
	return rack_machine(rack, id)->zone;
}

static void assert_zone_becomes(struct rack *rack, const char *id, const char *given, const char *zone)
{
	const struct machine changed = { .zone = (char *)given };
	assert_int_equal(machine_update(rack->controller->machines, id, &changed, NULL), 0);
	if (zone)
		assert_string_equal(zone_of(rack, id), zone);
	else
		assert_null(zone_of(rack, id));
}

static void where_a_machine_stands_is_said_at_accepting_and_later(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = NULL;
	free(rack_found(rack, 1, &one));
	const struct machine_accept how = { .zone = (char *)"rack 1" };
	assert_zone_becomes(rack, one, "hall", "hall"); /* in any state */
	assert_int_equal(machine_accept(rack->controller->machines, one, &how, NULL), 0);
	assert_string_equal(zone_of(rack, one), "rack 1");
	assert_zone_becomes(rack, one, "rack 2", "rack 2");
	assert_zone_becomes(rack, one, "", NULL);
	assert_zone_becomes(rack, one, NULL, NULL);
	bool more = false; /* one event for each change, and none for what was so already */
	json_t *events = store_events_find(
		rack_store(rack),
		&(struct event_query){ .after = -1, .count = 10, .resource_id = one, .kind = "machine.zone" }, &more);
	assert_int_equal(json_array_size(events), 3);
	json_decref(events);
}

static void what_was_not_accepted_gets_nothing(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = NULL;
	const struct machine_deploy how = { 0 };
	const char *task;
	free(rack_found(rack, 1, &id));
	assert_null(rack_install(rack, id));
	assert_true(machine_deploy(rack->controller->machines, id, &how, &task, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_string_equal(err.text, "machine-1 is new (waiting to be accepted); it cannot be deployed now");
	rack_accept(rack, id);
	assert_null(rack_install(rack, id)); /* nor does one that is only ready */
}

/* ---- deploying ---- */

static void assert_deploy_refused(struct rack *rack, const char *id, const char *disk, enum err_code code,
				  const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct machine_deploy how = { .disk = (char *)disk };
	const char *task;
	int64_t revision = store_revision(rack_store(rack), &kind_machine, id);
	assert_true(machine_deploy(rack->controller->machines, id, &how, &task, &err) < 0);
	assert_string_equal(err.text, text);
	assert_int_equal(err.code, code);
	assert_true(store_revision(rack_store(rack), &kind_machine, id) == revision);
}

static void set_disks(struct rack *rack, const char *id, json_t *disks)
{
	rack_report(rack, id, json_pack("{s:{s:o}}", "inventory", "disks", disks));
}

static void the_disk_is_named_and_large_enough(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL;
	free(rack_ready(rack, 1, &id));
	assert_deploy_refused(
		rack, id, "/dev/sda", ERR_INVALID,
		"disk: no disk has serial number or WWN '/dev/sda'; there are: S1a (16 GiB), S1b (64 GiB)");
	set_disks(rack, id,
		  json_pack("[{s:s, s:I}, {s:s, s:I, s:s}, {s:s, s:I}]", "serial", "small", "size_bytes",
			    (json_int_t)GIB, "serial", "twice", "size_bytes", (json_int_t)(16 * GIB), "wwn", "w1",
			    "serial", "twice", "size_bytes", (json_int_t)(16 * GIB)));
	assert_deploy_refused(rack, id, "small", ERR_CAPACITY,
			      "disk: small has 1 GiB; the host system needs at least 8 GiB");
	assert_deploy_refused(rack, id, "twice", ERR_INVALID, "disk: 'twice' names more than one disk");
	set_disks(rack, id,
		  json_pack("[{s:s, s:I}, {s:s, s:I}]", "serial", "small", "size_bytes", (json_int_t)GIB, "path",
			    "/dev/sdb", "size_bytes", (json_int_t)(16 * GIB)));
	/* What has no name cannot be named safely. */
	assert_deploy_refused(rack, id, NULL, ERR_CAPACITY,
			      "disk: none is large enough for the host system (8 GiB); there are: small (1 GiB), "
			      "no serial (16 GiB)");
	set_disks(rack, id, json_array());
	assert_deploy_refused(rack, id, NULL, ERR_CAPACITY,
			      "disk: none is large enough for the host system (8 GiB); there are: none");
}

static void the_only_disk_that_fits_is_taken_and_no_choice_is_made(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	const struct machine_deploy how = { 0 };
	const char *task = NULL;
	_cleanup_free_ char *id = NULL;
	free(rack_ready(rack, 1, &id));
	set_disks(rack, id,
		  json_pack("[{s:s, s:I, s:b}, {s:s, s:I}, {s:s, s:I}]", "serial", "held", "size_bytes",
			    (json_int_t)(64 * GIB), "in_use", 1, "serial", "tiny", "size_bytes", (json_int_t)GIB,
			    "serial", "right", "size_bytes", (json_int_t)(8 * GIB)));
	assert_int_equal(machine_deploy(rack->controller->machines, id, &how, &task, &err), 0);
	assert_string_equal(rack_machine(rack, id)->install_disk->serial, "right");
	json_t *install = rack_install(rack, id);
	assert_string_equal(json_string_value(json_object_get(json_object_get(install, "disk"), "serial")), "right");
	json_decref(install);

	_cleanup_free_ char *other = NULL;
	free(rack_ready(rack, 2, &other));
	set_disks(rack, other,
		  json_pack("[{s:s, s:I}, {s:s, s:I}]", "serial", "one", "size_bytes", (json_int_t)(64 * GIB), "serial",
			    "two", "size_bytes", (json_int_t)(8 * GIB)));
	assert_deploy_refused(
		rack, other, NULL, ERR_INVALID,
		"disk: say by serial number or WWN which one is to be overwritten; there are: one (64 GiB), "
		"two (8 GiB)");
	set_disks(
		rack, other,
		json_pack("[{s:s, s:I, s:b}]", "serial", "mounted", "size_bytes", (json_int_t)(64 * GIB), "in_use", 1));
	assert_deploy_refused(
		rack, other, NULL, ERR_INVALID,
		"disk: say by serial number or WWN which one is to be overwritten; there are: mounted (64 GiB, "
		"in use)");
}

static void a_full_range_or_no_bundle_refuses_the_deploy(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL;
	rack->range_full = true;
	free(rack_ready(rack, 1, &id));
	size_t tasks = store_count(rack_store(rack), &kind_task);
	assert_deploy_refused(rack, id, "S1a", ERR_CAPACITY, "every address of the DHCP range is taken");
	assert_int_equal(store_count(rack_store(rack), &kind_task), tasks);
	rack->range_full = false;
	rack->no_bundle = true;
	rack_restart(rack);
	assert_deploy_refused(rack, id, "S1a", ERR_STATE,
			      "there is no host image bundle; name one in the configuration (images.bundle)");
}

static void a_deploy_goes_its_way(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = NULL, *csr = rack_csr(), *node = NULL;
	free(rack_ready(rack, 1, &id));
	_cleanup_free_ char *task = rack_deploy(rack, id);
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_WRITE"); /* its agent is there: no boot is needed */
	assert_string_equal(rack_intent(rack, MAC(1)), "live");
	_cleanup_free_ char *token = rack_install_token(rack, id);
	json_t *install = rack_install(rack, id);
	assert_true(json_is_null(json_object_get(install, "boot")));
	assert_string_equal(json_string_value(json_object_get(json_object_get(install, "host"), "address")),
			    "10.77.0.150/24");
	json_decref(install);
	rack_install_report(rack, id, "running", "write", 40);
	assert_true(rack_task(rack, task)->progress == 40);
	rack_install_report(rack, id, "written", "identity", 100);
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_START");
	assert_null(
		rack_machine(rack, id)->install_step); /* the host system starts: the installer has no more to say */
	assert_int_equal(rack_task(rack, task)->progress, 0);
	assert_string_equal(rack_intent(rack, MAC(1)), "disk");
	install = rack_install(rack, id);
	assert_string_equal(json_string_value(json_object_get(install, "boot")), "kexec");
	json_decref(install);
	assert_int_equal(rack_enroll(rack, token, csr, &node, &err), 0);
	const struct machine *machine = rack_machine(rack, id);
	assert_int_equal(machine->state, MACHINE_DEPLOYED);
	assert_string_equal(machine->node, node);
	assert_null(machine->enroll_token);
	assert_null(machine->live_token); /* the live image is gone, and so is what it could ask for */
	assert_null(rack_install(rack, id));
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
}

static void report_booting(struct rack *rack, const char *id, const char *how, const char *error)
{
	json_t *report =
		json_pack("{s:{s:s, s:s, s:s, s:i, s:s*}}", "install", "id", rack_machine(rack, id)->install_id,
			  "state", "booting", "step", "boot", "progress", 100, "boot", how);
	if (error)
		json_object_set_new(json_object_get(report, "install"), "error",
				    json_pack("{s:s, s:s}", "code", "denied", "text", error));
	rack_report(rack, id, report);
	rack_settle(rack);
}

/* How many lines of a task's log have this in them. */
static unsigned log_lines(struct rack *rack, const char *task, const char *words)
{
	const struct task *found = rack_task(rack, task);
	unsigned count = 0;
	for (size_t i = 0; i < found->log_count; i++)
		count += strstr(found->log[i], words) != NULL;
	return count;
}

static void the_task_says_how_the_host_is_started(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = NULL, *csr = rack_csr();
	free(rack_ready(rack, 1, &id));
	_cleanup_free_ char *task = rack_deploy(rack, id), *token = rack_install_token(rack, id);
	report_booting(rack, id, "kexec", NULL); /* of a live image that goes before it may: not a word about it */
	assert_int_equal(log_lines(rack, task, "kexec"), 0);
	rack_install_report(rack, id, "written", "identity", 100);
	report_booting(rack, id, "kexec", NULL);
	report_booting(rack, id, "kexec", NULL);
	assert_int_equal(log_lines(rack, task, "installer: starting the host system by kexec"), 1);
	/* The loaded kernel did not start; what comes late, or twice, is no news. */
	report_booting(rack, id, "reboot", "kexec_file_load: Operation not permitted");
	report_booting(rack, id, "reboot", "kexec_file_load: Operation not permitted");
	report_booting(rack, id, "kexec", NULL);
	assert_int_equal(log_lines(rack, task,
				   "installer: no kexec: kexec_file_load: Operation not permitted; rebooting into the "
				   "local disk instead"),
			 1);
	assert_int_equal(log_lines(rack, task, "installer: "), 2);
	assert_string_equal(rack_intent(rack, MAC(1)), "disk");
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_START");
	assert_int_equal(rack_enroll(rack, token, csr, NULL, &err), 0);
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_DEPLOYED);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
	assert_int_equal(rack->bmcs[1].power_sets, 0); /* the machine reboots by itself */
}

static void progress_moves_the_deadline_and_silence_does_not(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL;
	free(rack_ready(rack, 1, &id));
	_cleanup_free_ char *task = rack_deploy(rack, id);
	_cleanup_free_ char *install = xstrdup(rack_machine(rack, id)->install_id);
	for (int i = 1; i <= 2; i++) {
		rack_pass(rack, 19 * 60000);
		rack_install_report(rack, id, "running", "write", 20 * i);
	}
	rack_pass(rack, 19 * 60000);
	rack_install_report(rack, id, "running", "write", 41); /* too little to be taken for life */
	assert_string_equal(rack_machine(rack, id)->install_id, install);
	rack_pass(rack, 2 * 60000); /* it hangs: once more from the beginning */
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_WRITE");
	assert_string_not_equal(rack_machine(rack, id)->install_id, install);
	rack_pass(rack, 21 * 60000);
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_FAILED);
	assert_string_equal(rack_task(rack, task)->error->code, "timeout");
}

static void an_install_of_an_earlier_attempt_is_not_heard(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL;
	free(rack_ready(rack, 1, &id));
	free(rack_deploy(rack, id));
	_cleanup_free_ char *first = xstrdup(rack_machine(rack, id)->install_id);
	free(rack_hello(rack, 1, "second-boot")); /* it booted anew in the middle of it */
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_WRITE");
	assert_string_not_equal(rack_machine(rack, id)->install_id, first);
	rack_report(rack, id, json_pack("{s:{s:s, s:s}}", "install", "id", first, "state", "written"));
	rack_report(rack, id, json_pack("{s:{s:s, s:s}}", "install", "id", first, "state", "failed"));
	rack_report(rack, id, json_pack("{s:{s:s}}", "install", "state", "written"));
	rack_settle(rack);
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_WRITE");
}

static void a_failed_install_says_why(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL;
	free(rack_ready(rack, 1, &id));
	_cleanup_free_ char *task = rack_deploy(rack, id);
	rack_report(rack, id,
		    json_pack("{s:{s:s, s:s, s:s, s:{s:s, s:s}}}", "install", "id", rack_machine(rack, id)->install_id,
			      "state", "failed", "step", "verify", "error", "code", "corrupt", "text",
			      "block 7 reads back wrong"));
	const struct machine *machine = rack_machine(rack, id);
	assert_int_equal(machine->state, MACHINE_FAILED);
	assert_string_equal(machine->failed_step, "DEPLOY_WRITE");
	assert_string_equal(machine->error->text, "installing (verify): block 7 reads back wrong");
	assert_string_equal(rack_task(rack, task)->error->code, "corrupt");
	free(rack_deploy(rack, id)); /* and it can be tried again */
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_WRITE");
	assert_null(rack_machine(rack, id)->error);
}

static void a_host_that_does_not_come_up_fails_with_a_reason(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL;
	free(rack_ready(rack, 1, &id));
	_cleanup_free_ char *task = rack_deploy(rack, id);
	rack_install_report(rack, id, "written", "identity", 100);
	rack_pass(rack, 11 * 60000);
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_RESTART");
	rack_pass(rack, 21 * 60000); /* with one more try */
	const struct machine *machine = rack_machine(rack, id);
	assert_int_equal(machine->state, MACHINE_FAILED);
	assert_string_equal(machine->error->code, "timeout");
	assert_non_null(strstr(machine->error->text, "restarting into the host system took longer than 600 s"));
	assert_int_equal(rack_task(rack, task)->state, TASK_FAILED);
	assert_string_equal(rack_intent(rack, MAC(1)), "disk");
}

static void a_deploy_goes_on_after_a_restart_of_the_provisioner(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = NULL, *csr = rack_csr(), *token = NULL;
	free(rack_ready(rack, 1, &id));
	_cleanup_free_ char *task = rack_deploy(rack, id);
	token = rack_install_token(rack, id);
	rack_restart(rack);
	json_t *install = rack_install(rack, id);
	assert_string_equal(json_string_value(json_object_get(json_object_get(install, "host"), "token")), token);
	json_decref(install);
	rack_install_report(rack, id, "written", "identity", 100);
	rack_restart(rack);
	assert_string_equal(rack_intent(rack, MAC(1)), "disk");
	assert_int_equal(rack_enroll(rack, token, csr, NULL, &err), 0);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
}

static void cancelling_ends_where_nothing_is_half_done(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL;
	free(rack_ready(rack, 1, &id));
	_cleanup_free_ char *task = rack_deploy(rack, id);
	assert_int_equal(task_cancel(rack->controller->tasks, task, NULL), 0);
	assert_int_equal(rack_task(rack, task)->state, TASK_CANCELLED);
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_READY);
	assert_null(rack_install(rack, id));
}

/* ---- enrolling ---- */

static void assert_enroll_refused(struct rack *rack, const char *token, const char *csr, enum err_code code,
				  const char *field)
{
	_cleanup_err_ struct err err = ERR_INIT;
	size_t nodes = store_count(rack_store(rack), &kind_node);
	assert_true(rack_enroll(rack, token, csr, NULL, &err) < 0);
	assert_int_equal(err.code, code);
	assert_true(str_equal(err.field, field));
	assert_int_equal(store_count(rack_store(rack), &kind_node), nodes);
}

static void an_enrollment_is_for_one_key(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = NULL, *csr = rack_csr(), *other = rack_csr(), *first = NULL, *again = NULL;
	free(rack_ready(rack, 1, &id));
	free(rack_deploy(rack, id));
	_cleanup_free_ char *token = rack_install_token(rack, id);
	rack_install_report(rack, id, "written", "identity", 100);
	assert_enroll_refused(rack, NULL, csr, ERR_INVALID, "token");
	assert_enroll_refused(rack, token, NULL, ERR_INVALID, "csr");
	assert_enroll_refused(rack, token, "no request", ERR_INVALID, NULL);
	assert_enroll_refused(rack, "forged", csr, ERR_UNAUTHENTICATED, NULL);
	_cleanup_free_ char *wrong = xasprintf("%sx", token);
	assert_enroll_refused(rack, wrong, csr, ERR_UNAUTHENTICATED, NULL);
	assert_int_equal(rack_enroll(rack, token, csr, &first, &err), 0);
	assert_int_equal(rack_enroll(rack, token, csr, &again, &err), 0); /* the answer was lost */
	assert_string_equal(again, first);
	assert_enroll_refused(rack, token, other, ERR_UNAUTHENTICATED, NULL);
	assert_int_equal(store_count(rack_store(rack), &kind_node), 1);
	rack_restart(rack);
	assert_enroll_refused(rack, token, other, ERR_UNAUTHENTICATED, NULL);
	free(TAKE_PTR(again));
	assert_int_equal(rack_enroll(rack, token, csr, &again, &err), 0);
	assert_string_equal(again, first);
}

static void the_token_of_a_cancelled_deploy_enrolls_nobody(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL, *csr = rack_csr();
	free(rack_ready(rack, 1, &id));
	_cleanup_free_ char *task = rack_deploy(rack, id), *token = rack_install_token(rack, id);
	task_cancel(rack->controller->tasks, task, NULL);
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_READY);
	assert_enroll_refused(rack, token, csr, ERR_UNAUTHENTICATED, NULL);
	assert_null(rack_machine(rack, id)->node);
}

static void a_host_of_a_cancelled_deploy_does_not_become_a_node(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL, *csr = rack_csr();
	free(rack_ready(rack, 1, &id));
	_cleanup_free_ char *task = rack_deploy(rack, id), *token = rack_install_token(rack, id);
	rack_install_report(rack, id, "written", "identity", 100);
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_START");
	task_cancel(rack->controller->tasks, task, NULL);
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_FAILED);
	assert_enroll_refused(rack, token, csr, ERR_UNAUTHENTICATED, NULL);
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_FAILED);
	assert_null(rack_machine(rack, id)->node);
}

/* ---- the token of a boot ---- */

static void the_token_of_a_boot_ends_with_its_silence(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = NULL, *token = rack_ready(rack, 1, &id), *again = NULL;
	const struct machine *machine;
	const int64_t minute_ms = 60000;
	/* It speaks now and then, and the provisioner may be another by then. */
	for (int n = 0; n < 3; n++) {
		rack_pass(rack, 25 * minute_ms);
		assert_int_equal(machine_agent_find(rack->controller->machines, token, &machine, NULL), 0);
		rack_restart(rack);
	}
	rack_pass(rack, 31 * minute_ms);
	assert_null(machine_agent_known(rack->controller->machines, token));
	assert_true(machine_agent_find(rack->controller->machines, token, &machine, &err) < 0);
	assert_int_equal(err.code, ERR_UNAUTHENTICATED);
	rack_restart(rack);
	assert_null(machine_agent_known(rack->controller->machines, token));
	again = rack_hello(rack, 1, "first-boot");
	assert_int_equal(machine_agent_find(rack->controller->machines, again, &machine, NULL), 0);
}

static char *boots_told(struct rack *rack)
{
	struct strbuf texts = { 0 };
	bool more;
	const struct event_query query = { .after = 0, .count = 1000, .kind = "machine.booted" };
	json_t *events = store_events_find(rack_store(rack), &query, &more), *event;
	size_t i;
	json_array_foreach(events, i, event)
		strbuf_addf(&texts, "%s|", json_string_value(json_object_get(event, "text")));
	json_decref(events);
	strbuf_adds(&texts, "");
	return strbuf_take(&texts);
}

static void boot_from(struct rack *rack, const char *boot, const char *address)
{
	json_t *reply = NULL, *request = json_pack("{s:[s], s:s}", "macs", MAC(1), "boot_id", boot);
	assert_int_equal(machine_agent_hello(rack->controller->machines, request, address, &reply, NULL), 0);
	json_decref(request);
	json_decref(reply);
	rack_settle(rack);
}

/* Whoever knows a MAC address can take the place of its machine's agent, and be given what a deploy is for. */
static void a_boot_of_a_machine_that_was_accepted_is_told(void **state)
{
#define BOOTED(address) "machine-1 booted the live image (MAC " MAC(1) ", from " address ")|"
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL;
	free(rack_found(rack, 1, &id));
	boot_from(rack, "second-boot", "10.77.0.90");
	_cleanup_free_ char *none = boots_told(rack);
	assert_string_equal(none, ""); /* nobody relies on it yet */
	rack_accept(rack, id);
	boot_from(rack, "second-boot", "10.77.0.90"); /* the answer was lost: no news */
	boot_from(rack, "third-boot", "10.77.0.90");
	boot_from(rack, "fourth-boot", "10.77.0.91");
	_cleanup_free_ char *both = boots_told(rack);
	assert_string_equal(both, BOOTED("10.77.0.90") BOOTED("10.77.0.91"));
	for (int n = 0; n < 20; n++) {
		_cleanup_free_ char *boot = xasprintf("one-of-many-%d", n);
		boot_from(rack, boot, "10.77.0.91");
	}
	_cleanup_free_ char *still = boots_told(rack);
	assert_string_equal(still, both);
	rack_pass(rack, 61000);
	boot_from(rack, "another-boot", "10.77.0.91");
	_cleanup_free_ char *later = boots_told(rack);
	assert_string_equal(later, BOOTED("10.77.0.90") BOOTED("10.77.0.91") BOOTED("10.77.0.91"));
}

static void a_bundle_that_is_gone_after_a_restart_is_told(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL;
	free(rack_ready(rack, 1, &id));
	_cleanup_free_ char *task = rack_deploy(rack, id);
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_WRITE");
	rack->no_bundle = true;
	rack_restart(rack);
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_FAILED);
	assert_int_equal(rack_task(rack, task)->state, TASK_FAILED);
	assert_non_null(strstr(rack_machine(rack, id)->error->text, "images.bundle"));
}

static void a_bundle_that_is_gone_before_it_is_written_is_told(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL;
	free(rack_ready(rack, 1, &id));
	rack_pass(rack, AGENT_LIVE_MS); /* so it is to boot first */
	_cleanup_free_ char *task = rack_deploy(rack, id);
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_BOOT");
	rack->no_bundle = true;
	rack_restart(rack);
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_FAILED);
	assert_int_equal(rack_task(rack, task)->state, TASK_FAILED);
	assert_non_null(strstr(rack_machine(rack, id)->error->text, "images.bundle"));
}

static void a_bundle_that_was_replaced_meanwhile_is_told(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL;
	free(rack_ready(rack, 1, &id));
	_cleanup_free_ char *task = rack_deploy(rack, id);
	rack_restart(rack); /* by itself no reason */
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_WRITE");
	rack->new_bundle = true;
	rack_restart(rack);
	assert_int_equal(rack_task(rack, task)->state, TASK_FAILED);
	assert_string_equal(rack_machine(rack, id)->error->text,
			    "the host image bundle was replaced (1, now 2) while it was written; deploy again");
}

/* What is on the disk needs no bundle any more: it only has to be booted. */
static void what_is_written_starts_whatever_became_of_its_bundle(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL, *csr = rack_csr(), *node = NULL;
	free(rack_ready(rack, 1, &id));
	_cleanup_free_ char *task = rack_deploy(rack, id), *token = rack_install_token(rack, id);
	rack_install_report(rack, id, "written", "identity", 100);
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_START");
	rack->no_bundle = rack->new_bundle = true;
	rack_restart(rack);
	json_t *install = rack_install(rack, id);
	const json_t *bundle = json_object_get(install, "bundle");
	assert_string_equal(json_string_value(json_object_get(install, "boot")), "kexec");
	assert_string_equal(json_string_value(json_object_get(bundle, "url")), "http://10.77.0.1:8080/bundle/host-1");
	assert_string_equal(json_string_value(json_object_get(bundle, "key")), "the key");
	assert_string_equal(json_string_value(json_object_get(bundle, "version")), "1");
	json_decref(install);
	assert_int_equal(rack_enroll(rack, token, csr, &node, NULL), 0);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
}

/* It lost its power just after it was written, and its firmware went to the disk before the BMC had taken the boot device. */
static void a_host_may_be_up_before_the_switch_is_over(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = NULL, *csr = rack_csr();
	rack->bmcs[1] = (struct rack_bmc){ .there = true, .on = true, .uuid = UUID(1) };
	rack_pass(rack, 31000);
	free(rack_ready(rack, 1, &id));
	_cleanup_free_ char *task = rack_deploy(rack, id), *token = rack_install_token(rack, id);
	rack_report(
		rack, id,
		json_pack("{s:{s:s, s:s}}", "install", "id", rack_machine(rack, id)->install_id, "state", "written"));
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_SWITCH"); /* the BMC is being asked */
	assert_int_equal(rack_enroll(rack, token, csr, NULL, &err), 0);
	rack_settle(rack);
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_DEPLOYED);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
}

static void a_machine_given_up_too_early_joins_after_all(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = NULL, *csr = rack_csr();
	free(rack_ready(rack, 1, &id));
	_cleanup_free_ char *task = rack_deploy(rack, id), *token = rack_install_token(rack, id);
	rack_install_report(rack, id, "written", "identity", 100);
	rack_pass(rack, 40 * 60000);
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_FAILED);
	assert_int_equal(rack_enroll(rack, token, csr, NULL, &err), 0);
	const struct machine *machine = rack_machine(rack, id);
	assert_int_equal(machine->state, MACHINE_DEPLOYED);
	assert_null(machine->error);
	assert_int_equal(rack_task(rack, task)->state, TASK_FAILED); /* what was said to people is not unsaid */
}

/* ---- reports ---- */

static void odd_reports_change_nothing(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = NULL;
	free(rack_ready(rack, 1, &id));
	int64_t revision = store_revision(rack_store(rack), &kind_machine, id);
	const struct peer peer = { .machine = id };
	json_t *array = json_array();
	assert_true(cluster_agent_report(rack->controller->cluster, &peer, array, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	json_decref(array);
	rack_report(rack, id, json_pack("{s:i, s:s, s:s}", "inventory", 1, "install", "x", "new section", "y"));
	rack_report(rack, id, json_pack("{s:{s:[{s:s}]}}", "inventory", "disks", "size_bytes", "much"));
	rack_report(rack, id, json_pack("{s:{s:i}}", "install", "progress", 101));
	assert_true(store_revision(rack_store(rack), &kind_machine, id) == revision);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_hello_that_says_nothing_is_refused),
		TEST(a_machine_that_boots_by_itself_appears),
		TEST(the_same_boot_says_hello_again),
		TEST(a_mac_says_more_than_a_uuid),
		TEST(a_mac_on_every_board_joins_no_machines),
		TEST(a_node_does_not_say_hello),
		TEST(a_forged_token_opens_nothing),
		TEST(a_token_is_of_one_boot),
		TEST(a_token_ends_with_the_live_image),
		TEST(secrets_are_not_in_what_is_shown),
		TEST(accepting_is_checked),
		TEST(where_a_machine_stands_is_said_at_accepting_and_later),
		TEST(what_was_not_accepted_gets_nothing),
		TEST(the_disk_is_named_and_large_enough),
		TEST(the_only_disk_that_fits_is_taken_and_no_choice_is_made),
		TEST(a_full_range_or_no_bundle_refuses_the_deploy),
		TEST(a_deploy_goes_its_way),
		TEST(the_task_says_how_the_host_is_started),
		TEST(progress_moves_the_deadline_and_silence_does_not),
		TEST(an_install_of_an_earlier_attempt_is_not_heard),
		TEST(a_failed_install_says_why),
		TEST(a_host_that_does_not_come_up_fails_with_a_reason),
		TEST(a_deploy_goes_on_after_a_restart_of_the_provisioner),
		TEST(cancelling_ends_where_nothing_is_half_done),
		TEST(an_enrollment_is_for_one_key),
		TEST(the_token_of_a_cancelled_deploy_enrolls_nobody),
		TEST(a_host_of_a_cancelled_deploy_does_not_become_a_node),
		TEST(the_token_of_a_boot_ends_with_its_silence),
		TEST(a_boot_of_a_machine_that_was_accepted_is_told),
		TEST(a_bundle_that_is_gone_after_a_restart_is_told),
		TEST(a_bundle_that_is_gone_before_it_is_written_is_told),
		TEST(a_bundle_that_was_replaced_meanwhile_is_told),
		TEST(what_is_written_starts_whatever_became_of_its_bundle),
		TEST(a_host_may_be_up_before_the_switch_is_over),
		TEST(a_machine_given_up_too_early_joins_after_all),
		TEST(odd_reports_change_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
