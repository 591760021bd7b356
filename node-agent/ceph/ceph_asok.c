/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ceph's admin socket: a command as JSON and a NUL, answered by a length (32 bits, big-endian) and the text. Done here
 * because the "ceph" program takes seconds of processor time for the same. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ceph/ceph_node_priv.h"

#define ANSWER_MAX_BYTES ((uint32_t)(4 * MIB))

static int wait_for(int fd, short events, int64_t until_ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int64_t left_ms;
	int r;

	do {
		left_ms = until_ms - monotonic_ms();
		if (left_ms <= 0)
			return -ETIMEDOUT;
		r = poll(&pfd, 1, (int)MIN_OF(left_ms, INT32_MAX));
	} while (r == 0 || (r < 0 && errno == EINTR));
	return r < 0 ? -errno : 0;
}

static int read_full(int fd, void *data, size_t len, int64_t until_ms)
{
	for (size_t got = 0; got < len;) {
		int r = wait_for(fd, POLLIN, until_ms);
		ssize_t n = r < 0 ? 0 : read(fd, (char *)data + got, len - got);

		if (r < 0)
			return r;
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EPROTO;
		got += (size_t)n;
	}
	return 0;
}

static int asok_connect(const char *path, int *ret_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	/* On a local socket it is made at once, refused, or the queue is full (EAGAIN). */
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int ceph_asok(const char *path, const char *command, int64_t deadline_ms, json_t **ret_answer)
{
	_cleanup_free_ char *question = xasprintf("{\"prefix\": \"%s\", \"format\": \"json\"}", command);
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	int64_t until_ms = monotonic_ms() + deadline_ms;
	uint32_t len = 0;
	json_t *answer;
	int r = asok_connect(path, &fd);

	if (r < 0)
		return r;
	/* Shorter than any socket buffer: it goes out whole. */
	if (send(fd, question, strlen(question) + 1, MSG_NOSIGNAL) != (ssize_t)strlen(question) + 1)
		return -EPROTO;
	r = read_full(fd, &len, sizeof(len), until_ms);
	if (r < 0)
		return r;
	len = ntohl(len);
	if (len > ANSWER_MAX_BYTES)
		return -EPROTO;
	text = xmalloc(len + 1);
	r = read_full(fd, text, len, until_ms);
	if (r < 0)
		return r;
	answer = json_loadb(text, len, JSON_DECODE_ANY, NULL);
	if (!answer)
		return -EPROTO;
	*ret_answer = answer;
	return 0;
}
