/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The REST API, and the listener for agents. One table binds the operations of lib/proto to handlers; what is common to
 * all (token, role, body, the resource in the path, answers) is done once. Loop thread. */
#ifndef INGOT_API_API_H
#define INGOT_API_API_H

#include "auth/auth.h"
#include "cluster/cluster.h"
#include "http/http_server.h"

struct api;

struct api_spec {
	struct loop *loop;
	struct store *store;
	struct auth *auth;
	struct task_service *tasks;
	struct machines *machines;
	struct storage *storage;
	struct compute *compute;
	struct cluster *cluster;
	/* "running" or what is wrong with it; for the metrics */
	const char *(*netboot_health)(void *ctx);
	void *netboot_ctx;
	const char *ui_dir; /* the dashboard's files; borrowed */
};
struct api *api_new(const struct api_spec *spec);
struct api *api_free(struct api *api);

/* Tables for http_server_new(); its data is the api. Borrowed. */
const struct http_route *api_routes(struct api *api, size_t *ret_count);
/* For the listener of people, http_server_spec.admit: token and role. */
bool api_admit(struct http_request *request, void *data);
/* For the listener of people, http_server_spec.fallback: the dashboard. */
void api_fallback(struct http_request *request, void *data);
const struct http_route *api_agent_routes(struct api *api, size_t *ret_count);
/* For the listener of agents, http_server_spec.admit: token or certificate, or how often strangers may speak. */
bool api_agent_admit(struct http_request *request, void *data);

#endif
