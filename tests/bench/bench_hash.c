/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SHA-256 of the standard input in hexadecimal, by the same library as the agent's: busybox's own is many times slower under
 * emulation, and would make a floor that flatters us. */
#include <stdio.h>
#include <unistd.h>

#include "crypto/crypto.h"

#define BUFFER_BYTES ((size_t)MIB)

int main(void)
{
	_cleanup_free_ char *buffer = xmalloc(BUFFER_BYTES), *text = NULL;
	struct sha256 *hash = sha256_new();
	uint8_t digest[SHA256_SIZE];
	ssize_t n;

	while ((n = read(STDIN_FILENO, buffer, BUFFER_BYTES)) > 0)
		sha256_update(hash, buffer, (size_t)n);
	sha256_final(hash, digest);
	text = hex_encode(digest, sizeof(digest));
	puts(text);
	return n < 0 ? 1 : 0;
}
