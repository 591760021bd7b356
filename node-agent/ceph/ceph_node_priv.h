/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of this folder; runs on the part's worker. */
#ifndef INGOT_CEPH_CEPH_NODE_PRIV_H
#define INGOT_CEPH_CEPH_NODE_PRIV_H

#include <jansson.h>
#include <sys/types.h>

#include "core/part.h"
#include "daemon/daemon.h"
#include "disk/held_disk.h"

/* ---- the order: the desired section, checked (ceph_order.c, pure) ---- */

#define CEPH_OSDS_MAX 64
struct osd_order {
	int id;
	const char *uuid, *key, *wwn, *serial; /* wwn or serial may be NULL, not both */
	uint64_t memory_bytes;
};
struct ceph_order {
	const char *fsid, *mon_host;
	struct {
		const char *name, *address, *key, *admin_key; /* name NULL: none is wanted */
	} mon;
	struct {
		const char *name, *key;
	} mgr;
	struct {
		const char *name, *key; /* "client.ingot" */
	} client;
	struct osd_order osds[CEPH_OSDS_MAX];
	unsigned osd_count;
};
/* Strings are borrowed from desired. ERR_INVALID with the field that is wrong: names become parts of paths and of lines in
 * configuration files, so that nothing but letters, digits, '-', '_' and '.' is let through. */
int ceph_order_parse(const json_t *desired, struct ceph_order *ret, struct err *err);
/* The address of the first monitor, without port: "10.0.0.1" of "[v2:10.0.0.1:3300],...". The caller frees; NULL if there is
 * none. */
char *ceph_order_mon_address(const struct ceph_order *order);

/* ---- texts (ceph_text.c, pure) ---- */

struct ceph_text_host {
	const char *public_address; /* NULL: Ceph chooses */
	uint64_t memory_bytes;	    /* of the machine */
	bool journal;		    /* the daemons' output goes to a journal that has a limit */
};
char *ceph_text_conf(const struct ceph_order *order, const struct ceph_text_host *host);
/* A keyring of one entity. */
char *ceph_text_keyring(const char *entity, const char *key);
/* The keyring a monitor is made with: "mon." and client.admin, which may do everything. */
char *ceph_text_mon_keyring(const struct ceph_order *order);

/* ---- the node ---- */

struct ceph_node {
	struct part_run *run;
	const struct ceph_order *order;
	const struct daemon_driver *driver;
	uid_t uid; /* of the user "ceph", which the daemons run as */
	gid_t gid;
};
char *ceph_node_path(const struct ceph_node *node, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Writes a file unless it is the same already. owner_ceph: it belongs to the user "ceph", else to root. */
int ceph_node_write(const struct ceph_node *node, const char *path, const char *text, unsigned mode, bool owner_ceph,
		    struct err *err);
/* Makes a folder of the user "ceph", mode 0750. */
int ceph_node_mkdir(const struct ceph_node *node, const char *path, struct err *err);

/* What a daemon is doing, as the report says it. */
enum ceph_daemon_state { CEPH_ABSENT, CEPH_STARTING, CEPH_RUNNING, CEPH_FAILED };
const char *ceph_daemon_state_name(enum ceph_daemon_state state);

/* One daemon of this node. */
struct ceph_daemon {
	const char *type, *id; /* "mon", "mgr", "osd" */
	/* Makes what it needs; called only while it does not run. */
	int (*prepare)(const struct ceph_node *node, const struct osd_order *osd, struct err *err);
	const struct osd_order *osd; /* given to prepare; NULL but for OSDs */
	/* An admin socket command, and whether the answer says that it does its work. */
	const char *question;
	bool (*answer_good)(const json_t *answer);
};
/* Starts it if it does not run and says what it does. CEPH_FAILED fills err. */
enum ceph_daemon_state ceph_daemon_run(const struct ceph_node *node, const struct ceph_daemon *daemon, struct err *err);
/* Asks a daemon through its admin socket, as "ceph daemon" does: the JSON of the answer (new reference). -ECONNREFUSED or
 * -ENOENT if it does not listen (yet), -ETIMEDOUT, -EPROTO. */
int ceph_asok(const char *path, const char *command, int64_t deadline_ms, json_t **ret_answer);

enum ceph_daemon_state ceph_mon_converge(const struct ceph_node *node, struct err *err);
enum ceph_daemon_state ceph_mgr_converge(const struct ceph_node *node, struct err *err);
enum ceph_daemon_state ceph_osd_converge(const struct ceph_node *node, const struct osd_order *osd, struct err *err);

/* ---- the disk under an OSD (ceph_disk.c) ---- */

#define OSD_PARTITION_NAME "ingot-osd"
/* "Ceph OSD" of the discoverable GPT types: what udev rules and partitioning tools know it as. */
#define OSD_PARTITION_TYPE "4FBD7E29-9D25-41B8-AFD0-062C0CEFF05D"

enum disk_verdict { DISK_OURS, DISK_BLANK, DISK_FOREIGN };
/* Pure. signatures: of "wipefs --json DISK"; table: of "sfdisk --json DISK", NULL if there is no table. A disk is ours if it
 * has one partition and that has our name and the OSD's UUID. ret_what: for DISK_FOREIGN what is on it, in words; the caller
 * frees. */
enum disk_verdict ceph_disk_judge(const json_t *signatures, const json_t *table, const char *osd_uuid, char **ret_what);

/* A disk and its partition, both held: neither number nor name of them goes to another one meanwhile. */
struct osd_disk {
	struct held_disk disk;
	int partition_fd;
	char *path; /* of the partition, for us and for programs that run as root: "/proc/PID/fd/N" */
	char *node; /* of the partition, for the daemon, which runs as the user ceph: "/dev/sda1" */
};
#define OSD_DISK_NONE ((struct osd_disk){ .disk = { .fd = -1 }, .partition_fd = -1 })
/* Finds the disk, partitions it if it is blank, and opens its partition. ERR_STATE if it holds something, is in use, or another
 * one has got its place; nothing was written then. */
int ceph_disk_prepare(const struct ceph_node *node, const struct osd_order *osd, struct osd_disk *ret, struct err *err);
void osd_disk_done(struct osd_disk *disk);
#define _cleanup_osd_disk_ _cleanup_(osd_disk_done)
/* Whether both are what they were, and the node is the partition's: before each step that writes. ERR_STATE. */
int ceph_disk_check(const struct osd_disk *disk, struct err *err);

/* What a partition carries: *ret_label is NULL if there is no BlueStore. */
int ceph_disk_label(const struct osd_disk *disk, json_t **ret_label, struct err *err);
/* Takes a BlueStore whose making was cut off away: zeroes the label. */
int ceph_disk_unlabel(const struct osd_disk *disk, struct err *err);

#endif
