/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Consoles of virtual machines. Each viewer's WebSocket is joined to one of its own that the node's agent dials in with a
 * ticket: the agent gives each the history of the serial port, and VNC is served to several by QEMU itself. If the machine
 * moves, the next node's agent is asked and the viewer of a serial port stays; one of a screen has to begin anew. */
#include <errno.h>

#include "api/console_priv.h"

#define DIAL_DEADLINE_MS 30000
#define EARLY_MAX ((size_t)(4 * KIB))
/* A node that lost its power says no word of it; until that is known an old picture looks like one that is live. */
#define AGENT_PING_MS 5000

struct console {
	struct list link;
	struct console_viewer viewer;
	struct api *api;
	enum console_kind kind;
	struct ws *agent;
	char *vm, *node, *ticket;
	struct strbuf early; /* typed before the agent was there */
	struct loop_timer *timer;
};

static void end(struct console *c, enum ws_status status, const char *reason)
{
	list_remove(&c->link);
	ws_close_with(c->viewer.ws, status, reason);
	ws_close(c->agent, reason);
	console_viewer_left(&c->viewer);
	loop_timer_free(c->timer);
	if (c->ticket)
		cluster_console_end(c->api->spec.cluster, c->ticket);
	free(c->vm);
	free(c->node);
	free(c->ticket);
	strbuf_done(&c->early);
	free(c);
}

/* Passes on what came, and stops the sender for as long as the receiver has enough. */
static void relay(struct ws *from, struct ws *to, const void *data, size_t len)
{
	ws_send(to, data, len);
	if (ws_is_full(to))
		ws_pause(from, true);
}

/* ---- the viewer ---- */

static void viewer_message(struct ws *ws, const void *data, size_t len, void *ctx)
{
	struct console *c = ctx;
	if (!console_viewer_may(&c->viewer))
		return;
	if (c->agent)
		relay(ws, c->agent, data, len);
	else if (c->early.len + len <= EARLY_MAX)
		strbuf_add(&c->early, data, len);
	else
		end(c, WS_TRY_AGAIN, "the node's agent is not there yet, and too much was typed meanwhile");
}

static void viewer_drained(struct ws *ws, void *ctx)
{
	struct console *c = ctx;
	ws_pause(c->agent, false);
}

static void viewer_closed(struct ws *ws, const char *reason, void *ctx)
{
	struct console *c = ctx;
	c->viewer.ws = NULL;
	end(c, WS_NORMAL, "the viewer left");
}

static const struct ws_events viewer_events = { .message = viewer_message,
						.closed = viewer_closed,
						.drained = viewer_drained };

/* ---- the agent ---- */

static void dial_deadline(void *data)
{
	struct console *c = data;
	c->timer = NULL;
	end(c, WS_TRY_AGAIN, "the node's agent did not answer; reconnect");
}

static void wait_for_agent(struct console *c)
{
	loop_timer_free(c->timer);
	c->timer = loop_timer_new(c->api->spec.loop, DIAL_DEADLINE_MS, dial_deadline, c);
}

static void ask_agent(struct console *c, const char *node)
{
	if (c->ticket)
		cluster_console_end(c->api->spec.cluster, c->ticket);
	free(c->ticket);
	str_set(&c->node, node);
	c->ticket = cluster_console_ask(c->api->spec.cluster, node, c->vm, console_kind_words[c->kind]);
	wait_for_agent(c);
}

static void agent_message(struct ws *ws, const void *data, size_t len, void *ctx)
{
	struct console *c = ctx;
	relay(ws, c->viewer.ws, data, len);
}

static void agent_drained(struct ws *ws, void *ctx)
{
	struct console *c = ctx;
	ws_pause(c->viewer.ws, false);
}

/* The agent comes back in a while, with history from its beginning: that is another session. */
static void agent_vanished(struct console *c, const char *reason)
{
	const struct node *node = store_get(c->api->store, &kind_node, c->node);
	_cleanup_free_ char *text =
		xasprintf("the agent of node %s went away (%s); reconnect", node ? node->name : c->node, reason);
	end(c, WS_TRY_AGAIN, text);
}

/* The agent knows that QEMU let go; why, is known here. The caller frees. */
static char *why_closed(const struct vm *vm, bool moved, const char *reason)
{
	if (!vm)
		return xstrdup("the virtual machine was deleted");
	if (vm->state == VM_STOPPING || vm->state == VM_STOPPED)
		return xasprintf("%s was stopped", vm->name);
	if (vm->state == VM_FAILED)
		return xasprintf("%s has failed: %s", vm->name, vm->error ? vm->error->text : "no reason is known");
	if (moved || vm->state == VM_MIGRATING)
		return xasprintf("%s has moved to another node; reconnect", vm->name);
	return xstrdup(reason);
}

static void agent_closed(struct ws *ws, const char *reason, void *ctx)
{
	struct console *c = ctx;
	const struct vm *vm = store_get(c->api->store, &kind_vm, c->vm);
	bool lives = vm && vm->node && (vm->state == VM_RUNNING || vm->state == VM_MIGRATING);
	bool moved = vm && vm->node && !str_equal(vm->node, c->node);
	_cleanup_free_ char *why = why_closed(vm, moved, reason);
	c->agent = NULL;
	ws_pause(c->viewer.ws, false);
	if (ws_peer_status(ws) != WS_NORMAL)
		agent_vanished(c, reason); /* the guest may live */
	else if (c->kind == CONSOLE_VNC)
		end(c, lives ? WS_TRY_AGAIN : WS_NORMAL, why); /* another QEMU begins another session (RFC 6143) */
	else if (moved)
		ask_agent(c, vm->node);
	else if (vm && vm->state == VM_MIGRATING)
		wait_for_agent(c); /* it may have moved and nobody said so yet: see console_vm_changed() */
	else
		end(c, WS_NORMAL, why);
}

static const struct ws_events agent_events = { .message = agent_message,
					       .closed = agent_closed,
					       .drained = agent_drained };

void console_vm_changed(struct api *api, const struct vm *vm)
{
	struct console *c;
	LIST_FOREACH(c, &api->consoles, link)
		if (vm->node && str_equal(c->vm, vm->id) && !c->agent && !str_equal(c->node, vm->node))
			ask_agent(c, vm->node);
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
	ws_set_ping(found->agent, AGENT_PING_MS);
	ws_set_events(found->agent, &agent_events, found);
	if (found->early.len > 0)
		ws_send(found->agent, found->early.data, found->early.len);
	strbuf_done(&found->early);
	/* The ticket is used up; it stays in the desired document so that the agent goes on serving it. */
}

/* ---- opening and stopping ---- */

static void end_viewer(struct console_viewer *viewer, enum ws_status status, const char *reason)
{
	end(CONTAINER_OF(viewer, struct console, viewer), status, reason);
}

int console_vm_check(const struct vm *vm, struct err *err)
{
	if (vm->node && (vm->state == VM_RUNNING || vm->state == VM_MIGRATING || vm->state == VM_STOPPING))
		return 0;
	return err_set(err, ERR_STATE, "%s is %s; only one that runs has a console", vm->name,
		       vm_state_words[vm->state]);
}

int console_vm_open(struct api *api, struct http_request *request, const char *id, enum console_kind kind,
		    const char *owner, struct err *err)
{
	const struct vm *vm = store_get(api->store, &kind_vm, id);
	int r = vm ? console_vm_check(vm, err) : err_set(err, ERR_NOT_FOUND, "the virtual machine is gone");
	if (r < 0)
		return r;
	struct console *c = new0(struct console, 1);
	c->api = api;
	c->kind = kind;
	c->viewer = (struct console_viewer){ .api = api, .owner = xstrdup(owner), .end = end_viewer };
	r = console_viewer_accept(&c->viewer, request, err);
	if (r < 0) {
		console_viewer_left(&c->viewer);
		free(c);
		return r == -EALREADY ? 0 : r;
	}
	c->vm = xstrdup(vm->id);
	list_append(&api->consoles, &c->link);
	ws_set_events(c->viewer.ws, &viewer_events, c);
	ask_agent(c, vm->node);
	return 0;
}

void console_vm_stop(struct api *api)
{
	struct console *c;
	LIST_FOREACH(c, &api->consoles, link)
		end(c, WS_GOING_AWAY, "the provisioner stops");
}
