/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef INGOT_CLUSTER_CLUSTER_PRIV_H
#define INGOT_CLUSTER_CLUSTER_PRIV_H

#include "base/list.h"
#include "cluster/cluster.h"

/* What an agent was told last. Kept in memory only: after a restart every agent is told anew. */
/* How many documents in a row that want the same virtual machines of a node are remembered. While many nodes join, there is
 * one for each, and an agent that is busy is behind by some. */
#define BRIEFING_SAME_VMS 128

struct briefing {
	struct list link;  /* in cluster->stale, or by itself */
	struct list waits; /* struct desired_wait of a machine's live agent */
	char *id;	   /* of the machine or the node */
	json_t *document;  /* without its generation */
	int64_t generation;
	/* A ring: the generations of the documents, this one included, since the section "vms" became what it is now. One by
	 * one and no range: a generation of an earlier life of the provisioner, whose clock was ahead, may lie within. */
	int64_t same_vms[BRIEFING_SAME_VMS];
	size_t same_vms_count; /* of all that were put in */
	int64_t heard_ms;      /* nodes */
};

struct desired_wait {
	struct list link; /* in its briefing's waits, or in cluster->waits */
	struct cluster *cluster;
	char *machine, *node;
	int64_t after;
	uint64_t round; /* nodes: the last in which it was looked at */
	loop_fn fn;
	void *data;
	struct loop_timer *timer;
};

struct console_ask {
	struct list link;
	char *node, *vm, *ticket;
	const char *kind;
};

struct cluster {
	struct cluster_spec spec;
	struct store *store;
	struct loop *loop;
	struct loop_timer *tick, *wake, *place;
	void *briefings; /* tsearch(3) tree of struct briefing */
	/* What machines' documents say depends on the machine alone: those of which something changed are looked at. Those of
	 * nodes hang together: after each change all are looked at again, in rounds. */
	struct list stale; /* struct briefing */
	struct list waits; /* struct desired_wait of nodes; those that were looked at longest ago come first */
	uint64_t round;
	struct list consoles;
	json_t *members; /* the names of all nodes' certificates, shared by the documents; NULL: to be made anew */
	int64_t started_ms;
};

/* ERR_STATE, with the remedy, if the node has virtual machines or is a part of the storage: its record may not go. machine: what
 * the error calls its machine. */
int cluster_node_check_empty(struct cluster *cluster, const struct node *node, const char *machine, struct err *err);
/* In a transaction: a new node for a machine in place of the one it had, or cluster_node_check_empty()'s error; or, repeated,
 * that one. */
int cluster_node_for(struct cluster *cluster, const struct machine *machine, bool repeated, struct node **ret,
		     struct err *err);
/* Notes how long the node's certificate is good. */
void cluster_certificate_given(struct node *node, const char *certificate);
/* What a node is told that has its certificate. */
json_t *cluster_enrolled(struct cluster *cluster, const char *node, const char *certificate);
/* Enrolling by a join token. key: fingerprint of that in the request. */
int cluster_join(struct cluster *cluster, const json_t *request, const char *key, const char *address,
		 json_t **ret_reply, struct err *err);

struct briefing *cluster_briefing(struct cluster *cluster, const char *id);
/* What nodes are to do may have changed. */
void cluster_wake(struct cluster *cluster);
/* What a machine's live agent is to do may have changed. */
void cluster_wake_machine(struct cluster *cluster, const char *id);
/* A node has come, gone or changed. */
void cluster_members_changed(struct cluster *cluster);
/* Where virtual machines that need a node go. */
void cluster_place(struct cluster *cluster);

#define NODE_SILENT_MS 30000

#endif
