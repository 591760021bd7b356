/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bmc/bmc_priv.h"

#define UUID "01234567-89ab-4def-8123-456789abcdef"

static const uint8_t guid_ipmi[16] = { 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x81,
				       0xef, 0x4d, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01 };
static const uint8_t guid_smbios[16] = { 0x67, 0x45, 0x23, 0x01, 0xab, 0x89, 0xef, 0x4d,
					 0x81, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };
static const uint8_t guid_rfc[16] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0x4d, 0xef,
				      0x81, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };

static void assert_uuid(const uint8_t guid[16], enum guid_layout layout)
{
	_cleanup_free_ char *text = guid_format(guid, guid_layout_guess(guid));

	assert_int_equal(guid_layout_guess(guid), layout);
	assert_string_equal(text, UUID);
}

static void test_uuid_of_each_layout(void **state)
{
	assert_uuid(guid_ipmi, GUID_IPMI);
	assert_uuid(guid_smbios, GUID_SMBIOS);
	assert_uuid(guid_rfc, GUID_RFC9562);
}

/* For every version, whatever the rest: the first two layouts are never mistaken for each other. */
static void test_ipmi_and_smbios_exclude_each_other(void **state)
{
	for (unsigned n = 0; n < 20000; n++) {
		uint8_t uuid[16], ipmi[16];
		const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
		uint8_t smbios[16];

		random_bytes(uuid, sizeof(uuid));
		uuid[6] = (uint8_t)((uuid[6] & 0x0f) | (1 + n % 7) << 4);
		uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
		for (unsigned i = 0; i < 16; i++) {
			ipmi[i] = uuid[15 - i];
			smbios[i] = uuid[order[i]];
		}
		assert_int_equal(guid_layout_guess(ipmi), GUID_IPMI);
		assert_int_equal(guid_layout_guess(smbios), GUID_SMBIOS);
	}
}

static void test_a_guid_that_is_no_uuid_is_read_as_specified(void **state)
{
	const uint8_t zeros[16] = { [15] = 1 };
	_cleanup_free_ char *text = guid_format(zeros, guid_layout_guess(zeros));

	assert_string_equal(text, "01000000-0000-0000-0000-000000000000");
}

static void test_uuids_match_in_any_order_of_bytes(void **state)
{
	const uint8_t *const guids[] = { guid_ipmi, guid_smbios, guid_rfc };

	for (unsigned g = 0; g < ARRAY_SIZE(guids); g++) {
		for (unsigned layout = 0; layout < GUID_LAYOUT_COUNT; layout++) {
			_cleanup_free_ char *text = guid_format(guids[g], layout);

			assert_true(bmc_uuid_matches(text, UUID));
		}
	}
	/* What matches has one key, in whichever order it was read or read again. */
	_cleanup_free_ char *key = bmc_uuid_key(UUID), *other = bmc_uuid_key("01234567-89ab-4def-8123-456789abcdee");
	for (unsigned g = 0; g < ARRAY_SIZE(guids); g++) {
		for (unsigned layout = 0; layout < GUID_LAYOUT_COUNT; layout++) {
			_cleanup_free_ char *text = guid_format(guids[g], layout), *its = bmc_uuid_key(text);

			assert_string_equal(its, key);
		}
	}
	assert_string_not_equal(other, key);
	assert_null(bmc_uuid_key(NULL));
	assert_null(bmc_uuid_key("no uuid at all"));
	assert_true(bmc_uuid_matches(UUID, "01234567-89AB-4DEF-8123-456789ABCDEF"));
	assert_false(bmc_uuid_matches("01234567-89ab-4def-8123-456789abcdee", UUID));
	assert_false(bmc_uuid_matches(NULL, UUID));
	assert_false(bmc_uuid_matches(UUID, NULL));
	assert_false(bmc_uuid_matches("", UUID));
	assert_false(bmc_uuid_matches(UUID "0", UUID));
	assert_false(bmc_uuid_matches("no uuid at all", "no uuid at all"));
	assert_true(bmc_uuid_contradicts("01234567-89ab-4def-8123-456789abcdee", UUID));
	assert_false(bmc_uuid_contradicts(UUID, UUID));
	assert_false(bmc_uuid_contradicts(NULL, UUID));
	assert_false(bmc_uuid_contradicts(UUID, NULL));
	assert_false(bmc_uuid_contradicts("00000000-0000-0000-0000-000000000000", UUID)); /* tells nothing */
	assert_false(bmc_uuid_contradicts(UUID, "ffffffff-ffff-ffff-ffff-ffffffffffff"));
}

static void test_addresses(void **state)
{
	static const char *const wrong[] = { "",	   "10.0.0",	     "10.0.0.256", "bmc.example", "10.0.0.1:",
					     "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:x", "::1",	  "10.0.0.1 " };
	static const struct {
		const char *text, *formatted;
		unsigned port;
	} right[] = { { "10.0.0.1", "10.0.0.1", 623 },
		      { "10.0.0.1:623", "10.0.0.1", 623 },
		      { "192.168.7.255:6230", "192.168.7.255:6230", 6230 } };
	struct sockaddr_in address;

	for (unsigned i = 0; i < ARRAY_SIZE(right); i++) {
		_cleanup_free_ char *formatted = NULL;

		assert_int_equal(bmc_address_parse(right[i].text, &address, NULL), 0);
		assert_int_equal(ntohs(address.sin_port), right[i].port);
		formatted = bmc_address_format(&address);
		assert_string_equal(formatted, right[i].formatted);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_err_ struct err err = ERR_INIT;

		assert_int_equal(bmc_address_parse(wrong[i], &address, &err), -EINVAL);
		assert_int_equal(err.code, ERR_INVALID);
		assert_string_equal(err.field, "address");
	}
	assert_int_equal(bmc_address_parse(NULL, &address, NULL), -EINVAL);
}

/* The IPMI driver refuses these before it sends anything. */
static void test_ipmi_refuses_what_cannot_be_sent(void **state)
{
	static const struct {
		const char *address, *user, *password, *field;
	} rows[] = {
		{ "bmc.example", "a", "b", "address" },
		{ "127.0.0.1", "seventeen letters", "b", "user" },
		{ "127.0.0.1", "a", "twenty-one characters", "password" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bmc_target target = { .address = xstrdup(rows[i].address),
					     .user = xstrdup(rows[i].user),
					     .password = xstrdup(rows[i].password),
					     .cipher_suite = 3 };
		_cleanup_err_ struct err err = ERR_INIT;
		enum bmc_power power = BMC_POWER_UNKNOWN;

		assert_true(bmc_driver_ipmi.power_get(&target, &power, &err) < 0);
		assert_int_equal(err.code, ERR_INVALID);
		assert_string_equal(err.field, rows[i].field);
		assert_null(strstr(err.text, "twenty-one"));
		assert_int_equal(power, BMC_POWER_UNKNOWN);
		bmc_target_done(&target);
	}
}

/* ---- the work queue, with a driver of our own ---- */

static struct strbuf calls;

static int test_probe(const struct bmc_target *target, struct bmc_identity *ret, struct err *err)
{
	strbuf_addf(&calls, "probe %s;", target->address);
	*ret = (struct bmc_identity){ .system_uuid = xstrdup(UUID), .quirks = 16, .cipher_suite = 3 };
	return 0;
}

static int test_power_get(const struct bmc_target *target, enum bmc_power *ret, struct err *err)
{
	strbuf_addf(&calls, "get %s %s;", target->address, target->password);
	*ret = BMC_POWER_ON;
	return 0;
}

static int test_power_set(const struct bmc_target *target, enum bmc_power_action action, struct err *err)
{
	strbuf_addf(&calls, "set %s %d;", target->address, (int)action);
	return err_set(err, ERR_UNREACHABLE, "BMC %s does not answer", target->address);
}

static int test_boot_device(const struct bmc_target *target, enum bmc_boot_device device, bool persistent, bool uefi,
			    struct err *err)
{
	strbuf_addf(&calls, "boot %s %d %d %d;", target->address, (int)device, persistent, uefi);
	return 0;
}

static const struct bmc_driver test_driver = {
	.name = "test",
	.capabilities = BMC_CAN_POWER | BMC_CAN_BOOT_DEVICE,
	.probe = test_probe,
	.power_get = test_power_get,
	.power_set = test_power_set,
	.boot_device = test_boot_device,
};
static const struct bmc_driver *const test_drivers[] = { &test_driver, NULL };

static int setup(void **state)
{
	bmc_drivers_set(test_drivers);
	*state = loop_new_fake(0);
	return 0;
}

static int teardown(void **state)
{
	loop_free(*state);
	bmc_drivers_set(NULL);
	strbuf_done(&calls);
	return 0;
}

static void on_done(struct bmc_op *op, void *data)
{
	struct bmc_op *copy = data;

	*copy = *op;
	copy->target = (struct bmc_target){ 0 };
	copy->identity.system_uuid = xstrdup(op->identity.system_uuid);
	copy->err = ERR_INIT;
	err_copy(&copy->err, &op->err);
}

static void submit(struct loop *loop, struct bmc_op op, const char *address, struct bmc_op *result)
{
	char *mutable_address = xstrdup(address);

	op.target = (struct bmc_target){ .driver = (char[]){ "test" },
					 .address = mutable_address,
					 .user = (char[]){ "u" },
					 .password = (char[]){ "p" } };
	op.done = on_done;
	op.data = result;
	assert_int_equal(bmc_submit(loop, &op, NULL), 0);
	/* It took a copy. */
	memset(mutable_address, 'x', strlen(mutable_address));
	free(mutable_address);
}

static void test_operations_give_their_results(void **state)
{
	struct loop *loop = *state;
	struct bmc_op results[4] = { 0 };

	submit(loop, (struct bmc_op){ .kind = BMC_OP_PROBE }, "10.0.0.1", &results[0]);
	submit(loop, (struct bmc_op){ .kind = BMC_OP_POWER_GET }, "10.0.0.1", &results[1]);
	submit(loop, (struct bmc_op){ .kind = BMC_OP_POWER_SET, .action = BMC_ACTION_CYCLE }, "10.0.0.1", &results[2]);
	submit(loop, (struct bmc_op){ .kind = BMC_OP_BOOT_DEVICE, .device = BMC_BOOT_DISK, .persistent = true },
	       "10.0.0.1", &results[3]);
	while (loop_fake_work_run(loop, 0))
		loop_fake_run_due(loop);
	assert_string_equal(calls.data, "probe 10.0.0.1;get 10.0.0.1 p;set 10.0.0.1 2;boot 10.0.0.1 2 1 0;");
	assert_string_equal(results[0].identity.system_uuid, UUID);
	assert_int_equal(results[0].identity.quirks, 16);
	assert_int_equal(results[1].power, BMC_POWER_ON);
	assert_int_equal(results[2].err.code, ERR_UNREACHABLE);
	assert_string_equal(results[2].err.text, "BMC 10.0.0.1 does not answer");
	assert_int_equal(results[3].err.code, ERR_NONE);
	for (unsigned i = 0; i < ARRAY_SIZE(results); i++) {
		bmc_identity_done(&results[i].identity);
		err_done(&results[i].err);
	}
}

static void test_one_operation_in_flight_per_bmc(void **state)
{
	struct loop *loop = *state;
	struct bmc_op results[3] = { 0 };

	submit(loop, (struct bmc_op){ .kind = BMC_OP_POWER_GET }, "10.0.0.1", &results[0]);
	submit(loop, (struct bmc_op){ .kind = BMC_OP_POWER_GET }, "10.0.0.1", &results[1]);
	submit(loop, (struct bmc_op){ .kind = BMC_OP_POWER_GET }, "10.0.0.2", &results[2]);
	assert_int_equal(loop_fake_work_count(loop), 2);
	while (loop_fake_work_run(loop, 0))
		loop_fake_run_due(loop);
}

/* Those that do not answer leave workers to others, and do not stand in the way of one that waits behind them. */
static void test_few_operations_are_with_workers(void **state)
{
	struct loop *loop = *state;
	struct bmc_op result = { 0 };

	for (unsigned i = 0; i < 3 * BMC_IN_FLIGHT_MAX; i++) {
		_cleanup_free_ char *address = xasprintf("10.0.0.%u", i / 3 + 1);
		submit(loop, (struct bmc_op){ .kind = BMC_OP_POWER_GET }, address, &result);
	}
	for (unsigned i = 0; i < 2 * BMC_IN_FLIGHT_MAX; i++) {
		_cleanup_free_ char *address = xasprintf("10.0.1.%u", i + 1);
		submit(loop, (struct bmc_op){ .kind = BMC_OP_POWER_GET }, address, &result);
	}
	unsigned ended = 0;
	while (loop_fake_work_count(loop) > 0) {
		assert_true(loop_fake_work_count(loop) <= BMC_IN_FLIGHT_MAX);
		loop_fake_work_run(loop, 0);
		loop_fake_run_due(loop);
		ended++;
	}
	assert_int_equal(ended, 5 * BMC_IN_FLIGHT_MAX);
}

static void test_a_full_queue_is_told(void **state)
{
	struct loop *loop = *state;
	struct bmc_op result = { 0 };
	struct bmc_op op = { .kind = BMC_OP_POWER_GET };
	_cleanup_err_ struct err err = ERR_INIT;

	for (unsigned i = 0; i < BMC_WAITING_MAX + 1; i++) /* one is with a worker */
		submit(loop, op, "10.0.0.1", &result);
	op.target = (struct bmc_target){ .driver = (char[]){ "test" }, .address = (char[]){ "10.0.0.1" } };
	assert_int_equal(bmc_submit(loop, &op, &err), -EBUSY);
	assert_int_equal(err.code, ERR_BUSY);
	while (loop_fake_work_run(loop, 0))
		loop_fake_run_due(loop);
}

static void test_an_unknown_driver_is_refused(void **state)
{
	struct bmc_op op = { .target = { .driver = (char[]){ "carrier-pigeon" }, .address = (char[]){ "10.0.0.1" } } };
	_cleanup_err_ struct err err = ERR_INIT;

	assert_true(bmc_submit(*state, &op, &err) < 0);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "carrier-pigeon"));
	op.target.driver = NULL;
	assert_true(bmc_submit(*state, &op, &err) < 0);
	op.target = (struct bmc_target){ .driver = (char[]){ "test" } };
	assert_true(bmc_submit(*state, &op, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(loop_fake_work_count(*state), 0);
}

static void test_drivers_by_name(void **state)
{
	assert_ptr_equal(bmc_driver_find("ipmi"), &bmc_driver_ipmi);
	assert_null(bmc_driver_find("test"));
	assert_null(bmc_driver_find(NULL));
	bmc_drivers_set(test_drivers);
	assert_ptr_equal(bmc_driver_find("test"), &test_driver);
	assert_null(bmc_driver_find("ipmi"));
	bmc_drivers_set(NULL);
	assert_non_null(bmc_driver_find("ipmi"));
}

static void never_output(const void *data, size_t len, void *ctx)
{
	fail();
}

static void never_closed(const struct err *err, void *ctx)
{
	fail();
}

/* libipmiconsole would close descriptors of others. */
static void test_console_refuses_what_the_library_cannot(void **state)
{
	static const struct bmc_console_events events = { never_output, never_closed };
	struct bmc_target target = { .driver = (char[]){ "ipmi" }, .address = (char[]){ "127.0.0.1:32768" } };
	_cleanup_err_ struct err err = ERR_INIT;
	struct bmc_console *console = NULL;

	bmc_drivers_set(NULL);
	assert_true(bmc_console_open(*state, &target, &events, NULL, &console, &err) < 0);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "up to 32767"));
	err_done(&err);
	target.address = (char[]){ "bmc.example" };
	assert_true(bmc_console_open(*state, &target, &events, NULL, &console, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	err_done(&err);
	target.driver = (char[]){ "carrier-pigeon" };
	assert_true(bmc_console_open(*state, &target, &events, NULL, &console, &err) < 0);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "carrier-pigeon"));
	assert_null(console);
}

static void test_names_and_copies(void **state)
{
	struct bmc_target target = {
		.driver = (char[]){ "ipmi" }, .address = (char[]){ "10.0.0.1" }, .quirks = 5, .cipher_suite = 17
	};
	struct bmc_target copy;

	assert_string_equal(bmc_power_name(BMC_POWER_ON), "on");
	assert_string_equal(bmc_power_name((enum bmc_power)99), "unknown");
	bmc_target_copy(&copy, &target);
	assert_string_equal(copy.driver, "ipmi");
	assert_null(copy.password);
	assert_int_equal(copy.quirks, 5);
	assert_int_equal(copy.cipher_suite, 17);
	bmc_target_done(&copy);
	assert_null(copy.address);
	assert_int_equal(copy.cipher_suite, -1);
	bmc_target_done(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uuid_of_each_layout),
		cmocka_unit_test(test_ipmi_and_smbios_exclude_each_other),
		cmocka_unit_test(test_a_guid_that_is_no_uuid_is_read_as_specified),
		cmocka_unit_test(test_uuids_match_in_any_order_of_bytes),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_ipmi_refuses_what_cannot_be_sent),
		cmocka_unit_test_setup_teardown(test_operations_give_their_results, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_operation_in_flight_per_bmc, setup, teardown),
		cmocka_unit_test_setup_teardown(test_few_operations_are_with_workers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_full_queue_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_unknown_driver_is_refused, setup, teardown),
		cmocka_unit_test(test_drivers_by_name),
		cmocka_unit_test_setup_teardown(test_console_refuses_what_the_library_cannot, setup, teardown),
		cmocka_unit_test(test_names_and_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
