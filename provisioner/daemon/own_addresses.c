/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/own_addresses.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- reading ---- */

static char *address_text(const struct ifaddrs *entry)
{
	char text[INET6_ADDRSTRLEN] = "";
	const void *bytes;

	if (!entry->ifa_addr || (entry->ifa_flags & IFF_LOOPBACK) || !(entry->ifa_flags & IFF_UP))
		return NULL;
	if (entry->ifa_addr->sa_family == AF_INET) {
		bytes = &((const struct sockaddr_in *)(const void *)entry->ifa_addr)->sin_addr;
	} else if (entry->ifa_addr->sa_family == AF_INET6) {
		const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)entry->ifa_addr)->sin6_addr;

		if (IN6_IS_ADDR_LINKLOCAL(v6))
			return NULL;
		bytes = v6;
	} else {
		return NULL;
	}
	return inet_ntop(entry->ifa_addr->sa_family, bytes, text, sizeof(text)) ? xstrdup(text) : NULL;
}

int own_addresses_read(struct own_addresses *ret, struct err *err)
{
	struct ifaddrs *all;

	*ret = (struct own_addresses){ 0 };
	if (getifaddrs(&all) < 0)
		return err_set_errno(err, -errno, "asking for this host's addresses");
	for (const struct ifaddrs *entry = all; entry && ret->count < OWN_ADDRESSES_MAX; entry = entry->ifa_next) {
		ret->list[ret->count] = address_text(entry);
		ret->count += ret->list[ret->count] != NULL;
	}
	freeifaddrs(all);
	return 0;
}

bool own_addresses_have(const struct own_addresses *addresses, const char *address)
{
	for (size_t i = 0; i < addresses->count; i++) {
		if (str_equal(addresses->list[i], address))
			return true;
	}
	return false;
}

void own_addresses_done(struct own_addresses *addresses)
{
	for (size_t i = 0; i < addresses->count; i++)
		free(addresses->list[i]);
	*addresses = (struct own_addresses){ 0 };
}

/* ---- being told ---- */

struct address_watch {
	int fd;
	struct loop_io *io;
	void (*changed)(void *data);
	void *data;
};

/* What the messages say is not looked at: the list is read anew, and is right even where some were lost (ENOBUFS). */
static void on_message(int fd, uint32_t events, void *data)
{
	struct address_watch *watch = data;
	char buffer[8192];
	ssize_t n;

	do
		n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
	while (n > 0 || (n < 0 && (errno == ENOBUFS || errno == EINTR)));
	watch->changed(watch->data);
}

int address_watch_new(struct loop *loop, void (*changed)(void *data), void *data, struct address_watch **ret,
		      struct err *err)
{
	const struct sockaddr_nl groups = { .nl_family = AF_NETLINK,
					    .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_LINK };
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	struct address_watch *watch;

	if (fd < 0 || bind(fd, (const struct sockaddr *)&groups, sizeof(groups)) < 0)
		return err_set_errno(err, -errno, "asking to be told of this host's addresses");
	watch = new0(struct address_watch, 1);
	*watch = (struct address_watch){ .fd = TAKE_FD(fd), .changed = changed, .data = data };
	watch->io = loop_io_new(loop, watch->fd, EPOLLIN, on_message, watch);
	*ret = watch;
	return 0;
}

struct address_watch *address_watch_free(struct address_watch *watch)
{
	if (!watch)
		return NULL;
	loop_io_free(watch->io);
	close_fd(watch->fd);
	free(watch);
	return NULL;
}
