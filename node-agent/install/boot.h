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

/* How the machine can be left, of what is wanted: kexec only if the kernel is loaded, for which it waits. Whatever the running
 * kernel refused it for, a reboot takes its place, with the reason in why: the disk can be booted, and the boot intent leads
 * there. kexec: NULL if none was loaded. */
enum boot_how boot_choose(enum boot_how wanted, struct kexec *kexec, struct err *why);

/* Is told how the machine is about to be left, and, where that is not as it was wanted, why; else why has no code. */
typedef void (*boot_tell_fn)(enum boot_how how, const struct err *why, void *ctx);
/* Leaves, as boot_choose() says; tells before, and again if a kernel that was loaded does not start. Returns only on error:
 * neither way was open. */
int boot_host(enum boot_how how, struct kexec *kexec, boot_tell_fn tell, void *ctx, struct err *err);

#endif
