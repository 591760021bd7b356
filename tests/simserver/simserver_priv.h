/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The simulated rack behind the real HTTP API, on the real clock: for the dashboard's tests and for whoever wants to look. */
#ifndef INGOT_SIMSERVER_PRIV_H
#define INGOT_SIMSERVER_PRIV_H

#include "cmd/cmd.h"
#include "sim/world.h"

/* The drivers of the simulated world, to be called on workers. */
extern const struct bmc_driver bridge_bmc_driver;
extern const struct ceph_driver bridge_ceph_driver;

/* ---- real ends of consoles, all on the loop. Each looks at the world now and then, and follows it. ---- */

/* A machine that counts on its serial port and its screen: QEMU with the image of images/guest, killed when it is freed
 * (service_free()). ends: its arguments for serial port and screen, NULL at the end. */
struct service *guest_start(struct world *world, const char *image, const char *name, const char *const *ends);

/* guests.c: one for each virtual machine that runs on a simulated node, with its sockets where the node's agent looks for
 * them. A migrated one begins anew. */
struct guests;
struct guests *guests_new(struct world *world, const char *dir, const char *image);
void guests_look(struct guests *guests);
/* Below this is a node's file system; the caller frees. */
char *guests_prefix(const char *dir, const struct sim_machine *machine);

/* node_consoles.c: for each simulated node the agent's own part for consoles, which asks the agents' listener at url for its
 * orders and dials it, with the node's certificate. */
struct node_consoles;
struct node_consoles *node_consoles_new(struct world *world, const char *dir, const char *url);
void node_consoles_look(struct node_consoles *all);

/* bmc_ends.c: for each machine whose console is opened a real BMC (ipmi_sim) with a guest behind it. Until bmc_ends_new() no
 * machine has a console. */
void bmc_ends_new(struct world *world, const char *dir, const char *image);
void bmc_ends_look(void);
int bmc_ends_console_open(struct loop *loop, const struct bmc_target *target, const struct bmc_console_events *events,
			  void *ctx, struct bmc_console **ret, struct err *err);

#endif
