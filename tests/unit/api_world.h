/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real API for tests: a person's listener and the agents', over TLS, with the controller of a rack behind them. An agent is
 * played by a client with a node's certificate. */
#ifndef INGOT_TESTS_API_WORLD_H
#define INGOT_TESTS_API_WORLD_H

#include "rack_fixture.h"

#include "api/api.h"
#include "http_fixture.h"
#include "proto/operations.h"

struct world {
	struct fixture *f;
	struct rack rack;
	struct auth *auth;
	struct api *api;
	struct http_server *people, *agents;
	struct http_client *operator, * viewer, *agent, *nobody;
	char *origin, *agent_origin, *node, *vm;
	json_t *answer;
	struct err answer_err;
	int answer_status;
};

/* ---- the world ---- */

/* The provisioner as it is started, again with the same store. */
static inline void world_start(struct world *w)
{
	w->rack.quorum = true;
	w->rack.hosts_up = 2;
	w->rack.available_bytes = GIB;
	rack_start(&w->rack);
	w->auth = auth_new(w->rack.controller->store, NULL);
	const struct controller *c = w->rack.controller;
	w->api = api_new(&(struct api_spec){ .loop = w->f->loop,
					     .store = c->store,
					     .auth = w->auth,
					     .tasks = c->tasks,
					     .machines = c->machines,
					     .storage = c->storage,
					     .compute = c->compute,
					     .cluster = c->cluster,
					     .ui_dir = "/nonexistent" });
}

static inline void world_stop(struct world *w)
{
	w->api = api_free(w->api);
	w->people = http_server_free(w->people);
	w->agents = http_server_free(w->agents);
	w->auth = auth_free(w->auth);
	w->rack.controller = controller_free(w->rack.controller);
}

static inline char *token_of(struct world *w, const char *name, int role)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct auth_who admin = { .via = AUDIT_VIA_TOKEN, .role = ROLE_ADMIN, .id = "x", .name = "x" };
	const struct token wanted = { .name = (char *)name, .role = role }, *made;
	char *text = NULL;

	if (auth_token_create(w->auth, &admin, &wanted, &made, &text, &err) < 0)
		fail_msg("%s", err.text);
	return text;
}

static inline struct http_client *client_of(struct world *w, const char *name, int role)
{
	_cleanup_free_ char *token = token_of(w, name, role);

	return http_client_new(
		&(struct http_client_spec){ .loop = w->f->loop, .ca_pem = ca_pem(w->f->ca), .bearer = token });
}

static inline void make_node_client(struct world *w)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *key = NULL, *csr = NULL, *cert = NULL;

	assert_int_equal(csr_new(w->node, &key, &csr, &err), 0);
	assert_int_equal(ca_sign_request(w->f->ca, csr, w->node, NULL, &cert, &err), 0);
	w->agent = http_client_new(&(struct http_client_spec){
		.loop = w->f->loop, .ca_pem = ca_pem(w->f->ca), .cert_pem = cert, .key_pem = key });
}

static inline void make_resources(struct world *w)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct store *store = w->rack.controller->store;

	store_begin(store);
	struct node *node = store_create(store, &kind_node);
	w->node = xstrdup(node->id);
	node->name = xstrdup("node1");
	node->health = NODE_READY;
	struct vm *vm = store_create(store, &kind_vm);
	w->vm = xstrdup(vm->id);
	vm->name = xstrdup("web");
	vm->node = xstrdup(w->node);
	vm->state = VM_RUNNING;
	vm->wanted = true;
	const struct pool *waiting = store_next(store, &kind_pool, NULL);
	struct pool *pool = waiting ? store_edit(store, &kind_pool, waiting->id) : store_create(store, &kind_pool);
	str_set(&pool->name, STORAGE_POOL);
	pool->state = POOL_ACTIVE;
	pool->available_bytes = GIB;
	pool->made = true;
	struct ceph_cluster *ceph = store_create(store, &kind_ceph_cluster);
	ceph->fsid = xstrdup("fsid");
	ceph->mon_host = xstrdup("10.77.0.2");
	ceph->admin_key = xstrdup("key");
	if (store_commit(store, &err) < 0)
		fail_msg("%s", err.text);
}

static inline void start_listeners(struct world *w)
{
	size_t count;

	w->people = start_server(w->f, (struct http_server_spec){ .routes = api_routes(w->api, &count),
								  .admit = api_admit,
								  .data = w->api,
								  .body_dir = w->f->dir,
								  .cert_pem = w->f->cert_pem,
								  .key_pem = w->f->key_pem });
	w->agents = start_server(w->f, (struct http_server_spec){ .routes = api_agent_routes(w->api, &count),
								  .admit = api_agent_admit,
								  .data = w->api,
								  .client_ca_pem = ca_pem(w->f->ca),
								  .cert_pem = w->f->cert_pem,
								  .key_pem = w->f->key_pem });
	free(w->origin);
	free(w->agent_origin);
	w->origin = xasprintf("https://127.0.0.1:%u", http_server_port(w->people));
	w->agent_origin = xasprintf("https://127.0.0.1:%u", http_server_port(w->agents));
}

static inline int setup(void **state)
{
	struct world *w = new0(struct world, 1);

	log_set_quiet(true);
	fixture_setup((void **)&w->f);
	bmc_drivers_set(rack_drivers);
	the_rack = &w->rack;
	w->rack.loop = w->f->loop;
	w->rack.dir = w->f->dir;
	w->rack.ca = w->f->ca;
	w->rack.database = xasprintf("%s/ingot.db", w->f->dir);
	world_start(w);
	make_resources(w);
	start_listeners(w);
	w->operator= client_of(w, "operator", ROLE_OPERATOR);
	w->viewer = client_of(w, "viewer", ROLE_VIEWER);
	w->nobody = http_client_new(&(struct http_client_spec){ .loop = w->f->loop, .ca_pem = ca_pem(w->f->ca) });
	make_node_client(w);
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;

	http_client_free(w->operator);
	http_client_free(w->viewer);
	http_client_free(w->nobody);
	http_client_free(w->agent);
	world_stop(w);
	rack_forget(&w->rack);
	free(w->rack.database);
	json_decref(w->answer);
	err_done(&w->answer_err);
	free(w->origin);
	free(w->agent_origin);
	free(w->node);
	free(w->vm);
	bmc_drivers_set(NULL);
	fixture_teardown((void **)&w->f);
	free(w);
	log_set_quiet(false);
	return 0;
}

/* ---- calls ---- */

static inline void on_answer(const struct http_response *response, const struct err *err, void *data)
{
	struct world *w = data;

	json_decref(w->answer);
	w->answer = json_incref(response->json);
	w->answer_status = response->status;
	err_done(&w->answer_err);
	err_copy(&w->answer_err, err);
	loop_quit(w->f->loop, 0);
}

static inline int call(struct world *w, struct http_client *client, const char *origin, const char *method,
		       const char *path, json_t *body, const char *const *headers)
{
	_cleanup_free_ char *url = xasprintf("%s%s", origin, path);

	http_call_new(
		client,
		&(struct http_call_spec){
			.method = method, .url = url, .json = body, .headers = headers, .done = on_answer, .data = w });
	run_loop(w->f->loop);
	json_decref(body);
	return w->answer_status;
}

#endif
