/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing behind whoever gives the bytes, and reading back, on a file: whole, and on disks that do what disks should not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "install/readback.h"

#define OFFSET_BYTES ((uint64_t)(1 * MIB))
/* Ends neither with a piece nor with a block. */
#define LEN_BYTES ((size_t)(9 * MIB + 4096 + 17))
#define TAIL_BYTES ((size_t)(3 * 4096))
#define HOLE_AT ((size_t)(2 * MIB + 100))
#define HOLE_BYTES ((size_t)(1 * MIB))

static char dir[] = "/tmp/ingot-test-behind-XXXXXX";
static char *disk_path;
static struct held_disk held = HELD_DISK_NONE;
static uint8_t *content;
static uint8_t digest[SHA256_SIZE]; /* of what was given last */

/* What the disk does, and what has become of it. Of the file that is the disk only. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	size_t write_max; /* writes at most so much at once; 0: all */
	int64_t bad_from; /* writing at or past this place gives bad_result with bad_errno; -1: nowhere */
	ssize_t bad_result;
	int bad_errno;
	unsigned interrupted; /* so many writes are interrupted before one is made */
	bool shut;	      /* writes wait until it is opened */
	unsigned waiting, writes;
	int64_t unreadable_from, corrupt_at; /* -1: nowhere */
	unsigned asked;
} world;

static bool is_disk(int fd)
{
	struct stat st, other;

	return held.fd >= 0 && fstat(fd, &st) == 0 && fstat(held.fd, &other) == 0 && st.st_ino == other.st_ino &&
	       st.st_dev == other.st_dev;
}

static ssize_t misbehave(off_t offset, size_t *len)
{
	ssize_t result = 1;

	pthread_mutex_lock(&world.lock);
	world.writes++;
	world.waiting++;
	pthread_cond_broadcast(&world.moved);
	while (world.shut)
		pthread_cond_wait(&world.moved, &world.lock);
	world.waiting--;
	if (world.write_max)
		*len = MIN_OF(*len, world.write_max);
	if (world.interrupted) {
		world.interrupted--;
		result = -1;
		errno = EINTR;
	} else if (world.bad_from >= 0 && offset + (off_t)*len > world.bad_from) {
		result = world.bad_result;
		errno = world.bad_errno;
	}
	pthread_mutex_unlock(&world.lock);
	return result;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	ssize_t (*real)(int, const void *, size_t, off_t) = NULL;

	*(void **)&real = dlsym(RTLD_NEXT, "pwrite");
	if (is_disk(fd)) {
		ssize_t result = misbehave(offset, &len);

		if (result <= 0)
			return result;
	}
	return real(fd, data, len, offset);
}

ssize_t pread(int fd, void *data, size_t len, off_t offset)
{
	ssize_t (*real)(int, void *, size_t, off_t) = NULL;
	ssize_t n;

	*(void **)&real = dlsym(RTLD_NEXT, "pread");
	if (is_disk(fd) && world.unreadable_from >= 0 && offset + (off_t)len > world.unreadable_from) {
		errno = EIO;
		return -1;
	}
	n = real(fd, data, len, offset);
	if (is_disk(fd) && world.corrupt_at >= offset && world.corrupt_at < offset + n)
		((uint8_t *)data)[world.corrupt_at - offset] ^= 1;
	return n;
}

static void open_gate(void)
{
	pthread_mutex_lock(&world.lock);
	world.shut = false;
	pthread_cond_broadcast(&world.moved);
	pthread_mutex_unlock(&world.lock);
}

static int set_up_all(void **state)
{
	assert_non_null(mkdtemp(dir));
	disk_path = xasprintf("%s/disk", dir);
	content = xmalloc(LEN_BYTES);
	random_bytes(content, LEN_BYTES);
	memset(content + HOLE_AT, 0, HOLE_BYTES);
	pthread_mutex_init(&world.lock, NULL);
	pthread_cond_init(&world.moved, NULL);
	return 0;
}

static int tear_down_all(void **state)
{
	pthread_cond_destroy(&world.moved);
	pthread_mutex_destroy(&world.lock);
	free(content);
	free(disk_path);
	return rmdir(dir);
}

/* A disk full of something else. */
static int set_up(void **state)
{
	_cleanup_free_ uint8_t *old = xmalloc(MIB);
	int fd = open(disk_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	memset(old, 0xa5, MIB);
	for (unsigned i = 0; i < 12; i++)
		assert_int_equal(write(fd, old, MIB), MIB);
	close(fd);
	world.write_max = world.writes = world.interrupted = world.waiting = world.asked = 0;
	world.bad_from = world.unreadable_from = world.corrupt_at = -1;
	world.shut = false;
	return held_disk_look(disk_path, true, &held, NULL);
}

static int tear_down(void **state)
{
	held_disk_done(&held);
	held.fd = -1;
	return unlink(disk_path);
}

static bool yes(void *ctx)
{
	world.asked++;
	return true;
}

static struct write_behind *start(bool (*cancelled)(void *ctx))
{
	struct write_behind *behind = NULL;

	assert_int_equal(write_behind_start(&(struct write_behind_spec){ .disk = &held,
									 .offset = OFFSET_BYTES,
									 .len = LEN_BYTES,
									 .cancelled = cancelled },
					    &behind, NULL),
			 0);
	return behind;
}

/* All of it, with a hole, in pieces that end nowhere near those that are written. */
static int give(struct write_behind *behind, size_t step, struct err *err)
{
	int r = 0;

	for (size_t at = 0, n; at < LEN_BYTES && r == 0; at += n) {
		if (at == HOLE_AT) {
			n = HOLE_BYTES;
			r = write_behind_put(behind, NULL, n, err);
			continue;
		}
		n = MIN_OF(step, LEN_BYTES - at);
		if (at < HOLE_AT)
			n = MIN_OF(n, HOLE_AT - at);
		r = write_behind_put(behind, content + at, n, err);
		assert_true(write_behind_done_bytes(behind) <= at + n);
	}
	return r;
}

static void assert_on_disk(void)
{
	static const uint8_t zeros[4096];
	size_t padded = (LEN_BYTES + 4095) / 4096 * 4096;
	_cleanup_free_ uint8_t *is = xmalloc(padded + TAIL_BYTES);
	_cleanup_close_ int fd = open(disk_path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, is, padded + TAIL_BYTES, (off_t)OFFSET_BYTES), padded + TAIL_BYTES);
	assert_memory_equal(is, content, LEN_BYTES);
	assert_memory_equal(is + LEN_BYTES, zeros, padded - LEN_BYTES);
	for (size_t i = padded; i < padded + TAIL_BYTES; i++)
		assert_int_equal(is[i], 0xa5);
	assert_int_equal(pread(fd, is, 4096, (off_t)OFFSET_BYTES - 4096), 4096);
	assert_int_equal(is[4095], 0xa5);
}

static int compare(const struct piece_sums *sums, int (*progress)(uint64_t, void *, struct err *), void *ctx,
		   struct err *err)
{
	return readback_compare(&(struct readback_spec){ &held, sums, "part root", progress, ctx }, err);
}

static int remember(uint64_t done_bytes, void *ctx, struct err *err)
{
	uint64_t *last = ctx;

	assert_true(done_bytes > *last);
	*last = done_bytes;
	return 0;
}

static void write_whole(size_t step, struct piece_sums *ret_sums)
{
	_cleanup_(write_behind_free_p) struct write_behind *behind = start(NULL);
	_cleanup_err_ struct err err = ERR_INIT;
	uint8_t should[SHA256_SIZE];

	memset(digest, 0, sizeof(digest));
	assert_int_equal(give(behind, step, &err), 0);
	assert_int_equal(write_behind_finish(behind, digest, ret_sums, &err), 0);
	assert_int_equal(write_behind_done_bytes(behind), LEN_BYTES);
	sha256_of(content, LEN_BYTES, should);
	assert_memory_equal(digest, should, SHA256_SIZE);
	assert_int_equal(held_disk_sync(&held, NULL), 0);
	assert_on_disk();
}

static void test_whole(void **state)
{
	static const size_t steps[] = { 100003, 256 * KIB, 3 * MIB + 1, LEN_BYTES };

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		_cleanup_(piece_sums_done) struct piece_sums sums = { 0 };
		uint64_t last = 0;

		write_whole(steps[i], &sums);
		assert_int_equal(sums.count, 10);
		assert_int_equal(compare(&sums, remember, &last, NULL), 0);
		assert_int_equal(last, LEN_BYTES);
	}
}

static void test_short_and_interrupted(void **state)
{
	_cleanup_(piece_sums_done) struct piece_sums sums = { 0 };

	world.write_max = 12288;
	world.interrupted = 3;
	write_whole(100003, &sums);
	assert_true(world.writes > LEN_BYTES / 12288);
	assert_int_equal(compare(&sums, NULL, NULL, NULL), 0);
}

/* Whether it comes while more is given or at the end: what writing said, and where. */
static void assert_write_fails(int64_t at, ssize_t result, int error, int64_t first_bad)
{
	_cleanup_(write_behind_free_p) struct write_behind *behind = start(NULL);
	_cleanup_free_ char *place = xasprintf(" bytes at %" PRId64 ": ", first_bad);
	_cleanup_err_ struct err err = ERR_INIT, again = ERR_INIT;
	struct piece_sums sums = { 0 };
	int r;

	world.bad_from = at;
	world.bad_result = result;
	world.bad_errno = error;
	r = give(behind, 100003, &err);
	if (r == 0)
		r = write_behind_finish(behind, digest, &sums, &err);
	assert_int_equal(r, result < 0 ? -error : -EIO);
	assert_non_null(strstr(err.text, disk_path));
	assert_non_null(strstr(err.text, place));
	assert_null(sums.sums);
	/* It does not go on behind what was not written. */
	assert_true(write_behind_done_bytes(behind) <= (uint64_t)at - OFFSET_BYTES);
	if (LEN_BYTES - 100003 > (uint64_t)at)
		assert_int_equal(write_behind_put(behind, content, 1, &again), r);
}

static void test_write_errors(void **state)
{
	const int64_t middle = (int64_t)(OFFSET_BYTES + 4 * MIB + 8192), last = (int64_t)(OFFSET_BYTES + 9 * MIB);

	assert_write_fails(middle, -1, EIO, (int64_t)(OFFSET_BYTES + 4 * MIB));
	world.write_max = 4096;
	assert_write_fails(middle, -1, EIO, middle);
	assert_write_fails(last, -1, EIO, last);
	world.write_max = 0;
	assert_write_fails(middle, -1, ENOSPC, (int64_t)(OFFSET_BYTES + 4 * MIB));
	/* Nothing written and no error: it is not tried for ever. */
	assert_write_fails(middle, 0, 0, (int64_t)(OFFSET_BYTES + 4 * MIB));
}

/* The disk stands still: whoever gives can still be cancelled, when there is no room and when only the end is waited for. */
static void test_cancel_while_full(void **state)
{
	struct write_behind *behind;
	_cleanup_err_ struct err err = ERR_INIT;

	world.shut = true;
	behind = start(yes);
	assert_int_equal(give(behind, 100003, &err), -ECANCELED);
	assert_int_equal(err.code, ERR_CANCELLED);
	assert_int_equal(world.asked, 1);
	assert_int_equal(write_behind_done_bytes(behind), 0);
	open_gate();
	write_behind_free(behind);
	/* What was being written was, and no more than what stood ready. */
	assert_in_range(world.writes, 1, 4);
}

static void test_cancel_at_the_end(void **state)
{
	struct write_behind *behind = NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	struct piece_sums sums = { 0 };

	world.shut = true;
	assert_int_equal(write_behind_start(&(struct write_behind_spec){ &held, OFFSET_BYTES, 3 * MIB, yes, NULL },
					    &behind, NULL),
			 0);
	assert_int_equal(write_behind_put(behind, content, 3 * MIB, NULL), 0);
	assert_int_equal(world.asked, 0);
	write_behind_finish(behind, digest, &sums, &err);
	assert_int_equal(err.code, ERR_CANCELLED);
	assert_null(sums.sums);
	open_gate();
	write_behind_free(behind);
}

/* Ended with pieces waiting: none of them is written any more. */
static void test_ended_in_the_middle(void **state)
{
	struct write_behind *behind = start(NULL);

	assert_int_equal(write_behind_put(behind, content, 3 * MIB + 5, NULL), 0);
	write_behind_free(behind);
	assert_true(world.writes <= 3);
	assert_null(write_behind_free(NULL));
}

static void test_other_lengths(void **state)
{
	_cleanup_(write_behind_free_p) struct write_behind *behind = start(NULL);
	_cleanup_err_ struct err err = ERR_INIT;
	struct piece_sums sums = { 0 };

	assert_int_equal(write_behind_put(behind, content, LEN_BYTES - 1, NULL), 0);
	assert_int_equal(write_behind_finish(behind, digest, &sums, &err), -ERANGE);
	assert_non_null(strstr(err.text, "announced"));
	assert_int_equal(write_behind_put(behind, content, 2, NULL), -ERANGE);
	assert_int_equal(write_behind_put(behind, content + LEN_BYTES - 1, 1, NULL), 0);
	assert_int_equal(write_behind_finish(behind, digest, &sums, NULL), 0);
	piece_sums_done(&sums);
}

static void test_nothing_at_all(void **state)
{
	struct write_behind *behind = NULL;
	_cleanup_(piece_sums_done) struct piece_sums sums = { 0 };

	assert_int_equal(
		write_behind_start(&(struct write_behind_spec){ &held, OFFSET_BYTES, 0, NULL, NULL }, &behind, NULL),
		0);
	assert_int_equal(write_behind_finish(behind, digest, &sums, NULL), 0);
	assert_int_equal(sums.count, 0);
	assert_int_equal(compare(&sums, NULL, NULL, NULL), 0);
	write_behind_free(behind);
	assert_int_equal(world.writes, 0);
}

/* ---- reading back ---- */

static int refuse(uint64_t done_bytes, void *ctx, struct err *err)
{
	return err_set(err, ERR_CANCELLED, "enough");
}

static void test_readback_finds(void **state)
{
	static const struct {
		uint64_t at;
		const char *words;
	} places[] = {
		{ 0, "part root, somewhere in the 1048576 bytes from 0 on (at 1048576 of the disk)" },
		{ 4 * MIB + 77, "part root, somewhere in the 1048576 bytes from 4194304 on (at 5242880 of the disk)" },
		{ LEN_BYTES - 1, "part root, somewhere in the 8192 bytes from 9437184 on (at 10485760 of the disk)" },
	};
	_cleanup_(piece_sums_done) struct piece_sums sums = { 0 };

	write_whole(256 * KIB, &sums);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_err_ struct err err = ERR_INIT;

		world.corrupt_at = (int64_t)(OFFSET_BYTES + places[i].at);
		assert_true(compare(&sums, NULL, NULL, &err) < 0);
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_non_null(strstr(err.text, places[i].words));
	}
	world.corrupt_at = -1;
	assert_int_equal(compare(&sums, NULL, NULL, NULL), 0);
}

static void test_readback_ends_early(void **state)
{
	_cleanup_(piece_sums_done) struct piece_sums sums = { 0 };
	_cleanup_err_ struct err err = ERR_INIT, cancelled = ERR_INIT;

	write_whole(256 * KIB, &sums);
	world.unreadable_from = (int64_t)(OFFSET_BYTES + 6 * MIB + 5);
	assert_int_equal(compare(&sums, NULL, NULL, &err), -EIO);
	assert_non_null(strstr(err.text, "reading back at 7340032"));
	assert_true(compare(&sums, refuse, NULL, &cancelled) < 0);
	assert_int_equal(cancelled.code, ERR_CANCELLED);
}

#define test(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_whole),
		test(test_short_and_interrupted),
		test(test_write_errors),
		test(test_cancel_while_full),
		test(test_cancel_at_the_end),
		test(test_ended_in_the_middle),
		test(test_other_lengths),
		test(test_nothing_at_all),
		test(test_readback_finds),
		test(test_readback_ends_early),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
