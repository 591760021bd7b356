/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The GUID partition table as it is on the disk (UEFI specification 2.10, sections 5.2.3 and 5.3). */
#ifndef INGOT_INSTALL_GPT_H
#define INGOT_INSTALL_GPT_H

#include "install/layout.h"

/* Reads past the cache and compares with the plan: the protective MBR, and both tables, the one at the beginning and the one at
 * the end, each with its checksums. ERR_CORRUPT says which of them is wrong and how. */
int gpt_check(const struct layout *layout, const struct held_disk *disk, struct err *err);

#endif
