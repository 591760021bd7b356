/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Serial consoles of machines, over LAN through their BMCs. A BMC has one such session: its viewers share it, and who comes
 * later first sees what came since it was opened. */
#include <errno.h>

#include "api/console_priv.h"

#define HISTORY_BYTES ((size_t)(64 * KIB))

struct sol {
	struct list link;
	struct api *api;
	char *machine;
	struct bmc_console *bmc;
	struct strbuf history;
	struct list viewers;
};

struct sol_viewer {
	struct list link;
	struct console_viewer viewer;
	struct sol *sol;
};

static void viewer_free(struct sol_viewer *viewer)
{
	list_remove(&viewer->link);
	console_viewer_left(&viewer->viewer);
	free(viewer);
}

static void sol_end(struct sol *sol, enum ws_status status, const char *reason)
{
	struct sol_viewer *viewer;
	LIST_FOREACH(viewer, &sol->viewers, link) {
		ws_close_with(viewer->viewer.ws, status, reason);
		viewer_free(viewer);
	}
	list_remove(&sol->link);
	bmc_console_close(sol->bmc);
	strbuf_done(&sol->history);
	free(sol->machine);
	free(sol);
}

/* ---- the BMC ---- */

/* The oldest lines go, half of it at a time. */
static void keep(struct sol *sol, const void *data, size_t len)
{
	const char *newline;
	strbuf_add(&sol->history, data, len);
	if (sol->history.len <= HISTORY_BYTES)
		return;
	size_t cut = sol->history.len - HISTORY_BYTES / 2;
	newline = memchr(sol->history.data + cut, '\n', sol->history.len - cut);
	strbuf_remove_front(&sol->history, newline ? (size_t)(newline + 1 - sol->history.data) : cut);
}

static void sol_output(const void *data, size_t len, void *ctx)
{
	struct sol *sol = ctx;
	struct sol_viewer *viewer;
	keep(sol, data, len);
	/* One that does not read is given up by its WebSocket: the others are not to wait for it. */
	LIST_FOREACH(viewer, &sol->viewers, link)
		ws_send(viewer->viewer.ws, data, len);
}

static void sol_closed(const struct err *err, void *ctx)
{
	struct sol *sol = ctx;
	sol->bmc = NULL;
	sol_end(sol, WS_TRY_AGAIN, err && err->text ? err->text : "the BMC ended the session");
}

static const struct bmc_console_events sol_events = { sol_output, sol_closed };

/* ---- viewers ---- */

static void viewer_leaves(struct sol_viewer *viewer)
{
	struct sol *sol = viewer->sol;
	viewer_free(viewer);
	if (list_empty(&sol->viewers))
		sol_end(sol, WS_NORMAL, "the viewers left");
}

static void viewer_message(struct ws *ws, const void *data, size_t len, void *ctx)
{
	struct sol_viewer *viewer = ctx;
	if (!console_viewer_may(&viewer->viewer))
		return;
	if (bmc_console_input(viewer->sol->bmc, data, len) == 0)
		return;
	/* Better an end that is seen than a word that is missing in what was typed. */
	ws_close_with(ws, WS_TRY_AGAIN, "the BMC does not take what is typed");
	viewer_leaves(viewer);
}

static void viewer_closed(struct ws *ws, const char *reason, void *ctx)
{
	viewer_leaves(ctx);
}

static const struct ws_events viewer_events = { .message = viewer_message, .closed = viewer_closed };

static void end_viewer(struct console_viewer *common, enum ws_status status, const char *reason)
{
	struct sol_viewer *viewer = CONTAINER_OF(common, struct sol_viewer, viewer);
	ws_close_with(common->ws, status, reason);
	viewer_leaves(viewer);
}

/* Errors of console_viewer_accept(). */
static int viewer_new(struct sol *sol, struct http_request *request, const char *owner, struct err *err)
{
	struct sol_viewer *viewer = new0(struct sol_viewer, 1);
	viewer->sol = sol;
	viewer->viewer = (struct console_viewer){ .api = sol->api, .owner = xstrdup(owner), .end = end_viewer };
	list_init(&viewer->link);
	int r = console_viewer_accept(&viewer->viewer, request, err);
	if (r < 0) {
		viewer_free(viewer);
		return r;
	}
	list_append(&sol->viewers, &viewer->link);
	ws_set_events(viewer->viewer.ws, &viewer_events, viewer);
	if (sol->history.len > 0)
		ws_send(viewer->viewer.ws, sol->history.data, sol->history.len);
	return 0;
}

/* ---- opening and stopping ---- */

static struct sol *sol_find(struct api *api, const char *machine)
{
	struct sol *sol;
	LIST_FOREACH(sol, &api->machine_consoles, link)
		if (str_equal(sol->machine, machine))
			return sol;
	return NULL;
}

static int sol_new(struct api *api, const struct machine *machine, struct sol **ret, struct err *err)
{
	struct bmc_target target;
	int r = machine_bmc_target(api->spec.machines, machine, &target, err);
	if (r < 0)
		return r;
	struct sol *sol = new0(struct sol, 1);
	sol->api = api;
	sol->machine = xstrdup(machine->id);
	list_init(&sol->viewers);
	list_init(&sol->link);
	r = bmc_console_open(api->spec.loop, &target, &sol_events, sol, &sol->bmc, err);
	bmc_target_done(&target);
	if (r < 0) {
		sol_end(sol, WS_NORMAL, NULL);
		return r;
	}
	list_append(&api->machine_consoles, &sol->link);
	*ret = sol;
	return 0;
}

int console_machine_open(struct api *api, struct http_request *request, const char *id, const char *owner,
			 struct err *err)
{
	const struct machine *machine = store_get(api->store, &kind_machine, id);
	struct sol *sol = machine ? sol_find(api, id) : NULL;
	int r = machine ? 0 : err_set(err, ERR_NOT_FOUND, "the machine is gone");
	if (r == 0 && !sol)
		r = sol_new(api, machine, &sol, err);
	if (r < 0)
		return r;
	r = viewer_new(sol, request, owner, err);
	if (r < 0 && list_empty(&sol->viewers))
		sol_end(sol, WS_NORMAL, NULL);
	return r == -EALREADY ? 0 : r;
}

void console_machine_stop(struct api *api)
{
	struct sol *sol;
	LIST_FOREACH(sol, &api->machine_consoles, link)
		sol_end(sol, WS_GOING_AWAY, "the provisioner stops");
}
