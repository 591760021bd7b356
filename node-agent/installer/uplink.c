/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "installer/uplink.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/cmd.h"

#define TOOL_DEADLINE_MS 10000
#define LEASE_DEADLINE_MS 20000
#define VLAN_DEVICE "ingot-join"

static bool has_address(const char *device)
{
	struct ifaddrs *all;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		found = found || (i->ifa_addr && i->ifa_addr->sa_family == AF_INET && str_equal(i->ifa_name, device));
	freeifaddrs(all);
	return found;
}

/* One try, then it ends; the lease stays ours without a client that renews it. */
static int lease(const struct machine *machine, struct uplink *uplink, struct err *err)
{
	_cleanup_free_ char *script = xasprintf("%s/etc/udhcpc.script", machine->sysroot);
	_cleanup_free_ char *path = xasprintf("PATH=%s", str_or(getenv("PATH"), "/usr/sbin:/usr/bin:/sbin:/bin"));
	const char *const argv[] = { "busybox", "udhcpc", "-i", uplink->device, "-n",	"-q", "-f", "-t",
				     "4",	"-T",	  "2",	"-s",		script, NULL };
	const char *const envp[] = { path, "INGOT_QUIET=1", NULL };
	struct cmd_result result = { 0 };
	int r;

	if (has_address(uplink->device))
		return 0;
	r = cmd_run(&(struct cmd){ .argv = argv, .envp = envp, .deadline_ms = LEASE_DEADLINE_MS }, &result, err);
	cmd_result_done(&result);
	uplink->leased = r == 0;
	return r;
}

static int add_address(const struct answers *answers, struct uplink *uplink, struct err *err)
{
	const char *address = answers_get(answers, ANSWER_NET_ADDRESS),
		   *router = answers_get(answers, ANSWER_NET_GATEWAY);
	int r;

	/* One that is there stays there afterwards, too. */
	if (has_address(uplink->device))
		return 0;
	r = cmd_runl(err, TOOL_DEADLINE_MS, "ip", "address", "add", address, "dev", uplink->device, NULL);
	if (r < 0)
		return r;
	uplink->address = xstrdup(address);
	if (!router)
		return 0;
	r = cmd_runl(err, TOOL_DEADLINE_MS, "ip", "route", "add", "default", "via", router, "dev", uplink->device,
		     NULL);
	if (r == 0)
		uplink->router = xstrdup(router);
	return r;
}

static int open_device(const struct machine_nic *nic, unsigned vlan, struct uplink *uplink, struct err *err)
{
	_cleanup_free_ char *tag = xasprintf("%u", vlan);
	int r = 0;

	uplink->device = xstrdup(vlan ? VLAN_DEVICE : nic->name);
	if (vlan) {
		r = cmd_runl(err, TOOL_DEADLINE_MS, "ip", "link", "add", "link", nic->name, "name", VLAN_DEVICE, "type",
			     "vlan", "id", tag, NULL);
		uplink->made_vlan = r == 0;
	}
	return r < 0 ? r : cmd_runl(err, TOOL_DEADLINE_MS, "ip", "link", "set", uplink->device, "up", NULL);
}

bool uplink_open(const struct machine *machine, const struct answers *answers, struct uplink *ret,
		 struct problems *problems)
{
	const struct machine_nic *nic = machine_port(machine, answers, false);
	bool is_static = answers_is(answers, ANSWER_NET_MODE, "static");
	enum answer field = answers_get(answers, ANSWER_NET_BOND_MEMBERS) ? ANSWER_NET_BOND_MEMBERS : ANSWER_NET_MAC;
	_cleanup_err_ struct err err = ERR_INIT;

	*ret = (struct uplink){ 0 };
	if (!nic) {
		problem_add(problems, field, "has no link; connect its cable, or choose another interface");
		return false;
	}
	if (open_device(nic, machine_vlan(answers, ANSWER_NET_VLAN), ret, &err) < 0) {
		problem_add(problems, field, "%s cannot be used to reach the provisioner: %s", nic->name, err.text);
	} else if (is_static && add_address(answers, ret, &err) < 0) {
		problem_add(problems, ANSWER_NET_ADDRESS, "cannot be given to %s to reach the provisioner: %s",
			    nic->name, err.text);
	} else if (!is_static && lease(machine, ret, &err) < 0) {
		problem_add(
			problems, ANSWER_NET_MODE,
			answers_is(answers, ANSWER_NET_BOND_MODE, "802.3ad")
				? "no DHCP server gives %s an address; it was asked through this one member without LACP, "
				  "which some switches do not answer: let the switch's ports work without it (LACP "
				  "fallback), or say static"
				: "no DHCP server gives %s an address; look at its cable and network.vlan, or say static",
			nic->name);
	} else {
		return true;
	}
	uplink_close(ret);
	return false;
}

void uplink_close(struct uplink *uplink)
{
	if (uplink->router)
		cmd_runl(NULL, TOOL_DEADLINE_MS, "ip", "route", "del", "default", "via", uplink->router, "dev",
			 uplink->device, NULL);
	if (uplink->address)
		cmd_runl(NULL, TOOL_DEADLINE_MS, "ip", "address", "del", uplink->address, "dev", uplink->device, NULL);
	if (uplink->leased)
		cmd_runl(NULL, TOOL_DEADLINE_MS, "ip", "address", "flush", "dev", uplink->device, NULL);
	if (uplink->made_vlan)
		cmd_runl(NULL, TOOL_DEADLINE_MS, "ip", "link", "del", uplink->device, NULL);
	free(uplink->device);
	free(uplink->address);
	free(uplink->router);
	*uplink = (struct uplink){ 0 };
}
