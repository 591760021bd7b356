/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Indexes of the store: they follow what is committed, and nothing else. */
#include "store_fixture.h"

#define MANY 500

/* By each half of "one/two". */
static void parts(const struct store_kind *kind, const void *object, struct store_keys *to)
{
	const char *name = store_name(kind, object), *slash = name ? strchr(name, '/') : NULL;
	_cleanup_free_ char *first = slash ? xstrndup(name, (size_t)(slash - name)) : NULL;
	store_keys_add(to, first);
	store_keys_add(to, slash ? slash + 1 : name);
}

static const char *found(const struct store_index *index, const char *key, size_t nth)
{
	const struct volume *volume = store_index_get(index, key, nth);
	return volume ? volume->id : NULL;
}

static void rename_to(struct fixture *f, const char *id, const char *name)
{
	store_begin(f->store);
	str_set(&((struct volume *)store_edit(f->store, &kind_volume, id))->name, name);
	assert_commit(f->store);
}

static void a_document_is_found_by_each_of_its_words(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *before = fixture_volume(f, "rack/a");
	struct store_index *index = store_index_new(f->store, &kind_volume, parts);
	_cleanup_free_ char *after = fixture_volume(f, "rack/b");
	assert_string_equal(found(index, "a", 0), before);
	assert_null(found(index, "a", 1));
	assert_string_equal(found(index, "b", 0), after);
	/* Both have it, in no order. */
	assert_non_null(found(index, "rack", 0));
	assert_non_null(found(index, "rack", 1));
	assert_string_not_equal(found(index, "rack", 0), found(index, "rack", 1));
	assert_null(found(index, "rack", 2));
	assert_null(found(index, "rack/a", 0));
	assert_null(found(index, "", 0));
	assert_null(found(index, NULL, 0));
}

static void it_follows_what_is_committed(void **state)
{
	struct fixture *f = *state;
	struct store_index *index = store_index_new(f->store, &kind_volume, parts);
	_cleanup_free_ char *id = fixture_volume(f, "one");
	store_begin(f->store);
	str_set(&((struct volume *)store_edit(f->store, &kind_volume, id))->name, "two");
	assert_non_null(found(index, "one", 0)); /* not yet */
	assert_null(found(index, "two", 0));
	assert_commit(f->store);
	assert_null(found(index, "one", 0));
	assert_string_equal(found(index, "two", 0), id);
	store_begin(f->store);
	str_set(&((struct volume *)store_edit(f->store, &kind_volume, id))->name, "three");
	store_rollback(f->store);
	assert_non_null(found(index, "two", 0));
	assert_null(found(index, "three", 0));
	/* What does not concern its words leaves it alone; what is found is what is there now. */
	store_begin(f->store);
	((struct volume *)store_edit(f->store, &kind_volume, id))->size_bytes = GIB;
	assert_commit(f->store);
	assert_true(((const struct volume *)store_index_get(index, "two", 0))->size_bytes == GIB);
	store_begin(f->store);
	store_remove(f->store, &kind_volume, id);
	assert_commit(f->store);
	assert_null(found(index, "two", 0));
}

static void names_are_found_after_changes_and_restarts(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *one = fixture_volume(f, "one"), *two = fixture_volume(f, "two");
	rename_to(f, one, "three");
	rename_to(f, two, "one");
	for (int restarted = 0; restarted < 2; restarted++) {
		assert_null(store_find(f->store, &kind_volume, "two"));
		assert_string_equal(((const struct volume *)store_find(f->store, &kind_volume, "one"))->id, two);
		assert_string_equal(((const struct volume *)store_find(f->store, &kind_volume, "three"))->id, one);
		assert_string_equal(((const struct volume *)store_find(f->store, &kind_volume, one))->id, one);
		fixture_reopen(f);
	}
}

static struct store_index *watched;
static bool watched_found;

static void on_change(const struct store_kind *kind, const char *id, void *data)
{
	watched_found = str_equal(found(watched, "new", 0), id);
}

static void watchers_see_it_up_to_date(void **state)
{
	struct fixture *f = *state;
	watched = store_index_new(f->store, &kind_volume, parts);
	store_watch(f->store, on_change, NULL);
	free(fixture_volume(f, "new"));
	assert_true(watched_found);
}

/* A word that all have is found without a walk over them, and all have it. */
static void a_word_of_many_is_of_all_of_them(void **state)
{
	struct fixture *f = *state;
	struct store_index *index = store_index_new(f->store, &kind_volume, parts);
	size_t count = 0;
	store_begin(f->store);
	for (int i = 0; i < MANY; i++)
		((struct volume *)store_create(f->store, &kind_volume))->name = xasprintf("shared/disk-%d", i);
	assert_commit(f->store);
	while (store_index_get(index, "shared", count))
		count++;
	assert_int_equal(count, MANY);
	for (int i = 0; i < MANY; i++) {
		_cleanup_free_ char *word = xasprintf("disk-%d", i);
		assert_string_equal(strchr(((const struct volume *)store_index_get(index, word, 0))->name, '/') + 1,
				    word);
	}
	assert_null(store_index_get(index, "disk-500", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_document_is_found_by_each_of_its_words),	  TEST(it_follows_what_is_committed),
		TEST(names_are_found_after_changes_and_restarts), TEST(watchers_see_it_up_to_date),
		TEST(a_word_of_many_is_of_all_of_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
