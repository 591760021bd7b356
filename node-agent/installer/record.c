/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "installer/record.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "cmd/cmd.h"
#include "schema/schema.h"

#define DEBUGFS_DEADLINE_MS 20000

/* A file of the state partition; the caller frees; NULL without one. */
static char *read_state(const struct held_disk *disk, const struct layout *layout, const char *path)
{
	_cleanup_free_ char *device =
		xasprintf("%s?offset=%" PRIu64, disk->path, layout->partitions[PARTITION_STATE].offset_bytes);
	_cleanup_free_ char *request = xasprintf("cat %s", path);
	char *text = NULL;

	return cmd_outputl(NULL, DEBUGFS_DEADLINE_MS, &text, "debugfs", "-R", request, device, NULL) == 0 ? text : NULL;
}

void record_read(const struct held_disk *disk, const struct layout *layout, struct record *ret)
{
	_cleanup_free_ char *text = read_state(disk, layout, RECORD_PATH);
	_cleanup_free_ char *name = read_state(disk, layout, "/etc/hostname");
	json_t *json = text ? json_loads(text, 0, NULL) : NULL;

	if (name)
		name[strcspn(name, "\n")] = '\0';
	*ret = (struct record){ .role = xstrdup(json_string_value(json_object_get(json, "role"))),
				.answers = xstrdup(json_string_value(json_object_get(json, "answers"))),
				.host_name = name && !format_check(FORMAT_NAME, name) ? TAKE_PTR(name) : NULL };
	json_decref(json);
}

void record_done(struct record *record)
{
	free(record->role);
	free(record->answers);
	free(record->host_name);
	*record = (struct record){ 0 };
}
