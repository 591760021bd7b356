/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How full a pool was: few samples that reach back far enough to tell when it will be full. They are a document of their own, for
 * the pool's is written every few seconds. */
#include "storage/storage_priv.h"

#define HOUR_MS (INT64_C(60) * 60 * 1000)
#define SAMPLES_MAX (4 * 7 * 24)

/* A clock that was set back leaves samples of a time that has not come. */
static void drop_later(struct pool_usage *usage, int64_t now_ms)
{
	while (usage->sample_count > 0 && usage->samples[usage->sample_count - 1].time > now_ms)
		usage->sample_count--;
}

static void drop_oldest(struct pool_usage *usage)
{
	if (usage->sample_count < SAMPLES_MAX)
		return;
	size_t more = usage->sample_count - SAMPLES_MAX + 1;
	usage->sample_count -= more;
	memmove(usage->samples, usage->samples + more, usage->sample_count * sizeof(*usage->samples));
}

void pool_usage_note(struct store *store, const struct pool *pool, int64_t now_ms)
{
	const struct pool_usage *before = store_get(store, &kind_pool_usage, pool->id);
	if (pool->total_bytes == 0)
		return;
	if (before && before->sample_count > 0) {
		int64_t age_ms = now_ms - before->samples[before->sample_count - 1].time;
		if (age_ms >= 0 && age_ms < HOUR_MS)
			return;
	}
	struct pool_usage *usage = before ? store_edit(store, &kind_pool_usage, pool->id)
					  : store_create_id(store, &kind_pool_usage, pool->id);
	drop_later(usage, now_ms);
	drop_oldest(usage);
	struct pool_sample *sample = schema_list_add(&pool_usage_schema, usage, "samples");
	sample->time = now_ms;
	sample->used_bytes = pool->used_bytes;
	sample->total_bytes = pool->total_bytes;
}
