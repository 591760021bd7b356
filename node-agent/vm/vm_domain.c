/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The domains of this node that are ours. */
#include "vm/vm_priv.h"

/* Libvirt has said that it is not there (it went away meanwhile), or that it is none of ours. Everything else says nothing
 * of it: a libvirtd that hangs or starts anew fails every call. */
static int not_ours(const char *what, struct err *err)
{
	int code = virGetLastErrorCode();

	return code == VIR_ERR_NO_DOMAIN || code == VIR_ERR_NO_DOMAIN_METADATA ? 0 : vm_fail(err, "%s", what);
}

/* 1 if it is ours, 0 if not. */
static int domain_read(virDomainPtr domain, struct vm_domain *ret, struct err *err)
{
	char *xml = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, VM_METADATA_URI, 0);
	struct vm_domain read = { .domain = domain };
	bool marked = xml && vm_mark_parse(xml, &read.mark);

	if (!xml)
		return not_ours("cannot read the mark of a virtual machine", err);
	free(xml);
	if (!marked)
		return 0;
	if (virDomainGetState(domain, &read.state, &read.reason, 0) < 0) {
		vm_mark_done(&read.mark);
		return not_ours("cannot read the state of a virtual machine", err);
	}
	read.active = read.state != VIR_DOMAIN_SHUTOFF;
	*ret = read;
	return 1;
}

int vm_domains_read(struct vm_state *state, struct vm_domains *ret, struct err *err)
{
	virDomainPtr *all = NULL;
	struct vm_domains domains = { 0 };
	int count = virConnectListAllDomains(state->conn, &all, 0), r = 0;

	if (count < 0)
		return vm_fail(err, "cannot list the virtual machines");
	domains.list = new0(struct vm_domain, (size_t)count + 1);
	for (int i = 0; i < count; i++) {
		int ours = r < 0 ? 0 : domain_read(all[i], &domains.list[domains.count], err);

		if (ours > 0)
			domains.count++;
		else
			virDomainFree(all[i]);
		r = MIN_OF(r, ours);
	}
	free(all);
	if (r < 0)
		vm_domains_done(&domains);
	else
		*ret = domains;
	return r;
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

bool vm_domain_is_arriving(const struct vm_state *state, const struct vm_domain *domain)
{
	/* At both ends libvirt calls it so; at the source it bears the name of this host in this boot. */
	bool moving = domain->reason == VIR_DOMAIN_PAUSED_MIGRATION && !str_equal(domain->mark.boot, state->boot);

	return domain->state == VIR_DOMAIN_PAUSED && (moving || domain->reason == VIR_DOMAIN_PAUSED_STARTING_UP);
}
