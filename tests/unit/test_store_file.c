/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store's file: what is found in it after a restart, and what is said of one that cannot be used. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store_priv.h"
#include "store_fixture.h"

static void everything_is_there_after_a_restart(void **state)
{
	struct fixture *f = *state;
	store_begin(f->store);
	struct machine *machine = store_create(f->store, &kind_machine);
	_cleanup_free_ char *id = xstrdup(machine->id);
	machine->name = xstrdup("rack1-a");
	machine->state = MACHINE_DEPLOYING;
	machine->bmc_password = xstrdup("secret"); /* internal fields as well */
	schema_strings_add(&machine->macs, &machine->mac_count, "52:54:00:00:00:01");
	machine->install_disk = new0(struct disk_choice, 1);
	machine->install_disk->serial = xstrdup("S1");
	machine->install_disk->size_bytes = 8 * GIB;
	store_event_text(f->store, "machine.found", "machine", id, "rack1-a", "it was found");
	assert_commit(f->store);
	int64_t revision = store_revision(f->store, &kind_machine, id), event = store_event_last(f->store);
	json_t *before = schema_encode(&machine_schema, store_get(f->store, &kind_machine, id), true);
	fixture_reopen(f);
	json_t *after = schema_encode(&machine_schema, store_get(f->store, &kind_machine, id), true);
	assert_true(json_equal(before, after));
	assert_string_equal(json_string_value(json_object_get(after, "bmc_password")), "secret");
	json_decref(before);
	json_decref(after);
	assert_true(store_revision(f->store, &kind_machine, id) == revision);
	assert_true(store_event_last(f->store) == event);
	/* Revisions go on: what was read before the restart is not taken for the present state. */
	store_begin(f->store);
	str_set(&((struct machine *)store_edit(f->store, &kind_machine, id))->name, "rack1-b");
	assert_commit(f->store);
	assert_true(store_revision(f->store, &kind_machine, id) > revision);
}

static void what_was_not_committed_is_not_there(void **state)
{
	struct fixture *f = *state;
	store_begin(f->store);
	store_create(f->store, &kind_volume);
	fixture_reopen(f);
	assert_int_equal(store_count(f->store, &kind_volume), 0);
}

static void the_file_is_for_one_only(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	struct store *second = NULL;
	_cleanup_free_ char *id = fixture_volume(f, "a");
	assert_true(store_open(f->loop, f->path, &second, &err) < 0);
	assert_null(second);
	assert_non_null(strstr(err.text, "another provisioner has"));
	assert_non_null(strstr(err.text, f->path));
	assert_non_null(store_get(f->store, &kind_volume, id)); /* and the first is not disturbed */
	free(fixture_volume(f, "b"));
}

/* ---- files that cannot be used ---- */

static void assert_refused(struct fixture *f, enum err_code code, const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	assert_true(store_open(f->loop, f->path, &f->store, &err) < 0);
	assert_null(f->store);
	if (!strstr(err.text, text))
		fail_msg("%s instead of %s", err.text, text);
	assert_int_equal(err.code, code);
	assert_null(strstr(err.text, "another provisioner"));
}

static void a_newer_version_is_refused(void **state)
{
	struct fixture *f = *state;
	f->store = store_free(f->store);
	fixture_sql(f, "PRAGMA user_version = 7");
	assert_refused(f, ERR_UNSUPPORTED, "was written by a newer version (7)");
	fixture_sql(f, "PRAGMA user_version = 1");
	fixture_open(f);
}

static void another_file_is_refused(void **state)
{
	struct fixture *f = *state;
	static const char text[] =
		"this is a text, long enough to be looked at, and no database at all; it says so itself, twice."
		"this is a text, long enough to be looked at, and no database at all; it says so itself, twice.";
	f->store = store_free(f->store);
	assert_int_equal(write_file_atomic(f->path, text, strlen(text), 0600), 0);
	assert_refused(f, ERR_CORRUPT, "file is not a database");
}

static void a_folder_that_is_not_there_is_told(void **state)
{
	struct fixture *f = *state;
	f->store = store_free(f->store);
	free(f->path);
	f->path = xasprintf("%s/none/ingot.db", f->dir);
	assert_refused(f, ERR_INTERNAL, "none/ingot.db");
}

/* Writes garbage over the pages in the middle of the file. */
static void damage(struct fixture *f)
{
	struct stat st;
	char garbage[4096];
	memset(garbage, 0xa5, sizeof(garbage));
	_cleanup_close_ int fd = open(f->path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_size > 64 * 4096);
	for (off_t at = 40 * 4096; at < 48 * 4096; at += 4096)
		assert_int_equal(pwrite(fd, garbage, sizeof(garbage), at), sizeof(garbage));
}

static void a_damaged_page_is_told_and_no_document_is_quietly_lost(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *text = xcalloc(1, 501);
	memset(text, 'x', 500);
	store_begin(f->store);
	for (unsigned i = 0; i < 1000; i++) {
		struct volume *volume = store_create(f->store, &kind_volume);
		volume->name = xasprintf("volume-%u", i);
		volume->pool = xstrdup(text);
	}
	assert_commit(f->store);
	f->store = store_free(f->store);
	damage(f);
	assert_refused(f, ERR_CORRUPT, "malformed");
}

static void a_document_that_cannot_be_read_is_named(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *id = fixture_volume(f, "a");
	_cleanup_free_ char *named = xasprintf("volume %s", id);
	f->store = store_free(f->store);
	fixture_sql(f, "UPDATE document SET body = substr(body, 1, 20)");
	assert_refused(f, ERR_CORRUPT, named);
	fixture_sql(f, "UPDATE document SET body = '{\"size_bytes\": \"many\"}'");
	assert_refused(f, ERR_INVALID, named);
	fixture_sql(f, "UPDATE document SET body = '{\"id\": \"another\"}'");
	assert_refused(f, ERR_CORRUPT, named);
	fixture_sql(f, "UPDATE document SET kind = 'spaceship'");
	assert_refused(f, ERR_CORRUPT, "unknown kind 'spaceship'");
}

/* ---- a disk without room ---- */

/* SQLite's own limit stands for that of the disk: it fails in the same place with the same code. */
static void limit_pages(struct fixture *f, unsigned pages)
{
	_cleanup_free_ char *sql = xasprintf("PRAGMA max_page_count = %u", pages);
	assert_int_equal(sqlite3_exec(f->store->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void a_full_disk_fails_the_commit_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = fixture_volume(f, "a");
	_cleanup_free_ char *text = xcalloc(1, 1000001);
	memset(text, 'x', 1000000);
	store_begin(f->store);
	for (unsigned i = 0; i < 5; i++)
		str_set(&((struct volume *)store_create(f->store, &kind_volume))->pool, text);
	str_set(&((struct volume *)store_edit(f->store, &kind_volume, id))->name, "b");
	limit_pages(f, 100);
	assert_int_equal(store_commit(f->store, &err), -ENOSPC);
	assert_int_equal(err.code, ERR_CAPACITY);
	assert_int_equal(store_count(f->store, &kind_volume), 1);
	assert_string_equal(((const struct volume *)store_get(f->store, &kind_volume, id))->name, "a");
	limit_pages(f, 1000000);
	store_begin(f->store);
	str_set(&((struct volume *)store_edit(f->store, &kind_volume, id))->name, "c");
	assert_commit(f->store);
	fixture_reopen(f);
	assert_string_equal(((const struct volume *)store_get(f->store, &kind_volume, id))->name, "c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_is_there_after_a_restart),
		TEST(what_was_not_committed_is_not_there),
		TEST(the_file_is_for_one_only),
		TEST(a_newer_version_is_refused),
		TEST(another_file_is_refused),
		TEST(a_folder_that_is_not_there_is_told),
		TEST(a_damaged_page_is_told_and_no_document_is_quietly_lost),
		TEST(a_document_that_cannot_be_read_is_named),
		TEST(a_full_disk_fails_the_commit_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
