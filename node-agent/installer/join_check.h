/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether the provisioner of a join token would take this machine, asked before anything is written. Blocks, up to a minute. */
#ifndef INGOT_INSTALLER_JOIN_CHECK_H
#define INGOT_INSTALLER_JOIN_CHECK_H

#include "installer/machine.h"

/* For answers that join and have been checked; others are right without a word. Trusts whom the token's fingerprint names and
 * tells nothing to anybody else. *ret_ca_pem: the authority's certificate, for the host; the caller frees; NULL if there is a
 * problem, which is added, or nothing to join. */
void join_check(const struct machine *machine, const struct answers *answers, char **ret_ca_pem,
		struct problems *problems);

#endif
