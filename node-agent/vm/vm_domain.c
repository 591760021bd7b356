/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The domains of this node that are ours. */
#include "vm/vm_priv.h"

static bool domain_read(virDomainPtr domain, struct vm_domain *ret)
{
	char *xml = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, VM_METADATA_URI, 0);
	struct vm_domain read = { .domain = domain };
	bool ours = xml && vm_mark_parse(xml, &read.mark);

	free(xml);
	if (!ours)
		return false;
	if (virDomainGetState(domain, &read.state, &read.reason, 0) < 0) {
		vm_mark_done(&read.mark); /* it went away meanwhile */
		return false;
	}
	read.active = read.state != VIR_DOMAIN_SHUTOFF;
	*ret = read;
	return true;
}

int vm_domains_read(struct vm_state *state, struct vm_domains *ret, struct err *err)
{
	virDomainPtr *all = NULL;
	struct vm_domains domains = { 0 };
	int count = virConnectListAllDomains(state->conn, &all, 0);

	if (count < 0)
		return vm_fail(err, "cannot list the virtual machines");
	domains.list = new0(struct vm_domain, (size_t)count + 1);
	for (int i = 0; i < count; i++) {
		if (domain_read(all[i], &domains.list[domains.count]))
			domains.count++;
		else
			virDomainFree(all[i]);
	}
	free(all);
	*ret = domains;
	return 0;
}

void vm_domains_done(struct vm_domains *domains)
{
	for (unsigned i = 0; i < domains->count; i++) {
		virDomainFree(domains->list[i].domain);
		vm_mark_done(&domains->list[i].mark);
	}
	free(domains->list);
	*domains = (struct vm_domains){ 0 };
}

struct vm_domain *vm_domains_find(const struct vm_domains *domains, const char *id)
{
	for (unsigned i = 0; i < domains->count; i++) {
		if (str_equal(domains->list[i].mark.id, id))
			return &domains->list[i];
	}
	return NULL;
}

int vm_domain_save_mark(const struct vm_domain *domain, struct err *err)
{
	_cleanup_free_ char *xml = vm_mark_format(&domain->mark);
	unsigned flags = VIR_DOMAIN_AFFECT_CONFIG | (domain->active ? VIR_DOMAIN_AFFECT_LIVE : 0);

	if (virDomainSetMetadata(domain->domain, VIR_DOMAIN_METADATA_ELEMENT, xml, VM_METADATA_KEY, VM_METADATA_URI,
				 flags) < 0)
		return vm_fail(err, "cannot mark the virtual machine");
	return 0;
}

bool vm_domain_is_arriving(const struct vm_domain *domain)
{
	return domain->state == VIR_DOMAIN_PAUSED &&
	       (domain->reason == VIR_DOMAIN_PAUSED_MIGRATION || domain->reason == VIR_DOMAIN_PAUSED_STARTING_UP);
}
