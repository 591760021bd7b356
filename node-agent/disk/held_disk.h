/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk that is opened once and held until all is done with it, so that no step writes to whatever has got its name by then.
 * Any thread, one at a time; all functions block for as long as the disk takes. */
#ifndef INGOT_DISK_HELD_DISK_H
#define INGOT_DISK_HELD_DISK_H

#include <sys/types.h>

#include "inventory/disk.h"

struct held_disk {
	struct disk disk; /* as it was found. Its path is for people: it is not opened again */
	int fd;
	char *path; /* opens this very disk, in this process and in its children: "/proc/PID/fd/N" */

	char *sysroot;
	bool known;    /* it has an identity that is checked */
	dev_t number;  /* of a block device */
	uint64_t seq;  /* the kernel's number of this disk in this boot (BLKGETDISKSEQ); 0: it gives none */
	uint64_t size; /* bytes, when it was opened */
};
#define HELD_DISK_NONE ((struct held_disk){ .fd = -1 })

/* Finds the disk as disk_find() does, opens it, and makes sure that what was opened is what was found. writable: for writing
 * as well. Its errors, and those of open(2); ERR_STATE: another disk has got its name meanwhile, or its size is not what
 * sysfs says. */
int held_disk_open(const char *sysroot, const char *wwn, const char *serial, uint64_t size_bytes, bool writable,
		   struct held_disk *ret, struct err *err);
/* What is at a path, to look at it: a disk of whatever identity, or a file. */
int held_disk_look(const char *path, bool writable, struct held_disk *ret, struct err *err);
/* Closes it; a HELD_DISK_NONE is fine. */
void held_disk_done(struct held_disk *disk);
#define _cleanup_held_disk_ _cleanup_(held_disk_done)

/* Whether it still is the disk that was opened, and there: before each step that writes. ERR_STATE names what is different. */
int held_disk_check(const struct held_disk *disk, struct err *err);
/* ERR_STATE if anything uses it: a mount, swap space, another block device, somebody who holds it exclusively. */
int held_disk_check_unused(const struct held_disk *disk, struct err *err);

/* All that was written has reached the disk (fsync(2)). */
int held_disk_sync(const struct held_disk *disk, struct err *err);
/* The same; and what is read from now on comes from the disk, not from what the kernel remembers of it. */
int held_disk_forget(const struct held_disk *disk, struct err *err);

/* The same disk once more, for reading, and writing if writable, past the cache: O_DIRECT, or where the file system knows none
 * (*ret_direct false) an ordinary descriptor. With O_DIRECT offsets, lengths and addresses are multiples of 4096. The caller
 * closes it; or the errors of open(2). */
int held_disk_open_direct(const struct held_disk *disk, bool writable, bool *ret_direct, struct err *err);
/* Reads len bytes through a descriptor of held_disk_open_direct(), all three aligned as it wants it. 0 when at least `least` of them
 * were there; or what reading said, with the offset. */
int held_disk_read_direct(const struct held_disk *disk, int fd, uint64_t at, uint8_t *ret_data, size_t len,
			  size_t least, struct err *err);
/* Reads past the cache; any offset and length. */
int held_disk_reread(const struct held_disk *disk, uint64_t offset, void *ret_data, size_t len, struct err *err);
/* Reads past the cache what was written. what: in words. ERR_CORRUPT says where the first byte is that differs. */
int held_disk_compare(const struct held_disk *disk, const char *what, uint64_t offset, const void *data, size_t len,
		      struct err *err);
/* ERR_CORRUPT: the disk gives back other bytes than were written. For those who compare by themselves. */
int held_disk_lies(const struct held_disk *disk, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
