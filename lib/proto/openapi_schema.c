/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Schemas as JSON Schema 2020-12, the dialect of OpenAPI 3.1. */
#include <stdio.h>

#include "base/utf8.h"
#include "proto/openapi_priv.h"

static bool shows(const struct field *f, enum openapi_form form)
{
	switch (form) {
	case OPENAPI_SENT:
		return f->flags & FIELD_CREATE;
	case OPENAPI_CHANGED:
		return f->flags & FIELD_UPDATE;
	case OPENAPI_SHOWN:
		break;
	}
	return !(f->flags & FIELD_INTERNAL);
}

/* In an answer what is always there: the identifier, and what creation asks for. */
static bool may_be_null(const struct field *f)
{
	return !(f->flags & FIELD_REQUIRED) && !str_equal(f->name, "id");
}

static json_t *typed(const char *type, bool nullable)
{
	return nullable ? json_pack("{s:[s, s]}", "type", type, "null") : json_pack("{s:s}", "type", type);
}

/* ---- one function per type, in one table ---- */

static void add_format(json_t *json, enum field_format format)
{
	static const struct {
		const char *format, *pattern;
	} formats[] = {
		[FORMAT_ANY] = { NULL, NULL },
		[FORMAT_TEXT] = { "printable", "^[^" UTF8_HIDDEN_CLASS "]*$" },
		[FORMAT_NAME] = { NULL, "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" },
		[FORMAT_UUID] = { "uuid", NULL },
		[FORMAT_ADDRESS] = { NULL, "^[0-9a-fA-F.:]+$" },
		[FORMAT_MAC] = { NULL, "^[0-9a-f]{2}(:[0-9a-f]{2}){5}$" },
		[FORMAT_SHA256] = { NULL, "^[0-9a-f]{64}$" },
	};
	if (formats[format].format)
		json_object_set_new(json, "format", json_string(formats[format].format));
	if (formats[format].pattern)
		json_object_set_new(json, "pattern", json_string(formats[format].pattern));
}

static json_t *string_schema(json_t *components, const struct field *f, enum openapi_form form)
{
	json_t *json = typed("string", may_be_null(f));
	add_format(json, f->format);
	/* Our bounds count bytes, JSON Schema's characters, of which there are never more. */
	if (f->min > 0)
		json_object_set_new(json, "minLength", json_integer(1));
	if (f->max > 0)
		json_object_set_new(json, "maxLength", json_integer(f->max));
	if (f->initial)
		json_object_set_new(json, "default", json_string(f->initial));
	return json;
}

static void add_bounds(json_t *json, const struct field *f)
{
	json_object_set_new(json, "minimum", json_integer(f->min));
	if (f->max > 0 && f->max < INT64_MAX)
		json_object_set_new(json, "maximum", json_integer(f->max));
}

static json_t *int_schema(json_t *components, const struct field *f, enum openapi_form form)
{
	int64_t initial;
	json_t *json = json_pack("{s:s, s:s}", "type", "integer", "format", "int64");
	add_bounds(json, f);
	if (f->initial && parse_i64(f->initial, INT64_MIN, INT64_MAX, &initial) == 0)
		json_object_set_new(json, "default", json_integer(initial));
	return json;
}

static json_t *number_schema(json_t *components, const struct field *f, enum openapi_form form)
{
	return typed("number", form == OPENAPI_SHOWN);
}

static json_t *bytes_schema(json_t *components, const struct field *f, enum openapi_form form)
{
	uint64_t initial;
	json_t *number = json_pack("{s:s, s:s}", "type", "integer", "format", "int64");
	add_bounds(number, f);
	json_t *json = number;
	if (form != OPENAPI_SHOWN)
		json = json_pack("{s:[o, {s:s, s:s, s:[s]}]}", "oneOf", number, "type", "string", "pattern",
				 BYTES_PATTERN, "examples", "10 GiB");
	if (f->initial && bytes_parse(f->initial, &initial) == 0)
		json_object_set_new(json, "default", json_integer((json_int_t)initial));
	return json;
}

static json_t *bool_schema(json_t *components, const struct field *f, enum openapi_form form)
{
	json_t *json = typed("boolean", false);
	if (form == OPENAPI_SENT)
		json_object_set_new(json, "default", json_boolean(str_equal(f->initial, "true")));
	return json;
}

static json_t *enum_schema(json_t *components, const struct field *f, enum openapi_form form)
{
	json_t *json = typed("string", false), *words = json_array();
	for (size_t i = 0; f->words[i]; i++)
		json_array_append_new(words, json_string(f->words[i]));
	json_object_set_new(json, "enum", words);
	if (f->initial && form != OPENAPI_CHANGED)
		json_object_set_new(json, "default", json_string(f->initial));
	return json;
}

static json_t *time_schema(json_t *components, const struct field *f, enum openapi_form form)
{
	json_t *json = typed("string", may_be_null(f));
	json_object_set_new(json, "format", json_string("date-time"));
	return json;
}

static json_t *object_schema(json_t *components, const struct field *f, enum openapi_form form)
{
	json_t *reference = openapi_reference(components, f->of, form);
	return may_be_null(f) ? json_pack("{s:[o, {s:s}]}", "oneOf", reference, "type", "null") : reference;
}

static json_t *list_schema(const struct field *f, json_t *items)
{
	json_t *json = json_pack("{s:s, s:o}", "type", "array", "items", items);
	if (f->min > 0)
		json_object_set_new(json, "minItems", json_integer(f->min));
	if (f->max > 0)
		json_object_set_new(json, "maxItems", json_integer(f->max));
	return json;
}

static json_t *objects_schema(json_t *components, const struct field *f, enum openapi_form form)
{
	return list_schema(f, openapi_reference(components, f->of, form));
}

static json_t *strings_schema(json_t *components, const struct field *f, enum openapi_form form)
{
	json_t *items = typed("string", false);
	add_format(items, f->format);
	return list_schema(f, items);
}

static json_t *any_schema(json_t *components, const struct field *f, enum openapi_form form)
{
	return json_object();
}

static json_t *(*const types[])(json_t *components, const struct field *f, enum openapi_form form) = {
	[FIELD_STRING] = string_schema, [FIELD_INT] = int_schema,	  [FIELD_BOOL] = bool_schema,
	[FIELD_ENUM] = enum_schema,	[FIELD_BYTES] = bytes_schema,	  [FIELD_TIME] = time_schema,
	[FIELD_OBJECT] = object_schema, [FIELD_OBJECTS] = objects_schema, [FIELD_STRINGS] = strings_schema,
	[FIELD_JSON] = any_schema,	[FIELD_NUMBER] = number_schema,
};

/* ---- whole schemas ---- */

/* The store counts the changes of what has an identifier; events never change. */
static void add_revision(json_t *properties, json_t *required, const struct schema *schema)
{
	if (!schema_field(schema, "id") || schema == &event_schema)
		return;
	json_object_set_new(properties, "revision",
			    json_pack("{s:s, s:s, s:s}", "type", "integer", "format", "int64", "description",
				      "grows with each change; also in the header ETag, and taken in If-Match"));
	json_array_append_new(required, json_string("revision"));
}

static json_t *component_new(json_t *components, const struct schema *schema, enum openapi_form form)
{
	json_t *properties = json_object(), *required = json_array();
	json_t *json = json_pack("{s:s, s:s, s:o}", "type", "object", "description", str_or(schema->help, ""),
				 "properties", properties);
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct field *f = &schema->fields[i];
		if (!shows(f, form))
			continue;
		json_t *property = types[f->type](components, f, form);
		if (f->help)
			json_object_set_new(property, "description", json_string(f->help));
		json_object_set_new(properties, f->name, property);
		/* An answer has every field; what has no value is null. */
		if (form == OPENAPI_SHOWN || (form == OPENAPI_SENT && (f->flags & FIELD_REQUIRED)))
			json_array_append_new(required, json_string(f->name));
	}
	if (form == OPENAPI_SHOWN)
		add_revision(properties, required, schema);
	if (json_array_size(required) > 0)
		json_object_set(json, "required", required);
	json_decref(required);
	if (form != OPENAPI_SHOWN)
		json_object_set_new(json, "additionalProperties", json_false());
	return json;
}

json_t *openapi_reference(json_t *components, const struct schema *schema, enum openapi_form form)
{
	static const char *const endings[] = {
		[OPENAPI_SHOWN] = "", [OPENAPI_SENT] = "_request", [OPENAPI_CHANGED] = "_change"
	};
	_cleanup_free_ char *name = xasprintf("%s%s", schema->name, endings[form]);
	_cleanup_free_ char *reference = xasprintf("#/components/schemas/%s", name);
	if (!json_object_get(components, name)) {
		json_object_set_new(components, name, json_object()); /* first: it may refer to itself */
		json_object_set_new(components, name, component_new(components, schema, form));
	}
	return json_pack("{s:s}", "$ref", reference);
}
