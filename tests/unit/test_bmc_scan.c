/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The presence scan against answers of all kinds, on loopback addresses and a port of the kernel's choice. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "bmc/bmc_priv.h"

#define SCAN_MS 900

/* What a host at 127.0.0.(11 + index) does with a ping. */
enum manner { ANSWERS, ANSWERS_TWICE, NOT_IPMI, WRONG_TAG, TOO_SHORT, ECHOES, SILENT, MANNER_COUNT };

static struct loop *loop;
static int fds[MANNER_COUNT];
static struct loop_io *ios[MANNER_COUNT];
static unsigned pings[MANNER_COUNT];
static uint16_t port;
static struct strbuf found;
static struct bmc_scan *scan;

static void on_ping(int fd, uint32_t events, void *data)
{
	enum manner manner = (enum manner)(uintptr_t)data;
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	uint8_t ping[64];
	uint8_t pong[28] = { 0x06, 0, 0xff, 0x06, 0, 0, 0x11, 0xbe, 0x40, 0, 0, 16, [20] = 0x81 };
	ssize_t len = recvfrom(fd, ping, sizeof(ping), 0, (struct sockaddr *)&from, &from_len);
	size_t size = sizeof(pong);

	/* ASF 2.0 section 3.2.4.2. */
	const uint8_t expected[9] = { 0x06, 0, 0xff, 0x06, 0, 0, 0x11, 0xbe, 0x80 };
	assert_int_equal(len, 12);
	assert_memory_equal(ping, expected, sizeof(expected));
	pings[manner]++;
	pong[9] = ping[9];
	if (manner == SILENT)
		return;
	if (manner == ECHOES)
		memcpy(pong, ping, size = 12);
	if (manner == NOT_IPMI)
		pong[20] = 0x01;
	if (manner == WRONG_TAG)
		pong[9] = (uint8_t)(ping[9] + 1);
	if (manner == TOO_SHORT)
		size = 20;
	for (unsigned n = 0; n < (manner == ANSWERS_TWICE ? 2 : 1); n++)
		sendto(fd, pong, size, 0, (struct sockaddr *)&from, from_len);
}

static int setup(void **state)
{
	loop = loop_new(1);
	port = 0;
	memset(pings, 0, sizeof(pings));
	for (unsigned i = 0; i < MANNER_COUNT; i++) {
		struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
		socklen_t len = sizeof(address);

		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 10 + i);
		fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_int_equal(bind(fds[i], (struct sockaddr *)&address, sizeof(address)), 0);
		assert_int_equal(getsockname(fds[i], (struct sockaddr *)&address, &len), 0);
		port = ntohs(address.sin_port); /* the first chooses it for all */
		ios[i] = loop_io_new(loop, fds[i], EPOLLIN, on_ping, (void *)(uintptr_t)i);
	}
	return 0;
}

static int teardown(void **state)
{
	for (unsigned i = 0; i < MANNER_COUNT; i++) {
		loop_io_free(ios[i]);
		close_fd(fds[i]);
	}
	strbuf_done(&found);
	scan = bmc_scan_free(scan);
	loop_free(loop);
	return 0;
}

static void on_found(const char *address, void *data)
{
	strbuf_addf(&found, "%s ", address);
}

static void on_done(void *data)
{
	loop_quit(loop, 7);
}

static void test_finds_those_that_answer_as_bmcs_do(void **state)
{
	_cleanup_free_ char *range = xasprintf("127.0.0.11-127.0.0.17:%u", port);
	_cleanup_free_ char *expected = xasprintf("127.0.0.11:%u 127.0.0.12:%u ", port, port);
	const char *const ranges[] = { range, NULL };
	int64_t started_ms = monotonic_ms();

	assert_int_equal(bmc_scan_start(loop, ranges, SCAN_MS, on_found, on_done, NULL, &scan, NULL), 0);
	assert_int_equal(loop_run(loop), 7);
	assert_string_equal(found.data, expected);
	assert_true(monotonic_ms() - started_ms >= SCAN_MS);
	assert_in_range(pings[SILENT], 2, 3); /* three, unless this machine is very busy */
	assert_in_range(pings[ANSWERS], 1, 2);
}

static void on_found_end(const char *address, void *data)
{
	scan = bmc_scan_free(scan);
	loop_quit(loop, 8);
}

static void test_may_be_ended_when_one_is_found(void **state)
{
	_cleanup_free_ char *range = xasprintf("127.0.0.11-127.0.0.12:%u", port);
	const char *const ranges[] = { range, NULL };

	assert_int_equal(bmc_scan_start(loop, ranges, SCAN_MS, on_found_end, on_done, NULL, &scan, NULL), 0);
	assert_int_equal(loop_run(loop), 8);
	assert_null(scan);
}

static void test_refuses_what_is_no_range(void **state)
{
	static const char *const wrong[] = {
		"",	 "10.0.0.9-10.0.0.1",	  "10.0.0.0-10.0.16.0",	    "10.0.0.1-", "-10.0.0.1", "10.0.0.0/19",
		"bmc-a", "10.0.0.1:1-10.0.0.2:2", "10.0.0.1-10.0.0.2:99999"
	};

	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		const char *const ranges[] = { wrong[i], NULL };
		_cleanup_err_ struct err err = ERR_INIT;

		assert_int_equal(bmc_scan_start(loop, ranges, SCAN_MS, on_found, on_done, NULL, &scan, &err), -EINVAL);
		assert_int_equal(err.code, ERR_INVALID);
		assert_null(scan);
	}
	/* Each is small enough, both are not. */
	const char *const two[] = { "10.0.0.0-10.0.15.255", "10.1.0.1", NULL };
	const char *const none[] = { NULL };
	assert_int_equal(bmc_scan_start(loop, two, SCAN_MS, on_found, on_done, NULL, &scan, NULL), -EINVAL);
	assert_int_equal(bmc_scan_start(loop, none, SCAN_MS, on_found, on_done, NULL, &scan, NULL), -EINVAL);
}

static void test_ranges_as_people_write_them(void **state)
{
	static const struct {
		const char *text;
		uint32_t first, count;
		uint16_t port;
	} good[] = {
		{ "10.0.0.7", 0x0a000007, 1, 623 },
		{ "10.0.0.7-10.0.0.7:6230", 0x0a000007, 1, 6230 },
		{ "10.0.0.250-10.0.1.9", 0x0a0000fa, 16, 623 },
		{ "10.1.0.0/24", 0x0a010001, 254, 623 },
		{ "10.1.0.0/20:700", 0x0a010001, 4094, 700 },
		{ "10.1.0.8/31", 0x0a010008, 2, 623 },
		{ "10.1.0.9/32", 0x0a010009, 1, 623 },
	};
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "10.0.0.9-10.0.0.1", "ends before it begins" },
		{ "10.0.0.0-10.0.16.0", "more than 4096" },
		{ "0.0.0.0/0", "more than 4096" },
		{ "10.0.0.0/19", "more than 4096" },
		{ "10.0.0.9/24", "FIRST-LAST" },
		{ "10.0.0.0/33", "ADDRESS/PREFIX" },
		{ "10.0.0.0/", "ADDRESS/PREFIX" },
		{ "10.0.0.0:1/24", "the port comes last" },
		{ "fd00::1-fd00::9", "IPv4" },
		{ "fd00::/120", "IPv4" },
		{ "bmc-a", "FIRST-LAST" },
		{ "", "IPv4" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
		struct bmc_addresses range = { 0 };

		assert_int_equal(bmc_addresses_parse(good[i].text, &range, NULL), 0);
		assert_int_equal(range.first, good[i].first);
		assert_int_equal(range.count, good[i].count);
		assert_int_equal(range.port, good[i].port);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		struct bmc_addresses range = { .count = 7 };

		assert_int_equal(bmc_addresses_parse(wrong[i].text, &range, &err), -EINVAL);
		assert_int_equal(err.code, ERR_INVALID);
		if (!strstr(err.text, wrong[i].says))
			fail_msg("%s: %s", wrong[i].text, err.text);
		assert_int_equal(range.count, 7);
	}
}

static void assert_shared(const char *a, const char *b, const char *first)
{
	struct bmc_addresses one, other;

	assert_int_equal(bmc_addresses_parse(a, &one, NULL), 0);
	assert_int_equal(bmc_addresses_parse(b, &other, NULL), 0);
	_cleanup_free_ char *there = bmc_addresses_shared(&one, &other), *back = bmc_addresses_shared(&other, &one);
	assert_true(str_equal(there, first));
	assert_true(str_equal(back, first));
}

static void test_what_ranges_share(void **state)
{
	struct bmc_addresses range;

	assert_shared("10.0.0.1-10.0.0.9", "10.0.0.9-10.0.0.20", "10.0.0.9");
	assert_shared("10.0.0.0/24", "10.0.0.7", "10.0.0.7");
	assert_shared("10.0.0.1-10.0.0.9:700", "10.0.0.0/28:700", "10.0.0.1:700");
	assert_shared("10.0.0.1-10.0.0.9", "10.0.0.10-10.0.0.20", NULL);
	assert_shared("10.0.0.1-10.0.0.9:700", "10.0.0.1-10.0.0.9", NULL); /* of one host, two BMCs */
	assert_shared("255.255.255.254-255.255.255.255", "0.0.0.0-0.0.0.9", NULL);
	assert_int_equal(bmc_addresses_parse("10.0.0.2-10.0.0.4", &range, NULL), 0);
	assert_true(bmc_addresses_have(&range, "10.0.0.2") && bmc_addresses_have(&range, "10.0.0.4:623"));
	assert_false(bmc_addresses_have(&range, "10.0.0.1") || bmc_addresses_have(&range, "10.0.0.5"));
	assert_false(bmc_addresses_have(&range, "10.0.0.3:700") || bmc_addresses_have(&range, "bmc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_finds_those_that_answer_as_bmcs_do, setup, teardown),
		cmocka_unit_test_setup_teardown(test_may_be_ended_when_one_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses_what_is_no_range, setup, teardown),
		cmocka_unit_test(test_ranges_as_people_write_them),
		cmocka_unit_test(test_what_ranges_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
