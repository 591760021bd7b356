/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drives provisioner/bmc from a command line, through the work queue as the provisioner does.
 * The password comes from the environment (BMC_PASSWORD), so that it shows in no process list. */
#include <getopt.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "bmc/bmc.h"

static struct loop *loop;
static struct bmc_target target = { .cipher_suite = -1 };
static int64_t started_ms;
static struct bmc_console *console;
static struct loop_io *stdin_io;

static int report_error(const struct err *err)
{
	fprintf(stderr, "%s: %s\n", err_meaning(err->code)->name, str_or(err->text, ""));
	return err_meaning(err->code)->exit_code;
}

static void on_done(struct bmc_op *op, void *data)
{
	int code = 0;

	if (op->err.code != ERR_NONE) {
		code = report_error(&op->err);
	} else if (op->kind == BMC_OP_PROBE) {
		printf("uuid %s\nmanufacturer %s\nfirmware %s\nquirks 0x%x\ncipher-suite %d\n",
		       str_or(op->identity.system_uuid, "-"), str_or(op->identity.manufacturer, "-"),
		       str_or(op->identity.firmware, "-"), op->identity.quirks, op->identity.cipher_suite);
	} else if (op->kind == BMC_OP_POWER_GET) {
		printf("%s\n", bmc_power_name(op->power));
	} else if (op->kind == BMC_OP_SENSORS) {
		for (size_t i = 0; i < op->sensors.count; i++) {
			const struct bmc_sensor *sensor = &op->sensors.list[i];

			printf("%s|%s|%g|%s|%d|%s\n", sensor->name, sensor->type, sensor->value,
			       str_or(sensor->unit, "-"), (int)sensor->state, str_or(sensor->text, "-"));
		}
	} else if (op->kind == BMC_OP_SEL) {
		for (size_t i = 0; i < op->sel.count; i++) {
			const struct bmc_sel_entry *entry = &op->sel.list[i];

			printf("%u|%lld|%s|%s|%s|%d|%s\n", entry->number, (long long)entry->time_ms,
			       str_or(entry->sensor, "-"), str_or(entry->type, "-"), str_or(entry->text, "-"),
			       (int)entry->state, entry->ended ? "ended" : "began");
		}
	}
	fprintf(stderr, "took %lld ms\n", (long long)(monotonic_ms() - started_ms));
	loop_quit(loop, code);
}

static void on_found(const char *address, void *data)
{
	printf("%s\n", address);
	fflush(stdout);
}

static void on_scanned(void *data)
{
	loop_quit(loop, 0);
}

static void on_output(const void *data, size_t len, void *ctx)
{
	fwrite(data, 1, len, stdout);
	fflush(stdout);
}

static void on_closed(const struct err *err, void *ctx)
{
	console = NULL;
	loop_quit(loop, report_error(err));
}

static void on_input(int fd, uint32_t events, void *data)
{
	char buffer[512];
	ssize_t n = read(fd, buffer, sizeof(buffer));

	if (n <= 0) {
		bmc_console_close(console);
		console = NULL;
		loop_quit(loop, 0);
	} else if (bmc_console_input(console, buffer, (size_t)n) < 0) {
		fprintf(stderr, "input lost: too much waits\n");
	}
}

static int start_console(struct err *err)
{
	static const struct bmc_console_events events = { .output = on_output, .closed = on_closed };
	int r = bmc_console_open(loop, &target, &events, NULL, &console, err);

	if (r == 0)
		stdin_io = loop_io_new(loop, STDIN_FILENO, EPOLLIN, on_input, NULL);
	return r;
}

/* Words of the command line, and the operations they are. */
static const struct {
	const char *word;
	struct bmc_op op;
} commands[] = {
	{ "probe", { .kind = BMC_OP_PROBE } },
	{ "status", { .kind = BMC_OP_POWER_GET } },
	{ "on", { .kind = BMC_OP_POWER_SET, .action = BMC_ACTION_ON } },
	{ "off", { .kind = BMC_OP_POWER_SET, .action = BMC_ACTION_OFF } },
	{ "cycle", { .kind = BMC_OP_POWER_SET, .action = BMC_ACTION_CYCLE } },
	{ "reset", { .kind = BMC_OP_POWER_SET, .action = BMC_ACTION_RESET } },
	{ "soft-off", { .kind = BMC_OP_POWER_SET, .action = BMC_ACTION_SOFT_OFF } },
	{ "boot-pxe", { .kind = BMC_OP_BOOT_DEVICE, .device = BMC_BOOT_PXE } },
	{ "boot-pxe-uefi", { .kind = BMC_OP_BOOT_DEVICE, .device = BMC_BOOT_PXE, .uefi = true } },
	{ "boot-disk", { .kind = BMC_OP_BOOT_DEVICE, .device = BMC_BOOT_DISK, .persistent = true } },
	{ "sensors", { .kind = BMC_OP_SENSORS } },
	{ "sel", { .kind = BMC_OP_SEL } },
	{ "boot-none", { .kind = BMC_OP_BOOT_DEVICE, .device = BMC_BOOT_NONE } },
};

static int start(char **words, struct bmc_scan **ret_scan, struct err *err)
{
	if (str_equal(words[0], "scan"))
		return bmc_scan_start(loop, (const char *const *)words + 1, 3000, on_found, on_scanned, NULL, ret_scan,
				      err);
	if (str_equal(words[0], "console"))
		return start_console(err);
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		if (str_equal(words[0], commands[i].word)) {
			struct bmc_op op = commands[i].op;

			op.target = target;
			op.done = on_done;
			return bmc_submit(loop, &op, err);
		}
	}
	return err_set(err, ERR_INVALID, "unknown command \"%s\"", words[0]);
}

static int usage(void)
{
	fprintf(stderr, "usage: bmc-try [-d DRIVER] [-u USER] [-q QUIRKS] [-c CIPHER-SUITE] [-v] ADDRESS COMMAND\n"
			"       bmc-try scan RANGE...\n"
			"commands: console");
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(stderr, " %s", commands[i].word);
	fprintf(stderr, "\nthe password is taken from BMC_PASSWORD\n");
	return 2;
}

int main(int argc, char **argv)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct bmc_scan *scan = NULL;
	const char *driver = "ipmi", *user = NULL;
	int code;

	for (int c; (c = getopt(argc, argv, "d:u:q:c:v")) != -1;) {
		if (c == 'd')
			driver = optarg;
		else if (c == 'u')
			user = optarg;
		else if (c == 'q')
			target.quirks = (uint32_t)strtoul(optarg, NULL, 0);
		else if (c == 'c')
			target.cipher_suite = (int)strtol(optarg, NULL, 10);
		else if (c == 'v')
			log_set_level(LOG_LEVEL_DEBUG);
		else
			return usage();
	}
	argv += optind;
	argc -= optind;
	if (argc < 2)
		return usage();
	if (!str_equal(argv[0], "scan"))
		target.address = xstrdup(*argv++);
	target.driver = xstrdup(driver);
	target.user = xstrdup(user);
	target.password = xstrdup(getenv("BMC_PASSWORD"));

	loop = loop_new(2);
	started_ms = monotonic_ms();
	code = start(argv, &scan, &err) < 0 ? report_error(&err) : loop_run(loop);
	bmc_scan_free(scan);
	loop_io_free(stdin_io);
	bmc_target_done(&target);
	loop_free(loop);
	return code;
}
