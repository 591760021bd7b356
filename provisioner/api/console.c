/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Serial consoles. A virtual machine's: the viewer's WebSocket is joined to one that the node's agent dials in with a
 * ticket; if the machine moves, the next node's agent is asked and the viewer stays. A machine's: serial over LAN. */
#include "api/api_priv.h"
#include "base/log.h"
#include "http/websocket.h"

#define DIAL_DEADLINE_MS 30000

struct console {
	struct list link;
	struct api *api;
	struct ws *viewer;
	/* of a virtual machine */
	char *vm, *node, *ticket;
	struct ws *agent;
	struct loop_timer *timer;
	/* of a machine */
	struct bmc_console *bmc;
};

static void console_free(struct console *c)
{
	list_remove(&c->link);
	loop_timer_free(c->timer);
	if (c->ticket)
		cluster_console_end(c->api->spec.cluster, c->ticket);
	if (c->bmc)
		bmc_console_close(c->bmc);
	free(c->vm);
	free(c->node);
	free(c->ticket);
	free(c);
}

static void end_with(struct console *c, enum ws_status status, const char *reason)
{
	ws_close_with(c->viewer, status, reason);
	ws_close(c->agent, reason);
	console_free(c);
}

static void end(struct console *c, const char *reason)
{
	end_with(c, WS_NORMAL, reason);
}

/* ---- the viewer ---- */

static void viewer_message(struct ws *ws, const void *data, size_t len, void *ctx)
{
	struct console *c = ctx;
	if (c->agent)
		ws_send(c->agent, data, len);
	else if (c->bmc)
		bmc_console_input(c->bmc, data, len);
}

static void viewer_closed(struct ws *ws, const char *reason, void *ctx)
{
	struct console *c = ctx;
	c->viewer = NULL;
	end(c, "the viewer left");
}

static const struct ws_events viewer_events = { viewer_message, viewer_closed };

static struct console *console_new(struct api_call *call)
{
	struct ws *viewer;
	if (http_answer_websocket(call->request, &viewer) < 0)
		return NULL;
	struct console *c = new0(struct console, 1);
	c->api = call->api;
	c->viewer = viewer;
	ws_set_events(viewer, &viewer_events, c);
	list_append(&call->api->consoles, &c->link);
	return c;
}

/* ---- virtual machines ---- */

static void dial_deadline(void *data)
{
	struct console *c = data;
	c->timer = NULL;
	end_with(c, WS_TRY_AGAIN, "the node's agent did not answer; reconnect");
}

static void ask_agent(struct console *c, const char *node)
{
	if (c->ticket)
		cluster_console_end(c->api->spec.cluster, c->ticket);
	free(c->ticket);
	str_set(&c->node, node);
	c->ticket = cluster_console_ask(c->api->spec.cluster, node, c->vm);
	loop_timer_free(c->timer);
	c->timer = loop_timer_new(c->api->spec.loop, DIAL_DEADLINE_MS, dial_deadline, c);
}

static void agent_message(struct ws *ws, const void *data, size_t len, void *ctx)
{
	struct console *c = ctx;
	ws_send(c->viewer, data, len);
}

static void agent_closed(struct ws *ws, const char *reason, void *ctx)
{
	struct console *c = ctx;
	const struct vm *vm = store_get(c->api->store, &kind_vm, c->vm);
	bool vanished = ws_peer_status(ws) == WS_VANISHED;
	c->agent = NULL;
	if (vm && vm->node && !str_equal(vm->node, c->node)) {
		ask_agent(c, vm->node);
		return;
	}
	/* It may have moved and nobody said so yet: the node of the next report decides, see on_change(). */
	if (vm && vm->state == VM_MIGRATING) {
		loop_timer_free(c->timer);
		c->timer = loop_timer_new(c->api->spec.loop, DIAL_DEADLINE_MS, dial_deadline, c);
		return;
	}
	/* The agent comes back in a while, with history from the beginning: that is another session. */
	if (vanished) {
		const struct node *node = store_get(c->api->store, &kind_node, c->node);
		_cleanup_free_ char *text = xasprintf("the agent of node %s went away (%s); reconnect",
						      node ? node->name : c->node, reason);
		end_with(c, WS_TRY_AGAIN, text);
		return;
	}
	end(c, str_or(reason, "the virtual machine's console ended"));
}

static const struct ws_events agent_events = { agent_message, agent_closed };

static void on_change(const struct store_kind *kind, const char *id, void *data)
{
	struct api *api = data;
	struct console *c;
	const struct vm *vm = kind == &kind_vm ? store_get(api->store, kind, id) : NULL;
	if (!vm || !vm->node)
		return;
	LIST_FOREACH(c, &api->consoles, link)
		if (str_equal(c->vm, id) && !c->agent && !str_equal(c->node, vm->node))
			ask_agent(c, vm->node);
}

int api_vm_console(struct api_call *call, struct err *err)
{
	const struct vm *vm = store_get(call->api->store, &kind_vm, call->id);
	if (!vm->node || (vm->state != VM_RUNNING && vm->state != VM_MIGRATING && vm->state != VM_STOPPING))
		return err_set(err, ERR_STATE, "%s is %s; only one that runs has a console", vm->name,
			       vm_state_words[vm->state]);
	_cleanup_free_ char *id = xstrdup(vm->id), *node = xstrdup(vm->node);
	call->answered = true;
	struct console *c = console_new(call);
	if (!c)
		return 0;
	c->vm = TAKE_PTR(id);
	ask_agent(c, node);
	return 0;
}

void api_agent_console(struct http_request *request, void *data)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct api *api = data;
	struct console *c, *found = NULL;
	const char *ticket = http_request_param(request, "ticket"), *node = http_request_client_name(request);
	LIST_FOREACH(c, &api->consoles, link)
		if (c->ticket && str_equal(c->ticket, ticket) && str_equal(c->node, node) && !c->agent)
			found = c;
	if (!found) {
		err_set(&err, ERR_NOT_FOUND, "the ticket is not valid (any more)");
		http_answer_problem(request, &err);
		return;
	}
	if (http_answer_websocket(request, &found->agent) < 0) {
		found->agent = NULL;
		return;
	}
	found->timer = loop_timer_free(found->timer);
	ws_set_events(found->agent, &agent_events, found);
	/* The ticket is used up; it stays in the desired document so that the agent goes on serving it. */
}

/* ---- machines ---- */

static void sol_output(const void *data, size_t len, void *ctx)
{
	struct console *c = ctx;
	ws_send(c->viewer, data, len);
}

static void sol_closed(const struct err *err, void *ctx)
{
	struct console *c = ctx;
	c->bmc = NULL;
	end(c, err && err->text ? err->text : "the BMC ended the session");
}

static const struct bmc_console_events sol_events = { sol_output, sol_closed };

int api_machine_console(struct api_call *call, struct err *err)
{
	const struct machine *machine = store_get(call->api->store, &kind_machine, call->id);
	struct bmc_target target;
	struct bmc_console *bmc = NULL;
	int r = machine_bmc_target(call->api->spec.machines, machine, &target, err);
	if (r < 0)
		return r;
	call->answered = true;
	struct console *c = console_new(call);
	if (c) {
		if (bmc_console_open(call->api->spec.loop, &target, &sol_events, c, &bmc, err) < 0)
			end(c, err->text);
		else
			c->bmc = bmc;
	}
	bmc_target_done(&target);
	return 0;
}

/* ---- life ---- */

void api_consoles_register(struct api *api)
{
	list_init(&api->consoles);
	store_watch(api->store, on_change, api);
}

void api_consoles_stop(struct api *api)
{
	struct console *c;
	LIST_FOREACH(c, &api->consoles, link)
		end(c, "the provisioner stops");
}
