/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "install/weak_sum.h"

#include <string.h>

#define FACTOR UINT64_C(0x9e3779b97f4a7c15) /* odd: multiplying by it loses nothing */

static uint64_t step(uint64_t state, uint64_t word)
{
	state = (state ^ word) * FACTOR;
	return state << 29 | state >> 35; /* high bits reach the low ones too */
}

static void add_byte(struct weak_sum *sum, uint8_t byte)
{
	sum->word |= (uint64_t)byte << (8 * sum->word_bytes);
	if (++sum->word_bytes < sizeof(sum->word))
		return;
	sum->state = step(sum->state, sum->word);
	sum->word = 0;
	sum->word_bytes = 0;
}

void weak_sum_add(struct weak_sum *sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t done = 0;

	for (; done < len && sum->word_bytes; done++)
		add_byte(sum, p ? p[done] : 0);
	for (; len - done >= sizeof(uint64_t); done += sizeof(uint64_t)) {
		uint64_t word = 0;

		if (p)
			memcpy(&word, p + done, sizeof(word));
		sum->state = step(sum->state, word);
	}
	for (; done < len; done++)
		add_byte(sum, p ? p[done] : 0);
}

uint64_t weak_sum_value(const struct weak_sum *sum)
{
	return step(sum->state, sum->word) ^ sum->word_bytes;
}
