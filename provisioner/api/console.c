/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How consoles are opened: directly by whoever has a token, or with a ticket that was asked for before. */
#include <errno.h>

#include "api/console_priv.h"
#include "api/tickets.h"

/* Who may open consoles may look at them; what is changed of users, tokens and sessions counts at once, and time too. */
#define CONSOLE_ROLE ROLE_OPERATOR
#define CHECK_EVERY_MS 1000

/* ---- viewers ---- */

static void end_revoked(struct console_viewer *viewer)
{
	viewer->end(viewer, WS_POLICY, "whoever opened this console may not use it any more; sign in again");
}

static void check_viewers(struct api *api)
{
	struct console_viewer *viewer;
	LIST_FOREACH(viewer, &api->viewers, link)
		if (!auth_reference_valid(api->auth, viewer->owner, CONSOLE_ROLE))
			end_revoked(viewer);
}

static void tick(void *data)
{
	struct api *api = data;
	api->viewers_timer = NULL;
	check_viewers(api);
	if (!list_empty(&api->viewers))
		api->viewers_timer = loop_timer_new(api->spec.loop, CHECK_EVERY_MS, tick, api);
}

int console_viewer_accept(struct console_viewer *viewer, struct http_request *request, struct err *err)
{
	struct api *api = viewer->api;
	list_init(&viewer->link);
	if (api->console_viewers >= CONSOLE_VIEWERS_MAX)
		return err_set(err, ERR_BUSY, "%d consoles are open; close one", CONSOLE_VIEWERS_MAX);
	if (http_answer_websocket(request, &viewer->ws) < 0)
		return -EALREADY;
	api->console_viewers++;
	list_append(&api->viewers, &viewer->link);
	if (!api->viewers_timer)
		api->viewers_timer = loop_timer_new(api->spec.loop, CHECK_EVERY_MS, tick, api);
	return 0;
}

void console_viewer_left(struct console_viewer *viewer)
{
	if (!list_empty(&viewer->link))
		viewer->api->console_viewers--;
	list_remove(&viewer->link);
	free(viewer->owner);
}

bool console_viewer_may(struct console_viewer *viewer)
{
	if (auth_reference_used(viewer->api->auth, viewer->owner, CONSOLE_ROLE))
		return true;
	end_revoked(viewer);
	return false;
}

/* ---- directly ---- */

int api_vm_console(struct api_call *call, struct err *err)
{
	_cleanup_free_ char *owner = auth_reference(&call->who);
	int r = console_vm_open(call->api, call->request, call->id, CONSOLE_SERIAL, owner, err);
	call->answered = r == 0;
	return r;
}

int api_machine_console(struct api_call *call, struct err *err)
{
	_cleanup_free_ char *owner = auth_reference(&call->who);
	int r = console_machine_open(call->api, call->request, call->id, owner, err);
	call->answered = r == 0;
	return r;
}

/* ---- with a ticket ---- */

static int answer_ticket(struct api_call *call, struct ticket *what, struct err *err)
{
	struct console_ticket ticket = { 0 };
	what->owner = auth_reference(&call->who);
	int r = ticket_issue(call->api->tickets, what, &ticket.ticket, &ticket.expires_at, err);
	ticket_done(what);
	if (r < 0)
		return r;
	ticket.url = xasprintf("/v1/consoles/%s", ticket.ticket);
	http_answer_json(call->request, 201, schema_encode(&console_ticket_schema, &ticket, false), NULL);
	wipe(ticket.ticket, strlen(ticket.ticket));
	wipe(ticket.url, strlen(ticket.url));
	schema_done(&console_ticket_schema, &ticket);
	call->answered = true;
	return 0;
}

int api_vm_console_ticket(struct api_call *call, struct err *err)
{
	const struct console_request *wanted = call->body;
	const struct vm *vm = store_get(call->api->store, &kind_vm, call->id);
	int r = console_vm_check(vm, err);
	struct ticket what = { .kind = (enum console_kind)wanted->kind };
	if (r < 0)
		return r;
	what.vm = xstrdup(vm->id);
	return answer_ticket(call, &what, err);
}

int api_machine_console_ticket(struct api_call *call, struct err *err)
{
	const struct console_request *wanted = call->body;
	const struct machine *machine = store_get(call->api->store, &kind_machine, call->id);
	if (wanted->kind != CONSOLE_SERIAL)
		return err_set_field(err, ERR_UNSUPPORTED, "kind", "kind: a machine has a serial console only");
	if (!machine->bmc_address)
		return err_set(err, ERR_STATE, "no BMC of %s is known; its console goes through that", machine->name);
	struct ticket what = { .kind = CONSOLE_SERIAL, .machine = xstrdup(machine->id) };
	return answer_ticket(call, &what, err);
}

/* Whoever asked for it may still do so, and nobody else has signed in where it is used. */
static int check_owner(struct api *api, const struct http_request *request, const struct ticket *ticket,
		       struct err *err)
{
	struct auth_who who = AUTH_NOBODY;
	char *cookie = api_cookie(request);
	bool other = false;
	if (cookie && auth_by_cookie(api->auth, cookie, &who, NULL) == 0) {
		_cleanup_free_ char *reference = auth_reference(&who);
		other = !str_equal(reference, ticket->owner);
	}
	if (cookie)
		wipe(cookie, strlen(cookie));
	free(cookie);
	if (other)
		return err_set(err, ERR_FORBIDDEN, "the ticket was given to somebody else; ask for one of your own");
	if (!auth_reference_valid(api->auth, ticket->owner, CONSOLE_ROLE))
		return err_set(err, ERR_FORBIDDEN, "whoever asked for the ticket may not open consoles any more");
	return 0;
}

int api_console(struct api_call *call, struct err *err)
{
	struct api *api = call->api;
	struct ticket ticket = { 0 };
	int r = ticket_take(api->tickets, http_request_param(call->request, "ticket"), &ticket, err);
	if (r == 0)
		r = check_owner(api, call->request, &ticket, err);
	if (r == 0)
		r = ticket.vm ? console_vm_open(api, call->request, ticket.vm, ticket.kind, ticket.owner, err)
			      : console_machine_open(api, call->request, ticket.machine, ticket.owner, err);
	call->answered = r == 0;
	ticket_done(&ticket);
	return r;
}

/* ---- life ---- */

static void on_change(const struct store_kind *kind, const char *id, void *data)
{
	struct api *api = data;
	const struct vm *vm = kind == &kind_vm ? store_get(api->store, kind, id) : NULL;
	if (vm)
		console_vm_changed(api, vm);
	if (kind == &kind_user || kind == &kind_token || kind == &kind_sign_in_session)
		check_viewers(api);
}

void api_consoles_register(struct api *api)
{
	list_init(&api->viewers);
	list_init(&api->consoles);
	list_init(&api->machine_consoles);
	api->tickets = tickets_new(api->spec.loop);
	store_watch(api->store, on_change, api);
}

void api_consoles_stop(struct api *api)
{
	console_vm_stop(api);
	console_machine_stop(api);
	api->viewers_timer = loop_timer_free(api->viewers_timer);
	api->tickets = tickets_free(api->tickets);
}
