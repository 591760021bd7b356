/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of a machine as a table. */
#include "machine/machine_priv.h"

#define MINUTES(n) ((int64_t)(n)*60 * 1000)
#define S(step, public_, minutes, retries_, ...)                                                                       \
	FSM_STATE(STEP_##step, #step, MACHINE_##public_, MINUTES(minutes), retries_, __VA_ARGS__)
#define T(step, event, guard, next) FSM_ROW(STEP_##step, EVENT_##event, guard, next)

static const struct fsm_state states[STEP_COUNT] = {
	S(FOUND, NEW, 10, 1, .effects = { EFFECT_LOOK }, .help = "booting the live image"),
	S(SILENT, NEW, 0, 0, .restful = true, .help = "waiting for it to boot the live image"),
	S(NEW, NEW, 0, 0, .restful = true, .help = "waiting to be accepted"),
	S(COMMISSION_BOOT, COMMISSIONING, 10, 1, .effects = { EFFECT_BOOT_LIVE }, .help = "booting the live image"),
	S(COMMISSION_BMC, COMMISSIONING, 2, 1, .effects = { EFFECT_VERIFY }, .help = "verifying the BMC"),
	S(READY, READY, 0, 0, .restful = true, .help = "ready"),
	S(DEPLOY_BOOT, DEPLOYING, 10, 1, .effects = { EFFECT_BOOT_LIVE }, .help = "booting the live image"),
	S(DEPLOY_WRITE, DEPLOYING, 20, 1, .help = "writing the host image"),
	S(DEPLOY_SWITCH, DEPLOYING, 2, 0, .effects = { EFFECT_BOOT_DISK }, .help = "switching to boot from disk"),
	S(DEPLOY_START, DEPLOYING, 10, 0, .help = "starting the host system"),
	S(DEPLOY_RESTART, DEPLOYING, 10, 1, .effects = { EFFECT_RESTART }, .help = "restarting into the host system"),
	S(DEPLOYED, DEPLOYED, 0, 0, .restful = true, .help = "deployed"),
	S(FAILED, FAILED, 0, 0, .restful = true, .help = "failed"),
};

static const char *const events[EVENT_COUNT] = {
	[EVENT_BMC_FOUND] = "BMC_FOUND", [EVENT_HELLO] = "HELLO",	[EVENT_SEEN] = "SEEN",
	[EVENT_ACCEPT] = "ACCEPT",	 [EVENT_DEPLOY] = "DEPLOY",	[EVENT_BMC_DONE] = "BMC_DONE",
	[EVENT_WRITTEN] = "WRITTEN",	 [EVENT_ENROLLED] = "ENROLLED", [EVENT_JOIN] = "JOIN",
	[EVENT_FAILURE] = "FAILURE",	 [EVENT_TIMEOUT] = "TIMEOUT",	[EVENT_CANCEL] = "CANCEL",
};

static bool agent_live(const void *snapshot)
{
	const struct machine_snapshot *s = snapshot;
	return s->agent_live && s->machine->inventory;
}

static bool never_inventoried(const void *snapshot)
{
	return !((const struct machine_snapshot *)snapshot)->machine->inventory;
}

static const struct fsm_row rows[] = {
	T(FOUND, HELLO, NULL, STEP_NEW),
	T(FOUND, BMC_DONE, NULL, FSM_SAME),
	T(FOUND, FAILURE, NULL, STEP_SILENT),
	T(FOUND, TIMEOUT, NULL, STEP_SILENT),
	T(FOUND, CANCEL, NULL, STEP_SILENT),
	T(FOUND, ACCEPT, NULL, STEP_COMMISSION_BOOT),
	T(FOUND, JOIN, NULL, STEP_DEPLOYED),

	/* What was never seen running is looked into. */
	T(SILENT, BMC_FOUND, never_inventoried, STEP_FOUND),
	T(SILENT, HELLO, NULL, STEP_NEW),
	T(SILENT, ACCEPT, NULL, STEP_COMMISSION_BOOT),
	T(SILENT, JOIN, NULL, STEP_DEPLOYED),

	T(NEW, HELLO, NULL, FSM_SAME),
	T(NEW, ACCEPT, agent_live, STEP_COMMISSION_BMC),
	T(NEW, ACCEPT, NULL, STEP_COMMISSION_BOOT),
	T(NEW, JOIN, NULL, STEP_DEPLOYED),

	T(COMMISSION_BOOT, HELLO, NULL, STEP_COMMISSION_BMC),
	T(COMMISSION_BOOT, SEEN, agent_live, STEP_COMMISSION_BMC),
	T(COMMISSION_BOOT, BMC_DONE, NULL, FSM_SAME),
	T(COMMISSION_BOOT, FAILURE, NULL, STEP_FAILED),
	T(COMMISSION_BOOT, TIMEOUT, NULL, STEP_FAILED),
	T(COMMISSION_BOOT, CANCEL, NULL, STEP_SILENT),

	T(COMMISSION_BMC, BMC_DONE, NULL, STEP_READY),
	T(COMMISSION_BMC, HELLO, NULL, FSM_SAME),
	T(COMMISSION_BMC, FAILURE, NULL, STEP_FAILED),
	T(COMMISSION_BMC, TIMEOUT, NULL, STEP_FAILED),
	T(COMMISSION_BMC, CANCEL, NULL, STEP_SILENT),

	T(READY, HELLO, NULL, FSM_SAME),
	T(READY, DEPLOY, agent_live, STEP_DEPLOY_WRITE),
	T(READY, DEPLOY, NULL, STEP_DEPLOY_BOOT),
	T(READY, JOIN, NULL, STEP_DEPLOYED),

	T(DEPLOY_BOOT, HELLO, NULL, STEP_DEPLOY_WRITE),
	/* The live image runs after all: a provisioner that has just started knows that only when its agent speaks. */
	T(DEPLOY_BOOT, SEEN, agent_live, STEP_DEPLOY_WRITE),
	T(DEPLOY_BOOT, BMC_DONE, NULL, FSM_SAME),
	T(DEPLOY_BOOT, FAILURE, NULL, STEP_FAILED),
	T(DEPLOY_BOOT, TIMEOUT, NULL, STEP_FAILED),
	T(DEPLOY_BOOT, CANCEL, NULL, STEP_READY),

	/* It booted anew while it was writing: the installer starts over. */
	T(DEPLOY_WRITE, HELLO, NULL, STEP_DEPLOY_WRITE),
	T(DEPLOY_WRITE, WRITTEN, NULL, STEP_DEPLOY_SWITCH),
	T(DEPLOY_WRITE, FAILURE, NULL, STEP_FAILED),
	T(DEPLOY_WRITE, TIMEOUT, NULL, STEP_FAILED),
	T(DEPLOY_WRITE, CANCEL, NULL, STEP_READY),

	/* The boot script says "disk" from here on: a BMC that does not take the boot device is no obstacle. */
	T(DEPLOY_SWITCH, BMC_DONE, NULL, STEP_DEPLOY_START),
	T(DEPLOY_SWITCH, HELLO, NULL, STEP_DEPLOY_RESTART),
	/* It went to its disk by itself, after a loss of power. */
	T(DEPLOY_SWITCH, ENROLLED, NULL, STEP_DEPLOYED),
	T(DEPLOY_SWITCH, FAILURE, NULL, STEP_DEPLOY_START),
	T(DEPLOY_SWITCH, TIMEOUT, NULL, STEP_DEPLOY_START),
	T(DEPLOY_SWITCH, CANCEL, NULL, STEP_FAILED),

	T(DEPLOY_START, ENROLLED, NULL, STEP_DEPLOYED),
	T(DEPLOY_START, HELLO, NULL, STEP_DEPLOY_RESTART),
	T(DEPLOY_START, FAILURE, NULL, STEP_DEPLOY_RESTART),
	T(DEPLOY_START, TIMEOUT, NULL, STEP_DEPLOY_RESTART),
	T(DEPLOY_START, CANCEL, NULL, STEP_FAILED),

	T(DEPLOY_RESTART, ENROLLED, NULL, STEP_DEPLOYED),
	T(DEPLOY_RESTART, BMC_DONE, NULL, FSM_SAME),
	T(DEPLOY_RESTART, HELLO, NULL, FSM_SAME),
	T(DEPLOY_RESTART, FAILURE, NULL, STEP_FAILED),
	T(DEPLOY_RESTART, TIMEOUT, NULL, STEP_FAILED),
	T(DEPLOY_RESTART, CANCEL, NULL, STEP_FAILED),

	/* Installed anew from a medium; whether its node may go is looked at before. */
	T(DEPLOYED, JOIN, NULL, STEP_DEPLOYED),

	T(FAILED, HELLO, NULL, FSM_SAME),
	T(FAILED, ACCEPT, agent_live, STEP_COMMISSION_BMC),
	T(FAILED, ACCEPT, NULL, STEP_COMMISSION_BOOT),
	T(FAILED, DEPLOY, agent_live, STEP_DEPLOY_WRITE),
	T(FAILED, DEPLOY, NULL, STEP_DEPLOY_BOOT),
	/* Given up too early: the host system came up after all, with the token of this install. */
	T(FAILED, ENROLLED, NULL, STEP_DEPLOYED),
	T(FAILED, JOIN, NULL, STEP_DEPLOYED),
};

const struct fsm machine_fsm = {
	.name = "machine",
	.states = states,
	.state_count = STEP_COUNT,
	.events = events,
	.event_count = EVENT_COUNT,
	.timeout_event = EVENT_TIMEOUT,
	.failure_event = EVENT_FAILURE,
	.cancel_event = EVENT_CANCEL,
	.rows = rows,
	.row_count = ARRAY_SIZE(rows),
	.first_state = STEP_FOUND,
};

int machine_step_of(const struct machine *machine)
{
	int step = machine->step ? fsm_state_find(&machine_fsm, machine->step) : -1;
	return step < 0 ? STEP_SILENT : step;
}

/* From the moment the image is written until it is to be written again, the answer is "disk": no machine installs itself
 * twice. */
static bool step_is_on_disk(int step)
{
	return step == STEP_DEPLOY_SWITCH || step == STEP_DEPLOY_START || step == STEP_DEPLOY_RESTART ||
	       step == STEP_DEPLOYED;
}

enum boot_intent machine_boot_intent(const struct machine *machine)
{
	int step = machine_step_of(machine);
	if (step == STEP_FAILED && machine->failed_step)
		step = fsm_state_find(&machine_fsm, machine->failed_step);
	return step_is_on_disk(step) ? BOOT_INTENT_DISK : BOOT_INTENT_LIVE;
}
