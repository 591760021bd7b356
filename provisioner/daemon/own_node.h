/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A provisioner whose host is a node, too: the agent beside it is handed what lets it join. Loop thread. */
#ifndef INGOT_DAEMON_OWN_NODE_H
#define INGOT_DAEMON_OWN_NODE_H

#include "controller/controller.h"

/* All is borrowed until own_node_free(), which comes before the controller's end. */
struct own_node_spec {
	struct controller *controller;
	const char *state_dir, *server, *ca_pem;
	const char *address; /* ours on the provisioning network: so the agent beside us is heard */
};
struct own_node;

/* If that node has not joined yet, makes a join token anew and writes STATE_DIR/own-node.json (mode 0600) with server, ca and token,
 * and does so again before the token expires, until it has joined; else removes the file. The token is called "own-node", or
 * "own-node-2" and so on if a person's is called so. A crash between the two leaves a token without a file or a file without a
 * token, and the next start makes both anew; the agent reads the file whenever it asks. The file's and the store's errors. */
int own_node_new(const struct own_node_spec *spec, struct own_node **ret, struct err *err);
struct own_node *own_node_free(struct own_node *own);

#endif
