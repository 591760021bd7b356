/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef INGOT_MACHINE_MACHINE_PRIV_H
#define INGOT_MACHINE_MACHINE_PRIV_H

#include "base/list.h"
#include "base/rate.h"
#include "crypto/crypto.h"
#include "machine/machine.h"

enum machine_step {
	STEP_FOUND,
	STEP_SILENT,
	STEP_NEW,
	STEP_COMMISSION_BOOT,
	STEP_COMMISSION_BMC,
	STEP_READY,
	STEP_DEPLOY_BOOT,
	STEP_DEPLOY_WRITE,
	STEP_DEPLOY_SWITCH,
	STEP_DEPLOY_START,
	STEP_DEPLOY_RESTART,
	STEP_DEPLOYED,
	STEP_FAILED,
	STEP_COUNT,
};

enum machine_event {
	EVENT_BMC_FOUND, /* its BMC answers, which did not before */
	EVENT_HELLO,	 /* an agent in the live image reports, in a boot that was not known */
	EVENT_SEEN,	 /* an agent in a boot that is known speaks */
	EVENT_ACCEPT,
	EVENT_DEPLOY,
	EVENT_BMC_DONE,
	EVENT_WRITTEN,
	EVENT_ENROLLED,
	EVENT_JOIN, /* its host system, installed from a medium, joins by a token */
	EVENT_FAILURE,
	EVENT_TIMEOUT,
	EVENT_CANCEL,
	EVENT_COUNT,
};

#define EFFECT_LOOK "bmc-look"
#define EFFECT_BOOT_LIVE "bmc-boot-live"
#define EFFECT_BOOT_DISK "bmc-boot-disk"
#define EFFECT_RESTART "bmc-restart"
#define EFFECT_VERIFY "bmc-verify"

/* What the table's guards look at. */
struct machine_snapshot {
	const struct machine *machine;
	bool agent_live; /* the live agent was heard in the last seconds */
};

/* How an agent introduces its machine. */
struct hello {
	char *uuid, *serial, *boot_mac, *boot_id;
	char **macs;
	size_t mac_count;
	int firmware;
	struct bmc_info *bmc;
};
extern const struct schema hello_schema;
/* The machine that says so, or NULL. */
const struct machine *machine_of_hello(struct machines *machines, const struct hello *hello);
/* In a transaction: takes over who it is. */
void machine_take_hello(struct machines *machines, struct machine *machine, const struct hello *hello);

/* What is known of a machine in this life of the provisioner only. */
struct machine_runtime {
	char *id;
	int64_t seen_ms;      /* live agent */
	int64_t next_poll_ms; /* of the power state */
	int64_t scanned_ms;   /* a scan heard its BMC last; 0: none did */
	int64_t confirmed_ms; /* its BMC answered last, and as its own */
	int64_t boot_told_ms; /* the last event about a boot, and of what address */
	char *boot_told_address;
	unsigned failed_polls;
	bool polling;
	bool waiting; /* to be accepted */
};

/* By what a machine is found; see machine_index.c. */
enum machine_index {
	INDEX_MAC,
	INDEX_BOOT_MAC,
	INDEX_BMC_ADDRESS,
	INDEX_UNSEEN,	   /* by UUID: those without MAC addresses */
	INDEX_WITHOUT_BMC, /* by UUID: those whose BMC is not known */
	INDEX_LOST_BMC,	   /* by UUID: those whose BMC does not answer */
	INDEX_WELL_BMC,	   /* by UUID: those whose BMC does */
	INDEX_COUNT,
};

/* A range in the scan under way, until all that answered in it have been asked. */
struct scanned_range {
	char *id;
	struct bmc_addresses addresses;
	unsigned answered, refused;
	bool outdated; /* whom its BMCs are spoken to as was changed meanwhile: what came of it is of nobody */
};

struct machines {
	struct machines_spec spec;
	struct store_index *indexes[INDEX_COUNT];
	int64_t waiting_count; /* machines that wait to be accepted */
	struct rate new_rate;
	struct rate_table new_times;	  /* one bucket: how many more may appear now */
	unsigned refused;		  /* since the last event about it */
	char *refusal;			  /* why the last was */
	struct loop_timer *refused_timer; /* until it there is no further event */
	unsigned last_name;		  /* N of the last "machine-N" that was given */
	struct store_cursor ticked;	  /* how far the tick under way has come */
	struct store *store;
	struct loop *loop;
	struct loop_timer *tick, *scan_timer;
	struct bmc_scan *scan;
	struct scanned_range *scanned; /* by the scan under way; see machine_bmc_range.c */
	size_t scanned_count;
	unsigned range_probes; /* under way, of BMCs in those ranges */
	bool scan_again;       /* once it is over */
	void *runtimes;	       /* tsearch(3) tree of struct machine_runtime */
	struct list sequences; /* BMC operations under way, see machine_bmc.c */
	struct list probes;    /* addresses being probed */
	struct list claims;    /* see machine_bmc_find.c */
	struct list polls;     /* of the power, under way */
	unsigned poll_count;
};

#define MACHINE_SCAN_EVERY_MS 30000
#define AGENT_LIVE_MS 30000
#define HOST_DISK_MIN_BYTES (8 * GIB)

const struct machine *machine_get(struct machines *machines, const char *id);
struct machine_runtime *machine_runtime(struct machines *machines, const char *id);
int machine_step_of(const struct machine *machine);
/* Feeds an event; commits what follows. why: for failures and cancelling; may be NULL. Returns false if the event means
 * nothing in this state. In a transaction it becomes part of it. */
bool machine_feed(struct machines *machines, const char *id, enum machine_event event, const struct err *why);
bool machine_would_take(struct machines *machines, const struct machine *machine, enum machine_event event);
void machine_index_init(struct machines *machines);
/* The nth committed machine that is found by a word; NULL past the last. */
const struct machine *machine_find_by(struct machines *machines, enum machine_index index, const char *key, size_t nth);
/* One of those that are found by a UUID and have it, in whatever order of bytes; or NULL. */
const struct machine *machine_find_by_uuid(struct machines *machines, enum machine_index index, const char *uuid);
/* "machine-N", which no machine is called; the caller frees. */
char *machine_free_name(struct machines *machines);

/* ---- machine_intake.c: machines that nobody knows ---- */

void machine_intake_init(struct machines *machines);
void machine_intake_done(struct machines *machines);
/* A machine changed, or is there at the start. */
void machine_intake_follow(struct machines *machines, const struct machine *machine);
/* One is gone. */
void machine_intake_forget(struct machines *machines, struct machine_runtime *runtime);
/* Whether one more may appear, which it then does. Else ERR_CAPACITY or ERR_RATE_LIMIT. Not within a transaction. */
int machine_intake_admit(struct machines *machines, struct err *err);

/* ---- machine_bmc.c: what effects and tasks ask of BMCs ---- */

void machine_bmc_register(struct machines *machines);
void machine_bmc_stop(struct machines *machines);

/* ---- machine_bmc_find.c: BMCs that answer a scan ---- */

void machine_bmc_find_start(struct machines *machines);
void machine_bmc_find_stop(struct machines *machines);

/* Scans now, or as soon as the scan under way is over. */
void machine_bmc_scan_now(struct machines *machines);

/* ---- machine_bmc_range.c: where they are looked for, as whom, and what came of it ---- */

/* Before the first scan: makes the ranges that the configuration names what it says. */
void machine_bmc_ranges_configure(struct machines *machines);
/* A range changed, or is gone. */
void machine_bmc_range_follow(struct machines *machines, const char *id);
/* A scan begins: of these ranges, NULL-terminated. The list is the caller's to free, what is in it borrowed from the store. */
const char **machine_bmc_ranges_begin(struct machines *machines);
/* The range of the scan under way that has the address, or NULL. */
struct scanned_range *machine_bmc_range_of(struct machines *machines, const char *address);
/* Whom a BMC at an address of the range (NULL: of none) is spoken to as: false if that is not known (any more). */
bool machine_bmc_range_login(struct machines *machines, const struct scanned_range *range, struct bmc_target *target);
/* The scan is over, and so is what followed from it: notes what came of it. False if there was no range in it. */
bool machine_bmc_ranges_end(struct machines *machines);
void machine_bmc_ranges_stop(struct machines *machines);

/* ---- machine_bmc_watch.c: what is known of a machine's BMC ---- */

/* Whether its BMC can be asked for something: 0, or ERR_STATE. */
int machine_bmc_check(const struct machine *machine, struct err *err);
/* Once a second: asks for the power if it is time to. */
void machine_bmc_tick(struct machines *machines, const struct machine *machine);
void machine_bmc_watch_stop(struct machines *machines);
/* What an operation that has ended says of the BMC, if it was at the machine's address of now: whether it answers, the power, and
 * whether it is still this machine's; that of another is let go of. Not within a transaction. */
void machine_bmc_heard(struct machines *machines, const char *id, const struct bmc_op *op);
/* The operation found that at the machine's address another's BMC answers now. Errors of store_must_commit(). */
int machine_bmc_lose(struct machines *machines, const struct machine *machine, const struct bmc_op *op);
/* It was asked unasked-for, and answered or not: the next time comes accordingly. One that is dead for good is asked less and less:
 * each time costs a worker several seconds. */
void machine_bmc_asked(struct machines *machines, const char *id, bool answered);
/* A scan has heard the machine's BMC: whether it is to be probed. */
bool machine_bmc_wants_probe(struct machines *machines, const struct machine *machine);

bool machine_task_stop(const struct task *task, const struct err *why, void *data);
/* Within a transaction: an address that belongs to the machine from now on. */
int machine_ensure_address(struct machines *machines, struct machine *machine, struct err *err);

#endif
