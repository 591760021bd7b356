/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asks a network whether an address is taken and whether DHCP is served, through raw frames: the interface needs no address,
 * and none is changed. Needs CAP_NET_RAW. Blocks. */
#ifndef INGOT_INSTALLER_PROBE_H
#define INGOT_INSTALLER_PROBE_H

#include <netinet/in.h>

#include "base/err.h"

/* vlan: the tag, 0 for none. family: AF_INET or AF_INET6, address as inet_pton(3) gives it. 1 with the other's MAC address (the
 * caller frees), 0 if nobody answers, or a negative errno: it could not be asked. Three ARP probes (RFC 5227 section 2.1.1) or
 * neighbor solicitations (RFC 4862 section 5.4.2); takes up to 4 s. */
int probe_address_taken(const char *interface, unsigned vlan, int family, const void *address, char **ret_mac);
/* 1 with the server's address (the caller frees) if one offers an address to DHCPDISCOVER (RFC 2131 section 4.4.1) within
 * wait_ms, 0 if none does, or a negative errno: it could not be asked. */
int probe_dhcp_served(const char *interface, unsigned vlan, int64_t wait_ms, char **ret_server);
/* Asks for DHCP every 2 s until the monotonic clock shows until_ms, so that somebody has a reason to speak. 1: a frame came that a
 * switch has passed on, of whatever kind, VLAN and sender; 0: none did; or a negative errno. */
int probe_heard(const char *interface, int64_t until_ms);

#endif
