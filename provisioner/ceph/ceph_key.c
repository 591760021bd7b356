/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <endian.h>
#include <time.h>

#include "ceph/ceph_driver.h"

#define CEPH_CRYPTO_AES 1
#define CEPH_AES_KEY_SIZE 16

/* As Ceph's CryptoKey encodes itself: everything little-endian, nothing padded. */
struct __attribute__((packed)) cephx_key {
	uint16_t type;
	uint32_t created_s;
	uint32_t created_ns;
	uint16_t len;
	uint8_t secret[CEPH_AES_KEY_SIZE];
};

char *ceph_key_new(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	struct cephx_key key = {
		.type = htole16(CEPH_CRYPTO_AES),
		.created_s = htole32((uint32_t)now.tv_sec),
		.created_ns = htole32((uint32_t)now.tv_nsec),
		.len = htole16(CEPH_AES_KEY_SIZE),
	};
	random_bytes(key.secret, sizeof(key.secret));
	char *text = base64_encode(&key, sizeof(key));
	wipe(&key, sizeof(key));
	return text;
}
