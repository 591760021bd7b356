/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A resource as people see it. */
#include "api/api_priv.h"

/* References are identifiers, and people read words: each of these fields has a word of what it refers to shown beside it. */
static const struct reference {
	const struct store_kind *kind;
	const char *field, *shown_field;
	const struct store_kind *to;
	const char *word; /* a field of that */
} references[] = {
	{ &kind_vm, "node", "node_name", &kind_node, "name" },
	{ &kind_vm, "volume", "volume_name", &kind_volume, "name" },
	{ &kind_volume, "vm", "vm_name", &kind_vm, "name" },
	{ &kind_volume, "image", "image_name", &kind_image, "name" },
	{ &kind_token, "user", "user_name", &kind_user, "name" },
	{ &kind_join_token, "user", "user_name", &kind_user, "name" },
	{ &kind_node, "machine", "zone", &kind_machine, "zone" },
};

static const char *string_of(const struct field *f, const void *object)
{
	return *(char *const *)(const void *)((const char *)object + f->offset);
}

const char *api_string_value(struct api *api, const struct store_kind *kind, const struct field *f, const void *object)
{
	for (size_t i = 0; i < ARRAY_SIZE(references); i++) {
		const struct reference *reference = &references[i];
		if (reference->kind != kind || !str_equal(reference->shown_field, f->name))
			continue;
		const struct field *id = schema_field(kind->schema, reference->field);
		const void *found = store_get(api->store, reference->to, string_of(id, object));
		return found ? string_of(schema_field(reference->to->schema, reference->word), found) : NULL;
	}
	return string_of(f, object);
}

json_t *api_show(struct api *api, const struct store_kind *kind, const void *object)
{
	json_t *json = schema_encode(kind->schema, object, false);
	for (size_t i = 0; i < ARRAY_SIZE(references); i++) {
		const struct field *name = schema_field(kind->schema, references[i].shown_field);
		const char *text = references[i].kind == kind ? api_string_value(api, kind, name, object) : NULL;
		if (text)
			json_object_set_new(json, name->name, json_string(text));
	}
	json_object_set_new(json, "revision", json_integer(store_revision(api->store, kind, *(char *const *)object)));
	return json;
}
