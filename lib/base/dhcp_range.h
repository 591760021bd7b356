/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How large a DHCP range may be: one limit for those who ask for a range and for those who serve it. */
#ifndef INGOT_BASE_DHCP_RANGE_H
#define INGOT_BASE_DHCP_RANGE_H

#include <stdbool.h>
#include <stdint.h>

/* dnsmasq keeps no more leases (dhcp-lease-max in pxe/dnsmasq.conf). */
#define DHCP_RANGE_MAX 65536

/* Whether first to last, in the host's order, are 1 to DHCP_RANGE_MAX addresses. */
static inline bool dhcp_range_fits(uint32_t first, uint32_t last)
{
	return first <= last && last - first < DHCP_RANGE_MAX;
}

#endif
