/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads back what was written to a disk, past the kernel's cache, and compares it with the sums of what was written. */
#ifndef INGOT_INSTALL_READBACK_H
#define INGOT_INSTALL_READBACK_H

#include "install/write_behind.h"

struct readback_spec {
	const struct held_disk *disk;
	const struct piece_sums *written; /* all of it has reached the disk */
	const char *what;		  /* in words, for the error */
	/* After each piece, with what was read and compared so far. May be NULL; a negative errno with err filled ends it. */
	int (*progress)(uint64_t done_bytes, void *ctx, struct err *err);
	void *ctx;
};
/* Any thread; blocks. 0; ERR_CORRUPT: the disk gives back other bytes than were written, and where; the errors of
 * held_disk_open_direct() and of reading, with the disk and the offset; or what progress said. */
int readback_compare(const struct readback_spec *spec, struct err *err);

#endif
