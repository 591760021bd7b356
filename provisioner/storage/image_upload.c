/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The content of images on its way to a file: in one piece or in many, up to the start of its import. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "storage/storage_priv.h"

static int check_takes_content(const struct image *image, struct err *err)
{
	int r = image_check_not_deleting(image, err);
	if (r == 0 && image->state != IMAGE_UPLOADING && image->state != IMAGE_FAILED)
		r = err_set(err, ERR_STATE, "image %s is %s; it takes no content", image->name,
			    image_state_words[image->state]);
	return r;
}

static int check_announced(const struct image *image, uint64_t bytes, struct err *err)
{
	if (!image->announced_bytes || image->announced_bytes == bytes)
		return 0;
	return err_set_field(err, ERR_INVALID, "size_bytes",
			     "size_bytes: the content has %" PRIu64 " bytes, but %" PRIu64 " were announced", bytes,
			     image->announced_bytes);
}

/* Whether the image takes content, and how much of it is in the file at path. */
static int check_content(const struct image *image, const char *path, uint64_t *ret_bytes, struct err *err)
{
	struct stat st;
	int r = check_takes_content(image, err);
	if (r < 0)
		return r;
	if (stat(path, &st) < 0)
		return err_set_errno(err, -errno, "reading the upload");
	*ret_bytes = (uint64_t)st.st_size;
	return 0;
}

static int check_upload(struct storage *storage, const struct image *image, const char *path, uint64_t *ret_bytes,
			struct err *err)
{
	uint64_t bytes;
	int r = check_content(image, path, &bytes, err);
	if (r == 0)
		r = image_check_size(storage, NULL, bytes, err);
	if (r == 0)
		r = check_announced(image, bytes, err);
	if (r == 0)
		*ret_bytes = bytes;
	return r;
}

/* The hash of all that came; frees what it is made from. NULL if it is not known. */
static char *digest_of(struct sha256 *received)
{
	uint8_t digest[SHA256_SIZE];
	if (!received)
		return NULL;
	sha256_final(received, digest);
	return hex_encode(digest, sizeof(digest));
}

/* kept: image_content_path(), where all of it is by now. received is taken over. */
static int start_import(struct storage *storage, const char *id, const char *kept, uint64_t bytes,
			struct sha256 *received, const char **ret_task, struct err *err)
{
	store_begin(storage->store);
	struct image *edit = store_edit(storage->store, &kind_image, id);
	_cleanup_free_ char *task =
		xstrdup(task_create(storage->store, "image.import", "image", id, edit->name, IMAGE_DEADLINE_MS));
	edit->state = IMAGE_IMPORTING;
	edit->size_bytes = bytes;
	free(edit->received_sha256);
	edit->received_sha256 = digest_of(received);
	str_set(&edit->upload, kept);
	str_set(&edit->task, task);
	task_step(storage->store, task, "checking and writing");
	store_effect_add(storage->store, IMAGE_EFFECT_IMPORT, id, 0);
	return task_commit(storage->store, task, ret_task, err);
}

/* Its name is on the disk before anything says that it is there. */
static int keep_upload(const char *path, const char *kept, struct err *err)
{
	int r = rename(path, kept) < 0 ? -errno : sync_file(kept);
	return r < 0 ? err_set_errno(err, r, "keeping the upload as %s", kept) : 0;
}

int image_upload(struct storage *storage, const char *id, const char *path, struct sha256 *received,
		 const char **ret_task, struct err *err)
{
	_cleanup_(sha256_free_p) struct sha256 *hash = received;
	const struct image *image = store_get(storage->store, &kind_image, id);
	_cleanup_free_ char *kept = image_content_path(storage, id);
	uint64_t bytes = 0;
	int r = check_upload(storage, image, path, &bytes, err);
	if (r == 0)
		r = keep_upload(path, kept, err);
	if (r < 0)
		return r;
	storage_received_forget(storage, id); /* it is not added to any more */
	return start_import(storage, id, kept, bytes, TAKE_PTR(hash), ret_task, err);
}

/* ---- in pieces ---- */

int image_content(struct storage *storage, const char *id, struct image_content *ret, struct err *err)
{
	const struct image *image = store_get(storage->store, &kind_image, id);
	_cleanup_free_ char *path = image_content_path(storage, id);
	bool arrived = image->state == IMAGE_IMPORTING || image->state == IMAGE_AVAILABLE;
	struct stat st = { 0 };
	if (!arrived && stat(path, &st) < 0 && errno != ENOENT)
		return err_set_errno(err, -errno, "reading the upload");
	*ret = (struct image_content){ .offset_bytes = arrived ? image->size_bytes : (uint64_t)st.st_size,
				       .size_bytes = image->size_bytes };
	return 0;
}

int image_append_begin(struct storage *storage, const char *id, char **ret_path, uint64_t *ret_size_bytes,
		       struct err *err)
{
	const struct image *image = store_get(storage->store, &kind_image, id);
	int r = check_takes_content(image, err);
	if (r < 0)
		return r;
	if (!image->size_bytes)
		return err_set_field(err, ERR_INVALID, "size_bytes",
				     "size_bytes: of image %s was not announced; send its content in one piece, by PUT",
				     image->name);
	*ret_path = image_content_path(storage, id);
	*ret_size_bytes = image->size_bytes;
	return 0;
}

/* ---- what is known of what came so far: gone with the process, then the file alone is asked ---- */

struct received {
	struct list link;
	char *id;
	uint64_t bytes;
	struct sha256 *hash;
};

static void received_free(struct received *received)
{
	list_remove(&received->link);
	sha256_free(received->hash);
	free(received->id);
	free(received);
}

static struct received *received_find(struct storage *storage, const char *id)
{
	struct received *received;
	LIST_FOREACH(received, &storage->received, link)
		if (str_equal(received->id, id))
			return received;
	return NULL;
}

void storage_received_forget(struct storage *storage, const char *id)
{
	struct received *received = received_find(storage, id);
	if (received)
		received_free(received);
}

void storage_received_drop(struct storage *storage)
{
	struct received *received;
	LIST_FOREACH(received, &storage->received, link)
		received_free(received);
}

static void received_keep(struct storage *storage, const char *id, uint64_t bytes, struct sha256 *hash)
{
	struct received *received = new0(struct received, 1);
	storage_received_forget(storage, id);
	received->id = xstrdup(id);
	received->bytes = bytes;
	received->hash = hash;
	list_append(&storage->received, &received->link);
}

struct sha256 *image_append_hash(struct storage *storage, const char *id, uint64_t offset_bytes)
{
	struct received *received = received_find(storage, id);
	if (offset_bytes == 0)
		return sha256_new();
	return received && received->bytes == offset_bytes ? TAKE_PTR(received->hash) : NULL;
}

int image_append(struct storage *storage, const char *id, struct sha256 *received, const char **ret_task,
		 struct err *err)
{
	_cleanup_(sha256_free_p) struct sha256 *hash = received;
	const struct image *image = store_get(storage->store, &kind_image, id);
	_cleanup_free_ char *path = image_content_path(storage, id);
	uint64_t announced_bytes = image->size_bytes, bytes;
	int r = check_content(image, path, &bytes, err);
	*ret_task = NULL;
	if (r < 0)
		return r;
	if (bytes < announced_bytes) {
		if (hash)
			received_keep(storage, id, bytes, TAKE_PTR(hash));
		return 0;
	}
	r = image_check_size(storage, NULL, announced_bytes, err); /* the pool may have filled meanwhile */
	if (r < 0)
		return r;
	storage_received_forget(storage, id);
	return start_import(storage, id, path, announced_bytes, TAKE_PTR(hash), ret_task, err);
}

/* ---- at the start ---- */

/* To be imported, or what has come so far of one that comes in pieces: its sender goes on. */
static bool upload_is_wanted(struct storage *storage, const char *path, const char *name)
{
	const struct image *waits = store_get(storage->store, &kind_image, name);
	if (waits && waits->size_bytes && check_takes_content(waits, NULL) == 0)
		return true;
	STORE_EACH(struct image, image, storage->store, &kind_image)
		if (str_equal(image->upload, path))
			return true;
	return false;
}

void storage_sweep_uploads(struct storage *storage)
{
	DIR *dir = opendir(storage->spec.upload_dir);
	const struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		/* What the HTTP server was receiving, and what image_upload() had kept. */
		if (!str_starts(entry->d_name, ".upload-") && !uuid_valid(entry->d_name))
			continue;
		_cleanup_free_ char *path = xasprintf("%s/%s", storage->spec.upload_dir, entry->d_name);
		if (!upload_is_wanted(storage, path, entry->d_name) && unlink(path) == 0)
			log_info("removed %s, an upload that was cut off", path);
	}
	if (dir)
		closedir(dir);
}
