/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The mark: whether the database is the last one. */
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/store_priv.h"
#include "store_fixture.h"

static char *mark_path(const struct fixture *f)
{
	return xasprintf("%s/ingot.mark", f->dir);
}

/* As a new process does. The caller's: NULL, or why the database may be old. */
static char *open_mark(struct fixture *f)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *path = mark_path(f);
	char *why = NULL;
	if (store_mark_open(f->store, path, &why, &err) < 0)
		fail_msg("%s", err.text);
	return why;
}

static void assert_old(struct fixture *f, const char *word)
{
	_cleanup_free_ char *why = open_mark(f);
	if (!why || !strstr(why, word))
		fail_msg("%s", str_or(why, "taken for the last one"));
}

static void assert_last(struct fixture *f)
{
	_cleanup_free_ char *why = open_mark(f);
	if (why)
		fail_msg("%s", why);
}

static void commit(struct fixture *f, bool marked)
{
	store_begin(f->store);
	store_create(f->store, &kind_volume);
	if (marked)
		store_mark(f->store);
	assert_int_equal(store_commit(f->store, NULL), 0);
}

/* A database that has been marked; its copy is beside it. */
static void begin(struct fixture *f)
{
	assert_old(f, "there is no");
	commit(f, true);
}

static void copy(const struct fixture *f, bool back)
{
	_cleanup_free_ char *aside = xasprintf("%s.copy", f->path), *log = xasprintf("%s-wal", f->path), *data = NULL;
	size_t len = 0;
	unlink(log);
	assert_int_equal(read_file(back ? aside : f->path, 64 * MIB, &data, &len), 0);
	assert_int_equal(write_file_atomic(back ? f->path : aside, data, len, 0600), 0);
}

static void the_last_one_is_known(void **state)
{
	struct fixture *f = *state;
	begin(f);
	for (unsigned i = 0; i < 3; i++) {
		fixture_reopen(f);
		assert_last(f);
		commit(f, true);
	}
}

static void one_that_comes_back_is_known(void **state)
{
	struct fixture *f = *state;
	begin(f);
	f->store = store_free(f->store);
	copy(f, false);
	fixture_open(f);
	assert_last(f);
	commit(f, true);
	f->store = store_free(f->store);
	copy(f, true);
	fixture_open(f);
	assert_old(f, "has been reached");
	fixture_reopen(f);
	assert_old(f, "has been reached"); /* to look is not to take it up */
	commit(f, true);
	fixture_reopen(f);
	assert_last(f);
}

static void what_was_not_marked_does_not_count(void **state)
{
	struct fixture *f = *state;
	struct stat before, after;
	_cleanup_free_ char *path = mark_path(f);
	begin(f);
	assert_int_equal(stat(path, &before), 0);
	commit(f, false);
	assert_int_equal(stat(path, &after), 0);
	assert_true(before.st_ino == after.st_ino); /* no file was written */
	store_begin(f->store);
	store_mark(f->store); /* and nothing that was changed */
	assert_int_equal(store_commit(f->store, NULL), 0);
	store_begin(f->store);
	store_create(f->store, &kind_volume);
	store_mark(f->store);
	store_rollback(f->store);
	commit(f, false);
	assert_int_equal(stat(path, &after), 0);
	assert_true(before.st_ino == after.st_ino);
}

static void a_file_that_was_put_back_is_known(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = mark_path(f), *old = NULL;
	size_t len = 0;
	begin(f);
	assert_int_equal(read_file(path, 100, &old, &len), 0);
	/* It says that it was written an hour ago, and was changed now. */
	int64_t number = 0, written = 0;
	assert_int_equal(sscanf(old, "%" SCNd64 " %" SCNd64, &number, &written), 2);
	_cleanup_free_ char *text = xasprintf("%" PRId64 " %" PRId64 "\n", number, written - 3600000);
	assert_int_equal(write_file_atomic(path, text, strlen(text), 0600), 0);
	fixture_reopen(f);
	assert_old(f, "put back");
}

static void a_file_that_says_something_else_is_not_believed(void **state)
{
	struct fixture *f = *state;
	static const char *const texts[] = { "", "7", "7 x", "-7 7\n", "7 7\nand more" };
	_cleanup_free_ char *path = mark_path(f);
	begin(f);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(write_file_atomic(path, texts[i], strlen(texts[i]), 0600), 0);
		fixture_reopen(f);
		assert_old(f, "does not hold");
	}
}

static bool die(void *data)
{
	return true;
}

/* Between the commit and the file; nobody was told. */
static void who_died_before_the_file_has_told_nobody(void **state)
{
	struct fixture *f = *state;
	begin(f);
	store_set_crash_hook(f->store, die, NULL);
	commit(f, true);
	fixture_reopen(f);
	assert_last(f);
	commit(f, true);
	fixture_reopen(f);
	assert_last(f);
}

static void without_its_file_the_process_ends(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = mark_path(f);
	begin(f);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0); /* no file takes its place */
	log_set_quiet(true);
	commit(f, true);
	log_set_quiet(false);
	assert_true(store_is_dead(f->store));
	assert_int_equal(rmdir(path), 0);
}

static void a_file_that_cannot_be_read_stops_the_start(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *path = mark_path(f);
	char *why = NULL;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(store_mark_open(f->store, path, &why, &err) < 0);
	assert_non_null(strstr(err.text, path));
	assert_null(why);
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_last_one_is_known),
		TEST(one_that_comes_back_is_known),
		TEST(what_was_not_marked_does_not_count),
		TEST(a_file_that_was_put_back_is_known),
		TEST(a_file_that_says_something_else_is_not_believed),
		TEST(who_died_before_the_file_has_told_nobody),
		TEST(without_its_file_the_process_ends),
		TEST(a_file_that_cannot_be_read_stops_the_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
