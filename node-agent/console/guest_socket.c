/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/guest_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The folder belongs to QEMU, which a guest may have broken out into, and we are root: a link there must not lead to a socket
 * that QEMU itself does not get at. So what stands under the name is held fast, looked at, and only then connected to. */
int guest_socket_connect(const char *path, const char *what, int *ret_fd, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), place = -1;
	struct stat st;

	if (fd < 0)
		return err_set_errno(err, -errno, "cannot make a socket");
	place = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (place < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "the virtual machine does not run here");
	if (place < 0 || fstat(place, &st) < 0)
		return err_set_errno(err, -errno, "cannot connect to the %s", what);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_CORRUPT, "cannot connect to the %s: %s is no socket", what, path);
	/* Any length of path fits so, too (proc(5), /proc/pid/fd). */
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", place);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return err_set(err, ERR_NOT_FOUND, "the virtual machine does not run here");
		return err_set_errno(err, -errno, "cannot connect to the %s", what);
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}
