/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine that is installed to: its disks and interfaces, and whether answers fit it. Nothing is written to disks; probes
 * send a few packets. Blocks. */
#ifndef INGOT_INSTALLER_MACHINE_H
#define INGOT_INSTALLER_MACHINE_H

#include "installer/answers.h"
#include "installer/disk_content.h"
#include "inventory/disk.h"

struct machine_nic {
	char *name, *mac;
	bool link;
	int64_t speed_mbps;
	char *driver; /* may be NULL */
};
struct machine {
	const char *sysroot; /* borrowed */
	struct disk_list disks;
	struct disk_content *contents; /* one a disk */
	struct machine_nic *nics;
	unsigned nic_count;
};
/* Errors of disk_list_read(). */
int machine_read(const char *sysroot, struct machine *ret, struct err *err);
/* Looks at the disks and at what is on them once more: they are connected, and wiped, while screens are shown. What was borrowed
 * from them is gone. Errors of disk_list_read(), after which they are as they were. */
int machine_read_disks(struct machine *machine, struct err *err);
/* Looks at the interfaces once more: links come and go. What was borrowed from them is gone. */
void machine_read_nics(struct machine *machine);
void machine_done(struct machine *machine);
#define _cleanup_machine_ _cleanup_(machine_done)

/* The disk that answers name, or -1. */
int machine_find_disk(const struct machine *machine, const struct answers *answers);
const struct machine_nic *machine_find_nic(const struct machine *machine, const char *mac);

/* The interface that packets of the network, or of the provisioning network, go through: the first of a bond that has a link.
 * NULL: none has. */
const struct machine_nic *machine_port(const struct machine *machine, const struct answers *answers, bool provisioning);
/* The tag that an answer names; 0: none. */
unsigned machine_vlan(const struct answers *answers, enum answer field);

/* Whether the answers, which are right by themselves, fit this machine: disk there, large enough, not in use, in no pool, without
 * doubt of what is on it, with a host of the same role if its state is to be kept; interfaces there and with a link. Adds to
 * problems. */
void machine_check(const struct machine *machine, const struct answers *answers, struct problems *problems);
/* Whether they fit the network: nobody has our addresses (RFC 5227, RFC 4862), nobody serves DHCP where we would (RFC 2131). Takes
 * some seconds; needs CAP_NET_RAW. What cannot be asked is a problem. */
void machine_probe(const struct machine *machine, const struct answers *answers, struct problems *problems);

#endif
