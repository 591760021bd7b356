/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text from elsewhere, made fit for a terminal. What a server, an agent or a BMC says may hold escape sequences that
 * would move the cursor, change the title or type for the person; none of them gets through (utf8_visible()). Output is UTF-8 in every
 * locale. */
#ifndef INGOT_CLI_VISIBLE_H
#define INGOT_CLI_VISIBLE_H

#include "base/utf8.h"

/* The columns it takes on a terminal; text as utf8_visible() gives it. visible_setup() was called. */
size_t visible_width(const char *text);
/* Once, at the start of the program. */
void visible_setup(void);

#endif
