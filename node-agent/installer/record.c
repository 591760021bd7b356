/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "installer/record.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "cmd/cmd.h"

#define DEBUGFS_DEADLINE_MS 20000

void record_read(const struct held_disk *disk, const struct layout *layout, struct record *ret)
{
	_cleanup_free_ char *device =
		xasprintf("%s?offset=%" PRIu64, disk->path, layout->partitions[PARTITION_STATE].offset_bytes);
	_cleanup_free_ char *text = NULL;
	json_t *json = NULL;

	if (cmd_outputl(NULL, DEBUGFS_DEADLINE_MS, &text, "debugfs", "-R", "cat " RECORD_PATH, device, NULL) == 0)
		json = json_loads(text, 0, NULL);
	*ret = (struct record){ .role = xstrdup(json_string_value(json_object_get(json, "role"))),
				.answers = xstrdup(json_string_value(json_object_get(json, "answers"))) };
	json_decref(json);
}

void record_done(struct record *record)
{
	free(record->role);
	free(record->answers);
	*record = (struct record){ 0 };
}
