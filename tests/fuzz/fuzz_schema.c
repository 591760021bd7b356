/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What people and agents send, for each resource and each mode: the first two bytes choose them, the rest is JSON. What was
 * taken can be stored and read back and is the same; what was refused says which field, and changed nothing. */
#include <assert.h>

#include "http/http_server.h"
#include "proto/resources.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct schema *const schemas[] = {
	&problem_schema,    &disk_info_schema,	    &nic_info_schema,	   &inventory_schema,	   &disk_choice_schema,
	&machine_schema,    &machine_deploy_schema, &machine_power_schema, &machine_accept_schema, &node_schema,
	&pool_schema,	    &ceph_cluster_schema,   &image_schema,	   &volume_schema,	   &vm_schema,
	&vm_migrate_schema, &task_schema,	    &event_schema,	   &token_schema,	   &creation_schema,
	&no_body_schema,
};
#define OBJECT_MAX_BYTES 4096

static void check_stored(const struct schema *schema, const void *object)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_Alignas(max_align_t) char again[OBJECT_MAX_BYTES] = { 0 };
	json_t *stored = schema_encode(schema, object, true), *shown = schema_encode(schema, object, false), *twice;

	assert(stored && shown);
	assert(schema_decode(schema, SCHEMA_STORE, stored, again, &err) == 0);
	twice = schema_encode(schema, again, true);
	assert(json_equal(stored, twice));
	schema_done(schema, again);
	json_decref(stored);
	json_decref(shown);
	json_decref(twice);
}

static void check_empty(const char *object, size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert(object[i] == 0);
}

/* A change to an object that has its defaults. */
static void update(const struct schema *schema, const json_t *json)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_Alignas(max_align_t) char object[OBJECT_MAX_BYTES] = { 0 };
	json_t *empty = json_object(), *before, *after;

	assert(schema_decode(schema, SCHEMA_STORE, empty, object, &err) == 0);
	before = schema_encode(schema, object, true);
	if (schema_decode(schema, SCHEMA_UPDATE, json, object, &err) < 0) {
		after = schema_encode(schema, object, true);
		assert(err.code == ERR_INVALID && err.text && json_equal(before, after));
		json_decref(after);
	} else {
		check_stored(schema, object);
	}
	schema_done(schema, object);
	json_decref(before);
	json_decref(empty);
}

static void decode(const struct schema *schema, enum schema_mode mode, const json_t *json)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_Alignas(max_align_t) char object[OBJECT_MAX_BYTES] = { 0 };

	if (schema_decode(schema, mode, json, object, &err) < 0) {
		assert(err.code == ERR_INVALID && err.text);
		check_empty(object, schema->size);
		return;
	}
	check_stored(schema, object);
	schema_done(schema, object);
	check_empty(object, schema->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum schema_mode modes[] = { SCHEMA_CREATE, SCHEMA_STRICT, SCHEMA_PEER, SCHEMA_UPDATE };
	const struct schema *schema;
	enum schema_mode mode;
	json_t *json = NULL;

	if (size < 2)
		return 0;
	schema = schemas[data[0] % ARRAY_SIZE(schemas)];
	mode = modes[data[1] % ARRAY_SIZE(modes)];
	assert(schema->size <= OBJECT_MAX_BYTES);
	if (http_json_parse((const char *)data + 2, size - 2, &json, NULL) < 0)
		return 0;
	if (mode == SCHEMA_UPDATE)
		update(schema, json);
	else
		decode(schema, mode, json);
	json_decref(json);
	return 0;
}
