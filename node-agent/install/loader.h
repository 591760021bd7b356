/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GRUB on a host's disk. Both ways are always installed, so that a disk moves between machines: boot sector and core image for
 * BIOS, the removable path for UEFI, with and without Secure Boot; all read one grub.cfg. */
#ifndef INGOT_INSTALL_LOADER_H
#define INGOT_INSTALL_LOADER_H

#include "install/layout.h"

#define LOADER_BOOT_IMAGE_BYTES 512
#define LOADER_CORE_MAX_BYTES ((size_t)(1 * MIB))

/* Puts GRUB's boot.img and core.img (i386-pc, grub-mkimage) where grub-bios-setup would: core.img into the BIOS boot
 * partition, boot.img around the partition table in sector 0, each told where the next one is. grub-bios-setup itself wants
 * to find the device that its folder is on, and the live image's root is on none. Read back past the cache. ERR_CORRUPT
 * if they are not such images; nothing was written then; or if the disk gives back other bytes. */
int loader_install_bios(const struct held_disk *disk, const struct layout *layout, const void *boot, size_t boot_len,
			const void *core, size_t core_len, struct err *err);

/* The kernel command line of a host; console as in struct order. The caller frees. */
char *loader_command_line(const struct layout *layout, const char *name, const char *console);
/* grub.cfg; the caller frees. */
char *loader_config(const char *command_line);
/* The grub.cfg that Debian's signed GRUB has built in the name of (/EFI/debian), and that leads it to the one above. */
extern const char loader_signpost[];

#endif
