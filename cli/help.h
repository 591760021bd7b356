/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts made from the table of commands: --help at every level, the manual page ingot(1), the completion for bash. All
 * are returned whole; the caller frees. */
#ifndef INGOT_CLI_HELP_H
#define INGOT_CLI_HELP_H

#include "cli/commands.h"

/* noun NULL: of the program; command NULL: of the noun. */
char *help_text(const char *noun, const struct command *command);
/* man(7) source. */
char *man_page(void);
char *completion_bash(void);

/* Bounds and default of an option, "1 to 256, default 1"; "" if there is nothing to say. The caller frees. */
char *option_limits(const struct option_info *option);
/* Variables of the environment that are read: name, help. Ends with NULL. */
extern const char *const environment_help[][2];
/* Exit codes other than 0 and 1, in ascending order, as "  3  There is no such thing" lines. */
struct exit_code_help {
	int code;
	const char *text;
};
size_t exit_codes(struct exit_code_help *ret, size_t max);
#define EXIT_CODES_MAX 64

#endif
