/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "install/write_behind.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <xxhash.h>

#define RING_PIECES 4
#define STACK_BYTES ((size_t)(128 * KIB))
#define ASK_INTERVAL_MS 200

enum { WRITER, HASHER, WORKER_COUNT };

/* One that takes piece after piece, on a thread of its own. */
struct worker {
	struct write_behind *behind;
	int (*work)(struct write_behind *behind, unsigned i); /* 0, or a negative errno with behind->err filled */
	pthread_t thread;
	bool started;
	unsigned done_pieces; /* by the lock */
};

struct write_behind {
	struct write_behind_spec spec;
	int fd;
	uint8_t *ring; /* RING_PIECES, aligned as O_DIRECT wants it */
	uint64_t given_bytes;
	struct piece_sums sums; /* of what the writer has done */
	struct sha256 *hash;	/* of what the hasher has done */
	struct worker workers[WORKER_COUNT];

	pthread_mutex_t lock;
	pthread_cond_t moved;
	unsigned ready_pieces; /* so many were given whole */
	bool stop;
	int result; /* of writing; negative: the writer has ended, and err says why */
	struct err err;
};

/* ---- sums ---- */

void piece_sums_done(struct piece_sums *sums)
{
	free(sums->sums);
	*sums = (struct piece_sums){ 0 };
}

uint64_t piece_sum(const void *data, size_t len)
{
	return XXH64(data, len, 0);
}

uint64_t piece_offset(const struct piece_sums *sums, unsigned i)
{
	return sums->offset + (uint64_t)i * WRITE_PIECE_BYTES;
}

size_t piece_length(const struct piece_sums *sums, unsigned i)
{
	uint64_t left = sums->len - (uint64_t)i * WRITE_PIECE_BYTES;

	return left >= WRITE_PIECE_BYTES
		       ? WRITE_PIECE_BYTES
		       : (left + DIRECT_ALIGNMENT_BYTES - 1) / DIRECT_ALIGNMENT_BYTES * DIRECT_ALIGNMENT_BYTES;
}

/* ---- the threads ---- */

/* Piece i, which stands in its place of the ring until the next one that has the same. */
static uint8_t *piece_data(const struct write_behind *behind, unsigned i)
{
	return behind->ring + i % RING_PIECES * WRITE_PIECE_BYTES;
}

static int write_piece(struct write_behind *behind, unsigned i)
{
	const struct disk *disk = &behind->spec.disk->disk;
	const uint8_t *data = piece_data(behind, i);
	uint64_t at = piece_offset(&behind->sums, i);
	size_t len = piece_length(&behind->sums, i), done = 0;

	behind->sums.sums[i] = piece_sum(data, len);
	while (done < len) {
		ssize_t n = pwrite(behind->fd, data + done, len - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set_errno(&behind->err, n < 0 ? -errno : -EIO,
					     "the disk %s (serial %s): writing %zu bytes at %" PRIu64, disk->path,
					     str_or(disk->serial, "none"), len - done, at + done);
		done += (size_t)n;
	}
	return 0;
}

static int hash_piece(struct write_behind *behind, unsigned i)
{
	uint64_t left = behind->spec.len - (uint64_t)i * WRITE_PIECE_BYTES;

	sha256_update(behind->hash, piece_data(behind, i), (size_t)MIN_OF(left, WRITE_PIECE_BYTES));
	return 0;
}

/* Whether there is a piece to work on: the next one. False: the thread is to end. */
static bool wait_for_piece(const struct worker *worker)
{
	struct write_behind *behind = worker->behind;
	bool there;

	pthread_mutex_lock(&behind->lock);
	while (!behind->stop && behind->ready_pieces == worker->done_pieces)
		pthread_cond_wait(&behind->moved, &behind->lock);
	there = !behind->stop;
	pthread_mutex_unlock(&behind->lock);
	return there;
}

static void *worker_thread(void *data)
{
	struct worker *worker = data;
	struct write_behind *behind = worker->behind;
	unsigned next = 0;
	sigset_t all;
	int r = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	while (r == 0 && wait_for_piece(worker)) {
		r = worker->work(behind, next++);
		pthread_mutex_lock(&behind->lock);
		if (r == 0)
			worker->done_pieces++;
		else
			behind->result = r;
		pthread_cond_broadcast(&behind->moved);
		pthread_mutex_unlock(&behind->lock);
	}
	return NULL;
}

/* ---- the giver ---- */

/* So many pieces are still to be written, or to be hashed. With the lock. */
static unsigned waiting_pieces(const struct write_behind *behind)
{
	return behind->ready_pieces - MIN_OF(behind->workers[WRITER].done_pieces, behind->workers[HASHER].done_pieces);
}

/* Waits until there are at most so many such pieces. */
static int wait_for_workers(struct write_behind *behind, unsigned pieces, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&behind->lock);
	while (behind->result == 0 && r == 0 && waiting_pieces(behind) > pieces) {
		int64_t until_ms = monotonic_ms() + ASK_INTERVAL_MS;
		struct timespec until = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };

		if (pthread_cond_timedwait(&behind->moved, &behind->lock, &until) != ETIMEDOUT ||
		    !behind->spec.cancelled)
			continue;
		pthread_mutex_unlock(&behind->lock);
		if (behind->spec.cancelled(behind->spec.ctx))
			r = err_set(err, ERR_CANCELLED, "cancelled while the disk %s was written",
				    behind->spec.disk->disk.path);
		pthread_mutex_lock(&behind->lock);
	}
	if (behind->result < 0) {
		r = behind->result;
		err_copy(err, &behind->err);
	}
	pthread_mutex_unlock(&behind->lock);
	return r;
}

static void hand_over(struct write_behind *behind)
{
	pthread_mutex_lock(&behind->lock);
	behind->ready_pieces++;
	pthread_cond_broadcast(&behind->moved);
	pthread_mutex_unlock(&behind->lock);
}

int write_behind_put(struct write_behind *behind, const void *data, size_t len, struct err *err)
{
	const uint8_t *from = data;

	if (len > behind->spec.len - behind->given_bytes)
		return err_set_errno(err, -ERANGE, "more bytes are given than the %" PRIu64 " that were announced",
				     behind->spec.len);
	while (len) {
		size_t have = behind->given_bytes % WRITE_PIECE_BYTES, n = MIN_OF(len, WRITE_PIECE_BYTES - have);
		uint8_t *to = piece_data(behind, behind->ready_pieces) + have;
		int r = have == 0 ? wait_for_workers(behind, RING_PIECES - 1, err) : 0;

		if (r < 0)
			return r;
		if (from)
			memcpy(to, from, n);
		else
			memset(to, 0, n);
		from = from ? from + n : NULL;
		len -= n;
		behind->given_bytes += n;
		if (have + n == WRITE_PIECE_BYTES)
			hand_over(behind);
	}
	return 0;
}

uint64_t write_behind_done_bytes(struct write_behind *behind)
{
	uint64_t done;

	pthread_mutex_lock(&behind->lock);
	done = MIN_OF((uint64_t)behind->workers[WRITER].done_pieces * WRITE_PIECE_BYTES, behind->spec.len);
	pthread_mutex_unlock(&behind->lock);
	return done;
}

int write_behind_finish(struct write_behind *behind, uint8_t ret_digest[SHA256_SIZE], struct piece_sums *ret_sums,
			struct err *err)
{
	size_t have = behind->given_bytes % WRITE_PIECE_BYTES;
	int r;

	if (behind->given_bytes != behind->spec.len)
		return err_set_errno(err, -ERANGE, "%" PRIu64 " bytes are given of the %" PRIu64 " that were announced",
				     behind->given_bytes, behind->spec.len);
	if (have) {
		memset(piece_data(behind, behind->ready_pieces) + have, 0, WRITE_PIECE_BYTES - have);
		hand_over(behind);
	}
	r = wait_for_workers(behind, 0, err);
	if (r < 0)
		return r;
	sha256_final(TAKE_PTR(behind->hash), ret_digest);
	*ret_sums = behind->sums;
	behind->sums = (struct piece_sums){ 0 };
	return 0;
}

/* ---- from beginning to end ---- */

static int start_worker(struct write_behind *behind, unsigned i, int (*work)(struct write_behind *behind, unsigned i),
			struct err *err)
{
	struct worker *worker = &behind->workers[i];
	pthread_attr_t attributes;
	int r;

	worker->behind = behind;
	worker->work = work;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	r = pthread_create(&worker->thread, &attributes, worker_thread, worker);
	pthread_attr_destroy(&attributes);
	worker->started = r == 0;
	return r ? err_set_errno(err, -r, "starting a thread") : 0;
}

int write_behind_start(const struct write_behind_spec *spec, struct write_behind **ret, struct err *err)
{
	_cleanup_(write_behind_free_p) struct write_behind *behind = new0(struct write_behind, 1);
	unsigned count = (unsigned)((spec->len + WRITE_PIECE_BYTES - 1) / WRITE_PIECE_BYTES);
	pthread_condattr_t attributes;
	bool direct; /* otherwise the kernel writes it to the disk when it likes, at the latest in held_disk_sync() */
	int r;

	behind->spec = *spec;
	behind->sums = (struct piece_sums){ spec->offset, spec->len, new0(uint64_t, MAX_OF(count, 1U)), count };
	behind->hash = sha256_new();
	pthread_mutex_init(&behind->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&behind->moved, &attributes);
	pthread_condattr_destroy(&attributes);
	behind->ring = aligned_alloc(DIRECT_ALIGNMENT_BYTES, RING_PIECES * WRITE_PIECE_BYTES);
	if (!behind->ring)
		abort(); /* out of memory on something small */
	behind->fd = held_disk_open_direct(spec->disk, true, &direct, err);
	r = behind->fd < 0 ? behind->fd : start_worker(behind, WRITER, write_piece, err);
	if (r == 0)
		r = start_worker(behind, HASHER, hash_piece, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(behind);
	return 0;
}

struct write_behind *write_behind_free(struct write_behind *behind)
{
	if (!behind)
		return NULL;
	pthread_mutex_lock(&behind->lock);
	behind->stop = true;
	pthread_cond_broadcast(&behind->moved);
	pthread_mutex_unlock(&behind->lock);
	for (unsigned i = 0; i < WORKER_COUNT; i++) {
		if (behind->workers[i].started)
			pthread_join(behind->workers[i].thread, NULL);
	}
	close_fd(behind->fd);
	sha256_free(behind->hash);
	pthread_cond_destroy(&behind->moved);
	pthread_mutex_destroy(&behind->lock);
	piece_sums_done(&behind->sums);
	err_done(&behind->err);
	free(behind->ring);
	free(behind);
	return NULL;
}
