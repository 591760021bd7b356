/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is said of what happens: a code for each, and its English text. Clients in another language have texts of their own for
 * the codes, and put the same parameters in. Pure functions; any thread. */
#ifndef INGOT_PROTO_EVENT_TEXTS_H
#define INGOT_PROTO_EVENT_TEXTS_H

#include <jansson.h>

#include "base/util.h"

struct event_text {
	const char *code; /* "vm.migrated.late"; the first two words are the event's kind */
	const char *text; /* "{name} moved to {node}"; {name} is the resource's */
};
extern const struct event_text event_texts[];
extern const size_t event_text_count;

/* NULL: there is none. */
const struct event_text *event_text_find(const char *code);
/* "vm.migrated" of "vm.migrated.late". The caller frees. */
char *event_text_kind(const char *code);
/* The text with its parameters, an object of strings, put in; what is missing is left out. The caller frees. */
char *event_text_fill(const char *text, const char *name, const json_t *params);
/* {code: text} of all; the caller owns it. */
json_t *event_texts_json(void);

#endif
