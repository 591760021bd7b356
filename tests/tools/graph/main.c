/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ingot-graph: writes each state table as a Graphviz file into a folder, after checking it. */
#include <stdio.h>

#include "machine/machine.h"

static const struct fsm *const tables[] = { &machine_fsm };

static int write_graph(const struct fsm *fsm, const char *folder, struct err *err)
{
	int r = fsm_check(fsm, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *text = fsm_graph(fsm);
	_cleanup_free_ char *path = xasprintf("%s/%s.dot", folder, fsm->name);
	r = write_file_atomic(path, text, strlen(text), 0644);
	return r < 0 ? err_set_errno(err, r, "writing %s", path) : 0;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("Usage: ingot-graph FOLDER\n", stderr);
		return 2;
	}
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		if (write_graph(tables[i], argv[1], &err) < 0) {
			fprintf(stderr, "ingot-graph: %s\n", err.text);
			return 1;
		}
	}
	return 0;
}
