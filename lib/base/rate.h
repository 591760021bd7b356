/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often something may happen: buckets that fill up again with time, one for each key (a name, an address). Kept in memory. The
 * caller says what time it is, on a clock that only moves forward. Any thread, one at a time for each table. */
#ifndef INGOT_BASE_RATE_H
#define INGOT_BASE_RATE_H

#include "base/util.h"

/* Borrowed by the table for as long as it lives. */
struct rate {
	int64_t most;	    /* at once */
	int64_t per_minute; /* so many more with time */
};

struct rate_bucket {
	uint64_t key; /* 0: free */
	const struct rate *rate;
	int64_t level; /* in thousandths */
	int64_t at_ms;
};

/* A new key takes a free bucket, else that which was used least: forgetting it costs least. */
struct rate_table {
	struct rate_bucket *buckets;
	size_t count;
};
void rate_table_init(struct rate_table *table, size_t count);
void rate_table_done(struct rate_table *table);

/* kind keeps keys of one sort apart from those of another. Two that meet share a bucket, which harms only them. */
uint64_t rate_key(char kind, const void *data, size_t len);
/* Of an address as text. Whoever has one IPv6 address has a whole /64 of them, which share a bucket; one that stands for an IPv4
 * address is just that one. */
uint64_t rate_key_of_address(const char *address);

/* 0 if it may happen now, else after how many milliseconds. Takes nothing. */
int64_t rate_wait_ms(struct rate_table *table, uint64_t key, const struct rate *rate, int64_t now_ms);
/* It happens; or, given back, it did not count. */
void rate_take(struct rate_table *table, uint64_t key, const struct rate *rate, int64_t now_ms);
void rate_give(struct rate_table *table, uint64_t key, const struct rate *rate, int64_t now_ms);

#endif
