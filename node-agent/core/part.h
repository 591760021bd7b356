/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A part of the agent: one section of the desired document and of the report (docs/protocol.md), and the function that
 * makes the machine so. The core calls it, keeps its last report and sends it; a part never talks to the provisioner. */
#ifndef INGOT_CORE_PART_H
#define INGOT_CORE_PART_H

#include <jansson.h>

#include "base/err.h"

struct http_client;
struct loop;
struct part_run;
struct part_link;

enum {
	PART_LIVE = 1 << 0, /* runs in the live image */
	PART_NODE = 1 << 1, /* runs on an enrolled node */
};
enum {
	/* Is not run before the first desired document of this start of the agent has come, so that "absent" is never
	 * mistaken for "not asked yet". */
	PART_WAITS = 1 << 0,
	/* Its section is kept in the state folder (0600) and used at the next start until a document comes. Not for what must
	 * not run on an old order (virtual machines). */
	PART_KEEPS = 1 << 1,
};

#define PART_ABI 2
struct part {
	unsigned abi;	  /* PART_ABI: a plugin made for another agent is refused */
	const char *name; /* the section */
	/* Another section that its runs are given as well (part_run_also()); a change of it is a change of its own. Nothing of it
	 * is reported, nor kept. NULL: none. */
	const char *also;
	unsigned modes;
	unsigned flags;
	int64_t period_ms; /* run again at the latest after this; 0: only when the section changes */

	/* Makes it so. Runs on the part's worker, never twice at once; may block, but each wait has a deadline. Idempotent:
	 * it is run again when its section changes, every period_ms, and after a failure (with growing pauses).
	 * desired: a copy for this run, borrowed; NULL when the section is absent. Sets *ret_report (new reference) to the
	 * section of the report, or leaves it NULL: then the last one stands. A report is also taken when it fails. Returns 0
	 * or a negative errno with err filled, which the core logs; what the provisioner should know goes into the report. */
	int (*converge)(struct part_run *run, json_t *desired, json_t **ret_report, struct err *err);

	/* Instead of converge, for what lives on the loop (connections): called on the loop's thread when the section has
	 * changed and when the connection to the provisioner was made anew. Must not block. */
	void (*apply)(const struct part_link *link, json_t *desired);

	/* Frees what part_run_state() or part_link.state points to, when the agent ends; NULL if that is nothing. */
	void (*release)(void *state);
};

/* ---- for converge, on its worker ---- */

/* The agent ends, or the desired section is another one than this run was given: stop where it is safe. */
bool part_run_cancelled(const struct part_run *run);
/* The agent ends. */
bool part_run_stopping(const struct part_run *run);
/* The section as it is now (new reference, a copy), NULL if absent: to see whether a change concerns this run. */
json_t *part_run_desired(const struct part_run *run);
/* The section that struct part.also names, as it was when the run began: borrowed until its end, NULL if absent. */
const json_t *part_run_also(const struct part_run *run);
/* Reports before the end of the run (progress). Steals the reference. */
void part_run_publish(struct part_run *run, json_t *report);
/* Waits until what was published last has been acknowledged by the provisioner, or the deadline: 0, or -ETIMEDOUT. */
int part_run_flush(struct part_run *run, int64_t deadline_ms);
/* Waits for ms, or until the run is cancelled. For polling what sends no event. */
void part_run_wait(struct part_run *run, int64_t ms);
/* Runs again in this time rather than after period_ms (something is starting, something else must come first). */
void part_run_again(struct part_run *run, int64_t delay_ms);
/* A path of the host under the prefix that tests give (--prefix): every path that is written goes through here. The caller
 * frees. */
char *part_run_path(const struct part_run *run, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* What stands before /sys, /proc and /dev (--sysroot); "" on a real machine. */
const char *part_run_sysroot(const struct part_run *run);
/* A pointer of the part's own that outlives the run; NULL at first. */
void **part_run_state(struct part_run *run);

/* {"code", "text"} as sections carry it; null (a new reference) if there is no error. */
json_t *part_error_json(const struct err *err);

/* ---- for apply, on the loop ---- */
struct part_link {
	struct loop *loop;
	struct http_client *client; /* has the agent's credentials; borrowed until the next call of apply */
	const char *url;	    /* "https://ADDRESS:PORT"; borrowed likewise */
	const char *prefix;	    /* see part_run_path(); "" without */
	void **state;
};

/* A plugin (shared object) exports one function of this type. It uses the symbols of lib/ and of this header from the
 * program that loads it and links neither. */
typedef const struct part *(*part_plugin_fn)(void);

#endif
