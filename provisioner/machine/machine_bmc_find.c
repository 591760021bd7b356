/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Discovery: BMCs that answer a scan are asked whose they are. */
#include "base/log.h"
#include "machine/machine_priv.h"

#define SCAN_DEADLINE_MS 3000
#define CLAIM_PAUSE_MS (2 * MACHINE_SCAN_EVERY_MS)
#define RIVALS_MAX 8

struct probe {
	struct list link;
	struct machines *machines;
	struct scanned_range *range; /* in which the address is; NULL: in none */
	char *address;
	bool abandoned;
};

static void scan_over(struct machines *machines);

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
		machine->bmc_state = op->err.code == ERR_CREDENTIALS   ? BMC_STATE_CREDENTIALS
				     : op->err.code == ERR_UNREACHABLE ? BMC_STATE_UNREACHABLE
								       : BMC_STATE_UNKNOWN;
		return;
	}
	machine->bmc_state = BMC_STATE_OK;
	str_set(&machine->bmc_uuid, op->identity.system_uuid);
	machine->bmc_quirks = op->identity.quirks;
	machine->bmc_cipher_suite = op->identity.cipher_suite;
}

/* Whether what is known of a machine speaks against a BMC being its own: the UUID that the BMC gave before, else the machine's. */
static bool is_of_another(const struct machine *machine, const char *uuid)
{
	return bmc_uuid_contradicts(uuid, machine->bmc_uuid ? machine->bmc_uuid : machine->uuid);
}

/* Those that a machine's own word gave the address, or an earlier life, and whose it is not, lose it. */
static const struct machine *machine_at(struct machines *machines, const struct bmc_op *op)
{
	const char *uuid = op->identity.system_uuid;
	const struct machine *machine, *found = NULL;
	for (size_t n = 0; (machine = machine_find_by(machines, INDEX_BMC_ADDRESS, op->target.address, n));) {
		bool sure = machine->bmc_uuid || machine->uuid;
		if (is_of_another(machine, uuid)) {
			if (machine_bmc_lose(machines, machine, op) < 0)
				return NULL;
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

/* ---- addresses where a BMC says that it is a machine's whose BMC is well at another ----
 *
 * Either it has moved, and what is known of the other address is old; or two systems have one UUID. The other address is asked
 * for the power every now and then anyway: if its BMC is still there after the new one was seen, there are two. */

struct claim {
	struct list link;
	char *address, *uuid;
	int64_t since_ms, last_ms;
};

static void claim_free(struct claim *claim)
{
	list_remove(&claim->link);
	free(claim->address);
	free(claim->uuid);
	free(claim);
}

static struct claim *claim_find(struct machines *machines, const char *address)
{
	struct claim *claim;
	LIST_FOREACH(claim, &machines->claims, link)
		if (str_equal(claim->address, address))
			return claim;
	return NULL;
}

/* One that was not heard of for a while begins anew. */
static struct claim *claim_renew(struct machines *machines, const struct bmc_op *op)
{
	int64_t now = loop_monotonic_ms(machines->loop);
	struct claim *claim = claim_find(machines, op->target.address);
	if (!claim) {
		claim = new0(struct claim, 1);
		claim->address = xstrdup(op->target.address);
		list_append(&machines->claims, &claim->link);
	}
	if (!str_equal(claim->uuid, op->identity.system_uuid) || now - claim->last_ms > CLAIM_PAUSE_MS)
		claim->since_ms = now;
	str_set(&claim->uuid, op->identity.system_uuid);
	claim->last_ms = now;
	return claim;
}

/* Whose UUID it tells, and who may have lost it since: that is looked at soon. A UUID that many have says nothing. */
static bool may_have_moved(struct machines *machines, const struct bmc_op *op)
{
	const char *uuid = op->identity.system_uuid;
	_cleanup_free_ char *key = bmc_uuid_key(uuid);
	const struct machine *rival;
	bool waits = false;
	if (op->err.code != ERR_NONE || !bmc_uuid_tells(uuid) ||
	    machine_find_by(machines, INDEX_WELL_BMC, key, RIVALS_MAX))
		return false;
	for (size_t n = 0; (rival = machine_find_by(machines, INDEX_WELL_BMC, key, n)); n++) {
		struct machine_runtime *runtime = machine_runtime(machines, rival->id);
		if (!bmc_uuid_matches(rival->bmc_uuid, uuid) ||
		    runtime->confirmed_ms > claim_renew(machines, op)->since_ms)
			continue;
		runtime->next_poll_ms = 0;
		waits = true;
	}
	return waits;
}

/* ---- what a probe has told ---- */

static void record_bmc(struct machines *machines, const struct bmc_op *op)
{
	bool ok = op->err.code == ERR_NONE;
	const struct machine *known = machine_of_bmc(machines, op);
	/* Of one that did not answer after all nobody knows whether it is a machine's that is known; a next scan hears it again. */
	if (!known && (op->err.code == ERR_UNREACHABLE || may_have_moved(machines, op)))
		return;
	struct claim *claim = claim_find(machines, op->target.address);
	if (claim)
		claim_free(claim);
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
	if (ok && !had_bmc)
		machine_feed(machines, machine->id, EVENT_BMC_FOUND, NULL);
	_cleanup_free_ char *id = xstrdup(machine->id);
	if (store_must_commit(machines->store) < 0)
		return;
	machine_bmc_asked(machines, id, ok);
	if (ok) {
		machine_runtime(machines, id)->confirmed_ms = loop_monotonic_ms(machines->loop);
		machine_runtime(machines, id)->next_poll_ms = 0;
	}
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
	struct machines *machines = probe->abandoned ? NULL : probe->machines;
	struct scanned_range *range = probe->range;
	probe_free(probe);
	if (!machines)
		return;
	if (op->err.code != ERR_NONE)
		log_warning("BMC %s: %s", op->target.address, op->err.text);
	record_bmc(machines, op);
	if (!range)
		return;
	range->refused += op->err.code == ERR_CREDENTIALS;
	machines->range_probes--;
	scan_over(machines);
}

void machine_bmc_found(struct machines *machines, const char *address)
{
	struct probe *probe;
	struct scanned_range *range = machine_bmc_range_of(machines, address);
	if (range)
		range->answered++;
	const struct machine *known = machine_find_by(machines, INDEX_BMC_ADDRESS, address, 0);
	if (known && !machine_bmc_wants_probe(machines, known))
		return;
	LIST_FOREACH(probe, &machines->probes, link)
		if (str_equal(probe->address, address))
			return;
	_cleanup_err_ struct err err = ERR_INIT;
	struct bmc_op op = { .kind = BMC_OP_PROBE, .done = probe_done };
	op.target = (struct bmc_target){ .driver = xstrdup("ipmi"), .address = xstrdup(address), .cipher_suite = -1 };
	if (!machine_bmc_range_login(machines, range, &op.target)) {
		bmc_target_done(&op.target);
		return;
	}
	probe = new0(struct probe, 1);
	probe->machines = machines;
	probe->range = range;
	probe->address = xstrdup(address);
	list_append(&machines->probes, &probe->link);
	op.data = probe;
	if (bmc_submit(machines->loop, &op, &err) < 0)
		probe_free(probe); /* the queue is full: the next scan comes */
	else if (range)
		machines->range_probes++;
	bmc_target_done(&op.target);
}

static bool scan_goes_on(const struct machines *machines)
{
	return machines->scan || machines->range_probes > 0;
}

static void scan_over(struct machines *machines)
{
	if (scan_goes_on(machines) || !machine_bmc_ranges_end(machines) || !machines->scan_again)
		return;
	machines->scan_again = false;
	machine_bmc_scan_now(machines);
}

static void scan_found(const char *address, void *data)
{
	machine_bmc_found(data, address);
}

static void scan_done(void *data)
{
	struct machines *machines = data;
	machines->scan = bmc_scan_free(machines->scan);
	scan_over(machines);
}

static void scan(void *data)
{
	struct machines *machines = data;
	_cleanup_err_ struct err err = ERR_INIT;
	machines->scan_timer = loop_timer_new(machines->loop, MACHINE_SCAN_EVERY_MS, scan, machines);
	if (scan_goes_on(machines))
		return;
	_cleanup_free_ const char **ranges = machine_bmc_ranges_begin(machines);
	if (machines->spec.scan)
		machines->spec.scan(machines, machines->spec.scan_ctx);
	else if (ranges[0] && bmc_scan_start(machines->loop, ranges, SCAN_DEADLINE_MS, scan_found, scan_done, machines,
					     &machines->scan, &err) < 0)
		log_warning("looking for BMCs: %s", err.text);
	scan_over(machines);
}

void machine_bmc_scan_now(struct machines *machines)
{
	if (scan_goes_on(machines)) {
		machines->scan_again = true;
	} else if (machines->scan_timer) { /* else the first one is to come yet */
		loop_timer_free(machines->scan_timer);
		machines->scan_timer = loop_timer_new(machines->loop, 0, scan, machines);
	}
}

void machine_bmc_find_start(struct machines *machines)
{
	machines->scan_timer = loop_timer_new(machines->loop, 0, scan, machines);
}

void machine_bmc_find_stop(struct machines *machines)
{
	struct probe *probe;
	struct claim *claim;
	loop_timer_free(machines->scan_timer);
	bmc_scan_free(machines->scan);
	machine_bmc_ranges_stop(machines);
	LIST_FOREACH(probe, &machines->probes, link) {
		probe->abandoned = true;
		list_remove(&probe->link);
	}
	LIST_FOREACH(claim, &machines->claims, link)
		claim_free(claim);
}
