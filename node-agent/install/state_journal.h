/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a host was cut off while its state partition was mounted. */
#ifndef INGOT_INSTALL_STATE_JOURNAL_H
#define INGOT_INSTALL_STATE_JOURNAL_H

#include "install/layout.h"

/* Whether the ext4 of the state partition says that its journal needs recovery (incompat feature RECOVER, 0x4; the kernel's
 * Documentation/filesystems/ext4, "Super Block"): what is in its place may then be older than what is in the journal, or torn.
 * False for what is no ext4. Reads only; any thread. The errors of read(2). */
int state_journal_read(const struct held_disk *disk, const struct layout *layout, bool *ret_needs_recovery,
		       struct err *err);

#endif
