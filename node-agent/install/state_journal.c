/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "install/state_journal.h"

#include <endian.h>
#include <errno.h>
#include <unistd.h>

/* Documentation/filesystems/ext4, "Super Block": all little-endian, the offsets within it. */
#define SUPERBLOCK_OFFSET 1024
#define SUPERBLOCK_BYTES 1024
#define MAGIC_AT 0x38
#define MAGIC 0xef53
#define FEATURES_INCOMPAT_AT 0x60
#define FEATURE_RECOVER 0x4u

int state_journal_read(const struct held_disk *disk, const struct layout *layout, bool *ret_needs_recovery,
		       struct err *err)
{
	uint64_t at = layout->partitions[PARTITION_STATE].offset_bytes + SUPERBLOCK_OFFSET;
	uint8_t block[SUPERBLOCK_BYTES];
	ssize_t n = pread(disk->fd, block, sizeof(block), (off_t)at);
	uint16_t magic;
	uint32_t features;

	if (n != (ssize_t)sizeof(block))
		return err_set_errno(err, n < 0 ? -errno : -EIO, "%s: the state partition's superblock",
				     disk->disk.path);
	memcpy(&magic, block + MAGIC_AT, sizeof(magic));
	memcpy(&features, block + FEATURES_INCOMPAT_AT, sizeof(features));
	*ret_needs_recovery = le16toh(magic) == MAGIC && (le32toh(features) & FEATURE_RECOVER);
	return 0;
}
