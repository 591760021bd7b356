/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ingot-sim-server: the provisioner's API and dashboard over simulated machines. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/api.h"
#include "base/log.h"
#include "simserver_priv.h"
#include "storage/storage_priv.h"

#define WORKERS 16
#define OPERATOR_MS 500
#define LOOK_MS 100
#define HURRY 40
#define STEP_MS 500
#define LINGER_MS 4000
#define MACHINES_MAX 100000
#define HOUR_MS (INT64_C(60) * 60 * 1000)
#define HISTORY_DAYS_MAX 28
#define BUSY_MACHINES 100 /* up to so many, all agents look twice a second; more share what that makes */

static const char usage[] =
	"Usage: ingot-sim-server --dir DIR [--port N] [--machines N] [--nodes N] [--ui DIR] [--hostile]\n"
	"                        [--room N] [--guest IMAGE] [--history DAYS]\n"
	"\n"
	"  --dir DIR     database, keys, tokens; made if it is not there\n"
	"  --port N      where the API listens on 127.0.0.1 (default 0: any; it is printed)\n"
	"  --machines N  machines in the rack (default 3; 0: nothing is found)\n"
	"  --nodes N     of which so many are deployed at once (default 0)\n"
	"  --ui DIR      the dashboard's files\n"
	"  --hostile     machines tell markup and control characters of themselves\n"
	"  --room N      so many images and volumes fit into the pool (default: more than anybody makes)\n"
	"  --guest IMAGE consoles are real: QEMU runs this image as each virtual machine and each machine that is\n"
	"                looked at, the latter behind ipmi_sim\n"
	"  --history DAYS the pool has been filling for so long, and was asked all the while but for half a day\n";

struct options {
	const char *dir, *ui, *guest;
	int64_t port, machines, nodes, room, history;
	bool hostile;
};

struct server {
	struct options options;
	struct world world;
	struct auth *auth;
	struct api *api;
	struct http_server *listener, *agents;
	struct loop_timer *operator_timer;
	struct guests *guests;
	struct node_consoles *node_consoles;
};

/* ---- the first nodes, as a person would deploy them ---- */

static bool take_on(struct server *server, const char *id, int state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct machine_accept accept = { 0 };
	const struct machine *machine = store_get(server->world.controller->store, &kind_machine, id);
	_cleanup_free_ char *disk = xstrdup(sim_disk_for_the_system(machine));
	const struct machine_deploy deploy = { .disk = disk };
	const char *task;
	if (state == MACHINE_NEW)
		machine_accept(server->world.controller->machines, id, &accept, &err);
	else if (state == MACHINE_READY)
		machine_deploy(server->world.controller->machines, id, &deploy, &task, &err);
	if (err.code != ERR_NONE)
		log_warning("%s: %s", machine->name, err.text);
	return state == MACHINE_DEPLOYED;
}

static void operate(void *data)
{
	struct server *server = data;
	struct store *store = server->world.controller->store;
	_cleanup_free_ char *after = NULL;
	const struct machine *machine;
	int64_t taken = 0, deployed = 0;
	server->operator_timer = NULL;
	while (taken < server->options.nodes && (machine = store_next(store, &kind_machine, after))) {
		str_set(&after, machine->id);
		deployed += take_on(server, after, (int)machine->state);
		taken++;
	}
	if (deployed < server->options.nodes)
		server->operator_timer = loop_timer_new(server->world.loop, OPERATOR_MS, operate, server);
}

/* ---- how full the pool was before: noted as the provisioner would have ---- */

#define SILENT_FROM_H 100
#define SILENT_TO_H 112

static void remember(void *data)
{
	struct server *server = data;
	struct store *store = server->world.controller->store;
	const struct pool *pool = store_next(store, &kind_pool, NULL);
	int64_t now_ms = loop_now_ms(server->world.loop), began_ms = server->world.filling_since_ms;
	if (!pool || pool->total_bytes == 0) {
		loop_timer_new(server->world.loop, OPERATOR_MS, remember, server);
		return;
	}
	struct pool then = *pool;
	store_begin(store);
	for (int64_t hour = 0; began_ms + hour * HOUR_MS <= now_ms; hour++) {
		if (hour >= SILENT_FROM_H && hour < SILENT_TO_H)
			continue;
		then.used_bytes = sim_ceph_used_bytes(&server->world, began_ms + hour * HOUR_MS);
		pool_usage_note(store, &then, began_ms + hour * HOUR_MS);
	}
	store_must_commit(store);
}

/* ---- start ---- */

static const char *health_of_netboot(void *ctx)
{
	return "running";
}

/* Agents first: one whose machine lost its power is not to see how a guest ends. */
static void look_at_ends(void *data)
{
	struct server *server = data;
	node_consoles_look(server->node_consoles);
	guests_look(server->guests);
	bmc_ends_look();
	loop_timer_new(server->world.loop, LOOK_MS, look_at_ends, server);
}

/* Consoles with real ends: guests, and what lies between them and the API. */
static int start_consoles(struct server *server, const char *cert, const char *key, struct err *err)
{
	struct http_server_spec spec = {
		.loop = server->world.loop,
		.data = server->api,
		.address = "127.0.0.1",
		.listen_fd = -1,
		.cert_pem = cert,
		.key_pem = key,
		.client_ca_pem = ca_pem(server->world.ca),
	};
	spec.routes = api_agent_routes(server->api, &spec.route_count);
	int r = http_server_new(&spec, &server->agents, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *url = xasprintf("https://127.0.0.1:%u", http_server_port(server->agents));
	/* What is started has another working folder; both live as long as the program. */
	char *dir = realpath(server->options.dir, NULL), *guest = realpath(server->options.guest, NULL);
	if (!dir || !guest) {
		r = err_set_errno(err, -errno, "--guest %s", server->options.guest);
		free(dir);
		free(guest);
		return r;
	}
	server->guests = guests_new(&server->world, dir, guest);
	server->node_consoles = node_consoles_new(&server->world, dir, url);
	bmc_ends_new(&server->world, dir, guest);
	look_at_ends(server);
	return 0;
}

static int start_listener(struct server *server, struct err *err)
{
	const char *const names[] = { "localhost", "127.0.0.1", NULL };
	_cleanup_free_ char *cert = NULL, *key = NULL;
	struct http_server_spec spec = {
		.loop = server->world.loop,
		.data = server->api,
		.admit = api_admit,
		.fallback = api_fallback,
		.address = "127.0.0.1",
		.port = (uint16_t)server->options.port,
		.listen_fd = -1,
		.body_dir = server->world.upload_dir,
	};
	int r = ca_issue_server(server->world.ca, "ingot-sim-server", names, &cert, &key, err);
	if (r < 0)
		return r;
	/* With the authority behind it: by its key browsers are told whom to trust, and that one stays over a restart. */
	_cleanup_free_ char *chain = xasprintf("%s%s", cert, ca_pem(server->world.ca));
	spec.cert_pem = chain;
	spec.key_pem = key;
	spec.routes = api_routes(server->api, &spec.route_count);
	r = http_server_new(&spec, &server->listener, err);
	return r == 0 && server->options.guest ? start_consoles(server, cert, key, err) : r;
}

static int start_api(struct server *server, struct err *err)
{
	const struct controller *c = server->world.controller;
	_cleanup_free_ char *initial = xasprintf("%s/admin.initial-password", server->options.dir);
	server->auth = auth_new(c->store, initial);
	int r = auth_first_start(server->auth, server->options.dir, err);
	if (r < 0)
		return r;
	const struct api_spec spec = {
		.loop = server->world.loop,
		.auth = server->auth,
		.store = c->store,
		.tasks = c->tasks,
		.machines = c->machines,
		.storage = c->storage,
		.compute = c->compute,
		.cluster = c->cluster,
		.netboot_health = health_of_netboot,
		.ui_dir = server->options.ui,
	};
	server->api = api_new(&spec);
	return start_listener(server, err);
}

static int start(struct server *server, struct loop *loop, struct err *err)
{
	static const struct bmc_driver *const drivers[] = { &bridge_bmc_driver, NULL };
	struct world *world = &server->world;
	_cleanup_free_ char *database = xasprintf("%s/ingot.db", server->options.dir);
	const struct world_spec spec = { .seed = 1,
					 .machine_count = (unsigned)server->options.machines,
					 .loop = loop,
					 .database = database,
					 .folder = server->options.dir };
	int r = mkdir_p(server->options.dir, 0700);
	if (r < 0)
		return err_set_errno(err, r, "making %s", server->options.dir);
	world_open(world, &spec);
	world->hurry = HURRY;
	world->step_ms = STEP_MS * MAX_OF(world->machine_count, BUSY_MACHINES) / BUSY_MACHINES;
	world->linger_ms = LINGER_MS;
	world->hostile = server->options.hostile;
	world->rbd_room = (unsigned)server->options.room;
	if (server->options.history)
		world->filling_since_ms = loop_now_ms(loop) - server->options.history * 24 * HOUR_MS;
	bmc_drivers_set(drivers);
	struct controller_spec controller = world_controller_spec(world);
	controller.storage.driver = &bridge_ceph_driver;
	r = controller_new(&controller, &world->controller, err);
	if (r == 0)
		r = start_api(server, err);
	if (r < 0)
		return r;
	controller_start(world->controller);
	/* A large rack is switched on by hand: to be found through its BMCs takes the provisioner many scans. */
	for (unsigned i = 0; world->machine_count > BUSY_MACHINES && i < world->machine_count; i++)
		sim_machine_power(&world->machines[i], true);
	operate(server);
	if (server->options.history)
		remember(server);
	printf("https://127.0.0.1:%u\n", http_server_port(server->listener));
	fflush(stdout);
	return 0;
}

/* ---- life ---- */

static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option options[] = {
		{ "dir", required_argument, NULL, 'd' },      { "port", required_argument, NULL, 'p' },
		{ "machines", required_argument, NULL, 'm' }, { "nodes", required_argument, NULL, 'n' },
		{ "ui", required_argument, NULL, 'u' },	      { "hostile", no_argument, NULL, 'h' },
		{ "guest", required_argument, NULL, 'g' },    { "room", required_argument, NULL, 'r' },
		{ "history", required_argument, NULL, 'i' },  { NULL, 0, NULL, 0 },
	};
	int c, r = 0;
	while (r == 0 && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'd')
			ret->dir = optarg;
		else if (c == 'u')
			ret->ui = optarg;
		else if (c == 'g')
			ret->guest = optarg;
		else if (c == 'h')
			ret->hostile = true;
		else if (c == 'p')
			r = parse_i64(optarg, 0, 65535, &ret->port);
		else if (c == 'm')
			r = parse_i64(optarg, 0, MACHINES_MAX, &ret->machines);
		else if (c == 'r')
			r = parse_i64(optarg, 1, RBD_MAX, &ret->room);
		else if (c == 'i')
			r = parse_i64(optarg, 1, HISTORY_DAYS_MAX, &ret->history);
		else if (c == 'n')
			r = parse_i64(optarg, 0, MACHINES_MAX, &ret->nodes);
		else
			r = -1;
	}
	return r == 0 && ret->dir && optind == argc && ret->nodes <= ret->machines ? 0 : -1;
}

static void on_stop(void *data)
{
	loop_quit(data, 0);
}

int main(int argc, char **argv)
{
	_cleanup_err_ struct err err = ERR_INIT;
	static struct server server = { .options = { .machines = 3 } };
	if (parse_options(argc, argv, &server.options) < 0) {
		fputs(usage, stderr);
		return 2;
	}
	struct loop *loop = loop_new(WORKERS);
	loop_signal_new(loop, SIGTERM, on_stop, loop);
	loop_signal_new(loop, SIGINT, on_stop, loop);
	signal(SIGPIPE, SIG_IGN);
	if (start(&server, loop, &err) < 0) {
		fprintf(stderr, "ingot-sim-server: %s\n", err.text);
		_exit(1);
	}
	/* Workers may wait for the loop, which does not come back: the process ends with them. */
	_exit(loop_run(loop));
}
