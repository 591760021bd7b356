/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Effects until they are done, and the log of events. */
#include "base/log.h"
#include "proto/event_texts.h"
#include "store/store_priv.h"
#include "store_fixture.h"

static struct strbuf trace;

static void assert_trace(const char *wanted)
{
	assert_string_equal(trace.len ? trace.data : "", wanted);
	strbuf_done(&trace);
}

/* ---- effects ---- */

static void note(const struct effect *effect, void *data)
{
	strbuf_addf(&trace, "%s(%s, %lld) ", effect->name, effect->id, (long long)effect->attempt);
}

static void note_and_drop(const struct effect *effect, void *data)
{
	struct fixture *f = data;
	note(effect, NULL);
	store_effect_drop(f->store, effect);
}

static void add(struct fixture *f, const char *name, const char *id, int64_t attempt)
{
	store_begin(f->store);
	store_effect_add(f->store, name, id, attempt);
	assert_commit(f->store);
}

static void an_effect_runs_after_the_commit_and_again_until_it_is_done(void **state)
{
	struct fixture *f = *state;
	store_effect_handler(f->store, "boot", note, NULL);
	add(f, "boot", "m1", 3);
	assert_trace("boot(m1, 3) ");
	for (unsigned life = 0; life < 3; life++) {
		fixture_reopen(f);
		store_effect_handler(f->store, "boot", note, NULL);
		assert_trace("");
		store_effects_replay(f->store);
		assert_trace("boot(m1, 3) ");
	}
	fixture_reopen(f);
	store_effect_handler(f->store, "boot", note_and_drop, f);
	store_effects_replay(f->store);
	assert_trace("boot(m1, 3) ");
	store_effects_replay(f->store);
	assert_trace("");
	fixture_reopen(f);
	store_effect_handler(f->store, "boot", note, NULL);
	store_effects_replay(f->store);
	assert_trace("");
}

static void effects_are_replayed_in_order_and_those_of_this_life_are_not(void **state)
{
	struct fixture *f = *state;
	store_effect_handler(f->store, "a", note, NULL);
	store_effect_handler(f->store, "b", note, NULL);
	add(f, "b", "1", 0);
	add(f, "a", "2", 0);
	add(f, "b", "3", 0);
	fixture_reopen(f);
	strbuf_done(&trace);
	store_effect_handler(f->store, "a", note, NULL);
	store_effect_handler(f->store, "b", note, NULL);
	add(f, "a", "new", 0);
	assert_trace("a(new, 0) ");
	store_effects_replay(f->store);
	assert_trace("b(1, 0) a(2, 0) b(3, 0) ");
}

static void a_given_up_transaction_has_no_effect(void **state)
{
	struct fixture *f = *state;
	store_effect_handler(f->store, "boot", note, NULL);
	store_begin(f->store);
	store_effect_add(f->store, "boot", "m1", 0);
	store_rollback(f->store);
	fixture_reopen(f);
	store_effect_handler(f->store, "boot", note, NULL);
	store_effects_replay(f->store);
	assert_trace("");
}

static void ending_an_effect_is_part_of_the_transaction(void **state)
{
	struct fixture *f = *state;
	store_effect_handler(f->store, "boot", note, NULL);
	add(f, "boot", "m1", 0);
	strbuf_done(&trace);
	store_begin(f->store);
	store_effect_done(f->store, 1);
	store_rollback(f->store);
	fixture_reopen(f);
	store_effect_handler(f->store, "boot", note, NULL);
	store_effects_replay(f->store);
	assert_trace("boot(m1, 0) ");
	store_begin(f->store);
	store_effect_done(f->store, 1);
	assert_commit(f->store);
	fixture_reopen(f);
	store_effect_handler(f->store, "boot", note, NULL);
	store_effects_replay(f->store);
	assert_trace("");
}

/* A handler of a newer version's effect is missing after a step back: it waits for who knows it. */
static void an_effect_without_a_handler_waits(void **state)
{
	struct fixture *f = *state;
	store_effect_handler(f->store, "boot", note, NULL);
	add(f, "boot", "m1", 0);
	strbuf_done(&trace);
	fixture_reopen(f);
	store_effects_replay(f->store);
	assert_trace("");
	fixture_reopen(f);
	store_effect_handler(f->store, "boot", note, NULL);
	store_effects_replay(f->store);
	assert_trace("boot(m1, 0) ");
}

/* A chain: each link commits the next with its own end, so that a crash leaves exactly one. */
static void chain(const struct effect *effect, void *data)
{
	struct fixture *f = data;
	note(effect, NULL);
	store_begin(f->store);
	store_effect_done(f->store, effect->seq);
	if (effect->attempt < 3)
		store_effect_add(f->store, "chain", effect->id, effect->attempt + 1);
	assert_commit(f->store);
}

static unsigned die_at, commits;

static bool die(void *data)
{
	return ++commits == die_at;
}

static void a_crash_at_any_commit_leaves_the_rest_of_the_chain(void **state)
{
	struct fixture *f = *state;
	for (die_at = 1; die_at <= 4; die_at++) {
		commits = 0;
		store_effect_handler(f->store, "chain", chain, f);
		store_set_crash_hook(f->store, die, NULL);
		add(f, "chain", "x", 1);
		assert_int_equal(store_is_dead(f->store), true);
		strbuf_done(&trace);
		fixture_reopen(f);
		store_effect_handler(f->store, "chain", chain, f);
		store_effects_replay(f->store);
		assert_trace(die_at == 1   ? "chain(x, 1) chain(x, 2) chain(x, 3) "
			     : die_at == 2 ? "chain(x, 2) chain(x, 3) "
			     : die_at == 3 ? "chain(x, 3) "
					   : "");
		fixture_reopen(f);
	}
}

/* ---- a commit that fails ---- */

static bool full;

static bool is_full(void *data)
{
	return full;
}

static void what_could_not_be_stored_ends_the_process_and_is_done_again(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	store_effect_handler(f->store, "boot", note_and_drop, f);
	store_set_fault_hook(f->store, is_full, NULL);
	log_set_quiet(true);
	/* Who waits for it is told, and everything goes on. */
	full = true;
	store_begin(f->store);
	store_effect_add(f->store, "boot", "m0", 1);
	assert_true(store_commit(f->store, &err) < 0);
	assert_int_equal(err.code, ERR_CAPACITY);
	assert_false(store_is_dead(f->store));
	assert_trace("");
	full = false;
	/* Committed, done, and its end cannot be kept. */
	store_begin(f->store);
	store_effect_add(f->store, "boot", "m1", 1);
	full = false;
	assert_commit(f->store);
	assert_trace("boot(m1, 1) ");
	store_effect_handler(f->store, "late", note, NULL);
	add(f, "late", "m2", 1);
	assert_trace("late(m2, 1) ");
	full = true;
	store_begin(f->store);
	store_effect_done(f->store, 2);
	assert_true(store_must_commit(f->store) < 0);
	assert_true(store_is_dead(f->store));
	full = false;
	store_begin(f->store);
	store_effect_add(f->store, "boot", "m3", 1);
	assert_true(store_commit(f->store, &err) < 0); /* nothing happens here any more */
	assert_trace("");
	log_set_quiet(false);
	fixture_reopen(f);
	store_effect_handler(f->store, "boot", note, NULL);
	store_effect_handler(f->store, "late", note, NULL);
	store_effects_replay(f->store);
	assert_trace("late(m2, 1) ");
}

/* The true disk, as far as SQLite can tell. */
static void a_full_disk_is_seen(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *text = xmalloc(1 << 20);
	memset(text, 'x', 1 << 20);
	text[(1 << 20) - 1] = '\0';
	assert_int_equal(sqlite3_exec(f->store->db, "PRAGMA max_page_count = 30", NULL, NULL, NULL), SQLITE_OK);
	log_set_quiet(true);
	store_begin(f->store);
	store_event_text(f->store, "test.said", "volume", "some-id", "some-name", "%s", text);
	assert_true(store_commit(f->store, &err) < 0);
	assert_int_equal(err.code, ERR_CAPACITY);
	store_begin(f->store);
	store_event_text(f->store, "test.said", "volume", "some-id", "some-name", "%s", text);
	assert_true(store_must_commit(f->store) < 0);
	log_set_quiet(false);
	assert_true(store_is_dead(f->store));
}

static void within_another_transaction_that_one_decides(void **state)
{
	struct fixture *f = *state;
	store_begin(f->store);
	store_begin(f->store);
	store_effect_add(f->store, "boot", "m1", 1);
	assert_int_equal(store_must_commit(f->store), 0);
	store_rollback(f->store);
	store_begin(f->store);
	store_begin(f->store);
	store_rollback(f->store);
	assert_true(store_must_commit(f->store) < 0);
	assert_false(store_is_dead(f->store));
}

/* ---- events ---- */

static void say(struct fixture *f, const char *text)
{
	store_begin(f->store);
	store_event_text(f->store, "test.said", "volume", "some-id", "some-name", "%s", text);
	assert_commit(f->store);
}

static int64_t id_at(const json_t *events, size_t index)
{
	int64_t id = -1;
	const char *text = json_string_value(json_object_get(json_array_get(events, index), "id"));
	assert_non_null(text);
	assert_int_equal(parse_i64(text, 0, INT64_MAX, &id), 0);
	return id;
}

static void an_event_says_what_when_and_of_whom(void **state)
{
	struct fixture *f = *state;
	loop_fake_set_ms(f->loop, START_MS + 1500);
	say(f, "a \"quoted\" word\nand a line");
	json_t *events = store_events(f->store, 0, 10);
	json_t *right = json_pack("[{s:s, s:s, s:s, s:n, s:n, s:s, s:s, s:s, s:s}]", "id", "1", "time",
				  "2026-01-01T00:00:01.500Z", "kind", "test.said", "code", "params", "resource",
				  "volume", "resource_id", "some-id", "resource_name", "some-name", "text",
				  "a \"quoted\" word\nand a line");
	assert_true(json_equal(events, right));
	json_decref(events);
	json_decref(right);
}

/* By its code, with what is in its text: what is NULL is left out, what is no UTF-8 does not take the rest with it. */
static void an_event_of_the_table_can_be_said_in_any_language(void **state)
{
	struct fixture *f = *state;
	store_begin(f->store);
	store_event(f->store, "vm.stray.deleted", "node", "n1", "rack1-a", "vm", "web", "id", "v1", NULL);
	store_event(f->store, "task.succeeded", "vm", "v1", "{vm}", "action", "vm.start", "reason", NULL, NULL);
	store_event(f->store, "machine.failed", "machine", "m1", NULL, "reason", "a \xff {name}", NULL);
	assert_commit(f->store);
	json_t *events = store_events(f->store, 0, 10);
	static const char *const rows[][3] = {
		{ "vm.stray", "vm.stray.deleted",
		  "rack1-a has virtual machine web (v1), which was deleted meanwhile; it is ended there" },
		{ "task.succeeded", "task.succeeded", "vm.start succeeded" },
		{ "machine.failed", "machine.failed", " failed: a ? {name}" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const json_t *event = json_array_get(events, i);
		assert_string_equal(json_string_value(json_object_get(event, "kind")), rows[i][0]);
		assert_string_equal(json_string_value(json_object_get(event, "code")), rows[i][1]);
		assert_string_equal(json_string_value(json_object_get(event, "text")), rows[i][2]);
	}
	json_t *right = json_pack("{s:s, s:s}", "vm", "web", "id", "v1");
	assert_true(json_equal(json_object_get(json_array_get(events, 0), "params"), right));
	assert_int_equal(json_object_size(json_object_get(json_array_get(events, 1), "params")), 1);
	json_decref(events);
	json_decref(right);
}

/* How many events fit, newest pages first as screens ask for them; and that all of them are of what was asked for. */
static size_t count_of(struct fixture *f, const struct event_query *query, const char *field, const char *value)
{
	bool more;
	json_t *events = store_events_find(f->store, query, &more), *event;
	size_t i, count = json_array_size(events);
	json_array_foreach(events, i, event)
		assert_string_equal(json_string_value(json_object_get(event, field)), value);
	json_decref(events);
	return count;
}

static void events_are_found_by_what_they_are_about(void **state)
{
	struct fixture *f = *state;
	store_begin(f->store);
	store_event(f->store, "vm.created", "vm", "v1", "web", NULL);
	for (unsigned i = 0; i < 200; i++)
		store_event(f->store, "token.created", "token", "t1", "backup", "user", "admin", "role", "viewer",
			    NULL);
	store_event(f->store, "vm.stopped", "vm", "v2", "db", NULL);
	assert_commit(f->store);
	struct event_query query = { .after = -1, .count = 10, .resource = "vm" };
	assert_int_equal(count_of(f, &query, "resource", "vm"), 2);
	query.resource_id = "v1";
	assert_int_equal(count_of(f, &query, "resource_id", "v1"), 1);
	query.kind = "vm.stopped";
	assert_int_equal(count_of(f, &query, "kind", "vm.stopped"), 0);
	query = (struct event_query){ .after = -1, .count = 10, .resource = "pool" };
	assert_int_equal(count_of(f, &query, "resource", "pool"), 0);
	query.resource = "token";
	assert_int_equal(count_of(f, &query, "resource", "token"), 10);
}

/* Every text has an end to each brace, and every code is of a kind: two words. */
static void the_table_of_events_is_sound(void **state)
{
	for (size_t i = 0; i < event_text_count; i++) {
		const struct event_text *row = &event_texts[i];
		_cleanup_free_ char *kind = event_text_kind(row->code), *filled = event_text_fill(row->text, "n", NULL);
		assert_ptr_equal(event_text_find(row->code), row);
		assert_true(str_starts(row->code, kind) && strchr(kind, '.'));
		assert_null(strpbrk(filled, "{}"));
	}
	assert_null(event_text_find("no.such"));
}

static void events_are_taken_up_where_one_left_off(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < 10; i++)
		say(f, "text");
	json_t *events = store_events(f->store, 4, 3);
	assert_int_equal(json_array_size(events), 3);
	assert_int_equal(id_at(events, 0), 5);
	assert_int_equal(id_at(events, 2), 7);
	json_decref(events);
	fixture_reopen(f);
	say(f, "text");
	assert_int_equal(store_event_last(f->store), 11); /* numbers are not used again */
	events = store_events(f->store, 9, 100);
	assert_int_equal(json_array_size(events), 2);
	assert_int_equal(id_at(events, 0), 10);
	json_decref(events);
	events = store_events(f->store, 11, 100);
	assert_int_equal(json_array_size(events), 0);
	json_decref(events);
}

static int64_t told_seq;
static char *told_json;

static void on_event(int64_t seq, const char *json, void *data)
{
	told_seq = seq;
	str_set(&told_json, json);
}

static void who_watches_is_told_what_the_log_says(void **state)
{
	struct fixture *f = *state;
	store_event_watch(f->store, on_event, NULL);
	say(f, "text");
	json_t *told = json_loads(told_json, 0, NULL), *events = store_events(f->store, 0, 1);
	assert_int_equal(told_seq, 1);
	assert_true(json_equal(told, json_array_get(events, 0)));
	json_decref(told);
	json_decref(events);
	str_set(&told_json, NULL);
}

static void old_events_are_dropped_and_what_is_left_can_be_resumed(void **state)
{
	struct fixture *f = *state;
	f->store = store_free(f->store);
	fixture_sql(f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 102998)"
		       " INSERT INTO event SELECT i, '{\"id\": \"' || i || '\"}' FROM n");
	fixture_open(f);
	say(f, "102999");
	json_t *events = store_events(f->store, 0, 1);
	assert_int_equal(id_at(events, 0), 1);
	json_decref(events);
	say(f, "103000: every thousandth looks back");
	events = store_events(f->store, 0, 1);
	assert_int_equal(id_at(events, 0), 103000 - STORE_EVENTS_MAX + 1);
	json_decref(events);
	events = store_events(f->store, 102997, 10); /* who was up to date misses nothing */
	assert_int_equal(json_array_size(events), 3);
	assert_int_equal(id_at(events, 0), 102998);
	json_decref(events);
	fixture_reopen(f);
	say(f, "text");
	assert_int_equal(store_event_last(f->store), 103001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_effect_runs_after_the_commit_and_again_until_it_is_done),
		TEST(effects_are_replayed_in_order_and_those_of_this_life_are_not),
		TEST(a_given_up_transaction_has_no_effect),
		TEST(ending_an_effect_is_part_of_the_transaction),
		TEST(an_effect_without_a_handler_waits),
		TEST(a_crash_at_any_commit_leaves_the_rest_of_the_chain),
		TEST(what_could_not_be_stored_ends_the_process_and_is_done_again),
		TEST(a_full_disk_is_seen),
		TEST(within_another_transaction_that_one_decides),
		TEST(an_event_says_what_when_and_of_whom),
		TEST(an_event_of_the_table_can_be_said_in_any_language),
		TEST(events_are_found_by_what_they_are_about),
		TEST(the_table_of_events_is_sound),
		TEST(events_are_taken_up_where_one_left_off),
		TEST(who_watches_is_told_what_the_log_says),
		TEST(old_events_are_dropped_and_what_is_left_can_be_resumed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
