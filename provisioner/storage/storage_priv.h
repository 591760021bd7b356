/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef INGOT_STORAGE_STORAGE_PRIV_H
#define INGOT_STORAGE_STORAGE_PRIV_H

#include "base/list.h"
#include "storage/storage.h"

/* Operations of one lane go one after another; what takes long holds up nothing but its like. */
enum ceph_lane {
	CEPH_LANE_CARE, /* the reconciler's */
	CEPH_LANE_VOLUMES,
	CEPH_LANE_IMAGES,
	CEPH_LANE_COUNT,
};

struct ceph_job;
struct storage {
	struct storage_spec spec;
	struct store *store;
	struct loop *loop;
	struct loop_timer *timer;
	bool asking; /* an operation of the reconciler is under way */
	int64_t next_status_ms;
	struct list jobs; /* those under way and those that wait their turn */
	unsigned waiting; /* how many of them wait */
	struct ceph_job *running[CEPH_LANE_COUNT];
	struct list received; /* image_upload.c: hashes of images that come in pieces */
};

/* An operation on Ceph: work on a worker with what the job holds, then done on the loop. */
struct ceph_job {
	struct list link;
	struct storage *storage;
	const struct ceph_driver *driver;
	void *driver_ctx;
	void (*work)(struct ceph_job *job);
	void (*done)(struct ceph_job *job); /* then the job is freed */
	struct ceph_access access;
	struct err err;
	int64_t effect_seq;
	char *id, *name, *text, *path, *key, *pool, *received; /* in and out, by the operation */
	uint64_t size_bytes;
	unsigned size, min_size, pg_num;
	int number;
	struct ceph_status status;
	_Atomic int percent;
	int shown_percent;
	_Atomic bool called_off; /* what has not begun does not begin any more */
	bool abandoned;
	enum ceph_lane lane;
	bool waits;	     /* for its turn */
	char *task;	     /* that waits for it; or NULL */
	int64_t deadline_ms; /* of the task, from the moment that the job begins */
};
/* A job with the cluster's address and key. NULL if there is no cluster yet. */
struct ceph_job *ceph_job_new(struct storage *storage);
/* A job for an effect and the document it names, in a lane. NULL if it is not wanted (any more), or there is no cluster: the
 * effect was dropped. */
struct ceph_job *ceph_job_for(struct storage *storage, const struct effect *effect, enum ceph_lane lane, bool wanted);
/* The task whose deadline is counted from the job's beginning: while the job waits its turn, it is put off. NULL: none. */
void ceph_job_set_task(struct ceph_job *job, const char *task, int64_t deadline_ms);
/* The operation on what has this id, if there is one, was called off. */
void ceph_job_call_off(struct storage *storage, const char *id);
/* Queues it; on failure (queue full) done is called soon with err set. */
void ceph_job_run(struct ceph_job *job);

const struct ceph_cluster *storage_cluster(struct storage *storage);
const struct pool *storage_pool(struct storage *storage);
void storage_volumes_register(struct storage *storage);
/* Puts how far imports are into their tasks. */
void storage_show_progress(struct storage *storage);
/* At the start, before any upload begins: removes what an earlier life had not finished receiving. */
void storage_sweep_uploads(struct storage *storage);
void storage_images_register(struct storage *storage);
/* pool_usage.c. Within a transaction: notes how full a pool is that was asked at now_ms (since 1970), if an hour has passed since it
 * last was. Samples of a later time go: the clock was set back. */
void pool_usage_note(struct store *store, const struct pool *pool, int64_t now_ms);
int storage_require_pool(struct storage *storage, struct err *err);
/* Ends a job's effect and the task of the document within the caller's transaction. */
void storage_finish(struct storage *storage, const struct ceph_job *job, const char *task);

/* A person cancels. Of what was making it: true if that ends itself the task, with what becomes of it. */
bool volume_call_off(struct storage *storage, const struct task *task);
bool image_call_off(struct storage *storage, const struct task *task);

/* ---- image.c and image_upload.c ---- */

#define IMAGE_EFFECT_IMPORT "image-import"
#define IMAGE_DEADLINE_MS (60 * 60 * 1000)
/* Where an image's content is until it is imported: what has come so far of one that comes in pieces, or all. The caller
 * frees. */
char *image_content_path(const struct storage *storage, const char *id);
/* field: what is to be named; or NULL. ERR_INVALID, ERR_CAPACITY. */
int image_check_size(struct storage *storage, const char *field, uint64_t bytes, struct err *err);
/* Only a deletion under way leaves a failed image a task. ERR_STATE. */
int image_check_not_deleting(const struct image *image, struct err *err);
/* Forgets what is known of images that come in pieces; and of one. */
void storage_received_drop(struct storage *storage);
void storage_received_forget(struct storage *storage, const char *id);

#endif
