/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Volumes: RBD images, empty or cloned from an image. The document is committed first, with the effect that makes it so. */
#include <assert.h>

#include "storage/storage_priv.h"

#define EFFECT_CREATE "volume-create"
#define EFFECT_DELETE "volume-delete"
#define DEADLINE_MS (10 * 60 * 1000)
#define SECTOR_BYTES 512

char *volume_device(const struct volume *volume)
{
	return xasprintf("volume-%s", volume->id);
}

int storage_require_pool(struct storage *storage, struct err *err)
{
	const struct pool *pool = storage_pool(storage);
	if (pool && pool->made)
		return 0;
	return err_set(err, ERR_STATE, "the pool is not ready: %s",
		       pool ? str_or(pool->detail, "it is being made") : "there is none");
}

void storage_finish(struct storage *storage, const struct ceph_job *job, const char *task)
{
	store_effect_done(storage->store, job->effect_seq);
	task_finish(storage->store, task, job->err.code == ERR_NONE ? NULL : &job->err);
}

/* ---- create ---- */

static int check_size(struct storage *storage, uint64_t bytes, const struct image *image, struct err *err)
{
	const struct pool *pool = storage_pool(storage);
	_cleanup_free_ char *size = bytes_format(bytes), *free_size = bytes_format(pool->available_bytes);
	if (bytes == 0)
		return err_set_field(err, ERR_INVALID, "size_bytes",
				     "size_bytes: is missing; an empty volume needs a size");
	if (bytes % SECTOR_BYTES)
		return err_set_field(err, ERR_INVALID, "size_bytes", "size_bytes: %llu is not a multiple of 512",
				     (unsigned long long)bytes);
	if (image && bytes < image->size_bytes) {
		_cleanup_free_ char *needed = bytes_format(image->size_bytes);
		return err_set_field(err, ERR_INVALID, "size_bytes", "size_bytes: %s is less than the image's %s", size,
				     needed);
	}
	if (bytes > pool->available_bytes)
		return err_set_field(err, ERR_CAPACITY, "size_bytes",
				     "size_bytes: %s is more than the pool can still store (%s)", size, free_size);
	return 0;
}

static int check_volume(struct storage *storage, const struct volume *wanted, const struct image **ret_image,
			struct err *err)
{
	const struct volume *other = store_find(storage->store, &kind_volume, wanted->name);
	const struct image *image = wanted->image ? store_find(storage->store, &kind_image, wanted->image) : NULL;
	int r = storage_require_pool(storage, err);
	if (r < 0)
		return r;
	if (other)
		return err_set_field(err, ERR_EXISTS, "name", "name: '%s' is taken by volume %s; choose another",
				     wanted->name, other->id);
	if (wanted->image && !image)
		return err_set_field(err, ERR_INVALID, "image", "image: there is no image '%s'", wanted->image);
	if (image && image->state != IMAGE_AVAILABLE)
		return err_set_field(err, ERR_STATE, "image", "image: '%s' is %s, not available", image->name,
				     image_state_words[image->state]);
	*ret_image = image;
	return check_size(storage, wanted->size_bytes || !image ? wanted->size_bytes : image->size_bytes, image, err);
}

int volume_create(struct storage *storage, const struct volume *wanted, const struct volume **ret, struct err *err)
{
	const struct image *image = NULL;
	int r = check_volume(storage, wanted, &image, err);
	if (r < 0)
		return r;
	store_begin(storage->store);
	struct volume *volume = store_create(storage->store, &kind_volume);
	_cleanup_free_ char *id = xstrdup(volume->id);
	str_set(&volume->name, wanted->name);
	str_set(&volume->pool, STORAGE_POOL);
	str_set(&volume->image, image ? image->id : NULL);
	volume->size_bytes = wanted->size_bytes ? wanted->size_bytes : image->size_bytes;
	volume->state = VOLUME_CREATING;
	volume->created = loop_now_ms(storage->loop);
	str_set(&volume->task, task_create(storage->store, "volume.create", "volume", id, volume->name, DEADLINE_MS));
	task_order(storage->store, volume->task, &volume_schema, wanted);
	store_effect_add(storage->store, EFFECT_CREATE, id, 0);
	r = store_commit(storage->store, err);
	if (r == 0)
		*ret = store_get(storage->store, &kind_volume, id);
	return r;
}

/* One that was cancelled is gone: it is made as it was asked for then. */
static int create_anew(struct storage *storage, const struct task *task, const char **ret_task, struct err *err)
{
	struct volume wanted = { 0 };
	const struct volume *volume = NULL;
	int r = task_order_get(task, &volume_schema, &wanted, err);
	if (r == 0)
		r = volume_create(storage, &wanted, &volume, err);
	if (r == 0)
		*ret_task = volume->task;
	schema_done(&volume_schema, &wanted);
	return r;
}

/* Ceph takes what an earlier try has left for the beginning of this one. */
int volume_create_again(struct storage *storage, const struct task *task, const char **ret_task, struct err *err)
{
	_cleanup_free_ char *id = xstrdup(task->resource_id);
	const struct volume *volume = store_get(storage->store, &kind_volume, id);
	if (!volume)
		return create_anew(storage, task, ret_task, err);
	int r = storage_require_pool(storage, err);
	if (r < 0)
		return r;
	if (volume->state != VOLUME_FAILED)
		return err_set(err, ERR_STATE, "volume %s is %s; only one whose making failed can be made again",
			       volume->name, volume_state_words[volume->state]);
	store_begin(storage->store);
	struct volume *edit = store_edit(storage->store, &kind_volume, id);
	_cleanup_free_ char *again =
		xstrdup(task_create(storage->store, "volume.create", "volume", id, edit->name, DEADLINE_MS));
	edit->state = VOLUME_CREATING;
	edit->error = schema_free(&problem_schema, edit->error);
	str_set(&edit->task, again);
	if (task->order)
		((struct task *)store_edit(storage->store, &kind_task, again))->order = json_incref(task->order);
	store_effect_add(storage->store, EFFECT_CREATE, id, 0);
	return task_commit(storage->store, again, ret_task, err);
}

/* One that was called off before its turn came is not made; of an earlier try there may be something all the same. */
static void work_create(struct ceph_job *job)
{
	if (job->called_off)
		return;
	if (job->text)
		job->driver->volume_clone(job->driver_ctx, &job->access, job->pool, job->text, job->name,
					  job->size_bytes, &job->err);
	else
		job->driver->volume_create(job->driver_ctx, &job->access, job->pool, job->name, job->size_bytes,
					   &job->err);
}

/* An operation inside Ceph cannot be called back. What it has made, or left half made, is removed then; the task ends with that. */
static void unmake(struct ceph_job *job)
{
	struct store *store = job->storage->store;
	struct volume *edit = store_edit(store, &kind_volume, job->id);
	edit->state = VOLUME_DELETING;
	edit->unmade = true;
	store_effect_done(store, job->effect_seq);
	store_effect_add(store, EFFECT_DELETE, job->id, 0);
}

bool volume_call_off(struct storage *storage, const struct task *task)
{
	const struct volume *volume = store_get(storage->store, &kind_volume, task->resource_id);
	if (!volume || !str_equal(volume->task, task->id))
		return false;
	if (volume->call_off)
		return true;
	_cleanup_free_ char *id = xstrdup(volume->id);
	store_begin(storage->store);
	((struct volume *)store_edit(storage->store, &kind_volume, id))->call_off = true;
	store_must_commit(storage->store);
	ceph_job_call_off(storage, id);
	return true;
}

static void done_create(struct ceph_job *job)
{
	struct storage *storage = job->storage;
	const struct volume *volume = store_get(storage->store, &kind_volume, job->id);
	store_begin(storage->store);
	if (volume && volume->call_off) {
		unmake(job);
	} else if (volume) {
		struct volume *edit = store_edit(storage->store, &kind_volume, job->id);
		bool ok = job->err.code == ERR_NONE;
		edit->state = ok ? VOLUME_AVAILABLE : VOLUME_FAILED;
		edit->error = ok ? NULL : problem_new(&job->err);
		storage_finish(storage, job, edit->task);
		str_set(&edit->task, NULL);
	}
	store_must_commit(storage->store);
}

static void on_create(const struct effect *effect, void *data)
{
	struct storage *storage = data;
	const struct volume *volume = store_get(storage->store, &kind_volume, effect->id);
	struct ceph_job *job =
		ceph_job_for(storage, effect, CEPH_LANE_VOLUMES, volume && volume->state == VOLUME_CREATING);
	if (!job)
		return;
	assert(volume);
	job->name = volume_device(volume);
	ceph_job_set_task(job, volume->task, DEADLINE_MS);
	job->text = volume->image ? xasprintf("image-%s", volume->image) : NULL;
	job->size_bytes = volume->size_bytes;
	job->called_off = volume->call_off;
	job->work = work_create;
	job->done = done_create;
	ceph_job_run(job);
}

/* ---- delete ---- */

int volume_delete(struct storage *storage, const char *id, const char **ret_task, struct err *err)
{
	const struct volume *volume = store_get(storage->store, &kind_volume, id);
	const struct vm *vm = volume->vm ? store_get(storage->store, &kind_vm, volume->vm) : NULL;
	if (volume->vm)
		return err_set(err, ERR_STATE, "volume %s is used by virtual machine %s; delete that first",
			       volume->name, vm ? vm->name : volume->vm);
	if (volume->state == VOLUME_CREATING || volume->state == VOLUME_DELETING)
		return err_set(err, ERR_STATE, "volume %s is %s; wait for that to end", volume->name,
			       volume_state_words[volume->state]);
	store_begin(storage->store);
	struct volume *edit = store_edit(storage->store, &kind_volume, id);
	_cleanup_free_ char *task =
		xstrdup(task_create(storage->store, "volume.delete", "volume", id, edit->name, DEADLINE_MS));
	edit->unmade = edit->state == VOLUME_FAILED;
	edit->state = VOLUME_DELETING;
	str_set(&edit->task, task);
	store_effect_add(storage->store, EFFECT_DELETE, id, 0);
	return task_commit(storage->store, task, ret_task, err);
}

static void work_delete(struct ceph_job *job)
{
	job->driver->volume_delete(job->driver_ctx, &job->access, job->pool, job->name, &job->err);
}

/* The task of one whose making was called off. */
static void finish_unmade(struct ceph_job *job, const char *task)
{
	_cleanup_err_ struct err why = ERR_INIT;
	if (job->err.code == ERR_NONE)
		err_set(&why, ERR_CANCELLED, "cancelled on request; nothing of the volume is left");
	else
		err_prefix(&job->err, "it was cancelled, and what there was of it could not be removed; delete it");
	store_effect_done(job->storage->store, job->effect_seq);
	task_finish(job->storage->store, task, job->err.code == ERR_NONE ? &why : &job->err);
}

static void done_delete(struct ceph_job *job)
{
	struct storage *storage = job->storage;
	const struct volume *volume = store_get(storage->store, &kind_volume, job->id);
	store_begin(storage->store);
	if (volume && volume->call_off)
		finish_unmade(job, volume->task);
	else
		storage_finish(storage, job, volume ? volume->task : NULL);
	if (volume && job->err.code == ERR_NONE) {
		store_remove(storage->store, &kind_volume, job->id);
	} else if (volume) {
		struct volume *edit = store_edit(storage->store, &kind_volume, job->id);
		edit->call_off = false;
		edit->state = edit->unmade ? VOLUME_FAILED : VOLUME_AVAILABLE;
		schema_free(&problem_schema, edit->error);
		edit->error = problem_new(&job->err);
		str_set(&edit->task, NULL);
	}
	store_must_commit(storage->store);
}

static void on_delete(const struct effect *effect, void *data)
{
	struct storage *storage = data;
	const struct volume *volume = store_get(storage->store, &kind_volume, effect->id);
	struct ceph_job *job = ceph_job_for(storage, effect, CEPH_LANE_VOLUMES, volume);
	if (!job)
		return;
	assert(volume);
	job->name = volume_device(volume);
	ceph_job_set_task(job, volume->task, DEADLINE_MS);
	job->work = work_delete;
	job->done = done_delete;
	ceph_job_run(job);
}

void storage_volumes_register(struct storage *storage)
{
	store_effect_handler(storage->store, EFFECT_CREATE, on_create, storage);
	store_effect_handler(storage->store, EFFECT_DELETE, on_delete, storage);
}
