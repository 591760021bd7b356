/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Join tokens, and the machines that join by them. */
#include "base/log.h"
#include "cluster/cluster_priv.h"
#include "crypto/join_text.h"

#define HASH_DIGITS 64

/* ---- the tokens ---- */

static int new_text(struct cluster *cluster, char **ret, struct err *err)
{
	const char *server = cluster->spec.server, *colon = strrchr(server, ':');
	struct join_text join = { .boot_port = cluster->spec.boot_port };
	int64_t port = 0;
	size_t len = colon ? (size_t)(colon - server) : 0;
	if (colon && len < sizeof(join.address) && parse_i64(colon + 1, 1, UINT16_MAX, &port) == 0)
		memcpy(join.address, server, len);
	join.agent_port = (uint16_t)port;
	memcpy(join.ca, ca_fingerprint(cluster->spec.ca), sizeof(join.ca));
	if (join_text_new(&join, ret) < 0)
		return err_set(err, ERR_INTERNAL, "no join token can be made for a provisioner at '%s'", server);
	return 0;
}

static int check_token(struct cluster *cluster, const struct join_token *wanted, struct err *err)
{
	if (store_find(cluster->store, &kind_join_token, wanted->name))
		return err_set_field(err, ERR_EXISTS, "name", "name: there is a join token '%s' already", wanted->name);
	if (wanted->expires_at && wanted->expires_at <= loop_now_ms(cluster->loop))
		return err_set_field(err, ERR_INVALID, "expires_at", "expires_at: must be a time to come");
	return 0;
}

int cluster_join_token_create(struct cluster *cluster, const struct join_token *wanted, const char *user,
			      const char *maker, const struct join_token **ret, char **ret_text, struct err *err)
{
	int64_t now = loop_now_ms(cluster->loop);
	char *text = NULL;
	int r = check_token(cluster, wanted, err);
	if (r == 0)
		r = new_text(cluster, &text, err);
	if (r < 0)
		return r;
	store_begin(cluster->store);
	struct join_token *made = store_create(cluster->store, &kind_join_token);
	_cleanup_free_ char *id = xstrdup(made->id);
	made->name = xstrdup(wanted->name);
	made->role = wanted->role;
	made->uses = wanted->uses;
	made->user = xstrdup(user);
	made->created_at = now;
	made->expires_at = wanted->expires_at ? wanted->expires_at : now + JOIN_TOKEN_DEFAULT_MS;
	made->hash = sha256_hex(text, strlen(text));
	_cleanup_free_ char *uses = xasprintf("%lld", (long long)made->uses);
	store_event(cluster->store, "join_token.created", "join_token", id, made->name, "user", maker, "count", uses,
		    NULL);
	r = store_commit(cluster->store, err);
	if (r < 0) {
		wipe(text, strlen(text));
		free(text);
		return r;
	}
	*ret = store_get(cluster->store, &kind_join_token, id);
	*ret_text = text;
	return 0;
}

int cluster_join_token_delete(struct cluster *cluster, const char *id, struct err *err)
{
	const struct join_token *token = store_get(cluster->store, &kind_join_token, id);
	store_begin(cluster->store);
	store_remove(cluster->store, &kind_join_token, id);
	store_event(cluster->store, "join_token.deleted", "join_token", id, token->name, NULL);
	return store_commit(cluster->store, err);
}

/* ---- who may ---- */

/* What a request is judged to be. Borrowed from the store, but for identity and boot_mac. */
struct joiner {
	const struct join_token *token;
	const struct join_use *use; /* it joined by this token already; NULL: not yet */
	const struct machine *known;
	char *identity, *boot_mac;
};

static void joiner_done(struct joiner *joiner)
{
	free(joiner->identity);
	free(joiner->boot_mac);
}

static int pass_on(struct err *err, struct err *why, int r)
{
	if (err)
		err_move(err, why);
	return r;
}

static const struct join_token *find_token(struct cluster *cluster, const char *text)
{
	_cleanup_free_ char *hash = sha256_hex(text, strlen(text));
	STORE_EACH(struct join_token, token, cluster->store, &kind_join_token)
		if (token->hash && equal_constant_time(token->hash, hash, HASH_DIGITS))
			return token;
	return NULL;
}

/* Machines of one make may share a UUID: where both said it, the card that they boot from tells them apart. */
static const struct join_use *find_use(const struct joiner *joiner)
{
	for (size_t i = 0; i < joiner->token->join_count; i++) {
		const struct join_use *use = &joiner->token->joins[i];
		bool same_card = !use->boot_mac || !joiner->boot_mac || str_equal(use->boot_mac, joiner->boot_mac);
		if (str_equal(use->uuid, joiner->identity) && same_card)
			return use;
	}
	return NULL;
}

/* A token that a machine used is good for this machine and key only, however late the answer is asked for again. */
static int check_token_use(struct cluster *cluster, const struct joiner *joiner, const char *key, struct err *err)
{
	const struct join_token *token = joiner->token;
	if (joiner->use && str_equal(joiner->use->key, key))
		return 0;
	if (joiner->use)
		return err_set_field(
			err, ERR_UNAUTHENTICATED, "token",
			"token: this machine joined by it already; make another one (ingot join-token create)");
	if (loop_now_ms(cluster->loop) >= token->expires_at)
		return err_set_field(err, ERR_UNAUTHENTICATED, "token",
				     "token: it has expired; make another one (ingot join-token create)");
	if (token->join_count >= (size_t)token->uses)
		return err_set_field(err, ERR_UNAUTHENTICATED, "token",
				     "token: it was used already, for %s; make another one (ingot join-token create)",
				     token->uses == 1 ? "the one machine it was for"
						      : "as many machines as it was for");
	return 0;
}

/* Whoever says to be a node that is up, or one that something is kept on, does not take its place. */
static int check_node(struct cluster *cluster, const struct machine *machine, struct err *err)
{
	const struct node *node =
		machine && machine->node ? store_get(cluster->store, &kind_node, machine->node) : NULL;
	if (!node)
		return 0;
	if (node->health == NODE_READY)
		return err_set(err, ERR_STATE,
			       "this is machine %s, whose node is up; power that off before it joins anew",
			       machine->name);
	return cluster_node_check_empty(cluster, node, machine->name, err);
}

/* key: NULL if there is none yet. */
static int judge(struct cluster *cluster, const json_t *request, const char *key, struct joiner *ret, struct err *err)
{
	const char *text = json_string_value(json_object_get(request, "token"));
	const json_t *join = json_object_get(request, "join");
	ret->token = text ? find_token(cluster, text) : NULL;
	/* Before anything else is told. */
	if (!ret->token)
		return err_set_field(
			err, ERR_UNAUTHENTICATED, "token",
			"token: is not known here (any more): it was deleted; make another one (ingot join-token create)");
	if (!json_is_object(join))
		return err_set_field(err, ERR_INVALID, "join", "join: is missing");
	_cleanup_err_ struct err why = ERR_INIT;
	int r = machine_join_check(cluster->spec.machines, join, &ret->known, &ret->identity, &ret->boot_mac, &why);
	if (!ret->identity)
		return pass_on(err, &why, r);
	ret->use = find_use(ret);
	int used = check_token_use(cluster, ret, key, err);
	if (used < 0 || ret->use)
		return used;
	/* A name that was taken since is no obstacle to a host that is there already. */
	if (r < 0 && !(key && why.code == ERR_EXISTS))
		return pass_on(err, &why, r);
	return check_node(cluster, ret->known, err);
}

int cluster_agent_may_join(struct cluster *cluster, const json_t *request, json_t **ret_reply, struct err *err)
{
	_cleanup_(joiner_done) struct joiner joiner = { 0 };
	int r = judge(cluster, request, NULL, &joiner, err);
	if (r == 0)
		*ret_reply = json_pack("{s:s}", "role", join_role_words[joiner.token->role]);
	return r;
}

/* ---- joining ---- */

static int again(struct cluster *cluster, const struct joiner *joiner, json_t **ret_reply, struct err *err)
{
	const struct machine *machine = store_get(cluster->store, &kind_machine, joiner->use->machine);
	const struct node *node =
		machine && machine->node ? store_get(cluster->store, &kind_node, machine->node) : NULL;
	if (!node || !node->certificate)
		return err_set_field(err, ERR_UNAUTHENTICATED, "token", "token: the node that joined by it is gone");
	*ret_reply = cluster_enrolled(cluster, node->id, node->certificate);
	return 0;
}

static void note_use(struct cluster *cluster, const struct joiner *joiner, const char *key, const char *machine)
{
	struct join_token *token = store_edit(cluster->store, &kind_join_token, joiner->token->id);
	struct join_use *use = schema_list_add(&join_token_schema, token, "joins");
	use->uuid = xstrdup(joiner->identity);
	use->boot_mac = xstrdup(joiner->boot_mac);
	use->key = xstrdup(key);
	use->machine = xstrdup(machine);
	use->joined_at = loop_now_ms(cluster->loop);
}

/* In a transaction. The identifier is the caller's. */
static int add_member(struct cluster *cluster, const struct joiner *joiner, const json_t *request, const char *key,
		      const char *address, char **ret_node, struct err *err)
{
	const json_t *join = json_object_get(request, "join");
	const char *csr = json_string_value(json_object_get(request, "csr"));
	const char *const addresses[] = { address, NULL }, *id = NULL;
	int r = machine_join(cluster->spec.machines, join, address, &id, err);
	if (r < 0)
		return r;
	struct machine *machine = store_edit(cluster->store, &kind_machine, id);
	struct node *node = NULL;
	r = cluster_node_for(cluster, machine, false, &node, err);
	if (r < 0)
		return r;
	r = ca_sign_request(cluster->spec.ca, csr, node->id, addresses, &node->certificate, err);
	if (r < 0)
		return err_prefix(err, "csr");
	cluster_certificate_given(node, node->certificate);
	node->pool_disks = json_is_true(json_object_get(join, "pool_disks"));
	str_set(&machine->node, node->id);
	note_use(cluster, joiner, key, id);
	*ret_node = xstrdup(node->id);
	return 0;
}

int cluster_join(struct cluster *cluster, const json_t *request, const char *key, const char *address,
		 json_t **ret_reply, struct err *err)
{
	_cleanup_(joiner_done) struct joiner joiner = { 0 };
	_cleanup_free_ char *id = NULL;
	int r = judge(cluster, request, key, &joiner, err);
	if (r < 0)
		return r;
	if (joiner.use)
		return again(cluster, &joiner, ret_reply, err);
	store_begin(cluster->store);
	r = add_member(cluster, &joiner, request, key, address, &id, err);
	if (r < 0) {
		store_rollback(cluster->store);
		return r;
	}
	r = store_commit(cluster->store, err);
	if (r < 0)
		return r;
	const struct node *node = store_get(cluster->store, &kind_node, id);
	*ret_reply = cluster_enrolled(cluster, id, node->certificate);
	return 0;
}

/* ---- nodes ---- */

int cluster_node_update(struct cluster *cluster, const char *id, const struct node *changed, struct err *err)
{
	const struct node *node = store_get(cluster->store, &kind_node, id);
	if (!changed->pool_disks && node->osd_count > 0)
		return err_set_field(err, ERR_STATE, "pool_disks",
				     "pool_disks: %zu of its disks are in the pool, and stay there", node->osd_count);
	store_begin(cluster->store);
	struct node *edit = store_edit(cluster->store, &kind_node, id);
	edit->pool_disks = changed->pool_disks;
	store_event(cluster->store, edit->pool_disks ? "node.changed.given" : "node.changed.kept", "node", id,
		    edit->name, NULL);
	return store_commit(cluster->store, err);
}

int cluster_node_confirm_off(struct cluster *cluster, const char *id, struct err *err)
{
	const struct node *node = store_get(cluster->store, &kind_node, id);
	const struct machine *machine = store_get(cluster->store, &kind_machine, node->machine);
	if (node->health == NODE_READY)
		return err_set(err, ERR_STATE, "%s reports: it is not off; wait until it has said what it runs",
			       node->name);
	if (machine && machine->bmc_state == BMC_STATE_OK && machine->power == POWER_ON)
		return err_set(
			err, ERR_STATE,
			"the BMC of %s says that it is on, and what it runs may run on; switch it off first (ingot "
			"machine power %s off --wait)",
			node->name, machine->name);
	return vm_node_off(cluster->spec.compute, id, err);
}
