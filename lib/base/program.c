/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/program.h"

#include <stdio.h>

#include "base/roff.h"

static const struct program_option common[] = {
	{ "help", NULL, "show this" },
	{ "man", NULL, "print the manual page, as man(7) source" },
	{ "version", NULL, "show the version" },
	{ NULL, NULL, NULL },
};

static void help_options(struct strbuf *sb, const struct program_option *options)
{
	for (; options->name; options++) {
		_cleanup_free_ char *left = xasprintf("--%s%s%s", options->name, options->value ? " " : "",
						      options->value ? options->value : "");
		strbuf_addf(sb, "  %-20s %s\n", left, options->help);
	}
}

char *program_help(const struct program *program)
{
	struct strbuf sb = { 0 };

	strbuf_addf(&sb, "Usage: %s%s [OPTION]...\n\n%s\n", program->name, program->commands ? " COMMAND" : "",
		    program->description);
	if (program->commands)
		strbuf_adds(&sb, "\nCommands:\n");
	for (const struct program_text *c = program->commands; c && c->word; c++)
		strbuf_addf(&sb, "  %-20s %s\n", c->word, c->help);
	strbuf_adds(&sb, "\nOptions:\n");
	help_options(&sb, program->options);
	help_options(&sb, common);
	return strbuf_take(&sb);
}

static void man_options(struct strbuf *sb, const struct program_option *options)
{
	for (; options->name; options++) {
		roff_add(sb, ".TP\n\\fB\\-\\-", options->name, "\\fR");
		if (options->value) {
			sb->len--; /* the value stands on the same line */
			roff_add(sb, " \\fI", options->value, "\\fR");
		}
		roff_add(sb, "", options->help, "");
	}
}

char *program_man(const struct program *program)
{
	struct strbuf sb = { 0 };

	roff_add(&sb, ".TH \"", program->name, "\" 8 \"\" \"Ingot " INGOT_VERSION "\" \"Ingot manual\"");
	roff_add(&sb, ".SH NAME\n", program->name, "");
	roff_add(&sb, "\\- ", program->summary, "");
	roff_add(&sb, ".SH SYNOPSIS\n.B ", program->name, "");
	strbuf_addf(&sb, "%s.RI [ OPTION ]...\n", program->commands ? ".I COMMAND\n" : "");
	roff_add(&sb, ".SH DESCRIPTION\n", program->description, "");
	if (program->commands)
		strbuf_adds(&sb, ".SH COMMANDS\n");
	for (const struct program_text *c = program->commands; c && c->word; c++) {
		roff_add(&sb, ".TP\n\\fB", c->word, "\\fR");
		roff_add(&sb, "", c->help, "");
	}
	strbuf_adds(&sb, ".SH OPTIONS\n");
	man_options(&sb, program->options);
	man_options(&sb, common);
	for (const struct program_text *s = program->sections; s && s->word; s++) {
		roff_add(&sb, ".SH \"", s->word, "\"");
		roff_add(&sb, "", s->help, "");
	}
	strbuf_addf(&sb, ".SH \"SEE ALSO\"\n%s\n", program->see_also);
	return strbuf_take(&sb);
}

static enum program_parsed wrong(const struct program *program, const char *what, const char *word)
{
	const char *space = word && *word ? " " : "";
	fprintf(stderr, "%s: %s%s%s; see %s --help\n", program->name, what, space, str_or(word, ""), program->name);
	return PROGRAM_WRONG;
}

static const struct program_option *find(const struct program_option *options, const char *name, size_t len)
{
	for (; options->name; options++)
		if (strlen(options->name) == len && memcmp(options->name, name, len) == 0)
			return options;
	return NULL;
}

static enum program_parsed answer_common(const struct program *program, const struct program_option *option)
{
	_cleanup_free_ char *text = NULL;

	if (option == &common[0])
		text = program_help(program);
	else if (option == &common[1])
		text = program_man(program);
	else
		text = xasprintf("%s %s\n", program->name, INGOT_VERSION);
	fputs(text, stdout);
	return PROGRAM_DONE;
}

static enum program_parsed parse_command(const struct program *program, const char *word, unsigned *ret)
{
	for (unsigned i = 0; word && program->commands[i].word; i++) {
		if (strcmp(program->commands[i].word, word) == 0) {
			*ret = i;
			return PROGRAM_RUN;
		}
	}
	return word ? wrong(program, "unknown command", word) : wrong(program, "a command is missing", "");
}

enum program_parsed program_parse(const struct program *program, int argc, char **argv, unsigned *ret_command,
				  void (*set)(void *data, unsigned option, const char *value), void *data)
{
	bool command = !program->commands;

	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--", 2) != 0) {
			if (command)
				return wrong(program, "unexpected argument", argv[i]);
			enum program_parsed parsed = parse_command(program, argv[i], ret_command);
			if (parsed != PROGRAM_RUN)
				return parsed;
			command = true;
			continue;
		}
		const char *name = argv[i] + 2, *value = strchr(name, '=');
		size_t len = value ? (size_t)(value++ - name) : strlen(name);
		const struct program_option *option = find(common, name, len);
		if (option && !value)
			return answer_common(program, option);
		option = find(program->options, name, len);
		if (!option)
			return wrong(program, "unknown option", argv[i]);
		if (!option->value && value)
			return wrong(program, "no value belongs to", argv[i]);
		if (option->value && !value && (i + 1 == argc || !(value = argv[++i])))
			return wrong(program, "a value is missing after", argv[i]);
		set(data, (unsigned)(option - program->options), value);
	}
	return command ? PROGRAM_RUN : wrong(program, "a command is missing", "");
}
