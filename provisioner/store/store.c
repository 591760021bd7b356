/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "store/store_priv.h"

#define STORE_VERSION 1

static const struct store_kind *const kinds[] = {
	&kind_machine,	       &kind_node,	 &kind_pool,	&kind_ceph_cluster,
	&kind_image,	       &kind_volume,	 &kind_vm,	&kind_task,
	&kind_token,	       &kind_creation,	 &kind_user,	&kind_audit,
	&kind_sign_in_session, &kind_join_token, &kind_network, &kind_deleted_vm,
	&kind_pool_usage,      &kind_bmc_range,
};

static const char schema_sql[] =
	"CREATE TABLE IF NOT EXISTS document (kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL,"
	"  body TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS outbox (seq INTEGER PRIMARY KEY, name TEXT NOT NULL, id TEXT NOT NULL,"
	"  attempt INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS event (seq INTEGER PRIMARY KEY, body TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS mark (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL);"
	"CREATE INDEX IF NOT EXISTS event_resource ON event (json_extract(body, '$.resource_id'));"
	"CREATE INDEX IF NOT EXISTS event_resource_kind ON event (json_extract(body, '$.resource'));"
	"CREATE INDEX IF NOT EXISTS event_kind ON event (json_extract(body, '$.kind'));"
	"PRAGMA user_version = 1;";

int store_sql_error(struct store *store, struct err *err, const char *what)
{
	int code = sqlite3_errcode(store->db) & 0xff;
	enum err_code kind = code == SQLITE_FULL			       ? ERR_CAPACITY
			     : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? ERR_CORRUPT
									       : ERR_INTERNAL;
	return err_set(err, kind, "store: %s: %s", what, sqlite3_errmsg(store->db));
}

int store_sql(struct store *store, const char *sql, struct err *err)
{
	if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return store_sql_error(store, err, sql);
	return 0;
}

int store_step(struct store *store, sqlite3_stmt *stmt, struct err *err, const char *what)
{
	int r = sqlite3_step(stmt);
	if (r != SQLITE_DONE) {
		int result = store_sql_error(store, err, what);
		sqlite3_reset(stmt);
		return result;
	}
	sqlite3_reset(stmt);
	return 0;
}

/* ---- the documents in memory ---- */

static const char *object_id(const void *object)
{
	return *(char *const *)object;
}

const char *store_name(const struct store_kind *kind, const void *object)
{
	if (kind->name_offset == STORE_NO_NAME)
		return NULL;
	return *(char *const *)(const void *)((const char *)object + kind->name_offset);
}

struct shelf *store_shelf(struct store *store, const struct store_kind *kind)
{
	for (size_t i = 0; i < store->shelf_count; i++)
		if (store->shelves[i].kind == kind)
			return &store->shelves[i];
	abort();
}

/* The place of the first document whose identifier is not before id. */
static size_t shelf_place(const struct shelf *shelf, const char *id)
{
	size_t low = 0, high = shelf->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(object_id(shelf->documents[middle].object), id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct document *shelf_get(const struct shelf *shelf, const char *id)
{
	size_t place = shelf_place(shelf, id);
	if (place < shelf->count && str_equal(object_id(shelf->documents[place].object), id))
		return &shelf->documents[place];
	return NULL;
}

const void *shelf_object(const struct shelf *shelf, const char *id)
{
	const struct document *document = shelf_get(shelf, id);
	return document ? document->object : NULL;
}

static void sweep(void *data)
{
	struct store *store = data;
	struct grave *grave;
	store->sweep = NULL;
	LIST_FOREACH(grave, &store->graves, link) {
		list_remove(&grave->link);
		schema_free(grave->kind->schema, grave->object);
		free(grave);
	}
}

static void bury(struct store *store, const struct store_kind *kind, void *object)
{
	struct grave *grave = new0(struct grave, 1);
	grave->kind = kind;
	grave->object = object;
	list_append(&store->graves, &grave->link);
	if (!store->sweep)
		store->sweep = loop_timer_new(store->loop, 0, sweep, store);
}

static void shelf_put(struct store *store, struct shelf *shelf, void *object, int64_t revision)
{
	size_t place = shelf_place(shelf, object_id(object));
	struct document *old = shelf_get(shelf, object_id(object));
	indexes_follow(shelf, old ? old->object : NULL, object);
	if (old) {
		bury(store, shelf->kind, old->object);
		*old = (struct document){ revision, object };
		return;
	}
	if (shelf->count == shelf->alloc) {
		shelf->alloc = shelf->alloc ? shelf->alloc * 2 : 16;
		shelf->documents = xrealloc(shelf->documents, shelf->alloc * sizeof(*shelf->documents));
	}
	memmove(&shelf->documents[place + 1], &shelf->documents[place],
		(shelf->count - place) * sizeof(*shelf->documents));
	shelf->documents[place] = (struct document){ revision, object };
	shelf->count++;
}

static void shelf_remove(struct store *store, struct shelf *shelf, const char *id)
{
	struct document *document = shelf_get(shelf, id);
	if (!document)
		return;
	indexes_follow(shelf, document->object, NULL);
	bury(store, shelf->kind, document->object);
	size_t place = (size_t)(document - shelf->documents);
	shelf->count--;
	memmove(document, document + 1, (shelf->count - place) * sizeof(*document));
}

static struct change *change_find(struct store *store, const struct store_kind *kind, const char *id)
{
	struct change *change;
	LIST_FOREACH(change, &store->changes, link)
		if (change->kind == kind && str_equal(change->id, id))
			return change;
	return NULL;
}

const void *store_get(struct store *store, const struct store_kind *kind, const char *id)
{
	const struct change *change = id ? change_find(store, kind, id) : NULL;
	const struct document *document = id && !change ? shelf_get(store_shelf(store, kind), id) : NULL;
	return change ? change->object : document ? document->object : NULL;
}

const void *store_find(struct store *store, const struct store_kind *kind, const char *id_or_name)
{
	const void *found = store_get(store, kind, id_or_name);
	const struct store_index *by_name = store_shelf(store, kind)->by_name;
	return found || !by_name ? found : store_index_get(by_name, id_or_name, 0);
}

const void *store_next(struct store *store, const struct store_kind *kind, const char *after)
{
	const struct shelf *shelf = store_shelf(store, kind);
	size_t place = after ? shelf_place(shelf, after) : 0;
	if (after && place < shelf->count && str_equal(object_id(shelf->documents[place].object), after))
		place++;
	return place < shelf->count ? shelf->documents[place].object : NULL;
}

const void *store_at(struct store *store, const struct store_kind *kind, size_t index)
{
	const struct shelf *shelf = store_shelf(store, kind);
	return index < shelf->count ? shelf->documents[index].object : NULL;
}

const void *store_each(struct store *store, const struct store_kind *kind, struct store_cursor *cursor)
{
	const void *object = store_next(store, kind, cursor->id[0] ? cursor->id : NULL);
	cursor->once = false; /* the outer loop of STORE_EACH() runs this one once */
	if (object)
		snprintf(cursor->id, sizeof(cursor->id), "%s", object_id(object));
	return object;
}

size_t store_count(struct store *store, const struct store_kind *kind)
{
	return store_shelf(store, kind)->count;
}

int64_t store_revision(struct store *store, const struct store_kind *kind, const char *id)
{
	const struct document *document = shelf_get(store_shelf(store, kind), id);
	return document ? document->revision : 0;
}

struct loop *store_loop(struct store *store)
{
	return store->loop;
}

char *store_id_new(struct store *store)
{
	uint8_t b[16];
	uint64_t ms = (uint64_t)loop_now_ms(store->loop);
	random_bytes(b, sizeof(b));
	for (int i = 0; i < 6; i++)
		b[i] = (uint8_t)(ms >> (40 - 8 * i));
	b[6] = (uint8_t)(0x70 | (b[6] & 0x0f));
	b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
	_cleanup_free_ char *hex = hex_encode(b, sizeof(b));
	return xasprintf("%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

/* ---- opening ---- */

static const struct store_kind *kind_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_equal(kinds[i]->name, name))
			return kinds[i];
	return NULL;
}

static int load_document(struct store *store, sqlite3_stmt *stmt, struct err *err)
{
	const char *kind_name = (const char *)sqlite3_column_text(stmt, 0);
	const char *id = (const char *)sqlite3_column_text(stmt, 1);
	const struct store_kind *kind = kind_find(kind_name);
	int64_t revision = sqlite3_column_int64(stmt, 2);
	if (!kind)
		return err_set(err, ERR_CORRUPT, "store: unknown kind '%s'; is it of a newer version?", kind_name);
	json_t *json = json_loads((const char *)sqlite3_column_text(stmt, 3), 0, NULL);
	if (!json_is_object(json)) {
		json_decref(json);
		return err_set(err, ERR_CORRUPT, "store: %s %s is not a JSON object", kind_name, id);
	}
	void *object = xcalloc(1, kind->schema->size);
	int r = schema_decode(kind->schema, SCHEMA_STORE, json, object, err);
	json_decref(json);
	if (r == 0 && !str_equal(object_id(object), id)) {
		schema_done(kind->schema, object);
		r = err_set(err, ERR_CORRUPT, "it has another id inside");
	}
	if (r < 0) {
		free(object);
		return err_prefix(err, "store: %s %s", kind_name, id);
	}
	shelf_put(store, store_shelf(store, kind), object, revision);
	store->revision = MAX_OF(store->revision, revision);
	return 0;
}

/* A row that cannot be read is an error: what is not loaded would be forgotten for good. */
static int load_documents(struct store *store, struct err *err)
{
	sqlite3_stmt *stmt;
	int r = 0, step = SQLITE_DONE;
	if (sqlite3_prepare_v2(store->db, "SELECT kind, id, revision, body FROM document ORDER BY kind, id", -1, &stmt,
			       NULL))
		return store_sql_error(store, err, "reading documents");
	while (r == 0 && (step = sqlite3_step(stmt)) == SQLITE_ROW)
		r = load_document(store, stmt, err);
	if (r == 0 && step != SQLITE_DONE)
		r = store_sql_error(store, err, "reading documents");
	sqlite3_finalize(stmt);
	return r;
}

static int query_number(struct store *store, const char *sql, int64_t *ret, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int r = 0;
	if (sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL) != SQLITE_OK || sqlite3_step(stmt) != SQLITE_ROW)
		r = store_sql_error(store, err, sql);
	else
		*ret = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return r;
}

static int prepare_all(struct store *store, struct err *err)
{
	const struct {
		sqlite3_stmt **stmt;
		const char *sql;
	} statements[] = {
		{ &store->put, "INSERT OR REPLACE INTO document (kind, id, revision, body) VALUES (?, ?, ?, ?)" },
		{ &store->remove, "DELETE FROM document WHERE kind = ? AND id = ?" },
		{ &store->add_event, "INSERT INTO event (seq, body) VALUES (?, ?)" },
		{ &store->add_effect, "INSERT INTO outbox (seq, name, id, attempt) VALUES (?, ?, ?, ?)" },
		{ &store->del_effect, "DELETE FROM outbox WHERE seq = ?" },
		{ &store->trim, "DELETE FROM event WHERE seq <= ?" },
		{ &store->put_mark, "INSERT OR REPLACE INTO mark (id, number) VALUES (1, ?)" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(statements); i++)
		if (sqlite3_prepare_v3(store->db, statements[i].sql, -1, SQLITE_PREPARE_PERSISTENT, statements[i].stmt,
				       NULL))
			return store_sql_error(store, err, "preparing");
	return 0;
}

static int open_database(struct store *store, const char *path, struct err *err)
{
	int64_t version = 0;
	int r = sqlite3_open_v2(path, &store->db,
				SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI,
				NULL);
	if (r != SQLITE_OK)
		return store_sql_error(store, err, path);
	sqlite3_busy_timeout(store->db, 2000);
	/* Exclusive before WAL is entered: then nobody else gets in, and there is no shared memory file. */
	r = store_sql(store, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;",
		      err);
	if (r == 0)
		r = query_number(store, "PRAGMA user_version", &version, err);
	if (r < 0)
		return (sqlite3_errcode(store->db) & 0xff) == SQLITE_BUSY
			       ? err_prefix(err, "another provisioner has %s open", path)
			       : err_prefix(err, "%s", path);
	if (version > STORE_VERSION)
		return err_set(err, ERR_UNSUPPORTED, "store: %s was written by a newer version (%lld)", path,
			       (long long)version);
	r = store_sql(store, schema_sql, err);
	return r < 0 ? r : prepare_all(store, err);
}

static void name_key(const struct store_kind *kind, const void *object, struct store_keys *to)
{
	store_keys_add(to, store_name(kind, object));
}

static void add_shelf(struct store *store, const struct store_kind *kind)
{
	struct shelf *shelf = &store->shelves[store->shelf_count++];
	shelf->kind = kind;
	list_init(&shelf->indexes);
	if (kind->name_offset != STORE_NO_NAME)
		shelf->by_name = store_index_new(store, kind, name_key);
}

int store_open(struct loop *loop, const char *path, struct store **ret, struct err *err)
{
	_cleanup_(store_free_p) struct store *store = new0(struct store, 1);
	store->loop = loop;
	list_init(&store->graves);
	list_init(&store->changes);
	list_init(&store->events);
	list_init(&store->effects);
	list_init(&store->told_changes);
	list_init(&store->told_events);
	list_init(&store->told_effects);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		add_shelf(store, kinds[i]);
	int r = open_database(store, path, err);
	if (r == 0)
		r = load_documents(store, err);
	if (r == 0)
		r = query_number(store, "SELECT max(seq) FROM event", &store->event_seq, err);
	if (r == 0)
		r = query_number(store, "SELECT max(seq) FROM outbox", &store->effect_seq, err);
	if (r == 0)
		r = query_number(store, "SELECT max(number) FROM mark", &store->mark, err);
	if (r < 0)
		return r;
	store->replay_until = store->effect_seq;
	*ret = TAKE_PTR(store);
	return 0;
}

static void change_free(struct change *change)
{
	list_remove(&change->link);
	schema_free(change->kind->schema, change->object);
	json_decref(change->json);
	free(change->id);
	free(change);
}

static void event_free(struct pending_event *event)
{
	list_remove(&event->link);
	free(event->json);
	free(event);
}

void effect_done_memory(struct pending_effect *pending)
{
	list_remove(&pending->link);
	free(pending->effect.name);
	free(pending->effect.id);
	free(pending);
}

static void lists_clear(struct list *changes, struct list *events, struct list *effects)
{
	struct change *change;
	struct pending_event *event;
	struct pending_effect *effect;
	LIST_FOREACH(change, changes, link)
		change_free(change);
	LIST_FOREACH(event, events, link)
		event_free(event);
	LIST_FOREACH(effect, effects, link)
		effect_done_memory(effect);
}

struct store *store_free(struct store *store)
{
	if (!store)
		return NULL;
	lists_clear(&store->changes, &store->events, &store->effects);
	lists_clear(&store->told_changes, &store->told_events, &store->told_effects);
	loop_timer_free(store->end);
	loop_timer_free(store->sweep);
	sweep(store);
	sqlite3_stmt *const statements[] = { store->put,	store->remove, store->add_event, store->add_effect,
					     store->del_effect, store->trim,   store->put_mark };
	for (size_t i = 0; i < ARRAY_SIZE(statements); i++)
		sqlite3_finalize(statements[i]);
	for (size_t i = 0; i < store->shelf_count; i++) {
		struct shelf *shelf = &store->shelves[i];
		for (size_t j = 0; j < shelf->count; j++)
			schema_free(shelf->kind->schema, shelf->documents[j].object);
		free(shelf->documents);
		indexes_free(shelf);
	}
	for (size_t i = 0; i < store->handler_count; i++)
		free(store->handlers[i].name);
	sqlite3_close(store->db);
	free(store->mark_path);
	free(store);
	return NULL;
}

/* ---- transactions ---- */

void store_begin(struct store *store)
{
	loop_assert_thread(store->loop);
	if (store->depth++ == 0)
		store->rolled_back = store->mark_wanted = false;
}

static void *change_add(struct store *store, const struct store_kind *kind, const char *id, void *object)
{
	assert(store->depth > 0);
	struct change *change = new0(struct change, 1);
	change->kind = kind;
	change->id = xstrdup(id);
	change->object = object;
	list_append(&store->changes, &change->link);
	return object;
}

void *store_edit(struct store *store, const struct store_kind *kind, const char *id)
{
	struct change *change = change_find(store, kind, id);
	if (change) {
		assert(change->object);
		return change->object;
	}
	const struct document *document = shelf_get(store_shelf(store, kind), id);
	assert(document);
	return change_add(store, kind, id, schema_dup(kind->schema, document->object));
}

void *store_create_id(struct store *store, const struct store_kind *kind, const char *id)
{
	void *object = xcalloc(1, kind->schema->size);
	json_t *empty = json_object();
	if (schema_decode(kind->schema, SCHEMA_STORE, empty, object, NULL) < 0)
		abort(); /* defaults that do not decode are a wrong table */
	json_decref(empty);
	str_set((char **)object, id);
	struct change *change = change_find(store, kind, id);
	if (!change)
		return change_add(store, kind, id, object);
	assert(!change->object); /* removed in this transaction */
	return change->object = object;
}

void *store_create(struct store *store, const struct store_kind *kind)
{
	_cleanup_free_ char *id = store_id_new(store);
	return store_create_id(store, kind, id);
}

void store_remove(struct store *store, const struct store_kind *kind, const char *id)
{
	struct change *change = change_find(store, kind, id);
	if (change)
		change->object = schema_free(kind->schema, change->object);
	else
		change_add(store, kind, id, NULL);
}

static int write_change(struct store *store, const struct change *change, int64_t revision, struct err *err)
{
	if (!change->object) {
		sqlite3_bind_text(store->remove, 1, change->kind->name, -1, SQLITE_STATIC);
		sqlite3_bind_text(store->remove, 2, change->id, -1, SQLITE_STATIC);
		return store_step(store, store->remove, err, "removing a document");
	}
	_cleanup_json_ json_t *json =
		change->json ? json_incref(change->json) : schema_encode(change->kind->schema, change->object, true);
	_cleanup_free_ char *body = json_dumps(json, JSON_COMPACT);
	if (!body)
		return err_set(err, ERR_INTERNAL, "store: %s %s cannot be written as JSON", change->kind->name,
			       change->id);
	sqlite3_bind_text(store->put, 1, change->kind->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(store->put, 2, change->id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(store->put, 3, revision);
	sqlite3_bind_text(store->put, 4, body, -1, SQLITE_STATIC);
	return store_step(store, store->put, err, "writing a document");
}

static int write_event(struct store *store, const struct pending_event *event, struct err *err)
{
	sqlite3_bind_int64(store->add_event, 1, event->seq);
	sqlite3_bind_text(store->add_event, 2, event->json, -1, SQLITE_STATIC);
	int r = store_step(store, store->add_event, err, "writing an event");
	if (r == 0 && event->seq % 1000 == 0 && event->seq > STORE_EVENTS_MAX) {
		sqlite3_bind_int64(store->trim, 1, event->seq - STORE_EVENTS_MAX);
		r = store_step(store, store->trim, err, "trimming events");
	}
	return r;
}

static int write_effect(struct store *store, const struct pending_effect *pending, struct err *err)
{
	const struct effect *effect = &pending->effect;
	if (pending->done) {
		sqlite3_bind_int64(store->del_effect, 1, effect->seq);
		return store_step(store, store->del_effect, err, "finishing an effect");
	}
	sqlite3_bind_int64(store->add_effect, 1, effect->seq);
	sqlite3_bind_text(store->add_effect, 2, effect->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(store->add_effect, 3, effect->id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(store->add_effect, 4, effect->attempt);
	return store_step(store, store->add_effect, err, "writing an effect");
}

/* An edit that changed nothing is no change: no revision, no write, no news. */
static void drop_unchanged(struct store *store)
{
	struct change *change;
	LIST_FOREACH(change, &store->changes, link) {
		const struct document *document = shelf_get(store_shelf(store, change->kind), change->id);
		if (!document || !change->object)
			continue;
		_cleanup_json_ json_t *old = schema_encode(change->kind->schema, document->object, true);
		change->json = schema_encode(change->kind->schema, change->object, true);
		if (json_equal(old, change->json))
			change_free(change);
	}
}

static int write_all(struct store *store, int64_t first_revision, struct err *err)
{
	const struct change *change;
	const struct pending_event *event;
	const struct pending_effect *effect;
	int64_t revision = first_revision;
	int r = store_sql(store, "BEGIN IMMEDIATE", err);
	/* The analyzer does not follow that what is freed has left the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	LIST_FOREACH(change, &store->changes, link)
		if (r == 0)
			r = write_change(store, change, ++revision, err);
	LIST_FOREACH(event, &store->events, link)
		if (r == 0)
			r = write_event(store, event, err);
	LIST_FOREACH(effect, &store->effects, link)
		if (r == 0)
			r = write_effect(store, effect, err);
	if (r == 0 && store->mark_wanted)
		r = store_mark_put(store, err);
	if (r == 0 && store->fault_hook && store->fault_hook(store->fault_data))
		r = err_set(err, ERR_CAPACITY, "store: the disk is full");
	return r == 0 ? store_sql(store, "COMMIT", err) : r;
}

static void move_list(struct list *from, struct list *to)
{
	while (!list_empty(from)) {
		struct list *item = from->next;
		list_remove(item);
		list_append(to, item);
	}
}

/* After the commit: the memory follows, and what has to be told waits in order. */
static void apply(struct store *store)
{
	struct change *change;
	/* The analyzer does not follow that what is freed has left the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	LIST_FOREACH(change, &store->changes, link) {
		struct shelf *shelf = store_shelf(store, change->kind);
		++store->revision;
		if (change->object)
			shelf_put(store, shelf, TAKE_PTR(change->object), store->revision);
		else
			shelf_remove(store, shelf, change->id);
	}
	move_list(&store->changes, &store->told_changes);
	move_list(&store->events, &store->told_events);
	move_list(&store->effects, &store->told_effects);
}

void store_run_effect(struct store *store, const struct effect *effect)
{
	for (size_t i = 0; i < store->handler_count; i++) {
		if (!str_equal(store->handlers[i].name, effect->name))
			continue;
		store->handlers[i].fn(effect, store->handlers[i].data);
		return;
	}
	log_error("store: no handler for effect %s of %s", effect->name, effect->id);
}

static void tell_change(struct store *store, struct change *change)
{
	for (size_t i = 0; i < store->watcher_count && !store->dead; i++)
		store->watchers[i].fn(change->kind, change->id, store->watchers[i].data);
	change_free(change);
}

static void tell_event(struct store *store, struct pending_event *event)
{
	for (size_t i = 0; i < store->event_watcher_count && !store->dead; i++)
		store->event_watchers[i].fn(event->seq, event->json, store->event_watchers[i].data);
	event_free(event);
}

static void tell_effect(struct store *store, struct pending_effect *pending)
{
	if (!pending->done && !store->dead)
		store_run_effect(store, &pending->effect);
	effect_done_memory(pending);
}

/* Watchers and effects may commit: that only adds to the lists, and this one loop goes on. */
static void tell(struct store *store)
{
	if (store->telling)
		return;
	store->telling = true;
	for (;;) {
		if (!list_empty(&store->told_changes))
			tell_change(store, CONTAINER_OF(list_take_first(&store->told_changes), struct change, link));
		else if (!list_empty(&store->told_events))
			tell_event(store,
				   CONTAINER_OF(list_take_first(&store->told_events), struct pending_event, link));
		else if (!list_empty(&store->told_effects))
			tell_effect(store,
				    CONTAINER_OF(list_take_first(&store->told_effects), struct pending_effect, link));
		else
			break;
	}
	store->telling = false;
}

/* Also if the loop does not run yet. */
static void end_loop(void *data)
{
	struct store *store = data;
	store->end = NULL;
	loop_quit(store->loop, 1);
}

static void end_process(struct store *store, const struct err *why)
{
	log_error("%s; what happened cannot be kept: this process ends, and the next one takes up what is stored",
		  why->text);
	store->dead = true;
	store->end = loop_timer_new(store->loop, 0, end_loop, store);
}

/* Who died between the commit and the mark has told nobody of it: the next process catches up. */
static void keep_mark(struct store *store)
{
	_cleanup_err_ struct err err = ERR_INIT;
	if (store->mark_wanted && !store->dead && store_mark_committed(store, &err) < 0)
		end_process(store, &err);
}

int store_commit(struct store *store, struct err *err)
{
	assert(store->depth > 0);
	if (--store->depth > 0)
		return store->rolled_back ? -ECANCELED : 0;
	int r = 0;
	drop_unchanged(store);
	if (store->rolled_back || store->dead)
		r = err_set(err, ERR_CANCELLED, "the transaction was given up");
	else if (!list_empty(&store->changes) || !list_empty(&store->events) || !list_empty(&store->effects))
		r = write_all(store, store->revision, err);
	else
		store->mark_wanted = false;
	if (r < 0) {
		if (!sqlite3_get_autocommit(store->db))
			sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
		lists_clear(&store->changes, &store->events, &store->effects);
		return r;
	}
	apply(store);
	if (store->crash_hook && store->crash_hook(store->crash_data))
		store->dead = true;
	keep_mark(store);
	tell(store);
	return 0;
}

int store_must_commit(struct store *store)
{
	_cleanup_err_ struct err err = ERR_INIT;
	int r = store_commit(store, &err);
	if (r == 0 || store->depth > 0 || store->rolled_back || store->dead)
		return r;
	end_process(store, &err);
	return r;
}

void store_rollback(struct store *store)
{
	assert(store->depth > 0);
	lists_clear(&store->changes, &store->events, &store->effects);
	store->rolled_back = true;
	store->depth--;
}

void store_watch(struct store *store, store_watch_fn fn, void *data)
{
	assert(store->watcher_count < WATCHERS_MAX);
	store->watchers[store->watcher_count++] = (struct watcher){ fn, data };
}

void store_set_crash_hook(struct store *store, bool (*hook)(void *data), void *data)
{
	store->crash_hook = hook;
	store->crash_data = data;
}

void store_set_fault_hook(struct store *store, bool (*hook)(void *data), void *data)
{
	store->fault_hook = hook;
	store->fault_data = data;
}

bool store_is_dead(const struct store *store)
{
	return store->dead;
}
