/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images: RBD images written once from a file and then frozen by a protected snapshot, which volumes are cloned from.
 * The snapshot is what says that an image is whole: it is made last. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ceph/ceph_priv.h"

/* One RADOS object at a time, a few under way: enough to keep the OSDs busy, and all the memory an import takes. */
#define IMPORT_BLOCK_BYTES (4 * MIB)
#define IMPORT_DEPTH 3

struct import_slot {
	char *data;
	rbd_completion_t pending; /* NULL: free */
};

struct import {
	struct ceph_conn *conn;
	rbd_image_t image;
	const char *label;  /* "pool/name", for errors */
	const char *sha256; /* of the content */
	int fd;
	uint64_t file_bytes;
	struct import_slot slots[IMPORT_DEPTH];
	void (*progress)(uint64_t done_bytes, uint64_t total_bytes, void *data);
	void *data;
};

static int slot_wait(struct import *import, struct import_slot *slot, struct err *err)
{
	if (!slot->pending)
		return 0;
	rbd_aio_wait_for_complete(slot->pending);
	ssize_t rc = rbd_aio_get_return_value(slot->pending);
	rbd_aio_release(slot->pending);
	slot->pending = NULL;
	if (rc < 0)
		return ceph_fail(import->conn, (int)rc, NULL, err, "cannot write image %s", import->label);
	return 0;
}

static bool all_zero(const char *data, size_t len)
{
	return len == 0 || (data[0] == 0 && memcmp(data, data + 1, len - 1) == 0);
}

static int read_block(struct import *import, uint64_t offset, size_t len, char *data, struct err *err)
{
	for (size_t got = 0; got < len;) {
		ssize_t n = pread(import->fd, data + got, len - got, (off_t)(offset + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, -errno, "cannot read the image file");
		if (n == 0)
			return err_set(err, ERR_CORRUPT, "the image file became shorter while it was read");
		got += (size_t)n;
	}
	return 0;
}

static int write_block(struct import *import, struct import_slot *slot, uint64_t offset, struct err *err)
{
	size_t len = (size_t)MIN_OF(IMPORT_BLOCK_BYTES, import->file_bytes - offset);
	int rc = slot_wait(import, slot, err);
	if (rc == 0)
		rc = read_block(import, offset, len, slot->data, err);
	if (rc < 0)
		return rc;
	if (all_zero(slot->data, len))
		return 0;
	rc = rbd_aio_create_completion(NULL, NULL, &slot->pending);
	if (rc == 0)
		rc = rbd_aio_write(import->image, offset, len, slot->data, slot->pending);
	if (rc < 0) {
		if (slot->pending)
			rbd_aio_release(slot->pending);
		slot->pending = NULL;
		return ceph_fail(import->conn, rc, NULL, err, "cannot write image %s", import->label);
	}
	return 0;
}

/* The first block at or after offset that has data in the file, or the file's end. */
static uint64_t next_data(const struct import *import, uint64_t offset)
{
	off_t data = lseek(import->fd, (off_t)offset, SEEK_DATA);
	if (data < 0)
		return errno == ENXIO ? import->file_bytes : offset;
	return MAX_OF(offset, (uint64_t)data / IMPORT_BLOCK_BYTES * IMPORT_BLOCK_BYTES);
}

static int import_copy(struct import *import, struct err *err)
{
	int rc = 0;
	unsigned turn = 0;
	for (unsigned i = 0; i < IMPORT_DEPTH; i++)
		import->slots[i].data = xmalloc(IMPORT_BLOCK_BYTES);
	uint64_t offset = next_data(import, 0);
	while (rc == 0 && offset < import->file_bytes) {
		rc = write_block(import, &import->slots[turn++ % IMPORT_DEPTH], offset, err);
		if (rc == 0 && import->progress)
			import->progress(offset, import->file_bytes, import->data);
		offset = next_data(import, offset + IMPORT_BLOCK_BYTES);
	}
	for (unsigned i = 0; i < IMPORT_DEPTH; i++) {
		int slot_rc = slot_wait(import, &import->slots[i], rc == 0 ? err : NULL);
		rc = rc == 0 ? slot_rc : rc;
		free(import->slots[i].data);
	}
	malloc_trim(0); /* the library's buffers of this import lie scattered in its threads' arenas */
	if (rc == 0 && (rc = rbd_flush(import->image)) < 0)
		return ceph_fail(import->conn, rc, NULL, err, "cannot write image %s", import->label);
	if (rc == 0 && import->progress)
		import->progress(import->file_bytes, import->file_bytes, import->data);
	return rc;
}

/* ---- from whatever an earlier try left to a frozen image ---- */

/* Whether its metadata says that it has this content. 1, 0, or an error of librbd. */
static int has_content(struct import *import)
{
	char hash[128] = "";
	size_t len = sizeof(hash);
	int rc = rbd_metadata_get(import->image, CEPH_IMAGE_HASH_KEY, hash, &len);
	if (rc == -ENOENT || rc == -ERANGE)
		return 0;
	return rc < 0 ? rc : strncmp(hash, import->sha256, sizeof(hash)) == 0;
}

/* What was frozen before is another content: it goes. -EBUSY while volumes depend on it. */
static int thaw(rbd_image_t image)
{
	int rc = rbd_snap_unprotect(image, CEPH_IMAGE_SNAP);
	/* -EINVAL: not protected (any more); -ENOENT: no snapshot (any more). */
	if (rc == 0 || rc == -EINVAL)
		rc = rbd_snap_remove(image, CEPH_IMAGE_SNAP);
	return rc == -ENOENT ? 0 : rc;
}

static int thaw_other(struct import *import, struct err *err)
{
	int rc = thaw(import->image);
	if (rc == -EBUSY)
		return err_set(err, ERR_STATE,
			       "there is an image %s already, of another content, and volumes depend on it",
			       import->label);
	if (rc < 0)
		return ceph_fail(import->conn, rc, NULL, err, "cannot take away what was in image %s", import->label);
	return 0;
}

/* An empty image without a hash: shrinking to nothing is how RBD forgets what an earlier try wrote. */
static int empty(struct import *import, uint64_t image_bytes, struct err *err)
{
	int rc = rbd_metadata_remove(import->image, CEPH_IMAGE_HASH_KEY);
	if (rc == 0 || rc == -ENOENT)
		rc = rbd_resize(import->image, 0);
	if (rc == 0)
		rc = rbd_resize(import->image, image_bytes);
	if (rc < 0)
		return ceph_fail(import->conn, rc, NULL, err, "cannot prepare image %s", import->label);
	return 0;
}

/* 1 if the image is whole already, 0 if it must be written, or an error. */
static int import_prepare(struct import *import, uint64_t image_bytes, struct err *err)
{
	bool frozen = false;
	uint64_t have_bytes = 0;
	int same = 0;
	int rc = rbd_snap_exists(import->image, CEPH_IMAGE_SNAP, &frozen);
	if (rc == 0)
		rc = rbd_get_size(import->image, &have_bytes);
	if (rc == 0)
		rc = same = has_content(import);
	if (rc < 0)
		return ceph_fail(import->conn, rc, NULL, err, "cannot open image %s", import->label);
	if (frozen && same && have_bytes == image_bytes)
		return 1;
	rc = frozen ? thaw_other(import, err) : 0;
	return rc < 0 ? rc : empty(import, image_bytes, err);
}

/* The hash says what is in it once all of it is there; the snapshot, that it is whole. */
static int import_freeze(struct import *import, struct err *err)
{
	int is_protected = 0;
	int rc = rbd_metadata_set(import->image, CEPH_IMAGE_HASH_KEY, import->sha256);
	if (rc == 0)
		rc = rbd_snap_create(import->image, CEPH_IMAGE_SNAP);
	if (rc == 0 || rc == -EEXIST)
		rc = rbd_snap_is_protected(import->image, CEPH_IMAGE_SNAP, &is_protected);
	if (rc == 0 && !is_protected)
		rc = rbd_snap_protect(import->image, CEPH_IMAGE_SNAP);
	if (rc < 0)
		return ceph_fail(import->conn, rc, NULL, err, "cannot freeze image %s", import->label);
	return 0;
}

static int import_run(struct import *import, rados_ioctx_t io, const char *name, struct err *err)
{
	uint64_t image_bytes =
		(import->file_bytes + CEPH_SIZE_GRAIN_BYTES - 1) / CEPH_SIZE_GRAIN_BYTES * CEPH_SIZE_GRAIN_BYTES;
	int rc = ceph_rbd_create(io, name, image_bytes, CEPH_IMAGE_FEATURES);
	if (rc < 0 && rc != -EEXIST)
		return ceph_fail(import->conn, rc, NULL, err, "cannot make image %s", import->label);
	_cleanup_rbd_ rbd_image_t image = NULL;
	rc = rbd_open(io, name, &image, NULL);
	if (rc < 0)
		return ceph_fail(import->conn, rc, NULL, err, "cannot open image %s", import->label);
	import->image = image;
	rc = import_prepare(import, image_bytes, err);
	if (rc == 0)
		rc = import_copy(import, err);
	if (rc < 0)
		return rc;
	return import_freeze(import, err);
}

static int open_file(const char *path, uint64_t size_bytes, int *ret_fd, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set_errno(err, -errno, "cannot open the image file %s", path);
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return err_set(err, ERR_INVALID, "the image file %s is %s", path,
			       S_ISREG(st.st_mode) ? "empty" : "not a regular file");
	if ((uint64_t)st.st_size != size_bytes)
		return err_set(err, ERR_CORRUPT, "the image file %s has %llu bytes, not %llu", path,
			       (unsigned long long)st.st_size, (unsigned long long)size_bytes);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int ceph_image_import(void *ctx, const struct ceph_access *access, const char *pool, const char *name, const char *path,
		      uint64_t size_bytes, const char *sha256,
		      void (*progress)(uint64_t done_bytes, uint64_t total_bytes, void *data), void *data,
		      struct err *err)
{
	_cleanup_close_ int fd = -1;
	_cleanup_conn_ struct ceph_conn *conn = NULL;
	_cleanup_io_ rados_ioctx_t io = NULL;
	int rc = open_file(path, size_bytes, &fd, err);
	if (rc == 0)
		rc = ceph_pool_get(ctx, access, pool, &conn, &io, err);
	if (rc < 0)
		return rc;
	_cleanup_free_ char *label = xasprintf("%s/%s", pool, name);
	struct import import = {
		.conn = conn,
		.label = label,
		.sha256 = sha256,
		.fd = fd,
		.file_bytes = size_bytes,
		.progress = progress,
		.data = data,
	};
	return import_run(&import, io, name, err);
}

int ceph_image_delete(void *ctx, const struct ceph_access *access, const char *pool, const char *name, struct err *err)
{
	_cleanup_conn_ struct ceph_conn *conn = NULL;
	_cleanup_io_ rados_ioctx_t io = NULL;
	int rc = ceph_pool_get(ctx, access, pool, &conn, &io, err);
	if (rc < 0)
		return rc;

	_cleanup_rbd_ rbd_image_t image = NULL;
	rc = rbd_open(io, name, &image, NULL);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return ceph_fail(conn, rc, NULL, err, "cannot open image %s/%s", pool, name);
	rc = thaw(image);
	if (rc == -EBUSY)
		return err_set(err, ERR_STATE, "image %s/%s has volumes that depend on it", pool, name);
	if (rc < 0)
		return ceph_fail(conn, rc, NULL, err, "cannot remove image %s/%s", pool, name);
	rbd_close(TAKE_PTR(image));
	return ceph_rbd_remove(conn, io, pool, name, err);
}
