/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes a host to a disk: the one way, whoever ordered it (the provisioner by way of the part "install", or the installer on
 * a medium). Blocks; one at a time. */
#ifndef INGOT_INSTALL_WRITE_H
#define INGOT_INSTALL_WRITE_H

#include "install/host_files.h"
#include "install/layout.h"

struct write_status {
	const char *step;	     /* "check", "partition", "write", "verify", "identity", "loader" */
	unsigned progress;	     /* of the step, percent */
	uint64_t bytes, total_bytes; /* of the root part: written, and in all (0: not known yet) */
	uint64_t verified_bytes;     /* of the root part: read back and compared; told in the step "verify" */
	char *disk_path;	     /* once the disk was found; for people */
	struct layout layout;
};
void write_status_done(struct write_status *status);

/* All borrowed for the time of the call. */
struct write_spec {
	const char *id; /* for the log */
	struct {
		const char *wwn, *serial; /* either may be NULL */
		uint64_t size_bytes;	  /* 0: any */
	} disk;
	struct {
		const char *url;     /* http://, or */
		const char *path;    /* a file */
		const char *key_pem; /* the signature must be by this one */
		const char *version; /* NULL: any */
	} bundle;
	const char *name, *console; /* the host's; consoles as "console=tty0 console=ttyS0", "" for none */
	const struct host_files *files;
	/* The disk has a host, whose partitions stay and whose state partition is left as it is but for the files above, which are
	 * put over what is there. ERR_CORRUPT if there is no host; ERR_STATE if its state cannot be repaired;
	 * ERR_UNSUPPORTED if it was cut off and there is no loop device to replay its journal through. Nothing else was
	 * written then. */
	bool keep_state;
	const char *sysroot;  /* before /sys, /proc, /dev; "" on a real machine */
	const char *work_dir; /* in memory; is made */

	/* Called at each step and about twice a second; may be NULL. */
	void (*progress)(const struct write_status *status, void *ctx);
	/* Kernel and initrd have been read back from the disk and are as they should be: both in memory, open for reading only,
	 * the callee's to close. It is not over yet, and may still fail. May be NULL. */
	void (*verified)(const struct write_status *status, int kernel, int initrd, void *ctx);
	/* True ends it; called several times a second, also from the download's thread. May be NULL. */
	bool (*withdrawn)(void *ctx);
	void *ctx;
};

/* Checks all there is to check, then writes; the boot loader comes last, so that a disk is bootable only when all else is on
 * it and was read back. *ret is filled also on failure, and ended by the caller. The errors of disk_find(), layout_plan(),
 * bundle_reader_new() and bundle_reader_copy(); ERR_STATE: the disk is in use, or another one has got its place; ERR_CORRUPT:
 * the disk gives back other bytes than were written; ERR_CANCELLED. */
int write_host(const struct write_spec *spec, struct write_status *ret, struct err *err);

/* Whether a disk has a host that was written to its end, loader and all. Reads only. *ret_layout: its partitions. 0, or
 * ERR_CORRUPT saying what is missing. */
int write_find_host(const struct held_disk *disk, struct layout *ret_layout, struct err *err);

#endif
