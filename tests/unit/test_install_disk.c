/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Partition table, file system of the ESP and boot loader on a sparse file, by the real tools. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "install/esp.h"
#include "install/layout.h"
#include "install/loader.h"

#define DISK_BYTES (10 * GIB)
#define NEEDED_BYTES (2 * MIB + 1 * MIB + 264 * MIB + 7 * GIB)

static char dir[] = "/tmp/ingot-test-disk-XXXXXX";
static char *disk_path;
static struct held_disk held = { .fd = -1 };
#define disk (&held)

static int set_up(void **state)
{
	int fd;

	assert_non_null(mkdtemp(dir));
	disk_path = xasprintf("%s/disk", dir);
	fd = open(disk_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)DISK_BYTES), 0);
	close(fd);
	return held_disk_look(disk_path, true, &held, NULL);
}

static int tear_down(void **state)
{
	static const char *const files[] = { "disk", "mtoolsrc", "a", "b" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", dir, files[i]);

		unlink(path);
	}
	held_disk_done(&held);
	free(disk_path);
	return rmdir(dir);
}

static void read_at(uint64_t offset, void *data, size_t len)
{
	_cleanup_close_ int fd = open(disk_path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, data, len, (off_t)offset), len);
}

static void test_plan(void **state)
{
	struct layout layout;
	uint64_t end = MIB;

	assert_int_equal(layout_plan(DISK_BYTES, 512, &layout, NULL), 0);
	for (unsigned i = 0; i < PARTITION_COUNT; i++) {
		assert_int_equal(layout.partitions[i].offset_bytes, end);
		assert_int_equal(layout.partitions[i].offset_bytes % MIB, 0);
		assert_int_equal(layout.partitions[i].size_bytes % MIB, 0);
		assert_true(uuid_valid(layout.partitions[i].uuid));
		end += layout.partitions[i].size_bytes;
	}
	assert_int_equal(end, DISK_BYTES - MIB);
	assert_int_equal(layout.partitions[PARTITION_ROOT_A].size_bytes, 2 * GIB);
}

static void test_plan_of_a_small_disk(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *needed = xasprintf("%ju", (uintmax_t)NEEDED_BYTES);
	struct layout layout;

	assert_int_equal(layout_plan(NEEDED_BYTES, 512, &layout, NULL), 0);
	assert_int_equal(layout.partitions[PARTITION_STATE].size_bytes, 3 * GIB);
	assert_true(layout_plan(NEEDED_BYTES - 512, 512, &layout, &err) < 0);
	assert_int_equal(err.code, ERR_CAPACITY);
	assert_non_null(strstr(err.text, needed));
	assert_true(layout_plan(0, 512, &layout, &err) < 0);
}

static void test_table_is_written_and_read(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct layout layout, found;
	uint8_t boot_code[440], zeros[440] = { 0 };

	/* A disk with a past: boot code, another table. */
	{
		_cleanup_close_ int fd = open(disk_path, O_WRONLY | O_CLOEXEC);

		memset(boot_code, 0xcc, sizeof(boot_code));
		assert_int_equal(pwrite(fd, boot_code, sizeof(boot_code), 0), sizeof(boot_code));
	}
	assert_true(layout_read(disk, &found, &err) < 0);
	assert_int_equal(layout_plan(DISK_BYTES, 512, &layout, NULL), 0);
	if (layout_write(&layout, disk, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(layout_read(disk, &found, NULL), 0);
	for (unsigned i = 0; i < PARTITION_COUNT; i++) {
		assert_int_equal(found.partitions[i].offset_bytes, layout.partitions[i].offset_bytes);
		assert_int_equal(found.partitions[i].size_bytes, layout.partitions[i].size_bytes);
		assert_string_equal(found.partitions[i].uuid, layout.partitions[i].uuid);
	}
	read_at(0, boot_code, sizeof(boot_code));
	assert_memory_equal(boot_code, zeros, sizeof(zeros));
	/* Again: another plan over the first one. */
	assert_int_equal(layout_plan(DISK_BYTES, 512, &layout, NULL), 0);
	assert_int_equal(layout_write(&layout, disk, NULL), 0);
	assert_int_equal(layout_read(disk, &found, NULL), 0);
	assert_string_equal(found.partitions[PARTITION_ROOT_A].uuid, layout.partitions[PARTITION_ROOT_A].uuid);
}

static void test_esp(void **state)
{
	_cleanup_free_ char *from = xasprintf("%s/a", dir), *to = xasprintf("%s/b", dir), *back = NULL;
	_cleanup_free_ uint8_t *data = xmalloc(3 * MIB + 7);
	_cleanup_err_ struct err err = ERR_INIT;
	uint8_t sector[512], after[512], guard[512];
	struct layout layout;
	struct esp esp = { disk, &layout, dir };
	size_t len;
	int fd;

	assert_int_equal(layout_plan(DISK_BYTES, 512, &layout, NULL), 0);
	assert_int_equal(layout_write(&layout, disk, NULL), 0);
	read_at(0, sector, sizeof(sector));
	memset(guard, 0, sizeof(guard));
	if (esp_format(&esp, &err) < 0)
		fail_msg("%s", err.text);
	random_bytes(data, 3 * MIB + 7);
	assert_int_equal(write_file_atomic(from, "old", 3, 0600), 0);
	assert_int_equal(esp_put(&esp, from, "/ingot/a/vmlinuz", NULL), 0);
	assert_int_equal(write_file_atomic(from, data, 3 * MIB + 7, 0600), 0);
	if (esp_put(&esp, from, "/ingot/a/vmlinuz", &err) < 0)
		fail_msg("%s", err.text);
	fd = open(to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(esp_get(&esp, "/ingot/a/vmlinuz", fd, NULL), 0);
	close(fd);
	assert_int_equal(read_file(to, 8 * MIB, &back, &len), 0);
	assert_int_equal(len, 3 * MIB + 7);
	assert_memory_equal(back, data, len);
	/* The neighbours are as they were: the table before it, the partition behind it. */
	read_at(0, after, sizeof(after));
	assert_memory_equal(sector, after, sizeof(sector));
	read_at(layout.partitions[PARTITION_ROOT_A].offset_bytes, after, sizeof(after));
	assert_memory_equal(guard, after, sizeof(guard));
	assert_true(esp_get(&esp, "/nowhere", 2, &err) < 0);
	assert_non_null(strstr(err.text, "/nowhere"));
}

static void test_esp_is_a_sound_file_system(void **state)
{
	_cleanup_free_ char *image = xasprintf("%s/a", dir), *out = NULL;
	_cleanup_free_ uint8_t *data = NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	struct layout layout;
	size_t size;

	assert_int_equal(layout_read(disk, &layout, NULL), 0);
	size = layout.partitions[PARTITION_ESP].size_bytes;
	data = xmalloc(size);
	read_at(layout.partitions[PARTITION_ESP].offset_bytes, data, size);
	assert_int_equal(write_file_atomic(image, data, size, 0600), 0);
	if (cmd_outputl(&err, 60000, &out, "fsck.fat", "-n", "-v", image, NULL) < 0)
		fail_msg("%s", err.text);
	assert_non_null(strstr(out, "32 bit entries"));
	unlink(image);
}

/* ---- GRUB for BIOS ---- */

static void make_images(uint8_t *boot, uint8_t *core, size_t core_len)
{
	static const uint8_t list[12] = { 2, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0x20, 0x08 };

	random_bytes(boot, 512);
	boot[0] = boot[0x66] = 0xeb;
	boot[0x1fe] = 0x55;
	boot[0x1ff] = 0xaa;
	random_bytes(core, core_len);
	memcpy(core + 500, list, sizeof(list));
}

static void test_bios_loader(void **state)
{
	uint8_t boot[512], core[3000], sector[512], table[512 - 0x1b8], written[3072];
	_cleanup_err_ struct err err = ERR_INIT;
	struct layout layout;
	/* The BIOS boot partition begins at 1 MiB: sector 2048. */
	static const uint8_t core_sector[8] = { 0, 8 }, next[12] = { 1, 8, 0, 0, 0, 0, 0, 0, 5, 0, 0x20, 0x08 };

	assert_int_equal(layout_read(disk, &layout, NULL), 0);
	read_at(0x1b8, table, sizeof(table));
	make_images(boot, core, sizeof(core));
	if (loader_install_bios(disk, &layout, boot, sizeof(boot), core, sizeof(core), &err) < 0)
		fail_msg("%s", err.text);
	read_at(0, sector, sizeof(sector));
	assert_memory_equal(sector, boot, 0x5c);
	assert_memory_equal(sector + 0x5c, core_sector, sizeof(core_sector));
	assert_int_equal(sector[0x66], 0x90);
	assert_int_equal(sector[0x67], 0x90);
	assert_memory_equal(sector + 0x68, boot + 0x68, 0x1b8 - 0x68);
	assert_memory_equal(sector + 0x1b8, table, sizeof(table));
	read_at(layout.partitions[PARTITION_BIOS].offset_bytes, written, sizeof(written));
	assert_memory_equal(written, core, 500);
	assert_memory_equal(written + 500, next, sizeof(next));
	assert_memory_equal(written + 512, core + 512, sizeof(core) - 512);
	for (size_t i = sizeof(core); i < sizeof(written); i++)
		assert_int_equal(written[i], 0);
	assert_int_equal(layout_read(disk, &layout, NULL), 0);
}

static void test_bios_loader_refuses(void **state)
{
	uint8_t boot[512], core[3000], bad[3000], before[512], after[512];
	struct layout layout;

	assert_int_equal(layout_read(disk, &layout, NULL), 0);
	read_at(0, before, sizeof(before));
	make_images(boot, core, sizeof(core));
	random_bytes(bad, sizeof(bad));
	memset(bad, 0, 2);
	memset(bad + 500, 0, 12);
	assert_true(loader_install_bios(disk, &layout, bad, 512, core, sizeof(core), NULL) < 0);
	assert_true(loader_install_bios(disk, &layout, boot, 511, core, sizeof(core), NULL) < 0);
	assert_true(loader_install_bios(disk, &layout, boot, 512, bad, sizeof(bad), NULL) < 0);
	assert_true(loader_install_bios(disk, &layout, boot, 512, core, 512, NULL) < 0);
	assert_true(loader_install_bios(disk, &layout, boot, 512, core, 2 * MIB, NULL) < 0);
	read_at(0, after, sizeof(after));
	assert_memory_equal(before, after, sizeof(before));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_plan_of_a_small_disk),
		cmocka_unit_test(test_table_is_written_and_read),
		cmocka_unit_test(test_esp),
		cmocka_unit_test(test_esp_is_a_sound_file_system),
		cmocka_unit_test(test_bios_loader),
		cmocka_unit_test(test_bios_loader_refuses),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
