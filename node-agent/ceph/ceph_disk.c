/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The disk under an OSD: what is on it, its one partition, the BlueStore label in that. */
#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "ceph/ceph_node_priv.h"
#include "cmd/cmd.h"

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

static int examine(const char *path, const char *osd_uuid, enum disk_verdict *ret, char **ret_what, struct err *err)
{
	const char *wipefs[] = { "wipefs", "--json", path, NULL };
	const char *sfdisk[] = { "sfdisk", "--json", path, NULL };
	_cleanup_json_ json_t *signatures = NULL, *table = NULL;
	int r = tool_json(wipefs, &signatures, err);

	if (r < 0)
		return err_prefix(err, "cannot see what is on %s", path);
	/* sfdisk fails where there is no table: then the signatures, of which a table is one, say all. */
	if (tool_json(sfdisk, &table, NULL) < 0)
		table = NULL;
	*ret = ceph_disk_judge(signatures, table, osd_uuid, ret_what);
	return 0;
}

/* ---- its partition ---- */

/* The kernel's name of partition 1 of a disk, whatever the disk's device is called here; the caller frees. NULL if the kernel
 * knows of none. */
static char *partition_node(const char *disk)
{
	struct stat st;

	if (stat(disk, &st) < 0 || !S_ISBLK(st.st_mode))
		return NULL;
	_cleanup_free_ char *link = xasprintf("/sys/dev/block/%u:%u", major(st.st_rdev), minor(st.st_rdev));
	_cleanup_free_ char *folder = realpath(link, NULL);
	const char *name = folder ? strrchr(folder, '/') + 1 : "";
	/* sda1, but nvme0n1p1: a 'p' between two digits. */
	const char *between = *name && strchr("0123456789", name[strlen(name) - 1]) ? "p" : "";
	_cleanup_free_ char *entry = xasprintf("%s/%s%s1/partition", str_or(folder, ""), name, between);

	if (!folder || access(entry, F_OK) < 0)
		return NULL;
	return xasprintf("/dev/%s%s1", name, between);
}

/* Has the kernel read the table? Some kernels cannot; partx tells them. Then the device appears, perhaps by udev's doing. */
static int partition_wait(const struct ceph_node *node, const char *disk, char **ret, struct err *err)
{
	int64_t until_ms = monotonic_ms() + NODE_WAIT_MS;
	_cleanup_free_ char *path = partition_node(disk);

	if (!path) {
		cmd_runl(NULL, TOOL_DEADLINE_MS, "partx", "--update", disk, NULL);
		path = partition_node(disk);
	}
	while (!path || access(path, F_OK) < 0) {
		if (part_run_cancelled(node->run) || monotonic_ms() > until_ms)
			return err_set(err, ERR_TIMEOUT, "the partition of %s does not appear", disk);
		part_run_wait(node->run, NODE_POLL_MS);
		if (!path)
			path = partition_node(disk);
	}
	*ret = TAKE_PTR(path);
	return 0;
}

/* Nobody else may have it open for themselves: a mounted file system, a volume group, another partitioning tool. */
static int check_free(const struct disk *disk, struct err *err)
{
	_cleanup_close_ int fd = -1;

	if (disk->in_use)
		return err_set(err, ERR_STATE, "disk %s is in use: %s", disk->path, disk->use);
	fd = open(disk->path, O_RDWR | O_EXCL | O_CLOEXEC);
	if (fd < 0 && errno == EBUSY)
		return err_set(err, ERR_STATE, "disk %s is in use", disk->path);
	if (fd < 0)
		return err_set_errno(err, -errno, "cannot open disk %s", disk->path);
	return 0;
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

int ceph_disk_prepare(const struct ceph_node *node, const struct osd_order *osd, char **ret_partition, struct err *err)
{
	_cleanup_(disk_done) struct disk disk = { 0 };
	_cleanup_free_ char *what = NULL;
	enum disk_verdict verdict = DISK_FOREIGN;
	int r = disk_find(part_run_sysroot(node->run), osd->wwn, osd->serial, 0, &disk, err);

	if (r == 0)
		r = examine(disk.path, osd->uuid, &verdict, &what, err);
	if (r < 0)
		return r;
	if (verdict == DISK_FOREIGN)
		return err_set(err, ERR_STATE, "disk %s (serial %s) is not blank: %s", disk.path,
			       str_or(disk.serial, "none"), what);
	if (verdict == DISK_BLANK) {
		r = check_free(&disk, err);
		if (r == 0)
			r = partition(disk.path, osd, err);
		if (r < 0)
			return err_prefix(err, "osd.%d", osd->id);
	}
	return partition_wait(node, disk.path, ret_partition, err);
}

/* ---- the label ---- */

static int read_start(const char *partition_path, char *buffer, size_t len, struct err *err)
{
	_cleanup_close_ int fd = open(partition_path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pread(fd, buffer, len, 0);

	if (n < 0)
		return err_set_errno(err, -errno, "cannot read %s", partition_path);
	if ((size_t)n < len)
		return err_set(err, ERR_CORRUPT, "%s is shorter than a label", partition_path);
	return 0;
}

int ceph_disk_label(const char *partition_path, json_t **ret_label, struct err *err)
{
	const char *argv[] = { "ceph-bluestore-tool", "show-label", "--dev", partition_path, NULL };
	_cleanup_json_ json_t *answer = NULL;
	char start[LABEL_BYTES];
	int r = read_start(partition_path, start, sizeof(start), err);

	if (r < 0)
		return r;
	*ret_label = NULL;
	if (memcmp(start, bluestore_magic, sizeof(bluestore_magic) - 1) != 0)
		return 0;
	r = tool_json(argv, &answer, err);
	if (r < 0)
		return r;
	*ret_label = json_incref(json_object_get(answer, partition_path));
	if (!*ret_label)
		return err_set(err, ERR_CORRUPT, "the label of %s cannot be read", partition_path);
	return 0;
}

int ceph_disk_unlabel(const char *partition_path, struct err *err)
{
	_cleanup_close_ int fd = open(partition_path, O_WRONLY | O_EXCL | O_CLOEXEC);
	char zeros[LABEL_BYTES] = { 0 };

	if (fd < 0 || pwrite(fd, zeros, sizeof(zeros), 0) != (ssize_t)sizeof(zeros) || fsync(fd) < 0)
		return err_set_errno(err, -errno, "cannot clear the label of %s", partition_path);
	return 0;
}
