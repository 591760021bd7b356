/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The certificates of a node after it has enrolled: that of its QEMUs, which it has to ask for, and new ones before they run out.
 * Both are asked for with the certificate of the node. On the loop's thread. */
#ifndef INGOT_CORE_RENEWAL_H
#define INGOT_CORE_RENEWAL_H

#include "base/err.h"
#include "loop/loop.h"

struct renewal;

#define RENEWAL_KINDS 2

struct renewal_spec {
	struct loop *loop;
	const char *dir; /* where keys and certificates are: agent.key, agent.crt, guests.key, guests.crt; copied */
	const char *url; /* "https://ADDRESS:PORT"; copied */
	const char *ca_pem, *cert_pem, *key_pem; /* the node's own; not needed after renewal_new() */
	/* RENEWAL_KINDS, zero at first: monotonic, when each was given last. Borrowed, and the same for each renewal that follows: a
	 * certificate that looks old when it comes is not asked for again and again. */
	int64_t *given_ms;
	/* The node's own certificate and key in dir are others now. The renewal should then be freed and made anew with them,
	 * not from within. */
	void (*renewed)(void *data);
	void *data;
};
/* Asks for what is missing, and for what has passed two thirds of its life, with a new key each time; tries for ever, with
 * growing pauses. */
struct renewal *renewal_new(const struct renewal_spec *spec);
/* NULL is fine; returns NULL. */
struct renewal *renewal_free(struct renewal *renewal);

/* Key and certificate are replaced together: brings to its end what a crash has cut off. To be called before the files in dir
 * are read. */
void renewal_settle(const char *dir);

#endif
