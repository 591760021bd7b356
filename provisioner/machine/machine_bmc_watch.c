/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of a machine's BMC: whether it answers, whether it is this machine's still, and the power; with a look at
 * it now and then. */
#include "machine/machine_priv.h"

#define POWER_POLL_MS 30000
#define PATIENT_POLLS 3	     /* that may fail before it counts as unreachable and they come more rarely */
#define POLL_DOUBLINGS_MAX 5 /* up to 16 minutes */
#define POLLS_MAX 8	     /* at once: the other workers are for what somebody waits for */
#define SCAN_AWAY_MS (3 * MACHINE_SCAN_EVERY_MS)

/* ---- what is stored of it ---- */

static void note_power(struct machines *machines, const struct machine *machine, enum bmc_power power)
{
	if (machine->power == (int)power)
		return;
	store_begin(machines->store);
	struct machine *edit = store_edit(machines->store, &kind_machine, machine->id);
	edit->power = (int)power;
	store_event(machines->store, "machine.power", "machine", edit->id, edit->name, "power", bmc_power_name(power),
		    NULL);
	store_must_commit(machines->store);
}

/* why: NULL with BMC_STATE_OK. */
static void note_state(struct machines *machines, const struct machine *machine, enum bmc_state state,
		       const struct err *why)
{
	const char *text = machine->bmc_error ? machine->bmc_error->text : NULL;
	if (machine->bmc_state == (int)state && str_equal(text, why ? why->text : NULL))
		return;
	store_begin(machines->store);
	struct machine *edit = store_edit(machines->store, &kind_machine, machine->id);
	edit->bmc_state = (int)state;
	schema_free(&problem_schema, edit->bmc_error);
	edit->bmc_error = why ? problem_new(why) : NULL;
	store_must_commit(machines->store);
}

int machine_bmc_lose(struct machines *machines, const struct machine *machine, const struct bmc_op *op)
{
	_cleanup_err_ struct err why = ERR_INIT;
	if (op->err.code != ERR_NONE)
		err_set(&why, ERR_UNREACHABLE, "%s", op->err.text);
	else
		err_set(&why, ERR_UNREACHABLE, "at %s the BMC of another machine answers now (UUID %s)",
			op->target.address, op->identity.system_uuid);
	store_begin(machines->store);
	struct machine *edit = store_edit(machines->store, &kind_machine, machine->id);
	str_set(&edit->bmc_address, NULL);
	schema_free(&problem_schema, edit->bmc_error);
	edit->bmc_error = problem_new(&why);
	edit->bmc_state = BMC_STATE_UNREACHABLE;
	edit->power = BMC_POWER_UNKNOWN;
	store_event(machines->store, "machine.bmc-lost", "machine", edit->id, edit->name, "reason", why.text, NULL);
	return store_must_commit(machines->store);
}

/* Only two failures say something of the BMC itself; that it does not know a command, or that our own queue is full, does not. */
void machine_bmc_heard(struct machines *machines, const char *id, const struct bmc_op *op)
{
	const struct machine *machine = machine_get(machines, id);
	enum err_code code = op->err.code;
	/* Or the operation was at an address that was its own once. */
	if (!machine || !str_equal(machine->bmc_address, op->target.address))
		return;
	if (code == ERR_STATE || bmc_uuid_contradicts(op->identity.system_uuid, machine->bmc_uuid)) {
		machine_bmc_lose(machines, machine, op);
	} else if (code == ERR_NONE) {
		machine_runtime(machines, id)->confirmed_ms = loop_monotonic_ms(machines->loop);
		note_state(machines, machine, BMC_STATE_OK, NULL);
		if (op->kind == BMC_OP_POWER_GET)
			note_power(machines, machine, op->power);
	} else if (code == ERR_UNREACHABLE || code == ERR_CREDENTIALS) {
		note_state(machines, machine, code == ERR_CREDENTIALS ? BMC_STATE_CREDENTIALS : BMC_STATE_UNREACHABLE,
			   &op->err);
		note_power(machines, machine, BMC_POWER_UNKNOWN);
	}
}

/* ---- when it is asked ---- */

void machine_bmc_asked(struct machines *machines, const char *id, bool answered)
{
	struct machine_runtime *runtime = machine_runtime(machines, id);
	runtime->failed_polls = answered ? 0 : runtime->failed_polls + 1;
	unsigned beyond = runtime->failed_polls > PATIENT_POLLS ? runtime->failed_polls - PATIENT_POLLS : 0;
	runtime->next_poll_ms =
		loop_monotonic_ms(machines->loop) + ((int64_t)POWER_POLL_MS << MIN_OF(beyond, POLL_DOUBLINGS_MAX));
}

/* One that scans had not heard for a while is there again: it is asked at once. */
bool machine_bmc_wants_probe(struct machines *machines, const struct machine *machine)
{
	struct machine_runtime *runtime = machine_runtime(machines, machine->id);
	int64_t now = loop_monotonic_ms(machines->loop);
	bool back = !runtime->scanned_ms || now - runtime->scanned_ms > SCAN_AWAY_MS;
	runtime->scanned_ms = now;
	if (machine->bmc_state == BMC_STATE_OK)
		return false;
	return back || machine->bmc_state == BMC_STATE_CREDENTIALS || runtime->failed_polls <= PATIENT_POLLS ||
	       now >= runtime->next_poll_ms;
}

/* Of those that did not answer, scans find the ones that are in their ranges and there. */
static bool wants_poll(const struct machine *machine, const struct machine_runtime *runtime, int64_t now)
{
	bool scanned = runtime->scanned_ms && now - runtime->scanned_ms <= SCAN_AWAY_MS;
	if (!machine->bmc_address || !machine->bmc_driver || runtime->polling || now < runtime->next_poll_ms)
		return false;
	return machine->bmc_state == BMC_STATE_OK || (machine->bmc_state == BMC_STATE_UNREACHABLE && !scanned);
}

/* ---- the power, now and then ---- */

struct poll {
	struct list link;
	struct machines *machines;
	char *id;
	bool abandoned;
};

static void poll_free(struct poll *poll)
{
	if (!poll->abandoned)
		poll->machines->poll_count--;
	list_remove(&poll->link);
	free(poll->id);
	free(poll);
}

static void take_poll(struct machines *machines, const char *id, const struct bmc_op *op)
{
	struct machine_runtime *runtime = machine_runtime(machines, id);
	const struct machine *machine = machine_get(machines, id);
	runtime->polling = false;
	machine_bmc_asked(machines, id, op->err.code == ERR_NONE);
	if (!machine)
		return;
	if (op->err.code != ERR_UNREACHABLE || runtime->failed_polls >= PATIENT_POLLS)
		machine_bmc_heard(machines, id, op);
	if (op->err.code != ERR_NONE)
		note_power(machines, machine_get(machines, id), BMC_POWER_UNKNOWN);
}

static void poll_done(struct bmc_op *op, void *data)
{
	struct poll *poll = data;
	if (!poll->abandoned && !store_is_dead(poll->machines->store))
		take_poll(poll->machines, poll->id, op);
	poll_free(poll);
}

void machine_bmc_tick(struct machines *machines, const struct machine *machine)
{
	struct machine_runtime *runtime = machine_runtime(machines, machine->id);
	int64_t now = loop_monotonic_ms(machines->loop);
	_cleanup_err_ struct err err = ERR_INIT;
	if (machines->poll_count >= POLLS_MAX || !wants_poll(machine, runtime, now))
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

/* How a BMC is spoken to is known once a scan has found it; what its host alone says of it is no reason to send a password. */
int machine_bmc_check(const struct machine *machine, struct err *err)
{
	if (!machine->bmc_address)
		return err_set(err, ERR_STATE, "%s has no BMC that is known; switch it by hand", machine->name);
	if (!machine->bmc_driver)
		return err_set(
			err, ERR_STATE,
			"the BMC of %s, at %s, has not been found by the provisioner yet; tell that BMCs are there and "
			"their password (ingot bmc-range create), or switch the machine by hand",
			machine->name, machine->bmc_address);
	return 0;
}

int machine_bmc_target(struct machines *machines, const struct machine *machine, struct bmc_target *ret,
		       struct err *err)
{
	int r = machine_bmc_check(machine, err);
	if (r < 0)
		return r;
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
