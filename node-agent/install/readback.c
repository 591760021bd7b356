/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "install/readback.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

int readback_compare(const struct readback_spec *spec, struct err *err)
{
	const struct piece_sums *written = spec->written;
	_cleanup_free_ uint8_t *buffer = aligned_alloc(DIRECT_ALIGNMENT_BYTES, WRITE_PIECE_BYTES);
	uint64_t done_bytes = 0;
	bool direct = false;
	_cleanup_close_ int fd = held_disk_open_direct(spec->disk, false, &direct, err);
	int r = fd < 0 ? fd : 0;

	if (!buffer)
		abort(); /* out of memory on something small */
	for (unsigned i = 0; i < written->count && r == 0; i++) {
		uint64_t at = piece_offset(written, i);
		size_t len = piece_length(written, i);

		/* Where there is no direct reading, the cache is dropped before each piece. */
		if (!direct)
			posix_fadvise(fd, (off_t)at, (off_t)len, POSIX_FADV_DONTNEED);
		r = held_disk_read_direct(spec->disk, fd, at, buffer, len, len, err);
		if (r == 0 && piece_sum(buffer, len) != written->sums[i])
			return held_disk_lies(spec->disk, err,
					      "%s, somewhere in the %zu bytes from %" PRIu64 " on (at %" PRIu64
					      " of the disk)",
					      spec->what, len, done_bytes, at);
		done_bytes = MIN_OF(done_bytes + len, written->len);
		if (r == 0 && spec->progress)
			r = spec->progress(done_bytes, spec->ctx, err);
	}
	return r;
}
