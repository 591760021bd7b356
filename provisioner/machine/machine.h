/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of a machine: found, accepted, commissioned, deployed. The table in machine_fsm.c is the law; machine.c runs it;
 * machine_bmc.c carries out what it asks of BMCs; machine_agent.c talks with the agent in the live image;
 * machine_actions.c is what people ask for. Loop thread. */
#ifndef INGOT_MACHINE_MACHINE_H
#define INGOT_MACHINE_MACHINE_H

#include "bmc/bmc.h"
#include "fsm/fsm.h"
#include "netboot/netboot.h"
#include "store/store.h"
#include "task/task.h"

struct machines;

struct machines_spec {
	struct store *store;
	struct task_service *tasks;
	const struct netboot_ops *netboot;
	void *netboot_ctx;
	/* What the configuration says of BMCs: NULL-terminated ranges, see bmc_addresses_parse(), that are looked for besides those of
	 * machine_bmc_range_create(); or NULL. One that is no range is left out, with a warning. */
	const char *const *bmc_ranges;
	const char *bmc_user, *bmc_password;
	/* scan: NULL for bmc_scan_start(); the simulation has its own. Calls machine_bmc_found(). BMCs that it hears out of any range are
	 * spoken to as bmc_user. */
	void (*scan)(struct machines *machines, void *ctx);
	void *scan_ctx;
	/* what an installer is told */
	const char *bundle_url, *bundle_key, *bundle_version;
	const char *bundle_error; /* why there is none, if one was named */
	const char *server;	  /* "ADDRESS:PORT" of the agent listener */
	const char *ca_pem;
	int prefix_length;
	const char *gateway;
	const char *console; /* kernel console word, "ttyS0,115200" */
	/* Machines that say hello and are not known are taken up as long as fewer than new_max wait to be accepted, and at most
	 * new_per_minute in a minute, as many at once; 0: no such limit. */
	int64_t new_max, new_per_minute;
};
/* Everything in spec is borrowed for the life of the machines. Registers watchers, effect handlers and the owner of
 * "machine" tasks; machines_start() afterwards begins to act (publishes boot intents, replays nothing itself). */
struct machines *machines_new(const struct machines_spec *spec);
void machines_start(struct machines *machines);
struct machines *machines_free(struct machines *machines);

/* ---- what people ask for: id is that of a machine that there is, ret_task the borrowed id of a new task. Besides what is said of
 * each: the errors of store_commit(). ---- */

/* Begins to commission it, with a task in its document. ERR_STATE: it is neither new nor failed; ERR_EXISTS name. */
int machine_accept(struct machines *machines, const char *id, const struct machine_accept *how, struct err *err);
/* Makes a machine what may be changed of one in any state: where it stands (zone). */
int machine_update(struct machines *machines, const char *id, const struct machine *changed, struct err *err);
/* ERR_STATE: it is neither ready nor failed, has no inventory or has not booted from the network yet, or there is no bundle;
 * ERR_CORRUPT: the bundle cannot be used; ERR_EXISTS name; ERR_INVALID disk: there is none such, or which one is not said;
 * ERR_CAPACITY: no disk is large enough (field disk), or every address of the range is taken. */
int machine_deploy(struct machines *machines, const char *id, const struct machine_deploy *how, const char **ret_task,
		   struct err *err);
/* action: POWER_ACTION_*. ERR_STATE: no BMC of it is known, or something is done with it that switches the power itself. */
int machine_power(struct machines *machines, const char *id, int action, const char **ret_task, struct err *err);
/* Forgets a machine that is new or has failed. What is there is found again, as a new one. ERR_STATE: it is in use, or something
 * is being done with it. */
int machine_delete(struct machines *machines, const char *id, struct err *err);
/* Fills a target for the machine's BMC: ERR_STATE if it has none, or none that a scan has found. bmc_target_done() it. */
int machine_bmc_target(struct machines *machines, const struct machine *machine, struct bmc_target *ret,
		       struct err *err);

/* ---- where BMCs are looked for ---- */

/* A range that is scanned at once, and from then on with the others; *ret is borrowed. What it says of the last scan is written when
 * that is over. ERR_EXISTS name; ERR_INVALID range: no range, or with the others more than BMC_ADDRESSES_MAX addresses;
 * ERR_EXISTS range: another one has an address of it. store_commit()'s. */
int machine_bmc_range_create(struct machines *machines, const struct bmc_range *wanted, const struct bmc_range **ret,
			     struct err *err);
/* Makes a range what may be changed of one, user and password, and scans it anew. Machines whose BMCs refused are tried with them.
 * ERR_INVALID user, password: are missing; ERR_STATE: the configuration names it. store_commit()'s. */
int machine_bmc_range_update(struct machines *machines, const char *id, const struct bmc_range *changed,
			     struct err *err);
/* Machines that were found stay, and keep what their BMCs are spoken to with. ERR_STATE: the configuration names it.
 * store_commit()'s. */
int machine_bmc_range_delete(struct machines *machines, const char *id, struct err *err);

/* ---- what agents say: JSON in, JSON out (docs/protocol.md) ---- */

/* address: where it was heard. A boot of a machine that was accepted is told by an event. *ret_reply: the caller's. ERR_INVALID
 * naming the field; ERR_STATE: the machine is not to run the live image, a node for one; ERR_CAPACITY, ERR_RATE_LIMIT: it is not
 * known, and too many such are; an event tells people, once a minute at most. */
int machine_agent_hello(struct machines *machines, const json_t *request, const char *address, json_t **ret_reply,
			struct err *err);
/* The machine whose live agent holds this token, or NULL: it is of another boot, or was not used for half an hour. Changes
 * nothing. */
const struct machine *machine_agent_known(struct machines *machines, const char *token);
/* The machine whose live agent holds this token, which has been heard now: ERR_UNAUTHENTICATED if none does. */
int machine_agent_find(struct machines *machines, const char *token, const struct machine **ret, struct err *err);
/* The desired document's section "install"; NULL if nothing is to be installed. The caller owns it. */
json_t *machine_agent_desired(struct machines *machines, const struct machine *machine);
/* Sections "inventory" and "install". */
int machine_agent_report(struct machines *machines, const char *id, const json_t *report, struct err *err);
/* Checks a one-time token: 0 and the machine, or ERR_UNAUTHENTICATED. key: fingerprint of the key in the request; a token
 * that was used is good for the same key only. */
int machine_enroll_check(struct machines *machines, const char *token, const char *key, const struct machine **ret,
			 struct err *err);
/* Within a transaction: the machine's host system has its certificate. */
void machine_enrolled(struct machines *machines, const char *id, const char *key, const char *node);

/* A host that was installed from a medium would join: what it says of itself (docs/protocol.md, "join"). 0 and the machine that
 * it is, NULL if it is none that is known; ERR_INVALID naming the field; ERR_EXISTS with field name if another machine has its
 * name; ERR_STATE if something else is done with the machine now. identity: "UUID", or a MAC address of a machine without one;
 * boot_mac: of the network card that it boots from, NULL if it does not say; the caller frees both. */
int machine_join_check(struct machines *machines, const json_t *join, const struct machine **ret_known,
		       char **ret_identity, char **ret_boot_mac, struct err *err);
/* Within a transaction, after that check (whose ERR_EXISTS is no obstacle here: a number is added to the name): the machine is
 * deployed, with its inventory. address: where it was heard. The machine's id is borrowed. */
int machine_join(struct machines *machines, const json_t *join, const char *address, const char **ret_id,
		 struct err *err);

/* ---- news ---- */

/* A BMC answered a scan; to be called during one. It is probed if it is not known to be well. */
void machine_bmc_found(struct machines *machines, const char *address);

enum boot_intent machine_boot_intent(const struct machine *machine);
extern const struct fsm machine_fsm;

#endif
