/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What machines ask of their BMCs: sequences of operations carried out for an effect or a task. */
#include <assert.h>

#include "machine/machine_priv.h"

#define TRIES_MAX 3
#define RETRY_MS 5000
#define POWER_WAIT_MS 60000
#define POWER_WAIT_STEP_MS 2000

enum action {
	ACT_END,
	ACT_PROBE,
	ACT_REQUIRE_OFF,
	ACT_BOOT_PXE,
	ACT_BOOT_DISK,
	ACT_ASK_POWER,
	ACT_ON_OR_CYCLE, /* on if it was off when it was asked, else off and on again */
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
	{ EFFECT_BOOT_LIVE, { ACT_BOOT_PXE, ACT_ASK_POWER, ACT_ON_OR_CYCLE }, false },
	{ EFFECT_BOOT_DISK, { ACT_BOOT_DISK }, false },
	{ EFFECT_RESTART, { ACT_BOOT_DISK, ACT_ASK_POWER, ACT_ON_OR_CYCLE }, false },
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

/* The end, well or badly: the effect is done, and the news goes out in the same transaction. */
static void finish(struct sequence *s, const struct err *why)
{
	struct machines *machines = s->machines;
	bool dropped = stale(s);
	store_begin(machines->store);
	store_effect_done(machines->store, s->seq);
	const struct machine *machine = machine_get(machines, s->machine);
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
	s->wait_until_ms = 0;
	run(s);
}

/* False: there is no point in it, or it was tried often enough. */
static bool try_again(struct sequence *s, enum err_code code)
{
	if (!err_meaning(code)->retry || ++s->tries >= TRIES_MAX || stale(s))
		return false;
	again_in(s, RETRY_MS);
	return true;
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

/* Before and after what is not to be done twice: a restart in between is to know. */
static int note_command(struct sequence *s, enum task_command command)
{
	store_begin(s->machines->store);
	if (task_running(s->machines->store, s->task)) {
		struct task *task = store_edit(s->machines->store, &kind_task, s->task);
		task->command = command;
	}
	return store_must_commit(s->machines->store);
}

/* ---- what each action asks, and what its answer means ---- */

static void probed(struct sequence *s, const struct bmc_op *op)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct machine *machine = machine_get(s->machines, s->machine);
	if (!machine || !bmc_uuid_contradicts(op->identity.system_uuid, machine->bmc_uuid)) {
		next(s);
		return;
	}
	err_set(&err, ERR_STATE, "the BMC belongs to the machine with UUID %s", op->identity.system_uuid);
	finish(s, &err);
}

static void require_off(struct sequence *s, const struct bmc_op *op)
{
	_cleanup_err_ struct err err = ERR_INIT;
	if (op->power != BMC_POWER_ON) {
		next(s);
		return;
	}
	err_set(&err, ERR_STATE, "it is powered on; accept it to have it restarted into the live image");
	finish(s, &err);
}

static void wait_on(struct sequence *s, const struct bmc_op *op)
{
	check_power(s, op->power, BMC_POWER_ON);
}

static void wait_off(struct sequence *s, const struct bmc_op *op)
{
	check_power(s, op->power, BMC_POWER_OFF);
}

static void fill_on_or_cycle(const struct machine *machine, struct bmc_op *op)
{
	op->action = machine->power == POWER_ON ? BMC_ACTION_CYCLE : BMC_ACTION_ON;
}

static const struct {
	struct bmc_op op;
	void (*fill)(const struct machine *machine, struct bmc_op *op); /* what depends on the machine; NULL: nothing */
	void (*done)(struct sequence *s, const struct bmc_op *op);	/* NULL: what comes next */
	bool once; /* done again it would do harm: of power tasks only, and first in their plans */
} actions[] = {
	[ACT_PROBE] = { { .kind = BMC_OP_PROBE }, NULL, probed },
	[ACT_REQUIRE_OFF] = { { .kind = BMC_OP_POWER_GET }, NULL, require_off },
	[ACT_BOOT_PXE] = { { .kind = BMC_OP_BOOT_DEVICE, .device = BMC_BOOT_PXE }, NULL, NULL },
	[ACT_BOOT_DISK] = { { .kind = BMC_OP_BOOT_DEVICE, .device = BMC_BOOT_DISK, .persistent = true }, NULL, NULL },
	[ACT_ASK_POWER] = { { .kind = BMC_OP_POWER_GET }, NULL, NULL },
	[ACT_ON_OR_CYCLE] = { { .kind = BMC_OP_POWER_SET }, fill_on_or_cycle, NULL },
	[ACT_ON] = { { .kind = BMC_OP_POWER_SET, .action = BMC_ACTION_ON }, NULL, NULL },
	[ACT_OFF] = { { .kind = BMC_OP_POWER_SET, .action = BMC_ACTION_OFF }, NULL, NULL },
	[ACT_CYCLE] = { { .kind = BMC_OP_POWER_SET, .action = BMC_ACTION_CYCLE }, NULL, NULL, true },
	[ACT_RESET] = { { .kind = BMC_OP_POWER_SET, .action = BMC_ACTION_RESET }, NULL, NULL, true },
	[ACT_WAIT_ON] = { { .kind = BMC_OP_POWER_GET }, NULL, wait_on },
	[ACT_WAIT_OFF] = { { .kind = BMC_OP_POWER_GET }, NULL, wait_off },
};

/* ---- one after another ---- */

static void op_done(struct bmc_op *op, void *data)
{
	struct sequence *s = data;
	s->in_flight = false;
	if (s->abandoned) {
		sequence_free(s);
		return;
	}
	bool ok = op->err.code == ERR_NONE;
	if (!ok && try_again(s, op->err.code))
		return;
	if (ok && actions[s->plan->actions[s->index]].once)
		note_command(s, TASK_COMMAND_TAKEN);
	machine_bmc_heard(s->machines, s->machine, op);
	if (!ok)
		finish(s, &op->err);
	else if (actions[s->plan->actions[s->index]].done)
		actions[s->plan->actions[s->index]].done(s, op);
	else
		next(s);
}

static int submit(struct sequence *s, const struct machine *machine, struct err *err)
{
	enum action action = s->plan->actions[s->index];
	struct bmc_op op = actions[action].op;
	int r = machine_bmc_target(s->machines, machine, &op.target, err);
	if (r < 0)
		return r;
	op.uefi = machine->firmware == FIRMWARE_UEFI;
	op.done = op_done;
	op.data = s;
	if (actions[action].fill)
		actions[action].fill(machine, &op);
	if (actions[action].once)
		r = note_command(s, TASK_COMMAND_SENT);
	if (r == 0)
		r = bmc_submit(s->machines->loop, &op, err);
	bmc_target_done(&op.target);
	s->in_flight = r == 0;
	return r;
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
	if (submit(s, machine, &err) < 0 && !try_again(s, err.code))
		finish(s, &err);
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

/* An earlier life has sent the command already. */
static void go_on(struct sequence *s, enum task_command command)
{
	_cleanup_err_ struct err err = ERR_INIT;
	if (command == TASK_COMMAND_TAKEN) {
		next(s);
		return;
	}
	err_set(&err, ERR_STATE,
		"the provisioner ended while it told the BMC: whether the BMC did it is not known; look at the machine, "
		"and ask again if it did not");
	finish(s, &err);
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
	if (!plan->power_task && machine_bmc_check(machine, NULL) < 0) {
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
	if (task && task->command != TASK_COMMAND_NONE)
		go_on(s, (enum task_command)task->command);
	else
		run(s);
}

/* ---- life ---- */

void machine_bmc_register(struct machines *machines)
{
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++)
		store_effect_handler(machines->store, plans[i].effect, on_effect, machines);
}

/* What is with a worker comes back later, frees itself, and finds no list any more. */
void machine_bmc_stop(struct machines *machines)
{
	struct sequence *s;
	LIST_FOREACH(s, &machines->sequences, link) {
		s->abandoned = true;
		list_remove(&s->link);
		if (!s->in_flight)
			sequence_free(s);
	}
}
