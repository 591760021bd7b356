/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The controller on a clock that stands still, above a small rack: BMCs, network boot and a Ceph that do what a test tells
 * them. The whole of it, with chance in it, is tests/sim; here one thing after another is looked at. */
#ifndef INGOT_TESTS_RACK_FIXTURE_H
#define INGOT_TESTS_RACK_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>

#include "base/log.h"
#include "controller/controller.h"
#include "machine/machine_priv.h"
#include "store/store_priv.h"

#define START_MS INT64_C(1767225600000)
#define RBD_MAX 16
#define UUID(n) "00000000-0000-4000-8000-00000000000" #n
#define MAC(n) "52:54:00:00:00:0" #n

/* One BMC; there is one per machine of a test, at 10.0.0.1 and so on. */
struct rack_bmc {
	bool there, on, deaf; /* deaf: takes commands and does nothing */
	enum err_code fault;  /* of every operation */
	int device;	      /* enum bmc_boot_device, as set last */
	bool persistent;
	const char *uuid;
	const char *password; /* what it takes; NULL: any */
	unsigned ops, power_sets;
};

struct rack {
	struct loop *loop;
	struct controller *controller;
	struct ca *ca;
	char *dir, *database, *mark;
	struct rack_bmc bmcs[10];
	bool no_bundle, new_bundle;
	int64_t new_max, new_per_minute;
	/* network boot */
	char *intents[10]; /* "MAC live" */
	unsigned intent_count, reserved;
	bool range_full;
	const char *const *bmc_ranges; /* of the configuration; NULL: none */
	/* Ceph */
	bool quorum;
	enum err_code ceph_fault;
	char *rbd[RBD_MAX];
	char imported_sha256[65]; /* what the last import was told */
	uint64_t imported_bytes;
	unsigned rbd_count, osd_count, hosts_up;
	uint64_t available_bytes, used_bytes;
	struct strbuf ceph_trace;
};

static struct rack *the_rack; /* for the driver table, which has no context */

/* ---- BMCs ---- */

static inline int rack_reach(const struct bmc_target *target, struct rack_bmc **ret, struct err *err)
{
	const char *dot = strrchr(target->address, '.');
	struct rack_bmc *bmc = &the_rack->bmcs[dot[1] - '0'];
	bmc->ops++;
	if (!bmc->there)
		return err_set(err, ERR_UNREACHABLE, "BMC %s does not answer", target->address);
	if (bmc->fault)
		return err_set(err, bmc->fault, "BMC %s: %s", target->address, err_meaning(bmc->fault)->title);
	if (bmc->password && !str_equal(bmc->password, target->password))
		return err_set(err, ERR_CREDENTIALS, "BMC %s refused the password", target->address);
	*ret = bmc;
	return 0;
}

/* As the drivers that there are: it is asked first whose BMC it is. */
static inline int rack_reach_own(const struct bmc_target *target, struct rack_bmc **ret, struct err *err)
{
	struct rack_bmc *bmc = NULL;
	int r = rack_reach(target, &bmc, err);
	if (r == 0 && bmc_uuid_contradicts(bmc->uuid, target->uuid))
		return err_set(err, ERR_STATE, "BMC %s is that of the system %s now, not of %s", target->address,
			       bmc->uuid, target->uuid);
	if (r == 0)
		*ret = bmc;
	return r;
}

static inline int rack_probe(const struct bmc_target *target, struct bmc_identity *ret, struct err *err)
{
	struct rack_bmc *bmc = NULL;
	int r = rack_reach(target, &bmc, err);
	if (r == 0)
		*ret = (struct bmc_identity){ .system_uuid = xstrdup(bmc->uuid), .cipher_suite = 3 };
	return r;
}

static inline int rack_power_get(const struct bmc_target *target, enum bmc_power *ret, struct err *err)
{
	struct rack_bmc *bmc = NULL;
	int r = rack_reach_own(target, &bmc, err);
	if (r == 0)
		*ret = bmc->on ? BMC_POWER_ON : BMC_POWER_OFF;
	return r;
}

static inline int rack_power_set(const struct bmc_target *target, enum bmc_power_action action, struct err *err)
{
	struct rack_bmc *bmc = NULL;
	int r = rack_reach_own(target, &bmc, err);
	if (r == 0) {
		bmc->power_sets++;
		if (!bmc->deaf)
			bmc->on = action != BMC_ACTION_OFF && action != BMC_ACTION_SOFT_OFF;
	}
	return r;
}

static inline int rack_boot_device(const struct bmc_target *target, enum bmc_boot_device device, bool persistent,
				   bool uefi, struct err *err)
{
	struct rack_bmc *bmc = NULL;
	int r = rack_reach_own(target, &bmc, err);
	if (r == 0) {
		bmc->device = (int)device;
		bmc->persistent = persistent;
	}
	return r;
}

/* A temperature that is too high, and a power supply that says what is wrong in words. */
static inline int rack_sensors(const struct bmc_target *target, struct bmc_sensors *ret, struct err *err)
{
	struct rack_bmc *bmc = NULL;
	int r = rack_reach_own(target, &bmc, err);
	if (r < 0)
		return r;
	ret->count = 2;
	ret->list = new0(struct bmc_sensor, 2);
	ret->list[0] = (struct bmc_sensor){ .number = 1,
					    .name = xstrdup("CPU Temp"),
					    .type = xstrdup("Temperature"),
					    .unit = xstrdup("C"),
					    .value = 91.5,
					    .state = BMC_SENSOR_CRITICAL };
	ret->list[1] = (struct bmc_sensor){ .number = 2,
					    .name = xstrdup("PS1"),
					    .type = xstrdup("Power Supply"),
					    .text = xstrdup("Power Supply input lost (AC/DC)"),
					    .value = NAN,
					    .state = BMC_SENSOR_WARNING };
	return 0;
}

/* One of each kind: with a sensor, over again, the manufacturer's own without a time. */
static inline int rack_sel(const struct bmc_target *target, struct bmc_sel *ret, struct err *err)
{
	struct rack_bmc *bmc = NULL;
	int r = rack_reach(target, &bmc, err);
	if (r < 0)
		return r;
	ret->count = 3;
	ret->total = 700;
	ret->list = new0(struct bmc_sel_entry, 3);
	ret->list[0] = (struct bmc_sel_entry){ .number = 698,
					       .time_ms = START_MS - 60000,
					       .sensor = xstrdup("Sensor #2"),
					       .type = xstrdup("Temperature"),
					       .text = xstrdup("Upper Critical - going high"),
					       .state = BMC_SENSOR_CRITICAL };
	ret->list[1] = (struct bmc_sel_entry){ .number = 699,
					       .time_ms = START_MS - 30000,
					       .sensor = xstrdup("Sensor #2"),
					       .type = xstrdup("Temperature"),
					       .text = xstrdup("Upper Critical - going high"),
					       .ended = true,
					       .state = BMC_SENSOR_OK };
	ret->list[2] =
		(struct bmc_sel_entry){ .number = 700, .text = xstrdup("01h 02h 03h"), .state = BMC_SENSOR_UNKNOWN };
	return 0;
}

static const struct bmc_driver rack_bmc_driver = { .name = "ipmi",
						   .capabilities = BMC_CAN_POWER | BMC_CAN_BOOT_DEVICE |
								   BMC_CAN_SENSORS | BMC_CAN_SEL,
						   .probe = rack_probe,
						   .power_get = rack_power_get,
						   .power_set = rack_power_set,
						   .boot_device = rack_boot_device,
						   .sensors = rack_sensors,
						   .sel = rack_sel };
static const struct bmc_driver *const rack_drivers[] = { &rack_bmc_driver, NULL };

static inline void rack_scan(struct machines *machines, void *ctx)
{
	struct rack *rack = ctx;
	for (unsigned i = 0; i < ARRAY_SIZE(rack->bmcs); i++) {
		_cleanup_free_ char *address = xasprintf("10.0.0.%u", i);
		if (rack->bmcs[i].there)
			machine_bmc_found(machines, address);
	}
}

/* ---- network boot ---- */

static inline void rack_set_intent(void *ctx, const char *const *macs, enum boot_intent intent, const char *console)
{
	struct rack *rack = ctx;
	for (size_t i = 0; macs[i]; i++) {
		unsigned at = 0;
		while (at < rack->intent_count && strncmp(rack->intents[at], macs[i], 17) != 0)
			at++;
		assert_true(at < ARRAY_SIZE(rack->intents));
		if (at == rack->intent_count)
			rack->intent_count++;
		free(rack->intents[at]);
		rack->intents[at] = xasprintf("%s %s", macs[i], intent == BOOT_INTENT_DISK ? "disk" : "live");
	}
}

/* "live", "disk", or "" for a MAC nobody spoke of. */
static inline const char *rack_intent(const struct rack *rack, const char *mac)
{
	for (unsigned i = 0; i < rack->intent_count; i++)
		if (strncmp(rack->intents[i], mac, 17) == 0)
			return rack->intents[i] + 18;
	return "";
}

static inline void rack_set_reservation(void *ctx, const char *mac, const char *address, const char *host)
{
}

static inline int rack_reserve(void *ctx, const char *mac, char **ret_address, struct err *err)
{
	struct rack *rack = ctx;
	if (rack->range_full)
		return err_set(err, ERR_CAPACITY, "every address of the DHCP range is taken");
	*ret_address = xasprintf("10.77.0.%u", 150 + rack->reserved++);
	return 0;
}

static const struct netboot_ops rack_netboot = { rack_set_intent, rack_set_reservation, rack_reserve };

/* ---- Ceph ---- */

static inline int rack_ceph(struct rack *rack, struct err *err, const char *what, const char *name)
{
	strbuf_addf(&rack->ceph_trace, "%s(%s) ", what, name);
	if (!rack->quorum)
		return err_set(err, ERR_UNREACHABLE, "the monitors do not answer");
	if (rack->ceph_fault)
		return err_set(err, rack->ceph_fault, "Ceph says no");
	return 0;
}

static inline int rack_status(void *ctx, const struct ceph_access *access, const char *pool, struct ceph_status *ret,
			      struct err *err)
{
	struct rack *rack = ctx;
	if (!rack->quorum)
		return err_set(err, ERR_UNREACHABLE, "the monitors do not answer");
	*ret = (struct ceph_status){ .health = xstrdup("HEALTH_OK"),
				     .osds = rack->osd_count,
				     .osds_up = rack->hosts_up,
				     .hosts_up = rack->hosts_up,
				     .pgs = 32,
				     .pgs_active_clean = 32,
				     .total_bytes = 192 * GIB,
				     .used_bytes = rack->used_bytes,
				     .pool_max_avail_bytes = rack->available_bytes };
	return 0;
}

static inline int rack_configure(void *ctx, const struct ceph_access *access, struct err *err)
{
	return rack_ceph(ctx, err, "configure", "");
}

static inline int rack_auth(void *ctx, const struct ceph_access *access, const char *entity, const char *const *caps,
			    char **ret_key, struct err *err)
{
	int r = rack_ceph(ctx, err, "auth", entity);
	if (r == 0)
		*ret_key = xasprintf("key of %s", entity);
	return r;
}

static inline int rack_osd_new(void *ctx, const struct ceph_access *access, const char *uuid, int *ret_id,
			       char **ret_key, struct err *err)
{
	struct rack *rack = ctx;
	int r = rack_ceph(rack, err, "osd_new", "");
	if (r == 0) {
		*ret_id = (int)rack->osd_count++;
		*ret_key = xstrdup("osd key");
	}
	return r;
}

static inline int rack_pool_create(void *ctx, const struct ceph_access *access, const char *pool, unsigned size,
				   unsigned min_size, unsigned pg_num, struct err *err)
{
	return rack_ceph(ctx, err, "pool_create", pool);
}

static inline bool rack_has_rbd(const struct rack *rack, const char *name)
{
	for (unsigned i = 0; i < rack->rbd_count; i++)
		if (str_equal(rack->rbd[i], name))
			return true;
	return false;
}

static inline int rack_rbd_add(void *ctx, const char *what, const char *name, struct err *err)
{
	struct rack *rack = ctx;
	int r = rack_ceph(rack, err, what, name);
	if (r == 0 && !rack_has_rbd(rack, name)) {
		assert_true(rack->rbd_count < RBD_MAX);
		rack->rbd[rack->rbd_count++] = xstrdup(name);
	}
	return r;
}

static inline int rack_volume_create(void *ctx, const struct ceph_access *access, const char *pool, const char *name,
				     uint64_t size_bytes, struct err *err)
{
	return rack_rbd_add(ctx, "create", name, err);
}

static inline int rack_volume_clone(void *ctx, const struct ceph_access *access, const char *pool, const char *image,
				    const char *name, uint64_t size_bytes, struct err *err)
{
	assert_true(rack_has_rbd(ctx, image));
	return rack_rbd_add(ctx, "clone", name, err);
}

static inline int rack_rbd_delete(void *ctx, const struct ceph_access *access, const char *pool, const char *name,
				  struct err *err)
{
	struct rack *rack = ctx;
	int r = rack_ceph(rack, err, "delete", name);
	for (unsigned i = 0; r == 0 && i < rack->rbd_count; i++) {
		if (!str_equal(rack->rbd[i], name))
			continue;
		free(rack->rbd[i]);
		rack->rbd[i] = rack->rbd[--rack->rbd_count];
	}
	return r;
}

static inline int rack_image_import(void *ctx, const struct ceph_access *access, const char *pool, const char *name,
				    const char *path, uint64_t size_bytes, const char *sha256,
				    void (*progress)(uint64_t, uint64_t, void *), void *data, struct err *err)
{
	struct rack *rack = ctx;
	snprintf(rack->imported_sha256, sizeof(rack->imported_sha256), "%s", sha256);
	rack->imported_bytes = size_bytes;
	progress(1, 2, data);
	return rack_rbd_add(ctx, "import", name, err);
}

static const struct ceph_driver rack_ceph_driver = {
	.status = rack_status,
	.configure = rack_configure,
	.auth = rack_auth,
	.osd_new = rack_osd_new,
	.pool_create = rack_pool_create,
	.volume_create = rack_volume_create,
	.volume_clone = rack_volume_clone,
	.volume_delete = rack_rbd_delete,
	.image_import = rack_image_import,
	.image_delete = rack_rbd_delete,
};

/* ---- time ---- */

/* All that is due now, with what workers have to do. */
static inline void rack_settle(struct rack *rack)
{
	while (loop_fake_run_due(rack->loop) || loop_fake_work_run(rack->loop, 0))
		;
}

static inline void rack_pass(struct rack *rack, int64_t ms)
{
	int64_t end = loop_now_ms(rack->loop) + ms;
	rack_settle(rack);
	while (loop_fake_next_ms(rack->loop) <= end) {
		loop_fake_set_ms(rack->loop, loop_fake_next_ms(rack->loop));
		rack_settle(rack);
	}
	loop_fake_set_ms(rack->loop, end);
	rack_settle(rack);
}

/* ---- life ---- */

static inline void rack_start(struct rack *rack)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct controller_spec spec = {
		.loop = rack->loop,
		.database = rack->database,
		.mark = rack->mark,
		.ca = rack->ca,
		.machines = { .netboot = &rack_netboot,
			      .netboot_ctx = rack,
			      .bmc_ranges = rack->bmc_ranges,
			      .bmc_user = "admin",
			      .bmc_password = "bmc-password",
			      .scan = rack_scan,
			      .scan_ctx = rack,
			      .bundle_url = rack->no_bundle ? NULL : "http://10.77.0.1:8080/bundle/host-1",
			      .bundle_key = "the key",
			      .bundle_version = rack->new_bundle ? "2" : "1",
			      .server = "10.77.0.1:8444",
			      .ca_pem = ca_pem(rack->ca),
			      .prefix_length = 24,
			      .console = "ttyS0,115200",
			      .new_max = rack->new_max,
			      .new_per_minute = rack->new_per_minute },
		.storage = { .driver = &rack_ceph_driver, .driver_ctx = rack, .pool_size = 2, .upload_dir = rack->dir },
	};
	if (controller_new(&spec, &rack->controller, &err) < 0)
		fail_msg("%s", err.text);
	controller_start(rack->controller);
}

/* The process dies and another one begins. */
static inline void rack_restart(struct rack *rack)
{
	rack->controller = controller_free(rack->controller);
	rack_start(rack);
	rack_settle(rack);
}

static inline int rack_setup(void **state)
{
	struct rack *rack = new0(struct rack, 1);
	_cleanup_err_ struct err err = ERR_INIT;
	the_rack = rack;
	log_set_quiet(true);
	bmc_drivers_set(rack_drivers);
	rack->loop = loop_new_fake(START_MS);
	rack->dir = xstrdup("/tmp/ingot-rack-XXXXXX");
	assert_non_null(mkdtemp(rack->dir));
	rack->database = xasprintf("%s/ingot.db", rack->dir);
	rack->mark = xasprintf("%s/ingot.mark", rack->dir);
	rack->available_bytes = 10 * GIB;
	assert_int_equal(ca_open(rack->dir, &rack->ca, &err), 0);
	rack_start(rack);
	rack_settle(rack);
	*state = rack;
	return 0;
}

static inline int rack_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

/* What the network and the storage were told. */
static inline void rack_forget(struct rack *rack)
{
	for (unsigned i = 0; i < rack->intent_count; i++)
		free(rack->intents[i]);
	for (unsigned i = 0; i < rack->rbd_count; i++)
		free(rack->rbd[i]);
	strbuf_done(&rack->ceph_trace);
}

static inline int rack_teardown(void **state)
{
	struct rack *rack = *state;
	while (loop_fake_work_run(rack->loop, 0)) /* what was begun ends, as in the program */
		;
	controller_free(rack->controller);
	loop_free(rack->loop);
	ca_free(rack->ca);
	rack_forget(rack);
	nftw(rack->dir, rack_remove, 16, FTW_DEPTH | FTW_PHYS);
	free(rack->dir);
	free(rack->database);
	free(rack->mark);
	free(rack);
	bmc_drivers_set(NULL);
	log_set_quiet(false);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rack_setup, rack_teardown)

/* ---- what agents and people say ---- */

static inline struct store *rack_store(const struct rack *rack)
{
	return rack->controller->store;
}

static inline const struct machine *rack_machine(const struct rack *rack, const char *name)
{
	const struct machine *machine = store_find(rack_store(rack), &kind_machine, name);
	assert_non_null(machine);
	return machine;
}

static inline const struct task *rack_task(const struct rack *rack, const char *id)
{
	const struct task *task = store_get(rack_store(rack), &kind_task, id);
	assert_non_null(task);
	return task;
}

/* What a live agent in machine n (1 to 9) says first. The token is the caller's. */
static inline char *rack_hello(struct rack *rack, unsigned n, const char *boot_id)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *mac = xasprintf("52:54:00:00:00:0%u", n);
	_cleanup_free_ char *uuid = xasprintf("00000000-0000-4000-8000-00000000000%u", n);
	json_t *reply = NULL;
	json_t *request = json_pack("{s:s, s:[s], s:s, s:s, s:s}", "uuid", uuid, "macs", mac, "boot_mac", mac,
				    "boot_id", boot_id, "firmware", "bios");
	if (machine_agent_hello(rack->controller->machines, request, "10.77.0.90", &reply, &err) < 0)
		fail_msg("%s", err.text);
	char *token = xstrdup(json_string_value(json_object_get(reply, "token")));
	json_decref(request);
	json_decref(reply);
	return token;
}

/* Two disks of n machines: "S<n>a" of 16 GiB, "S<n>b" of 64 GiB. */
static inline json_t *rack_inventory(unsigned n)
{
	_cleanup_free_ char *a = xasprintf("S%ua", n), *b = xasprintf("S%ub", n);
	return json_pack("{s:{s:{s:i}, s:I, s:[{s:s, s:I}, {s:s, s:I}]}}", "inventory", "cpu", "threads", 4,
			 "memory_bytes", (json_int_t)(16 * GIB), "disks", "serial", a, "size_bytes",
			 (json_int_t)(16 * GIB), "serial", b, "size_bytes", (json_int_t)(64 * GIB));
}

/* report is stolen. */
static inline void rack_report(struct rack *rack, const char *machine, json_t *report)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct peer peer = { .machine = machine };
	if (cluster_agent_report(rack->controller->cluster, &peer, report, &err) < 0)
		fail_msg("%s", err.text);
	json_decref(report);
}

static inline void rack_node_report(struct rack *rack, const char *node, json_t *report)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct peer peer = { .node = node };
	if (cluster_agent_report(rack->controller->cluster, &peer, report, &err) < 0)
		fail_msg("%s", err.text);
	json_decref(report);
}

/* A machine that is on, was found by its live agent, and is known whole. Its token is the caller's. */
static inline char *rack_found(struct rack *rack, unsigned n, char **ret_id)
{
	_cleanup_free_ char *mac = xasprintf("52:54:00:00:00:0%u", n);
	char *token = rack_hello(rack, n, "first-boot");
	*ret_id = NULL;
	STORE_EACH(struct machine, machine, rack_store(rack), &kind_machine)
		if (str_equal(machine->boot_mac, mac))
			*ret_id = xstrdup(machine->id);
	assert_non_null(*ret_id);
	rack_report(rack, *ret_id, rack_inventory(n));
	return token;
}

static inline void rack_accept(struct rack *rack, const char *id)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct machine_accept how = { 0 };
	if (machine_accept(rack->controller->machines, id, &how, &err) < 0)
		fail_msg("%s", err.text);
	rack_settle(rack);
}

/* Accepted, and commissioned since its agent is there; without a BMC that takes no time. */
static inline char *rack_ready(struct rack *rack, unsigned n, char **ret_id)
{
	char *token = rack_found(rack, n, ret_id);
	rack_accept(rack, *ret_id);
	assert_int_equal(rack_machine(rack, *ret_id)->state, MACHINE_READY);
	return token;
}

static inline char *rack_deploy(struct rack *rack, const char *id)
{
	_cleanup_err_ struct err err = ERR_INIT;
	/* The smallest that fits, if the machine has several. */
	const struct inventory *inventory = rack_machine(rack, id)->inventory;
	const struct disk_info *disk = NULL;
	for (size_t i = 0; i < inventory->disk_count; i++) {
		const struct disk_info *one = &inventory->disks[i];
		if (one->size_bytes >= 8 * GIB && (!disk || one->size_bytes < disk->size_bytes))
			disk = one;
	}
	const struct machine_deploy how = { .disk = disk && inventory->disk_count > 1 ? disk->serial : NULL };
	const char *task;
	if (machine_deploy(rack->controller->machines, id, &how, &task, &err) < 0)
		fail_msg("%s", err.text);
	char *copy = xstrdup(task);
	rack_settle(rack);
	return copy;
}

/* What the live agent of a machine is to install, or NULL; the caller's. */
static inline json_t *rack_install(struct rack *rack, const char *id)
{
	const struct peer peer = { .machine = id };
	json_t *document = cluster_agent_desired(rack->controller->cluster, &peer, -1);
	json_t *install = json_incref(json_object_get(document, "install"));
	json_decref(document);
	return install;
}

static inline char *rack_install_token(struct rack *rack, const char *id)
{
	json_t *install = rack_install(rack, id);
	char *token = xstrdup(json_string_value(json_object_get(json_object_get(install, "host"), "token")));
	json_decref(install);
	return token;
}

static inline void rack_install_report(struct rack *rack, const char *id, const char *state, const char *step,
				       int progress)
{
	const struct machine *machine = rack_machine(rack, id);
	rack_report(rack, id,
		    json_pack("{s:{s:s, s:s, s:s, s:i}}", "install", "id", machine->install_id, "state", state, "step",
			      step, "progress", progress));
	rack_settle(rack);
}

static inline int rack_enroll(struct rack *rack, const char *token, const char *csr, char **ret_node, struct err *err)
{
	json_t *request = json_pack("{s:s?, s:s?}", "token", token, "csr", csr), *reply = NULL;
	int r = cluster_agent_enroll(rack->controller->cluster, request, "10.0.0.77", &reply, err);
	if (r == 0 && ret_node)
		*ret_node = xstrdup(json_string_value(json_object_get(reply, "node")));
	json_decref(request);
	json_decref(reply);
	return r;
}

static inline char *rack_csr(void)
{
	char *key, *csr;
	assert_int_equal(csr_new("host", &key, &csr, NULL), 0);
	wipe(key, strlen(key));
	free(key);
	return csr;
}

/* A deployed machine that reports as a node; the node's identifier is the caller's. */
static inline char *rack_node(struct rack *rack, unsigned n)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = NULL, *csr = rack_csr();
	char *node = NULL;
	rack_pass(rack, 1); /* identifiers are in the order of time */
	free(rack_ready(rack, n, &id));
	free(rack_deploy(rack, id));
	_cleanup_free_ char *token = rack_install_token(rack, id);
	rack_install_report(rack, id, "written", "identity", 100);
	if (rack_enroll(rack, token, csr, &node, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(rack_machine(rack, id)->state, MACHINE_DEPLOYED);
	rack_node_report(rack, node, rack_inventory(n));
	rack_settle(rack);
	return node;
}

#endif
