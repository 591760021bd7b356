/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a daemon's command line is: one description, from which --help, the manual page and the parsing of options come.
 * (The `ingot` command has many more words and its own tables, in cli/.) */
#ifndef INGOT_BASE_PROGRAM_H
#define INGOT_BASE_PROGRAM_H

#include "base/util.h"

/* --name or --name=VALUE. */
struct program_option {
	const char *name;
	const char *value; /* what stands for the value in texts; NULL: takes none */
	const char *help;
};

/* A command word, which comes first; or, in paragraphs, a title and a text. */
struct program_text {
	const char *word, *help;
};

struct program {
	const char *name;		      /* "ingot-agent" */
	const char *summary;		      /* for the manual's NAME: no capital, no full stop */
	const char *description;	      /* one paragraph */
	const struct program_text *commands;  /* ended by a NULL word; NULL: it has none */
	const struct program_option *options; /* ended by a NULL name; --help, --man and --version are added */
	const struct program_text *sections;  /* further sections of the manual, ended by a NULL word; or NULL */
	const char *see_also;		      /* "ingot (1)" ... as the manual writes it; commas between */
};

/* For --help and for --man (man(7) source); the caller frees. */
char *program_help(const struct program *program);
char *program_man(const struct program *program);

enum program_parsed {
	PROGRAM_RUN,  /* go on */
	PROGRAM_DONE, /* help, manual or version was asked for and printed: exit with 0 */
	PROGRAM_WRONG /* what is wrong was said on standard error: exit with ERR_INVALID's code */
};

/* Reads argv: a command word first if the program has commands (*ret_command: its index), then options, in any order and
 * never abbreviated. set is called for each option with its index and value (NULL if it takes none); a value is borrowed
 * from argv. Main thread. */
enum program_parsed program_parse(const struct program *program, int argc, char **argv, unsigned *ret_command,
				  void (*set)(void *data, unsigned option, const char *value), void *data);

#endif
