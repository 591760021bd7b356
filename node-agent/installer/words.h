/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts of the screens in other languages: a table in words.c by the English text. Not gettext: its files and its locales would
 * be larger than all of this, and the live image has neither. */
#ifndef INGOT_INSTALLER_WORDS_H
#define INGOT_INSTALLER_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct words_pair {
	const char *english, *korean; /* of a format, with the same arguments */
};
/* The whole table, for who looks it over; NULL past its end. */
const struct words_pair *words_at(size_t i);
/* Whether this terminal (TERM, the locale) can show a language. */
bool words_can_show(const char *language);
/* "en" or "ko". Main thread. */
void words_language(const char *language);
/* The text in that language, or itself. A format may be given: what is returned takes the same arguments. */
const char *tr(const char *english);
/* How many columns of a terminal it takes: a syllable of Hangul takes two. */
size_t words_width(const char *text);

#endif
