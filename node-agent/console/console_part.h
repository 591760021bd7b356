/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Serial consoles of this node's virtual machines: the section "consoles" (docs/protocol.md). On the loop's thread. */
#ifndef INGOT_CONSOLE_CONSOLE_PART_H
#define INGOT_CONSOLE_CONSOLE_PART_H

#include "core/part.h"

/* How much of what was put out before is shown to a new viewer. */
#define CONSOLE_HISTORY_BYTES ((uint64_t)(64 * 1024))

extern const struct part console_part;

#endif
