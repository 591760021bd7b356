/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/table.h"

#include <stdio.h>
#include <time.h>

#include "cli/visible.h"

#define NOTHING "-"

char *local_time(const char *text)
{
	int64_t ms;
	struct tm tm;
	char out[64];
	if (time_parse(text, &ms) < 0)
		return utf8_visible(text);
	/* Rounded down, also before 1970. */
	time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
	if (!localtime_r(&seconds, &tm) || strftime(out, sizeof(out), "%Y-%m-%d %H:%M:%S", &tm) == 0)
		return utf8_visible(text);
	return xstrdup(out);
}

static char *list_cell(const json_t *value)
{
	struct strbuf sb = { 0 };
	for (size_t i = 0; i < json_array_size(value); i++) {
		const char *text = json_string_value(json_array_get(value, i));
		_cleanup_free_ char *shown = text ? utf8_visible(text) : xstrdup("{...}");
		strbuf_addf(&sb, "%s%s", i ? ", " : "", shown);
	}
	return strbuf_take(&sb);
}

/* A server newer than this program may send what its table does not expect: shown as it is, never refused. */
char *cell_format(const struct field *field, const json_t *value)
{
	char *text = NULL;
	if (json_is_string(value))
		text = field && field->type == FIELD_TIME ? local_time(json_string_value(value))
							  : utf8_visible(json_string_value(value));
	else if (json_is_integer(value) && field && field->type == FIELD_BYTES && json_integer_value(value) >= 0)
		text = bytes_format((uint64_t)json_integer_value(value));
	else if (json_is_boolean(value))
		text = xstrdup(json_is_true(value) ? "yes" : "no");
	else if (json_is_array(value))
		text = list_cell(value);
	else if (value && !json_is_null(value))
		text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	if (text && text[0])
		return text;
	free(text);
	return xstrdup(NOTHING);
}

/* ---- tables ---- */

static char *column_title(const struct field *field)
{
	char name[48];
	size_t len = strlen(field->name);
	/* A reference is shown by its name: "node_name" is the column NODE. */
	if (len > 5 && str_equal(field->name + len - 5, "_name"))
		len -= 5;
	if (len > 6 && str_equal(field->name + len - 6, "_bytes"))
		len -= 6;
	len = MIN_OF(len, sizeof(name) - 1);
	for (size_t i = 0; i < len; i++) {
		char c = field->name[i];
		name[i] = c == '_' ? '-' : c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	}
	name[len] = '\0';
	return xstrdup(name);
}

static bool has_columns(const struct schema *schema)
{
	for (size_t i = 0; i < schema->field_count; i++)
		if (schema->fields[i].flags & FIELD_COLUMN)
			return true;
	return false;
}

static bool is_column(const struct schema *schema, const struct field *field)
{
	if (field->flags & FIELD_INTERNAL)
		return false;
	return (field->flags & FIELD_COLUMN) || !has_columns(schema);
}

static void add_padding(struct strbuf *sb, size_t count)
{
	strbuf_addf(sb, "%*s", (int)count, "");
}

/* cells: rows of columns; the last column is not padded. */
static char *align(char *const *cells, size_t rows, size_t columns, size_t indent)
{
	_cleanup_free_ size_t *widths = new0(size_t, columns);
	struct strbuf sb = { 0 };
	for (size_t i = 0; i < rows * columns; i++)
		widths[i % columns] = MAX_OF(widths[i % columns], visible_width(cells[i]));
	for (size_t i = 0; i < rows * columns; i++) {
		size_t column = i % columns;
		if (column == 0)
			add_padding(&sb, indent);
		strbuf_adds(&sb, cells[i]);
		if (column + 1 < columns)
			add_padding(&sb, widths[column] - visible_width(cells[i]) + 2);
		else
			strbuf_adds(&sb, "\n");
	}
	return strbuf_take(&sb);
}

char *table_format(const struct schema *schema, const json_t *items, size_t indent)
{
	size_t columns = 0, rows = json_array_size(items) + 1, n = 0;
	for (size_t i = 0; i < schema->field_count; i++)
		columns += is_column(schema, &schema->fields[i]);
	char **cells = new0(char *, rows *columns);
	for (size_t row = 0; row < rows; row++) {
		for (size_t i = 0; i < schema->field_count; i++) {
			const struct field *f = &schema->fields[i];
			if (!is_column(schema, f))
				continue;
			const json_t *item = row ? json_array_get(items, row - 1) : NULL;
			cells[n++] = row ? cell_format(f, json_object_get(item, f->name)) : column_title(f);
		}
	}
	char *text = columns ? align(cells, rows, columns, indent) : xstrdup("");
	for (size_t i = 0; i < n; i++)
		free(cells[i]);
	free(cells);
	return text;
}

/* ---- pages ---- */

static void add_page(struct strbuf *sb, const struct schema *schema, const json_t *object, size_t indent);

static void add_lines(struct strbuf *sb, const json_t *list, size_t indent)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		_cleanup_free_ char *text = cell_format(NULL, json_array_get(list, i));
		add_padding(sb, indent);
		strbuf_addf(sb, "%s\n", text);
	}
}

static void add_field(struct strbuf *sb, const struct field *field, const json_t *value, size_t indent, size_t width)
{
	add_padding(sb, indent);
	strbuf_addf(sb, "%s:", field->name);
	if (field->type == FIELD_OBJECT && json_is_object(value)) {
		strbuf_adds(sb, "\n");
		add_page(sb, field->of, value, indent + 2);
	} else if (field->type == FIELD_OBJECTS && json_array_size(value) > 0) {
		_cleanup_free_ char *table = table_format(field->of, value, indent + 2);
		strbuf_addf(sb, "\n%s", table);
	} else if (field->type == FIELD_STRINGS && json_array_size(value) > 1) {
		strbuf_adds(sb, "\n");
		add_lines(sb, value, indent + 2);
	} else {
		_cleanup_free_ char *text = cell_format(field, value);
		add_padding(sb, width - strlen(field->name) + 1);
		strbuf_addf(sb, "%s\n", text);
	}
}

static void add_page(struct strbuf *sb, const struct schema *schema, const json_t *object, size_t indent)
{
	size_t width = 0;
	for (size_t i = 0; i < schema->field_count; i++)
		if (!(schema->fields[i].flags & FIELD_INTERNAL))
			width = MAX_OF(width, strlen(schema->fields[i].name));
	for (size_t i = 0; i < schema->field_count; i++)
		if (!(schema->fields[i].flags & FIELD_INTERNAL))
			add_field(sb, &schema->fields[i], json_object_get(object, schema->fields[i].name), indent,
				  width);
}

char *page_format(const struct schema *schema, const json_t *object)
{
	struct strbuf sb = { 0 };
	add_page(&sb, schema, object, 0);
	return strbuf_take(&sb);
}
