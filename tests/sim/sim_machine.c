/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines: power, firmware, boot; their BMCs; and what network boot tells them. */
#include "world.h"

#include <stdio.h>

static void set_text(char **dst, const char *src)
{
	str_set(dst, src);
}

static void booted(void *data)
{
	struct sim_machine *m = data;
	m->boot_timer = NULL;
	bool network = m->boot_device != BMC_BOOT_DISK || !m->installed;
	/* Firmware that goes to a disk with a system on it, whatever the BMC was told. */
	if (m->installed && world_chance(m->world, m->world->faults.disk_first))
		network = false;
	/* A provisioner that is down answers no boot: the firmware asks again. */
	if (network && !world_up(m->world)) {
		m->boot_timer = loop_timer_new(m->world->loop, 15000 / m->world->hurry, booted, m);
		return;
	}
	if (network && m->intent == BOOT_INTENT_LIVE) {
		m->env = ENV_LIVE;
		free(m->boot_id);
		m->boot_id = xasprintf("boot-%u-%06u", m->index, m->boot_count);
	} else if (m->installed) {
		m->env = ENV_HOST;
	} else {
		m->boot_timer = loop_timer_new(m->world->loop, 30000 / m->world->hurry, booted, m);
		return;
	}
	world_say(m->world, "machine %u boots %s", m->index, m->env == ENV_LIVE ? "the live image" : "the host system");
	sim_agent_start(m);
}

void sim_machine_power(struct sim_machine *m, bool on)
{
	sim_agent_stop(m);
	sim_domains_drop(m);
	m->boot_timer = loop_timer_free(m->boot_timer);
	m->mon_running = m->osd_running = false;
	set_text(&m->live_token, NULL);
	set_text(&m->install_id, NULL);
	m->install_state = INSTALL_IDLE;
	m->env = on ? ENV_FIRMWARE : ENV_OFF;
	world_say(m->world, "machine %u is %s", m->index, on ? "powered on" : "powered off");
	if (!on)
		return;
	m->boot_count++;
	int64_t boot_ms = 20000 + (int64_t)world_random(m->world, 60000);
	m->boot_timer = loop_timer_new(m->world->loop, boot_ms / m->world->hurry, booted, m);
}

/* Fifty to a block of 256: the BMCs from .101, the machines from .151. */
char *sim_bmc_address(unsigned index)
{
	return xasprintf("10.%u.%u.%u", 77 + index / 12800, index / 50 % 256, 101 + index % 50);
}

char *sim_host_address(unsigned index)
{
	return xasprintf("10.%u.%u.%u", 77 + index / 12800, index / 50 % 256, 151 + index % 50);
}

void sim_machine_init(struct world *world, unsigned index)
{
	struct sim_machine *m = &world->machines[index];
	m->world = world;
	m->index = index;
	m->uuid = xasprintf("00000000-0000-4000-8000-%012u", index + 1);
	m->mac = xasprintf("52:54:00:%02x:%02x:%02x", (index + 1) >> 16 & 255, (index + 1) >> 8 & 255,
			   (index + 1) & 255);
	m->bmc_address = sim_bmc_address(index);
}

void sim_machine_done(struct sim_machine *m)
{
	sim_agent_stop(m);
	sim_domains_drop(m);
	loop_timer_free(m->boot_timer);
	char *const texts[] = { m->uuid, m->mac,     m->bmc_address, m->installed_id, m->enroll_token,
				m->name, m->boot_id, m->machine_id,  m->live_token,   m->install_id,
				m->key,	 m->csr,     m->certificate, m->node };
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		free(texts[i]);
	json_decref(m->desired);
	for (unsigned i = 0; i < m->departed_count; i++)
		free(m->departed[i].id);
}

/* The number of a machine is in its MAC address, and in its BMC's unless that was swapped: a large rack is not searched. */
struct sim_machine *sim_machine_by_mac(struct world *world, const char *mac)
{
	unsigned high, middle, low;
	if (!mac || sscanf(mac, "52:54:00:%2x:%2x:%2x", &high, &middle, &low) != 3)
		return NULL;
	unsigned number = high << 16 | middle << 8 | low;
	return number > 0 && number <= world->machine_count ? &world->machines[number - 1] : NULL;
}

struct sim_machine *sim_machine_by_bmc(struct world *world, const char *address)
{
	unsigned a, b, c;
	if (sscanf(address, "10.%u.%u.%u", &a, &b, &c) != 3 || a < 77 || c < 101)
		return NULL;
	unsigned index = (a - 77) * 12800 + b * 50 + c - 101;
	if (index < world->machine_count && str_equal(world->machines[index].bmc_address, address))
		return &world->machines[index];
	for (unsigned i = 0; i < world->machine_count && world->faults.bmc_swaps; i++)
		if (str_equal(world->machines[i].bmc_address, address))
			return &world->machines[i];
	return NULL;
}

void sim_bmc_swap(struct sim_machine *one, struct sim_machine *other)
{
	char *address = one->bmc_address;
	one->bmc_address = other->bmc_address;
	other->bmc_address = address;
	world_say(one->world, "the BMCs of machines %u and %u swap their addresses", one->index, other->index);
}

struct sim_machine *sim_machine_by_address(struct world *world, const char *address)
{
	for (unsigned i = 0; i < world->machine_count; i++) {
		_cleanup_free_ char *own = sim_host_address(i);
		if (str_equal(own, address))
			return &world->machines[i];
	}
	return NULL;
}

/* ---- BMCs ---- */

struct world *sim_world;

static int reach(const struct bmc_target *target, struct sim_machine **ret, struct err *err)
{
	struct world *world = sim_world;
	struct sim_machine *m = sim_machine_by_bmc(world, target->address);
	if (!m || !world_up(world) || world_chance(world, world->faults.bmc_silent))
		return err_set(err, ERR_UNREACHABLE, "BMC %s does not answer", target->address);
	*ret = m;
	return 0;
}

/* What an address is asked for, but to tell who it is, is for one machine. */
static int reach_own(const struct bmc_target *target, struct sim_machine **ret, struct err *err)
{
	struct sim_machine *m = NULL;
	int r = reach(target, &m, err);
	if (r == 0 && bmc_uuid_contradicts(m->uuid, target->uuid))
		return err_set(err, ERR_STATE, "BMC %s is that of the system %s now, not of %s", target->address,
			       m->uuid, target->uuid);
	if (r == 0)
		*ret = m;
	return r;
}

static int sim_probe(const struct bmc_target *target, struct bmc_identity *ret, struct err *err)
{
	struct sim_machine *m = NULL;
	int r = reach(target, &m, err);
	if (r < 0)
		return r;
	*ret = (struct bmc_identity){ .system_uuid = xstrdup(m->uuid), .cipher_suite = 3 };
	return 0;
}

static int sim_power_get(const struct bmc_target *target, enum bmc_power *ret, struct err *err)
{
	struct sim_machine *m = NULL;
	int r = reach_own(target, &m, err);
	if (r < 0)
		return r;
	*ret = m->env == ENV_OFF ? BMC_POWER_OFF : BMC_POWER_ON;
	return 0;
}

static int sim_power_set(const struct bmc_target *target, enum bmc_power_action action, struct err *err)
{
	struct sim_machine *m = NULL;
	int r = reach_own(target, &m, err);
	if (r < 0)
		return r;
	if (world_chance(m->world, m->world->faults.bmc_lies)) {
		world_say(m->world, "BMC of machine %u takes a command and does nothing", m->index);
		return 0;
	}
	bool off = m->env == ENV_OFF;
	if (action == BMC_ACTION_OFF || action == BMC_ACTION_SOFT_OFF)
		sim_machine_power(m, false);
	else if (action == BMC_ACTION_ON ? off : true)
		sim_machine_power(m, true);
	return 0;
}

static int sim_boot_device(const struct bmc_target *target, enum bmc_boot_device device, bool persistent, bool uefi,
			   struct err *err)
{
	struct sim_machine *m = NULL;
	int r = reach_own(target, &m, err);
	if (r == 0 && !world_chance(m->world, m->world->faults.bmc_lies))
		m->boot_device = (int)device;
	return r;
}

/* A temperature that follows the power, and a fan. */
static int sim_sensors(const struct bmc_target *target, struct bmc_sensors *ret, struct err *err)
{
	struct sim_machine *m;
	int r = reach(target, &m, err);
	if (r < 0)
		return r;
	bool on = m->env != ENV_OFF;
	ret->count = 2;
	ret->list = new0(struct bmc_sensor, 2);
	ret->list[0] = (struct bmc_sensor){ .number = 1,
					    .name = xstrdup("Inlet Temp"),
					    .type = xstrdup("Temperature"),
					    .unit = xstrdup("C"),
					    .value = on ? 31 : 22,
					    .state = BMC_SENSOR_OK };
	ret->list[1] = (struct bmc_sensor){ .number = 2,
					    .name = xstrdup("Fan 1"),
					    .type = xstrdup("Fan"),
					    .unit = xstrdup("RPM"),
					    .value = on ? 4200 : 0,
					    .state = on ? BMC_SENSOR_OK : BMC_SENSOR_WARNING };
	return 0;
}

#define SEL_BEGAN_MS INT64_C(1767225600000) /* 2026 */

/* A power supply that came back, and something of the manufacturer's. */
static int sim_sel(const struct bmc_target *target, struct bmc_sel *ret, struct err *err)
{
	struct sim_machine *m;
	int r = reach(target, &m, err);
	if (r < 0)
		return r;
	ret->count = ret->total = 3;
	ret->list = new0(struct bmc_sel_entry, 3);
	for (unsigned i = 0; i < 2; i++)
		ret->list[i] = (struct bmc_sel_entry){ .number = i + 1,
						       .time_ms = SEL_BEGAN_MS + i * INT64_C(60000),
						       .sensor = xstrdup("PS1"),
						       .type = xstrdup("Power Supply"),
						       .text = xstrdup("Power Supply input lost (AC/DC)"),
						       .ended = i == 1,
						       .state = i ? BMC_SENSOR_OK : BMC_SENSOR_CRITICAL };
	ret->list[2] = (struct bmc_sel_entry){ .number = 3,
					       .text = xstrdup("00h 01h 02h 03h 04h 05h"),
					       .state = BMC_SENSOR_UNKNOWN };
	return 0;
}

const struct bmc_driver sim_bmc_driver = {
	.name = "ipmi",
	.capabilities = BMC_CAN_POWER | BMC_CAN_BOOT_DEVICE | BMC_CAN_SENSORS | BMC_CAN_SEL,
	.probe = sim_probe,
	.power_get = sim_power_get,
	.power_set = sim_power_set,
	.boot_device = sim_boot_device,
	.sensors = sim_sensors,
	.sel = sim_sel,
};

/* ---- network boot ---- */

static void set_intent(void *ctx, const char *const *macs, enum boot_intent intent, const char *console)
{
	struct world *world = ctx;
	if (!world_up(world))
		return;
	for (size_t i = 0; macs[i]; i++) {
		struct sim_machine *machine = sim_machine_by_mac(world, macs[i]);
		if (machine)
			machine->intent = intent;
	}
}

static void set_reservation(void *ctx, const char *mac, const char *address, const char *host)
{
}

static int reserve(void *ctx, const char *mac, char **ret_address, struct err *err)
{
	struct world *world = ctx;
	const struct sim_machine *machine = sim_machine_by_mac(world, mac);
	if (!machine)
		return err_set(err, ERR_CAPACITY, "no address for %s", mac);
	*ret_address = sim_host_address(machine->index);
	return 0;
}

const struct netboot_ops sim_netboot = { set_intent, set_reservation, reserve };
