/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Virtual machines on a simulated node: a libvirt that starts, stops and migrates. */
#include "world.h"

#define MIGRATION_MS 8000
#define ARRIVAL_MS 30000

static struct sim_domain *find(struct sim_machine *m, const char *id)
{
	for (unsigned i = 0; i < m->domain_count; i++)
		if (str_equal(m->domains[i].id, id))
			return &m->domains[i];
	return NULL;
}

static struct sim_domain *add(struct sim_machine *m, const char *id)
{
	if (m->domain_count == DOMAINS_MAX)
		abort();
	struct sim_domain *d = &m->domains[m->domain_count++];
	*d = (struct sim_domain){ .id = xstrdup(id) };
	return d;
}

static void drop(struct sim_machine *m, struct sim_domain *d)
{
	free(d->id);
	free(d->image);
	free(d->mac);
	free(d->migration);
	free(d->target);
	*d = m->domains[--m->domain_count];
	m->domains[m->domain_count] = (struct sim_domain){ 0 };
}

void sim_domains_drop(struct sim_machine *m)
{
	while (m->domain_count > 0)
		drop(m, &m->domains[0]);
}

/* ---- what has left, as vm_departure.c keeps it ---- */

static int64_t *departure(struct sim_machine *m, const char *id)
{
	for (unsigned i = 0; i < m->departed_count; i++)
		if (str_equal(m->departed[i].id, id))
			return &m->departed[i].generation;
	return NULL;
}

/* -1: none. */
static void set_departure(struct sim_machine *m, const char *id, int64_t generation)
{
	int64_t *known = departure(m, id);
	if (known) {
		*known = generation;
	} else if (generation >= 0) {
		if (m->departed_count == DOMAINS_MAX)
			abort();
		m->departed[m->departed_count].id = xstrdup(id);
		m->departed[m->departed_count++].generation = generation;
	}
}

static struct sim_domain *at_target(const struct sim_domain *d)
{
	struct sim_machine *target = sim_machine_by_address(sim_world, d->target);
	return target && target->env == ENV_HOST ? find(target, d->id) : NULL;
}

static void begin_migration(struct sim_machine *m, struct sim_domain *d, const json_t *migrate)
{
	const char *id = json_string_value(json_object_get(migrate, "id"));
	struct sim_domain *there;
	if (!id || str_equal(d->migration, id))
		return;
	set_departure(m, d->id, d->generation);
	str_set(&d->migration, id);
	str_set(&d->target, json_string_value(json_object_get(migrate, "address")));
	d->migration_state = MIGRATION_RUNNING;
	/* A guest that writes faster than the network carries is never done by itself. */
	d->migration_end_ms = world_chance(m->world, m->world->faults.migration_stalls)
				      ? INT64_MAX
				      : loop_now_ms(m->world->loop) + m->world->linger_ms +
						(int64_t)world_random(m->world, MIGRATION_MS);
	there = at_target(d);
	if (there && there->state == DOMAIN_INCOMING) {
		/* It takes its card along: what was prepared for it is the same. */
		if (!str_equal(there->mac, d->mac))
			world_violated(m->world, "%s is expected with another network card", d->id);
		there->state = DOMAIN_ARRIVING;
		there->generation = d->generation;
		str_set(&there->image, d->image);
		str_set(&there->migration, id);
	}
	world_say(m->world, "machine %u begins to migrate %.13s", m->index, d->id);
}

/* Libvirt ends a migration when it can: not in its last step. */
static void abort_migration(struct sim_machine *m, struct sim_domain *d)
{
	if (d->migration_state != MIGRATION_RUNNING || world_random(m->world, 4) == 0)
		return;
	d->migration_state = MIGRATION_FAILED;
	world_say(m->world, "machine %u calls a migration of %.13s off", m->index, d->id);
}

/* Called off: one that was not begun never will be. */
static void call_off(struct sim_machine *m, struct sim_domain *d, const char *id)
{
	if (str_equal(d->migration, id)) {
		abort_migration(m, d);
		return;
	}
	str_set(&d->migration, id);
	d->migration_state = MIGRATION_FAILED;
}

static void migrate_as_ordered(struct sim_machine *m, struct sim_domain *d, const json_t *migrate)
{
	const char *id = json_string_value(json_object_get(migrate, "id"));
	if (!str_equal(d->migration, id))
		abort_migration(m, d);
	if (d->migration_state == MIGRATION_RUNNING && !str_equal(d->migration, id))
		return;
	if (json_is_true(json_object_get(migrate, "abort")))
		call_off(m, d, id);
	else
		begin_migration(m, d, migrate);
}

static void note_move(struct world *world, const char *migration)
{
	for (unsigned i = 0; i < world->move_count; i++)
		if (str_equal(world->moves[i].migration, migration))
			world->moves[i].moved = true;
}

static void arrive(struct sim_machine *m, struct sim_domain *d)
{
	note_move(m->world, d->migration);
	d->state = DOMAIN_RUNNING;
	d->arrival_end_ms = 0;
	m->world->migrations++;
	world_say(m->world, "%.13s moved to machine %u", d->id, m->index);
}

/* The hand-over is one instant: libvirt lets the target run only when the source has stopped. Unless the source's QEMU dies
 * just then: the target's has all, and libvirt takes its time to let it run or to drop it. */
static void end_migration(struct sim_machine *m, struct sim_domain *d)
{
	struct world *world = m->world;
	struct sim_machine *target = sim_machine_by_address(world, d->target);
	struct sim_domain *there = at_target(d);
	if (!there || there->state != DOMAIN_ARRIVING || !str_equal(there->migration, d->migration) ||
	    world_chance(world, world->faults.migration_fails)) {
		d->migration_state = MIGRATION_FAILED;
		world_say(world, "machine %u fails to migrate %.13s", m->index, d->id);
	} else if (world_chance(world, world->faults.source_dies)) {
		d->migration_state = MIGRATION_FAILED;
		d->state = DOMAIN_STOPPED;
		there->arrival_end_ms = loop_now_ms(world->loop) + 1 + (int64_t)world_random(world, ARRIVAL_MS);
		world_say(world, "%.13s dies on machine %u as it arrives on %u", d->id, m->index, target->index);
	} else {
		arrive(target, there);
		drop(m, d);
	}
}

static bool is_coming(const struct sim_domain *d, const struct world *world)
{
	for (unsigned i = 0; i < world->machine_count; i++)
		for (unsigned n = 0; n < world->machines[i].domain_count; n++) {
			const struct sim_domain *from = &world->machines[i].domains[n];
			if (from != d && from->migration_state == MIGRATION_RUNNING &&
			    str_equal(from->migration, d->migration))
				return true;
		}
	return false;
}

static void go_on_arriving(struct sim_machine *m, struct sim_domain *d)
{
	if (d->arrival_end_ms && loop_now_ms(m->world->loop) >= d->arrival_end_ms && world_random(m->world, 2)) {
		arrive(m, d);
	} else if (d->arrival_end_ms ? loop_now_ms(m->world->loop) >= d->arrival_end_ms : !is_coming(d, m->world)) {
		d->state = DOMAIN_INCOMING;
		d->arrival_end_ms = 0;
	}
}

/* Of itself, also before anybody has heard that it runs. */
static void power_off(struct sim_machine *m, struct sim_domain *d)
{
	d->state = DOMAIN_STOPPED;
	world_say(m->world, "%.13s powers itself off on machine %u", d->id, m->index);
}

void sim_domains_live(struct sim_machine *m)
{
	for (unsigned n = 0; n < m->domain_count; n++) {
		struct sim_domain *d = &m->domains[n];
		bool due =
			d->migration_state == MIGRATION_RUNNING && loop_now_ms(m->world->loop) >= d->migration_end_ms;
		if (d->state == DOMAIN_ARRIVING)
			go_on_arriving(m, d);
		else if (due && d->state == DOMAIN_RUNNING)
			end_migration(m, d);
		else if (d->state == DOMAIN_RUNNING && d->migration_state != MIGRATION_RUNNING &&
			 world_chance(m->world, m->world->faults.guest_ends))
			power_off(m, d);
	}
}

static const char *image_of(const json_t *desired)
{
	return json_string_value(json_object_get(json_array_get(json_object_get(desired, "disks"), 0), "image"));
}

static const char *mac_of(const json_t *desired)
{
	return json_string_value(json_object_get(json_array_get(json_object_get(desired, "nics"), 0), "mac"));
}

static void converge_one(struct sim_machine *m, const json_t *desired)
{
	const char *id = json_string_value(json_object_get(desired, "id"));
	const char *state = json_string_value(json_object_get(desired, "state"));
	int64_t generation = json_integer_value(json_object_get(desired, "generation"));
	struct sim_domain *d = find(m, id);
	/* An order from before. */
	if (d && generation < d->generation)
		return;
	if (str_equal(state, "running")) {
		/* One that is on its way elsewhere is never started: it may have arrived. */
		if (json_object_get(desired, "migrate") && (!d || d->state != DOMAIN_RUNNING))
			return;
		if (d && d->state == DOMAIN_ARRIVING)
			return;
		if (!d || d->state != DOMAIN_RUNNING) {
			/* A domain that ended at this generation is not started again by itself. */
			if (d && d->state == DOMAIN_STOPPED && d->generation == generation)
				return;
			const int64_t *departed = departure(m, id);
			if (departed && *departed >= generation)
				return;
			d = d ? d : add(m, id);
			d->state = DOMAIN_RUNNING;
			str_set(&d->image, image_of(desired));
			if (d->mac && !str_equal(d->mac, mac_of(desired)))
				world_violated(m->world, "%s has another network card than before", id);
			str_set(&d->mac, mac_of(desired));
			world_say(m->world, "machine %u starts %.13s", m->index, id);
		}
		d->generation = generation;
		if (d->migration_state != MIGRATION_RUNNING)
			set_departure(m, id, -1);
		migrate_as_ordered(m, d, json_object_get(desired, "migrate"));
	} else if (str_equal(state, "incoming")) {
		d = d ? d : add(m, id);
		if (d->state == DOMAIN_STOPPED) {
			d->state = DOMAIN_INCOMING;
			str_set(&d->mac, mac_of(desired));
		}
	} else if (str_equal(state, "stopped")) {
		d = d ? d : add(m, id);
		d->state = DOMAIN_STOPPED;
		d->generation = generation;
	} else {
		set_departure(m, id, -1);
		if (d)
			drop(m, d);
	}
}

void sim_domains_converge(struct sim_machine *m, const json_t *desired)
{
	size_t i;
	json_t *vm;
	json_array_foreach(desired, i, vm)
		converge_one(m, vm);
}

json_t *sim_domains_report(struct sim_machine *m, const json_t *desired)
{
	static const char *const states[] = { "stopped", "running", "incoming", "arriving" };
	static const char *const migrations[] = { NULL, "running", "failed" };
	json_t *list = json_array(), *vm;
	size_t n;
	json_array_foreach(desired, n, vm)
		if (!find(m, json_string_value(json_object_get(vm, "id"))))
			json_array_append_new(list, json_pack("{s:O, s:O, s:s}", "id", json_object_get(vm, "id"),
							      "generation", json_object_get(vm, "generation"), "state",
							      "absent"));
	for (unsigned i = 0; i < m->domain_count; i++) {
		const struct sim_domain *d = &m->domains[i];
		json_t *report = json_pack("{s:s, s:I, s:s}", "id", d->id, "generation", (json_int_t)d->generation,
					   "state", states[d->state]);
		if (d->migration_state != MIGRATION_NONE)
			json_object_set_new(
				report, "migration",
				json_pack("{s:s, s:s}", "id", d->migration, "state", migrations[d->migration_state]));
		json_array_append_new(list, report);
	}
	return list;
}
