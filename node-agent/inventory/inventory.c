/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "inventory/bmc.h"
#include "inventory/disk.h"
#include "inventory/inventory.h"
#include "inventory/sysfs.h"

#define CPUINFO_MAX_BYTES ((size_t)(16 * MIB))
#define CPU_CORES_MAX 65536
#define BMC_TIMEOUT_MS 5000
#define INVENTORY_PERIOD_MS 60000

/* Like json_pack, but running out of memory on something small ends the program. */
#define PACK(...)                                                                                                      \
	({                                                                                                             \
		json_t *packed_ = json_pack(__VA_ARGS__);                                                              \
		if (!packed_)                                                                                          \
			abort();                                                                                       \
		packed_;                                                                                               \
	})

/* ---- firmware ---- */

/* What firmware writes where nobody filled in anything. */
static const char *const placeholders[] = { "To Be Filled By O.E.M.", "Not Specified",	      "Not Applicable", "None",
					    "Default string",	      "System Serial Number", "0123456789",	"0",
					    "System Product Name",    "System manufacturer" };

static char *dmi_text(const char *sysroot, const char *name)
{
	_cleanup_free_ char *text = sysfs_text("%s/sys/class/dmi/id/%s", sysroot, name);

	for (size_t i = 0; text && i < ARRAY_SIZE(placeholders); i++) {
		if (strcasecmp(text, placeholders[i]) == 0)
			return NULL;
	}
	return TAKE_PTR(text);
}

static json_t *read_system(const char *sysroot)
{
	_cleanup_free_ char *uuid = dmi_text(sysroot, "product_uuid");
	_cleanup_free_ char *serial = dmi_text(sysroot, "product_serial");
	_cleanup_free_ char *vendor = dmi_text(sysroot, "sys_vendor");
	_cleanup_free_ char *product = dmi_text(sysroot, "product_name");

	for (char *p = uuid; p && *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return PACK("{s:s?, s:s?, s:s?, s:s?}", "uuid", uuid && uuid_valid(uuid) ? uuid : NULL, "serial", serial,
		    "vendor", vendor, "product", product);
}

static const char *read_firmware(const char *sysroot)
{
	return sysfs_exists("%s/sys/firmware/efi", sysroot) ? "uefi" : "bios";
}

/* ---- processors and memory ---- */

struct cpus {
	char *model;
	unsigned threads, cores, sockets;
	int64_t *core_keys; /* physical id and core id of those seen */
	int64_t physical_id, core_id;
};

static bool seen_socket(const struct cpus *cpus, int64_t physical_id)
{
	for (unsigned i = 0; i < cpus->cores; i++) {
		if (cpus->core_keys[i] >> 32 == physical_id)
			return true;
	}
	return false;
}

/* A processor's lines have ended. */
static void count_core(struct cpus *cpus)
{
	int64_t key;

	if (cpus->physical_id < 0 || cpus->core_id < 0)
		return;
	key = cpus->physical_id << 32 | cpus->core_id;
	for (unsigned i = 0; i < cpus->cores; i++) {
		if (cpus->core_keys[i] == key)
			return;
	}
	if (cpus->cores >= CPU_CORES_MAX)
		return;
	if (!seen_socket(cpus, cpus->physical_id))
		cpus->sockets++;
	cpus->core_keys = xrealloc(cpus->core_keys, (cpus->cores + 1) * sizeof(cpus->core_keys[0]));
	cpus->core_keys[cpus->cores++] = key;
}

static void read_cpu_line(struct cpus *cpus, const char *key, const char *value)
{
	if (str_equal(key, "processor")) {
		count_core(cpus);
		cpus->threads++;
		cpus->physical_id = cpus->core_id = -1;
	} else if (str_equal(key, "model name") && !cpus->model) {
		cpus->model = text_tidy(xstrdup(value));
	} else if (str_equal(key, "physical id")) {
		parse_i64(value, 0, 65535, &cpus->physical_id);
	} else if (str_equal(key, "core id")) {
		parse_i64(value, 0, INT32_MAX, &cpus->core_id);
	}
}

static json_t *read_cpu(const char *sysroot)
{
	_cleanup_free_ char *path = xasprintf("%s/proc/cpuinfo", sysroot);
	_cleanup_free_ char *text = NULL;
	struct cpus cpus = { .physical_id = -1, .core_id = -1 };
	char *next, *line;
	json_t *json;
	size_t len;

	next = read_file(path, CPUINFO_MAX_BYTES, &text, &len) == 0 ? text : NULL;
	while (next && (line = strsep(&next, "\n"))) {
		char *colon = strchr(line, ':'), *end;

		if (!colon)
			continue;
		for (end = colon; end > line && isspace((unsigned char)end[-1]); end--)
			;
		*end = '\0';
		read_cpu_line(&cpus, line, colon[1] == ' ' ? colon + 2 : colon + 1);
	}
	count_core(&cpus);
	/* Without topology (some hypervisors) each thread is a core of one socket. */
	json = PACK("{s:s?, s:I, s:I, s:I}", "model", cpus.model, "sockets",
		    (json_int_t)(cpus.sockets ? cpus.sockets : cpus.threads > 0), "cores",
		    (json_int_t)(cpus.cores ? cpus.cores : cpus.threads), "threads", (json_int_t)cpus.threads);
	free(cpus.model);
	free(cpus.core_keys);
	return json;
}

static int64_t read_memory_bytes(const char *sysroot)
{
	_cleanup_free_ char *path = xasprintf("%s/proc/meminfo", sysroot);
	_cleanup_free_ char *text = NULL;
	char *line, *end;
	int64_t kib;
	size_t len;

	if (read_file(path, 64 * KIB, &text, &len) < 0)
		return 0;
	line = strstr(text, "MemTotal:");
	if (!line)
		return 0;
	line += strcspn(line, "0123456789\n");
	end = line + strspn(line, "0123456789");
	*end = '\0';
	return parse_i64(line, 0, INT64_MAX / 1024, &kib) == 0 ? kib * 1024 : 0;
}

/* ---- network and disks ---- */

static json_t *read_nic(const char *sysroot, const char *name)
{
	_cleanup_free_ char *mac = sysfs_text("%s/sys/class/net/%s/address", sysroot, name);
	_cleanup_free_ char *driver = sysfs_link_name("%s/sys/class/net/%s/device/driver", sysroot, name);
	/* An interface that is down has no carrier to read, one without a link no speed. */
	bool link = sysfs_number(0, "%s/sys/class/net/%s/carrier", sysroot, name) == 1;
	int64_t speed_mbps = link ? sysfs_number(0, "%s/sys/class/net/%s/speed", sysroot, name) : 0;

	return PACK("{s:s, s:s?, s:b, s:I, s:s?}", "name", name, "mac", mac, "link", link, "speed_mbps",
		    (json_int_t)MAX_OF(speed_mbps, 0), "driver", driver);
}

static json_t *read_nics(const char *sysroot)
{
	_cleanup_free_ char *path = xasprintf("%s/sys/class/net", sysroot);
	_cleanup_names_ struct name_list names = { 0 };
	json_t *nics = json_array();

	sysfs_list(path, &names);
	for (size_t i = 0; i < names.count; i++) {
		if (sysfs_is_nic(sysroot, names.names[i]))
			json_array_append_new(nics, read_nic(sysroot, names.names[i]));
	}
	return nics;
}

static json_t *read_disks(const char *sysroot)
{
	_cleanup_disks_ struct disk_list list = { 0 };
	json_t *disks = json_array();

	disk_list_read(sysroot, &list, NULL);
	for (unsigned i = 0; i < list.count; i++) {
		const struct disk *disk = &list.disks[i];

		json_array_append_new(disks,
				      PACK("{s:s, s:s?, s:s?, s:s?, s:I, s:b, s:b}", "path",
					   disk->path + strlen(sysroot), "wwn", disk->wwn, "serial", disk->serial,
					   "model", disk->model, "size_bytes", (json_int_t)disk->size_bytes,
					   "rotational", disk->rotational, "in_use", disk->in_use));
	}
	return disks;
}

/* ---- the whole ---- */

static json_t *bmc_json(const char *address)
{
	return address ? PACK("{s:s}", "address", address) : json_null();
}

json_t *inventory_read(const char *sysroot, const char *bmc_address)
{
	_cleanup_free_ char *kernel = sysfs_text("%s/proc/sys/kernel/osrelease", sysroot);

	return PACK("{s:o, s:s, s:o, s:I, s:o, s:o, s:o, s:s?}", "system", read_system(sysroot), "firmware",
		    read_firmware(sysroot), "cpu", read_cpu(sysroot), "memory_bytes",
		    (json_int_t)read_memory_bytes(sysroot), "disks", read_disks(sysroot), "nics", read_nics(sysroot),
		    "bmc", bmc_json(bmc_address), "kernel", kernel);
}

json_t *inventory_hello(const char *sysroot)
{
	_cleanup_free_ char *boot_id = sysfs_text("%s/proc/sys/kernel/random/boot_id", sysroot);
	_cleanup_free_ char *address = NULL;
	json_t *system = read_system(sysroot), *nics = read_nics(sysroot), *macs = json_array(), *hello, *nic;
	size_t i;

	bmc_lan_address(sysroot, BMC_TIMEOUT_MS, &address);
	json_array_foreach(nics, i, nic) {
		if (json_is_string(json_object_get(nic, "mac")))
			json_array_append(macs, json_object_get(nic, "mac"));
	}
	hello = PACK("{s:O, s:O, s:o, s:s?, s:s, s:o}", "uuid", json_object_get(system, "uuid"), "serial",
		     json_object_get(system, "serial"), "macs", macs, "boot_id", boot_id, "firmware",
		     read_firmware(sysroot), "bmc", bmc_json(address));
	json_decref(system);
	json_decref(nics);
	return hello;
}

json_t *inventory_join(const char *sysroot)
{
	json_t *hello = inventory_hello(sysroot);
	const char *bmc = json_string_value(json_object_get(json_object_get(hello, "bmc"), "address"));

	json_object_set_new(hello, "inventory", inventory_read(sysroot, bmc));
	return hello;
}

/* The BMC's address hardly changes, and a silent BMC costs seconds: it is asked once, and again until it has answered. */
static int inventory_converge(struct part_run *run, json_t *desired, json_t **ret_report, struct err *err)
{
	char **address = (char **)part_run_state(run);

	if (!*address)
		bmc_lan_address(part_run_sysroot(run), BMC_TIMEOUT_MS, address);
	*ret_report = inventory_read(part_run_sysroot(run), *address);
	return 0;
}

const struct part inventory_part = {
	.abi = PART_ABI,
	.name = "inventory",
	.modes = PART_LIVE | PART_NODE,
	.period_ms = INVENTORY_PERIOD_MS,
	.converge = inventory_converge,
	.release = free,
};
