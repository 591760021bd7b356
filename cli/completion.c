/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The completion script for bash: nouns, verbs, options, and the values of options that take a word of few. */
#include "cli/help.h"

static void add_options(struct strbuf *sb, const struct command *command)
{
	struct option_info option;
	for (size_t i = 0; command_option(command, i, &option); i++)
		strbuf_addf(sb, "%s--%s", i ? " " : "", option.name);
}

/* The positional word that has a fixed set of values, if there is one. */
static void add_positional(struct strbuf *sb, const struct command *command)
{
	struct option_info positional;
	if (command_positional(command, &positional))
		for (size_t i = 0; positional.words && positional.words[i]; i++)
			strbuf_addf(sb, " %s", positional.words[i]);
}

static void add_verbs(struct strbuf *sb)
{
	strbuf_adds(sb, "\tcase \"${words[1]:-}\" in\n");
	FOREACH_COMMAND(first)
	{
		if (!command_starts_noun(first) || !first->verb)
			continue;
		strbuf_addf(sb, "\t%s) verbs=\"", first->noun);
		FOREACH_COMMAND(c)
		if (str_equal(c->noun, first->noun))
			strbuf_addf(sb, "%s%s", c == first ? "" : " ", c->verb);
		strbuf_adds(sb, "\" ;;\n");
	}
	strbuf_adds(sb, "\tesac\n");
}

static void add_command_options(struct strbuf *sb)
{
	strbuf_adds(sb, "\tcase \"${words[1]:-} ${words[2]:-}\" in\n");
	FOREACH_COMMAND(c)
	{
		strbuf_addf(sb, "\t'%s %s') options=\"", c->noun, str_or(c->verb, ""));
		add_options(sb, c);
		add_positional(sb, c);
		strbuf_adds(sb, "\" ;;\n");
	}
	strbuf_adds(sb, "\tesac\n");
}

char *completion_bash(void)
{
	struct strbuf sb = { 0 };
	strbuf_adds(
		&sb,
		"# Completion of ingot(1) for bash, made by 'ingot completion bash'.\n_ingot()\n{\n"
		"\tlocal current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
		"\tlocal verbs=\"\" options=\"\" word\n\tlocal -a words=(ingot)\n"
		"\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
		"\t\t[[ $word == -* ]] || words+=(\"$word\")\n\tdone\n"
		"\tCOMPREPLY=()\n\tcase \"$previous\" in\n"
		"\t--file | --cacert | --token-file) mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); return ;;\n"
		"\t-o | --output) mapfile -t COMPREPLY < <(compgen -W \"table json\" -- \"$current\"); return ;;\n"
		"\tesac\n");
	add_verbs(&sb);
	add_command_options(&sb);
	strbuf_adds(&sb, "\tif [ ${#words[@]} -eq 1 ]; then\n\t\tverbs=\"");
	FOREACH_COMMAND(c)
	if (command_starts_noun(c))
		strbuf_addf(&sb, "%s%s", c == commands ? "" : " ", c->noun);
	strbuf_adds(&sb, " help\"\n\t\toptions=\"");
	add_options(&sb, NULL);
	strbuf_adds(&sb, "\"\n\telif [ ${#words[@]} -gt 2 ]; then\n\t\tverbs=\"\"\n\tfi\n"
			 "\tmapfile -t COMPREPLY < <(compgen -W \"$verbs $options\" -- \"$current\")\n}\n"
			 "complete -F _ingot ingot\n");
	return strbuf_take(&sb);
}
