/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "installer/link_wait.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "installer/probe.h"

/* The kernel tells of each change; that some are lost, or were before we listened, costs this much. */
#define LOOK_MS 500

static char *named_macs(const struct answers *answers)
{
	static const enum answer fields[] = { ANSWER_NET_MAC, ANSWER_NET_BOND_MEMBERS, ANSWER_PROV_MAC };
	struct strbuf macs = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		strbuf_addf(&macs, "%s ", str_or(answers_get(answers, fields[i]), ""));
	return strbuf_take(&macs);
}

/* MAC addresses of the named interfaces without a link, a space behind each; names them in *ret_names. */
static char *without_link(const struct machine *machine, const char *named, struct strbuf *ret_names)
{
	struct strbuf macs = { 0 };

	for (unsigned i = 0; i < machine->nic_count; i++) {
		const struct machine_nic *nic = &machine->nics[i];

		if (nic->link || !nic->mac || !strstr(named, nic->mac))
			continue;
		strbuf_addf(&macs, "%s ", nic->mac);
		if (ret_names)
			strbuf_addf(ret_names, "%s%s (%s)", ret_names->len ? ", " : "", nic->name, nic->mac);
	}
	return macs.len ? strbuf_take(&macs) : NULL;
}

static int open_news(void)
{
	const struct sockaddr_nl groups = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&groups, sizeof(groups)) < 0)
		return -1;
	return TAKE_FD(fd);
}

static void await_news(int fd)
{
	struct pollfd news = { .fd = fd, .events = POLLIN };
	char buffer[8192];

	if (poll(&news, 1, LOOK_MS) <= 0)
		return;
	while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
		continue;
}

/* Those that came up meanwhile. */
static void await_ports(const struct machine *machine, const char *late)
{
	int64_t until_ms = monotonic_ms() + PORT_WAIT_MS;

	for (unsigned i = 0; i < machine->nic_count; i++) {
		const struct machine_nic *nic = &machine->nics[i];

		if (!nic->link || !nic->mac || !strstr(late, nic->mac))
			continue;
		printf("%s has a link now; listening for up to %d s until its switch passes something on\n", nic->name,
		       PORT_WAIT_MS / 1000);
		fflush(stdout);
		if (probe_heard(nic->name, until_ms) != 0)
			continue;
		printf("nobody is heard on %s: if its switch still waits (spanning tree, no edge port), an address that "
		       "is taken, or another DHCP server, is not noticed\n",
		       nic->name);
		fflush(stdout);
	}
}

void link_wait(struct machine *machine, const struct answers *answers)
{
	_cleanup_free_ char *named = named_macs(answers), *late = NULL, *left = NULL;
	_cleanup_strbuf_ struct strbuf names = { 0 };
	int64_t until_ms = monotonic_ms() + LINK_WAIT_MS;
	_cleanup_close_ int news = -1;

	if (!answers_counts(answers, ANSWER_NET_MAC))
		return;
	news = open_news();
	late = without_link(machine, named, &names);
	if (!late)
		return;
	printf("waiting up to %d s for a link on %s\n", LINK_WAIT_MS / 1000, names.data);
	fflush(stdout);
	do {
		await_news(news);
		machine_read_nics(machine);
		free(left);
		left = without_link(machine, named, NULL);
	} while (left && monotonic_ms() < until_ms);
	/* Where one stays without, nothing is installed, and nobody is asked. */
	if (!left)
		await_ports(machine, late);
}
