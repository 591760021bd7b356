/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "install/esp.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmd/cmd.h"

#define TOOL_DEADLINE_MS 300000
#define READ_BYTES ((size_t)(256 * KIB))

/* What GRUB and the firmware read, and where an upgrade will write. */
static const char *const folders[] = { "/EFI",	"/EFI/BOOT", "/EFI/debian", "/EFI/ingot",
				       "/grub", "/ingot",    "/ingot/a",    "/ingot/b" };

static uint64_t esp_offset(const struct esp *esp)
{
	return esp->layout->partitions[PARTITION_ESP].offset_bytes;
}

static int run_mkfs(const struct esp *esp, struct err *err)
{
	_cleanup_free_ char *sectors = xasprintf("%" PRIu64, esp_offset(esp) / esp->layout->sector_bytes);
	_cleanup_free_ char *kib = xasprintf("%" PRIu64, esp->layout->partitions[PARTITION_ESP].size_bytes / KIB);
	_cleanup_free_ char *sector_bytes = xasprintf("%u", esp->layout->sector_bytes);
	/* Clusters of 2 KiB: enough of them for the firmware to see FAT32 (UEFI 13.3), few enough to be read fast. */
	_cleanup_free_ char *cluster = xasprintf("%u", MAX_OF(2048 / esp->layout->sector_bytes, 1U));

	/* -I: it is a whole disk with partitions. No boot record: that place is the partition table's. */
	return cmd_runl(err, TOOL_DEADLINE_MS, "mkfs.fat", "-F", "32", "-S", sector_bytes, "-s", cluster, "-n",
			ESP_LABEL, "-I", "--mbr=no", "-h", sectors, "--offset", sectors, esp->disk->path, kib, NULL);
}

/* mtools asks iconv for its code page: ASCII is the only one that needs no file, and all our names are. */
static int run_mtools(const struct esp *esp, const char *const *arguments, int stdout_fd, struct err *err)
{
	static const char config[] = "mtools_skip_check=1\ndefault_codepage=367\n";
	_cleanup_free_ char *config_path = xasprintf("%s/mtoolsrc", esp->work_dir);
	_cleanup_free_ char *config_env = xasprintf("MTOOLSRC=%s", config_path);
	_cleanup_free_ char *path_env = xasprintf("PATH=%s", str_or(getenv("PATH"), "/usr/sbin:/usr/bin:/sbin:/bin"));
	_cleanup_free_ char *image = xasprintf("%s@@%" PRIu64, esp->disk->path, esp_offset(esp));
	const char *argv[16] = { "mtools", "-c", arguments[0], "-i", image }, *envp[] = { config_env, path_env, NULL };
	unsigned count = 5;
	int r;

	for (unsigned i = 1; arguments[i] && count < ARRAY_SIZE(argv) - 1; i++)
		argv[count++] = arguments[i];
	r = write_file_atomic(config_path, config, strlen(config), 0600);
	if (r < 0)
		return err_set_errno(err, r, "%s", config_path);
	return cmd_run(&(struct cmd){ .argv = argv,
				      .envp = envp,
				      .deadline_ms = TOOL_DEADLINE_MS,
				      .die_with_parent = true,
				      .stdout_fd = stdout_fd },
		       NULL, err);
}

int esp_format(const struct esp *esp, struct err *err)
{
	const char *arguments[ARRAY_SIZE(folders) + 2] = { "mmd" };
	char *names[ARRAY_SIZE(folders)];
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		arguments[i + 1] = names[i] = xasprintf("::%s", folders[i]);
	r = run_mkfs(esp, err);
	if (r == 0)
		r = run_mtools(esp, arguments, 0, err);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		free(names[i]);
	return r < 0 ? err_prefix(err, "EFI system partition") : 0;
}

int esp_put(const struct esp *esp, const char *from, const char *path, struct err *err)
{
	_cleanup_free_ char *to = xasprintf("::%s", path);
	int r = run_mtools(esp, (const char *[]){ "mcopy", "-o", from, to, NULL }, 0, err);

	return r < 0 ? err_prefix(err, "EFI system partition: %s", path) : 0;
}

int esp_get(const struct esp *esp, const char *path, int to_fd, struct err *err)
{
	_cleanup_free_ char *from = xasprintf("::%s", path);
	int r = run_mtools(esp, (const char *[]){ "mcopy", from, "-", NULL }, to_fd, err);

	return r < 0 ? err_prefix(err, "EFI system partition: %s", path) : 0;
}

/* Both from their beginnings: 0 if they are the same, 1 if not. */
static int compare_files(int a, int b, struct err *err)
{
	_cleanup_free_ char *data_a = xmalloc(READ_BYTES), *data_b = xmalloc(READ_BYTES);
	ssize_t len_a, len_b;
	off_t offset = 0;

	do {
		len_a = pread(a, data_a, READ_BYTES, offset);
		len_b = pread(b, data_b, READ_BYTES, offset);
		if (len_a < 0 || len_b < 0)
			return err_set_errno(err, -errno, "reading back");
		if (len_a != len_b || memcmp(data_a, data_b, (size_t)len_a) != 0)
			return 1;
		offset += len_a;
	} while (len_a > 0);
	return 0;
}

int esp_check(const struct esp *esp, const char *from, const char *path, struct err *err)
{
	_cleanup_close_ int should = open(from, O_RDONLY | O_CLOEXEC), is = memfd_create("ingot-esp", MFD_CLOEXEC);
	_cleanup_err_ struct err why = ERR_INIT;
	int r;

	if (should < 0 || is < 0)
		return err_set_errno(err, -errno, "%s", from);
	r = held_disk_forget(esp->disk, err);
	if (r < 0)
		return r;
	r = esp_get(esp, path, is, &why);
	if (r < 0)
		return held_disk_lies(esp->disk, err, "%s", why.text);
	r = compare_files(is, should, err);
	return r > 0 ? held_disk_lies(esp->disk, err, "%s on the EFI system partition", path) : r;
}

int esp_rename(const struct esp *esp, const char *from, const char *to, struct err *err)
{
	_cleanup_free_ char *old = xasprintf("::%s", from), *name = xasprintf("::%s", to);
	int r = run_mtools(esp, (const char *[]){ "mren", "-D", "o", old, name, NULL }, 0, err);

	return r < 0 ? err_prefix(err, "EFI system partition: %s", to) : 0;
}
