/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The mark: a number that grows with each commit whose undoing would be dangerous, in the database and in a small file beside
 * it. A database whose number is smaller than the file's has come back from a backup. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/log.h"
#include "store/store_priv.h"

#define MARK_MAX_BYTES 64
/* A file that was put back was last changed (ctime, which nobody sets) long after it says that it was written. */
#define MARK_SLACK_MS 60000

void store_mark(struct store *store)
{
	store->mark_wanted = true;
}

int store_mark_put(struct store *store, struct err *err)
{
	sqlite3_bind_int64(store->put_mark, 1, store->mark + 1);
	return store_step(store, store->put_mark, err, "writing the mark");
}

static int write_file(struct store *store, struct err *err)
{
	_cleanup_free_ char *text = xasprintf("%" PRId64 " %" PRId64 "\n", store->mark, wall_ms());
	int r = write_file_atomic(store->mark_path, text, strlen(text), 0600);
	return r < 0 ? err_set_errno(err, r, "store: cannot write %s", store->mark_path) : 0;
}

int store_mark_committed(struct store *store, struct err *err)
{
	store->mark++;
	return store->mark_path ? write_file(store, err) : 0;
}

static bool was_put_back(const char *path, int64_t written_ms)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return true;
	int64_t changed_ms = (int64_t)st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
	return changed_ms > written_ms + MARK_SLACK_MS || changed_ms < written_ms - MARK_SLACK_MS;
}

/* *ret_why: NULL, or why what the file says is not to be relied on. */
static int read_file_mark(const char *path, int64_t *ret_number, char **ret_why, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	int64_t written_ms = 0;
	int end = 0;
	int r = read_file(path, MARK_MAX_BYTES, &text, NULL);
	*ret_number = 0;
	if (r == -ENOENT)
		*ret_why = xasprintf("there is no %s beside it", path);
	else if (r < 0)
		return err_set_errno(err, r, "store: cannot read %s", path);
	else if (sscanf(text, "%" SCNd64 " %" SCNd64 "\n%n", ret_number, &written_ms, &end) != 2 || text[end] ||
		 *ret_number < 0)
		*ret_why = xasprintf("%s does not hold what it should", path);
	else if (was_put_back(path, written_ms))
		*ret_why = xasprintf("%s was put back as well, or copied", path);
	return 0;
}

int store_mark_open(struct store *store, const char *path, char **ret_why, struct err *err)
{
	_cleanup_free_ char *why = NULL;
	int64_t in_file;
	int r = read_file_mark(path, &in_file, &why, err);
	if (r < 0)
		return r;
	str_set(&store->mark_path, path);
	if (!why && in_file > store->mark)
		why = xasprintf("it was stored at %" PRId64 ", and %" PRId64 " has been reached since", store->mark,
				in_file);
	/* The one who died between a commit and the file has told nobody of it. */
	if (!why && in_file < store->mark)
		r = write_file(store, err);
	if (r < 0)
		return r;
	store->mark = MAX_OF(store->mark, in_file);
	*ret_why = TAKE_PTR(why);
	return 0;
}
