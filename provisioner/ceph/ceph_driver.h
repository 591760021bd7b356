/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the provisioner asks of Ceph, as a table of blocking functions: librados and librbd with op timeouts in the real
 * one, a model of a cluster in the simulation. They run on the work queue, and several may at a time: the caller sees to it that
 * no two are about one image or volume. All are idempotent: asked twice, they do no harm and give the same answer. */
#ifndef INGOT_CEPH_CEPH_DRIVER_H
#define INGOT_CEPH_CEPH_DRIVER_H

#include "base/err.h"

/* A CephX key: 28 bytes in base64 (type, creation time, length, 16 random bytes). The caller frees. */
char *ceph_key_new(void);

struct ceph_access {
	char *fsid;
	char *mon_host; /* "[v2:10.77.0.150:3300]" */
	char *key;	/* of client.admin */
};

struct ceph_status {
	char *health;				   /* HEALTH_OK, HEALTH_WARN, HEALTH_ERR */
	char *checks;				   /* "; "-joined summaries of the health checks, or NULL */
	unsigned osds, osds_up, osds_in, hosts_up; /* hosts with at least one OSD up */
	unsigned pgs, pgs_active_clean;
	uint64_t total_bytes, used_bytes;
	uint64_t pool_max_avail_bytes; /* of the pool asked about, in all its copies; 0 if there is none */
	uint64_t pool_stored_bytes;
	uint64_t degraded_objects, degraded_total; /* copies missing, of how many */
	bool mgr_available;
};
void ceph_status_done(struct ceph_status *status);

/* Errors: ERR_UNREACHABLE (no quorum within the timeout), ERR_CREDENTIALS, ERR_NOT_FOUND, ERR_EXISTS, ERR_CAPACITY,
 * ERR_INTERNAL with Ceph's own text. */
struct ceph_driver {
	/* Asks status; pool may be NULL. */
	int (*status)(void *ctx, const struct ceph_access *access, const char *pool, struct ceph_status *ret,
		      struct err *err);
	/* Settings of the whole cluster, before its first manager starts. */
	int (*configure)(void *ctx, const struct ceph_access *access, struct err *err);
	/* Makes an entity with these capabilities if it is not there and gives its key ("auth get-or-create"). The caller
	 * frees. caps: "mon", "profile osd", ..., NULL-terminated pairs. */
	int (*auth)(void *ctx, const struct ceph_access *access, const char *entity, const char *const *caps,
		    char **ret_key, struct err *err);
	/* Registers an OSD ("osd new", idempotent by uuid): gives its number and its key. The caller frees the key. */
	int (*osd_new)(void *ctx, const struct ceph_access *access, const char *uuid, int *ret_id, char **ret_key,
		       struct err *err);
	/* A replicated pool with failure domain host, application rbd, rbd pool init. */
	int (*pool_create)(void *ctx, const struct ceph_access *access, const char *pool, unsigned size,
			   unsigned min_size, unsigned pg_num, struct err *err);
	/* ERR_EXISTS only if an image of that name has another size. */
	int (*volume_create)(void *ctx, const struct ceph_access *access, const char *pool, const char *name,
			     uint64_t size_bytes, struct err *err);
	/* Copy-on-write clone of image@base, grown to size_bytes. */
	int (*volume_clone)(void *ctx, const struct ceph_access *access, const char *pool, const char *image,
			    const char *name, uint64_t size_bytes, struct err *err);
	/* Removes an RBD image; its not being there is success. ERR_STATE while it is in use (has watchers). */
	int (*volume_delete)(void *ctx, const struct ceph_access *access, const char *pool, const char *name,
			     struct err *err);
	/* Writes a file, which must have size_bytes, into an RBD image, makes and protects the snapshot "base". An image that is
	 * whole is known by the SHA-256 of its content, which is kept with it; any other of that name, an earlier try that was cut
	 * off or another content, is written anew from its beginning. ERR_STATE if that has clones; ERR_CORRUPT if the file has
	 * another size. progress may be NULL; called on the worker. */
	int (*image_import)(void *ctx, const struct ceph_access *access, const char *pool, const char *name,
			    const char *path, uint64_t size_bytes, const char *sha256,
			    void (*progress)(uint64_t done_bytes, uint64_t total_bytes, void *data), void *data,
			    struct err *err);
	/* Unprotects and removes. ERR_STATE while clones depend on it. */
	int (*image_delete)(void *ctx, const struct ceph_access *access, const char *pool, const char *name,
			    struct err *err);
};
extern const struct ceph_driver ceph_driver_librados; /* ctx: from ceph_librados_new() */
void *ceph_librados_new(void);
void *ceph_librados_free(void *ctx);

#endif
