/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/rate.h"

#include <arpa/inet.h>

#define ONE 1000
#define MINUTE_MS 60000
#define IPV6_NET_BYTES 8

void rate_table_init(struct rate_table *table, size_t count)
{
	table->buckets = new0(struct rate_bucket, count);
	table->count = count;
}

void rate_table_done(struct rate_table *table)
{
	free(table->buckets);
	*table = (struct rate_table){ 0 };
}

/* FNV-1a. */
uint64_t rate_key(char kind, const void *data, size_t len)
{
	uint64_t key = (UINT64_C(0xcbf29ce484222325) ^ (unsigned char)kind) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < len; i++)
		key = (key ^ ((const unsigned char *)data)[i]) * UINT64_C(0x100000001b3);
	return key ? key : 1;
}

uint64_t rate_key_of_address(const char *address)
{
	struct in6_addr v6;
	if (inet_pton(AF_INET6, address, &v6) == 1)
		return rate_key('6', &v6, IN6_IS_ADDR_V4MAPPED(&v6) ? sizeof(v6) : IPV6_NET_BYTES);
	return rate_key('a', address, strlen(address));
}

/* Past the time in which any bucket fills up there is nothing more to count, and no product too large. */
static int64_t level_now(const struct rate_bucket *bucket, int64_t now_ms)
{
	const struct rate *rate = bucket->rate;
	int64_t full_ms = rate->most * MINUTE_MS / rate->per_minute + 1;
	int64_t more = MIN_OF(now_ms - bucket->at_ms, full_ms) * rate->per_minute * ONE / MINUTE_MS;
	return MIN_OF(bucket->level + more, rate->most * ONE);
}

static int64_t used_up(const struct rate_bucket *bucket, int64_t now_ms)
{
	return bucket->key ? bucket->rate->most * ONE - level_now(bucket, now_ms) : -1;
}

static struct rate_bucket *bucket_of(struct rate_table *table, uint64_t key, const struct rate *rate, int64_t now_ms)
{
	struct rate_bucket *least = &table->buckets[0];
	int64_t least_used = INT64_MAX;
	for (size_t i = 0; i < table->count; i++) {
		struct rate_bucket *bucket = &table->buckets[i];
		if (bucket->key == key)
			return bucket;
		int64_t used = used_up(bucket, now_ms);
		if (used < least_used) {
			least = bucket;
			least_used = used;
		}
	}
	*least = (struct rate_bucket){ .key = key, .rate = rate, .level = rate->most * ONE, .at_ms = now_ms };
	return least;
}

int64_t rate_wait_ms(struct rate_table *table, uint64_t key, const struct rate *rate, int64_t now_ms)
{
	int64_t level = level_now(bucket_of(table, key, rate, now_ms), now_ms);
	return level >= ONE ? 0 : ((ONE - level) * MINUTE_MS / ONE + rate->per_minute - 1) / rate->per_minute;
}

static void change(struct rate_table *table, uint64_t key, const struct rate *rate, int64_t now_ms, int64_t amount)
{
	struct rate_bucket *bucket = bucket_of(table, key, rate, now_ms);
	bucket->level = MIN_OF(level_now(bucket, now_ms) + amount, rate->most * ONE);
	bucket->at_ms = now_ms;
}

void rate_take(struct rate_table *table, uint64_t key, const struct rate *rate, int64_t now_ms)
{
	change(table, key, rate, now_ms, -ONE);
}

void rate_give(struct rate_table *table, uint64_t key, const struct rate *rate, int64_t now_ms)
{
	change(table, key, rate, now_ms, ONE);
}
