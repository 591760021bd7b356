/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Resources for a person to read: a table of several, a page of one. Made from JSON by the resource's schema: sizes in
 * binary units, times in local time, null and empty as "-", text from elsewhere made visible. The caller frees. */
#ifndef INGOT_CLI_TABLE_H
#define INGOT_CLI_TABLE_H

#include "schema/schema.h"

/* items: an array of objects. The columns are the fields with FIELD_COLUMN; with none of those, all that are shown.
 * Each line begins with indent spaces. */
char *table_format(const struct schema *schema, const json_t *items, size_t indent);
/* One object, a line a field, nested ones indented. */
char *page_format(const struct schema *schema, const json_t *object);
/* One value of a field, in one line. */
char *cell_format(const struct field *field, const json_t *value);
/* "2026-01-31 23:59:59" in local time from RFC 3339; what is no time stays as it is. */
char *local_time(const char *text);

#endif
