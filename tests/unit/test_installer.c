/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the installer would leave on a host (tests/golden/installer/NAME.txt; INGOT_REGENERATE=1 writes them anew), the check of
 * a medium, what is on a disk, and whether answers fit a machine. Run from the top of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "installer/disk_content.h"
#include "installer/job.h"
#include "installer/machine.h"
#include "installer/medium_clock.h"
#include "installer/medium.h"
#include "installer/plan.h"
#include "installer/record.h"
#include "installer/screens.h"

#define GOLDEN "tests/golden/installer/"
#define FILE_MAX_BYTES ((size_t)(64 * KIB))

static char dir[64];

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	return remove(path);
}

static int set_up(void **state)
{
	memcpy(dir, "/tmp/ingot-test-installer-XXXXXX", sizeof("/tmp/ingot-test-installer-XXXXXX"));
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	return nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *name, const void *data, size_t len)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	_cleanup_free_ char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	assert_int_equal(mkdir_p(folder, 0755), 0);
	assert_int_equal(write_file_atomic(path, data, len, 0644), 0);
}

static void put_text(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

/* ---- plans ---- */

static char *describe(const struct host_files *files)
{
	struct strbuf text = { 0 };

	for (unsigned i = 0; i < files->count; i++) {
		const struct host_file *file = &files->list[i];

		strbuf_addf(&text, "== %s", file->path);
		if (file->target)
			strbuf_addf(&text, " -> %s\n", file->target);
		else
			strbuf_addf(&text, " %04o %u:%u%s%s\n", file->mode, file->uid, file->gid,
				    file->source ? " from " : "", str_or(file->source, ""));
		strbuf_adds(&text, str_or(file->text, ""));
	}
	return strbuf_take(&text);
}

static void check_plan(const char *name)
{
	static const struct plan_input input = { "/medium", "CA", "$y$hash", "mark", "1.0" };
	_cleanup_free_ char *path = xasprintf(GOLDEN "%s.yaml", name), *golden = xasprintf(GOLDEN "%s.txt", name);
	_cleanup_answers_ struct answers answers = { 0 };
	_cleanup_problems_ struct problems problems = { 0 };
	_cleanup_host_files_ struct host_files files = { 0 };
	_cleanup_free_ char *is = NULL, *should = NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	size_t len;

	if (answers_read(path, &answers, &err) < 0)
		fail_msg("%s", err.text);
	if (!answers_check(&answers, &problems))
		fail_msg("%s: %s", path, problems.list[0].text);
	plan_files(&answers, &input, &files);
	is = describe(&files);
	if (getenv("INGOT_REGENERATE"))
		assert_int_equal(write_file_atomic(golden, is, strlen(is), 0644), 0);
	assert_int_equal(read_file(golden, FILE_MAX_BYTES, &should, &len), 0);
	assert_string_equal(is, should);
}

static void test_plans(void **state)
{
	static const char *const names[] = { "two-ports", "one-port", "proxy", "bond-vlans", "node" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		check_plan(names[i]);
}

/* Whatever was answered, the disk gets a hash of the password and never the password. */
static void test_password_is_not_written(void **state)
{
	static const struct plan_input input = { "/medium", NULL, "$y$hash", "mark", "1.0" };
	static const enum answer ways[] = { ANSWER_ADMIN_PASSWORD, ANSWER_ADMIN_HASH };

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		_cleanup_host_files_ struct host_files files = { 0 };
		_cleanup_answers_ struct answers answers = { 0 };
		_cleanup_free_ char *text = NULL;
		_cleanup_err_ struct err err = ERR_INIT;

		assert_int_equal(answers_read(GOLDEN "two-ports.yaml", &answers, &err), 0);
		answers_set(&answers, ANSWER_ADMIN_PASSWORD, NULL);
		answers_set(&answers, ways[i], "correct horse battery staple");
		plan_files(&answers, &input, &files);
		text = describe(&files);
		assert_null(strstr(text, "horse"));
		assert_non_null(strstr(text, "/provisioner/admin.password-hash 0600 64060:64060\n$y$hash\n"));
	}
}

static void test_kept_state_keeps(void **state)
{
	static const struct plan_input input = { "/medium", NULL, NULL, NULL, "1.0" };
	_cleanup_host_files_ struct host_files files = { 0 };
	_cleanup_answers_ struct answers answers = { 0 };

	answers_set(&answers, ANSWER_ROLE, "provisioner");
	plan_files_kept(&answers, &input, &files);
	assert_int_equal(files.count, 5);
	for (unsigned i = 0; i < files.count; i++)
		assert_true(files.list[i].source || str_equal(files.list[i].path, RECORD_PATH));
}

static void test_console(void **state)
{
	_cleanup_answers_ struct answers answers = { 0 };
	_cleanup_free_ char *own = plan_console(&answers, "quiet console=tty0 ingot.install console=ttyS0,115200\n"),
			    *given;

	assert_string_equal(own, "console=tty0 console=ttyS0,115200");
	answers_set(&answers, ANSWER_CONSOLE, "ttyS1,9600");
	given = plan_console(&answers, "console=tty0");
	assert_string_equal(given, "console=ttyS1,9600");
}

/* ---- the medium ---- */

static void make_medium(void)
{
	static const char *const names[] = { "version", "host.bundle", "bundle.pub", "live/vmlinuz", "live/initrd" };
	struct strbuf sums = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = xasprintf("ingot/%s", names[i]),
				    *hex = sha256_hex(names[i], strlen(names[i]));

		put_text(path, names[i]);
		strbuf_addf(&sums, "%s  %s\n", hex, names[i]);
	}
	put_text("ingot/SHA256SUMS", sums.data);
	strbuf_done(&sums);
}

static void assert_damaged(const char *words)
{
	_cleanup_medium_ struct medium medium = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;

	assert_int_equal(medium_open(dir, &medium, &err), 0);
	assert_true(medium_check(&medium, NULL, NULL, &err) < 0);
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_non_null(strstr(err.text, words));
}

static void note_progress(uint64_t done, uint64_t total, void *ctx)
{
	assert_true(done <= total);
	*(uint64_t *)ctx = done;
}

static void test_medium(void **state)
{
	_cleanup_medium_ struct medium medium = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *sums = NULL, *path = NULL, *cut = NULL;
	uint64_t done = 0;
	size_t len;

	assert_true(medium_open(dir, &medium, &err) < 0);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	make_medium();
	assert_int_equal(medium_open(dir, &medium, &err), 0);
	assert_string_equal(medium.version, "version");
	assert_int_equal(medium_check(&medium, note_progress, &done, &err), 0);
	assert_int_equal(done, strlen("versionhost.bundlebundle.publive/vmlinuzlive/initrd"));
	put_text("ingot/live/initrd", "something else");
	assert_damaged("live/initrd does not have the checksum");
	make_medium();
	path = xasprintf("%s/ingot/SHA256SUMS", dir);
	assert_int_equal(read_file(path, FILE_MAX_BYTES, &sums, &len), 0);
	/* A list without its last line, one with a line that is none, one that leads elsewhere. */
	cut = xstrndup(sums, (size_t)(strstr(sums, "live/vmlinuz") - sums) - 66);
	put_text("ingot/SHA256SUMS", cut);
	assert_damaged("is not in SHA256SUMS");
	put_text("ingot/SHA256SUMS", "no checksum\n");
	assert_damaged("a line that is none");
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): over a word of the same length */
	memcpy(strstr(sums, "version"), "../../x", strlen("../../x"));
	put_text("ingot/SHA256SUMS", sums);
	assert_damaged("a line that is none");
}

/* ---- the machine ---- */

static void make_disk(const char *name, const char *serial, uint64_t size)
{
	_cleanup_free_ char *path = xasprintf("%s/dev/%s", dir, name), *dev = xasprintf("dev/%s.none", name);
	_cleanup_free_ char *size_file = xasprintf("sys/block/%s/size", name);
	_cleanup_free_ char *serial_file = xasprintf("sys/block/%s/serial", name);
	_cleanup_free_ char *sectors = xasprintf("%ju", (uintmax_t)(size / 512));
	int fd;

	put_text(dev, "");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	close(fd);
	put_text(size_file, sectors);
	put_text(serial_file, serial);
}

static void make_nic(const char *name, const char *mac, const char *carrier)
{
	const char *const files[][2] = {
		{ "address", mac }, { "carrier", carrier }, { "type", "1" }, { "device/x", "" }
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = xasprintf("sys/class/net/%s/%s", name, files[i][0]);

		put_text(path, files[i][1]);
	}
}

static void assert_problem(const struct answers *answers, enum answer field, const char *words)
{
	_cleanup_machine_ struct machine machine = { 0 };
	_cleanup_problems_ struct problems problems = { 0 };
	bool found = false;

	assert_int_equal(machine_read(dir, &machine, NULL), 0);
	machine_check(&machine, answers, &problems);
	for (unsigned i = 0; i < problems.count; i++)
		found = found || (problems.list[i].answer == field && strstr(problems.list[i].text, words));
	if (!found)
		fail_msg("no \"%s\"; first of %u: %s", words, problems.count,
			 problems.count ? problems.list[0].text : "none");
}

static void put_bytes(const char *name, const char *bytes, size_t len, off_t at)
{
	_cleanup_free_ char *path = xasprintf("%s/dev/%s", dir, name);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, bytes, len, at), len);
}

/* What a member of Ceph was written over, or what was written over a member of Ceph. */
static void put_both(const char *name, off_t at)
{
	static const char bluestore[] = "bluestore block device\n", swap[] = "SWAPSPACE2";

	put_bytes(name, bluestore, strlen(bluestore), at);
	put_bytes(name, "\1\0\0\0\x63\0\0\0", 8, at + 1024); /* version 1, 100 pages */
	put_bytes(name, swap, strlen(swap), at + 4086);
}

/* Where it cannot be told what is on a disk, the disk is not empty: it is refused, in words that say why. */
static void test_unclear_disks(void **state)
{
	static const struct {
		const char *name, *words;
	} disks[] = {
		{ "vda", "signatures of more than one kind on the disk as a whole" },
		{ "vdb", "signatures of more than one kind in partition 1" },
		{ "vdc", "its partition table cannot be read" },
		{ "vdd", "it cannot be read" },
	};
	_cleanup_answers_ struct answers answers = { 0 };
	_cleanup_machine_ struct machine machine = { 0 };
	_cleanup_free_ char *lost = xasprintf("%s/dev/vdd", dir);

	put_text("proc/none", "");
	for (size_t i = 0; i < ARRAY_SIZE(disks); i++)
		make_disk(disks[i].name, disks[i].name, 8 * GIB);
	put_both("vda", 0);
	/* A table of one partition from 1 MiB on: type 83, 32768 sectors (struct dos_partition). */
	put_bytes("vdb", "\0\0\0\0\x83\0\0\0\0\x08\0\0\0\x80\0\0", 16, 446);
	put_bytes("vdb", "\x55\xaa", 2, 510);
	put_both("vdb", 1 * MIB);
	/* A Macintosh's: driver descriptor with blocks of 512 bytes, and one entry of a map of one. sfdisk knows it not. */
	put_bytes("vdc", "ER\x02\x00", 4, 0);
	put_bytes("vdc", "PM\0\0\0\0\0\x01", 8, 512);
	assert_int_equal(unlink(lost), 0);
	answers_set(&answers, ANSWER_ROLE, "provisioner");
	assert_int_equal(machine_read(dir, &machine, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(disks); i++) {
		answers_set(&answers, ANSWER_DISK_SERIAL, disks[i].name);
		assert_string_equal(machine.contents[i].text, "unclear");
		assert_problem(&answers, ANSWER_DISK_SERIAL, disks[i].words);
		assert_problem(&answers, ANSWER_DISK_SERIAL, "or choose another disk");
	}
}

/* What cannot be asked has not been answered: on an interface that the kernel does not know nothing is sent, and nobody who has
 * no link is asked. As root it is ENODEV, else EPERM. */
static void test_probes_that_cannot_be_made(void **state)
{
	static const struct {
		const char *carrier, *words;
	} links[] = { { "1", "could not be asked on ingot-none0 whether" }, { "0", "the interface has no link" } };
	static const struct {
		enum answer field;
		const char *what;
	} asked[] = { { ANSWER_NET_ADDRESS, "somebody has this address" },
		      { ANSWER_PROV_ADDRESS, "somebody has this address" },
		      { ANSWER_PROV_DHCP_FIRST, "somebody serves DHCP there" } };
	static const char *const addresses[] = { "192.0.2.10/24", "2001:db8::10/64" };
	_cleanup_answers_ struct answers answers = { 0 };

	put_text("sys/block/none", "");
	answers_set(&answers, ANSWER_ROLE, "provisioner");
	answers_set(&answers, ANSWER_NET_MAC, "52:54:00:00:00:01");
	answers_set(&answers, ANSWER_NET_MODE, "static");
	answers_set(&answers, ANSWER_PROV_ADDRESS, "10.10.0.1/24");
	for (size_t i = 0; i < ARRAY_SIZE(links) * ARRAY_SIZE(addresses); i++) {
		_cleanup_machine_ struct machine machine = { 0 };
		_cleanup_problems_ struct problems problems = { 0 };

		answers_set(&answers, ANSWER_NET_ADDRESS, addresses[i / 2]);
		make_nic("ingot-none0", "52:54:00:00:00:01", links[i % 2].carrier);
		assert_int_equal(machine_read(dir, &machine, NULL), 0);
		machine_probe(&machine, &answers, &problems);
		assert_int_equal(problems.count, ARRAY_SIZE(asked));
		for (unsigned k = 0; k < problems.count; k++) {
			assert_int_equal(problems.list[k].answer, asked[k].field);
			assert_non_null(strstr(problems.list[k].text, links[i % 2].words));
			assert_non_null(strstr(problems.list[k].text, asked[k].what));
		}
	}
}

static void assert_losses(const struct screens *screens, const char *should)
{
	_cleanup_free_ char *is = screen_losses(screens);

	assert_string_equal(is, should);
}

/* What stands above "Install": which disk, of what make and size, and what is on it now. */
static void test_losses(void **state)
{
	struct screens screens = { 0 };
	_cleanup_free_ char *summary = NULL;

	put_text("proc/none", "");
	make_disk("vda", "a", 8 * GIB);
	put_text("sys/block/vda/device/model", "Model\n");
	make_disk("vdb", "b", 16 * GIB);
	make_disk("vdc", "c", 16 * GIB);
	put_both("vdc", 0);
	make_disk("vdd", "", 16 * GIB); /* nobody could name it: it goes nowhere */
	assert_int_equal(machine_read(dir, &screens.machine, NULL), 0);
	answers_set(&screens.answers, ANSWER_ROLE, "both");
	assert_losses(&screens, "");
	answers_set(&screens.answers, ANSWER_DISK_SERIAL, "a");
	assert_losses(&screens, "ERASES /dev/vda, Model, 8 GiB, serial a, empty");
	answers_set(&screens.answers, ANSWER_NODE_DISKS, "pool");
	assert_losses(&screens, "ERASES /dev/vda, Model, 8 GiB, serial a, empty\n"
				"GIVES TO THE POOL, and all on it is lost: /dev/vdb, /dev/vdc");
	summary = screen_summary(&screens);
	assert_non_null(strstr(summary, "  /dev/vdb, 16 GiB, serial b, empty\n"
					"  /dev/vdc, 16 GiB, serial c, unclear what is on it\n"));
	answers_set(&screens.answers, ANSWER_DISK_STATE, "keep");
	assert_losses(&screens,
		      "KEEPS THE STATE ON /dev/vda, Model, 8 GiB, serial a, empty; its system is written anew");
	answers_set(&screens.answers, ANSWER_DISK_STATE, NULL);
	answers_set(&screens.answers, ANSWER_NODE_DISKS, NULL);
	/* Written to meanwhile: the next look sees it. */
	put_both("vda", 0);
	assert_losses(&screens, "ERASES /dev/vda, Model, 8 GiB, serial a, empty");
	assert_int_equal(machine_read_disks(&screens.machine, NULL), 0);
	assert_losses(&screens, "ERASES /dev/vda, Model, 8 GiB, serial a, unclear what is on it");
	screens_done(&screens);
}

static void test_machine(void **state)
{
	_cleanup_answers_ struct answers answers = { 0 };
	_cleanup_problems_ struct problems problems = { 0 };
	_cleanup_machine_ struct machine machine = { 0 };
	_cleanup_free_ char *pool = xasprintf("%s/dev/vdc", dir);
	int fd;

	put_text("sys/block/none", "");
	put_text("proc/none", "");
	answers_set(&answers, ANSWER_ROLE, "provisioner");
	answers_set(&answers, ANSWER_DISK_SERIAL, "a");
	answers_set(&answers, ANSWER_NET_MAC, "52:54:00:00:00:01");
	assert_problem(&answers, ANSWER_DISK_SERIAL, "has no disk");
	make_disk("vda", "a", 8 * GIB);
	make_disk("vdb", "b", 1 * GIB);
	make_disk("vdc", "c", 8 * GIB);
	fd = open(pool, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "bluestore block device\n", 23, 0), 23);
	close(fd);
	assert_problem(&answers, ANSWER_NET_MAC, "there is none");
	make_nic("eth0", "52:54:00:00:00:01", "1");
	make_nic("eth1", "52:54:00:00:00:02", "0");
	assert_int_equal(machine_read(dir, &machine, NULL), 0);
	machine_check(&machine, &answers, &problems);
	assert_int_equal(problems.count, 0);
	assert_int_equal(machine_find_disk(&machine, &answers), 0);
	assert_string_equal(machine.contents[0].text, "empty");
	assert_string_equal(machine.contents[2].pool, "Ceph");
	assert_true(machine.nics[0].link && !machine.nics[1].link);
	answers_set(&answers, ANSWER_DISK_STATE, "keep");
	assert_problem(&answers, ANSWER_DISK_STATE, "no Ingot host");
	answers_set(&answers, ANSWER_DISK_STATE, NULL);
	answers_set(&answers, ANSWER_DISK_SERIAL, "b");
	assert_problem(&answers, ANSWER_DISK_SERIAL, "too small");
	answers_set(&answers, ANSWER_DISK_SERIAL, "c");
	assert_problem(&answers, ANSWER_DISK_SERIAL, "a member of Ceph");
	answers_set(&answers, ANSWER_DISK_SERIAL, "d");
	assert_problem(&answers, ANSWER_DISK_SERIAL, "no disk has");
	answers_set(&answers, ANSWER_PROV_MAC, "52:54:00:00:00:02");
	assert_problem(&answers, ANSWER_PROV_MAC, "has no link");
	answers_set(&answers, ANSWER_NET_BOND_MEMBERS, "52:54:00:00:00:01 52:54:00:00:00:03");
	assert_problem(&answers, ANSWER_NET_BOND_MEMBERS, "no interface has the MAC address 52:54:00:00:00:03");
}

/* ---- how fast it goes ---- */

/* Of what is read back most was read while it was written: rate and time left are of what is read now. */
static void test_pace(void **state)
{
	struct job_progress progress = { .step = "verify" };
	struct job_pace pace = { 0 };

	job_pace_tell(&pace, 1000, 0, 1000, &progress);
	assert_true(progress.bytes_per_s == 0 && progress.left_s == -1);
	/* What comes before the first bytes does not count. */
	job_pace_tell(&pace, 9000, 800, 1000, &progress);
	assert_true(progress.bytes_per_s == 0 && progress.left_s == -1);
	job_pace_tell(&pace, 9500, 810, 1000, &progress);
	assert_true(progress.bytes_per_s == 0 && progress.left_s == -1);
	job_pace_tell(&pace, 11000, 840, 1000, &progress);
	assert_int_equal(progress.bytes_per_s, 20);
	assert_int_equal(progress.left_s, 8);
	job_pace_tell(&pace, 13000, 1000, 1000, &progress);
	assert_int_equal(progress.bytes_per_s, 50);
	assert_int_equal(progress.left_s, 0);
	/* A step that moves no bytes has no rate. */
	pace = (struct job_pace){ 0 };
	job_pace_tell(&pace, 1000, 0, 0, &progress);
	job_pace_tell(&pace, 5000, 0, 0, &progress);
	assert_true(progress.bytes_per_s == 0 && progress.left_s == -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void test_clock(void **state)
{
	const int64_t made_s = 1760000000;
	_cleanup_free_ char *early = NULL, *late = NULL;
	int64_t set_s;

	assert_null(clock_judge(made_s, made_s, &set_s));
	assert_int_equal(set_s, 0);
	assert_null(clock_judge(made_s + CLOCK_AHEAD_MAX_S, made_s, &set_s));
	early = clock_judge(0, made_s, &set_s);
	assert_non_null(strstr(early, "1970-01-01 00:00 UTC"));
	assert_non_null(strstr(early, "(2025-10-09 "));
	assert_int_equal(set_s, made_s);
	late = clock_judge(made_s + CLOCK_AHEAD_MAX_S + 1, made_s, &set_s);
	assert_non_null(strstr(late, "more than 10 years"));
	assert_int_equal(set_s, 0); /* it may be right */
}

/* The second console is told so, and touches nothing. */
static void test_another_console_is_at_it(void **state)
{
	_cleanup_answers_ struct answers answers = { 0 };
	_cleanup_free_ char *path = xasprintf("%s/run/ingot/install.lock", dir);
	struct medium medium = { .dir = dir };
	const struct job job = { .answers = &answers, .medium = &medium, .sysroot = dir, .prefix = dir };
	struct write_status status;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_close_ int fd = -1;

	put_text("run/ingot/install.lock", "");
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_true(job_run(&job, &status, &err) < 0);
	assert_int_equal(err.code, ERR_BUSY);
	assert_non_null(strstr(err.text, "on its way on another console"));
	assert_string_equal(status.step, "medium"); /* nothing was begun */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_plans),
		TEST(test_password_is_not_written),
		TEST(test_kept_state_keeps),
		TEST(test_console),
		TEST(test_medium),
		TEST(test_machine),
		TEST(test_unclear_disks),
		TEST(test_losses),
		TEST(test_probes_that_cannot_be_made),
		TEST(test_pace),
		TEST(test_clock),
		TEST(test_another_console_is_at_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
