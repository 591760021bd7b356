/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Joins viewers, who come as connections that we dial to the provisioner, to serial ports and screens. */
#include <errno.h>

#include "base/log.h"
#include "console/console_part.h"
#include "console/guest_socket.h"
#include "console/serial_port.h"
#include "http/websocket.h"
#include "loop/loop_stream.h"
#include "vm/vm_paths.h"

#define CHUNK_BYTES ((size_t)(16 * KIB))

struct consoles {
	struct loop *loop;
	char *prefix;
	const struct http_client *client; /* that the consoles were dialled with; only compared */
	struct list viewers, ports;
};

/* A serial port with at least one viewer. */
struct port {
	struct list link;
	struct consoles *all;
	char *vm;
	struct serial_port *serial;
	unsigned viewers;
	char *ended; /* why; NULL while it goes on */
};

struct viewer {
	struct list link;
	struct consoles *all;
	char *vm, *ticket;
	struct ws *ws; /* NULL while it is dialled, and once it is over */
	bool vnc;
	struct loop_stream *screen; /* vnc; else */
	struct port *port;
	uint64_t offset; /* of the next byte it is to see */
	bool dialling;
	bool over; /* kept, so that its ticket is not dialled again, until the order goes */
	bool wanted;
};

/* ---- ports ---- */

static void port_put(struct port *port)
{
	if (!port || --port->viewers)
		return;
	list_remove(&port->link);
	serial_port_free(port->serial);
	free(port->vm);
	free(port->ended);
	free(port);
}

static void viewer_end(struct viewer *viewer, const char *reason);

/* What there is, in order: all, or as far as the viewer takes it just now. */
static void viewer_feed(struct viewer *viewer, bool all)
{
	char data[CHUNK_BYTES];
	ssize_t n;

	while (viewer->ws && (all || !ws_is_full(viewer->ws)) &&
	       (n = serial_port_read(viewer->port->serial, viewer->offset, data, sizeof(data))) > 0) {
		viewer->offset += (uint64_t)n;
		ws_send(viewer->ws, data, (size_t)n);
	}
}

static void port_output(void *data)
{
	struct port *port = data;
	struct viewer *viewer;

	LIST_FOREACH(viewer, &port->all->viewers, link) {
		if (viewer->port == port)
			viewer_feed(viewer, false);
	}
}

/* QEMU has closed both the socket and the log: what is in the log is all. */
static void port_ended(const char *reason, void *data)
{
	struct port *port = data;
	struct viewer *viewer;

	str_set(&port->ended, reason);
	port->viewers++; /* it stays until the last viewer was told */
	LIST_FOREACH(viewer, &port->all->viewers, link) {
		if (viewer->port != port || !viewer->ws)
			continue;
		viewer_feed(viewer, true);
		viewer_end(viewer, reason);
	}
	port_put(port);
}

static const struct serial_port_events port_events = { port_output, port_ended };

static int port_get(struct consoles *all, const char *prefix, const char *vm, struct port **ret, struct err *err)
{
	_cleanup_free_ char *socket_path = xasprintf("%s" VM_SERIAL_FORMAT, prefix, vm);
	_cleanup_free_ char *log_path = xasprintf("%s" VM_SERIAL_LOG_FORMAT, prefix, vm);
	struct port *port;
	int r;

	LIST_FOREACH(port, &all->ports, link) {
		if (str_equal(port->vm, vm) && !port->ended) {
			port->viewers++;
			*ret = port;
			return 0;
		}
	}
	port = new0(struct port, 1);
	r = serial_port_open(all->loop, socket_path, log_path, &port_events, port, &port->serial, err);
	if (r < 0) {
		free(port);
		return r;
	}
	port->all = all;
	port->vm = xstrdup(vm);
	port->viewers = 1;
	list_append(&all->ports, &port->link);
	*ret = port;
	return 0;
}

/* ---- viewers ---- */

static void viewer_free(struct viewer *viewer)
{
	list_remove(&viewer->link);
	loop_stream_free(viewer->screen);
	port_put(TAKE_PTR(viewer->port));
	free(viewer->vm);
	free(viewer->ticket);
	free(viewer);
}

/* Over, but remembered. */
static void viewer_end(struct viewer *viewer, const char *reason)
{
	ws_close(TAKE_PTR(viewer->ws), reason);
	viewer->screen = loop_stream_free(viewer->screen);
	port_put(TAKE_PTR(viewer->port));
	viewer->over = true;
}

static void viewer_message(struct ws *ws, const void *payload, size_t len, void *data)
{
	struct viewer *viewer = data;

	if (viewer->screen) {
		if (!loop_stream_write(viewer->screen, payload, len))
			ws_pause(ws, true);
	} else if (serial_port_write(viewer->port->serial, payload, len) == -ENOBUFS) {
		viewer_end(viewer, "the guest does not read its serial port");
	}
}

static void viewer_drained(struct ws *ws, void *data)
{
	struct viewer *viewer = data;

	if (viewer->screen)
		loop_stream_resume(viewer->screen);
	else if (viewer->port)
		viewer_feed(viewer, false);
}

static bool screen_output(const void *bytes, size_t len, void *data)
{
	struct viewer *viewer = data;

	ws_send(viewer->ws, bytes, len);
	return !ws_is_full(viewer->ws);
}

static void screen_drained(void *data)
{
	struct viewer *viewer = data;

	ws_pause(viewer->ws, false);
}

static void screen_ended(void *data)
{
	viewer_end(data, "the virtual machine has ended or moved");
}

static const struct loop_stream_events screen_events = { screen_output, screen_drained, screen_ended };

static void viewer_closed(struct ws *ws, const char *reason, void *data)
{
	struct viewer *viewer = data;

	log_debug("console of %s: %s", viewer->vm, str_or(reason, "closed"));
	viewer->ws = NULL;
	viewer_end(viewer, NULL);
}

static const struct ws_events viewer_events = { .message = viewer_message,
						.closed = viewer_closed,
						.drained = viewer_drained };

/* The screen is opened now and not before, so that what QEMU says first finds somebody. */
static void viewer_begin(struct viewer *viewer)
{
	_cleanup_free_ char *path = xasprintf("%s" VM_VNC_FORMAT, viewer->all->prefix, viewer->vm);
	_cleanup_err_ struct err err = ERR_INIT;
	int fd;

	ws_set_events(viewer->ws, &viewer_events, viewer);
	if (!viewer->vnc) {
		viewer->offset = serial_port_start(viewer->port->serial, CONSOLE_HISTORY_BYTES);
		viewer_feed(viewer, false);
	} else if (guest_socket_connect(path, "screen", &fd, &err) < 0) {
		viewer_end(viewer, err.text);
	} else {
		viewer->screen = loop_stream_new(viewer->all->loop, fd, &screen_events, viewer);
	}
}

static void viewer_connected(struct ws *ws, const struct err *err, void *data)
{
	struct viewer *viewer = data;

	viewer->dialling = false;
	if (!ws) {
		log_info("console of %s: %s", viewer->vm, err->text);
		viewer_end(viewer, NULL);
	} else if (!viewer->wanted || (!viewer->vnc && (!viewer->port || viewer->port->ended))) {
		viewer->ws = ws;
		viewer_end(viewer, viewer->port ? "the virtual machine has ended or moved"
						: "the virtual machine does not run here");
	} else {
		viewer->ws = ws;
		viewer_begin(viewer);
	}
	if (!viewer->wanted)
		viewer_free(viewer);
}

static void viewer_new(struct consoles *all, const struct part_link *link, const char *vm, const char *ticket, bool vnc)
{
	_cleanup_free_ char *url = xasprintf("%s/agent/v1/console/%s", link->url, ticket);
	_cleanup_err_ struct err err = ERR_INIT;
	struct viewer *viewer = new0(struct viewer, 1);

	viewer->all = all;
	viewer->vm = xstrdup(vm);
	viewer->ticket = xstrdup(ticket);
	viewer->vnc = vnc;
	viewer->wanted = true;
	viewer->dialling = true;
	list_append(&all->viewers, &viewer->link);
	/* Without a port it is dialled all the same: somebody waits and is to be told why. */
	if (!vnc && port_get(all, link->prefix, vm, &viewer->port, &err) < 0)
		log_info("console of %s: %s", vm, err.text);
	ws_connect(link->client, url, viewer_connected, viewer);
}

/* ---- the section ---- */

static struct viewer *viewer_find(struct consoles *all, const char *ticket)
{
	struct viewer *viewer;

	LIST_FOREACH(viewer, &all->viewers, link) {
		if (str_equal(viewer->ticket, ticket))
			return viewer;
	}
	return NULL;
}

/* What becomes part of a path or an address. */
static bool is_ticket(const char *text)
{
	size_t len = text ? strlen(text) : 0;

	return len > 0 && len <= 256 &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == len;
}

static void drop_unwanted(struct consoles *all)
{
	struct viewer *viewer;

	LIST_FOREACH(viewer, &all->viewers, link) {
		/* One that is dialled frees itself once it is connected. */
		if (viewer->wanted || viewer->dialling)
			continue;
		ws_close(TAKE_PTR(viewer->ws), "nobody looks any more");
		viewer_free(viewer);
	}
}

/* With the connection to the provisioner the tickets end as well. Those under way will not call back: see ws_connect(). */
static void drop_all(struct consoles *all)
{
	struct viewer *viewer;

	LIST_FOREACH(viewer, &all->viewers, link) {
		ws_close_with(TAKE_PTR(viewer->ws), WS_GOING_AWAY, "the agent's connection is made anew");
		viewer_free(viewer);
	}
}

static struct consoles *consoles_get(const struct part_link *link)
{
	struct consoles *all = *link->state;

	if (!all) {
		all = new0(struct consoles, 1);
		all->loop = link->loop;
		all->prefix = xstrdup(link->prefix);
		list_init(&all->viewers);
		list_init(&all->ports);
		*link->state = all;
	}
	return all;
}

static void apply(const struct part_link *link, json_t *desired)
{
	struct consoles *all = consoles_get(link);
	struct viewer *viewer;
	json_t *entry;
	size_t i;

	if (all->client != link->client)
		drop_all(all);
	all->client = link->client;
	LIST_FOREACH(viewer, &all->viewers, link)
		viewer->wanted = false;
	json_array_foreach(desired, i, entry) {
		const char *vm = json_string_value(json_object_get(entry, "vm"));
		const char *ticket = json_string_value(json_object_get(entry, "ticket"));
		const char *kind = str_or(json_string_value(json_object_get(entry, "kind")), "serial");

		if (!uuid_valid(vm) || !is_ticket(ticket) || (!str_equal(kind, "serial") && !str_equal(kind, "vnc")))
			continue;
		viewer = viewer_find(all, ticket);
		if (viewer)
			viewer->wanted = true;
		else
			viewer_new(all, link, vm, ticket, str_equal(kind, "vnc"));
	}
	drop_unwanted(all);
}

static void release(void *state)
{
	struct consoles *all = state;

	drop_all(all);
	free(all->prefix);
	free(all);
}

const struct part console_part = {
	.abi = PART_ABI,
	.name = "consoles",
	.modes = PART_NODE,
	.apply = apply,
	.release = release,
};
