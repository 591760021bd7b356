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
/* Of a host that is not mounted; reads only. What it tells no host changes while it runs, so a journal that was not replayed has
 * nothing newer. But the power cut that left it may have torn what leads to the files: ERR_STATE, if then they cannot be read.
 * Without a cut-off it is ERR_CORRUPT with debugfs's words, or the errors of cmd_run(): it cannot be started, or does not end in
 * 20 s. Neither is the same as no record, of which a disk may be erased that should be started. The errors of
 * state_journal_read(). */
int record_read(const struct held_disk *disk, const struct layout *layout, struct record *ret, struct err *err);
void record_done(struct record *record);

#endif
