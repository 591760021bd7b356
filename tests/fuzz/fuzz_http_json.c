/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>

#include "http/http_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned depth_of(json_t *json)
{
	unsigned deepest = 0, depth;
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach(json, key, value) {
		depth = depth_of(value);
		deepest = MAX_OF(deepest, depth);
	}
	json_array_foreach(json, i, value) {
		depth = depth_of(value);
		deepest = MAX_OF(deepest, depth);
	}
	return json_is_object(json) || json_is_array(json) ? deepest + 1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_err_ struct err err = ERR_INIT;
	json_t *json = NULL;
	int r = http_json_parse((const char *)data, size, &json, &err);

	if (r < 0) {
		assert(!json && err.code == ERR_INVALID && err.text);
		return 0;
	}
	assert(json_is_object(json) || json_is_array(json));
	assert(depth_of(json) <= HTTP_JSON_DEPTH_MAX);
	json_decref(json);
	return 0;
}
