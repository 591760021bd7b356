/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk/held_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* What O_DIRECT wants of offset, length and memory, at most. */
#define ALIGNMENT_BYTES ((uint64_t)4096)
#define PIECE_BYTES ((size_t)(1 * MIB))

/* ---- opening ---- */

/* Of one that changes hands between two looks the first is not the second's. */
static uint64_t read_seq(int fd)
{
	uint64_t seq = 0;

	return ioctl(fd, BLKGETDISKSEQ, &seq) < 0 ? 0 : seq; /* Linux 5.15 and later */
}

static int open_path(const char *path, bool writable, struct held_disk *disk, struct err *err)
{
	struct stat st;
	off_t end;

	disk->fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (disk->fd < 0 || fstat(disk->fd, &st) < 0)
		return err_set_errno(err, -errno, "%s", path);
	end = lseek(disk->fd, 0, SEEK_END);
	if (end < 0)
		return err_set_errno(err, -errno, "%s", path);
	disk->size = (uint64_t)end;
	disk->path = xasprintf("/proc/%d/fd/%d", (int)getpid(), disk->fd);
	if (S_ISBLK(st.st_mode)) {
		disk->number = st.st_rdev;
		disk->seq = read_seq(disk->fd);
	}
	return 0;
}

int held_disk_look(const char *path, bool writable, struct held_disk *ret, struct err *err)
{
	struct held_disk disk = { .fd = -1, .disk.path = xstrdup(path) };
	int r = open_path(path, writable, &disk, err);

	if (r < 0)
		held_disk_done(&disk);
	else
		*ret = disk;
	return r;
}

int held_disk_open(const char *sysroot, const char *wwn, const char *serial, uint64_t size_bytes, bool writable,
		   struct held_disk *ret, struct err *err)
{
	struct held_disk disk = { .fd = -1, .sysroot = xstrdup(sysroot), .known = true };
	int r = disk_find(sysroot, wwn, serial, size_bytes, &disk.disk, err);

	if (r == 0)
		r = open_path(disk.disk.path, writable, &disk, err);
	if (r == 0 && disk.size != disk.disk.size_bytes)
		r = err_set(err, ERR_STATE, "%s has %" PRIu64 " bytes when it is opened and %" PRIu64 " in sysfs",
			    disk.disk.path, disk.size, disk.disk.size_bytes);
	/* The name may have changed hands between the finding and the opening. From now on it cannot. */
	if (r == 0)
		r = held_disk_check(&disk, err);
	if (r < 0)
		held_disk_done(&disk);
	else
		*ret = disk;
	return r;
}

void held_disk_done(struct held_disk *disk)
{
	close_fd(disk->fd);
	disk_done(&disk->disk);
	free(disk->path);
	free(disk->sysroot);
	*disk = HELD_DISK_NONE;
}

/* ---- is it still that disk? ---- */

static int is_another(const struct held_disk *disk, struct err *err, const char *what, const char *now,
		      const char *then)
{
	return err_set(
		err, ERR_STATE,
		"%s is not the disk any more that was opened: its %s is %s, it was %s; nothing more is written to it. Look "
		"at how it is connected, then begin anew",
		disk->disk.path, what, str_or(now, "gone"), str_or(then, "none"));
}

static int check_number(const struct held_disk *disk, const char *what, uint64_t now, uint64_t then, struct err *err)
{
	_cleanup_free_ char *is = xasprintf("%" PRIu64, now), *was = xasprintf("%" PRIu64, then);

	return now == then ? 0 : is_another(disk, err, what, is, was);
}

/* What sysfs says of the device number now; of a plain file, which has none, what it says of the name. */
static int read_now(const struct held_disk *disk, struct disk *ret, struct err *err)
{
	struct stat st;

	if (fstat(disk->fd, &st) < 0)
		return err_set_errno(err, -errno, "%s", disk->disk.path);
	if (!S_ISBLK(st.st_mode))
		return disk_read_name(disk->sysroot, disk->disk.name, ret, err);
	return disk_read_number(disk->sysroot, disk->number, ret, err);
}

static int check_identity(const struct held_disk *disk, struct err *err)
{
	_cleanup_(disk_done) struct disk now = { 0 };
	int r = read_now(disk, &now, err);

	if (r < 0)
		return err_prefix(err, "%s is not there any more", disk->disk.path);
	if (!str_equal(now.wwn, disk->disk.wwn))
		return is_another(disk, err, "WWN", now.wwn, disk->disk.wwn);
	if (!str_equal(now.serial, disk->disk.serial))
		return is_another(disk, err, "serial number", now.serial, disk->disk.serial);
	return check_number(disk, "size in sysfs", now.size_bytes, disk->disk.size_bytes, err);
}

int held_disk_check(const struct held_disk *disk, struct err *err)
{
	off_t end = lseek(disk->fd, 0, SEEK_END);
	int r = check_number(disk, "size", end < 0 ? 0 : (uint64_t)end, disk->size, err);

	if (r == 0 && disk->seq)
		r = check_number(disk, "number in the kernel's sequence (diskseq)", read_seq(disk->fd), disk->seq, err);
	return r == 0 && disk->known ? check_identity(disk, err) : r;
}

int held_disk_check_unused(const struct held_disk *disk, struct err *err)
{
	_cleanup_(disk_done) struct disk now = { 0 };
	_cleanup_close_ int fd = -1;

	if (disk->known && read_now(disk, &now, NULL) == 0 && now.in_use)
		return err_set(err, ERR_STATE, "%s is in use: %s", disk->disk.path, now.use);
	/* The kernel's own answer: an exclusive open fails then (open(2), O_EXCL). */
	fd = open(disk->path, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (fd < 0 && errno == EBUSY)
		return err_set(err, ERR_STATE, "%s is in use", disk->disk.path);
	return fd < 0 ? err_set_errno(err, -errno, "%s", disk->disk.path) : 0;
}

/* ---- past the cache ---- */

int held_disk_sync(const struct held_disk *disk, struct err *err)
{
	return fsync(disk->fd) < 0 ? err_set_errno(err, -errno, "%s", disk->disk.path) : 0;
}

int held_disk_forget(const struct held_disk *disk, struct err *err)
{
	int r = held_disk_sync(disk, err);

	if (r == 0 && disk->number && ioctl(disk->fd, BLKFLSBUF, 0) < 0)
		r = err_set_errno(err, -errno, "%s", disk->disk.path);
	if (r == 0)
		posix_fadvise(disk->fd, 0, 0, POSIX_FADV_DONTNEED);
	return r;
}

int held_disk_open_direct(const struct held_disk *disk, bool writable, bool *ret_direct, struct err *err)
{
	int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC;
	int fd = open(disk->path, flags | O_DIRECT);

	*ret_direct = fd >= 0;
	if (fd < 0 && errno == EINVAL)
		fd = open(disk->path, flags);
	return fd < 0 ? err_set_errno(err, -errno, "%s", disk->disk.path) : fd;
}

int held_disk_read_direct(const struct held_disk *disk, int fd, uint64_t at, uint8_t *ret_data, size_t len,
			  size_t least, struct err *err)
{
	size_t have = 0;

	while (have < least) {
		ssize_t n = pread(fd, ret_data + have, len - have, (off_t)(at + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set_errno(err, n < 0 ? -errno : -EIO, "%s: reading back at %" PRIu64,
					     disk->disk.path, at + have);
		have += (size_t)n;
	}
	return 0;
}

int held_disk_reread(const struct held_disk *disk, uint64_t offset, void *ret_data, size_t len, struct err *err)
{
	uint64_t start = offset / ALIGNMENT_BYTES * ALIGNMENT_BYTES, end = offset + len;
	uint64_t aligned_end = (end + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
	_cleanup_free_ uint8_t *buffer = aligned_alloc(ALIGNMENT_BYTES, PIECE_BYTES);
	uint8_t *to = ret_data;
	bool direct = false;
	_cleanup_close_ int fd = held_disk_open_direct(disk, false, &direct, err);
	int r = fd < 0 ? fd : 0;

	if (!buffer)
		abort(); /* out of memory on something small */
	if (r == 0 && !direct)
		r = held_disk_forget(disk, err);
	for (uint64_t at = start; r == 0 && at < end; at += PIECE_BYTES) {
		size_t skip = at < offset ? (size_t)(offset - at) : 0;
		size_t piece = (size_t)MIN_OF(aligned_end - at, PIECE_BYTES);
		size_t least = (size_t)MIN_OF(end - at, PIECE_BYTES);

		r = held_disk_read_direct(disk, fd, at, buffer, piece, least, err);
		if (r < 0)
			break;
		memcpy(to, buffer + skip, least - skip);
		to += least - skip;
	}
	return r;
}

int held_disk_lies(const struct held_disk *disk, struct err *err, const char *fmt, ...)
{
	_cleanup_free_ char *what = NULL;
	va_list ap;

	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	return err_set(err, ERR_CORRUPT,
		       "the disk %s (serial %s) gives back other bytes than were written: %s; replace it",
		       disk->disk.path, str_or(disk->disk.serial, "none"), what);
}

int held_disk_compare(const struct held_disk *disk, const char *what, uint64_t offset, const void *data, size_t len,
		      struct err *err)
{
	_cleanup_free_ uint8_t *is = xmalloc(len);
	const uint8_t *should = data;
	size_t at = 0;
	int r = held_disk_sync(disk, err);

	if (r == 0)
		r = held_disk_reread(disk, offset, is, len, err);
	if (r < 0 || memcmp(is, should, len) == 0)
		return r;
	while (is[at] == should[at])
		at++;
	return held_disk_lies(disk, err, "%s, byte %zu of %zu (at %" PRIu64 " of the disk) is 0x%02x, not 0x%02x", what,
			      at, len, offset + at, is[at], should[at]);
}
