/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All parts of the agent: the table to add one to. */
#ifndef INGOT_NODE_AGENT_PARTS_H
#define INGOT_NODE_AGENT_PARTS_H

#include "core/part.h"

/* The parts of a mode (PART_LIVE, PART_NODE), NULL at the end; the caller frees the list. Plugins are looked for in
 * plugin_dir; one that is missing is logged and left out, one that cannot be loaded fails when it is run. */
const struct part **parts_load(unsigned mode, const char *plugin_dir, unsigned *ret_count);

#endif
