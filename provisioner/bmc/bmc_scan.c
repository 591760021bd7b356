/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding BMCs: RMCP/ASF presence ping and pong (ASF 2.0, DSP0136, sections 3.2.4.2 and 3.2.4.3). */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/log.h"
#include "bmc_priv.h"

#define ROUNDS 3 /* pings a silent address gets */
#define TICK_MS 20
#define GRACE_MS 1000 /* answers that wait in the socket at the end are still read, no longer than that */

enum {
	RMCP_VERSION = 0x06,
	RMCP_NO_ACK = 0xff,
	RMCP_CLASS_ASF = 0x06,
	ASF_PING = 0x80,
	ASF_PONG = 0x40,
	PONG_IPMI = 0x80, /* in "supported entities" */
	PING_SIZE = 12,
	PONG_SIZE = 28,
};
static const uint8_t asf_iana[4] = { 0x00, 0x00, 0x11, 0xbe };

struct scan_address {
	struct sockaddr_in to;
	bool found;
};

struct bmc_scan {
	struct loop *loop;
	struct scan_address *addresses;
	unsigned count;
	unsigned sent;		  /* of count * ROUNDS */
	int64_t start_ms, end_ms; /* monotonic */
	int fd;
	struct loop_io *io;
	struct loop_timer *timer;
	bmc_found_fn found;
	loop_fn done;
	void *data;
};

/* ---- ranges ---- */

static int collect(struct bmc_scan *scan, const char *const *ranges, struct err *err)
{
	for (unsigned i = 0; ranges && ranges[i]; i++) {
		struct bmc_addresses range = { 0 };
		int r = bmc_addresses_parse(ranges[i], &range, err);

		if (r < 0)
			return r;
		if (scan->count + range.count > BMC_ADDRESSES_MAX)
			return err_set(err, ERR_INVALID, "the ranges have more than %d addresses", BMC_ADDRESSES_MAX);
		scan->addresses = xrealloc(scan->addresses, (scan->count + range.count) * sizeof(*scan->addresses));
		for (uint32_t n = 0; n < range.count; n++) {
			struct scan_address *address = &scan->addresses[scan->count++];

			*address = (struct scan_address){
				.to = { .sin_family = AF_INET,
					.sin_port = htons(range.port),
					.sin_addr.s_addr = htonl(range.first + n) },
			};
		}
	}
	if (scan->count == 0)
		return err_set(err, ERR_INVALID, "there is no address to scan");
	return 0;
}

/* ---- packets ---- */

static void send_ping(struct bmc_scan *scan, unsigned index)
{
	const uint8_t ping[PING_SIZE] = {
		RMCP_VERSION,
		0,
		RMCP_NO_ACK,
		RMCP_CLASS_ASF,
		asf_iana[0],
		asf_iana[1],
		asf_iana[2],
		asf_iana[3],
		ASF_PING,
		(uint8_t)(index % 255),
		0,
		0, /* tag 255 would mean "no answer wanted" */
	};
	const struct sockaddr_in *to = &scan->addresses[index].to;

	/* An error here (no route, neighbour table full) is the same as silence, and the next round tries again. */
	if (sendto(scan->fd, ping, sizeof(ping), MSG_DONTWAIT, (const struct sockaddr *)to, sizeof(*to)) < 0)
		log_debug("bmc scan: ping: %s", strerror(errno));
}

static bool is_pong(const uint8_t *packet, size_t len, unsigned index)
{
	return len >= PONG_SIZE && packet[0] == RMCP_VERSION && packet[3] == RMCP_CLASS_ASF &&
	       memcmp(packet + 4, asf_iana, sizeof(asf_iana)) == 0 && packet[8] == ASF_PONG &&
	       packet[9] == index % 255 && packet[11] >= PONG_SIZE - PING_SIZE && (packet[20] & PONG_IPMI);
}

static struct scan_address *address_find(struct bmc_scan *scan, const struct sockaddr_in *from)
{
	for (unsigned i = 0; i < scan->count; i++) {
		const struct sockaddr_in *to = &scan->addresses[i].to;

		if (to->sin_addr.s_addr == from->sin_addr.s_addr && to->sin_port == from->sin_port)
			return &scan->addresses[i];
	}
	return NULL;
}

/* One packet a call, and found() last: the caller may end the scan in it. */
static void on_packet(int fd, uint32_t events, void *data)
{
	struct bmc_scan *scan = data;
	struct sockaddr_in from = { 0 };
	socklen_t from_len = sizeof(from);
	uint8_t packet[64];
	ssize_t len = recvfrom(fd, packet, sizeof(packet), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
	_cleanup_free_ char *text = NULL;
	struct scan_address *address;

	if (len < 0 || from_len < sizeof(from))
		return;
	address = address_find(scan, &from);
	if (!address || address->found || !is_pong(packet, (size_t)len, (unsigned)(address - scan->addresses)))
		return;
	address->found = true;
	text = bmc_address_format(&address->to);
	scan->found(text, scan->data);
}

/* ---- time ---- */

/* How many pings should have left by now. They are spread over two thirds of the time, because each silent neighbour
 * holds an entry of the kernel's table for seconds. */
static unsigned due(const struct bmc_scan *scan, int64_t now_ms)
{
	int64_t total = (int64_t)scan->count * ROUNDS;
	int64_t spread_ms = MAX_OF((scan->end_ms - scan->start_ms) * 2 / 3, 1);
	int64_t n = total * (now_ms - scan->start_ms + TICK_MS) / spread_ms + 1;

	return (unsigned)MIN_OF(n, total);
}

static bool answers_wait(const struct bmc_scan *scan)
{
	struct pollfd wait = { .fd = scan->fd, .events = POLLIN };

	return poll(&wait, 1, 0) > 0;
}

static void on_tick(void *data)
{
	struct bmc_scan *scan = data;
	int64_t now_ms = loop_monotonic_ms(scan->loop);

	scan->timer = NULL;
	if (now_ms >= scan->end_ms && (now_ms >= scan->end_ms + GRACE_MS || !answers_wait(scan))) {
		scan->io = loop_io_free(scan->io);
		if (scan->done)
			scan->done(scan->data);
		return;
	}
	for (unsigned until = due(scan, now_ms); scan->sent < until; scan->sent++) {
		unsigned index = scan->sent % scan->count;

		if (!scan->addresses[index].found)
			send_ping(scan, index);
	}
	scan->timer = loop_timer_new(scan->loop,
				     scan->sent < scan->count * ROUNDS ? TICK_MS : MAX_OF(scan->end_ms - now_ms, 1),
				     on_tick, scan);
}

int bmc_scan_start(struct loop *loop, const char *const *ranges, int64_t deadline_ms, bmc_found_fn found, loop_fn done,
		   void *data, struct bmc_scan **ret, struct err *err)
{
	struct bmc_scan *scan = new0(struct bmc_scan, 1);
	int r;

	scan->fd = -1;
	r = collect(scan, ranges, err);
	if (r < 0) {
		bmc_scan_free(scan);
		return r;
	}
	scan->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (scan->fd < 0) {
		r = err_set_errno(err, -errno, "cannot open a UDP socket");
		bmc_scan_free(scan);
		return r;
	}
	scan->loop = loop;
	scan->found = found;
	scan->done = done;
	scan->data = data;
	scan->start_ms = loop_monotonic_ms(loop);
	scan->end_ms = scan->start_ms + deadline_ms;
	scan->io = loop_io_new(loop, scan->fd, EPOLLIN, on_packet, scan);
	scan->timer = loop_timer_new(loop, 0, on_tick, scan);
	*ret = scan;
	return 0;
}

struct bmc_scan *bmc_scan_free(struct bmc_scan *scan)
{
	if (!scan)
		return NULL;
	loop_timer_free(scan->timer);
	loop_io_free(scan->io);
	close_fd(scan->fd);
	free(scan->addresses);
	free(scan);
	return NULL;
}
