/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Users, tokens, ranges of BMC addresses: what is secret goes neither through arguments, which others can read, nor
 * onto the terminal unasked. */
#include <errno.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "cli/print.h"
#include "cli/verbs.h"

#define LINE_MAX_BYTES 4096
#define CTRL_C 3

static void wipe_free_p(char **text)
{
	if (*text)
		wipe(*text, strlen(*text));
	free(*text);
}

/* A line without its end; what is longer than any password is cut, and refused for it. The caller wipes and frees. */
static char *read_line(FILE *file)
{
	char line[LINE_MAX_BYTES];
	char *text = fgets(line, sizeof(line), file) ? xstrndup(line, strcspn(line, "\r\n")) : NULL;
	wipe(line, sizeof(line));
	return text;
}

/* What was typed up to Enter or Ctrl-C. The caller wipes and frees; NULL: nothing, or it was given up. */
static char *read_typed(void)
{
	char line[LINE_MAX_BYTES];
	ssize_t len = read(STDIN_FILENO, line, sizeof(line) - 1);
	line[MAX_OF(len, 0)] = '\0';
	char *text = len <= 0 || strchr(line, CTRL_C) ? NULL : xstrndup(line, strcspn(line, "\r\n"));
	wipe(line, sizeof(line));
	return text;
}

/* Asks on the terminal, without showing what is typed. */
static char *ask(const char *question)
{
	struct termios shown, hidden;
	if (tcgetattr(STDIN_FILENO, &shown) < 0)
		return NULL;
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	hidden.c_cc[VEOL] = CTRL_C; /* ends the line, for signals wait for the loop, which does not run now */
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden); /* before the question: what is typed after it counts */
	fprintf(stderr, "%s: ", question);
	fflush(stderr);
	char *text = read_typed();
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	fputs("\n", stderr);
	return text;
}

static int ask_twice(char **ret, struct err *err)
{
	_cleanup_(wipe_free_p) char *first = ask("Password"), *second = first ? ask("Once more") : NULL;
	if (!second)
		return err_set(err, ERR_INVALID, "no password was typed");
	if (!str_equal(first, second))
		return err_set(err, ERR_INVALID, "the two passwords are not the same");
	*ret = TAKE_PTR(first);
	return 0;
}

static int read_password(const char *path, char **ret, struct err *err)
{
	FILE *file = str_equal(path, "-") ? stdin : fopen(path, "re");
	if (!file)
		return err_set(err, ERR_INVALID, "--password-file %s: %s", path, strerrordesc_np(errno));
	*ret = read_line(file);
	if (file != stdin)
		fclose(file);
	return *ret ? 0 : err_set(err, ERR_INVALID, "--password-file %s: is empty", path);
}

/* 0 with *ret NULL: the password stays. */
static int find_password(const struct invocation *in, char **ret, struct err *err)
{
	const char *file = in->given[OPTION_PASSWORD_FILE];
	if (file)
		return read_password(file, ret, err);
	if (command_operation(in->command)->kind == OPERATION_UPDATE)
		return 0;
	if (!isatty(STDIN_FILENO))
		return err_set(err, ERR_INVALID,
			       "there is no terminal to ask for the password; give --password-file FILE");
	return ask_twice(ret, err);
}

static int add_password(const struct invocation *in, struct err *err)
{
	_cleanup_(wipe_free_p) char *password = NULL;
	int r = find_password(in, &password, err);
	if (r < 0 || !password)
		return r;
	json_t *text = json_string(password);
	if (!text)
		return err_set(err, ERR_INVALID, "the password is not UTF-8");
	json_object_set_new(in->body, "password", text);
	return 0;
}

int verb_with_password(struct session *session, const struct invocation *in)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_reply_ struct reply reply = { 0 };
	const struct operation *operation = command_operation(in->command);
	int r = add_password(in, &err);
	if (r == 0 && json_object_size(in->body) == 0)
		r = err_set(&err, ERR_INVALID, "what to change is missing; see 'ingot %s update --help'",
			    in->command->noun);
	if (r < 0)
		return session_fail(session, in->command, NULL, NULL, &err);
	if (session_operation(session, operation, in->target_count ? in->targets[0] : NULL, in->body, &reply, &err) < 0)
		return session_fail(session, in->command, NULL, &reply, &err);
	print_page(session, operation->response, reply.json);
	return 0;
}

int verb_token(struct session *session, const struct invocation *in)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_reply_ struct reply reply = { 0 };
	const struct operation *operation = command_operation(in->command);
	int r = session_operation(session, operation, NULL, in->body, &reply, &err);
	if (r == 0 && !json_is_string(json_object_get(reply.json, "token")))
		r = err_set(
			&err, ERR_INTERNAL,
			"the token was made, but the answer with its text was lost; delete it and make another one");
	if (r < 0)
		return session_fail(session, in->command, NULL, &reply, &err);
	print_page(session, operation->response, reply.json);
	return 0;
}
