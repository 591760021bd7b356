/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A simulated rack around the real controller: machines with power, firmware, disks and agents, BMCs, a network that loses,
 * doubles and delays, a Ceph cluster, and an operator. One seed drives everything; nothing else does. */
#ifndef INGOT_SIM_WORLD_H
#define INGOT_SIM_WORLD_H

#include "base/list.h"
#include "controller/controller.h"

#define DOMAINS_MAX 64
#define DISKS 2
#define RBD_MAX 4096
#define MOVES_MAX 1024

enum sim_env { ENV_OFF, ENV_FIRMWARE, ENV_LIVE, ENV_HOST };

/* A virtual machine as a node's libvirt has it. */
struct sim_domain {
	char *id, *image;
	char *mac; /* of its first network card */
	int64_t generation;
	enum { DOMAIN_STOPPED, DOMAIN_RUNNING, DOMAIN_INCOMING, DOMAIN_ARRIVING } state;
	char *migration, *target; /* id of the last migration asked for; address it goes to */
	enum { MIGRATION_NONE, MIGRATION_RUNNING, MIGRATION_FAILED } migration_state;
	int64_t migration_end_ms;
	int64_t arrival_end_ms; /* it has all of its memory, its source's QEMU is dead: then it runs here, or is dropped */
};

struct sim_machine {
	struct world *world;
	unsigned index;
	char *uuid, *mac;
	char *bmc_address; /* as it is now: BMCs swap theirs */
	enum sim_env env;
	enum boot_intent intent; /* as the boot listener has it */
	int boot_device;	 /* enum bmc_boot_device */
	unsigned boot_count;
	struct loop_timer *boot_timer, *agent_timer;
	int64_t cut_until_ms; /* until then nothing gets from it to the provisioner or back; what runs on it runs on */
	/* disk */
	bool installed;
	char *installed_id, *enroll_token, *name;
	/* live agent; lost with the power */
	char *boot_id, *machine_id, *live_token;
	int64_t generation;
	char *install_id;
	enum { INSTALL_IDLE, INSTALL_RUNNING, INSTALL_WRITTEN, INSTALL_FAILED } install_state;
	int install_progress;
	/* node's agent; on disk */
	char *key, *csr, *certificate, *node;
	json_t *desired;
	/* its part for virtual machines: the run under way (order, of which document, when it ends), and the last report */
	json_t *vms_order, *vms_report;
	int64_t vms_order_generation, vms_end_ms, vms_generation;
	bool mon_running, osd_running;
	struct sim_domain domains[DOMAINS_MAX];
	unsigned domain_count;
	/* on disk: what it has sent away, or was about to, and under which order */
	struct {
		char *id;
		int64_t generation;
	} departed[DOMAINS_MAX];
	unsigned departed_count;
};

struct sim_faults {
	/* per thousand */
	unsigned lose, twice, crash, bmc_silent, bmc_lies, ceph_fails, power_cut, install_fails, migration_fails,
		disk_first, part_slow, source_dies, restore, migration_stalls, commit_fails, agent_dies, kexec_refused,
		cut, guest_ends, bmc_swaps;
};

/* A migration that the operator asked for. */
struct sim_move {
	char *task, *migration;
	bool moved;
};

struct world {
	uint64_t seed, random;
	struct loop *loop;
	struct controller *controller; /* NULL while it is down */
	struct ca *ca;
	char *database, *mark, *upload_dir;
	void *backup;	  /* sqlite3: what was stored earlier */
	bool trace, calm; /* calm: no more faults, everything has to come right */
	struct sim_faults faults;
	struct sim_machine *machines;
	unsigned machine_count, scanned; /* scanned: the last BMC that a scan found */
	/* A firmware takes a minute and an agent looks every two seconds; who watches may have it otherwise. */
	unsigned hurry;	    /* firmware is so many times faster */
	unsigned step_ms;   /* between two looks of an agent */
	unsigned linger_ms; /* a migration takes so much longer, so that it is seen */
	bool hostile;	    /* firmware and disks tell markup and control characters of themselves */
	struct loop_timer *restart_timer, *operator_timer;
	struct list parcels; /* messages under way */
	/* Ceph */
	char **osds; /* one for each disk */
	unsigned osd_count;
	char *rbd[RBD_MAX];
	unsigned rbd_count;
	unsigned rbd_room; /* how many fit; 0: RBD_MAX */
	bool pool;
	int64_t filling_since_ms; /* since then the pool fills up; 0: nothing is stored in it */
	/* what happened */
	unsigned crashes, messages, migrations, installs, commits, restores, cuts;
	int64_t started_ms; /* the controller, last */
	bool by_count;	    /* no fault but one: the provisioner dies after this commit (0: never) */
	unsigned die_at;
	struct sim_move moves[MOVES_MAX];
	unsigned move_count;
	char *violation;
	bool done;
	unsigned wanted_migrations;
};

/* ---- chance ---- */
uint64_t world_random(struct world *world, uint64_t below);
bool world_chance(struct world *world, unsigned per_thousand);
/* Says what happened, if the run is traced. */
void world_say(struct world *world, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Notes the first broken invariant. */
void world_violated(struct world *world, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- sim_machine.c, sim_agent.c, sim_domain.c ---- */
void sim_machine_power(struct sim_machine *machine, bool on);
/* NULL: none of ours. */
struct sim_machine *sim_machine_by_mac(struct world *world, const char *mac);
struct sim_machine *sim_machine_by_bmc(struct world *world, const char *address);
struct sim_machine *sim_machine_by_address(struct world *world, const char *address);
void sim_machine_init(struct world *world, unsigned index);
/* Two of them whose BMCs get each other's address. */
void sim_bmc_swap(struct sim_machine *one, struct sim_machine *other);
/* The address of the BMC of a machine, unless they were swapped, and its own; the caller frees. */
char *sim_bmc_address(unsigned index);
char *sim_host_address(unsigned index);
void sim_machine_done(struct sim_machine *machine);
void sim_agent_start(struct sim_machine *machine);
void sim_agent_stop(struct sim_machine *machine);
/* What libvirt does by itself, whether the agent looks or not. */
void sim_domains_live(struct sim_machine *machine);
void sim_domains_converge(struct sim_machine *machine, const json_t *desired);
/* With a word for what was ordered and is not there. */
json_t *sim_domains_report(struct sim_machine *machine, const json_t *desired);
void sim_domains_drop(struct sim_machine *machine);
extern const struct bmc_driver sim_bmc_driver;
extern struct world *sim_world; /* for the driver tables, which have no context */
extern const struct netboot_ops sim_netboot;

/* ---- sim_ceph.c ---- */
extern const struct ceph_driver sim_ceph_driver;
bool sim_ceph_quorum(struct world *world);
/* How much of the pool is used at a time (ms since 1970): since it began to fill, a little more each hour and in the daytime some that
 * goes in the evening, until it is full. 0 if nothing fills it. */
uint64_t sim_ceph_used_bytes(const struct world *world, int64_t at_ms);

/* ---- sim_operator.c, sim_check.c ---- */
void sim_operator(void *world);
/* The first disk's serial number, borrowed; NULL before the inventory is known. */
char *sim_disk_for_the_system(const struct machine *machine);
void sim_check(struct world *world);

/* ---- world.c ---- */
bool world_up(const struct world *world);
/* Keeps a copy of what is stored; one of the next deaths may be followed by a start from it. */
void world_back_up(struct world *world);
/* Whether a machine and the provisioner are cut off from each other. */
bool world_is_cut(const struct sim_machine *machine);
/* Delivers a message: perhaps late, twice, or never. deliver is called with data; drop frees it. */
void world_send(struct world *world, loop_fn deliver, loop_fn drop, void *data);
struct world_spec {
	uint64_t seed;
	bool trace;
	unsigned machine_count;
	struct loop *loop;
	const char *database, *folder; /* folder: for uploads and the authority */
};
/* The rack, powered off; no controller yet. Drivers and the source of chance stay the caller's to set. */
void world_open(struct world *world, const struct world_spec *spec);
void world_close(struct world *world);
/* What a controller in this world stands on; borrows from it. */
struct controller_spec world_controller_spec(struct world *world);

struct world_result {
	bool ok;
	char *why;
	int64_t simulated_ms;
	unsigned crashes, messages, migrations, installs, commits, restores, cuts;
};
struct world_result world_run(uint64_t seed, bool trace);
/* The same without any fault but one: the provisioner dies after its nth commit (0: never). */
struct world_result world_run_dying(uint64_t seed, bool trace, unsigned die_at);

#endif
