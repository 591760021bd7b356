/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "install/readback.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)(1 * MIB))
#define STACK_BYTES ((size_t)(128 * KIB))
#define ALIGNMENT_BYTES ((uint64_t)4096)

struct readback {
	int fd;
	bool direct;
	char *path;
	uint64_t offset, len;
	uint8_t *buffer; /* aligned as O_DIRECT wants it */
	struct sha256 *hash;
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t moved;
	uint64_t written_bytes, done_bytes;
	bool stop, finished;
	uint8_t digest[SHA256_SIZE];
	struct err err;
	int result;
};

/* What may be read next: a whole piece, or the end of it all. 0: the thread is to end. */
static size_t wait_for_piece(struct readback *rb)
{
	uint64_t piece = MIN_OF(rb->len - rb->done_bytes, PIECE_BYTES);

	pthread_mutex_lock(&rb->lock);
	while (!rb->stop && rb->written_bytes - rb->done_bytes < piece)
		pthread_cond_wait(&rb->moved, &rb->lock);
	piece = rb->stop ? 0 : piece;
	pthread_mutex_unlock(&rb->lock);
	return piece;
}

static int read_piece(struct readback *rb, size_t len)
{
	uint64_t at = rb->offset + rb->done_bytes;
	/* The tail is read up to the next block's end: past it there is still the partition. */
	size_t want = (len + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES, have = 0;

	if (!rb->direct)
		posix_fadvise(rb->fd, (off_t)at, (off_t)want, POSIX_FADV_DONTNEED);
	while (have < len) {
		ssize_t n = pread(rb->fd, rb->buffer + have, want - have, (off_t)(at + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set_errno(&rb->err, n < 0 ? -errno : -EIO, "%s: reading back at %" PRIu64, rb->path,
					     at + have);
		have += (size_t)n;
	}
	sha256_update(rb->hash, rb->buffer, len);
	return 0;
}

static void *readback_thread(void *data)
{
	struct readback *rb = data;
	sigset_t all;
	size_t len;
	int r = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	while (r == 0 && rb->done_bytes < rb->len && (len = wait_for_piece(rb)) > 0) {
		r = read_piece(rb, len);
		pthread_mutex_lock(&rb->lock);
		rb->done_bytes += r == 0 ? len : 0;
		pthread_mutex_unlock(&rb->lock);
	}
	pthread_mutex_lock(&rb->lock);
	rb->result = r;
	if (rb->done_bytes == rb->len)
		sha256_final(TAKE_PTR(rb->hash), rb->digest);
	rb->finished = true;
	pthread_cond_broadcast(&rb->moved);
	pthread_mutex_unlock(&rb->lock);
	return NULL;
}

static int start_thread(struct readback *rb, struct err *err)
{
	pthread_attr_t attributes;
	int r;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	r = pthread_create(&rb->thread, &attributes, readback_thread, rb);
	pthread_attr_destroy(&attributes);
	return r ? err_set_errno(err, -r, "starting a thread") : 0;
}

static void release(struct readback *rb)
{
	close_fd(rb->fd);
	sha256_free(rb->hash);
	pthread_cond_destroy(&rb->moved);
	pthread_mutex_destroy(&rb->lock);
	err_done(&rb->err);
	free(rb->buffer);
	free(rb->path);
	free(rb);
}

int readback_start(const struct held_disk *disk, uint64_t offset, uint64_t len, struct readback **ret, struct err *err)
{
	struct readback *rb = new0(struct readback, 1);
	pthread_condattr_t attributes;
	int r;

	rb->path = xstrdup(disk->disk.path); /* for people */
	rb->offset = offset;
	rb->len = len;
	rb->hash = sha256_new();
	pthread_mutex_init(&rb->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&rb->moved, &attributes);
	pthread_condattr_destroy(&attributes);
	rb->buffer = aligned_alloc(ALIGNMENT_BYTES, PIECE_BYTES);
	if (!rb->buffer)
		abort(); /* out of memory on something small */
	/* Where there is no direct reading, the cache is dropped before each piece. */
	rb->fd = held_disk_open_direct(disk, &rb->direct, err);
	r = rb->fd < 0 ? rb->fd : start_thread(rb, err);
	if (r < 0) {
		release(rb);
		return r;
	}
	*ret = rb;
	return 0;
}

void readback_follow(struct readback *rb, uint64_t written_bytes)
{
	pthread_mutex_lock(&rb->lock);
	rb->written_bytes = MIN_OF(written_bytes, rb->len);
	pthread_cond_broadcast(&rb->moved);
	pthread_mutex_unlock(&rb->lock);
}

uint64_t readback_done_bytes(struct readback *rb)
{
	uint64_t done;

	pthread_mutex_lock(&rb->lock);
	done = rb->done_bytes;
	pthread_mutex_unlock(&rb->lock);
	return done;
}

int readback_wait(struct readback *rb, int64_t ms, uint8_t ret_digest[SHA256_SIZE], struct err *err)
{
	struct timespec until;
	int64_t end_ms = monotonic_ms() + ms;
	int r = 0;

	until = (struct timespec){ .tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000 };
	pthread_mutex_lock(&rb->lock);
	rb->written_bytes = rb->len;
	pthread_cond_broadcast(&rb->moved);
	while (!rb->finished && r == 0)
		r = pthread_cond_timedwait(&rb->moved, &rb->lock, &until);
	r = rb->finished ? rb->result : -EAGAIN;
	if (r < 0 && rb->finished)
		err_copy(err, &rb->err);
	else if (r == 0)
		memcpy(ret_digest, rb->digest, SHA256_SIZE);
	pthread_mutex_unlock(&rb->lock);
	return r;
}

struct readback *readback_free(struct readback *rb)
{
	if (!rb)
		return NULL;
	pthread_mutex_lock(&rb->lock);
	rb->stop = true;
	pthread_cond_broadcast(&rb->moved);
	pthread_mutex_unlock(&rb->lock);
	pthread_join(rb->thread, NULL);
	release(rb);
	return NULL;
}
