/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/help.h"

#include <stdio.h>

#define WIDTH 100

const char *const environment_help[][2] = {
	{ "INGOT_URL", "address of the provisioner, https://..." },
	{ "INGOT_TOKEN", "token that says who you are" },
	{ "INGOT_TOKEN_FILE", "file that holds the token" },
	{ "INGOT_CACERT", "certificate of the authority to trust (PEM); default: the system's authorities" },
	{ NULL, NULL },
};

/* Those the table of errors does not know. */
static const struct exit_code_help other_exit_codes[] = {
	{ 130, "Interrupted (Ctrl-C); tasks that were started go on" },
	{ 143, "Ended by SIGTERM; tasks that were started go on" },
};

size_t exit_codes(struct exit_code_help *ret, size_t max)
{
	size_t count = 0;
	for (int exit_code = 1; exit_code < 256; exit_code++) {
		for (int code = ERR_NONE + 1; code < ERR_CODE_COUNT && count < max; code++) {
			const struct err_meaning *meaning = err_meaning((enum err_code)code);
			if (meaning->exit_code == exit_code)
				ret[count++] = (struct exit_code_help){ exit_code, meaning->title };
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(other_exit_codes) && count < max; i++)
		ret[count++] = other_exit_codes[i];
	return count;
}

char *option_limits(const struct option_info *option)
{
	const struct field *f = option->field;
	_cleanup_strbuf_ struct strbuf text = { 0 };
	if (!f)
		return xstrdup("");
	bool bounded = f->max && f->max != INT64_MAX;
	if (f->type == FIELD_BYTES && bounded) {
		_cleanup_free_ char *min = bytes_format((uint64_t)f->min);
		_cleanup_free_ char *max = bytes_format((uint64_t)f->max);
		strbuf_addf(&text, "%s to %s", min, max);
	} else if (f->type == FIELD_INT && bounded) {
		strbuf_addf(&text, "%lld to %lld", (long long)f->min, (long long)f->max);
	}
	if (f->initial && !option->changes)
		strbuf_addf(&text, "%sdefault %s", text.len ? ", " : "", f->initial);
	if (option_is_required(option))
		strbuf_addf(&text, "%srequired", text.len ? ", " : "");
	if (f->type == FIELD_STRINGS)
		strbuf_addf(&text, "%smay be given several times", text.len ? ", " : "");
	return strbuf_take(&text);
}

/* Words of text, broken at WIDTH, continued at the column. */
static void add_wrapped(struct strbuf *sb, const char *text, size_t column, size_t at)
{
	while (*text) {
		size_t len = strcspn(text, " ");
		if (at > column && at + 1 + len > WIDTH) {
			strbuf_addf(sb, "\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			strbuf_adds(sb, " ");
			at++;
		}
		strbuf_add(sb, text, len);
		at += len;
		text += len;
		text += strspn(text, " ");
	}
	strbuf_adds(sb, "\n");
}

/* "  left          right, wrapped" */
static void add_row(struct strbuf *sb, const char *left, size_t column, const char *right)
{
	size_t len = strlen(left);
	strbuf_addf(sb, "  %s", left);
	if (len + 4 > column)
		strbuf_addf(sb, "\n%*s", (int)column, "");
	else
		strbuf_addf(sb, "%*s", (int)(column - len - 2), "");
	add_wrapped(sb, right, column, column);
}

static void add_option(struct strbuf *sb, const struct option_info *option)
{
	_cleanup_free_ char *limits = option_limits(option);
	_cleanup_free_ char *help =
		xasprintf("%s%s%s%s", str_or(option->help, ""), limits[0] ? " (" : "", limits, limits[0] ? ")" : "");
	char letter[8] = "    ";
	if (option->letter)
		snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	_cleanup_free_ char *left =
		xasprintf("%s--%s%s%s", letter, option->name, option->value[0] ? " " : "", option->value);
	add_row(sb, left, 30, help);
}

static void add_options(struct strbuf *sb, const struct command *command, bool general, const char *title)
{
	struct option_info option;
	bool titled = false;
	for (size_t i = 0; command_option(command, i, &option); i++) {
		if (option_is_general(&option) != general)
			continue;
		if (!titled)
			strbuf_addf(sb, "\n%s:\n", title);
		titled = true;
		add_option(sb, &option);
	}
}

static void add_command_row(struct strbuf *sb, const struct command *command)
{
	_cleanup_free_ char *name = command_name(command);
	add_row(sb, name, 22, command_help(command));
}

static void help_program(struct strbuf *sb)
{
	strbuf_adds(sb, "Usage: ingot COMMAND [ARGUMENT]... [OPTION]...\n\n"
			"Speaks to an Ingot provisioner: machines, the cluster made of them, and what runs on it.\n"
			"Resources are named by name or id.\n\nCommands:\n");
	FOREACH_COMMAND(c)
	add_command_row(sb, c);
	add_options(sb, NULL, true, "Options");
	strbuf_adds(sb, "\nEnvironment:\n");
	for (size_t i = 0; environment_help[i][0]; i++)
		add_row(sb, environment_help[i][0], 22, environment_help[i][1]);
	strbuf_adds(sb, "\n'ingot COMMAND --help' says more on a command, ingot(1) says all.\n");
}

static void help_noun(struct strbuf *sb, const char *noun)
{
	strbuf_addf(sb, "Usage: ingot %s COMMAND [ARGUMENT]... [OPTION]...\n\nCommands:\n", noun);
	FOREACH_COMMAND(c)
	if (str_equal(c->noun, noun))
		add_command_row(sb, c);
	strbuf_addf(sb,
		    "\n'ingot %s COMMAND --help' says more on a command, 'ingot --help' lists the general options.\n",
		    noun);
}

static void help_command(struct strbuf *sb, const struct command *command)
{
	_cleanup_free_ char *usage = command_usage(command);
	strbuf_addf(sb, "Usage: ingot %s\n\n", usage);
	add_wrapped(sb, command_help(command), 0, 0);
	if (command->details) {
		strbuf_adds(sb, "\n");
		add_wrapped(sb, command->details, 0, 0);
	}
	struct option_info positional;
	bool has_positional = command_positional(command, &positional);
	if (has_positional || (command->flags & COMMAND_TARGET))
		strbuf_adds(sb, "\nArguments:\n");
	_cleanup_free_ char *noun = noun_with_article(command->noun);
	_cleanup_free_ char *target = xasprintf("name or id of %s", noun);
	if (command->flags & COMMAND_TARGET)
		add_row(sb, target_name(command), 30, target);
	if (has_positional)
		add_row(sb, positional.value, 30, str_or(positional.help, ""));
	add_options(sb, command, false, "Options");
	add_options(sb, command, true, "General options");
	if (command->example)
		strbuf_addf(sb, "\nExample:\n  %s\n", command->example);
}

char *help_text(const char *noun, const struct command *command)
{
	struct strbuf sb = { 0 };
	if (command)
		help_command(&sb, command);
	else if (noun)
		help_noun(&sb, noun);
	else
		help_program(&sb);
	return strbuf_take(&sb);
}
