/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the machine is: the section "inventory" of the report. See disk.h for sysroot. */
#ifndef INGOT_INVENTORY_INVENTORY_H
#define INGOT_INVENTORY_INVENTORY_H

#include <jansson.h>

#include "core/part.h"

/* The whole section (new reference); what cannot be found out is null, 0 or an empty list. bmc_address: or NULL. Reads files
 * only. Any thread. */
json_t *inventory_read(const char *sysroot, const char *bmc_address);

/* How this machine introduces itself (POST /agent/v1/hello), without boot_mac, which the command line knows: uuid, serial,
 * macs, boot_id, firmware, bmc. Asks the BMC: blocks up to some seconds. New reference. */
json_t *inventory_hello(const char *sysroot);

/* The same with the section "inventory": how it introduces itself where it is not known yet (POST /agent/v1/enroll, "join"). */
json_t *inventory_join(const char *sysroot);

extern const struct part inventory_part;

#endif
