/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "install/layout.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "install/gpt.h"

#define SFDISK_DEADLINE_MS 120000
#define ALIGNMENT_BYTES MIB
#define BOOT_CODE_BYTES 440
#define BIOS_SECTOR_BYTES 512
/* The second copy of the table: a header and at least 16 KiB of entries, rounded up to the alignment (UEFI 5.3.1). */
#define TABLE_END_BYTES MIB

/* On a disk with sectors of 4 KiB a cluster has that at least, and FAT32 has 65525 of them or more (Microsoft's specification of
 * FAT, "FAT Type Determination"): 256 MiB and the tables. Disks that were installed before have 256 MiB, and are read as they are. */
#define ESP_BYTES (264 * MIB)

static const struct {
	const char *label;
	const char *type;    /* UEFI specification table 5.7; Discoverable Partitions Specification */
	uint64_t size_bytes; /* of the last: at least */
} partitions[PARTITION_COUNT] = {
	[PARTITION_BIOS] = { "ingot-bios", "21686148-6449-6E6F-744E-656564454649", 1 * MIB },
	[PARTITION_ESP] = { "ingot-esp", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", ESP_BYTES },
	[PARTITION_ROOT_A] = { "ingot-root-a", "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", 2 * GIB },
	[PARTITION_ROOT_B] = { "ingot-root-b", "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", 2 * GIB },
	[PARTITION_STATE] = { "ingot-state", "0FC63DAF-8483-4772-8E79-3D69D8477DE4", 3 * GIB },
};

int layout_check_firmware(const char *sysroot, unsigned sector_bytes, struct err *err)
{
	_cleanup_free_ char *efi = xasprintf("%s/sys/firmware/efi", sysroot);

	if (sector_bytes == BIOS_SECTOR_BYTES || access(efi, F_OK) == 0)
		return 0;
	return err_set(
		err, ERR_UNSUPPORTED,
		"the disk has sectors of %u bytes, and a BIOS starts only from those of %d; start this machine by "
		"UEFI (firmware setup), or choose another disk",
		sector_bytes, BIOS_SECTOR_BYTES);
}

int layout_plan(uint64_t disk_bytes, unsigned sector_bytes, struct layout *ret, struct err *err)
{
	uint64_t offset = ALIGNMENT_BYTES, needed = ALIGNMENT_BYTES + TABLE_END_BYTES;

	for (unsigned i = 0; i < PARTITION_COUNT; i++)
		needed += partitions[i].size_bytes;
	if (disk_bytes < needed)
		return err_set(err, ERR_CAPACITY, "the disk has %" PRIu64 " bytes, a host needs at least %" PRIu64,
			       disk_bytes, needed);
	*ret = (struct layout){ .sector_bytes = sector_bytes };
	for (unsigned i = 0; i < PARTITION_COUNT; i++) {
		_cleanup_free_ char *uuid = uuid_new();

		memcpy(ret->partitions[i].uuid, uuid, sizeof(ret->partitions[i].uuid));
		ret->partitions[i].offset_bytes = offset;
		ret->partitions[i].size_bytes = partitions[i].size_bytes;
		offset += partitions[i].size_bytes;
	}
	ret->partitions[PARTITION_STATE].size_bytes =
		(disk_bytes - TABLE_END_BYTES - ret->partitions[PARTITION_STATE].offset_bytes) / ALIGNMENT_BYTES *
		ALIGNMENT_BYTES;
	return 0;
}

char *layout_script(const struct layout *layout)
{
	_cleanup_free_ char *id = uuid_new();
	struct strbuf script = { 0 };

	strbuf_addf(&script, "label: gpt\nlabel-id: %s\nunit: sectors\nfirst-lba: %" PRIu64 "\n", id,
		    (uint64_t)ALIGNMENT_BYTES / layout->sector_bytes);
	for (unsigned i = 0; i < PARTITION_COUNT; i++)
		strbuf_addf(&script, "start=%" PRIu64 ", size=%" PRIu64 ", type=%s, uuid=%s, name=%s\n",
			    layout->partitions[i].offset_bytes / layout->sector_bytes,
			    layout->partitions[i].size_bytes / layout->sector_bytes, partitions[i].type,
			    layout->partitions[i].uuid, partitions[i].label);
	return strbuf_take(&script);
}

/* ---- writing ---- */

static int clear_at(const struct held_disk *disk, uint64_t offset, size_t len, struct err *err)
{
	static const uint8_t zeros[MIB];
	ssize_t n = pwrite(disk->fd, zeros, len, (off_t)offset);

	return n == (ssize_t)len ? 0 : err_set_errno(err, n < 0 ? -errno : -EIO, "clearing %s", disk->disk.path);
}

/* Old tables, boot code and file systems' signatures go first: a half-done installation must not look like a whole one. */
static int clear_ends(const struct layout *layout, const struct held_disk *disk, struct err *err)
{
	int r = clear_at(disk, 0, MIB, err);

	if (r == 0)
		r = clear_at(disk, disk->size - MIB, MIB, err);
	for (unsigned i = 0; r == 0 && i < PARTITION_COUNT; i++)
		r = clear_at(disk, layout->partitions[i].offset_bytes, MIB, err);
	return r == 0 ? held_disk_sync(disk, err) : r;
}

int layout_clear_loader(const struct layout *layout, const struct held_disk *disk, struct err *err)
{
	/* Up to the disk signature and the table. */
	int r = clear_at(disk, 0, BOOT_CODE_BYTES, err);

	if (r == 0)
		r = clear_at(disk, layout->partitions[PARTITION_BIOS].offset_bytes, MIB, err);
	if (r == 0)
		r = clear_at(disk, layout->partitions[PARTITION_ESP].offset_bytes, MIB, err);
	return r == 0 ? held_disk_sync(disk, err) : r;
}

static int run_sfdisk(const struct layout *layout, const struct held_disk *disk, struct err *err)
{
	_cleanup_free_ char *script = layout_script(layout);
	/* The kernel need not know: nobody opens a partition before the next boot. */
	const char *argv[] = { "sfdisk",	   "--quiet",	"--wipe",   "always", "--no-reread",
			       "--no-tell-kernel", "--lock=no", disk->path, NULL };
	struct cmd cmd = {
		.argv = argv,
		.input = script,
		.input_len = strlen(script),
		.deadline_ms = SFDISK_DEADLINE_MS,
		.die_with_parent = true,
	};

	return cmd_run(&cmd, NULL, err);
}

/* ---- reading ---- */

static int read_partition(json_t *table, unsigned sector_bytes, unsigned i, struct layout *layout, struct err *err)
{
	json_t *item;
	size_t k;

	json_array_foreach(json_object_get(table, "partitions"), k, item) {
		const char *uuid = json_string_value(json_object_get(item, "uuid"));
		const char *type = json_string_value(json_object_get(item, "type"));

		if (!str_equal(json_string_value(json_object_get(item, "name")), partitions[i].label))
			continue;
		if (!uuid || strlen(uuid) != 36 || !type || strcasecmp(type, partitions[i].type) != 0)
			return err_set(err, ERR_CORRUPT, "partition %s is of another kind", partitions[i].label);
		for (unsigned c = 0; c < 36; c++)
			layout->partitions[i].uuid[c] = (char)tolower((unsigned char)uuid[c]);
		layout->partitions[i].offset_bytes =
			(uint64_t)json_integer_value(json_object_get(item, "start")) * sector_bytes;
		layout->partitions[i].size_bytes =
			(uint64_t)json_integer_value(json_object_get(item, "size")) * sector_bytes;
		return 0;
	}
	return err_set(err, ERR_CORRUPT, "there is no partition %s", partitions[i].label);
}

static int read_table(json_t *root, struct layout *ret, struct err *err)
{
	json_t *table = json_object_get(root, "partitiontable");
	json_int_t sector_bytes = json_integer_value(json_object_get(table, "sectorsize"));
	struct layout layout = { .sector_bytes = (unsigned)sector_bytes };

	if (sector_bytes < 512 || sector_bytes > 65536 ||
	    !str_equal(json_string_value(json_object_get(table, "label")), "gpt"))
		return err_set(err, ERR_CORRUPT, "there is no GPT");
	for (unsigned i = 0; i < PARTITION_COUNT; i++) {
		int r = read_partition(table, layout.sector_bytes, i, &layout, err);

		if (r < 0)
			return r;
	}
	*ret = layout;
	return 0;
}

int layout_read(const struct held_disk *disk, struct layout *ret, struct err *err)
{
	_cleanup_err_ struct err why = ERR_INIT;
	_cleanup_free_ char *text = NULL;
	json_t *root;
	int r = cmd_outputl(&why, SFDISK_DEADLINE_MS, &text, "sfdisk", "--json", disk->path, NULL);

	if (r < 0)
		return err_set(err, ERR_CORRUPT, "%s has no partition table that can be read: %s", disk->disk.path,
			       str_or(why.text, ""));
	root = json_loads(text, 0, NULL);
	r = read_table(root, ret, err);
	json_decref(root);
	return r < 0 ? err_prefix(err, "%s", disk->disk.path) : 0;
}

/* UEFI appendix A: the first three parts of a GUID are numbers, little-endian. */
static void write_guid(const char *text, uint8_t ret[16])
{
	static const uint8_t places[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	char digits[33];
	uint8_t bytes[16] = { 0 };
	unsigned count = 0;

	for (const char *p = text; *p && count < 32; p++) {
		if (*p != '-')
			digits[count++] = (char)tolower((unsigned char)*p);
	}
	digits[count] = '\0';
	hex_decode(digits, bytes, sizeof(bytes));
	for (unsigned i = 0; i < 16; i++)
		ret[places[i]] = bytes[i];
}

void layout_entry(const struct layout *layout, enum partition partition, uint8_t ret_entry[LAYOUT_ENTRY_BYTES])
{
	uint64_t first = layout->partitions[partition].offset_bytes / layout->sector_bytes;
	uint64_t last = first + layout->partitions[partition].size_bytes / layout->sector_bytes - 1;
	const char *label = partitions[partition].label;

	memset(ret_entry, 0, LAYOUT_ENTRY_BYTES);
	write_guid(partitions[partition].type, ret_entry);
	write_guid(layout->partitions[partition].uuid, ret_entry + 16);
	first = htole64(first);
	last = htole64(last);
	memcpy(ret_entry + 32, &first, sizeof(first));
	memcpy(ret_entry + 40, &last, sizeof(last));
	/* UTF-16LE, and all our labels are ASCII. */
	for (unsigned i = 0; label[i]; i++)
		ret_entry[56 + 2 * i] = (uint8_t)label[i];
}

int layout_write(const struct layout *layout, const struct held_disk *disk, struct err *err)
{
	int r = clear_ends(layout, disk, err);

	if (r == 0)
		r = run_sfdisk(layout, disk, err);
	return r == 0 ? gpt_check(layout, disk, err) : r;
}
