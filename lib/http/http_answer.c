/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>

#include "http/http_server_priv.h"

/* ---- responses ---- */

void response_add_headers(struct MHD_Response *response, const char *const *headers)
{
	for (; headers && *headers; headers++) {
		const char *colon = strchr(*headers, ':');
		_cleanup_free_ char *name = colon ? xstrndup(*headers, (size_t)(colon - *headers)) : NULL;

		/* One with a line break in it is refused by the daemon. */
		if (name)
			MHD_add_response_header(response, name, colon + 1 + strspn(colon + 1, " "));
	}
}

/* What an answer has unless its sender says otherwise: a field that is no list comes once (RFC 9110 section 5.3). */
static void response_default(struct MHD_Response *response, const char *const *headers, const char *name,
			     const char *value)
{
	size_t len = strlen(name);

	for (; headers && *headers; headers++)
		if (strncasecmp(*headers, name, len) == 0 && (*headers)[len] == ':')
			return;
	MHD_add_response_header(response, name, value);
}

static void response_set_type(struct MHD_Response *response, const char *type)
{
	if (type)
		MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
}

static struct MHD_Response *response_new(void *data, size_t len, enum MHD_ResponseMemoryMode mode, const char *type)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(len, data, mode);

	if (!response)
		abort(); /* out of memory */
	response_set_type(response, type);
	return response;
}

static struct MHD_Response *json_response(json_t *json, const char *type)
{
	char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	if (json && !text)
		abort(); /* out of memory: what is in a json_t can be written */
	json_decref(json);
	return response_new(text, text ? strlen(text) : 0, MHD_RESPMEM_MUST_FREE, text ? type : NULL);
}

/* The text may quote bytes from outside, which need not be UTF-8 and must not cost the whole answer. */
static json_t *json_text(const char *text)
{
	json_t *json = json_string(text);
	_cleanup_free_ char *ascii = NULL;

	if (json)
		return json;
	ascii = xstrdup(text);
	for (char *p = ascii; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return json_string(ascii);
}

struct MHD_Response *problem_response(const struct err *err, int *inout_status, const char *const *headers)
{
	const struct err_meaning *meaning = err_meaning(err->code);
	_cleanup_free_ char *type = xasprintf("urn:ingot:error:%s", meaning->name);
	struct MHD_Response *response;
	json_t *json;

	if (*inout_status == 0)
		*inout_status = meaning->http_status;
	json = json_pack("{s:s, s:s, s:i, s:o, s:s}", "type", type, "title", meaning->title, "status", *inout_status,
			 "detail", json_text(str_or(err->text, meaning->title)), "code", meaning->name);
	if (!json)
		abort(); /* out of memory */
	if (err->field)
		json_object_set_new(json, "field", json_text(err->field));
	response = json_response(json, "application/problem+json");
	response_default(response, headers, "Cache-Control", "no-store");
	if (*inout_status == 401) /* RFC 9110 section 11.6.1 */
		response_default(response, headers, "WWW-Authenticate", "Bearer");
	if (*inout_status == 503)
		response_default(response, headers, "Retry-After", "1");
	return response;
}

/* ---- giving them ---- */

void request_answer(struct http_request *request, int status, struct MHD_Response *response, const char *const *headers)
{
	if (request->held) {
		/* The client left, and this holder could not know. */
		request->held = false;
		MHD_destroy_response(response);
		if (request->conn)
			list_remove(&request->link); /* freed when the connection is done with it */
		else
			request_free(request);
		return;
	}
	assert(request->phase == REQUEST_HANDLING || request->phase == REQUEST_WAITING); /* exactly one answer */
	response_add_headers(response, headers);
	request->status = status;
	request->response = response;
	if (request->phase == REQUEST_WAITING) {
		list_remove(&request->link);
		request->watch = loop_io_free(request->watch);
		MHD_resume_connection(request->conn->mhd);
		server_run_soon(request->server);
	}
	request->phase = REQUEST_ANSWERED;
}

void http_answer_json(struct http_request *request, int status, json_t *json, const char *const *headers)
{
	struct MHD_Response *response = json_response(json, "application/json");

	response_default(response, headers, "Cache-Control", "no-store");
	request_answer(request, status, response, headers);
}

void http_answer_problem_with(struct http_request *request, const struct err *err, const char *const *headers)
{
	int status = 0;
	struct MHD_Response *response = problem_response(err, &status, headers);

	request_answer(request, status, response, headers);
}

void http_answer_problem(struct http_request *request, const struct err *err)
{
	http_answer_problem_with(request, err, NULL);
}

void http_answer_file(struct http_request *request, int status, const char *content_type, int fd, uint64_t size_bytes,
		      const char *const *headers)
{
	struct MHD_Response *response = MHD_create_response_from_fd64(size_bytes, fd); /* takes fd */

	if (!response)
		abort(); /* out of memory */
	response_set_type(response, content_type);
	request_answer(request, status, response, headers);
}

void http_answer_data(struct http_request *request, int status, const char *content_type, const void *data, size_t len,
		      const char *const *headers)
{
	request_answer(request, status, response_new((void *)data, len, MHD_RESPMEM_MUST_COPY, content_type), headers);
}
