/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A running sum over bytes, 64 bits, a twentieth of a SHA-256's cost: whether what was read back is what was written. It tells
 * a disk that lies from a bundle that is not what it should be, after the SHA-256 has said that one of them is; it keeps out
 * nobody who means harm. One word that differs always shows. Start with { 0 }; any thread. */
#ifndef INGOT_INSTALL_WEAK_SUM_H
#define INGOT_INSTALL_WEAK_SUM_H

#include <stddef.h>
#include <stdint.h>

struct weak_sum {
	uint64_t state;
	uint64_t word; /* begun: so many bytes of it */
	unsigned word_bytes;
};

/* The same bytes give the same sum in whatever pieces they come. data NULL: zeros. */
void weak_sum_add(struct weak_sum *sum, const void *data, size_t len);
/* Of all that was added; more may be added afterwards. */
uint64_t weak_sum_value(const struct weak_sum *sum);

#endif
