/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "install/write.h"

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
#define LOADER_MAX_BYTES ((size_t)(16 * MIB))
#define EFI_LOADER_PATH "/EFI/BOOT/BOOTX64.EFI"
#define EFI_LOADER_NEW_PATH "/EFI/BOOT/INGOT.NEW"

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
	const struct write_spec *spec = install->spec;
	int r = disk_find(spec->sysroot, spec->disk.wwn, spec->disk.serial, spec->disk.size_bytes, &install->disk, err);

	if (r < 0)
		return r;
	str_set(&install->status->disk_path, install->disk.path);
	r = check_unused(&install->disk, err);
	if (r == 0 && spec->keep_state)
		r = layout_read(install->disk.path, install->layout, err);
	else if (r == 0)
		r = layout_plan(install->disk.size_bytes, install->disk.logical_block_bytes, install->layout, err);
	if (r < 0)
		return r;
	r = mkdir_p(install->spec->work_dir, 0700);
	if (r < 0)
		return err_set_errno(err, r, "%s", install->spec->work_dir);
	install->esp = (struct esp){ install->disk.path, install->layout, install->spec->work_dir };
	/* Last, and still before the first byte is written: what would be written is signed and fits. */
	return image_open(install, err);
}

static int step_partition(struct install *install, struct err *err)
{
	int r = 0;

	/* First, because it may end here. From the next line on the host that was there does not start any more. */
	if (install->spec->keep_state)
		r = state_partition_repair(install, err);
	if (r == 0)
		r = install->spec->keep_state ? layout_clear_loader(install->layout, install->disk.path, err)
					      : layout_write(install->layout, install->disk.path, err);
	return r < 0 ? r : esp_format(&install->esp, err);
}

static int sync_disk(const struct install *install, struct err *err)
{
	_cleanup_close_ int fd = open(install->disk.path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? err_set_errno(err, -errno, "%s", install->disk.path) : 0;
}

static int step_loader(struct install *install, struct err *err)
{
	_cleanup_free_ char *boot_path = install_work_path(install, bundle_part_type_name(BUNDLE_BIOS_BOOT));
	_cleanup_free_ char *core_path = install_work_path(install, bundle_part_type_name(BUNDLE_BIOS_CORE));
	_cleanup_free_ char *efi_path = install_work_path(install, bundle_part_type_name(BUNDLE_EFI_LOADER));
	_cleanup_free_ char *config_path = install_work_path(install, "grub.cfg");
	_cleanup_free_ char *line = loader_command_line(install->layout, install->spec->name, install->spec->console);
	_cleanup_free_ char *config = loader_config(line), *boot = NULL, *core = NULL;
	size_t boot_len = 0, core_len = 0;
	int r;

	r = write_file_atomic(config_path, config, strlen(config), 0600);
	if (r == 0)
		r = read_file(boot_path, LOADER_MAX_BYTES, &boot, &boot_len);
	if (r == 0)
		r = read_file(core_path, LOADER_MAX_BYTES, &core, &core_len);
	if (r < 0)
		return err_set_errno(err, r, "%s", install->spec->work_dir);
	r = esp_put(&install->esp, config_path, "/grub/grub.cfg", err);
	if (r == 0)
		r = esp_put(&install->esp, efi_path, EFI_LOADER_NEW_PATH, err);
	if (r == 0)
		r = sync_disk(install, err);
	/* The firmware finds a loader that is whole, or none. */
	if (r == 0)
		r = esp_rename(&install->esp, EFI_LOADER_NEW_PATH, EFI_LOADER_PATH, err);
	if (r == 0)
		r = loader_install_bios(install->disk.path, install->layout, boot, boot_len, core, core_len, err);
	return r < 0 ? r : sync_disk(install, err);
}

static int step_identity(struct install *install, struct err *err)
{
	int r = install->spec->keep_state ? state_partition_update(install, err) : state_partition_make(install, err);

	return r < 0 ? r : sync_disk(install, err);
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

void write_status_done(struct write_status *status)
{
	free(status->disk_path);
	*status = (struct write_status){ 0 };
}

int write_host(const struct write_spec *spec, struct write_status *ret, struct err *err)
{
	struct install install = {
		.spec = spec, .status = ret, .layout = &ret->layout, .bundle_fd = -1, .kernel = -1, .initrd = -1
	};
	int r;

	*ret = (struct write_status){ .step = steps[0].name };
	r = run_steps(&install, err);
	if (r == 0)
		ret->progress = 100;
	image_close(&install);
	remove_work_files(&install);
	disk_done(&install.disk);
	return r;
}

int write_find_host(const char *disk_path, struct layout *ret_layout, struct err *err)
{
	_cleanup_close_ int fd = -1;
	uint8_t sector[LOADER_BOOT_IMAGE_BYTES] = { 0 };
	struct layout layout;
	int r = layout_read(disk_path, &layout, err);

	if (r < 0)
		return r;
	fd = open(disk_path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, sector, sizeof(sector), 0) != (ssize_t)sizeof(sector))
		return err_set_errno(err, -errno, "%s", disk_path);
	/* What is written last of all. */
	if (!sector[0])
		return err_set(err, ERR_CORRUPT, "%s: the host's partitions are there, its boot loader is not",
			       disk_path);
	*ret_layout = layout;
	return 0;
}
