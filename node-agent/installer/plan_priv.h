/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef INGOT_INSTALLER_PLAN_PRIV_H
#define INGOT_INSTALLER_PLAN_PRIV_H

#include "installer/plan.h"

/* plan_network.c: the files of systemd-networkd and, for the names of interfaces, of udev. */
void plan_network(const struct answers *answers, struct host_files *files);
/* The host's name of the interface of the provisioning network; the caller frees. */
char *plan_provisioning_interface(const struct answers *answers);

#endif
