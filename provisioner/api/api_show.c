/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A resource as people see it. */
#include "api/api_priv.h"

/* References are identifiers, and people read names: each of these fields has its name shown beside it. */
static const struct reference {
	const struct store_kind *kind;
	const char *field, *name_field;
	const struct store_kind *to;
} references[] = {
	{ &kind_vm, "node", "node_name", &kind_node },	  { &kind_vm, "volume", "volume_name", &kind_volume },
	{ &kind_volume, "vm", "vm_name", &kind_vm },	  { &kind_volume, "image", "image_name", &kind_image },
	{ &kind_token, "user", "user_name", &kind_user }, { &kind_join_token, "user", "user_name", &kind_user },
};

static const char *string_of(const struct field *f, const void *object)
{
	return *(char *const *)(const void *)((const char *)object + f->offset);
}

const char *api_string_value(struct api *api, const struct store_kind *kind, const struct field *f, const void *object)
{
	for (size_t i = 0; i < ARRAY_SIZE(references); i++) {
		const struct reference *reference = &references[i];
		if (reference->kind != kind || !str_equal(reference->name_field, f->name))
			continue;
		const struct field *id = schema_field(kind->schema, reference->field);
		const void *found = store_get(api->store, reference->to, string_of(id, object));
		return found ? store_name(reference->to, found) : NULL;
	}
	return string_of(f, object);
}

json_t *api_show(struct api *api, const struct store_kind *kind, const void *object)
{
	json_t *json = schema_encode(kind->schema, object, false);
	for (size_t i = 0; i < ARRAY_SIZE(references); i++) {
		const struct field *name = schema_field(kind->schema, references[i].name_field);
		const char *text = references[i].kind == kind ? api_string_value(api, kind, name, object) : NULL;
		if (text)
			json_object_set_new(json, name->name, json_string(text));
	}
	json_object_set_new(json, "revision", json_integer(store_revision(api->store, kind, *(char *const *)object)));
	return json;
}
