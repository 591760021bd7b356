/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A state partition whose host was cut off: its journal has what its place has not yet. What can be seen of that without
 * root; tests/namespaces/test_installer.py has a real loop device replay one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "disk/disk_window.h"
#include "install/install_priv.h"
#include "install/state_journal.h"
#include "installer/record.h"

#define DISK_BYTES ((size_t)(40 * MIB))
#define STATE_OFFSET ((uint64_t)(2 * MIB))
#define STATE_BYTES ((uint64_t)(32 * MIB))
#define BLOCK_BYTES 4096
#define DEADLINE_MS 60000

static char dir[64];
static const struct layout layout = { .partitions[PARTITION_STATE] = { .offset_bytes = STATE_OFFSET,
								       .size_bytes = STATE_BYTES } };

/* ---- the kernel's loop devices: none, or some that others are after as well ---- */

static struct {
	bool none;
	unsigned taken; /* so many are taken by somebody else between being offered and being configured */
	int next;
	char opened[64];
	struct loop_config config;
} loops;

int open(const char *path, int flags, ...)
{
	int (*real)(const char *, int, ...) = NULL;
	mode_t mode = 0;
	va_list ap;

	if (flags & O_CREAT) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	if (str_starts(path, "/dev/loop")) {
		if (loops.none) {
			errno = ENOENT;
			return -1;
		}
		snprintf(loops.opened, sizeof(loops.opened), "%s", path);
		return memfd_create("loop", MFD_CLOEXEC);
	}
	*(void **)&real = dlsym(RTLD_NEXT, "open");
	return real(path, flags, mode);
}

int ioctl(int fd, unsigned long request, ...)
{
	int (*real)(int, unsigned long, ...) = NULL;
	void *argument;
	va_list ap;

	va_start(ap, request);
	argument = va_arg(ap, void *);
	va_end(ap);
	if (request == LOOP_CTL_GET_FREE)
		return loops.next++;
	if (request == LOOP_CONFIGURE && loops.taken) {
		loops.taken--;
		errno = EBUSY;
		return -1;
	}
	if (request == LOOP_CONFIGURE) {
		memcpy(&loops.config, argument, sizeof(loops.config));
		return 0;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "ioctl");
	return real(fd, request, argument);
}

/* ---- the disk ---- */

static char *in_dir(const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static void put_text(const char *name, const char *text)
{
	_cleanup_free_ char *path = in_dir(name);
	_cleanup_free_ char *folder = xasprintf("%.*s", (int)(strrchr(path, '/') - path), path);

	assert_int_equal(mkdir_p(folder, 0755), 0);
	assert_int_equal(write_file_atomic(path, text, strlen(text), 0644), 0);
}

static char *device(void)
{
	return xasprintf("%s/disk?offset=%ju", dir, (uintmax_t)STATE_OFFSET);
}

/* What debugfs answers. */
static char *ask(const char *request)
{
	_cleanup_free_ char *where = device();
	char *out = NULL;

	assert_int_equal(cmd_outputl(NULL, DEADLINE_MS, &out, "debugfs", "-w", "-R", request, where, NULL), 0);
	return out;
}

static int set_up(void **state)
{
	_cleanup_free_ char *disk = NULL, *tree = NULL, *extended = NULL, *kib = NULL;
	int fd;

	loops = (typeof(loops)){ 0 };
	snprintf(dir, sizeof(dir), "/tmp/ingot-test-journal-XXXXXX");
	assert_non_null(mkdtemp(dir));
	disk = in_dir("disk");
	tree = in_dir("tree");
	extended = xasprintf("offset=%ju,nodiscard", (uintmax_t)STATE_OFFSET);
	kib = xasprintf("%juk", (uintmax_t)(STATE_BYTES / KIB));
	put_text("tree" RECORD_PATH, "{\"role\": \"node\", \"answers\": \"abc\"}\n");
	put_text("tree/etc/hostname", "rack-1\n");
	fd = open(disk, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, (off_t)DISK_BYTES), 0);
	close(fd);
	return cmd_runl(NULL, DEADLINE_MS, "mkfs.ext4", "-q", "-F", "-b", "4096", "-d", tree, "-E", extended, disk, kib,
			NULL);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	return remove(path);
}

static int tear_down(void **state)
{
	return nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static struct held_disk hold(void)
{
	_cleanup_free_ char *path = in_dir("disk");
	struct held_disk disk = HELD_DISK_NONE;

	assert_int_equal(held_disk_look(path, true, &disk, NULL), 0);
	return disk;
}

/* The first block of a file or folder. */
static uint64_t block_of(const char *path)
{
	_cleanup_free_ char *request = xasprintf("blocks %s", path), *answer = ask(request);

	return strtoull(answer, NULL, 10);
}

/* The power fails: the journal has this block, the last that was written to the file system. */
static void cut_off(uint64_t block, const char content[BLOCK_BYTES])
{
	_cleanup_free_ char *path = in_dir("block"), *where = device(), *commands = in_dir("commands");
	_cleanup_free_ char *text = xasprintf("jo\njw -b %ju %s\njc\n", (uintmax_t)block, path);

	assert_int_equal(write_file_atomic(path, content, BLOCK_BYTES, 0644), 0);
	assert_int_equal(write_file_atomic(commands, text, strlen(text), 0644), 0);
	assert_int_equal(cmd_runl(NULL, DEADLINE_MS, "debugfs", "-w", "-f", commands, where, NULL), 0);
}

static bool needs_recovery(const struct held_disk *disk)
{
	_cleanup_err_ struct err err = ERR_INIT;
	bool needs = false;

	if (state_journal_read(disk, &layout, &needs, &err) < 0)
		fail_msg("%s", err.text);
	return needs;
}

static char *all_of(const struct held_disk *disk)
{
	char *data = xmalloc(DISK_BYTES);

	assert_int_equal(pread(disk->fd, data, DISK_BYTES, 0), DISK_BYTES);
	return data;
}

/* ---- tests ---- */

static void test_superblock_says_it(void **state)
{
	_cleanup_held_disk_ struct held_disk disk = hold();
	char content[BLOCK_BYTES] = "new\n";
	_cleanup_err_ struct err err = ERR_INIT;
	struct layout beyond = layout;
	bool needs;

	assert_false(needs_recovery(&disk));
	cut_off(block_of("/etc/hostname"), content);
	assert_true(needs_recovery(&disk));
	/* The same bits of what is no ext4 say nothing. */
	assert_int_equal(pwrite(disk.fd, "\0", 1, (off_t)(STATE_OFFSET + 1024 + 0x38)), 1);
	assert_false(needs_recovery(&disk));
	beyond.partitions[PARTITION_STATE].offset_bytes = DISK_BYTES;
	assert_int_equal(state_journal_read(&disk, &beyond, &needs, &err), -EIO);
}

static void test_only_then_a_loop_device_is_wanted(void **state)
{
	_cleanup_held_disk_ struct held_disk disk = hold();
	struct layout here = layout;
	struct install install = { .disk = disk, .layout = &here };
	_cleanup_err_ struct err err = ERR_INIT;

	loops.none = true;
	if (state_partition_repair(&install, &err) < 0)
		fail_msg("%s", err.text);
}

static void test_refused_without_loop_devices(void **state)
{
	_cleanup_held_disk_ struct held_disk disk = hold();
	struct layout here = layout;
	struct install install = { .disk = disk, .layout = &here };
	char content[BLOCK_BYTES] = "new\n";
	_cleanup_free_ char *before = NULL, *after = NULL;
	_cleanup_err_ struct err err = ERR_INIT;

	cut_off(block_of("/etc/hostname"), content);
	before = all_of(&disk);
	loops.none = true;
	assert_true(state_partition_repair(&install, &err) < 0);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "the host was cut off"));
	assert_non_null(strstr(err.text, "/dev/loop-control: No such file or directory"));
	assert_non_null(strstr(err.text, "modprobe loop"));
	after = all_of(&disk);
	assert_memory_equal(before, after, DISK_BYTES);
}

static void test_window_that_others_are_quicker_to_take(void **state)
{
	_cleanup_held_disk_ struct held_disk disk = hold();
	_cleanup_disk_window_ struct disk_window window = DISK_WINDOW_NONE;
	_cleanup_err_ struct err err = ERR_INIT;

	loops.taken = 3;
	if (disk_window_open(&disk, STATE_OFFSET, STATE_BYTES, &window, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(loops.opened, "/dev/loop3");
	assert_int_equal(loops.config.info.lo_offset, STATE_OFFSET);
	assert_int_equal(loops.config.info.lo_sizelimit, STATE_BYTES);
	assert_int_equal(loops.config.info.lo_flags, LO_FLAGS_AUTOCLEAR);
	/* Not for ever. */
	disk_window_done(&window);
	loops.taken = UINT32_MAX;
	assert_true(disk_window_open(&disk, STATE_OFFSET, STATE_BYTES, &window, &err) < 0);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_int_equal(window.fd, -1);
}

static void assert_record(const struct held_disk *disk, const char *answers, const char *host_name)
{
	_cleanup_(record_done) struct record record = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;

	if (record_read(disk, &layout, &record, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(str_equal(record.answers, answers));
	assert_true(str_equal(record.host_name, host_name));
}

/* Writing a block was cut off in its middle; the journal has it whole. */
static void test_record_that_is_torn(void **state)
{
	_cleanup_held_disk_ struct held_disk disk = hold();
	_cleanup_(record_done) struct record record = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;
	uint64_t block = block_of("/var/lib/ingot");
	off_t at = (off_t)(STATE_OFFSET + block * BLOCK_BYTES);
	char content[BLOCK_BYTES], torn[BLOCK_BYTES];

	assert_record(&disk, "abc", "rack-1");
	assert_int_equal(pread(disk.fd, content, sizeof(content), at), sizeof(content));
	cut_off(block, content);
	assert_record(&disk, "abc", "rack-1");
	memcpy(torn, content, sizeof(torn));
	memset(torn + BLOCK_BYTES / 2, 0xa5, BLOCK_BYTES / 2);
	assert_int_equal(pwrite(disk.fd, torn, sizeof(torn), at), sizeof(torn));
	assert_int_equal(record_read(&disk, &layout, &record, &err), err_meaning(ERR_STATE)->error);
	assert_non_null(strstr(err.text, "let it start and shut down once"));
	assert_null(record.host_name);
}

static void assert_not_told(const struct held_disk *disk, enum err_code code, const char *says)
{
	_cleanup_(record_done) struct record record = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;

	assert_true(record_read(disk, &layout, &record, &err) < 0);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.text, says));
	assert_non_null(strstr(err.text, "erase it by the screens of the installer"));
	assert_null(strstr(err.text, "was cut off"));
	assert_null(record.answers);
}

static int too_late(const struct cmd *cmd, struct cmd_result *ret, struct err *err, void *data)
{
	return err_set(err, ERR_TIMEOUT, "%s: did not end", cmd->argv[0]);
}

/* The host was shut down well; it is the reading of it that fails. An empty record would have it installed over. */
static void test_record_that_cannot_be_read(void **state)
{
	_cleanup_held_disk_ struct held_disk disk = hold();
	_cleanup_free_ char *path = xstrdup(getenv("PATH"));

	assert_false(needs_recovery(&disk));
	setenv("PATH", dir, 1); /* nothing is there */
	assert_not_told(&disk, ERR_INTERNAL, "debugfs");
	setenv("PATH", path, 1);
	cmd_set_hook(too_late, NULL);
	assert_not_told(&disk, ERR_TIMEOUT, "did not end");
	cmd_set_hook(NULL, NULL);
	assert_record(&disk, "abc", "rack-1");
	/* The folder's inode is no inode. */
	free(ask("clri /var/lib"));
	assert_not_told(&disk, ERR_CORRUPT, "debugfs cannot read " RECORD_PATH);
	assert_int_equal(pwrite(disk.fd, "\0", 1, (off_t)(STATE_OFFSET + 1024 + 0x38)), 1);
	assert_not_told(&disk, ERR_CORRUPT, "Bad magic number in super-block");
}

/* A file without anything in it is there, and says nothing. */
static void test_record_that_is_empty(void **state)
{
	_cleanup_held_disk_ struct held_disk disk = hold();
	_cleanup_free_ char *empty = in_dir("empty"), *request = xasprintf("write %s " RECORD_PATH, empty);

	put_text("empty", "");
	free(ask("rm " RECORD_PATH));
	free(ask(request));
	assert_record(&disk, NULL, "rack-1");
}

/* A node that was deployed over the network has none: that is known, also after a power cut. */
static void test_no_record(void **state)
{
	_cleanup_held_disk_ struct held_disk disk = hold();
	char content[BLOCK_BYTES] = "rack-1\n";

	free(ask("rm " RECORD_PATH));
	assert_record(&disk, NULL, "rack-1");
	cut_off(block_of("/etc/hostname"), content);
	assert_record(&disk, NULL, "rack-1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_superblock_says_it),		 TEST(test_only_then_a_loop_device_is_wanted),
		TEST(test_refused_without_loop_devices), TEST(test_window_that_others_are_quicker_to_take),
		TEST(test_record_that_is_torn),		 TEST(test_no_record),
		TEST(test_record_that_cannot_be_read),	 TEST(test_record_that_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
