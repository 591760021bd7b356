/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the console of an appliance shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/banner.h"
#include "daemon/certificate.h"

#define AUTHORITY "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define FINGERPRINT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* Configurations own their texts. */
#define TEXT(s) ((char[]){ s })

static const char *const addresses[] = { "192.0.2.7", "2001:db8::7", "10.77.0.1" };

static char *text_of(char **listen, size_t count, size_t address_count, const char *fingerprint)
{
	struct config_api api = { .listen = listen, .listen_count = count };
	struct config_provisioning provisioning = { .interface = TEXT("prov0"), .address = TEXT("10.77.0.1/24") };
	const struct config config = { .api = &api, .provisioning = &provisioning };
	return banner_text(&config, addresses, address_count, fingerprint, AUTHORITY);
}

static void assert_has(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("not in it: %s\n%s", what, text);
}

static void one_address_is_shown_as_it_is(void **state)
{
	char *listen[] = { TEXT("127.0.0.1:8443") };
	_cleanup_free_ char *text = text_of(listen, 1, 3, FINGERPRINT);
	assert_has(text, "      https://127.0.0.1:8443\n");
	assert_null(strstr(text, "192.0.2.7"));
	assert_has(text, "prov0 (10.77.0.1/24)");
}

static void all_addresses_are_those_of_the_host(void **state)
{
	char *v4[] = { TEXT("0.0.0.0:443") }, *both[] = { TEXT("[::]:443") };
	_cleanup_free_ char *text = text_of(v4, 1, 3, FINGERPRINT), *more = text_of(both, 1, 3, FINGERPRINT);
	assert_has(text, "      https://192.0.2.7\n      https://10.77.0.1\n");
	assert_null(strstr(text, "2001:db8::7"));
	assert_has(more, "      https://192.0.2.7\n      https://[2001:db8::7]\n      https://10.77.0.1\n");
}

static void without_an_address_it_asks_for_one(void **state)
{
	char *listen[] = { TEXT("0.0.0.0:443") };
	_cleanup_free_ char *text = text_of(listen, 1, 0, FINGERPRINT);
	assert_has(text, "at no address yet");
	assert_null(strstr(text, "https://"));
}

static void the_fingerprint_is_written_as_browsers_do(void **state)
{
	char *listen[] = { TEXT("0.0.0.0:443") };
	_cleanup_free_ char *text = text_of(listen, 1, 1, FINGERPRINT), *none = text_of(listen, 1, 1, NULL);
	assert_has(text, "      00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\n"
			 "      00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\n");
	/* The served one first: that is what a browser shows. */
	assert_true(strstr(text, "      00:11") < strstr(text, "      FF:EE"));
	assert_has(text, "    That of the authority which signed it, for those who import that:\n"
			 "      FF:EE:DD:CC:BB:AA:99:88:77:66:55:44:33:22:11:00\n");
	assert_null(strstr(none, "fingerprint"));
	assert_null(strstr(none, "FF:EE"));
	assert_has(none, "It has not started yet");
}

static void it_fits_a_screen_and_means_nothing_to_agetty(void **state)
{
	char *listen[] = { TEXT("[::]:8443"), TEXT("10.77.0.1:443") };
	_cleanup_free_ char *text = text_of(listen, 2, 3, FINGERPRINT);
	unsigned lines = 0, column = 0;
	for (const char *c = text; *c; c++) {
		assert_true(*c != '\\' && (unsigned char)*c < 127);
		column = *c == '\n' ? 0 : column + 1;
		assert_true(column < 80);
		lines += *c == '\n';
	}
	assert_true(lines < 24);
}

static void it_is_printed_for_this_host_and_errors_name_the_file(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	char dir[] = "/tmp/ingot-banner-XXXXXX";
	assert_non_null(mkdtemp(dir));
	_cleanup_free_ char *path = xasprintf("%s/" CERTIFICATE_FILE, dir);
	char *listen[] = { TEXT("127.0.0.1:8443") };
	struct config_api api = { .listen = listen, .listen_count = 1 };
	struct config_provisioning provisioning = { .interface = TEXT("prov0"), .address = TEXT("10.77.0.1/24") };
	const struct config config = { .state_dir = dir, .api = &api, .provisioning = &provisioning };
	assert_int_equal(banner_print(&config, &err), 0);
	assert_int_equal(write_file_atomic(path, "no certificate", 14, 0600), 0);
	assert_true(banner_print(&config, &err) < 0);
	assert_has(err.text, path);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_address_is_shown_as_it_is),
		cmocka_unit_test(all_addresses_are_those_of_the_host),
		cmocka_unit_test(without_an_address_it_asks_for_one),
		cmocka_unit_test(the_fingerprint_is_written_as_browsers_do),
		cmocka_unit_test(it_fits_a_screen_and_means_nothing_to_agetty),
		cmocka_unit_test(it_is_printed_for_this_host_and_errors_name_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
