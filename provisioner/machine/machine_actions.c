/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What people ask of machines: each is checked whole before anything is changed. */
#include "machine/machine_priv.h"

#define DEPLOY_DEADLINE_MS (90 * 60 * 1000)
#define COMMISSION_DEADLINE_MS (30 * 60 * 1000)
#define POWER_DEADLINE_MS (5 * 60 * 1000)

static int check_state(struct machines *machines, const struct machine *machine, enum machine_event event,
		       const char *what, struct err *err)
{
	if (machine_would_take(machines, machine, event))
		return 0;
	return err_set(err, ERR_STATE, "%s is %s (%s); it cannot be %s now", machine->name,
		       machine_state_words[machine->state], machine_fsm.states[machine_step_of(machine)].help, what);
}

static int check_name(struct machines *machines, const struct machine *machine, const char *name, struct err *err)
{
	const struct machine *other = name ? store_find(machines->store, &kind_machine, name) : NULL;
	if (!other || str_equal(other->id, machine->id))
		return 0;
	return err_set_field(err, ERR_EXISTS, "name", "name: '%s' is taken by machine %s; choose another", name,
			     other->id);
}

/* An empty label is none: a command line has no other word for that. */
static void set_zone(struct machine *machine, const char *zone)
{
	str_set(&machine->zone, zone && *zone ? zone : NULL);
}

int machine_update(struct machines *machines, const char *id, const struct machine *changed, struct err *err)
{
	store_begin(machines->store);
	struct machine *edit = store_edit(machines->store, &kind_machine, id);
	_cleanup_free_ char *before = xstrdup(edit->zone);
	set_zone(edit, changed->zone);
	if (!str_equal(edit->zone, before))
		store_event(machines->store, edit->zone ? "machine.zone" : "machine.zone.none", "machine", id,
			    edit->name, "zone", edit->zone, NULL);
	return store_commit(machines->store, err);
}

int machine_accept(struct machines *machines, const char *id, const struct machine_accept *how, struct err *err)
{
	const struct machine *machine = machine_get(machines, id);
	int r = check_state(machines, machine, EVENT_ACCEPT, "accepted", err);
	if (r == 0)
		r = check_name(machines, machine, how->name, err);
	if (r < 0)
		return r;
	store_begin(machines->store);
	struct machine *edit = store_edit(machines->store, &kind_machine, id);
	if (how->name)
		str_set(&edit->name, how->name);
	if (how->zone)
		set_zone(edit, how->zone);
	str_set(&edit->task,
		task_create(machines->store, "machine.commission", "machine", id, edit->name, COMMISSION_DEADLINE_MS));
	store_event(machines->store, "machine.accepted", "machine", id, edit->name, NULL);
	machine_feed(machines, id, EVENT_ACCEPT, NULL);
	return store_commit(machines->store, err);
}

/* ---- deploy ---- */

static bool disk_is(const struct disk_info *disk, const char *wanted)
{
	return str_equal(disk->serial, wanted) || str_equal(disk->wwn, wanted);
}

static void add_disk(struct strbuf *list, const struct disk_info *disk)
{
	_cleanup_free_ char *size = bytes_format(disk->size_bytes);
	strbuf_addf(list, "%s%s (%s%s)", list->len ? ", " : "", str_or(disk->serial, str_or(disk->wwn, "no serial")),
		    size, disk->in_use ? ", in use" : "");
}

static int refuse_disk(const struct inventory *inventory, const char *wanted, struct err *err)
{
	_cleanup_strbuf_ struct strbuf list = { 0 };
	unsigned fit = 0;
	for (size_t i = 0; i < inventory->disk_count; i++) {
		const struct disk_info *disk = &inventory->disks[i];
		add_disk(&list, disk);
		fit += (disk->serial || disk->wwn) && disk->size_bytes >= HOST_DISK_MIN_BYTES;
	}
	if (wanted)
		return err_set_field(err, ERR_INVALID, "disk",
				     "disk: no disk has serial number or WWN '%s'; there are: %s", wanted,
				     list.len ? list.data : "none");
	if (fit)
		return err_set_field(err, ERR_INVALID, "disk",
				     "disk: say by serial number or WWN which one is to be overwritten; there are: %s",
				     list.data);
	return err_set_field(err, ERR_CAPACITY, "disk",
			     "disk: none is large enough for the host system (8 GiB); there are: %s",
			     list.len ? list.data : "none");
}

/* Without a word from a person it is taken only if there is no choice: one disk that is large enough and free. */
static const struct disk_info *choose_disk(const struct inventory *inventory, const char *wanted, bool *ret_ambiguous)
{
	const struct disk_info *chosen = NULL;
	unsigned count = 0;
	for (size_t i = 0; i < inventory->disk_count; i++) {
		const struct disk_info *disk = &inventory->disks[i];
		if (!disk->serial && !disk->wwn)
			continue; /* what has no name cannot be named safely */
		if (wanted ? disk_is(disk, wanted) : disk->size_bytes >= HOST_DISK_MIN_BYTES && !disk->in_use) {
			chosen = disk;
			count++;
		}
	}
	*ret_ambiguous = wanted && count > 1;
	return wanted || count == 1 ? chosen : NULL;
}

static int check_disk(const struct machine *machine, const char *wanted, const struct disk_info **ret, struct err *err)
{
	bool ambiguous;
	if (!machine->inventory)
		return err_set(err, ERR_STATE, "%s has no inventory yet; accept it and wait until it is ready",
			       machine->name);
	const struct disk_info *disk = choose_disk(machine->inventory, wanted, &ambiguous);
	if (!disk)
		return refuse_disk(machine->inventory, wanted, err);
	if (ambiguous)
		return err_set_field(err, ERR_INVALID, "disk", "disk: '%s' names more than one disk", wanted);
	if (disk->size_bytes < HOST_DISK_MIN_BYTES) {
		_cleanup_free_ char *size = bytes_format(disk->size_bytes);
		return err_set_field(err, ERR_CAPACITY, "disk", "disk: %s has %s; the host system needs at least 8 GiB",
				     str_or(disk->serial, disk->wwn), size);
	}
	*ret = disk;
	return 0;
}

static int check_deploy(struct machines *machines, const struct machine *machine, const struct machine_deploy *how,
			const struct disk_info **ret_disk, struct err *err)
{
	int r = check_state(machines, machine, EVENT_DEPLOY, "deployed", err);
	if (r == 0)
		r = check_name(machines, machine, how->name, err);
	if (r == 0)
		r = check_disk(machine, how->disk, ret_disk, err);
	if (r == 0 && machines->spec.bundle_error)
		r = err_set(err, ERR_CORRUPT, "the host image bundle cannot be used: %s", machines->spec.bundle_error);
	else if (r == 0 && !machines->spec.bundle_url)
		r = err_set(err, ERR_STATE,
			    "there is no host image bundle; name one in the configuration (images.bundle)");
	return r;
}

int machine_deploy(struct machines *machines, const char *id, const struct machine_deploy *how, const char **ret_task,
		   struct err *err)
{
	const struct machine *machine = machine_get(machines, id);
	const struct disk_info *disk = NULL;
	int r = check_deploy(machines, machine, how, &disk, err);
	if (r < 0)
		return r;
	store_begin(machines->store);
	struct machine *edit = store_edit(machines->store, &kind_machine, id);
	r = machine_ensure_address(machines, edit, err);
	if (r < 0) {
		store_rollback(machines->store);
		return r;
	}
	if (how->name)
		str_set(&edit->name, how->name);
	schema_free(&disk_choice_schema, edit->install_disk);
	edit->install_disk = new0(struct disk_choice, 1);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): refuse_disk() is negative, and that was returned */
	edit->install_disk->serial = xstrdup(disk->serial);
	edit->install_disk->wwn = xstrdup(disk->wwn);
	edit->install_disk->size_bytes = disk->size_bytes;
	_cleanup_free_ char *task_id =
		xstrdup(task_create(machines->store, "machine.deploy", "machine", id, edit->name, DEPLOY_DEADLINE_MS));
	str_set(&edit->task, task_id);
	/* Once more is to the same disk; the name it has by then. */
	task_order(machines->store, task_id, &machine_deploy_schema,
		   &(struct machine_deploy){ .disk = (char *)str_or(disk->serial, disk->wwn) });
	task_log(machines->store, task_id, "the host system goes to disk %s, %llu bytes",
		 str_or(disk->serial, disk->wwn), (unsigned long long)disk->size_bytes);
	machine_feed(machines, id, EVENT_DEPLOY, NULL);
	return task_commit(machines->store, task_id, ret_task, err);
}

/* ---- power ---- */

int machine_power(struct machines *machines, const char *id, int action, const char **ret_task, struct err *err)
{
	static const char *const effects[] = { "power-on", "power-off", "power-cycle", "power-reset" };
	const struct machine *machine = machine_get(machines, id);
	int r = machine_bmc_check(machine, err);
	if (r < 0)
		return r;
	if (machine->state == MACHINE_DEPLOYING || machine->state == MACHINE_COMMISSIONING)
		return err_set(err, ERR_STATE, "%s is %s, which switches the power itself; cancel that first",
			       machine->name, machine_state_words[machine->state]);
	store_begin(machines->store);
	_cleanup_free_ char *task_id =
		xstrdup(task_create(machines->store, "machine.power", "machine", id, machine->name, POWER_DEADLINE_MS));
	task_order(machines->store, task_id, &machine_power_schema, &(struct machine_power){ .action = action });
	task_step(machines->store, task_id, effects[action]);
	store_effect_add(machines->store, effects[action], task_id, 0);
	return task_commit(machines->store, task_id, ret_task, err);
}

/* ---- forgetting ---- */

static const struct task *task_under_way(struct machines *machines, const char *id)
{
	STORE_EACH(struct task, task, machines->store, &kind_task)
		if (task->state == TASK_RUNNING && str_equal(task->resource_id, id))
			return task;
	return NULL;
}

static int check_delete(struct machines *machines, const struct machine *machine, struct err *err)
{
	const struct task *task = task_under_way(machines, machine->id);
	if (machine->node || (machine->state != MACHINE_NEW && machine->state != MACHINE_FAILED))
		return err_set(err, ERR_STATE, "%s is %s; only a machine that is new or has failed is deleted",
			       machine->name, machine_state_words[machine->state]);
	if (task)
		return err_set(err, ERR_STATE, "%s of %s is under way; cancel that first, or wait for its end",
			       task->action, machine->name);
	return 0;
}

int machine_delete(struct machines *machines, const char *id, struct err *err)
{
	const struct machine *machine = machine_get(machines, id);
	int r = check_delete(machines, machine, err);
	if (r < 0)
		return r;
	struct machine *gone = schema_dup(&machine_schema, machine);
	store_begin(machines->store);
	store_event(machines->store, "machine.deleted", "machine", id, machine->name, NULL);
	store_remove(machines->store, &kind_machine, id);
	r = store_commit(machines->store, err);
	/* Whatever boots there is a machine that nobody knows. */
	if (r == 0 && gone->mac_count > 0)
		machines->spec.netboot->set_intent(machines->spec.netboot_ctx, (const char *const *)gone->macs,
						   BOOT_INTENT_LIVE, machines->spec.console);
	schema_free(&machine_schema, gone);
	return r;
}

/* ---- a task is to stop ---- */

bool machine_task_stop(const struct task *task, const struct err *why, void *data)
{
	struct machines *machines = data;
	const struct machine *machine = machine_get(machines, task->resource_id);
	if (machine && str_equal(machine->task, task->id)) {
		_cleanup_free_ char *machine_id = xstrdup(machine->id);
		store_begin(machines->store);
		/* A host system that is on its way up does not become a node any more. */
		struct machine *edit = store_edit(machines->store, &kind_machine, machine_id);
		str_set(&edit->enroll_token, NULL);
		str_set(&edit->enroll_hash, NULL);
		machine_feed(machines, machine_id, EVENT_CANCEL, why);
		store_must_commit(machines->store);
		return false;
	}
	/* A power task: what the BMC was told cannot be taken back, but nobody waits for it any longer. */
	_cleanup_free_ char *id = xstrdup(task->id);
	store_begin(machines->store);
	task_finish(machines->store, id, why);
	store_must_commit(machines->store);
	return false;
}
