/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "installer/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_MAX ((size_t)2048)
#define VLAN_TAG_BYTES 4
#define VLAN_ID_MASK 0xfff
/* RFC 5227 section 1.1: PROBE_NUM, PROBE_MIN, ANNOUNCE_WAIT */
#define PROBE_COUNT 3
#define PROBE_INTERVAL_MS 1000
#define PROBE_LAST_MS 2000
#define ND_HOP_LIMIT 255 /* RFC 4861 section 7.1: from this link */
#define DHCP_INTERVAL_MS 2000
#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68

struct probe {
	int fd, index;
	unsigned vlan;
	uint8_t mac[ETH_ALEN];
};

static const uint8_t everyone[ETH_ALEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static int probe_open(const char *interface, unsigned vlan, struct probe *ret)
{
	_cleanup_close_ int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	struct probe probe = { .index = (int)if_nametoindex(interface), .vlan = vlan };
	struct packet_mreq all = { .mr_ifindex = probe.index, .mr_type = PACKET_MR_ALLMULTI };
	struct ifreq request = { 0 };
	int on = 1;

	if (fd < 0 || probe.index == 0)
		return -errno;
	memcpy(request.ifr_name, interface, MIN_OF(strlen(interface), sizeof(request.ifr_name) - 1));
	if (ioctl(fd, SIOCGIFHWADDR, &request) < 0 ||
	    bind(fd,
		 (struct sockaddr *)&(struct sockaddr_ll){
			 .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = probe.index },
		 sizeof(struct sockaddr_ll)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0 ||
	    /* Answers of IPv6 go to a group that the card may not listen to yet; back again when the socket is closed. */
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0)
		return -errno;
	memcpy(probe.mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
	probe.fd = TAKE_FD(fd);
	*ret = probe;
	return 0;
}

static int send_frame(const struct probe *probe, const uint8_t *to, uint16_t type, const void *data, size_t len)
{
	uint8_t frame[FRAME_MAX];
	uint16_t words[3] = { htons(ETH_P_8021Q), htons((uint16_t)probe->vlan), htons(type) };
	size_t at = 2 * ETH_ALEN, skip = probe->vlan ? 0 : VLAN_TAG_BYTES;

	memcpy(frame, to, ETH_ALEN);
	memcpy(frame + ETH_ALEN, probe->mac, ETH_ALEN);
	memcpy(frame + at, (const uint8_t *)words + skip, sizeof(words) - skip);
	at += sizeof(words) - skip;
	memcpy(frame + at, data, len);
	return send(probe->fd, frame, at + len, 0) < 0 ? -errno : 0;
}

/* The tag that the card or the kernel took out of a frame; 0 for none. */
static unsigned taken_tag(struct msghdr *message)
{
	struct tpacket_auxdata aux;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) {
			memcpy(&aux, CMSG_DATA(c), sizeof(aux));
			return aux.tp_status & TP_STATUS_VLAN_VALID ? aux.tp_vlan_tci & VLAN_ID_MASK : 0;
		}
	}
	return 0;
}

/* The next frame of this type and VLAN until the deadline: its payload's length, 0 if none came. Others' frames only; who sent
 * it is in ret_mac. */
static size_t receive_frame(const struct probe *probe, uint16_t type, int64_t deadline_ms, uint8_t *data,
			    uint8_t *ret_mac)
{
	int64_t left_ms;

	while ((left_ms = deadline_ms - monotonic_ms()) > 0) {
		char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		uint8_t frame[FRAME_MAX];
		struct iovec part = { frame, sizeof(frame) };
		struct msghdr message = {
			.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
		};
		struct pollfd wait = { .fd = probe->fd, .events = POLLIN };
		size_t at = ETH_HLEN;
		uint16_t words[3];
		unsigned vlan;
		ssize_t n;

		if (poll(&wait, 1, (int)left_ms) <= 0)
			continue;
		n = recvmsg(probe->fd, &message, MSG_DONTWAIT);
		if (n < (ssize_t)(ETH_HLEN + VLAN_TAG_BYTES) || memcmp(frame + ETH_ALEN, probe->mac, ETH_ALEN) == 0)
			continue;
		memcpy(words, frame + 2 * ETH_ALEN, sizeof(words));
		vlan = taken_tag(&message);
		if (ntohs(words[0]) == ETH_P_8021Q) {
			vlan = ntohs(words[1]) & VLAN_ID_MASK;
			words[0] = words[2];
			at += VLAN_TAG_BYTES;
		}
		if (vlan != probe->vlan || ntohs(words[0]) != type)
			continue;
		memcpy(data, frame + at, (size_t)n - at);
		memcpy(ret_mac, frame + ETH_ALEN, ETH_ALEN);
		return (size_t)n - at;
	}
	return 0;
}

/* RFC 1071; len is even. seed: what was summed up before. */
static uint16_t checksum(const void *data, size_t len, uint32_t seed)
{
	const uint8_t *bytes = data;
	uint32_t sum = seed;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* ---- IPv4: ARP ---- */

/* Returns the length of the question, and to whom it goes. */
static size_t make_arp(const struct probe *probe, const void *address, uint8_t *ret, uint8_t *ret_to)
{
	struct ether_arp arp = {
		.ea_hdr = { .ar_hrd = htons(ARPHRD_ETHER),
			    .ar_pro = htons(ETH_P_IP),
			    .ar_hln = ETH_ALEN,
			    .ar_pln = 4,
			    .ar_op = htons(ARPOP_REQUEST) },
	};

	memcpy(arp.arp_sha, probe->mac, ETH_ALEN);
	memcpy(arp.arp_tpa, address, 4);
	memcpy(ret, &arp, sizeof(arp));
	memcpy(ret_to, everyone, ETH_ALEN);
	return sizeof(arp);
}

/* Someone has the address, or is about to take it (RFC 5227 section 2.1.1). */
static bool is_arp_conflict(const uint8_t *data, size_t len, const void *address, uint8_t *ret_mac)
{
	static const uint8_t nobody[4];
	struct ether_arp arp;

	if (len < sizeof(arp))
		return false;
	memcpy(&arp, data, sizeof(arp));
	memcpy(ret_mac, arp.arp_sha, ETH_ALEN);
	return memcmp(arp.arp_spa, address, 4) == 0 ||
	       (ntohs(arp.ea_hdr.ar_op) == ARPOP_REQUEST && memcmp(arp.arp_spa, nobody, 4) == 0 &&
		memcmp(arp.arp_tpa, address, 4) == 0);
}

/* ---- IPv6: neighbor discovery ---- */

/* Without options; a solicitation and an advertisement are of the same shape (RFC 4861 sections 4.3 and 4.4). */
struct neighbor {
	struct ip6_hdr ip;
	struct nd_neighbor_solicit nd;
};

/* Of duplicate address detection: from nobody, to those whose address ends alike (RFC 4862 section 5.4.2, RFC 4291 section
 * 2.7.1). */
static size_t make_solicitation(const struct probe *probe, const void *address, uint8_t *ret, uint8_t *ret_to)
{
	static const uint8_t group[] = { 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff },
			     group_mac[] = { 0x33, 0x33, 0xff };
	const uint8_t *end = (const uint8_t *)address + sizeof(struct in6_addr) - 3;
	struct neighbor question = { .ip = { .ip6_flow = htonl(6U << 28),
					     .ip6_plen = htons(sizeof(question.nd)),
					     .ip6_nxt = IPPROTO_ICMPV6,
					     .ip6_hlim = ND_HOP_LIMIT },
				     .nd = { .nd_ns_type = ND_NEIGHBOR_SOLICIT } };

	memcpy(question.ip.ip6_dst.s6_addr, group, sizeof(group));
	memcpy(question.ip.ip6_dst.s6_addr + sizeof(group), end, 3);
	memcpy(&question.nd.nd_ns_target, address, sizeof(struct in6_addr));
	/* Over both addresses, the length and the protocol as well (RFC 8200 section 8.1): the addresses lie before it. */
	question.nd.nd_ns_cksum =
		checksum((const uint8_t *)&question + offsetof(struct ip6_hdr, ip6_src),
			 2 * sizeof(struct in6_addr) + sizeof(question.nd), sizeof(question.nd) + IPPROTO_ICMPV6);
	memcpy(ret, &question, sizeof(question));
	memcpy(ret_to, group_mac, sizeof(group_mac));
	memcpy(ret_to + sizeof(group_mac), end, 3);
	return sizeof(question);
}

/* Someone advertises it, or asks for it from nobody's address as we do (RFC 4862 sections 5.4.3 and 5.4.4). */
static bool is_neighbor_conflict(const uint8_t *data, size_t len, const void *address, uint8_t *ret_mac)
{
	struct neighbor neighbor;
	bool advertised;

	if (len < sizeof(neighbor))
		return false;
	memcpy(&neighbor, data, sizeof(neighbor));
	advertised = neighbor.nd.nd_ns_type == ND_NEIGHBOR_ADVERT;
	if (neighbor.ip.ip6_nxt != IPPROTO_ICMPV6 || neighbor.ip.ip6_hlim != ND_HOP_LIMIT ||
	    memcmp(&neighbor.nd.nd_ns_target, address, sizeof(struct in6_addr)) != 0 ||
	    !(advertised ||
	      (neighbor.nd.nd_ns_type == ND_NEIGHBOR_SOLICIT && IN6_IS_ADDR_UNSPECIFIED(&neighbor.ip.ip6_src))))
		return false;
	/* An option of its own says whose it is; a solicitation of this kind has none. */
	if (advertised && len >= sizeof(neighbor) + 2 + ETH_ALEN && data[sizeof(neighbor)] == ND_OPT_TARGET_LINKADDR)
		memcpy(ret_mac, data + sizeof(neighbor) + 2, ETH_ALEN);
	return true;
}

/* ---- addresses ---- */

static const struct {
	int family;
	uint16_t type;
	size_t (*make)(const struct probe *probe, const void *address, uint8_t *ret, uint8_t *ret_to);
	/* ret_mac has the frame's sender. */
	bool (*is_conflict)(const uint8_t *data, size_t len, const void *address, uint8_t *ret_mac);
} kinds[] = {
	{ AF_INET, ETH_P_ARP, make_arp, is_arp_conflict },
	{ AF_INET6, ETH_P_IPV6, make_solicitation, is_neighbor_conflict },
};

int probe_address_taken(const char *interface, unsigned vlan, int family, const void *address, char **ret_mac)
{
	size_t kind = family == kinds[0].family ? 0 : 1, question_len;
	uint8_t question[FRAME_MAX], to[ETH_ALEN], data[FRAME_MAX], mac[ETH_ALEN];
	struct probe probe = { .fd = -1 };
	int r = probe_open(interface, vlan, &probe);

	if (r < 0)
		return r;
	question_len = kinds[kind].make(&probe, address, question, to);
	for (unsigned i = 0; r == 0 && i < PROBE_COUNT; i++) {
		int64_t until_ms = monotonic_ms() + (i + 1 < PROBE_COUNT ? PROBE_INTERVAL_MS : PROBE_LAST_MS);
		size_t len;

		r = send_frame(&probe, to, kinds[kind].type, question, question_len);
		while (r == 0 && (len = receive_frame(&probe, kinds[kind].type, until_ms, data, mac)) > 0) {
			if (!kinds[kind].is_conflict(data, len, address, mac))
				continue;
			*ret_mac = xasprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
					     mac[5]);
			r = 1;
		}
	}
	close_fd(probe.fd);
	return r;
}

/* ---- DHCP ---- */

/* RFC 2131 section 2, up to the magic cookie of RFC 2132 section 2. */
struct dhcp {
	uint8_t op, htype, hlen, hops;
	uint32_t xid;
	uint16_t secs, flags;
	struct in_addr ciaddr, yiaddr, siaddr, giaddr;
	uint8_t chaddr[16], sname[64], file[128], cookie[4];
} __attribute__((packed));
struct packet {
	struct iphdr ip;
	struct udphdr udp;
	struct dhcp dhcp;
	uint8_t options[64]; /* makes the 300 bytes that some relays want (RFC 1542 section 2.1) */
} __attribute__((packed));

static const uint8_t cookie[4] = { 99, 130, 83, 99 };

static void make_discover(const struct probe *probe, uint32_t xid, struct packet *ret)
{
	/* Message type DISCOVER; wanted: mask, router; end. */
	static const uint8_t options[] = { 53, 1, 1, 55, 2, 1, 3, 255 };

	*ret = (struct packet){
		.ip = { .ihl = 5,
			.version = 4,
			.tot_len = htons(sizeof(*ret)),
			.ttl = 64,
			.protocol = IPPROTO_UDP,
			.daddr = INADDR_BROADCAST },
		/* No checksum: RFC 768 lets IPv4 do without. */
		.udp = { .source = htons(DHCP_CLIENT_PORT),
			 .dest = htons(DHCP_SERVER_PORT),
			 .len = htons(sizeof(*ret) - sizeof(struct iphdr)) },
		/* Answers are to be broadcast: we have no address that they could go to. */
		.dhcp = { .op = 1, .htype = 1, .hlen = ETH_ALEN, .xid = xid, .flags = htons(0x8000) },
	};
	memcpy(ret->dhcp.chaddr, probe->mac, ETH_ALEN);
	memcpy(ret->dhcp.cookie, cookie, sizeof(cookie));
	memcpy(ret->options, options, sizeof(options));
	ret->ip.check = checksum(&ret->ip, sizeof(ret->ip), 0);
}

/* An offer to us (option 53 is 2); the server is in option 54, or the sender. */
static bool is_offer(const uint8_t *data, size_t len, uint32_t xid, struct in_addr *ret_server)
{
	struct iphdr ip;
	struct udphdr udp;
	struct dhcp dhcp;
	size_t at;
	bool offer = false;

	if (len < sizeof(ip))
		return false;
	memcpy(&ip, data, sizeof(ip));
	at = (size_t)ip.ihl * 4;
	if (ip.protocol != IPPROTO_UDP || at < sizeof(ip) || len < at + sizeof(udp) + sizeof(dhcp))
		return false;
	memcpy(&udp, data + at, sizeof(udp));
	memcpy(&dhcp, data + at + sizeof(udp), sizeof(dhcp));
	if (ntohs(udp.dest) != DHCP_CLIENT_PORT || dhcp.op != 2 || dhcp.xid != xid ||
	    memcmp(dhcp.cookie, cookie, sizeof(cookie)) != 0)
		return false;
	ret_server->s_addr = ip.saddr;
	for (at += sizeof(udp) + sizeof(dhcp); at + 2 <= len && data[at] != 255;) {
		if (data[at] == 0) {
			at++;
			continue;
		}
		if (at + 2 + data[at + 1] > len)
			break;
		if (data[at] == 53 && data[at + 1] == 1)
			offer = data[at + 2] == 2;
		if (data[at] == 54 && data[at + 1] == 4)
			memcpy(ret_server, data + at + 2, 4);
		at += 2 + (size_t)data[at + 1];
	}
	return offer;
}

int probe_dhcp_served(const char *interface, unsigned vlan, int64_t wait_ms, char **ret_server)
{
	int64_t end_ms = monotonic_ms() + wait_ms;
	struct probe probe = { .fd = -1 };
	uint8_t data[FRAME_MAX], mac[ETH_ALEN];
	struct packet discover;
	struct in_addr server;
	uint32_t xid;
	int r = probe_open(interface, vlan, &probe);

	if (r < 0)
		return r;
	random_bytes(&xid, sizeof(xid));
	make_discover(&probe, xid, &discover);
	while (r == 0 && monotonic_ms() < end_ms) {
		int64_t until_ms = MIN_OF(monotonic_ms() + DHCP_INTERVAL_MS, end_ms);
		size_t len;

		r = send_frame(&probe, everyone, ETH_P_IP, &discover, sizeof(discover));
		while (r == 0 && (len = receive_frame(&probe, ETH_P_IP, until_ms, data, mac)) > 0) {
			char text[INET_ADDRSTRLEN];

			if (!is_offer(data, len, xid, &server))
				continue;
			*ret_server = xstrdup(inet_ntop(AF_INET, &server, text, sizeof(text)));
			r = 1;
		}
	}
	close_fd(probe.fd);
	return r;
}

/* ---- whether anybody is there ---- */

/* What a switch says itself on a port that passes nothing on yet goes to 01:80:c2:00:00:0X (IEEE 802.1Q table 8-1). */
static bool is_passed_on(const uint8_t *frame, const uint8_t *own_mac)
{
	static const uint8_t link_only[5] = { 0x01, 0x80, 0xc2, 0x00, 0x00 };

	return memcmp(frame, link_only, sizeof(link_only)) != 0 && memcmp(frame + ETH_ALEN, own_mac, ETH_ALEN) != 0;
}

static bool hear_until(const struct probe *probe, int64_t until_ms)
{
	int64_t left_ms;

	while ((left_ms = until_ms - monotonic_ms()) > 0) {
		struct pollfd wait = { .fd = probe->fd, .events = POLLIN };
		uint8_t frame[FRAME_MAX];

		if (poll(&wait, 1, (int)left_ms) > 0 &&
		    recv(probe->fd, frame, sizeof(frame), MSG_DONTWAIT) >= ETH_HLEN && is_passed_on(frame, probe->mac))
			return true;
	}
	return false;
}

int probe_heard(const char *interface, int64_t until_ms)
{
	struct probe probe = { .fd = -1 };
	struct packet discover;
	uint32_t xid;
	int r = probe_open(interface, 0, &probe);

	if (r < 0)
		return r;
	random_bytes(&xid, sizeof(xid));
	make_discover(&probe, xid, &discover);
	while (r == 0 && monotonic_ms() < until_ms) {
		r = send_frame(&probe, everyone, ETH_P_IP, &discover, sizeof(discover));
		if (r == 0)
			r = hear_until(&probe, MIN_OF(monotonic_ms() + DHCP_INTERVAL_MS, until_ms));
	}
	close_fd(probe.fd);
	return r;
}
