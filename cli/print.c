/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/print.h"

#include <stdio.h>

#include "cli/table.h"
#include "cli/visible.h"

void print_text(const char *text)
{
	fputs(text, stdout);
}

void print_json(struct session *session, const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
	fputc('\n', stdout);
}

void print_table(struct session *session, const struct schema *schema, const json_t *items)
{
	_cleanup_free_ char *text = table_format(schema, items, 0);
	print_text(text);
}

void print_page(struct session *session, const struct schema *schema, const json_t *object)
{
	if (session->json) {
		print_json(session, object);
		return;
	}
	_cleanup_free_ char *text = page_format(schema, object);
	print_text(text);
}

void print_results(struct session *session, const struct schema *schema, const json_t *items)
{
	if (json_array_size(items) == 0)
		return;
	for (size_t i = 0; session->json && i < json_array_size(items); i++)
		print_json(session, json_array_get(items, i));
	if (!session->json)
		print_table(session, schema, items);
}

void print_event(struct session *session, const json_t *event)
{
	if (session->json) {
		json_dumpf(event, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
		fputc('\n', stdout);
	} else {
		_cleanup_strbuf_ struct strbuf line = { 0 };
		for (size_t i = 0; i < event_schema.field_count; i++) {
			const struct field *f = &event_schema.fields[i];
			if (!(f->flags & FIELD_COLUMN))
				continue;
			_cleanup_free_ char *cell = cell_format(f, json_object_get(event, f->name));
			strbuf_addf(&line, "%s%s", line.len ? "  " : "", cell);
		}
		strbuf_adds(&line, "\n");
		print_text(line.data);
	}
	fflush(stdout);
}
