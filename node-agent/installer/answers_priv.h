/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Judging answers, in two files: answers.c looks at each alone, rules.c at them together. */
#ifndef INGOT_INSTALLER_ANSWERS_PRIV_H
#define INGOT_INSTALLER_ANSWERS_PRIV_H

#include <netinet/in.h>

#include "installer/answers.h"

void answers_check_alone(const struct answers *answers, enum answer answer, struct problems *problems);

/* The remedy: "it must be: ..." or "say A, B or C"; the caller frees. */
char *answers_should(enum answer answer);

/* ADDRESS/PREFIX. */
struct subnet {
	bool v6;
	unsigned prefix;
	uint32_t address;	  /* IPv4, in the host's order */
	struct in6_addr address6; /* IPv6 */
};
bool subnet_parse(const char *text, struct subnet *ret);
bool subnet_has(const struct subnet *subnet, const char *address);
/* IPv4: neither the network's own number nor the broadcast address. */
bool subnet_is_host(const struct subnet *subnet, uint32_t address);
/* An IPv4 or IPv6 address that a machine may have on a network. */
bool address_is_unicast(const char *text);

#endif
