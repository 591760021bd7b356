/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes to a disk, in pieces and past the kernel's cache, what it is given in order, and hashes it: on two threads, so that neither
 * the disk nor a processor waits for the other, or for whoever gets the bytes. Of each piece it keeps a weak sum, by which
 * readback.h tells whether the disk kept it. All functions on the giver's thread. Memory: 4 pieces, and 8 bytes for each. */
#ifndef INGOT_INSTALL_WRITE_BEHIND_H
#define INGOT_INSTALL_WRITE_BEHIND_H

#include "crypto/crypto.h"
#include "disk/held_disk.h"

#define WRITE_PIECE_BYTES ((size_t)(1 * MIB))
/* What O_DIRECT wants of offsets, lengths and addresses, of disks with blocks of 4096 bytes as well. */
#define DIRECT_ALIGNMENT_BYTES ((size_t)4096)

/* What was written to a disk: a sum of each piece (XXH64), in order. It finds what a disk has lost or mixed up, and keeps out
 * nobody who means harm: whether the bytes are the right ones, the SHA-256 of the same memory says. */
struct piece_sums {
	uint64_t offset,
		len; /* on the disk, in bytes; the last piece is shorter, or ends with zeros up to the alignment */
	uint64_t *sums;
	unsigned count;
};
void piece_sums_done(struct piece_sums *sums);
/* The sum of one piece. */
uint64_t piece_sum(const void *data, size_t len);
/* Where piece i is on the disk, and its length, a multiple of DIRECT_ALIGNMENT_BYTES. */
uint64_t piece_offset(const struct piece_sums *sums, unsigned i);
size_t piece_length(const struct piece_sums *sums, unsigned i);

struct write_behind_spec {
	const struct held_disk *disk; /* borrowed until write_behind_free() */
	uint64_t offset, len;	      /* bytes; the offset is a multiple of the alignment, and so much room is there */
	bool (*cancelled)(void *ctx); /* asked while the giver waits for the disk; may be NULL */
	void *ctx;
};
struct write_behind;
/* 0, or the errors of held_disk_open_direct() and of pthread_create(3). */
int write_behind_start(const struct write_behind_spec *spec, struct write_behind **ret, struct err *err);
/* The next bytes; data NULL: zeros. Copies them, and waits while there is no room: until a piece was written and hashed. 0;
 * ERR_CANCELLED; what writing an earlier piece said, with the disk and the offset; -ERANGE: more than the spec's len. */
int write_behind_put(struct write_behind *behind, const void *data, size_t len, struct err *err);
/* How much the disk has taken. */
uint64_t write_behind_done_bytes(struct write_behind *behind);
/* After the last byte: waits until the disk has taken all, which held_disk_sync() then makes last. 0 with the SHA-256 of what was
 * given and the sums of what was written, of which the caller disposes; the errors of write_behind_put(); -ERANGE: less was
 * given than the spec's len. */
int write_behind_finish(struct write_behind *behind, uint8_t ret_digest[SHA256_SIZE], struct piece_sums *ret_sums,
			struct err *err);
/* Ends it wherever it is, once the piece that is being written has been. NULL is fine; returns NULL. */
struct write_behind *write_behind_free(struct write_behind *behind);
DEFINE_CLEANUP(struct write_behind *, write_behind_free)

#endif
