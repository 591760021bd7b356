/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The provisioner calls drivers on workers; the simulated world belongs to the loop. Each call is carried over and waited for. */
#include <semaphore.h>

#include "simserver_priv.h"

struct carried {
	loop_fn fn;
	void *data;
	sem_t done;
};

static void carry_out(void *data)
{
	struct carried *carried = data;
	carried->fn(carried->data);
	sem_post(&carried->done);
}

static void on_loop(loop_fn fn, void *data)
{
	struct carried carried = { .fn = fn, .data = data };
	sem_init(&carried.done, 0, 0);
	loop_post(sim_world->loop, carry_out, &carried);
	while (sem_wait(&carried.done) < 0)
		continue;
	sem_destroy(&carried.done);
}

/* NAME with PARAMETERS calls TARGET with ARGUMENTS ("c->" is what was kept) on the loop; the rest fills what is kept. */
#define BRIDGE(name, target_fn, fields, parameters, arguments, ...)                                                    \
	struct name##_call {                                                                                           \
		int result;                                                                                            \
		fields                                                                                                 \
	};                                                                                                             \
	static void name##_run(void *data)                                                                             \
	{                                                                                                              \
		struct name##_call *c = data;                                                                          \
		c->result = target_fn arguments;                                                                       \
	}                                                                                                              \
	static int name parameters                                                                                     \
	{                                                                                                              \
		struct name##_call call = { 0, __VA_ARGS__ };                                                          \
		on_loop(name##_run, &call);                                                                            \
		return call.result;                                                                                    \
	}

/* ---- BMCs ---- */

BRIDGE(bmc_probe, sim_bmc_driver.probe, const struct bmc_target *target; struct bmc_identity * ret; struct err * err;
       , (const struct bmc_target *target, struct bmc_identity *ret, struct err *err), (c->target, c->ret, c->err),
       target, ret, err)
BRIDGE(bmc_power_get, sim_bmc_driver.power_get, const struct bmc_target *target; enum bmc_power * ret; struct err * err;
       , (const struct bmc_target *target, enum bmc_power *ret, struct err *err), (c->target, c->ret, c->err), target,
       ret, err)
BRIDGE(bmc_power_set, sim_bmc_driver.power_set, const struct bmc_target *target; enum bmc_power_action action;
       struct err * err;, (const struct bmc_target *target, enum bmc_power_action action, struct err *err),
			(c->target, c->action, c->err), target, action, err)
BRIDGE(bmc_boot_device, sim_bmc_driver.boot_device, const struct bmc_target *target; enum bmc_boot_device device;
       bool persistent; bool uefi; struct err * err;
       , (const struct bmc_target *target, enum bmc_boot_device device, bool persistent, bool uefi, struct err *err),
       (c->target, c->device, c->persistent, c->uefi, c->err), target, device, persistent, uefi, err)
BRIDGE(bmc_sensors, sim_bmc_driver.sensors, const struct bmc_target *target; struct bmc_sensors * ret; struct err * err;
       , (const struct bmc_target *target, struct bmc_sensors *ret, struct err *err), (c->target, c->ret, c->err),
       target, ret, err)
BRIDGE(bmc_sel, sim_bmc_driver.sel, const struct bmc_target *target; struct bmc_sel * ret; struct err * err;
       , (const struct bmc_target *target, struct bmc_sel *ret, struct err *err), (c->target, c->ret, c->err), target,
       ret, err)

const struct bmc_driver bridge_bmc_driver = {
	.name = "ipmi",
	.capabilities = BMC_CAN_POWER | BMC_CAN_BOOT_DEVICE | BMC_CAN_CONSOLE | BMC_CAN_SENSORS | BMC_CAN_SEL,
	.probe = bmc_probe,
	.power_get = bmc_power_get,
	.power_set = bmc_power_set,
	.boot_device = bmc_boot_device,
	.sensors = bmc_sensors,
	.sel = bmc_sel,
	.console_open = bmc_ends_console_open, /* on the loop already */
};

/* ---- Ceph ---- */

#define ACCESS void *ctx, const struct ceph_access *access
#define KEPT                                                                                                           \
	void *ctx;                                                                                                     \
	const struct ceph_access *access;

BRIDGE(rados_status, sim_ceph_driver.status, KEPT const char *pool; struct ceph_status * ret; struct err * err;
       , (ACCESS, const char *pool, struct ceph_status *ret, struct err *err),
       (c->ctx, c->access, c->pool, c->ret, c->err), ctx, access, pool, ret, err)
BRIDGE(rados_auth, sim_ceph_driver.auth, KEPT const char *entity; const char *const *caps; char **ret; struct err * err;
       , (ACCESS, const char *entity, const char *const *caps, char **ret, struct err *err),
       (c->ctx, c->access, c->entity, c->caps, c->ret, c->err), ctx, access, entity, caps, ret, err)
BRIDGE(rados_configure, sim_ceph_driver.configure, KEPT struct err *err;
       , (ACCESS, struct err *err), (c->ctx, c->access, c->err), ctx, access, err)
BRIDGE(rados_osd_new, sim_ceph_driver.osd_new, KEPT const char *uuid; int *ret_id; char **ret_key; struct err * err;
       , (ACCESS, const char *uuid, int *ret_id, char **ret_key, struct err *err),
       (c->ctx, c->access, c->uuid, c->ret_id, c->ret_key, c->err), ctx, access, uuid, ret_id, ret_key, err)
BRIDGE(rados_pool_create, sim_ceph_driver.pool_create, KEPT const char *pool; unsigned size; unsigned min_size;
       unsigned pg_num; struct err * err;
       , (ACCESS, const char *pool, unsigned size, unsigned min_size, unsigned pg_num, struct err *err),
       (c->ctx, c->access, c->pool, c->size, c->min_size, c->pg_num, c->err), ctx, access, pool, size, min_size, pg_num,
       err)
BRIDGE(rbd_create, sim_ceph_driver.volume_create, KEPT const char *pool; const char *name; uint64_t size;
       struct err * err;, (ACCESS, const char *pool, const char *name, uint64_t size, struct err *err),
			(c->ctx, c->access, c->pool, c->name, c->size, c->err), ctx, access, pool, name, size, err)
BRIDGE(rbd_clone, sim_ceph_driver.volume_clone, KEPT const char *pool; const char *image; const char *name;
       uint64_t size; struct err * err;
       , (ACCESS, const char *pool, const char *image, const char *name, uint64_t size, struct err *err),
       (c->ctx, c->access, c->pool, c->image, c->name, c->size, c->err), ctx, access, pool, image, name, size, err)
BRIDGE(rbd_delete, sim_ceph_driver.volume_delete, KEPT const char *pool; const char *name; struct err * err;
       , (ACCESS, const char *pool, const char *name, struct err *err), (c->ctx, c->access, c->pool, c->name, c->err),
       ctx, access, pool, name, err)
BRIDGE(rbd_import, sim_ceph_driver.image_import, KEPT const char *pool; const char *name; const char *path;
       uint64_t size; const char *sha256; void (*progress)(uint64_t, uint64_t, void *); void *data; struct err * err;
       ,
       (ACCESS, const char *pool, const char *name, const char *path, uint64_t size, const char *sha256,
	void (*progress)(uint64_t, uint64_t, void *), void *data, struct err *err),
       (c->ctx, c->access, c->pool, c->name, c->path, c->size, c->sha256, c->progress, c->data, c->err), ctx, access,
       pool, name, path, size, sha256, progress, data, err)
BRIDGE(rbd_image_delete, sim_ceph_driver.image_delete, KEPT const char *pool; const char *name; struct err * err;
       , (ACCESS, const char *pool, const char *name, struct err *err), (c->ctx, c->access, c->pool, c->name, c->err),
       ctx, access, pool, name, err)

const struct ceph_driver bridge_ceph_driver = {
	.status = rados_status,
	.auth = rados_auth,
	.configure = rados_configure,
	.osd_new = rados_osd_new,
	.pool_create = rados_pool_create,
	.volume_create = rbd_create,
	.volume_clone = rbd_clone,
	.volume_delete = rbd_delete,
	.image_import = rbd_import,
	.image_delete = rbd_image_delete,
};

/* One that is not carried over would be called where there is nothing. */
_Static_assert(sizeof(struct ceph_driver) == 10 * sizeof(void (*)(void)), "a bridge for each operation");
_Static_assert(sizeof(struct bmc_driver) == 9 * sizeof(void (*)(void)), "a bridge for each operation");
