/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The network of the answers, for as long as the installer has to ask somebody: on the first interface that has a link, with
 * the address and VLAN that the host will have. Blocks. */
#ifndef INGOT_INSTALLER_UPLINK_H
#define INGOT_INSTALLER_UPLINK_H

#include "installer/machine.h"

struct uplink {
	char *device;		/* the interface, or the VLAN on it */
	char *address, *router; /* those that were added; NULL: none */
	bool made_vlan, leased;
};
/* Adds a problem if it does not come up: returns false. An address that is there already is left as it is. Up to 20 s. */
bool uplink_open(const struct machine *machine, const struct answers *answers, struct uplink *ret,
		 struct problems *problems);
/* Takes back what was added. */
void uplink_close(struct uplink *uplink);

#endif
