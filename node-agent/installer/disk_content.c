/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "installer/disk_content.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "install/write.h"
#include "installer/record.h"

#define TOOL_DEADLINE_MS 20000
#define KINDS_SHOWN 3
#define PARTITIONS_MAX 128
#define TABLE_MAX_BYTES ((size_t)(1 * MIB))
#define READ_BYTES ((size_t)(64 * KIB))
/* How they end: blkid(8), EXIT STATUS; sfdisk(8) where it finds no table. */
#define BLKID_NOTHING 2
#define BLKID_AMBIVALENT 8
#define SFDISK_NO_TABLE 1

/* What blkid calls the members of pools. */
static const struct {
	const char *type, *name;
} pools[] = {
	{ "ceph_bluestore", "Ceph" },
	{ "LVM2_member", "LVM" },
	{ "linux_raid_member", "a software RAID" },
	{ "zfs_member", "ZFS" },
	{ "drbd", "DRBD" },
	{ "bcache", "bcache" },
	{ "isw_raid_member", "a firmware RAID" },
	{ "ddf_raid_member", "a firmware RAID" },
};

/* What was found so far. */
struct kinds {
	struct strbuf text; /* "ext4, ntfs" */
	unsigned count;
	size_t partitions;
};

static void add_kind(struct disk_content *content, struct kinds *kinds, const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(pools); i++) {
		if (str_equal(pools[i].type, type))
			str_set(&content->pool, pools[i].name);
	}
	if (kinds->text.len && strstr(kinds->text.data, type))
		return;
	if (kinds->count++ < KINDS_SHOWN)
		strbuf_addf(&kinds->text, "%s%s", kinds->text.len ? ", " : "", type);
}

static bool ended_with(const struct cmd_result *result, int code)
{
	return WIFEXITED(result->status) && WEXITSTATUS(result->status) == code;
}

/* The first reason is kept. */
static void set_unclear(struct disk_content *content, char *why)
{
	if (content->unclear)
		free(why);
	else
		content->unclear = why;
}

/* The value of a tag in what blkid exports; the caller frees; NULL for none. */
static char *find_tag(const char *output, const char *tag)
{
	for (const char *line = output; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (str_starts(line, tag))
			return xstrndup(line + strlen(tag), strcspn(line + strlen(tag), "\n"));
	}
	return NULL;
}

/* Adds what is at an offset. where: that, in words. Whether a partition table is there. */
static bool probe(const char *path, const char *where, uint64_t offset, uint64_t size, struct disk_content *content,
		  struct kinds *kinds)
{
	_cleanup_free_ char *at = xasprintf("%" PRIu64, offset), *len = xasprintf("%" PRIu64, size);
	const char *const argv[] = { "blkid", "-p", "-O",     at,   "-S",     len,  "-s",
				     "TYPE",  "-s", "PTTYPE", "-o", "export", path, NULL };
	_cleanup_(cmd_result_done) struct cmd_result result = { 0 };
	_cleanup_free_ char *type = NULL, *table = NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	int r = cmd_run(&(struct cmd){ .argv = argv, .deadline_ms = TOOL_DEADLINE_MS }, &result, &err);

	if (r < 0 && ended_with(&result, BLKID_NOTHING))
		return false;
	if (r < 0 && ended_with(&result, BLKID_AMBIVALENT))
		set_unclear(content, xasprintf("there are signatures of more than one kind %s", where));
	else if (r < 0)
		set_unclear(content, xasprintf("%s", str_or(err.text, "blkid failed")));
	type = r < 0 ? NULL : find_tag(result.out, "TYPE=");
	table = r < 0 ? NULL : find_tag(result.out, "PTTYPE=");
	if (type)
		add_kind(content, kinds, type);
	return table != NULL;
}

static void read_table(const char *path, const char *text, struct disk_content *content, struct kinds *kinds)
{
	json_t *root = json_loads(text, 0, NULL), *table = json_object_get(root, "partitiontable"), *item;
	json_int_t sector = json_integer_value(json_object_get(table, "sectorsize"));
	size_t i;

	if (!table)
		set_unclear(content, xstrdup("sfdisk says nothing of its partition table"));
	json_array_foreach(json_object_get(table, "partitions"), i, item) {
		uint64_t start = (uint64_t)json_integer_value(json_object_get(item, "start"));
		uint64_t size = (uint64_t)json_integer_value(json_object_get(item, "size"));
		_cleanup_free_ char *where = xasprintf("in partition %zu", i + 1);

		if (i >= PARTITIONS_MAX) {
			set_unclear(content, xasprintf("it has more than %u partitions", PARTITIONS_MAX));
			break;
		}
		probe(path, where, start * (uint64_t)sector, size * (uint64_t)sector, content, kinds);
		kinds->partitions = i + 1;
	}
	json_decref(root);
}

/* has_table: blkid has seen one. */
static void read_partitions(const char *path, bool has_table, struct disk_content *content, struct kinds *kinds)
{
	const char *const argv[] = { "sfdisk", "--json", path, NULL };
	struct cmd cmd = { .argv = argv, .deadline_ms = TOOL_DEADLINE_MS, .output_max_bytes = TABLE_MAX_BYTES };
	_cleanup_(cmd_result_done) struct cmd_result result = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;
	int r = cmd_run(&cmd, &result, &err);

	/* So it ends where there is no table, and where it cannot make sense of one. */
	if (r < 0 && ended_with(&result, SFDISK_NO_TABLE) && !has_table)
		return;
	if (r < 0)
		set_unclear(content,
			    xasprintf("its partition table cannot be read: %s", str_or(err.text, "sfdisk failed")));
	else
		read_table(path, str_or(result.out, ""), content, kinds);
}

/* blkid calls a disk that gives nothing back empty. */
static void check_readable(const struct held_disk *disk, struct disk_content *content)
{
	_cleanup_free_ char *buffer = xmalloc(READ_BYTES);
	size_t len = (size_t)MIN_OF((uint64_t)READ_BYTES, disk->size);
	const uint64_t places[] = { 0, disk->size - len };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		ssize_t n = pread(disk->fd, buffer, len, (off_t)places[i]);

		if (n < 0)
			set_unclear(content, xasprintf("it cannot be read: %s", strerror(errno)));
		else if ((size_t)n < len)
			set_unclear(content, xstrdup("it cannot be read to its end"));
	}
}

static void describe(const struct disk_content *content, struct kinds *kinds)
{
	if (content->host || content->unclear)
		strbuf_done(&kinds->text);
	if (content->unclear)
		strbuf_adds(&kinds->text, "unclear");
	else if (content->host)
		strbuf_adds(&kinds->text, content->whole_host ? "an Ingot host" : "an Ingot host, not whole");
	else if (!kinds->text.len && kinds->partitions)
		strbuf_addf(&kinds->text, "%zu partition%s", kinds->partitions, kinds->partitions == 1 ? "" : "s");
	else if (kinds->count > KINDS_SHOWN)
		strbuf_adds(&kinds->text, "...");
	else if (!kinds->text.len)
		strbuf_adds(&kinds->text, "empty");
}

static void read_host(const struct held_disk *disk, struct disk_content *content)
{
	struct record record = { 0 };
	struct layout layout;

	content->host = layout_read(disk, &layout, NULL) == 0;
	if (!content->host)
		return;
	if (record_read(disk, &layout, &record, NULL) == 0)
		content->role = xstrdup(str_or(record.role, "node"));
	content->host_name = TAKE_PTR(record.host_name);
	record_done(&record);
	content->whole_host = write_find_host(disk, &layout, NULL) == 0;
}

void disk_content_read(const char *path, struct disk_content *ret)
{
	_cleanup_held_disk_ struct held_disk disk = HELD_DISK_NONE;
	_cleanup_err_ struct err err = ERR_INIT;
	struct disk_content content = { 0 };
	struct kinds kinds = { 0 };
	bool has_table;

	if (held_disk_look(path, false, &disk, &err) < 0) {
		set_unclear(&content, xasprintf("it cannot be read: %s", str_or(err.text, path)));
	} else {
		check_readable(&disk, &content);
		has_table = probe(disk.path, "on the disk as a whole", 0, disk.size, &content, &kinds);
		read_partitions(disk.path, has_table, &content, &kinds);
		if (kinds.partitions)
			read_host(&disk, &content);
	}
	describe(&content, &kinds);
	content.text = strbuf_take(&kinds.text);
	*ret = content;
}

void disk_content_done(struct disk_content *content)
{
	free(content->text);
	free(content->pool);
	free(content->unclear);
	free(content->role);
	free(content->host_name);
	*content = (struct disk_content){ 0 };
}
