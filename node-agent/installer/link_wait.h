/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interfaces that have just been switched on: their links take some seconds, and the ports of some switches some more. Blocks. */
#ifndef INGOT_INSTALLER_LINK_WAIT_H
#define INGOT_INSTALLER_LINK_WAIT_H

#include "installer/machine.h"

/* Waits until every interface that the answers name, and that is there, has a link, LINK_WAIT_MS at most; then, where one came
 * up only now, until somebody is heard on it, PORT_WAIT_MS at most: a switch that looks for loops first (IEEE 802.1D, spanning
 * tree) passes nothing on for that long, and probes would get no answer. Says on standard output what it waits for, and where it
 * was in vain what that means. The interfaces of machine are read anew meanwhile. */
#define LINK_WAIT_MS 30000
#define PORT_WAIT_MS 35000
void link_wait(struct machine *machine, const struct answers *answers);

#endif
