/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The disk under an OSD: what is on it, its one partition, the BlueStore label in that. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "ceph/ceph_node_priv.h"
#include "cmd/cmd.h"
#include "inventory/sysfs.h"

#define TOOL_DEADLINE_MS 180000
#define LABEL_BYTES 4096
#define NODE_WAIT_MS 10000
#define NODE_POLL_MS 100

static const char bluestore_magic[] = "bluestore block device\n";

/* ---- what is on it ---- */

static const char *text_of(const json_t *object, const char *key)
{
	return str_or(json_string_value(json_object_get(object, key)), "");
}

/* "gpt partition table; partition sda1 (ext4-data)" */
static char *describe(const json_t *signatures, const json_t *partitions)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	json_t *item;
	size_t i;

	json_array_foreach(signatures, i, item)
		strbuf_addf(&text, "%s%s%s%s", text.len ? ", " : "", text_of(item, "type"),
			    *text_of(item, "label") ? " labelled " : "", text_of(item, "label"));
	json_array_foreach(partitions, i, item)
		strbuf_addf(&text, "%spartition %s%s%s", text.len ? ", " : "", text_of(item, "node"),
			    *text_of(item, "name") ? " named " : "", text_of(item, "name"));
	return strbuf_take(&text);
}

enum disk_verdict ceph_disk_judge(const json_t *signatures, const json_t *table, const char *osd_uuid, char **ret_what)
{
	const json_t *found = json_object_get(signatures, "signatures");
	const json_t *partitions = json_object_get(json_object_get(table, "partitiontable"), "partitions");
	const json_t *only = json_array_get(partitions, 0);

	*ret_what = NULL;
	if (json_array_size(partitions) == 1 && strcasecmp(text_of(only, "uuid"), osd_uuid) == 0 &&
	    str_equal(text_of(only, "name"), OSD_PARTITION_NAME))
		return DISK_OURS;
	if (json_array_size(found) == 0 && json_array_size(partitions) == 0)
		return DISK_BLANK;
	*ret_what = describe(found, partitions);
	return DISK_FOREIGN;
}

static int tool_json(const char *const *argv, json_t **ret, struct err *err)
{
	_cleanup_(cmd_result_done) struct cmd_result result = { 0 };
	struct cmd cmd = { .argv = argv, .deadline_ms = TOOL_DEADLINE_MS };
	int r = cmd_run(&cmd, &result, err);

	if (r < 0)
		return r;
	/* wipefs says nothing at all about a blank disk. */
	*ret = result.out_len ? json_loads(result.out, 0, NULL) : json_object();
	if (!*ret)
		return err_set(err, ERR_INTERNAL, "%s: its answer is not JSON", argv[0]);
	return 0;
}

static int examine(const struct held_disk *disk, const char *osd_uuid, enum disk_verdict *ret, char **ret_what,
		   struct err *err)
{
	const char *wipefs[] = { "wipefs", "--json", disk->path, NULL };
	const char *sfdisk[] = { "sfdisk", "--json", disk->path, NULL };
	_cleanup_json_ json_t *signatures = NULL, *table = NULL;
	int r = tool_json(wipefs, &signatures, err);

	if (r < 0)
		return err_prefix(err, "cannot see what is on %s", disk->disk.path);
	/* sfdisk fails where there is no table: then the signatures, of which a table is one, say all. */
	if (tool_json(sfdisk, &table, NULL) < 0)
		table = NULL;
	*ret = ceph_disk_judge(signatures, table, osd_uuid, ret_what);
	return 0;
}

/* ---- its partition ---- */

/* The kernel's name of partition 1 of a disk and its number, whatever the disk's device is called here; the caller frees. NULL
 * if the kernel knows of none. */
static char *partition_node(const struct held_disk *disk, dev_t *ret_number)
{
	_cleanup_free_ char *link = xasprintf("/sys/dev/block/%u:%u", major(disk->number), minor(disk->number));
	_cleanup_free_ char *folder = disk->number ? realpath(link, NULL) : NULL;
	const char *name = folder ? strrchr(folder, '/') + 1 : "";
	/* sda1, but nvme0n1p1: a 'p' between two digits. */
	const char *between = *name && strchr("0123456789", name[strlen(name) - 1]) ? "p" : "";
	_cleanup_free_ char *entry = xasprintf("%s/%s%s1", str_or(folder, ""), name, between);
	_cleanup_free_ char *number = sysfs_text("%s/dev", entry);
	unsigned device, unit;

	if (!folder || !number || sscanf(number, "%u:%u", &device, &unit) != 2 || !sysfs_exists("%s/partition", entry))
		return NULL;
	*ret_number = makedev(device, unit);
	return xasprintf("/dev/%s%s1", name, between);
}

/* Opens it if it is there and bears the number that it has in sysfs: then it can become another one no more. For reading, which
 * holds it as well and tells udev of nothing when it is closed. */
static bool open_partition(struct osd_disk *disk)
{
	_cleanup_close_ int fd = -1;
	dev_t number = 0;
	struct stat st;

	free(disk->node);
	disk->node = partition_node(&disk->disk, &number);
	if (!disk->node)
		return false;
	fd = open(disk->node, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode) || st.st_rdev != number)
		return false;
	disk->path = xasprintf("/proc/%d/fd/%d", (int)getpid(), fd);
	disk->partition_fd = TAKE_FD(fd);
	return true;
}

/* Has the kernel read the table? Some kernels cannot; partx tells them. Then the device appears, perhaps by udev's doing. */
static int partition_wait(const struct ceph_node *node, struct osd_disk *disk, struct err *err)
{
	int64_t until_ms = monotonic_ms() + NODE_WAIT_MS;

	if (!open_partition(disk) && !disk->node)
		cmd_runl(NULL, TOOL_DEADLINE_MS, "partx", "--update", disk->disk.path, NULL);
	while (disk->partition_fd < 0 && !open_partition(disk)) {
		if (part_run_cancelled(node->run) || monotonic_ms() > until_ms)
			return err_set(err, ERR_TIMEOUT, "the partition of %s does not appear", disk->disk.disk.path);
		part_run_wait(node->run, NODE_POLL_MS);
	}
	return 0;
}

int ceph_disk_check(const struct osd_disk *disk, struct err *err)
{
	struct stat node, held;
	int r = held_disk_check(&disk->disk, err);

	if (r < 0)
		return r;
	if (fstat(disk->partition_fd, &held) < 0 || stat(disk->node, &node) < 0 || held.st_rdev != node.st_rdev)
		return err_set(err, ERR_STATE, "%s is not the partition of %s any more; nothing more is written to it",
			       disk->node, disk->disk.disk.path);
	return 0;
}

void osd_disk_done(struct osd_disk *disk)
{
	held_disk_done(&disk->disk);
	close_fd(disk->partition_fd);
	free(disk->path);
	free(disk->node);
	*disk = OSD_DISK_NONE;
}

static int partition(const char *disk, const struct osd_order *osd, struct err *err)
{
	_cleanup_free_ char *script =
		xasprintf("label: gpt\nname=%s, type=%s, uuid=%s\n", OSD_PARTITION_NAME, OSD_PARTITION_TYPE, osd->uuid);
	const char *argv[] = { "sfdisk", "--quiet", "--lock", "--wipe=always", "--wipe-partitions=always", disk, NULL };
	struct cmd cmd = {
		.argv = argv, .input = script, .input_len = strlen(script), .deadline_ms = TOOL_DEADLINE_MS
	};

	return cmd_run(&cmd, NULL, err);
}

/* Nobody else may have it open for themselves: a mounted file system, a volume group, another partitioning tool. */
static int partition_blank(const struct held_disk *disk, const struct osd_order *osd, struct err *err)
{
	int r = held_disk_check_unused(disk, err);

	if (r == 0)
		r = held_disk_check(disk, err);
	if (r == 0)
		r = partition(disk->path, osd, err);
	return r < 0 ? err_prefix(err, "osd.%d", osd->id) : 0;
}

static int prepare(const struct ceph_node *node, const struct osd_order *osd, struct osd_disk *disk, struct err *err)
{
	const struct disk *found = &disk->disk.disk;
	_cleanup_free_ char *what = NULL;
	enum disk_verdict verdict = DISK_FOREIGN;
	int r = held_disk_open(part_run_sysroot(node->run), osd->wwn, osd->serial, 0, false, &disk->disk, err);

	if (r == 0)
		r = examine(&disk->disk, osd->uuid, &verdict, &what, err);
	if (r == 0 && verdict == DISK_FOREIGN)
		r = err_set(err, ERR_STATE, "disk %s (serial %s) is not blank: %s", found->path,
			    str_or(found->serial, "none"), what);
	if (r == 0 && verdict == DISK_BLANK)
		r = partition_blank(&disk->disk, osd, err);
	return r < 0 ? r : partition_wait(node, disk, err);
}

int ceph_disk_prepare(const struct ceph_node *node, const struct osd_order *osd, struct osd_disk *ret, struct err *err)
{
	struct osd_disk disk = OSD_DISK_NONE;
	int r = prepare(node, osd, &disk, err);

	if (r < 0)
		osd_disk_done(&disk);
	else
		*ret = disk;
	return r;
}

/* ---- the label ---- */

static int read_start(const struct osd_disk *disk, char *buffer, size_t len, struct err *err)
{
	ssize_t n = pread(disk->partition_fd, buffer, len, 0);

	if (n < 0)
		return err_set_errno(err, -errno, "cannot read %s", disk->node);
	if ((size_t)n < len)
		return err_set(err, ERR_CORRUPT, "%s is shorter than a label", disk->node);
	return 0;
}

int ceph_disk_label(const struct osd_disk *disk, json_t **ret_label, struct err *err)
{
	const char *argv[] = { "ceph-bluestore-tool", "show-label", "--dev", disk->path, NULL };
	_cleanup_json_ json_t *answer = NULL;
	char start[LABEL_BYTES];
	int r = read_start(disk, start, sizeof(start), err);

	if (r < 0)
		return r;
	*ret_label = NULL;
	if (memcmp(start, bluestore_magic, sizeof(bluestore_magic) - 1) != 0)
		return 0;
	r = tool_json(argv, &answer, err);
	if (r < 0)
		return r;
	*ret_label = json_incref(json_object_get(answer, disk->path));
	if (!*ret_label)
		return err_set(err, ERR_CORRUPT, "the label of %s cannot be read", disk->node);
	return 0;
}

int ceph_disk_unlabel(const struct osd_disk *disk, struct err *err)
{
	_cleanup_close_ int fd = open(disk->path, O_WRONLY | O_EXCL | O_CLOEXEC);
	char zeros[LABEL_BYTES] = { 0 };
	int r = ceph_disk_check(disk, err);

	if (r < 0)
		return r;
	if (fd < 0 || pwrite(fd, zeros, sizeof(zeros), 0) != (ssize_t)sizeof(zeros) || fsync(fd) < 0)
		return err_set_errno(err, -errno, "cannot clear the label of %s", disk->node);
	return 0;
}
