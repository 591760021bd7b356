/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "installer/disk_content.h"

#include <inttypes.h>
#include <jansson.h>

#include "cmd/cmd.h"
#include "install/write.h"
#include "installer/record.h"

#define TOOL_DEADLINE_MS 20000
#define KINDS_SHOWN 3
#define PARTITIONS_MAX 128

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

static void add_kind(struct disk_content *content, struct strbuf *kinds, unsigned *count, const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(pools); i++) {
		if (str_equal(pools[i].type, type))
			str_set(&content->pool, pools[i].name);
	}
	if (kinds->len && strstr(kinds->data, type))
		return;
	if ((*count)++ < KINDS_SHOWN)
		strbuf_addf(kinds, "%s%s", kinds->len ? ", " : "", type);
}

/* The type at an offset; the caller frees; NULL for none. */
static char *probe(const char *path, uint64_t offset, uint64_t size)
{
	_cleanup_free_ char *at = xasprintf("%" PRIu64, offset), *len = xasprintf("%" PRIu64, size);
	char *type = NULL;

	/* blkid ends with 2 where there is nothing. */
	if (cmd_outputl(NULL, TOOL_DEADLINE_MS, &type, "blkid", "-p", "-O", at, "-S", len, "-s", "TYPE", "-o", "value",
			path, NULL) < 0)
		return NULL;
	type[strcspn(type, "\n")] = '\0';
	if (!*type) {
		free(type);
		return NULL;
	}
	return type;
}

static void read_partitions(const char *path, struct disk_content *content, struct strbuf *kinds, unsigned *count,
			    size_t *ret_partitions)
{
	_cleanup_free_ char *text = NULL;
	json_t *root, *table, *item;
	json_int_t sector;
	size_t i;

	*ret_partitions = 0;
	if (cmd_outputl(NULL, TOOL_DEADLINE_MS, &text, "sfdisk", "--json", path, NULL) < 0)
		return;
	root = json_loads(text, 0, NULL);
	table = json_object_get(root, "partitiontable");
	sector = json_integer_value(json_object_get(table, "sectorsize"));
	json_array_foreach(json_object_get(table, "partitions"), i, item) {
		uint64_t start = (uint64_t)json_integer_value(json_object_get(item, "start"));
		uint64_t size = (uint64_t)json_integer_value(json_object_get(item, "size"));
		_cleanup_free_ char *type = NULL;

		if (i >= PARTITIONS_MAX)
			break;
		type = probe(path, start * (uint64_t)sector, size * (uint64_t)sector);
		if (type)
			add_kind(content, kinds, count, type);
		*ret_partitions = i + 1;
	}
	json_decref(root);
}

void disk_content_read(const char *path, struct disk_content *ret)
{
	_cleanup_held_disk_ struct held_disk disk = HELD_DISK_NONE;
	_cleanup_free_ char *type = NULL;
	struct strbuf kinds = { 0 };
	size_t partitions;
	struct layout layout;
	unsigned count = 0;

	*ret = (struct disk_content){ 0 };
	if (held_disk_look(path, false, &disk, NULL) < 0) {
		ret->text = xstrdup("unreadable");
		return;
	}
	read_partitions(disk.path, ret, &kinds, &count, &partitions);
	type = probe(disk.path, 0, disk.size);
	if (type)
		add_kind(ret, &kinds, &count, type);
	ret->host = partitions && layout_read(&disk, &layout, NULL) == 0;
	if (ret->host) {
		struct record record;

		record_read(&disk, &layout, &record);
		ret->role = xstrdup(str_or(record.role, "node"));
		ret->host_name = TAKE_PTR(record.host_name);
		record_done(&record);
	}
	ret->whole_host = ret->host && write_find_host(&disk, &layout, NULL) == 0;
	if (ret->host)
		strbuf_done(&kinds);
	if (ret->host)
		strbuf_adds(&kinds, ret->whole_host ? "an Ingot host" : "an Ingot host, not whole");
	else if (!kinds.len && partitions)
		strbuf_addf(&kinds, "%zu partition%s", partitions, partitions == 1 ? "" : "s");
	else if (count > KINDS_SHOWN)
		strbuf_adds(&kinds, "...");
	else if (!kinds.len)
		strbuf_adds(&kinds, "empty");
	ret->text = strbuf_take(&kinds);
}

void disk_content_done(struct disk_content *content)
{
	free(content->text);
	free(content->pool);
	free(content->role);
	free(content->host_name);
	*content = (struct disk_content){ 0 };
}
