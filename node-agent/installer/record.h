/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an installation leaves about itself on the state partition: its record (docs/protocol.md, install.json), and the host's
 * name. Blocks. */
#ifndef INGOT_INSTALLER_RECORD_H
#define INGOT_INSTALLER_RECORD_H

#include "install/layout.h"

#define RECORD_PATH "/var/lib/ingot/install.json"

struct record {
	char *role;	 /* NULL: there is no record; the host was deployed over the network, as a node */
	char *answers;	 /* SHA-256 of the answer file; NULL: a person answered */
	char *host_name; /* NULL: there is none, or nothing that is a name */
};
/* Of a host that is not mounted. */
void record_read(const struct held_disk *disk, const struct layout *layout, struct record *ret);
void record_done(struct record *record);

#endif
