/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state partition: an ext4 made around the files that the host starts with (docs/protocol.md), which mkfs.ext4 copies in
 * as it goes. It is never mounted here. What is large, and what goes into one that is there, is put in by debugfs; state_check.c reads it back. */
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "disk/disk_window.h"
#include "install/install_priv.h"
#include "install/state_journal.h"

#define TOOL_DEADLINE_MS 300000
#define COPY_DEADLINE_MS 1800000
#define OUTPUT_MAX_BYTES ((size_t)(64 * KIB))
#define STATE_LABEL "ingot-state"
#define E2FSCK_UNCORRECTED 4 /* e2fsck(8), exit code */

static const char *const folders[] = { "", "/etc", "/etc.work", "/var" };

char *state_device(const struct install *install)
{
	return xasprintf("%s?offset=%" PRIu64, install->disk.path,
			 install->layout->partitions[PARTITION_STATE].offset_bytes);
}

/* ---- the tree ---- */

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	return remove(path);
}

static void remove_tree(const char *path)
{
	nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static int make_folder(const char *path, mode_t mode, struct err *err)
{
	/* Not with mkdir_p()'s mode: that is within the umask, and for the parents as well. */
	if ((mkdir(path, mode) < 0 && errno != EEXIST) || chmod(path, mode) < 0)
		return err_set_errno(err, -errno, "%s", path);
	return 0;
}

/* Folders above a file, but those of the tree itself. */
static int make_parents(const char *tree, const char *file, struct err *err)
{
	int r = 0;

	for (const char *slash = file; r == 0 && (slash = strchr(slash + 1, '/'));) {
		_cleanup_free_ char *path = xasprintf("%s%.*s", tree, (int)(slash - file), file);

		if (access(path, F_OK) < 0)
			r = make_folder(path, 0755, err);
	}
	return r;
}

static int make_entry(const char *tree, const struct host_file *file, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s%s", tree, file->path);
	int r = make_parents(tree, file->path, err);

	if (r < 0 || file->source)
		return r;
	if (file->target)
		return symlink(file->target, path) < 0 ? err_set_errno(err, -errno, "%s", path) : 0;
	if (!file->text)
		return make_folder(path, file->mode, err);
	r = write_file_atomic(path, file->text, strlen(file->text), file->mode);
	return r < 0 ? err_set_errno(err, r, "%s", path) : 0;
}

static int make_tree(const struct host_files *files, const char *tree, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(folders); i++) {
		_cleanup_free_ char *path = xasprintf("%s%s", tree, folders[i]);

		r = make_folder(path, 0755, err);
	}
	for (unsigned i = 0; r == 0 && i < files->count; i++)
		r = make_entry(tree, &files->list[i], err);
	return r;
}

static int run_mkfs(struct install *install, const char *tree, struct err *err)
{
	uint64_t offset = install->layout->partitions[PARTITION_STATE].offset_bytes;
	uint64_t size = install->layout->partitions[PARTITION_STATE].size_bytes;
	/* No discard: it would not know of the offset. */
	_cleanup_free_ char *extended = xasprintf("offset=%" PRIu64 ",nodiscard,root_owner=0:0", offset);
	_cleanup_free_ char *kib = xasprintf("%" PRIu64 "k", size / KIB);
	_cleanup_free_ char *uuid = uuid_new();

	return cmd_runl(err, TOOL_DEADLINE_MS, "mkfs.ext4", "-q", "-F", "-b", "4096", "-L", STATE_LABEL, "-U", uuid,
			"-d", tree, "-E", extended, install->disk.path, kib, NULL);
}

/* ---- debugfs ---- */

int state_debugfs(struct install *install, const char *commands, size_t answers_bytes, char **ret_answers,
		  struct err *err)
{
	_cleanup_free_ char *device = state_device(install);
	const char *argv[] = { "debugfs", "-w", "-f", "-", device, NULL };
	struct cmd cmd = {
		.argv = argv,
		.input = str_or(commands, ""),
		.input_len = strlen(str_or(commands, "")),
		.deadline_ms = COPY_DEADLINE_MS,
		.output_max_bytes = OUTPUT_MAX_BYTES + answers_bytes,
		.die_with_parent = true,
	};
	struct cmd_result result = { 0 };
	int r = cmd_run(&cmd, &result, err);

	if (r == 0)
		*ret_answers = xstrdup(str_or(result.out, ""));
	cmd_result_done(&result);
	return r;
}

bool state_is_put_in(const struct host_file *file, bool all)
{
	return file->source || (all && file->text);
}

static void for_each_folder(const struct host_file *file, void (*fn)(const char *path, void *data), void *data)
{
	for (const char *slash = file->path; (slash = strchr(slash + 1, '/'));) {
		_cleanup_free_ char *path = xstrndup(file->path, (size_t)(slash - file->path));

		fn(path, data);
	}
}

static void ask_for(const char *path, void *data)
{
	strbuf_addf(data, "testi %s\n", path);
}

struct plan {
	const char *known; /* what debugfs said of each path */
	struct strbuf commands;
};

static bool is_there(const struct plan *plan, const char *path)
{
	_cleanup_free_ char *answer = xasprintf("debugfs: testi %s\nInode ", path);

	return strstr(plan->known, answer) != NULL;
}

/* debugfs' mkdir of a folder that is there loses an inode, so it is asked for first, and each is made once. */
static void plan_folder(const char *path, void *data)
{
	_cleanup_free_ char *command = xasprintf("mkdir %s\n", path);
	struct plan *plan = data;

	if (!is_there(plan, path) && !(plan->commands.len && strstr(plan->commands.data, command)))
		strbuf_adds(&plan->commands, command);
}

static void plan_file(const struct host_file *file, const char *tree, struct plan *plan)
{
	for_each_folder(file, plan_folder, plan);
	if (is_there(plan, file->path))
		strbuf_addf(&plan->commands, "rm %s\n", file->path);
	strbuf_addf(&plan->commands, "write \"%s%s\" %s\n", file->source ? "" : tree,
		    file->source ? file->source : file->path, file->path);
	strbuf_addf(&plan->commands, "sif %s mode 0%o\n", file->path, (unsigned)(S_IFREG | file->mode));
}

/* After all is there, whichever way it came. */
static void plan_owners(const struct host_files *files, bool all, struct plan *plan)
{
	for (unsigned i = 0; i < files->count; i++) {
		const struct host_file *file = &files->list[i];

		/* In a state that is kept, folders have their owners. */
		if ((file->uid || file->gid) && (!all || state_is_put_in(file, all)))
			strbuf_addf(&plan->commands, "sif %s uid %u\nsif %s gid %u\n", file->path, file->uid,
				    file->path, file->gid);
	}
}

static int put_in(struct install *install, bool all, struct err *err)
{
	_cleanup_free_ char *tree = install_work_path(install, "state"), *known = NULL, *unused = NULL;
	const struct host_files *files = install->spec->files;
	_cleanup_strbuf_ struct strbuf questions = { 0 };
	struct plan plan = { 0 };
	int r;

	for (unsigned i = 0; i < files->count; i++) {
		if (!state_is_put_in(&files->list[i], all))
			continue;
		for_each_folder(&files->list[i], ask_for, &questions);
		ask_for(files->list[i].path, &questions);
	}
	r = questions.len ? state_debugfs(install, questions.data, 0, &known, err) : 0;
	if (r < 0)
		return r;
	plan.known = str_or(known, "");
	for (unsigned i = 0; i < files->count; i++) {
		if (state_is_put_in(&files->list[i], all))
			plan_file(&files->list[i], tree, &plan);
	}
	plan_owners(files, all, &plan);
	r = plan.commands.len ? state_debugfs(install, plan.commands.data, 0, &unused, err) : 0;
	strbuf_done(&plan.commands);
	return r;
}

/* ---- steps ---- */

int state_partition_make(struct install *install, struct err *err)
{
	_cleanup_free_ char *tree = install_work_path(install, "state");
	int r;

	remove_tree(tree);
	r = make_tree(install->spec->files, tree, err);
	if (r == 0)
		r = run_mkfs(install, tree, err);
	remove_tree(tree);
	if (r == 0)
		r = put_in(install, false, err);
	if (r == 0)
		r = state_files_check(install, false, err);
	return r < 0 ? err_prefix(err, "state partition") : 0;
}

/* Runs e2fsck, which replays the journal, without which nothing may be written here. What it has mended is mended. */
static int check_file_system(const char *device, struct err *err)
{
	const char *argv[] = { "e2fsck", "-f", "-p", device, NULL };
	struct cmd cmd = { .argv = argv, .deadline_ms = COPY_DEADLINE_MS, .die_with_parent = true };
	struct cmd_result result = { 0 };
	int r = cmd_run(&cmd, &result, err);

	if (r < 0 && WIFEXITED(result.status) && WEXITSTATUS(result.status) &&
	    WEXITSTATUS(result.status) < E2FSCK_UNCORRECTED)
		r = 0;
	else if (r < 0)
		r = err_set(
			err, ERR_STATE,
			"the state partition cannot be kept, its file system is damaged; mend it with e2fsck, or install "
			"anew: %s",
			str_or(result.output, ""));
	cmd_result_done(&result);
	return r;
}

/* e2fsck (1.47.0, e2fsck_run_ext3_journal()) opens the file system a second time once it has replayed the journal, and not at
 * the offset any more that it was given; so do the others of e2fsprogs. It is given a device that begins where that does. */
static int replay_journal(struct install *install, struct err *err)
{
	_cleanup_disk_window_ struct disk_window window = DISK_WINDOW_NONE;
	const struct layout *layout = install->layout;
	int r = disk_window_open(&install->disk, layout->partitions[PARTITION_STATE].offset_bytes,
				 layout->partitions[PARTITION_STATE].size_bytes, &window, err);

	if (r < 0)
		return err_prefix(err,
				  "the state cannot be kept as it is: the host was cut off, and the journal of its "
				  "state partition is to be replayed first. Let the host start and shut down once, "
				  "install anew, or see to this");
	r = check_file_system(window.path, err);
	return r < 0 ? r : disk_window_finish(&window, &install->disk, err);
}

int state_partition_repair(struct install *install, struct err *err)
{
	_cleanup_free_ char *device = state_device(install);
	bool cut_off = false;
	int r = state_journal_read(&install->disk, install->layout, &cut_off, err);

	if (r < 0)
		return r;
	return cut_off ? replay_journal(install, err) : check_file_system(device, err);
}

int state_partition_update(struct install *install, struct err *err)
{
	_cleanup_free_ char *tree = install_work_path(install, "state");
	int r;

	remove_tree(tree);
	r = make_tree(install->spec->files, tree, err);
	if (r == 0)
		r = put_in(install, true, err);
	remove_tree(tree);
	if (r == 0)
		r = state_files_check(install, true, err);
	return r < 0 ? err_prefix(err, "state partition") : 0;
}
