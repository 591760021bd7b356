/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine's clock, as far as the medium can judge it: certificates are judged by it later. */
#ifndef INGOT_INSTALLER_MEDIUM_CLOCK_H
#define INGOT_INSTALLER_MEDIUM_CLOCK_H

#include "installer/medium.h"

/* A clock before the medium was made is wrong, and one that is this much later most likely. */
#define CLOCK_AHEAD_MAX_S (INT64_C(10) * 365 * 86400)

/* What is to be said of the clock that shows now_s, in s since 1970, on a medium of made_s; NULL: nothing. *ret_set_s: what it is to
 * be set to, 0: nothing. Pure. The caller frees. */
char *clock_judge(int64_t now_s, int64_t made_s, int64_t *ret_set_s);

/* Judges this machine's clock, and sets one that is too early to the medium's time, unless prefix is given. Returns what is to be
 * said, NULL for nothing; the caller frees. Needs CAP_SYS_TIME to set it; that it could not is said. */
char *clock_check(const struct medium *medium, const char *prefix);

#endif
