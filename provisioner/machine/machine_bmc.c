/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What machines ask of their BMCs: sequences of operations carried out for an effect or a task, discovery, and a look at
 * the power now and then. */
#include <assert.h>

#include "base/log.h"
#include "machine/machine_priv.h"

#define SCAN_EVERY_MS 30000
#define SCAN_DEADLINE_MS 3000
#define POWER_POLL_MS 30000
#define PATIENT_POLLS 3	     /* that may fail before they come more rarely */
#define POLL_DOUBLINGS_MAX 5 /* up to 16 minutes */
#define POLLS_MAX 8	     /* at once: the other workers are for what somebody waits for */
#define TRIES_MAX 3
#define RETRY_MS 5000
#define POWER_WAIT_MS 60000
#define POWER_WAIT_STEP_MS 2000

/* ---- sequences ---- */

enum action {
	ACT_END,
	ACT_PROBE,
	ACT_REQUIRE_OFF,
	ACT_BOOT_PXE,
	ACT_BOOT_DISK,
	ACT_ON_OR_CYCLE, /* on if it is off, else off and on again */
	ACT_ON,
	ACT_OFF,
	ACT_CYCLE,
	ACT_RESET,
	ACT_WAIT_ON,
	ACT_WAIT_OFF,
};

/* An effect and what it takes. Those of the life cycle report back as an event; those of a power task end the task. */
static const struct plan {
	const char *effect;
	enum action actions[4];
	bool power_task;
} plans[] = {
	/* A machine that runs already is somebody's: only one that is off is looked into unasked. */
	{ EFFECT_LOOK, { ACT_REQUIRE_OFF, ACT_BOOT_PXE, ACT_ON }, false },
	{ EFFECT_BOOT_LIVE, { ACT_BOOT_PXE, ACT_ON_OR_CYCLE }, false },
	{ EFFECT_BOOT_DISK, { ACT_BOOT_DISK }, false },
	{ EFFECT_RESTART, { ACT_BOOT_DISK, ACT_ON_OR_CYCLE }, false },
	{ EFFECT_VERIFY, { ACT_PROBE, ACT_WAIT_ON }, false },
	{ "power-on", { ACT_ON, ACT_WAIT_ON }, true },
	{ "power-off", { ACT_OFF, ACT_WAIT_OFF }, true },
	{ "power-cycle", { ACT_CYCLE, ACT_WAIT_ON }, true },
	{ "power-reset", { ACT_RESET, ACT_WAIT_ON }, true },
};

struct sequence {
	struct list link;
	struct machines *machines;
	const struct plan *plan;
	char *machine, *task; /* task: of a power task */
	int64_t seq, attempt;
	unsigned index, tries;
	int64_t wait_until_ms;
	bool asked_power; /* ACT_ON_OR_CYCLE: the answer is here, now act */
	struct loop_timer *timer;
	bool in_flight; /* an operation is with the work queue: only its end may free us */
	bool abandoned;
};

static void run(struct sequence *s);

static void sequence_free(struct sequence *s)
{
	list_remove(&s->link);
	loop_timer_free(s->timer);
	free(s->machine);
	free(s->task);
	free(s);
}

/* The state went on meanwhile: what this was for is no longer wanted. */
static bool stale(const struct sequence *s)
{
	if (s->plan->power_task)
		return !task_running(s->machines->store, s->task);
	const struct machine *machine = machine_get(s->machines, s->machine);
	return !machine || machine->attempt != s->attempt;
}

/* A BMC that answers is reachable, whatever it says: that it is another machine's, or that the power is on. */
static enum bmc_state bmc_state_after(const struct err *why)
{
	if (why && why->code == ERR_CREDENTIALS)
		return BMC_STATE_CREDENTIALS;
	return why && why->code != ERR_STATE ? BMC_STATE_UNREACHABLE : BMC_STATE_OK;
}

static void set_bmc_state(struct sequence *s, const struct err *why)
{
	struct machine *machine = store_edit(s->machines->store, &kind_machine, s->machine);
	machine->bmc_error = schema_free(&problem_schema, machine->bmc_error);
	machine->bmc_state = bmc_state_after(why);
	if (machine->bmc_state != BMC_STATE_OK)
		machine->bmc_error = problem_new(why);
}

/* The end, well or badly: the effect is done, and the news goes out in the same transaction. */
static void finish(struct sequence *s, const struct err *why)
{
	struct machines *machines = s->machines;
	bool dropped = stale(s);
	store_begin(machines->store);
	store_effect_done(machines->store, s->seq);
	const struct machine *machine = machine_get(machines, s->machine);
	if (!dropped && machine->bmc_address)
		set_bmc_state(s, why);
	if (!dropped && s->plan->power_task) {
		task_finish(machines->store, s->task, why);
	} else if (!dropped) {
		task_log(machines->store, machine->task, "BMC: %s %s%s%s", s->plan->effect, why ? "failed" : "done",
			 why ? ": " : "", why ? why->text : "");
		machine_feed(machines, s->machine, why ? EVENT_FAILURE : EVENT_BMC_DONE, why);
	}
	store_must_commit(machines->store);
	sequence_free(s);
}

static void note_power(struct machines *machines, const char *id, enum bmc_power power)
{
	const struct machine *machine = machine_get(machines, id);
	if (!machine || machine->power == (int)power)
		return;
	store_begin(machines->store);
	struct machine *edit = store_edit(machines->store, &kind_machine, id);
	edit->power = (int)power;
	store_event(machines->store, "machine.power", "machine", id, edit->name, "power", bmc_power_name(power), NULL);
	store_must_commit(machines->store);
}

static void retry(void *data)
{
	struct sequence *s = data;
	s->timer = NULL;
	run(s);
}

static void again_in(struct sequence *s, int64_t ms)
{
	s->timer = loop_timer_new(s->machines->loop, ms, retry, s);
}

static void next(struct sequence *s)
{
	s->index++;
	s->tries = 0;
	s->asked_power = false;
	s->wait_until_ms = 0;
	run(s);
}

static void failed(struct sequence *s, struct err *err)
{
	if (err_meaning(err->code)->retry && ++s->tries < TRIES_MAX && !stale(s)) {
		again_in(s, RETRY_MS);
		return;
	}
	finish(s, err);
}

static void check_power(struct sequence *s, enum bmc_power power, enum bmc_power wanted)
{
	int64_t now = loop_monotonic_ms(s->machines->loop);
	if (power == wanted) {
		next(s);
		return;
	}
	if (!s->wait_until_ms)
		s->wait_until_ms = now + POWER_WAIT_MS;
	if (now < s->wait_until_ms) {
		again_in(s, POWER_WAIT_STEP_MS);
		return;
	}
	_cleanup_err_ struct err err = ERR_INIT;
	err_set(&err, ERR_TIMEOUT, "the BMC took the command, but after %d s it still says the power is %s",
		POWER_WAIT_MS / 1000, bmc_power_name(power));
	finish(s, &err);
}

/* A BMC that tells another system's UUID is not this machine's. */
static bool same_machine(const struct machine *machine, const struct bmc_op *op)
{
	return !machine->bmc_uuid || !op->identity.system_uuid ||
	       bmc_uuid_matches(op->identity.system_uuid, machine->bmc_uuid);
}

static void op_done(struct bmc_op *op, void *data)
{
	struct sequence *s = data;
	_cleanup_err_ struct err err = ERR_INIT;
	s->in_flight = false;
	if (s->abandoned) {
		sequence_free(s);
		return;
	}
	if (op->err.code != ERR_NONE) {
		failed(s, &op->err);
		return;
	}
	if (op->kind == BMC_OP_POWER_GET)
		note_power(s->machines, s->machine, op->power);
	switch (s->plan->actions[s->index]) {
	case ACT_WAIT_ON:
		check_power(s, op->power, BMC_POWER_ON);
		return;
	case ACT_WAIT_OFF:
		check_power(s, op->power, BMC_POWER_OFF);
		return;
	case ACT_REQUIRE_OFF:
		if (op->power != BMC_POWER_ON) {
			next(s);
			return;
		}
		err_set(&err, ERR_STATE, "it is powered on; accept it to have it restarted into the live image");
		finish(s, &err);
		return;
	case ACT_PROBE:
		if (same_machine(machine_get(s->machines, s->machine), op)) {
			next(s);
			return;
		}
		err_set(&err, ERR_STATE, "the BMC belongs to the machine with UUID %s", op->identity.system_uuid);
		finish(s, &err);
		return;
	case ACT_ON_OR_CYCLE:
		if (!s->asked_power) {
			s->asked_power = true;
			run(s);
			return;
		}
		next(s);
		return;
	case ACT_BOOT_PXE:
	case ACT_BOOT_DISK:
	case ACT_ON:
	case ACT_OFF:
	case ACT_CYCLE:
	case ACT_RESET:
	case ACT_END:
		next(s);
		return;
	}
}

static void fill_op(const struct sequence *s, const struct machine *machine, struct bmc_op *op)
{
	op->uefi = machine->firmware == FIRMWARE_UEFI;
	switch (s->plan->actions[s->index]) {
	case ACT_PROBE:
		op->kind = BMC_OP_PROBE;
		break;
	case ACT_BOOT_PXE:
		op->kind = BMC_OP_BOOT_DEVICE;
		op->device = BMC_BOOT_PXE;
		break;
	case ACT_BOOT_DISK:
		op->kind = BMC_OP_BOOT_DEVICE;
		op->device = BMC_BOOT_DISK;
		op->persistent = true;
		break;
	case ACT_ON_OR_CYCLE:
		op->kind = s->asked_power ? BMC_OP_POWER_SET : BMC_OP_POWER_GET;
		op->action = machine->power == POWER_ON ? BMC_ACTION_CYCLE : BMC_ACTION_ON;
		break;
	case ACT_ON:
	case ACT_OFF:
	case ACT_CYCLE:
	case ACT_RESET:
		op->kind = BMC_OP_POWER_SET;
		op->action = s->plan->actions[s->index] == ACT_ON      ? BMC_ACTION_ON
			     : s->plan->actions[s->index] == ACT_OFF   ? BMC_ACTION_OFF
			     : s->plan->actions[s->index] == ACT_CYCLE ? BMC_ACTION_CYCLE
								       : BMC_ACTION_RESET;
		break;
	case ACT_REQUIRE_OFF:
	case ACT_WAIT_ON:
	case ACT_WAIT_OFF:
	case ACT_END:
		op->kind = BMC_OP_POWER_GET;
		break;
	}
}

static void run(struct sequence *s)
{
	struct machines *machines = s->machines;
	const struct machine *machine = machine_get(machines, s->machine);
	bool at_end = s->index >= ARRAY_SIZE(s->plan->actions) || s->plan->actions[s->index] == ACT_END;
	if (stale(s) || !machine || at_end) {
		finish(s, NULL);
		return;
	}
	_cleanup_err_ struct err err = ERR_INIT;
	struct bmc_op op = { .done = op_done, .data = s };
	if (machine_bmc_target(machines, machine, &op.target, &err) == 0) {
		fill_op(s, machine, &op);
		if (bmc_submit(machines->loop, &op, &err) == 0)
			s->in_flight = true;
		bmc_target_done(&op.target);
	}
	if (!s->in_flight)
		failed(s, &err);
}

/* A machine without a BMC is switched by a person; what only the BMC could confirm is taken as it is. */
static void without_bmc(struct machines *machines, const struct effect *effect, const struct machine *machine)
{
	bool by_hand = str_equal(effect->name, EFFECT_BOOT_LIVE) || str_equal(effect->name, EFFECT_RESTART);
	store_begin(machines->store);
	store_effect_done(machines->store, effect->seq);
	if (by_hand)
		task_log(machines->store, machine->task, "%s has no BMC that is known: power it on by hand",
			 machine->name);
	machine_feed(machines, machine->id, EVENT_BMC_DONE, NULL);
	store_must_commit(machines->store);
}

static void on_effect(const struct effect *effect, void *data)
{
	struct machines *machines = data;
	const struct plan *plan = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++)
		if (str_equal(plans[i].effect, effect->name))
			plan = &plans[i];
	assert(plan); /* the handler is registered for these effects only */
	const struct task *task = plan->power_task ? store_get(machines->store, &kind_task, effect->id) : NULL;
	const struct machine *machine =
		machine_get(machines, plan->power_task ? (task ? task->resource_id : NULL) : effect->id);
	if (!machine || (!plan->power_task && machine->attempt != effect->attempt)) {
		store_effect_drop(machines->store, effect);
		return;
	}
	if (!plan->power_task && !machine->bmc_address) {
		without_bmc(machines, effect, machine);
		return;
	}
	struct sequence *s = new0(struct sequence, 1);
	s->machines = machines;
	s->plan = plan;
	s->machine = xstrdup(machine->id);
	s->task = plan->power_task ? xstrdup(effect->id) : NULL;
	s->seq = effect->seq;
	s->attempt = effect->attempt;
	list_append(&machines->sequences, &s->link);
	run(s);
}

/* ---- discovery ---- */

struct probe {
	struct list link;
	struct machines *machines;
	char *address;
	bool abandoned;
};

static void take_identity(struct machine *machine, const struct bmc_op *op)
{
	bool ok = op->err.code == ERR_NONE;
	str_set(&machine->bmc_driver, op->target.driver);
	str_set(&machine->bmc_address, op->target.address);
	str_set(&machine->bmc_user, op->target.user);
	str_set(&machine->bmc_password, op->target.password);
	machine->bmc_error = schema_free(&problem_schema, machine->bmc_error);
	if (!ok) {
		machine->bmc_error = problem_new(&op->err);
		machine->bmc_state = op->err.code == ERR_CREDENTIALS ? BMC_STATE_CREDENTIALS : BMC_STATE_UNREACHABLE;
		return;
	}
	machine->bmc_state = BMC_STATE_OK;
	str_set(&machine->bmc_uuid, op->identity.system_uuid);
	machine->bmc_quirks = op->identity.quirks;
	machine->bmc_cipher_suite = op->identity.cipher_suite;
}

/* The machine's BMC is not at its address any more: another's answers there. */
static void lose_bmc(struct machines *machines, const struct machine *machine, const struct bmc_op *op)
{
	_cleanup_err_ struct err why = ERR_INIT;
	err_set(&why, ERR_UNREACHABLE, "at %s the BMC of another machine answers now (UUID %s)", op->target.address,
		op->identity.system_uuid);
	store_begin(machines->store);
	struct machine *edit = store_edit(machines->store, &kind_machine, machine->id);
	str_set(&edit->bmc_address, NULL);
	schema_free(&problem_schema, edit->bmc_error);
	edit->bmc_error = problem_new(&why);
	edit->bmc_state = BMC_STATE_UNREACHABLE;
	edit->power = BMC_POWER_UNKNOWN;
	store_event(machines->store, "machine.bmc-lost", "machine", edit->id, edit->name, "reason", why.text, NULL);
	store_must_commit(machines->store);
}

/* Some vendors fill in nothing but zeros or ones. */
static bool tells_nothing(const char *uuid)
{
	return !uuid || !uuid[strspn(uuid, "0-")] || !uuid[strspn(uuid, "fF-")];
}

/* Whether what is known of a machine speaks against a BMC being its own: the UUID that the BMC gave before, else the machine's. */
static bool is_of_another(const struct machine *machine, const char *uuid)
{
	const char *own = machine->bmc_uuid ? machine->bmc_uuid : machine->uuid;
	return !tells_nothing(uuid) && own && !bmc_uuid_matches(uuid, own);
}

/* Those that a machine's own word gave the address, or an earlier life, and whose it is not, lose it. */
static const struct machine *machine_at(struct machines *machines, const struct bmc_op *op)
{
	const char *uuid = op->identity.system_uuid;
	const struct machine *machine, *found = NULL;
	for (size_t n = 0; (machine = machine_find_by(machines, INDEX_BMC_ADDRESS, op->target.address, n));) {
		bool sure = machine->bmc_uuid || machine->uuid;
		if (is_of_another(machine, uuid)) {
			lose_bmc(machines, machine, op);
			continue; /* the next is the nth now */
		}
		if (!found || (sure && !found->bmc_uuid && !found->uuid))
			found = machine;
		n++;
	}
	return found;
}

static const struct machine *machine_of_bmc(struct machines *machines, const struct bmc_op *op)
{
	const char *uuid = op->identity.system_uuid;
	if (op->err.code != ERR_NONE)
		return machine_find_by(machines, INDEX_BMC_ADDRESS, op->target.address, 0);
	const struct machine *known = machine_at(machines, op);
	if (!known)
		known = machine_find_by_uuid(machines, INDEX_WITHOUT_BMC, uuid);
	/* Or its BMC was at another address before, and does not answer there. */
	return known ? known : machine_find_by_uuid(machines, INDEX_LOST_BMC, uuid);
}

static void record_bmc(struct machines *machines, const struct bmc_op *op)
{
	bool ok = op->err.code == ERR_NONE;
	const struct machine *known = machine_of_bmc(machines, op);
	bool had_bmc = known && known->bmc_state == BMC_STATE_OK;
	store_begin(machines->store);
	struct machine *machine = known ? store_edit(machines->store, &kind_machine, known->id)
					: store_create(machines->store, &kind_machine);
	take_identity(machine, op);
	if (!known) {
		machine->name = machine_free_name(machines);
		machine->created = loop_now_ms(machines->loop);
		str_set(&machine->step, machine_fsm.states[STEP_SILENT].name);
		store_event(machines->store, ok ? "machine.found.bmc" : "machine.found.bmc-failing", "machine",
			    machine->id, machine->name, "address", machine->bmc_address, "reason",
			    ok ? NULL : op->err.text, NULL);
	}
	/* What was never seen running is looked into: boot the live image. */
	if (ok && !had_bmc && !machine->inventory && machine_step_of(machine) == STEP_SILENT) {
		const struct fsm_state *state = &machine_fsm.states[STEP_FOUND];
		str_set(&machine->step, state->name);
		machine->attempt++;
		machine->step_deadline = loop_now_ms(machines->loop) + state->deadline_ms;
		store_effect_add(machines->store, state->effects[0], machine->id, machine->attempt);
	}
	store_must_commit(machines->store);
}

static void probe_free(struct probe *probe)
{
	list_remove(&probe->link);
	free(probe->address);
	free(probe);
}

static void probe_done(struct bmc_op *op, void *data)
{
	struct probe *probe = data;
	if (!probe->abandoned) {
		if (op->err.code != ERR_NONE)
			log_warning("BMC %s: %s", op->target.address, op->err.text);
		record_bmc(probe->machines, op);
	}
	probe_free(probe);
}

void machine_bmc_found(struct machines *machines, const char *address)
{
	struct probe *probe;
	const struct machine *known = machine_find_by(machines, INDEX_BMC_ADDRESS, address, 0);
	if (known && known->bmc_state == BMC_STATE_OK)
		return;
	LIST_FOREACH(probe, &machines->probes, link)
		if (str_equal(probe->address, address))
			return;
	_cleanup_err_ struct err err = ERR_INIT;
	struct bmc_op op = { .kind = BMC_OP_PROBE, .done = probe_done };
	op.target = (struct bmc_target){ .driver = xstrdup("ipmi"),
					 .address = xstrdup(address),
					 .user = xstrdup(machines->spec.bmc_user),
					 .password = xstrdup(machines->spec.bmc_password),
					 .cipher_suite = -1 };
	probe = new0(struct probe, 1);
	probe->machines = machines;
	probe->address = xstrdup(address);
	list_append(&machines->probes, &probe->link);
	op.data = probe;
	if (bmc_submit(machines->loop, &op, &err) < 0)
		probe_free(probe); /* the queue is full: the next scan comes */
	bmc_target_done(&op.target);
}

static void scan_found(const char *address, void *data)
{
	machine_bmc_found(data, address);
}

static void scan_done(void *data)
{
	struct machines *machines = data;
	machines->scan = bmc_scan_free(machines->scan);
}

static void scan(void *data)
{
	struct machines *machines = data;
	_cleanup_err_ struct err err = ERR_INIT;
	machines->scan_timer = loop_timer_new(machines->loop, SCAN_EVERY_MS, scan, machines);
	if (machines->spec.scan) {
		machines->spec.scan(machines, machines->spec.scan_ctx);
		return;
	}
	if (machines->scan || !machines->spec.bmc_ranges || !machines->spec.bmc_ranges[0])
		return;
	if (bmc_scan_start(machines->loop, machines->spec.bmc_ranges, SCAN_DEADLINE_MS, scan_found, scan_done, machines,
			   &machines->scan, &err) < 0)
		log_warning("looking for BMCs: %s", err.text);
}

/* ---- the power, now and then ---- */

struct poll {
	struct list link;
	struct machines *machines;
	char *id;
	bool abandoned;
};

/* A BMC that is dead for good is asked less and less: each time costs a worker several seconds. */
static void plan_next_poll(struct machine_runtime *runtime, int64_t now_ms, bool answered)
{
	runtime->failed_polls = answered ? 0 : runtime->failed_polls + 1;
	unsigned beyond = runtime->failed_polls > PATIENT_POLLS ? runtime->failed_polls - PATIENT_POLLS : 0;
	runtime->next_poll_ms = now_ms + ((int64_t)POWER_POLL_MS << MIN_OF(beyond, POLL_DOUBLINGS_MAX));
}

static void poll_free(struct poll *poll)
{
	if (!poll->abandoned)
		poll->machines->poll_count--;
	list_remove(&poll->link);
	free(poll->id);
	free(poll);
}

static void poll_done(struct bmc_op *op, void *data)
{
	struct poll *poll = data;
	if (!poll->abandoned && !store_is_dead(poll->machines->store)) {
		struct machine_runtime *runtime = machine_runtime(poll->machines, poll->id);
		runtime->polling = false;
		plan_next_poll(runtime, loop_monotonic_ms(poll->machines->loop), op->err.code == ERR_NONE);
		if (machine_get(poll->machines, poll->id))
			note_power(poll->machines, poll->id, op->err.code == ERR_NONE ? op->power : BMC_POWER_UNKNOWN);
	}
	poll_free(poll);
}

void machine_bmc_tick(struct machines *machines, const struct machine *machine)
{
	struct machine_runtime *runtime = machine_runtime(machines, machine->id);
	int64_t now = loop_monotonic_ms(machines->loop);
	_cleanup_err_ struct err err = ERR_INIT;
	if (machine->bmc_state != BMC_STATE_OK || runtime->polling || now < runtime->next_poll_ms ||
	    machines->poll_count >= POLLS_MAX)
		return;
	runtime->next_poll_ms = now + POWER_POLL_MS;
	struct bmc_op op = { .kind = BMC_OP_POWER_GET, .done = poll_done };
	if (machine_bmc_target(machines, machine, &op.target, &err) < 0)
		return;
	struct poll *poll = new0(struct poll, 1);
	poll->machines = machines;
	poll->id = xstrdup(machine->id);
	list_append(&machines->polls, &poll->link);
	machines->poll_count++;
	op.data = poll;
	runtime->polling = bmc_submit(machines->loop, &op, &err) == 0;
	bmc_target_done(&op.target);
	if (!runtime->polling)
		poll_free(poll);
}

int machine_bmc_target(struct machines *machines, const struct machine *machine, struct bmc_target *ret,
		       struct err *err)
{
	if (!machine->bmc_address)
		return err_set(err, ERR_STATE, "%s has no BMC that is known", machine->name);
	*ret = (struct bmc_target){
		.driver = xstrdup(machine->bmc_driver),
		.address = xstrdup(machine->bmc_address),
		.user = xstrdup(machine->bmc_user),
		.password = xstrdup(machine->bmc_password),
		.quirks = (uint32_t)machine->bmc_quirks,
		.cipher_suite = (int)machine->bmc_cipher_suite,
		.uuid = xstrdup(machine->bmc_uuid),
	};
	return 0;
}

/* ---- life ---- */

void machine_bmc_register(struct machines *machines)
{
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++)
		store_effect_handler(machines->store, plans[i].effect, on_effect, machines);
}

void machine_bmc_start(struct machines *machines)
{
	machines->scan_timer = loop_timer_new(machines->loop, 0, scan, machines);
}

void machine_bmc_stop(struct machines *machines)
{
	struct sequence *s;
	struct probe *probe;
	struct poll *poll;
	loop_timer_free(machines->scan_timer);
	bmc_scan_free(machines->scan);
	/* What is with a worker comes back later, frees itself, and finds no list any more. */
	LIST_FOREACH(s, &machines->sequences, link) {
		s->abandoned = true;
		list_remove(&s->link);
		if (!s->in_flight)
			sequence_free(s);
	}
	LIST_FOREACH(probe, &machines->probes, link) {
		probe->abandoned = true;
		list_remove(&probe->link);
	}
	LIST_FOREACH(poll, &machines->polls, link) {
		poll->abandoned = true;
		list_remove(&poll->link);
	}
}
