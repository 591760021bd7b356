/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A provisioner whose host is a node, too: the agent beside it is handed what lets it join. Loop thread. */
#ifndef INGOT_DAEMON_OWN_NODE_H
#define INGOT_DAEMON_OWN_NODE_H

#include "controller/controller.h"

struct own_node {
	struct controller *controller;
	const char *state_dir, *server, *ca_pem;
	const char *address; /* ours on the provisioning network: so the agent beside us is heard */
};
/* At each start: if that node has not joined yet, makes the join token "own-node" anew and writes STATE_DIR/own-node.json (mode
 * 0600) with server, ca and token; else removes the file. A crash between the two leaves a token without a file or a file without
 * a token, and the next start makes both anew; the agent reads the file whenever it asks. */
int own_node_hand_over(const struct own_node *own, struct err *err);

#endif
