/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <stdio.h>

#include "cli/help.h"
#include "cli/verbs.h"
#include "cli/visible.h"

#define EXIT_USAGE 2

static int refuse_usage(const struct invocation *in, const struct err *err)
{
	_cleanup_free_ char *text = utf8_visible(str_or(err->text, "?"));
	_cleanup_free_ char *name = in->command ? command_name(in->command) : xstrdup(str_or(in->noun, ""));
	fprintf(stderr, "ingot: %s\nSee 'ingot%s%s --help'.\n", text, name[0] ? " " : "", name);
	return EXIT_USAGE;
}

/* What needs neither a command nor a provisioner. False: there is more to do. */
static bool answer_at_once(const struct invocation *in)
{
	_cleanup_free_ char *text = NULL;
	if (in->given[OPTION_HELP])
		text = help_text(in->noun, in->command);
	else if (in->given[OPTION_VERSION])
		text = xstrdup("ingot " INGOT_VERSION "\n");
	else if (in->given[OPTION_MAN])
		text = man_page();
	if (text)
		fputs(text, stdout);
	return text != NULL;
}

static int run(const struct invocation *in)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(session_free_p) struct session *session = session_new(in);
	if (!(in->command->flags & COMMAND_LOCAL) && session_connect(session, in, &err) < 0)
		return refuse_usage(in, &err);
	return in->command->run(session, in);
}

/* What could not be written was not said: that is no success. */
static int close_output(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (code == 0)
		fputs("ingot: standard output could not be written\n", stderr);
	return code ? code : 1;
}

int main(int argc, char **argv)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(invocation_done) struct invocation in = { 0 };
	int code = 0;
	signal(SIGPIPE, SIG_IGN);
	visible_setup();
	if (arguments_parse(argc, argv, &in, &err) < 0)
		code = refuse_usage(&in, &err);
	else if (!answer_at_once(&in))
		code = run(&in);
	return close_output(code);
}
