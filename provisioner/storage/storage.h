/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Storage: brings a Ceph cluster up on the nodes, keeps an eye on it, and makes volumes and images on it. What is wanted
 * is compared with what is, again and again: whatever was cut off is taken up by the next look. Loop thread; Ceph is asked
 * on the work queue, one thing at a time about the cluster, one about volumes and one about images. */
#ifndef INGOT_STORAGE_STORAGE_H
#define INGOT_STORAGE_STORAGE_H

#include "ceph/ceph_driver.h"
#include "crypto/crypto.h"
#include "store/store.h"
#include "task/task.h"

struct storage;

struct storage_spec {
	struct store *store;
	struct task_service *tasks;
	const struct ceph_driver *driver;
	void *driver_ctx;
	unsigned pool_size;	/* copies kept: the pool is made once as many nodes have a data disk up */
	const char *upload_dir; /* where images wait for their import */
};
#define STORAGE_POOL "default"

struct storage *storage_new(const struct storage_spec *spec);
void storage_start(struct storage *storage);
struct storage *storage_free(struct storage *storage);

/* ---- what people ask for: id is that of a document that there is, ret_task the borrowed id of a new task, ret a borrowed
 * document. Besides what is said of each: the errors of store_commit(). ---- */

/* With its task. ERR_EXISTS name; ERR_INVALID image, which there is not; ERR_STATE image, which is not available; ERR_INVALID and
 * ERR_CAPACITY size_bytes; ERR_STATE if the pool is not ready. */
int volume_create(struct storage *storage, const struct volume *wanted, const struct volume **ret, struct err *err);
/* What a task was to make, once more: of one whose making failed, in its place; of one that was cancelled, and so is gone, as
 * it was asked for. ERR_STATE if it did not fail, or if there is no pool; of one that is gone also the errors of
 * volume_create(). */
int volume_create_again(struct storage *storage, const struct task *task, const char **ret_task, struct err *err);
/* ERR_STATE: a virtual machine uses it, or it is being made or deleted. */
int volume_delete(struct storage *storage, const char *id, const char **ret_task, struct err *err);
/* Announces one, whose content is to come. ERR_EXISTS name; ERR_INVALID and ERR_CAPACITY size_bytes; ERR_STATE if the pool is not
 * ready. */
int image_create(struct storage *storage, const struct image *wanted, const struct image **ret, struct err *err);
/* path: the uploaded content, which has reached the disk (sync_file()); taken over (renamed) on success. received: the hash of
 * what came in; taken over, also on failure; NULL: not known. Its import compares that with what is in the file. ERR_STATE: it
 * takes no content; ERR_INVALID (size_bytes, if it was announced) and ERR_CAPACITY: of the content's size; those of
 * err_set_errno() if the file cannot be read or kept. */
int image_upload(struct storage *storage, const char *id, const char *path, struct sha256 *received,
		 const char **ret_task, struct err *err);
/* ERR_STATE: it is being imported or deleted, or has clones. */
int image_delete(struct storage *storage, const char *id, const char **ret_task, struct err *err);
/* How much of an image's content has arrived in pieces, and how much there is to be (0: not announced). Those of err_set_errno()
 * if the file cannot be read. */
int image_content(struct storage *storage, const char *id, struct image_content *ret, struct err *err);
/* Where its next piece is added. *ret_path is the caller's to free. ERR_STATE if it takes none; ERR_INVALID if its size was
 * not announced. image_append_hash(): the hash of its first offset_bytes, the caller's; NULL if it is not known (any more),
 * because this process was not there when they came. */
int image_append_begin(struct storage *storage, const char *id, char **ret_path, uint64_t *ret_size_bytes,
		       struct err *err);
struct sha256 *image_append_hash(struct storage *storage, const char *id, uint64_t offset_bytes);
/* A piece was added, and has reached the disk (sync_file()): *ret_task (borrowed) imports the image; NULL: there is more to come.
 * received: the hash of all that came so far; taken over; NULL: not known. ERR_STATE: it takes no content (any more); ERR_CAPACITY:
 * the pool has filled meanwhile; those of err_set_errno() if the file cannot be read. */
int image_append(struct storage *storage, const char *id, struct sha256 *received, const char **ret_task,
		 struct err *err);

/* The name of a volume's block device in its pool. The caller frees. */
char *volume_device(const struct volume *volume);

/* ---- what agents say ---- */

/* The desired document's section "ceph" for a node; NULL before there is anything. The caller owns it. */
json_t *storage_agent_desired(struct storage *storage, const struct node *node);
void storage_agent_report(struct storage *storage, const char *node, const json_t *report);

/* Bytes of a node's memory that its storage daemons are given. */
uint64_t storage_memory_bytes(const struct node *node, bool mon);

#endif
