/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often passwords may be tried, by name and by address. A restart begins anew, and restarts cannot be had at will from
 * outside. */
#include "auth/auth_priv.h"

static const struct rate by_name = { .most = 10, .per_minute = 6 };
static const struct rate by_address = { .most = 30, .per_minute = 20 };

static int64_t now_ms(const struct auth *auth)
{
	return loop_monotonic_ms(store_loop(auth->store));
}

static uint64_t name_key(const char *name)
{
	return rate_key('n', name, strlen(name));
}

int auth_try(struct auth *auth, const char *name, const char *address, int64_t *ret_after_s, struct err *err)
{
	const struct {
		const char *what;
		const struct rate *rate;
		uint64_t key;
	} limits[] = { { "this name", &by_name, name_key(name) },
		       { "this address", &by_address, rate_key_of_address(address) } };
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		int64_t wait = rate_wait_ms(&auth->tries, limits[i].key, limits[i].rate, now_ms(auth));
		if (wait == 0)
			continue;
		*ret_after_s = (wait + 999) / 1000;
		return err_set(err, ERR_RATE_LIMIT,
			       "too many passwords were tried for or from %s; try again in %lld seconds",
			       limits[i].what, (long long)*ret_after_s);
	}
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		rate_take(&auth->tries, limits[i].key, limits[i].rate, now_ms(auth));
	return 0;
}

void auth_try_succeeded(struct auth *auth, const char *name, const char *address)
{
	rate_give(&auth->tries, name_key(name), &by_name, now_ms(auth));
	rate_give(&auth->tries, rate_key_of_address(address), &by_address, now_ms(auth));
}
