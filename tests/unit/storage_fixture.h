/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A pool on two nodes of rack_fixture.h. */
#ifndef INGOT_TESTS_STORAGE_FIXTURE_H
#define INGOT_TESTS_STORAGE_FIXTURE_H

#include "rack_fixture.h"

static inline void rack_ceph_report(struct rack *rack, const char *node, const char *mon)
{
	rack_node_report(rack, node, json_pack("{s:{s:s}}", "ceph", "mon", mon));
}

static inline const struct pool *rack_pool(const struct rack *rack)
{
	const struct pool *pool = store_next(rack_store(rack), &kind_pool, NULL);
	assert_non_null(pool);
	return pool;
}

/* Two nodes, and everything that follows from them. */
static inline void rack_with_pool(struct rack *rack)
{
	_cleanup_free_ char *one = rack_node(rack, 1), *two = rack_node(rack, 2);
	rack_pass(rack, 2000);
	rack->quorum = true;
	rack->hosts_up = 2;
	rack_ceph_report(rack, one, "running");
	rack_ceph_report(rack, two, "absent");
	rack_pass(rack, 20000);
	assert_int_equal(rack_pool(rack)->state, POOL_ACTIVE);
	strbuf_done(&rack->ceph_trace);
}

static inline void assert_ceph_trace(struct rack *rack, const char *wanted)
{
	assert_string_equal(rack->ceph_trace.len ? rack->ceph_trace.data : "", wanted);
	strbuf_done(&rack->ceph_trace);
}

#endif
