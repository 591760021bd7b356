/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ranges of BMC addresses over the API: who may, what is refused, and that the password comes back nowhere. */
#include "api_world.h"

#include <jansson.h>

#define PASSWORD "Never-Shown-1234"
#define PATH "/v1/bmc-ranges"

struct ranges_world {
	struct world *w;
	struct http_client *admin;
};

static int setup_admin(void **state)
{
	struct ranges_world *rw = new0(struct ranges_world, 1);

	setup((void **)&rw->w);
	rw->admin = client_of(rw->w, "admin", ROLE_ADMIN);
	*state = rw;
	return 0;
}

static int teardown_admin(void **state)
{
	struct ranges_world *rw = *state;

	http_client_free(rw->admin);
	teardown((void **)&rw->w);
	free(rw);
	return 0;
}

static json_t *wanted(const char *name, const char *range, const char *password)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "name", name, "range", range, "user", "root", "password", password);
}

static int ask(struct ranges_world *rw, struct http_client *client, const char *method, const char *path, json_t *body)
{
	return call(rw->w, client, rw->w->origin, method, path, body, NULL);
}

static int64_t number(const struct ranges_world *rw, const char *key)
{
	return json_integer_value(json_object_get(rw->w->answer, key));
}

/* Nothing that was answered or is noted anywhere has it. */
static void assert_silent(const struct ranges_world *rw)
{
	char *text = rw->w->answer ? json_dumps(rw->w->answer, JSON_COMPACT | JSON_ENCODE_ANY) : xstrdup("");

	assert_null(strstr(text, PASSWORD));
	assert_null(strstr(text, "\"password\":"));
	free(text);
	assert_true(!rw->w->answer_err.text || !strstr(rw->w->answer_err.text, PASSWORD));
}

static void assert_not_stored(struct ranges_world *rw, const struct store_kind *kind)
{
	struct store *store = rw->w->rack.controller->store;

	for (const void *object = NULL; (object = store_next(store, kind, object ? *(char *const *)object : NULL));) {
		json_t *json = schema_encode(kind->schema, object, true);
		char *text = json_dumps(json, JSON_COMPACT);

		assert_null(strstr(text, PASSWORD));
		free(text);
		json_decref(json);
	}
}

static void test_the_password_comes_back_nowhere(void **state)
{
	struct ranges_world *rw = *state;
	static const char *const headers[] = { "Idempotency-Key: one", NULL };
	static const char *const paths[] = { PATH, PATH "/rack1", PATH "?q=Never-Shown", "/v1/events?limit=1000",
					     "/v1/audit?limit=1000" };

	for (int i = 0; i < 2; i++) { /* the second time it is the first call's answer */
		assert_int_equal(call(rw->w, rw->admin, rw->w->origin, "POST", PATH,
				      wanted("rack1", "10.0.0.0/28", PASSWORD), headers),
				 201);
		assert_silent(rw);
		assert_int_equal(number(rw, "addresses"), 14);
	}
	assert_int_equal(
		call(rw->w, rw->admin, rw->w->origin, "POST", PATH, wanted("rack1", "10.0.0.0/28", "another"), headers),
		409);
	assert_string_equal(rw->w->answer_err.field, "Idempotency-Key");
	assert_int_equal(ask(rw, rw->admin, "PATCH", PATH "/rack1", json_pack("{s:s}", "password", PASSWORD "56789")),
			 400);
	assert_silent(rw);
	assert_int_equal(ask(rw, rw->admin, "PATCH", PATH "/rack1", json_pack("{s:s}", "password", PASSWORD "5678")),
			 200);
	assert_silent(rw);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		assert_int_equal(ask(rw, rw->admin, "GET", paths[i], NULL), 200);
		assert_silent(rw);
	}
	assert_int_equal(ask(rw, rw->admin, "GET", PATH "?password=" PASSWORD, NULL), 400);
	assert_int_equal(ask(rw, rw->admin, "GET", PATH "?sort=password", NULL), 400);
	assert_not_stored(rw, &kind_creation);
	assert_not_stored(rw, &kind_audit);
	assert_int_equal(ask(rw, rw->admin, "DELETE", PATH "/rack1", NULL), 204);
	assert_not_stored(rw, &kind_bmc_range);
	assert_int_equal(ask(rw, rw->admin, "GET", PATH "/rack1", NULL), 404);
}

static void test_what_a_scan_found(void **state)
{
	struct ranges_world *rw = *state;
	struct rack *rack = &rw->w->rack;

	assert_int_equal(ask(rw, rw->w->viewer, "GET", PATH, NULL), 200); /* the scan of the start is over */
	rack->bmcs[1] = (struct rack_bmc){ .there = true, .on = true, .uuid = UUID(1), .password = PASSWORD };
	rack->bmcs[2] = (struct rack_bmc){ .there = true, .on = true, .uuid = UUID(2), .password = "another" };
	assert_int_equal(ask(rw, rw->admin, "POST", PATH, wanted("rack1", "10.0.0.1-10.0.0.3", PASSWORD)), 201);
	do /* the workers are threads here */
		assert_int_equal(ask(rw, rw->w->viewer, "GET", PATH "/rack1", NULL), 200);
	while (json_is_null(json_object_get(rw->w->answer, "scanned_at")));
	assert_int_equal(number(rw, "answered"), 2);
	assert_int_equal(number(rw, "refused"), 1);
	assert_int_equal(ask(rw, rw->w->viewer, "GET", "/v1/machines?bmc_state=ok", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(rw->w->answer, "items")), 1);
	assert_int_equal(ask(rw, rw->w->viewer, "GET", "/v1/machines?bmc_state=credentials", NULL), 200);
	assert_int_equal(json_array_size(json_object_get(rw->w->answer, "items")), 1);
	assert_silent(rw);
}

static void test_only_an_administrator_may(void **state)
{
	struct ranges_world *rw = *state;
	struct http_client *const others[] = { rw->w->viewer, rw->w->operator};

	assert_int_equal(ask(rw, rw->admin, "POST", PATH, wanted("rack1", "10.0.0.9", PASSWORD)), 201);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_int_equal(ask(rw, others[i], "GET", PATH, NULL), 200);
		assert_int_equal(ask(rw, others[i], "POST", PATH, wanted("rack2", "10.0.0.8", PASSWORD)), 403);
		assert_int_equal(ask(rw, others[i], "PATCH", PATH "/rack1", json_pack("{s:s}", "user", "x")), 403);
		assert_int_equal(ask(rw, others[i], "DELETE", PATH "/rack1", NULL), 403);
	}
	assert_int_equal(ask(rw, rw->w->nobody, "GET", PATH, NULL), 401);
	assert_int_equal(store_count(rw->w->rack.controller->store, &kind_bmc_range), 1);
}

static void test_bad_input_names_the_field(void **state)
{
	struct ranges_world *rw = *state;
	static const struct {
		const char *json, *field;
		int status;
	} bad[] = {
		{ "{\"name\": \"rack2\", \"range\": \"10.0.0.8\", \"user\": \"root\"}", "password", 400 },
		{ "{\"name\": \"rack2\", \"range\": \"10.0.0.8\", \"user\": \"root\", \"password\": \"\"}", "password",
		  400 },
		{ "{\"name\": \"rack2\", \"range\": \"10.0.0.8\", \"user\": \"root\", \"password\": \"123456789012345678901\"}",
		  "password", 400 },
		{ "{\"name\": \"rack2\", \"range\": \"10.0.0.8\", \"user\": \"12345678901234567\", \"password\": \"x\"}",
		  "user", 400 },
		{ "{\"name\": \"rack2\", \"range\": \"10.0.0.8\", \"user\": \"\", \"password\": \"x\"}", "user", 400 },
		{ "{\"name\": \"rack2\", \"user\": \"root\", \"password\": \"x\"}", "range", 400 },
		{ "{\"name\": \"rack2\", \"range\": \"10.0.0.8-10.0.0.7\", \"user\": \"root\", \"password\": \"x\"}",
		  "range", 400 },
		{ "{\"name\": \"rack2\", \"range\": \"10.0.0.9\", \"user\": \"root\", \"password\": \"x\"}", "range",
		  409 },
		{ "{\"name\": \"rack1\", \"range\": \"10.0.0.8\", \"user\": \"root\", \"password\": \"x\"}", "name",
		  409 },
		{ "{\"name\": \"Rack 2\", \"range\": \"10.0.0.8\", \"user\": \"root\", \"password\": \"x\"}", "name",
		  400 },
		{ "{\"name\": \"rack2\", \"range\": \"10.0.0.8\", \"user\": \"root\", \"password\": \"x\", \"configured\": true}",
		  "configured", 400 },
	};

	assert_int_equal(ask(rw, rw->admin, "POST", PATH, wanted("rack1", "10.0.0.9", PASSWORD)), 201);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(ask(rw, rw->admin, "POST", PATH, json_loads(bad[i].json, 0, NULL)), bad[i].status);
		assert_string_equal(rw->w->answer_err.field, bad[i].field);
	}
	assert_int_equal(ask(rw, rw->admin, "PATCH", PATH "/rack1", json_pack("{s:n}", "password")), 400);
	assert_string_equal(rw->w->answer_err.field, "password");
	assert_int_equal(ask(rw, rw->admin, "PATCH", PATH "/rack1", json_pack("{s:s}", "range", "10.0.0.8")), 400);
	assert_string_equal(rw->w->answer_err.field, "range");
	assert_int_equal(store_count(rw->w->rack.controller->store, &kind_bmc_range), 1);
}

int main(void)
{
#define RANGE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup_admin, teardown_admin)
	const struct CMUnitTest tests[] = {
		RANGE_TEST(test_the_password_comes_back_nowhere),
		RANGE_TEST(test_what_a_scan_found),
		RANGE_TEST(test_only_an_administrator_may),
		RANGE_TEST(test_bad_input_names_the_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
