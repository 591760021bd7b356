/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "install/install.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "install/install_priv.h"
#include "install/loader.h"

#define PUBLISH_INTERVAL_MS 500
#define ASK_INTERVAL_MS 200
#define BOOTING_DEADLINE_MS 10000
#define LOADER_MAX_BYTES ((size_t)(16 * MIB))
#define EFI_LOADER_PATH "/EFI/BOOT/BOOTX64.EFI"

/* What outlives a run: how the order that was carried out last ended. */
struct outcome {
	char *id;
	json_t *report;
	bool written;
	struct kexec *kexec; /* the host's kernel, loaded */
};

/* ---- telling and asking ---- */

static json_t *make_report(const struct install *install, const char *state, const struct err *error)
{
	json_t *report = json_pack("{s:s, s:s, s:s, s:i, s:I, s:o}", "id", install->order.id, "state", state, "step",
				   install->step, "progress", (int)install->progress, "bytes",
				   (json_int_t)install->bytes, "error", part_error_json(error));

	if (!report)
		abort(); /* out of memory on something small */
	return report;
}

static void publish(struct install *install)
{
	install->published_ms = monotonic_ms();
	part_run_publish(install->run, make_report(install, "running", NULL));
}

void install_progress(struct install *install, uint64_t done, uint64_t total)
{
	install->progress = total ? (unsigned)(done * 100 / total) : 100;
	if (monotonic_ms() - install->published_ms >= PUBLISH_INTERVAL_MS)
		publish(install);
}

/* A change of the order that leaves its id alone is for later (boot). */
bool install_withdrawn(void *ctx)
{
	const struct install *install = ctx;
	json_t *desired;
	bool withdrawn;

	if (part_run_stopping(install->run) || !part_run_cancelled(install->run))
		return part_run_stopping(install->run);
	desired = part_run_desired(install->run);
	withdrawn = !str_equal(json_string_value(json_object_get(desired, "id")), install->order.id);
	json_decref(desired);
	return withdrawn;
}

bool install_cancelled(struct install *install)
{
	int64_t now_ms = monotonic_ms();

	if (!install->cancelled && now_ms - install->asked_ms >= ASK_INTERVAL_MS) {
		install->asked_ms = now_ms;
		install->cancelled = install_withdrawn(install);
	}
	return install->cancelled;
}

int install_check_cancelled(struct install *install, struct err *err)
{
	return install_cancelled(install) ? err_set(err, ERR_CANCELLED, "the installation was cancelled") : 0;
}

/* ---- steps ---- */

char *install_work_path(const struct install *install, const char *name)
{
	return xasprintf("%s/%s", install->work_dir, name);
}

static uint64_t disk_size(int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);

	return end < 0 ? 0 : (uint64_t)end;
}

/* The kernel's own answer to whether anything uses the disk: an exclusive open fails then (open(2), O_EXCL). */
static int check_unused(const struct disk *disk, struct err *err)
{
	_cleanup_close_ int fd = -1;
	uint64_t size;

	if (disk->in_use)
		return err_set(err, ERR_STATE, "%s is in use: %s", disk->path, disk->use);
	fd = open(disk->path, O_RDWR | O_EXCL | O_CLOEXEC);
	if (fd < 0 && errno == EBUSY)
		return err_set(err, ERR_STATE, "%s is in use", disk->path);
	if (fd < 0)
		return err_set_errno(err, -errno, "%s", disk->path);
	size = disk_size(fd);
	if (size != disk->size_bytes)
		return err_set(err, ERR_STATE, "%s has %ju bytes when it is opened and %ju in sysfs", disk->path,
			       (uintmax_t)size, (uintmax_t)disk->size_bytes);
	return 0;
}

static int step_check(struct install *install, struct err *err)
{
	int r = disk_find(part_run_sysroot(install->run), install->order.disk.wwn, install->order.disk.serial,
			  install->order.disk.size_bytes, &install->disk, err);

	if (r == 0)
		r = check_unused(&install->disk, err);
	if (r == 0)
		r = layout_plan(install->disk.size_bytes, install->disk.logical_block_bytes, &install->layout, err);
	if (r < 0)
		return r;
	r = mkdir_p(install->work_dir, 0700);
	if (r < 0)
		return err_set_errno(err, r, "%s", install->work_dir);
	install->esp = (struct esp){ install->disk.path, &install->layout, install->work_dir };
	/* Last, and still before the first byte is written: what would be written is signed and fits. */
	return image_open(install, err);
}

static int step_partition(struct install *install, struct err *err)
{
	int r = layout_write(&install->layout, install->disk.path, err);

	return r < 0 ? r : esp_format(&install->esp, err);
}

static int step_loader(struct install *install, struct err *err)
{
	_cleanup_free_ char *boot_path = install_work_path(install, bundle_part_type_name(BUNDLE_BIOS_BOOT));
	_cleanup_free_ char *core_path = install_work_path(install, bundle_part_type_name(BUNDLE_BIOS_CORE));
	_cleanup_free_ char *efi_path = install_work_path(install, bundle_part_type_name(BUNDLE_EFI_LOADER));
	_cleanup_free_ char *config_path = install_work_path(install, "grub.cfg");
	_cleanup_free_ char *line =
		loader_command_line(&install->layout, install->order.host.name, install->order.console);
	_cleanup_free_ char *config = loader_config(line), *boot = NULL, *core = NULL;
	size_t boot_len = 0, core_len = 0;
	int r;

	r = write_file_atomic(config_path, config, strlen(config), 0600);
	if (r == 0)
		r = read_file(boot_path, LOADER_MAX_BYTES, &boot, &boot_len);
	if (r == 0)
		r = read_file(core_path, LOADER_MAX_BYTES, &core, &core_len);
	if (r < 0)
		return err_set_errno(err, r, "%s", install->work_dir);
	r = esp_put(&install->esp, config_path, "/grub/grub.cfg", err);
	if (r == 0)
		r = esp_put(&install->esp, efi_path, EFI_LOADER_PATH, err);
	if (r == 0)
		r = loader_install_bios(install->disk.path, &install->layout, boot, boot_len, core, core_len, err);
	return r;
}

static int step_identity(struct install *install, struct err *err)
{
	_cleanup_close_ int fd = -1;
	int r = state_partition_make(install, err);

	if (r < 0)
		return r;
	fd = open(install->disk.path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_set_errno(err, -errno, "%s", install->disk.path);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct install *install, struct err *err);
} steps[] = {
	{ "check", step_check },    { "partition", step_partition }, { "write", image_write },
	{ "verify", image_verify }, { "loader", step_loader },	     { "identity", step_identity },
};

/* ---- the whole ---- */

static int run_steps(struct install *install, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(steps) && r == 0; i++) {
		install->step = steps[i].name;
		install->progress = 0;
		publish(install);
		log_info("install %s: %s", install->order.id, install->step);
		r = install_check_cancelled(install, err);
		if (r == 0)
			r = steps[i].run(install, err);
	}
	return r;
}

static void remove_work_files(const struct install *install)
{
	static const char *const names[] = { "mtoolsrc", "grub.cfg", "readback" };

	for (unsigned i = 0; i < BUNDLE_PART_TYPE_COUNT + ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path =
			install_work_path(install, i < BUNDLE_PART_TYPE_COUNT ? bundle_part_type_name(i)
									      : names[i - BUNDLE_PART_TYPE_COUNT]);

		unlink(path);
	}
}

static void set_outcome(struct outcome *outcome, struct install *install, json_t *report, bool written)
{
	str_set(&outcome->id, install->order.id);
	json_decref(outcome->report);
	outcome->report = report;
	outcome->written = written;
	kexec_free(outcome->kexec);
	outcome->kexec = written ? TAKE_PTR(install->kexec) : NULL;
}

static void carry_out(struct install *install, struct outcome *outcome)
{
	_cleanup_err_ struct err err = ERR_INIT;

	install->work_dir = part_run_path(install->run, "/run/ingot/install");
	if (run_steps(install, &err) == 0) {
		install->progress = 100;
		log_info("install %s: written to %s", install->order.id, install->disk.path);
		set_outcome(outcome, install, make_report(install, "written", NULL), true);
	} else if (install_withdrawn(install)) {
		log_info("install %s: cancelled in step %s", install->order.id, install->step);
		str_set(&outcome->id, NULL);
	} else {
		log_error("install %s: %s: %s", install->order.id, install->step, str_or(err.text, "failed"));
		set_outcome(outcome, install, make_report(install, "failed", &err), false);
	}
	install->kexec = kexec_free(install->kexec);
	image_close(install);
	remove_work_files(install);
	disk_done(&install->disk);
	free(install->work_dir);
}

/* Tells that it goes, waits until that has been heard, and goes. Returns only on failure. */
static void boot(struct install *install, struct outcome *outcome)
{
	_cleanup_free_ char *prefix = part_run_path(install->run, "%s", "");
	_cleanup_err_ struct err err = ERR_INIT;

	install->step = "boot";
	install->bytes = (uint64_t)json_integer_value(json_object_get(outcome->report, "bytes"));
	part_run_publish(install->run, make_report(install, "booting", NULL));
	if (part_run_flush(install->run, BOOTING_DEADLINE_MS) < 0)
		log_warning("install %s: nobody has heard that this machine boots; it does", install->order.id);
	log_info("install %s: booting the host", install->order.id);
	if (*prefix)
		err_set(&err, ERR_UNSUPPORTED, "this machine is not booted: the agent runs with --prefix");
	else
		boot_host(&install->order, outcome->kexec, &err);
	log_error("install %s: boot: %s", install->order.id, str_or(err.text, "failed"));
	json_decref(outcome->report);
	outcome->report = make_report(install, "failed", &err);
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

	kexec_free(outcome->kexec);
	json_decref(outcome->report);
	free(outcome->id);
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
	struct install install = { .run = run, .step = "check", .kernel = -1, .initrd = -1 };
	int r;

	if (!desired)
		return 0;
	r = order_parse(desired, &install.order, err);
	if (r < 0)
		return refuse(desired, err, ret_report);
	if (!str_equal(outcome->id, install.order.id))
		carry_out(&install, outcome);
	if (outcome->written && install.order.boot != BOOT_NOT_YET && !part_run_stopping(run))
		boot(&install, outcome);
	*ret_report = outcome->id ? json_incref(outcome->report) : NULL;
	order_done(&install.order);
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
