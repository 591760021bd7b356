/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of words in two files: words.c has what stands on the screens, words_refusals.c what is said of wrong answers. */
#ifndef INGOT_INSTALLER_WORDS_PRIV_H
#define INGOT_INSTALLER_WORDS_PRIV_H

#include <stddef.h>

#include "installer/words.h"

extern const struct words_pair words_refusals[];
extern const size_t words_refusal_count;

#endif
