/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One OSD: its disk, its BlueStore, its folder, its daemon. What is on the disk decides: a BlueStore that carries the OSD's
 * UUID is never made again, and its folder is made from it whenever that is missing. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ceph/ceph_node_priv.h"
#include "cmd/cmd.h"

#define MKFS_DEADLINE_MS 600000
#define TOOL_DEADLINE_MS 180000

static bool osd_works(const json_t *answer)
{
	return str_equal(json_string_value(json_object_get(answer, "state")), "active");
}

/* ---- folder ---- */

/* A name of the partition that stays the same when disks are found in another order, if udev makes such names here. */
static char *stable_path(const struct osd_order *osd, const struct osd_disk *disk)
{
	_cleanup_free_ char *by_uuid = xasprintf("/dev/disk/by-partuuid/%s", osd->uuid);
	struct stat a, b;

	if (stat(by_uuid, &a) == 0 && fstat(disk->partition_fd, &b) == 0 && a.st_rdev == b.st_rdev)
		return TAKE_PTR(by_uuid);
	return xstrdup(disk->node);
}

static int link_block(const char *dir, const struct osd_order *osd, const struct osd_disk *disk, struct err *err)
{
	_cleanup_free_ char *target = stable_path(osd, disk);
	_cleanup_free_ char *link = xasprintf("%s/block", dir), *fresh = xasprintf("%s/.block", dir);
	char have[PATH_MAX] = "";

	if (readlink(link, have, sizeof(have) - 1) > 0 && str_equal(have, target))
		return 0;
	unlink(fresh);
	if (symlink(target, fresh) < 0 || rename(fresh, link) < 0)
		return err_set_errno(err, -errno, "cannot link %s to %s", link, target);
	return 0;
}

/* The daemon runs as the user ceph and opens its partition itself. */
static int give_partition(const struct ceph_node *node, const struct osd_disk *disk, struct err *err)
{
	if (fchown(disk->partition_fd, node->uid, node->gid) < 0)
		return err_set_errno(err, -errno, "cannot give %s to the user ceph", disk->node);
	return 0;
}

static int write_keyring(const struct ceph_node *node, const char *dir, const struct osd_order *osd, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/keyring", dir);
	_cleanup_free_ char *entity = xasprintf("osd.%d", osd->id);
	_cleanup_free_ char *text = ceph_text_keyring(entity, osd->key);
	int r = ceph_node_write(node, path, text, 0600, true, err);

	wipe(text, strlen(text));
	return r;
}

/* ---- BlueStore ---- */

static int mkfs(const struct ceph_node *node, const char *dir, const struct osd_order *osd, struct err *err)
{
	_cleanup_free_ char *id = xasprintf("%d", osd->id);
	const char *argv[] = { "ceph-osd",  "--mkfs",	  "--id",      id,	     "--osd-objectstore",
			       "bluestore", "--osd-data", dir,	       "--osd-uuid", osd->uuid,
			       "--keyfile", "-",	  "--setuser", "ceph",	     "--setgroup",
			       "ceph",	    NULL };
	struct cmd cmd = {
		.argv = argv, .input = osd->key, .input_len = strlen(osd->key), .deadline_ms = MKFS_DEADLINE_MS
	};
	int r = cmd_run(&cmd, NULL, err);

	return r < 0 ? err_prefix(err, "cannot make osd.%d", osd->id) : 0;
}

/* An empty folder, but for what mkfs needs. */
static int make(const struct ceph_node *node, const char *dir, const struct osd_order *osd, const struct osd_disk *disk,
		struct err *err)
{
	int r = cmd_runl(err, TOOL_DEADLINE_MS, "rm", "-rf", "--", dir, NULL);

	if (r == 0)
		r = ceph_node_mkdir(node, dir, err);
	if (r == 0)
		r = link_block(dir, osd, disk, err);
	if (r == 0)
		r = give_partition(node, disk, err);
	if (r == 0)
		r = write_keyring(node, dir, osd, err);
	/* It goes by the name; as long as the partition is held the name is its. */
	if (r == 0)
		r = ceph_disk_check(disk, err);
	return r < 0 ? r : mkfs(node, dir, osd, err);
}

/* The folder of an OSD that is whole on its partition: nothing in it is worth keeping, the label has it all. */
static int prime(const struct ceph_node *node, const char *dir, const struct osd_disk *disk, struct err *err)
{
	_cleanup_free_ char *owner = xasprintf("%u:%u", node->uid, node->gid);
	int r = cmd_runl(err, TOOL_DEADLINE_MS, "rm", "-rf", "--", dir, NULL);

	if (r == 0)
		r = ceph_node_mkdir(node, dir, err);
	if (r == 0)
		r = cmd_runl(err, TOOL_DEADLINE_MS, "ceph-bluestore-tool", "prime-osd-dir", "--dev", disk->path,
			     "--path", dir, "--no-mon-config", NULL);
	if (r == 0)
		r = cmd_runl(err, TOOL_DEADLINE_MS, "chown", "-R", owner, dir, NULL);
	return r;
}

static bool folder_is_of(const char *dir, const struct osd_order *osd)
{
	_cleanup_free_ char *fsid_path = xasprintf("%s/fsid", dir), *ready_path = xasprintf("%s/ready", dir);
	_cleanup_free_ char *fsid = NULL;

	if (access(ready_path, F_OK) < 0 || read_file(fsid_path, 256, &fsid, NULL) < 0)
		return false;
	fsid[strcspn(fsid, "\n")] = '\0';
	return strcasecmp(fsid, osd->uuid) == 0;
}

/* 1 if the label is of this OSD and it is whole, 0 if the partition is to be made an OSD, or an error. */
static int judge_label(const struct ceph_node *node, const struct osd_order *osd, const struct osd_disk *disk,
		       const json_t *label, struct err *err)
{
	const char *uuid = str_or(json_string_value(json_object_get(label, "osd_uuid")), "");
	const char *fsid = json_string_value(json_object_get(label, "ceph_fsid"));
	bool whole = str_equal(json_string_value(json_object_get(label, "mkfs_done")), "yes");

	if (!label)
		return 0;
	if (strcasecmp(uuid, osd->uuid) != 0)
		return err_set(err, ERR_STATE, "%s holds another OSD, %s", disk->node, uuid);
	if (fsid && strcasecmp(fsid, node->order->fsid) != 0)
		return err_set(err, ERR_STATE, "%s holds an OSD of another cluster, %s", disk->node, fsid);
	if (whole)
		return 1;
	/* Cut off while it was made: there is nothing in it yet. */
	int r = ceph_disk_unlabel(disk, err);

	return r < 0 ? r : 0;
}

static int prepare_on(const struct ceph_node *node, const char *dir, const struct osd_order *osd,
		      const struct osd_disk *disk, struct err *err)
{
	_cleanup_json_ json_t *label = NULL;
	int r = ceph_disk_label(disk, &label, err);

	if (r == 0)
		r = judge_label(node, osd, disk, label, err);
	if (r == 0)
		return make(node, dir, osd, disk, err);
	if (r == 1 && !folder_is_of(dir, osd))
		r = prime(node, dir, disk, err);
	if (r < 0)
		return r;
	r = link_block(dir, osd, disk, err);
	if (r == 0)
		r = give_partition(node, disk, err);
	return r < 0 ? r : write_keyring(node, dir, osd, err);
}

static int osd_prepare(const struct ceph_node *node, const struct osd_order *osd, struct err *err)
{
	_cleanup_free_ char *dir = ceph_node_path(node, "/var/lib/ceph/osd/ceph-%d", osd->id);
	_cleanup_osd_disk_ struct osd_disk disk = OSD_DISK_NONE;
	int r = ceph_disk_prepare(node, osd, &disk, err);

	return r < 0 ? r : prepare_on(node, dir, osd, &disk, err);
}

enum ceph_daemon_state ceph_osd_converge(const struct ceph_node *node, const struct osd_order *osd, struct err *err)
{
	_cleanup_free_ char *id = xasprintf("%d", osd->id);
	const struct ceph_daemon daemon = {
		.type = "osd",
		.id = id,
		.prepare = osd_prepare,
		.osd = osd,
		.question = "status",
		.answer_good = osd_works,
	};

	return ceph_daemon_run(node, &daemon, err);
}
