/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent's virtual machines, as far as they need no libvirt: orders, and XML (golden files: INGOT_REGENERATE=1 writes them
 * anew). Run from the top folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "golden.h"
#include "vm/vm_priv.h"

#define ID "0191d8a0-6c1e-7b3a-9d2f-3c5b7a9e1f20"

static json_t *whole_order(void)
{
	return json_pack("{s:s, s:s, s:i, s:s, s:i, s:I, s:[{s:s, s:s}, {s:s, s:s}], s:{s:s, s:s}}", "id", ID, "name",
			 "web <1> & 'more'", "generation", 7, "state", "running", "cpus", 2, "memory_bytes",
			 (json_int_t)(512 * MIB), "disks", "pool", "vms", "image", "volume-a", "pool", "vms", "image",
			 "volume-b", "migrate", "id", "m1", "address", "10.77.0.152");
}

static void test_order(void **state)
{
	_cleanup_json_ json_t *json = whole_order();
	_cleanup_err_ struct err err = ERR_INIT;
	struct vm_order order;

	assert_int_equal(vm_order_parse(json, &order, &err), 0);
	assert_int_equal(order.want, VM_WANT_RUNNING);
	assert_int_equal(order.generation, 7);
	assert_int_equal(order.disk_count, 2);
	assert_string_equal(order.disks[1].image, "volume-b");
	assert_string_equal(order.migration, "m1");
	assert_string_equal(order.address, "10.77.0.152");

	/* What is to go needs no size. */
	_cleanup_json_ json_t *absent = json_pack("{s:s, s:i, s:s}", "id", ID, "generation", 8, "state", "absent");
	assert_int_equal(vm_order_parse(absent, &order, &err), 0);
	assert_int_equal(order.want, VM_WANT_ABSENT);
	assert_null(order.migration);
}

static void assert_refused(const char *key, json_t *value, const char *field)
{
	_cleanup_json_ json_t *json = whole_order();
	_cleanup_err_ struct err err = ERR_INIT;
	struct vm_order order;

	json_object_set_new(json, key, value);
	assert_true(vm_order_parse(json, &order, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.field, field);
}

static void test_orders_refused(void **state)
{
	assert_refused("id", json_string("../x"), "vms.id");
	assert_refused("id", json_null(), "vms.id");
	assert_refused("state", json_string("dancing"), "vms.state");
	assert_refused("cpus", json_integer(0), "vms.cpus");
	assert_refused("memory_bytes", json_integer(1000), "vms.memory_bytes");
	assert_refused("disks", json_pack("[{s:s, s:s}]", "pool", "vms", "image", "a@b"), "vms.disks");
	assert_refused("disks", json_pack("[{s:s, s:s}]", "pool", "v/ms", "image", "a"), "vms.disks");
	assert_refused("nics", json_pack("[{s:s, s:i, s:i}]", "mac", "02:00'/><x a='1", "vlan", 1, "mtu", 1500),
		       "vms.nics");
	assert_refused("nics", json_pack("[{s:s, s:i, s:i}]", "mac", "02:00:00:00:00:01", "vlan", 4095, "mtu", 1500),
		       "vms.nics");
	assert_refused("nics", json_pack("[{s:s, s:i, s:i}]", "mac", "02:00:00:00:00:01", "vlan", 1, "mtu", 1500),
		       "vms.uplink");
	assert_refused("seed", json_pack("{s:s}", "user_data", "#!"), "vms.seed");
	assert_refused("seed", json_pack("{s:s, s:i}", "meta_data", "{}", "user_data", 1), "vms.seed");
	assert_refused("migrate", json_pack("{s:s, s:s}", "id", "m", "address", "evil.example/?x"),
		       "vms.migrate.address");
	assert_refused("migrate", json_pack("{s:s}", "address", "10.0.0.1"), "vms.migrate.id");
}

static void test_domain(void **state)
{
	_cleanup_json_ json_t *json = whole_order();
	struct vm_order order;

	assert_int_equal(vm_order_parse(json, &order, NULL), 0);
	_cleanup_free_ char *kvm = vm_xml_domain(&order, true, ""), *secret = vm_xml_secret();
	order.disk_count = 0;
	order.cpus = 1;
	order.name = NULL;
	_cleanup_free_ char *tcg = vm_xml_domain(&order, false, "/a & b");
	assert_golden("vm/kvm-two-disks.xml", kvm);
	assert_golden("vm/tcg-no-disk.xml", tcg);
	assert_golden("vm/secret.xml", secret);
}

static void test_domain_with_seed_and_networks(void **state)
{
	_cleanup_json_ json_t *json = whole_order();
	struct vm_order order;

	json_object_set_new(
		json, "seed",
		json_pack("{s:s, s:s, s:n}", "meta_data", "{}", "user_data", "#!/bin/sh\n", "network_config"));
	json_object_set_new(json, "nics",
			    json_pack("[{s:s, s:i, s:i}, {s:s, s:i, s:i}]", "mac", "02:00:00:00:00:01", "vlan", 20,
				      "mtu", 9000, "mac", "02:00:00:00:00:02", "vlan", 0, "mtu", 1500));
	json_object_set_new(json, "uplink", json_string("10.0.0.11"));
	assert_int_equal(vm_order_parse(json, &order, NULL), 0);
	assert_string_equal(order.seed.user_data, "#!/bin/sh\n");
	assert_null(order.seed.network_config);
	_cleanup_free_ char *xml = vm_xml_domain(&order, true, "/a & b");
	assert_golden("vm/seed-networks.xml", xml);
}

static void test_mark(void **state)
{
	struct vm_mark mark = {
		.id = (char *)ID, .generation = 12, .boot = (char *)"host/boot <&'\">", .migration = (char *)"m1"
	};
	_cleanup_free_ char *xml = vm_mark_format(&mark);
	_cleanup_mark_ struct vm_mark back = { 0 };

	assert_true(vm_mark_parse(xml, &back));
	assert_string_equal(back.id, ID);
	assert_int_equal(back.generation, 12);
	assert_string_equal(back.boot, mark.boot);
	assert_string_equal(back.migration, "m1");
	assert_null(back.arrived);
	assert_null(back.accel);
	vm_mark_done(&back);

	/* As libvirt gives it back. */
	assert_true(vm_mark_parse(
		"<ingot:vm xmlns:ingot=\"urn:ingot:vm:1\" id=\"" ID "\" generation=\"3\" arrived=\"m2\"/>", &back));
	assert_int_equal(back.generation, 3);
	assert_string_equal(back.arrived, "m2");
	assert_null(back.boot);
}

static void test_marks_of_others(void **state)
{
	static const char *const texts[] = {
		"",
		"<vm",
		"<vm/>",
		"<vm id='x'/>",
		"<vm generation='1'/>",
		"<vm id='x' generation='-1'/>",
		"<vm id='x' generation='one'/>",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct vm_mark mark = { .generation = 77 };

		assert_false(vm_mark_parse(texts[i], &mark));
		assert_int_equal(mark.generation, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),  cmocka_unit_test(test_orders_refused),
		cmocka_unit_test(test_domain), cmocka_unit_test(test_domain_with_seed_and_networks),
		cmocka_unit_test(test_mark),   cmocka_unit_test(test_marks_of_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
