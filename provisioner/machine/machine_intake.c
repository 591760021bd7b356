/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines that nobody knows: whoever is on the provisioning network can say hello as as many machines as it likes. So there is a
 * limit to how many wait to be accepted, and to how fast they come; machines that are known are not concerned. */
#include "base/log.h"
#include "machine/machine_priv.h"

#define TELL_EVERY_MS 60000
#define THE_BUCKET 1

static void tell(struct machines *machines);

static void tell_again(void *data)
{
	struct machines *machines = data;
	machines->refused_timer = NULL;
	if (machines->refused > 0)
		tell(machines);
}

/* The first is told at once, what follows is counted and told after a minute: a flood does not fill the log of events. */
static void tell(struct machines *machines)
{
	unsigned count = machines->refused;
	machines->refused = 0;
	machines->refused_timer = loop_timer_new(machines->loop, TELL_EVERY_MS, tell_again, machines);
	store_begin(machines->store);
	_cleanup_free_ char *number = xasprintf("%u", count);
	store_event(machines->store, count == 1 ? "machine.refused.one" : "machine.refused", "machine", NULL, NULL,
		    "count", number, "reason", machines->refusal, NULL);
	store_must_commit(machines->store);
	log_warning("%u machine%s refused: %s", count, count == 1 ? "" : "s", machines->refusal);
}

/* Takes why over. */
static int refuse(struct machines *machines, enum err_code code, char *why, struct err *err)
{
	machines->refused++;
	free(machines->refusal);
	machines->refusal = why;
	if (!machines->refused_timer)
		tell(machines);
	return err_set(err, code, "%s", why);
}

int machine_intake_admit(struct machines *machines, struct err *err)
{
	const struct machines_spec *spec = &machines->spec;
	int64_t now = loop_monotonic_ms(machines->loop);
	if (spec->new_max > 0 && machines->waiting_count >= spec->new_max)
		return refuse(machines, ERR_CAPACITY,
			      xasprintf("%lld machines wait to be accepted already; accept them, delete those that are "
					"not there (ingot machine delete), or raise provisioning.new_machines_max "
					"(%lld)",
					(long long)machines->waiting_count, (long long)spec->new_max),
			      err);
	if (spec->new_per_minute == 0)
		return 0;
	int64_t wait = rate_wait_ms(&machines->new_times, THE_BUCKET, &machines->new_rate, now);
	if (wait > 0)
		return refuse(
			machines, ERR_RATE_LIMIT,
			xasprintf("more than %lld machines that are not known came within a minute; they are taken "
				  "up when they say hello again (provisioning.new_machines_per_minute)",
				  (long long)spec->new_per_minute),
			err);
	rate_take(&machines->new_times, THE_BUCKET, &machines->new_rate, now);
	return 0;
}

void machine_intake_follow(struct machines *machines, const struct machine *machine)
{
	struct machine_runtime *runtime = machine_runtime(machines, machine->id);
	bool waiting = machine->state == MACHINE_NEW;
	machines->waiting_count += waiting - runtime->waiting;
	runtime->waiting = waiting;
}

void machine_intake_forget(struct machines *machines, struct machine_runtime *runtime)
{
	machines->waiting_count -= runtime->waiting;
	runtime->waiting = false;
}

void machine_intake_init(struct machines *machines)
{
	machines->new_rate =
		(struct rate){ .most = machines->spec.new_per_minute, .per_minute = machines->spec.new_per_minute };
	rate_table_init(&machines->new_times, 1);
	STORE_EACH(struct machine, machine, machines->store, &kind_machine)
		machine_intake_follow(machines, machine);
}

void machine_intake_done(struct machines *machines)
{
	loop_timer_free(machines->refused_timer);
	rate_table_done(&machines->new_times);
	free(machines->refusal);
}
