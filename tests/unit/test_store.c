/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Documents and transactions of the store. Its file: test_store_file.c; outbox and events: test_outbox.c. */
#include "store_fixture.h"

static const struct volume *volume_get(struct fixture *f, const char *id)
{
	return store_get(f->store, &kind_volume, id);
}

/* ---- reading and writing ---- */

static void a_document_has_its_defaults_and_is_there_after_the_commit(void **state)
{
	struct fixture *f = *state;
	store_begin(f->store);
	struct vm *vm = store_create(f->store, &kind_vm);
	_cleanup_free_ char *id = xstrdup(vm->id);
	assert_int_equal(vm->cpus, 1);
	assert_true(vm->memory_bytes == 128 * MIB);
	vm->name = xstrdup("web");
	assert_ptr_equal(store_get(f->store, &kind_vm, id), vm);
	assert_null(store_find(f->store, &kind_vm, "web")); /* by name: only what was committed */
	assert_int_equal(store_count(f->store, &kind_vm), 0);
	assert_int_equal(store_revision(f->store, &kind_vm, id), 0);
	assert_commit(f->store);
	assert_string_equal(((const struct vm *)store_find(f->store, &kind_vm, "web"))->id, id);
	assert_ptr_equal(store_find(f->store, &kind_vm, id), store_get(f->store, &kind_vm, id));
	assert_int_equal(store_count(f->store, &kind_vm), 1);
	assert_true(store_revision(f->store, &kind_vm, id) > 0);
}

static void what_is_not_there_is_null(void **state)
{
	struct fixture *f = *state;
	assert_null(store_get(f->store, &kind_volume, "none"));
	assert_null(store_get(f->store, &kind_volume, NULL));
	assert_null(store_find(f->store, &kind_volume, "none"));
	assert_null(store_find(f->store, &kind_volume, NULL));
	assert_null(store_find(f->store, &kind_task, "a task has no name"));
	assert_null(store_next(f->store, &kind_volume, NULL));
	assert_int_equal(store_revision(f->store, &kind_volume, "none"), 0);
}

static void identifiers_order_by_creation(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *first = fixture_volume(f, "z");
	loop_fake_set_ms(f->loop, START_MS + 1);
	_cleanup_free_ char *second = fixture_volume(f, "a");
	assert_true(uuid_valid(first));
	assert_int_equal(first[14], '7'); /* RFC 9562 section 5.7 */
	const struct volume *volume = store_next(f->store, &kind_volume, NULL);
	assert_string_equal(volume->id, first);
	volume = store_next(f->store, &kind_volume, first);
	assert_string_equal(volume->id, second);
	assert_null(store_next(f->store, &kind_volume, second));
	/* A cursor need not be there any more. */
	store_begin(f->store);
	store_remove(f->store, &kind_volume, first);
	assert_commit(f->store);
	volume = store_next(f->store, &kind_volume, first);
	assert_string_equal(volume->id, second);
}

static void an_edit_is_one_copy_per_transaction(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *id = fixture_volume(f, "a");
	const struct volume *before = volume_get(f, id);
	store_begin(f->store);
	struct volume *edit = store_edit(f->store, &kind_volume, id);
	assert_ptr_not_equal(edit, before);
	assert_ptr_equal(store_edit(f->store, &kind_volume, id), edit);
	assert_ptr_equal(volume_get(f, id), edit);
	edit->size_bytes = 512;
	assert_true(before->size_bytes == 0);
	assert_commit(f->store);
	assert_true(volume_get(f, id)->size_bytes == 512);
}

static void revisions_grow_with_each_change(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *a = fixture_volume(f, "a"), *b = fixture_volume(f, "b");
	int64_t first = store_revision(f->store, &kind_volume, a), other = store_revision(f->store, &kind_volume, b);
	assert_true(other > first);
	store_begin(f->store);
	((struct volume *)store_edit(f->store, &kind_volume, a))->size_bytes = 512;
	assert_commit(f->store);
	assert_true(store_revision(f->store, &kind_volume, a) > other);
	assert_true(store_revision(f->store, &kind_volume, b) == other);
}

static unsigned changes_told;

static void count_change(const struct store_kind *kind, const char *id, void *data)
{
	changes_told++;
}

static void an_edit_that_changes_nothing_is_no_change(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *id = fixture_volume(f, "a");
	int64_t revision = store_revision(f->store, &kind_volume, id);
	const struct volume *before = volume_get(f, id);
	changes_told = 0;
	store_watch(f->store, count_change, NULL);
	store_begin(f->store);
	struct volume *edit = store_edit(f->store, &kind_volume, id);
	str_set(&edit->name, "b");
	str_set(&edit->name, "a");
	assert_commit(f->store);
	assert_int_equal(changes_told, 0);
	assert_true(store_revision(f->store, &kind_volume, id) == revision);
	assert_ptr_equal(volume_get(f, id), before);
	store_begin(f->store);
	assert_commit(f->store); /* nothing at all */
	assert_int_equal(changes_told, 0);
}

static void removed_is_removed(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *id = fixture_volume(f, "a");
	store_begin(f->store);
	store_edit(f->store, &kind_volume, id);
	store_remove(f->store, &kind_volume, id); /* also what was edited before */
	assert_null(volume_get(f, id));
	assert_commit(f->store);
	assert_null(volume_get(f, id));
	assert_null(store_find(f->store, &kind_volume, "a"));
	store_begin(f->store);
	struct volume *made = store_create(f->store, &kind_volume);
	store_remove(f->store, &kind_volume, made->id); /* and what was made just now */
	assert_commit(f->store);
	assert_int_equal(store_count(f->store, &kind_volume), 0);
	fixture_reopen(f);
	assert_int_equal(store_count(f->store, &kind_volume), 0);
}

static void what_was_removed_can_be_made_again_in_the_same_transaction(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *id = fixture_volume(f, "a");
	store_begin(f->store);
	store_remove(f->store, &kind_volume, id);
	struct volume *again = store_create_id(f->store, &kind_volume, id);
	again->name = xstrdup("b");
	assert_ptr_equal(volume_get(f, id), again);
	assert_commit(f->store);
	assert_string_equal(volume_get(f, id)->name, "b");
	assert_int_equal(store_count(f->store, &kind_volume), 1);
	fixture_reopen(f);
	assert_string_equal(volume_get(f, id)->name, "b");
}

/* ---- walking ---- */

static void a_walk_bears_changes_of_what_it_walks_over(void **state)
{
	struct fixture *f = *state;
	char *ids[4];
	unsigned seen = 0;
	for (unsigned i = 0; i < 4; i++) {
		loop_fake_set_ms(f->loop, START_MS + i);
		ids[i] = fixture_volume(f, "v");
	}
	STORE_EACH(struct volume, volume, f->store, &kind_volume) {
		seen++;
		store_begin(f->store);
		if (seen == 1) {
			store_remove(f->store, &kind_volume, ids[0]);
			store_remove(f->store, &kind_volume, ids[1]); /* not seen */
		} else {
			((struct volume *)store_edit(f->store, &kind_volume, volume->id))->size_bytes = 512 * seen;
		}
		assert_commit(f->store);
	}
	assert_int_equal(seen, 3);
	assert_true(volume_get(f, ids[2])->size_bytes == 1024);
	assert_true(volume_get(f, ids[3])->size_bytes == 1536);
	seen = 0;
	STORE_EACH(struct volume, volume, f->store, &kind_volume) {
		seen++;
		if (volume->size_bytes == 1024)
			break;
	}
	assert_int_equal(seen, 1); /* break ends it */
	for (unsigned i = 0; i < 4; i++)
		free(ids[i]);
}

static void what_was_borrowed_stays_until_the_loops_round_ends(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *id = fixture_volume(f, "before");
	const struct volume *borrowed = volume_get(f, id);
	store_begin(f->store);
	str_set(&((struct volume *)store_edit(f->store, &kind_volume, id))->name, "after");
	assert_commit(f->store);
	assert_string_equal(borrowed->name, "before"); /* AddressSanitizer would tell */
	store_begin(f->store);
	store_remove(f->store, &kind_volume, id);
	const struct volume *latest = borrowed;
	assert_commit(f->store);
	assert_string_equal(latest->name, "before");
	assert_int_equal(loop_fake_run_due(f->loop), 1); /* the sweep, and only once */
	assert_int_equal(loop_fake_run_due(f->loop), 0);
}

/* ---- transactions ---- */

static void transactions_nest_and_only_the_outermost_commits(void **state)
{
	struct fixture *f = *state;
	changes_told = 0;
	store_watch(f->store, count_change, NULL);
	store_begin(f->store);
	store_create(f->store, &kind_volume);
	store_begin(f->store);
	store_create(f->store, &kind_volume);
	assert_commit(f->store);
	assert_int_equal(store_count(f->store, &kind_volume), 0);
	assert_int_equal(changes_told, 0);
	assert_commit(f->store);
	assert_int_equal(store_count(f->store, &kind_volume), 2);
	assert_int_equal(changes_told, 2);
}

static void a_rollback_gives_the_whole_transaction_up(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = fixture_volume(f, "a");
	int64_t events = store_event_last(f->store);
	changes_told = 0;
	store_watch(f->store, count_change, NULL);
	store_begin(f->store);
	str_set(&((struct volume *)store_edit(f->store, &kind_volume, id))->name, "b");
	store_begin(f->store);
	store_event_text(f->store, "volume.test", "volume", id, "b", "it was renamed");
	store_rollback(f->store);
	store_create(f->store, &kind_volume); /* whoever goes on without having noticed */
	assert_int_equal(store_commit(f->store, &err), -ECANCELED);
	assert_int_equal(err.code, ERR_CANCELLED);
	assert_string_equal(volume_get(f, id)->name, "a");
	assert_int_equal(store_count(f->store, &kind_volume), 1);
	assert_int_equal(changes_told, 0);
	json_t *list = store_events(f->store, events, 10);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	/* The next one is a new one. */
	store_begin(f->store);
	str_set(&((struct volume *)store_edit(f->store, &kind_volume, id))->name, "c");
	assert_commit(f->store);
	assert_string_equal(volume_get(f, id)->name, "c");
	store_begin(f->store);
	store_rollback(f->store);
	store_begin(f->store);
	assert_commit(f->store);
}

/* ---- watching ---- */

static struct strbuf trace;

static void assert_trace(const char *wanted)
{
	assert_string_equal(trace.len ? trace.data : "", wanted);
	strbuf_done(&trace);
}

struct watcher {
	struct fixture *f;
	const char *word;
};

static void note_change(const struct store_kind *kind, const char *id, void *data)
{
	const struct watcher *w = data;
	const struct volume *volume = store_get(w->f->store, kind, id);
	strbuf_addf(&trace, "%s:%s ", w->word, volume ? volume->name : "gone");
}

static void note_event(int64_t seq, const char *json, void *data)
{
	strbuf_addf(&trace, "event ");
}

static void note_effect(const struct effect *effect, void *data)
{
	strbuf_addf(&trace, "effect ");
}

static void watchers_are_told_in_order_then_events_then_effects(void **state)
{
	struct fixture *f = *state;
	struct watcher one = { f, "1" }, two = { f, "2" };
	store_watch(f->store, note_change, &one);
	store_watch(f->store, note_change, &two);
	store_event_watch(f->store, note_event, NULL);
	store_effect_handler(f->store, "poke", note_effect, NULL);
	store_begin(f->store);
	store_effect_add(f->store, "poke", "x", 0);
	store_event_text(f->store, "volume.test", "volume", "x", "a", "text");
	struct volume *a = store_create(f->store, &kind_volume), *b = store_create(f->store, &kind_volume);
	a->name = xstrdup("a");
	b->name = xstrdup("b");
	assert_trace("");
	assert_commit(f->store);
	assert_trace("1:a 2:a 1:b 2:b event effect ");
}

/* Commits while it is told: that news comes after what is told already. */
static void react(const struct store_kind *kind, const char *id, void *data)
{
	struct fixture *f = data;
	const struct volume *volume = store_get(f->store, kind, id);
	if (volume->size_bytes > 0)
		return;
	store_begin(f->store);
	((struct volume *)store_edit(f->store, &kind_volume, id))->size_bytes = 512;
	store_event_text(f->store, "volume.test", "volume", id, volume->name, "was sized");
	assert_commit(f->store);
	strbuf_addf(&trace, "sized:%s ", volume->name);
}

static void a_watcher_may_commit(void **state)
{
	struct fixture *f = *state;
	struct watcher one = { f, "1" };
	store_watch(f->store, react, f);
	store_watch(f->store, note_change, &one);
	store_event_watch(f->store, note_event, NULL);
	store_begin(f->store);
	store_event_text(f->store, "volume.test", "volume", "x", "a", "text");
	struct volume *a = store_create(f->store, &kind_volume), *b = store_create(f->store, &kind_volume);
	a->name = xstrdup("a");
	b->name = xstrdup("b");
	assert_commit(f->store);
	assert_trace("sized:a 1:a sized:b 1:b 1:a 1:b event event event ");
}

/* ---- the crash hook ---- */

static bool die(void *data)
{
	return *(bool *)data;
}

static void after_a_crash_there_is_nothing(void **state)
{
	struct fixture *f = *state;
	struct watcher one = { f, "1" };
	bool dying = false;
	_cleanup_free_ char *id = fixture_volume(f, "a");
	store_watch(f->store, note_change, &one);
	store_event_watch(f->store, note_event, NULL);
	store_effect_handler(f->store, "poke", note_effect, NULL);
	store_set_crash_hook(f->store, die, &dying);
	store_begin(f->store);
	str_set(&((struct volume *)store_edit(f->store, &kind_volume, id))->name, "b");
	assert_commit(f->store);
	assert_trace("1:b ");
	assert_false(store_is_dead(f->store));
	dying = true;
	store_begin(f->store);
	str_set(&((struct volume *)store_edit(f->store, &kind_volume, id))->name, "c");
	store_event_text(f->store, "volume.test", "volume", id, "c", "text");
	store_effect_add(f->store, "poke", id, 0);
	assert_commit(f->store); /* committed, and then it died */
	assert_true(store_is_dead(f->store));
	assert_trace("");
	dying = false;
	store_begin(f->store);
	str_set(&((struct volume *)store_edit(f->store, &kind_volume, id))->name, "d");
	assert_int_equal(store_commit(f->store, NULL), -ECANCELED);
	assert_trace("");
	fixture_reopen(f);
	assert_string_equal(volume_get(f, id)->name, "c");
	store_effect_handler(f->store, "poke", note_effect, NULL);
	store_effects_replay(f->store);
	assert_trace("effect ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_document_has_its_defaults_and_is_there_after_the_commit),
		TEST(what_is_not_there_is_null),
		TEST(identifiers_order_by_creation),
		TEST(an_edit_is_one_copy_per_transaction),
		TEST(revisions_grow_with_each_change),
		TEST(an_edit_that_changes_nothing_is_no_change),
		TEST(removed_is_removed),
		TEST(what_was_removed_can_be_made_again_in_the_same_transaction),
		TEST(a_walk_bears_changes_of_what_it_walks_over),
		TEST(what_was_borrowed_stays_until_the_loops_round_ends),
		TEST(transactions_nest_and_only_the_outermost_commits),
		TEST(a_rollback_gives_the_whole_transaction_up),
		TEST(watchers_are_told_in_order_then_events_then_effects),
		TEST(a_watcher_may_commit),
		TEST(after_a_crash_there_is_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
