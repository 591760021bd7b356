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

/* Each field of the API that a person writes into, with what would do something to the terminal or the page it is read on. */
static void test_what_cannot_be_seen_is_refused(void **state)
{
	static const struct {
		const char *method, *path, *body, *field;
	} cases[] = {
		{ "PATCH", "/v1/machines/m1", "{\"zone\": \"rack\\n1\"}", "zone" },
		{ "PATCH", "/v1/machines/m1", "{\"zone\": \"\\u001b[31mrack\"}", "zone" },
		{ "PATCH", "/v1/machines/m1", "{\"zone\": \"rack\\u202e1\"}", "zone" },
		{ "POST", "/v1/machines/m1/accept", "{\"zone\": \"\\u0007\"}", "zone" },
		{ "POST", "/v1/machines/m1/accept", "{\"name\": \"m\\u0007\"}", "name" },
		{ "POST", "/v1/machines/m1/deploy", "{\"disk\": \"S1\\u200b\"}", "disk" },
		{ "POST", "/v1/networks", "{\"name\": \"lan\", \"description\": \"a\\tb\"}", "description" },
		{ "POST", "/v1/volumes", "{\"name\": \"disk\", \"image\": \"\\u009b\"}", "image" },
		{ "POST", "/v1/vms", "{\"name\": \"v\", \"volume\": \"\\u007f\"}", "volume" },
		{ "POST", "/v1/vms", "{\"name\": \"v\", \"volume\": \"d\", \"networks\": [\"\\u2028\"]}",
		  "networks[0]" },
	};
	struct world *w = *state;

	make_machine(w);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *body = json_loads(cases[i].body, 0, NULL);
		assert_non_null(body);
		assert_int_equal(call(w, w->operator, w->origin, cases[i].method, cases[i].path, body, NULL), 400);
		assert_string_equal(w->answer_err.field, cases[i].field);
		for (const char *c = w->answer_err.text; *c; c++)
			assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
	}
	assert_int_equal(found(w, "/v1/networks"), 0);
	assert_int_equal(call(w, w->viewer, w->origin, "GET", "/v1/machines/m1", NULL, NULL), 200);
	assert_null(text_of(w, "zone"));
	/* What a place is called in any script is nobody's to judge. */
	const char *zone = "\xec\x84\x9c\xec\x9a\xb8 IDC, 3\xec\xb8\xb5 \xe2\x80\x93 R\xc3\xa4ume";
	assert_int_equal(update(w, w->operator, json_pack("{s:s}", "zone", zone)), 200);
	assert_string_equal(text_of(w, "zone"), zone);
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
		ZONE_TEST(test_what_cannot_be_seen_is_refused),
		ZONE_TEST(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
