/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "install/loader.h"
#include "install/order.h"

static const char good[] =
	"{\"id\": \"i-1\", \"disk\": {\"wwn\": null, \"serial\": \"disk-a\", \"size_bytes\": 10737418240},"
	" \"bundle\": {\"url\": \"http://10.0.0.1:8080/bundle/host.tar\", \"key\": \"-----BEGIN PUBLIC KEY-----\\nx\","
	" \"version\": \"1.2\"}, \"host\": {\"name\": \"n1\", \"machine\": \"m-1\", \"mac\": \"52:54:00:00:00:01\","
	" \"address\": \"10.0.0.11/24\", \"gateway\": \"10.0.0.1\", \"server\": \"10.0.0.1:8444\","
	" \"ca\": \"-----BEGIN CERTIFICATE-----\\nx\", \"token\": \"enroll_abc\"}, \"console\": \"ttyS0,115200\","
	" \"boot\": null}";

/* The good order with one field set to this (JSON text; NULL: taken out). */
static json_t *order_with(const char *path, const char *value)
{
	json_t *order = json_loads(good, 0, NULL), *object = order;
	_cleanup_free_ char *copy = xstrdup(path);
	char *dot = strchr(copy, '.');
	const char *key = copy;

	assert_non_null(order);
	if (dot) {
		*dot = '\0';
		object = json_object_get(order, copy);
		key = dot + 1;
	}
	if (value) {
		json_t *json = json_loads(value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

		assert_non_null(json);
		json_object_set_new(object, key, json);
	} else {
		json_object_del(object, key);
	}
	return order;
}

static void test_good(void **state)
{
	json_t *json = json_loads(good, 0, NULL);
	struct order order;

	assert_int_equal(order_parse(json, &order, NULL), 0);
	assert_string_equal(order.id, "i-1");
	assert_null(order.disk.wwn);
	assert_string_equal(order.disk.serial, "disk-a");
	assert_int_equal(order.disk.size_bytes, 10737418240);
	assert_string_equal(order.bundle.version, "1.2");
	assert_string_equal(order.host.address, "10.0.0.11/24");
	assert_string_equal(order.host.token, "enroll_abc");
	assert_string_equal(order.console, "console=ttyS0,115200");
	assert_int_equal(order.boot, BOOT_NOT_YET);
	order_done(&order);
	json_decref(json);
}

static void test_what_is_taken(void **state)
{
	static const struct {
		const char *path, *value;
	} cases[] = {
		{ "boot", "\"kexec\"" },
		{ "boot", "\"reboot\"" },
		{ "boot", NULL },
		{ "console", "null" },
		{ "console", NULL },
		{ "console", "\"\"" },
		{ "console", "\"console=tty0 console=ttyS0,115200n8\"" },
		{ "host.gateway", "null" },
		{ "host.gateway", "\"\"" },
		{ "host.address", "\"fd00::11/64\"" },
		{ "host.server", "\"[fd00::1]:8444\"" },
		{ "disk.wwn", "\"naa.5000c500a1b2c3d4\"" },
		{ "disk.serial", "\"with a space\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *json = order_with(cases[i].path, cases[i].value);
		_cleanup_err_ struct err err = ERR_INIT;
		struct order order;

		if (order_parse(json, &order, &err) < 0)
			fail_msg("%s %s: %s", cases[i].path, cases[i].value, err.text);
		order_done(&order);
		json_decref(json);
	}
}

/* What would end on a kernel command line, in a file of the host or in a program's arguments. */
static void test_what_is_refused(void **state)
{
	static const struct {
		const char *path, *value;
	} cases[] = {
		{ "id", NULL },
		{ "id", "7" },
		{ "id", "\"a b\"" },
		{ "disk.serial", NULL },
		{ "disk.serial", "\"a\\nb\"" },
		{ "disk.size_bytes", "0" },
		{ "disk.size_bytes", "\"10\"" },
		{ "disk.size_bytes", NULL },
		{ "bundle.url", "\"file:///etc/passwd\"" },
		{ "bundle.url", "\"http://x/a b\"" },
		{ "bundle.key", "\"key\"" },
		{ "bundle.version", "\"1 2\"" },
		{ "host.name", "\"a.b\"" },
		{ "host.name", "\"-a\"" },
		{ "host.name", "\"a init=/bin/sh\"" },
		{ "host.name", "\"\"" },
		{ "host.mac", "\"52:54:00:00:00\"" },
		{ "host.mac", "\"52:54:00:00:00:01:02\"" },
		{ "host.address", "\"10.0.0.11\"" },
		{ "host.address", "\"10.0.0.11/33\"" },
		{ "host.address", "\"10.0.0.11/24\\nDNS=1.2.3.4\"" },
		{ "host.gateway", "\"router\"" },
		{ "host.server", "\"10.0.0.1\"" },
		{ "host.server", "\"10.0.0.1:99999\"" },
		{ "host.ca", "\"\"" },
		{ "host.token", "\"a\\u0000b\"" },
		{ "host.token", "\"a b\"" },
		{ "console", "\"ttyS0 init=/bin/sh\"" },
		{ "console", "\"ttyS0;\"" },
		{ "console", "7" },
		{ "boot", "\"now\"" },
		{ "boot", "true" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *json = order_with(cases[i].path, cases[i].value);
		const char *dot = strchr(cases[i].path, '.');
		_cleanup_err_ struct err err = ERR_INIT;
		struct order order;

		if (order_parse(json, &order, &err) >= 0)
			fail_msg("%s %s was taken", cases[i].path, cases[i].value);
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(err.field);
		/* The field is named; a disk without any name is a matter of the whole disk. */
		if (strcmp(err.field, cases[i].path) != 0)
			assert_int_equal(strncmp(err.field, cases[i].path, (size_t)(dot - cases[i].path)), 0);
		json_decref(json);
	}
}

static void test_command_line(void **state)
{
	struct layout layout;
	_cleanup_free_ char *with = NULL, *without = NULL, *config = NULL, *expected = NULL;

	assert_int_equal(layout_plan(10 * GIB, 512, &layout, NULL), 0);
	with = loader_command_line(&layout, "n1", "console=tty0 console=ttyS0");
	without = loader_command_line(&layout, "n1", "");
	expected = xasprintf("ingot.root=PARTUUID=%s ingot.state=PARTUUID=%s systemd.hostname=n1",
			     layout.partitions[PARTITION_ROOT_A].uuid, layout.partitions[PARTITION_STATE].uuid);
	assert_string_equal(without, expected);
	assert_true(str_starts(with, expected));
	assert_string_equal(with + strlen(expected), " console=tty0 console=ttyS0");
	config = loader_config(with);
	assert_non_null(strstr(config, "\tlinux /ingot/a/vmlinuz ingot.root="));
	assert_non_null(strstr(config, "\tinitrd /ingot/a/initrd\n"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_what_is_taken),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_command_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
