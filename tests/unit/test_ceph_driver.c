/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The provisioner's Ceph driver, as far as it needs no cluster: keys, and answers that were recorded from Ceph 16.2.15. Run
 * from the top folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "ceph/ceph_priv.h"

static json_t *recorded(const char *name)
{
	_cleanup_free_ char *path = xasprintf("tests/golden/ceph/%s", name);
	json_t *json = json_load_file(path, 0, NULL);

	assert_non_null(json);
	return json;
}

static void test_key(void **state)
{
	_cleanup_free_ char *a = ceph_key_new(), *b = ceph_key_new();
	_cleanup_free_ void *raw = NULL;
	const uint8_t *bytes;
	size_t len = 0;

	assert_string_not_equal(a, b);
	assert_int_equal(base64_decode(a, &raw, &len), 0);
	bytes = raw;
	assert_int_equal(len, 28);
	assert_int_equal(bytes[0] | bytes[1] << 8, 1); /* AES */
	uint32_t created =
		(uint32_t)bytes[2] | (uint32_t)bytes[3] << 8 | (uint32_t)bytes[4] << 16 | (uint32_t)bytes[5] << 24;
	assert_in_range(created, (uint32_t)time(NULL) - 60, (uint32_t)time(NULL) + 1);
	assert_int_equal(bytes[10] | bytes[11] << 8, 16);
}

static void test_status(void **state)
{
	_cleanup_json_ json_t *json = recorded("status.json"), *df = recorded("df.json");
	_cleanup_err_ struct err err = ERR_INIT;
	struct ceph_status status = { 0 };

	assert_int_equal(ceph_parse_status(json, &status, &err), 0);
	assert_string_equal(status.health, "HEALTH_WARN");
	assert_string_equal(status.checks,
			    "mon is allowing insecure global_id reclaim; mon a is low on available space");
	assert_int_equal(status.osds, 3);
	assert_int_equal(status.osds_up, 3);
	assert_int_equal(status.osds_in, 3);
	assert_int_equal(status.pgs, 33);
	assert_int_equal(status.pgs_active_clean, 33);
	assert_int_equal(status.total_bytes, 6442450944);
	assert_int_equal(status.used_bytes, 1542451200);
	assert_true(status.mgr_available);

	assert_int_equal(status.pool_max_avail_bytes, 0);
	ceph_parse_df(df, "no such pool", &status);
	assert_int_equal(status.pool_max_avail_bytes, 0);
	ceph_parse_df(df, "vms", &status);
	assert_int_equal(status.pool_max_avail_bytes, 1525959040);
	assert_int_equal(status.pool_stored_bytes, 209715536);
	ceph_status_done(&status);
	assert_null(status.health);
}

/* Scrubbing is harmless, a muted check is not shown, a PG that is not clean is not counted. */
static void test_status_in_between(void **state)
{
	_cleanup_json_ json_t *json = recorded("status.json");
	_cleanup_err_ struct err err = ERR_INIT;
	json_t *pgmap = json_object_get(json, "pgmap");
	json_t *checks = json_object_get(json_object_get(json, "health"), "checks");
	struct ceph_status status = { 0 };

	json_object_set_new(pgmap, "pgs_by_state",
			    json_pack("[{s:s, s:i}, {s:s, s:i}, {s:s, s:i}]", "state_name", "active+clean", "count", 20,
				      "state_name", "active+clean+scrubbing+deep", "count", 3, "state_name",
				      "active+undersized+degraded", "count", 10));
	json_object_set_new(json_object_get(checks, "MON_DISK_LOW"), "muted", json_true());
	assert_int_equal(ceph_parse_status(json, &status, &err), 0);
	assert_int_equal(status.pgs_active_clean, 23);
	assert_string_equal(status.checks, "mon is allowing insecure global_id reclaim");
	ceph_status_done(&status);
}

/* With two of three copies missing Ceph's max_avail is three times what fits. */
static void test_available_while_degraded(void **state)
{
	_cleanup_json_ json_t *json = recorded("status.json"), *df = recorded("df.json");
	_cleanup_err_ struct err err = ERR_INIT;
	json_t *pgmap = json_object_get(json, "pgmap");
	struct ceph_status status = { 0 };

	json_object_set_new(pgmap, "degraded_objects", json_integer(30));
	json_object_set_new(pgmap, "degraded_total", json_integer(60));
	assert_int_equal(ceph_parse_status(json, &status, &err), 0);
	ceph_parse_df(df, "vms", &status);
	assert_int_equal(status.pool_max_avail_bytes, 1525959040 / 2);
	ceph_status_done(&status);
	json_object_set_new(pgmap, "degraded_objects", json_integer(60));
	assert_int_equal(ceph_parse_status(json, &status, &err), 0);
	ceph_parse_df(df, "vms", &status);
	assert_int_equal(status.pool_max_avail_bytes, 0);
	ceph_status_done(&status);
}

static void test_status_of_something_else(void **state)
{
	_cleanup_json_ json_t *json = recorded("df.json");
	_cleanup_err_ struct err err = ERR_INIT;
	struct ceph_status status = { .osds = 7 };

	assert_true(ceph_parse_status(json, &status, &err) < 0);
	assert_int_equal(err.code, ERR_INTERNAL);
	assert_int_equal(status.osds, 7);
	assert_true(ceph_parse_status(NULL, &status, &err) < 0);
}

static void test_hosts(void **state)
{
	_cleanup_json_ json_t *tree = recorded("osd-tree.json");
	json_t *nodes = json_object_get(tree, "nodes"), *node;
	size_t i;

	assert_int_equal(ceph_parse_hosts_up(tree), 1);
	/* A second host, whose only OSD is down. */
	json_array_append_new(nodes, json_pack("{s:i, s:s, s:[i]}", "id", -5, "type", "host", "children", 3));
	json_array_append_new(nodes, json_pack("{s:i, s:s, s:s}", "id", 3, "type", "osd", "status", "down"));
	assert_int_equal(ceph_parse_hosts_up(tree), 1);
	json_array_foreach(nodes, i, node)
		json_object_set_new(node, "status", json_string("up"));
	assert_int_equal(ceph_parse_hosts_up(tree), 2);
	assert_int_equal(ceph_parse_hosts_up(NULL), 0);
}

/* Before there is a cluster, and with an address where nobody is: an error, no wait for ever. */
static void test_no_cluster(void **state)
{
	const struct ceph_access none = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;
	struct ceph_status status = { 0 };
	void *ctx = ceph_librados_new();

	assert_true(ceph_driver_librados.status(ctx, &none, NULL, &status, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_true(ceph_driver_librados.image_import(ctx, &none, "p", "i", "/nonexistent", 512, "00", NULL, NULL,
						      &err) < 0);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_true(ceph_driver_librados.image_import(ctx, &none, "p", "i", "/dev/null", 512, "00", NULL, NULL, &err) <
		    0);
	assert_int_equal(err.code, ERR_INVALID);
	assert_null(ceph_librados_free(ctx));
	assert_null(ceph_librados_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_status_in_between),
		cmocka_unit_test(test_available_while_degraded),
		cmocka_unit_test(test_status_of_something_else),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_no_cluster),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
