/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A connection to the real server on loopback. The head of the first request is read here as well, in the plainest way: one
 * whose end two readers may see in different places must not be taken (RFC 9112 section 6.3, and 5.1 for the colon). */
#include <strings.h>

#include "base/log.h"
#include "fuzz_raw.h"
#include "http/http_server.h"

#define BODY_MAX_BYTES 64

static struct loop *loop;
static uint16_t port;
static bool taken; /* the first request was handled */
static unsigned requests;

static void handle(struct http_request *request, void *data)
{
	size_t len = 0;

	http_request_body(request, &len);
	assert(len <= BODY_MAX_BYTES);
	assert(len == 0 || str_equal(http_request_method(request), "POST"));
	taken = taken || requests == 0;
	requests++;
	http_answer_data(request, 200, "text/plain", "taken", 5, NULL);
}

static const struct http_route routes[] = {
	{ .method = "GET", .path = "/", .handler = handle },
	{ .method = "POST", .path = "/", .handler = handle, .body_max_bytes = BODY_MAX_BYTES },
	{ 0 },
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct http_server *server; /* for good: the process ends with it */
	_cleanup_err_ struct err err = ERR_INIT;
	struct http_server_spec spec = { .routes = routes, .address = "127.0.0.1", .listen_fd = -1 };

	log_set_quiet(true);
	spec.loop = loop = loop_new(1);
	if (http_server_new(&spec, &server, &err) < 0)
		abort();
	port = http_server_port(server);
	return 0;
}

static void quit(void *data)
{
	loop_quit(loop, 0);
}

/* What is there for the server is there at once: a few rounds see it through. */
static void run_rounds(void)
{
	for (unsigned i = 0; i < 16; i++) {
		loop_post(loop, quit, NULL);
		loop_run(loop);
	}
}

struct reading {
	unsigned lengths, encodings, hosts;
	bool odd_name, odd_line; /* white space before the colon; a line of two */
};

static void read_field(const char *line, size_t len, struct reading *reading)
{
	const char *colon = memchr(line, ':', len);
	size_t name = colon ? (size_t)(colon - line) : len;

	reading->lengths += colon && name == 14 && strncasecmp(line, "Content-Length", 14) == 0;
	reading->encodings += colon && name == 17 && strncasecmp(line, "Transfer-Encoding", 17) == 0;
	reading->hosts += colon && name == 4 && strncasecmp(line, "Host", 4) == 0;
	reading->odd_name |= colon && name > 0 && (line[name - 1] == ' ' || line[name - 1] == '\t');
}

/* Lines end with LF, and perhaps CR before it. False if the head has no end. */
static bool read_head(const char *text, size_t size, struct reading *reading)
{
	for (size_t at = 0, lines = 0; at < size; lines++) {
		const char *line = text + at, *end = memchr(line, '\n', size - at);
		size_t len = end ? (size_t)(end - line) : 0;

		if (!end)
			return false;
		at += len + 1;
		len -= len > 0 && line[len - 1] == '\r';
		if (len == 0 || (lines > 0 && line[0] == ':')) /* see lib/http/README.md */
			return true;
		if (lines == 0)
			continue;
		reading->odd_line |= line[0] == ' ' || line[0] == '\t' || memchr(line, '\r', len);
		read_field(line, len, reading);
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_strbuf_ struct strbuf answer = { 0 };
	struct reading reading = { 0 };
	int fd = raw_connect(port, data, size);

	taken = false;
	requests = 0;
	run_rounds();
	answer = raw_read(fd, MSG_DONTWAIT);
	close(fd);
	run_rounds(); /* the server sees it leave */
	assert(!taken || str_starts(answer.data, "HTTP/1.1 200") || str_starts(answer.data, "HTTP/1.1 100"));
	if (size == 0 || data[0] == '\r' || data[0] == '\n' || memchr(data, 0, size) ||
	    !read_head((const char *)data, size, &reading))
		return 0;
	assert(!taken || reading.lengths + reading.encodings <= 1);
	assert(!taken || (!reading.odd_name && !reading.odd_line));
	assert(!taken || reading.hosts <= 1);
	return 0;
}
