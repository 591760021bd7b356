/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk that is held: by its descriptor, whatever its name comes to mean, and asked again who it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "disk/held_disk.h"

#define DISK_BYTES (4 * MIB)

static char dir[64];

static void put_text(const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	_cleanup_free_ char *folder = xasprintf("%.*s", (int)(strrchr(path, '/') - path), path);

	assert_int_equal(mkdir_p(folder, 0755), 0);
	assert_int_equal(write_file_atomic(path, text, strlen(text), 0644), 0);
}

static char *disk_path(const char *name)
{
	return xasprintf("%s/dev/%s", dir, name);
}

/* As big as all of them; its first byte says which it is. */
static void make_disk(const char *name, const char *serial)
{
	_cleanup_free_ char *path = disk_path(name), *size = xasprintf("%ju", (uintmax_t)(DISK_BYTES / 512));
	_cleanup_free_ char *size_file = xasprintf("sys/block/%s/size", name);
	_cleanup_free_ char *serial_file = xasprintf("sys/block/%s/serial", name), *dev = xasprintf("%s/dev", dir);
	int fd;

	put_text(size_file, size);
	put_text(serial_file, serial);
	assert_int_equal(mkdir_p(dev, 0755), 0);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, (off_t)DISK_BYTES), 0);
	assert_int_equal(pwrite(fd, serial, 1, 0), 1);
	close(fd);
}

static int set_up(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/ingot-test-held-XXXXXX");
	assert_non_null(mkdtemp(dir));
	make_disk("sda", "a-disk");
	make_disk("sdb", "b-disk");
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	return remove(path);
}

static int tear_down(void **state)
{
	return nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static struct held_disk hold(const char *serial)
{
	struct held_disk disk = HELD_DISK_NONE;
	_cleanup_err_ struct err err = ERR_INIT;

	if (held_disk_open(dir, NULL, serial, DISK_BYTES, true, &disk, &err) < 0)
		fail_msg("%s", err.text);
	return disk;
}

static char first_byte(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char byte = 0;

	assert_int_equal(pread(fd, &byte, 1, 0), 1);
	return byte;
}

/* ---- tests ---- */

static void test_the_name_goes_to_another_disk(void **state)
{
	_cleanup_held_disk_ struct held_disk disk = hold("a-disk");
	_cleanup_free_ char *a = disk_path("sda"), *b = disk_path("sdb");

	assert_int_equal(rename(b, a), 0);
	assert_int_equal(first_byte(a), 'b');
	assert_int_equal(first_byte(disk.path), 'a'); /* for programs that are started */
	assert_int_equal(pwrite(disk.fd, "x", 1, 0), 1);
	assert_int_equal(first_byte(a), 'b');
}

static void test_another_one_between_finding_and_opening(void **state)
{
	_cleanup_free_ char *path = disk_path("sda");
	_cleanup_err_ struct err err = ERR_INIT;
	struct held_disk disk = HELD_DISK_NONE;

	assert_int_equal(truncate(path, (off_t)(2 * DISK_BYTES)), 0);
	assert_true(held_disk_open(dir, NULL, "a-disk", 0, true, &disk, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_non_null(strstr(err.text, "8388608 bytes when it is opened and 4194304 in sysfs"));
	assert_int_equal(disk.fd, -1);
}

static void assert_noticed(const struct held_disk *disk, const char *words)
{
	_cleanup_err_ struct err err = ERR_INIT;

	assert_true(held_disk_check(disk, &err) < 0);
	assert_non_null(strstr(err.text, words));
}

static void test_who_it_is_is_asked_again(void **state)
{
	_cleanup_held_disk_ struct held_disk disk = hold("a-disk");
	_cleanup_free_ char *path = disk_path("sda"), *folder = xasprintf("%s/sys/block/sda", dir);
	_cleanup_free_ char *away = xasprintf("%s/sys/away", dir);

	assert_int_equal(held_disk_check(&disk, NULL), 0);
	put_text("sys/block/sda/serial", "b-disk");
	assert_noticed(&disk, "its serial number is b-disk, it was a-disk; nothing more is written to it");
	put_text("sys/block/sda/serial", "a-disk");
	put_text("sys/block/sda/wwid", "naa.5000c500a1b2c3d4");
	assert_noticed(&disk, "its WWN is naa.5000c500a1b2c3d4, it was none");
	put_text("sys/block/sda/wwid", "");
	put_text("sys/block/sda/size", "16");
	assert_noticed(&disk, "its size in sysfs is 8192, it was 4194304");
	put_text("sys/block/sda/size", "8192");
	assert_int_equal(held_disk_check(&disk, NULL), 0);
	assert_int_equal(truncate(path, 512), 0);
	assert_noticed(&disk, "its size is 512, it was 4194304");
	assert_int_equal(truncate(path, (off_t)DISK_BYTES), 0);
	assert_int_equal(rename(folder, away), 0);
	assert_noticed(&disk, "is not there any more");
}

static void test_in_use(void **state)
{
	static const char mounts[] = "31 22 8:0 / /srv rw - ext4 /dev/sda rw\n";
	_cleanup_held_disk_ struct held_disk disk = hold("a-disk");
	_cleanup_err_ struct err err = ERR_INIT;

	assert_int_equal(held_disk_check_unused(&disk, NULL), 0);
	put_text("proc/self/mountinfo", mounts);
	assert_true(held_disk_check_unused(&disk, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_non_null(strstr(err.text, "sda is mounted at /srv"));
}

/* Any place, any length, across the pieces that are read at once. */
static void test_reading_back(void **state)
{
	static const struct {
		uint64_t at;
		size_t len;
	} places[] = { { 0, 512 }, { 1, 1 }, { 4095, 2 }, { MIB - 7, 2 * MIB + 100 }, { DISK_BYTES - 3, 3 } };
	_cleanup_held_disk_ struct held_disk disk = hold("a-disk");
	_cleanup_free_ uint8_t *data = xmalloc(DISK_BYTES), *back = xmalloc(DISK_BYTES);
	_cleanup_err_ struct err err = ERR_INIT;

	random_bytes(data, DISK_BYTES);
	assert_int_equal(pwrite(disk.fd, data, DISK_BYTES, 0), DISK_BYTES);
	assert_int_equal(held_disk_forget(&disk, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		assert_int_equal(held_disk_reread(&disk, places[i].at, back, places[i].len, NULL), 0);
		assert_memory_equal(back, data + places[i].at, places[i].len);
		assert_int_equal(held_disk_compare(&disk, "it", places[i].at, data + places[i].at, places[i].len, NULL),
				 0);
	}
	assert_true(held_disk_reread(&disk, DISK_BYTES - 1, back, 2, &err) < 0);
	data[5000] ^= 0x10;
	assert_true(held_disk_compare(&disk, "the thing", 4900, data + 4900, 300, &err) < 0);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_non_null(strstr(err.text,
			       "(serial a-disk) gives back other bytes than were written: the thing, byte 100 of "
			       "300 (at 5000 of the disk) is 0x"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_the_name_goes_to_another_disk),
		TEST(test_another_one_between_finding_and_opening),
		TEST(test_who_it_is_is_asked_again),
		TEST(test_in_use),
		TEST(test_reading_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
