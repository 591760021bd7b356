/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often passwords may be tried: buckets that fill up again with time, one for each name and one for each address. Kept in
 * memory: a restart begins anew, and restarts cannot be had at will from outside. */
#include <arpa/inet.h>

#include "auth/auth_priv.h"

#define TRY 1000 /* a try, in thousandths */
#define IPV6_NET_BYTES 8

struct limit {
	const char *what;
	int64_t most;	 /* tries at once */
	int64_t each_ms; /* until there is one more */
};
static const struct limit by_name = { "this name", 10, 10000 };
static const struct limit by_address = { "this address", 30, 3000 };

/* FNV-1a. Who makes two names meet only shares a bucket with them. */
static uint64_t key_of(char kind, const void *data, size_t len)
{
	uint64_t key = (UINT64_C(0xcbf29ce484222325) ^ (unsigned char)kind) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < len; i++)
		key = (key ^ ((const unsigned char *)data)[i]) * UINT64_C(0x100000001b3);
	return key ? key : 1;
}

/* Whoever has one IPv6 address has a whole /64 of them; but one that stands for an IPv4 address is just that one. */
static uint64_t address_key(const char *address)
{
	struct in6_addr v6;
	if (inet_pton(AF_INET6, address, &v6) == 1)
		return key_of('6', &v6, IN6_IS_ADDR_V4MAPPED(&v6) ? sizeof(v6) : IPV6_NET_BYTES);
	return key_of('a', address, strlen(address));
}

static int64_t now_ms(const struct auth *auth)
{
	return loop_monotonic_ms(store_loop(auth->store));
}

static int64_t level_now(const struct limit_bucket *bucket, int64_t now)
{
	int64_t more = (now - bucket->at_ms) * TRY / bucket->limit->each_ms;
	return MIN_OF(bucket->level + more, bucket->limit->most * TRY);
}

/* How little it would cost to forget a bucket: that which was used least is soonest as if it were new. */
static int64_t used_up(const struct limit_bucket *bucket, int64_t now)
{
	return bucket->key ? bucket->limit->most * TRY - level_now(bucket, now) : -1;
}

/* The bucket of a key; for a new one a free bucket, or that which was used least. */
static struct limit_bucket *bucket_of(struct auth *auth, uint64_t key, const struct limit *limit)
{
	struct limit_bucket *least = &auth->limits[0];
	int64_t now = now_ms(auth), least_used = used_up(least, now);
	for (size_t i = 0; i < LIMIT_BUCKETS; i++) {
		struct limit_bucket *bucket = &auth->limits[i];
		if (bucket->key == key)
			return bucket;
		int64_t used = used_up(bucket, now);
		if (used < least_used) {
			least = bucket;
			least_used = used;
		}
	}
	*least = (struct limit_bucket){ .key = key, .limit = limit, .level = limit->most * TRY, .at_ms = now };
	return least;
}

static int64_t wait_ms(struct auth *auth, uint64_t key, const struct limit *limit)
{
	struct limit_bucket *bucket = bucket_of(auth, key, limit);
	int64_t level = level_now(bucket, now_ms(auth));
	return level >= TRY ? 0 : (TRY - level) * limit->each_ms / TRY;
}

static void add(struct auth *auth, uint64_t key, const struct limit *limit, int64_t amount)
{
	struct limit_bucket *bucket = bucket_of(auth, key, limit);
	int64_t now = now_ms(auth);
	bucket->level = MIN_OF(level_now(bucket, now) + amount, limit->most * TRY);
	bucket->at_ms = now;
}

int auth_try(struct auth *auth, const char *name, const char *address, int64_t *ret_after_s, struct err *err)
{
	uint64_t keys[] = { key_of('n', name, strlen(name)), address_key(address) };
	const struct limit *const limits[] = { &by_name, &by_address };
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		int64_t wait = wait_ms(auth, keys[i], limits[i]);
		if (wait == 0)
			continue;
		*ret_after_s = (wait + 999) / 1000;
		return err_set(err, ERR_RATE_LIMIT,
			       "too many passwords were tried for or from %s; try again in %lld seconds",
			       limits[i]->what, (long long)*ret_after_s);
	}
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		add(auth, keys[i], limits[i], -TRY);
	return 0;
}

void auth_try_succeeded(struct auth *auth, const char *name, const char *address)
{
	add(auth, key_of('n', name, strlen(name)), &by_name, TRY);
	add(auth, address_key(address), &by_address, TRY);
}
