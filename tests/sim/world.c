/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The world's clock, chance and network; the life and death of the controller in it. */
#include "world.h"

#include <sqlite3.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "store/store_priv.h"

#define START_MS INT64_C(1767225600000)
#define STORM_MS (40 * 60 * 1000)   /* faults happen this long */
#define END_MS (6 * 60 * 60 * 1000) /* by then everything must have come right */
#define DELAY_MS 1500
#define RESTART_MS 20000
#define STEP_MS 2000
#define SCAN_MAX 256
/* A node that is cut off is called unreachable after 30 s: some cuts end before, most do not. */
#define CUT_MS (3 * 60 * 1000)
#define LONG_CUT_MS (20 * 60 * 1000)

/* ---- chance: xorshift64*, seeded ---- */

static uint64_t next_random(struct world *world)
{
	uint64_t x = world->random;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	world->random = x;
	return x * UINT64_C(2685821657736338717);
}

uint64_t world_random(struct world *world, uint64_t below)
{
	return (next_random(world) >> 16) % below;
}

bool world_chance(struct world *world, unsigned per_thousand)
{
	return world_random(world, 1000) < (world->calm ? 0 : per_thousand);
}

static void random_source(void *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)data)[i] = (uint8_t)(next_random(sim_world) >> 32);
}

/* ---- words ---- */

void world_say(struct world *world, const char *fmt, ...)
{
	if (!world->trace)
		return;
	va_list ap;
	va_start(ap, fmt);
	fprintf(stderr, "%8.1f  ", (double)(loop_now_ms(world->loop) - START_MS) / 1000);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

void world_violated(struct world *world, const char *fmt, ...)
{
	va_list ap;
	if (world->violation)
		return;
	va_start(ap, fmt);
	world->violation = xvasprintf(fmt, ap);
	va_end(ap);
	world_say(world, "BROKEN: %s", world->violation);
}

/* ---- the controller: it dies between a commit and what follows, and comes back from what is stored ---- */

bool world_up(const struct world *world)
{
	return world->controller && !store_is_dead(world->controller->store);
}

static bool crash_hook(void *data)
{
	struct world *world = data;
	world->commits++;
	return world->by_count ? world->commits == world->die_at : world_chance(world, world->faults.crash);
}

/* The disk is full, or broken. */
static bool fault_hook(void *data)
{
	struct world *world = data;
	return world_chance(world, world->faults.commit_fails);
}

/* In a large rack a scan takes its time, as the real one does: the next part comes with the next scan. */
static void scan(struct machines *machines, void *ctx)
{
	struct world *world = ctx;
	for (unsigned n = 0; n < MIN_OF(world->machine_count, SCAN_MAX); n++) {
		world->scanned = (world->scanned + 1) % world->machine_count;
		if (!world_chance(world, world->faults.bmc_silent))
			machine_bmc_found(machines, world->machines[world->scanned].bmc_address);
	}
}

struct controller_spec world_controller_spec(struct world *world)
{
	return (struct controller_spec){
		.loop = world->loop,
		.database = world->database,
		.mark = world->mark,
		.ca = world->ca,
		.machines = { .netboot = &sim_netboot,
			      .netboot_ctx = world,
			      .bmc_user = "admin",
			      .bmc_password = "secret",
			      .scan = scan,
			      .scan_ctx = world,
			      .bundle_url = "http://10.77.0.1/bundle",
			      .bundle_key = "key",
			      .bundle_version = "1",
			      .server = "10.77.0.1:8444",
			      .ca_pem = "ca",
			      .prefix_length = 24 },
		.storage = { .driver = &sim_ceph_driver,
			     .driver_ctx = world,
			     .pool_size = 3,
			     .upload_dir = world->upload_dir },
	};
}

static void start_controller(void *data)
{
	struct world *world = data;
	_cleanup_err_ struct err err = ERR_INIT;
	world->restart_timer = NULL;
	const struct controller_spec spec = world_controller_spec(world);
	if (controller_new(&spec, &world->controller, &err) < 0) {
		world_violated(world, "the controller does not start: %s", err.text);
		return;
	}
	store_set_crash_hook(world->controller->store, crash_hook, world);
	store_set_fault_hook(world->controller->store, fault_hook, world);
	world->started_ms = loop_now_ms(world->loop);
	world_say(world, "the provisioner starts");
	controller_start(world->controller);
}

static void copy_database(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *copy = sqlite3_backup_init(to, "main", from, "main");
	if (!copy || sqlite3_backup_step(copy, -1) != SQLITE_DONE || sqlite3_backup_finish(copy) != SQLITE_OK)
		abort();
}

/* By a connection that locks the others out, as the store's does: its journal is none of those that may be shared. */
static void restore(struct world *world)
{
	sqlite3 *db;
	world_say(world, "an old state is restored");
	if (sqlite3_open_v2(world->database, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI, NULL) != SQLITE_OK ||
	    sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL) != SQLITE_OK)
		abort();
	copy_database(world->backup, db);
	sqlite3_close(db);
	world->restores++;
}

void world_back_up(struct world *world)
{
	if (!world->faults.restore)
		return;
	if (!world->backup && sqlite3_open(":memory:", (sqlite3 **)&world->backup) != SQLITE_OK)
		abort();
	/* The store's own connection: it locks all others out. */
	copy_database(world->controller->store->db, world->backup);
}

/* ---- a machine that is cut off: nobody hears it, it hears nobody, and all that runs on it runs on ---- */

bool world_is_cut(const struct sim_machine *machine)
{
	return !machine->world->calm && loop_now_ms(machine->world->loop) < machine->cut_until_ms;
}

static void cut(struct world *world, struct sim_machine *machine, int64_t at_most_ms)
{
	machine->cut_until_ms = loop_now_ms(world->loop) + 1 + (int64_t)world_random(world, (uint64_t)at_most_ms);
	world->cuts++;
	world_say(world, "machine %u is cut off", machine->index);
}

static struct sim_machine *with_a_guest(struct world *world)
{
	for (unsigned i = 0; i < world->machine_count; i++)
		for (unsigned n = 0; n < world->machines[i].domain_count; n++)
			if (world->machines[i].domains[n].state == DOMAIN_RUNNING)
				return &world->machines[i];
	return NULL;
}

/* What takes the provisioner's disk takes a switch along: an old state meets a node that cannot say what it runs. */
static void restore_in_a_storm(struct world *world)
{
	struct sim_machine *machine = with_a_guest(world);
	restore(world);
	if (machine && world->faults.cut && world_random(world, 2))
		cut(world, machine, LONG_CUT_MS);
}

static void bury(struct world *world)
{
	world_say(world, "the provisioner was killed");
	world->crashes++;
	world->controller = controller_free(world->controller);
	if (world->backup && world_chance(world, world->faults.restore))
		restore_in_a_storm(world);
	world->restart_timer =
		loop_timer_new(world->loop, 1 + (int64_t)world_random(world, RESTART_MS), start_controller, world);
}

/* ---- the network ---- */

struct parcel {
	struct list link; /* in world->parcels */
	struct world *world;
	loop_fn deliver, drop;
	void *data;
	unsigned copies;
};

static void parcel_free(struct parcel *parcel)
{
	list_remove(&parcel->link);
	parcel->drop(parcel->data);
	free(parcel);
}

static void arrive(void *data)
{
	struct parcel *parcel = data;
	parcel->world->messages++;
	parcel->deliver(parcel->data);
	if (--parcel->copies == 0)
		parcel_free(parcel);
}

void world_send(struct world *world, loop_fn deliver, loop_fn drop, void *data)
{
	if (world_chance(world, world->faults.lose)) {
		drop(data);
		return;
	}
	struct parcel *parcel = new0(struct parcel, 1);
	*parcel = (struct parcel){ .world = world,
				   .deliver = deliver,
				   .drop = drop,
				   .data = data,
				   .copies = world_chance(world, world->faults.twice) ? 2 : 1 };
	list_append(&world->parcels, &parcel->link);
	unsigned copies = parcel->copies;
	for (unsigned i = 0; i < copies; i++)
		loop_timer_new(world->loop, (int64_t)world_random(world, DELAY_MS), arrive, parcel);
}

/* ---- a run ---- */

static void one_step(struct world *world)
{
	unsigned waiting = loop_fake_work_count(world->loop);
	int64_t next = loop_fake_next_ms(world->loop);
	/* Work that waits for a worker ends at any time before, between and after what the clock brings. */
	if (waiting > 0 && (next > loop_now_ms(world->loop) + 200 || world_random(world, 2)))
		loop_fake_work_run(world->loop, (unsigned)world_random(world, waiting));
	else
		loop_fake_set_ms(world->loop, next);
	loop_fake_run_due(world->loop);
	if (world->controller && store_is_dead(world->controller->store))
		bury(world);
	unsigned victim = (unsigned)world_random(world, world->machine_count);
	if (world->faults.power_cut && world_random(world, 1000) < (world->calm ? 0 : world->faults.power_cut) &&
	    world->machines[victim].env != ENV_OFF)
		sim_machine_power(&world->machines[victim], true);
	if (world_chance(world, world->faults.cut))
		cut(world, &world->machines[world_random(world, world->machine_count)],
		    world_random(world, 4) ? CUT_MS : LONG_CUT_MS);
	if (world->faults.bmc_swaps && world_random(world, 100) == 0 && world_chance(world, world->faults.bmc_swaps))
		sim_bmc_swap(&world->machines[victim], &world->machines[(victim + 1) % world->machine_count]);
}

static void choose_faults(struct world *world)
{
	unsigned heat = (unsigned)world_random(world, 4); /* some runs are calm */
	world->faults = (struct sim_faults){ .lose = 30 * heat,
					     .twice = 30 * heat,
					     .crash = 4 * heat,
					     .bmc_silent = 20 * heat,
					     .bmc_lies = 15 * heat,
					     .ceph_fails = 20 * heat,
					     .power_cut = heat,
					     .install_fails = 3 * heat,
					     .migration_fails = 100 * heat,
					     .disk_first = 100 * heat,
					     .part_slow = 40 * heat,
					     .source_dies = 100 * heat,
					     .migration_stalls = 60 * heat,
					     .commit_fails = 3 * heat,
					     .agent_dies = 5 * heat,
					     .kexec_refused = 100 * heat,
					     .cut = heat,
					     .guest_ends = 2 * heat,
					     .bmc_swaps = 20 * heat };
	if (world_random(world, 2))
		world->faults.restore = 100 * heat;
	world->wanted_migrations = 1 + (unsigned)world_random(world, 3);
}

void world_open(struct world *world, const struct world_spec *spec)
{
	_cleanup_err_ struct err err = ERR_INIT;
	*world = (struct world){ .seed = spec->seed,
				 .random = spec->seed * UINT64_C(0x9E3779B97F4A7C15) + 1,
				 .trace = spec->trace,
				 .loop = spec->loop,
				 .database = xstrdup(spec->database),
				 .upload_dir = xstrdup(spec->folder),
				 .machine_count = spec->machine_count,
				 .scanned = spec->machine_count - 1,
				 .hurry = 1,
				 .step_ms = STEP_MS };
	world->mark = xasprintf("%s/mark", spec->folder);
	sim_world = world;
	list_init(&world->parcels);
	if (ca_open(spec->folder, &world->ca, &err) < 0) {
		fprintf(stderr, "sim: %s\n", err.text);
		exit(2);
	}
	world->machines = new0(struct sim_machine, spec->machine_count);
	world->osds = new0(char *, spec->machine_count *DISKS);
	for (unsigned i = 0; i < world->machine_count; i++)
		sim_machine_init(world, i);
}

void world_close(struct world *world)
{
	struct parcel *parcel;
	world->controller = controller_free(world->controller);
	/* What is with a worker frees itself when it comes back, and must not look for a controller. */
	while (loop_fake_work_run(world->loop, 0))
		;
	LIST_FOREACH(parcel, &world->parcels, link)
		parcel_free(parcel);
	for (unsigned i = 0; i < world->machine_count; i++)
		sim_machine_done(&world->machines[i]);
	for (unsigned i = 0; i < world->osd_count; i++)
		free(world->osds[i]);
	for (unsigned i = 0; i < world->rbd_count; i++)
		free(world->rbd[i]);
	for (unsigned i = 0; i < world->move_count; i++) {
		free(world->moves[i].task);
		free(world->moves[i].migration);
	}
	free(world->machines);
	free(world->osds);
	ca_free(world->ca);
	free(world->database);
	free(world->mark);
	free(world->upload_dir);
}

static char temporary[] = "/tmp/ingot-sim.XXXXXX";

/* Its files are the authority's, the mark, and contents of images; there is no folder in it. */
static void remove_temporary(void)
{
	DIR *folder = opendir(temporary);
	const struct dirent *entry;
	while (folder && (entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
	rmdir(temporary);
}

/* One for all runs of this process. */
static const char *temporary_folder(void)
{
	static bool made;
	if (made)
		return temporary;
	if (!mkdtemp(temporary)) {
		fprintf(stderr, "sim: no temporary folder\n");
		exit(2);
	}
	atexit(remove_temporary);
	made = true;
	return temporary;
}

static void explain(struct world *world, struct strbuf *why)
{
	if (!world->controller) {
		strbuf_adds(why, "the provisioner is down");
		return;
	}
	STORE_EACH(struct machine, machine, world->controller->store, &kind_machine)
		strbuf_addf(why, "%s %s; ", machine->name, machine->step);
	STORE_EACH(struct pool, pool, world->controller->store, &kind_pool)
		strbuf_addf(why, "pool %s (%s); ", pool_state_words[pool->state], str_or(pool->detail, "-"));
	STORE_EACH(struct vm, vm, world->controller->store, &kind_vm)
		strbuf_addf(why, "vm %s (%s); ", vm_state_words[vm->state], vm->error ? vm->error->text : "-");
	strbuf_addf(why, "%u of %u migrations", world->migrations, world->wanted_migrations);
}

static void world_init(struct world *world, uint64_t seed, bool trace)
{
	_cleanup_free_ char *database = xasprintf("file:/ingot-sim-%llu?vfs=memdb", (unsigned long long)seed);
	const struct world_spec spec = { .seed = seed,
					 .trace = trace,
					 .machine_count = 3,
					 .loop = loop_new_fake(START_MS),
					 .database = database,
					 .folder = temporary_folder() };
	world_open(world, &spec);
	unlink(world->mark); /* of the run before */
	random_set_source(random_source);
	choose_faults(world);
}

static struct world_result run(struct world *world)
{
	sqlite3 *holder; /* keeps the database in memory over the controller's deaths */
	log_set_quiet(!world->trace);
	bmc_drivers_set((const struct bmc_driver *const[]){ &sim_bmc_driver, NULL });
	sqlite3_open_v2(world->database, &holder, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI, NULL);
	start_controller(world);
	world->operator_timer = loop_timer_new(world->loop, 0, sim_operator, world);
	while (!world->done && !world->violation && loop_now_ms(world->loop) < START_MS + END_MS) {
		one_step(world);
		sim_check(world);
		world->calm = world->calm || loop_now_ms(world->loop) > START_MS + STORM_MS;
	}
	struct strbuf why = { 0 };
	if (world->violation)
		strbuf_adds(&why, world->violation);
	else if (!world->done) {
		strbuf_adds(&why, "it did not come right: ");
		explain(world, &why);
	}
	struct world_result result = { .ok = world->done && !world->violation,
				       .why = strbuf_take(&why),
				       .simulated_ms = loop_now_ms(world->loop) - START_MS,
				       .crashes = world->crashes,
				       .messages = world->messages,
				       .migrations = world->migrations,
				       .restores = world->restores,
				       .cuts = world->cuts,
				       .installs = world->installs,
				       .commits = world->commits };
	free(world->violation);
	world_close(world);
	random_set_source(NULL);
	loop_free(world->loop);
	sqlite3_close(holder);
	sqlite3_close(world->backup);
	return result;
}

struct world_result world_run(uint64_t seed, bool trace)
{
	struct world world;
	world_init(&world, seed, trace);
	return run(&world);
}

struct world_result world_run_dying(uint64_t seed, bool trace, unsigned die_at)
{
	struct world world;
	world_init(&world, seed, trace);
	world.calm = true;
	world.by_count = true;
	world.die_at = die_at;
	return run(&world);
}
