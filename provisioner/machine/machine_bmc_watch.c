/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of a machine's BMC, and a look at the power now and then. */
#include "machine/machine_priv.h"

#define POWER_POLL_MS 30000
#define PATIENT_POLLS 3	     /* that may fail before they come more rarely */
#define POLL_DOUBLINGS_MAX 5 /* up to 16 minutes */
#define POLLS_MAX 8	     /* at once: the other workers are for what somebody waits for */

void machine_note_power(struct machines *machines, const char *id, enum bmc_power power)
{
	const struct machine *machine = machine_get(machines, id);
	if (!machine || machine->power == (int)power)
		return;
	store_begin(machines->store);
	struct machine *edit = store_edit(machines->store, &kind_machine, id);
	edit->power = (int)power;
	store_event(machines->store, "machine.power", "machine", id, edit->name, "%s is %s", edit->name,
		    bmc_power_name(power));
	store_must_commit(machines->store);
}

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
			machine_note_power(poll->machines, poll->id,
					   op->err.code == ERR_NONE ? op->power : BMC_POWER_UNKNOWN);
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

void machine_bmc_watch_stop(struct machines *machines)
{
	struct poll *poll;
	LIST_FOREACH(poll, &machines->polls, link) {
		poll->abandoned = true;
		list_remove(&poll->link);
	}
}
