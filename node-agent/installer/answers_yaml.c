/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answer files: from libyaml's events straight to the table of questions, so that each value keeps its place in the file. */
#include <errno.h>
#include <stdio.h>

#include <yaml.h>

#include "installer/answers.h"

#define DEPTH_MAX 3
#define LIST_MAX 16
#define VALUE_MAX ((size_t)4096)

struct reader {
	yaml_parser_t parser;
	const char *name;
	struct answers *answers;
	struct err *err;
	bool seen[ANSWER_COUNT];
	char *groups[ANSWER_COUNT]; /* paths of mappings that were there */
	unsigned group_count;
};

static int wrong(struct reader *reader, const yaml_mark_t *mark, const char *path, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
static int wrong(struct reader *reader, const yaml_mark_t *mark, const char *path, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	return err_set_field(reader->err, ERR_INVALID, path, "%s:%zu:%zu: %s%s%s", reader->name, mark->line + 1,
			     mark->column + 1, str_or(path, ""), path ? ": " : "", text);
}

/* The next event, which the caller deletes. Anchors and tags are refused here: nothing in an answer file needs them, and
 * without aliases the file is no larger than it looks. */
static int next_event(struct reader *reader, yaml_event_t *ret)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (!yaml_parser_parse(&reader->parser, ret)) {
		const yaml_mark_t *mark = reader->parser.problem_mark.line || reader->parser.problem_mark.column
						  ? &reader->parser.problem_mark
						  : &reader->parser.mark;

		return wrong(reader, mark, NULL, "this is not YAML: %s%s%s",
			     str_or(reader->parser.problem, "cannot be read"), reader->parser.context ? " " : "",
			     str_or(reader->parser.context, ""));
	}
	if (ret->type == YAML_SCALAR_EVENT) {
		anchor = ret->data.scalar.anchor;
		tag = ret->data.scalar.tag;
	} else if (ret->type == YAML_MAPPING_START_EVENT) {
		anchor = ret->data.mapping_start.anchor;
		tag = ret->data.mapping_start.tag;
	} else if (ret->type == YAML_SEQUENCE_START_EVENT) {
		anchor = ret->data.sequence_start.anchor;
		tag = ret->data.sequence_start.tag;
	}
	if (anchor || tag || ret->type == YAML_ALIAS_EVENT) {
		int r = wrong(reader, &ret->start_mark, NULL,
			      "anchors (&), aliases (*) and tags (!) are not understood here; "
			      "write the value itself, in quotes if it begins like that");

		yaml_event_delete(ret);
		return r;
	}
	return 0;
}

/* ---- values ---- */

/* The text of a scalar; NULL for one that says nothing. */
static int take_scalar(struct reader *reader, const yaml_event_t *event, const char *path, char **ret)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;

	if (len != strlen(text) || len > VALUE_MAX)
		return wrong(reader, &event->start_mark, path, "has %s; at most %zu characters are right",
			     len > VALUE_MAX ? "too many characters" : "a zero byte within", VALUE_MAX);
	*ret = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
			       (!*text || str_equal(text, "~") || str_equal(text, "null"))
		       ? NULL
		       : xstrdup(text);
	return 0;
}

/* The rest of a list whose beginning was read. */
static int read_list(struct reader *reader, const char *path, struct strbuf *list)
{
	unsigned count = 0;
	yaml_event_t event;
	int r;

	for (;;) {
		_cleanup_free_ char *text = NULL;

		r = next_event(reader, &event);
		if (r < 0)
			return r;
		if (event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			return 0;
		}
		if (event.type != YAML_SCALAR_EVENT)
			r = wrong(reader, &event.start_mark, path, "is a list of texts; something else is in it");
		else
			r = take_scalar(reader, &event, path, &text);
		if (r == 0 && (!text || !*text || strchr(text, ' ')))
			r = wrong(reader, &event.start_mark, path, "has an empty word or one with a space in its list");
		if (r == 0 && ++count > LIST_MAX)
			r = wrong(reader, &event.start_mark, path, "has more than %d words", LIST_MAX);
		yaml_event_delete(&event);
		if (r < 0)
			return r;
		strbuf_addf(list, "%s%s", list->len ? " " : "", text);
	}
}

static int read_answer(struct reader *reader, enum answer answer, const yaml_event_t *event)
{
	const struct question *question = answers_question(answer);
	_cleanup_strbuf_ struct strbuf list = { 0 };
	char *text = NULL;
	int r;

	reader->answers->mark[answer].line = (unsigned)event->start_mark.line + 1;
	reader->answers->mark[answer].column = (unsigned)event->start_mark.column + 1;
	if (event->type == YAML_SEQUENCE_START_EVENT && question->list) {
		r = read_list(reader, question->path, &list);
		if (r == 0)
			answers_set(reader->answers, answer, list.data);
		return r;
	}
	if (event->type != YAML_SCALAR_EVENT)
		return wrong(reader, &event->start_mark, question->path, "must be %s: %s",
			     question->list ? "a list" : "one text", question->help);
	r = take_scalar(reader, event, question->path, &text);
	if (r == 0 && text && question->list && strchr(text, ' '))
		r = wrong(reader, &event->start_mark, question->path, "is a list; write [FIRST, SECOND]");
	if (r == 0)
		answers_set(reader->answers, answer, text);
	if (text)
		wipe(text, strlen(text));
	free(text);
	return r;
}

/* ---- keys ---- */

/* Whether there are questions below a path. */
static bool is_group(const char *path)
{
	size_t len = strlen(path);

	for (unsigned i = 0; i < ANSWER_COUNT; i++) {
		const char *other = answers_question((enum answer)i)->path;

		if (str_starts(other, path) && other[len] == '.')
			return true;
	}
	return false;
}

/* The keys right below a path ("" for the top), each once; the caller frees. */
static char *known_keys(const char *path)
{
	_cleanup_free_ char *last = NULL;
	struct strbuf keys = { 0 };
	size_t len = strlen(path);

	for (unsigned i = 0; i < ANSWER_COUNT; i++) {
		const char *other = answers_question((enum answer)i)->path, *key = other + len + (len > 0);
		size_t key_len;

		if (len && (!str_starts(other, path) || other[len] != '.'))
			continue;
		key_len = strcspn(key, ".");
		if (last && strlen(last) == key_len && strncmp(last, key, key_len) == 0)
			continue;
		free(last);
		last = xstrndup(key, key_len);
		strbuf_addf(&keys, "%s%s", keys.len ? ", " : "", last);
	}
	return strbuf_take(&keys);
}

static int see_group(struct reader *reader, const yaml_mark_t *mark, const char *path)
{
	for (unsigned i = 0; i < reader->group_count; i++) {
		if (str_equal(reader->groups[i], path))
			return wrong(reader, mark, path, "is there twice; put both into one");
	}
	if (reader->group_count == ARRAY_SIZE(reader->groups))
		return wrong(reader, mark, path, "is one too many");
	reader->groups[reader->group_count++] = xstrdup(path);
	return 0;
}

static int read_mapping(struct reader *reader, const char *path, unsigned depth);

/* Whatever belongs to a key that is known. */
static int read_value(struct reader *reader, const yaml_mark_t *key_mark, const char *path, unsigned depth)
{
	enum answer answer = ANSWER_COUNT;
	yaml_event_t event = { 0 };
	bool known = answers_find(path, &answer) == 0;
	int r;

	if (known && reader->seen[answer])
		return wrong(reader, key_mark, path, "is there twice; leave one out");
	if (known)
		reader->seen[answer] = true;
	r = known ? 0 : see_group(reader, key_mark, path);
	if (r == 0)
		r = next_event(reader, &event);
	if (r < 0)
		return r;
	if (known) {
		r = read_answer(reader, answer, &event);
	} else if (event.type == YAML_MAPPING_START_EVENT && depth < DEPTH_MAX) {
		r = read_mapping(reader, path, depth + 1);
	} else {
		_cleanup_free_ char *keys = known_keys(path);

		r = wrong(reader, &event.start_mark, path, "has keys below it: %s", keys);
	}
	yaml_event_delete(&event);
	return r;
}

static int read_key(struct reader *reader, const yaml_event_t *event, const char *path, unsigned depth)
{
	_cleanup_free_ char *keys = known_keys(path), *whole = NULL;
	const char *key = (const char *)event->data.scalar.value;
	enum answer answer;

	if (event->type != YAML_SCALAR_EVENT)
		return wrong(reader, &event->start_mark, *path ? path : NULL, "a key must be one of: %s", keys);
	whole = xasprintf("%s%s%.60s", path, *path ? "." : "", key);
	if (strlen(key) > 60 || strchr(key, '.') || (answers_find(whole, &answer) < 0 && !is_group(whole)))
		return wrong(reader, &event->start_mark, whole, "there is no such key; known %s%s%s: %s",
			     *path ? "below " : "are", path, "", keys);
	return read_value(reader, &event->start_mark, whole, depth);
}

/* The rest of a mapping whose beginning was read. */
static int read_mapping(struct reader *reader, const char *path, unsigned depth)
{
	yaml_event_t event;
	int r;

	for (;;) {
		r = next_event(reader, &event);
		if (r < 0)
			return r;
		if (event.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&event);
			return 0;
		}
		r = read_key(reader, &event, path, depth);
		yaml_event_delete(&event);
		if (r < 0)
			return r;
	}
}

/* ---- the document ---- */

static int expect(struct reader *reader, yaml_event_type_t type, const char *otherwise)
{
	yaml_event_t event;
	int r = next_event(reader, &event);

	if (r < 0)
		return r;
	if (event.type != type)
		r = wrong(reader, &event.start_mark, NULL, "%s", otherwise);
	yaml_event_delete(&event);
	return r;
}

static int read_document(struct reader *reader)
{
	static const char mapping[] = "answers are lines of \"KEY: VALUE\"; docs/answers.md has examples";
	int r = expect(reader, YAML_STREAM_START_EVENT, mapping);

	if (r == 0)
		r = expect(reader, YAML_DOCUMENT_START_EVENT, "there is nothing in it; docs/answers.md has examples");
	if (r == 0)
		r = expect(reader, YAML_MAPPING_START_EVENT, mapping);
	if (r == 0)
		r = read_mapping(reader, "", 1);
	if (r == 0)
		r = expect(reader, YAML_DOCUMENT_END_EVENT, mapping);
	return r < 0 ? r : expect(reader, YAML_STREAM_END_EVENT, "a second document begins here; one is read only");
}

int answers_parse(const char *text, size_t len, const char *name, struct answers *ret, struct err *err)
{
	struct answers answers = { .file = xstrdup(name) };
	struct reader reader = { .name = name, .answers = &answers, .err = err };
	int r;

	if (!yaml_parser_initialize(&reader.parser))
		abort(); /* out of memory on something small */
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	r = len > ANSWERS_MAX_BYTES
		    ? err_set(err, ERR_TOO_LARGE, "%s: has more than %zu bytes", name, ANSWERS_MAX_BYTES)
		    : read_document(&reader);
	yaml_parser_delete(&reader.parser);
	for (unsigned i = 0; i < reader.group_count; i++)
		free(reader.groups[i]);
	if (r < 0) {
		answers_done(&answers);
		return r;
	}
	*ret = answers;
	return 0;
}

int answers_read(const char *path, struct answers *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = read_file(path, ANSWERS_MAX_BYTES, &text, &len);

	if (r < 0)
		return err_set_errno(err, r, "%s", path);
	r = answers_parse(text, len, path, ret, err);
	wipe(text, len);
	return r;
}
