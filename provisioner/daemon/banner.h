/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the console of an appliance shows: where the provisioner is reached, how to know that it is the right one, and what
 * to do next. */
#ifndef INGOT_DAEMON_BANNER_H
#define INGOT_DAEMON_BANNER_H

#include "daemon/config.h"

/* The text, for an issue file (agetty(8)): plain ASCII, no backslash. addresses: what this host has, IPv4 and IPv6 without
 * brackets; they stand for listeners on all addresses. served, authority: SHA-256 of the certificate that is shown to those who
 * connect, and of its authority's, in hexadecimal; NULL while there is none. Pure. The caller frees. */
char *banner_text(const struct config *config, const char *const *addresses, size_t count, const char *served,
		  const char *authority);

/* Prints it for this host as it is now. Any thread. Errors: -errno of what cannot be read, ERR_INVALID for what is no
 * certificate, with the file; where one is missing that is none, the text says that the provisioner has not started yet. */
int banner_print(const struct config *config, struct err *err);

#endif
