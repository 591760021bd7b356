/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/guest_socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int guest_socket_connect(const char *path, const char *what, int *ret_fd, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_set_errno(err, -errno, "cannot make a socket");
	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(err, ERR_INTERNAL, "%s is too long for a socket", path);
	memcpy(address.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return err_set(err, ERR_NOT_FOUND, "the virtual machine does not run here");
		return err_set_errno(err, -errno, "cannot connect to the %s", what);
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}
