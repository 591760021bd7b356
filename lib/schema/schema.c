/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <errno.h>

#include "schema/schema.h"

#define STRING_MAX_BYTES 65536
#define LIST_MAX 4096

/* Where we are in the document: "disks[2].size_bytes". */
struct path {
	const struct path *up;
	const char *name; /* or NULL for an index */
	size_t index;
};

struct decoder {
	enum schema_mode mode;
	struct err *err;
};

static void path_text(const struct path *path, struct strbuf *sb)
{
	if (!path)
		return;
	path_text(path->up, sb);
	if (path->name)
		strbuf_addf(sb, "%s%s", sb->len ? "." : "", path->name);
	else
		strbuf_addf(sb, "[%zu]", path->index);
}

static int PRINTF_LIKE(3, 4) refuse(struct decoder *d, const struct path *path, const char *fmt, ...)
{
	_cleanup_strbuf_ struct strbuf where = { 0 };
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *text = xvasprintf(fmt, ap);
	va_end(ap);
	path_text(path, &where);
	return err_set_field(d->err, ERR_INVALID, where.len ? where.data : "body", "%s: %s", where.len ? where.data : "body",
			     text);
}

#define AT(type, object, off) (*(type *)(void *)((char *)(object) + (off)))
#define AT_CONST(type, object, off) (*(type const *)(const void *)((const char *)(object) + (off)))

/* ---- one function per type, in one table ---- */

static int decode_object(struct decoder *d, const struct schema *schema, const json_t *json, void *object,
			 const struct path *path);

static int check_text(struct decoder *d, const struct field *f, const char *text, size_t len, const struct path *path)
{
	size_t max = f->max && f->type == FIELD_STRING ? (size_t)f->max : STRING_MAX_BYTES;
	if (d->mode == SCHEMA_STORE)
		return 0;
	if (strlen(text) != len)
		return refuse(d, path, "must not contain a NUL character");
	if (len > max || (f->type == FIELD_STRING && len < (size_t)f->min))
		return refuse(d, path, "has %zu bytes; %lld to %zu are allowed", len,
			      (long long)(f->type == FIELD_STRING ? f->min : 0), max);
	const char *right = format_check(f->format, text);
	if (right)
		return refuse(d, path, "'%s' is not %s", text, right);
	return 0;
}

static int decode_string(struct decoder *d, const struct field *f, const json_t *json, void *object,
			 const struct path *path)
{
	if (!json_is_string(json))
		return refuse(d, path, "must be a string");
	int r = check_text(d, f, json_string_value(json), json_string_length(json), path);
	if (r < 0)
		return r;
	str_set(&AT(char *, object, f->offset), json_string_value(json));
	return 0;
}

static int check_range(struct decoder *d, const struct field *f, int64_t value, const struct path *path)
{
	int64_t max = f->max ? f->max : INT64_MAX;
	if (d->mode == SCHEMA_STORE)
		return 0;
	if (value < f->min || value > max)
		return refuse(d, path, "is %lld; %lld to %lld is allowed", (long long)value, (long long)f->min,
			      (long long)max);
	return 0;
}

static int decode_int(struct decoder *d, const struct field *f, const json_t *json, void *object, const struct path *path)
{
	if (!json_is_integer(json))
		return refuse(d, path, "must be a whole number");
	int r = check_range(d, f, json_integer_value(json), path);
	if (r < 0)
		return r;
	AT(int64_t, object, f->offset) = json_integer_value(json);
	return 0;
}

static int decode_bytes(struct decoder *d, const struct field *f, const json_t *json, void *object,
			const struct path *path)
{
	uint64_t bytes;
	if (json_is_integer(json) && json_integer_value(json) >= 0)
		bytes = (uint64_t)json_integer_value(json);
	else if (!json_is_string(json) || bytes_parse(json_string_value(json), &bytes) < 0)
		return refuse(d, path, "must be a number of bytes, or text such as \"10 GiB\"");
	int r = check_range(d, f, (int64_t)bytes, path);
	if (r < 0)
		return r;
	AT(uint64_t, object, f->offset) = bytes;
	return 0;
}

static int decode_bool(struct decoder *d, const struct field *f, const json_t *json, void *object, const struct path *path)
{
	if (!json_is_boolean(json))
		return refuse(d, path, "must be true or false");
	AT(bool, object, f->offset) = json_is_true(json);
	return 0;
}

static int decode_enum(struct decoder *d, const struct field *f, const json_t *json, void *object, const struct path *path)
{
	int index = json_is_string(json) ? word_index(f->words, json_string_value(json)) : -1;
	if (index < 0) {
		_cleanup_strbuf_ struct strbuf words = { 0 };
		for (size_t i = 0; f->words[i]; i++)
			strbuf_addf(&words, "%s%s", i ? ", " : "", f->words[i]);
		return refuse(d, path, "must be one of: %s", words.data);
	}
	AT(int, object, f->offset) = index;
	return 0;
}

static int decode_time(struct decoder *d, const struct field *f, const json_t *json, void *object, const struct path *path)
{
	int64_t ms;
	if (!json_is_string(json) || time_parse(json_string_value(json), &ms) < 0)
		return refuse(d, path, "must be a time such as 2026-01-31T23:59:59Z");
	AT(int64_t, object, f->offset) = ms;
	return 0;
}

static int decode_nested(struct decoder *d, const struct field *f, const json_t *json, void *object,
			 const struct path *path)
{
	if (!json_is_object(json))
		return refuse(d, path, "must be an object");
	void *nested = xcalloc(1, f->of->size);
	int r = decode_object(d, f->of, json, nested, path);
	if (r < 0) {
		schema_free(f->of, nested);
		return r;
	}
	schema_free(f->of, AT(void *, object, f->offset));
	AT(void *, object, f->offset) = nested;
	return 0;
}

static int check_list(struct decoder *d, const struct field *f, const json_t *json, const struct path *path)
{
	size_t max = f->max ? (size_t)f->max : LIST_MAX;
	if (!json_is_array(json))
		return refuse(d, path, "must be a list");
	if (d->mode == SCHEMA_STORE)
		return 0;
	if (json_array_size(json) > max || json_array_size(json) < (size_t)f->min)
		return refuse(d, path, "has %zu elements; %lld to %zu are allowed", json_array_size(json),
			      (long long)f->min, max);
	return 0;
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

static int decode_objects(struct decoder *d, const struct field *f, const json_t *json, void *object,
			  const struct path *path)
{
	int r = check_list(d, f, json, path);
	if (r < 0)
		return r;
	objects_clear(f, object);
	size_t count = json_array_size(json);
	char *items = xcalloc(count + 1, f->of->size);
	AT(void *, object, f->offset) = items;
	AT(size_t, object, f->count_offset) = count;
	for (size_t i = 0; i < count; i++) {
		const struct path element = { .up = path, .index = i };
		const json_t *item = json_array_get(json, i);
		r = json_is_object(item) ? decode_object(d, f->of, item, items + i * f->of->size, &element)
					 : refuse(d, &element, "must be an object");
		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_strings(struct decoder *d, const struct field *f, const json_t *json, void *object,
			  const struct path *path)
{
	int r = check_list(d, f, json, path);
	if (r < 0)
		return r;
	schema_strings_clear(&AT(char **, object, f->offset), &AT(size_t, object, f->count_offset));
	for (size_t i = 0; i < json_array_size(json); i++) {
		const struct path element = { .up = path, .index = i };
		const json_t *item = json_array_get(json, i);
		if (!json_is_string(item))
			return refuse(d, &element, "must be a string");
		r = check_text(d, f, json_string_value(item), json_string_length(item), &element);
		if (r < 0)
			return r;
		schema_strings_add(&AT(char **, object, f->offset), &AT(size_t, object, f->count_offset),
				   json_string_value(item));
	}
	return 0;
}

static int decode_json(struct decoder *d, const struct field *f, const json_t *json, void *object, const struct path *path)
{
	json_decref(AT(json_t *, object, f->offset));
	AT(json_t *, object, f->offset) = json_deep_copy(json);
	return 0;
}

static json_t *encode_string(const struct field *f, const void *object, bool all)
{
	const char *text = AT_CONST(char *, object, f->offset);
	return text ? json_string(text) : json_null();
}

static json_t *encode_int(const struct field *f, const void *object, bool all)
{
	return json_integer(AT_CONST(int64_t, object, f->offset));
}

static json_t *encode_bytes(const struct field *f, const void *object, bool all)
{
	return json_integer((json_int_t)AT_CONST(uint64_t, object, f->offset));
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
		json_array_append_new(list, json_string(items[i]));
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

static void done_strings(const struct field *f, void *object)
{
	schema_strings_clear(&AT(char **, object, f->offset), &AT(size_t, object, f->count_offset));
}

static void done_json(const struct field *f, void *object)
{
	json_decref(AT(json_t *, object, f->offset));
}

static const struct {
	int (*decode)(struct decoder *d, const struct field *f, const json_t *json, void *object, const struct path *path);
	json_t *(*encode)(const struct field *f, const void *object, bool all);
	void (*done)(const struct field *f, void *object);
	bool nullable;
} types[] = {
	[FIELD_STRING] = { decode_string, encode_string, done_string, true },
	[FIELD_INT] = { decode_int, encode_int, done_nothing, false },
	[FIELD_BOOL] = { decode_bool, encode_bool, done_nothing, false },
	[FIELD_ENUM] = { decode_enum, encode_enum, done_nothing, false },
	[FIELD_BYTES] = { decode_bytes, encode_bytes, done_nothing, false },
	[FIELD_TIME] = { decode_time, encode_time, done_nothing, true },
	[FIELD_OBJECT] = { decode_nested, encode_nested, done_nested, true },
	[FIELD_OBJECTS] = { decode_objects, encode_objects, objects_clear, false },
	[FIELD_STRINGS] = { decode_strings, encode_strings, done_strings, false },
	[FIELD_JSON] = { decode_json, encode_json, done_json, true },
};

/* ---- whole objects ---- */

static void set_initial(const struct field *f, void *object)
{
	int64_t number = 0;
	uint64_t bytes = 0;
	if (!f->initial)
		return;
	switch (f->type) {
	case FIELD_STRING:
		str_set(&AT(char *, object, f->offset), f->initial);
		return;
	case FIELD_INT:
		if (parse_i64(f->initial, INT64_MIN, INT64_MAX, &number) < 0)
			abort();
		AT(int64_t, object, f->offset) = number;
		return;
	case FIELD_BYTES:
		if (bytes_parse(f->initial, &bytes) < 0)
			abort();
		AT(uint64_t, object, f->offset) = bytes;
		return;
	case FIELD_BOOL:
		AT(bool, object, f->offset) = str_equal(f->initial, "true");
		return;
	case FIELD_ENUM:
		AT(int, object, f->offset) = word_index(f->words, f->initial);
		return;
	case FIELD_TIME:
	case FIELD_OBJECT:
	case FIELD_OBJECTS:
	case FIELD_STRINGS:
	case FIELD_JSON:
		abort(); /* a table with a default that cannot be */
	}
}

static bool settable(const struct decoder *d, const struct field *f)
{
	switch (d->mode) {
	case SCHEMA_CREATE:
		return f->flags & FIELD_CREATE;
	case SCHEMA_UPDATE:
		return f->flags & FIELD_UPDATE;
	case SCHEMA_STRICT:
	case SCHEMA_PEER:
	case SCHEMA_STORE:
		return true;
	}
	return false;
}

/* The allowed name nearest to a wrong one would be a guess; the list of all is not, and is short. */
static int refuse_unknown(struct decoder *d, const struct schema *schema, const char *key, const struct path *up)
{
	_cleanup_strbuf_ struct strbuf allowed = { 0 };
	const struct path path = { .up = up, .name = key };
	const struct field *known = schema_field(schema, key);
	for (size_t i = 0; i < schema->field_count; i++)
		if (settable(d, &schema->fields[i]))
			strbuf_addf(&allowed, "%s%s", allowed.len ? ", " : "", schema->fields[i].name);
	const char *list = allowed.len ? allowed.data : "(none)";
	if (known && !(known->flags & FIELD_INTERNAL))
		return refuse(d, &path, "cannot be set here; what can be set: %s", list);
	return refuse(d, &path, "unknown field; known here: %s", list);
}

static int decode_object(struct decoder *d, const struct schema *schema, const json_t *json, void *object,
			 const struct path *path)
{
	const char *key;
	json_t *value;
	if (d->mode != SCHEMA_PEER && d->mode != SCHEMA_STORE) {
		json_object_foreach ((json_t *)json, key, value) {
			const struct field *f = schema_field(schema, key);
			if (!f || !settable(d, f))
				return refuse_unknown(d, schema, key, path);
		}
	}
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct field *f = &schema->fields[i];
		const struct path here = { .up = path, .name = f->name };
		const json_t *given = json_object_get(json, f->name);
		if (d->mode != SCHEMA_UPDATE)
			set_initial(f, object);
		bool asked = (d->mode == SCHEMA_CREATE || d->mode == SCHEMA_STRICT) && (f->flags & FIELD_REQUIRED);
		if (json_is_null(given) && types[f->type].nullable && !asked) {
			if (d->mode == SCHEMA_UPDATE) {
				types[f->type].done(f, object);
				AT(void *, object, f->offset) = NULL;
			}
			continue;
		}
		if (!given) {
			if (asked)
				return refuse(d, &here, "is missing; %s", f->help ? f->help : "it is required");
			continue;
		}
		int r = types[f->type].decode(d, f, given, object, &here);
		if (r < 0)
			return r;
	}
	return 0;
}

int schema_decode(const struct schema *schema, enum schema_mode mode, const json_t *json, void *object, struct err *err)
{
	struct decoder d = { .mode = mode, .err = err };
	if (!json_is_object(json))
		return refuse(&d, NULL, "must be a JSON object");
	if (mode != SCHEMA_UPDATE) {
		int r = decode_object(&d, schema, json, object, NULL);
		if (r < 0)
			schema_done(schema, object);
		return r;
	}
	/* An update is tried on a copy, so that a refused one leaves nothing half changed. */
	void *copy = schema_dup(schema, object);
	int r = decode_object(&d, schema, json, copy, NULL);
	if (r < 0) {
		schema_free(schema, copy);
		return r;
	}
	schema_done(schema, object);
	memcpy(object, copy, schema->size);
	free(copy);
	return 0;
}

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
	json_t *json = schema_encode(schema, src, true);
	_cleanup_err_ struct err err = ERR_INIT;
	struct decoder d = { .mode = SCHEMA_STORE, .err = &err };
	if (decode_object(&d, schema, json, dst, NULL) < 0)
		abort(); /* what was decoded once decodes again */
	json_decref(json);
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
