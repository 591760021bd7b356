/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/resources.h"

#define CREATE FIELD_CREATE
#define REQUIRED (FIELD_CREATE | FIELD_REQUIRED)
#define COLUMN FIELD_COLUMN
#define HIDDEN FIELD_INTERNAL

#define STR(s, m, flags, ...) F(s, m, FIELD_STRING, flags, __VA_ARGS__)
#define INT(s, m, flags, ...) F(s, m, FIELD_INT, flags, __VA_ARGS__)
#define NUMBER(s, m, flags, ...) F(s, m, FIELD_NUMBER, flags, __VA_ARGS__)
#define BYTES(s, m, flags, ...) F(s, m, FIELD_BYTES, flags, __VA_ARGS__)
#define BOOL(s, m, flags, ...) F(s, m, FIELD_BOOL, flags, __VA_ARGS__)
#define TIME(s, m, flags, ...) F(s, m, FIELD_TIME, flags, __VA_ARGS__)
#define ENUM(s, m, flags, words_, ...) F(s, m, FIELD_ENUM, flags, .words = words_, __VA_ARGS__)
#define OBJECT(s, m, flags, of_, ...) F(s, m, FIELD_OBJECT, flags, .of = &of_, __VA_ARGS__)
#define ID(s) STR(s, id, 0, .help = "identifier, never used again")

/* ---- problem ---- */

static const struct field problem_fields[] = {
	STR(struct problem, code, 0, .help = "stable word for the kind of error"),
	STR(struct problem, text, COLUMN, .help = "what is wrong, and what would be right"),
	STR(struct problem, field, COLUMN, .help = "the field that is wrong"),
};
const struct schema problem_schema = SCHEMA("problem", struct problem, problem_fields, "why something failed");

struct problem *problem_new(const struct err *err)
{
	struct problem *problem = new0(struct problem, 1);
	problem->code = xstrdup(err_meaning(err->code)->name);
	problem->text = xstrdup(str_or(err->text, err_meaning(err->code)->title));
	problem->field = xstrdup(err->field);
	return problem;
}

void problem_to_err(const struct problem *problem, struct err *ret)
{
	enum err_code code = problem && problem->code ? err_code_from_name(problem->code) : ERR_INTERNAL;
	if (code == ERR_NONE)
		code = ERR_INTERNAL;
	if (problem && problem->field)
		err_set_field(ret, code, problem->field, "%s", str_or(problem->text, "failed"));
	else
		err_set(ret, code, "%s", problem ? str_or(problem->text, "failed") : "failed");
}

struct problem *problem_known(const struct problem *told)
{
	_cleanup_err_ struct err err = ERR_INIT;
	problem_to_err(told, &err);
	return problem_new(&err);
}

/* ---- machine ---- */

#define ZONE_MAX 63

const char *const machine_state_words[] = { "new", "commissioning", "ready", "deploying", "deployed", "failed", NULL };
const char *const power_words[] = { "unknown", "off", "on", NULL };
const char *const firmware_words[] = { "unknown", "bios", "uefi", NULL };
const char *const bmc_state_words[] = { "unknown", "ok", "unreachable", "credentials", NULL };
static const char *const power_action_words[] = { "on", "off", "cycle", "reset", NULL };

static const struct field disk_info_fields[] = {
	STR(struct disk_info, path, 0, .max = 255, .help = "device path when it was seen; it may change"),
	STR(struct disk_info, wwn, 0, .max = 255, .help = "world wide name"),
	STR(struct disk_info, serial, COLUMN, .max = 255, .help = "serial number"),
	STR(struct disk_info, model, 0, .max = 255, .help = "model"),
	BYTES(struct disk_info, size_bytes, COLUMN, .help = "size"),
	BOOL(struct disk_info, rotational, 0, .help = "spins"),
	BOOL(struct disk_info, in_use, 0, .help = "mounted or otherwise held on this machine"),
};
const struct schema disk_info_schema = SCHEMA("disk_info", struct disk_info, disk_info_fields, "a disk of a machine");

static const struct field nic_info_fields[] = {
	STR(struct nic_info, name, 0, .max = 255, .help = "interface name when it was seen"),
	STR(struct nic_info, mac, 0, .format = FORMAT_MAC, .help = "MAC address"),
	STR(struct nic_info, driver, 0, .max = 255, .help = "kernel driver"),
	BOOL(struct nic_info, link, 0, .help = "has a link"),
	INT(struct nic_info, speed_mbps, 0, .help = "link speed in Mbit/s, 0 if unknown"),
};
const struct schema nic_info_schema =
	SCHEMA("nic_info", struct nic_info, nic_info_fields, "a network card of a machine");

static const struct field system_info_fields[] = {
	STR(struct system_info, uuid, 0, .format = FORMAT_UUID, .help = "system UUID (SMBIOS type 1)"),
	STR(struct system_info, serial, 0, .max = 255, .help = "serial number"),
	STR(struct system_info, vendor, 0, .max = 255, .help = "manufacturer"),
	STR(struct system_info, product, 0, .max = 255, .help = "product name"),
};
static const struct schema system_info_schema =
	SCHEMA("system_info", struct system_info, system_info_fields, "what the firmware says of the machine");

static const struct field cpu_info_fields[] = {
	STR(struct cpu_info, model, 0, .max = 255, .help = "model name"),
	INT(struct cpu_info, sockets, 0, .max = 4096, .help = "sockets"),
	INT(struct cpu_info, cores, 0, .max = 65536, .help = "cores in all sockets"),
	INT(struct cpu_info, threads, 0, .max = 65536, .help = "hardware threads in all sockets"),
};
static const struct schema cpu_info_schema = SCHEMA("cpu_info", struct cpu_info, cpu_info_fields, "processors");

static const struct field bmc_info_fields[] = {
	STR(struct bmc_info, address, 0, .format = FORMAT_ADDRESS, .help = "LAN address, asked in band"),
};
static const struct schema bmc_info_schema =
	SCHEMA("bmc_info", struct bmc_info, bmc_info_fields, "the machine's BMC, as seen in band");

static const struct field inventory_fields[] = {
	OBJECT(struct inventory, system, 0, system_info_schema, .help = "identity"),
	OBJECT(struct inventory, cpu, 0, cpu_info_schema, .help = "processors"),
	OBJECT(struct inventory, bmc, 0, bmc_info_schema, .help = "BMC"),
	STR(struct inventory, kernel, 0, .max = 255, .help = "kernel release that reported this"),
	ENUM(struct inventory, firmware, 0, firmware_words, .help = "how it booted"),
	BYTES(struct inventory, memory_bytes, 0, .help = "memory"),
	F_LIST(struct inventory, disks, disk_count, FIELD_OBJECTS, 0, .of = &disk_info_schema, .max = 1024,
	       .help = "disks"),
	F_LIST(struct inventory, nics, nic_count, FIELD_OBJECTS, 0, .of = &nic_info_schema, .max = 256,
	       .help = "network cards"),
};
const struct schema inventory_schema =
	SCHEMA("inventory", struct inventory, inventory_fields, "what an agent found in the machine");

static const struct field disk_choice_fields[] = {
	STR(struct disk_choice, wwn, CREATE, .max = 255, .help = "world wide name"),
	STR(struct disk_choice, serial, CREATE, .max = 255, .help = "serial number"),
	BYTES(struct disk_choice, size_bytes, 0, .help = "size"),
};
const struct schema disk_choice_schema = SCHEMA("disk_choice", struct disk_choice, disk_choice_fields, "a chosen disk");

static const struct field machine_fields[] = {
	ID(struct machine),
	STR(struct machine, name, COLUMN, .format = FORMAT_NAME, .help = "host name"),
	ENUM(struct machine, state, COLUMN, machine_state_words, .help = "where it is in its life"),
	STR(struct machine, step, 0, .help = "the step within the state"),
	STR(struct machine, previous_step, 0, .help = "the step before this one"),
	STR(struct machine, failed_step, 0, .help = "the step that failed"),
	OBJECT(struct machine, error, 0, problem_schema, .help = "why it failed"),
	ENUM(struct machine, power, COLUMN, power_words, .help = "as the BMC said last"),
	STR(struct machine, bmc_address, COLUMN, .help = "BMC address; null if it has none that is known"),
	STR(struct machine, bmc_driver, 0, .help = "how the BMC is spoken to"),
	STR(struct machine, bmc_user, 0, .help = "BMC user"),
	STR(struct machine, bmc_password, HIDDEN),
	STR(struct machine, bmc_uuid, 0, .help = "system UUID as the BMC tells it"),
	ENUM(struct machine, bmc_state, 0, bmc_state_words, .help = "whether the BMC answers"),
	OBJECT(struct machine, bmc_error, 0, problem_schema, .help = "what the BMC's last failure was"),
	INT(struct machine, bmc_quirks, HIDDEN, .help = ""),
	INT(struct machine, bmc_cipher_suite, HIDDEN, .min = -1, .initial = "-1"),
	STR(struct machine, uuid, 0, .help = "system UUID"),
	STR(struct machine, serial, 0, .help = "serial number"),
	STR(struct machine, boot_mac, 0, .help = "MAC address it booted from"),
	STR(struct machine, address, COLUMN, .help = "its address on the provisioning network"),
	F_LIST(struct machine, macs, mac_count, FIELD_STRINGS, 0, .help = "all MAC addresses"),
	ENUM(struct machine, firmware, COLUMN, firmware_words, .help = "how it boots"),
	OBJECT(struct machine, inventory, 0, inventory_schema, .help = "what the agent found"),
	TIME(struct machine, created, 0, .help = "when it was found"),
	TIME(struct machine, agent_seen, 0, .help = "when its live agent was heard last"),
	TIME(struct machine, step_deadline, 0, .help = "when the present step times out"),
	STR(struct machine, boot_id, HIDDEN),
	STR(struct machine, live_token, HIDDEN),
	STR(struct machine, task, 0, .help = "task under way"),
	INT(struct machine, attempt, HIDDEN),
	INT(struct machine, retries, HIDDEN),
	STR(struct machine, install_id, HIDDEN),
	STR(struct machine, bundle_url, HIDDEN),
	STR(struct machine, bundle_key, HIDDEN),
	STR(struct machine, bundle_version, HIDDEN),
	OBJECT(struct machine, install_disk, 0, disk_choice_schema, .help = "the disk the host system is on"),
	STR(struct machine, install_state, HIDDEN),
	STR(struct machine, install_step, 0, .help = "what the installer does"),
	INT(struct machine, install_progress, 0, .max = 100, .help = "percent of the present install step"),
	STR(struct machine, enroll_token, HIDDEN),
	STR(struct machine, enroll_hash, HIDDEN),
	STR(struct machine, enroll_key, HIDDEN),
	STR(struct machine, node, 0, .help = "the node it became"),
	STR(struct machine, zone, COLUMN | FIELD_UPDATE, .format = FORMAT_TEXT, .max = ZONE_MAX,
	    .help = "where it stands, in words of your own: a rack, a room; null or empty: not said"),
};
const struct schema machine_schema = SCHEMA("machine", struct machine, machine_fields, "a physical server");

static const struct field machine_deploy_fields[] = {
	STR(struct machine_deploy, disk, CREATE, .format = FORMAT_TEXT, .min = 1, .max = 255,
	    .help = "serial number or WWN of the disk to write; default: the one disk that is large enough and free; where there is a choice it must be made"),
	STR(struct machine_deploy, name, CREATE, .format = FORMAT_NAME, .help = "new host name"),
};
const struct schema machine_deploy_schema =
	SCHEMA("machine_deploy", struct machine_deploy, machine_deploy_fields, "how to deploy a machine");

static const struct field machine_power_fields[] = {
	ENUM(struct machine_power, action, REQUIRED, power_action_words, .help = "on, off, cycle or reset"),
};
const struct schema machine_power_schema =
	SCHEMA("machine_power", struct machine_power, machine_power_fields, "what to do with the power");

static const struct field machine_accept_fields[] = {
	STR(struct machine_accept, name, CREATE, .format = FORMAT_NAME, .help = "host name to give it"),
	STR(struct machine_accept, zone, CREATE, .format = FORMAT_TEXT, .max = ZONE_MAX,
	    .help = "where it stands, in words of your own: a rack, a room"),
};
const struct schema machine_accept_schema =
	SCHEMA("machine_accept", struct machine_accept, machine_accept_fields, "how to accept a machine");

const char *const sensor_state_words[] = { "ok", "warning", "critical", "unknown", NULL };

static const struct field sensor_fields[] = {
	INT(struct sensor, number, 0, .help = "record in the BMC's sensor data repository"),
	STR(struct sensor, name, COLUMN, .help = "name the BMC gives it"),
	STR(struct sensor, type, COLUMN, .help = "what it measures, in words"),
	NUMBER(struct sensor, value, COLUMN, .help = "what it reads; null if it has no number or was not read"),
	STR(struct sensor, unit, COLUMN, .help = "unit of the value"),
	ENUM(struct sensor, state, COLUMN, sensor_state_words, .help = "what that means"),
	STR(struct sensor, text, COLUMN, .help = "what it says in words, of one without a number"),
};
const struct schema sensor_schema = SCHEMA("sensor", struct sensor, sensor_fields, "a sensor of a machine");

static const struct field machine_sensors_fields[] = {
	TIME(struct machine_sensors, read_at, 0, .help = "when they were read"),
	F_LIST(struct machine_sensors, sensors, sensor_count, FIELD_OBJECTS, 0, .of = &sensor_schema,
	       .help = "in the BMC's order"),
};
const struct schema machine_sensors_schema =
	SCHEMA("machine_sensors", struct machine_sensors, machine_sensors_fields, "what a machine's sensors read");

static const struct field sel_entry_fields[] = {
	INT(struct sel_entry, number, COLUMN, .help = "record in the log"),
	TIME(struct sel_entry, time, COLUMN, .help = "when, as the BMC's clock had it; null if that had not been set"),
	STR(struct sel_entry, sensor, COLUMN,
	    .help = "what it is about; null in an entry of the manufacturer's own kind"),
	STR(struct sel_entry, type, 0, .help = "what that sensor measures, in words"),
	ENUM(struct sel_entry, state, COLUMN, sensor_state_words, .help = "what that means"),
	STR(struct sel_entry, text, COLUMN, .help = "what happened; of the manufacturer's own kind, its bytes"),
	BOOL(struct sel_entry, ended, COLUMN, .help = "it was over by then (deassertion)"),
};
const struct schema sel_entry_schema =
	SCHEMA("sel_entry", struct sel_entry, sel_entry_fields, "an entry of a BMC's event log");

static const struct field machine_sel_fields[] = {
	TIME(struct machine_sel, read_at, 0, .help = "when it was read"),
	INT(struct machine_sel, total, 0, .help = "entries that the BMC has"),
	F_LIST(struct machine_sel, entries, entry_count, FIELD_OBJECTS, 0, .of = &sel_entry_schema,
	       .help = "the newest 512, in the BMC's order: the oldest of them first"),
};
const struct schema machine_sel_schema =
	SCHEMA("machine_sel", struct machine_sel, machine_sel_fields, "a machine's system event log (SEL)");

/* IPMI v2.0 sections 22.28 and 22.30. */
#define BMC_USER_MAX 16
#define BMC_PASSWORD_MAX 20

static const struct field bmc_range_fields[] = {
	ID(struct bmc_range),
	STR(struct bmc_range, name, COLUMN | REQUIRED, .format = FORMAT_NAME, .help = "name of the range"),
	STR(struct bmc_range, range, COLUMN | REQUIRED, .format = FORMAT_TEXT, .min = 1, .max = 64,
	    .help = "IPv4 addresses: FIRST-LAST, one address, or ADDRESS/PREFIX; :PORT behind for another port than 623"),
	STR(struct bmc_range, user, COLUMN | REQUIRED | FIELD_UPDATE, .format = FORMAT_TEXT, .min = 1,
	    .max = BMC_USER_MAX, .help = "user on these BMCs"),
	STR(struct bmc_range, password, REQUIRED | FIELD_UPDATE | HIDDEN, .min = 1, .max = BMC_PASSWORD_MAX,
	    .help = "that user's password; it is never shown"),
	INT(struct bmc_range, addresses, COLUMN, .help = "how many addresses that are"),
	INT(struct bmc_range, answered, COLUMN, .help = "how many of them had a BMC that answered, in the last scan"),
	INT(struct bmc_range, refused, COLUMN, .help = "how many of those refused the user or the password"),
	TIME(struct bmc_range, scanned_at, COLUMN,
	     .help = "when the last scan was over; null if none was yet with this user and password"),
	BOOL(struct bmc_range, configured, COLUMN,
	     .help = "the provisioner's configuration file names it: it is changed there"),
	TIME(struct bmc_range, created_at, 0, .help = "when it was made"),
};
const struct schema bmc_range_schema =
	SCHEMA("bmc_range", struct bmc_range, bmc_range_fields, "where BMCs are looked for, and as whom");

/* ---- consoles ---- */

const char *const console_kind_words[] = { "serial", "vnc", NULL };

static const struct field console_request_fields[] = {
	ENUM(struct console_request, kind, CREATE, console_kind_words, .initial = "serial",
	     .help = "the serial port, or the screen as VNC (RFC 6143); a machine has the serial port only"),
};
const struct schema console_request_schema =
	SCHEMA("console_request", struct console_request, console_request_fields, "which console is wanted");

static const struct field console_ticket_fields[] = {
	STR(struct console_ticket, ticket, FIELD_REQUIRED, .help = "the ticket"),
	STR(struct console_ticket, url, FIELD_REQUIRED, .help = "path of the WebSocket that it opens, once"),
	TIME(struct console_ticket, expires_at, FIELD_REQUIRED, .help = "when it is no good any more"),
};
const struct schema console_ticket_schema =
	SCHEMA("console_ticket", struct console_ticket, console_ticket_fields, "leave to open one console once");

/* ---- node ---- */

const char *const node_health_words[] = { "joining", "ready", "unreachable", NULL };

static const struct field node_osd_fields[] = {
	INT(struct node_osd, number, COLUMN, .min = -1, .initial = "-1", .help = "OSD number; -1 until Ceph gave one"),
	STR(struct node_osd, uuid, 0, .help = "OSD UUID"),
	STR(struct node_osd, key, HIDDEN),
	STR(struct node_osd, wwn, 0, .help = "disk's WWN"),
	STR(struct node_osd, serial, COLUMN, .help = "disk's serial number"),
	STR(struct node_osd, state, COLUMN, .help = "as the agent reports"),
};
static const struct schema node_osd_schema =
	SCHEMA("node_osd", struct node_osd, node_osd_fields, "a data disk of a node");

static const struct field node_fields[] = {
	ID(struct node),
	STR(struct node, name, COLUMN, .help = "host name"),
	ENUM(struct node, health, COLUMN, node_health_words, .help = "whether its agent reports"),
	STR(struct node, machine, 0, .help = "the machine it runs on"),
	STR(struct node, zone, 0, .help = "where that stands"),
	STR(struct node, address, COLUMN, .help = "address"),
	INT(struct node, cpus, COLUMN, .help = "hardware threads"),
	BYTES(struct node, memory_bytes, COLUMN, .help = "memory"),
	BYTES(struct node, memory_free_bytes, 0, .help = "memory not promised to virtual machines or storage"),
	INT(struct node, vm_count, COLUMN, .help = "virtual machines placed here"),
	STR(struct node, mon, 0, .help = "Ceph monitor"),
	STR(struct node, mgr, 0, .help = "Ceph manager"),
	BOOL(struct node, pool_disks, FIELD_UPDATE, .initial = "true",
	     .help = "whether its data disks are given to the pool; of a machine that joined by a token only if that was asked for"),
	BOOL(struct node, awaited, 0,
	     .help = "an older state of the provisioner has come back, and this node has not said since what it runs: no other node starts a virtual machine until it does, or is confirmed to be off"),
	F_LIST(struct node, osds, osd_count, FIELD_OBJECTS, 0, .of = &node_osd_schema, .help = "data disks"),
	OBJECT(struct node, error, 0, problem_schema, .help = "what its agent reports as wrong"),
	TIME(struct node, created, 0, .help = "when it enrolled"),
	TIME(struct node, seen, 0, .help = "when its agent was heard last"),
	TIME(struct node, certificate_until, 0,
	     .help = "how long its certificate is good; its agent renews it in time"),
	STR(struct node, certificate, HIDDEN),
};
const struct schema node_schema = SCHEMA("node", struct node, node_fields, "a machine that is a member of the cluster");

/* ---- pool ---- */

const char *const pool_state_words[] = { "waiting", "creating", "active", "degraded", "unreachable", NULL };

static const struct field pool_fields[] = {
	ID(struct pool),
	STR(struct pool, name, COLUMN, .help = "name"),
	ENUM(struct pool, state, COLUMN, pool_state_words, .help = "active: every placement group is active+clean"),
	STR(struct pool, health, COLUMN, .help = "what Ceph says"),
	STR(struct pool, detail, 0, .help = "what it waits for or what is wrong"),
	INT(struct pool, size, COLUMN, .help = "copies kept"),
	INT(struct pool, min_size, 0, .help = "copies that must be there for writing"),
	INT(struct pool, pg_num, 0, .help = "placement groups"),
	INT(struct pool, pgs, 0, .help = "placement groups in the cluster"),
	INT(struct pool, pgs_active_clean, 0, .help = "of which active and clean"),
	INT(struct pool, osds, COLUMN, .help = "data disks"),
	INT(struct pool, osds_up, COLUMN, .help = "of which up"),
	INT(struct pool, hosts_up, 0, .help = "nodes with a data disk up"),
	BYTES(struct pool, total_bytes, 0, .help = "raw size"),
	BYTES(struct pool, used_bytes, 0, .help = "raw use"),
	BYTES(struct pool, available_bytes, COLUMN, .help = "what can still be stored"),
	TIME(struct pool, created, 0, .help = "when it was made"),
	TIME(struct pool, state_since, 0, .help = "since when it is in its state; null if that is not known"),
	BOOL(struct pool, made, HIDDEN),
};
const struct schema pool_schema = SCHEMA("pool", struct pool, pool_fields, "replicated storage for volumes");

static const struct field pool_sample_fields[] = {
	TIME(struct pool_sample, time, COLUMN, .help = "when"),
	BYTES(struct pool_sample, used_bytes, COLUMN, .help = "raw use then"),
	BYTES(struct pool_sample, total_bytes, COLUMN, .help = "raw size then"),
};
const struct schema pool_sample_schema =
	SCHEMA("pool_sample", struct pool_sample, pool_sample_fields, "how full a pool was");

static const struct field pool_usage_fields[] = {
	STR(struct pool_usage, id, 0, .help = "identifier of the pool"),
	F_LIST(struct pool_usage, samples, sample_count, FIELD_OBJECTS, 0, .of = &pool_sample_schema,
	       .help = "one an hour while the pool answers, of the last four weeks, the oldest first"),
};
const struct schema pool_usage_schema =
	SCHEMA("pool_usage", struct pool_usage, pool_usage_fields, "how full a pool was lately");

static const struct field ceph_cluster_fields[] = {
	STR(struct ceph_cluster, id, HIDDEN),	    STR(struct ceph_cluster, fsid, HIDDEN),
	STR(struct ceph_cluster, mon_host, HIDDEN), STR(struct ceph_cluster, mon_node, HIDDEN),
	STR(struct ceph_cluster, mon_key, HIDDEN),  STR(struct ceph_cluster, admin_key, HIDDEN),
	STR(struct ceph_cluster, mgr_key, HIDDEN),  STR(struct ceph_cluster, client_key, HIDDEN),
};
const struct schema ceph_cluster_schema =
	SCHEMA("ceph_cluster", struct ceph_cluster, ceph_cluster_fields, "identity and keys of the storage cluster");

/* ---- image, volume ---- */

const char *const image_state_words[] = { "uploading", "importing", "available", "failed", NULL };
const char *const volume_state_words[] = { "creating", "available", "in_use", "deleting", "failed", NULL };

static const struct field image_fields[] = {
	ID(struct image),
	STR(struct image, name, COLUMN | REQUIRED, .format = FORMAT_NAME, .help = "name of the image"),
	ENUM(struct image, state, COLUMN, image_state_words, .help = "state"),
	BYTES(struct image, size_bytes, COLUMN | CREATE, .max = INT64_MAX,
	      .help = "size of the disk it holds, a multiple of 512; needed beforehand to send it in pieces"),
	STR(struct image, pool, COLUMN, .help = "pool it is in"),
	STR(struct image, sha256, CREATE, .format = FORMAT_SHA256,
	    .help = "SHA-256 of the content; if it is given beforehand, no other content is taken"),
	STR(struct image, task, 0, .help = "task under way"),
	OBJECT(struct image, error, 0, problem_schema, .help = "why it failed"),
	TIME(struct image, created, 0, .help = "when it was made"),
	STR(struct image, upload, HIDDEN),
	STR(struct image, received_sha256, HIDDEN),
	BOOL(struct image, call_off, HIDDEN),
	BYTES(struct image, announced_bytes, HIDDEN, .max = INT64_MAX),
};
const struct schema image_schema =
	SCHEMA("image", struct image, image_fields, "a disk image that volumes are cloned from");

static const struct field image_content_fields[] = {
	BYTES(struct image_content, offset_bytes, FIELD_REQUIRED,
	      .help = "how much has arrived: where the next piece begins"),
	BYTES(struct image_content, size_bytes, FIELD_REQUIRED,
	      .help = "how much there is in all; 0 if it was not announced"),
};
const struct schema image_content_schema =
	SCHEMA("image_content", struct image_content, image_content_fields, "how far the upload of an image is");

static const struct field volume_fields[] = {
	ID(struct volume),
	STR(struct volume, name, COLUMN | REQUIRED, .format = FORMAT_NAME, .help = "name of the volume"),
	ENUM(struct volume, state, COLUMN, volume_state_words, .help = "state"),
	BYTES(struct volume, size_bytes, COLUMN | CREATE, .max = INT64_MAX,
	      .help = "size; default: that of the image; a multiple of 512"),
	STR(struct volume, image, CREATE, .format = FORMAT_TEXT, .max = 63,
	    .help = "image (name or id) to clone; default: empty"),
	STR(struct volume, image_name, COLUMN, .help = "that image's name"),
	STR(struct volume, pool, 0, .help = "pool it is in"),
	STR(struct volume, vm, 0, .help = "virtual machine that uses it"),
	STR(struct volume, vm_name, COLUMN, .help = "that virtual machine's name"),
	STR(struct volume, task, 0, .help = "task under way"),
	OBJECT(struct volume, error, 0, problem_schema, .help = "why it failed"),
	TIME(struct volume, created, 0, .help = "when it was made"),
	BOOL(struct volume, unmade, HIDDEN),
	BOOL(struct volume, call_off, HIDDEN),
};
const struct schema volume_schema = SCHEMA("volume", struct volume, volume_fields, "a replicated block device");

/* ---- network ---- */

static const struct field network_fields[] = {
	ID(struct network),
	STR(struct network, name, COLUMN | REQUIRED, .format = FORMAT_NAME, .help = "name of the network"),
	INT(struct network, vlan, COLUMN | CREATE, .max = 4094,
	    .help = "VLAN it is on the wire (IEEE 802.1Q); 0: untagged, the one that the nodes themselves are in"),
	INT(struct network, mtu, COLUMN | CREATE, .min = 1280, .max = 9216, .initial = "1500",
	    .help = "largest packet, in bytes; the nodes' network cards and switches must let it through"),
	STR(struct network, description, COLUMN | CREATE, .format = FORMAT_TEXT, .max = 255, .help = "what it is for"),
	TIME(struct network, created, 0, .help = "when it was made"),
};
const struct schema network_schema =
	SCHEMA("network", struct network, network_fields, "what network cards of virtual machines are plugged into");

/* ---- vm ---- */

static const struct field vm_nic_fields[] = {
	STR(struct vm_nic, network, 0, .help = "network it is plugged into"),
	STR(struct vm_nic, network_name, COLUMN, .help = "that network's name"),
	STR(struct vm_nic, mac, COLUMN, .format = FORMAT_MAC, .help = "MAC address"),
};
const struct schema vm_nic_schema =
	SCHEMA("vm_nic", struct vm_nic, vm_nic_fields, "a network card of a virtual machine");

const char *const vm_state_words[] = { "stopped",  "starting", "running", "stopping", "migrating",
				       "deleting", "unknown",  "failed",  NULL };

/* They may hold passwords and keys: what was given is never shown. */
#define USER_DATA(s)                                                                                                   \
	STR(s, user_data, CREATE | HIDDEN, .min = 1, .max = USER_DATA_MAX_BYTES,                                       \
	    .help = "user data for cloud-init: begins with #cloud-config, #! or a MIME header; it is never shown")
#define NETWORK_CONFIG(s)                                                                                              \
	STR(s, network_config, CREATE | HIDDEN, .min = 1, .max = NETWORK_CONFIG_MAX_BYTES,                             \
	    .help = "network configuration for cloud-init, version 1 or 2 (YAML); it is never shown")
#define SSH_KEYS(s)                                                                                                    \
	F_LIST(s, ssh_keys, ssh_key_count, FIELD_STRINGS, CREATE | HIDDEN, .max = SSH_KEYS_MAX,                        \
	       .help = "public SSH keys (sshd(8)) that may sign in to the guest as its first user")

static const struct field vm_fields[] = {
	ID(struct vm),
	STR(struct vm, name, COLUMN | REQUIRED, .format = FORMAT_NAME, .help = "name of the virtual machine"),
	ENUM(struct vm, state, COLUMN, vm_state_words, .help = "state"),
	STR(struct vm, node, 0, .help = "node it is on"),
	STR(struct vm, node_name, COLUMN, .help = "that node's name"),
	INT(struct vm, cpus, COLUMN | CREATE, .min = 1, .max = 256, .initial = "1", .help = "virtual processors"),
	BYTES(struct vm, memory_bytes, COLUMN | CREATE, .min = 16 * (int64_t)MIB, .max = 16384 * (int64_t)GIB,
	      .initial = "128 MiB", .help = "memory"),
	STR(struct vm, volume, REQUIRED, .format = FORMAT_TEXT, .min = 1, .max = 63,
	    .help = "volume (name or id) it boots from"),
	STR(struct vm, volume_name, COLUMN, .help = "that volume\'s name"),
	F_LIST(struct vm, networks, network_count, FIELD_STRINGS, CREATE, .format = FORMAT_TEXT, .max = VM_NICS_MAX,
	       .help = "networks (name or id) that it has a network card in; one card for each"),
	F_LIST(struct vm, nics, nic_count, FIELD_OBJECTS, 0, .of = &vm_nic_schema, .help = "its network cards"),
	BOOL(struct vm, start, CREATE, .help = "start it at once"),
	STR(struct vm, hostname, CREATE, .format = FORMAT_NAME,
	    .help = "host name that cloud-init gives the guest; default: the name, if cloud-init has anything to do"),
	USER_DATA(struct vm),
	NETWORK_CONFIG(struct vm),
	SSH_KEYS(struct vm),
	BOOL(struct vm, cloud_init, 0,
	     .help = "the guest finds a seed for cloud-init (NoCloud, a disk labelled cidata)"),
	BOOL(struct vm, wanted, 0, .help = "should run"),
	STR(struct vm, target, 0, .help = "node it migrates to"),
	INT(struct vm, migration_progress, 0, .max = 100, .help = "percent"),
	STR(struct vm, placement, 0, .help = "why it is on this node"),
	INT(struct vm, generation, 0, .help = "grows with each start on a node"),
	STR(struct vm, task, 0, .help = "task under way"),
	OBJECT(struct vm, error, 0, problem_schema, .help = "what failed last"),
	TIME(struct vm, created, 0, .help = "when it was made"),
	STR(struct vm, migration_id, HIDDEN),
	BOOL(struct vm, target_ready, HIDDEN),
	BOOL(struct vm, source_gone, HIDDEN),
	BOOL(struct vm, call_off, HIDDEN),
	BOOL(struct vm, has_run, HIDDEN),
	BYTES(struct vm, seed_bytes, HIDDEN),
	F_LIST(struct vm, strays, stray_count, FIELD_STRINGS, HIDDEN),
};
const struct schema vm_schema = SCHEMA("vm", struct vm, vm_fields, "a virtual machine");

static const struct field vm_migrate_fields[] = {
	STR(struct vm_migrate, node, CREATE, .format = FORMAT_TEXT, .min = 1, .max = 63,
	    .help = "node (name or id); default: the best other node"),
};
const struct schema vm_migrate_schema =
	SCHEMA("vm_migrate", struct vm_migrate, vm_migrate_fields, "where to move a virtual machine");

static const struct field cloud_init_input_fields[] = {
	USER_DATA(struct cloud_init_input),
	NETWORK_CONFIG(struct cloud_init_input),
	SSH_KEYS(struct cloud_init_input),
};
const struct schema cloud_init_input_schema =
	SCHEMA("cloud_init_input", struct cloud_init_input, cloud_init_input_fields, "what cloud-init would be given");

static const struct field cloud_init_verdict_fields[] = {
	F_LIST(struct cloud_init_verdict, problems, problem_count, FIELD_OBJECTS, 0, .of = &problem_schema,
	       .help = "the first one of each field; none if a virtual machine can be made with it"),
};
const struct schema cloud_init_verdict_schema = SCHEMA("cloud_init_verdict", struct cloud_init_verdict,
						       cloud_init_verdict_fields, "whether cloud-init can take it");

/* ---- task, event, token ---- */

const char *const task_state_words[] = { "running", "succeeded", "failed", "cancelled", NULL };
const char *const role_words[] = { "viewer", "operator", "admin", NULL };

static const struct field task_step_fields[] = {
	STR(struct task_step, name, COLUMN, .help = "what was done"),
	TIME(struct task_step, started, 0, .help = "when it began"),
	TIME(struct task_step, ended, 0, .help = "when it ended"),
};
static const struct schema task_step_schema =
	SCHEMA("task_step", struct task_step, task_step_fields, "a step of a task");

static const struct field task_fields[] = {
	STR(struct task, id, COLUMN, .help = "identifier"),
	STR(struct task, action, COLUMN, .help = "what it does"),
	STR(struct task, resource, 0, .help = "kind of resource"),
	STR(struct task, resource_id, 0, .help = "resource it works on"),
	STR(struct task, resource_name, COLUMN, .help = "its name when the task began"),
	ENUM(struct task, state, COLUMN, task_state_words, .help = "state"),
	INT(struct task, progress, COLUMN, .max = 100, .help = "percent of the present step, as far as it is known"),
	STR(struct task, message, COLUMN, .help = "what it does now"),
	BOOL(struct task, cancel, 0, .help = "it was asked to stop"),
	INT(struct task, command, HIDDEN, .help = ""),
	F_LIST(struct task, steps, step_count, FIELD_OBJECTS, 0, .of = &task_step_schema, .help = "steps so far"),
	F_LIST(struct task, log, log_count, FIELD_STRINGS, 0, .help = "log, the last lines"),
	OBJECT(struct task, error, 0, problem_schema, .help = "why it failed"),
	TIME(struct task, created, 0, .help = "when it was asked for"),
	TIME(struct task, ended, 0, .help = "when it ended"),
	TIME(struct task, deadline, 0, .help = "when it fails if it has not ended"),
	STR(struct task, retry_of, 0, .help = "task that failed or was cancelled, and that this one tries again"),
	STR(struct task, retried_by, 0, .help = "task that tried this one again"),
	F(struct task, order, FIELD_JSON, 0,
	  .help = "what was asked for, as the body of the call has it (disk, action, node), and is asked for again when it is tried again; null: nothing but the action"),
};
const struct schema task_schema = SCHEMA("task", struct task, task_fields, "a job that takes longer than a blink");

static const struct field event_fields[] = {
	STR(struct event, id, COLUMN, .help = "grows with each event"),
	TIME(struct event, time, COLUMN, .help = "when"),
	STR(struct event, kind, COLUMN, .help = "what happened, as a word"),
	STR(struct event, code, 0,
	    .help = "the same and more closely: stands for the text, for those who say it in another language; x-ingot-texts of this document has them all. Null in events of an earlier version"),
	F(struct event, params, FIELD_JSON, 0,
	  .help = "what is put into that text, an object of strings; name is resource_name"),
	STR(struct event, resource, 0, .help = "kind of resource"),
	STR(struct event, resource_id, 0, .help = "resource"),
	STR(struct event, resource_name, COLUMN, .help = "its name at that time"),
	STR(struct event, text, COLUMN, .help = "what happened, in words"),
};
const struct schema event_schema = SCHEMA("event", struct event, event_fields, "something that happened");

static const struct field token_fields[] = {
	ID(struct token),
	STR(struct token, name, COLUMN | REQUIRED, .format = FORMAT_NAME, .help = "who uses it"),
	ENUM(struct token, role, COLUMN | CREATE, role_words, .initial = "viewer",
	     .help = "what it may do; never more than who made it may"),
	STR(struct token, user, 0, .help = "who made it: it works as long as that user may sign in"),
	STR(struct token, user_name, COLUMN, .help = "the name of that user"),
	TIME(struct token, created_at, COLUMN, .help = "when it was made"),
	TIME(struct token, expires_at, COLUMN | CREATE, .help = "from when on it is refused; never if it is left out"),
	TIME(struct token, last_used_at, COLUMN, .help = "when it was used last, to the minute"),
	STR(struct token, token, 0, .help = "the token itself; only in the answer that made it"),
	STR(struct token, hash, HIDDEN),
};
const struct schema token_schema = SCHEMA("token", struct token, token_fields, "a credential for the API");

const char *const join_role_words[] = { "node", NULL };

static const struct field join_use_fields[] = {
	STR(struct join_use, uuid, COLUMN, .help = "system UUID; of a machine that has none, a MAC address"),
	STR(struct join_use, machine, 0, .help = "the machine that it became"),
	TIME(struct join_use, joined_at, COLUMN, .help = "when"),
	STR(struct join_use, key, HIDDEN),
	STR(struct join_use, boot_mac, HIDDEN),
};
const struct schema join_use_schema =
	SCHEMA("join_use", struct join_use, join_use_fields, "a machine that joined by a token");

static const struct field join_token_fields[] = {
	ID(struct join_token),
	STR(struct join_token, name, COLUMN | REQUIRED, .format = FORMAT_NAME, .help = "what it is for"),
	ENUM(struct join_token, role, COLUMN | CREATE, join_role_words, .initial = "node",
	     .help = "what a machine may become by it"),
	INT(struct join_token, uses, COLUMN | CREATE, .min = 1, .max = 1000, .initial = "1",
	    .help = "how many machines may join by it"),
	F_LIST(struct join_token, joins, join_count, FIELD_OBJECTS, 0, .of = &join_use_schema, .max = 1000,
	       .help = "the machines that joined by it; each may ask again with its own key, and no other"),
	STR(struct join_token, user, 0, .help = "who made it"),
	STR(struct join_token, user_name, COLUMN, .help = "the name of that user"),
	TIME(struct join_token, created_at, COLUMN, .help = "when it was made"),
	TIME(struct join_token, expires_at, COLUMN | CREATE,
	     .help = "from when on no machine may join by it; a day from now if it is left out"),
	STR(struct join_token, token, 0,
	    .help = "the token itself, which holds the provisioner's address and its authority's fingerprint; only in the answer that made it"),
	STR(struct join_token, hash, HIDDEN),
};
const struct schema join_token_schema = SCHEMA("join_token", struct join_token, join_token_fields,
					       "what lets a machine in that was not installed over the network");

/* ---- user, session, audit ---- */

/* libxcrypt hashes up to 511 bytes of a password. */
#define PASSWORD_MIN 8
#define PASSWORD_MAX 256

static const struct field user_fields[] = {
	ID(struct user),
	STR(struct user, name, COLUMN | REQUIRED, .format = FORMAT_NAME, .help = "what is signed in with"),
	ENUM(struct user, role, COLUMN | CREATE | FIELD_UPDATE, role_words, .initial = "viewer",
	     .help = "what the user may do"),
	BOOL(struct user, disabled, COLUMN | CREATE | FIELD_UPDATE,
	     .help = "may not sign in, nor may the user's tokens"),
	STR(struct user, password, REQUIRED | FIELD_UPDATE | HIDDEN, .min = PASSWORD_MIN, .max = PASSWORD_MAX,
	    .help = "the password; it is never shown"),
	BOOL(struct user, password_change_required, CREATE | FIELD_UPDATE,
	     .help = "somebody else knows the password: who signs in with it may only change it"),
	TIME(struct user, created_at, COLUMN, .help = "when it was made"),
	STR(struct user, password_hash, HIDDEN),
};
const struct schema user_schema = SCHEMA("user", struct user, user_fields, "a person who may sign in");

static const struct field sign_in_fields[] = {
	STR(struct sign_in, name, REQUIRED, .format = FORMAT_TEXT, .min = 1, .max = 255, .help = "name of the user"),
	STR(struct sign_in, password, REQUIRED | HIDDEN, .min = 1, .max = PASSWORD_MAX, .help = "password"),
};
const struct schema sign_in_schema = SCHEMA("sign_in", struct sign_in, sign_in_fields, "who wants to sign in");

static const struct field password_change_fields[] = {
	STR(struct password_change, current, REQUIRED | HIDDEN, .min = 1, .max = PASSWORD_MAX,
	    .help = "the password so far"),
	STR(struct password_change, password, REQUIRED | HIDDEN, .min = PASSWORD_MIN, .max = PASSWORD_MAX,
	    .help = "the password from now on"),
};
const struct schema password_change_schema =
	SCHEMA("password_change", struct password_change, password_change_fields, "a new password of one's own");

static const struct field session_user_fields[] = {
	ID(struct session_user),
	STR(struct session_user, name, FIELD_REQUIRED, .help = "name"),
	ENUM(struct session_user, role, 0, role_words, .help = "what the user may do"),
	BOOL(struct session_user, password_change_required, 0,
	     .help = "somebody else knows the password: nothing else is allowed before it is changed"),
};
static const struct schema session_user_schema =
	SCHEMA("session_user", struct session_user, session_user_fields, "who is signed in");
static const struct field session_fields[] = {
	OBJECT(struct session_info, user, FIELD_REQUIRED, session_user_schema, .help = "who is signed in"),
	STR(struct session_info, csrf_token, FIELD_REQUIRED,
	    .help = "what calls that change something send in the header X-CSRF-Token"),
	TIME(struct session_info, expires_at, FIELD_REQUIRED,
	     .help = "when it ends if nothing is called until then; calls put it off, for half a day at most"),
};
const struct schema session_schema = SCHEMA("session", struct session_info, session_fields, "a person's session");

static const struct field sign_in_session_fields[] = {
	STR(struct sign_in_session, id, HIDDEN),      STR(struct sign_in_session, user, HIDDEN),
	STR(struct sign_in_session, address, HIDDEN), TIME(struct sign_in_session, created, HIDDEN),
	TIME(struct sign_in_session, seen, HIDDEN),
};
const struct schema sign_in_session_schema =
	SCHEMA("sign_in_session", struct sign_in_session, sign_in_session_fields, "a session as it is stored");

static const char *const audit_via_words[] = { "nothing", "session", "token", NULL };
static const struct field audit_fields[] = {
	ID(struct audit),
	TIME(struct audit, time, COLUMN, .help = "when"),
	STR(struct audit, who, COLUMN, .help = "user or token; nobody if a sign-in named no user there is"),
	ENUM(struct audit, via, COLUMN, audit_via_words, .help = "what the caller showed"),
	STR(struct audit, address, COLUMN, .help = "where the call came from"),
	STR(struct audit, operation, COLUMN, .help = "what was called"),
	STR(struct audit, resource, 0, .help = "kind of resource it was called on"),
	STR(struct audit, object, COLUMN, .help = "name of the resource, or what was given for it"),
	STR(struct audit, object_id, 0, .help = "the resource, if there was one"),
	INT(struct audit, status, COLUMN, .help = "HTTP status of the answer"),
	STR(struct audit, code, COLUMN, .help = "stable word for the kind of error; none if it was done"),
};
const struct schema audit_schema = SCHEMA("audit", struct audit, audit_fields, "a call that was made");

static const struct field creation_fields[] = {
	STR(struct creation, id, HIDDEN),	STR(struct creation, fingerprint, HIDDEN),
	STR(struct creation, resource, HIDDEN), STR(struct creation, task, HIDDEN),
	TIME(struct creation, created, HIDDEN),
};
const struct schema creation_schema =
	SCHEMA("creation", struct creation, creation_fields, "a creating call that was answered");

static const struct field deleted_vm_fields[] = {
	STR(struct deleted_vm, id, HIDDEN),	    STR(struct deleted_vm, name, HIDDEN),
	INT(struct deleted_vm, generation, HIDDEN), TIME(struct deleted_vm, deleted, HIDDEN),
	INT(struct deleted_vm, round, HIDDEN),
};
const struct schema deleted_vm_schema =
	SCHEMA("deleted_vm", struct deleted_vm, deleted_vm_fields, "a virtual machine that was deleted");

const struct schema no_body_schema = { .name = "no_body", .help = "nothing", .size = sizeof(struct no_body) };
