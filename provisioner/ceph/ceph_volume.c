/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Volumes: RBD images that virtual machines write to. */
#include <errno.h>

#include "ceph/ceph_priv.h"

static rbd_image_options_t options_new(uint64_t features)
{
	rbd_image_options_t options;
	rbd_image_options_create(&options);
	rbd_image_options_set_uint64(options, RBD_IMAGE_OPTION_FEATURES, features);
	return options;
}

int ceph_rbd_create(rados_ioctx_t io, const char *name, uint64_t size_bytes, uint64_t features)
{
	rbd_image_options_t options = options_new(features);
	int rc = rbd_create4(io, name, size_bytes, options);
	rbd_image_options_destroy(options);
	return rc;
}

/* -ENOENT is passed up without a text: callers expect it. */
static int size_of(struct ceph_conn *conn, rados_ioctx_t io, const char *pool, const char *name, uint64_t *ret_bytes,
		   struct err *err)
{
	_cleanup_rbd_ rbd_image_t image = NULL;
	int rc = rbd_open_read_only(io, name, &image, NULL);
	if (rc == -ENOENT)
		return rc;
	if (rc == 0)
		rc = rbd_get_size(image, ret_bytes);
	if (rc < 0)
		return ceph_fail(conn, rc, NULL, err, "cannot open volume %s/%s", pool, name);
	return 0;
}

int ceph_volume_create(void *ctx, const struct ceph_access *access, const char *pool, const char *name,
		       uint64_t size_bytes, struct err *err)
{
	_cleanup_conn_ struct ceph_conn *conn = NULL;
	_cleanup_io_ rados_ioctx_t io = NULL;
	int rc = ceph_pool_get(ctx, access, pool, &conn, &io, err);
	if (rc < 0)
		return rc;
	rc = ceph_rbd_create(io, name, size_bytes, CEPH_VOLUME_FEATURES);
	if (rc == 0)
		return 0;
	if (rc != -EEXIST)
		return ceph_fail(conn, rc, NULL, err, "cannot make volume %s/%s", pool, name);

	uint64_t have_bytes = 0;
	rc = size_of(conn, io, pool, name, &have_bytes, err);
	if (rc < 0)
		return rc == -ENOENT ? ceph_fail(conn, rc, NULL, err, "volume %s/%s", pool, name) : rc;
	if (have_bytes != size_bytes)
		return err_set(err, ERR_EXISTS, "there is a volume %s/%s already, of %llu bytes", pool, name,
			       (unsigned long long)have_bytes);
	return 0;
}

/* ---- clones ---- */

static bool parent_is(rbd_image_t image, const char *pool, const char *parent_name)
{
	rbd_linked_image_spec_t parent;
	rbd_snap_spec_t snap;
	if (rbd_get_parent(image, &parent, &snap) < 0)
		return false;
	bool same = str_equal(parent.pool_name, pool) && str_equal(parent.image_name, parent_name) &&
		    str_equal(snap.name, CEPH_IMAGE_SNAP);
	rbd_linked_image_spec_cleanup(&parent);
	rbd_snap_spec_cleanup(&snap);
	return same;
}

/* A clone begins with its parent's size; an earlier try may have been cut off before it was grown. */
static int clone_finish(struct ceph_conn *conn, rados_ioctx_t io, const char *pool, const char *parent_name,
			const char *name, uint64_t size_bytes, struct err *err)
{
	_cleanup_rbd_ rbd_image_t image = NULL;
	uint64_t have_bytes = 0;
	int rc = rbd_open(io, name, &image, NULL);
	if (rc == 0)
		rc = rbd_get_size(image, &have_bytes);
	if (rc < 0)
		return ceph_fail(conn, rc, NULL, err, "cannot open volume %s/%s", pool, name);
	if (!parent_is(image, pool, parent_name))
		return err_set(err, ERR_EXISTS, "there is a volume %s/%s already, not made from image %s", pool, name,
			       parent_name);
	if (have_bytes > size_bytes)
		return err_set(err, ERR_EXISTS, "there is a volume %s/%s already, of %llu bytes", pool, name,
			       (unsigned long long)have_bytes);
	if (have_bytes == size_bytes)
		return 0;
	rc = rbd_resize(image, size_bytes);
	if (rc < 0)
		return ceph_fail(conn, rc, NULL, err, "cannot grow volume %s/%s", pool, name);
	return 0;
}

int ceph_volume_clone(void *ctx, const struct ceph_access *access, const char *pool, const char *image,
		      const char *name, uint64_t size_bytes, struct err *err)
{
	_cleanup_conn_ struct ceph_conn *conn = NULL;
	_cleanup_io_ rados_ioctx_t io = NULL;
	int rc = ceph_pool_get(ctx, access, pool, &conn, &io, err);
	if (rc < 0)
		return rc;
	uint64_t image_bytes = 0;
	rc = size_of(conn, io, pool, image, &image_bytes, err);
	if (rc == -ENOENT)
		return err_set(err, ERR_NOT_FOUND, "there is no image %s in pool %s", image, pool);
	if (rc < 0)
		return rc;
	if (size_bytes < image_bytes)
		return err_set_field(err, ERR_INVALID, "size_bytes",
				     "the volume must hold the image: at least %llu bytes",
				     (unsigned long long)image_bytes);

	rbd_image_options_t options = options_new(CEPH_VOLUME_FEATURES);
	rc = rbd_clone3(io, image, CEPH_IMAGE_SNAP, io, name, options);
	rbd_image_options_destroy(options);
	if (rc == -ENOENT || rc == -EINVAL) /* no such snapshot, or it is not protected: the import has not ended */
		return err_set(err, ERR_STATE, "image %s/%s is not complete", pool, image);
	if (rc < 0 && rc != -EEXIST)
		return ceph_fail(conn, rc, NULL, err, "cannot clone image %s/%s", pool, image);
	return clone_finish(conn, io, pool, image, name, size_bytes, err);
}

/* ---- removal ---- */

static int in_use(rados_ioctx_t io, const char *pool, const char *name, struct err *err)
{
	rbd_image_watcher_t watchers[16];
	size_t count = ARRAY_SIZE(watchers);
	_cleanup_rbd_ rbd_image_t image = NULL;
	if (rbd_open_read_only(io, name, &image, NULL) == 0 && rbd_watchers_list(image, watchers, &count) == 0) {
		int rc = count ? err_set(err, ERR_STATE, "volume %s/%s is in use by %s", pool, name, watchers[0].addr)
			       : err_set(err, ERR_STATE, "volume %s/%s was in use a moment ago", pool, name);
		rbd_watchers_list_cleanup(watchers, count);
		return rc;
	}
	return err_set(err, ERR_STATE, "volume %s/%s is in use", pool, name);
}

int ceph_rbd_remove(struct ceph_conn *conn, rados_ioctx_t io, const char *pool, const char *name, struct err *err)
{
	int rc = rbd_remove(io, name);
	if (rc == 0 || rc == -ENOENT)
		return 0;
	if (rc == -EBUSY)
		return in_use(io, pool, name, err);
	if (rc == -ENOTEMPTY)
		return err_set(err, ERR_STATE, "volume %s/%s has snapshots", pool, name);
	return ceph_fail(conn, rc, NULL, err, "cannot remove volume %s/%s", pool, name);
}

int ceph_volume_delete(void *ctx, const struct ceph_access *access, const char *pool, const char *name, struct err *err)
{
	_cleanup_conn_ struct ceph_conn *conn = NULL;
	_cleanup_io_ rados_ioctx_t io = NULL;
	int rc = ceph_pool_get(ctx, access, pool, &conn, &io, err);
	if (rc < 0)
		return rc;
	return ceph_rbd_remove(conn, io, pool, name, err);
}
