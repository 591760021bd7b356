/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A store in a folder of its own on a clock that stands still, and what its tests do with it again and again. */
#ifndef INGOT_TESTS_STORE_FIXTURE_H
#define INGOT_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>

#include "store/store.h"

#define START_MS INT64_C(1767225600000)

struct fixture {
	struct loop *loop;
	struct store *store;
	char *dir, *path;
};

static inline void fixture_open(struct fixture *f)
{
	_cleanup_err_ struct err err = ERR_INIT;
	if (store_open(f->loop, f->path, &f->store, &err) < 0)
		fail_msg("%s", err.text);
}

static inline void fixture_reopen(struct fixture *f)
{
	f->store = store_free(f->store);
	fixture_open(f);
}

/* Lets a time pass, with everything that is due in it. */
static inline void fixture_pass(struct fixture *f, int64_t ms)
{
	int64_t end = loop_now_ms(f->loop) + ms;
	while (loop_fake_run_due(f->loop) || loop_fake_next_ms(f->loop) <= end)
		loop_fake_set_ms(f->loop, MIN_OF(loop_fake_next_ms(f->loop), end));
	loop_fake_set_ms(f->loop, end);
	loop_fake_run_due(f->loop);
}

static inline int fixture_setup(void **state)
{
	struct fixture *f = new0(struct fixture, 1);
	f->loop = loop_new_fake(START_MS);
	f->dir = xstrdup("/tmp/ingot-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->path = xasprintf("%s/ingot.db", f->dir);
	fixture_open(f);
	*state = f;
	return 0;
}

static inline int fixture_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	store_free(f->store);
	loop_free(f->loop);
	nftw(f->dir, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
	free(f->path);
	free(f->dir);
	free(f);
	return 0;
}

/* Changes the file behind the store's back; it must be closed. */
static inline void fixture_sql(struct fixture *f, const char *sql)
{
	sqlite3 *db;
	assert_null(f->store);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static inline void assert_commit(struct store *store)
{
	_cleanup_err_ struct err err = ERR_INIT;
	if (store_commit(store, &err) < 0)
		fail_msg("%s", err.text);
}

/* A committed volume; its id, to be freed. */
static inline char *fixture_volume(struct fixture *f, const char *name)
{
	store_begin(f->store);
	struct volume *volume = store_create(f->store, &kind_volume);
	char *id = xstrdup(volume->id);
	volume->name = xstrdup(name);
	assert_commit(f->store);
	return id;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
