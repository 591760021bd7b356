/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The escape character of a console, as ssh(1) has it: ~ after a new line. */
#ifndef INGOT_CLI_ESCAPE_H
#define INGOT_CLI_ESCAPE_H

#include "base/util.h"

struct escape {
	enum { ESCAPE_LINE_START, ESCAPE_TILDE, ESCAPE_IN_LINE } state; /* zero: at the start of a line */
};
enum escape_asked { ESCAPE_NOTHING, ESCAPE_END, ESCAPE_HELP };

/* Appends to out what goes to the console of the len bytes that were typed. Stops at "~." and gives ESCAPE_END; gives
 * ESCAPE_HELP if there was a "~?". */
enum escape_asked escape_filter(struct escape *escape, const char *typed, size_t len, struct strbuf *out);

#endif
