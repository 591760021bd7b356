/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <unistd.h>

#include <gnutls/crypto.h>

#include "crypto/crypto_priv.h"

#define READ_BYTES ((size_t)(256 * KIB))

struct sha256 {
	gnutls_hash_hd_t handle;
};

struct sha256 *sha256_new(void)
{
	struct sha256 *h = new0(struct sha256, 1);

	/* SHA-256 is always compiled in: only memory can be missing. */
	if (gnutls_hash_init(&h->handle, GNUTLS_DIG_SHA256) < 0)
		abort();
	return h;
}

void sha256_update(struct sha256 *h, const void *data, size_t len)
{
	if (len > 0 && gnutls_hash(h->handle, data, len) < 0)
		abort();
}

void sha256_final(struct sha256 *h, uint8_t ret_digest[SHA256_SIZE])
{
	gnutls_hash_deinit(h->handle, ret_digest);
	free(h);
}

struct sha256 *sha256_free(struct sha256 *h)
{
	if (h) {
		gnutls_hash_deinit(h->handle, NULL);
		free(h);
	}
	return NULL;
}

void sha256_of(const void *data, size_t len, uint8_t ret_digest[SHA256_SIZE])
{
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, data, len, ret_digest) < 0)
		abort();
}

char *hmac_sha256_hex(const void *key, size_t key_len, const void *data, size_t len)
{
	uint8_t digest[SHA256_SIZE];

	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key_len, data, len, digest) < 0)
		abort();
	return hex_encode(digest, sizeof(digest));
}

int sha256_of_file(int fd, uint8_t ret_digest[SHA256_SIZE])
{
	_cleanup_free_ char *buffer = xmalloc(READ_BYTES);
	_cleanup_(sha256_free_p) struct sha256 *hash = sha256_new();
	off_t offset = 0;
	ssize_t n;

	while ((n = pread(fd, buffer, READ_BYTES, offset)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		sha256_update(hash, buffer, (size_t)n);
		offset += n;
	}
	sha256_final(TAKE_PTR(hash), ret_digest);
	return 0;
}

char *sha256_hex(const void *data, size_t len)
{
	uint8_t digest[SHA256_SIZE];

	sha256_of(data, len, digest);
	return hex_encode(digest, sizeof(digest));
}

char *base64_url_encode(const void *data, size_t len)
{
	char *encoded = base64_encode(data, len);

	encoded[strcspn(encoded, "=")] = '\0';
	for (char *p = encoded; *p; p++) {
		if (*p == '+')
			*p = '-';
		else if (*p == '/')
			*p = '_';
	}
	return encoded;
}

char *token_new(const char *prefix)
{
	uint8_t secret[32];
	char *encoded, *token;

	random_bytes(secret, sizeof(secret));
	encoded = base64_url_encode(secret, sizeof(secret));
	wipe(secret, sizeof(secret));
	token = xasprintf("%s_%s", prefix, encoded);
	wipe(encoded, strlen(encoded));
	free(encoded);
	return token;
}
