/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The partitions of a host's disk (docs/protocol.md, "Disk layout of a host"). All work on the disk goes through the whole
 * device at these offsets: no partition node has to appear, no file system driver has to be loaded, and a plain file does
 * for a test. */
#ifndef INGOT_INSTALL_LAYOUT_H
#define INGOT_INSTALL_LAYOUT_H

#include "disk/held_disk.h"

enum partition { PARTITION_BIOS, PARTITION_ESP, PARTITION_ROOT_A, PARTITION_ROOT_B, PARTITION_STATE, PARTITION_COUNT };

struct layout {
	struct {
		uint64_t offset_bytes, size_bytes;
		char uuid[37]; /* PARTUUID, lower case */
	} partitions[PARTITION_COUNT];
	unsigned sector_bytes;
};

/* Plans the partitions of a disk; new UUIDs. ERR_CAPACITY if it is too small, saying what is needed and what there is. */
int layout_plan(uint64_t disk_bytes, unsigned sector_bytes, struct layout *ret, struct err *err);
/* Whether the firmware that started this machine could start it from a disk with such sectors. ERR_UNSUPPORTED with what to do. */
int layout_check_firmware(const char *sysroot, unsigned sector_bytes, struct err *err);
/* What sfdisk reads on its standard input; the caller frees. */
char *layout_script(const struct layout *layout);
/* A partition's entry in the table, as it has to be on the disk (UEFI 5.3.3). */
#define LAYOUT_ENTRY_BYTES 128
void layout_entry(const struct layout *layout, enum partition partition, uint8_t ret_entry[LAYOUT_ENTRY_BYTES]);
/* Overwrites what was at the beginning and end of the disk, writes the table through sfdisk, reads it back and compares. */
int layout_write(const struct layout *layout, const struct held_disk *disk, struct err *err);
/* Takes away what makes an installed disk bootable and leaves its partitions: the BIOS' boot code and core image, and the
 * beginning of the EFI system partition. */
int layout_clear_loader(const struct layout *layout, const struct held_disk *disk, struct err *err);
/* Finds the partitions of an installed disk by their labels. ERR_CORRUPT if they are not what layout_write() makes. */
int layout_read(const struct held_disk *disk, struct layout *ret, struct err *err);

#endif
