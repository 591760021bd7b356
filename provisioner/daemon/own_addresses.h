/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The addresses by which others reach this host, and the word when they change. */
#ifndef INGOT_DAEMON_OWN_ADDRESSES_H
#define INGOT_DAEMON_OWN_ADDRESSES_H

#include "base/err.h"
#include "loop/loop.h"

#define OWN_ADDRESSES_MAX 16
struct own_addresses {
	char *list[OWN_ADDRESSES_MAX + 1]; /* IPv4, and IPv6 without brackets; NULL at the end */
	size_t count;
};
/* Those of interfaces that are up, but for the loopback's and those that are valid on one link only; no more than there is room
 * for. Any thread. Errors: those of getifaddrs(3). */
int own_addresses_read(struct own_addresses *ret, struct err *err);
bool own_addresses_have(const struct own_addresses *addresses, const char *address);
void own_addresses_done(struct own_addresses *addresses);
#define _cleanup_own_addresses_ _cleanup_(own_addresses_done)

/* Calls changed on the loop's thread whenever an address of this host came or went (rtnetlink(7)). Errors: those of socket(2) and
 * bind(2). */
struct address_watch;
int address_watch_new(struct loop *loop, void (*changed)(void *data), void *data, struct address_watch **ret,
		      struct err *err);
struct address_watch *address_watch_free(struct address_watch *watch); /* NULL is fine; returns NULL */

#endif
