/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <unistd.h>

#include "inventory/disk.h"
#include "inventory/sysfs.h"

#define MOUNTS_MAX_BYTES ((size_t)(1 * MIB))
#define VPD_MAX_BYTES ((size_t)4096)

/* Kernel names of block devices that are no disks of the machine. */
static const char *const other_devices[] = { "loop", "ram", "zram", "sr", "fd", "dm-", "md", "nbd", "rbd", "mtdblock" };

void disk_done(struct disk *disk)
{
	free(disk->name);
	free(disk->path);
	free(disk->wwn);
	free(disk->serial);
	free(disk->model);
	free(disk->use);
	*disk = (struct disk){ 0 };
}

void disk_list_done(struct disk_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		disk_done(&list->disks[i]);
	free(list->disks);
	*list = (struct disk_list){ 0 };
}

/* ---- identity ---- */

/* Vital Product Data page 0x80, unit serial number (SPC-5 section 7.7.20): 4 bytes, then ASCII. */
static char *serial_from_vpd(const char *sysroot, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/sys/block/%s/device/vpd_pg80", sysroot, name);
	_cleanup_free_ char *page = NULL;
	const uint8_t *bytes;
	size_t len, length;

	if (read_file(path, VPD_MAX_BYTES, &page, &len) < 0 || len < 4)
		return NULL;
	bytes = (const uint8_t *)page;
	length = (size_t)bytes[2] << 8 | bytes[3];
	if (bytes[1] != 0x80 || length > len - 4)
		return NULL;
	return text_tidy(xstrndup(page + 4, length));
}

/* Page 0x83, device identification (SPC-5 section 7.7.6): the longest NAA designator of the logical unit. */
static char *wwn_from_vpd(const char *sysroot, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/sys/block/%s/device/vpd_pg83", sysroot, name);
	_cleanup_free_ char *page = NULL, *hex = NULL;
	const uint8_t *bytes, *best = NULL;
	size_t len, end;

	if (read_file(path, VPD_MAX_BYTES, &page, &len) < 0 || len < 4)
		return NULL;
	bytes = (const uint8_t *)page;
	end = MIN_OF(len, 4 + ((size_t)bytes[2] << 8 | bytes[3]));
	for (size_t at = 4; bytes[1] == 0x83 && at + 4 <= end && bytes[at + 3] <= end - at - 4;
	     at += 4 + bytes[at + 3]) {
		unsigned association = bytes[at + 1] >> 4 & 3, type = bytes[at + 1] & 0xf;

		if (association == 0 && type == 3 && bytes[at + 3] && (!best || bytes[at + 3] > best[3]))
			best = bytes + at;
	}
	if (!best)
		return NULL;
	hex = hex_encode(best + 4, best[3]);
	return xasprintf("naa.%s", hex);
}

/* The kernel's choice among the names a device has, if it is one that no other device bears. A "t10" name is put together
 * from vendor, model and serial: those are reported as themselves. */
static char *read_wwn(const char *sysroot, const char *name)
{
	static const char *const files[] = { "wwid", "device/wwid" };
	static const char *const kinds[] = { "naa.", "eui.", "nvme.", "uuid." };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *text = sysfs_text("%s/sys/block/%s/%s", sysroot, name, files[i]);

		for (size_t k = 0; text && k < ARRAY_SIZE(kinds); k++) {
			if (str_starts(text, kinds[k]))
				return TAKE_PTR(text);
		}
	}
	return wwn_from_vpd(sysroot, name);
}

static char *read_serial(const char *sysroot, const char *name)
{
	char *serial = sysfs_text("%s/sys/block/%s/serial", sysroot, name); /* virtio */

	if (!serial)
		serial = serial_from_vpd(sysroot, name); /* SCSI, ATA */
	if (!serial)
		serial = sysfs_text("%s/sys/block/%s/device/serial", sysroot, name); /* NVMe, MMC */
	return serial;
}

/* ---- use ---- */

/* What the kernel says is mounted or swapped to, read once for all disks. */
struct uses {
	char *mounts; /* /proc/self/mountinfo, see proc_pid_mountinfo(5) */
	char *swaps;  /* /proc/swaps */
};

static void uses_read(const char *sysroot, struct uses *ret)
{
	_cleanup_free_ char *mounts = xasprintf("%s/proc/self/mountinfo", sysroot);
	_cleanup_free_ char *swaps = xasprintf("%s/proc/swaps", sysroot);
	size_t len;

	*ret = (struct uses){ 0 };
	read_file(mounts, MOUNTS_MAX_BYTES, &ret->mounts, &len);
	read_file(swaps, MOUNTS_MAX_BYTES, &ret->swaps, &len);
}

static void uses_done(struct uses *uses)
{
	free(uses->mounts);
	free(uses->swaps);
}

/* Where a device is mounted: by its number, and by its path for file systems with numbers of their own (btrfs). The caller
 * frees; NULL if it is not. */
static char *mounted_at(const struct uses *uses, const char *number, const char *name)
{
	_cleanup_free_ char *path = xasprintf("/dev/%s", name);
	_cleanup_free_ char *copy = xstrdup(uses->mounts);
	char *next = copy, *line;

	while (next && (line = strsep(&next, "\n"))) {
		char *fields = strstr(line, " - "), dev[32], where[1024], type[64], source[1024];

		if (sscanf(line, "%*u %*u %31s %*s %1023s", dev, where) != 2)
			continue;
		if (str_equal(dev, number))
			return xstrdup(where);
		if (fields && sscanf(fields, " - %63s %1023s", type, source) == 2 && str_equal(source, path))
			return xstrdup(where);
	}
	return NULL;
}

static bool swapped_to(const struct uses *uses, const char *name)
{
	_cleanup_free_ char *start = xasprintf("/dev/%s ", name);
	_cleanup_free_ char *copy = xstrdup(uses->swaps);
	char *next = copy, *line;

	while (next && (line = strsep(&next, "\n"))) {
		if (str_starts(line, start))
			return true;
	}
	return false;
}

/* folder: "sda" or "sda/sda1". What uses this block device, in words; NULL if nothing does. */
static char *device_use(const char *sysroot, const struct uses *uses, const char *folder, const char *name)
{
	_cleanup_free_ char *holders = xasprintf("%s/sys/block/%s/holders", sysroot, folder);
	_cleanup_free_ char *number = sysfs_text("%s/sys/block/%s/dev", sysroot, folder);
	_cleanup_free_ char *where = mounted_at(uses, number, name);
	_cleanup_names_ struct name_list held = { 0 };

	if (where)
		return xasprintf("%s is mounted at %s", name, where);
	if (swapped_to(uses, name))
		return xasprintf("%s is swap space", name);
	if (sysfs_list(holders, &held) == 0 && held.count)
		return xasprintf("%s is part of %s", name, held.names[0]);
	return NULL;
}

static char *disk_use(const char *sysroot, const struct uses *uses, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/sys/block/%s", sysroot, name);
	_cleanup_names_ struct name_list entries = { 0 };
	char *use = device_use(sysroot, uses, name, name);

	if (use || sysfs_list(path, &entries) < 0)
		return use;
	for (size_t i = 0; i < entries.count && !use; i++) {
		_cleanup_free_ char *folder = xasprintf("%s/%s", name, entries.names[i]);

		if (sysfs_exists("%s/sys/block/%s/partition", sysroot, folder))
			use = device_use(sysroot, uses, folder, entries.names[i]);
	}
	return use;
}

/* ---- the list ---- */

static bool is_disk(const char *sysroot, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(other_devices); i++) {
		if (str_starts(name, other_devices[i]))
			return false;
	}
	/* Boot partitions of an eMMC are devices of their own, with the serial of the whole: firmware's, a few MB. */
	if (str_starts(name, "mmcblk") && strstr(name, "boot"))
		return false;
	/* Hidden: one path of an NVMe namespace that has a device of its own. */
	return sysfs_number(0, "%s/sys/block/%s/size", sysroot, name) > 0 &&
	       sysfs_number(0, "%s/sys/block/%s/hidden", sysroot, name) == 0;
}

static char *read_model(const char *sysroot, const char *name)
{
	char *model = sysfs_text("%s/sys/block/%s/device/model", sysroot, name);

	if (!model)
		model = sysfs_text("%s/sys/block/%s/device/name", sysroot, name); /* MMC */
	return model;
}

static void disk_read(const char *sysroot, const struct uses *uses, const char *name, struct disk *ret)
{
	*ret = (struct disk){
		.name = xstrdup(name),
		.path = xasprintf("%s/dev/%s", sysroot, name),
		.wwn = read_wwn(sysroot, name),
		.serial = read_serial(sysroot, name),
		.model = read_model(sysroot, name),
		/* In units of 512 bytes, whatever the block size (sysfs-block, ABI). */
		.size_bytes = (uint64_t)sysfs_number(0, "%s/sys/block/%s/size", sysroot, name) * 512,
		.logical_block_bytes =
			(unsigned)sysfs_number(512, "%s/sys/block/%s/queue/logical_block_size", sysroot, name),
		.rotational = sysfs_number(0, "%s/sys/block/%s/queue/rotational", sysroot, name) != 0,
		.use = disk_use(sysroot, uses, name),
	};
	ret->in_use = ret->use != NULL;
}

int disk_list_read(const char *sysroot, struct disk_list *ret, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/sys/block", sysroot);
	_cleanup_names_ struct name_list names = { 0 };
	struct disk_list list = { 0 };
	struct uses uses;
	int r = sysfs_list(path, &names);

	if (r < 0)
		return err_set_errno(err, r, "%s", path);
	uses_read(sysroot, &uses);
	for (size_t i = 0; i < names.count; i++) {
		if (!is_disk(sysroot, names.names[i]))
			continue;
		list.disks = xrealloc(list.disks, (list.count + 1) * sizeof(list.disks[0]));
		disk_read(sysroot, &uses, names.names[i], &list.disks[list.count++]);
	}
	uses_done(&uses);
	*ret = list;
	return 0;
}

int disk_read_name(const char *sysroot, const char *name, struct disk *ret, struct err *err)
{
	struct uses uses;

	if (!is_disk(sysroot, name))
		return err_set(err, ERR_NOT_FOUND, "the kernel knows of no disk %s", name);
	uses_read(sysroot, &uses);
	disk_read(sysroot, &uses, name, ret);
	uses_done(&uses);
	return 0;
}

/* sysfs has a link for each number, to the folder that bears the name (sysfs-dev, ABI). */
int disk_read_number(const char *sysroot, dev_t number, struct disk *ret, struct err *err)
{
	_cleanup_free_ char *name = sysfs_link_name("%s/sys/dev/block/%u:%u", sysroot, major(number), minor(number));

	if (!name)
		return err_set(err, ERR_NOT_FOUND, "the kernel knows of no block device %u:%u", major(number),
			       minor(number));
	return disk_read_name(sysroot, name, ret, err);
}

static bool text_given(const char *text)
{
	return text && *text;
}

/* What was asked for must be there; what was not asked for may be anything. */
static bool matches(const char *wanted, const char *has)
{
	return !text_given(wanted) || (has && strcasecmp(wanted, has) == 0);
}

static char *describe_all(const struct disk_list *list)
{
	struct strbuf text = { 0 };

	for (unsigned i = 0; i < list->count; i++) {
		const struct disk *disk = &list->disks[i];

		strbuf_addf(&text, "%s%s (wwn %s, serial %s, %" PRIu64 " bytes)", i ? ", " : "", disk->path,
			    str_or(disk->wwn, "none"), str_or(disk->serial, "none"), disk->size_bytes);
	}
	return list->count ? strbuf_take(&text) : xstrdup("no disk");
}

static void add_wanted(struct strbuf *text, const char *word)
{
	strbuf_addf(text, "%s%s", text->len ? " and " : "", word);
}

/* "wwn naa.5 and serial S": what was asked for, and nothing else. */
static char *describe_wanted(const char *wwn, const char *serial, uint64_t size_bytes)
{
	_cleanup_free_ char *by_wwn = xasprintf("wwn %s", str_or(wwn, ""));
	_cleanup_free_ char *by_serial = xasprintf("serial %s", str_or(serial, ""));
	_cleanup_free_ char *by_size = xasprintf("%" PRIu64 " bytes", size_bytes);
	struct strbuf text = { 0 };

	if (text_given(wwn))
		add_wanted(&text, by_wwn);
	if (text_given(serial))
		add_wanted(&text, by_serial);
	if (size_bytes)
		add_wanted(&text, by_size);
	return strbuf_take(&text);
}

int disk_find(const char *sysroot, const char *wwn, const char *serial, uint64_t size_bytes, struct disk *ret,
	      struct err *err)
{
	_cleanup_disks_ struct disk_list list = { 0 };
	_cleanup_free_ char *there = NULL, *wanted = NULL;
	unsigned found = 0, which = 0;
	int r;

	if (!text_given(wwn) && !text_given(serial))
		return err_set(err, ERR_INVALID, "a disk is named by its wwn or serial, and neither is given");
	r = disk_list_read(sysroot, &list, err);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < list.count; i++) {
		const struct disk *disk = &list.disks[i];

		if (!matches(wwn, disk->wwn) || !matches(serial, disk->serial) ||
		    (size_bytes && size_bytes != disk->size_bytes))
			continue;
		found++;
		which = i;
	}
	if (found == 1) {
		*ret = list.disks[which];
		list.disks[which] = (struct disk){ 0 };
		return 0;
	}
	there = describe_all(&list);
	wanted = describe_wanted(wwn, serial, size_bytes);
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "no disk has %s; there is %s", wanted, there);
	return err_set(
		err, ERR_STATE,
		"more than one disk has %s; there is %s. If they are several disks, name one by serial number and WWN; if "
		"they are paths to one disk (multipath), leave one of them connected",
		wanted, there);
}
