/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A raw client of a server on loopback, and free ports for one that cannot choose. */
#ifndef INGOT_TESTS_FUZZ_RAW_H
#define INGOT_TESTS_FUZZ_RAW_H

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static inline struct sockaddr_in raw_address(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* Connected; what is said is there for the server at once. The caller closes. */
static inline int raw_connect(uint16_t port, const void *data, size_t size)
{
	const struct sockaddr_in address = raw_address(port);
	const struct linger reset = { .l_onoff = 1 }; /* thousands of closed connections would use up the ports */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		abort();
	/* A server that refuses may have closed already. */
	(void)!send(fd, data, size, MSG_NOSIGNAL);
	return fd;
}

/* All that is there (flags: MSG_DONTWAIT), or all that comes until the server closes (0). */
static inline struct strbuf raw_read(int fd, int flags)
{
	struct strbuf answer = { 0 };
	char buffer[65536];
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof(buffer), flags)) > 0)
		strbuf_add(&answer, buffer, (size_t)n);
	strbuf_add(&answer, "", 0);
	return answer;
}

/* A port that is free now; another may take it before we do. */
static inline uint16_t raw_free_port(void)
{
	struct sockaddr_in address = raw_address(0);
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(address);

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		abort();
	return ntohs(address.sin_port);
}

#endif
