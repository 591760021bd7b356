/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/user.h"
#include "ceph/ceph_node_priv.h"
#include "ceph/ceph_part.h"
#include "cmd/cmd.h"

#define PERIOD_MS 15000
/* While something is starting. */
#define SOON_MS 1500
#define TOOL_DEADLINE_MS 30000

/* udev gives block devices back to root whenever they change. */
#define UDEV_RULE_PATH "/run/udev/rules.d/95-ingot-osd.rules"
#define UDEV_RULE                                                                                                      \
	"SUBSYSTEM==\"block\", ENV{ID_PART_ENTRY_NAME}==\"" OSD_PARTITION_NAME "\", OWNER=\"ceph\", "                  \
	"GROUP=\"ceph\", MODE=\"0660\"\n"

/* ---- configuration ---- */

/* The address that this host speaks to the monitor from; the caller frees, NULL if there is no route. */
static char *address_towards(const char *peer)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM },
			*list = NULL;
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);
	char text[INET6_ADDRSTRLEN] = "";

	if (!peer || getaddrinfo(peer, "3300", &hints, &list) != 0)
		return NULL;
	/* Sends nothing: a datagram socket is connected by looking up the route. */
	_cleanup_close_ int fd = socket(list->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool found = fd >= 0 && connect(fd, list->ai_addr, list->ai_addrlen) == 0 &&
		     getsockname(fd, (struct sockaddr *)&own, &len) == 0 &&
		     getnameinfo((struct sockaddr *)&own, len, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0;
	freeaddrinfo(list);
	return found ? xstrdup(text) : NULL;
}

static int write_client_keyring(const struct ceph_node *node, struct err *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	int r;

	if (!node->order->client.name)
		return 0;
	path = ceph_node_path(node, CEPH_KEYRING_FORMAT, node->order->client.name);
	text = ceph_text_keyring(node->order->client.name, node->order->client.key);
	r = ceph_node_write(node, path, text, 0600, false, err);
	wipe(text, strlen(text));
	return r;
}

static int write_udev_rule(const struct ceph_node *node, struct err *err)
{
	_cleanup_free_ char *path = ceph_node_path(node, UDEV_RULE_PATH);
	int r;

	if (node->driver != &daemon_driver_systemd || access(path, F_OK) == 0)
		return 0;
	r = mkdir_p("/run/udev/rules.d", 0755);
	if (r == 0)
		r = write_file_atomic(path, UDEV_RULE, strlen(UDEV_RULE), 0644);
	if (r < 0)
		return err_set_errno(err, r, "cannot write %s", path);
	return cmd_runl(err, TOOL_DEADLINE_MS, "udevadm", "control", "--reload", NULL);
}

/* The folders that the Debian packages make at boot or when they are installed. */
static int make_folders(const struct ceph_node *node, struct err *err)
{
	static const char *const own[] = { "/run/ceph",		"/var/log/ceph",     "/var/lib/ceph",
					   "/var/lib/ceph/mon", "/var/lib/ceph/mgr", "/var/lib/ceph/osd" };
	_cleanup_free_ char *etc = ceph_node_path(node, "/etc/ceph");
	int r = mkdir_p(etc, 0755);

	if (r < 0)
		return err_set_errno(err, r, "cannot make %s", etc);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		_cleanup_free_ char *path = ceph_node_path(node, "%s", own[i]);

		r = ceph_node_mkdir(node, path, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int configure(const struct ceph_node *node, struct err *err)
{
	_cleanup_free_ char *path = ceph_node_path(node, CEPH_CONF_PATH), *text = NULL;
	_cleanup_free_ char *mon = ceph_order_mon_address(node->order), *own = address_towards(mon);
	struct sysinfo info = { 0 };
	int r;

	if (!own)
		return err_set(err, ERR_UNREACHABLE, "there is no route to the monitor at %s", node->order->mon_host);
	sysinfo(&info);
	const struct ceph_text_host host = {
		.public_address = own,
		.memory_bytes = (uint64_t)info.totalram * info.mem_unit,
		.journal = node->driver == &daemon_driver_systemd,
	};
	text = ceph_text_conf(node->order, &host);
	r = make_folders(node, err);
	if (r == 0)
		r = ceph_node_write(node, path, text, 0644, false, err);
	if (r == 0)
		r = write_client_keyring(node, err);
	if (r == 0)
		r = write_udev_rule(node, err);
	return r;
}

/* ---- the report ---- */

struct ceph_report {
	json_t *json;
	struct err first; /* of the first thing that failed */
	bool unsettled;	  /* something is starting */
};

static void note(struct ceph_report *report, enum ceph_daemon_state state, struct err *err)
{
	report->unsettled = report->unsettled || state == CEPH_STARTING;
	if (state == CEPH_FAILED && report->first.code == ERR_NONE)
		err_copy(&report->first, err);
}

static void note_daemon(struct ceph_report *report, const char *key, enum ceph_daemon_state state, struct err *err)
{
	json_object_set_new(report->json, key, json_string(ceph_daemon_state_name(state)));
	note(report, state, err);
}

static void converge_osds(const struct ceph_node *node, struct ceph_report *report)
{
	json_t *list = json_array();

	json_object_set_new(report->json, "osds", list);
	for (unsigned i = 0; i < node->order->osd_count && !part_run_cancelled(node->run); i++) {
		const struct osd_order *osd = &node->order->osds[i];
		_cleanup_err_ struct err err = ERR_INIT;
		enum ceph_daemon_state state = ceph_osd_converge(node, osd, &err);

		json_array_append_new(list, json_pack("{s:i, s:s, s:o}", "id", osd->id, "state",
						      ceph_daemon_state_name(state), "error", part_error_json(&err)));
		note(report, state, &err);
	}
}

static void converge_daemons(const struct ceph_node *node, struct ceph_report *report)
{
	_cleanup_err_ struct err mon_err = ERR_INIT, mgr_err = ERR_INIT;
	enum ceph_daemon_state mon = ceph_mon_converge(node, &mon_err);

	note_daemon(report, "mon", mon, &mon_err);
	note_daemon(report, "mgr", ceph_mgr_converge(node, &mgr_err), &mgr_err);
	/* A cluster's first monitor is wanted by all others: said at once. */
	if (mon == CEPH_RUNNING && node->order->osd_count)
		part_run_publish(node->run, json_deep_copy(report->json));
	converge_osds(node, report);
}

static int converge_node(struct part_run *run, const struct ceph_order *order, struct ceph_report *report,
			 struct err *err)
{
	struct ceph_node node = { .run = run, .order = order, .driver = daemon_driver_here() };
	int r;

	r = user_find("ceph", &node.uid, &node.gid);
	if (r < 0)
		return err_set(err, ERR_INTERNAL, "this host has no user \"ceph\": is ceph-common installed?");
	r = configure(&node, err);
	if (r < 0)
		return r;
	converge_daemons(&node, report);
	return 0;
}

static int converge(struct part_run *run, json_t *desired, json_t **ret_report, struct err *err)
{
	struct ceph_report report = { .json = json_pack("{s:s, s:s, s:[]}", "mon", "absent", "mgr", "absent", "osds") };
	struct ceph_order order;
	int r = 0;

	/* No section: nothing is asked of this node (any more). Daemons are never ended by silence. */
	if (desired) {
		r = ceph_order_parse(desired, &order, err);
		if (r == 0)
			r = converge_node(run, &order, &report, err);
		if (r < 0)
			err_copy(&report.first, err);
		else if (report.first.code != ERR_NONE)
			r = err_set(err, report.first.code, "%s", report.first.text);
	}
	json_object_set_new(report.json, "error", part_error_json(&report.first));
	err_done(&report.first);
	if (report.unsettled && r == 0)
		part_run_again(run, SOON_MS);
	*ret_report = report.json;
	return r;
}

const struct part ceph_part = {
	.abi = PART_ABI,
	.name = "ceph",
	.modes = PART_NODE,
	/* After a reboot the daemons must start although the provisioner may be one of their clients. */
	.flags = PART_WAITS | PART_KEEPS,
	.period_ms = PERIOD_MS,
	.converge = converge,
};
