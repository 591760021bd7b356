/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A model of a Ceph cluster: there is a quorum while the monitor's machine runs, and every operation is idempotent. */
#include "world.h"

#define HOUR_MS (60 * 60 * 1000)
#define TOTAL_BYTES (192 * GIB)
/* In a pool that fills: what is there first, what comes each hour to stay, what comes and goes with the day. */
#define FIRST_BYTES (16 * GIB)
#define HOURLY_BYTES (GIB / 5)
#define DAYTIME_BYTES (GIB / 8)

bool sim_ceph_quorum(struct world *world)
{
	for (unsigned i = 0; i < world->machine_count; i++)
		if (world->machines[i].env == ENV_HOST && world->machines[i].mon_running)
			return true;
	return false;
}

static int reach(struct world *world, struct err *err)
{
	if (!world_up(world) || !sim_ceph_quorum(world) || world_chance(world, world->faults.ceph_fails))
		return err_set(err, ERR_UNREACHABLE, "the monitors do not answer");
	return 0;
}

static unsigned hosts_up(struct world *world)
{
	unsigned hosts = 0;
	for (unsigned i = 0; i < world->machine_count; i++)
		hosts += world->machines[i].env == ENV_HOST && world->machines[i].osd_running;
	return hosts;
}

uint64_t sim_ceph_used_bytes(const struct world *world, int64_t at_ms)
{
	if (world->filling_since_ms == 0 || at_ms < world->filling_since_ms)
		return 0;
	uint64_t hours = (uint64_t)((at_ms - world->filling_since_ms) / HOUR_MS), hour = hours % 24;
	uint64_t daytime = hour < 12 ? hour : 24 - hour;
	return MIN_OF(FIRST_BYTES + hours * HOURLY_BYTES + daytime * DAYTIME_BYTES, (uint64_t)TOTAL_BYTES);
}

static int sim_status(void *ctx, const struct ceph_access *access, const char *pool, struct ceph_status *ret,
		      struct err *err)
{
	struct world *world = ctx;
	int r = reach(world, err);
	if (r < 0)
		return r;
	unsigned up = hosts_up(world);
	*ret = (struct ceph_status){ .health = xstrdup("HEALTH_OK"),
				     .osds = world->osd_count,
				     .osds_up = up,
				     .osds_in = up,
				     .hosts_up = up,
				     .pgs = world->pool ? 32 : 0,
				     .total_bytes = TOTAL_BYTES,
				     .used_bytes = sim_ceph_used_bytes(world, loop_now_ms(world->loop)),
				     .pool_max_avail_bytes = world->pool ? 60 * GIB : 0,
				     .mgr_available = true };
	ret->pgs_active_clean = up >= 3 ? ret->pgs : 0;
	return 0;
}

static int sim_configure(void *ctx, const struct ceph_access *access, struct err *err)
{
	return reach(ctx, err);
}

static int sim_auth(void *ctx, const struct ceph_access *access, const char *entity, const char *const *caps,
		    char **ret_key, struct err *err)
{
	int r = reach(ctx, err);
	if (r == 0)
		*ret_key = xstrdup("key");
	return r;
}

static int sim_osd_new(void *ctx, const struct ceph_access *access, const char *uuid, int *ret_id, char **ret_key,
		       struct err *err)
{
	struct world *world = ctx;
	unsigned i = 0;
	int r = reach(world, err);
	if (r < 0)
		return r;
	while (i < world->osd_count && !str_equal(world->osds[i], uuid))
		i++;
	if (i == world->osd_count)
		world->osds[world->osd_count++] = xstrdup(uuid);
	*ret_id = (int)i;
	*ret_key = xstrdup("key");
	return 0;
}

static int sim_pool_create(void *ctx, const struct ceph_access *access, const char *pool, unsigned size,
			   unsigned min_size, unsigned pg_num, struct err *err)
{
	struct world *world = ctx;
	int r = reach(world, err);
	if (r == 0)
		world->pool = true;
	return r;
}

static int make(struct world *world, const char *name, struct err *err)
{
	int r = reach(world, err);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < world->rbd_count; i++)
		if (str_equal(world->rbd[i], name))
			return 0;
	unsigned room = world->rbd_room ? world->rbd_room : RBD_MAX;
	if (world->rbd_count >= room)
		return err_set(err, ERR_CAPACITY, "the simulated pool holds %u images", room);
	world->rbd[world->rbd_count++] = xstrdup(name);
	return 0;
}

static int sim_volume_create(void *ctx, const struct ceph_access *access, const char *pool, const char *name,
			     uint64_t size_bytes, struct err *err)
{
	return make(ctx, name, err);
}

static int sim_volume_clone(void *ctx, const struct ceph_access *access, const char *pool, const char *image,
			    const char *name, uint64_t size_bytes, struct err *err)
{
	return make(ctx, name, err);
}

static int drop(void *ctx, const struct ceph_access *access, const char *pool, const char *name, struct err *err)
{
	struct world *world = ctx;
	int r = reach(world, err);
	for (unsigned i = 0; r == 0 && i < world->rbd_count; i++) {
		if (!str_equal(world->rbd[i], name))
			continue;
		free(world->rbd[i]);
		world->rbd[i] = world->rbd[--world->rbd_count];
	}
	return r;
}

static int sim_image_import(void *ctx, const struct ceph_access *access, const char *pool, const char *name,
			    const char *path, uint64_t size_bytes, const char *sha256,
			    void (*progress)(uint64_t, uint64_t, void *), void *data, struct err *err)
{
	if (progress)
		progress(1, 2, data);
	return make(ctx, name, err);
}

const struct ceph_driver sim_ceph_driver = {
	.status = sim_status,
	.configure = sim_configure,
	.auth = sim_auth,
	.osd_new = sim_osd_new,
	.pool_create = sim_pool_create,
	.volume_create = sim_volume_create,
	.volume_clone = sim_volume_clone,
	.volume_delete = drop,
	.image_import = sim_image_import,
	.image_delete = drop,
};
