/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/bundle_priv.h"

static int write_all(int fd, const void *data, size_t len, uint64_t offset)
{
	const uint8_t *p = data;

	while (len) {
		ssize_t n = pwrite(fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

static int sink_write(uint64_t offset, const void *data, size_t len, void *ctx, struct err *err)
{
	int r = write_all(*(int *)ctx, data, len, offset);

	return r < 0 ? err_set_errno(err, r, "writing %zu bytes at %" PRIu64, len, offset) : 0;
}

static int write_zeros(int fd, uint64_t offset, uint64_t len)
{
	static const uint8_t zeros[256 * KIB];

	while (len) {
		size_t chunk = MIN_OF(len, sizeof(zeros));
		int r = write_all(fd, zeros, chunk, offset);

		if (r < 0)
			return r;
		offset += chunk;
		len -= chunk;
	}
	return 0;
}

static int make_hole(int fd, uint64_t offset, uint64_t len)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	/* A file must reach as far as its last hole; punching never makes it longer. */
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size < offset + len && ftruncate(fd, (off_t)(offset + len)) < 0)
		return -errno;
	/* Of a block device as well, punching promises that zeros are read afterwards (fallocate(2)). */
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len) == 0)
		return 0;
	/* EINVAL: not on the device's block boundaries. */
	if (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS)
		return -errno;
	return write_zeros(fd, offset, len);
}

static int sink_hole(uint64_t offset, uint64_t len, void *ctx, struct err *err)
{
	int r = make_hole(*(int *)ctx, offset, len);

	return r < 0 ? err_set_errno(err, r, "zeroing %" PRIu64 " bytes at %" PRIu64, len, offset) : 0;
}

struct bundle_sink bundle_sink_fd(int *fd)
{
	return (struct bundle_sink){ .write = sink_write, .hole = sink_hole, .ctx = fd };
}
