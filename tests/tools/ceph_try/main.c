/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls the provisioner's Ceph driver from a command line: several commands one after another over one connection,
 * separated by "--", each answered by one line of JSON. Access comes from CEPH_FSID, CEPH_MON_HOST, CEPH_KEY. */
#include <jansson.h>
#include <stdio.h>

#include "ceph/ceph_driver.h"

#define ARGS_MAX 16

struct call {
	struct ceph_access access;
	void *ctx;
	int argc;
	char *argv[ARGS_MAX];
};

static uint64_t number(const char *text)
{
	int64_t n = 0;
	if (parse_i64(text, 0, INT64_MAX, &n) < 0) {
		fprintf(stderr, "ceph-try: %s is no number\n", text);
		exit(2);
	}
	return (uint64_t)n;
}

/* What this process has in memory, in kB: its share (PSS), all it maps (RSS), what is its own. */
static int try_memory(struct call *call, json_t *answer, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	int rc = read_file("/proc/self/smaps_rollup", 64 * KIB, &text, NULL);
	if (rc < 0)
		return err_set_errno(err, rc, "smaps_rollup");
	static const char *const keys[] = { "Pss", "Rss", "Anonymous" };
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		_cleanup_free_ char *start = xasprintf("\n%s:", keys[i]);
		const char *line = strstr(text, start);
		if (line)
			json_object_set_new(answer, keys[i], json_integer(strtol(line + strlen(start), NULL, 10)));
	}
	return 0;
}

static int try_key(struct call *call, json_t *answer, struct err *err)
{
	_cleanup_free_ char *key = ceph_key_new();
	json_object_set_new(answer, "key", json_string(key));
	return 0;
}

static int try_status(struct call *call, json_t *answer, struct err *err)
{
	struct ceph_status status = { 0 };
	int rc = ceph_driver_librados.status(call->ctx, &call->access, call->argv[1], &status, err);
	if (rc < 0)
		return rc;
	json_object_set_new(answer, "health", json_string(status.health));
	json_object_set_new(answer, "checks", status.checks ? json_string(status.checks) : json_null());
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "osds", status.osds },
		{ "osds_up", status.osds_up },
		{ "osds_in", status.osds_in },
		{ "hosts_up", status.hosts_up },
		{ "pgs", status.pgs },
		{ "pgs_active_clean", status.pgs_active_clean },
		{ "total_bytes", status.total_bytes },
		{ "used_bytes", status.used_bytes },
		{ "pool_max_avail_bytes", status.pool_max_avail_bytes },
		{ "pool_stored_bytes", status.pool_stored_bytes },
		{ "mgr_available", status.mgr_available },
	};
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		json_object_set_new(answer, numbers[i].name, json_integer((json_int_t)numbers[i].value));
	ceph_status_done(&status);
	return 0;
}

static int try_configure(struct call *call, json_t *answer, struct err *err)
{
	return ceph_driver_librados.configure(call->ctx, &call->access, err);
}

static int try_auth(struct call *call, json_t *answer, struct err *err)
{
	_cleanup_free_ char *key = NULL;
	int rc = ceph_driver_librados.auth(call->ctx, &call->access, call->argv[1], (const char *const *)call->argv + 2,
					   &key, err);
	if (rc == 0)
		json_object_set_new(answer, "key", json_string(key));
	return rc;
}

static int try_osd_new(struct call *call, json_t *answer, struct err *err)
{
	_cleanup_free_ char *key = NULL;
	int id = -1;
	int rc = ceph_driver_librados.osd_new(call->ctx, &call->access, call->argv[1], &id, &key, err);
	if (rc < 0)
		return rc;
	json_object_set_new(answer, "id", json_integer(id));
	json_object_set_new(answer, "key", json_string(key));
	return 0;
}

static int try_pool_create(struct call *call, json_t *answer, struct err *err)
{
	return ceph_driver_librados.pool_create(call->ctx, &call->access, call->argv[1],
						(unsigned)number(call->argv[2]), (unsigned)number(call->argv[3]),
						(unsigned)number(call->argv[4]), err);
}

static int try_volume_create(struct call *call, json_t *answer, struct err *err)
{
	return ceph_driver_librados.volume_create(call->ctx, &call->access, call->argv[1], call->argv[2],
						  number(call->argv[3]), err);
}

static int try_volume_clone(struct call *call, json_t *answer, struct err *err)
{
	return ceph_driver_librados.volume_clone(call->ctx, &call->access, call->argv[1], call->argv[2], call->argv[3],
						 number(call->argv[4]), err);
}

static int try_volume_delete(struct call *call, json_t *answer, struct err *err)
{
	return ceph_driver_librados.volume_delete(call->ctx, &call->access, call->argv[1], call->argv[2], err);
}

static void count_progress(uint64_t done_bytes, uint64_t total_bytes, void *data)
{
	json_t *answer = data;
	json_object_set_new(answer, "calls", json_integer(1 + json_integer_value(json_object_get(answer, "calls"))));
	json_object_set_new(answer, "done_bytes", json_integer((json_int_t)done_bytes));
}

static int try_image_import(struct call *call, json_t *answer, struct err *err)
{
	return ceph_driver_librados.image_import(call->ctx, &call->access, call->argv[1], call->argv[2], call->argv[3],
						 number(call->argv[4]), call->argv[5], count_progress, answer, err);
}

static int try_image_delete(struct call *call, json_t *answer, struct err *err)
{
	return ceph_driver_librados.image_delete(call->ctx, &call->access, call->argv[1], call->argv[2], err);
}

static const struct {
	const char *name;
	int args_min;
	int (*run)(struct call *call, json_t *answer, struct err *err);
} commands[] = {
	{ "memory", 0, try_memory },
	{ "key", 0, try_key },
	{ "status", 0, try_status }, /* [POOL] */
	{ "configure", 0, try_configure },
	{ "auth", 1, try_auth },		   /* ENTITY CAPS... */
	{ "osd-new", 1, try_osd_new },		   /* UUID */
	{ "pool-create", 4, try_pool_create },	   /* POOL SIZE MIN_SIZE PG_NUM */
	{ "volume-create", 3, try_volume_create }, /* POOL NAME BYTES */
	{ "volume-clone", 4, try_volume_clone },   /* POOL IMAGE NAME BYTES */
	{ "volume-delete", 2, try_volume_delete },
	{ "image-import", 5, try_image_import }, /* POOL NAME FILE BYTES SHA256 */
	{ "image-delete", 2, try_image_delete },
};

static bool run_one(struct call *call)
{
	_cleanup_err_ struct err err = ERR_INIT;
	json_t *answer = json_object();
	int rc = err_set(&err, ERR_INVALID, "no such command, or too few arguments: %s",
			 str_or(call->argv[0], "(nothing)"));
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (str_equal(call->argv[0], commands[i].name) && call->argc > commands[i].args_min) {
			err_done(&err);
			rc = commands[i].run(call, answer, &err);
			break;
		}
	}
	if (rc < 0) {
		json_object_set_new(answer, "error", json_string(err_meaning(err.code)->name));
		json_object_set_new(answer, "text", json_string(str_or(err.text, "")));
	}
	char *text = json_dumps(answer, JSON_COMPACT);
	puts(text);
	fflush(stdout);
	free(text);
	json_decref(answer);
	return rc == 0;
}

int main(int argc, char **argv)
{
	struct call call = {
		.access = { getenv("CEPH_FSID"), getenv("CEPH_MON_HOST"), getenv("CEPH_KEY") },
		.ctx = ceph_librados_new(),
	};
	bool good = true;
	for (int i = 1; i <= argc; i++) {
		if (i < argc && !str_equal(argv[i], "--")) {
			if (call.argc < ARGS_MAX - 1)
				call.argv[call.argc++] = argv[i];
			continue;
		}
		call.argv[call.argc] = NULL;
		good = run_one(&call) && good;
		memset(call.argv, 0, sizeof(call.argv));
		call.argc = 0;
	}
	ceph_librados_free(call.ctx);
	return good ? 0 : 1;
}
