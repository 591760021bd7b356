/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The resources of the API: a structure and a schema each. The provisioner stores, checks and shows them by the schemas;
 * the command line takes its columns and help from them; the OpenAPI document is made from them. */
#ifndef INGOT_PROTO_RESOURCES_H
#define INGOT_PROTO_RESOURCES_H

#include "schema/schema.h"

/* Why something failed, as the API shows it. */
struct problem {
	char *code; /* err_meaning()->name */
	char *text;
	char *field;
};
extern const struct schema problem_schema;
struct problem *problem_new(const struct err *err);
/* problem may be NULL. A code that this version does not know, from an agent of another, is ERR_INTERNAL. */
void problem_to_err(const struct problem *problem, struct err *ret);
/* What an agent told, with a code that this version knows: the API promises those alone. The caller frees by schema_free(). */
struct problem *problem_known(const struct problem *told);

/* ---- machine ---- */

enum machine_state {
	MACHINE_NEW,
	MACHINE_COMMISSIONING,
	MACHINE_READY,
	MACHINE_DEPLOYING,
	MACHINE_DEPLOYED,
	MACHINE_FAILED,
};
extern const char *const machine_state_words[];
enum power_state { POWER_UNKNOWN, POWER_OFF, POWER_ON };
extern const char *const power_words[];
enum firmware { FIRMWARE_UNKNOWN, FIRMWARE_BIOS, FIRMWARE_UEFI };
extern const char *const firmware_words[];

struct disk_info {
	char *path, *wwn, *serial, *model;
	uint64_t size_bytes;
	bool rotational, in_use;
};
extern const struct schema disk_info_schema;

struct nic_info {
	char *name, *mac, *driver;
	bool link;
	int64_t speed_mbps;
};
extern const struct schema nic_info_schema;

/* What an agent reports of the machine it runs on. */
struct system_info {
	char *uuid, *serial, *vendor, *product;
};
struct cpu_info {
	char *model;
	int64_t sockets, cores, threads;
};
struct bmc_info {
	char *address;
};
struct inventory {
	struct system_info *system;
	struct cpu_info *cpu;
	struct bmc_info *bmc;
	char *kernel;
	int firmware;
	uint64_t memory_bytes;
	struct disk_info *disks;
	size_t disk_count;
	struct nic_info *nics;
	size_t nic_count;
};
extern const struct schema inventory_schema;

struct disk_choice {
	char *wwn, *serial;
	uint64_t size_bytes;
};
extern const struct schema disk_choice_schema;

enum bmc_state { BMC_STATE_UNKNOWN, BMC_STATE_OK, BMC_STATE_UNREACHABLE, BMC_STATE_CREDENTIALS };
extern const char *const bmc_state_words[];

struct machine {
	char *id, *name;
	int state;  /* enum machine_state */
	char *step; /* fine state of the life cycle */
	char *previous_step, *failed_step;
	struct problem *error;
	int power;
	char *bmc_address, *bmc_driver, *bmc_user, *bmc_password, *bmc_uuid;
	int bmc_state;
	struct problem *bmc_error;
	int64_t bmc_quirks, bmc_cipher_suite;
	char *uuid, *serial, *boot_mac, *address;
	char **macs;
	size_t mac_count;
	int firmware;
	struct inventory *inventory;
	int64_t created, agent_seen, step_deadline;
	char *boot_id;	  /* of the live image that runs now */
	char *live_token; /* SHA-256 of the token of this boot */
	char *task;
	int64_t attempt; /* grows with each step entered; answers to older attempts are dropped */
	int64_t retries;
	/* the deploy under way or done */
	char *install_id;
	char *bundle_url, *bundle_key, *bundle_version; /* what is written */
	struct disk_choice *install_disk;
	char *install_state, *install_step;
	int64_t install_progress;
	char *enroll_token, *enroll_hash, *enroll_key;
	char *node;
	char *zone; /* NULL: none was given */
};
extern const struct schema machine_schema;

struct machine_deploy {
	char *disk; /* serial or WWN */
	char *name;
};
extern const struct schema machine_deploy_schema;
struct machine_power {
	int action;
};
enum { POWER_ACTION_ON, POWER_ACTION_OFF, POWER_ACTION_CYCLE, POWER_ACTION_RESET };
extern const struct schema machine_power_schema;
struct machine_accept {
	char *name, *zone;
};
extern const struct schema machine_accept_schema;

/* What a BMC reads from one of its sensors. */
enum sensor_state { SENSOR_OK, SENSOR_WARNING, SENSOR_CRITICAL, SENSOR_UNKNOWN };
extern const char *const sensor_state_words[];
struct sensor {
	char *name, *type, *unit, *text;
	int64_t number;
	double value; /* not finite: it has none, see text */
	int state;
};
extern const struct schema sensor_schema;
struct machine_sensors {
	int64_t read_at;
	struct sensor *sensors;
	size_t sensor_count;
};
extern const struct schema machine_sensors_schema;

/* What a BMC has in its system event log. */
struct sel_entry {
	char *sensor, *type, *text;
	int64_t number, time;
	bool ended;
	int state; /* enum sensor_state */
};
extern const struct schema sel_entry_schema;
struct machine_sel {
	int64_t read_at, total;
	struct sel_entry *entries;
	size_t entry_count;
};
extern const struct schema machine_sel_schema;

/* Where BMCs are looked for, and what is said to those that answer. */
struct bmc_range {
	char *id, *name, *range, *user;
	char *password; /* NULL of one that the configuration names: that has it */
	bool configured;
	int64_t addresses;
	int64_t answered, refused; /* in the last scan */
	int64_t scanned_at;	   /* when that was over; 0: none was yet, with this user and password */
	int64_t created_at;
};
extern const struct schema bmc_range_schema;

/* ---- consoles ---- */

enum console_kind { CONSOLE_SERIAL, CONSOLE_VNC };
extern const char *const console_kind_words[];
struct console_request {
	int kind;
};
extern const struct schema console_request_schema;
struct console_ticket {
	char *ticket, *url;
	int64_t expires_at;
};
extern const struct schema console_ticket_schema;

/* ---- node ---- */

enum node_health { NODE_JOINING, NODE_READY, NODE_UNREACHABLE };
extern const char *const node_health_words[];

struct node_osd {
	int64_t number;
	char *uuid, *key, *wwn, *serial, *state;
};
struct node {
	char *id, *name, *machine, *address;
	char *zone; /* of its machine; filled in when it is shown */
	int health;
	int64_t created, seen;
	char *certificate;
	int64_t certificate_until; /* 0: not known */
	bool pool_disks;	   /* its data disks are the pool's */
	bool awaited;		   /* an older state has come back, and it has not said since what it runs */
	uint64_t memory_bytes, memory_free_bytes;
	int64_t cpus, vm_count;
	char *mon, *mgr; /* as the agent reports */
	struct node_osd *osds;
	size_t osd_count;
	struct problem *error;
};
extern const struct schema node_schema;

/* ---- pool ---- */

enum pool_state { POOL_WAITING, POOL_CREATING, POOL_ACTIVE, POOL_DEGRADED, POOL_UNREACHABLE };
extern const char *const pool_state_words[];

struct pool {
	char *id, *name;
	int state;
	char *detail; /* in words: what it waits for, what is wrong */
	char *health;
	int64_t size, min_size, pg_num, pgs, pgs_active_clean, osds, osds_up, hosts_up;
	uint64_t total_bytes, used_bytes, available_bytes;
	int64_t created, state_since;
	bool made; /* exists in Ceph */
};
extern const struct schema pool_schema;

/* How full a pool was, once an hour. */
struct pool_sample {
	int64_t time;
	uint64_t used_bytes, total_bytes;
};
extern const struct schema pool_sample_schema;
struct pool_usage {
	char *id; /* the pool's */
	struct pool_sample *samples;
	size_t sample_count;
};
extern const struct schema pool_usage_schema;

/* Secrets and addresses of the Ceph cluster; one document, never shown. */
struct ceph_cluster {
	char *id, *fsid, *mon_host, *mon_node, *mon_key, *admin_key, *mgr_key, *client_key;
};
extern const struct schema ceph_cluster_schema;

/* ---- image, volume ---- */

enum image_state { IMAGE_UPLOADING, IMAGE_IMPORTING, IMAGE_AVAILABLE, IMAGE_FAILED };
extern const char *const image_state_words[];
struct image {
	char *id, *name, *pool, *sha256, *upload, *task;
	char *received_sha256; /* of what came in, as it came in */
	int state;
	bool call_off;			      /* its import was cancelled: whatever comes of that, it has failed */
	uint64_t size_bytes, announced_bytes; /* announced: 0 if it was not */
	int64_t created;
	struct problem *error;
};
extern const struct schema image_schema;
struct image_content {
	uint64_t offset_bytes, size_bytes;
};
extern const struct schema image_content_schema;

enum volume_state { VOLUME_CREATING, VOLUME_AVAILABLE, VOLUME_IN_USE, VOLUME_DELETING, VOLUME_FAILED };
extern const char *const volume_state_words[];
struct volume {
	char *id, *name, *pool, *image, *vm, *task;
	char *image_name, *vm_name; /* filled in when it is shown */
	int state;
	bool unmade;   /* while it is deleted: it had failed, and there is nothing in it that could be used */
	bool call_off; /* its making was cancelled: it goes, with what there is of it */
	uint64_t size_bytes;
	int64_t created;
	struct problem *error;
};
extern const struct schema volume_schema;

/* ---- network ---- */

struct network {
	char *id, *name, *description;
	int64_t vlan; /* 0: untagged */
	int64_t mtu, created;
};
extern const struct schema network_schema;

/* ---- vm ---- */

#define VM_NICS_MAX 8
struct vm_nic {
	char *network, *network_name, *mac;
};
extern const struct schema vm_nic_schema;

enum vm_state {
	VM_STOPPED,
	VM_STARTING,
	VM_RUNNING,
	VM_STOPPING,
	VM_MIGRATING,
	VM_DELETING,
	VM_UNKNOWN, /* its node does not report */
	VM_FAILED,
};
extern const char *const vm_state_words[];
struct vm {
	char *id, *name, *volume, *node, *target, *task, *migration_id;
	char *node_name, *volume_name; /* filled in when it is shown */
	int state;
	int64_t cpus, generation, created, migration_progress;
	uint64_t memory_bytes;
	bool start;	   /* at creation */
	bool wanted;	   /* should run */
	bool source_gone;  /* the source said that it is not there (any more) */
	bool target_ready; /* the target said that it waits for the migration */
	bool call_off;	   /* the migration is to be ended */
	bool has_run;	   /* under this generation */
	char *placement;   /* why this node */
	struct problem *error;
	/* what the guest finds in its seed (cloud-init's data source NoCloud) */
	char *hostname, *user_data, *network_config;
	char **ssh_keys;
	size_t ssh_key_count;
	bool cloud_init;     /* it has one */
	uint64_t seed_bytes; /* of it, as its node is told; 0 of one that was made before they were counted */
	char **networks;     /* names, in the order of the NICs */
	size_t network_count;
	struct vm_nic *nics;
	size_t nic_count;
	char **strays; /* nodes that have it, where it is not expected */
	size_t stray_count;
};
extern const struct schema vm_schema;
struct vm_migrate {
	char *node;
};
extern const struct schema vm_migrate_schema;

/* What is wrong with what a guest would be given. */
#define USER_DATA_MAX_BYTES (64 * 1024)
#define NETWORK_CONFIG_MAX_BYTES (16 * 1024)
#define SSH_KEYS_MAX 32
/* Of all that, as a node is told: escaped, in JSON. */
#define SEED_MAX_BYTES (96 * 1024)
struct cloud_init_input {
	char *user_data, *network_config;
	char **ssh_keys;
	size_t ssh_key_count;
};
extern const struct schema cloud_init_input_schema;
struct cloud_init_verdict {
	struct problem *problems;
	size_t problem_count;
};
extern const struct schema cloud_init_verdict_schema;

/* ---- task, event, token ---- */

enum task_state { TASK_RUNNING, TASK_SUCCEEDED, TASK_FAILED, TASK_CANCELLED };
extern const char *const task_state_words[];
/* How far a command is that cannot be repeated without harm: sent, and nobody knows more; or known to be taken. */
enum task_command { TASK_COMMAND_NONE, TASK_COMMAND_SENT, TASK_COMMAND_TAKEN };
struct task_step {
	char *name;
	int64_t started, ended;
};
struct task {
	char *id, *action, *resource, *resource_id, *resource_name, *message;
	int state;
	int64_t progress, created, ended, deadline;
	bool cancel;
	int64_t command; /* enum task_command: of what is not to be done twice */
	struct task_step *steps;
	size_t step_count;
	char **log;
	size_t log_count;
	struct problem *error;
	json_t *order;		     /* what was asked for, by the schema of its action; NULL: nothing but the action */
	char *retry_of, *retried_by; /* tasks */
};
extern const struct schema task_schema;

struct event {
	char *id;
	int64_t time;
	char *kind; /* "machine.found", "task.failed" */
	char *code; /* of event_texts; NULL: an event of an earlier version */
	char *resource, *resource_id, *resource_name, *text;
	json_t *params; /* an object of strings */
};
extern const struct schema event_schema;

/* ROLE_NONE: of an operation that is for those who are not signed in, too; nobody has it. */
enum role { ROLE_NONE = -1, ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMIN };
extern const char *const role_words[];
struct token {
	char *id, *name, *hash;
	char *token;		/* the text, in the answer that made it; never stored */
	char *user, *user_name; /* who made it; NULL: the first start did. The name is filled in when it is shown */
	int role;
	int64_t created_at, expires_at, last_used_at; /* expires_at 0: never */
};
extern const struct schema token_schema;

/* A machine that joined by a token. */
struct join_use {
	char *uuid;	/* system UUID; of a machine without one, a MAC address */
	char *boot_mac; /* of those that share a UUID, which; NULL: it did not say */
	char *key;	/* fingerprint of the key that it got a certificate for */
	char *machine;
	int64_t joined_at;
};
extern const struct schema join_use_schema;
struct join_token {
	char *id, *name, *hash;
	char *token;		/* the text, in the answer that made it; never stored */
	char *user, *user_name; /* who made it; NULL: the provisioner, or a token that no user made */
	int role;		/* what a machine may become by it: join_role_words */
	int64_t uses;		/* how many machines may join by it */
	int64_t created_at, expires_at;
	struct join_use *joins;
	size_t join_count;
};
extern const struct schema join_token_schema;
extern const char *const join_role_words[];
#define JOIN_TOKEN_DEFAULT_MS (INT64_C(24) * 60 * 60 * 1000)

/* ---- user, session, audit ---- */

struct user {
	char *id, *name;
	char *password; /* as it was sent; never stored */
	char *password_hash;
	int role;
	bool disabled, password_change_required;
	int64_t created_at;
};
extern const struct schema user_schema;

struct sign_in {
	char *name, *password;
};
extern const struct schema sign_in_schema;
struct password_change {
	char *current, *password;
};
extern const struct schema password_change_schema;

/* A session as the one who has it sees it. */
struct session_user {
	char *id, *name;
	int role;
	bool password_change_required;
};
struct session_info {
	struct session_user *user;
	char *csrf_token;
	int64_t expires_at;
};
extern const struct schema session_schema;

/* A session as it is stored; never shown. */
struct sign_in_session {
	char *id; /* of the SHA-256 of the cookie */
	char *user, *address;
	int64_t created, seen;
};
extern const struct schema sign_in_session_schema;

struct audit {
	char *id, *who, *address, *operation, *resource, *object, *object_id, *code;
	int via;
	int64_t time, status;
};
enum { AUDIT_VIA_NOTHING, AUDIT_VIA_SESSION, AUDIT_VIA_TOKEN };
extern const struct schema audit_schema;

/* A call that created or began something and was answered: what the same Idempotency-Key is answered with again. Never shown. */
struct creation {
	char *id;	   /* hash of who, which operation, which key */
	char *fingerprint; /* hashes of the request */
	char *resource, *task;
	int64_t created;
};
extern const struct schema creation_schema;

/* A virtual machine that was deleted: a node that was away may have it still. Never shown. */
struct deleted_vm {
	char *id, *name;
	int64_t generation, deleted;
	int64_t round; /* in which it was deleted; see vm_deleted.c */
};
extern const struct schema deleted_vm_schema;

struct no_body {
	char unused;
};
extern const struct schema no_body_schema;

#endif
