/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sensors and event logs of machines through the real API. */
#include "api_world.h"

#define PATH "/v1/machines/m1/sensors"
#define SEL "/v1/machines/m1/sel"

/* A machine whose BMC is number 1 of the rack's. */
static void make_machine(struct world *w, const char *address)
{
	struct store *store = w->rack.controller->store;

	w->rack.bmcs[1].there = true;
	store_begin(store);
	struct machine *machine = store_create(store, &kind_machine);
	machine->name = xstrdup("m1");
	/* One that is new would be booted, by what the test's end cuts off. */
	machine->step = xstrdup("READY");
	machine->state = MACHINE_READY;
	machine->bmc_state = BMC_STATE_OK;
	machine->bmc_address = xstrdup(address);
	machine->bmc_driver = xstrdup("ipmi");
	machine->bmc_user = xstrdup("admin");
	machine->bmc_password = xstrdup("bmc-password");
	assert_int_equal(store_commit(store, NULL), 0);
}

static const json_t *sensor(struct world *w, size_t i)
{
	return json_array_get(json_object_get(w->answer, "sensors"), i);
}

static const char *text_of(const json_t *sensor, const char *field)
{
	return json_string_value(json_object_get(sensor, field));
}

static void test_read(void **state)
{
	struct world *w = *state;

	make_machine(w, "10.0.0.1");
	assert_int_equal(call(w, w->viewer, w->origin, "GET", PATH, NULL, NULL), 200);
	assert_int_equal(json_array_size(json_object_get(w->answer, "sensors")), 2);
	assert_true(json_is_string(json_object_get(w->answer, "read_at")));
	assert_string_equal(text_of(sensor(w, 0), "name"), "CPU Temp");
	assert_string_equal(text_of(sensor(w, 0), "unit"), "C");
	assert_string_equal(text_of(sensor(w, 0), "state"), "critical");
	assert_true(json_real_value(json_object_get(sensor(w, 0), "value")) == 91.5);
	/* One without a number. */
	assert_true(json_is_null(json_object_get(sensor(w, 1), "value")));
	assert_string_equal(text_of(sensor(w, 1), "text"), "Power Supply input lost (AC/DC)");
	assert_string_equal(text_of(sensor(w, 1), "state"), "warning");
	/* Again, now that the first is over. */
	assert_int_equal(call(w, w->viewer, w->origin, "GET", PATH, NULL, NULL), 200);
}

static void test_event_log(void **state)
{
	struct world *w = *state;
	const json_t *entry;

	make_machine(w, "10.0.0.1");
	assert_int_equal(call(w, w->viewer, w->origin, "GET", SEL, NULL, NULL), 200);
	assert_int_equal(json_array_size(json_object_get(w->answer, "entries")), 3);
	assert_int_equal(json_integer_value(json_object_get(w->answer, "total")), 700);
	assert_true(json_is_string(json_object_get(w->answer, "read_at")));
	entry = json_array_get(json_object_get(w->answer, "entries"), 0);
	assert_int_equal(json_integer_value(json_object_get(entry, "number")), 698);
	assert_string_equal(text_of(entry, "time"), "2025-12-31T23:59:00.000Z");
	assert_string_equal(text_of(entry, "sensor"), "Sensor #2");
	assert_string_equal(text_of(entry, "text"), "Upper Critical - going high");
	assert_string_equal(text_of(entry, "state"), "critical");
	assert_true(json_is_false(json_object_get(entry, "ended")));
	entry = json_array_get(json_object_get(w->answer, "entries"), 1);
	assert_true(json_is_true(json_object_get(entry, "ended")));
	/* The manufacturer's own, of a BMC whose clock was not set. */
	entry = json_array_get(json_object_get(w->answer, "entries"), 2);
	assert_true(json_is_null(json_object_get(entry, "time")));
	assert_true(json_is_null(json_object_get(entry, "sensor")));
	assert_string_equal(text_of(entry, "text"), "01h 02h 03h");
}

static void test_errors(void **state)
{
	struct world *w = *state;

	make_machine(w, NULL);
	assert_int_equal(call(w, w->viewer, w->origin, "GET", PATH, NULL, NULL), 409);
	assert_int_equal(call(w, w->viewer, w->origin, "GET", SEL, NULL, NULL), 409);
	assert_int_equal(call(w, w->nobody, w->origin, "GET", PATH, NULL, NULL), 401);
	assert_int_equal(call(w, w->nobody, w->origin, "GET", SEL, NULL, NULL), 401);
	assert_int_equal(call(w, w->viewer, w->origin, "GET", "/v1/machines/m2/sensors", NULL, NULL), 404);
}

static void test_bmc_is_silent(void **state)
{
	struct world *w = *state;

	make_machine(w, "10.0.0.1");
	w->rack.bmcs[1].there = false;
	assert_int_equal(call(w, w->viewer, w->origin, "GET", PATH, NULL, NULL), 502);
	assert_int_equal(w->answer_err.code, ERR_UNREACHABLE);
	assert_int_equal(call(w, w->viewer, w->origin, "GET", SEL, NULL, NULL), 502);
	assert_int_equal(w->answer_err.code, ERR_UNREACHABLE);
}

int main(void)
{
#define SENSOR_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		SENSOR_TEST(test_read),
		SENSOR_TEST(test_event_log),
		SENSOR_TEST(test_errors),
		SENSOR_TEST(test_bmc_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
