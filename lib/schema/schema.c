/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Objects as their schemas describe them: to JSON, copied, freed. */
#include <assert.h>

#include "schema/schema_priv.h"

/* ---- one function per type, in one table ---- */

/* Leaving the field out would be worse than a question mark in it. */
json_t *schema_text_json(const char *text)
{
	json_t *json = json_string(text);
	if (json)
		return json;
	_cleanup_free_ char *plain = xstrdup(text);
	for (char *c = plain; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return json_string(plain);
}

static json_t *encode_string(const struct field *f, const void *object, bool all)
{
	const char *text = AT_CONST(char *, object, f->offset);
	return text ? schema_text_json(text) : json_null();
}

static json_t *encode_int(const struct field *f, const void *object, bool all)
{
	return json_integer(AT_CONST(int64_t, object, f->offset));
}

static json_t *encode_number(const struct field *f, const void *object, bool all)
{
	json_t *json = json_real(AT_CONST(double, object, f->offset));
	return json ? json : json_null();
}

static json_t *encode_bytes(const struct field *f, const void *object, bool all)
{
	return json_integer((json_int_t)MIN_OF(AT_CONST(uint64_t, object, f->offset), (uint64_t)INT64_MAX));
}

static json_t *encode_bool(const struct field *f, const void *object, bool all)
{
	return json_boolean(AT_CONST(bool, object, f->offset));
}

static json_t *encode_enum(const struct field *f, const void *object, bool all)
{
	return json_string(f->words[AT_CONST(int, object, f->offset)]);
}

static json_t *encode_time(const struct field *f, const void *object, bool all)
{
	int64_t ms = AT_CONST(int64_t, object, f->offset);
	if (!ms)
		return json_null();
	_cleanup_free_ char *text = time_format(ms);
	return json_string(text);
}

static json_t *encode_nested(const struct field *f, const void *object, bool all)
{
	const void *nested = AT_CONST(void *, object, f->offset);
	return nested ? schema_encode(f->of, nested, all) : json_null();
}

static json_t *encode_objects(const struct field *f, const void *object, bool all)
{
	json_t *list = json_array();
	const char *items = AT_CONST(void *, object, f->offset);
	for (size_t i = 0; i < AT_CONST(size_t, object, f->count_offset); i++)
		json_array_append_new(list, schema_encode(f->of, items + i * f->of->size, all));
	return list;
}

static json_t *encode_strings(const struct field *f, const void *object, bool all)
{
	json_t *list = json_array();
	char *const *items = AT_CONST(char **, object, f->offset);
	for (size_t i = 0; i < AT_CONST(size_t, object, f->count_offset); i++)
		json_array_append_new(list, schema_text_json(items[i]));
	return list;
}

static json_t *encode_json(const struct field *f, const void *object, bool all)
{
	json_t *json = AT_CONST(json_t *, object, f->offset);
	return json ? json_deep_copy(json) : json_null();
}

static void done_nothing(const struct field *f, void *object)
{
}

static void done_string(const struct field *f, void *object)
{
	char *text = AT(char *, object, f->offset);
	if (text && (f->flags & FIELD_INTERNAL))
		wipe(text, strlen(text));
	free(text);
}

static void done_nested(const struct field *f, void *object)
{
	schema_free(f->of, AT(void *, object, f->offset));
}

static void objects_clear(const struct field *f, void *object)
{
	char *items = AT(void *, object, f->offset);
	for (size_t i = 0; i < AT(size_t, object, f->count_offset); i++)
		schema_done(f->of, items + i * f->of->size);
	free(items);
	AT(void *, object, f->offset) = NULL;
	AT(size_t, object, f->count_offset) = 0;
}

static void done_strings(const struct field *f, void *object)
{
	schema_strings_clear(&AT(char **, object, f->offset), &AT(size_t, object, f->count_offset));
}

static void done_json(const struct field *f, void *object)
{
	json_decref(AT(json_t *, object, f->offset));
}

static void copy_string(const struct field *f, void *dst, const void *src)
{
	AT(char *, dst, f->offset) = xstrdup(AT_CONST(char *, src, f->offset));
}

static void copy_number(const struct field *f, void *dst, const void *src)
{
	AT(int64_t, dst, f->offset) = AT_CONST(int64_t, src, f->offset); /* int64_t and uint64_t */
}

static void copy_double(const struct field *f, void *dst, const void *src)
{
	AT(double, dst, f->offset) = AT_CONST(double, src, f->offset);
}

static void copy_bool(const struct field *f, void *dst, const void *src)
{
	AT(bool, dst, f->offset) = AT_CONST(bool, src, f->offset);
}

static void copy_enum(const struct field *f, void *dst, const void *src)
{
	AT(int, dst, f->offset) = AT_CONST(int, src, f->offset);
}

static void copy_nested(const struct field *f, void *dst, const void *src)
{
	const void *nested = AT_CONST(void *, src, f->offset);
	AT(void *, dst, f->offset) = nested ? schema_dup(f->of, nested) : NULL;
}

static void copy_objects(const struct field *f, void *dst, const void *src)
{
	size_t count = AT_CONST(size_t, src, f->count_offset);
	const char *from = AT_CONST(void *, src, f->offset);
	char *items = from ? xcalloc(count + 1, f->of->size) : NULL;
	for (size_t i = 0; i < count; i++)
		schema_copy(f->of, items + i * f->of->size, from + i * f->of->size);
	AT(void *, dst, f->offset) = items;
	AT(size_t, dst, f->count_offset) = count;
}

static void copy_strings(const struct field *f, void *dst, const void *src)
{
	char *const *from = AT_CONST(char **, src, f->offset);
	for (size_t i = 0; i < AT_CONST(size_t, src, f->count_offset); i++)
		schema_strings_add(&AT(char **, dst, f->offset), &AT(size_t, dst, f->count_offset), from[i]);
}

static void copy_json(const struct field *f, void *dst, const void *src)
{
	AT(json_t *, dst, f->offset) = json_deep_copy(AT_CONST(json_t *, src, f->offset));
}

static const struct {
	json_t *(*encode)(const struct field *f, const void *object, bool all);
	void (*copy)(const struct field *f, void *dst, const void *src);
	void (*done)(const struct field *f, void *object); /* what it points to; the field keeps its bytes */
	size_t size;
} types[] = {
	[FIELD_STRING] = { encode_string, copy_string, done_string, sizeof(char *) },
	[FIELD_INT] = { encode_int, copy_number, done_nothing, sizeof(int64_t) },
	[FIELD_NUMBER] = { encode_number, copy_double, done_nothing, sizeof(double) },
	[FIELD_BOOL] = { encode_bool, copy_bool, done_nothing, sizeof(bool) },
	[FIELD_ENUM] = { encode_enum, copy_enum, done_nothing, sizeof(int) },
	[FIELD_BYTES] = { encode_bytes, copy_number, done_nothing, sizeof(uint64_t) },
	[FIELD_TIME] = { encode_time, copy_number, done_nothing, sizeof(int64_t) },
	[FIELD_OBJECT] = { encode_nested, copy_nested, done_nested, sizeof(void *) },
	[FIELD_OBJECTS] = { encode_objects, copy_objects, objects_clear, sizeof(void *) },
	[FIELD_STRINGS] = { encode_strings, copy_strings, done_strings, sizeof(char **) },
	[FIELD_JSON] = { encode_json, copy_json, done_json, sizeof(json_t *) },
};

void field_clear(const struct field *f, void *object)
{
	types[f->type].done(f, object);
	memset((char *)object + f->offset, 0, types[f->type].size);
}

/* ---- whole objects ---- */

json_t *schema_encode(const struct schema *schema, const void *object, bool with_internal)
{
	json_t *json = json_object();
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct field *f = &schema->fields[i];
		if (!with_internal && (f->flags & FIELD_INTERNAL))
			continue;
		json_object_set_new(json, f->name, types[f->type].encode(f, object, with_internal));
	}
	return json;
}

void schema_done(const struct schema *schema, void *object)
{
	if (!object)
		return;
	for (size_t i = 0; i < schema->field_count; i++)
		types[schema->fields[i].type].done(&schema->fields[i], object);
	memset(object, 0, schema->size);
}

void schema_copy(const struct schema *schema, void *dst, const void *src)
{
	for (size_t i = 0; i < schema->field_count; i++)
		types[schema->fields[i].type].copy(&schema->fields[i], dst, src);
}

void *schema_dup(const struct schema *schema, const void *src)
{
	void *copy = xcalloc(1, schema->size);
	schema_copy(schema, copy, src);
	return copy;
}

void *schema_free(const struct schema *schema, void *object)
{
	if (object) {
		schema_done(schema, object);
		free(object);
	}
	return NULL;
}

const struct field *schema_field(const struct schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->field_count; i++)
		if (str_equal(schema->fields[i].name, name))
			return &schema->fields[i];
	return NULL;
}

void *schema_list_add(const struct schema *schema, void *object, const char *list)
{
	const struct field *f = schema_field(schema, list);
	assert(f && f->type == FIELD_OBJECTS);
	size_t *count = &AT(size_t, object, f->count_offset);
	char *items = xrealloc(AT(void *, object, f->offset), (*count + 2) * f->of->size);
	AT(void *, object, f->offset) = items;
	memset(items + *count * f->of->size, 0, 2 * f->of->size);
	return items + (*count)++ * f->of->size;
}

void schema_strings_add(char ***list, size_t *count, const char *text)
{
	*list = xrealloc(*list, (*count + 2) * sizeof(char *));
	(*list)[(*count)++] = xstrdup(text);
	(*list)[*count] = NULL;
}

void schema_strings_clear(char ***list, size_t *count)
{
	for (size_t i = 0; i < *count; i++)
		free((*list)[i]);
	free(*list);
	*list = NULL;
	*count = 0;
}
