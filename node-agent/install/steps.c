/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "install/write.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "install/install_priv.h"
#include "install/loader.h"

#define PUBLISH_INTERVAL_MS 500
#define ASK_INTERVAL_MS 200
#define LOADER_MAX_BYTES ((size_t)(16 * MIB))
/* Where firmware looks on a disk that it has no entry for (UEFI 2.10, 3.5.1.1). */
#define EFI_FIRST_PATH "/EFI/BOOT/BOOTX64.EFI"
#define EFI_FIRST_NEW_PATH "/EFI/BOOT/INGOT.NEW"
#define CONFIG_FILE "grub.cfg"
#define SIGNPOST_FILE "signpost.cfg"

/* What the step "loader" puts on the ESP, by the part of the bundle or the name of the file made here. The shim looks for the
 * other two beside itself, by these names. */
enum { ESP_FILE_FIRST };
static const struct {
	enum bundle_part_type type;
	const char *name; /* in the work folder; NULL: the part's */
	const char *path;
} esp_files[] = {
	[ESP_FILE_FIRST] = { BUNDLE_EFI_SHIM, NULL, EFI_FIRST_NEW_PATH },
	{ BUNDLE_EFI_KEYS, NULL, "/EFI/BOOT/mmx64.efi" },
	{ BUNDLE_EFI_LOADER, NULL, "/EFI/BOOT/grubx64.efi" },
	{ .name = SIGNPOST_FILE, .path = "/EFI/debian/grub.cfg" },
	{ BUNDLE_EFI_CHAIN, NULL, "/EFI/ingot/grubx64.efi" },
	{ .name = CONFIG_FILE, .path = "/grub/grub.cfg" },
};

/* ---- telling and asking ---- */

static void publish(struct install *install)
{
	install->published_ms = monotonic_ms();
	if (install->spec->progress)
		install->spec->progress(install->status, install->spec->ctx);
}

void install_progress(struct install *install, uint64_t done, uint64_t total)
{
	install->status->progress = total ? (unsigned)(done * 100 / total) : 100;
	if (monotonic_ms() - install->published_ms >= PUBLISH_INTERVAL_MS)
		publish(install);
}

bool install_cancelled(struct install *install)
{
	int64_t now_ms = monotonic_ms();

	if (!install->cancelled && install->spec->withdrawn && now_ms - install->asked_ms >= ASK_INTERVAL_MS) {
		install->asked_ms = now_ms;
		install->cancelled = install->spec->withdrawn(install->spec->ctx);
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
	return xasprintf("%s/%s", install->spec->work_dir, name);
}

static int step_check(struct install *install, struct err *err)
{
	const struct write_spec *spec = install->spec;
	struct held_disk *disk = &install->disk;
	int r = held_disk_open(spec->sysroot, spec->disk.wwn, spec->disk.serial, spec->disk.size_bytes, true, disk,
			       err);

	if (r < 0)
		return r;
	str_set(&install->status->disk_path, disk->disk.path);
	r = held_disk_check_unused(disk, err);
	if (r == 0)
		r = layout_check_firmware(spec->sysroot, disk->disk.logical_block_bytes, err);
	if (r == 0 && spec->keep_state)
		r = layout_read(disk, install->layout, err);
	else if (r == 0)
		r = layout_plan(disk->size, disk->disk.logical_block_bytes, install->layout, err);
	if (r < 0)
		return r;
	r = mkdir_p(install->spec->work_dir, 0700);
	if (r < 0)
		return err_set_errno(err, r, "%s", install->spec->work_dir);
	install->esp = (struct esp){ disk, install->layout, install->spec->work_dir };
	/* Last, and still before the first byte is written: what would be written is signed and fits. */
	return image_open(install, err);
}

static int step_partition(struct install *install, struct err *err)
{
	/* Again: the bundle's beginning may have taken its time. */
	int r = held_disk_check_unused(&install->disk, err);

	/* First, because it may end here. From the next line on the host that was there does not start any more. */
	if (r == 0 && install->spec->keep_state)
		r = state_partition_repair(install, err);
	if (r == 0)
		r = install->spec->keep_state ? layout_clear_loader(install->layout, &install->disk, err)
					      : layout_write(install->layout, &install->disk, err);
	return r < 0 ? r : esp_format(&install->esp, err);
}

/* What the loaders are made from. */
struct loader_files {
	char *boot, *core; /* contents */
	size_t boot_len, core_len;
};

static void loader_files_done(struct loader_files *files)
{
	free(files->boot);
	free(files->core);
}

static int loader_files_make(struct install *install, struct loader_files *ret, struct err *err)
{
	_cleanup_free_ char *boot_path = install_work_path(install, bundle_part_type_name(BUNDLE_BIOS_BOOT));
	_cleanup_free_ char *core_path = install_work_path(install, bundle_part_type_name(BUNDLE_BIOS_CORE));
	_cleanup_free_ char *line = loader_command_line(install->layout, install->spec->name, install->spec->console);
	_cleanup_free_ char *config = loader_config(line);
	_cleanup_free_ char *config_path = install_work_path(install, CONFIG_FILE);
	_cleanup_free_ char *signpost_path = install_work_path(install, SIGNPOST_FILE);
	int r;

	r = write_file_atomic(config_path, config, strlen(config), 0600);
	if (r == 0)
		r = write_file_atomic(signpost_path, loader_signpost, strlen(loader_signpost), 0600);
	if (r == 0)
		r = read_file(boot_path, LOADER_MAX_BYTES, &ret->boot, &ret->boot_len);
	if (r == 0)
		r = read_file(core_path, LOADER_MAX_BYTES, &ret->core, &ret->core_len);
	return r < 0 ? err_set_errno(err, r, "%s", install->spec->work_dir) : 0;
}

static const char *esp_file_name(size_t i)
{
	return esp_files[i].name ? esp_files[i].name : bundle_part_type_name(esp_files[i].type);
}

static int check_on_esp(const struct install *install, size_t i, const char *path, struct err *err)
{
	_cleanup_free_ char *from = install_work_path(install, esp_file_name(i));

	return esp_check(&install->esp, from, path, err);
}

/* The firmware finds a loader that is whole and was read back, as was all that it needs, or none. */
static int put_on_esp(const struct install *install, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(esp_files) && r == 0; i++) {
		_cleanup_free_ char *from = install_work_path(install, esp_file_name(i));

		r = esp_put(&install->esp, from, esp_files[i].path, err);
	}
	for (size_t i = 0; i < ARRAY_SIZE(esp_files) && r == 0; i++)
		r = check_on_esp(install, i, esp_files[i].path, err);
	if (r == 0)
		r = esp_rename(&install->esp, EFI_FIRST_NEW_PATH, EFI_FIRST_PATH, err);
	return r == 0 ? check_on_esp(install, ESP_FILE_FIRST, EFI_FIRST_PATH, err) : r;
}

static int step_loader(struct install *install, struct err *err)
{
	_cleanup_(loader_files_done) struct loader_files files = { 0 };
	int r = loader_files_make(install, &files, err);

	if (r < 0)
		return r;
	r = put_on_esp(install, err);
	if (r == 0)
		r = loader_install_bios(&install->disk, install->layout, files.boot, files.boot_len, files.core,
					files.core_len, err);
	/* What may start in one way and not in the other, or not as it should, does not start at all. */
	if (r < 0 && held_disk_check(&install->disk, NULL) == 0)
		layout_clear_loader(install->layout, &install->disk, NULL);
	return r;
}

static int step_identity(struct install *install, struct err *err)
{
	return install->spec->keep_state ? state_partition_update(install, err) : state_partition_make(install, err);
}

static const struct {
	const char *name;
	int (*run)(struct install *install, struct err *err);
} steps[] = {
	{ "check", step_check },    { "partition", step_partition }, { "write", image_write },
	{ "verify", image_verify }, { "identity", step_identity },   { "loader", step_loader },
};

/* ---- the whole ---- */

static int run_steps(struct install *install, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(steps) && r == 0; i++) {
		install->status->step = steps[i].name;
		install->status->progress = 0;
		publish(install);
		log_info("install %s: %s", install->spec->id, steps[i].name);
		install->asked_ms = 0; /* between two steps it is asked in any case */
		r = install_check_cancelled(install, err);
		if (r == 0 && i > 0)
			r = held_disk_check(&install->disk, err);
		if (r == 0)
			r = steps[i].run(install, err);
	}
	return r;
}

static void remove_work_files(const struct install *install)
{
	static const char *const names[] = { "mtoolsrc", CONFIG_FILE, SIGNPOST_FILE, "readback" };

	for (unsigned i = 0; i < BUNDLE_PART_TYPE_COUNT + ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path =
			install_work_path(install, i < BUNDLE_PART_TYPE_COUNT ? bundle_part_type_name(i)
									      : names[i - BUNDLE_PART_TYPE_COUNT]);

		unlink(path);
	}
}

void write_status_done(struct write_status *status)
{
	free(status->disk_path);
	*status = (struct write_status){ 0 };
}

int write_host(const struct write_spec *spec, struct write_status *ret, struct err *err)
{
	struct install install = { .spec = spec,
				   .status = ret,
				   .disk = HELD_DISK_NONE,
				   .layout = &ret->layout,
				   .bundle_fd = -1,
				   .kernel = -1,
				   .initrd = -1 };
	int r;

	*ret = (struct write_status){ .step = steps[0].name };
	r = run_steps(&install, err);
	if (r == 0)
		ret->progress = 100;
	image_close(&install);
	remove_work_files(&install);
	held_disk_done(&install.disk);
	return r;
}

int write_find_host(const struct held_disk *disk, struct layout *ret_layout, struct err *err)
{
	uint8_t sector[LOADER_BOOT_IMAGE_BYTES] = { 0 };
	struct layout layout;
	int r = layout_read(disk, &layout, err);

	if (r < 0)
		return r;
	if (pread(disk->fd, sector, sizeof(sector), 0) != (ssize_t)sizeof(sector))
		return err_set_errno(err, -errno, "%s", disk->disk.path);
	/* What is written last of all. */
	if (!sector[0])
		return err_set(err, ERR_CORRUPT, "%s: the host's partitions are there, its boot loader is not",
			       disk->disk.path);
	*ret_layout = layout;
	return 0;
}
