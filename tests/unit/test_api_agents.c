/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agents' listener and who is not known to it: what is read of them, how often they may speak, and that agents that are known
 * are served meanwhile. */
#include "api_world.h"

#define HELLO "/agent/v1/hello"
#define REPORT "/agent/v1/report"

static json_t *hello(unsigned n)
{
	_cleanup_free_ char *mac = xasprintf("52:54:00:00:%02x:%02x", n >> 8, n & 255);

	return json_pack("{s:[s], s:s}", "macs", mac, "boot_id", "first-boot");
}

static int say(struct world *w, struct http_client *client, const char *path, json_t *body)
{
	return call(w, client, w->agent_origin, "POST", path, body, NULL);
}

static int say_with(struct world *w, const char *path, const char *token, json_t *body)
{
	_cleanup_free_ char *header = xasprintf("Authorization: Bearer %s", token);

	return call(w, w->nobody, w->agent_origin, "POST", path, body, (const char *const[]){ header, NULL });
}

/* A body with so many bytes of nothing. */
static json_t *filled(size_t len)
{
	_cleanup_free_ char *text = xcalloc(1, len + 1);

	memset(text, 'x', len);
	return json_pack("{s:s}", "filler", text);
}

static size_t machines(struct world *w)
{
	return store_count(w->rack.controller->store, &kind_machine);
}

static void test_hello_and_report(void **state)
{
	struct world *w = *state;

	assert_int_equal(say(w, w->nobody, HELLO, hello(1)), 200);
	_cleanup_free_ char *token = xstrdup(json_string_value(json_object_get(w->answer, "token")));
	assert_int_equal(machines(w), 1);
	assert_int_equal(say_with(w, REPORT, token, json_pack("{s:{s:i}}", "inventory", "memory_bytes", 4096)), 200);
	const struct machine *machine = store_find(w->rack.controller->store, &kind_machine, "machine-1");
	assert_true(machine->inventory->memory_bytes == 4096);
}

static void test_bodies_of_strangers(void **state)
{
	struct world *w = *state;

	assert_int_equal(say(w, w->nobody, HELLO, filled(9000)), 413);
	assert_int_equal(say(w, w->nobody, "/agent/v1/enroll", filled(40000)), 413);
	assert_int_equal(say(w, w->nobody, "/agent/v1/join", filled(40000)), 413);
	/* Nobody's report is not even read. */
	assert_int_equal(say(w, w->nobody, REPORT, filled(500000)), 401);
	assert_int_equal(say_with(w, REPORT, "live.forged", filled(500000)), 401);
	/* A machine that was not accepted has no large inventory; what it had before stays. */
	assert_int_equal(say(w, w->nobody, HELLO, hello(1)), 200);
	_cleanup_free_ char *token = xstrdup(json_string_value(json_object_get(w->answer, "token")));
	assert_int_equal(say_with(w, REPORT, token, filled(20000)), 200);
	assert_int_equal(say_with(w, REPORT, token, filled(40000)), 413);
	/* A node's may be as large as it is. */
	assert_int_equal(say(w, w->agent, REPORT, filled(500000)), 200);
	assert_int_equal(say(w, w->agent, REPORT, filled(2000000)), 413);
	assert_int_equal(machines(w), 1);
}

static void test_one_address_cannot_go_on_and_on(void **state)
{
	struct world *w = *state;
	unsigned refused = 0;

	for (unsigned n = 0; n < 400 && refused < 20; n++) {
		int status = say(w, w->nobody, HELLO, hello(n % 8));

		assert_true(status == 200 || status == 429);
		refused += status == 429;
		/* It was 100 at once, and is ten more a second. */
		assert_true(n >= 100 || status == 200);
		if (status == 429)
			assert_string_equal(json_string_value(json_object_get(w->answer, "code")), "rate-limit");
		/* Who is known is not concerned. */
		if (status == 429)
			assert_int_equal(say(w, w->agent, REPORT, json_object()), 200);
	}
	assert_int_equal(refused, 20);
}

static int ask_with(struct world *w, const char *token)
{
	_cleanup_free_ char *header = xasprintf("Authorization: Bearer %s", token);

	return call(w, w->nobody, w->agent_origin, "GET", "/agent/v1/desired?wait_s=0", NULL,
		    (const char *const[]){ header, NULL });
}

/* The token of a hello is anybody's: what is said and asked with it is not without end either. */
static void test_a_new_machine_cannot_go_on_and_on(void **state)
{
	struct world *w = *state;
	unsigned refused = 0;

	assert_int_equal(say(w, w->nobody, HELLO, hello(1)), 200);
	_cleanup_free_ char *token = xstrdup(json_string_value(json_object_get(w->answer, "token")));
	assert_int_equal(say(w, w->nobody, HELLO, hello(2)), 200);
	_cleanup_free_ char *other = xstrdup(json_string_value(json_object_get(w->answer, "token")));
	for (unsigned n = 0; n < 600 && refused < 10; n++) {
		bool asks = n % 2;
		int status =
			asks ? ask_with(w, token)
			     : say_with(w, REPORT, token, json_pack("{s:{s:i}}", "inventory", "memory_bytes", (int)n));

		if (status != 429)
			assert_in_range(status, 200, 204);
		refused += status == 429;
		assert_true(n >= 120 || status != 429);
		if (status == 429)
			assert_string_equal(json_string_value(json_object_get(w->answer, "code")), "rate-limit");
	}
	assert_int_equal(refused, 10);
	/* Others are not concerned. */
	assert_int_equal(say_with(w, REPORT, other, json_object()), 200);
	assert_int_equal(say(w, w->agent, REPORT, json_object()), 200);
}

static void test_depth(void **state)
{
	struct world *w = *state;
	json_t *deep = json_object();

	for (int i = 0; i < 40; i++)
		deep = json_pack("{s:o}", "x", deep);
	assert_int_equal(say(w, w->nobody, HELLO, deep), 400);
	assert_int_equal(machines(w), 0);
}

/* What waits for its turn when the API ends is answered by the server that stops. */
static void on_stopped(const struct http_response *response, const struct err *err, void *data)
{
	*(int *)data = response->status ? response->status : -1;
}

static void test_waiting_hellos_end_with_the_api(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *url = xasprintf("%s" HELLO, w->agent_origin);
	int statuses[8] = { 0 };
	json_t *body = hello(1);

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		http_call_new(
			w->nobody,
			&(struct http_call_spec){
				.method = "POST", .url = url, .json = body, .done = on_stopped, .data = &statuses[i] });
	while (!statuses[0])
		run_once(w->f->loop);
	world_stop(w);
	w->rack.controller = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		while (!statuses[i])
			run_once(w->f->loop);
	json_decref(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hello_and_report, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bodies_of_strangers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_address_cannot_go_on_and_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_new_machine_cannot_go_on_and_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_depth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waiting_hellos_end_with_the_api, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
