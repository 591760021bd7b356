/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/join_text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "crypto/crypto.h"
#include "crypto/crypto_priv.h"

#define VERSION 1
#define SECRET_BYTES 16
#define CHECK_BYTES 3

/* 60 bytes: base64 needs no padding. */
struct packed {
	uint8_t version;
	uint8_t address[4], agent_port[2], boot_port[2]; /* in the order of the network */
	uint8_t ca[SHA256_SIZE];
	uint8_t secret[SECRET_BYTES];
	uint8_t check[CHECK_BYTES]; /* of the SHA-256 of what stands before */
};
_Static_assert(sizeof(struct packed) == 60, "no padding");

static void checksum(const struct packed *packed, uint8_t ret[CHECK_BYTES])
{
	uint8_t digest[SHA256_SIZE];

	sha256_of(packed, offsetof(struct packed, check), digest);
	memcpy(ret, digest, CHECK_BYTES);
}

static void put_port(uint8_t bytes[2], uint16_t port)
{
	bytes[0] = (uint8_t)(port >> 8);
	bytes[1] = (uint8_t)port;
}

static uint16_t get_port(const uint8_t bytes[2])
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

int join_text_new(const struct join_text *join, char **ret_text)
{
	struct packed packed = { .version = VERSION };
	char *encoded;

	if (inet_pton(AF_INET, join->address, packed.address) != 1 ||
	    hex_decode(join->ca, packed.ca, sizeof(packed.ca)) < 0)
		return -EINVAL;
	put_port(packed.agent_port, join->agent_port);
	put_port(packed.boot_port, join->boot_port);
	random_bytes(packed.secret, sizeof(packed.secret));
	checksum(&packed, packed.check);
	encoded = base64_url_encode(&packed, sizeof(packed));
	wipe(&packed, sizeof(packed));
	*ret_text = xasprintf(JOIN_TEXT_PREFIX "%s", encoded);
	wipe(encoded, strlen(encoded));
	free(encoded);
	return 0;
}

static int unpack(const char *encoded, struct packed *ret)
{
	char *standard = xstrdup(encoded);
	void *data = NULL;
	size_t len = 0;
	int r;

	for (char *p = standard; *p; p++)
		*p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
	r = base64_decode(standard, &data, &len);
	wipe(standard, strlen(standard));
	free(standard);
	if (r == 0 && len == sizeof(*ret))
		memcpy(ret, data, len);
	else
		r = -EINVAL;
	if (data)
		wipe(data, len);
	free(data);
	return r;
}

int join_text_parse(const char *text, struct join_text *ret)
{
	struct packed packed;
	uint8_t check[CHECK_BYTES];
	_cleanup_free_ char *ca = NULL;

	if (!str_starts(text, JOIN_TEXT_PREFIX) || strlen(text) != JOIN_TEXT_LENGTH ||
	    unpack(text + strlen(JOIN_TEXT_PREFIX), &packed) < 0)
		return -EINVAL;
	checksum(&packed, check);
	if (packed.version != VERSION || memcmp(check, packed.check, sizeof(check)) != 0)
		return -EINVAL;
	ca = hex_encode(packed.ca, sizeof(packed.ca));
	*ret = (struct join_text){ .agent_port = get_port(packed.agent_port), .boot_port = get_port(packed.boot_port) };
	inet_ntop(AF_INET, packed.address, ret->address, sizeof(ret->address));
	memcpy(ret->ca, ca, sizeof(ret->ca));
	wipe(&packed, sizeof(packed));
	return 0;
}
