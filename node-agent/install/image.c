/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the bundle to the disk: the root part goes straight to its partition, the small ones by way of a file in memory. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "install/install_priv.h"
#include "install/loader.h"

/* Where the parts go. Kernel and initrd are there twice after an upgrade, and share the ESP with the loaders. */
static const struct {
	uint64_t max_bytes;
	const char *esp_path; /* copied there as soon as it has come */
} places[BUNDLE_PART_TYPE_COUNT] = {
	[BUNDLE_KERNEL] = { 24 * MIB, "/ingot/a/vmlinuz" },
	[BUNDLE_INITRD] = { 96 * MIB, "/ingot/a/initrd" },
	[BUNDLE_BIOS_BOOT] = { LOADER_BOOT_IMAGE_BYTES, NULL },
	[BUNDLE_BIOS_CORE] = { LOADER_CORE_MAX_BYTES, NULL },
	[BUNDLE_EFI_SHIM] = { 2 * MIB, NULL },
	[BUNDLE_EFI_KEYS] = { 2 * MIB, NULL },
	[BUNDLE_EFI_LOADER] = { 6 * MIB, NULL },
	[BUNDLE_EFI_CHAIN] = { 2 * MIB, NULL },
	[BUNDLE_ROOT] = { 2 * GIB, NULL },
};

/* ---- check ---- */

static int check_parts(const struct bundle_manifest *manifest, struct err *err)
{
	bool there[BUNDLE_PART_TYPE_COUNT] = { false };

	for (unsigned i = 0; i < manifest->part_count; i++) {
		const struct bundle_part *part = &manifest->parts[i];

		there[part->type] = true;
		if (part->size_bytes > places[part->type].max_bytes)
			return err_set(err, ERR_CAPACITY, "part %s has %" PRIu64 " bytes, there is room for %" PRIu64,
				       part->name, part->size_bytes, places[part->type].max_bytes);
	}
	for (unsigned type = 0; type < BUNDLE_PART_TYPE_COUNT; type++) {
		if (!there[type])
			return err_set(err, ERR_INVALID, "the bundle has no part of type %s",
				       bundle_part_type_name(type));
	}
	return 0;
}

/* When the stream ended early, why it did says more than that it did. */
static int stream_error(struct install *install, int r, struct err *err)
{
	_cleanup_err_ struct err transport = ERR_INIT;
	int why = install->fetch ? fetch_finish(install->fetch, &transport) : 0;

	if (why == 0 || transport.code == ERR_CANCELLED || !err || err->code != ERR_CORRUPT)
		return r;
	err_move(err, &transport);
	return why;
}

static int open_source(struct install *install, struct err *err)
{
	const struct write_spec *spec = install->spec;

	if (spec->bundle.url)
		return fetch_start(
			&(struct fetch_spec){ .url = spec->bundle.url, .cancelled = spec->withdrawn, .ctx = spec->ctx },
			&install->fetch, err);
	install->bundle_fd = open(spec->bundle.path, O_RDONLY | O_CLOEXEC);
	if (install->bundle_fd < 0)
		return err_set_errno(err, -errno, "%s", spec->bundle.path);
	posix_fadvise(install->bundle_fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return 0;
}

int image_open(struct install *install, struct err *err)
{
	const struct bundle_manifest *manifest;
	const char *version = install->spec->bundle.version;
	int r = open_source(install, err);

	if (r < 0)
		return r;
	r = bundle_reader_new(install->fetch ? fetch_fd(install->fetch) : install->bundle_fd,
			      install->spec->bundle.key_pem, &install->reader, err);
	if (r < 0)
		return stream_error(install, r, err);
	manifest = bundle_reader_manifest(install->reader);
	if (version && !str_equal(manifest->version, version))
		return err_set(err, ERR_INVALID, "the bundle is of version %s, version %s was ordered",
			       manifest->version, version);
	for (unsigned i = 0; i < manifest->part_count; i++) {
		if (manifest->parts[i].type == BUNDLE_ROOT)
			install->status->total_bytes = manifest->parts[i].size_bytes;
	}
	return check_parts(manifest, err);
}

void image_close(struct install *install)
{
	install->kernel = close_fd(install->kernel);
	install->initrd = close_fd(install->initrd);
	piece_sums_done(&install->root_sums);
	install->reader = bundle_reader_free(install->reader);
	install->fetch = fetch_free(install->fetch);
	install->bundle_fd = close_fd(install->bundle_fd);
}

/* ---- write ---- */

/* A sink: the root goes to its partition while the next bytes are got and hashed, the small ones to a file. */
struct target {
	struct install *install;
	struct write_behind *behind; /* NULL: the file */
	int fd;
};

static int target_write(uint64_t offset, const void *data, size_t len, void *ctx, struct err *err)
{
	struct target *target = ctx;
	struct bundle_sink file = bundle_sink_fd(&target->fd);

	return target->behind ? write_behind_put(target->behind, data, len, err)
			      : file.write(offset, data, len, file.ctx, err);
}

/* A squashfs has no holes to speak of: as zeros they are on the disk for certain. */
static int target_hole(uint64_t offset, uint64_t len, void *ctx, struct err *err)
{
	struct target *target = ctx;
	struct bundle_sink file = bundle_sink_fd(&target->fd);

	return target->behind ? write_behind_put(target->behind, NULL, len, err)
			      : file.hole(offset, len, file.ctx, err);
}

static void target_progress(uint64_t done_bytes, uint64_t total_bytes, void *ctx)
{
	struct target *target = ctx;
	struct install *install = target->install;

	if (!target->behind)
		return;
	install->status->bytes = write_behind_done_bytes(target->behind);
	install_progress(install, install->status->bytes, total_bytes);
}

static bool target_cancelled(void *ctx)
{
	return install_cancelled(((struct target *)ctx)->install);
}

static int copy_to(struct target *target, struct err *err)
{
	struct bundle_sink sink = { target_write,     target_hole, target_progress,
				    target_cancelled, target,	   .unjudged = target->behind };
	int r = bundle_reader_copy(target->install->reader, &sink, err);

	return r < 0 ? stream_error(target->install, r, err) : 0;
}

static int write_root(struct install *install, const struct bundle_part *part, struct err *err)
{
	struct target target = { .install = install, .fd = -1 };
	const struct write_behind_spec spec = {
		.disk = &install->disk,
		.offset = install->layout->partitions[PARTITION_ROOT_A].offset_bytes,
		.len = part->size_bytes,
		.cancelled = target_cancelled,
		.ctx = &target,
	};
	uint8_t digest[SHA256_SIZE] = { 0 };
	int r = write_behind_start(&spec, &target.behind, err);

	if (r == 0)
		r = copy_to(&target, err);
	if (r == 0)
		r = write_behind_finish(target.behind, digest, &install->root_sums, err);
	write_behind_free(target.behind);
	if (r == 0)
		r = bundle_part_judge(part, digest, err);
	if (r < 0)
		return r;
	install->status->bytes = part->size_bytes;
	return held_disk_sync(&install->disk, err);
}

static int write_small(struct install *install, const struct bundle_part *part, struct err *err)
{
	_cleanup_free_ char *path = install_work_path(install, bundle_part_type_name(part->type));
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct target target = { .install = install, .fd = fd };
	const char *esp_path = places[part->type].esp_path;
	int r;

	if (fd < 0)
		return err_set_errno(err, -errno, "%s", path);
	r = copy_to(&target, err);
	if (r < 0 || !esp_path)
		return r;
	r = esp_put(&install->esp, path, esp_path, err);
	unlink(path);
	return r;
}

int image_write(struct install *install, struct err *err)
{
	const struct bundle_part *part;
	int r;

	while ((r = bundle_reader_next(install->reader, &part, err)) > 0) {
		/* It may have taken its time to come. */
		r = held_disk_check(&install->disk, err);
		if (r < 0)
			return r;
		r = part->type == BUNDLE_ROOT ? write_root(install, part, err) : write_small(install, part, err);
		if (r < 0)
			return r;
	}
	return r < 0 ? stream_error(install, r, err) : 0;
}

/* ---- verify ---- */

static int hash_readback(int fd, uint8_t *ret_digest, struct err *err)
{
	int r = sha256_of_file(fd, ret_digest);

	return r < 0 ? err_set_errno(err, r, "reading back") : 0;
}

static int compare(const struct held_disk *disk, const struct bundle_part *part, const uint8_t *digest, struct err *err)
{
	_cleanup_free_ char *is = NULL, *should = NULL;

	if (memcmp(digest, part->sha256, SHA256_SIZE) == 0)
		return 0;
	is = hex_encode(digest, SHA256_SIZE);
	should = hex_encode(part->sha256, SHA256_SIZE);
	return held_disk_lies(disk, err, "part %s has the SHA-256 %s, not %s", part->name, is, should);
}

static int root_checked(uint64_t done_bytes, void *ctx, struct err *err)
{
	struct install *install = ctx;

	install->status->verified_bytes = done_bytes;
	install_progress(install, done_bytes, install->root_sums.len);
	return install_check_cancelled(install, err);
}

static int verify_root(struct install *install, const struct bundle_part *part, struct err *err)
{
	_cleanup_free_ char *what = xasprintf("part %s", part->name);

	return readback_compare(
		&(struct readback_spec){ &install->disk, &install->root_sums, what, root_checked, install }, err);
}

/* What the disk gave back stays open, for reading only, as kexec wants it. */
static int verify_on_esp(struct install *install, const struct bundle_part *part, int *ret_fd, struct err *err)
{
	_cleanup_free_ char *path = install_work_path(install, "readback");
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	_cleanup_close_ int again = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t digest[SHA256_SIZE] = { 0 };
	int r;

	if (fd < 0 || again < 0)
		return err_set_errno(err, -errno, "%s", path);
	unlink(path);
	r = esp_get(&install->esp, places[part->type].esp_path, fd, err);
	if (r == 0)
		r = hash_readback(fd, digest, err);
	if (r == 0)
		r = compare(&install->disk, part, digest, err);
	if (r < 0)
		return r;
	close_fd(*ret_fd);
	*ret_fd = TAKE_FD(again);
	return 0;
}

/* Kernel and initrd have been read back: whoever will boot them may have them now. */
static void tell_verified(struct install *install)
{
	if (!install->spec->verified || install->kernel < 0 || install->initrd < 0)
		return;
	install->spec->verified(install->status, install->kernel, install->initrd, install->spec->ctx);
	install->kernel = install->initrd = -1;
}

int image_verify(struct install *install, struct err *err)
{
	const struct bundle_manifest *manifest = bundle_reader_manifest(install->reader);
	/* From here on what is read comes from the disk, not from what the kernel remembers of it. */
	int r = held_disk_forget(&install->disk, err);

	for (unsigned i = 0; i < manifest->part_count && r == 0; i++) {
		const struct bundle_part *part = &manifest->parts[i];

		if (part->type == BUNDLE_ROOT)
			r = verify_root(install, part, err);
		else if (part->type == BUNDLE_KERNEL)
			r = verify_on_esp(install, part, &install->kernel, err);
		else if (part->type == BUNDLE_INITRD)
			r = verify_on_esp(install, part, &install->initrd, err);
		if (r == 0)
			tell_verified(install);
	}
	return r;
}
