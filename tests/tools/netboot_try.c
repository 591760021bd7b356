/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs provisioner/netboot alone: one argument a setting (NAME=VALUE), commands on standard input, events on standard
 * output.
 *
 *     live|disk MAC [CONSOLE]      set_intent
 *     reservation MAC ADDRESS [HOST]
 *     reserve MAC                  answers "reserved MAC ADDRESS" or "error CODE TEXT"
 *     health                       answers "health TEXT"
 *     quit */
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "netboot/netboot.h"

static struct loop *loop;
static struct netboot *netboot;
static struct strbuf input;

static void on_lease(const char *mac, const char *address, void *data)
{
	printf("lease %s %s\n", mac, address);
}

static void do_intent(char **words, enum boot_intent intent)
{
	const char *macs[] = { words[1], NULL };

	netboot_ops_real.set_intent(netboot, macs, intent, words[2]);
	printf("set %s\n", words[1]);
}

static void do_reserve(char **words)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *address = NULL;

	if (netboot_ops_real.reserve(netboot, words[1], &address, &err) < 0)
		printf("error %s %s\n", err_meaning(err.code)->name, err.text);
	else
		printf("reserved %s %s\n", words[1], address);
}

static void on_command(char *line)
{
	char *words[4] = { NULL };
	char *at = line;

	for (unsigned i = 0; i < ARRAY_SIZE(words) && at; i++)
		words[i] = strsep(&at, " ");
	if (str_equal(words[0], "live"))
		do_intent(words, BOOT_INTENT_LIVE);
	else if (str_equal(words[0], "disk"))
		do_intent(words, BOOT_INTENT_DISK);
	else if (str_equal(words[0], "reservation"))
		netboot_ops_real.set_reservation(netboot, words[1], words[2], words[3]), printf("set %s\n", words[1]);
	else if (str_equal(words[0], "reserve"))
		do_reserve(words);
	else if (str_equal(words[0], "health"))
		printf("health %s\n", netboot_health(netboot));
	else if (str_equal(words[0], "quit"))
		loop_quit(loop, 0);
	else
		printf("error invalid unknown command\n");
}

static void on_input(int fd, uint32_t events, void *data)
{
	char buffer[1024];
	ssize_t n = read(fd, buffer, sizeof(buffer));

	if (n <= 0) {
		loop_quit(loop, 0);
		return;
	}
	strbuf_add(&input, buffer, (size_t)n);
	for (char *end; input.len > 0 && (end = memchr(input.data, '\n', input.len));) {
		*end = '\0';
		on_command(input.data);
		strbuf_remove_front(&input, (size_t)(end - input.data) + 1);
	}
}

static void on_signal(void *data)
{
	loop_quit(loop, 0);
}

static const char *setting(char **argv, const char *name)
{
	for (; *argv; argv++) {
		if (str_starts(*argv, name) && (*argv)[strlen(name)] == '=')
			return *argv + strlen(name) + 1;
	}
	return NULL;
}

static uint16_t port_setting(char **argv, const char *name)
{
	int64_t port = 0;

	if (setting(argv, name) && parse_i64(setting(argv, name), 1, UINT16_MAX, &port) < 0)
		port = 0;
	return (uint16_t)port;
}

int main(int argc, char **argv)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct loop_signal *sigterm;
	struct loop_io *io;
	int code;

	setvbuf(stdout, NULL, _IOLBF, 0);
	log_set_level(LOG_LEVEL_DEBUG);
	loop = loop_new(1);
	sigterm = loop_signal_new(loop, SIGTERM, on_signal, NULL);
	struct netboot_spec spec = {
		.loop = loop,
		.run_dir = setting(argv, "run_dir"),
		.interface = setting(argv, "interface"),
		.address = setting(argv, "address"),
		.dhcp_first = setting(argv, "dhcp_first"),
		.dhcp_last = setting(argv, "dhcp_last"),
		.proxy = setting(argv, "proxy") != NULL,
		.gateway = setting(argv, "gateway"),
		.boot_port = port_setting(argv, "boot_port"),
		.agent_port = port_setting(argv, "agent_port"),
		.live_dir = setting(argv, "live_dir"),
		.loader_dir = setting(argv, "loader_dir"),
		.bundle_path = setting(argv, "bundle_path"),
		.ca_pem = setting(argv, "ca_pem"),
		.ca_fingerprint = setting(argv, "ca_fingerprint"),
		.lease = on_lease,
	};
	if (netboot_start(&spec, &netboot, &err) < 0) {
		fprintf(stderr, "%s: %s\n", err_meaning(err.code)->name, err.text);
		loop_free(loop);
		return err_meaning(err.code)->exit_code;
	}
	printf("started %s\n", str_or(netboot_bundle_url(netboot), "-"));
	io = loop_io_new(loop, STDIN_FILENO, EPOLLIN, on_input, NULL);
	code = loop_run(loop);
	loop_io_free(io);
	loop_signal_free(sigterm);
	netboot_free(netboot);
	strbuf_done(&input);
	loop_free(loop);
	return code;
}
