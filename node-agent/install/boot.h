/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Leaves the live image for the installed system. */
#ifndef INGOT_INSTALL_BOOT_H
#define INGOT_INSTALL_BOOT_H

#include "install/esp.h"

enum boot_how { BOOT_NOT_YET, BOOT_KEXEC, BOOT_REBOOT, BOOT_POWEROFF };

/* name, console: of the host, as in struct write_spec. kexec that fails becomes a reboot. Returns only on error. */
int boot_host(enum boot_how how, const char *name, const char *console, const struct esp *esp, struct err *err);

#endif
