/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The monitor and the manager of this node. */
#include <errno.h>
#include <unistd.h>

#include "ceph/ceph_node_priv.h"
#include "ceph/ceph_part.h"
#include "cmd/cmd.h"

/* Generous: a slow machine that has much to do makes it, a hung one is found out. */
#define MKFS_DEADLINE_MS 300000

/* ---- monitor ---- */

static bool mon_works(const json_t *answer)
{
	const char *state = json_string_value(json_object_get(answer, "state"));

	return str_equal(state, "leader") || str_equal(state, "peon");
}

static bool is_ip6(const char *address)
{
	return strchr(address, ':') != NULL;
}

/* The map the monitor begins with holds itself: it is the first. */
static int make_monmap(const struct ceph_order *order, const char *monmap, struct err *err)
{
	_cleanup_free_ char *address =
		xasprintf(is_ip6(order->mon.address) ? "[v2:[%s]:3300]" : "[v2:%s:3300]", order->mon.address);

	return cmd_runl(err, MKFS_DEADLINE_MS, "monmaptool", "--create", "--clobber", "--fsid", order->fsid, "--addv",
			order->mon.name, address, monmap, NULL);
}

/* Its store, from a folder of its own that only the user ceph can read. That folder is there from before the first file
 * until after the last, so that a try that was cut off is known as one and repeated from the beginning; the monitor is not
 * started before. (ceph-mon --mkfs wants its own folder empty, and says nothing if it is not.) */
static int mon_mkfs(const struct ceph_node *node, const char *dir, const char *work, const char *marker,
		    struct err *err)
{
	const struct ceph_order *order = node->order;
	_cleanup_free_ char *monmap = xasprintf("%s/monmap", work), *keyring = xasprintf("%s/keyring", work);
	_cleanup_free_ char *store = xasprintf("%s/store.db", dir), *text = ceph_text_mon_keyring(order);
	int r;

	if (access(store, F_OK) == 0 && access(work, F_OK) < 0)
		return err_set(err, ERR_STATE, "%s holds a monitor that we did not make", dir);
	r = ceph_node_mkdir(node, work, err);
	if (r == 0)
		r = cmd_runl(err, MKFS_DEADLINE_MS, "rm", "-rf", "--", dir, NULL);
	if (r == 0)
		r = ceph_node_mkdir(node, dir, err);
	if (r == 0)
		r = make_monmap(order, monmap, err);
	if (r == 0)
		r = ceph_node_write(node, keyring, text, 0600, true, err);
	wipe(text, strlen(text));
	if (r == 0)
		r = cmd_runl(err, MKFS_DEADLINE_MS, "ceph-mon", "--mkfs", "--id", order->mon.name, "--monmap", monmap,
			     "--keyring", keyring, "--setuser", "ceph", "--setgroup", "ceph", NULL);
	return r < 0 ? r : ceph_node_write(node, marker, order->fsid, 0644, true, err);
}

static int mon_prepare(const struct ceph_node *node, const struct osd_order *osd, struct err *err)
{
	const struct ceph_order *order = node->order;
	_cleanup_free_ char *dir = ceph_node_path(node, "/var/lib/ceph/mon/ceph-%s", order->mon.name);
	_cleanup_free_ char *work = ceph_node_path(node, "/var/lib/ceph/mon/making-%s", order->mon.name);
	_cleanup_free_ char *marker = xasprintf("%s/ingot-made", dir);
	_cleanup_free_ char *admin = ceph_node_path(node, CEPH_KEYRING_FORMAT, "client.admin");
	_cleanup_free_ char *admin_text = ceph_text_keyring("client.admin", order->mon.admin_key);
	_cleanup_free_ char *fsid = NULL;
	int r = ceph_node_write(node, admin, admin_text, 0600, false, err);

	wipe(admin_text, strlen(admin_text));
	if (r < 0)
		return r;
	r = read_file(marker, 256, &fsid, NULL);
	if (r == 0 && !str_equal(fsid, order->fsid))
		return err_set(err, ERR_STATE, "%s holds the monitor of another cluster, %s", dir, fsid);
	if (r < 0)
		r = mon_mkfs(node, dir, work, marker, err);
	return r < 0 ? r : cmd_runl(err, MKFS_DEADLINE_MS, "rm", "-rf", "--", work, NULL);
}

enum ceph_daemon_state ceph_mon_converge(const struct ceph_node *node, struct err *err)
{
	const struct ceph_daemon daemon = {
		.type = "mon",
		.id = node->order->mon.name,
		.prepare = mon_prepare,
		.question = "mon_status",
		.answer_good = mon_works,
	};

	return daemon.id ? ceph_daemon_run(node, &daemon, err) : CEPH_ABSENT;
}

/* ---- manager ---- */

/* It answers once it has begun; whether it is the active one is the monitors' to say. */
static bool mgr_works(const json_t *answer)
{
	return json_is_object(answer);
}

static int mgr_prepare(const struct ceph_node *node, const struct osd_order *osd, struct err *err)
{
	const char *name = node->order->mgr.name;
	_cleanup_free_ char *dir = ceph_node_path(node, "/var/lib/ceph/mgr/ceph-%s", name);
	_cleanup_free_ char *keyring = xasprintf("%s/keyring", dir), *entity = xasprintf("mgr.%s", name);
	_cleanup_free_ char *text = ceph_text_keyring(entity, node->order->mgr.key);
	int r = ceph_node_mkdir(node, dir, err);

	if (r == 0)
		r = ceph_node_write(node, keyring, text, 0600, true, err);
	wipe(text, strlen(text));
	return r;
}

enum ceph_daemon_state ceph_mgr_converge(const struct ceph_node *node, struct err *err)
{
	const struct ceph_daemon daemon = {
		.type = "mgr",
		.id = node->order->mgr.name,
		.prepare = mgr_prepare,
		.question = "mgr_status",
		.answer_good = mgr_works,
	};

	return daemon.id ? ceph_daemon_run(node, &daemon, err) : CEPH_ABSENT;
}
