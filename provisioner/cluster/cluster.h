/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cluster: which nodes belong to it and which of them answer; where virtual machines go; and the talk with all agents,
 * whose desired document is put together here from what machine, storage and compute want. Loop thread. */
#ifndef INGOT_CLUSTER_CLUSTER_H
#define INGOT_CLUSTER_CLUSTER_H

#include "cluster/scheduler.h"
#include "compute/compute.h"
#include "crypto/crypto.h"
#include "machine/machine.h"
#include "storage/storage.h"

struct cluster;

struct cluster_spec {
	struct store *store;
	struct machines *machines;
	struct storage *storage;
	struct compute *compute;
	struct ca *ca;
	const char *server; /* "IPV4:PORT" of the agent listener, for join tokens; borrowed */
	uint16_t boot_port; /* of the boot listener at the same address */
};
struct cluster *cluster_new(const struct cluster_spec *spec);
void cluster_start(struct cluster *cluster);
struct cluster *cluster_free(struct cluster *cluster);

/* ---- agents: JSON in, JSON out (docs/protocol.md). Who speaks is checked before. ---- */

/* An agent is a machine's (live image) or a node's. Identifiers are unique over both. */
struct peer {
	const char *machine; /* live agent, or NULL */
	const char *node;    /* node's agent, or NULL */
};

/* address: where the request came from; a machine that joins is known by it. */
int cluster_agent_enroll(struct cluster *cluster, const json_t *request, const char *address, json_t **ret_reply,
			 struct err *err);
/* Whether a machine might join as it says: what enrolling would be refused for, before anything is installed. Changes
 * nothing. */
int cluster_agent_may_join(struct cluster *cluster, const json_t *request, json_t **ret_reply, struct err *err);
/* Another certificate for a node, whose agent asks for it with the one it has. */
int cluster_agent_certificate(struct cluster *cluster, const char *node, const json_t *request, json_t **ret_reply,
			      struct err *err);
/* ERR_INVALID: it is no JSON object; ERR_NOT_FOUND: whom it is of is gone; ERR_INTERNAL: it was not stored, and is to be said
 * again. What is wrong with one of its sections is logged, and the others count. */
int cluster_agent_report(struct cluster *cluster, const struct peer *peer, const json_t *report, struct err *err);
/* The document if its generation is not `after`, else NULL. The caller owns it. */
json_t *cluster_agent_desired(struct cluster *cluster, const struct peer *peer, int64_t after);
/* Calls fn once when the document is no longer of this generation, or after wait_ms. The handle is valid until then. */
struct desired_wait;
struct desired_wait *cluster_agent_wait(struct cluster *cluster, const struct peer *peer, int64_t after,
					int64_t wait_ms, loop_fn fn, void *data);
struct desired_wait *desired_wait_free(struct desired_wait *wait);

/* ---- consoles: an agent is asked to dial in ---- */

/* Puts a ticket into the node's desired document until cluster_console_end(). kind: a word of console_kind_words, borrowed.
 * The caller frees the ticket. */
char *cluster_console_ask(struct cluster *cluster, const char *node, const char *vm, const char *kind);
void cluster_console_end(struct cluster *cluster, const char *ticket);

/* ---- people ---- */

/* Makes a join token. user: id of who asks, NULL if no user does; maker: the name, for the event. *ret: borrowed; the text is
 * shown this once: the caller wipes and frees it. ERR_EXISTS, ERR_INVALID. */
int cluster_join_token_create(struct cluster *cluster, const struct join_token *wanted, const char *user,
			      const char *maker, const struct join_token **ret, char **ret_text, struct err *err);
int cluster_join_token_delete(struct cluster *cluster, const char *id, struct err *err);
/* What may be changed of a node: ERR_STATE if its disks are the pool's already and are to be no more. */
int cluster_node_update(struct cluster *cluster, const char *id, const struct node *changed, struct err *err);
/* A person vouches that a node which does not report is off: nothing waits any more for what it runs. ERR_STATE if it reports, if
 * its BMC says that its machine is on, or if nothing waits for it; the errors of store_commit(). */
int cluster_node_confirm_off(struct cluster *cluster, const char *id, struct err *err);

/* Asks once more for what a task did that failed or was cancelled, as it was asked for then. *ret_task: the new one, borrowed.
 * ERR_STATE if the task runs, has succeeded or was tried again already, if what it was about is gone, or if that is in no state
 * for it (any more); errors of what is asked for. Nothing is done then. */
int cluster_task_retry(struct cluster *cluster, const char *id, const char **ret_task, struct err *err);

/* node: name or id, or NULL for the best one. */
int cluster_vm_migrate(struct cluster *cluster, const char *vm, const char *node, const char **ret_task,
		       struct err *err);

#endif
