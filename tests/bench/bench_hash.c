/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SHA-256 of the first BYTES of the standard input in hexadecimal, by the same library as the agent's: busybox's own is many
 * times slower under emulation, and would make a floor that flatters us. */
#include <stdio.h>
#include <unistd.h>

#include "crypto/crypto.h"

#define BUFFER_BYTES ((size_t)MIB)

int main(int argc, char **argv)
{
	_cleanup_free_ char *buffer = xmalloc(BUFFER_BYTES), *text = NULL;
	struct sha256 *hash = sha256_new();
	uint8_t digest[SHA256_SIZE];
	int64_t left = 0;
	ssize_t n = 0;

	if (argc != 2 || parse_i64(argv[1], 1, INT64_MAX, &left) < 0) {
		fprintf(stderr, "usage: bench-hash BYTES\n");
		return 2;
	}
	while (left > 0 && (n = read(STDIN_FILENO, buffer, MIN_OF((size_t)left, BUFFER_BYTES))) > 0) {
		sha256_update(hash, buffer, (size_t)n);
		left -= n;
	}
	sha256_final(hash, digest);
	text = hex_encode(digest, sizeof(digest));
	puts(text);
	return left > 0 ? 1 : 0;
}
