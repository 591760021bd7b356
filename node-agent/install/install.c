/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "install/install.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "install/boot.h"
#include "install/loader.h"
#include "install/order.h"
#include "install/write.h"

#define BOOTING_DEADLINE_MS 10000
#define WORK_DIR "/run/ingot/install"

/* What outlives a run: how the order that was carried out last ended. */
struct outcome {
	char *id;
	json_t *report;
	bool written;
	struct kexec *kexec; /* the host's kernel, loaded ahead */
};

/* One run of the part. */
struct running {
	struct part_run *run;
	struct order order;
	struct write_status status;
	struct kexec *kexec;
};

/* ---- telling and asking ---- */

static json_t *make_report(const struct running *running, const char *state, const struct err *error)
{
	const struct write_status *status = &running->status;
	json_t *report = json_pack("{s:s, s:s, s:s, s:i, s:I, s:o}", "id", running->order.id, "state", state, "step",
				   status->step, "progress", (int)status->progress, "bytes", (json_int_t)status->bytes,
				   "error", part_error_json(error));

	if (!report)
		abort(); /* out of memory on something small */
	return report;
}

static void publish(const struct write_status *status, void *ctx)
{
	const struct running *running = ctx;

	part_run_publish(running->run, make_report(running, "running", NULL));
}

/* The order was taken back or replaced, or the agent ends. A change of the order that leaves its id alone is for later
 * (boot). Any thread. */
static bool withdrawn(void *ctx)
{
	const struct running *running = ctx;
	json_t *desired;
	bool gone;

	if (part_run_stopping(running->run) || !part_run_cancelled(running->run))
		return part_run_stopping(running->run);
	desired = part_run_desired(running->run);
	gone = !str_equal(json_string_value(json_object_get(desired, "id")), running->order.id);
	json_decref(desired);
	return gone;
}

/* ---- writing ---- */

/* While the rest is verified and written. Not in a test, whose machine is somebody's. */
static void load_ahead(const struct write_status *status, int kernel, int initrd, void *ctx)
{
	struct running *running = ctx;
	_cleanup_free_ char *prefix = part_run_path(running->run, "%s", "");
	_cleanup_free_ char *line =
		loader_command_line(&status->layout, running->order.host.name, running->order.console);

	if (!*prefix) {
		running->kexec = kexec_start(kernel, initrd, line);
		return;
	}
	close_fd(kernel);
	close_fd(initrd);
}

static void list_files(const struct order *order, struct host_files *files)
{
	host_files_identity(files, &(struct host_identity){ .server = order->host.server,
							    .ca_pem = order->host.ca_pem,
							    .machine = order->host.machine,
							    .name = order->host.name,
							    .token = order->host.token });
	host_files_text(files, "/etc/hostname", 0644, xasprintf("%s\n", order->host.name));
	host_files_text(files, "/etc/systemd/network/10-ingot.network", 0644,
			host_network_text(order->host.mac, order->host.address, order->host.gateway));
}

static int write_order(struct running *running, struct err *err)
{
	_cleanup_free_ char *work_dir = part_run_path(running->run, WORK_DIR);
	_cleanup_host_files_ struct host_files files = { 0 };
	const struct order *order = &running->order;
	struct write_spec spec = {
		.id = order->id,
		.disk = { order->disk.wwn, order->disk.serial, order->disk.size_bytes },
		.bundle = { .url = order->bundle.url,
			    .key_pem = order->bundle.key_pem,
			    .version = order->bundle.version },
		.name = order->host.name,
		.console = order->console,
		.files = &files,
		.sysroot = part_run_sysroot(running->run),
		.work_dir = work_dir,
		.progress = publish,
		.verified = load_ahead,
		.withdrawn = withdrawn,
		.ctx = running,
	};

	list_files(order, &files);
	return write_host(&spec, &running->status, err);
}

static void set_outcome(struct outcome *outcome, struct running *running, json_t *report, bool written)
{
	str_set(&outcome->id, running->order.id);
	json_decref(outcome->report);
	outcome->report = report;
	outcome->written = written;
	kexec_free(outcome->kexec);
	outcome->kexec = written ? TAKE_PTR(running->kexec) : NULL;
}

static void carry_out(struct running *running, struct outcome *outcome)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const char *id = running->order.id;

	if (write_order(running, &err) == 0) {
		log_info("install %s: written to %s", id, running->status.disk_path);
		set_outcome(outcome, running, make_report(running, "written", NULL), true);
	} else if (withdrawn(running)) {
		log_info("install %s: cancelled in step %s", id, running->status.step);
		str_set(&outcome->id, NULL);
	} else {
		log_error("install %s: %s: %s", id, running->status.step, str_or(err.text, "failed"));
		set_outcome(outcome, running, make_report(running, "failed", &err), false);
	}
}

/* Tells that it goes and how, and waits until that has been heard. */
static void tell(enum boot_how how, const struct err *why, void *ctx)
{
	const struct running *running = ctx;
	const char *id = running->order.id;
	json_t *report = make_report(running, "booting", why);

	json_object_set_new(report, "boot", json_string(how == BOOT_KEXEC ? "kexec" : "reboot"));
	part_run_publish(running->run, report);
	if (part_run_flush(running->run, BOOTING_DEADLINE_MS) < 0)
		log_warning("install %s: nobody has heard that this machine boots; it does", id);
	if (why->code != ERR_NONE)
		log_warning("install %s: %s; rebooting instead", id, why->text);
	log_info("install %s: booting the host", id);
}

/* Returns only on failure. */
static void boot(struct running *running, struct outcome *outcome)
{
	_cleanup_free_ char *prefix = part_run_path(running->run, "%s", "");
	const struct order *order = &running->order;
	_cleanup_err_ struct err err = ERR_INIT, none = ERR_INIT;

	running->status.step = "boot";
	running->status.bytes = (uint64_t)json_integer_value(json_object_get(outcome->report, "bytes"));
	if (*prefix) {
		tell(order->boot, &none, running);
		err_set(&err, ERR_UNSUPPORTED, "this machine is not booted: the agent runs with --prefix");
	} else {
		boot_host(order->boot, outcome->kexec, tell, running, &err);
	}
	log_error("install %s: boot: %s", order->id, str_or(err.text, "failed"));
	json_decref(outcome->report);
	outcome->report = make_report(running, "failed", &err);
	outcome->written = false;
}

/* An order whose id at least can be read is answered; another one cannot be. */
static int refuse(json_t *desired, const struct err *why, json_t **ret_report)
{
	const char *id = json_string_value(json_object_get(desired, "id"));

	if (id)
		*ret_report = json_pack("{s:s, s:s, s:s, s:i, s:i, s:o}", "id", id, "state", "failed", "step", "check",
					"progress", 0, "bytes", 0, "error", part_error_json(why));
	return -EINVAL;
}

static void outcome_free(void *state)
{
	struct outcome *outcome = state;

	json_decref(outcome->report);
	free(outcome->id);
	kexec_free(outcome->kexec);
	free(outcome);
}

static struct outcome *get_outcome(struct part_run *run)
{
	void **state = part_run_state(run);

	if (!*state)
		*state = new0(struct outcome, 1);
	return *state;
}

/* Each order, known by its id, is carried out once and ends "written" or "failed"; what comes under another id starts over
 * from the first step. */
static int install_converge(struct part_run *run, json_t *desired, json_t **ret_report, struct err *err)
{
	struct outcome *outcome = get_outcome(run);
	struct running running = { .run = run, .status.step = "check" };
	int r;

	if (!desired)
		return 0;
	r = order_parse(desired, &running.order, err);
	if (r < 0)
		return refuse(desired, err, ret_report);
	if (!str_equal(outcome->id, running.order.id))
		carry_out(&running, outcome);
	if (outcome->written && running.order.boot != BOOT_NOT_YET && !part_run_stopping(run))
		boot(&running, outcome);
	*ret_report = outcome->id ? json_incref(outcome->report) : NULL;
	kexec_free(running.kexec);
	write_status_done(&running.status);
	order_done(&running.order);
	return 0;
}

const struct part install_part = {
	.abi = PART_ABI,
	.name = "install",
	.modes = PART_LIVE,
	.flags = PART_WAITS,
	.converge = install_converge,
	.release = outcome_free,
};
