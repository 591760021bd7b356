/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole disks as the kernel shows them in sysfs. sysroot stands before /sys, /proc and /dev ("" on a real machine), so that
 * recorded trees and namespaces can be read. Any thread; reads files only, never the disks. */
#ifndef INGOT_INVENTORY_DISK_H
#define INGOT_INVENTORY_DISK_H

#include <sys/types.h>

#include "base/err.h"

struct disk {
	char *name;   /* "sda" */
	char *path;   /* "/dev/sda", with the sysroot in front */
	char *wwn;    /* "naa.5000c500a1b2c3d4", "eui.…", "nvme.…" as the kernel writes it; NULL if it has none */
	char *serial; /* NULL if it has none */
	char *model;  /* NULL if it has none */
	uint64_t size_bytes;
	unsigned logical_block_bytes;
	bool rotational;
	bool in_use; /* it or a partition of it is mounted, swap, or held by another block device (dm, md) */
	char *use;   /* what uses it, in words; NULL if nothing does */
};
void disk_done(struct disk *disk);

struct disk_list {
	struct disk *disks;
	unsigned count;
};
void disk_list_done(struct disk_list *list);
#define _cleanup_disks_ _cleanup_(disk_list_done)

/* Disks one could install to or store on: no loop, RAM, optical, floppy, device-mapper or md devices, none without a medium,
 * in order of name. 0, or a negative errno if /sys/block cannot be read. */
int disk_list_read(const char *sysroot, struct disk_list *ret, struct err *err);

/* The one disk with this WWN and serial (each NULL or "" if the disk has none; both must match what is given, at least one
 * must be) and, unless 0, this size. ERR_NOT_FOUND if there is none, saying which disks there are; ERR_STATE if more than
 * one matches. The caller ends *ret with disk_done(). */
int disk_find(const char *sysroot, const char *wwn, const char *serial, uint64_t size_bytes, struct disk *ret,
	      struct err *err);

/* The disk that has this kernel name, or this device number, at the moment; ERR_NOT_FOUND if there is none. The caller ends
 * *ret with disk_done(). */
int disk_read_name(const char *sysroot, const char *name, struct disk *ret, struct err *err);
int disk_read_number(const char *sysroot, dev_t number, struct disk *ret, struct err *err);

#endif
