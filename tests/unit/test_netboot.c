/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts (held by golden files: INGOT_REGENERATE=1 writes them anew), words, and the choice of addresses. Run from the
 * top of the tree. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "golden.h"
#include "netboot/netboot_priv.h"

#define FINGERPRINT "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct netboot_spec spec = {
	.run_dir = "/run/ingot/netboot",
	.interface = "prov0",
	.address = "10.77.0.1/24",
	.dhcp_first = "10.77.0.100",
	.dhcp_last = "10.77.0.199",
	.boot_port = 8080,
	.agent_port = 8444,
	.live_dir = "/usr/share/ingot/live",
	.loader_dir = "/usr/lib/ipxe",
	.ca_pem = "-----BEGIN CERTIFICATE-----\n",
	.ca_fingerprint = FINGERPRINT,
};

static void test_dnsmasq_configuration(void **state)
{
	struct netboot_spec routed = spec;
	_cleanup_free_ char *plain = netboot_dnsmasq_config(&spec);
	_cleanup_free_ char *with_gateway = NULL;

	assert_golden("netboot/dnsmasq.conf", plain);
	routed.gateway = "10.77.0.254";
	routed.address = "10.77.0.1/20";
	with_gateway = netboot_dnsmasq_config(&routed);
	assert_golden("netboot/dnsmasq-gateway.conf", with_gateway);
	struct netboot_spec beside = spec;
	beside.proxy = true;
	_cleanup_free_ char *proxy = netboot_dnsmasq_config(&beside);
	assert_golden("netboot/dnsmasq-proxy.conf", proxy);
}

static void test_boot_scripts(void **state)
{
	_cleanup_free_ char *first = netboot_first_script(&spec);
	_cleanup_free_ char *live = netboot_script(&spec, "52:54:00:AA:bb:cc", BOOT_INTENT_LIVE, NULL);
	_cleanup_free_ char *disk = netboot_script(&spec, "52:54:00:aa:bb:cc", BOOT_INTENT_DISK, NULL);
	_cleanup_free_ char *console =
		netboot_script(&spec, "52:54:00:aa:bb:cc", BOOT_INTENT_LIVE, " ttyS1,57600n8  tty0 ");

	assert_golden("netboot/boot.ipxe", first);
	assert_golden("netboot/live.ipxe", live);
	assert_golden("netboot/disk.ipxe", disk);
	assert_golden("netboot/live-console.ipxe", console);
}

/* What could end the kernel's command line or add a command gives the default console. */
static void test_a_hostile_console_is_left_out(void **state)
{
	static const char *const wrong[] = { "ttyS0\nshell", "ttyS0 || shell", "ttyS0;x", "${net0/ip}", "tty\"", "",
					     "\xc3\xa4" };
	_cleanup_free_ char *normal = netboot_script(&spec, "52:54:00:aa:bb:cc", BOOT_INTENT_LIVE, NULL);

	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_free_ char *script = netboot_script(&spec, "52:54:00:aa:bb:cc", BOOT_INTENT_LIVE, wrong[i]);

		assert_string_equal(script, normal);
	}
}

static void test_macs(void **state)
{
	static const char *const wrong[] = { "",
					     "52:54:00:aa:bb",
					     "52:54:00:aa:bb:cc:dd",
					     "52:54:00:aa:bb:cg",
					     "52-54:00:aa:bb:cc",
					     "525400aabbcc",
					     "52:54:00:aa:bb:cc ",
					     "01:00:5e:00:00:01",
					     "ff:ff:ff:ff:ff:ff",
					     "52:54:00:aa:bb/cc" };
	struct mac mac;
	_cleanup_free_ char *colons = NULL, *hyphens = NULL;

	assert_int_equal(mac_parse("52-54-00-AA-bb-0C", &mac), 0);
	colons = mac_format(&mac, ':');
	hyphens = mac_format(&mac, '-');
	assert_string_equal(colons, "52:54:00:aa:bb:0c");
	assert_string_equal(hyphens, "52-54-00-aa-bb-0c");
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(mac_parse(wrong[i], &mac), -EINVAL);
	assert_int_equal(mac_parse(NULL, &mac), -EINVAL);
}

static void test_reservations(void **state)
{
	struct mac mac;
	_cleanup_free_ char *plain = NULL, *named = NULL;

	mac_parse("52:54:00:aa:bb:cc", &mac);
	plain = netboot_reservation(&mac, 0x0a4d0096, NULL);
	named = netboot_reservation(&mac, 0x0a4d0096, "node-1");
	assert_string_equal(plain, "52:54:00:aa:bb:cc,10.77.0.150\n");
	assert_string_equal(named, "52:54:00:aa:bb:cc,10.77.0.150,node-1\n");
	assert_true(netboot_host_valid("a"));
	assert_true(netboot_host_valid("Node-17"));
	assert_false(netboot_host_valid(""));
	assert_false(netboot_host_valid("-a"));
	assert_false(netboot_host_valid("a-"));
	assert_false(netboot_host_valid("a.b"));
	assert_false(netboot_host_valid("a,ignore"));
	assert_false(netboot_host_valid("a\nb"));
	assert_false(netboot_host_valid("0123456789012345678901234567890123456789012345678901234567890123"));
}

/* ---- settings ---- */

struct files {
	char dir[64];
	char *loaders, *live, *bundle;
	struct netboot_spec spec;
};

static void touch(const char *dir, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(write_file_atomic(path, "x", 1, 0644), 0);
}

static int setup_files(void **state)
{
	struct files *files = new0(struct files, 1);

	strncpy(files->dir, "/tmp/ingot-netboot-XXXXXX", sizeof(files->dir) - 1);
	assert_non_null(mkdtemp(files->dir));
	files->loaders = xasprintf("%s/loaders", files->dir);
	files->live = xasprintf("%s/live", files->dir);
	files->bundle = xasprintf("%s/host.tar", files->dir);
	assert_int_equal(mkdir_p(files->loaders, 0755), 0);
	assert_int_equal(mkdir_p(files->live, 0755), 0);
	touch(files->loaders, "undionly.kpxe");
	touch(files->loaders, "snponly.efi");
	touch(files->live, "vmlinuz");
	touch(files->live, "initrd");
	touch(files->dir, "host.tar");
	files->spec = spec;
	files->spec.loader_dir = files->loaders;
	files->spec.live_dir = files->live;
	files->spec.bundle_path = files->bundle;
	*state = files;
	return 0;
}

static int teardown_files(void **state)
{
	static const char *const names[] = { "loaders/undionly.kpxe", "loaders/snponly.efi", "live/vmlinuz",
					     "live/initrd", "host.tar" };
	struct files *files = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", files->dir, names[i]);

		unlink(path);
	}
	rmdir(files->loaders);
	rmdir(files->live);
	rmdir(files->dir);
	free(files->loaders);
	free(files->live);
	free(files->bundle);
	free(files);
	return 0;
}

static void assert_refused(const struct netboot_spec *wrong, enum err_code code, const char *field)
{
	_cleanup_err_ struct err err = ERR_INIT;

	assert_true(netboot_spec_check(wrong, &err) < 0);
	assert_int_equal(err.code, code);
	assert_string_equal(err.field, field);
}

#define ASSERT_REFUSED(files, code, name, value)                                                                       \
	do {                                                                                                           \
		struct netboot_spec wrong = (files)->spec;                                                             \
		wrong.name = (value);                                                                                  \
		assert_refused(&wrong, code, #name);                                                                   \
	} while (0)

static void test_settings_are_checked(void **state)
{
	struct files *files = *state;

	assert_int_equal(netboot_spec_check(&files->spec, NULL), 0);
	ASSERT_REFUSED(files, ERR_INVALID, interface, NULL);
	ASSERT_REFUSED(files, ERR_INVALID, interface, "eth0\nuser=root");
	ASSERT_REFUSED(files, ERR_INVALID, interface, "an-interface-too-long");
	ASSERT_REFUSED(files, ERR_INVALID, address, "10.77.0.1");
	ASSERT_REFUSED(files, ERR_INVALID, address, "10.77.0.1/31");
	ASSERT_REFUSED(files, ERR_INVALID, address, NULL);
	ASSERT_REFUSED(files, ERR_INVALID, dhcp_first, "10.76.255.250");
	ASSERT_REFUSED(files, ERR_INVALID, dhcp_first, "ten");
	ASSERT_REFUSED(files, ERR_INVALID, dhcp_last, "10.77.0.99");
	ASSERT_REFUSED(files, ERR_INVALID, dhcp_last, "10.77.0.199,static");
	ASSERT_REFUSED(files, ERR_INVALID, gateway, "none");
	/* As many as there may be, and one more; neither asks for the files. */
	struct netboot_spec large = spec;
	large.address = "10.77.0.1/8";
	large.dhcp_first = "10.78.0.0";
	large.dhcp_last = "10.78.255.255";
	assert_int_equal(netboot_settings_check(&large, NULL), 0);
	large.dhcp_last = "10.79.0.0";
	assert_true(netboot_settings_check(&large, NULL) < 0);
	ASSERT_REFUSED(files, ERR_INVALID, boot_port, 0);
	ASSERT_REFUSED(files, ERR_INVALID, agent_port, 0);
	ASSERT_REFUSED(files, ERR_INVALID, run_dir, "relative");
	ASSERT_REFUSED(files, ERR_INVALID, run_dir, "/run/with,comma");
	ASSERT_REFUSED(files, ERR_INVALID, loader_dir, "/run/with space");
	ASSERT_REFUSED(files, ERR_NOT_FOUND, loader_dir, "/nonexistent");
	ASSERT_REFUSED(files, ERR_NOT_FOUND, live_dir, "/nonexistent");
	ASSERT_REFUSED(files, ERR_NOT_FOUND, bundle_path, "/nonexistent/host.tar");
	ASSERT_REFUSED(files, ERR_INVALID, ca_fingerprint, "0123");
	ASSERT_REFUSED(files, ERR_INVALID, ca_fingerprint, NULL);
}

/* ---- addresses ---- */

static struct mac mac_of(unsigned n)
{
	return (struct mac){ { 0x52, 0x54, 0, 0, (uint8_t)(n >> 8), (uint8_t)n } };
}

#define FIRST 0x0a4d0064 /* 10.77.0.100 */

static void test_leases_are_read(void **state)
{
	struct host_table table = { 0 };
	struct mac one = mac_of(1), two = mac_of(2), three = mac_of(3);

	host_table_read_leases(&table, "1700000000 52:54:00:00:00:02 10.77.0.102 * 01:52:54:00:00:00:02\n"
				       "0 52:54:00:00:00:01 10.77.0.101 name *\n"
				       "duid 00:01:00:01\n"
				       "1700000000 06-52:54:00:00:00:04 10.77.0.104 * *\n"
				       "1700000000 52:54:00:00:00:05 not-an-address * *\n"
				       "\n"
				       "1700000000 52:54:00:00:00:03 10.77.0.10"); /* torn off */
	assert_int_equal(table.count, 2);
	assert_int_equal(host_table_find(&table, &one)->leased, FIRST + 1);
	assert_int_equal(host_table_find(&table, &one)->expires_s, 0);
	assert_int_equal(host_table_find(&table, &two)->expires_s, 1700000000);
	assert_null(host_table_find(&table, &three));
	host_table_drop_lease(&table, &one);
	assert_null(host_table_find(&table, &one));
	host_table_drop_lease(&table, &one);
	host_table_get(&table, &two)->reserved = FIRST + 2;
	host_table_drop_lease(&table, &two);
	assert_int_equal(host_table_find(&table, &two)->reserved, FIRST + 2);
	assert_int_equal(host_table_find(&table, &two)->leased, 0);
	host_table_done(&table);
}

static uint32_t choose(struct host_table *table, unsigned mac_number, unsigned count)
{
	const uint32_t taken[] = { FIRST + 3, 0 }; /* an address of our own, no gateway */
	struct mac mac = mac_of(mac_number);

	return host_table_choose(table, &mac, FIRST, FIRST + count - 1, taken, 2, 1000);
}

static void test_an_address_is_chosen(void **state)
{
	struct host_table table = { 0 };
	struct mac one = mac_of(1), two = mac_of(2), three = mac_of(3), four = mac_of(4);

	assert_int_equal(choose(&table, 1, 8), FIRST + 7); /* the last */
	host_table_get(&table, &one)->leased = FIRST + 2;
	host_table_get(&table, &one)->expires_s = 1001;
	assert_int_equal(choose(&table, 1, 8), FIRST + 2); /* its present lease */
	assert_int_equal(choose(&table, 2, 4), FIRST + 1); /* neither ours nor another's lease */
	host_table_get(&table, &one)->expires_s = 1000;
	assert_int_equal(choose(&table, 1, 8), FIRST + 7); /* a lease that ran out counts no more */
	assert_int_equal(choose(&table, 2, 4), FIRST + 2);
	host_table_get(&table, &one)->expires_s = 0;
	assert_int_equal(choose(&table, 2, 4), FIRST + 1); /* a lease for ever */
	host_table_get(&table, &two)->reserved = FIRST + 1;
	host_table_get(&table, &three)->leased = FIRST + 1; /* held by the wrong one: not to be had */
	assert_int_equal(choose(&table, 3, 4), FIRST);
	assert_int_equal(choose(&table, 2, 4), FIRST + 1);
	host_table_get(&table, &four)->reserved = FIRST;
	assert_int_equal(choose(&table, 3, 4), 0); /* used up */
	assert_int_equal(choose(&table, 4, 4), FIRST);
	host_table_get(&table, &three)->leased = FIRST + 100; /* a lease of an earlier range */
	assert_int_equal(choose(&table, 3, 4), 0);
	host_table_done(&table);
}

static void test_our_own_addresses_are_known(void **state)
{
	uint32_t found[4];

	assert_int_equal(own_addresses_within(0x7f000000, 0x7f0000ff, found, 4), 1); /* that of the loopback */
	assert_int_equal(found[0], 0x7f000001);
	assert_int_equal(own_addresses_within(0x7f000001, 0x7f000001, found, 4), 1);
	assert_int_equal(own_addresses_within(0x7f000002, 0x7f0000ff, found, 4), 0);
	assert_int_equal(own_addresses_within(0x7f000000, 0x7f0000ff, found, 0), 0);
}

static void test_many_hosts(void **state)
{
	struct host_table table = { 0 };

	for (unsigned n = 0; n < 1000; n++) {
		struct mac mac = mac_of((n * 7919) % 1000);
		uint32_t address = choose(&table, (n * 7919) % 1000, 2000);

		assert_true(address != 0 && address != FIRST + 3);
		host_table_get(&table, &mac)->reserved = address;
	}
	assert_int_equal(table.count, 1000);
	for (unsigned n = 1; n < table.count; n++) {
		assert_true(memcmp(&table.entries[n - 1].mac, &table.entries[n].mac, 6) < 0);
		for (unsigned m = 0; m < n; m++)
			assert_true(table.entries[m].reserved != table.entries[n].reserved);
	}
	host_table_done(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dnsmasq_configuration),
		cmocka_unit_test(test_boot_scripts),
		cmocka_unit_test(test_a_hostile_console_is_left_out),
		cmocka_unit_test(test_macs),
		cmocka_unit_test(test_reservations),
		cmocka_unit_test_setup_teardown(test_settings_are_checked, setup_files, teardown_files),
		cmocka_unit_test(test_leases_are_read),
		cmocka_unit_test(test_an_address_is_chosen),
		cmocka_unit_test(test_our_own_addresses_are_known),
		cmocka_unit_test(test_many_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
