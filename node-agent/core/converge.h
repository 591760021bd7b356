/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs the parts: each when its section changes, every period, and after a failure; keeps their reports and which of them
 * the provisioner has acknowledged. On the loop's thread. */
#ifndef INGOT_CORE_CONVERGE_H
#define INGOT_CORE_CONVERGE_H

#include "core/part.h"
#include "loop/loop.h"

struct converge;

struct converge_spec {
	struct loop *loop;
	const struct part *const *parts; /* NULL at the end; borrowed */
	unsigned mode;			 /* PART_LIVE or PART_NODE: others are left out */
	const char *sysroot, *prefix;	 /* see part.h; copied; NULL is "" */
	const char *keep_dir;		 /* where sections with PART_KEEPS are kept; NULL: nowhere */
	void (*changed)(void *data);	 /* a report has changed; on the loop */
	void *data;
};
/* Starts the parts that need no document. ERR_INVALID if two have one name or one has another ABI. */
int converge_new(const struct converge_spec *spec, struct converge **ret, struct err *err);
/* Only after converge_stop() has called idle and the loop has ended: reports may still be posted to it. NULL is fine; returns
 * NULL. */
struct converge *converge_free(struct converge *converge);
DEFINE_CLEANUP(struct converge *, converge_free)

/* A new desired document; borrowed. */
void converge_desired(struct converge *converge, json_t *document);
/* The connection was made anew: for the parts that live on the loop. state in it is ignored. */
void converge_link(struct converge *converge, const struct part_link *link);

/* Adds to report the sections that have changed since they were acknowledged, or all, and "generations": for each the
 * generation of the last document that had the very order it was computed from. Returns how many. They count as under way
 * until the next call of this, converge_acknowledged(). */
unsigned converge_collect(struct converge *converge, bool all, json_t *report);
/* What was collected last has arrived. */
void converge_acknowledged(struct converge *converge);

/* Tells the parts to end; no further run starts. idle is called on the loop once none runs (maybe at once, from within). */
void converge_stop(struct converge *converge, loop_fn idle, void *data);

#endif
