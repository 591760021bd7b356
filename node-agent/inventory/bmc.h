/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The LAN address of the machine's own BMC, asked in band through the kernel's IPMI driver (/dev/ipmi0, linux/ipmi.h).
 * Not through libfreeipmi: two commands do not need its 2 MB of tables in every agent, and its waits of a minute. */
#ifndef INGOT_INVENTORY_BMC_H
#define INGOT_INVENTORY_BMC_H

#include "base/err.h"

/* Sends one command to the BMC and waits for its answer (at most until the deadline, of CLOCK_MONOTONIC): the number of
 * bytes in answer, the completion code first, or a negative errno. */
typedef int (*ipmi_transact_fn)(uint8_t netfn, uint8_t command, const uint8_t *data, size_t len, uint8_t *answer,
				size_t answer_max, int64_t deadline_ms, void *ctx);

/* 0 with an address ("10.0.0.5", the caller frees), -ENOENT if no LAN channel has one, or a negative errno. Ends within
 * timeout_ms. */
int bmc_lan_address_by(ipmi_transact_fn transact, void *ctx, int64_t timeout_ms, char **ret_address);
/* The same through SYSROOT/dev/ipmi0; -ENODEV if there is no such device. Blocks. */
int bmc_lan_address(const char *sysroot, int64_t timeout_ms, char **ret_address);

#endif
