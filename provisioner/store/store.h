/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store: typed documents with revisions over SQLite (WAL, synchronous=FULL), the outbox, and the log of events. What
 * is committed is the truth; the decoded documents are kept in memory beside it, so that reading costs nothing.
 * Loop thread only. */
#ifndef INGOT_STORE_STORE_H
#define INGOT_STORE_STORE_H

#include "base/err.h"
#include "loop/loop.h"
#include "proto/resources.h"

struct store;

/* A kind of document. The structure's first member is `char *id`. */
struct store_kind {
	const char *name;
	const struct schema *schema;
	size_t name_offset; /* of `char *name`, or STORE_NO_NAME */
};
#define STORE_NO_NAME SIZE_MAX

/* All kinds, in one table (kinds.c). */
extern const struct store_kind kind_machine, kind_node, kind_pool, kind_ceph_cluster, kind_image, kind_volume, kind_vm,
	kind_network, kind_task, kind_token, kind_creation, kind_user, kind_sign_in_session, kind_audit,
	kind_deleted_vm, kind_join_token, kind_pool_usage, kind_bmc_range;

/* Opens or makes the file; path ":memory:" for tests. Names the reason if the file is damaged or of a newer version. */
int store_open(struct loop *loop, const char *path, struct store **ret, struct err *err);
struct store *store_free(struct store *store);
DEFINE_CLEANUP(struct store *, store_free)
struct loop *store_loop(struct store *store);

/* ---- reading: what is borrowed stays valid, if not up to date, until control returns to the loop ---- */

const void *store_get(struct store *store, const struct store_kind *kind, const char *id);
/* By id or by name; if several have the name, one of them. */
const void *store_find(struct store *store, const struct store_kind *kind, const char *id_or_name);
/* Its name, borrowed; NULL for a kind that has none. */
const char *store_name(const struct store_kind *kind, const void *object);
/* In the order of identifiers (that is, of creation): the first with after NULL; NULL at the end. */
const void *store_next(struct store *store, const struct store_kind *kind, const char *after);
/* The same by its place in that order, 0 to store_count() - 1; NULL past the end. A commit moves places. */
const void *store_at(struct store *store, const struct store_kind *kind, size_t index);
size_t store_count(struct store *store, const struct store_kind *kind);
int64_t store_revision(struct store *store, const struct store_kind *kind, const char *id);

/* Walks all documents of a kind; the body may change, add and remove any of them, break and return. */
struct store_cursor {
	char id[64];
	bool once;
};
const void *store_each(struct store *store, const struct store_kind *kind, struct store_cursor *cursor);
#define STORE_EACH(type, var, store, kind)                                                                             \
	for (struct store_cursor cursor_##var = { .once = true }; cursor_##var.once;)                                  \
		for (const type *var; (var = store_each(store, kind, &cursor_##var)) != NULL;)

/* ---- indexes: committed documents by what is in them ---- */

/* Tells the words by which a document is to be found, each by store_keys_add(). A function of the document alone. */
struct store_keys;
typedef void (*store_keys_fn)(const struct store_kind *kind, const void *object, struct store_keys *to);
/* Copies the word. NULL and "" are left out. */
void store_keys_add(struct store_keys *keys, const char *key);
/* An index over all documents of a kind, those of now and those to come: it follows each commit before anybody is told of it.
 * Lives as long as the store. */
struct store_index;
struct store_index *store_index_new(struct store *store, const struct store_kind *kind, store_keys_fn keys);
/* The nth committed document that has the word, in no order; NULL past the last, and for NULL. Borrowed like that of
 * store_get(). Its cost grows with how many have this word, not with how many documents there are. */
const void *store_index_get(const struct store_index *index, const char *key, size_t nth);

/* ---- writing ---- */

/* Transactions nest: only the outermost commits. Within one, store_get() sees what was edited; the lists (store_next(),
 * store_find() by name) still show what was committed. */
void store_begin(struct store *store);
/* A copy to change, the same one if asked again in this transaction. The document must exist. */
void *store_edit(struct store *store, const struct store_kind *kind, const char *id);
/* A new document with a new identifier and the schema's defaults. */
void *store_create(struct store *store, const struct store_kind *kind);
/* The same with a given identifier, which no document has (any more). */
void *store_create_id(struct store *store, const struct store_kind *kind, const char *id);
void store_remove(struct store *store, const struct store_kind *kind, const char *id);
/* 0, or a negative errno: then nothing of the whole transaction was done. A document that was edited and is as before is
 * not written. */
int store_commit(struct store *store, struct err *err) __attribute__((warn_unused_result));
/* The same for what nobody waits for: a report that was taken, work that has ended. Dropped it would be lost, and what is
 * stored would stay wrong: a failure is logged and ends this process (store_is_dead(); the loop is told to quit with 1).
 * The next one takes up what is stored, with its effects. Within another transaction that one decides. Negative if it was
 * not stored: then nothing that follows from it may be done. */
int store_must_commit(struct store *store);
/* Gives the whole transaction up, also the outer ones; their commit then fails with -ECANCELED. */
void store_rollback(struct store *store);

/* A new identifier: UUID version 7 (RFC 9562 section 5.7), so that the order of identifiers is that of creation. */
char *store_id_new(struct store *store);

/* ---- the mark: whether the database is the last one (store_mark.c) ---- */

/* Names the file beside the database that says how far was gone, once, before anything is committed. *ret_why: NULL if the
 * database is what it was when the last process ended; else in words, the caller's, why it may be older: it came back from a
 * backup, there is no such file (also if all is new), or that was put back as well. Then the next store_mark() makes it the last
 * one. Errors: ERR_INTERNAL, ERR_CAPACITY if the file cannot be read or written. */
int store_mark_open(struct store *store, const char *path, char **ret_why, struct err *err);
/* Within a transaction: this one is not to be forgotten. Its number is in the file, for good, before anything that follows from
 * it is done. If it cannot be written there the process ends, as in store_must_commit(). */
void store_mark(struct store *store);

/* ---- watching: after each commit, before its effects, in the order of registration ---- */

typedef void (*store_watch_fn)(const struct store_kind *kind, const char *id, void *data);
void store_watch(struct store *store, store_watch_fn fn, void *data);

/* ---- outbox: effects committed with the state that asks for them ---- */

struct effect {
	int64_t seq;
	char *name; /* finds the handler */
	char *id;   /* of the document it belongs to */
	int64_t attempt;
};
/* Runs when the transaction was committed, and again after a restart until store_effect_done(). Must be idempotent. */
typedef void (*effect_fn)(const struct effect *effect, void *data);
void store_effect_handler(struct store *store, const char *name, effect_fn fn, void *data);
void store_effect_add(struct store *store, const char *name, const char *id, int64_t attempt);
/* Within a transaction: the effect came to its end. */
void store_effect_done(struct store *store, int64_t seq);
/* The same in a transaction of its own: there is nothing (any more) to do for it. */
void store_effect_drop(struct store *store, const struct effect *effect);
/* After all handlers were registered: runs what an earlier life left, in the order it was asked for. */
void store_effects_replay(struct store *store);

/* ---- events ---- */

/* Within a transaction. code: of event_texts. What is in its text follows, each a name and a string (NULL: none), then NULL. */
void store_event(struct store *store, const char *code, const char *resource, const char *id, const char *name, ...)
	__attribute__((sentinel));
/* An event that no table knows, for tests: without a code, in a text of its own. */
void store_event_text(struct store *store, const char *kind, const char *resource, const char *id, const char *name,
		      const char *fmt, ...) PRINTF_LIKE(6, 7);
/* Events after a number (0: from the oldest kept), at most count, oldest first, as a JSON list; the caller owns it. */
json_t *store_events(struct store *store, int64_t after, unsigned count);
/* Those that fit, at most count, oldest first: the first ones after a number, or if that is negative, the last ones before a
 * number (0: of all). *ret_more: there are further ones in that direction. */
struct event_query {
	int64_t after, before;
	unsigned count;
	const char *resource, *resource_id, *kind; /* NULL: any */
};
json_t *store_events_find(struct store *store, const struct event_query *query, bool *ret_more);
int64_t store_event_last(struct store *store);
/* Called after each commit for each event in it. */
typedef void (*store_event_fn)(int64_t seq, const char *json, void *data);
void store_event_watch(struct store *store, store_event_fn fn, void *data);
#define STORE_EVENTS_MAX 100000

/* ---- simulation, and the end after a failed commit ---- */

/* Called between a commit and everything that follows from it. If it returns true this process counts as dead: nothing is
 * called or committed any more. */
void store_set_crash_hook(struct store *store, bool (*hook)(void *data), void *data);
bool store_is_dead(const struct store *store);
/* Called for each transaction once all of it is written, before it counts: if it returns true it fails, as on a full disk. */
void store_set_fault_hook(struct store *store, bool (*hook)(void *data), void *data);

#endif
