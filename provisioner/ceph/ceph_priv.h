/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of this folder. Any worker thread; everything blocks, at most for the timeouts below. */
#ifndef INGOT_CEPH_CEPH_PRIV_H
#define INGOT_CEPH_CEPH_PRIV_H

#include <jansson.h>
#include <rados/librados.h>
#include <rbd/librbd.h>

#include "ceph/ceph_driver.h"

/* After these Ceph's own calls give up with ETIMEDOUT; without them they wait for a quorum for ever. */
#define CEPH_MON_TIMEOUT_S 15
#define CEPH_OSD_TIMEOUT_S 30
#define CEPH_ANSWER_MAX_BYTES (32 * MIB)

/* What the driver's ctx is: at most one connection is kept. */
struct ceph_librados;

/* A connection, counted: it is closed when the cache and the last call under way let go of it. */
struct ceph_conn;
/* Gives the kept connection if it is for the same access and works, else makes one. */
int ceph_conn_get(struct ceph_librados *ctx, const struct ceph_access *access, struct ceph_conn **ret, struct err *err);
struct ceph_conn *ceph_conn_put(struct ceph_conn *conn);
DEFINE_CLEANUP(struct ceph_conn *, ceph_conn_put)
#define _cleanup_conn_ _cleanup_(ceph_conn_put_p)

/* Turns a failure of librados or librbd into err: "<what>: <why>". A failure that speaks of the connection takes it out
 * of the cache, so that the next call makes a new one. Returns a negative errno. detail: Ceph's own text, or NULL. */
int ceph_fail(struct ceph_conn *conn, int rc, const char *detail, struct err *err, const char *fmt, ...)
	PRINTF_LIKE(5, 6);

/* One command to the monitors; its JSON is stolen. input may be NULL. *ret_answer: parsed JSON, or JSON null if the
 * command has no output; ret_answer may be NULL. raw_rc, if not NULL, gets Ceph's own negative errno. */
int ceph_command(struct ceph_conn *conn, json_t *command, const char *input, json_t **ret_answer, int *raw_rc,
		 struct err *err);

/* An I/O context of a pool: ERR_NOT_FOUND if there is no such pool. */
int ceph_io(struct ceph_conn *conn, const char *pool, rados_ioctx_t *ret, struct err *err);
/* Both, for a call that works in one pool. The context has to go before the connection: declare it after that. */
int ceph_pool_get(struct ceph_librados *ctx, const struct ceph_access *access, const char *pool,
		  struct ceph_conn **ret_conn, rados_ioctx_t *ret_io, struct err *err);
static inline void ceph_io_done(rados_ioctx_t *io)
{
	if (*io)
		rados_ioctx_destroy(*io);
}
#define _cleanup_io_ _cleanup_(ceph_io_done)
static inline void ceph_rbd_done(rbd_image_t *image)
{
	if (*image)
		rbd_close(*image);
}
#define _cleanup_rbd_ _cleanup_(ceph_rbd_done)

/* ---- pure: what the monitors' answers say (formats of Ceph 16.2) ---- */

/* Of "status". ERR_INTERNAL if it is not such a document. */
int ceph_parse_status(const json_t *status, struct ceph_status *ret, struct err *err);
/* Of "df", after the status: fills pool_max_avail_bytes and pool_stored_bytes; leaves them at 0 if there is no such pool. */
void ceph_parse_df(const json_t *df, const char *pool, struct ceph_status *status);
/* Of "osd tree": hosts with at least one OSD that is up. */
unsigned ceph_parse_hosts_up(const json_t *tree);

/* ---- the driver's functions, by file ---- */

int ceph_cluster_status(void *ctx, const struct ceph_access *access, const char *pool, struct ceph_status *ret,
			struct err *err);
int ceph_cluster_configure(void *ctx, const struct ceph_access *access, struct err *err);
int ceph_cluster_auth(void *ctx, const struct ceph_access *access, const char *entity, const char *const *caps,
		      char **ret_key, struct err *err);
int ceph_cluster_osd_new(void *ctx, const struct ceph_access *access, const char *uuid, int *ret_id, char **ret_key,
			 struct err *err);
int ceph_cluster_pool_create(void *ctx, const struct ceph_access *access, const char *pool, unsigned size,
			     unsigned min_size, unsigned pg_num, struct err *err);

int ceph_volume_create(void *ctx, const struct ceph_access *access, const char *pool, const char *name,
		       uint64_t size_bytes, struct err *err);
int ceph_volume_clone(void *ctx, const struct ceph_access *access, const char *pool, const char *image,
		      const char *name, uint64_t size_bytes, struct err *err);
int ceph_volume_delete(void *ctx, const struct ceph_access *access, const char *pool, const char *name,
		       struct err *err);

int ceph_image_import(void *ctx, const struct ceph_access *access, const char *pool, const char *name, const char *path,
		      uint64_t size_bytes, const char *sha256,
		      void (*progress)(uint64_t done_bytes, uint64_t total_bytes, void *data), void *data,
		      struct err *err);
int ceph_image_delete(void *ctx, const struct ceph_access *access, const char *pool, const char *name, struct err *err);

/* Makes an image with these features; -EEXIST if there is one. */
int ceph_rbd_create(rados_ioctx_t io, const char *name, uint64_t size_bytes, uint64_t features);
/* Removes an image that has no snapshots: its not being there is success, ERR_STATE while somebody has it open. */
int ceph_rbd_remove(struct ceph_conn *conn, rados_ioctx_t io, const char *pool, const char *name, struct err *err);

#define CEPH_IMAGE_SNAP "base"
/* Metadata of an image: the SHA-256 of its content. Set when that is written, before the snapshot. */
#define CEPH_IMAGE_HASH_KEY "ingot.sha256"
/* RBD sizes are whole multiples of this. */
#define CEPH_SIZE_GRAIN_BYTES (64 * KIB)
/* A volume has one writer at a time; an image is written once, by us, before anybody sees it. */
#define CEPH_VOLUME_FEATURES                                                                                           \
	(RBD_FEATURE_LAYERING | RBD_FEATURE_EXCLUSIVE_LOCK | RBD_FEATURE_OBJECT_MAP | RBD_FEATURE_FAST_DIFF |          \
	 RBD_FEATURE_DEEP_FLATTEN)
#define CEPH_IMAGE_FEATURES RBD_FEATURE_LAYERING

#endif
