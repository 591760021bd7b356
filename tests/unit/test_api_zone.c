/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where machines stand, and how full a pool was, over the API. */
#include "api_world.h"

#include <jansson.h>

static const char *text_of(const struct world *w, const char *key)
{
	return json_string_value(json_object_get(w->answer, key));
}

static size_t found(struct world *w, const char *path)
{
	assert_int_equal(call(w, w->viewer, w->origin, "GET", path, NULL, NULL), 200);
	return json_array_size(json_object_get(w->answer, "items"));
}

/* node1 of the world runs on it. */
static void make_machine(struct world *w)
{
	struct store *store = w->rack.controller->store;

	store_begin(store);
	struct machine *machine = store_create(store, &kind_machine);
	machine->name = xstrdup("m1");
	machine->state = MACHINE_DEPLOYED;
	str_set(&((struct node *)store_edit(store, &kind_node, w->node))->machine, machine->id);
	store_must_commit(store);
}

static int update(struct world *w, struct http_client *client, json_t *body)
{
	return call(w, client, w->origin, "PATCH", "/v1/machines/m1", body, NULL);
}

static void test_zone(void **state)
{
	struct world *w = *state;

	make_machine(w);
	assert_int_equal(update(w, w->operator, json_pack("{s:s}", "zone", "rack 1")), 200);
	assert_string_equal(text_of(w, "zone"), "rack 1");
	assert_int_equal(found(w, "/v1/machines?zone=rack%201"), 1);
	assert_int_equal(found(w, "/v1/machines?zone=rack%202"), 0);
	assert_int_equal(found(w, "/v1/nodes?zone=rack%201"), 1); /* it stands where its machine does */
	assert_int_equal(found(w, "/v1/nodes?zone=rack%202"), 0);
	assert_int_equal(call(w, w->viewer, w->origin, "GET", "/v1/nodes/node1", NULL, NULL), 200);
	assert_string_equal(text_of(w, "zone"), "rack 1");
	assert_int_equal(update(w, w->operator, json_object()), 200); /* what is not named stays */
	assert_string_equal(text_of(w, "zone"), "rack 1");
	assert_int_equal(update(w, w->operator, json_pack("{s:n}", "zone")), 200);
	assert_null(text_of(w, "zone"));
	assert_int_equal(found(w, "/v1/nodes?zone=rack%201"), 0);
}

static void test_zone_refused(void **state)
{
	struct world *w = *state;
	char longer[65];

	make_machine(w);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	assert_int_equal(update(w, w->operator, json_pack("{s:s}", "zone", longer)), 400);
	assert_string_equal(w->answer_err.field, "zone");
	assert_int_equal(update(w, w->operator, json_pack("{s:s}", "name", "m2")), 400);
	assert_string_equal(w->answer_err.field, "name");
	assert_int_equal(update(w, w->viewer, json_pack("{s:s}", "zone", "rack 1")), 403);
	assert_int_equal(found(w, "/v1/machines?zone=rack%201"), 0);
}

static void test_usage(void **state)
{
	struct world *w = *state;
	struct store *store = w->rack.controller->store;
	const struct pool *pool = store_next(store, &kind_pool, NULL);
	_cleanup_free_ char *id = xstrdup(pool->id);

	assert_int_equal(call(w, w->viewer, w->origin, "GET", "/v1/pools/default/usage", NULL, NULL), 200);
	assert_int_equal(json_array_size(json_object_get(w->answer, "samples")), 0);
	assert_string_equal(text_of(w, "id"), id);
	store_begin(store);
	struct pool_usage *usage = store_create_id(store, &kind_pool_usage, id);
	struct pool_sample *sample = schema_list_add(&pool_usage_schema, usage, "samples");
	*sample = (struct pool_sample){ .time = START_MS, .used_bytes = 7, .total_bytes = 9 };
	store_must_commit(store);
	assert_int_equal(call(w, w->viewer, w->origin, "GET", "/v1/pools/default/usage", NULL, NULL), 200);
	const json_t *shown = json_array_get(json_object_get(w->answer, "samples"), 0);
	assert_int_equal(json_integer_value(json_object_get(shown, "used_bytes")), 7);
	assert_int_equal(json_integer_value(json_object_get(shown, "total_bytes")), 9);
	assert_string_equal(json_string_value(json_object_get(shown, "time")), "2026-01-01T00:00:00.000Z");
	assert_int_equal(call(w, w->nobody, w->origin, "GET", "/v1/pools/default/usage", NULL, NULL), 401);
	assert_int_equal(call(w, w->viewer, w->origin, "GET", "/v1/pools/other/usage", NULL, NULL), 404);
}

int main(void)
{
#define ZONE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		ZONE_TEST(test_zone),
		ZONE_TEST(test_zone_refused),
		ZONE_TEST(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
