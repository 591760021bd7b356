/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images: announced, imported from a file into a protected RBD snapshot that volumes are cloned from, deleted. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "crypto/crypto.h"
#include "storage/storage_priv.h"

#define EFFECT_DELETE "image-delete"
#define SECTOR_BYTES 512

static char *image_device(const char *id)
{
	return xasprintf("image-%s", id);
}

char *image_content_path(const struct storage *storage, const char *id)
{
	return xasprintf("%s/%s", storage->spec.upload_dir, id);
}

int image_check_size(struct storage *storage, const char *field, uint64_t bytes, struct err *err)
{
	const char *before = field ? "size_bytes: is " : "the content has ";
	if (bytes == 0 || bytes % SECTOR_BYTES)
		return err_set_field(err, ERR_INVALID, field,
				     "%s%" PRIu64 " bytes; a raw disk image is a multiple of 512", before, bytes);
	if (bytes > storage_pool(storage)->available_bytes)
		return err_set_field(err, ERR_CAPACITY, field,
				     "%s%" PRIu64 " bytes, more than the pool can still store", before, bytes);
	return 0;
}

int image_create(struct storage *storage, const struct image *wanted, const struct image **ret, struct err *err)
{
	const struct image *other = store_find(storage->store, &kind_image, wanted->name);
	int r = storage_require_pool(storage, err);
	if (r == 0 && wanted->size_bytes)
		r = image_check_size(storage, "size_bytes", wanted->size_bytes, err);
	if (r < 0)
		return r;
	if (other)
		return err_set_field(err, ERR_EXISTS, "name", "name: '%s' is taken by image %s; choose another",
				     wanted->name, other->id);
	store_begin(storage->store);
	struct image *image = store_create(storage->store, &kind_image);
	_cleanup_free_ char *id = xstrdup(image->id);
	str_set(&image->name, wanted->name);
	str_set(&image->sha256, wanted->sha256);
	str_set(&image->pool, STORAGE_POOL);
	image->size_bytes = image->announced_bytes = wanted->size_bytes;
	image->state = IMAGE_UPLOADING;
	image->created = loop_now_ms(storage->loop);
	r = store_commit(storage->store, err);
	if (r == 0)
		*ret = store_get(storage->store, &kind_image, id);
	return r;
}

int image_check_not_deleting(const struct image *image, struct err *err)
{
	if (image->state == IMAGE_FAILED && image->task)
		return err_set(err, ERR_STATE, "image %s is being deleted", image->name);
	return 0;
}

/* ---- import ---- */

/* What is in the file is what was received, and what was announced. */
static int check_content(struct ceph_job *job)
{
	_cleanup_close_ int fd = open(job->path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *hex = NULL;
	uint8_t digest[SHA256_SIZE];
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set_errno(&job->err, -errno, "reading the upload");
	if ((uint64_t)st.st_size != job->size_bytes)
		return err_set_field(&job->err, ERR_CORRUPT, "size_bytes",
				     "size_bytes: the content has %jd bytes, not %" PRIu64 "; upload it again",
				     (intmax_t)st.st_size, job->size_bytes);
	int r = sha256_of_file(fd, digest);
	if (r < 0)
		return err_set_errno(&job->err, r, "reading the upload");
	hex = hex_encode(digest, sizeof(digest));
	if (job->received && !str_equal(job->received, hex))
		return err_set_field(&job->err, ERR_CORRUPT, "sha256",
				     "sha256: the provisioner's disk gives back content with %s, but %s was received; "
				     "look at that disk, then upload it again",
				     hex, job->received);
	if (job->text && !str_equal(job->text, hex))
		return err_set_field(&job->err, ERR_CORRUPT, "sha256",
				     "sha256: the content has %s, not %s; upload it again", hex, job->text);
	free(job->text);
	job->text = TAKE_PTR(hex);
	return 0;
}

static void import_progress(uint64_t done_bytes, uint64_t total_bytes, void *data)
{
	struct ceph_job *job = data;
	job->percent = total_bytes ? (int)(done_bytes * 100 / total_bytes) : 0;
}

static void work_import(struct ceph_job *job)
{
	if (job->called_off)
		return;
	if (check_content(job) == 0)
		job->driver->image_import(job->driver_ctx, &job->access, job->pool, job->name, job->path,
					  job->size_bytes, job->text, import_progress, job, &job->err);
}

/* What is under way inside Ceph comes to its end unseen: nothing is cloned from it, and the next upload, or the deletion of the
 * image, finds what it has left. */
bool image_call_off(struct storage *storage, const struct task *task)
{
	const struct image *image = store_get(storage->store, &kind_image, task->resource_id);
	if (!image || !str_equal(image->task, task->id) || image->state != IMAGE_IMPORTING)
		return false;
	_cleanup_free_ char *id = xstrdup(image->id);
	store_begin(storage->store);
	((struct image *)store_edit(storage->store, &kind_image, id))->call_off = true;
	store_must_commit(storage->store);
	ceph_job_call_off(storage, id);
	return false;
}

static void done_import(struct ceph_job *job)
{
	struct storage *storage = job->storage;
	const struct image *image = store_get(storage->store, &kind_image, job->id);
	store_begin(storage->store);
	if (image) {
		struct image *edit = store_edit(storage->store, &kind_image, job->id);
		if (edit->call_off)
			err_set(&job->err, ERR_CANCELLED, "its import was cancelled; upload it again");
		edit->call_off = false;
		bool ok = job->err.code == ERR_NONE;
		edit->state = ok ? IMAGE_AVAILABLE : IMAGE_FAILED;
		edit->error = schema_free(&problem_schema, edit->error);
		if (ok)
			str_set(&edit->sha256, job->text);
		else
			edit->error = problem_new(&job->err);
		storage_finish(storage, job, edit->task);
		str_set(&edit->task, NULL);
		str_set(&edit->upload, NULL);
	}
	if (store_must_commit(storage->store) == 0 && unlink(job->path) < 0)
		log_debug("removing %s failed", job->path);
}

static void on_import(const struct effect *effect, void *data)
{
	struct storage *storage = data;
	const struct image *image = store_get(storage->store, &kind_image, effect->id);
	struct ceph_job *job =
		ceph_job_for(storage, effect, CEPH_LANE_IMAGES, image && image->state == IMAGE_IMPORTING);
	if (!job)
		return;
	assert(image);
	job->name = image_device(image->id);
	ceph_job_set_task(job, image->task, IMAGE_DEADLINE_MS);
	job->path = xstrdup(image->upload);
	job->text = xstrdup(image->sha256);
	job->received = xstrdup(image->received_sha256);
	job->size_bytes = image->size_bytes;
	job->called_off = image->call_off;
	job->work = work_import;
	job->done = done_import;
	ceph_job_run(job);
}

/* ---- delete ---- */

static int check_delete(struct storage *storage, const struct image *image, struct err *err)
{
	int r = image_check_not_deleting(image, err);
	if (r < 0)
		return r;
	if (image->state == IMAGE_IMPORTING)
		return err_set(err, ERR_STATE, "image %s is being imported; wait for that to end", image->name);
	STORE_EACH(struct volume, volume, storage->store, &kind_volume)
		if (str_equal(volume->image, image->id))
			return err_set(err, ERR_STATE, "volume %s is a clone of image %s; delete that first",
				       volume->name, image->name);
	return 0;
}

int image_delete(struct storage *storage, const char *id, const char **ret_task, struct err *err)
{
	const struct image *image = store_get(storage->store, &kind_image, id);
	int r = check_delete(storage, image, err);
	if (r < 0)
		return r;
	store_begin(storage->store);
	struct image *edit = store_edit(storage->store, &kind_image, id);
	_cleanup_free_ char *task =
		xstrdup(task_create(storage->store, "image.delete", "image", id, edit->name, IMAGE_DEADLINE_MS));
	str_set(&edit->task, task);
	edit->state = IMAGE_FAILED; /* no volume is cloned from it any more */
	store_effect_add(storage->store, EFFECT_DELETE, id, 0);
	return task_commit(storage->store, task, ret_task, err);
}

static void work_delete(struct ceph_job *job)
{
	job->driver->image_delete(job->driver_ctx, &job->access, job->pool, job->name, &job->err);
}

static void done_delete(struct ceph_job *job)
{
	struct storage *storage = job->storage;
	const struct image *image = store_get(storage->store, &kind_image, job->id);
	store_begin(storage->store);
	storage_finish(storage, job, image ? image->task : NULL);
	if (image && job->err.code == ERR_NONE) {
		_cleanup_free_ char *path = image_content_path(storage, job->id);
		unlink(path); /* what had come of one that was never whole */
		storage_received_forget(storage, job->id);
		store_remove(storage->store, &kind_image, job->id);
	} else if (image) {
		struct image *edit = store_edit(storage->store, &kind_image, job->id);
		schema_free(&problem_schema, edit->error);
		edit->error = problem_new(&job->err);
		str_set(&edit->task, NULL);
	}
	store_must_commit(storage->store);
}

static void on_delete(const struct effect *effect, void *data)
{
	struct storage *storage = data;
	const struct image *image = store_get(storage->store, &kind_image, effect->id);
	struct ceph_job *job = ceph_job_for(storage, effect, CEPH_LANE_IMAGES, image);
	if (!job)
		return;
	assert(image);
	job->name = image_device(image->id);
	ceph_job_set_task(job, image->task, IMAGE_DEADLINE_MS);
	job->work = work_delete;
	job->done = done_delete;
	ceph_job_run(job);
}

/* ---- progress of imports, and life ---- */

void storage_show_progress(struct storage *storage)
{
	struct ceph_job *job;
	LIST_FOREACH(job, &storage->jobs, link) {
		int percent = job->percent;
		if (job->work != work_import || percent == job->shown_percent)
			continue;
		job->shown_percent = percent;
		store_begin(storage->store);
		task_progress(storage->store, job->task, percent, NULL);
		task_put_off(storage->store, job->task, job->deadline_ms); /* it does not stand still */
		store_must_commit(storage->store);
	}
}

void storage_images_register(struct storage *storage)
{
	store_effect_handler(storage->store, IMAGE_EFFECT_IMPORT, on_import, storage);
	store_effect_handler(storage->store, EFFECT_DELETE, on_delete, storage);
}
