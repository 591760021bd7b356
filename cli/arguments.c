/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/arguments.h"
#include "cli/cli_session.h"

#include <errno.h>

#define SECONDS_MAX 31536000 /* a year */

struct parser {
	int argc, next;
	char **argv;
	struct invocation *in;
	struct err *err;
	bool only_words;    /* after "--" */
	const char **words; /* what is left behind noun and verb */
	size_t word_count;
};

static const struct command *any_of_noun(const char *noun)
{
	FOREACH_COMMAND(c)
	if (str_equal(c->noun, noun))
		return c;
	return NULL;
}

static int take_noun(struct parser *p, const char *word)
{
	_cleanup_strbuf_ struct strbuf nouns = { 0 };
	const struct command *first = any_of_noun(word);
	if (first) {
		p->in->noun = word;
		p->in->command = first->verb ? NULL : first;
		return 0;
	}
	FOREACH_COMMAND(c)
	if (command_starts_noun(c))
		strbuf_addf(&nouns, "%s%s", nouns.len ? ", " : "", c->noun);
	return err_set(p->err, ERR_INVALID, "unknown command '%s'; there is: %s", word, nouns.data);
}

static int take_verb(struct parser *p, const char *word)
{
	_cleanup_strbuf_ struct strbuf verbs = { 0 };
	p->in->command = command_find(p->in->noun, word);
	if (p->in->command)
		return 0;
	FOREACH_COMMAND(c)
	if (str_equal(c->noun, p->in->noun))
		strbuf_addf(&verbs, "%s%s", verbs.len ? ", " : "", c->verb);
	return err_set(p->err, ERR_INVALID, "unknown command '%s %s'; there is: %s", p->in->noun, word, verbs.data);
}

static int take_word(struct parser *p, const char *word)
{
	if (!p->in->noun && str_equal(word, "help")) {
		p->in->given[OPTION_HELP] = "";
		return 0;
	}
	if (!p->in->noun)
		return take_noun(p, word);
	if (!p->in->command)
		return take_verb(p, word);
	p->words[p->word_count++] = word;
	return 0;
}

/* ---- options ---- */

static bool find_option(const struct command *command, const char *name, size_t len, char letter,
			struct option_info *ret)
{
	for (size_t i = 0; command_option(command, i, ret); i++)
		if (letter ? ret->letter == letter : strlen(ret->name) == len && strncmp(ret->name, name, len) == 0)
			return true;
	return false;
}

/* "on, off, cycle" */
static char *words_text(const char *const *words)
{
	struct strbuf text = { 0 };
	for (size_t i = 0; words[i]; i++)
		strbuf_addf(&text, "%s%s", i ? ", " : "", words[i]);
	return strbuf_take(&text);
}

static int check_word(struct err *err, const char *what, const char *const *words, const char *value)
{
	if (!words || word_index(words, value) >= 0)
		return 0;
	_cleanup_free_ char *right = words_text(words);
	return err_set(err, ERR_INVALID, "%s '%s' is not one of: %s", what, value, right);
}

/* Bounds are the server's to judge, which knows them best; here only what JSON needs to know is looked at. */
static int field_value(const struct field *field, const char *what, const char *text, json_t **ret, struct err *err)
{
	int64_t number;
	uint64_t bytes;
	if (field->type == FIELD_BOOL) {
		*ret = json_boolean(!str_equal(text, "false"));
	} else if (field->type == FIELD_INT) {
		if (parse_i64(text, INT64_MIN, INT64_MAX, &number) < 0)
			return err_set(err, ERR_INVALID, "%s '%s' is not a whole number", what, text);
		*ret = json_integer(number);
	} else if (field->type == FIELD_BYTES) {
		if (bytes_parse(text, &bytes) < 0)
			return err_set(err, ERR_INVALID, "%s '%s' is not a size such as 512MiB or 10GiB", what, text);
		*ret = json_integer((json_int_t)bytes);
	} else {
		int r = check_word(err, what, field->type == FIELD_ENUM ? field->words : NULL, text);
		if (r < 0)
			return r;
		*ret = json_string(text);
		if (!*ret)
			return err_set(err, ERR_INVALID, "%s is not UTF-8", what);
	}
	return 0;
}

static int set_field(struct parser *p, const struct field *field, const char *what, const char *text)
{
	json_t *value = NULL;
	int r = field_value(field, what, text, &value, p->err);
	if (r < 0)
		return r;
	if (!p->in->body)
		p->in->body = json_object();
	if (field->type != FIELD_STRINGS) {
		json_object_set_new(p->in->body, field->name, value);
		return 0;
	}
	json_t *list = json_object_get(p->in->body, field->name);
	if (!list) {
		list = json_array();
		json_object_set_new(p->in->body, field->name, list);
	}
	json_array_append_new(list, value);
	return 0;
}

static int take_seconds(struct parser *p, const char *what, const char *text, int64_t *ret_ms)
{
	int64_t seconds;
	if (parse_i64(text, 1, SECONDS_MAX, &seconds) < 0)
		return err_set(p->err, ERR_INVALID, "%s '%s' is not a number of seconds from 1 to %d", what, text,
			       SECONDS_MAX);
	*ret_ms = seconds * 1000;
	return 0;
}

static void add_query(struct parser *p, const char *name, size_t name_len, const char *value)
{
	_cleanup_free_ char *plain = xstrndup(name, name_len), *before = p->in->query;
	_cleanup_free_ char *key = url_encode(plain), *encoded = url_encode(value);
	p->in->query = xasprintf("%s&%s=%s", str_or(before, ""), key, encoded);
}

/* Which fields there are is the server's to judge, which names them. */
static int take_filter(struct parser *p, const char *text)
{
	const char *equals = strchr(text, '=');
	if (!equals || equals == text)
		return err_set(p->err, ERR_INVALID, "--filter '%s' is not FIELD=VALUE", text);
	add_query(p, text, (size_t)(equals - text), equals + 1);
	return 0;
}

static int take_ssh_key(struct parser *p, const char *path)
{
	if (p->in->ssh_key_count == ARRAY_SIZE(p->in->ssh_keys))
		return err_set(p->err, ERR_INVALID, "--ssh-key is given more than %zu times",
			       ARRAY_SIZE(p->in->ssh_keys));
	p->in->ssh_keys[p->in->ssh_key_count++] = path;
	return 0;
}

static int apply_option(struct parser *p, const struct option_info *option, const char *value)
{
	_cleanup_free_ char *what = xasprintf("--%s", option->name);
	int r = option->field && option->field->type == FIELD_ENUM ? 0 : check_word(p->err, what, option->words, value);
	if (r < 0)
		return r;
	if (option->field)
		return set_field(p, option->field, what, value);
	p->in->given[option->id] = value;
	if (option->id == OPTION_FILTER)
		return take_filter(p, value);
	if (option->id == OPTION_SSH_KEY)
		return take_ssh_key(p, value);
	if (option->id == OPTION_SORT || option->id == OPTION_SEARCH)
		add_query(p, option->id == OPTION_SORT ? "sort" : "q", strlen(option->id == OPTION_SORT ? "sort" : "q"),
			  value);
	if (option->id == OPTION_OUTPUT)
		p->in->json = str_equal(value, "json");
	if (option->id == OPTION_TIMEOUT)
		return take_seconds(p, what, value, &p->in->timeout_ms);
	if (option->id == OPTION_DURATION)
		return take_seconds(p, what, value, &p->in->duration_ms);
	return 0;
}

/* Why an option is not known here, in the way that helps. */
static int refuse_option(struct parser *p, const char *word)
{
	if (str_starts(word, "--token") && !str_starts(word, "--token-file"))
		return err_set(
			p->err, ERR_INVALID,
			"a token on the command line could be read by others: put it in INGOT_TOKEN or --token-file");
	if (str_equal(word, "--wait") && p->in->command)
		return err_set(p->err, ERR_INVALID, "--wait: this command starts nothing to wait for");
	if (!p->in->command)
		return err_set(p->err, ERR_INVALID, "unknown option '%s'; options of a command stand behind it", word);
	return err_set(p->err, ERR_INVALID, "unknown option '%s'", word);
}

/* "--name", "--name=value", "--name value", "-o value", "-ovalue" */
static int take_option(struct parser *p, const char *word)
{
	bool is_long = word[1] == '-';
	const char *equals = is_long ? strchr(word, '=') : NULL;
	const char *name = is_long ? word + 2 : word;
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	struct option_info option;
	if (!find_option(p->in->command, name, len, is_long ? 0 : word[1], &option))
		return refuse_option(p, word);
	const char *value = equals ? equals + 1 : !is_long && word[2] ? word + 2 : NULL;
	if (!option.value[0]) {
		if (value)
			return err_set(p->err, ERR_INVALID, "--%s takes no value", option.name);
		return apply_option(p, &option, "");
	}
	if (!value) {
		if (p->next >= p->argc)
			return err_set(p->err, ERR_INVALID, "--%s needs a value: --%s %s", option.name, option.name,
				       option.value);
		value = p->argv[p->next++];
	}
	return apply_option(p, &option, value);
}

/* ---- what belongs to the whole ---- */

static int check_targets(struct parser *p)
{
	const struct command *command = p->in->command;
	bool all = p->in->given[OPTION_ALL];
	_cleanup_free_ char *noun = noun_with_article(command->noun);
	if (all && p->in->target_count > 0)
		return err_set(p->err, ERR_INVALID, "either names or --all, not both");
	if ((command->flags & COMMAND_TARGET) && p->in->target_count == 0 && !all)
		return err_set(p->err, ERR_INVALID, "the name or id of %s is missing", noun);
	for (size_t i = 0; i < p->in->target_count; i++) {
		const char *target = p->in->targets[i];
		/* They would change the path they are put in. */
		if (!target[0] || str_equal(target, ".") || str_equal(target, ".."))
			return err_set(p->err, ERR_INVALID, "'%s' is not the name or id of %s", target, noun);
	}
	if (p->in->target_count > 1 && p->in->body && json_object_get(p->in->body, "name"))
		return err_set(p->err, ERR_INVALID, "--name is for one %s at a time", noun_words(command->noun));
	return 0;
}

/* Words behind the command: targets first, then the positional field. */
static int assign_words(struct parser *p)
{
	const struct command *command = p->in->command;
	size_t count = p->word_count, targets = 0;
	const struct field *field =
		command->positional ? schema_field(command_request(command), command->positional) : NULL;
	if (field) {
		char name[48];
		field_flag_name(field, name, sizeof(name));
		if (count == 0 || (count == 1 && (command->flags & COMMAND_TARGET)))
			return err_set(p->err, ERR_INVALID, "the %s is missing", count ? name : "name");
		int r = set_field(p, field, name, p->words[--count]);
		if (r < 0)
			return r;
	}
	if (command->flags & COMMAND_TARGET)
		targets = command->flags & COMMAND_MANY ? count : MIN_OF(count, 1);
	if (count > targets)
		return err_set(p->err, ERR_INVALID, "'%s' is one argument too many", p->words[targets]);
	p->in->targets = TAKE_PTR(p->words);
	p->in->target_count = targets;
	return check_targets(p);
}

static int check_required(struct parser *p)
{
	struct option_info option;
	for (size_t i = 0; command_option(p->in->command, i, &option); i++) {
		if (!option_is_required(&option))
			continue;
		bool there = option.field ? p->in->body && json_object_get(p->in->body, option.field->name)
					  : p->in->given[option.id] != NULL;
		if (!there)
			return err_set(p->err, ERR_INVALID, "--%s %s is missing: %s", option.name, option.value,
				       option.help);
	}
	return 0;
}

static int check_whole(struct parser *p)
{
	_cleanup_strbuf_ struct strbuf verbs = { 0 };
	if (p->in->given[OPTION_HELP] || p->in->given[OPTION_VERSION] || p->in->given[OPTION_MAN])
		return 0;
	if (!p->in->noun)
		return err_set(p->err, ERR_INVALID, "a command is missing");
	if (!p->in->command) {
		FOREACH_COMMAND(c)
		if (str_equal(c->noun, p->in->noun))
			strbuf_addf(&verbs, "%s%s", verbs.len ? ", " : "", c->verb);
		_cleanup_free_ char *noun = noun_with_article(p->in->noun);
		return err_set(p->err, ERR_INVALID, "what to do with %s is missing; there is: %s", noun, verbs.data);
	}
	int r = assign_words(p);
	if (r == 0)
		r = check_required(p);
	if (r == 0 && command_request(p->in->command) && !p->in->body)
		p->in->body = json_object();
	return r;
}

int arguments_parse(int argc, char **argv, struct invocation *ret, struct err *err)
{
	_cleanup_free_ const char **words = new0(const char *, (size_t)argc + 1);
	struct parser p = { .argc = argc, .next = 1, .argv = argv, .in = ret, .err = err, .words = words };
	int r = 0;
	*ret = (struct invocation){ 0 };
	while (r == 0 && p.next < argc) {
		const char *word = argv[p.next++];
		if (!p.only_words && str_equal(word, "--"))
			p.only_words = true;
		else if (!p.only_words && word[0] == '-' && word[1])
			r = take_option(&p, word);
		else
			r = take_word(&p, word);
	}
	if (r == 0)
		r = check_whole(&p);
	if (ret->targets)
		words = NULL; /* taken over */
	return r;
}

void invocation_done(struct invocation *invocation)
{
	free(invocation->targets);
	json_decref(invocation->body);
	free(invocation->query);
	*invocation = (struct invocation){ 0 };
}
