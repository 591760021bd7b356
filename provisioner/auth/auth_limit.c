/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often passwords may be tried: of a name from an address, from an address, and of a name wherever it comes from. The last
 * is for those who have many addresses and is wide: who guesses from one of them cannot use it up, and so keeps nobody out but
 * those who share that address. A restart begins anew, and restarts cannot be had at will from outside. */
#include "auth/auth_priv.h"

static const struct rate by_name_there = { .most = 10, .per_minute = 6 };
static const struct rate by_address = { .most = 30, .per_minute = 20 };
static const struct rate by_name = { .most = 300, .per_minute = 120 };
#define LIMITS 3

static int64_t now_ms(const struct auth *auth)
{
	return loop_monotonic_ms(store_loop(auth->store));
}

struct limit {
	const char *what;
	const struct rate *rate;
	uint64_t key;
};

static void limits_of(const char *name, const char *address, struct limit ret[LIMITS])
{
	uint64_t place = rate_key_of_address(address);
	_cleanup_free_ char *name_there = xasprintf("%016llx%s", (unsigned long long)place, name);
	ret[0] = (struct limit){ "this name from this address", &by_name_there,
				 rate_key('t', name_there, strlen(name_there)) };
	ret[1] = (struct limit){ "any name from this address", &by_address, place };
	ret[2] = (struct limit){ "this name from many addresses", &by_name, rate_key('n', name, strlen(name)) };
}

int auth_try(struct auth *auth, const char *name, const char *address, int64_t *ret_after_s, struct err *err)
{
	struct limit limits[LIMITS];
	limits_of(name, address, limits);
	for (size_t i = 0; i < LIMITS; i++) {
		int64_t wait = rate_wait_ms(&auth->tries, limits[i].key, limits[i].rate, now_ms(auth));
		if (wait == 0)
			continue;
		*ret_after_s = (wait + 999) / 1000;
		return err_set(err, ERR_RATE_LIMIT, "too many passwords were tried for %s; try again in %lld seconds",
			       limits[i].what, (long long)*ret_after_s);
	}
	for (size_t i = 0; i < LIMITS; i++)
		rate_take(&auth->tries, limits[i].key, limits[i].rate, now_ms(auth));
	return 0;
}

void auth_try_succeeded(struct auth *auth, const char *name, const char *address)
{
	struct limit limits[LIMITS];
	limits_of(name, address, limits);
	for (size_t i = 0; i < LIMITS; i++)
		rate_give(&auth->tries, limits[i].key, limits[i].rate, now_ms(auth));
}
