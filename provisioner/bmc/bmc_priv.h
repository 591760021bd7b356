/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this folder share. */
#ifndef INGOT_BMC_BMC_PRIV_H
#define INGOT_BMC_BMC_PRIV_H

#include <netinet/in.h>

#include "bmc/bmc.h"

#define BMC_PORT 623 /* ASF 2.0 section 3.2.4.1 */

/* Takes "ADDRESS" or "ADDRESS:PORT" (IPv4) apart. ERR_INVALID for anything else: a name would be looked up by the
 * library, which blocks. */
int bmc_address_parse(const char *text, struct sockaddr_in *ret, struct err *err);
/* "10.0.0.7", or "10.0.0.7:6230" if the port is not the usual one; the caller frees. */
char *bmc_address_format(const struct sockaddr_in *address);

/* The IPMI driver's console_open. */
int bmc_ipmi_console_open(struct loop *loop, const struct bmc_target *target, const struct bmc_console_events *events,
			  void *ctx, struct bmc_console **ret, struct err *err);

/* How the 16 bytes of Get System GUID are laid out. */
enum guid_layout { GUID_IPMI, GUID_SMBIOS, GUID_RFC9562, GUID_LAYOUT_COUNT };
/* The text of a GUID under one layout; the caller frees. */
char *guid_format(const uint8_t guid[16], enum guid_layout layout);
/* The layout that the bytes themselves speak for (see bmc_uuid.c). */
enum guid_layout guid_layout_guess(const uint8_t guid[16]);

#endif
