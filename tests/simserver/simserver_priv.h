/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The simulated rack behind the real HTTP API, on the real clock: for the dashboard's tests and for whoever wants to look. */
#ifndef INGOT_SIMSERVER_PRIV_H
#define INGOT_SIMSERVER_PRIV_H

#include "sim/world.h"

/* The drivers of the simulated world, to be called on workers. */
extern const struct bmc_driver bridge_bmc_driver;
extern const struct ceph_driver bridge_ceph_driver;

#endif
