/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images: announced, uploaded, checked, imported, deleted. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage_fixture.h"

#define SHA256_OF_512_ZEROS "076a27c79e5ace2a3d47f9dd2e83e4ff6ea8872b3c2218f66c92b89b55f36560"

static const struct image *get(struct rack *rack, const char *id)
{
	const struct image *image = store_get(rack_store(rack), &kind_image, id);
	assert_non_null(image);
	return image;
}

static char *announce(struct rack *rack, const char *name, const char *sha256)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct image wanted = { .name = (char *)name, .sha256 = (char *)sha256 };
	const struct image *image = NULL;
	if (image_create(rack->controller->storage, &wanted, &image, &err) < 0)
		fail_msg("%s", err.text);
	return xstrdup(image->id);
}

/* As the HTTP server leaves a body: a sparse file. */
static char *content(struct rack *rack, off_t bytes)
{
	char *path = xasprintf("%s/.upload-test", rack->dir);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	return path;
}

static char *upload(struct rack *rack, const char *id)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *path = content(rack, 512);
	const char *task = NULL;
	if (image_upload(rack->controller->storage, id, path, NULL, &task, &err) < 0)
		fail_msg("%s", err.text);
	return xstrdup(task);
}

static void assert_upload_refused(struct rack *rack, const char *id, off_t bytes, enum err_code code, const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *path = content(rack, bytes);
	const char *task = NULL;
	int64_t revision = store_revision(rack_store(rack), &kind_image, id);
	assert_true(image_upload(rack->controller->storage, id, path, NULL, &task, &err) < 0);
	assert_string_equal(err.text, text);
	assert_int_equal(err.code, code);
	assert_null(task);
	assert_true(store_revision(rack_store(rack), &kind_image, id) == revision);
	assert_int_equal(unlink(path), 0); /* it is the caller's still */
}

static bool kept(struct rack *rack, const char *id)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", rack->dir, id);
	return access(path, F_OK) == 0;
}

/* ---- announcing ---- */

static void announcing_is_checked(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	const struct image wanted = { .name = (char *)"guest" }, *image = NULL;
	assert_true(image_create(rack->controller->storage, &wanted, &image, &err) < 0);
	assert_int_equal(err.code, ERR_STATE); /* no pool */
	rack_with_pool(rack);
	_cleanup_free_ char *id = announce(rack, "guest", NULL);
	assert_int_equal(get(rack, id)->state, IMAGE_UPLOADING);
	assert_true(image_create(rack->controller->storage, &wanted, &image, &err) < 0);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_string_equal(err.field, "name");
	assert_null(image);
}

/* ---- uploading ---- */

static void content_is_checked_and_imported(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	_cleanup_free_ char *id = announce(rack, "guest", SHA256_OF_512_ZEROS), *task = upload(rack, id);
	_cleanup_free_ char *trace = xasprintf("import(image-%s) ", id);
	assert_int_equal(get(rack, id)->state, IMAGE_IMPORTING);
	assert_true(kept(rack, id));
	rack_settle(rack);
	assert_ceph_trace(rack, trace);
	assert_int_equal(get(rack, id)->state, IMAGE_AVAILABLE);
	assert_true(get(rack, id)->size_bytes == 512);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
	assert_false(kept(rack, id));
	assert_upload_refused(rack, id, 512, ERR_STATE, "image guest is available; it takes no content");
}

static void its_checksum_is_found_if_none_was_announced(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	_cleanup_free_ char *id = announce(rack, "guest", NULL);
	free(upload(rack, id));
	rack_settle(rack);
	assert_string_equal(get(rack, id)->sha256, SHA256_OF_512_ZEROS);
}

static void a_wrong_size_is_refused(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	_cleanup_free_ char *id = announce(rack, "guest", NULL);
	assert_upload_refused(rack, id, 0, ERR_INVALID,
			      "the content has 0 bytes; a raw disk image is a multiple of 512");
	assert_upload_refused(rack, id, 513, ERR_INVALID,
			      "the content has 513 bytes; a raw disk image is a multiple of 512");
	assert_upload_refused(rack, id, (off_t)(10 * GIB + 512), ERR_CAPACITY,
			      "the content has 10737418752 bytes, more than the pool can still store");
}

static void altered_content_is_refused_and_the_right_one_taken(void **state)
{
	static const char other[] = "00000000000000000000000000000000000000000000000000000000000000ff";
	struct rack *rack = *state;
	rack_with_pool(rack);
	_cleanup_free_ char *id = announce(rack, "guest", other), *task = upload(rack, id);
	rack_settle(rack);
	assert_ceph_trace(rack, ""); /* not a byte of it came near the pool */
	assert_int_equal(get(rack, id)->state, IMAGE_FAILED);
	assert_string_equal(get(rack, id)->error->code, "corrupt");
	assert_string_equal(get(rack, id)->error->text,
			    "sha256: the content has " SHA256_OF_512_ZEROS
			    ", not 00000000000000000000000000000000000000000000000000000000000000ff;"
			    " upload it again");
	assert_int_equal(rack_task(rack, task)->state, TASK_FAILED);
	assert_string_equal(get(rack, id)->sha256, other); /* what it must have does not follow what came */
	assert_false(kept(rack, id));
	store_begin(rack_store(rack));
	str_set(&((struct image *)store_edit(rack_store(rack), &kind_image, id))->sha256, SHA256_OF_512_ZEROS);
	assert_int_equal(store_commit(rack_store(rack), NULL), 0);
	free(upload(rack, id));
	rack_settle(rack);
	assert_int_equal(get(rack, id)->state, IMAGE_AVAILABLE);
	assert_null(get(rack, id)->error);
}

/* What came in and what the file has are two things: a disk lies, or lost what it had not written when the power went. */
static void content_that_the_disk_changed_is_refused(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	const char *task = NULL;
	rack_with_pool(rack);
	_cleanup_free_ char *id = announce(rack, "guest", NULL), *path = content(rack, 512);
	struct sha256 *received = sha256_new();
	char sent[512] = "x";
	sha256_update(received, sent, sizeof(sent));
	assert_int_equal(image_upload(rack->controller->storage, id, path, received, &task, &err), 0);
	rack_settle(rack);
	assert_ceph_trace(rack, "");
	assert_int_equal(get(rack, id)->state, IMAGE_FAILED);
	_cleanup_free_ char *sent_hex = sha256_hex(sent, sizeof(sent));
	_cleanup_free_ char *text = xasprintf("sha256: the provisioner's disk gives back content with %s, but %s was "
					      "received; look at that disk, then upload it again",
					      SHA256_OF_512_ZEROS, sent_hex);
	assert_string_equal(get(rack, id)->error->text, text);
	/* Nothing of that stays: the next one may be any. */
	assert_null(get(rack, id)->sha256);
	free(upload(rack, id));
	rack_settle(rack);
	assert_int_equal(get(rack, id)->state, IMAGE_AVAILABLE);
	assert_string_equal(get(rack, id)->sha256, SHA256_OF_512_ZEROS);
}

static void content_that_became_shorter_is_refused(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	_cleanup_free_ char *id = announce(rack, "guest", NULL), *task = upload(rack, id);
	_cleanup_free_ char *path = xasprintf("%s/%s", rack->dir, id);
	assert_int_equal(truncate(path, 100), 0);
	rack_settle(rack);
	assert_ceph_trace(rack, "");
	assert_int_equal(rack_task(rack, task)->state, TASK_FAILED);
	assert_string_equal(get(rack, id)->error->text,
			    "size_bytes: the content has 100 bytes, not 512; upload it again");
}

static void another_size_than_announced_is_refused(void **state)
{
	struct rack *rack = *state;
	const struct image wanted = { .name = (char *)"guest", .size_bytes = 1024 }, *image = NULL;
	rack_with_pool(rack);
	assert_int_equal(image_create(rack->controller->storage, &wanted, &image, NULL), 0);
	_cleanup_free_ char *id = xstrdup(image->id);
	assert_upload_refused(rack, id, 512, ERR_INVALID,
			      "size_bytes: the content has 512 bytes, but 1024 were announced");
}

/* By it the pool knows whether it has this very content already. */
static void the_pool_is_told_what_it_gets(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	_cleanup_free_ char *id = announce(rack, "guest", NULL);
	free(upload(rack, id));
	rack_settle(rack);
	assert_string_equal(rack->imported_sha256, SHA256_OF_512_ZEROS);
	assert_int_equal(rack->imported_bytes, 512);
}

static void an_import_is_not_disturbed(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	const char *task = NULL;
	rack_with_pool(rack);
	_cleanup_free_ char *id = announce(rack, "guest", NULL), *import = upload(rack, id);
	assert_upload_refused(rack, id, 512, ERR_STATE, "image guest is importing; it takes no content");
	assert_true(image_delete(rack->controller->storage, id, &task, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	rack_settle(rack);
	assert_int_equal(rack_task(rack, import)->state, TASK_SUCCEEDED);
}

static void an_import_goes_on_after_a_restart(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	_cleanup_free_ char *id = announce(rack, "guest", NULL), *task = upload(rack, id);
	rack->controller = controller_free(rack->controller);
	while (loop_fake_work_run(rack->loop, 0)) /* it was imported, and nobody heard of it */
		;
	assert_true(kept(rack, id));
	rack_start(rack);
	rack_settle(rack);
	assert_int_equal(get(rack, id)->state, IMAGE_AVAILABLE);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
	assert_int_equal(rack->rbd_count, 1);
	assert_false(kept(rack, id));
}

static void uploads_that_were_cut_off_are_removed_at_the_start(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	_cleanup_free_ char *id = announce(rack, "guest", NULL), *task = upload(rack, id),
			    *cut_off = content(rack, 512);
	_cleanup_free_ char *orphan = xasprintf("%s/" UUID(7), rack->dir);
	assert_int_equal(write_file_atomic(orphan, "x", 1, 0600), 0);
	rack->controller = controller_free(rack->controller);
	rack_start(rack);
	assert_int_not_equal(access(cut_off, F_OK), 0);
	assert_int_not_equal(access(orphan, F_OK), 0);
	assert_true(kept(rack, id)); /* that one is to be imported */
	assert_int_equal(access(rack->database, F_OK), 0);
	rack_settle(rack);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
}

static void content_that_was_lost_is_told(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	_cleanup_free_ char *id = announce(rack, "guest", NULL), *task = upload(rack, id);
	_cleanup_free_ char *path = xasprintf("%s/%s", rack->dir, id);
	assert_int_equal(unlink(path), 0);
	rack_settle(rack);
	assert_int_equal(get(rack, id)->state, IMAGE_FAILED);
	assert_int_equal(rack_task(rack, task)->state, TASK_FAILED);
	free(upload(rack, id));
	rack_settle(rack);
	assert_int_equal(get(rack, id)->state, IMAGE_AVAILABLE);
}

/* ---- deleting ---- */

static void an_image_with_clones_stays(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	const char *task = NULL;
	const struct volume wanted = { .name = (char *)"disk", .image = (char *)"guest", .size_bytes = GIB };
	const struct volume *volume;
	rack_with_pool(rack);
	_cleanup_free_ char *id = announce(rack, "guest", NULL);
	free(upload(rack, id));
	rack_settle(rack);
	assert_int_equal(volume_create(rack->controller->storage, &wanted, &volume, &err), 0);
	assert_true(image_delete(rack->controller->storage, id, &task, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_string_equal(err.text, "volume disk is a clone of image guest; delete that first");
	assert_int_equal(get(rack, id)->state, IMAGE_AVAILABLE);
}

static void an_image_is_deleted_once_and_takes_nothing_meanwhile(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	const char *task = NULL, *again = NULL;
	const struct volume wanted = { .name = (char *)"disk", .image = (char *)"guest", .size_bytes = GIB };
	const struct volume *volume = NULL;
	rack_with_pool(rack);
	_cleanup_free_ char *id = announce(rack, "guest", NULL);
	free(upload(rack, id));
	rack_settle(rack);
	assert_int_equal(image_delete(rack->controller->storage, id, &task, &err), 0);
	_cleanup_free_ char *first = xstrdup(task);
	assert_true(image_delete(rack->controller->storage, id, &again, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_string_equal(err.text, "image guest is being deleted");
	assert_upload_refused(rack, id, 512, ERR_STATE, "image guest is being deleted");
	assert_true(volume_create(rack->controller->storage, &wanted, &volume, &err) < 0);
	assert_string_equal(err.field, "image");
	rack_settle(rack);
	assert_null(store_get(rack_store(rack), &kind_image, id));
	assert_int_equal(rack_task(rack, first)->state, TASK_SUCCEEDED);
	assert_int_equal(rack->rbd_count, 0);
}

/* Nothing is cloned from an image whose import was called off, however far Ceph had come; it can be sent again. */
static void a_cancelled_import_is_no_image(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	for (unsigned begun = 0; begun < 2; begun++) {
		_cleanup_free_ char *id = announce(rack, begun ? "two" : "one", NULL), *task = upload(rack, id);
		while (begun && loop_fake_run_due(rack->loop))
			;
		assert_int_equal(task_cancel(rack->controller->tasks, task, NULL), 0);
		assert_int_equal(rack_task(rack, task)->state, TASK_CANCELLED);
		rack_settle(rack);
		assert_int_equal(get(rack, id)->state, IMAGE_FAILED);
		assert_string_equal(get(rack, id)->error->code, "cancelled");
		_cleanup_free_ char *again = upload(rack, id);
		rack_settle(rack);
		assert_int_equal(get(rack, id)->state, IMAGE_AVAILABLE);
		assert_int_equal(rack_task(rack, again)->state, TASK_SUCCEEDED);
	}
}

static void a_delete_that_fails_can_be_tried_again(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	const char *task = NULL;
	rack_with_pool(rack);
	_cleanup_free_ char *id = announce(rack, "guest", NULL);
	free(upload(rack, id));
	rack_settle(rack);
	rack->quorum = false;
	assert_int_equal(image_delete(rack->controller->storage, id, &task, &err), 0);
	_cleanup_free_ char *first = xstrdup(task);
	rack_settle(rack);
	assert_int_equal(rack_task(rack, first)->state, TASK_FAILED);
	assert_string_equal(get(rack, id)->error->code, "unreachable");
	rack->quorum = true;
	assert_int_equal(image_delete(rack->controller->storage, id, &task, &err), 0);
	rack_settle(rack);
	assert_null(store_get(rack_store(rack), &kind_image, id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(announcing_is_checked),
		TEST(content_is_checked_and_imported),
		TEST(its_checksum_is_found_if_none_was_announced),
		TEST(a_wrong_size_is_refused),
		TEST(altered_content_is_refused_and_the_right_one_taken),
		TEST(content_that_the_disk_changed_is_refused),
		TEST(content_that_became_shorter_is_refused),
		TEST(another_size_than_announced_is_refused),
		TEST(the_pool_is_told_what_it_gets),
		TEST(an_import_is_not_disturbed),
		TEST(an_import_goes_on_after_a_restart),
		TEST(uploads_that_were_cut_off_are_removed_at_the_start),
		TEST(content_that_was_lost_is_told),
		TEST(an_image_with_clones_stays),
		TEST(an_image_is_deleted_once_and_takes_nothing_meanwhile),
		TEST(a_delete_that_fails_can_be_tried_again),
		TEST(a_cancelled_import_is_no_image),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
