/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state partition: an ext4 made around the files that the host starts with (docs/protocol.md), which mkfs.ext4 copies in
 * as it goes; it is never mounted here. */
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "install/install_priv.h"

#define MKFS_DEADLINE_MS 300000
#define STATE_LABEL "ingot-state"

static const char *const folders[] = { "",     "/etc",	   "/etc/systemd",   "/etc/systemd/network", "/etc.work",
				       "/var", "/var/lib", "/var/lib/ingot", "/var/lib/ingot/agent" };

/* ---- files; the caller frees ---- */

static char *make_identity(const struct order *order)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s}", "server", order->host.server, "ca", order->host.ca_pem,
				 "machine", order->host.machine, "name", order->host.name, "token", order->host.token);
	char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;

	if (!text)
		abort(); /* out of memory on something small */
	json_decref(json);
	return text;
}

static char *make_hostname(const struct order *order)
{
	return xasprintf("%s\n", order->host.name);
}

/* systemd.network(5) */
static char *make_network(const struct order *order)
{
	return xasprintf("[Match]\nMACAddress=%s\n\n[Network]\nAddress=%s\n%s%s%s", order->host.mac,
			 order->host.address, order->host.gateway ? "Gateway=" : "", str_or(order->host.gateway, ""),
			 order->host.gateway ? "\n" : "");
}

static const struct {
	const char *path;
	mode_t mode;
	char *(*make)(const struct order *order);
} files[] = {
	{ "/var/lib/ingot/agent/identity.json", 0600, make_identity },
	{ "/etc/hostname", 0644, make_hostname },
	{ "/etc/systemd/network/10-ingot.network", 0644, make_network },
};

/* ---- the tree ---- */

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	return remove(path);
}

static void remove_tree(const char *path)
{
	nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static int make_tree(const struct order *order, const char *tree, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		_cleanup_free_ char *path = xasprintf("%s%s", tree, folders[i]);
		/* The agent's folder will hold its key. */
		mode_t mode = i == ARRAY_SIZE(folders) - 1 ? 0700 : 0755;

		if (mkdir(path, mode) < 0 || chmod(path, mode) < 0)
			return err_set_errno(err, -errno, "%s", path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = xasprintf("%s%s", tree, files[i].path);
		_cleanup_free_ char *text = files[i].make(order);
		int r = write_file_atomic(path, text, strlen(text), files[i].mode);

		wipe(text, strlen(text));
		if (r < 0)
			return err_set_errno(err, r, "%s", path);
	}
	return 0;
}

static int run_mkfs(struct install *install, const char *tree, struct err *err)
{
	uint64_t offset = install->layout.partitions[PARTITION_STATE].offset_bytes;
	uint64_t size = install->layout.partitions[PARTITION_STATE].size_bytes;
	/* No discard: it would not know of the offset. */
	_cleanup_free_ char *extended = xasprintf("offset=%" PRIu64 ",nodiscard,root_owner=0:0", offset);
	_cleanup_free_ char *kib = xasprintf("%" PRIu64 "k", size / KIB);
	_cleanup_free_ char *uuid = uuid_new();

	return cmd_runl(err, MKFS_DEADLINE_MS, "mkfs.ext4", "-q", "-F", "-b", "4096", "-L", STATE_LABEL, "-U", uuid,
			"-d", tree, "-E", extended, install->disk.path, kib, NULL);
}

int state_partition_make(struct install *install, struct err *err)
{
	_cleanup_free_ char *tree = install_work_path(install, "state");
	int r;

	remove_tree(tree);
	r = make_tree(&install->order, tree, err);
	if (r == 0)
		r = run_mkfs(install, tree, err);
	remove_tree(tree);
	return r < 0 ? err_prefix(err, "state partition") : 0;
}
