/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs the table: an event becomes a state, an attempt, effects and a task's step, committed together. */
#include <search.h>

#include "base/log.h"
#include "machine/machine_priv.h"

#define TICK_MS 1000

const struct machine *machine_get(struct machines *machines, const char *id)
{
	return store_get(machines->store, &kind_machine, id);
}

static int compare_runtimes(const void *a, const void *b)
{
	const struct machine_runtime *left = a, *right = b;
	return strcmp(left->id, right->id);
}

struct machine_runtime *machine_runtime(struct machines *machines, const char *id)
{
	const struct machine_runtime key = { .id = (char *)id };
	void **found = tfind(&key, &machines->runtimes, compare_runtimes);
	if (found)
		return *found;
	struct machine_runtime *runtime = new0(struct machine_runtime, 1);
	runtime->id = xstrdup(id);
	if (!tsearch(runtime, &machines->runtimes, compare_runtimes))
		abort();
	return runtime;
}

static void runtime_free(void *data)
{
	struct machine_runtime *runtime = data;
	free(runtime->id);
	free(runtime->boot_told_address);
	free(runtime);
}

static void forget_runtime(struct machines *machines, const char *id)
{
	struct machine_runtime *runtime = machine_runtime(machines, id);
	machine_intake_forget(machines, runtime);
	tdelete(runtime, &machines->runtimes, compare_runtimes);
	runtime_free(runtime);
}

static struct machine_snapshot snapshot_of(struct machines *machines, const struct machine *machine)
{
	const struct machine_runtime *runtime = machine_runtime(machines, machine->id);
	int64_t now = loop_monotonic_ms(machines->loop);
	return (struct machine_snapshot){
		.machine = machine,
		.agent_live = runtime->seen_ms && now - runtime->seen_ms < AGENT_LIVE_MS,
	};
}

bool machine_would_take(struct machines *machines, const struct machine *machine, enum machine_event event)
{
	struct machine_snapshot snapshot = snapshot_of(machines, machine);
	return fsm_step(&machine_fsm, machine_step_of(machine), (int)event, UINT32_MAX, &snapshot).row != NULL;
}

/* ---- what entering a state means beyond the table ---- */

static void finish_task(struct machines *machines, struct machine *machine, const struct err *why)
{
	task_finish(machines->store, machine->task, why);
	str_set(&machine->task, NULL);
}

static void enter_rest(struct machines *machines, struct machine *machine, const struct err *why)
{
	finish_task(machines, machine, why);
}

static void enter_ready(struct machines *machines, struct machine *machine, const struct err *why)
{
	_cleanup_err_ struct err err = ERR_INIT;
	finish_task(machines, machine, why);
	if (!machine->address && machine->boot_mac && machine_ensure_address(machines, machine, &err) < 0)
		log_warning("machine %s: %s", machine->name, err.text);
}

static void enter_write(struct machines *machines, struct machine *machine, const struct err *why)
{
	_cleanup_free_ char *install = store_id_new(machines->store);
	_cleanup_free_ char *random = token_new("enroll");
	str_set(&machine->install_id, install);
	/* With the order: what another start of the provisioner is configured to write is for other deploys. */
	str_set(&machine->bundle_url, machines->spec.bundle_url);
	str_set(&machine->bundle_key, machines->spec.bundle_key);
	str_set(&machine->bundle_version, machines->spec.bundle_version);
	str_set(&machine->install_state, NULL);
	str_set(&machine->install_step, NULL);
	machine->install_progress = 0;
	free(machine->enroll_token);
	machine->enroll_token = xasprintf("%s.%s", machine->id, random);
	free(machine->enroll_hash);
	machine->enroll_hash = sha256_hex(machine->enroll_token, strlen(machine->enroll_token));
	str_set(&machine->enroll_key, NULL);
}

/* The installer is done: what follows has no progress that it could tell. */
static void enter_switch(struct machines *machines, struct machine *machine, const struct err *why)
{
	str_set(&machine->install_step, NULL);
	machine->install_progress = 0;
}

static void enter_deployed(struct machines *machines, struct machine *machine, const struct err *why)
{
	str_set(&machine->live_token, NULL);
	finish_task(machines, machine, NULL);
	store_event(machines->store, "machine.deployed", "machine", machine->id, machine->name, NULL);
}

static void enter_failed(struct machines *machines, struct machine *machine, const struct err *why)
{
	_cleanup_err_ struct err fallback = ERR_INIT;
	str_set(&machine->failed_step, machine->previous_step);
	if (!why) {
		err_set(&fallback, ERR_INTERNAL, "failed");
		why = &fallback;
	}
	schema_free(&problem_schema, machine->error);
	machine->error = problem_new(why);
	store_event(machines->store, "machine.failed", "machine", machine->id, machine->name, "reason",
		    machine->error->text, NULL);
	finish_task(machines, machine, why);
}

static void (*const on_enter[STEP_COUNT])(struct machines *, struct machine *, const struct err *) = {
	[STEP_SILENT] = enter_rest,	     [STEP_NEW] = enter_rest,
	[STEP_READY] = enter_ready,	     [STEP_DEPLOY_WRITE] = enter_write,
	[STEP_DEPLOY_SWITCH] = enter_switch, [STEP_DEPLOYED] = enter_deployed,
	[STEP_FAILED] = enter_failed,
};

static void enter(struct machines *machines, struct machine *machine, const struct fsm_result *result,
		  const struct err *why)
{
	const struct fsm_state *state = &machine_fsm.states[result->next];
	machine->attempt++;
	machine->retries = result->retried ? machine->retries + 1 : 0;
	if (!result->retried)
		str_set(&machine->previous_step, machine->step);
	str_set(&machine->step, state->name);
	machine->state = state->public_state;
	/* A failure is told of a machine that has failed, and of no other. */
	if (result->next != STEP_FAILED) {
		str_set(&machine->failed_step, NULL);
		machine->error = schema_free(&problem_schema, machine->error);
	}
	machine->step_deadline = state->deadline_ms ? loop_now_ms(machines->loop) + state->deadline_ms : 0;
	if (on_enter[result->next])
		on_enter[result->next](machines, machine, why);
	task_step(machines->store, machine->task, state->help);
	if (result->retried)
		task_log(machines->store, machine->task, "no success in time, trying again: %s", state->help);
	for (size_t i = 0; i < FSM_EFFECTS_MAX && state->effects[i]; i++)
		store_effect_add(machines->store, state->effects[i], machine->id, machine->attempt);
}

bool machine_feed(struct machines *machines, const char *id, enum machine_event event, const struct err *why)
{
	const struct machine *machine = machine_get(machines, id);
	if (!machine)
		return false;
	struct machine_snapshot snapshot = snapshot_of(machines, machine);
	int step = machine_step_of(machine);
	struct fsm_result result = fsm_step(&machine_fsm, step, (int)event, (unsigned)machine->retries, &snapshot);
	if (!result.row && !result.retried) {
		log_debug("machine %s: %s means nothing in %s", machine->name, machine_fsm.events[event],
			  machine->step);
		return false;
	}
	if (!result.entered)
		return true;
	_cleanup_free_ char *before = xstrdup(machine->step);
	store_begin(machines->store);
	struct machine *edit = store_edit(machines->store, &kind_machine, id);
	enter(machines, edit, &result, why);
	log_info("machine %s: %s in %s: %s%s%s", edit->name, machine_fsm.events[event], before, edit->step,
		 why ? ": " : "", why ? str_or(why->text, "") : "");
	store_must_commit(machines->store);
	return true;
}

/* ---- time ---- */

static void time_out(struct machines *machines, const struct machine *machine)
{
	_cleanup_err_ struct err why = ERR_INIT;
	const struct fsm_state *state = &machine_fsm.states[machine_step_of(machine)];
	err_set(&why, ERR_TIMEOUT, "%s took longer than %lld s%s", state->help, (long long)(state->deadline_ms / 1000),
		machine_bmc_check(machine, NULL) == 0
			? ""
			: "; it has no BMC that is known: power it on by hand and let it boot from the network");
	machine_feed(machines, machine->id, EVENT_TIMEOUT, &why);
}

static void tick(void *data)
{
	struct machines *machines = data;
	int64_t began_ms = loop_monotonic_ms(machines->loop);
	const struct machine *machine;
	while ((machine = store_each(machines->store, &kind_machine, &machines->ticked))) {
		machine_bmc_tick(machines, machine);
		if (machine->step_deadline && loop_now_ms(machines->loop) >= machine->step_deadline)
			time_out(machines, machine);
		if (loop_turn_is_over(machines->loop, began_ms))
			break;
	}
	if (!machine)
		machines->ticked = (struct store_cursor){ 0 };
	machines->tick = loop_timer_new(machines->loop, machine ? 0 : TICK_MS, tick, machines);
}

/* ---- boot intents follow what is committed ---- */

static void publish(struct machines *machines, const struct machine *machine)
{
	const struct netboot_ops *netboot = machines->spec.netboot;
	if (machine->mac_count > 0)
		netboot->set_intent(machines->spec.netboot_ctx, (const char *const *)machine->macs,
				    machine_boot_intent(machine), machines->spec.console);
	if (machine->address && machine->boot_mac)
		netboot->set_reservation(machines->spec.netboot_ctx, machine->boot_mac, machine->address,
					 machine->name);
}

static void watch(const struct store_kind *kind, const char *id, void *data)
{
	struct machines *machines = data;
	if (kind == &kind_bmc_range)
		machine_bmc_range_follow(machines, id);
	if (kind != &kind_machine)
		return;
	const struct machine *machine = machine_get(machines, id);
	if (!machine) {
		forget_runtime(machines, id);
		return;
	}
	machine_intake_follow(machines, machine);
	publish(machines, machine);
}

int machine_ensure_address(struct machines *machines, struct machine *machine, struct err *err)
{
	if (machine->address)
		return 0;
	if (!machine->boot_mac)
		return err_set(err, ERR_STATE, "%s has not booted from the network yet", machine->name);
	return machines->spec.netboot->reserve(machines->spec.netboot_ctx, machine->boot_mac, &machine->address, err);
}

/* ---- life ---- */

struct machines *machines_new(const struct machines_spec *spec)
{
	struct machines *machines = new0(struct machines, 1);
	machines->spec = *spec;
	machines->store = spec->store;
	machines->loop = store_loop(spec->store);
	list_init(&machines->sequences);
	list_init(&machines->probes);
	list_init(&machines->claims);
	list_init(&machines->polls);
	machine_index_init(machines);
	machine_intake_init(machines);
	store_watch(machines->store, watch, machines);
	machine_bmc_register(machines);
	task_service_owner(spec->tasks, "machine", machine_task_stop, machines);
	return machines;
}

static bool same_bundle(const struct machine *machine, const struct machines_spec *spec)
{
	return str_equal(machine->bundle_url, spec->bundle_url) && str_equal(machine->bundle_key, spec->bundle_key) &&
	       str_equal(machine->bundle_version, spec->bundle_version);
}

/* What was being written, or was to be, cannot be written any more: say why, at once. A bundle is the same for the life of a
 * provisioner, so this is looked at when it starts. */
static void fail_without_bundle(struct machines *machines, const struct machine *machine)
{
	_cleanup_err_ struct err why = ERR_INIT;
	const struct machines_spec *spec = &machines->spec;
	int step = machine_step_of(machine);
	if (step != STEP_DEPLOY_BOOT && step != STEP_DEPLOY_WRITE)
		return;
	if (spec->bundle_error)
		err_set(&why, ERR_CORRUPT, "the host image bundle cannot be used any more: %s", spec->bundle_error);
	else if (!spec->bundle_url)
		err_set(&why, ERR_STATE, "the host image bundle is not configured any more (images.bundle)");
	else if (step == STEP_DEPLOY_WRITE && !same_bundle(machine, spec))
		err_set(&why, ERR_STATE,
			"the host image bundle was replaced (%s, now %s) while it was written; deploy again",
			str_or(machine->bundle_version, "none"), spec->bundle_version);
	else
		return;
	machine_feed(machines, machine->id, EVENT_FAILURE, &why);
}

void machines_start(struct machines *machines)
{
	STORE_EACH(struct machine, machine, machines->store, &kind_machine) {
		publish(machines, machine);
		fail_without_bundle(machines, machine);
	}
	machines->tick = loop_timer_new(machines->loop, TICK_MS, tick, machines);
	machine_bmc_ranges_configure(machines);
	machine_bmc_find_start(machines);
}

struct machines *machines_free(struct machines *machines)
{
	if (!machines)
		return NULL;
	loop_timer_free(machines->tick);
	machine_bmc_stop(machines);
	machine_bmc_find_stop(machines);
	machine_bmc_watch_stop(machines);
	machine_intake_done(machines);
	tdestroy(machines->runtimes, runtime_free);
	free(machines);
	return NULL;
}
