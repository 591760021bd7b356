/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "installer/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
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
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0)
		return -errno;
	memcpy(probe.mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
	probe.fd = TAKE_FD(fd);
	*ret = probe;
	return 0;
}

/* To everyone. */
static int send_frame(const struct probe *probe, uint16_t type, const void *data, size_t len)
{
	uint8_t frame[FRAME_MAX];
	uint16_t words[3] = { htons(ETH_P_8021Q), htons((uint16_t)probe->vlan), htons(type) };
	size_t at = 2 * ETH_ALEN, skip = probe->vlan ? 0 : VLAN_TAG_BYTES;

	memcpy(frame, everyone, ETH_ALEN);
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

/* The next frame of this type and VLAN until the deadline: its payload's length, 0 if none came. Others' frames only. */
static size_t receive_frame(const struct probe *probe, uint16_t type, int64_t deadline_ms, uint8_t *data)
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
		return (size_t)n - at;
	}
	return 0;
}

/* ---- ARP ---- */

static void make_arp(const struct probe *probe, struct in_addr address, struct ether_arp *ret)
{
	*ret = (struct ether_arp){
		.ea_hdr = { .ar_hrd = htons(ARPHRD_ETHER),
			    .ar_pro = htons(ETH_P_IP),
			    .ar_hln = ETH_ALEN,
			    .ar_pln = 4,
			    .ar_op = htons(ARPOP_REQUEST) },
	};
	memcpy(ret->arp_sha, probe->mac, ETH_ALEN);
	memcpy(ret->arp_tpa, &address, 4);
}

/* Someone has the address, or is about to take it (RFC 5227 section 2.1.1). */
static bool is_conflict(const uint8_t *data, size_t len, struct in_addr address, struct ether_arp *ret)
{
	static const uint8_t nobody[4];

	if (len < sizeof(*ret))
		return false;
	memcpy(ret, data, sizeof(*ret));
	return memcmp(ret->arp_spa, &address, 4) == 0 ||
	       (ntohs(ret->ea_hdr.ar_op) == ARPOP_REQUEST && memcmp(ret->arp_spa, nobody, 4) == 0 &&
		memcmp(ret->arp_tpa, &address, 4) == 0);
}

int probe_address_taken(const char *interface, unsigned vlan, struct in_addr address, char **ret_mac)
{
	struct probe probe = { .fd = -1 };
	struct ether_arp question, answer;
	uint8_t data[FRAME_MAX];
	int r = probe_open(interface, vlan, &probe);

	if (r < 0)
		return r;
	make_arp(&probe, address, &question);
	for (unsigned i = 0; r == 0 && i < PROBE_COUNT; i++) {
		int64_t until_ms = monotonic_ms() + (i + 1 < PROBE_COUNT ? PROBE_INTERVAL_MS : PROBE_LAST_MS);
		size_t len;

		r = send_frame(&probe, ETH_P_ARP, &question, sizeof(question));
		while (r == 0 && (len = receive_frame(&probe, ETH_P_ARP, until_ms, data)) > 0) {
			if (!is_conflict(data, len, address, &answer))
				continue;
			*ret_mac =
				xasprintf("%02x:%02x:%02x:%02x:%02x:%02x", answer.arp_sha[0], answer.arp_sha[1],
					  answer.arp_sha[2], answer.arp_sha[3], answer.arp_sha[4], answer.arp_sha[5]);
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

/* RFC 1071 */
static uint16_t checksum(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

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
	ret->ip.check = checksum(&ret->ip, sizeof(ret->ip));
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
	uint8_t data[FRAME_MAX];
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

		r = send_frame(&probe, ETH_P_IP, &discover, sizeof(discover));
		while (r == 0 && (len = receive_frame(&probe, ETH_P_IP, until_ms, data)) > 0) {
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
