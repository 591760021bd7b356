/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What this node has sent away. A migration takes the domain and our mark in it along, so that nothing of it is left here that
 * says: it must not be started again under the order it left under. A file says so, written before the migration begins, and
 * removed once the machine is seen to have stayed (or to be back), is started under a newer order, or is to be nowhere here. Of one
 * that is deleted on another node nobody tells us: the oldest files make room. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm/vm_priv.h"

#define DEPARTED_DIR "/var/lib/ingot/agent/departed"

static char *departure_path(const struct part_run *run, const char *id)
{
	return part_run_path(run, DEPARTED_DIR "/%s", id);
}

static bool is_older(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec != b->st_mtim.tv_sec ? a->st_mtim.tv_sec < b->st_mtim.tv_sec
						      : a->st_mtim.tv_nsec < b->st_mtim.tv_nsec;
}

/* If there are too many, the one that was written longest ago goes; each that comes calls this once. Only an order from before
 * that could still start its machine here, and the provisioner knows an old state for what it is. */
static void make_room(const char *path, const char *new_id)
{
	_cleanup_free_ char *oldest_name = NULL;
	struct stat oldest = { 0 }, st;
	unsigned count = 0;
	DIR *dir = opendir(path);

	if (!dir)
		return;
	for (const struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] == '.' || fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		count++;
		if (str_equal(entry->d_name, new_id) || (oldest_name && !is_older(&st, &oldest)))
			continue;
		str_set(&oldest_name, entry->d_name);
		oldest = st;
	}
	if (count > DEPARTED_MAX && oldest_name)
		unlinkat(dirfd(dir), oldest_name, 0);
	closedir(dir);
}

int vm_departure_write(const struct part_run *run, const char *id, int64_t generation, struct err *err)
{
	_cleanup_free_ char *dir = part_run_path(run, DEPARTED_DIR), *path = departure_path(run, id);
	_cleanup_free_ char *text = xasprintf("%" PRId64, generation);
	int r = mkdir_p(dir, 0700);

	if (r == 0)
		r = write_file_atomic(path, text, strlen(text), 0600);
	if (r == 0)
		make_room(dir, id);
	return r < 0 ? err_set_errno(err, r, "cannot write %s", path) : 0;
}

int vm_departure_read(const struct part_run *run, const char *id, int64_t *ret_generation, struct err *err)
{
	_cleanup_free_ char *path = departure_path(run, id), *text = NULL;
	int r = read_file(path, 64, &text, NULL);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set_errno(err, r, "cannot read %s", path);
	if (parse_i64(text, 0, INT64_MAX, ret_generation) < 0)
		return err_set(err, ERR_CORRUPT,
			       "%s does not say a generation; remove it if the virtual machine runs on no other node",
			       path);
	return 1;
}

void vm_departure_forget(const struct part_run *run, const char *id)
{
	_cleanup_free_ char *path = departure_path(run, id);

	unlink(path);
}
