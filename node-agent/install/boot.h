/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Leaves the live image for the installed system. */
#ifndef INGOT_INSTALL_BOOT_H
#define INGOT_INSTALL_BOOT_H

#include "install/esp.h"

enum boot_how { BOOT_NOT_YET, BOOT_KEXEC, BOOT_REBOOT, BOOT_POWEROFF };

/* A kernel that is loaded ahead, on a thread of its own: kexec_file_load(2) hashes it, which takes seconds where that is
 * slow. kernel and initrd become its own; they are open for reading only (the kernel refuses what somebody could still
 * write). Whether it worked is known in boot_host(). */
struct kexec *kexec_start(int kernel, int initrd, const char *command_line);
/* The same with the kernel and initrd that an ESP holds; name, console: as in struct write_spec. The errors of esp_get(). */
int kexec_start_from_esp(const struct esp *esp, const char *name, const char *console, struct kexec **ret,
			 struct err *err);
/* Waits for it, and unloads what was loaded. NULL is fine; returns NULL. */
struct kexec *kexec_free(struct kexec *kexec);

/* kexec: NULL if none was loaded. Where it fails, a reboot takes its place. Returns only on error. */
int boot_host(enum boot_how how, struct kexec *kexec, struct err *err);

#endif
