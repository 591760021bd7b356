/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Serial over LAN of simulated machines: a BMC of its own (ipmi_sim) on a port of loopback for each whose console is opened, with
 * a guest at its serial port. The guest is there while the machine is off as well, and does nothing: ipmi_sim does not
 * connect to a serial port again. */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "simserver_priv.h"

/* What ipmi_sim needs; libfreeipmi has the flag as OPEN_SESSION_PRIVILEGE. */
#define QUIRKS 0x10
#define CIPHER_SUITE 3
#define PORT_FIRST 20000
#define PORTS 12000

struct bmc_end {
	struct list link;
	const struct sim_machine *machine;
	char *address, *serial, *monitor;
	struct service *bmc, *guest;
	int monitor_fd;
	bool on;
	unsigned boot_count;
};

static struct {
	struct world *world;
	const char *dir, *image;
	unsigned ports; /* tried so far */
	struct list list;
} all;

/* One that nobody listens on now: libipmiconsole takes no large ones, and the kernel chooses no small ones. */
static int free_port(int type, unsigned *ret)
{
	for (unsigned i = 0; i < PORTS; i++) {
		unsigned port = PORT_FIRST + ((unsigned)getpid() * 7 + all.ports++) % PORTS;
		const struct sockaddr_in address = { .sin_family = AF_INET,
						     .sin_port = htons((uint16_t)port),
						     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		_cleanup_close_ int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return -errno;
		if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
			continue;
		*ret = port;
		return 0;
	}
	return -EADDRINUSE;
}

/* ---- one ---- */

static int write_configuration(const struct bmc_end *end, const struct bmc_target *target, const char *folder,
			       unsigned port, struct err *err)
{
	static const char commands[] = "mc_setbmc 0x20\n"
				       "mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0x0f02 persist_sdr\n"
				       "mc_enable 0x20\n";
	_cleanup_free_ char *state = xasprintf("%s/state", folder), *lan = xasprintf("%s/lan.conf", folder);
	_cleanup_free_ char *emu = xasprintf("%s/sim.emu", folder);
	_cleanup_free_ char *text =
		xasprintf("name \"bmc\"\n"
			  "set_working_mc 0x20\n"
			  "  startlan 1\n"
			  "    addr 127.0.0.1 %u\n"
			  "    guid %032u\n" /* without one it speaks no IPMI 2.0 */
			  "    priv_limit admin\n"
			  "    allowed_auths_user md5\n"
			  "    allowed_auths_operator md5\n"
			  "    allowed_auths_admin md5\n"
			  "  endlan\n"
			  "  sol \"%s\" 115200\n"
			  "  user 1 false \"\" \"\" user 10 md5\n"
			  "  user 2 true \"%s\" \"%s\" admin 10 md5\n",
			  port, end->machine->index + 1, end->serial, target->user, target->password);
	int r = mkdir_p(state, 0700);
	if (r == 0)
		r = write_file_atomic(lan, text, strlen(text), 0600);
	if (r == 0)
		r = write_file_atomic(emu, commands, strlen(commands), 0600);
	return r < 0 ? err_set_errno(err, r, "writing %s", folder) : 0;
}

static void start_bmc(struct bmc_end *end, const char *folder)
{
	_cleanup_free_ char *lan = xasprintf("%s/lan.conf", folder), *emu = xasprintf("%s/sim.emu", folder);
	_cleanup_free_ char *state = xasprintf("%s/state", folder);
	const char *const argv[] = { "ipmi_sim", "-n", "-c", lan, "-f", emu, "-s", state, NULL };
	const struct service_spec spec = { .name = "ipmi_sim", .argv = argv };
	end->bmc = service_new(all.world->loop, &spec);
}

static void start_guest(struct bmc_end *end)
{
	_cleanup_free_ char *serial = xasprintf("%s,server=on,wait=off", end->serial);
	_cleanup_free_ char *monitor = xasprintf("unix:%s,server=on,wait=off", end->monitor);
	const char *const ends[] = { "-serial", serial, "-monitor", monitor, end->on ? NULL : "-S", NULL };
	end->guest = guest_start(all.world, all.image, end->address, ends);
}

/* To QEMU's monitor for people, which is held open: what is sent just before it is closed may get lost. */
static bool tell_guest(struct bmc_end *end, const char *commands)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (end->monitor_fd < 0 && strlen(end->monitor) < sizeof(address.sun_path)) {
		_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		memcpy(address.sun_path, end->monitor, strlen(end->monitor));
		if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
			end->monitor_fd = TAKE_FD(fd);
	}
	return end->monitor_fd >= 0 &&
	       send(end->monitor_fd, commands, strlen(commands), MSG_NOSIGNAL) == (ssize_t)strlen(commands);
}

static void follow_power(struct bmc_end *end)
{
	bool on = end->machine->env != ENV_OFF;
	if (on == end->on && end->machine->boot_count == end->boot_count)
		return;
	if (!tell_guest(end, on ? "stop\nsystem_reset\ncont\n" : "stop\nsystem_reset\n"))
		return; /* it starts: at the next look */
	end->on = on;
	end->boot_count = end->machine->boot_count;
}

static int bmc_end_new(const struct sim_machine *machine, const struct bmc_target *target, struct bmc_end **ret,
		       struct err *err)
{
	_cleanup_free_ char *folder = xasprintf("%s/bmcs/%u", all.dir, machine->index);
	unsigned port = 0, serial_port = 0;
	struct bmc_end *end = new0(struct bmc_end, 1);
	int r = free_port(SOCK_DGRAM, &port);
	if (r == 0)
		r = free_port(SOCK_STREAM, &serial_port);
	if (r < 0)
		err_set_errno(err, r, "no port of 127.0.0.1 is free");
	end->machine = machine;
	end->on = machine->env != ENV_OFF;
	end->boot_count = machine->boot_count;
	end->monitor_fd = -1;
	end->monitor = xasprintf("%s/monitor", folder);
	end->address = xasprintf("127.0.0.1:%u", port);
	end->serial = xasprintf("tcp:127.0.0.1:%u", serial_port);
	if (r == 0)
		r = write_configuration(end, target, folder, port, err);
	if (r < 0) {
		free(end->address);
		free(end->serial);
		free(end->monitor);
		free(end);
		return r;
	}
	start_guest(end);
	start_bmc(end, folder);
	list_append(&all.list, &end->link);
	*ret = end;
	return 0;
}

/* ---- all ---- */

static struct bmc_end *find(const struct sim_machine *machine)
{
	struct bmc_end *end;
	LIST_FOREACH(end, &all.list, link)
		if (end->machine == machine)
			return end;
	return NULL;
}

void bmc_ends_look(void)
{
	struct bmc_end *end;
	LIST_FOREACH(end, &all.list, link)
		follow_power(end);
}

void bmc_ends_new(struct world *world, const char *dir, const char *image)
{
	all.world = world;
	all.dir = dir;
	all.image = image;
	list_init(&all.list);
}

int bmc_ends_console_open(struct loop *loop, const struct bmc_target *target, const struct bmc_console_events *events,
			  void *ctx, struct bmc_console **ret, struct err *err)
{
	const struct sim_machine *machine = all.world ? sim_machine_by_bmc(all.world, target->address) : NULL;
	struct bmc_end *end = machine ? find(machine) : NULL;
	int r = machine ? 0 : err_set(err, ERR_UNSUPPORTED, "simulated machines have a console only with --guest");
	if (r == 0 && !end)
		r = bmc_end_new(machine, target, &end, err);
	if (r < 0)
		return r;
	struct bmc_target there = *target;
	there.address = end->address;
	there.quirks = QUIRKS;
	there.cipher_suite = CIPHER_SUITE;
	return bmc_driver_ipmi.console_open(loop, &there, events, ctx, ret, err);
}
