/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One call: its request, its answer, its events. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/http_client_priv.h"
#include "http/http_server.h" /* http_json_parse() */

struct http_call {
	struct transfer transfer;
	struct http_client *client;
	struct list link, dirty_link;
	CURL *easy;
	char error_text[CURL_ERROR_SIZE];
	struct curl_slist *headers;
	char *body;
	int body_fd;
	struct strbuf data; /* the answer's body, or bytes of the event stream */
	size_t data_max_bytes;
	bool too_large;
	bool is_stream; /* the answer is one of events */
	struct sse_parser sse;
	void (*event)(const char *id, const char *event, const char *payload, void *data);
	void (*upload_progress)(uint64_t done_bytes, uint64_t total_bytes, void *data);
	uint64_t sent_bytes, told_bytes, total_bytes;
	uint64_t body_offset_bytes;
	http_done_fn done;
	void *user;
	bool completed;
	struct err err; /* why there is no answer */
	unsigned depth;
	bool dead;
};

struct http_call *call_of_dirty_link(struct list *link)
{
	return CONTAINER_OF(link, struct http_call, dirty_link);
}

static void call_dirty(struct http_call *call)
{
	list_remove(&call->dirty_link);
	list_append(&call->client->dirty, &call->dirty_link);
}

/* Lets go of all but the struct itself, which goes when nothing on the stack uses it. */
static void call_release(struct http_call *call)
{
	/* The analyzer does not follow that what is freed has left the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	if (call->dead)
		return;
	call->dead = true;
	list_remove(&call->link);
	list_remove(&call->dirty_link);
	client_easy_free(call->client, TAKE_PTR(call->easy));
	curl_slist_free_all(call->headers);
	if (call->body)
		wipe(call->body, strlen(call->body));
	free(call->body);
	close_fd(call->body_fd);
}

static void call_settle(struct http_call *call)
{
	if (!call->dead || call->depth > 0)
		return;
	strbuf_done(&call->data);
	sse_parser_done(&call->sse);
	err_done(&call->err);
	free(call);
}

struct http_call *http_call_free(struct http_call *call)
{
	if (!call)
		return NULL;
	call_release(call);
	call_settle(call);
	return NULL;
}

void calls_abandon(struct http_client *client)
{
	while (!list_empty(&client->calls))
		http_call_free(CONTAINER_OF(client->calls.next, struct http_call, link));
}

/* ---- what libcurl calls: notes only ---- */

static size_t on_data(char *bytes, size_t size, size_t count, void *user)
{
	struct http_call *call = user;
	size_t len = size * count;

	if (call->data.len + len > call->data_max_bytes) {
		call->too_large = true;
		return 0;
	}
	strbuf_add(&call->data, bytes, len);
	if (call->event) {
		const char *type = NULL;
		long status = 0;

		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type);
		call->is_stream = status == 200 && type && str_starts(type, "text/event-stream");
		call_dirty(call);
	}
	return len;
}

static size_t on_read(char *bytes, size_t size, size_t count, void *user)
{
	struct http_call *call = user;
	ssize_t n = read(call->body_fd, bytes, size * count);

	return n < 0 ? CURL_READFUNC_ABORT : (size_t)n;
}

static int on_seek(void *user, curl_off_t offset, int origin)
{
	struct http_call *call = user;

	if (origin == SEEK_SET)
		offset += (curl_off_t)call->body_offset_bytes;
	return lseek(call->body_fd, offset, origin) < 0 ? CURL_SEEKFUNC_FAIL : CURL_SEEKFUNC_OK;
}

static int on_progress(void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	struct http_call *call = user;

	call->sent_bytes = (uint64_t)up;
	if (call->sent_bytes != call->told_bytes)
		call_dirty(call);
	return 0;
}

static void on_finished(struct transfer *transfer, CURLcode result)
{
	struct http_call *call = CONTAINER_OF(transfer, struct http_call, transfer);

	call->completed = true;
	if (result != CURLE_OK) {
		if (call->too_large)
			err_set(&call->err, ERR_TOO_LARGE, "the answer is longer than %zu bytes", call->data_max_bytes);
		else
			curl_err(&call->err, call->easy, result, call->error_text);
	}
	call_dirty(call);
}

/* ---- telling ---- */

void problem_err(struct err *err, int status, json_t *json)
{
	const char *name = json_string_value(json_object_get(json, "code"));
	const char *detail = json_string_value(json_object_get(json, "detail"));
	const char *title = json_string_value(json_object_get(json, "title"));
	const char *field = json_string_value(json_object_get(json, "field"));
	enum err_code code = err_code_from_name(name);

	/* A word that we do not know is less than the status that we do. */
	if (!str_equal(err_meaning(code)->name, name) || code == ERR_NONE)
		code = err_code_from_http(status);
	if (!detail)
		detail = title;
	if (detail && field)
		err_set_field(err, code, field, "%s", detail);
	else if (detail)
		err_set(err, code, "%s", detail);
	else
		err_set(err, code, "the server answered with status %d", status);
}

static const char *answer_header(const struct http_call *call, const char *name)
{
	struct curl_header *header;

	return curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value : NULL;
}

static bool is_json_type(const char *type)
{
	size_t len = type ? strcspn(type, "; ") : 0;

	return (len >= 16 && strncasecmp(type, "application/json", 16) == 0) ||
	       (len > 5 && strncasecmp(type + len - 5, "+json", 5) == 0);
}

static void call_finish(struct http_call *call)
{
	struct http_response response = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;
	json_t *json = NULL;
	long status = 0;

	err_move(&err, &call->err);
	if (err.code == ERR_NONE)
		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	response.status = (int)status;
	if (status > 0 && !call->is_stream) {
		response.data = call->data.data;
		response.len = call->data.len;
		response.location = answer_header(call, "Location");
		response.etag = answer_header(call, "ETag");
		if (call->data.len > 0 && is_json_type(answer_header(call, "Content-Type")) &&
		    http_json_parse(call->data.data, call->data.len, &json, &err) < 0) {
			err_prefix(&err, "the server's answer");
			err.code = ERR_INTERNAL;
		}
		response.json = json;
		if (status < 200 || status > 299)
			problem_err(&err, response.status, json);
	}
	if (call->done)
		call->done(&response, &err, call->user);
	json_decref(json);
	call_release(call);
}

/* One event after another, as long as the call is wanted. */
static void call_tell_events(struct http_call *call)
{
	_cleanup_strbuf_ struct strbuf bytes = call->data;
	const char *at = bytes.data;
	size_t len = bytes.len;
	struct sse_event event;
	int r = 0;

	call->data = (struct strbuf){ 0 };
	while (!call->dead && len > 0 && (r = sse_parser_next(&call->sse, &at, &len, &event)) > 0)
		call->event(event.id, event.event, event.payload, call->user);
	if (r < 0 && !call->dead) {
		call->completed = true;
		err_set(&call->err, ERR_TOO_LARGE, "an event is longer than %" PRIu64 " bytes",
			(uint64_t)SSE_EVENT_MAX_BYTES);
	}
}

void call_dispatch(struct http_call *call)
{
	list_remove(&call->dirty_link);
	call->depth++;
	if (call->upload_progress && call->sent_bytes != call->told_bytes) {
		call->told_bytes = call->sent_bytes;
		call->upload_progress(call->sent_bytes, call->total_bytes, call->user);
	}
	if (!call->dead && call->is_stream)
		call_tell_events(call);
	if (!call->dead && call->completed)
		call_finish(call);
	call->depth--;
	call_settle(call);
}

/* ---- making ---- */

static void add_header(struct http_call *call, const char *text)
{
	call->headers = curl_slist_append(call->headers, text);
	if (!call->headers)
		abort(); /* out of memory */
}

static int set_headers(struct http_call *call, const struct http_call_spec *spec, struct err *err)
{
	add_header(call, call->event ? "Accept: text/event-stream" : "Accept: application/json");
	add_header(call, "User-Agent: ingot/" INGOT_VERSION);
	_cleanup_free_ char *body_type =
		xasprintf("Content-Type: %s", str_or(spec->body_type, "application/octet-stream"));

	add_header(call, spec->json ? "Content-Type: application/json" : spec->body_file ? body_type : "Content-Type:");
	if (call->client->bearer) {
		char *text = xasprintf("Authorization: Bearer %s", call->client->bearer);

		add_header(call, text);
		wipe(text, strlen(text));
		free(text);
	}
	for (const char *const *header = spec->headers; header && *header; header++) {
		if (!header_value_clean(*header))
			return err_set(err, ERR_INVALID, "a header has forbidden characters");
		add_header(call, *header);
	}
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
	return 0;
}

static int set_body_file(struct http_call *call, const char *path, uint64_t offset_bytes, struct err *err)
{
	struct stat st;

	call->body_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (call->body_fd < 0 || fstat(call->body_fd, &st) < 0)
		return err_set_errno(err, -errno, "cannot read %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "%s is not a file", path);
	if (offset_bytes > (uint64_t)st.st_size || lseek(call->body_fd, (off_t)offset_bytes, SEEK_SET) < 0)
		return err_set(err, ERR_INVALID, "%s has less than %" PRIu64 " bytes", path, offset_bytes);
	call->body_offset_bytes = offset_bytes;
	call->total_bytes = (uint64_t)st.st_size - offset_bytes;
	curl_easy_setopt(call->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(call->easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(call->easy, CURLOPT_READDATA, call);
	curl_easy_setopt(call->easy, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(call->easy, CURLOPT_SEEKDATA, call);
	curl_easy_setopt(call->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->total_bytes);
	return 0;
}

static int set_body(struct http_call *call, const struct http_call_spec *spec, struct err *err)
{
	bool wants_body =
		str_equal(spec->method, "POST") || str_equal(spec->method, "PUT") || str_equal(spec->method, "PATCH");

	if (spec->body_file) {
		int r = set_body_file(call, spec->body_file, spec->body_offset_bytes, err);

		if (r < 0)
			return r;
	} else if (spec->json || wants_body) {
		call->body = spec->json ? json_dumps(spec->json, JSON_COMPACT | JSON_ENCODE_ANY) : xstrdup("");
		if (!call->body)
			abort(); /* out of memory */
		curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body);
		curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(call->body));
	} else if (str_equal(spec->method, "HEAD")) {
		curl_easy_setopt(call->easy, CURLOPT_NOBODY, 1L);
		return 0;
	}
	curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, spec->method);
	return 0;
}

static int call_start(struct http_call *call, const struct http_call_spec *spec, struct err *err)
{
	int64_t deadline_ms = spec->deadline_ms > 0 ? spec->deadline_ms : spec->event ? 0 : DEADLINE_DEFAULT_MS;
	int r = client_easy_new(call->client, spec->url, &call->transfer, &call->easy, err);

	if (r >= 0)
		r = set_headers(call, spec, err);
	if (r >= 0)
		r = set_body(call, spec, err);
	if (r < 0)
		return r;
	curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->error_text);
	curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, (long)MIN_OF(deadline_ms, (int64_t)INT32_MAX));
	if (spec->upload_progress) {
		curl_easy_setopt(call->easy, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(call->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
		curl_easy_setopt(call->easy, CURLOPT_XFERINFODATA, call);
	}
	if (curl_multi_add_handle(call->client->multi, call->easy) != CURLM_OK)
		return err_set(err, ERR_INTERNAL, "cannot start the call");
	return 0;
}

struct http_call *http_call_new(struct http_client *client, const struct http_call_spec *spec)
{
	struct http_call *call = new0(struct http_call, 1);

	call->transfer.finished = on_finished;
	call->client = client;
	call->body_fd = -1;
	call->event = spec->event;
	call->upload_progress = spec->upload_progress;
	call->done = spec->done;
	call->user = spec->data;
	call->data_max_bytes = MIN_OF(spec->response_max_bytes ? spec->response_max_bytes : RESPONSE_MAX_DEFAULT_BYTES,
				      HTTP_RESPONSE_MAX_BYTES);
	list_init(&call->dirty_link);
	list_init(&call->link);
	list_append(&client->calls, &call->link);
	if (call_start(call, spec, &call->err) < 0) {
		/* Told like every other failure, later. */
		call->completed = true;
		call_dirty(call);
		client_kick(client);
	}
	return call;
}
