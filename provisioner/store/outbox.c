/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The outbox and the log of events: rows that are committed together with documents. */
#include <assert.h>

#include "base/log.h"
#include "proto/event_texts.h"
#include "store/store_priv.h"

/* ---- effects ---- */

void store_effect_handler(struct store *store, const char *name, effect_fn fn, void *data)
{
	assert(store->handler_count < HANDLERS_MAX);
	store->handlers[store->handler_count++] = (struct effect_handler){ xstrdup(name), fn, data };
}

static struct pending_effect *pending_add(struct store *store)
{
	assert(store->depth > 0);
	struct pending_effect *pending = new0(struct pending_effect, 1);
	list_append(&store->effects, &pending->link);
	return pending;
}

void store_effect_add(struct store *store, const char *name, const char *id, int64_t attempt)
{
	struct pending_effect *pending = pending_add(store);
	pending->effect = (struct effect){ ++store->effect_seq, xstrdup(name), xstrdup(id), attempt };
}

void store_effect_done(struct store *store, int64_t seq)
{
	struct pending_effect *pending = pending_add(store);
	pending->effect.seq = seq;
	pending->done = true;
}

void store_effect_drop(struct store *store, const struct effect *effect)
{
	store_begin(store);
	store_effect_done(store, effect->seq);
	store_must_commit(store);
}

void store_effects_replay(struct store *store)
{
	struct list waiting;
	sqlite3_stmt *stmt;
	struct pending_effect *pending;
	list_init(&waiting);
	if (sqlite3_prepare_v2(store->db, "SELECT seq, name, id, attempt FROM outbox WHERE seq <= ? ORDER BY seq", -1,
			       &stmt, NULL)) {
		log_error("store: reading the outbox: %s", sqlite3_errmsg(store->db));
		return;
	}
	sqlite3_bind_int64(stmt, 1, store->replay_until);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		pending = new0(struct pending_effect, 1);
		pending->effect = (struct effect){ sqlite3_column_int64(stmt, 0),
						   xstrdup((const char *)sqlite3_column_text(stmt, 1)),
						   xstrdup((const char *)sqlite3_column_text(stmt, 2)),
						   sqlite3_column_int64(stmt, 3) };
		list_append(&waiting, &pending->link);
	}
	sqlite3_finalize(stmt);
	LIST_FOREACH(pending, &waiting, link) {
		if (!store->dead)
			store_run_effect(store, &pending->effect);
		effect_done_memory(pending);
	}
}

/* ---- events ---- */

/* Fills in what each event has, and takes it over. */
static void add_event(struct store *store, struct event *event, const char *resource, const char *id, const char *name)
{
	assert(store->depth > 0);
	event->time = loop_now_ms(store->loop);
	event->id = xasprintf("%lld", (long long)++store->event_seq);
	event->resource = xstrdup(resource);
	event->resource_id = xstrdup(id);
	event->resource_name = xstrdup(name);
	json_t *json = schema_encode(&event_schema, event, true);
	struct pending_event *pending = new0(struct pending_event, 1);
	pending->seq = store->event_seq;
	pending->json = json_dumps(json, JSON_COMPACT);
	list_append(&store->events, &pending->link);
	json_decref(json);
	schema_done(&event_schema, event);
}

static json_t *params_of(va_list ap)
{
	json_t *params = json_object();
	const char *key;
	while ((key = va_arg(ap, const char *))) {
		const char *value = va_arg(ap, const char *);
		if (value)
			json_object_set_new(params, key, schema_text_json(value));
	}
	return params;
}

void store_event(struct store *store, const char *code, const char *resource, const char *id, const char *name, ...)
{
	const struct event_text *known = event_text_find(code);
	struct event event = { 0 };
	va_list ap;
	assert(known);
	va_start(ap, name);
	event.params = params_of(ap);
	va_end(ap);
	event.code = xstrdup(code);
	event.kind = event_text_kind(code);
	event.text = event_text_fill(known->text, name, event.params);
	add_event(store, &event, resource, id, name);
}

void store_event_text(struct store *store, const char *kind, const char *resource, const char *id, const char *name,
		      const char *fmt, ...)
{
	struct event event = { .kind = xstrdup(kind) };
	va_list ap;
	va_start(ap, fmt);
	event.text = xvasprintf(fmt, ap);
	va_end(ap);
	add_event(store, &event, resource, id, name);
}

/* The fields that are asked for by; store.c has an index of each. */
static char *events_sql(const struct event_query *query)
{
	bool forward = query->after >= 0;
	return xasprintf("SELECT body FROM event WHERE seq %s ?1%s%s%s ORDER BY seq%s LIMIT ?2", forward ? ">" : "<",
			 query->resource_id ? " AND json_extract(body, '$.resource_id') = ?3" : "",
			 query->kind ? " AND json_extract(body, '$.kind') = ?4" : "",
			 query->resource ? " AND json_extract(body, '$.resource') = ?5" : "", forward ? "" : " DESC");
}

json_t *store_events_find(struct store *store, const struct event_query *query, bool *ret_more)
{
	bool forward = query->after >= 0;
	_cleanup_free_ char *sql = events_sql(query);
	json_t *list = json_array();
	sqlite3_stmt *stmt;
	*ret_more = false;
	if (sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL)) {
		log_error("store: reading events: %s", sqlite3_errmsg(store->db));
		return list;
	}
	sqlite3_bind_int64(stmt, 1, forward ? query->after : query->before > 0 ? query->before : INT64_MAX);
	sqlite3_bind_int64(stmt, 2, (int64_t)query->count + 1);
	if (query->resource_id)
		sqlite3_bind_text(stmt, 3, query->resource_id, -1, SQLITE_STATIC);
	if (query->kind)
		sqlite3_bind_text(stmt, 4, query->kind, -1, SQLITE_STATIC);
	if (query->resource)
		sqlite3_bind_text(stmt, 5, query->resource, -1, SQLITE_STATIC);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		*ret_more = json_array_size(list) == query->count;
		if (*ret_more)
			break;
		json_t *event = json_loads((const char *)sqlite3_column_text(stmt, 0), 0, NULL);
		json_array_insert_new(list, forward ? json_array_size(list) : 0, event);
	}
	sqlite3_finalize(stmt);
	return list;
}

json_t *store_events(struct store *store, int64_t after, unsigned count)
{
	const struct event_query query = { .after = after, .count = count };
	bool more;
	return store_events_find(store, &query, &more);
}

int64_t store_event_last(struct store *store)
{
	return store->event_seq;
}

void store_event_watch(struct store *store, store_event_fn fn, void *data)
{
	assert(store->event_watcher_count < WATCHERS_MAX);
	store->event_watchers[store->event_watcher_count++] = (struct event_watcher){ fn, data };
}
