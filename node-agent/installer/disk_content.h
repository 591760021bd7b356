/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is on a disk, by its partition table (sfdisk) and the signatures on it (blkid). Reads only; blocks up to some seconds. */
#ifndef INGOT_INSTALLER_DISK_CONTENT_H
#define INGOT_INSTALLER_DISK_CONTENT_H

#include "base/err.h"

struct disk_content {
	char *text;    /* "empty", or what there is: "ext4, ntfs", "an Ingot host"; "unclear" */
	char *pool;    /* it belongs to this pool or volume group: "Ceph"; NULL: to none */
	char *unclear; /* why it cannot be told what there is, in words; NULL: it can. Then it is not to be written to */
	bool host;     /* an Ingot host, whose state could be kept */
	char *role; /* what that was installed as: a word of the answer "role"; NULL without one, or if that cannot be read */
	char *host_name; /* of that host; NULL without one */
	bool whole_host; /* one that was installed to its end */
};
/* path: the disk. One that cannot be read is unclear. */
void disk_content_read(const char *path, struct disk_content *ret);
void disk_content_done(struct disk_content *content);

#endif
