/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Consoles of simulated nodes, as a node's agent has them: asked for and dialled over the agents' listener. */
#include "console/console_part.h"
#include "http/http_client.h"
#include "simserver_priv.h"

#define WAIT_S 25
#define AGAIN_MS 500

struct node_end {
	struct node_consoles *all;
	const struct sim_machine *machine;
	char *node, *prefix;
	struct http_client *client;
	struct http_call *call;
	struct loop_timer *again;
	int64_t generation;
	struct part_link link;
	void *part_state;
};

struct node_consoles {
	struct world *world;
	const char *dir;
	char *url;
	struct node_end *ends; /* one for each machine */
};

/* ---- orders ---- */

static void ask(void *data);

static void answered(const struct http_response *response, const struct err *err, void *data)
{
	struct node_end *end = data;
	end->call = NULL;
	if (response->status == 200) {
		end->generation = json_integer_value(json_object_get(response->json, "generation"));
		console_part.apply(&end->link, json_object_get(response->json, "consoles"));
	}
	end->again = loop_timer_new(end->all->world->loop, err->code == ERR_NONE ? 0 : AGAIN_MS, ask, end);
}

static void ask(void *data)
{
	struct node_end *end = data;
	_cleanup_free_ char *url = xasprintf("%s/agent/v1/desired?after=%lld&wait_s=%d", end->all->url,
					     (long long)end->generation, WAIT_S);
	const struct http_call_spec spec = {
		.method = "GET", .url = url, .deadline_ms = 2000 * WAIT_S, .done = answered, .data = end
	};
	end->again = NULL;
	end->call = http_call_new(end->client, &spec);
}

/* ---- the life of agents ---- */

/* With its power, so that it says goodbye to nobody: connections first. */
static void die(struct node_end *end)
{
	end->again = loop_timer_free(end->again);
	end->client = http_client_free(end->client);
	end->call = NULL;
	if (end->part_state)
		console_part.release(end->part_state);
	end->part_state = NULL;
	free(end->node);
	end->node = NULL;
}

static void live(struct node_end *end)
{
	const struct world *world = end->all->world;
	const struct http_client_spec spec = { .loop = world->loop,
					       .ca_pem = ca_pem(world->ca),
					       .cert_pem = end->machine->certificate,
					       .key_pem = end->machine->key };
	end->node = xstrdup(end->machine->node);
	end->generation = 0;
	end->client = http_client_new(&spec);
	end->link = (struct part_link){ .loop = world->loop,
					.client = end->client,
					.url = end->all->url,
					.prefix = end->prefix,
					.state = &end->part_state };
	ask(end);
}

void node_consoles_look(struct node_consoles *all)
{
	for (unsigned i = 0; i < all->world->machine_count; i++) {
		struct node_end *end = &all->ends[i];
		const char *node =
			end->machine->env == ENV_HOST && end->machine->certificate ? end->machine->node : NULL;
		if (end->node && !str_equal(end->node, node))
			die(end);
		if (node && !end->node)
			live(end);
	}
}

struct node_consoles *node_consoles_new(struct world *world, const char *dir, const char *url)
{
	struct node_consoles *all = new0(struct node_consoles, 1);
	all->world = world;
	all->dir = dir;
	all->url = xstrdup(url);
	all->ends = xcalloc(world->machine_count, sizeof(*all->ends));
	for (unsigned i = 0; i < world->machine_count; i++) {
		all->ends[i].all = all;
		all->ends[i].machine = &world->machines[i];
		all->ends[i].prefix = guests_prefix(dir, &world->machines[i]);
	}
	return all;
}
