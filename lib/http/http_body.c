/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The body of a request, in memory or in a temporary file, with its limit and its least rate. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/http_server_priv.h"

void body_begin(struct http_request *request)
{
	request->body_start_ms = loop_monotonic_ms(request->server->loop);
}

void http_request_limit_body(struct http_request *request, size_t max_bytes)
{
	request->body_max_bytes = MIN_OF(request->body_max_bytes, max_bytes);
}

static int file_open(struct http_request *request, struct err *err)
{
	if (!request->server->body_dir)
		return err_set(err, ERR_INTERNAL, "there is no folder for request bodies");
	request->body_file = xasprintf("%s/.upload-XXXXXX", request->server->body_dir);
	request->body_fd = mkostemp(request->body_file, O_CLOEXEC);
	if (request->body_fd >= 0) {
		request->body_hash = sha256_new();
		return 0;
	}
	free(TAKE_PTR(request->body_file));
	return err_set_errno(err, -errno, "cannot make a file for the request's body");
}

int http_request_body_to(struct http_request *request, const char *path, uint64_t offset_bytes, uint64_t max_bytes,
			 struct sha256 *so_far, uint64_t *ret_bytes, struct err *err)
{
	_cleanup_(sha256_free_p) struct sha256 *hash = so_far;
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set_errno(err, -errno, "cannot open %s", path);
	*ret_bytes = (uint64_t)st.st_size;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, ERR_BUSY, "somebody else is sending it; wait for that to end");
	if (offset_bytes != (uint64_t)st.st_size)
		return err_set(err, ERR_STATE,
			       "%" PRIu64 " bytes have arrived, so the next piece does not begin at %" PRIu64,
			       *ret_bytes, offset_bytes);
	request->body_fd = TAKE_FD(fd);
	request->body_hash = TAKE_PTR(hash);
	request->body_max_bytes = (size_t)(max_bytes - offset_bytes);
	return 0;
}

static int file_add(struct http_request *request, const char *data, size_t len, struct err *err)
{
	if (request->body_fd < 0) {
		int r = file_open(request, err);

		if (r < 0)
			return r;
	}
	while (len > 0) {
		ssize_t n = write(request->body_fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, -errno, "cannot keep the request's body");
		if (request->body_hash)
			sha256_update(request->body_hash, data, (size_t)n);
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int body_add(struct http_request *request, const char *data, size_t len, struct err *err)
{
	int64_t elapsed_ms = loop_monotonic_ms(request->server->loop) - request->body_start_ms;

	request->body_bytes += len;
	if (request->body_bytes > request->body_max_bytes)
		return err_set(err, ERR_TOO_LARGE, "the body is longer than %zu bytes", request->body_max_bytes);
	if (elapsed_ms >
	    request->server->idle_timeout_ms + (int64_t)(request->body_bytes * 1000 / BODY_MIN_BYTES_PER_S))
		return err_set(err, ERR_TIMEOUT, "the body comes too slowly");
	if (request->route->stream_body_to_file)
		return file_add(request, data, len, err);
	strbuf_add(&request->body, data, len);
	return 0;
}

int body_end(struct http_request *request, struct err *err)
{
	if (!request->route->stream_body_to_file)
		return 0;
	if (request->body_fd < 0) {
		int r = file_open(request, err);

		if (r < 0)
			return r;
	}
	request->body_fd = close_fd(request->body_fd);
	return 0;
}

struct sha256 *http_request_take_body_hash(struct http_request *request)
{
	return TAKE_PTR(request->body_hash);
}

void body_done(struct http_request *request)
{
	request->body_hash = sha256_free(request->body_hash);
	/* It may hold a password. */
	if (request->body.data)
		wipe(request->body.data, request->body.len);
	strbuf_done(&request->body);
	request->body_fd = close_fd(request->body_fd);
	if (request->body_file)
		unlink(request->body_file);
	free(TAKE_PTR(request->body_file));
}
