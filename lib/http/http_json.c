/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/http_server.h"

struct position {
	unsigned line, column;
};

/* Finds where nesting passes the limit, before anything is built. Brackets inside strings do not count. */
static bool too_deep(const char *text, size_t len, struct position *ret)
{
	struct position at = { 1, 0 };
	unsigned depth = 0;
	bool in_string = false, escaped = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		at.column++;
		if (c == '\n')
			at = (struct position){ at.line + 1, 0 };
		if (in_string) {
			in_string = escaped || c != '"';
			escaped = !escaped && c == '\\';
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > HTTP_JSON_DEPTH_MAX) {
				*ret = at;
				return true;
			}
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return false;
}

int http_json_parse(const char *text, size_t len, json_t **ret_json, struct err *err)
{
	struct position at;
	json_error_t error;
	json_t *json;
	char *near;

	if (len == 0)
		return err_set(err, ERR_INVALID, "there is no JSON, the body is empty");
	if (too_deep(text, len, &at))
		return err_set(err, ERR_INVALID, "the JSON is nested deeper than %d levels, at line %u column %u",
			       HTTP_JSON_DEPTH_MAX, at.line, at.column);
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (json) {
		*ret_json = json;
		return 0;
	}
	/* What is near may be a secret. */
	near = strstr(error.text, " near ");
	if (near)
		*near = '\0';
	return err_set(err, ERR_INVALID, "the JSON is wrong at line %d column %d: %s", error.line, error.column,
		       error.text);
}
