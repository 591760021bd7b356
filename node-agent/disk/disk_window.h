/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A part of a held disk as a block device of its own, by a loop device (loop(4)): for programs that cannot be told, or forget,
 * where on a disk a file system begins. Any thread, one at a time for one disk. */
#ifndef INGOT_DISK_DISK_WINDOW_H
#define INGOT_DISK_DISK_WINDOW_H

#include "disk/held_disk.h"

struct disk_window {
	int fd;
	char *path; /* opens it, in this process and in its children, as held_disk's does */
};
#define DISK_WINDOW_NONE ((struct disk_window){ .fd = -1 })

/* Makes one, for reading and writing. offset_bytes, size_bytes: multiples of 512, within the disk. It goes by itself when
 * nobody has it open any more, so also when this process dies. The loop devices are those of the running kernel, whatever
 * the disk's sysroot. ERR_UNSUPPORTED: there are none, or none may be had; nothing was changed. */
int disk_window_open(const struct held_disk *disk, uint64_t offset_bytes, uint64_t size_bytes, struct disk_window *ret,
		     struct err *err);
/* All that was written through it has reached the disk, and is what is read from the disk from now on. Once nobody else has
 * it open; it is for disk_window_done() all the same. */
int disk_window_finish(const struct disk_window *window, const struct held_disk *disk, struct err *err);
/* Lets go of it; a DISK_WINDOW_NONE is fine. */
void disk_window_done(struct disk_window *window);
#define _cleanup_disk_window_ _cleanup_(disk_window_done)

#endif
