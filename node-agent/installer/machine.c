/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "installer/machine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "install/layout.h"
#include "installer/probe.h"
#include "installer/words.h"
#include "inventory/sysfs.h"
#include "schema/schema.h"

#define DHCP_WAIT_MS 6000

/* ---- reading ---- */

static void nics_done(struct machine *machine)
{
	for (unsigned i = 0; i < machine->nic_count; i++) {
		free(machine->nics[i].name);
		free(machine->nics[i].mac);
		free(machine->nics[i].driver);
	}
	free(machine->nics);
	machine->nics = NULL;
	machine->nic_count = 0;
}

void machine_read_nics(struct machine *machine)
{
	_cleanup_free_ char *path = xasprintf("%s/sys/class/net", machine->sysroot);
	_cleanup_names_ struct name_list names = { 0 };

	nics_done(machine);
	sysfs_list(path, &names);
	machine->nics = new0(struct machine_nic, names.count + 1);
	for (size_t i = 0; i < names.count; i++) {
		struct machine_nic *nic = &machine->nics[machine->nic_count];
		const char *name = names.names[i], *root = machine->sysroot;

		if (!sysfs_is_nic(root, name))
			continue;
		nic->name = xstrdup(name);
		nic->mac = sysfs_text("%s/sys/class/net/%s/address", root, name);
		nic->driver = sysfs_link_name("%s/sys/class/net/%s/device/driver", root, name);
		nic->link = sysfs_number(0, "%s/sys/class/net/%s/carrier", root, name) == 1;
		nic->speed_mbps = nic->link ? MAX_OF(sysfs_number(0, "%s/sys/class/net/%s/speed", root, name), 0) : 0;
		machine->nic_count++;
	}
}

static void disks_done(struct machine *machine)
{
	for (unsigned i = 0; machine->contents && i < machine->disks.count; i++)
		disk_content_done(&machine->contents[i]);
	free(machine->contents);
	machine->contents = NULL;
	disk_list_done(&machine->disks);
}

int machine_read_disks(struct machine *machine, struct err *err)
{
	struct disk_list disks = { 0 };
	int r = disk_list_read(machine->sysroot, &disks, err);

	if (r < 0)
		return r;
	disks_done(machine);
	machine->disks = disks;
	machine->contents = new0(struct disk_content, disks.count + 1);
	for (unsigned i = 0; i < disks.count; i++)
		disk_content_read(disks.disks[i].path, &machine->contents[i]);
	return 0;
}

int machine_read(const char *sysroot, struct machine *ret, struct err *err)
{
	struct machine machine = { .sysroot = sysroot };
	int r = machine_read_disks(&machine, err);

	if (r < 0)
		return r;
	machine_read_nics(&machine);
	*ret = machine;
	return 0;
}

void machine_done(struct machine *machine)
{
	disks_done(machine);
	nics_done(machine);
	*machine = (struct machine){ 0 };
}

int machine_find_disk(const struct machine *machine, const struct answers *answers)
{
	struct disk disk = { 0 };
	int found = -1;

	if (disk_find(machine->sysroot, answers_get(answers, ANSWER_DISK_WWN), answers_get(answers, ANSWER_DISK_SERIAL),
		      0, &disk, NULL) < 0)
		return -1;
	for (unsigned i = 0; i < machine->disks.count; i++) {
		if (str_equal(machine->disks.disks[i].path, disk.path))
			found = (int)i;
	}
	disk_done(&disk);
	return found;
}

const struct machine_nic *machine_find_nic(const struct machine *machine, const char *mac)
{
	for (unsigned i = 0; i < machine->nic_count; i++) {
		if (str_equal(machine->nics[i].mac, mac))
			return &machine->nics[i];
	}
	return NULL;
}

/* ---- checks ---- */

static void check_disk(const struct machine *machine, const struct answers *answers, struct problems *problems)
{
	enum answer field = answers_get(answers, ANSWER_DISK_SERIAL) ? ANSWER_DISK_SERIAL : ANSWER_DISK_WWN;
	_cleanup_err_ struct err err = ERR_INIT;
	struct disk found = { 0 };
	const struct disk *disk;
	struct layout layout;
	int i = machine_find_disk(machine, answers);

	if (machine->disks.count == 0) {
		problem_add(problems, field,
			    "this machine has no disk; connect one, or look whether its controller is switched on");
	} else if (i < 0) {
		if (disk_find(machine->sysroot, answers_get(answers, ANSWER_DISK_WWN),
			      answers_get(answers, ANSWER_DISK_SERIAL), 0, &found, &err) == 0)
			disk_done(&found); /* it came this moment */
		problem_add(problems, field, "%s", str_or(err.text, tr("the disk has just appeared; try again")));
	}
	if (i < 0)
		return;
	disk = &machine->disks.disks[i];
	if (disk->in_use)
		problem_add(problems, field, "%s is in use: %s; choose another disk", disk->path, disk->use);
	else if (machine->contents[i].pool)
		problem_add(
			problems, field,
			"%s is a member of %s; take it out of there first, or wipe it (wipefs -a), or choose another disk",
			disk->path, machine->contents[i].pool);
	else if (machine->contents[i].unclear)
		problem_add(
			problems, field,
			"what is on %s cannot be told: %s; look at it (wipefs %s) and wipe it if nothing of it is needed "
			"(wipefs -a), or choose another disk",
			disk->path, machine->contents[i].unclear, disk->path);
	else if (layout_plan(disk->size_bytes, disk->logical_block_bytes, &layout, &err) < 0)
		problem_add(problems, field, "%s is too small: %s; choose a larger disk", disk->path, err.text);
	else if (layout_check_firmware(machine->sysroot, disk->logical_block_bytes, NULL) < 0)
		problem_add(problems, field,
			    "%s has sectors of %u bytes, and a BIOS does not start from it; start this machine by UEFI "
			    "(firmware setup), or choose another disk",
			    disk->path, disk->logical_block_bytes);
	if (answers_keep(answers) && !machine->contents[i].host)
		problem_add(problems, ANSWER_DISK_STATE, "%s has no Ingot host whose state could be kept (%s); say new",
			    disk->path, machine->contents[i].text);
}

static void check_nic(const struct machine *machine, enum answer field, const char *mac, struct problems *problems)
{
	const struct machine_nic *nic = machine_find_nic(machine, mac);
	struct strbuf there = { 0 };

	if (nic && !nic->link)
		problem_add(problems, field, "%s (%s) has no link; connect its cable, or choose another interface",
			    nic->name, mac);
	if (nic)
		return;
	for (unsigned i = 0; i < machine->nic_count; i++)
		strbuf_addf(&there, "%s%s", i ? ", " : "", machine->nics[i].mac);
	problem_add(problems, field, "no interface has the MAC address %s; there is %s", mac,
		    str_or(there.data, "none"));
	strbuf_done(&there);
}

static void check_nics(const struct machine *machine, const struct answers *answers, struct problems *problems)
{
	static const enum answer fields[] = { ANSWER_NET_MAC, ANSWER_NET_BOND_MEMBERS, ANSWER_PROV_MAC };

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		_cleanup_free_ char *macs = xstrdup(answers_get(answers, fields[i]));
		char *next = macs, *mac;

		while (next && (mac = strsep(&next, " ")))
			check_nic(machine, fields[i], mac, problems);
	}
}

/* What is kept is what it was: a node has nothing that a provisioner could go on with, nor the other way round. */
static void check_role(const struct machine *machine, const struct answers *answers, struct problems *problems)
{
	int i = answers_keep(answers) ? machine_find_disk(machine, answers) : -1;
	const char *role = i < 0 ? NULL : machine->contents[i].role;

	if (role && !answers_is(answers, ANSWER_ROLE, role))
		problem_add(problems, ANSWER_ROLE,
			    "the host on %s, whose state is to be kept, is %s; say %s, or disk.state: new",
			    machine->disks.disks[i].path, role, role);
}

void machine_check(const struct machine *machine, const struct answers *answers, struct problems *problems)
{
	check_role(machine, answers, problems);
	check_disk(machine, answers, problems);
	if (answers_counts(answers, ANSWER_NET_MAC))
		check_nics(machine, answers, problems);
}

/* ---- probes ---- */

const struct machine_nic *machine_port(const struct machine *machine, const struct answers *answers, bool provisioning)
{
	const char *own = provisioning ? answers_get(answers, ANSWER_PROV_MAC) : NULL;
	_cleanup_free_ char *macs = xstrdup(own ? own
						: str_or(answers_get(answers, ANSWER_NET_BOND_MEMBERS),
							 str_or(answers_get(answers, ANSWER_NET_MAC), "")));
	char *next = macs, *mac;

	while ((mac = strsep(&next, " "))) {
		const struct machine_nic *nic = machine_find_nic(machine, mac);

		if (nic && nic->link)
			return nic;
	}
	return NULL;
}

unsigned machine_vlan(const struct answers *answers, enum answer field)
{
	int64_t tag = 0;

	return parse_i64(str_or(answers_get(answers, field), "0"), 0, 4094, &tag) == 0 ? (unsigned)tag : 0;
}

/* What could not be asked is not taken for good: the answer would be a second machine with our address, or a second server. */
static void not_asked(const struct machine_nic *nic, enum answer field, const char *what, int r,
		      struct problems *problems)
{
	if (nic)
		problem_add(problems, field,
			    "it could not be asked on %s whether %s: %s; look at the interface and its driver",
			    nic->name, tr(what), strerror(-r));
	else
		problem_add(problems, field,
			    "it could not be asked whether %s: the interface has no link; connect its cable", tr(what));
}

static void probe_address(const struct machine *machine, const struct answers *answers, bool provisioning,
			  struct problems *problems)
{
	enum answer field = provisioning ? ANSWER_PROV_ADDRESS : ANSWER_NET_ADDRESS;
	const struct machine_nic *nic = machine_port(machine, answers, provisioning);
	unsigned vlan = machine_vlan(answers, provisioning ? ANSWER_PROV_VLAN : ANSWER_NET_VLAN);
	const char *subnet = answers_get(answers, field);
	_cleanup_free_ char *address = subnet ? xstrndup(subnet, strcspn(subnet, "/")) : NULL, *other = NULL;
	int family = address && strchr(address, ':') ? AF_INET6 : AF_INET, r;
	struct in6_addr ip;

	if (!address || inet_pton(family, address, &ip) != 1)
		return;
	r = nic ? probe_address_taken(nic->name, vlan, family, &ip, &other) : -ENETDOWN;
	if (r == 1)
		problem_add(problems, field, "%s is taken: the machine %s has it; choose another address", address,
			    other);
	else if (r < 0)
		not_asked(nic, field, "somebody has this address", r, problems);
}

/* Two servers that know nothing of each other give the same address twice; a proxy without a server gives none. */
static void probe_dhcp(const struct machine *machine, const struct answers *answers, struct problems *problems)
{
	const struct machine_nic *nic = machine_port(machine, answers, true);
	bool proxy = answers_is(answers, ANSWER_PROV_DHCP, "proxy");
	_cleanup_free_ char *server = NULL;
	int r = nic ? probe_dhcp_served(nic->name, machine_vlan(answers, ANSWER_PROV_VLAN), DHCP_WAIT_MS, &server)
		    : -ENETDOWN;

	if (r == 1 && !proxy)
		problem_add(
			problems, ANSWER_PROV_DHCP_FIRST,
			"%s serves DHCP on this network already; switch it off there, say provisioning.dhcp: proxy, or give "
			"provisioning a network of its own",
			server);
	else if (r == 0 && proxy)
		problem_add(
			problems, ANSWER_PROV_DHCP,
			"nobody serves DHCP on this network, and machines would get no address; start the server, or say "
			"server");
	else if (r < 0)
		not_asked(nic, proxy ? ANSWER_PROV_DHCP : ANSWER_PROV_DHCP_FIRST, "somebody serves DHCP there", r,
			  problems);
}

void machine_probe(const struct machine *machine, const struct answers *answers, struct problems *problems)
{
	if (!answers_counts(answers, ANSWER_NET_MODE))
		return;
	if (answers_is(answers, ANSWER_NET_MODE, "static"))
		probe_address(machine, answers, false, problems);
	if (!answers_has_provisioner(answers))
		return;
	probe_address(machine, answers, true, problems);
	probe_dhcp(machine, answers, problems);
}
