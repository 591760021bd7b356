/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Agents: they say and do what docs/protocol.md has them say and do, over a network that cannot be trusted to carry it. */
#include "crypto/crypto.h"
#include "world.h"

#define PART_SLOW_MS 30000
#define FIRST_LOOK_MS 2000 /* at most: also a large rack says hello at once */

static void step(void *data);

void sim_agent_start(struct sim_machine *m)
{
	sim_agent_stop(m);
	m->generation = -1;
	unsigned within_ms = MIN_OF(m->world->step_ms, FIRST_LOOK_MS);
	m->agent_timer = loop_timer_new(m->world->loop, (int64_t)world_random(m->world, within_ms), step, m);
}

void sim_agent_stop(struct sim_machine *m)
{
	m->agent_timer = loop_timer_free(m->agent_timer);
	json_decref(m->desired);
	json_decref(m->vms_order);
	json_decref(m->vms_report);
	m->desired = m->vms_order = m->vms_report = NULL;
}

/* One message under way: what it says was true when it was sent. */
struct message {
	struct sim_machine *machine;
	unsigned boot_count;
	enum { MESSAGE_HELLO, MESSAGE_DESIRED, MESSAGE_REPORT, MESSAGE_ENROLL } kind;
	json_t *body;
	char *token, *node;
	int64_t generation;
};

static void message_free(void *data)
{
	struct message *msg = data;
	json_decref(msg->body);
	free(msg->token);
	free(msg->node);
	free(msg);
}

/* ---- answers: perhaps lost, and worthless to a machine that booted anew meanwhile ---- */

static bool answer_arrives(const struct message *msg)
{
	return msg->machine->boot_count == msg->boot_count && !world_is_cut(msg->machine) &&
	       !world_chance(msg->machine->world, msg->machine->world->faults.lose);
}

static void deliver_hello(const struct message *msg)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct sim_machine *m = msg->machine;
	json_t *reply = NULL;
	if (machine_agent_hello(m->world->controller->machines, msg->body, "10.77.0.90", &reply, &err) == 0 &&
	    answer_arrives(msg)) {
		str_set(&m->machine_id, json_string_value(json_object_get(reply, "machine")));
		str_set(&m->live_token, json_string_value(json_object_get(reply, "token")));
	}
	json_decref(reply);
}

/* What must not be in an answer to a machine that nobody accepted. */
static void check_secrets(const struct message *msg, const json_t *document)
{
	struct world *world = msg->machine->world;
	const struct machine *machine = store_get(world->controller->store, &kind_machine, msg->machine->machine_id);
	if (machine && machine->state == MACHINE_NEW && json_object_get(document, "install"))
		world_violated(world, "machine %u was not accepted and was told to install", msg->machine->index);
}

static void deliver_desired(const struct message *msg)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct sim_machine *m = msg->machine;
	struct controller *c = m->world->controller;
	const struct machine *machine = NULL;
	struct peer peer = { .node = msg->node };
	if (!msg->node) {
		if (machine_agent_find(c->machines, msg->token, &machine, &err) < 0) {
			if (answer_arrives(msg))
				str_set(&m->live_token, NULL); /* 401: say hello again */
			return;
		}
		peer.machine = machine->id;
	} else if (!store_get(c->store, &kind_node, msg->node)) {
		return;
	}
	json_t *document = cluster_agent_desired(c->cluster, &peer, msg->generation);
	if (document && !msg->node)
		check_secrets(msg, document);
	if (document && answer_arrives(msg)) {
		json_decref(m->desired);
		m->desired = json_incref(document);
		m->generation = json_integer_value(json_object_get(document, "generation"));
	}
	json_decref(document);
}

static void deliver_report(const struct message *msg)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct controller *c = msg->machine->world->controller;
	const struct machine *machine = NULL;
	struct peer peer = { .node = msg->node };
	if (!msg->node && machine_agent_find(c->machines, msg->token, &machine, &err) < 0)
		return;
	peer.machine = machine ? machine->id : NULL;
	cluster_agent_report(c->cluster, &peer, msg->body, &err);
}

static void deliver_enroll(const struct message *msg)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct sim_machine *m = msg->machine;
	json_t *reply = NULL;
	if (cluster_agent_enroll(m->world->controller->cluster, msg->body, "10.0.0.77", &reply, &err) == 0 &&
	    answer_arrives(msg)) {
		str_set(&m->node, json_string_value(json_object_get(reply, "node")));
		str_set(&m->certificate, json_string_value(json_object_get(reply, "certificate")));
		world_say(m->world, "machine %u has its certificate", m->index);
	}
	json_decref(reply);
}

static void deliver(void *data)
{
	static void (*const kinds[])(const struct message *) = { deliver_hello, deliver_desired, deliver_report,
								 deliver_enroll };
	const struct message *msg = data;
	if (world_up(msg->machine->world) && !world_is_cut(msg->machine))
		kinds[msg->kind](msg);
}

static void send_message(struct sim_machine *m, int kind, json_t *body)
{
	if (world_is_cut(m)) {
		json_decref(body);
		return;
	}
	struct message *msg = new0(struct message, 1);
	msg->machine = m;
	msg->boot_count = m->boot_count;
	msg->kind = kind;
	msg->body = body;
	msg->generation = m->generation;
	if (m->env == ENV_HOST)
		msg->node = xstrdup(m->node);
	else
		msg->token = xstrdup(m->live_token);
	world_send(m->world, deliver, message_free, msg);
}

/* ---- the live image ---- */

#define MARKUP "<img src=x onerror=\"document.title='owned'\">"

/* What firmware and disks tell of themselves is not ours: it may be anything. */
static const char *told(const struct sim_machine *m, const char *ordinary)
{
	return m->world->hostile ? MARKUP "<script>document.title='owned'</script>\u202e" : ordinary;
}

/* The same of its installer, which is cut short where a step's name ends. */
static const char *told_step(const struct sim_machine *m, const char *ordinary)
{
	return m->world->hostile ? MARKUP : ordinary;
}

/* Of a rack that tells markup the first machine fails with it, the others carry it along into what they become. */
static bool install_fails(const struct sim_machine *m)
{
	return world_chance(m->world, m->world->faults.install_fails) || (m->world->hostile && m->index == 0);
}

static json_t *disks(const struct sim_machine *m)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < DISKS; i++) {
		_cleanup_free_ char *serial = xasprintf("disk-%u-%u", m->index, i);
		_cleanup_free_ char *path = xasprintf("/dev/nvme%un1", i);
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I}", "path", path, "serial", serial, "model",
						      told(m, i == 0 ? "Boot disk 12G" : "Data disk 64G"), "size_bytes",
						      (json_int_t)(i == 0 ? 12 * GIB : 64 * GIB)));
	}
	return list;
}

static json_t *inventory(const struct sim_machine *m)
{
	_cleanup_free_ char *serial = xasprintf("SIM%05u", m->index + 1);
	json_t *system = json_pack("{s:s, s:s, s:s, s:s}", "uuid", m->uuid, "serial", serial, "vendor",
				   told(m, "Ingot"), "product", told(m, "Simulated server"));
	json_t *cpu = json_pack("{s:s, s:i, s:i, s:i}", "model", told(m, "Simulated CPU"), "sockets", 1, "cores", 4,
				"threads", 8);
	json_t *nic = json_pack("{s:s, s:s, s:b, s:i, s:s}", "name", "eth0", "mac", m->mac, "link", 1, "speed_mbps",
				10000, "driver", told(m, "sim"));
	return json_pack("{s:o, s:o, s:{s:s}, s:I, s:o, s:[o], s:s}", "system", system, "cpu", cpu, "bmc", "address",
			 m->bmc_address, "memory_bytes", (json_int_t)(16 * GIB), "disks", disks(m), "nics", nic,
			 "kernel", told(m, "6.1.0-sim"));
}

static void say_hello(struct sim_machine *m)
{
	send_message(m, MESSAGE_HELLO,
		     json_pack("{s:s, s:[s], s:s, s:s, s:s, s:{s:s}}", "uuid", m->uuid, "macs", m->mac, "boot_mac",
			       m->mac, "boot_id", m->boot_id, "firmware", m->index % 3 == 2 ? "uefi" : "bios", "bmc",
			       "address", m->bmc_address));
}

static void begin_install(struct sim_machine *m, const json_t *install, const char *id)
{
	const char *serial = json_string_value(json_object_get(json_object_get(install, "disk"), "serial"));
	_cleanup_free_ char *right = xasprintf("disk-%u-0", m->index);
	const struct machine *doc =
		world_up(m->world) ? store_get(m->world->controller->store, &kind_machine, m->machine_id) : NULL;
	if (!str_equal(serial, right))
		world_violated(m->world, "machine %u writes disk %s", m->index, serial);
	if (doc && doc->state == MACHINE_DEPLOYED)
		world_violated(m->world, "machine %u installs itself though it is deployed", m->index);
	str_set(&m->install_id, id);
	m->install_state = INSTALL_RUNNING;
	m->install_progress = 0;
	m->installed = false; /* half a system is none */
	m->world->installs++;
}

static void end_install(struct sim_machine *m, const json_t *install)
{
	const json_t *host = json_object_get(install, "host");
	m->install_state = INSTALL_WRITTEN;
	m->installed = true;
	str_set(&m->installed_id, m->install_id);
	str_set(&m->enroll_token, json_string_value(json_object_get(host, "token")));
	str_set(&m->name, json_string_value(json_object_get(host, "name")));
	str_set(&m->node, NULL);
	str_set(&m->certificate, NULL);
	free(m->key);
	free(m->csr);
	if (csr_new(m->name, &m->key, &m->csr, NULL) < 0)
		abort();
}

static void work_on_install(struct sim_machine *m, const json_t *install)
{
	if (m->install_state != INSTALL_RUNNING)
		return;
	m->install_progress += (int)world_random(m->world, 30);
	if (install_fails(m))
		m->install_state = INSTALL_FAILED;
	else if (m->install_progress >= 100)
		end_install(m, install);
}

static json_t *install_report(const struct sim_machine *m)
{
	static const char *const states[] = { "idle", "running", "written", "failed" };
	json_t *report = json_pack("{s:s, s:s, s:s, s:i}", "id", m->install_id, "state", states[m->install_state],
				   "step", told_step(m, "write"), "progress", MIN_OF(m->install_progress, 100));
	if (m->install_state == INSTALL_FAILED)
		json_object_set_new(report, "error",
				    json_pack("{s:s, s:s}", "code", "internal", "text", told(m, "the disk failed")));
	return report;
}

/* By kexec: no firmware, no network boot. By a reboot: the firmware, and what it is told to boot. */
static void leave_live(struct sim_machine *m)
{
	bool refused = world_chance(m->world, m->world->faults.kexec_refused) || m->world->hostile;
	json_t *install = json_pack("{s:s, s:s, s:s, s:i, s:s}", "id", m->install_id, "state", "booting", "step",
				    "boot", "progress", 100, "boot", refused ? "reboot" : "kexec");
	if (refused)
		json_object_set_new(
			install, "error",
			json_pack("{s:s, s:s}", "code", "unsupported", "text", told(m, "the kernel says no")));
	send_message(m, MESSAGE_REPORT, json_pack("{s:o}", "install", install));
	if (refused) {
		world_say(m->world, "machine %u has no kexec", m->index);
		sim_machine_power(m, true);
		return;
	}
	m->boot_count++;
	m->env = ENV_HOST;
	m->generation = -1;
	sim_agent_start(m);
}

static void live_step(struct sim_machine *m)
{
	const json_t *install = json_object_get(m->desired, "install");
	const char *id = json_string_value(json_object_get(install, "id"));
	if (!m->live_token) {
		say_hello(m);
		return;
	}
	if (id && !str_equal(id, m->install_id))
		begin_install(m, install, id);
	if (!id && m->install_id && m->install_state == INSTALL_RUNNING) {
		str_set(&m->install_id, NULL); /* cancelled */
		m->install_state = INSTALL_IDLE;
	}
	if (id)
		work_on_install(m, install);
	if (m->install_state == INSTALL_WRITTEN && json_is_string(json_object_get(install, "boot"))) {
		leave_live(m);
		return;
	}
	json_t *report = json_pack("{s:o}", "inventory", inventory(m));
	if (m->install_id)
		json_object_set_new(report, "install", install_report(m));
	send_message(m, MESSAGE_REPORT, report);
	send_message(m, MESSAGE_DESIRED, NULL);
}

/* ---- the host system ---- */

static json_t *ceph_report(struct sim_machine *m, const json_t *ceph)
{
	const json_t *mon = json_object_get(ceph, "mon");
	json_t *osds = json_array(), *osd;
	size_t i;
	m->mon_running = json_is_object(mon);
	json_array_foreach(json_object_get(ceph, "osds"), i, osd) {
		m->osd_running = true;
		json_array_append_new(osds,
				      json_pack("{s:O, s:s}", "id", json_object_get(osd, "id"), "state", "running"));
	}
	return json_pack("{s:s, s:o}", "mon", m->mon_running ? "running" : "absent", "osds", osds);
}

/* The part for virtual machines runs beside the talk: it may be busy with one order (QEMU starts, a probe for KVM) while the
 * next is read, and until it is done what it said last goes out again and again. What it does it does at its end, the worst
 * moment. */
static void run_vms(struct sim_machine *m)
{
	struct world *world = m->world;
	int64_t now = loop_now_ms(world->loop);
	const json_t *order = json_object_get(m->desired, "vms");
	if (!m->vms_order && order) {
		bool slow = world_chance(world, world->faults.part_slow);
		m->vms_order = json_deep_copy(order);
		m->vms_order_generation = m->generation;
		m->vms_end_ms = now + (slow ? (int64_t)world_random(world, PART_SLOW_MS) : 0);
	}
	if (!m->vms_order || now < m->vms_end_ms)
		return;
	sim_domains_converge(m, m->vms_order);
	json_decref(m->vms_report);
	m->vms_report = sim_domains_report(m, m->vms_order);
	/* An order that did not change in a newer document is that document's. */
	m->vms_generation = json_equal(order, m->vms_order) ? m->generation : m->vms_order_generation;
	json_decref(m->vms_order);
	m->vms_order = NULL;
}

static void host_step(struct sim_machine *m)
{
	if (!m->node) {
		send_message(m, MESSAGE_ENROLL, json_pack("{s:s, s:s}", "token", m->enroll_token, "csr", m->csr));
		return;
	}
	sim_domains_live(m);
	/* What it knew it has to hear again; what libvirt does goes on. */
	if (world_chance(m->world, m->world->faults.agent_dies)) {
		world_say(m->world, "the agent of machine %u was killed", m->index);
		sim_agent_start(m);
		return;
	}
	run_vms(m);
	json_t *report = json_pack("{s:{s:I}, s:o}", "generations", "vms", (json_int_t)m->vms_generation, "inventory",
				   inventory(m));
	if (m->vms_report)
		json_object_set(report, "vms", m->vms_report);
	const json_t *ceph = json_object_get(m->desired, "ceph");
	if (ceph)
		json_object_set_new(report, "ceph", ceph_report(m, ceph));
	send_message(m, MESSAGE_REPORT, report);
	send_message(m, MESSAGE_DESIRED, NULL);
}

static void step(void *data)
{
	struct sim_machine *m = data;
	m->agent_timer = loop_timer_new(
		m->world->loop, m->world->step_ms / 2 + (int64_t)world_random(m->world, m->world->step_ms), step, m);
	if (m->env == ENV_LIVE)
		live_step(m);
	else if (m->env == ENV_HOST)
		host_step(m);
}
