/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine that was installed from a medium and joins by a token: it becomes known as one that is deployed. */
#include "base/log.h"
#include "machine/machine_priv.h"

#define NAME_MAX_BYTES 63
#define NAME_TRIES 1000

struct joining {
	char *name;
	struct disk_choice *disk;
	struct inventory *inventory;
};

static const struct field joining_fields[] = {
	F(struct joining, name, FIELD_STRING, 0, .format = FORMAT_NAME),
	F(struct joining, disk, FIELD_OBJECT, 0, .of = &disk_choice_schema),
	F(struct joining, inventory, FIELD_OBJECT, 0, .of = &inventory_schema),
};
static const struct schema joining_schema = SCHEMA("join", struct joining, joining_fields, "");

struct join {
	struct hello hello;
	struct joining more;
};

static void join_done(struct join *join)
{
	schema_done(&hello_schema, &join->hello);
	schema_done(&joining_schema, &join->more);
}

/* Both look at the same object: agents' own words are passed over. */
static int join_read(const json_t *json, struct join *ret, struct err *err)
{
	int r = schema_decode(&hello_schema, SCHEMA_PEER, json, &ret->hello, err);
	if (r == 0)
		r = schema_decode(&joining_schema, SCHEMA_PEER, json, &ret->more, err);
	if (r < 0)
		return r;
	if (!ret->more.name)
		return err_set_field(err, ERR_INVALID, "name", "name: is missing");
	if (ret->hello.mac_count == 0)
		return err_set_field(err, ERR_INVALID, "macs", "macs: at least one MAC address is needed");
	return 0;
}

static const struct machine *holder_of(struct machines *machines, const char *name, const struct machine *self)
{
	const struct machine *other = store_find(machines->store, &kind_machine, name);
	return other && (!self || !str_equal(other->id, self->id)) ? other : NULL;
}

static int check(struct machines *machines, const struct join *join, const struct machine *known, struct err *err)
{
	if (known && !machine_would_take(machines, known, EVENT_JOIN))
		return err_set(err, ERR_STATE,
			       "this is machine %s, which is %s (%s); cancel that first, or let it come to its end",
			       known->name, machine_state_words[known->state],
			       machine_fsm.states[machine_step_of(known)].help);
	if (holder_of(machines, join->more.name, known))
		return err_set_field(err, ERR_EXISTS, "name",
				     "name: '%s' is the name of another machine; choose another", join->more.name);
	return 0;
}

int machine_join_check(struct machines *machines, const json_t *json, const struct machine **ret_known,
		       char **ret_identity, char **ret_boot_mac, struct err *err)
{
	_cleanup_(join_done) struct join join = { 0 };
	int r = join_read(json, &join, err);
	if (r < 0)
		return r;
	const struct machine *known = machine_of_hello(machines, &join.hello);
	*ret_known = known;
	*ret_identity = xstrdup(join.hello.uuid ? join.hello.uuid : join.hello.macs[0]);
	*ret_boot_mac = xstrdup(join.hello.boot_mac);
	return check(machines, &join, known, err);
}

/* The host has its name already: it is not turned away for one that was taken since it was looked at. */
static char *free_name(struct machines *machines, const char *wanted, const struct machine *self)
{
	for (unsigned n = 2; holder_of(machines, wanted, self) && n < NAME_TRIES; n++) {
		_cleanup_free_ char *end = xasprintf("-%u", n);
		_cleanup_free_ char *name = xasprintf("%.*s%s", (int)(NAME_MAX_BYTES - strlen(end)), wanted, end);
		if (!holder_of(machines, name, self))
			return TAKE_PTR(name);
	}
	return holder_of(machines, wanted, self) ? machine_free_name(machines) : xstrdup(wanted);
}

static struct machine *machine_for(struct machines *machines, const struct machine *known)
{
	if (known)
		return store_edit(machines->store, &kind_machine, known->id);
	struct machine *machine = store_create(machines->store, &kind_machine);
	machine->created = loop_now_ms(machines->loop);
	str_set(&machine->step, machine_fsm.states[STEP_SILENT].name);
	return machine;
}

static void take(struct machines *machines, struct machine *machine, struct join *join, const char *address)
{
	free(machine->name);
	machine->name = free_name(machines, join->more.name, machine);
	machine_take_hello(machines, machine, &join->hello);
	str_set(&machine->address, address);
	/* Two machines do not share a BMC: what a machine says of its own does not take another's. */
	const char *bmc = join->hello.bmc ? join->hello.bmc->address : NULL;
	if (bmc && !machine->bmc_address && !machine_find_by(machines, INDEX_BMC_ADDRESS, bmc, 0))
		machine->bmc_address = xstrdup(bmc);
	if (join->more.inventory) {
		schema_free(&inventory_schema, machine->inventory);
		machine->inventory = TAKE_PTR(join->more.inventory);
	}
	if (join->more.disk) {
		schema_free(&disk_choice_schema, machine->install_disk);
		machine->install_disk = TAKE_PTR(join->more.disk);
	}
	/* Of a deploy before: by that token nobody enrolls any more. */
	str_set(&machine->enroll_token, NULL);
	str_set(&machine->enroll_hash, NULL);
	str_set(&machine->enroll_key, NULL);
}

int machine_join(struct machines *machines, const json_t *json, const char *address, const char **ret_id,
		 struct err *err)
{
	_cleanup_(join_done) struct join join = { 0 };
	int r = join_read(json, &join, err);
	if (r < 0)
		return r;
	const struct machine *known = machine_of_hello(machines, &join.hello);
	if (known && !machine_would_take(machines, known, EVENT_JOIN))
		return check(machines, &join, known, err);
	struct machine *machine = machine_for(machines, known);
	take(machines, machine, &join, address);
	bool renamed = !str_equal(machine->name, join.more.name);
	store_event(machines->store, renamed ? "machine.joined.renamed" : "machine.joined", "machine", machine->id,
		    machine->name, "address", address, "wanted", renamed ? join.more.name : NULL, NULL);
	*ret_id = machine->id;
	machine_feed(machines, machine->id, EVENT_JOIN, NULL);
	return 0;
}
