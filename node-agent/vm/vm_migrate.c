/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Live migration, driven by the node the machine runs on: libvirt here talks to libvirt there, the memory goes from QEMU to
 * QEMU, both over TLS. The call that does it lasts as long as the migration and has a thread of its own; the part's runs look
 * at it, report how far it is, and end it when its time is over. */
#include "base/log.h"
#include "vm/vm_priv.h"

#define MIGRATION_DEADLINE_MS (30 * 60 * 1000)

#define MIGRATION_FLAGS                                                                                                \
	(VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_PERSIST_DEST | VIR_MIGRATE_UNDEFINE_SOURCE |           \
	 VIR_MIGRATE_AUTO_CONVERGE | VIR_MIGRATE_ABORT_ON_ERROR | VIR_MIGRATE_TLS)

struct migration *migration_find(struct vm_state *state, const char *vm)
{
	struct migration *migration, *last = NULL;

	/* The analyzer does not follow that what is freed has left the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	LIST_FOREACH(migration, &state->migrations, link) {
		if (str_equal(migration->vm, vm))
			last = migration;
	}
	return last;
}

bool migration_ended(struct migration *migration)
{
	bool ended;

	pthread_mutex_lock(&migration->lock);
	ended = migration->ended;
	pthread_mutex_unlock(&migration->lock);
	return ended;
}

bool migration_any(struct vm_state *state)
{
	struct migration *migration;

	LIST_FOREACH(migration, &state->migrations, link) {
		if (!migration_ended(migration))
			return true;
	}
	return false;
}

/* ---- the thread ---- */

static int migrate(const struct migration *migration, struct err *err)
{
	bool ip6 = strchr(migration->address, ':') != NULL;
	_cleanup_free_ char *host = xasprintf(ip6 ? "[%s]" : "%s", migration->address);
	_cleanup_free_ char *peer = xasprintf("qemu+tls://%s/system", host);
	_cleanup_free_ char *stream = xasprintf("tcp://%s", host);
	_cleanup_free_ char *name = xasprintf(VM_DOMAIN_PREFIX "%s", migration->vm);
	_cleanup_free_ char *here = NULL, *there = NULL;
	_cleanup_domain_ virDomainPtr domain = NULL;
	virTypedParameterPtr params = NULL;
	int count = 0, max = 0, r = 0;
	/* A connection of its own: the part's is closed when libvirt seems to hang. */
	virConnectPtr conn = virConnectOpen("qemu:///system");

	if (conn)
		virConnectSetKeepAlive(conn, KEEPALIVE_S, KEEPALIVE_COUNT);
	domain = conn ? virDomainLookupByName(conn, name) : NULL;
	here = domain ? virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_MIGRATABLE) : NULL;
	there = here ? vm_xml_for_target(here, migration->member) : NULL;
	/* The addresses are said: otherwise the peer's host name would have to mean something here. */
	if (!there || virTypedParamsAddString(&params, &count, &max, VIR_MIGRATE_PARAM_DEST_XML, there) < 0 ||
	    virTypedParamsAddString(&params, &count, &max, VIR_MIGRATE_PARAM_URI, stream) < 0 ||
	    virTypedParamsAddString(&params, &count, &max, VIR_MIGRATE_PARAM_LISTEN_ADDRESS, migration->address) < 0 ||
	    virDomainMigrateToURI3(domain, peer, params, (unsigned)count, MIGRATION_FLAGS) < 0)
		r = vm_fail(err, "migration to %s", migration->address);
	virTypedParamsFree(params, count);
	if (conn)
		virConnectClose(conn);
	return r;
}

static void *migration_thread(void *data)
{
	struct migration *migration = data;
	_cleanup_err_ struct err err = ERR_INIT;

	migrate(migration, &err);
	pthread_mutex_lock(&migration->lock);
	err_move(&migration->err, &err);
	migration->ended = true;
	pthread_mutex_unlock(&migration->lock);
	return NULL;
}

/* ---- on the part's worker ---- */

static void migration_free(struct migration *migration)
{
	pthread_join(migration->thread, NULL);
	list_remove(&migration->link);
	pthread_mutex_destroy(&migration->lock);
	err_done(&migration->err);
	free(migration->id);
	free(migration->vm);
	free(migration->address);
	free(migration->member);
	free(migration);
}

static bool has_order(const json_t *desired, const char *vm)
{
	size_t i;
	json_t *entry;

	json_array_foreach(desired, i, entry) {
		if (str_equal(json_string_value(json_object_get(entry, "id")), vm))
			return true;
	}
	return false;
}

void migration_forget(struct vm_state *state, const json_t *desired)
{
	struct migration *migration;

	LIST_FOREACH(migration, &state->migrations, link) {
		/* Of one machine only the last is asked about. */
		if (migration_ended(migration) &&
		    (!has_order(desired, migration->vm) || migration_find(state, migration->vm) != migration))
			migration_free(migration);
	}
}

/* Whatever follows, and whoever is asked: this one is not begun (again). */
static int mark_begun(const struct vm_order *order, struct vm_domain *domain, struct err *err)
{
	str_set(&domain->mark.migration, order->migration);
	domain->mark.until_ms = order->abort ? 0 : monotonic_ms() + MIGRATION_DEADLINE_MS;
	return vm_domain_save_mark(domain, err);
}

int migration_begin(struct part_run *run, struct vm_state *state, const struct vm_order *order,
		    struct vm_domain *domain, struct err *err)
{
	struct migration *migration;
	int r;

	if (str_equal(domain->mark.migration, order->migration))
		return 0;
	if (order->abort)
		return mark_begun(order, domain, err);
	r = vm_departure_write(run, order->id, order->generation, err);
	if (r == 0)
		r = mark_begun(order, domain, err);
	if (r < 0)
		return r;

	migration = new0(struct migration, 1);
	migration->id = xstrdup(order->migration);
	migration->vm = xstrdup(order->id);
	migration->address = xstrdup(order->address);
	migration->member = xstrdup(state->member);
	pthread_mutex_init(&migration->lock, NULL);
	if (pthread_create(&migration->thread, NULL, migration_thread, migration) != 0) {
		pthread_mutex_destroy(&migration->lock);
		free(migration->id);
		free(migration->vm);
		free(migration->address);
		free(migration->member);
		free(migration);
		return err_set(err, ERR_CAPACITY, "cannot start a thread for the migration");
	}
	list_append(&state->migrations, &migration->link);
	log_info("vm %s: migration %s to %s begins", order->id, order->migration, order->address);
	return 0;
}

/* Of the memory, in percent; 99 at most, for it is over only when the call says so. -1: no job. */
static int job_progress(const struct vm_domain *domain)
{
	virDomainJobInfo info;

	if (virDomainGetJobInfo(domain->domain, &info) < 0 || info.type == VIR_DOMAIN_JOB_NONE)
		return -1;
	if (info.dataTotal == 0)
		return 0;
	return (int)MIN_OF(info.dataProcessed * 100 / info.dataTotal, 99ULL);
}

/* The deadline is of the boot in which it was begun, which is this one as long as the machine runs on here. */
static bool is_wanted(const struct vm_order *order, const struct vm_mark *mark)
{
	bool over = mark->until_ms && monotonic_ms() >= mark->until_ms;

	return str_equal(order->migration, mark->migration) && !order->abort && !over;
}

void migration_look(struct vm_state *state, const struct vm_order *order, const struct vm_domain *domain)
{
	struct migration *migration = migration_find(state, domain->mark.id);
	bool departs = domain->mark.migration && !str_equal(domain->mark.migration, domain->mark.arrived) &&
		       str_equal(domain->mark.boot, state->boot);
	int progress = departs ? job_progress(domain) : -1;

	if (progress < 0)
		return;
	if (migration)
		migration->progress = MAX_OF(progress, migration->progress);
	/* Asked again each time: in its last step it cannot be ended, and that step may fail. */
	if (!is_wanted(order, &domain->mark) && virDomainAbortJob(domain->domain) == 0)
		log_info("vm %s: migration %s is called off", domain->mark.id, domain->mark.migration);
}

bool migration_is_settled(struct vm_state *state, const struct vm_domain *domain)
{
	struct migration *migration = migration_find(state, domain->mark.id);

	if (!domain->active || (domain->state == VIR_DOMAIN_PAUSED && domain->reason == VIR_DOMAIN_PAUSED_MIGRATION))
		return false;
	/* The call may have lost sight of it, and it goes on. */
	return (!migration || migration_ended(migration)) && job_progress(domain) < 0;
}

static json_t *report_json(const char *id, const char *state, int progress, const struct err *err)
{
	return json_pack("{s:s, s:s, s:i, s:o}", "id", id, "state", state, "progress", progress, "error",
			 part_error_json(err));
}

/* With the call's own end: "failed" is what it says, not yet what has become of the machine. */
static json_t *report_call(struct migration *migration, const char *failed)
{
	json_t *report;

	pthread_mutex_lock(&migration->lock);
	if (!migration->ended)
		report = report_json(migration->id, "running", migration->progress, &migration->err);
	else if (migration->err.code != ERR_NONE)
		report = report_json(migration->id, failed, migration->progress, &migration->err);
	else
		report = report_json(migration->id, "done", 100, &migration->err);
	pthread_mutex_unlock(&migration->lock);
	return report;
}

/* Whether it is on its way from here yet, as libvirt says; in percent, or -1. */
static int under_way(const struct vm_state *state, const struct vm_domain *domain)
{
	/* How far it is only the source knows. */
	int progress = vm_domain_is_arriving(state, domain) ? 0 : job_progress(domain);

	/* Paused for the last step, and the call that would know the end is gone: only the target can say. */
	if (progress < 0 && domain->state == VIR_DOMAIN_PAUSED && domain->reason == VIR_DOMAIN_PAUSED_MIGRATION)
		return 99;
	return progress;
}

json_t *migration_report_here(struct vm_state *state, const struct vm_domain *domain)
{
	struct migration *migration = migration_find(state, domain->mark.id);
	_cleanup_err_ struct err err = ERR_INIT;
	const char *id = domain->mark.migration;
	int progress;

	if (!id)
		return NULL;
	if (str_equal(domain->mark.arrived, id))
		return report_json(id, "done", 100, &err);
	if (migration && !str_equal(migration->id, id))
		migration = NULL;
	if (migration && !migration_ended(migration))
		return report_call(migration, "failed");
	progress = under_way(state, domain);
	if (progress >= 0)
		return report_json(id, "running", progress, &err);
	if (migration)
		return report_call(migration, "failed");
	err_set(&err, ERR_CANCELLED,
		domain->mark.until_ms ? "the migration was cut off" : "it was called off before it began");
	return report_json(id, "failed", 0, &err);
}

json_t *migration_report_gone(struct vm_state *state, const char *vm)
{
	struct migration *migration = migration_find(state, vm);

	/* The call has failed, and the machine has not stayed: its end is not known here. */
	return migration ? report_call(migration, "running") : NULL;
}
