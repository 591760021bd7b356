/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One installation on its way, and its steps. All on the part's worker. */
#ifndef INGOT_INSTALL_INSTALL_PRIV_H
#define INGOT_INSTALL_INSTALL_PRIV_H

#include "bundle/bundle.h"
#include "core/part.h"
#include "install/esp.h"
#include "install/fetch.h"
#include "install/layout.h"
#include "install/order.h"
#include "install/readback.h"
#include "inventory/disk.h"

struct install {
	struct part_run *run;
	struct order order;
	const char *step;
	struct disk disk;
	struct layout layout;
	char *work_dir; /* in memory: nothing in it outlives the live image */
	struct esp esp;
	struct fetch *fetch;
	struct bundle_reader *reader;
	struct readback *readback; /* of the root part */
	int kernel, initrd;	   /* as read back from the ESP, until they are given to kexec; -1 */
	struct kexec *kexec;

	unsigned progress; /* of the step, percent */
	uint64_t bytes;	   /* of the root part, written */
	int64_t published_ms, asked_ms;
	bool cancelled;
};

/* Tells how far the step is; seldom enough to be called often. */
void install_progress(struct install *install, uint64_t done, uint64_t total);
/* The order was taken back or replaced, or the agent ends. */
bool install_cancelled(struct install *install);
/* The same without remembering; any thread. ctx: the install. */
bool install_withdrawn(void *ctx);
int install_check_cancelled(struct install *install, struct err *err);

/* A file of the work folder; the caller frees. */
char *install_work_path(const struct install *install, const char *name);

/* image.c: the steps that move the bundle. */
int image_open(struct install *install, struct err *err);   /* signature, manifest, sizes; nothing is written */
int image_write(struct install *install, struct err *err);  /* every part to its place or to the work folder */
int image_verify(struct install *install, struct err *err); /* read back from the disk */
void image_close(struct install *install);

/* state_partition.c */
int state_partition_make(struct install *install, struct err *err);

/* boot.c. kexec_start loads a kernel ahead, on a thread of its own; kernel and initrd are open for reading only (the kernel
 * refuses what somebody could still write) and become its own. Whether that worked is known in boot_host. kexec_free waits,
 * and unloads what was loaded; NULL is fine. */
struct kexec *kexec_start(int kernel, int initrd, const char *command_line);
struct kexec *kexec_free(struct kexec *kexec);
/* Leaves for the installed system: by kexec if that is ordered and was loaded, by a reboot otherwise. Returns only on
 * error. */
int boot_host(const struct order *order, struct kexec *kexec, struct err *err);

#endif
