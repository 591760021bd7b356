/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * A module for ipmi_sim (OpenIPMI) that gives the simulated BMC a chassis: power by way of
 * the lab's chassis.py, and boot flags that behave (IPMI 2.0, 28.12 and 28.13).
 *
 * ipmi_sim's own chassis_control drops the flags' valid, persistent and EFI bits and starts
 * a program even to be asked whether the machine is on. Here the five bytes of the boot
 * flags lie in the file "boot-flags", which chassis.py reads and clears at power on, and the
 * power state is asked of /proc. ipmi_sim also knows its GUID only within LAN sessions; here
 * Get Device GUID and Get System GUID (20.8, 22.14) are answered in band as well.
 *
 * The working directory is the machine's. The environment names the program and the GUID:
 * INGOT_LAB_CHASSIS, INGOT_LAB_GUID (32 hexadecimal digits in the order they are sent).
 * Everything runs on ipmi_sim's one thread.
 */

#include <sys/time.h> /* lanserv.h uses struct timeval without it */

#include <OpenIPMI/ipmi_err.h>
#include <OpenIPMI/ipmi_msgbits.h>
#include <OpenIPMI/mcserv.h>
#include <OpenIPMI/serv.h>

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PARAM_SET_IN_PROGRESS = 0,
	PARAM_SERVICE_PARTITION = 1,
	PARAM_VALID_BIT_CLEARING = 3,
	PARAM_BOOT_INFO_ACK = 4,
	PARAM_BOOT_FLAGS = 5
};

enum { COMPLETION_PARAM_UNSUPPORTED = 0x80, PARAM_VERSION = 1, BOOT_FLAGS_SIZE = 5, GUID_SIZE = 16 };

static unsigned char set_in_progress;
static unsigned char valid_bit_clearing;
static unsigned char guid[GUID_SIZE];

/* Field 22 of /proc/PID/stat; 0 if there is no such process or it is a zombie. */
static unsigned long long process_start(long pid)
{
	char path[64], text[1024];
	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	size_t len = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[len] = '\0';
	char *rest = strrchr(text, ')');
	char state = 0;
	unsigned long long start = 0;
	if (!rest || sscanf(rest, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
			    &state, &start) != 2)
		return 0;
	return state == 'Z' || state == 'X' ? 0 : start;
}

static bool machine_is_on(void)
{
	long pid = 0;
	unsigned long long start = 0;
	FILE *f = fopen("qemu.pid", "re");
	if (!f)
		return false;
	bool known = fscanf(f, "%ld %llu", &pid, &start) == 2;
	fclose(f);
	return known && start != 0 && process_start(pid) == start;
}

/* Runs `chassis.py VERB` and waits for it. */
static int run_chassis(const char *verb)
{
	const char *program = getenv("INGOT_LAB_CHASSIS");
	if (!program)
		return EINVAL;

	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	char *argv[] = { "/usr/bin/python3", "-I", "-B", (char *)program, (char *)verb, NULL };
	pid_t pid;
	int r = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r)
		return r;

	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EIO;
}

static int chassis_set(lmc_data_t *mc, int op, unsigned char *val, void *cb_data)
{
	(void)mc;
	(void)cb_data;
	switch (op) {
	case CHASSIS_CONTROL_POWER:
		return run_chassis(*val ? "on" : "off");
	case CHASSIS_CONTROL_RESET:
		return run_chassis("reset");
	case CHASSIS_CONTROL_GRACEFUL_SHUTDOWN:
		return run_chassis("shutdown");
	case CHASSIS_CONTROL_IDENTIFY:
		return 0;
	default:
		return ENOTSUP;
	}
}

static int chassis_get(lmc_data_t *mc, int op, unsigned char *val, void *cb_data)
{
	(void)mc;
	(void)cb_data;
	if (op != CHASSIS_CONTROL_POWER)
		return ENOTSUP;
	*val = machine_is_on();
	return 0;
}

static void answer(unsigned char *rdata, unsigned int *rdata_len, unsigned char code)
{
	rdata[0] = code;
	*rdata_len = 1;
}

static int write_boot_flags(const unsigned char flags[BOOT_FLAGS_SIZE])
{
	int fd = open("boot-flags.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, flags, BOOT_FLAGS_SIZE);
	close(fd);
	return n == BOOT_FLAGS_SIZE && rename("boot-flags.new", "boot-flags") == 0 ? 0 : -EIO;
}

static void read_boot_flags(unsigned char flags[BOOT_FLAGS_SIZE])
{
	int fd = open("boot-flags", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, flags, BOOT_FLAGS_SIZE) != BOOT_FLAGS_SIZE)
		memset(flags, 0, BOOT_FLAGS_SIZE);
	if (fd >= 0)
		close(fd);
}

static void set_boot_options(lmc_data_t *mc, msg_t *msg, unsigned char *rdata, unsigned int *rdata_len, void *cb_data)
{
	(void)mc;
	(void)cb_data;
	if (msg->len < 1) {
		answer(rdata, rdata_len, IPMI_REQUEST_DATA_LENGTH_INVALID_CC);
		return;
	}
	unsigned int need = 1;
	switch (msg->data[0] & 0x7f) {
	case PARAM_SET_IN_PROGRESS:
	case PARAM_SERVICE_PARTITION:
	case PARAM_VALID_BIT_CLEARING:
		need = 2;
		break;
	case PARAM_BOOT_INFO_ACK:
		need = 3;
		break;
	case PARAM_BOOT_FLAGS:
		need = 1 + BOOT_FLAGS_SIZE;
		break;
	default:
		answer(rdata, rdata_len, COMPLETION_PARAM_UNSUPPORTED);
		return;
	}
	if (msg->len < need) {
		answer(rdata, rdata_len, IPMI_REQUEST_DATA_LENGTH_INVALID_CC);
		return;
	}
	switch (msg->data[0] & 0x7f) {
	case PARAM_SET_IN_PROGRESS:
		set_in_progress = msg->data[1] & 3;
		break;
	case PARAM_VALID_BIT_CLEARING:
		valid_bit_clearing = msg->data[1] & 0x1f;
		break;
	case PARAM_BOOT_FLAGS:
		if (write_boot_flags(msg->data + 1) < 0) {
			answer(rdata, rdata_len, IPMI_UNKNOWN_ERR_CC);
			return;
		}
		break;
	default:
		break;
	}
	answer(rdata, rdata_len, 0);
}

static void get_boot_options(lmc_data_t *mc, msg_t *msg, unsigned char *rdata, unsigned int *rdata_len, void *cb_data)
{
	(void)mc;
	(void)cb_data;
	if (msg->len < 3) {
		answer(rdata, rdata_len, IPMI_REQUEST_DATA_LENGTH_INVALID_CC);
		return;
	}
	unsigned char param = msg->data[0] & 0x7f;
	rdata[0] = 0;
	rdata[1] = PARAM_VERSION;
	rdata[2] = param;
	rdata[3] = 0;
	rdata[4] = 0;
	*rdata_len = 4;
	switch (param) {
	case PARAM_SET_IN_PROGRESS:
		rdata[3] = set_in_progress;
		break;
	case PARAM_SERVICE_PARTITION:
		break;
	case PARAM_VALID_BIT_CLEARING:
		rdata[3] = valid_bit_clearing;
		break;
	case PARAM_BOOT_INFO_ACK:
		*rdata_len = 5;
		break;
	case PARAM_BOOT_FLAGS:
		read_boot_flags(rdata + 3);
		*rdata_len = 3 + BOOT_FLAGS_SIZE;
		break;
	default:
		answer(rdata, rdata_len, COMPLETION_PARAM_UNSUPPORTED);
		break;
	}
}

static void get_guid(lmc_data_t *mc, msg_t *msg, unsigned char *rdata, unsigned int *rdata_len, void *cb_data)
{
	(void)mc;
	(void)msg;
	(void)cb_data;
	rdata[0] = 0;
	memcpy(rdata + 1, guid, GUID_SIZE);
	*rdata_len = 1 + GUID_SIZE;
}

static bool parse_guid(const char *text)
{
	if (!text || strlen(text) != 2 * GUID_SIZE)
		return false;
	for (int i = 0; i < GUID_SIZE; i++)
		if (sscanf(text + 2 * i, "%2hhx", &guid[i]) != 1)
			return false;
	return true;
}

static const struct {
	uint8_t netfn, command;
	cmd_handler_f handler;
} commands[] = {
	{ IPMI_CHASSIS_NETFN, IPMI_SET_SYSTEM_BOOT_OPTIONS_CMD, set_boot_options },
	{ IPMI_CHASSIS_NETFN, IPMI_GET_SYSTEM_BOOT_OPTIONS_CMD, get_boot_options },
	{ IPMI_APP_NETFN, IPMI_GET_DEVICE_GUID_CMD, get_guid },
	{ IPMI_APP_NETFN, IPMI_GET_SYSTEM_GUID_CMD, get_guid },
};

int ipmi_sim_module_init(sys_data_t *sys, const char *options);

/* Called by ipmi_sim once its configuration is read. */
int ipmi_sim_module_init(sys_data_t *sys, const char *options)
{
	(void)options;
	if (!parse_guid(getenv("INGOT_LAB_GUID")))
		return EINVAL;
	ipmi_mc_set_chassis_control_func(sys->mc, chassis_set, chassis_get, NULL);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		int r = ipmi_emu_register_cmd_handler(commands[i].netfn, commands[i].command, commands[i].handler,
						      NULL);
		if (r)
			return r;
	}
	return 0;
}
