/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How an agent comes by its credentials: two ways behind one table. On the loop's thread. */
#ifndef INGOT_CORE_CREDENTIALS_PRIV_H
#define INGOT_CORE_CREDENTIALS_PRIV_H

#include "core/agent.h"

struct credentials {
	char *url; /* "https://ADDRESS:PORT" */
	char *ca_pem;
	char *bearer;		  /* live */
	char *cert_pem, *key_pem; /* node */
};
void credentials_done(struct credentials *credentials);

/* Called once there are credentials, each time after credentials_get(). */
typedef void (*credentials_fn)(const struct credentials *credentials, void *data);

struct credentials_source {
	/* Checks what needs no network. */
	int (*open)(const struct agent_spec *spec, credentials_fn done, void *data, void **ret, struct err *err);
	/* Gets them anew; tries for ever, with growing pauses. refused: those of the last time were. */
	void (*get)(void *source, bool refused);
	void (*close)(void *source); /* NULL is fine */
};
extern const struct credentials_source live_credentials;
extern const struct credentials_source node_credentials;

#endif
