/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The attended installer: full screen, by keyboard alone, 80x24 and larger, on what TERM says. */
#ifndef INGOT_INSTALLER_TUI_H
#define INGOT_INSTALLER_TUI_H

#include "installer/job.h"

/* Asks, installs, and finishes as answered. job: medium, sysroot and prefix are used. Standard input and output are a
 * terminal. Returns the exit code; not at all where the machine boots. */
int tui_run(const struct job *job);

#endif
