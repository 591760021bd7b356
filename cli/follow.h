/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Follows tasks to their ends, all together, with a line per step on standard error. The event stream says when to
 * look; looking again now and then makes up for what it misses. A provisioner that restarts is waited for. */
#ifndef INGOT_CLI_FOLLOW_H
#define INGOT_CLI_FOLLOW_H

#include "cli/cli_session.h"

struct follow_item {
	char *id;	    /* of the task */
	json_t *task;	    /* as it was seen last; NULL: never */
	struct reply reply; /* status of the last answer */
	struct err err;	    /* why it did not succeed; code ERR_NONE: it did */
};
void follow_items_free(struct follow_item *items, size_t count);

/* 0 once each task has ended or cannot be followed, whatever became of it: see each item's err. ERR_TIMEOUT or
 * ERR_CANCELLED if that came first; then it has said on standard error how to watch what goes on. */
int follow_tasks(struct session *session, struct follow_item *items, size_t count, struct err *err);

#endif
