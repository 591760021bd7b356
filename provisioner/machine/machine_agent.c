/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The talk with the agent in the live image, as JSON (docs/protocol.md). */
#include "base/log.h"
#include "machine/machine_priv.h"

/* How long the token of a boot is good after its agent was heard last; that is stored less often. */
#define LIVE_TOKEN_MS (30 * 60 * 1000)
#define NOTE_SEEN_EVERY_MS (10 * 60 * 1000)
#define TELL_BOOT_EVERY_MS 60000

/* ---- hello ---- */

static const struct field hello_bmc_fields[] = {
	F(struct bmc_info, address, FIELD_STRING, 0, .format = FORMAT_ADDRESS),
};
static const struct schema hello_bmc_schema = SCHEMA("bmc", struct bmc_info, hello_bmc_fields, "");
static const struct field hello_fields[] = {
	F(struct hello, uuid, FIELD_STRING, 0, .format = FORMAT_UUID),
	F(struct hello, serial, FIELD_STRING, 0, .max = 255),
	F(struct hello, boot_mac, FIELD_STRING, 0, .format = FORMAT_MAC),
	F(struct hello, boot_id, FIELD_STRING, 0, .min = 8, .max = 64),
	F_LIST(struct hello, macs, mac_count, FIELD_STRINGS, 0, .format = FORMAT_MAC, .max = 64),
	F(struct hello, firmware, FIELD_ENUM, 0, .words = firmware_words),
	F(struct hello, bmc, FIELD_OBJECT, 0, .of = &hello_bmc_schema),
};
const struct schema hello_schema = SCHEMA("hello", struct hello, hello_fields, "");

static const char *boot_mac_of(const struct hello *hello)
{
	return hello->boot_mac ? hello->boot_mac : hello->macs[0];
}

/* Some boards all come with the same MAC address on an internal port (that to the BMC over USB). With another UUID it is the
 * same machine only if it boots from the same network card: then its main board is new. */
static bool shares_mac(const struct machine *machine, const struct hello *hello)
{
	if (machine->uuid && hello->uuid && !str_equal(machine->uuid, hello->uuid))
		return str_equal(machine->boot_mac, boot_mac_of(hello));
	for (size_t i = 0; i < hello->mac_count; i++)
		for (size_t j = 0; j < machine->mac_count; j++)
			if (str_equal(hello->macs[i], machine->macs[j]))
				return true;
	return false;
}

/* The one that was made first of those that share a MAC address. */
static void consider(const struct machine *machine, const struct hello *hello, const struct machine **first)
{
	if (shares_mac(machine, hello) && (!*first || strcmp(machine->id, (*first)->id) < 0))
		*first = machine;
}

static const struct machine *find_by_mac(struct machines *machines, const struct hello *hello)
{
	const struct machine *first = NULL, *machine;
	for (size_t i = 0; i < hello->mac_count; i++)
		for (size_t n = 0; (machine = machine_find_by(machines, INDEX_MAC, hello->macs[i], n)); n++)
			consider(machine, hello, &first);
	for (size_t n = 0; (machine = machine_find_by(machines, INDEX_BOOT_MAC, boot_mac_of(hello), n)); n++)
		consider(machine, hello, &first);
	return first;
}

/* Which machine says hello. MAC addresses come first: they are what boots were answered by. A system UUID that several
 * machines share (it happens) identifies only one that was never seen with other MACs. */
const struct machine *machine_of_hello(struct machines *machines, const struct hello *hello)
{
	const struct machine *found = find_by_mac(machines, hello);
	if (!found && hello->uuid)
		found = machine_find_by_uuid(machines, INDEX_UNSEEN, hello->uuid);
	const struct machine *machine;
	for (size_t n = 0;
	     !found && hello->bmc && (machine = machine_find_by(machines, INDEX_BMC_ADDRESS, hello->bmc->address, n));
	     n++)
		if (machine->mac_count == 0)
			found = machine;
	return found;
}

/* What boots from a MAC address is asked of one machine. */
static bool is_of_another(struct machines *machines, const struct machine *machine, const char *mac)
{
	const struct machine *other;
	for (size_t n = 0; (other = machine_find_by(machines, INDEX_MAC, mac, n)); n++)
		if (!str_equal(other->id, machine->id))
			return true;
	return false;
}

void machine_take_hello(struct machines *machines, struct machine *machine, const struct hello *hello)
{
	if (hello->uuid)
		str_set(&machine->uuid, hello->uuid);
	if (hello->serial)
		str_set(&machine->serial, hello->serial);
	str_set(&machine->boot_mac, boot_mac_of(hello));
	schema_strings_clear(&machine->macs, &machine->mac_count);
	for (size_t i = 0; i < hello->mac_count; i++)
		if (str_equal(hello->macs[i], machine->boot_mac) || !is_of_another(machines, machine, hello->macs[i]))
			schema_strings_add(&machine->macs, &machine->mac_count, hello->macs[i]);
	if (hello->firmware != FIRMWARE_UNKNOWN)
		machine->firmware = hello->firmware;
}

static struct machine *add_machine(struct machines *machines, const struct hello *hello)
{
	struct machine *machine = store_create(machines->store, &kind_machine);
	machine->name = machine_free_name(machines);
	machine->created = loop_now_ms(machines->loop);
	str_set(&machine->step, machine_fsm.states[STEP_SILENT].name);
	store_event(machines->store, "machine.found.booted", "machine", machine->id, machine->name, "mac",
		    hello->macs[0], NULL);
	return machine;
}

/* Whoever says hello with the MAC addresses of a machine gets the token of its boot, and whoever had it has none any more. So
 * people are told where each boot of a machine that was accepted came from, of one address once a minute. */
static void tell_boot(struct machines *machines, const struct machine *machine, const struct hello *hello,
		      const char *address)
{
	struct machine_runtime *runtime = machine_runtime(machines, machine->id);
	int64_t now = loop_monotonic_ms(machines->loop);
	bool told = runtime->boot_told_ms && now - runtime->boot_told_ms < TELL_BOOT_EVERY_MS &&
		    str_equal(runtime->boot_told_address, address);
	if (machine->state == MACHINE_NEW || told)
		return;
	runtime->boot_told_ms = now;
	str_set(&runtime->boot_told_address, address);
	store_event(machines->store, "machine.booted", "machine", machine->id, machine->name, "mac", boot_mac_of(hello),
		    "address", address, NULL);
}

static int answer_hello(struct machines *machines, const struct hello *hello, const char *address, json_t **ret_reply,
			struct err *err)
{
	const struct machine *known = machine_of_hello(machines, hello);
	bool same_boot = known && str_equal(known->boot_id, hello->boot_id);
	/* A node does not boot the live image. Whoever says so may be somebody else. */
	if (known && !machine_would_take(machines, known, EVENT_HELLO)) {
		log_warning("machine %s: an agent in a live image says hello with its MAC addresses: refused",
			    known->name);
		return err_set(err, ERR_STATE, "%s is %s; it is not to run the live image", known->name,
			       machine_state_words[known->state]);
	}
	if (!known) {
		int r = machine_intake_admit(machines, err);
		if (r < 0)
			return r;
	}
	store_begin(machines->store);
	struct machine *machine =
		known ? store_edit(machines->store, &kind_machine, known->id) : add_machine(machines, hello);
	_cleanup_free_ char *id = xstrdup(machine->id);
	_cleanup_free_ char *random = token_new("live");
	_cleanup_free_ char *token = xasprintf("%s.%s", id, random);
	_cleanup_free_ char *hash = sha256_hex(token, strlen(token));
	machine_take_hello(machines, machine, hello);
	str_set(&machine->boot_id, hello->boot_id);
	str_set(&machine->live_token, hash);
	machine->agent_seen = loop_now_ms(machines->loop);
	machine_runtime(machines, id)->seen_ms = loop_monotonic_ms(machines->loop);
	/* A lost answer is asked for again in the same boot: a new token, but no news. */
	if (!same_boot)
		machine_feed(machines, id, EVENT_HELLO, NULL);
	if (known && !same_boot)
		tell_boot(machines, machine_get(machines, id), hello, address);
	int r = store_commit(machines->store, err);
	if (r < 0)
		return r;
	*ret_reply = json_pack("{s:s, s:s}", "machine", id, "token", token);
	return 0;
}

int machine_agent_hello(struct machines *machines, const json_t *request, const char *address, json_t **ret_reply,
			struct err *err)
{
	struct hello hello = { 0 };
	int r = schema_decode(&hello_schema, SCHEMA_PEER, request, &hello, err);
	if (r < 0)
		return r;
	if (hello.mac_count == 0)
		r = err_set_field(err, ERR_INVALID, "macs", "macs: at least one MAC address is needed");
	else if (!hello.boot_id)
		r = err_set_field(err, ERR_INVALID, "boot_id", "boot_id: is missing");
	else
		r = answer_hello(machines, &hello, address, ret_reply, err);
	schema_done(&hello_schema, &hello);
	return r;
}

static const struct machine *find_by_token(struct machines *machines, const char *token)
{
	const char *dot = token ? strchr(token, '.') : NULL;
	if (!dot)
		return NULL;
	_cleanup_free_ char *id = xstrndup(token, (size_t)(dot - token));
	_cleanup_free_ char *hash = sha256_hex(token, strlen(token));
	const struct machine *machine = machine_get(machines, id);
	bool right = machine && machine->live_token && equal_constant_time(machine->live_token, hash, 64);
	/* A boot that nobody has heard of for so long is over, whoever has its token. */
	bool over = right && loop_now_ms(machines->loop) - machine->agent_seen >= LIVE_TOKEN_MS;
	/* A host does not run the live image: whoever has a token of it may be anybody who once said hello. */
	return right && !over && machine->state != MACHINE_DEPLOYED ? machine : NULL;
}

/* Now and then: a write for each word of an agent would be too much. */
static void note_seen(struct machines *machines, const struct machine *machine)
{
	int64_t now = loop_now_ms(machines->loop);
	if (now - machine->agent_seen < NOTE_SEEN_EVERY_MS)
		return;
	store_begin(machines->store);
	((struct machine *)store_edit(machines->store, &kind_machine, machine->id))->agent_seen = now;
	store_must_commit(machines->store);
}

const struct machine *machine_agent_known(struct machines *machines, const char *token)
{
	return find_by_token(machines, token);
}

int machine_agent_find(struct machines *machines, const char *token, const struct machine **ret, struct err *err)
{
	const struct machine *machine = find_by_token(machines, token);
	if (!machine)
		return err_set(err, ERR_UNAUTHENTICATED, "the token is not of a boot that is known; say hello again");
	_cleanup_free_ char *id = xstrdup(machine->id);
	machine_runtime(machines, id)->seen_ms = loop_monotonic_ms(machines->loop);
	note_seen(machines, machine);
	machine_feed(machines, id, EVENT_SEEN, NULL);
	*ret = machine_get(machines, id);
	return 0;
}

/* ---- the desired document ---- */

json_t *machine_agent_desired(struct machines *machines, const struct machine *machine)
{
	const struct machines_spec *spec = &machines->spec;
	int step = machine_step_of(machine);
	if (step != STEP_DEPLOY_WRITE && step != STEP_DEPLOY_SWITCH && step != STEP_DEPLOY_START)
		return NULL;
	if (!machine->install_disk || !machine->install_id)
		return NULL;
	_cleanup_free_ char *address = xasprintf("%s/%d", machine->address, spec->prefix_length);
	const struct disk_choice *disk = machine->install_disk;
	return json_pack(
		"{s:s, s:{s:s?, s:s?, s:I}, s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s, s:s, s:s?, s:s, s:s, s:s}, s:s?, s:s?}",
		"id", machine->install_id, "disk", "wwn", disk->wwn, "serial", disk->serial, "size_bytes",
		(json_int_t)disk->size_bytes, "bundle", "url", machine->bundle_url, "key", machine->bundle_key,
		"version", machine->bundle_version, "host", "name", machine->name, "machine", machine->id, "mac",
		machine->boot_mac, "address", address, "gateway", spec->gateway, "server", spec->server, "ca",
		spec->ca_pem, "token", str_or(machine->enroll_token, ""), "console", spec->console, "boot",
		step == STEP_DEPLOY_START ? "kexec" : NULL);
}

/* ---- reports ---- */

static void report_inventory(struct machines *machines, const struct machine *machine, const json_t *json)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct inventory *inventory = new0(struct inventory, 1);
	if (schema_decode(&inventory_schema, SCHEMA_PEER, json, inventory, &err) < 0) {
		log_warning("machine %s: inventory: %s", machine->name, err.text);
		free(inventory);
		return;
	}
	json_t *now = schema_encode(&inventory_schema, inventory, true);
	json_t *before = machine->inventory ? schema_encode(&inventory_schema, machine->inventory, true) : NULL;
	bool changed = !before || !json_equal(now, before);
	json_decref(now);
	json_decref(before);
	if (!changed) {
		schema_free(&inventory_schema, inventory);
		return;
	}
	store_begin(machines->store);
	struct machine *edit = store_edit(machines->store, &kind_machine, machine->id);
	edit->agent_seen = loop_now_ms(machines->loop);
	if (!edit->inventory)
		store_event(machines->store, "machine.inventory", "machine", edit->id, edit->name, NULL);
	schema_free(&inventory_schema, edit->inventory);
	edit->inventory = inventory;
	store_must_commit(machines->store);
}

struct install_report {
	char *id, *state, *step, *boot;
	int64_t progress, bytes;
	struct problem *error;
};

static const struct field error_fields[] = {
	F(struct problem, code, FIELD_STRING, 0, .max = 64),
	F(struct problem, text, FIELD_STRING, 0, .max = 4096),
	F(struct problem, field, FIELD_STRING, 0, .max = 255),
};
static const struct schema error_schema = SCHEMA("error", struct problem, error_fields, "");
static const struct field install_report_fields[] = {
	F(struct install_report, id, FIELD_STRING, 0, .max = 64),
	F(struct install_report, state, FIELD_STRING, 0, .max = 64),
	F(struct install_report, step, FIELD_STRING, 0, .max = 64),
	F(struct install_report, boot, FIELD_STRING, 0, .max = 64),
	F(struct install_report, progress, FIELD_INT, 0, .max = 100),
	F(struct install_report, bytes, FIELD_INT, 0),
	F(struct install_report, error, FIELD_OBJECT, 0, .of = &error_schema),
};
static const struct schema install_report_schema = SCHEMA("install", struct install_report, install_report_fields, "");

/* Progress is stored when there is something to see: every five percent, and each step. It moves the deadline. */
static void note_progress(struct machines *machines, const struct machine *machine, const struct install_report *report)
{
	bool new_step = !str_equal(machine->install_step, report->step);
	if (!new_step && report->progress < machine->install_progress + 5)
		return;
	store_begin(machines->store);
	struct machine *edit = store_edit(machines->store, &kind_machine, machine->id);
	const struct fsm_state *state = &machine_fsm.states[machine_step_of(edit)];
	str_set(&edit->install_state, report->state);
	str_set(&edit->install_step, report->step);
	edit->install_progress = report->progress;
	if (state->deadline_ms)
		edit->step_deadline = loop_now_ms(machines->loop) + state->deadline_ms;
	_cleanup_free_ char *message = xasprintf("installing: %s", str_or(report->step, "?"));
	task_progress(machines->store, edit->task, report->progress, message);
	if (new_step)
		task_log(machines->store, edit->task, "installer: %s", str_or(report->step, "?"));
	store_must_commit(machines->store);
}

/* How the live image is left, said once however often it comes. An installer that says kexec may still say reboot after it. */
static void note_boot(struct machines *machines, const struct machine *machine, const struct install_report *report)
{
	bool reboots = str_equal(report->boot, "reboot");
	const char *state = reboots ? "rebooting" : "booting";
	if (str_equal(machine->install_state, state) || (!reboots && str_equal(machine->install_state, "rebooting")))
		return;
	store_begin(machines->store);
	struct machine *edit = store_edit(machines->store, &kind_machine, machine->id);
	str_set(&edit->install_state, state);
	if (report->error)
		task_log(machines->store, edit->task, "installer: no kexec: %s; rebooting into the local disk instead",
			 str_or(report->error->text, "it failed"));
	else
		task_log(machines->store, edit->task, "installer: %s",
			 reboots ? "rebooting into the local disk" : "starting the host system by kexec");
	store_must_commit(machines->store);
}

static void take_install(struct machines *machines, const struct machine *machine, const struct install_report *report)
{
	_cleanup_err_ struct err why = ERR_INIT;
	if (!str_equal(report->id, machine->install_id))
		return; /* of an earlier attempt */
	if (str_equal(report->state, "written")) {
		machine_feed(machines, machine->id, EVENT_WRITTEN, NULL);
	} else if (str_equal(report->state, "failed")) {
		problem_to_err(report->error, &why);
		err_prefix(&why, "installing (%s)", str_or(report->step, "?"));
		machine_feed(machines, machine->id, EVENT_FAILURE, &why);
	} else if (str_equal(report->state, "booting")) {
		if (machine_step_of(machine) == STEP_DEPLOY_START)
			note_boot(machines, machine, report);
	} else if (machine_step_of(machine) == STEP_DEPLOY_WRITE) {
		note_progress(machines, machine, report);
	}
}

static void report_install(struct machines *machines, const struct machine *machine, const json_t *json)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct install_report report = { 0 };
	if (schema_decode(&install_report_schema, SCHEMA_PEER, json, &report, &err) < 0) {
		log_warning("machine %s: install report: %s", machine->name, err.text);
		return;
	}
	take_install(machines, machine, &report);
	schema_done(&install_report_schema, &report);
}

int machine_agent_report(struct machines *machines, const char *id, const json_t *report, struct err *err)
{
	const json_t *inventory = json_object_get(report, "inventory"), *install = json_object_get(report, "install");
	const struct machine *machine = machine_get(machines, id);
	if (!machine)
		return err_set(err, ERR_NOT_FOUND, "there is no machine '%s'", id);
	if (json_is_object(inventory))
		report_inventory(machines, machine, inventory);
	machine = machine_get(machines, id);
	if (machine && json_is_object(install))
		report_install(machines, machine, install);
	return 0;
}

/* ---- enrollment ---- */

int machine_enroll_check(struct machines *machines, const char *token, const char *key, const struct machine **ret,
			 struct err *err)
{
	const char *dot = token ? strchr(token, '.') : NULL;
	_cleanup_free_ char *id = dot ? xstrndup(token, (size_t)(dot - token)) : NULL;
	_cleanup_free_ char *hash = token ? sha256_hex(token, strlen(token)) : NULL;
	const struct machine *machine = id ? machine_get(machines, id) : NULL;
	if (!machine || !machine->enroll_hash || !equal_constant_time(machine->enroll_hash, hash, 64))
		return err_set(err, ERR_UNAUTHENTICATED, "the enrollment token is not valid (any more)");
	if (machine->enroll_key && !str_equal(machine->enroll_key, key))
		return err_set(err, ERR_UNAUTHENTICATED, "the enrollment token was used with another key");
	/* Of a deploy that was called off: the machine is not to be a node. */
	if (!machine->enroll_key && !machine_would_take(machines, machine, EVENT_ENROLLED))
		return err_set(err, ERR_UNAUTHENTICATED, "the machine is not being deployed (any more)");
	*ret = machine;
	return 0;
}

void machine_enrolled(struct machines *machines, const char *id, const char *key, const char *node)
{
	struct machine *machine = store_edit(machines->store, &kind_machine, id);
	str_set(&machine->enroll_key, key);
	str_set(&machine->node, node);
	str_set(&machine->enroll_token, NULL); /* it did its work; the hash stays for a repeated request */
	machine_feed(machines, id, EVENT_ENROLLED, NULL);
}
