/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The provisioner's configuration: its defaults, and errors that name the field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/config.h"

#define NET                                                                                                            \
	"\"provisioning\": {\"interface\": \"prov0\", \"address\": \"10.77.0.1/24\", "                                 \
	"\"dhcp_first\": \"10.77.0.100\", \"dhcp_last\": \"10.77.0.199\"}"
#define IMAGES "\"images\": {\"live_dir\": \"/srv/live\"}"

static char path[] = "/tmp/ingot-config-XXXXXX";

static int load(const char *text, struct config *ret, struct err *err)
{
	assert_int_equal(write_file_atomic(path, text, strlen(text), 0600), 0);
	return config_load(path, ret, err);
}

static void the_least_that_is_needed_has_defaults(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct config config = { 0 };
	if (load("{\"api\": {}, " NET ", " IMAGES "}", &config, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(config.state_dir, "/var/lib/ingot");
	assert_string_equal(config.run_dir, "/run/ingot");
	assert_int_equal(config.api->listen_count, 0);
	assert_true(config.provisioning->agent_port == 8444 && config.provisioning->boot_port == 8080);
	assert_string_equal(config.provisioning->console, "ttyS0,115200");
	assert_string_equal(config.images->loader_dir, "/usr/lib/ipxe");
	assert_true(config.storage->pool_size == 3);
	assert_null(config.bmc);
	config_done(&config);
}

static void everything_can_be_said(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct config config = { 0 };
	static const char text[] =
		"{\"state_dir\": \"/srv/state\", \"run_dir\": \"/srv/run\","
		" \"api\": {\"listen\": [\"127.0.0.1:8443\", \"[::1]:8443\"], \"names\": [\"ingot.example\"]},"
		" \"provisioning\": {\"interface\": \"prov0\", \"address\": \"10.77.0.1/24\", \"dhcp_first\": \"10.77.0.100\","
		"  \"dhcp_last\": \"10.77.0.199\", \"gateway\": \"10.77.0.254\", \"console\": \"ttyS1\", \"agent_port\": 9444,"
		"  \"boot_port\": 80},"
		" \"bmc\": {\"ranges\": [\"10.0.0.1-10.0.0.9\"], \"user\": \"admin\", \"password_file\": \"/etc/bmc\"},"
		" \"images\": {\"live_dir\": \"/srv/live\", \"bundle\": \"/srv/host\", \"bundle_key\": \"/srv/key\","
		"  \"loader_dir\": \"/srv/ipxe\"}, \"storage\": {\"pool_size\": 1}}";
	if (load(text, &config, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(config.api->listen_count, 2);
	assert_string_equal(config.bmc->ranges[0], "10.0.0.1-10.0.0.9");
	assert_true(config.provisioning->boot_port == 80 && config.storage->pool_size == 1);
	config_done(&config);
}

static const struct {
	const char *field, *text, *json;
} wrong[] = {
	{ "api", "api: is missing", "{" NET ", " IMAGES "}" },
	{ "provisioning", "provisioning: is missing", "{\"api\": {}, " IMAGES "}" },
	{ "images", "images: is missing", "{\"api\": {}, " NET "}" },
	{ "colour", "colour: ", "{\"api\": {}, " NET ", " IMAGES ", \"colour\": \"red\"}" },
	{ "api.listn", "api.listn: ", "{\"api\": {\"listn\": []}, " NET ", " IMAGES "}" },
	{ "images.live_dir", "images.live_dir: is missing", "{\"api\": {}, " NET ", \"images\": {}}" },
	{ "provisioning.dhcp_first", "provisioning.dhcp_first: ",
	  "{\"api\": {}, \"provisioning\": {\"interface\": \"prov0\", \"address\": \"10.77.0.1/24\", \"dhcp_first\": \"first\","
	  " \"dhcp_last\": \"10.77.0.9\"}, " IMAGES "}" },
	{ "provisioning.interface", "provisioning.interface: ",
	  "{\"api\": {}, \"provisioning\": {\"interface\": \"a-name-that-is-too-long\", \"address\": \"10.77.0.1/24\","
	  " \"dhcp_first\": \"10.77.0.2\", \"dhcp_last\": \"10.77.0.9\"}, " IMAGES "}" },
	{ "provisioning.address", "provisioning.address: must be IP/PREFIX such as 10.0.0.1/24",
	  "{\"api\": {}, \"provisioning\": {\"interface\": \"prov0\", \"address\": \"10.77.0.1\", \"dhcp_first\": \"10.77.0.2\","
	  " \"dhcp_last\": \"10.77.0.9\"}, " IMAGES "}" },
	{ "provisioning.address", "provisioning.address: must be IP/PREFIX such as 10.0.0.1/24",
	  "{\"api\": {}, \"provisioning\": {\"interface\": \"prov0\", \"address\": \"10.77.0.1/99\", \"dhcp_first\": "
	  "\"10.77.0.2\", \"dhcp_last\": \"10.77.0.9\"}, " IMAGES "}" },
	{ "provisioning.address", "provisioning.address: '10.77.0' is not an IPv4 address",
	  "{\"api\": {}, \"provisioning\": {\"interface\": \"prov0\", \"address\": \"10.77.0/24\", \"dhcp_first\": \"10.77.0.2\","
	  " \"dhcp_last\": \"10.77.0.9\"}, " IMAGES "}" },
	{ "provisioning.agent_port", "provisioning.agent_port: ",
	  "{\"api\": {}, \"provisioning\": {\"interface\": \"prov0\", \"address\": \"10.77.0.1/24\", \"dhcp_first\": "
	  "\"10.77.0.2\", \"dhcp_last\": \"10.77.0.9\", \"agent_port\": 70000}, " IMAGES "}" },
	{ "api.listen", "api.listen: '127.0.0.1' is not ADDRESS:PORT",
	  "{\"api\": {\"listen\": [\"127.0.0.1\"]}, " NET ", " IMAGES "}" },
	{ "api.listen", "api.listen: 'everywhere' is not an address",
	  "{\"api\": {\"listen\": [\"127.0.0.1:1\", \"everywhere:8443\"]}, " NET ", " IMAGES "}" },
	{ "bmc.user", "bmc.user: is missing",
	  "{\"api\": {}, " NET ", " IMAGES ", \"bmc\": {\"password_file\": \"/x\"}}" },
	{ "images.bundle_key", "images.bundle_key: is missing; a bundle is only used with the key that signed it",
	  "{\"api\": {}, " NET ", \"images\": {\"live_dir\": \"/srv/live\", \"bundle\": \"/srv/host\"}}" },
	{ "storage.pool_size",
	  "storage.pool_size: ", "{\"api\": {}, " NET ", " IMAGES ", \"storage\": {\"pool_size\": 0}}" },
	{ "state_dir", "state_dir: ", "{\"api\": {}, " NET ", " IMAGES ", \"state_dir\": 7}" },
	{ NULL, ":1:", "{\"api\": {}, }" },
	{ NULL, "duplicate", "{\"api\": {}, \"api\": {}}" },
	{ NULL, "", "" },
	{ "body", "must be a JSON object", "[]" },
};

static void what_is_wrong_is_named(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		struct config config = { 0 };
		if (load(wrong[i].json, &config, &err) == 0)
			fail_msg("%s was taken", wrong[i].json);
		assert_int_equal(err.code, ERR_INVALID);
		if (!strstr(err.text, wrong[i].text) || !str_equal(err.field, wrong[i].field))
			fail_msg("%s: field %s: %s", wrong[i].json, str_or(err.field, "none"), err.text);
		assert_true(str_starts(err.text, path)); /* and in which file */
		assert_null(config.api);
		assert_null(config.state_dir);
	}
}

static void a_file_that_is_not_there_is_named(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct config config = { 0 };
	assert_true(config_load("/tmp/ingot-no-such-file", &config, &err) < 0);
	assert_non_null(strstr(err.text, "/tmp/ingot-no-such-file"));
}

static void addresses_are_split(void **state)
{
	static const struct {
		const char *text, *address;
		uint16_t port;
	} right[] = { { "127.0.0.1:8443", "127.0.0.1", 8443 },
		      { "0.0.0.0:1", "0.0.0.0", 1 },
		      { "[::1]:65535", "::1", 65535 },
		      { "[fe80::1]:443", "fe80::1", 443 } };
	static const char *const bad[] = { "",
					   ":",
					   ":1",
					   "127.0.0.1",
					   "127.0.0.1:",
					   "127.0.0.1:0",
					   "127.0.0.1:65536",
					   "[]:1",
					   "[::1:443",
					   "localhost:443",
					   "1.2.3:443",
					   "127.0.0.1:http",
					   "127.0.0.1:-1" };
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		_cleanup_free_ char *address = NULL;
		uint16_t port = 0;
		assert_int_equal(config_split(right[i].text, &address, &port, NULL), 0);
		assert_string_equal(address, right[i].address);
		assert_int_equal(port, right[i].port);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		char *address = NULL;
		uint16_t port = 0;
		if (config_split(bad[i], &address, &port, &err) == 0)
			fail_msg("%s was taken", bad[i]);
		assert_string_equal(err.field, "api.listen");
		assert_null(address);
	}
}

static int make_file(void **state)
{
	return close_fd(mkstemp(path)) == -1 ? 0 : 1;
}

static int remove_file(void **state)
{
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_that_is_needed_has_defaults),
		cmocka_unit_test(everything_can_be_said),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_file_that_is_not_there_is_named),
		cmocka_unit_test(addresses_are_split),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
