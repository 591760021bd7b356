/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files that speak IPMI share. */
#ifndef INGOT_BMC_BMC_IPMI_PRIV_H
#define INGOT_BMC_BMC_IPMI_PRIV_H

#include <freeipmi/freeipmi.h>

#include "bmc_priv.h"

/* An open session, on a worker. */
struct bmc_session {
	ipmi_ctx_t ctx;
	uint32_t quirks;
	int cipher_suite;
};
int bmc_session_open(const struct bmc_target *target, struct bmc_session *session, struct err *err);
/* The same, and asks whose BMC it is: an address may have passed to that of another system. Then ERR_STATE, and the session is
 * open and to be closed all the same. */
int bmc_session_open_checked(const struct bmc_target *target, struct bmc_session *session, struct err *err);
void bmc_session_close(struct bmc_session *session);
#define _cleanup_bmc_session_ _cleanup_(bmc_session_close)

/* bmc_ipmi_sensors.c: bmc_driver.sensors; what the library makes of a reading or an event */
int bmc_ipmi_sensors(const struct bmc_target *target, struct bmc_sensors *ret, struct err *err);
enum bmc_sensor_state bmc_ipmi_state(unsigned interpreted);
/* bmc_ipmi_sel.c: bmc_driver.sel */
int bmc_ipmi_sel(const struct bmc_target *target, struct bmc_sel *ret, struct err *err);

#endif
