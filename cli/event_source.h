/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The provisioner's events as they happen (server-sent events), over lost connections: each new one goes on behind the
 * last event seen (Last-Event-ID, HTML Living Standard section 9.2.4). */
#ifndef INGOT_CLI_EVENT_SOURCE_H
#define INGOT_CLI_EVENT_SOURCE_H

#include "cli/cli_session.h"

struct event_source;
struct event_source_events {
	void (*event)(const json_t *event, void *data);	 /* an object of event_schema */
	void (*lost)(const struct err *err, void *data); /* it is tried again; once per loss */
	/* It was not there to begin with, was refused, or is gone for five minutes: no more comes. err->code may be
	 * ERR_NONE, for an end without a reason. */
	void (*failed)(int status, const struct err *err, void *data);
};
struct event_source *event_source_new(struct session *session, const struct event_source_events *events, void *data);
struct event_source *event_source_free(struct event_source *source); /* NULL is fine; returns NULL */
DEFINE_CLEANUP(struct event_source *, event_source_free)

#endif
