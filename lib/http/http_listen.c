/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "http/http_server_priv.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage space;
};

static int address_parse(const char *text, uint16_t port, union address *ret, socklen_t *ret_len, struct err *err)
{
	*ret = (union address){ 0 };
	if (inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons(port);
		*ret_len = sizeof(ret->v4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &ret->v6.sin6_addr) == 1) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons(port);
		*ret_len = sizeof(ret->v6);
		return 0;
	}
	return err_set(err, ERR_INVALID, "\"%s\" is not an address", text);
}

/* Accepted sockets inherit these: a peer that vanished is noticed by the kernel, also where nothing is sent (a waiting
 * request, a quiet WebSocket) and where nothing is acknowledged. */
static void set_liveness(int fd)
{
	static const struct {
		int level, option, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },	  { IPPROTO_TCP, TCP_KEEPIDLE, 30 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 10 },	  { IPPROTO_TCP, TCP_KEEPCNT, 3 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 60000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		setsockopt(fd, options[i].level, options[i].option, &options[i].value, sizeof(options[i].value));
}

static int socket_listen(const struct http_server_spec *spec, int *ret_fd, struct err *err)
{
	_cleanup_close_ int fd = -1;
	union address address;
	socklen_t len = 0;
	int on = 1, r = address_parse(str_or(spec->address, "::"), spec->port, &address, &len, err);

	if (r < 0)
		return r;
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set_errno(err, -errno, "cannot make a socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &address.any, len) < 0 || listen(fd, SOMAXCONN) < 0)
		return err_set_errno(err, -errno, "cannot listen on %s port %u", str_or(spec->address, "::"),
				     spec->port);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int http_listen(const struct http_server_spec *spec, int *ret_fd, uint16_t *ret_port, struct err *err)
{
	union address address = { 0 };
	socklen_t len = sizeof(address);
	int fd = spec->listen_fd, r;

	if (fd < 0) {
		r = socket_listen(spec, &fd, err);
		if (r < 0)
			return r;
	}
	set_liveness(fd);
	if (getsockname(fd, &address.any, &len) < 0) {
		r = err_set_errno(err, -errno, "cannot use descriptor %d to listen", fd);
		if (fd != spec->listen_fd)
			close_fd(fd);
		return r;
	}
	*ret_port = address.any.sa_family == AF_INET6  ? ntohs(address.v6.sin6_port)
		    : address.any.sa_family == AF_INET ? ntohs(address.v4.sin_port)
						       : 0;
	*ret_fd = fd;
	return 0;
}
