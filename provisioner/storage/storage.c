/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The look at the whole: the next thing that is missing is asked for, one thing at a time. */
#include <assert.h>

#include "base/log.h"
#include "storage/storage_priv.h"

#define LOOK_EVERY_MS 1000
#define STATUS_EVERY_MS 2000
/* While placement groups come up, which takes seconds. */
#define STATUS_CREATING_MS 500
#define STATUS_QUIET_MS 10000
#define DATA_DISK_MIN_BYTES GIB
#define JOBS_WAITING_MAX 1024

const struct ceph_cluster *storage_cluster(struct storage *storage)
{
	return store_next(storage->store, &kind_ceph_cluster, NULL);
}

const struct pool *storage_pool(struct storage *storage)
{
	return store_next(storage->store, &kind_pool, NULL);
}

/* ---- jobs ---- */

struct ceph_job *ceph_job_new(struct storage *storage)
{
	const struct ceph_cluster *cluster = storage_cluster(storage);
	if (!cluster)
		return NULL;
	struct ceph_job *job = new0(struct ceph_job, 1);
	job->storage = storage;
	job->driver = storage->spec.driver;
	job->driver_ctx = storage->spec.driver_ctx;
	job->access.fsid = xstrdup(cluster->fsid);
	job->access.mon_host = xstrdup(cluster->mon_host);
	job->access.key = xstrdup(cluster->admin_key);
	job->pool = xstrdup(STORAGE_POOL);
	list_append(&storage->jobs, &job->link);
	return job;
}

struct ceph_job *ceph_job_for(struct storage *storage, const struct effect *effect, enum ceph_lane lane, bool wanted)
{
	struct ceph_job *job = wanted ? ceph_job_new(storage) : NULL;
	if (!job) {
		store_effect_drop(storage->store, effect);
		return NULL;
	}
	job->effect_seq = effect->seq;
	job->id = xstrdup(effect->id);
	job->lane = lane;
	return job;
}

void ceph_job_set_task(struct ceph_job *job, const char *task, int64_t deadline_ms)
{
	str_set(&job->task, task);
	job->deadline_ms = deadline_ms;
}

void ceph_job_call_off(struct storage *storage, const char *id)
{
	struct ceph_job *job;
	LIST_FOREACH(job, &storage->jobs, link)
		if (str_equal(job->id, id))
			job->called_off = true;
}

static void secret_free(char *text)
{
	if (text)
		wipe(text, strlen(text));
	free(text);
}

static void job_free(struct ceph_job *job)
{
	list_remove(&job->link);
	free(job->access.fsid);
	free(job->access.mon_host);
	secret_free(job->access.key);
	secret_free(job->key);
	free(job->id);
	free(job->name);
	free(job->text);
	free(job->path);
	free(job->pool);
	free(job->received);
	free(job->task);
	ceph_status_done(&job->status);
	err_done(&job->err);
	free(job);
}

static void job_work(void *data)
{
	struct ceph_job *job = data;
	job->work(job);
}

static void begin_next(struct storage *storage, enum ceph_lane lane);

static void job_done(void *data)
{
	struct ceph_job *job = data;
	struct storage *storage = job->abandoned ? NULL : job->storage;
	enum ceph_lane lane = job->lane;
	if (storage) {
		if (storage->running[lane] == job)
			storage->running[lane] = NULL;
		job->done(job);
	}
	job_free(job);
	if (storage)
		begin_next(storage, lane);
}

static void refuse_job(struct ceph_job *job)
{
	err_set(&job->err, ERR_BUSY, "too much is waiting for the storage; try again later");
	loop_timer_new(job->storage->loop, 0, job_done, job);
}

static void put_off(struct ceph_job *job)
{
	struct store *store = job->storage->store;
	store_begin(store);
	task_put_off(store, job->task, job->deadline_ms);
	store_must_commit(store);
}

static void begin(struct ceph_job *job)
{
	/* Lanes of the work queue as well: what an earlier controller in this process began comes to its end first. */
	static const char *const lanes[CEPH_LANE_COUNT] = { "ceph", "ceph-volumes", "ceph-images" };
	struct storage *storage = job->storage;
	job->waits = false;
	storage->waiting--;
	storage->running[job->lane] = job;
	if (job->task)
		put_off(job);
	if (loop_work(storage->loop, lanes[job->lane], job_work, job_done, job) < 0)
		refuse_job(job);
}

static void begin_next(struct storage *storage, enum ceph_lane lane)
{
	struct ceph_job *job;
	if (storage->running[lane])
		return;
	LIST_FOREACH(job, &storage->jobs, link) {
		if (job->lane == lane && job->waits) {
			begin(job);
			return;
		}
	}
}

void ceph_job_run(struct ceph_job *job)
{
	struct storage *storage = job->storage;
	if (storage->waiting >= JOBS_WAITING_MAX) {
		refuse_job(job);
		return;
	}
	job->waits = true;
	storage->waiting++;
	begin_next(storage, job->lane);
}

/* What waits its turn does not fail for that: its time has not begun. Written down now and then only. */
static void hold_deadlines(struct storage *storage)
{
	int64_t now = loop_now_ms(storage->loop);
	struct ceph_job *job;
	LIST_FOREACH(job, &storage->jobs, link) {
		const struct task *task = job->waits ? store_get(storage->store, &kind_task, job->task) : NULL;
		if (task && task->deadline - now < job->deadline_ms / 2)
			put_off(job);
	}
}

static void look(void *data);

/* Something has gone well or come in that the next step may have waited for. */
static void look_now(struct storage *storage)
{
	if (!storage->timer)
		return;
	loop_timer_free(storage->timer);
	storage->timer = loop_timer_new(storage->loop, 0, look, storage);
}

/* ---- bootstrap: the cluster's identity is made once, on the first node with a data disk ---- */

static const struct machine *node_machine(struct storage *storage, const struct node *node)
{
	return store_get(storage->store, &kind_machine, node->machine);
}

static bool is_system_disk(const struct machine *machine, const struct disk_info *disk)
{
	const struct disk_choice *system = machine->install_disk;
	return system && ((system->wwn && str_equal(system->wwn, disk->wwn)) ||
			  (system->serial && str_equal(system->serial, disk->serial)));
}

static bool is_data_disk(const struct machine *machine, const struct disk_info *disk)
{
	return (disk->serial || disk->wwn) && disk->size_bytes >= DATA_DISK_MIN_BYTES && !is_system_disk(machine, disk);
}

static bool has_data_disk(struct storage *storage, const struct node *node)
{
	const struct machine *machine = node_machine(storage, node);
	if (!node->pool_disks)
		return false;
	for (size_t i = 0; machine && machine->inventory && i < machine->inventory->disk_count; i++)
		if (is_data_disk(machine, &machine->inventory->disks[i]))
			return true;
	return false;
}

static void bootstrap(struct storage *storage)
{
	STORE_EACH(struct node, node, storage->store, &kind_node) {
		if (node->health != NODE_READY || !node->address || !has_data_disk(storage, node))
			continue;
		store_begin(storage->store);
		struct ceph_cluster *cluster = store_create(storage->store, &kind_ceph_cluster);
		cluster->fsid = uuid_new();
		cluster->mon_node = xstrdup(node->id);
		cluster->mon_host = xasprintf("[v2:%s:3300]", node->address);
		cluster->mon_key = ceph_key_new();
		cluster->admin_key = ceph_key_new();
		store_event(storage->store, "pool.bootstrap", "node", node->id, node->name, NULL);
		store_must_commit(storage->store);
		return;
	}
}

static void make_pool_document(struct storage *storage)
{
	store_begin(storage->store);
	struct pool *pool = store_create(storage->store, &kind_pool);
	pool->name = xstrdup(STORAGE_POOL);
	pool->size = storage->spec.pool_size;
	pool->min_size = pool->size > 1 ? pool->size - 1 : 1;
	pool->pg_num = 32;
	pool->state = POOL_WAITING;
	pool->detail = xstrdup("waits for the first node with a data disk");
	pool->created = pool->state_since = loop_now_ms(storage->loop);
	store_must_commit(storage->store);
}

/* ---- one data disk, one OSD: recorded first, so that its UUID makes every repetition harmless ---- */

static const struct node_osd *osd_of(const struct node *node, const struct disk_info *disk)
{
	for (size_t i = 0; i < node->osd_count; i++) {
		const struct node_osd *osd = &node->osds[i];
		if ((osd->wwn && str_equal(osd->wwn, disk->wwn)) ||
		    (osd->serial && str_equal(osd->serial, disk->serial)))
			return osd;
	}
	return NULL;
}

static void record_osds(struct storage *storage, const struct node *node)
{
	const struct machine *machine = node_machine(storage, node);
	for (size_t i = 0; machine && machine->inventory && i < machine->inventory->disk_count; i++) {
		const struct disk_info *disk = &machine->inventory->disks[i];
		node = store_get(storage->store, &kind_node, node->id);
		if (!node->pool_disks || !is_data_disk(machine, disk) || osd_of(node, disk))
			continue;
		store_begin(storage->store);
		struct node *edit = store_edit(storage->store, &kind_node, node->id);
		struct node_osd *osd = schema_list_add(&node_schema, edit, "osds");
		osd->number = -1;
		osd->uuid = uuid_new();
		osd->wwn = xstrdup(disk->wwn);
		osd->serial = xstrdup(disk->serial);
		osd->state = xstrdup("planned");
		store_must_commit(storage->store);
	}
}

static void work_osd(struct ceph_job *job)
{
	job->driver->osd_new(job->driver_ctx, &job->access, job->text, &job->number, &job->key, &job->err);
}

/* A step that failed is taken again at the next look, not at once. */
static void looked(struct ceph_job *job, const char *what)
{
	job->storage->asking = false;
	if (job->err.code != ERR_NONE)
		log_warning("storage: %s: %s", what, job->err.text);
	else
		look_now(job->storage);
}

static void done_osd(struct ceph_job *job)
{
	struct store *store = job->storage->store;
	looked(job, "registering an OSD");
	if (job->err.code != ERR_NONE || !store_get(store, &kind_node, job->id))
		return;
	store_begin(store);
	struct node *node = store_edit(store, &kind_node, job->id);
	for (size_t i = 0; i < node->osd_count; i++) {
		if (!str_equal(node->osds[i].uuid, job->text))
			continue;
		node->osds[i].number = job->number;
		str_set(&node->osds[i].key, job->key);
		_cleanup_free_ char *number = xasprintf("%d", job->number);
		store_event(store, "disk.added", "node", node->id, node->name, "disk",
			    str_or(node->osds[i].serial, node->osds[i].wwn), "osd", number, NULL);
	}
	store_must_commit(store);
}

static bool ask_osd(struct storage *storage)
{
	STORE_EACH(struct node, node, storage->store, &kind_node) {
		for (size_t i = 0; i < node->osd_count; i++) {
			if (node->osds[i].number >= 0)
				continue;
			struct ceph_job *job = ceph_job_new(storage);
			job->id = xstrdup(node->id);
			job->text = xstrdup(node->osds[i].uuid);
			job->work = work_osd;
			job->done = done_osd;
			ceph_job_run(job);
			return true;
		}
	}
	return false;
}

/* ---- keys of the manager and of the virtual machines' hosts ---- */

static void work_auth(struct ceph_job *job)
{
	static const char *const mgr_caps[] = { "mon", "allow profile mgr", "osd", "allow *", "mds", "allow *", NULL };
	static const char *const client_caps[] = { "mon", "profile rbd", "osd", "profile rbd",
						   "mgr", "profile rbd", NULL };
	bool mgr = strncmp(job->name, "mgr.", 4) == 0;
	/* The manager is not started before its key is known. */
	if (mgr && job->driver->configure(job->driver_ctx, &job->access, &job->err) < 0)
		return;
	job->driver->auth(job->driver_ctx, &job->access, job->name, mgr ? mgr_caps : client_caps, &job->key, &job->err);
}

static void done_auth(struct ceph_job *job)
{
	struct store *store = job->storage->store;
	const struct ceph_cluster *cluster = storage_cluster(job->storage);
	looked(job, "asking for a key");
	if (job->err.code != ERR_NONE || !cluster)
		return;
	store_begin(store);
	struct ceph_cluster *edit = store_edit(store, &kind_ceph_cluster, cluster->id);
	str_set(strncmp(job->name, "mgr.", 4) == 0 ? &edit->mgr_key : &edit->client_key, job->key);
	store_must_commit(store);
}

static bool ask_key(struct storage *storage, const struct node *mon_node)
{
	const struct ceph_cluster *cluster = storage_cluster(storage);
	if (cluster->mgr_key && cluster->client_key)
		return false;
	struct ceph_job *job = ceph_job_new(storage);
	job->name = cluster->mgr_key ? xstrdup("client.ingot") : xasprintf("mgr.%s", mon_node->name);
	job->work = work_auth;
	job->done = done_auth;
	ceph_job_run(job);
	return true;
}

/* ---- the pool ---- */

static void work_pool(struct ceph_job *job)
{
	job->driver->pool_create(job->driver_ctx, &job->access, job->pool, job->size, job->min_size, job->pg_num,
				 &job->err);
}

static void done_pool(struct ceph_job *job)
{
	struct store *store = job->storage->store;
	const struct pool *pool = storage_pool(job->storage);
	looked(job, "making the pool");
	store_begin(store);
	struct pool *edit = store_edit(store, &kind_pool, pool->id);
	if (job->err.code == ERR_NONE) {
		edit->made = true;
		_cleanup_free_ char *copies = xasprintf("%u", job->size);
		store_event(store, "pool.created", "pool", edit->id, edit->name, "count", copies, NULL);
	} else {
		str_set(&edit->detail, job->err.text);
	}
	store_must_commit(store);
}

static bool ask_pool(struct storage *storage)
{
	const struct pool *pool = storage_pool(storage);
	if (pool->made || pool->hosts_up < pool->size)
		return false;
	struct ceph_job *job = ceph_job_new(storage);
	job->size = (unsigned)pool->size;
	job->min_size = (unsigned)pool->min_size;
	job->pg_num = (unsigned)pool->pg_num;
	job->work = work_pool;
	job->done = done_pool;
	ceph_job_run(job);
	return true;
}

/* ---- status ---- */

static void work_status(struct ceph_job *job)
{
	job->driver->status(job->driver_ctx, &job->access, job->pool, &job->status, &job->err);
}

static int pool_state_of(const struct pool *pool, const struct ceph_status *status)
{
	if (!pool->made)
		return status->hosts_up < pool->size ? POOL_WAITING : POOL_CREATING;
	if (status->pgs > 0 && status->pgs == status->pgs_active_clean && status->hosts_up >= pool->size)
		return POOL_ACTIVE;
	return pool->state == POOL_ACTIVE || pool->state == POOL_DEGRADED || pool->state == POOL_UNREACHABLE
		       ? POOL_DEGRADED
		       : POOL_CREATING;
}

static void describe(struct pool *pool, const struct ceph_status *status)
{
	free(pool->detail);
	pool->detail = NULL;
	if (pool->state == POOL_WAITING)
		pool->detail = xasprintf("waits for %lld nodes with a data disk up; there are %u",
					 (long long)pool->size, status->hosts_up);
	else if (pool->state != POOL_ACTIVE)
		pool->detail = xasprintf("%u of %u placement groups are active and clean; %s", status->pgs_active_clean,
					 status->pgs, str_or(status->checks, "no check fails"));
	else
		pool->detail = xstrdup(status->checks);
}

static void take_status(struct storage *storage, const struct ceph_job *job)
{
	const struct ceph_status *status = &job->status;
	const struct pool *pool = storage_pool(storage);
	struct pool *edit = store_edit(storage->store, &kind_pool, pool->id);
	if (job->err.code != ERR_NONE) {
		edit->state = edit->made ? POOL_UNREACHABLE : POOL_WAITING;
		str_set(&edit->detail, job->err.text);
		str_set(&edit->health, NULL);
		return;
	}
	edit->osds = status->osds;
	edit->osds_up = status->osds_up;
	edit->hosts_up = status->hosts_up;
	edit->pgs = status->pgs;
	edit->pgs_active_clean = status->pgs_active_clean;
	edit->total_bytes = status->total_bytes;
	edit->used_bytes = status->used_bytes;
	edit->available_bytes = status->pool_max_avail_bytes;
	str_set(&edit->health, status->health);
	edit->state = pool_state_of(pool, status);
	describe(edit, status);
}

static void done_status(struct ceph_job *job)
{
	struct storage *storage = job->storage;
	const struct pool *pool = storage_pool(storage);
	int before = pool->state;
	storage->asking = false;
	store_begin(storage->store);
	take_status(storage, job);
	const struct pool *now = store_get(storage->store, &kind_pool, pool->id);
	if (now->state != before) {
		((struct pool *)store_edit(storage->store, &kind_pool, now->id))->state_since =
			loop_now_ms(storage->loop);
		now = store_get(storage->store, &kind_pool, now->id);
		store_event(storage->store, now->detail ? "pool.state.detail" : "pool.state", "pool", now->id,
			    now->name, "state", pool_state_words[now->state], "reason", now->detail, NULL);
	}
	if (job->err.code == ERR_NONE)
		pool_usage_note(storage->store, now, loop_now_ms(storage->loop));
	store_must_commit(storage->store);
}

static int64_t status_every_ms(const struct pool *pool)
{
	if (pool->state == POOL_ACTIVE)
		return STATUS_QUIET_MS;
	return pool->state == POOL_CREATING ? STATUS_CREATING_MS : STATUS_EVERY_MS;
}

static void ask_status(struct storage *storage)
{
	int64_t now = loop_monotonic_ms(storage->loop);
	const struct pool *pool = storage_pool(storage);
	if (now < storage->next_status_ms)
		return;
	storage->next_status_ms = now + status_every_ms(pool);
	struct ceph_job *job = ceph_job_new(storage);
	job->work = work_status;
	job->done = done_status;
	storage->asking = true;
	ceph_job_run(job);
}

/* ---- the look ---- */

static void look_at_cluster(struct storage *storage, const struct ceph_cluster *cluster)
{
	STORE_EACH(struct node, node, storage->store, &kind_node)
		record_osds(storage, node);
	const struct node *mon_node = store_get(storage->store, &kind_node, cluster->mon_node);
	if (!mon_node || (!cluster->client_key && !str_equal(mon_node->mon, "running")))
		return;
	if (ask_key(storage, mon_node) || ask_osd(storage) || ask_pool(storage))
		storage->asking = true;
	else
		ask_status(storage);
}

static void look(void *data)
{
	struct storage *storage = data;
	const struct ceph_cluster *cluster = storage_cluster(storage);
	const struct pool *pool = storage_pool(storage);
	storage->timer = NULL;
	if (!pool) /* it could not be stored, and this process ends */
		return;
	storage->timer = loop_timer_new(
		storage->loop, pool->state == POOL_CREATING ? STATUS_CREATING_MS : LOOK_EVERY_MS, look, storage);
	storage_show_progress(storage);
	hold_deadlines(storage);
	if (storage->asking)
		return;
	if (cluster)
		look_at_cluster(storage, cluster);
	else
		bootstrap(storage);
}

/* ---- agents ---- */

uint64_t storage_memory_bytes(const struct node *node, bool mon)
{
	uint64_t osd = MIN_OF(MAX_OF(node->memory_bytes / 16, 900 * MIB), 4 * GIB);
	return node->osd_count * osd + (mon ? GIB / 2 : 0);
}

static json_t *osds_desired(const struct node *node)
{
	json_t *list = json_array();
	for (size_t i = 0; i < node->osd_count; i++) {
		const struct node_osd *osd = &node->osds[i];
		if (osd->number < 0 || !osd->key)
			continue;
		uint64_t memory = storage_memory_bytes(node, false) / node->osd_count;
		json_array_append_new(list,
				      json_pack("{s:I, s:s, s:s, s:{s:s?, s:s?}, s:I}", "id", (json_int_t)osd->number,
						"uuid", osd->uuid, "key", osd->key, "disk", "wwn", osd->wwn, "serial",
						osd->serial, "memory_bytes", (json_int_t)memory));
	}
	return list;
}

json_t *storage_agent_desired(struct storage *storage, const struct node *node)
{
	const struct ceph_cluster *cluster = storage_cluster(storage);
	if (!cluster)
		return NULL;
	bool mon = str_equal(cluster->mon_node, node->id);
	json_t *ceph = json_pack("{s:s, s:s, s:o}", "fsid", cluster->fsid, "mon_host", cluster->mon_host, "osds",
				 osds_desired(node));
	if (mon)
		json_object_set_new(ceph, "mon",
				    json_pack("{s:s, s:s, s:s, s:s}", "name", node->name, "address", node->address,
					      "key", cluster->mon_key, "admin_key", cluster->admin_key));
	if (mon && cluster->mgr_key)
		json_object_set_new(ceph, "mgr", json_pack("{s:s, s:s}", "name", node->name, "key", cluster->mgr_key));
	if (cluster->client_key)
		json_object_set_new(ceph, "client",
				    json_pack("{s:s, s:s}", "name", "client.ingot", "key", cluster->client_key));
	return ceph;
}

struct ceph_osd_report {
	int64_t id;
	char *state;
};
struct ceph_report {
	char *mon, *mgr;
	struct ceph_osd_report *osds;
	size_t osd_count;
	struct problem *error;
};
static const struct field osd_report_fields[] = {
	F(struct ceph_osd_report, id, FIELD_INT, 0, .max = INT32_MAX),
	F(struct ceph_osd_report, state, FIELD_STRING, 0, .max = 32),
};
static const struct schema osd_report_schema = SCHEMA("osd", struct ceph_osd_report, osd_report_fields, "");
static const struct field report_fields[] = {
	F(struct ceph_report, mon, FIELD_STRING, 0, .max = 32),
	F(struct ceph_report, mgr, FIELD_STRING, 0, .max = 32),
	F_LIST(struct ceph_report, osds, osd_count, FIELD_OBJECTS, 0, .of = &osd_report_schema),
	F(struct ceph_report, error, FIELD_OBJECT, 0, .of = &problem_schema),
};
static const struct schema report_schema = SCHEMA("ceph", struct ceph_report, report_fields, "");

static bool take_state(char **state, const char *reported)
{
	bool changed = !str_equal(*state, reported);
	str_set(state, reported);
	return changed;
}

/* Whether a daemon's state has changed. */
static bool take_report(struct node *node, const struct ceph_report *report)
{
	bool changed = take_state(&node->mon, report->mon);
	changed = take_state(&node->mgr, report->mgr) || changed;
	for (size_t i = 0; i < report->osd_count; i++)
		for (size_t j = 0; j < node->osd_count; j++)
			if (node->osds[j].number == report->osds[i].id)
				changed = take_state(&node->osds[j].state, report->osds[i].state) || changed;
	schema_free(&problem_schema, node->error);
	node->error = report->error ? problem_known(report->error) : NULL;
	return changed;
}

void storage_agent_report(struct storage *storage, const char *id, const json_t *json)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct node *node = store_get(storage->store, &kind_node, id);
	struct ceph_report report = { 0 };
	if (!node || !json_is_object(json))
		return;
	if (schema_decode(&report_schema, SCHEMA_PEER, json, &report, &err) < 0) {
		log_warning("node %s: report of its storage: %s", node->name, err.text);
		return;
	}
	store_begin(storage->store);
	bool changed = take_report(store_edit(storage->store, &kind_node, id), &report);
	store_must_commit(storage->store);
	schema_done(&report_schema, &report);
	if (!changed)
		return;
	storage->next_status_ms = 0;
	look_now(storage);
}

/* ---- life ---- */

/* What is to go goes: a deletion cannot be called back, and its task tells how it went. */
static bool deletion_call_off(struct storage *storage, const struct task *task)
{
	static const char step[] = "cannot be called back";
	_cleanup_free_ char *id = xstrdup(task->id);
	if (str_equal(task->message, step))
		return true;
	store_begin(storage->store);
	task_step(storage->store, id, step);
	store_must_commit(storage->store);
	return true;
}

static const struct {
	const char *action;
	bool (*call_off)(struct storage *storage, const struct task *task);
} actions[] = {
	{ "volume.create", volume_call_off },
	{ "volume.delete", deletion_call_off },
	{ "image.import", image_call_off },
	{ "image.delete", deletion_call_off },
};

static bool task_stop(const struct task *task, const struct err *why, void *data)
{
	struct storage *storage = data;
	_cleanup_free_ char *id = xstrdup(task->id);
	for (size_t i = 0; why->code == ERR_CANCELLED && i < ARRAY_SIZE(actions); i++)
		if (str_equal(actions[i].action, task->action) && actions[i].call_off(storage, task))
			return true;
	/* An operation inside Ceph is not ended by that; what comes of it what it was about tells. */
	store_begin(storage->store);
	task_finish(storage->store, id, why);
	store_must_commit(storage->store);
	return false;
}

struct storage *storage_new(const struct storage_spec *spec)
{
	struct storage *storage = new0(struct storage, 1);
	storage->spec = *spec;
	storage->store = spec->store;
	storage->loop = store_loop(spec->store);
	list_init(&storage->jobs);
	list_init(&storage->received);
	storage_volumes_register(storage);
	storage_images_register(storage);
	task_service_owner(spec->tasks, "volume", task_stop, storage);
	task_service_owner(spec->tasks, "image", task_stop, storage);
	return storage;
}

void storage_start(struct storage *storage)
{
	if (!storage_pool(storage))
		make_pool_document(storage);
	storage_sweep_uploads(storage);
	storage->timer = loop_timer_new(storage->loop, 0, look, storage);
}

struct storage *storage_free(struct storage *storage)
{
	struct ceph_job *job;
	if (!storage)
		return NULL;
	loop_timer_free(storage->timer);
	storage_received_drop(storage);
	LIST_FOREACH(job, &storage->jobs, link) {
		job->abandoned = true;
		list_remove(&job->link);
		if (job->waits)
			job_free(job);
	}
	free(storage);
	return NULL;
}
