/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads what the monitors say about themselves. Pure. */
#include "ceph/ceph_priv.h"

static uint64_t number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	json_int_t n = json_is_real(value) ? (json_int_t)json_real_value(value) : json_integer_value(value);
	return n > 0 ? (uint64_t)n : 0;
}

/* {"OSD_DOWN": {"severity": ..., "summary": {"message": "1 osds down", "count": 1}, "muted": false}} */
static char *parse_checks(const json_t *checks)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	const char *name;
	json_t *check;
	json_object_foreach((json_t *)checks, name, check) {
		if (json_is_true(json_object_get(check, "muted")))
			continue;
		const char *message = json_string_value(json_object_get(json_object_get(check, "summary"), "message"));
		strbuf_addf(&text, "%s%s", text.len ? "; " : "", str_or(message, name));
	}
	return text.len ? strbuf_take(&text) : NULL;
}

/* A PG counts as well when its state is active+clean and whatever harmless follows (scrubbing, snaptrim). */
static unsigned parse_clean(const json_t *states)
{
	uint64_t clean = 0;
	size_t i;
	json_t *state;
	json_array_foreach(states, i, state) {
		const char *name = json_string_value(json_object_get(state, "state_name"));
		if (name && str_starts(name, "active+clean"))
			clean += number(state, "count");
	}
	return (unsigned)clean;
}

int ceph_parse_status(const json_t *status, struct ceph_status *ret, struct err *err)
{
	const json_t *health = json_object_get(status, "health");
	const json_t *osdmap = json_object_get(status, "osdmap");
	const json_t *pgmap = json_object_get(status, "pgmap");
	const char *health_text = json_string_value(json_object_get(health, "status"));
	if (!health_text || !json_is_object(osdmap) || !json_is_object(pgmap))
		return err_set(err, ERR_INTERNAL, "Ceph's status lacks health, osdmap or pgmap");
	*ret = (struct ceph_status){
		.health = xstrdup(health_text),
		.checks = parse_checks(json_object_get(health, "checks")),
		.osds = (unsigned)number(osdmap, "num_osds"),
		.osds_up = (unsigned)number(osdmap, "num_up_osds"),
		.osds_in = (unsigned)number(osdmap, "num_in_osds"),
		.pgs = (unsigned)number(pgmap, "num_pgs"),
		.pgs_active_clean = parse_clean(json_object_get(pgmap, "pgs_by_state")),
		.total_bytes = number(pgmap, "bytes_total"),
		.used_bytes = number(pgmap, "bytes_used"),
		.degraded_objects = number(pgmap, "degraded_objects"),
		.degraded_total = number(pgmap, "degraded_total"),
		.mgr_available = json_is_true(json_object_get(json_object_get(status, "mgrmap"), "available")),
	};
	return 0;
}

/* Ceph divides what is free by the copies there are, not by those there shall be: while two of three are missing, max_avail
 * is three times what can be stored once they are back. The missing ones take their part first. */
static uint64_t with_all_copies(uint64_t max_avail, const struct ceph_status *status)
{
	if (status->degraded_objects >= status->degraded_total)
		return status->degraded_total ? 0 : max_avail;
	double there = 1 - (double)status->degraded_objects / (double)status->degraded_total;
	return (uint64_t)((double)max_avail * there);
}

void ceph_parse_df(const json_t *df, const char *pool, struct ceph_status *status)
{
	size_t i;
	json_t *entry;
	json_array_foreach(json_object_get(df, "pools"), i, entry) {
		if (!str_equal(json_string_value(json_object_get(entry, "name")), pool))
			continue;
		const json_t *stats = json_object_get(entry, "stats");
		status->pool_max_avail_bytes = with_all_copies(number(stats, "max_avail"), status);
		status->pool_stored_bytes = number(stats, "stored");
	}
}

static bool osd_is_up(const json_t *nodes, json_int_t id)
{
	size_t i;
	json_t *node;
	json_array_foreach(nodes, i, node) {
		if (json_integer_value(json_object_get(node, "id")) == id &&
		    str_equal(json_string_value(json_object_get(node, "type")), "osd"))
			return str_equal(json_string_value(json_object_get(node, "status")), "up");
	}
	return false;
}

unsigned ceph_parse_hosts_up(const json_t *tree)
{
	const json_t *nodes = json_object_get(tree, "nodes");
	unsigned hosts = 0;
	size_t i, j;
	json_t *node, *child;
	json_array_foreach(nodes, i, node) {
		if (!str_equal(json_string_value(json_object_get(node, "type")), "host"))
			continue;
		bool up = false;
		json_array_foreach(json_object_get(node, "children"), j, child)
			up = up || osd_is_up(nodes, json_integer_value(child));
		hosts += up;
	}
	return hosts;
}

void ceph_status_done(struct ceph_status *status)
{
	free(status->health);
	free(status->checks);
	*status = (struct ceph_status){ 0 };
}
