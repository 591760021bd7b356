/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From JSON, with errors that say where and what would be right. */
#include <errno.h>

#include "base/utf8.h"
#include "schema/schema_priv.h"

#define STRING_MAX_BYTES 65536
#define LIST_MAX 4096
#define QUOTED_MAX_BYTES 80 /* of what somebody sent, in a message */

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

/* As much of a text as a message should repeat, cut between characters (UTF-8), and nothing of it that cannot be seen. The
 * caller frees. */
static char *quoted(const char *text)
{
	size_t len = strlen(text);
	if (len <= QUOTED_MAX_BYTES)
		return utf8_visible(text);
	len = QUOTED_MAX_BYTES;
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	_cleanup_free_ char *head = xstrndup(text, len), *shown = utf8_visible(head);
	return xasprintf("%s...", shown);
}

static void path_text(const struct path *path, struct strbuf *sb)
{
	if (!path)
		return;
	path_text(path->up, sb);
	_cleanup_free_ char *name = path->name ? quoted(path->name) : NULL;
	if (name)
		strbuf_addf(sb, "%s%s", sb->len ? "." : "", name);
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
	return err_set_field(d->err, ERR_INVALID, where.len ? where.data : "body", "%s: %s",
			     where.len ? where.data : "body", text);
}

/* ---- one function per type, in one table ---- */

static int decode_object(struct decoder *d, const struct schema *schema, const json_t *json, void *object, bool fresh,
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
	if (right) {
		_cleanup_free_ char *shown = quoted(text);
		return refuse(d, path, "'%s' is not %s", shown, right);
	}
	return 0;
}

/* The text of a string that has no NUL in it, else NULL: what C reads of it would not be what was sent. */
static const char *whole_text(const json_t *json)
{
	const char *text = json_string_value(json);
	return text && strlen(text) == json_string_length(json) ? text : NULL;
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

static bool in_range(const struct decoder *d, const struct field *f, int64_t value)
{
	int64_t max = f->max ? f->max : INT64_MAX;
	return d->mode == SCHEMA_STORE || (value >= f->min && value <= max);
}

static int decode_int(struct decoder *d, const struct field *f, const json_t *json, void *object,
		      const struct path *path)
{
	if (!json_is_integer(json))
		return refuse(d, path, "must be a whole number");
	int64_t value = json_integer_value(json);
	if (!in_range(d, f, value))
		return refuse(d, path, "is %lld; %lld to %lld is allowed", (long long)value, (long long)f->min,
			      (long long)(f->max ? f->max : INT64_MAX));
	AT(int64_t, object, f->offset) = value;
	return 0;
}

static int decode_number(struct decoder *d, const struct field *f, const json_t *json, void *object,
			 const struct path *path)
{
	if (!json_is_number(json))
		return refuse(d, path, "must be a number");
	AT(double, object, f->offset) = json_number_value(json);
	return 0;
}

static int decode_bytes(struct decoder *d, const struct field *f, const json_t *json, void *object,
			const struct path *path)
{
	uint64_t bytes;
	const char *text = whole_text(json);
	int r = text ? bytes_parse(text, &bytes) : -EINVAL;
	if (json_is_integer(json) && json_integer_value(json) >= 0) {
		bytes = (uint64_t)json_integer_value(json);
		r = 0;
	}
	if (r == -EINVAL)
		return refuse(d, path, "must be a number of bytes, or text such as \"10 GiB\"");
	if (r < 0 || !in_range(d, f, (int64_t)bytes)) {
		_cleanup_free_ char *min = bytes_format((uint64_t)f->min);
		_cleanup_free_ char *max = bytes_format((uint64_t)(f->max ? f->max : INT64_MAX));
		_cleanup_free_ char *is = r < 0 ? quoted(text) : bytes_format(bytes);
		return refuse(d, path, "is %s; %s to %s is allowed", is, min, max);
	}
	AT(uint64_t, object, f->offset) = bytes;
	return 0;
}

static int decode_bool(struct decoder *d, const struct field *f, const json_t *json, void *object,
		       const struct path *path)
{
	if (!json_is_boolean(json))
		return refuse(d, path, "must be true or false");
	AT(bool, object, f->offset) = json_is_true(json);
	return 0;
}

static int decode_enum(struct decoder *d, const struct field *f, const json_t *json, void *object,
		       const struct path *path)
{
	const char *text = whole_text(json);
	int index = text ? word_index(f->words, text) : -1;
	if (index < 0) {
		_cleanup_strbuf_ struct strbuf words = { 0 };
		for (size_t i = 0; f->words[i]; i++)
			strbuf_addf(&words, "%s%s", i ? ", " : "", f->words[i]);
		return refuse(d, path, "must be one of: %s", words.data);
	}
	AT(int, object, f->offset) = index;
	return 0;
}

static int decode_time(struct decoder *d, const struct field *f, const json_t *json, void *object,
		       const struct path *path)
{
	int64_t ms;
	if (!whole_text(json) || time_parse(json_string_value(json), &ms) < 0)
		return refuse(d, path, "must be a time such as 2026-01-31T23:59:59Z");
	AT(int64_t, object, f->offset) = ms;
	return 0;
}

static int decode_nested(struct decoder *d, const struct field *f, const json_t *json, void *object,
			 const struct path *path)
{
	if (!json_is_object(json))
		return refuse(d, path, "must be an object");
	/* An update of a part changes that part; a new object begins with its defaults. */
	const void *before = d->mode == SCHEMA_UPDATE ? AT(void *, object, f->offset) : NULL;
	void *nested = before ? schema_dup(f->of, before) : xcalloc(1, f->of->size);
	int r = decode_object(d, f->of, json, nested, !before, path);
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

static int decode_objects(struct decoder *d, const struct field *f, const json_t *json, void *object,
			  const struct path *path)
{
	int r = check_list(d, f, json, path);
	if (r < 0)
		return r;
	field_clear(f, object);
	size_t count = json_array_size(json);
	char *items = xcalloc(count + 1, f->of->size);
	AT(void *, object, f->offset) = items;
	AT(size_t, object, f->count_offset) = count;
	for (size_t i = 0; i < count; i++) {
		const struct path element = { .up = path, .index = i };
		const json_t *item = json_array_get(json, i);
		r = json_is_object(item) ? decode_object(d, f->of, item, items + i * f->of->size, true, &element)
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

static int decode_json(struct decoder *d, const struct field *f, const json_t *json, void *object,
		       const struct path *path)
{
	json_decref(AT(json_t *, object, f->offset));
	AT(json_t *, object, f->offset) = json_deep_copy(json);
	return 0;
}

static const struct {
	int (*decode)(struct decoder *d, const struct field *f, const json_t *json, void *object,
		      const struct path *path);
	bool nullable;
} types[] = {
	[FIELD_STRING] = { decode_string, true },    [FIELD_INT] = { decode_int, false },
	[FIELD_BOOL] = { decode_bool, false },	     [FIELD_ENUM] = { decode_enum, false },
	[FIELD_BYTES] = { decode_bytes, false },     [FIELD_TIME] = { decode_time, true },
	[FIELD_OBJECT] = { decode_nested, true },    [FIELD_OBJECTS] = { decode_objects, false },
	[FIELD_STRINGS] = { decode_strings, false }, [FIELD_JSON] = { decode_json, true },
	[FIELD_NUMBER] = { decode_number, false },
};

/* ---- whole objects ---- */

/* Empties a field and gives it its default. */
static void set_default(const struct field *f, void *object)
{
	struct err err = ERR_INIT;
	struct decoder d = { .mode = SCHEMA_STORE, .err = &err };
	field_clear(f, object);
	if (!f->initial)
		return;
	json_t *json = f->type == FIELD_BOOL || f->type == FIELD_INT ? json_loads(f->initial, JSON_DECODE_ANY, NULL)
								     : json_string(f->initial);
	if (!json || types[f->type].decode(&d, f, json, object, NULL) < 0)
		abort(); /* a table with a default that cannot be; tests walk them all */
	json_decref(json);
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

/* fresh: object is all zeros and gets its defaults first. */
static int decode_object(struct decoder *d, const struct schema *schema, const json_t *json, void *object, bool fresh,
			 const struct path *path)
{
	const char *key;
	json_t *value;
	if (d->mode != SCHEMA_PEER && d->mode != SCHEMA_STORE) {
		json_object_foreach((json_t *)json, key, value) {
			const struct field *f = schema_field(schema, key);
			if (!f || !settable(d, f))
				return refuse_unknown(d, schema, key, path);
		}
	}
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct field *f = &schema->fields[i];
		const struct path here = { .up = path, .name = f->name };
		const json_t *given = json_object_get(json, f->name);
		if (fresh && f->initial)
			set_default(f, object);
		bool asked = (d->mode == SCHEMA_CREATE || d->mode == SCHEMA_STRICT) && (f->flags & FIELD_REQUIRED);
		if (json_is_null(given) && d->mode == SCHEMA_UPDATE && !(f->flags & FIELD_REQUIRED)) {
			set_default(f, object);
			continue;
		}
		if (json_is_null(given) && types[f->type].nullable && !asked && d->mode != SCHEMA_UPDATE)
			continue;
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
		int r = decode_object(&d, schema, json, object, true, NULL);
		if (r < 0)
			schema_done(schema, object);
		return r;
	}
	/* An update is tried on a copy, so that a refused one leaves nothing half changed. */
	void *copy = schema_dup(schema, object);
	int r = decode_object(&d, schema, json, copy, false, NULL);
	if (r < 0) {
		schema_free(schema, copy);
		return r;
	}
	schema_done(schema, object);
	memcpy(object, copy, schema->size);
	free(copy);
	return 0;
}
