/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Standard output: tables for people, the provisioner's JSON for programs. Errors of writing are kept in stdout's flag;
 * main() looks at it. */
#ifndef INGOT_CLI_PRINT_H
#define INGOT_CLI_PRINT_H

#include "cli/cli_session.h"

void print_text(const char *text);
/* Indented; characters that a terminal would act on are escaped, which JSON allows everywhere. */
void print_json(struct session *session, const json_t *json);
void print_table(struct session *session, const struct schema *schema, const json_t *items);
/* One resource: all of it. */
void print_page(struct session *session, const struct schema *schema, const json_t *object);
/* What a command made or changed: one table, or with -o json one document after another. */
void print_results(struct session *session, const struct schema *schema, const json_t *items);
/* One line, at once. */
void print_event(struct session *session, const json_t *event);

#endif
