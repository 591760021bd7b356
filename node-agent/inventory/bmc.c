/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/ipmi.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "inventory/bmc.h"

/* IPMI v2.0 rev. 1.1, appendix G (network functions and commands) */
#define NETFN_APP 0x06
#define NETFN_TRANSPORT 0x0c
#define CMD_GET_CHANNEL_INFO 0x42   /* section 22.24 */
#define CMD_GET_LAN_PARAMETERS 0x02 /* section 23.2 */
#define LAN_PARAMETER_ADDRESS 3	    /* table 23-4 */
#define MEDIUM_LAN 0x04		    /* table 6-3: 802.3 LAN */
#define CHANNEL_LAST 0x0b	    /* table 6-1: what implementations may assign */
#define COMMAND_TIMEOUT_MS 2000
#define ANSWER_MAX_BYTES 64

static bool is_lan_channel(ipmi_transact_fn transact, void *ctx, uint8_t channel, int64_t deadline_ms)
{
	uint8_t answer[ANSWER_MAX_BYTES] = { 0 };
	int r = transact(NETFN_APP, CMD_GET_CHANNEL_INFO, &channel, 1, answer, sizeof(answer), deadline_ms, ctx);

	/* completion code, channel number, medium in bits 6:0 */
	return r >= 3 && answer[0] == 0 && (answer[2] & 0x7f) == MEDIUM_LAN;
}

static int channel_address(ipmi_transact_fn transact, void *ctx, uint8_t channel, int64_t deadline_ms, char **ret)
{
	uint8_t request[] = { channel, LAN_PARAMETER_ADDRESS, 0, 0 };
	uint8_t answer[ANSWER_MAX_BYTES] = { 0 };
	int r = transact(NETFN_TRANSPORT, CMD_GET_LAN_PARAMETERS, request, sizeof(request), answer, sizeof(answer),
			 deadline_ms, ctx);

	if (r < 0)
		return r;
	/* completion code, parameter revision, four bytes of address, most significant first */
	if (r < 6 || answer[0] != 0 || (answer[2] | answer[3] | answer[4] | answer[5]) == 0)
		return -ENOENT;
	*ret = xasprintf("%u.%u.%u.%u", answer[2], answer[3], answer[4], answer[5]);
	return 0;
}

int bmc_lan_address_by(ipmi_transact_fn transact, void *ctx, int64_t timeout_ms, char **ret_address)
{
	int64_t end_ms = monotonic_ms() + timeout_ms;

	for (uint8_t channel = 1; channel <= CHANNEL_LAST; channel++) {
		int64_t now_ms = monotonic_ms(), deadline_ms = MIN_OF(end_ms, now_ms + COMMAND_TIMEOUT_MS);

		if (now_ms >= end_ms)
			return -ETIMEDOUT;
		if (is_lan_channel(transact, ctx, channel, deadline_ms) &&
		    channel_address(transact, ctx, channel, deadline_ms, ret_address) == 0)
			return 0;
	}
	return -ENOENT;
}

/* ---- the kernel's driver ---- */

static int ipmi_send(int fd, long id, uint8_t netfn, uint8_t command, const uint8_t *data, size_t len)
{
	struct ipmi_system_interface_addr bmc = {
		.addr_type = IPMI_SYSTEM_INTERFACE_ADDR_TYPE,
		.channel = IPMI_BMC_CHANNEL,
	};
	struct ipmi_req request = {
		.addr = (unsigned char *)&bmc,
		.addr_len = sizeof(bmc),
		.msgid = id,
		.msg = { .netfn = netfn,
			 .cmd = command,
			 .data_len = (unsigned short)len,
			 .data = (unsigned char *)data },
	};

	return ioctl(fd, IPMICTL_SEND_COMMAND, &request) < 0 ? -errno : 0;
}

/* The next message of the driver, whichever it is. *ret_id: of the request it answers, -1 for anything else. */
static int ipmi_receive(int fd, long *ret_id, uint8_t *answer, size_t answer_max)
{
	struct ipmi_addr from;
	struct ipmi_recv message = {
		.addr = (unsigned char *)&from,
		.addr_len = sizeof(from),
		.msg = { .data = answer, .data_len = (unsigned short)answer_max },
	};

	if (ioctl(fd, IPMICTL_RECEIVE_MSG_TRUNC, &message) < 0 && errno != EMSGSIZE)
		return -errno;
	*ret_id = message.recv_type == IPMI_RESPONSE_RECV_TYPE ? message.msgid : -1;
	return message.msg.data_len;
}

static int ipmi_transact(uint8_t netfn, uint8_t command, const uint8_t *data, size_t len, uint8_t *answer,
			 size_t answer_max, int64_t deadline_ms, void *ctx)
{
	static _Atomic long last_id;
	long id = ++last_id;
	int fd = *(int *)ctx;
	int r = ipmi_send(fd, id, netfn, command, data, len);

	while (r >= 0) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		int64_t left_ms = deadline_ms - monotonic_ms();
		long answered = -1;

		if (left_ms <= 0)
			return -ETIMEDOUT;
		r = poll(&wait, 1, (int)left_ms);
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r <= 0) {
			r = 0;
			continue;
		}
		r = ipmi_receive(fd, &answered, answer, answer_max);
		/* An answer to a command that was given up on may still come. */
		if (r >= 0 && answered == id)
			return r;
		if (r == -EAGAIN)
			r = 0;
	}
	return r;
}

int bmc_lan_address(const char *sysroot, int64_t timeout_ms, char **ret_address)
{
	_cleanup_free_ char *path = xasprintf("%s/dev/ipmi0", sysroot);
	_cleanup_close_ int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ENXIO ? -ENODEV : -errno;
	return bmc_lan_address_by(ipmi_transact, &fd, timeout_ms, ret_address);
}
