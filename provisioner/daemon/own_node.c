/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/own_node.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"

#define NAME "own-node"
/* The clock may be set, far at that when a host has just been installed: so it is looked at often. */
#define LOOK_MS 60000

struct own_node {
	struct own_node_spec spec;
	struct store *store;
	char *token; /* id of the one that is in the file; NULL: none is */
	struct loop_timer *timer;
};

static bool has_joined(const struct own_node *own)
{
	STORE_EACH(struct machine, machine, own->store, &kind_machine)
		if (machine->node && str_equal(machine->address, own->spec.address))
			return true;
	return false;
}

/* One that a person made is left alone, whatever it is called. *ret_old: ours of before, or NULL. */
static char *choose_name(const struct own_node *own, const struct join_token **ret_old)
{
	for (unsigned n = 1;; n++) {
		_cleanup_free_ char *name = n == 1 ? xstrdup(NAME) : xasprintf(NAME "-%u", n);
		*ret_old = store_find(own->store, &kind_join_token, name);
		if (!*ret_old || !(*ret_old)->user)
			return TAKE_PTR(name);
	}
}

static int make_token(const struct own_node *own, const struct join_token **ret, char **ret_text, struct err *err)
{
	struct cluster *cluster = own->spec.controller->cluster;
	const struct join_token *old = NULL;
	_cleanup_free_ char *name = choose_name(own, &old);
	const struct join_token wanted = { .name = name, .uses = 1 };
	int r = old ? cluster_join_token_delete(cluster, old->id, err) : 0;
	return r < 0 ? r : cluster_join_token_create(cluster, &wanted, NULL, "the provisioner", ret, ret_text, err);
}

static char *path_of(const struct own_node *own)
{
	return xasprintf("%s/own-node.json", own->spec.state_dir);
}

static int write_handover(const struct own_node *own, const char *path, const char *token, struct err *err)
{
	json_t *json = json_pack("{s:s, s:s, s:s}", "server", own->spec.server, "ca", own->spec.ca_pem, "token", token);
	char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	int r = text ? write_file_atomic(path, text, strlen(text), 0600) : -ENOMEM;
	json_decref(json);
	if (text)
		wipe(text, strlen(text));
	free(text);
	return r < 0 ? err_set_errno(err, r, "writing %s", path) : 0;
}

static int hand_over(struct own_node *own, const char *path, struct err *err)
{
	const struct join_token *token = NULL;
	char *text = NULL;
	str_set(&own->token, NULL);
	int r = make_token(own, &token, &text, err);
	if (r < 0)
		return r;
	r = write_handover(own, path, text, err);
	wipe(text, strlen(text));
	free(text);
	if (r < 0)
		return r;
	str_set(&own->token, token->id);
	log_info("this host's agent may join: %s", path);
	return 0;
}

static bool is_fresh(const struct own_node *own)
{
	const struct join_token *token = own->token ? store_get(own->store, &kind_join_token, own->token) : NULL;
	int64_t now = loop_now_ms(store_loop(own->store));
	return token && now >= token->created_at && token->expires_at - now > JOIN_TOKEN_DEFAULT_MS / 2;
}

static void look(void *data)
{
	struct own_node *own = data;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *path = path_of(own);
	own->timer = NULL;
	/* The file stays until the next start: the agent may have lost the answer, and asks again with what is in it. */
	if (has_joined(own))
		return;
	if (!is_fresh(own) && hand_over(own, path, &err) < 0)
		log_warning("this host's agent cannot join: %s", err.text);
	own->timer = loop_timer_new(store_loop(own->store), LOOK_MS, look, own);
}

int own_node_new(const struct own_node_spec *spec, struct own_node **ret, struct err *err)
{
	struct own_node *own = new0(struct own_node, 1);
	own->spec = *spec;
	own->store = spec->controller->store;
	_cleanup_free_ char *path = path_of(own);
	int r = 0;
	if (!has_joined(own)) {
		r = hand_over(own, path, err);
		own->timer = loop_timer_new(store_loop(own->store), LOOK_MS, look, own);
	} else if (unlink(path) < 0 && errno != ENOENT) {
		r = err_set_errno(err, -errno, "removing %s", path);
	}
	if (r < 0) {
		own_node_free(own);
		return r;
	}
	*ret = own;
	return 0;
}

struct own_node *own_node_free(struct own_node *own)
{
	if (!own)
		return NULL;
	loop_timer_free(own->timer);
	free(own->token);
	free(own);
	return NULL;
}
