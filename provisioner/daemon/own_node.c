/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/own_node.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"

#define NAME "own-node"

static bool has_joined(const struct own_node *own)
{
	STORE_EACH(struct machine, machine, own->controller->store, &kind_machine)
		if (machine->node && str_equal(machine->address, own->address))
			return true;
	return false;
}

static int make_token(const struct own_node *own, char **ret, struct err *err)
{
	const struct join_token wanted = { .name = (char *)NAME, .uses = 1 };
	const struct join_token *old = store_find(own->controller->store, &kind_join_token, NAME), *made = NULL;
	int r = old ? cluster_join_token_delete(own->controller->cluster, old->id, err) : 0;
	if (r < 0)
		return r;
	return cluster_join_token_create(own->controller->cluster, &wanted, NULL, "the provisioner", &made, ret, err);
}

static int write_handover(const struct own_node *own, const char *path, const char *token, struct err *err)
{
	json_t *json = json_pack("{s:s, s:s, s:s}", "server", own->server, "ca", own->ca_pem, "token", token);
	char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	int r = text ? write_file_atomic(path, text, strlen(text), 0600) : -ENOMEM;
	json_decref(json);
	if (text)
		wipe(text, strlen(text));
	free(text);
	return r < 0 ? err_set_errno(err, r, "writing %s", path) : 0;
}

int own_node_hand_over(const struct own_node *own, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/own-node.json", own->state_dir);
	char *token = NULL;
	if (has_joined(own))
		return unlink(path) < 0 && errno != ENOENT ? err_set_errno(err, -errno, "removing %s", path) : 0;
	int r = make_token(own, &token, err);
	if (r < 0)
		return r;
	r = write_handover(own, path, token, err);
	if (r == 0)
		log_info("this host's agent may join: %s", path);
	wipe(token, strlen(token));
	free(token);
	return r;
}
