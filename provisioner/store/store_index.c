/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Indexes: which committed documents have a word. A hash table of (word, identifier); documents are looked up by identifier, so
 * that an index never points to one that is gone. */
#include "store/store_priv.h"

#define BUCKETS_FIRST 64

struct index_entry {
	struct index_entry *next;
	uint64_t hash;
	const char *id; /* behind the word, in text */
	char text[];	/* the word */
};

struct store_index {
	struct list link; /* in the shelf */
	struct shelf *shelf;
	store_keys_fn keys;
	uint64_t seed; /* who chooses words does not know which of them meet */
	struct index_entry **buckets;
	size_t bucket_count, count;
};

void store_keys_add(struct store_keys *keys, const char *key)
{
	if (key && key[0])
		strbuf_add(&keys->text, key, strlen(key) + 1);
}

/* FNV-1a from a seed, and a last stir: the low bits choose the bucket. */
static uint64_t hash_of(const struct store_index *index, const char *key)
{
	uint64_t hash = index->seed;
	for (const char *c = key; *c; c++)
		hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 32;
}

static struct index_entry **bucket_of(const struct store_index *index, uint64_t hash)
{
	return &index->buckets[hash & (index->bucket_count - 1)];
}

static void grow(struct store_index *index)
{
	struct index_entry **old = index->buckets;
	size_t old_count = index->bucket_count;
	index->bucket_count = old_count ? old_count * 2 : BUCKETS_FIRST;
	index->buckets = new0(struct index_entry *, index->bucket_count);
	for (size_t i = 0; i < old_count; i++) {
		for (struct index_entry *entry = old[i], *next; entry; entry = next) {
			struct index_entry **bucket = bucket_of(index, entry->hash);
			next = entry->next;
			entry->next = *bucket;
			*bucket = entry;
		}
	}
	free(old);
}

static void add_entry(struct store_index *index, const char *key, const char *id)
{
	size_t key_len = strlen(key) + 1, id_len = strlen(id) + 1;
	struct index_entry *entry = xmalloc(sizeof(*entry) + key_len + id_len);
	if (index->count == index->bucket_count)
		grow(index);
	entry->hash = hash_of(index, key);
	entry->id = memcpy(entry->text + key_len, id, id_len);
	memcpy(entry->text, key, key_len);
	struct index_entry **bucket = bucket_of(index, entry->hash);
	entry->next = *bucket;
	*bucket = entry;
	index->count++;
}

static void remove_entry(struct store_index *index, const char *key, const char *id)
{
	for (struct index_entry **at = bucket_of(index, hash_of(index, key)); *at; at = &(*at)->next) {
		struct index_entry *entry = *at;
		if (!str_equal(entry->text, key) || !str_equal(entry->id, id))
			continue;
		*at = entry->next;
		free(entry);
		index->count--;
		return;
	}
}

static void each_key(struct store_index *index, const struct store_keys *keys, const char *id,
		     void (*fn)(struct store_index *index, const char *key, const char *id))
{
	for (size_t at = 0; at < keys->text.len; at += strlen(keys->text.data + at) + 1)
		fn(index, keys->text.data + at, id);
}

static void gather(const struct store_index *index, const void *object, struct store_keys *ret)
{
	if (object)
		index->keys(index->shelf->kind, object, ret);
}

void indexes_follow(struct shelf *shelf, const void *old, const void *new)
{
	struct store_index *index;
	const char *id = *(char *const *)(new ? new : old);
	LIST_FOREACH(index, &shelf->indexes, link) {
		struct store_keys before = { 0 }, after = { 0 };
		gather(index, old, &before);
		gather(index, new, &after);
		/* Most changes touch no word. */
		if (before.text.len != after.text.len ||
		    (after.text.len && memcmp(before.text.data, after.text.data, after.text.len) != 0)) {
			each_key(index, &before, id, remove_entry);
			each_key(index, &after, id, add_entry);
		}
		strbuf_done(&before.text);
		strbuf_done(&after.text);
	}
}

struct store_index *store_index_new(struct store *store, const struct store_kind *kind, store_keys_fn keys)
{
	struct shelf *shelf = store_shelf(store, kind);
	struct store_index *index = new0(struct store_index, 1);
	index->shelf = shelf;
	index->keys = keys;
	random_bytes(&index->seed, sizeof(index->seed));
	grow(index);
	for (size_t i = 0; i < shelf->count; i++) {
		struct store_keys all = { 0 };
		gather(index, shelf->documents[i].object, &all);
		each_key(index, &all, *(char *const *)shelf->documents[i].object, add_entry);
		strbuf_done(&all.text);
	}
	list_append(&shelf->indexes, &index->link);
	return index;
}

const void *store_index_get(const struct store_index *index, const char *key, size_t nth)
{
	uint64_t hash = key ? hash_of(index, key) : 0;
	for (const struct index_entry *entry = key ? *bucket_of(index, hash) : NULL; entry; entry = entry->next)
		if (entry->hash == hash && str_equal(entry->text, key) && nth-- == 0)
			return shelf_object(index->shelf, entry->id);
	return NULL;
}

void indexes_free(struct shelf *shelf)
{
	struct store_index *index;
	LIST_FOREACH(index, &shelf->indexes, link) {
		for (size_t i = 0; i < index->bucket_count; i++)
			for (struct index_entry *entry = index->buckets[i], *next; entry; entry = next) {
				next = entry->next;
				free(entry);
			}
		list_remove(&index->link);
		free(index->buckets);
		free(index);
	}
}
