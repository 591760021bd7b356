/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent: gets credentials for what it is (a machine in the live image, or a node), then converses with the provisioner
 * and runs the parts. On the loop's thread. */
#ifndef INGOT_CORE_AGENT_H
#define INGOT_CORE_AGENT_H

#include "core/part.h"
#include "loop/loop.h"

struct agent;

/* What the live image's kernel command line says (docs/protocol.md). */
struct agent_boot {
	char *server;	/* ADDRESS:PORT of the agent listener */
	char *boot_url; /* of the boot listener, without a slash at the end */
	char *ca;	/* SHA-256 of the CA certificate, hexadecimal */
	char *boot_mac; /* "aa:bb:cc:dd:ee:ff", or NULL */
};
/* Reads SYSROOT/proc/cmdline. ERR_INVALID says which word is missing or wrong. */
int agent_boot_read(const char *sysroot, struct agent_boot *ret, struct err *err);
int agent_boot_parse(const char *cmdline, struct agent_boot *ret, struct err *err);
void agent_boot_done(struct agent_boot *boot);

struct agent_spec {
	struct loop *loop;
	unsigned mode;			 /* PART_LIVE or PART_NODE */
	const struct part *const *parts; /* NULL at the end; borrowed */
	const char *sysroot, *prefix;	 /* see part.h */
	/* How the machine introduces itself (new reference), in the live image, or where it joins by a token; called on a worker,
	 * may block for seconds. */
	json_t *(*introduce)(const char *sysroot);
	/* Node: the folder with identity.json, where key, certificate and kept sections live. */
	const char *state_dir;
};
/* ERR_INVALID if command line or identity say too little. */
int agent_new(const struct agent_spec *spec, struct agent **ret, struct err *err);
/* Tells the parts to end and then ends the loop with code 0; after grace_ms ends it with code 1 although parts still run. */
void agent_stop(struct agent *agent, int64_t grace_ms);
/* After the loop has ended with code 0. NULL is fine; returns NULL. */
struct agent *agent_free(struct agent *agent);
DEFINE_CLEANUP(struct agent *, agent_free)

#endif
