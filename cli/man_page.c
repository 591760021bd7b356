/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ingot(1) as man(7) source. */
#include "base/roff.h"
#include "cli/help.h"

static void add_option(struct strbuf *sb, const struct option_info *option)
{
	_cleanup_free_ char *limits = option_limits(option);
	strbuf_adds(sb, ".TP\n");
	if (option->letter)
		strbuf_addf(sb, "\\fB\\-%c\\fR, ", option->letter);
	roff_add(sb, "\\fB\\-\\-", option->name, "\\fR");
	if (option->value[0]) {
		sb->len--; /* the value stands on the same line */
		roff_add(sb, " \\fI", option->value, "\\fR");
	}
	roff_add(sb, "", str_or(option->help, ""), "");
	if (limits[0])
		roff_add(sb, "(", limits, ")");
}

static void add_options(struct strbuf *sb, const struct command *command, bool general)
{
	struct option_info option;
	for (size_t i = 0; command_option(command, i, &option); i++)
		if (option_is_general(&option) == general)
			add_option(sb, &option);
}

static void add_command(struct strbuf *sb, const struct command *command)
{
	_cleanup_free_ char *usage = command_usage(command);
	roff_add(sb, ".SS \"ingot ", usage, "\"");
	roff_add(sb, "", command_help(command), ".");
	struct option_info positional;
	if (command_positional(command, &positional)) {
		roff_add(sb, ".TP\n\\fI", positional.value, "\\fR");
		roff_add(sb, "", str_or(positional.help, ""), "");
	}
	add_options(sb, command, false);
	if (command->details)
		roff_add(sb, ".PP\n", command->details, "");
	if (command->example)
		roff_add(sb, ".PP\n.RS\n.nf\n", command->example, "\n.fi\n.RE");
}

static const char head[] =
	".SH NAME\n"
	"ingot \\- the command line of an Ingot provisioner\n"
	".SH SYNOPSIS\n"
	".B ingot\n"
	".I COMMAND\n"
	".RI [ ARGUMENT ]...\\&\n"
	".RI [ OPTION ]...\n"
	".SH DESCRIPTION\n"
	"Speaks to the REST API of an\n"
	".BR ingot\\-provisioner (8)\n"
	"and to nothing else: machines, the cluster made of them, and what runs on it.\n"
	"Resources are named by name or id. Sizes are given in binary units, such as 512MiB or 10GiB.\n"
	".PP\n"
	"What takes longer than a blink is a task: the command prints it and ends, and the task goes on.\n"
	"With\n"
	".B \\-\\-wait\n"
	"the command follows it, a line per step on standard error, and ends as the task did.\n";

static const char tail[] = ".SH SEE ALSO\n"
			   ".BR ingot\\-provisioner (8),\n"
			   ".BR ingot\\-agent (8)\n";

char *man_page(void)
{
	struct strbuf sb = { 0 };
	struct exit_code_help codes[EXIT_CODES_MAX];
	strbuf_adds(&sb, ".TH INGOT 1 \"\" \"Ingot " INGOT_VERSION "\" \"Ingot manual\"\n");
	strbuf_adds(&sb, head);
	strbuf_adds(&sb, ".SH OPTIONS\n");
	add_options(&sb, NULL, true);
	strbuf_adds(&sb, ".SH COMMANDS\n");
	FOREACH_COMMAND(c)
	add_command(&sb, c);
	strbuf_adds(&sb, ".SH ENVIRONMENT\n");
	for (size_t i = 0; environment_help[i][0]; i++) {
		roff_add(&sb, ".TP\n\\fB", environment_help[i][0], "\\fR");
		roff_add(&sb, "", environment_help[i][1], "");
	}
	strbuf_adds(&sb, ".SH \"EXIT STATUS\"\n.TP\n\\fB0\\fR\nSuccess; with \\fB\\-\\-wait\\fR, of the tasks too\n");
	for (size_t i = 0, count = exit_codes(codes, ARRAY_SIZE(codes)); i < count; i++) {
		strbuf_addf(&sb, ".TP\n\\fB%d\\fR\n", codes[i].code);
		roff_add(&sb, "", codes[i].text, "");
	}
	strbuf_adds(&sb, tail);
	return strbuf_take(&sb);
}
