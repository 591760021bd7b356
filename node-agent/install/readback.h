/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads back what was written to a disk and hashes it, past the kernel's cache (O_DIRECT) and while the rest is still being
 * written: a thread follows the writer. */
#ifndef INGOT_INSTALL_READBACK_H
#define INGOT_INSTALL_READBACK_H

#include "crypto/crypto.h"
#include "disk/held_disk.h"

struct readback;
/* Will read len bytes at offset (a multiple of 4096). The disk is borrowed for the time of the call. */
int readback_start(const struct held_disk *disk, uint64_t offset, uint64_t len, struct readback **ret, struct err *err);
/* This much from the beginning has been written. Any growing number; the caller's thread. */
void readback_follow(struct readback *readback, uint64_t written_bytes);
/* How much was read and hashed. */
uint64_t readback_done_bytes(struct readback *readback);
/* All has been written and has reached the disk. Waits up to ms for the hash: 0 with the digest, -EAGAIN if it is not ready
 * yet, or what reading said. */
int readback_wait(struct readback *readback, int64_t ms, uint8_t ret_digest[SHA256_SIZE], struct err *err);
/* Ends it wherever it is. NULL is fine; returns NULL. */
struct readback *readback_free(struct readback *readback);

#endif
