/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "core/backoff.h"
#include "core/converge.h"

#define RETRY_FIRST_MS 1000
#define RETRY_MAX_MS 30000
#define KEPT_MAX_BYTES ((size_t)(4 * MIB))

/* One part. What is below the lock is shared with its worker; all else belongs to the loop. */
struct slot {
	struct converge *converge;
	const struct part *part;
	void *state; /* the part's own, see part_run_state() */
	struct loop_timer *timer;
	bool running;
	bool linked;
	struct backoff backoff;
	char *last_error; /* logged once, not at each retry */

	pthread_mutex_t lock;
	pthread_cond_t moved; /* the section changed, the end came, or a report was acknowledged */
	json_t *desired, *also;
	unsigned desired_version;   /* of both */
	int64_t desired_generation; /* of the last document that had this section */
	json_t *report;
	unsigned report_of;	   /* the version of the section that it was computed from */
	int64_t report_generation; /* of the last document that had that section: it is carried out, not only read */
	uint64_t report_version, sent_version, acknowledged_version;
};

struct converge {
	struct converge_spec spec;
	char *sysroot, *prefix, *keep_dir;
	struct slot *slots;
	unsigned slot_count;
	bool document_seen;
	atomic_bool stopping;
	loop_fn idle;
	void *idle_data;
	struct part_link link;
};

struct part_run {
	struct slot *slot;
	json_t *desired, *also;
	unsigned version;
	int64_t generation; /* of the document, when the run began */
	bool keep;	    /* the section comes from the provisioner and is to be kept */
	int64_t again_ms;   /* -1: as usual */
	int result;
	struct err err;
};

static void slot_start(struct slot *slot);

/* ---- what parts call, on their workers ---- */

static bool run_outdated(const struct part_run *run)
{
	struct slot *slot = run->slot;
	bool outdated;

	pthread_mutex_lock(&slot->lock);
	outdated = slot->desired_version != run->version;
	pthread_mutex_unlock(&slot->lock);
	return outdated;
}

bool part_run_stopping(const struct part_run *run)
{
	return atomic_load(&run->slot->converge->stopping);
}

bool part_run_cancelled(const struct part_run *run)
{
	return part_run_stopping(run) || run_outdated(run);
}

json_t *part_run_desired(const struct part_run *run)
{
	struct slot *slot = run->slot;
	json_t *copy;

	pthread_mutex_lock(&slot->lock);
	copy = json_deep_copy(slot->desired);
	pthread_mutex_unlock(&slot->lock);
	return copy;
}

const json_t *part_run_also(const struct part_run *run)
{
	return run->also;
}

static void tell_changed(void *data)
{
	struct slot *slot = data;

	if (!atomic_load(&slot->converge->stopping))
		slot->converge->spec.changed(slot->converge->spec.data);
}

void part_run_publish(struct part_run *run, json_t *report)
{
	struct slot *slot = run->slot;
	bool changed;

	pthread_mutex_lock(&slot->lock);
	/* What says the same of another order is news: that order is carried out. */
	changed = !slot->report || slot->report_of != run->version || !json_equal(slot->report, report);
	slot->report_of = run->version;
	slot->report_generation = slot->desired_version == run->version ? slot->desired_generation : run->generation;
	if (changed) {
		json_decref(slot->report);
		slot->report = report;
		slot->report_version++;
	} else {
		json_decref(report);
	}
	pthread_mutex_unlock(&slot->lock);
	if (changed)
		loop_post(slot->converge->spec.loop, tell_changed, slot);
}

static void deadline_in(int64_t ms, struct timespec *ret)
{
	clock_gettime(CLOCK_MONOTONIC, ret);
	ret->tv_sec += ms / 1000;
	ret->tv_nsec += ms % 1000 * 1000000;
	if (ret->tv_nsec >= 1000000000) {
		ret->tv_sec++;
		ret->tv_nsec -= 1000000000;
	}
}

int part_run_flush(struct part_run *run, int64_t deadline_ms)
{
	struct slot *slot = run->slot;
	struct timespec until;
	uint64_t wanted;
	int r = 0;

	deadline_in(deadline_ms, &until);
	pthread_mutex_lock(&slot->lock);
	wanted = slot->report_version;
	while (slot->acknowledged_version < wanted && r == 0 && !part_run_stopping(run))
		r = pthread_cond_timedwait(&slot->moved, &slot->lock, &until);
	r = slot->acknowledged_version < wanted ? -ETIMEDOUT : 0;
	pthread_mutex_unlock(&slot->lock);
	return r;
}

void part_run_wait(struct part_run *run, int64_t ms)
{
	struct slot *slot = run->slot;
	struct timespec until;
	int r = 0;

	deadline_in(ms, &until);
	pthread_mutex_lock(&slot->lock);
	while (r == 0 && slot->desired_version == run->version && !part_run_stopping(run))
		r = pthread_cond_timedwait(&slot->moved, &slot->lock, &until);
	pthread_mutex_unlock(&slot->lock);
}

void part_run_again(struct part_run *run, int64_t delay_ms)
{
	run->again_ms = delay_ms;
}

char *part_run_path(const struct part_run *run, const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL;
	va_list ap;

	va_start(ap, fmt);
	path = xvasprintf(fmt, ap);
	va_end(ap);
	return xasprintf("%s%s", run->slot->converge->prefix, path);
}

const char *part_run_sysroot(const struct part_run *run)
{
	return run->slot->converge->sysroot;
}

void **part_run_state(struct part_run *run)
{
	return &run->slot->state;
}

json_t *part_error_json(const struct err *err)
{
	const struct err_meaning *meaning;
	json_t *json;

	if (!err || err->code == ERR_NONE)
		return json_null();
	meaning = err_meaning(err->code);
	json = json_pack("{s:s, s:s}", "code", meaning->name, "text", str_or(err->text, meaning->title));
	/* Text from a program's output need not be UTF-8. */
	return json ? json : json_pack("{s:s, s:s}", "code", meaning->name, "text", "(unprintable)");
}

/* ---- runs ---- */

static char *keep_path(const struct slot *slot)
{
	return xasprintf("%s/desired-%s.json", slot->converge->keep_dir, slot->part->name);
}

static bool keeps(const struct slot *slot)
{
	return (slot->part->flags & PART_KEEPS) && slot->converge->keep_dir;
}

/* Before the section is acted on, so that the next start knows of it. */
static int keep_section(struct part_run *run)
{
	_cleanup_free_ char *path = keep_path(run->slot), *text = NULL, *old = NULL;
	size_t len;
	int r;

	text = run->desired ? json_dumps(run->desired, JSON_SORT_KEYS | JSON_ENCODE_ANY) : xstrdup("");
	if (read_file(path, KEPT_MAX_BYTES, &old, &len) == 0 && strcmp(old, text) == 0)
		return 0;
	r = write_file_atomic(path, text, strlen(text), 0600);
	return r < 0 ? err_set_errno(&run->err, r, "%s", path) : 0;
}

static void load_kept(struct slot *slot)
{
	_cleanup_free_ char *path = keep_path(slot), *text = NULL;
	size_t len;

	if (read_file(path, KEPT_MAX_BYTES, &text, &len) < 0)
		return;
	slot->desired = json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
}

static void run_work(void *data)
{
	struct part_run *run = data;
	json_t *report = NULL;

	if (part_run_stopping(run))
		return;
	if (run->keep)
		run->result = keep_section(run);
	if (run->result == 0)
		run->result = run->slot->part->converge(run, run->desired, &report, &run->err);
	if (report)
		part_run_publish(run, report);
}

static void slot_timer_fired(void *data)
{
	struct slot *slot = data;

	slot->timer = NULL;
	slot_start(slot);
}

static void slot_start_in(struct slot *slot, int64_t delay_ms)
{
	loop_timer_free(slot->timer);
	slot->timer = loop_timer_new(slot->converge->spec.loop, delay_ms, slot_timer_fired, slot);
}

static bool any_running(const struct converge *converge)
{
	for (unsigned i = 0; i < converge->slot_count; i++) {
		if (converge->slots[i].running)
			return true;
	}
	return false;
}

static void log_failure(struct slot *slot, const struct part_run *run)
{
	const char *text = str_or(run->err.text, strerror(-run->result));

	if (str_equal(slot->last_error, text))
		return;
	str_set(&slot->last_error, text);
	log_warning("%s: %s", slot->part->name, text);
}

static void run_done(void *data)
{
	struct part_run *run = data;
	struct slot *slot = run->slot;
	struct converge *converge = slot->converge;
	int64_t delay_ms = run->again_ms >= 0 ? run->again_ms : slot->part->period_ms;

	slot->running = false;
	if (run->result < 0) {
		log_failure(slot, run);
		delay_ms = backoff_next_ms(&slot->backoff);
	} else {
		str_set(&slot->last_error, NULL);
		backoff_reset(&slot->backoff);
	}
	if (atomic_load(&converge->stopping)) {
		if (!any_running(converge))
			converge->idle(converge->idle_data);
	} else if (run_outdated(run)) {
		slot_start_in(slot, 0);
	} else if (delay_ms > 0 || run->again_ms == 0) {
		slot_start_in(slot, delay_ms);
	}
	json_decref(run->desired);
	json_decref(run->also);
	err_done(&run->err);
	free(run);
}

static void slot_start(struct slot *slot)
{
	struct converge *converge = slot->converge;
	struct part_run *run;

	if (slot->running || !slot->part->converge || atomic_load(&converge->stopping))
		return;
	if ((slot->part->flags & PART_WAITS) && !converge->document_seen && !slot->desired)
		return;
	slot->timer = loop_timer_free(slot->timer);
	run = new0(struct part_run, 1);
	run->slot = slot;
	run->again_ms = -1;
	run->keep = keeps(slot) && converge->document_seen;
	pthread_mutex_lock(&slot->lock);
	run->desired = json_deep_copy(slot->desired);
	run->also = json_deep_copy(slot->also);
	run->version = slot->desired_version;
	run->generation = slot->desired_generation;
	pthread_mutex_unlock(&slot->lock);
	slot->running = true;
	if (loop_work(converge->spec.loop, slot->part->name, run_work, run_done, run) == 0)
		return;
	slot->running = false;
	json_decref(run->desired);
	json_decref(run->also);
	free(run);
	slot_start_in(slot, RETRY_FIRST_MS);
}

static void slot_apply(struct slot *slot)
{
	struct part_link link = slot->converge->link;

	if (!slot->part->apply || !slot->linked)
		return;
	link.prefix = slot->converge->prefix;
	link.state = &slot->state;
	slot->part->apply(&link, slot->desired);
}

/* ---- what the agent calls, on the loop ---- */

static int check_parts(const struct converge_spec *spec, struct err *err)
{
	for (unsigned i = 0; spec->parts[i]; i++) {
		const struct part *part = spec->parts[i];

		if (part->abi != PART_ABI)
			return err_set(err, ERR_INVALID, "part %u was made for another agent (ABI %u, this one has %u)",
				       i, part->abi, PART_ABI);
		if (!part->converge == !part->apply)
			return err_set(err, ERR_INVALID, "part %s must have either converge or apply", part->name);
		for (unsigned k = 0; k < i; k++) {
			if (str_equal(spec->parts[k]->name, part->name))
				return err_set(err, ERR_INVALID, "two parts are called %s", part->name);
		}
	}
	return 0;
}

static void slot_init(struct slot *slot, struct converge *converge, const struct part *part)
{
	pthread_condattr_t attributes;

	slot->converge = converge;
	slot->part = part;
	slot->backoff = (struct backoff){ .first_ms = RETRY_FIRST_MS, .max_ms = RETRY_MAX_MS };
	pthread_mutex_init(&slot->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&slot->moved, &attributes);
	pthread_condattr_destroy(&attributes);
	if (keeps(slot))
		load_kept(slot);
}

int converge_new(const struct converge_spec *spec, struct converge **ret, struct err *err)
{
	struct converge *converge;
	unsigned count = 0;
	int r = check_parts(spec, err);

	if (r < 0)
		return r;
	while (spec->parts[count])
		count++;
	converge = new0(struct converge, 1);
	converge->spec = *spec;
	converge->sysroot = xstrdup(str_or(spec->sysroot, ""));
	converge->prefix = xstrdup(str_or(spec->prefix, ""));
	converge->keep_dir = xstrdup(spec->keep_dir);
	converge->slots = new0(struct slot, count + 1);
	for (unsigned i = 0; i < count; i++) {
		if (spec->parts[i]->modes & spec->mode)
			slot_init(&converge->slots[converge->slot_count++], converge, spec->parts[i]);
	}
	for (unsigned i = 0; i < converge->slot_count; i++)
		slot_start(&converge->slots[i]);
	*ret = converge;
	return 0;
}

struct converge *converge_free(struct converge *converge)
{
	if (!converge)
		return NULL;
	for (unsigned i = 0; i < converge->slot_count; i++) {
		struct slot *slot = &converge->slots[i];

		loop_timer_free(slot->timer);
		json_decref(slot->desired);
		json_decref(slot->also);
		json_decref(slot->report);
		pthread_cond_destroy(&slot->moved);
		pthread_mutex_destroy(&slot->lock);
		free(slot->last_error);
		if (slot->state && slot->part->release)
			slot->part->release(slot->state);
	}
	free(converge->slots);
	free(converge->sysroot);
	free(converge->prefix);
	free(converge->keep_dir);
	free(converge);
	return NULL;
}

/* The section is in a newer document as it was: what was carried out of the older is carried out of this one. A report of
 * an order is sent again then, for the other side waits for one of the newest document. */
static void slot_confirm(struct slot *slot)
{
	bool tell = slot->desired && slot->report && slot->report_generation != slot->desired_generation;

	if (slot->report_of != slot->desired_version)
		return;
	slot->report_generation = slot->desired_generation;
	if (!tell)
		return;
	slot->report_version++;
	loop_post(slot->converge->spec.loop, tell_changed, slot);
}

static bool same_section(const json_t *a, const json_t *b)
{
	return a && b ? json_equal(a, b) : !a && !b;
}

static json_t *section_of(const json_t *document, const char *name)
{
	json_t *section = name ? json_object_get(document, name) : NULL;

	return json_is_null(section) ? NULL : section;
}

/* True if it is another section than before, or what goes with it is. */
static bool slot_set_desired(struct slot *slot, json_t *section, json_t *also, int64_t generation)
{
	bool same = same_section(slot->desired, section) && same_section(slot->also, also);

	pthread_mutex_lock(&slot->lock);
	slot->desired_generation = generation;
	if (same) {
		slot_confirm(slot);
	} else {
		json_decref(slot->desired);
		json_decref(slot->also);
		slot->desired = json_deep_copy(section);
		slot->also = json_deep_copy(also);
		slot->desired_version++;
		pthread_cond_broadcast(&slot->moved);
	}
	pthread_mutex_unlock(&slot->lock);
	return !same;
}

void converge_desired(struct converge *converge, json_t *document)
{
	int64_t generation = json_integer_value(json_object_get(document, "generation"));
	bool first = !converge->document_seen;

	converge->document_seen = true;
	for (unsigned i = 0; i < converge->slot_count; i++) {
		struct slot *slot = &converge->slots[i];
		bool changed = slot_set_desired(slot, section_of(document, slot->part->name),
						section_of(document, slot->part->also), generation);

		if (!changed && !(first && (slot->part->flags & PART_WAITS)))
			continue;
		backoff_reset(&slot->backoff);
		slot_start(slot);
		slot_apply(slot);
	}
}

void converge_link(struct converge *converge, const struct part_link *link)
{
	converge->link = *link;
	for (unsigned i = 0; i < converge->slot_count; i++) {
		converge->slots[i].linked = true;
		slot_apply(&converge->slots[i]);
	}
}

unsigned converge_collect(struct converge *converge, bool all, json_t *report)
{
	json_t *generations = json_object();
	unsigned count = 0;

	for (unsigned i = 0; i < converge->slot_count; i++) {
		struct slot *slot = &converge->slots[i];

		pthread_mutex_lock(&slot->lock);
		slot->sent_version = slot->report_version;
		if (slot->report && (all || slot->report_version > slot->acknowledged_version)) {
			json_object_set_new(report, slot->part->name, json_deep_copy(slot->report));
			json_object_set_new(generations, slot->part->name, json_integer(slot->report_generation));
			count++;
		}
		pthread_mutex_unlock(&slot->lock);
	}
	json_object_set_new(report, "generations", generations);
	return count;
}

void converge_acknowledged(struct converge *converge)
{
	for (unsigned i = 0; i < converge->slot_count; i++) {
		struct slot *slot = &converge->slots[i];

		pthread_mutex_lock(&slot->lock);
		slot->acknowledged_version = MAX_OF(slot->acknowledged_version, slot->sent_version);
		pthread_cond_broadcast(&slot->moved);
		pthread_mutex_unlock(&slot->lock);
	}
}

void converge_stop(struct converge *converge, loop_fn idle, void *data)
{
	converge->idle = idle;
	converge->idle_data = data;
	atomic_store(&converge->stopping, true);
	for (unsigned i = 0; i < converge->slot_count; i++) {
		struct slot *slot = &converge->slots[i];

		slot->timer = loop_timer_free(slot->timer);
		pthread_mutex_lock(&slot->lock);
		pthread_cond_broadcast(&slot->moved);
		pthread_mutex_unlock(&slot->lock);
	}
	if (!any_running(converge))
		idle(data);
}
