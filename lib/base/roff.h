/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text for man(7) pages. Any thread. */
#ifndef INGOT_BASE_ROFF_H
#define INGOT_BASE_ROFF_H

#include "base/util.h"

/* before and after as they are, text between them so that nothing in it is taken for troff's; and an end of line. */
void roff_add(struct strbuf *sb, const char *before, const char *text, const char *after);

#endif
