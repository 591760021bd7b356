/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef INGOT_STORE_STORE_PRIV_H
#define INGOT_STORE_STORE_PRIV_H

#include <sqlite3.h>

#include "base/list.h"
#include "store/store.h"

/* The decoded documents of one kind, sorted by identifier. */
struct document {
	int64_t revision;
	void *object;
};
struct shelf {
	const struct store_kind *kind;
	struct document *documents;
	size_t count, alloc;
	struct list indexes;	     /* struct store_index */
	struct store_index *by_name; /* one of them; NULL for a kind without names */
};

struct store_keys {
	struct strbuf text; /* each with its NUL */
};

/* A change of the transaction under way. object NULL: removal. */
struct change {
	struct list link;
	const struct store_kind *kind;
	char *id;
	void *object;
	json_t *json; /* of the object, once it was compared with what is there */
};

/* A document that was replaced or removed: whoever borrowed it in this round of the loop may still look. */
struct grave {
	struct list link;
	const struct store_kind *kind;
	void *object;
};

struct pending_event {
	struct list link;
	int64_t seq;
	char *json;
};

struct pending_effect {
	struct list link;
	struct effect effect;
	bool done; /* finished rather than added */
};

struct watcher {
	store_watch_fn fn;
	void *data;
};
struct event_watcher {
	store_event_fn fn;
	void *data;
};
struct effect_handler {
	char *name;
	effect_fn fn;
	void *data;
};

#define KINDS_MAX 32
#define WATCHERS_MAX 16
#define HANDLERS_MAX 16

struct store {
	struct loop *loop;
	sqlite3 *db;
	sqlite3_stmt *put, *remove, *add_event, *add_effect, *del_effect, *trim, *put_mark;
	struct shelf shelves[KINDS_MAX];
	size_t shelf_count;
	int64_t revision, event_seq, effect_seq;
	int64_t replay_until; /* effects up to here are of an earlier life */

	/* store_mark.c */
	char *mark_path; /* NULL: none */
	int64_t mark;	 /* as committed, or as the file says if that is more */

	unsigned depth;
	bool rolled_back, dead, mark_wanted;
	struct list changes, events, effects;
	struct list graves;
	struct loop_timer *sweep, *end;

	/* what was committed and not told yet; told in order, also if telling commits more */
	struct list told_changes, told_events, told_effects;
	bool telling;

	struct watcher watchers[WATCHERS_MAX];
	size_t watcher_count;
	struct event_watcher event_watchers[WATCHERS_MAX];
	size_t event_watcher_count;
	struct effect_handler handlers[HANDLERS_MAX];
	size_t handler_count;
	bool (*crash_hook)(void *data);
	void *crash_data;
	bool (*fault_hook)(void *data);
	void *fault_data;
};

struct shelf *store_shelf(struct store *store, const struct store_kind *kind);
/* The committed document; NULL: there is none. */
const void *shelf_object(const struct shelf *shelf, const char *id);
/* store_index.c: a document was put (old NULL), replaced, or removed (new NULL); both are still there. */
void indexes_follow(struct shelf *shelf, const void *old, const void *new);
void indexes_free(struct shelf *shelf);
/* The effect's memory, but not its place in a list. */
void effect_done_memory(struct pending_effect *pending);
/* store_mark.c: writes the next number within the transaction; and, once that is committed, into the file. */
int store_mark_put(struct store *store, struct err *err);
int store_mark_committed(struct store *store, struct err *err);
void store_run_effect(struct store *store, const struct effect *effect);
int store_sql(struct store *store, const char *sql, struct err *err);
int store_sql_error(struct store *store, struct err *err, const char *what);
int store_step(struct store *store, sqlite3_stmt *stmt, struct err *err, const char *what);

#endif
