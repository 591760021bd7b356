/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The floor of an HTTPS answer: libmicrohttpd on one thread, which gives the same bytes to every request.
 *
 *     bench-http CERTIFICATE KEY BODY
 *
 * Listens on a port of 127.0.0.1, prints its number, and serves until its standard input ends. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/util.h"

#define FILE_MAX_BYTES (64 * MIB)

static enum MHD_Result answer(void *data, struct MHD_Connection *connection, const char *url, const char *method,
			      const char *version, const char *upload, size_t *upload_len, void **state)
{
	/* Answered at the first call, which comes before the request's end, the connection would be closed. */
	if (!*state) {
		*state = data;
		return MHD_YES;
	}
	return MHD_queue_response(connection, MHD_HTTP_OK, data);
}

static char *read_or_exit(const char *path, size_t *ret_len)
{
	char *data = NULL;

	if (read_file(path, FILE_MAX_BYTES, &data, ret_len) < 0) {
		fprintf(stderr, "bench-http: cannot read %s\n", path);
		exit(1);
	}
	return data;
}

int main(int argc, char **argv)
{
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	size_t len = 0, unused;
	char byte;

	if (argc != 4) {
		fprintf(stderr, "usage: bench-http CERTIFICATE KEY BODY\n");
		return 2;
	}
	_cleanup_free_ char *cert = read_or_exit(argv[1], &unused), *key = read_or_exit(argv[2], &unused);
	_cleanup_free_ char *body = read_or_exit(argv[3], &len);
	struct MHD_Response *response = MHD_create_response_from_buffer(len, body, MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(response, "Content-Type", "application/json");
	struct MHD_Daemon *daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS, 0, NULL, NULL, answer, response, MHD_OPTION_SOCK_ADDR,
		&address, MHD_OPTION_HTTPS_MEM_CERT, cert, MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_END);
	const union MHD_DaemonInfo *info = daemon ? MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
	if (!info) {
		fprintf(stderr, "bench-http: libmicrohttpd does not start\n");
		return 1;
	}
	printf("%u\n", info->port);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	MHD_stop_daemon(daemon);
	MHD_destroy_response(response);
	return 0;
}
