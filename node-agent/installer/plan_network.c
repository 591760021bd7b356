/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interfaces get names of our own by their MAC addresses (systemd.link(5)), since the kernel's depend on the kernel: lan0 (lan1
 * and on in a bond), bond0, prov0; VLANs add their tag (lan0.20). */
#include <stdio.h>

#include "installer/plan_priv.h"

#define DIR "/etc/systemd/network/"

static bool has_bond(const struct answers *answers)
{
	return answers_get(answers, ANSWER_NET_BOND_MEMBERS) != NULL;
}

/* The interface below VLANs. */
static const char *uplink(const struct answers *answers)
{
	return has_bond(answers) ? "bond0" : "lan0";
}

/* The provisioning network has a port of its own. */
static bool has_own_port(const struct answers *answers)
{
	const char *mac = answers_get(answers, ANSWER_PROV_MAC);

	return answers_has_provisioner(answers) && mac && !answers_is(answers, ANSWER_NET_MAC, mac);
}

static char *with_vlan(const char *base, const char *vlan)
{
	return vlan ? xasprintf("%s.%s", base, vlan) : xstrdup(base);
}

char *plan_provisioning_interface(const struct answers *answers)
{
	return with_vlan(has_own_port(answers) ? "prov0" : uplink(answers), answers_get(answers, ANSWER_PROV_VLAN));
}

static void add_file(struct host_files *files, const char *name, const char *kind, struct strbuf *text)
{
	_cleanup_free_ char *path = xasprintf(DIR "10-ingot-%s.%s", name, kind);

	host_files_text(files, path, 0644, strbuf_take(text));
}

static void add_link(struct host_files *files, const char *name, const char *mac)
{
	struct strbuf text = { 0 };

	strbuf_addf(&text, "[Match]\nMACAddress=%s\nType=ether\n\n[Link]\nName=%s\n", mac, name);
	add_file(files, name, "link", &text);
}

static void add_vlan(struct host_files *files, const char *name, const char *vlan)
{
	struct strbuf text = { 0 };

	strbuf_addf(&text, "[NetDev]\nName=%s\nKind=vlan\n\n[VLAN]\nId=%s\n", name, vlan);
	add_file(files, name, "netdev", &text);
}

/* Ports and the bond over them. */
static void add_ports(const struct answers *answers, struct host_files *files)
{
	_cleanup_free_ char *members =
		xstrdup(str_or(answers_get(answers, ANSWER_NET_BOND_MEMBERS), answers_get(answers, ANSWER_NET_MAC)));
	struct strbuf bond = { 0 };
	char *next = members, *mac;

	for (unsigned i = 0; (mac = strsep(&next, " ")); i++) {
		_cleanup_free_ char *name = xasprintf("lan%u", i);
		struct strbuf text = { 0 };

		add_link(files, name, mac);
		if (!has_bond(answers))
			continue;
		strbuf_addf(&text, "[Match]\nName=%s\n\n[Network]\nBond=bond0\n", name);
		add_file(files, name, "network", &text);
	}
	if (has_own_port(answers))
		add_link(files, "prov0", answers_get(answers, ANSWER_PROV_MAC));
	if (!has_bond(answers))
		return;
	strbuf_addf(&bond, "[NetDev]\nName=bond0\nKind=bond\n\n[Bond]\nMode=%s\nMIIMonitorSec=100ms\n",
		    answers_get(answers, ANSWER_NET_BOND_MODE));
	add_file(files, "bond0", "netdev", &bond);
}

/* What an interface has, by lines of [Network]. */
static void add_own_address(const struct answers *answers, struct strbuf *text)
{
	const char *gateway = answers_get(answers, ANSWER_NET_GATEWAY);
	_cleanup_free_ char *dns = xstrdup(answers_get(answers, ANSWER_NET_DNS));
	char *next = dns, *server;

	if (answers_is(answers, ANSWER_NET_MODE, "dhcp"))
		strbuf_adds(text, "DHCP=yes\n");
	else
		strbuf_addf(text, "Address=%s\n", answers_get(answers, ANSWER_NET_ADDRESS));
	if (gateway)
		strbuf_addf(text, "Gateway=%s\n", gateway);
	while (next && (server = strsep(&next, " ")))
		strbuf_addf(text, "DNS=%s\n", server);
}

static void add_network(const struct answers *answers, struct host_files *files, const char *name, const char *own,
			const char *provisioning)
{
	const char *const tags[] = { answers_get(answers, ANSWER_NET_VLAN), answers_get(answers, ANSWER_PROV_VLAN) };
	const char *const vlans[] = { own, provisioning };
	bool is_own = str_equal(name, own), is_provisioning = str_equal(name, provisioning);
	struct strbuf text = { 0 };

	strbuf_addf(&text, "[Match]\nName=%s\n\n[Network]\n", name);
	if (is_own)
		add_own_address(answers, &text);
	/* With both in one network the two addresses may be the same. */
	if (is_provisioning &&
	    !(is_own && str_equal(answers_get(answers, ANSWER_NET_ADDRESS), answers_get(answers, ANSWER_PROV_ADDRESS))))
		strbuf_addf(&text, "Address=%s\n", answers_get(answers, ANSWER_PROV_ADDRESS));
	/* The provisioner binds to it, link or no link. */
	if (is_provisioning)
		strbuf_adds(&text, "ConfigureWithoutCarrier=yes\n");
	for (unsigned i = 0; i < ARRAY_SIZE(vlans); i++) {
		if (vlans[i] && tags[i] && str_starts(vlans[i], name) && vlans[i][strlen(name)] == '.' &&
		    !(i == 1 && str_equal(vlans[0], vlans[1])))
			strbuf_addf(&text, "VLAN=%s\n", vlans[i]);
	}
	if (!is_own && !is_provisioning)
		strbuf_adds(&text, "LinkLocalAddressing=no\n");
	add_file(files, name, "network", &text);
}

void plan_network(const struct answers *answers, struct host_files *files)
{
	const char *own_vlan = answers_get(answers, ANSWER_NET_VLAN),
		   *prov_vlan = answers_get(answers, ANSWER_PROV_VLAN);
	_cleanup_free_ char *own = with_vlan(uplink(answers), own_vlan), *provisioning = NULL;

	if (answers_has_provisioner(answers))
		provisioning = plan_provisioning_interface(answers);
	add_ports(answers, files);
	add_network(answers, files, uplink(answers), own, provisioning);
	if (has_own_port(answers))
		add_network(answers, files, "prov0", own, provisioning);
	if (own_vlan) {
		add_vlan(files, own, own_vlan);
		add_network(answers, files, own, own, provisioning);
	}
	if (provisioning && prov_vlan && !str_equal(own, provisioning)) {
		add_vlan(files, provisioning, prov_vlan);
		add_network(answers, files, provisioning, own, provisioning);
	}
}
