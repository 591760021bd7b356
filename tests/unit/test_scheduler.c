/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Placement: recorded inputs with their answers in tests/golden/scheduler (INGOT_REGENERATE=1 writes the answers anew: read
 * the diff), and what must hold for any input. Run from the top folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>

#include "cluster/scheduler.h"
#include "schema/schema.h"

#define GOLDEN "tests/golden/scheduler/"

static uint64_t bytes(const json_t *json, const char *key)
{
	uint64_t value = 0;
	const char *text = json_string_value(json_object_get(json, key));
	if (!text || bytes_parse(text, &value) < 0)
		fail_msg("%s: %s", key, str_or(text, "missing"));
	return value;
}

static int64_t number(const json_t *json, const char *key)
{
	assert_true(json_is_integer(json_object_get(json, key)));
	return json_integer_value(json_object_get(json, key));
}

static struct schedule_node *read_nodes(const json_t *list)
{
	struct schedule_node *nodes = new0(struct schedule_node, json_array_size(list) + 1);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *json = json_array_get(list, i);
		nodes[i] = (struct schedule_node){ .id = json_string_value(json_object_get(json, "id")),
						   .name = json_string_value(json_object_get(json, "name")),
						   .ready = json_is_true(json_object_get(json, "ready")),
						   .cpus = number(json, "cpus"),
						   .cpus_used = number(json, "cpus_used"),
						   .memory_bytes = bytes(json, "memory"),
						   .memory_used_bytes = bytes(json, "memory_used"),
						   .vm_count = number(json, "vms") };
	}
	return nodes;
}

static json_t *answer(const struct schedule_request *request, const struct schedule_node *nodes, size_t count)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *why = NULL;
	size_t best = SIZE_MAX;
	if (schedule(request, nodes, count, &best, &why, &err) < 0) {
		assert_int_equal(err.code, ERR_CAPACITY);
		assert_true(best == SIZE_MAX && !why);
		return json_pack("{s:s}", "error", err.text);
	}
	return json_pack("{s:s, s:s}", "node", nodes[best].id, "why", why);
}

static void reverse(struct schedule_node *nodes, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		struct schedule_node node = nodes[i];
		nodes[i] = nodes[count - 1 - i];
		nodes[count - 1 - i] = node;
	}
}

static void check_case(const char *path)
{
	json_t *json = json_load_file(path, 0, NULL);
	if (!json)
		fail_msg("%s is no JSON", path);
	const json_t *list = json_object_get(json, "nodes"), *wanted = json_object_get(json, "answer");
	const json_t *in = json_object_get(json, "request");
	const struct schedule_request request = { .cpus = number(in, "cpus"),
						  .memory_bytes = bytes(in, "memory"),
						  .avoid = json_string_value(json_object_get(in, "avoid")) };
	size_t count = json_array_size(list);
	_cleanup_free_ struct schedule_node *nodes = read_nodes(list);
	json_t *got = answer(&request, nodes, count);
	if (getenv("INGOT_REGENERATE")) {
		json_object_set(json, "answer", got);
		_cleanup_free_ char *text = json_dumps(json, JSON_INDENT(1));
		_cleanup_free_ char *line = xasprintf("%s\n", text);
		assert_int_equal(write_file_atomic(path, line, strlen(line), 0644), 0);
	} else if (!json_equal(got, wanted)) {
		_cleanup_free_ char *text = json_dumps(got, 0);
		fail_msg("%s: %s", path, text);
	}
	/* In which order nodes are named makes no difference to the choice. */
	reverse(nodes, count);
	json_t *again = answer(&request, nodes, count);
	assert_true(str_equal(json_string_value(json_object_get(got, "node")),
			      json_string_value(json_object_get(again, "node"))));
	json_decref(again);
	json_decref(got);
	json_decref(json);
}

static void recorded_cases_have_their_answers(void **state)
{
	glob_t found;
	assert_int_equal(glob(GOLDEN "*.json", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 40);
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_case(found.gl_pathv[i]);
	globfree(&found);
}

/* ---- any input ---- */

static uint64_t seed = 1;

static uint64_t chance(uint64_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (seed >> 33) % below;
}

static void whatever_is_chosen_is_fit_and_something_fit_is_chosen(void **state)
{
	struct schedule_node nodes[8];
	char ids[8][24];
	unsigned chosen = 0;
	for (unsigned round = 0; round < 20000; round++) {
		size_t count = (size_t)chance(8) + 1, fit = 0, best;
		const struct schedule_request request = { .cpus = 1 + (int64_t)chance(20),
							  .memory_bytes = chance(12) * GIB,
							  .seed_bytes = chance(2) * MIB,
							  .avoid = chance(2) ? ids[0] : NULL };
		for (size_t i = 0; i < count; i++) {
			snprintf(ids[i], sizeof(ids[i]), "%zu", i);
			nodes[i] = (struct schedule_node){ ids[i],
							   ids[i],
							   chance(4) != 0,
							   (int64_t)chance(5),
							   (int64_t)chance(24),
							   chance(20) * GIB,
							   chance(20) * GIB,
							   (int64_t)chance(5),
							   chance(20) * MIB };
			_cleanup_free_ char *refusal = schedule_refusal(&request, &nodes[i]);
			fit += !refusal;
		}
		_cleanup_free_ char *why = NULL;
		int r = schedule(&request, nodes, count, &best, &why, NULL);
		assert_int_equal(r == 0, fit > 0);
		if (r < 0)
			continue;
		chosen++;
		assert_null(schedule_refusal(&request, &nodes[best]));
		assert_false(str_equal(nodes[best].id, request.avoid));
		assert_true(nodes[best].ready);
		assert_true(nodes[best].memory_used_bytes + request.memory_bytes <= nodes[best].memory_bytes ||
			    request.memory_bytes == 0);
		assert_true(request.seed_bytes == 0 ||
			    nodes[best].seed_bytes + request.seed_bytes <= SCHEDULE_SEEDS_MAX_BYTES);
	}
	assert_true(chosen > 1000);
}

/* Placed one after another they spread, and nothing is promised twice. */
static void a_rack_is_filled_to_the_last_byte_and_evenly(void **state)
{
	const char *const ids[] = { "a", "b", "c" };
	const struct schedule_request request = { .cpus = 1, .memory_bytes = 4 * GIB };
	struct schedule_node nodes[3];
	unsigned placed = 0;
	for (size_t i = 0; i < 3; i++)
		nodes[i] = (struct schedule_node){ ids[i], ids[i], true, 16, 0, 64 * GIB, 4 * GIB, 0, 0 };
	for (;;) {
		size_t best;
		_cleanup_free_ char *why = NULL;
		if (schedule(&request, nodes, 3, &best, &why, NULL) < 0)
			break;
		placed++;
		nodes[best].memory_used_bytes += request.memory_bytes;
		nodes[best].cpus_used++;
		nodes[best].vm_count++;
		for (size_t i = 0; i < 3; i++)
			assert_true(nodes[i].vm_count >= (int64_t)(placed / 3) &&
				    nodes[i].vm_count <= (int64_t)((placed + 2) / 3));
	}
	assert_int_equal(placed, 45);
	for (size_t i = 0; i < 3; i++)
		assert_true(nodes[i].memory_used_bytes == nodes[i].memory_bytes);
}

/* What a node is told has to fit into what its agent takes. */
static void seeds_of_a_node_have_a_limit(void **state)
{
	struct schedule_node node = { .id = "a", .name = "a", .ready = true, .cpus = 64, .memory_bytes = 4096 * GIB };
	struct schedule_request request = { .cpus = 1, .memory_bytes = GIB, .seed_bytes = KIB };
	node.seed_bytes = SCHEDULE_SEEDS_MAX_BYTES - KIB;
	assert_null(schedule_refusal(&request, &node));
	node.seed_bytes++;
	_cleanup_free_ char *refusal = schedule_refusal(&request, &node);
	assert_string_equal(refusal, "its virtual machines have 11.9 MiB of cloud-init data already, of 12 MiB");
	request.seed_bytes = 0;
	assert_null(schedule_refusal(&request, &node));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_cases_have_their_answers),
		cmocka_unit_test(whatever_is_chosen_is_fit_and_something_fit_is_chosen),
		cmocka_unit_test(a_rack_is_filled_to_the_last_byte_and_evenly),
		cmocka_unit_test(seeds_of_a_node_have_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
