/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of a join token: all that a machine has to know to find a provisioner and to trust it before it says anything, and
 * the secret that lets it in. A person may have to type it, so it is short and has a checksum. Pure; any thread. */
#ifndef INGOT_CRYPTO_JOIN_TEXT_H
#define INGOT_CRYPTO_JOIN_TEXT_H

#include <stdint.h>

#include "base/util.h"

#define JOIN_TEXT_PREFIX "join_"
#define JOIN_TEXT_LENGTH (sizeof(JOIN_TEXT_PREFIX) - 1 + 80)

struct join_text {
	char address[16];		/* IPv4 of the provisioner */
	uint16_t agent_port, boot_port; /* where agents are heard; where ca.pem is */
	char ca[65];			/* SHA-256 of the DER of its authority's certificate, hexadecimal, lower case */
};

/* A new one with a secret of 128 random bits; the caller wipes and frees it. -EINVAL: the address is not IPv4, or the
 * fingerprint is none. */
int join_text_new(const struct join_text *join, char **ret_text);
/* -EINVAL: it is not such a text, or was mistyped. */
int join_text_parse(const char *text, struct join_text *ret);

#endif
