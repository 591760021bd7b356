/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Placement: a pure function over a snapshot. Filters say why a node is out of the question, scores order the rest. */
#ifndef INGOT_CLUSTER_SCHEDULER_H
#define INGOT_CLUSTER_SCHEDULER_H

#include "base/err.h"

struct schedule_node {
	const char *id, *name;
	bool ready;
	int64_t cpus, cpus_used;
	uint64_t memory_bytes, memory_used_bytes; /* used: by virtual machines, storage and the host system */
	int64_t vm_count;
	uint64_t seed_bytes; /* of its virtual machines */
};
struct schedule_request {
	int64_t cpus;
	uint64_t memory_bytes;
	uint64_t seed_bytes;
	const char *avoid; /* id of a node that is out of the question (a migration's source); NULL: none */
};

/* Virtual processors may be promised several times over, memory never. */
#define SCHEDULE_CPU_OVERCOMMIT 8
/* All seeds of a node are in one document, which an agent takes up to HTTP_RESPONSE_MAX_BYTES: the rest is left for what is said
 * of the machines beside. */
#define SCHEDULE_SEEDS_MAX_BYTES (UINT64_C(12) * MIB)

/* Why a node is out of the question, as text to free; NULL if it is fit. */
char *schedule_refusal(const struct schedule_request *request, const struct schedule_node *node);
/* The best node's index and why it was chosen (text to free); ERR_CAPACITY names why each was not, up to ten. Ties go to
 * the smaller identifier, so that the same snapshot gives the same answer. */
int schedule(const struct schedule_request *request, const struct schedule_node *nodes, size_t count, size_t *ret_index,
	     char **ret_why, struct err *err);

#endif
