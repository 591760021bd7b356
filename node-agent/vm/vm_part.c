/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vm/vm_priv.h"

#define PERIOD_MS 4000
#define SOON_MS 300

const struct part *ingot_vm_part(void);

/* An order that makes no sense is reported where it belongs, and nothing is done. */
static json_t *report_bad_order(const json_t *entry, const struct err *err)
{
	const char *id = str_or(json_string_value(json_object_get(entry, "id")), "");
	json_int_t generation = json_integer_value(json_object_get(entry, "generation"));

	return json_pack("{s:s, s:I, s:s, s:n, s:o}", "id", id, "generation", generation, "state", "failed",
			 "migration", "error", part_error_json(err));
}

static bool has_order(const json_t *desired, const char *id)
{
	size_t i;
	json_t *entry;

	json_array_foreach(desired, i, entry) {
		if (str_equal(json_string_value(json_object_get(entry, "id")), id))
			return true;
	}
	return false;
}

static json_t *converge_all(struct part_run *run, struct vm_state *state, const json_t *desired,
			    const struct vm_domains *domains, bool *unsettled)
{
	json_t *report = json_array();
	json_t *entry;
	size_t i;

	json_array_foreach(desired, i, entry) {
		_cleanup_err_ struct err err = ERR_INIT;
		struct vm_order order;
		bool soon = false;

		if (vm_order_parse(entry, &order, &err) < 0) {
			json_array_append_new(report, report_bad_order(entry, &err));
			continue;
		}
		json_array_append_new(report,
				      vm_converge_one(run, state, &order, vm_domains_find(domains, order.id), &soon));
		*unsettled = *unsettled || soon;
	}
	for (unsigned d = 0; d < domains->count; d++) {
		const struct vm_domain *domain = &domains->list[d];

		if (domain->active)
			vm_log_trim(run, domain->mark.id);
		if (!has_order(desired, domain->mark.id))
			json_array_append_new(report, vm_report_stray(state, domain));
	}
	return report;
}

static int converge(struct part_run *run, json_t *desired, json_t **ret_report, struct err *err)
{
	struct vm_state *state = vm_state_get(run);
	_cleanup_free_ char *prefix = part_run_path(run, "%s", "");
	_cleanup_(vm_domains_done) struct vm_domains domains = { 0 };
	struct vm_members members;
	bool unsettled = false, busy = vm_let_in_any(state, desired) || migration_any(state);
	int r = vm_members_parse(part_run_also(run), &members, err);

	if (r < 0)
		return r;
	str_set(&state->member, members.name);
	r = vm_libvirtd_ensure(run, state, &members, busy, err);
	vm_members_done(&members);
	if (r > 0)
		vm_disconnect(state);
	if (r >= 0)
		r = vm_connect(state, err);
	if (r < 0)
		return r;
	r = vm_domains_read(state, &domains, err);
	if (r < 0)
		return r;
	*ret_report = converge_all(run, state, desired, &domains, &unsettled);
	vm_let_in_note(state, *ret_report);
	migration_forget(state, desired);
	vm_log_tidy(run, &domains);
	vm_seed_tidy(prefix, desired, &domains);
	vm_net_tidy(desired);
	if (unsettled)
		part_run_again(run, SOON_MS);
	return 0;
}

static const struct part vm_part = {
	.abi = PART_ABI,
	.name = "vms",
	.also = "members",
	.modes = PART_NODE,
	/* Never on an old order: another node may have the machine by now. */
	.flags = PART_WAITS,
	.period_ms = PERIOD_MS,
	.converge = converge,
	.release = vm_state_release,
};

const struct part *ingot_vm_part(void)
{
	return &vm_part;
}
