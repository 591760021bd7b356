/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes one virtual machine as it is ordered. */
#include <inttypes.h>
#include <unistd.h>

#include "base/log.h"
#include "vm/vm_priv.h"

/* A start that fails is tried again (the storage may be about to come up) and only then called a failure. */
#define START_TRIES 4
#define START_RETRY_MS 5000
/* A guest is asked to power off, again every so often; then it is ended. */
#define STOP_DEADLINE_MS 60000
#define STOP_AGAIN_MS 10000

#define UNDEFINE_FLAGS                                                                                                 \
	(VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_NVRAM | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |       \
	 VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA)

/* ---- memory ---- */

static struct vm_memory *memory_of(struct vm_state *state, const struct vm_order *order)
{
	struct vm_memory *memory;

	LIST_FOREACH(memory, &state->memories, link) {
		if (!str_equal(memory->id, order->id))
			continue;
		/* Another order is another chance. */
		if (memory->generation != order->generation) {
			memory->generation = order->generation;
			memory->failures = 0;
			memory->next_try_ms = 0;
			err_done(&memory->err);
		}
		return memory;
	}
	memory = new0(struct vm_memory, 1);
	memory->id = xstrdup(order->id);
	memory->generation = order->generation;
	list_append(&state->memories, &memory->link);
	return memory;
}

void vm_memory_forget(struct vm_state *state, const char *id)
{
	struct vm_memory *memory;

	LIST_FOREACH(memory, &state->memories, link) {
		if (!str_equal(memory->id, id))
			continue;
		list_remove(&memory->link);
		err_done(&memory->err);
		free(memory->id);
		free(memory);
	}
}

/* ---- the report ---- */

static json_t *entry_json(const char *id, int64_t generation, const char *state, json_t *migration,
			  const struct err *err)
{
	return json_pack("{s:s, s:I, s:s, s:o, s:o}", "id", id, "generation", (json_int_t)generation, "state", state,
			 "migration", migration ? migration : json_null(), "error", part_error_json(err));
}

static const char *state_word(const struct vm_state *state, const struct vm_domain *domain)
{
	if (!domain->active)
		return "stopped";
	if (vm_domain_is_arriving(state, domain))
		return "arriving";
	if (domain->state == VIR_DOMAIN_CRASHED)
		return "failed";
	/* Also while it is paused for the last step of a migration away from here. */
	if (domain->state == VIR_DOMAIN_PAUSED && domain->reason != VIR_DOMAIN_PAUSED_MIGRATION)
		return "paused";
	return "running";
}

static const struct err no_err = ERR_INIT;

/* As it stands, whatever is ordered. */
static json_t *report_as_is(struct vm_state *state, const struct vm_domain *domain, const struct err *err)
{
	json_t *json = entry_json(domain->mark.id, domain->mark.generation, state_word(state, domain),
				  migration_report_here(state, domain), err ? err : &no_err);

	if (domain->active && domain->mark.accel)
		json_object_set_new(json, "accelerator", json_string(domain->mark.accel));
	return json;
}

json_t *vm_report_stray(struct vm_state *state, const struct vm_domain *domain)
{
	return report_as_is(state, domain, NULL);
}

/* ---- start ---- */

/* Found out when it is first needed: where KVM does not work it takes a while. */
static bool use_kvm(const struct part_run *run, struct vm_state *state)
{
	if (!state->probed) {
		state->kvm = vm_accel_kvm_works(run);
		state->probed = true;
		log_info("virtual machines run %s", state->kvm ? "on KVM" : "without KVM (TCG)");
	}
	return state->kvm;
}

static int start(struct part_run *run, struct vm_state *state, const struct vm_order *order, struct err *err)
{
	_cleanup_free_ char *prefix = part_run_path(run, "%s", "");
	_cleanup_free_ char *xml = NULL;
	struct vm_domain made = { .active = true };
	int r = vm_secret_ensure(run, state, err);

	if (r == 0)
		r = vm_seed_ensure(prefix, order, err);
	if (r == 0)
		r = vm_net_ensure(order, err);
	if (r < 0)
		return r;
	xml = vm_xml_domain(order, use_kvm(run, state), state->member, prefix);
	made.domain = virDomainDefineXML(state->conn, xml);
	if (!made.domain)
		return vm_fail(err, "libvirt does not take the virtual machine");
	if (virDomainCreate(made.domain) < 0) {
		r = vm_fail(err, "the virtual machine does not start");
	} else {
		made.mark = (struct vm_mark){ .id = (char *)order->id,
					      .generation = order->generation,
					      .boot = state->boot,
					      .accel = (char *)(state->kvm ? "kvm" : "tcg") };
		r = vm_domain_save_mark(&made, err);
		log_info("vm %s: started, generation %" PRId64, order->id, order->generation);
	}
	virDomainFree(made.domain);
	return r;
}

static json_t *try_start(struct part_run *run, struct vm_state *state, const struct vm_order *order, bool *unsettled)
{
	struct vm_memory *memory = memory_of(state, order);
	bool over = memory->failures >= START_TRIES;

	*unsettled = !over;
	if (!over && monotonic_ms() >= memory->next_try_ms) {
		_cleanup_err_ struct err err = ERR_INIT;

		if (start(run, state, order, &err) == 0) {
			vm_memory_forget(state, order->id);
			vm_departure_forget(run, order->id);
			return entry_json(order->id, order->generation, "running", NULL, &no_err);
		}
		err_copy(&memory->err, &err);
		/* What is missing may come any time; it is no failure of this machine. */
		if (err.code != ERR_STATE && err.code != ERR_UNREACHABLE)
			memory->failures++;
		memory->next_try_ms = monotonic_ms() + START_RETRY_MS;
		over = memory->failures >= START_TRIES;
	}
	return entry_json(order->id, order->generation, over ? "failed" : "starting", NULL, &memory->err);
}

/* It ran under this very order, since this host booted, and has ended: by itself. */
static bool ended_by_itself(const struct vm_state *state, const struct vm_order *order, const struct vm_domain *domain)
{
	return domain && !domain->active && domain->mark.generation == order->generation &&
	       str_equal(domain->mark.boot, state->boot);
}

static json_t *report_ended(const struct vm_domain *domain)
{
	_cleanup_err_ struct err err = ERR_INIT;

	if (domain->reason == VIR_DOMAIN_SHUTOFF_CRASHED || domain->reason == VIR_DOMAIN_SHUTOFF_FAILED) {
		err_set(&err, ERR_INTERNAL,
			"QEMU ended unexpectedly; its log is /var/log/libvirt/qemu/" VM_DOMAIN_PREFIX "%s.log",
			domain->mark.id);
		return entry_json(domain->mark.id, domain->mark.generation, "failed", NULL, &err);
	}
	return entry_json(domain->mark.id, domain->mark.generation, "stopped", NULL, &no_err);
}

/* ---- running ---- */

/* It left, or was about to, under this order or a later one, and it is not here: it is not started, whatever became of it.
 * Only who has asked the other node can know, and says so with a newer order. */
static json_t *report_departed(struct part_run *run, struct vm_state *state, const struct vm_order *order,
			       const struct vm_domain *domain)
{
	_cleanup_err_ struct err err = ERR_INIT;
	int64_t generation;
	int r = vm_departure_read(run, order->id, &generation, &err);

	if (r < 0)
		return entry_json(order->id, order->generation, "starting", NULL, &err);
	if (r == 0 || generation < order->generation)
		return NULL;
	return entry_json(order->id, order->generation, domain ? "stopped" : "absent",
			  migration_report_gone(state, order->id), &no_err);
}

/* Of one that runs here: a newer order only renames what runs, and one that has come by migration is ours from now on. */
static int adopt(const struct vm_state *state, const struct vm_order *order, struct vm_domain *domain, struct err *err)
{
	bool arrived = !str_equal(domain->mark.boot, state->boot);

	if (!arrived && domain->mark.generation == order->generation)
		return 0;
	if (arrived) {
		str_set(&domain->mark.boot, state->boot);
		str_set(&domain->mark.arrived, domain->mark.migration);
		log_info("vm %s: runs here now", order->id);
	}
	domain->mark.generation = order->generation;
	return vm_domain_save_mark(domain, err);
}

static json_t *want_running(struct part_run *run, struct vm_state *state, const struct vm_order *order,
			    struct vm_domain *domain, bool *unsettled)
{
	struct migration *migration = migration_find(state, order->id);
	_cleanup_err_ struct err err = ERR_INIT;
	json_t *departed;

	if (domain && domain->active) {
		migration_look(state, order, domain);
		*unsettled = vm_domain_is_arriving(state, domain);
		if (!*unsettled && migration_is_settled(state, domain))
			vm_departure_forget(run, order->id);
		if (!*unsettled && adopt(state, order, domain, &err) == 0 && order->migration)
			migration_begin(run, state, order, domain, &err);
		*unsettled = *unsettled || order->migration || (migration && !migration_ended(migration));
		return report_as_is(state, domain, &err);
	}
	/* On its way to another node, or arrived there. It is never started here under such an order: it might run twice. */
	if (order->migration) {
		*unsettled = migration && !migration_ended(migration);
		return entry_json(order->id, order->generation, domain ? "stopped" : "absent",
				  migration_report_gone(state, order->id), &no_err);
	}
	if (ended_by_itself(state, order, domain))
		return report_ended(domain);
	departed = report_departed(run, state, order, domain);
	if (departed)
		return departed;
	return try_start(run, state, order, unsettled);
}

/* ---- stopped, absent, incoming ---- */

static void stop(struct vm_state *state, const struct vm_order *order, const struct vm_domain *domain, struct err *err)
{
	struct vm_memory *memory = memory_of(state, order);
	int64_t now_ms = monotonic_ms();

	if (!memory->stop_asked_ms)
		memory->stop_asked_ms = now_ms;
	if (now_ms >= memory->stop_asked_ms + STOP_DEADLINE_MS) {
		log_info("vm %s: does not power off, is ended", order->id);
		if (virDomainDestroy(domain->domain) < 0)
			vm_fail(err, "the virtual machine does not end");
	} else if (now_ms >= memory->stop_again_ms) {
		memory->stop_again_ms = now_ms + STOP_AGAIN_MS;
		virDomainShutdown(domain->domain);
	}
}

/* It has stopped by this order: an older one does not start it again, and one like it will not find it "ended by itself". */
static void settle_stopped(const struct vm_order *order, struct vm_domain *domain, struct err *err)
{
	if (domain->mark.generation == order->generation && !domain->mark.boot)
		return;
	domain->mark.generation = order->generation;
	str_set(&domain->mark.boot, NULL);
	vm_domain_save_mark(domain, err);
}

static json_t *want_stopped(struct part_run *run, struct vm_state *state, const struct vm_order *order,
			    struct vm_domain *domain, bool *unsettled)
{
	_cleanup_err_ struct err err = ERR_INIT;

	if (!domain || !domain->active) {
		vm_memory_forget(state, order->id);
		if (domain)
			settle_stopped(order, domain, &err);
		return entry_json(order->id, order->generation, "stopped", NULL, &err);
	}
	stop(state, order, domain, &err);
	domain->mark.generation = order->generation;
	*unsettled = true;
	return report_as_is(state, domain, &err);
}

static json_t *want_absent(struct part_run *run, struct vm_state *state, const struct vm_order *order,
			   struct vm_domain *domain, bool *unsettled)
{
	_cleanup_err_ struct err err = ERR_INIT;

	vm_memory_forget(state, order->id);
	if (!domain) {
		vm_departure_forget(run, order->id);
		return entry_json(order->id, order->generation, "absent", NULL, &no_err);
	}
	if ((domain->active && virDomainDestroy(domain->domain) < 0) ||
	    virDomainUndefineFlags(domain->domain, UNDEFINE_FLAGS) < 0) {
		vm_fail(&err, "the virtual machine does not end");
		*unsettled = true;
		return report_as_is(state, domain, &err);
	}
	vm_departure_forget(run, order->id);
	log_info("vm %s: ended and removed", order->id);
	return entry_json(order->id, order->generation, "absent", NULL, &no_err);
}

static json_t *want_incoming(struct part_run *run, struct vm_state *state, const struct vm_order *order,
			     struct vm_domain *domain, bool *unsettled)
{
	_cleanup_free_ char *prefix = part_run_path(run, "%s", "");
	_cleanup_err_ struct err err = ERR_INIT;

	*unsettled = true;
	if (domain && domain->active) {
		/* Libvirt lets it run here only once the source has given it up. */
		if (!vm_domain_is_arriving(state, domain))
			adopt(state, order, domain, &err);
		return report_as_is(state, domain, &err);
	}
	/* Or there would always be another one to wait for. */
	if (state->restart_since_ms && !vm_let_in(state, order->id)) {
		err_set(&err, ERR_STATE, "libvirtd is to be started anew first");
		return entry_json(order->id, order->generation, "starting", NULL, &err);
	}
	/* All that it takes to receive it: libvirt runs (else we were not here), has the key to its disks; its seed and its
	 * networks are there. */
	if (vm_secret_ensure(run, state, &err) < 0 || vm_seed_ensure(prefix, order, &err) < 0 ||
	    vm_net_ensure(order, &err) < 0)
		return entry_json(order->id, order->generation, "starting", NULL, &err);
	vm_warm_up(state);
	return entry_json(order->id, order->generation, "incoming", NULL, &no_err);
}

typedef json_t *(*want_fn)(struct part_run *run, struct vm_state *state, const struct vm_order *order,
			   struct vm_domain *domain, bool *unsettled);
static const want_fn wants[] = {
	[VM_WANT_RUNNING] = want_running,
	[VM_WANT_STOPPED] = want_stopped,
	[VM_WANT_ABSENT] = want_absent,
	[VM_WANT_INCOMING] = want_incoming,
};

json_t *vm_converge_one(struct part_run *run, struct vm_state *state, const struct vm_order *order,
			struct vm_domain *domain, bool *unsettled)
{
	*unsettled = false;
	/* An order older than what was done already. */
	if (domain && order->generation < domain->mark.generation)
		return report_as_is(state, domain, NULL);
	return wants[order->want](run, state, order, domain, unsettled);
}
