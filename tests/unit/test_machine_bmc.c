/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What machines ask of their BMCs, and what becomes of it when those refuse, lie or say nothing. */
#include "rack_fixture.h"

static struct rack_bmc *bmc_there(struct rack *rack, unsigned n)
{
	static const char *const uuids[] = { UUID(0), UUID(1), UUID(2), UUID(3) };
	rack->bmcs[n] = (struct rack_bmc){ .there = true, .uuid = uuids[n] };
	return &rack->bmcs[n];
}

static void scan(struct rack *rack)
{
	rack_pass(rack, 31000);
}

static const struct machine *only_machine(struct rack *rack)
{
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 1);
	return store_next(rack_store(rack), &kind_machine, NULL);
}

static const char *power(struct rack *rack, const char *id, int action)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const char *task = NULL;
	if (machine_power(rack->controller->machines, id, action, &task, &err) < 0)
		fail_msg("%s", err.text);
	return task;
}

/* ---- discovery ---- */

static void one_that_is_off_is_booted_and_looked_into(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	scan(rack);
	assert_string_equal(only_machine(rack)->step, "FOUND");
	assert_string_equal(only_machine(rack)->previous_step, "SILENT"); /* by the table, as any step */
	assert_string_equal(only_machine(rack)->bmc_address, "10.0.0.1");
	assert_int_equal(only_machine(rack)->bmc_state, BMC_STATE_OK);
	assert_int_equal(bmc->device, BMC_BOOT_PXE);
	assert_false(bmc->persistent);
	assert_true(bmc->on);
	free(rack_hello(rack, 1, "first-boot"));
	assert_string_equal(only_machine(rack)->step, "NEW"); /* the same machine, by its UUID */
	assert_string_equal(only_machine(rack)->boot_mac, MAC(1));
}

static void one_that_runs_is_left_alone(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	bmc->on = true;
	scan(rack);
	assert_string_equal(only_machine(rack)->step, "SILENT");
	assert_int_equal(bmc->power_sets, 0);
	assert_int_equal(only_machine(rack)->power, POWER_ON);
	rack_accept(rack, only_machine(rack)->id); /* until a person says so */
	assert_int_equal(bmc->power_sets, 1);
	assert_string_equal(only_machine(rack)->step, "COMMISSION_BOOT");
}

static void one_that_does_not_boot_falls_silent(void **state)
{
	struct rack *rack = *state;
	bmc_there(rack, 1);
	scan(rack);
	rack_pass(rack, 21 * 60000);
	assert_string_equal(only_machine(rack)->step, "SILENT");
	assert_int_equal(only_machine(rack)->state, MACHINE_NEW);
}

static void a_wrong_password_is_told_and_the_right_one_taken(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	bmc->fault = ERR_CREDENTIALS;
	scan(rack);
	const struct machine *machine = only_machine(rack);
	assert_int_equal(machine->bmc_state, BMC_STATE_CREDENTIALS);
	assert_string_equal(machine->bmc_error->code, "credentials");
	assert_string_equal(machine->step, "SILENT");
	int64_t events = store_event_last(rack_store(rack));
	scan(rack);
	scan(rack);
	assert_true(store_event_last(rack_store(rack)) == events); /* said once */
	assert_int_equal(bmc->power_sets, 0);
	bmc->fault = ERR_NONE;
	scan(rack);
	machine = only_machine(rack);
	assert_int_equal(machine->bmc_state, BMC_STATE_OK);
	assert_null(machine->bmc_error);
	assert_string_equal(machine->step, "FOUND");
}

static void a_machine_that_came_first_gets_its_bmc(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *id = NULL;
	free(rack_found(rack, 1, &id));
	struct rack_bmc *bmc = bmc_there(rack, 1);
	bmc->on = true;
	scan(rack);
	assert_string_equal(only_machine(rack)->id, id);
	assert_string_equal(only_machine(rack)->bmc_address, "10.0.0.1");
	assert_string_equal(only_machine(rack)->step, "NEW");
	assert_int_equal(bmc->power_sets, 0);
}

/* Its address passed to another machine's BMC, and it turns up at another address itself. */
static void a_bmc_that_moved_takes_its_machine_along(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	bmc->on = true;
	scan(rack);
	_cleanup_free_ char *first = xstrdup(only_machine(rack)->id);
	bmc->fault = ERR_CREDENTIALS;
	power(rack, first, POWER_ACTION_ON);
	rack_settle(rack);
	assert_int_equal(rack_machine(rack, first)->bmc_state, BMC_STATE_CREDENTIALS);
	bmc->fault = ERR_NONE;
	bmc->uuid = UUID(2);
	scan(rack);
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 2);
	assert_null(rack_machine(rack, first)->bmc_address);
	assert_non_null(strstr(rack_machine(rack, first)->bmc_error->text, UUID(2)));
	assert_string_equal(rack_machine(rack, "machine-2")->bmc_address, "10.0.0.1");
	struct rack_bmc *moved = bmc_there(rack, 3);
	moved->on = true;
	moved->uuid = UUID(1);
	scan(rack);
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 2);
	assert_string_equal(rack_machine(rack, first)->bmc_address, "10.0.0.3");
	assert_int_equal(rack_machine(rack, first)->bmc_state, BMC_STATE_OK);
}

/* The two of a rack whose BMCs have got each other's address. The first machine is on, the second off. */
static void swap(struct rack *rack)
{
	struct rack_bmc first = rack->bmcs[1];
	rack->bmcs[1].uuid = rack->bmcs[2].uuid;
	rack->bmcs[1].on = rack->bmcs[2].on;
	rack->bmcs[2].uuid = first.uuid;
	rack->bmcs[2].on = first.on;
}

/* Two machines that wait to be accepted: nothing switches them. */
static void two_with_bmcs(struct rack *rack, char *ids[2])
{
	for (unsigned n = 1; n <= 2; n++) {
		bmc_there(rack, n)->on = true;
		free(rack_found(rack, n, &ids[n - 1]));
	}
	scan(rack);
	rack->bmcs[2].on = false;
	scan(rack);
	assert_string_equal(rack_machine(rack, ids[0])->bmc_address, "10.0.0.1");
	assert_int_equal(rack_machine(rack, ids[0])->power, POWER_ON);
	assert_int_equal(rack_machine(rack, ids[1])->power, POWER_OFF);
}

static void assert_swapped(struct rack *rack, char *ids[2])
{
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 2);
	for (unsigned n = 0; n < 2; n++) {
		const struct machine *machine = rack_machine(rack, ids[n]);
		assert_int_equal(machine->bmc_state, BMC_STATE_OK);
		assert_null(machine->bmc_error);
		assert_string_equal(machine->bmc_address, n == 0 ? "10.0.0.2" : "10.0.0.1");
		assert_int_equal(machine->power, n == 0 ? POWER_ON : POWER_OFF);
	}
}

/* Both are well, and nobody asks for anything: the look at the power finds it out, and tells nobody the other's. */
static void two_bmcs_that_swap_their_addresses_are_told_apart(void **state)
{
	struct rack *rack = *state;
	char *ids[2];
	two_with_bmcs(rack, ids);
	swap(rack);
	for (unsigned second = 0; second < 120; second++) {
		rack_pass(rack, 1000);
		assert_int_not_equal(rack_machine(rack, ids[0])->power, POWER_OFF);
		assert_int_not_equal(rack_machine(rack, ids[1])->power, POWER_ON);
	}
	assert_swapped(rack, ids);
	assert_int_equal(rack->bmcs[1].power_sets + rack->bmcs[2].power_sets, 0);
	free(ids[0]);
	free(ids[1]);
}

static void an_operation_at_the_bmc_of_another_lets_go_of_it(void **state)
{
	struct rack *rack = *state;
	char *ids[2];
	two_with_bmcs(rack, ids);
	swap(rack);
	_cleanup_free_ char *task = xstrdup(power(rack, ids[0], POWER_ACTION_OFF));
	rack_settle(rack);
	assert_string_equal(rack_task(rack, task)->error->code, "state");
	assert_non_null(strstr(rack_task(rack, task)->error->text, UUID(2)));
	assert_int_equal(rack->bmcs[1].power_sets, 0);
	const struct machine *machine = rack_machine(rack, ids[0]);
	assert_null(machine->bmc_address);
	assert_int_equal(machine->bmc_state, BMC_STATE_UNREACHABLE);
	assert_int_equal(machine->power, POWER_UNKNOWN);
	assert_non_null(strstr(machine->bmc_error->text, UUID(2)));
	rack_pass(rack, 120000);
	assert_swapped(rack, ids);
	free(task);
	task = xstrdup(power(rack, ids[0], POWER_ACTION_OFF));
	rack_settle(rack);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
	assert_int_equal(rack->bmcs[2].power_sets, 1);
	free(ids[0]);
	free(ids[1]);
}

/* It was well a moment ago, and turns up elsewhere before anybody has noticed that it is gone: no second machine is made of it. */
static void a_bmc_that_turns_up_elsewhere_waits_until_it_is_known_to_be_gone(void **state)
{
	struct rack *rack = *state;
	bmc_there(rack, 1)->on = true;
	scan(rack);
	rack->bmcs[1].there = false;
	bmc_there(rack, 3)->on = true;
	rack->bmcs[3].uuid = UUID(1);
	rack_pass(rack, 5 * 60000);
	assert_string_equal(only_machine(rack)->bmc_address, "10.0.0.3");
	assert_int_equal(only_machine(rack)->bmc_state, BMC_STATE_OK);
	assert_int_equal(only_machine(rack)->power, POWER_ON);
}

/* Boards of one make that all tell the same UUID. */
static void systems_that_share_a_uuid_are_several(void **state)
{
	struct rack *rack = *state;
	for (unsigned n = 1; n <= 3; n++) {
		bmc_there(rack, n)->on = true;
		rack->bmcs[n].uuid = UUID(1);
	}
	scan(rack);
	scan(rack);
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 3);
	scan(rack);
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 3);
}

static void a_bmc_found_again_is_no_other_machine(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	scan(rack);
	unsigned ops = bmc->ops;
	machine_bmc_found(rack->controller->machines, "10.0.0.1");
	machine_bmc_found(rack->controller->machines, "10.0.0.1");
	rack_settle(rack);
	assert_int_equal(bmc->ops, ops); /* it is known to be well: nothing is asked */
	only_machine(rack);
	rack_restart(rack);
	scan(rack);
	only_machine(rack);
}

/* Its host joins by a token, and says where its BMC is. */
static const struct machine *join_with_bmc(struct rack *rack, unsigned n, const char *bmc)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *mac = xasprintf("52:54:00:00:00:0%u", n), *name = xasprintf("host-%u", n);
	_cleanup_free_ char *uuid = xasprintf("00000000-0000-4000-8000-00000000000%u", n);
	json_t *json = json_pack("{s:s, s:s, s:[s], s:s, s:{s:s}}", "name", name, "uuid", uuid, "macs", mac, "boot_mac",
				 mac, "bmc", "address", bmc);
	const char *id = NULL;
	store_begin(rack_store(rack));
	if (machine_join(rack->controller->machines, json, "10.77.0.31", &id, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(store_commit(rack_store(rack), NULL), 0);
	json_decref(json);
	rack_settle(rack);
	return rack_machine(rack, name);
}

static void who_joins_does_not_get_the_bmc_of_another(void **state)
{
	struct rack *rack = *state;
	bmc_there(rack, 1)->on = true;
	scan(rack);
	_cleanup_free_ char *owner = xstrdup(only_machine(rack)->id);
	free(rack_hello(rack, 1, "first-boot"));
	assert_null(join_with_bmc(rack, 2, "10.0.0.1")->bmc_address);
	assert_string_equal(rack_machine(rack, owner)->bmc_address, "10.0.0.1");
}

/* Said before the BMC was found: then what the BMC says counts. */
static void a_bmc_that_is_claimed_falsely_is_given_to_its_machine(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *owner = NULL;
	assert_string_equal(join_with_bmc(rack, 2, "10.0.0.1")->bmc_address, "10.0.0.1");
	free(rack_found(rack, 1, &owner));
	bmc_there(rack, 1)->on = true;
	scan(rack);
	assert_null(rack_machine(rack, "host-2")->bmc_address);
	assert_non_null(strstr(rack_machine(rack, "host-2")->bmc_error->text, UUID(1)));
	assert_string_equal(rack_machine(rack, owner)->bmc_address, "10.0.0.1");
	assert_int_equal(rack_machine(rack, owner)->bmc_state, BMC_STATE_OK);
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 2);
	/* One that says the truth has it. */
	assert_string_equal(join_with_bmc(rack, 3, "10.0.0.3")->bmc_address, "10.0.0.3");
	bmc_there(rack, 3)->on = true;
	scan(rack);
	assert_int_equal(rack_machine(rack, "host-3")->bmc_state, BMC_STATE_OK);
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 3);
}

/* Nobody has spoken to it yet: that is said at once, with what to do. */
static void a_bmc_that_no_scan_has_found_is_not_used(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	struct bmc_target target;
	const char *task = NULL;
	const struct machine *machine = join_with_bmc(rack, 2, "10.0.0.2");
	assert_true(machine_power(rack->controller->machines, machine->id, POWER_ACTION_OFF, &task, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_non_null(strstr(err.text, "10.0.0.2"));
	assert_non_null(strstr(err.text, "bmc-range create"));
	assert_null(task);
	assert_true(machine_bmc_target(rack->controller->machines, machine, &target, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	bmc_there(rack, 2)->on = true;
	scan(rack);
	machine = rack_machine(rack, "host-2");
	_cleanup_free_ char *off = xstrdup(power(rack, machine->id, POWER_ACTION_OFF));
	rack_settle(rack);
	assert_int_equal(rack_task(rack, off)->state, TASK_SUCCEEDED);
}

/* Then the machine's word is all there is. */
static void a_bmc_that_does_not_know_its_uuid_is_believed_to_be_who_names_it(void **state)
{
	static const char *const nothing[] = { "00000000-0000-0000-0000-000000000000",
					       "ffffffff-ffff-ffff-ffff-ffffffffffff" };
	struct rack *rack = *state;
	for (unsigned i = 0; i < ARRAY_SIZE(nothing); i++) {
		_cleanup_free_ char *address = xasprintf("10.0.0.%u", i + 1), *name = xasprintf("host-%u", i + 1);
		join_with_bmc(rack, i + 1, address);
		bmc_there(rack, i + 1)->on = true;
		rack->bmcs[i + 1].uuid = nothing[i];
		scan(rack);
		assert_int_equal(rack_machine(rack, name)->bmc_state, BMC_STATE_OK);
		assert_string_equal(rack_machine(rack, name)->bmc_address, address);
	}
	assert_int_equal(store_count(rack_store(rack), &kind_machine), 2);
}

/* ---- sequences ---- */

/* A machine with a BMC, ready, its agent gone. */
static char *ready_and_silent(struct rack *rack, struct rack_bmc *bmc)
{
	char *id;
	bmc->on = true;
	free(rack_found(rack, 1, &id));
	scan(rack);
	free(rack_hello(rack, 1, "second-boot"));
	rack_accept(rack, id);
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_READY);
	rack_pass(rack, 31000);
	return id;
}

static void a_deploy_boots_from_the_network_and_then_from_disk(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	_cleanup_free_ char *id = ready_and_silent(rack, bmc);
	free(rack_deploy(rack, id));
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_BOOT");
	assert_int_equal(bmc->device, BMC_BOOT_PXE);
	assert_int_equal(bmc->power_sets, 1);
	free(rack_hello(rack, 1, "third-boot"));
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_WRITE");
	rack_install_report(rack, id, "written", "identity", 100);
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_START");
	assert_int_equal(bmc->device, BMC_BOOT_DISK);
	assert_true(bmc->persistent);
	assert_int_equal(bmc->power_sets, 1); /* kexec needs no reset */
}

static void one_that_is_silent_is_tried_three_times(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	_cleanup_free_ char *id = ready_and_silent(rack, bmc);
	bmc->there = false;
	unsigned ops = bmc->ops;
	_cleanup_free_ char *task = rack_deploy(rack, id);
	rack_pass(rack, 4999);
	assert_int_equal(rack_task(rack, task)->state, TASK_RUNNING);
	rack_pass(rack, 6000);
	assert_int_equal(rack_task(rack, task)->state, TASK_FAILED);
	assert_string_equal(rack_task(rack, task)->error->text, "BMC 10.0.0.1 does not answer");
	assert_true(bmc->ops - ops >= 3);
	const struct machine *machine = rack_machine(rack, id);
	assert_int_equal(machine->state, MACHINE_FAILED);
	assert_string_equal(machine->failed_step, "DEPLOY_BOOT");
	assert_int_equal(machine->bmc_state, BMC_STATE_UNREACHABLE);
	bmc->there = true;
	scan(rack);
	assert_int_equal(rack_machine(rack, id)->bmc_state, BMC_STATE_OK);
	free(rack_deploy(rack, id));
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_BOOT");
}

static void a_short_silence_does_no_harm(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	_cleanup_free_ char *id = ready_and_silent(rack, bmc);
	bmc->there = false;
	free(rack_deploy(rack, id));
	bmc->there = true;
	rack_pass(rack, 6000);
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_BOOT");
	assert_int_equal(bmc->device, BMC_BOOT_PXE);
	assert_int_equal(rack_machine(rack, id)->bmc_state, BMC_STATE_OK);
}

static void refused_credentials_are_not_tried_again(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	_cleanup_free_ char *id = ready_and_silent(rack, bmc);
	bmc->fault = ERR_CREDENTIALS;
	unsigned ops = bmc->ops;
	free(rack_deploy(rack, id));
	assert_int_equal(bmc->ops, ops + 1); /* BMCs lock their users out */
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_FAILED);
	assert_int_equal(rack_machine(rack, id)->bmc_state, BMC_STATE_CREDENTIALS);
}

static void the_bmc_of_another_machine_is_found_out(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	_cleanup_free_ char *id = NULL;
	bmc->on = true;
	free(rack_found(rack, 1, &id));
	scan(rack);
	bmc->uuid = UUID(2); /* the address went to another one */
	free(rack_hello(rack, 1, "second-boot"));
	rack_accept(rack, id);
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_FAILED);
	assert_string_equal(rack_machine(rack, id)->error->text, "the BMC belongs to the machine with UUID " UUID(2));
}

static void an_answer_to_an_older_attempt_is_dropped(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = ready_and_silent(rack, bmc);
	const struct machine_deploy how = { .disk = (char *)"S1a" };
	const char *task;
	assert_int_equal(machine_deploy(rack->controller->machines, id, &how, &task, &err), 0);
	bmc->fault = ERR_INTERNAL;
	while (loop_fake_run_due(rack->loop))
		; /* it is with the worker now */
	assert_int_equal(task_cancel(rack->controller->tasks, task, &err), 0);
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_READY);
	rack_settle(rack); /* the failure comes back */
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_READY);
	assert_null(rack_machine(rack, id)->error);
	/* And it is not in the outbox any more. */
	rack_restart(rack);
	unsigned sets = bmc->power_sets;
	rack_pass(rack, 5000);
	assert_int_equal(bmc->power_sets, sets);
}

static void what_was_cut_off_is_done_after_a_restart(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = ready_and_silent(rack, bmc);
	const struct machine_deploy how = { .disk = (char *)"S1a" };
	const char *task;
	assert_int_equal(machine_deploy(rack->controller->machines, id, &how, &task, &err), 0);
	while (loop_fake_run_due(rack->loop))
		;
	rack->controller = controller_free(rack->controller); /* before a worker had it */
	while (loop_fake_work_run(rack->loop, 0))
		;
	unsigned sets = bmc->power_sets;
	rack_start(rack);
	rack_settle(rack);
	assert_string_equal(rack_machine(rack, id)->step, "DEPLOY_BOOT");
	assert_int_equal(bmc->power_sets, sets + 1);
}

/* ---- power, asked for by a person ---- */

static void power_follows_the_order(void **state)
{
	static const struct {
		int action;
		bool on;
	} orders[] = { { POWER_ACTION_OFF, false },
		       { POWER_ACTION_ON, true },
		       { POWER_ACTION_CYCLE, true },
		       { POWER_ACTION_RESET, true } };
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	_cleanup_free_ char *id = ready_and_silent(rack, bmc);
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		unsigned sets = bmc->power_sets;
		_cleanup_free_ char *task = xstrdup(power(rack, id, orders[i].action));
		rack_settle(rack);
		assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
		assert_int_equal(bmc->power_sets, sets + 1);
		assert_int_equal(bmc->on, orders[i].on);
		assert_int_equal(rack_machine(rack, id)->power, orders[i].on ? POWER_ON : POWER_OFF);
	}
}

static void one_that_takes_the_command_and_does_nothing_is_told(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	_cleanup_free_ char *id = ready_and_silent(rack, bmc);
	bmc->deaf = true;
	_cleanup_free_ char *task = xstrdup(power(rack, id, POWER_ACTION_OFF));
	rack_pass(rack, 59000);
	assert_int_equal(rack_task(rack, task)->state, TASK_RUNNING);
	rack_pass(rack, 4000);
	assert_string_equal(rack_task(rack, task)->error->text,
			    "the BMC took the command, but after 60 s it still says the power is on");
	assert_string_equal(rack_task(rack, task)->error->code, "timeout");
	assert_int_equal(rack_machine(rack, id)->bmc_state, BMC_STATE_OK); /* it answers */
}

/* What it says no to, and what it does not do, it has heard. */
static void only_silence_is_unreachable(void **state)
{
	static const enum err_code faults[] = { ERR_UNSUPPORTED, ERR_INTERNAL };
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	_cleanup_free_ char *id = ready_and_silent(rack, bmc);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		bmc->fault = faults[i];
		_cleanup_free_ char *task = xstrdup(power(rack, id, POWER_ACTION_OFF));
		rack_settle(rack);
		assert_string_equal(rack_task(rack, task)->error->code, err_meaning(faults[i])->name);
		assert_int_equal(rack_machine(rack, id)->bmc_state, BMC_STATE_OK);
	}
	bmc->fault = ERR_NONE;
	bmc->deaf = true;
	_cleanup_free_ char *task = xstrdup(power(rack, id, POWER_ACTION_OFF));
	rack_pass(rack, 63000);
	assert_string_equal(rack_task(rack, task)->error->code, "timeout");
	assert_int_equal(rack_machine(rack, id)->bmc_state, BMC_STATE_OK);
	assert_int_equal(rack_machine(rack, id)->power, POWER_ON);
}

static void power_is_refused_where_it_would_do_harm(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	const char *task = NULL;
	_cleanup_free_ char *bare = NULL;
	free(rack_found(rack, 2, &bare));
	assert_true(machine_power(rack->controller->machines, bare, POWER_ACTION_OFF, &task, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_string_equal(err.text, "machine-1 has no BMC that is known; switch it by hand");
	struct bmc_target target;
	assert_true(machine_bmc_target(rack->controller->machines, rack_machine(rack, bare), &target, &err) < 0);
	_cleanup_free_ char *id = ready_and_silent(rack, bmc_there(rack, 1));
	free(rack_deploy(rack, id));
	assert_true(machine_power(rack->controller->machines, id, POWER_ACTION_OFF, &task, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_null(task);
}

/* The provisioner dies while it waits for the power to come back: what was cycled is not cycled again. */
static void what_was_cycled_is_not_cycled_again_after_a_restart(void **state)
{
	static const int orders[] = { POWER_ACTION_CYCLE, POWER_ACTION_RESET };
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	_cleanup_free_ char *id = ready_and_silent(rack, bmc);
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		unsigned sets = bmc->power_sets;
		_cleanup_free_ char *task = xstrdup(power(rack, id, orders[i]));
		bmc->deaf = true; /* off it goes, and it takes its time to come back */
		bmc->on = false;
		rack_pass(rack, 5000);
		assert_int_equal(bmc->power_sets, sets + 1);
		rack_restart(rack);
		rack_pass(rack, 5000);
		assert_int_equal(rack_task(rack, task)->state, TASK_RUNNING);
		bmc->on = true;
		rack_pass(rack, 5000);
		assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
		assert_int_equal(bmc->power_sets, sets + 1);
	}
}

/* It dies before the BMC's answer is stored: nobody knows whether it was done, and that is said. */
static void what_may_have_been_cycled_is_left_to_a_person(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	_cleanup_free_ char *id = ready_and_silent(rack, bmc);
	unsigned sets = bmc->power_sets;
	_cleanup_free_ char *task = xstrdup(power(rack, id, POWER_ACTION_CYCLE));
	while (loop_fake_run_due(rack->loop))
		; /* it is with the worker now */
	rack->controller = controller_free(rack->controller);
	while (loop_fake_work_run(rack->loop, 0))
		;
	assert_int_equal(bmc->power_sets, sets + 1);
	rack_start(rack);
	rack_pass(rack, 5000);
	assert_int_equal(rack_task(rack, task)->state, TASK_FAILED);
	assert_non_null(strstr(rack_task(rack, task)->error->text, "not known"));
	assert_int_equal(bmc->power_sets, sets + 1);
}

static void a_power_task_can_be_cancelled_and_outlives_a_restart(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	_cleanup_free_ char *id = ready_and_silent(rack, bmc);
	bmc->deaf = true;
	_cleanup_free_ char *task = xstrdup(power(rack, id, POWER_ACTION_OFF));
	rack_pass(rack, 5000);
	rack_restart(rack);
	assert_int_equal(rack_task(rack, task)->state, TASK_RUNNING);
	bmc->deaf = false;
	rack_pass(rack, 5000);
	bmc->on = false; /* the command of before the restart took its time */
	rack_pass(rack, 5000);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
	bmc->deaf = true;
	_cleanup_free_ char *other = xstrdup(power(rack, id, POWER_ACTION_ON));
	rack_settle(rack);
	assert_int_equal(task_cancel(rack->controller->tasks, other, NULL), 0);
	assert_int_equal(rack_task(rack, other)->state, TASK_CANCELLED);
	unsigned ops = bmc->ops;
	rack_pass(rack, 20000);
	assert_int_equal(bmc->ops, ops); /* and nobody goes on asking */
}

static void the_power_is_looked_at_now_and_then(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	_cleanup_free_ char *id = ready_and_silent(rack, bmc);
	bmc->on = false; /* somebody pressed the button */
	rack_pass(rack, 31000);
	assert_int_equal(rack_machine(rack, id)->power, POWER_OFF);
	bmc->there = false;
	rack_pass(rack, 31000);
	assert_int_equal(rack_machine(rack, id)->power, POWER_UNKNOWN);
}

/* Several looks in vain, and people are told; it is looked for even where no scan finds it. */
static void one_that_stays_silent_counts_as_unreachable(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	bmc->on = true;
	scan(rack);
	bmc->there = false;
	rack_pass(rack, 31000);
	assert_int_equal(only_machine(rack)->bmc_state, BMC_STATE_OK);
	assert_int_equal(only_machine(rack)->power, POWER_UNKNOWN);
	rack_pass(rack, 61000);
	assert_int_equal(only_machine(rack)->bmc_state, BMC_STATE_UNREACHABLE);
	assert_string_equal(only_machine(rack)->bmc_error->text, "BMC 10.0.0.1 does not answer");
	unsigned ops = bmc->ops;
	rack_pass(rack, 60 * 60000);
	assert_in_range(bmc->ops - ops, 3, 10);
	bmc->there = true; /* a scan hears it again */
	scan(rack);
	assert_int_equal(only_machine(rack)->bmc_state, BMC_STATE_OK);
	assert_null(only_machine(rack)->bmc_error);
	rack_pass(rack, 2000);
	assert_int_equal(only_machine(rack)->power, POWER_ON);
}

/* One that is dead for good costs less and less. */
static void a_dead_bmc_is_asked_more_rarely(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	bmc->on = true;
	scan(rack);
	bmc->fault = ERR_UNREACHABLE;
	unsigned before = bmc->ops;
	rack_pass(rack, 10 * 60000);
	unsigned first = bmc->ops - before;
	rack_pass(rack, 60 * 60000);
	assert_in_range(first, 4, 10);
	assert_in_range(bmc->ops - before - first, 2, 6); /* one hour, every sixteen minutes */
	assert_int_equal(only_machine(rack)->bmc_state, BMC_STATE_UNREACHABLE);
	bmc->fault = ERR_NONE;
	rack_pass(rack, 17 * 60000);
	assert_int_equal(only_machine(rack)->power, POWER_ON);
	before = bmc->ops;
	rack_pass(rack, 10 * 60000);
	assert_in_range(bmc->ops - before, 18, 21);
}

/* What comes back from a worker finds no machines any more, and lets them be; the sanitizers' run sees a touch. */
static void an_answer_about_the_power_may_come_too_late(void **state)
{
	struct rack *rack = *state;
	struct rack_bmc *bmc = bmc_there(rack, 1);
	_cleanup_free_ char *id = ready_and_silent(rack, bmc);
	loop_fake_set_ms(rack->loop, loop_now_ms(rack->loop) + 31000);
	while (loop_fake_run_due(rack->loop))
		;
	unsigned ops = bmc->ops;
	assert_true(loop_fake_work_count(rack->loop) > 0);
	rack->controller = controller_free(rack->controller);
	while (loop_fake_work_run(rack->loop, 0))
		;
	assert_true(bmc->ops > ops);
	bmc->on = false;
	rack_start(rack);
	rack_pass(rack, 31000);
	assert_int_equal(rack_machine(rack, id)->power, POWER_OFF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_is_off_is_booted_and_looked_into),
		TEST(one_that_runs_is_left_alone),
		TEST(one_that_does_not_boot_falls_silent),
		TEST(a_wrong_password_is_told_and_the_right_one_taken),
		TEST(a_machine_that_came_first_gets_its_bmc),
		TEST(a_bmc_that_moved_takes_its_machine_along),
		TEST(two_bmcs_that_swap_their_addresses_are_told_apart),
		TEST(an_operation_at_the_bmc_of_another_lets_go_of_it),
		TEST(a_bmc_that_turns_up_elsewhere_waits_until_it_is_known_to_be_gone),
		TEST(systems_that_share_a_uuid_are_several),
		TEST(a_bmc_found_again_is_no_other_machine),
		TEST(who_joins_does_not_get_the_bmc_of_another),
		TEST(a_bmc_that_is_claimed_falsely_is_given_to_its_machine),
		TEST(a_bmc_that_no_scan_has_found_is_not_used),
		TEST(a_bmc_that_does_not_know_its_uuid_is_believed_to_be_who_names_it),
		TEST(a_deploy_boots_from_the_network_and_then_from_disk),
		TEST(one_that_is_silent_is_tried_three_times),
		TEST(a_short_silence_does_no_harm),
		TEST(refused_credentials_are_not_tried_again),
		TEST(the_bmc_of_another_machine_is_found_out),
		TEST(an_answer_to_an_older_attempt_is_dropped),
		TEST(what_was_cut_off_is_done_after_a_restart),
		TEST(power_follows_the_order),
		TEST(one_that_takes_the_command_and_does_nothing_is_told),
		TEST(only_silence_is_unreachable),
		TEST(power_is_refused_where_it_would_do_harm),
		TEST(what_was_cycled_is_not_cycled_again_after_a_restart),
		TEST(what_may_have_been_cycled_is_left_to_a_person),
		TEST(a_power_task_can_be_cancelled_and_outlives_a_restart),
		TEST(the_power_is_looked_at_now_and_then),
		TEST(one_that_stays_silent_counts_as_unreachable),
		TEST(a_dead_bmc_is_asked_more_rarely),
		TEST(an_answer_about_the_power_may_come_too_late),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
