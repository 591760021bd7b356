/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "install/loader.h"

#include <endian.h>
#include <errno.h>
#include <unistd.h>

#define SECTOR_BYTES ((size_t)512)

/* Offsets in boot.img (GRUB 2, include/grub/i386/pc/boot.h). */
#define BOOT_KERNEL_SECTOR 0x5c /* 8 bytes: first sector of core.img */
#define BOOT_DRIVE_CHECK 0x66	/* 2 bytes: a jump over the check that the BIOS passed the drive's number */
#define BOOT_TABLE_START 0x1b8	/* disk signature and partition table, which stay */
#define BOOT_SIGNATURE 0x1fe
#define BOOT_JUMP 0xeb
#define X86_NOP 0x90
/* At the end of core.img's first sector: struct grub_pc_bios_boot_blocklist (include/grub/offsets.h). */
#define CORE_LIST (SECTOR_BYTES - 12)
#define CORE_SEGMENT 0x820 /* 0x8000 >> 4, and one sector on */

struct block_list {
	uint64_t start_sector;
	uint16_t sector_count;
	uint16_t segment;
} __attribute__((packed));

static int check_images(const uint8_t *boot, size_t boot_len, const uint8_t *core, size_t core_len,
			uint64_t partition_bytes, struct err *err)
{
	struct block_list list;

	if (boot_len != LOADER_BOOT_IMAGE_BYTES || boot[0] != BOOT_JUMP || boot[BOOT_DRIVE_CHECK] != BOOT_JUMP ||
	    boot[BOOT_SIGNATURE] != 0x55 || boot[BOOT_SIGNATURE + 1] != 0xaa)
		return err_set(err, ERR_CORRUPT, "boot.img is not a boot sector of GRUB");
	if (core_len <= SECTOR_BYTES || core_len > partition_bytes || core_len > LOADER_CORE_MAX_BYTES)
		return err_set(err, ERR_CORRUPT, "core.img has %zu bytes, which is not a core image of GRUB", core_len);
	memcpy(&list, core + CORE_LIST, sizeof(list));
	if (le16toh(list.segment) != CORE_SEGMENT)
		return err_set(err, ERR_CORRUPT, "core.img is not a core image of GRUB for BIOS");
	return 0;
}

/* And reads it back. */
static int write_at(const struct held_disk *disk, const char *what, const void *data, size_t len, uint64_t offset,
		    struct err *err)
{
	ssize_t n = pwrite(disk->fd, data, len, (off_t)offset);

	if (n != (ssize_t)len)
		return err_set_errno(err, n < 0 ? -errno : -EIO, "writing %s", what);
	return held_disk_compare(disk, what, offset, data, len, err);
}

static int write_core(const struct held_disk *disk, uint64_t at, const void *core, size_t core_len, struct err *err)
{
	size_t sectors = (core_len + SECTOR_BYTES - 1) / SECTOR_BYTES;
	_cleanup_free_ uint8_t *image = xcalloc(sectors, SECTOR_BYTES);
	struct block_list list = {
		.start_sector = htole64(at / SECTOR_BYTES + 1),
		.sector_count = htole16((uint16_t)(sectors - 1)),
		.segment = htole16(CORE_SEGMENT),
	};

	memcpy(image, core, core_len);
	memcpy(image + CORE_LIST, &list, sizeof(list));
	return write_at(disk, "GRUB's core image for BIOS", image, sectors * SECTOR_BYTES, at, err);
}

static int write_boot(const struct held_disk *disk, uint64_t core_at, const void *boot, struct err *err)
{
	uint64_t core_sector = htole64(core_at / SECTOR_BYTES);
	uint8_t sector[LOADER_BOOT_IMAGE_BYTES];
	ssize_t n = pread(disk->fd, sector, sizeof(sector), 0);

	if (n != sizeof(sector))
		return err_set_errno(err, n < 0 ? -errno : -EIO, "reading the boot sector");
	memcpy(sector, boot, BOOT_TABLE_START);
	memcpy(sector + BOOT_KERNEL_SECTOR, &core_sector, sizeof(core_sector));
	/* A hard disk: let it check, some firmware passes a wrong drive number. */
	memset(sector + BOOT_DRIVE_CHECK, X86_NOP, 2);
	memcpy(sector + BOOT_SIGNATURE, (const uint8_t *)boot + BOOT_SIGNATURE, 2);
	return write_at(disk, "the boot sector", sector, sizeof(sector), 0, err);
}

int loader_install_bios(const struct held_disk *disk, const struct layout *layout, const void *boot, size_t boot_len,
			const void *core, size_t core_len, struct err *err)
{
	uint64_t at = layout->partitions[PARTITION_BIOS].offset_bytes;
	int r = check_images(boot, boot_len, core, core_len, layout->partitions[PARTITION_BIOS].size_bytes, err);

	if (r == 0)
		r = write_core(disk, at, core, core_len, err);
	return r == 0 ? write_boot(disk, at, boot, err) : r;
}

char *loader_command_line(const struct layout *layout, const char *name, const char *console)
{
	return xasprintf("ingot.root=PARTUUID=%s ingot.state=PARTUUID=%s systemd.hostname=%s%s%s",
			 layout->partitions[PARTITION_ROOT_A].uuid, layout->partitions[PARTITION_STATE].uuid, name,
			 *console ? " " : "", console);
}

/* GRUB has set root to the partition it found this file on. */
char *loader_config(const char *command_line)
{
	return xasprintf("set default=0\n"
			 "set timeout=0\n"
			 "menuentry \"Ingot\" {\n"
			 "\tlinux /ingot/a/vmlinuz %s\n"
			 "\tinitrd /ingot/a/initrd\n"
			 "}\n",
			 command_line);
}

/* GRUB has set root to the partition that it was loaded from. It is not looked for by its label: another disk's ESP may have the
 * same one. */
const char loader_signpost[] = "set prefix=($root)/grub\n"
			       "configfile ($root)/grub/grub.cfg\n";
