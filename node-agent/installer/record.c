/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "installer/record.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/wait.h>

#include "cmd/cmd.h"
#include "install/state_journal.h"
#include "schema/schema.h"

#define DEBUGFS_DEADLINE_MS 20000
#define NOT_FOUND "File not found by ext2_lookup" /* libext2fs, EXT2_ET_FILE_NOT_FOUND: com_err(3) */

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; (text = strchr(text, '\n')); text++)
		count++;
	return count;
}

/* Its exit code says little: what went wrong stands in its standard error, below the line that names it. */
static bool is_told(const struct cmd_result *result)
{
	return (!result->out_len && strstr(result->output, NOT_FOUND)) ||
	       count_lines(result->output) <= count_lines(result->out) + 1;
}

/* A file of the state partition; the caller frees; NULL if there is none. The errors of cmd_run(), and ERR_CORRUPT with debugfs's
 * own words: it cannot be told. */
static int read_state(const struct held_disk *disk, const struct layout *layout, const char *path, char **ret,
		      struct err *err)
{
	_cleanup_free_ char *device =
		xasprintf("%s?offset=%" PRIu64, disk->path, layout->partitions[PARTITION_STATE].offset_bytes);
	_cleanup_free_ char *request = xasprintf("cat %s", path);
	const char *argv[] = { "debugfs", "-R", request, device, NULL };
	struct cmd cmd = { .argv = argv, .deadline_ms = DEBUGFS_DEADLINE_MS };
	struct cmd_result result = { 0 };
	int r = cmd_run(&cmd, &result, err);

	if (result.output && WIFEXITED(result.status) && !is_told(&result)) {
		const char *words = result.output + strcspn(result.output, "\n") + 1;

		r = err_set(err, ERR_CORRUPT, "debugfs cannot read %s: %.*s", path, (int)strcspn(words, "\n"), words);
	}
	if (r == 0 && result.out_len)
		*ret = TAKE_PTR(result.out);
	cmd_result_done(&result);
	return r;
}

int record_read(const struct held_disk *disk, const struct layout *layout, struct record *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL, *name = NULL;
	_cleanup_err_ struct err why = ERR_INIT;
	bool cut_off = false;
	json_t *json;
	int r = state_journal_read(disk, layout, &cut_off, err);

	if (r < 0)
		return r;
	r = read_state(disk, layout, RECORD_PATH, &text, &why);
	if (r == 0)
		r = read_state(disk, layout, "/etc/hostname", &name, &why);
	if (r < 0 && cut_off)
		return err_set(
			err, ERR_STATE,
			"%s: its host was cut off, and what it was installed as cannot be read before the journal of "
			"its state partition was replayed; let it start and shut down once, or erase it by the "
			"screens of the installer",
			disk->disk.path);
	if (r < 0)
		return err_set(err, why.code,
			       "%s: what its host was installed as cannot be read from its state partition (%s); try "
			       "again, or erase it by the screens of the installer",
			       disk->disk.path, why.text);
	json = text ? json_loads(text, 0, NULL) : NULL;
	if (name)
		name[strcspn(name, "\n")] = '\0';
	*ret = (struct record){ .role = xstrdup(json_string_value(json_object_get(json, "role"))),
				.answers = xstrdup(json_string_value(json_object_get(json, "answers"))),
				.host_name = name && !format_check(FORMAT_NAME, name) ? TAKE_PTR(name) : NULL };
	json_decref(json);
	return 0;
}

void record_done(struct record *record)
{
	free(record->role);
	free(record->answers);
	free(record->host_name);
	*record = (struct record){ 0 };
}
