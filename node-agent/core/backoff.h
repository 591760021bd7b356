/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pauses that double up to a cap, with half of each by chance, so that a thousand agents do not come back at once. */
#ifndef INGOT_CORE_BACKOFF_H
#define INGOT_CORE_BACKOFF_H

#include "base/util.h"

struct backoff {
	int64_t first_ms, max_ms;
	unsigned tries;
};

static inline int64_t backoff_next_ms(struct backoff *backoff)
{
	int64_t pause_ms = backoff->first_ms << MIN_OF(backoff->tries, 20U);
	uint32_t chance;

	backoff->tries++;
	pause_ms = MIN_OF(pause_ms, backoff->max_ms);
	random_bytes(&chance, sizeof(chance));
	return pause_ms / 2 + (int64_t)(chance % (uint64_t)(pause_ms / 2 + 1));
}

static inline void backoff_reset(struct backoff *backoff)
{
	backoff->tries = 0;
}

#endif
