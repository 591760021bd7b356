/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The conversation with the provisioner once the agent has credentials: waits for the desired document, sends reports.
 * Tries for ever, with growing pauses. On the loop's thread. */
#ifndef INGOT_CORE_SESSION_H
#define INGOT_CORE_SESSION_H

#include "core/converge.h"

struct http_client;
struct session;

struct session_spec {
	struct loop *loop;
	struct http_client *client; /* with credentials; borrowed */
	const char *url;	    /* "https://ADDRESS:PORT"; copied */
	const char *boot_id;	    /* copied */
	struct converge *converge;  /* borrowed */
	/* The provisioner does not know our credentials (401). Called once; the session must then be freed, not from within. */
	void (*refused)(const struct err *err, void *data);
	void *data;
};
struct session *session_new(const struct session_spec *spec);
/* NULL is fine; returns NULL. */
struct session *session_free(struct session *session);
/* A part has another report. */
void session_report_changed(struct session *session);

#endif
