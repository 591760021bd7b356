/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ranges of addresses, as people write them. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "bmc_priv.h"

#define ADDRESS_BITS 32
#define POINT_TO_POINT_PREFIX 31 /* from here on, no address stands for the network or for all (RFC 3021) */

/* "FIRST-LAST"; the port stands behind the last address and counts for both. */
static int parse_pair(const char *text, const char *dash, struct sockaddr_in *ret_first, uint64_t *ret_count,
		      struct err *err)
{
	const char *colon = strchr(text, ':');
	struct sockaddr_in last;

	if (colon && colon < dash)
		return err_set(err, ERR_INVALID, "\"%s\" is no range: the port comes last", text);
	_cleanup_free_ char *head = xasprintf("%.*s%s", (int)(dash - text), text, str_or(colon, ""));
	if (bmc_address_parse(head, ret_first, NULL) < 0 || bmc_address_parse(dash + 1, &last, NULL) < 0)
		return err_set(err, ERR_INVALID, "\"%s\" is no range: write FIRST-LAST, both IPv4 addresses", text);
	uint32_t low = ntohl(ret_first->sin_addr.s_addr), high = ntohl(last.sin_addr.s_addr);
	if (high < low)
		return err_set(err, ERR_INVALID, "range \"%s\" ends before it begins: write the lower address first",
			       text);
	*ret_count = (uint64_t)high - low + 1;
	return 0;
}

/* "NETWORK/PREFIX" (RFC 4632 section 3.1): all that a host may have of it. */
static int parse_network(const char *text, const char *slash, struct sockaddr_in *ret_first, uint64_t *ret_count,
			 struct err *err)
{
	const char *colon = strchr(text, ':');
	size_t digits = colon ? (size_t)(colon - slash - 1) : strlen(slash + 1);
	int64_t prefix = 0;

	if (colon && colon < slash)
		return err_set(err, ERR_INVALID, "\"%s\" is no range: the port comes last", text);
	_cleanup_free_ char *head = xasprintf("%.*s%s", (int)(slash - text), text, str_or(colon, ""));
	_cleanup_free_ char *bits = xstrndup(slash + 1, digits);
	if (bmc_address_parse(head, ret_first, NULL) < 0 || parse_i64(bits, 0, ADDRESS_BITS, &prefix) < 0)
		return err_set(err, ERR_INVALID, "\"%s\" is no network: write ADDRESS/PREFIX such as 10.1.0.0/24",
			       text);
	uint64_t size = UINT64_C(1) << (ADDRESS_BITS - prefix), margin = prefix < POINT_TO_POINT_PREFIX ? 1 : 0;
	uint32_t low = ntohl(ret_first->sin_addr.s_addr);
	if (low & (size - 1))
		return err_set(
			err, ERR_INVALID,
			"\"%s\" is no network: its address has bits beyond the first %lld set; for some addresses of a "
			"network write FIRST-LAST",
			text, (long long)prefix);
	ret_first->sin_addr.s_addr = htonl(low + (uint32_t)margin);
	*ret_count = size - 2 * margin;
	return 0;
}

int bmc_addresses_parse(const char *text, struct bmc_addresses *ret, struct err *err)
{
	const char *dash = strchr(text, '-'), *slash = strchr(text, '/'), *colon = strchr(text, ':');
	struct sockaddr_in first;
	uint64_t count = 1;
	int r;

	if (colon && strchr(colon + 1, ':'))
		return err_set(err, ERR_INVALID, "\"%s\" is no range: BMCs are looked for at IPv4 addresses only",
			       text);
	if (slash)
		r = parse_network(text, slash, &first, &count, err);
	else
		r = dash ? parse_pair(text, dash, &first, &count, err) : bmc_address_parse(text, &first, err);
	if (r < 0)
		return r;
	if (count > BMC_ADDRESSES_MAX)
		return err_set(err, ERR_INVALID, "range \"%s\" has more than %d addresses: write a smaller one", text,
			       BMC_ADDRESSES_MAX);
	*ret = (struct bmc_addresses){ .first = ntohl(first.sin_addr.s_addr),
				       .count = (uint32_t)count,
				       .port = ntohs(first.sin_port) };
	return 0;
}

bool bmc_addresses_have(const struct bmc_addresses *range, const char *address)
{
	struct sockaddr_in one;

	return bmc_address_parse(address, &one, NULL) == 0 && ntohs(one.sin_port) == range->port &&
	       ntohl(one.sin_addr.s_addr) - range->first < range->count;
}

char *bmc_addresses_shared(const struct bmc_addresses *a, const struct bmc_addresses *b)
{
	uint32_t low = MAX_OF(a->first, b->first);
	struct sockaddr_in first = { .sin_family = AF_INET, .sin_port = htons(a->port) };

	/* The differences are unsigned: what lies below is very far above. */
	if (a->port != b->port || low - a->first >= a->count || low - b->first >= b->count)
		return NULL;
	first.sin_addr.s_addr = htonl(low);
	return bmc_address_format(&first);
}
