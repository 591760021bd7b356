/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk/disk_window.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CONTROL_PATH "/dev/loop-control"
/* How often somebody else may be quicker to take the free one. */
#define TRIES_MAX 64

static int no_loop_device(struct err *err, int error, const char *path)
{
	return err_set(err, ERR_UNSUPPORTED,
		       "no loop device can be had (%s: %s); load the kernel's module with \"modprobe loop\", and run "
		       "this as root",
		       path, strerror(error));
}

/* One that was free when it was asked for. 1: somebody was quicker. */
static int try_one(int control, const struct loop_config *config, struct disk_window *ret, struct err *err)
{
	int number = ioctl(control, LOOP_CTL_GET_FREE);
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	if (number < 0)
		return no_loop_device(err, errno, CONTROL_PATH);
	path = xasprintf("/dev/loop%d", number);
	fd = open(path, O_RDWR | O_CLOEXEC);
	/* ENXIO: it was taken away again, LOOP_CTL_REMOVE. */
	if (fd < 0)
		return errno == ENXIO ? 1 : no_loop_device(err, errno, path);
	if (ioctl(fd, LOOP_CONFIGURE, config) < 0)
		return errno == EBUSY ? 1 : no_loop_device(err, errno, path);
	ret->path = xasprintf("/proc/%d/fd/%d", (int)getpid(), fd);
	ret->fd = TAKE_FD(fd);
	return 0;
}

int disk_window_open(const struct held_disk *disk, uint64_t offset_bytes, uint64_t size_bytes, struct disk_window *ret,
		     struct err *err)
{
	/* Anew: whether it may be written to is asked of the descriptor, and the disk's own may be for reading only. */
	_cleanup_close_ int backing = open(disk->path, O_RDWR | O_CLOEXEC);
	_cleanup_close_ int control = -1;
	struct loop_config config = {
		.fd = (uint32_t)backing,
		.info = { .lo_offset = offset_bytes, .lo_sizelimit = size_bytes, .lo_flags = LO_FLAGS_AUTOCLEAR },
	};
	int r = 1;

	if (backing < 0)
		return err_set_errno(err, -errno, "%s", disk->disk.path);
	control = open(CONTROL_PATH, O_RDWR | O_CLOEXEC);
	if (control < 0)
		return no_loop_device(err, errno, CONTROL_PATH);
	for (unsigned i = 0; r > 0 && i < TRIES_MAX; i++)
		r = try_one(control, &config, ret, err);
	return r > 0 ? no_loop_device(err, EBUSY, CONTROL_PATH) : r;
}

int disk_window_finish(const struct disk_window *window, const struct held_disk *disk, struct err *err)
{
	/* What the window has in its own cache goes to that of the disk, and from there to the disk. */
	if (fsync(window->fd) < 0)
		return err_set_errno(err, -errno, "%s", disk->disk.path);
	return held_disk_forget(disk, err);
}

void disk_window_done(struct disk_window *window)
{
	close_fd(window->fd);
	free(window->path);
	*window = DISK_WINDOW_NONE;
}
