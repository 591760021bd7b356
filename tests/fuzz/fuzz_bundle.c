/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bundle from the network. The key fits the seeds, so that what comes behind the signature is reached: the fuzzer alters
 * headers, sparse maps and parts. And a manifest, as if its signature had been right. */
#include <assert.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bundle/bundle_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of a key pair made for tests/fuzz/seeds/fuzz_bundle; the private half was thrown away. */
static const char public_pem[] = "-----BEGIN PUBLIC KEY-----\n"
				 "MCowBQYDK2VwAyEAKq38Xl45tamEAUqQd14IxCpuUp/ZV6TDrFLg5UCvTEc=\n"
				 "-----END PUBLIC KEY-----\n";

struct expectation {
	uint64_t next_bytes, size_bytes;
};

static int check_write(uint64_t offset, const void *block, size_t len, void *ctx, struct err *err)
{
	struct expectation *expected = ctx;

	assert(offset == expected->next_bytes && len <= expected->size_bytes - offset);
	expected->next_bytes = offset + len;
	return 0;
}

static int check_hole(uint64_t offset, uint64_t len, void *ctx, struct err *err)
{
	return check_write(offset, NULL, len, ctx, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct bundle_reader *reader = NULL;
	struct bundle_manifest manifest;
	const struct bundle_part *part;
	int fd = memfd_create("bundle", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) < 0)
		abort();
	if (bundle_reader_new(fd, public_pem, &reader, &err) == 0) {
		while (bundle_reader_next(reader, &part, &err) > 0) {
			struct expectation expected = { .size_bytes = part->size_bytes };
			struct bundle_sink sink = { .write = check_write, .hole = check_hole, .ctx = &expected };

			if (bundle_reader_copy(reader, &sink, &err) < 0)
				break;
			assert(expected.next_bytes == part->size_bytes);
		}
		bundle_reader_free(reader);
	}
	close(fd);
	if (bundle_manifest_parse((const char *)data, size, &manifest, &err) == 0)
		bundle_manifest_done(&manifest);
	return 0;
}
