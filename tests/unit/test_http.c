/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server's routes, requests and answers, over real sockets. */
#include "http_fixture.h"

static void on_echo(struct http_request *request, void *data)
{
	size_t len;
	const void *body = http_request_body(request, &len);

	http_answer_data(request, 200, "application/octet-stream", body, len, NULL);
}

static void on_describe(struct http_request *request, void *data)
{
	const char *const headers[] = { "X-Tag: yes", "Cache-Control: max-age=1", NULL };
	json_t *json = json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s}", "method",
				 http_request_method(request), "path", http_request_path(request), "id",
				 http_request_param(request, "id"), "rest", http_request_param(request, "*"), "q",
				 http_request_query(request, "q"), "agent", http_request_header(request, "user-agent"),
				 "bearer", http_request_bearer(request), "peer", http_request_peer(request));

	assert_null(http_request_param(request, "other"));
	assert_null(http_request_query(request, "other"));
	assert_null(http_request_client_name(request));
	http_answer_json(request, 200, json, headers);
}

static void on_json(struct http_request *request, void *data)
{
	_cleanup_err_ struct err err = ERR_INIT;
	json_t *json;

	if (http_request_json(request, &json, &err) < 0)
		http_answer_problem(request, &err);
	else
		http_answer_json(request, 201, json, NULL);
}

static void on_file(struct http_request *request, void *data)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	char **kept = data;

	assert_int_equal(read_file(http_request_body_file(request), MIB, &text, &len), 0);
	str_set(kept, http_request_body_file(request));
	http_answer_data(request, 200, "text/plain", text, len, NULL);
}

static void on_empty(struct http_request *request, void *data)
{
	http_answer_json(request, 204, NULL, NULL);
}

static void on_problem(struct http_request *request, void *data)
{
	_cleanup_err_ struct err err = ERR_INIT;

	err_set_field(&err, ERR_EXISTS, "name", "the name \"caf\xe9\" is taken");
	http_answer_problem(request, &err);
}

static void on_busy(struct http_request *request, void *data)
{
	static const char *const later[] = { "retry-after: 5", "Cache-Control: private", NULL };
	_cleanup_err_ struct err err = ERR_INIT;

	err_set(&err, ERR_BUSY, "too many wait");
	if (http_request_query(request, "later"))
		http_answer_problem_with(request, &err, later);
	else
		http_answer_problem(request, &err);
}

static const struct http_route routes[] = {
	{ .method = "POST", .path = "/echo", .body_max_bytes = 1000, .handler = on_echo },
	{ .method = "GET", .path = "/items/{id}/part", .handler = on_describe },
	{ .method = "DELETE", .path = "/items/{id}/part", .handler = on_empty },
	{ .method = "GET", .path = "/files/{*}", .handler = on_describe },
	{ .method = "GET", .path = "/", .handler = on_describe },
	{ .method = "POST", .path = "/json", .body_max_bytes = 10000, .handler = on_json },
	{ .method = "PUT", .path = "/upload", .body_max_bytes = MIB, .handler = on_file, .stream_body_to_file = true },
	{ .method = "GET", .path = "/problem", .handler = on_problem },
	{ .method = "GET", .path = "/busy", .handler = on_busy },
	{ 0 },
};

static char *kept_file;

static char *talk(struct fixture *f, const char *text)
{
	struct http_server *server =
		start_server(f, (struct http_server_spec){ .routes = routes, .body_dir = f->dir, .data = &kept_file });
	char *answer = raw_talk(f->loop, http_server_port(server), text);

	http_server_free(server);
	return answer;
}

#define END "Host: x\r\nConnection: close\r\n\r\n"

static void assert_answer(struct fixture *f, const char *request, const char *const *parts)
{
	_cleanup_free_ char *answer = talk(f, request);

	for (; *parts; parts++)
		if (!strstr(answer, *parts))
			fail_msg("no \"%s\" in the answer: %s", *parts, answer);
}
#define ASSERT_ANSWER(f, request, ...) assert_answer(f, request, (const char *const[]){ __VA_ARGS__, NULL })

static void test_routes(void **state)
{
	ASSERT_ANSWER(*state, "GET /items/7/part?q=a+b%26c HTTP/1.1\r\nUser-Agent: me\r\n" END, "HTTP/1.1 200 ",
		      "Content-Type: application/json\r\n", "X-Content-Type-Options: nosniff\r\n", "X-Tag: yes\r\n",
		      "Cache-Control: max-age=1\r\n", "\"id\":\"7\"", "\"path\":\"/items/7/part\"", "\"q\":\"a b&c\"",
		      "\"agent\":\"me\"", "\"peer\":\"127.0.0.1\"", "\"bearer\":null");
	ASSERT_ANSWER(*state, "GET /files/a/b%20c HTTP/1.1\r\n" END, " 200 ", "\"rest\":\"a/b c\"");
	ASSERT_ANSWER(*state, "GET /files/ HTTP/1.1\r\n" END, " 200 ", "\"rest\":\"\"");
	ASSERT_ANSWER(*state, "GET / HTTP/1.1\r\n" END, " 200 ", "\"path\":\"/\"");
	ASSERT_ANSWER(*state, "GET / HTTP/1.1\r\nAuthorization: bearer abc\r\n" END, "\"bearer\":\"abc\"");
	ASSERT_ANSWER(*state, "GET / HTTP/1.1\r\nAuthorization: Basic abc\r\n" END, "\"bearer\":null");
	ASSERT_ANSWER(*state, "DELETE /items/7/part HTTP/1.1\r\n" END, " 204 ");
	ASSERT_ANSWER(*state, "GET / HTTP/1.0\r\n\r\n", " 200 ");
}

static void test_head(void **state)
{
	_cleanup_free_ char *answer = talk(*state, "HEAD / HTTP/1.1\r\n" END);

	assert_non_null(strstr(answer, " 200 "));
	assert_non_null(strstr(answer, "Content-Length: "));
	assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

static void test_not_found(void **state)
{
	ASSERT_ANSWER(*state, "GET /items HTTP/1.1\r\n" END, " 404 ", "application/problem+json",
		      "\"type\":\"urn:ingot:error:not-found\"", "\"code\":\"not-found\"", "\"status\":404", "/items");
	ASSERT_ANSWER(*state, "GET /items/7/part/ HTTP/1.1\r\n" END, " 404 ");
	ASSERT_ANSWER(*state, "GET /items//part HTTP/1.1\r\n" END, " 404 ");
	ASSERT_ANSWER(*state, "PUT /items/7/part HTTP/1.1\r\nContent-Length: 0\r\n" END, " 405 ",
		      "Allow: GET, DELETE\r\n", "\"status\":405");
}

static void test_problem(void **state)
{
	ASSERT_ANSWER(*state, "GET /problem HTTP/1.1\r\n" END, "HTTP/1.1 409 ",
		      "Content-Type: application/problem+json", "\"type\":\"urn:ingot:error:exists\"",
		      "\"title\":\"The name is taken\"", "\"status\":409",
		      "\"detail\":\"the name \\\"caf?\\\" is taken\"", "\"code\":\"exists\"", "\"field\":\"name\"");
}

static unsigned count_of(const char *text, const char *word)
{
	unsigned count = 0;

	for (; (text = strcasestr(text, word)); text += strlen(word))
		count++;
	return count;
}

/* RFC 9110 section 10.2.3: one value. Whoever answers may know better than one second. */
static void test_busy_says_once_when_to_come_again(void **state)
{
	_cleanup_free_ char *plain = talk(*state, "GET /busy HTTP/1.1\r\n" END);
	_cleanup_free_ char *later = talk(*state, "GET /busy?later=1 HTTP/1.1\r\n" END);

	assert_non_null(strstr(plain, "HTTP/1.1 503 "));
	assert_non_null(strstr(plain, "\r\nRetry-After: 1\r\n"));
	assert_int_equal(count_of(plain, "retry-after:"), 1);
	assert_non_null(strstr(plain, "\r\nCache-Control: no-store\r\n"));
	assert_non_null(strstr(later, "HTTP/1.1 503 "));
	assert_non_null(strstr(later, "\r\nretry-after: 5\r\n"));
	assert_int_equal(count_of(later, "retry-after:"), 1);
	assert_non_null(strstr(later, "\r\nCache-Control: private\r\n"));
	assert_int_equal(count_of(later, "cache-control:"), 1);
}

static void test_bad_targets(void **state)
{
	static const char *const targets[] = { "/files/../../etc/passwd",
					       "/files/%2e%2e/x",
					       "/files/a%2fb",
					       "/files/%00",
					       "/files/%zz",
					       "/files/%4",
					       "/files/%ff",
					       "/files/%0a",
					       "/files/./x",
					       "files/x",
					       "/files/a b",
					       "*",
					       "http://x/files/x",
					       "/?q=%",
					       "/?q=%00",
					       "/?q=%c3%28" };

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		_cleanup_free_ char *request = xasprintf("GET %s HTTP/1.1\r\n" END, targets[i]);
		_cleanup_free_ char *answer = talk(*state, request);

		if (!strstr(answer, " 400 "))
			fail_msg("%s: %s", targets[i], answer);
	}
}

static void test_bodies(void **state)
{
	ASSERT_ANSWER(*state, "POST /echo HTTP/1.1\r\nContent-Length: 5\r\n" END "hello", " 200 ", "\r\n\r\nhello");
	ASSERT_ANSWER(*state, "POST /echo HTTP/1.1\r\nContent-Length: 0\r\n" END, " 200 ", "Content-Length: 0");
	ASSERT_ANSWER(*state,
		      "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END
		      "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
		      " 200 ", "\r\n\r\nhello world");
	ASSERT_ANSWER(*state, "POST /echo HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n" END "hello",
		      "HTTP/1.1 100 ", "HTTP/1.1 200 ", "\r\n\r\nhello");
}

static void test_body_limit(void **state)
{
	_cleanup_free_ char *fits = xasprintf("POST /echo HTTP/1.1\r\nContent-Length: 1000\r\n" END "%01000d", 0);
	_cleanup_free_ char *over = xasprintf("POST /echo HTTP/1.1\r\nContent-Length: 1001\r\n" END "%01001d", 0);
	_cleanup_free_ char *chunks = xasprintf(
		"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END "3e8\r\n%01000d\r\n1\r\n0\r\n0\r\n\r\n", 0);

	ASSERT_ANSWER(*state, fits, " 200 ", "Content-Length: 1000\r\n");
	ASSERT_ANSWER(*state, over, " 413 ", "\"code\":\"too-large\"", "1001", "1000");
	ASSERT_ANSWER(*state, chunks, " 413 ", "\"code\":\"too-large\"", "1000");
	/* Not one byte of a body is waited for that is refused by its length. */
	ASSERT_ANSWER(*state, "POST /echo HTTP/1.1\r\nContent-Length: 99999999999\r\n" END, " 413 ");
	ASSERT_ANSWER(*state, "POST /echo HTTP/1.1\r\nContent-Length: 5000\r\nExpect: 100-continue\r\n" END, " 413 ");
	ASSERT_ANSWER(*state, "GET / HTTP/1.1\r\nContent-Length: 3\r\n" END "abc", " 413 ");
}

static void test_body_file(void **state)
{
	_cleanup_free_ char *big = xasprintf("PUT /upload HTTP/1.1\r\nContent-Length: 100000\r\n" END "%0100000d", 7);

	ASSERT_ANSWER(*state, big, " 200 ", "Content-Length: 100000\r\n", "00007");
	assert_non_null(kept_file);
	assert_int_equal(access(kept_file, F_OK), -1);
	ASSERT_ANSWER(*state, "PUT /upload HTTP/1.1\r\nContent-Length: 0\r\n" END, " 200 ", "Content-Length: 0\r\n");
	assert_int_equal(access(kept_file, F_OK), -1);
	str_set(&kept_file, NULL);
}

static void test_json(void **state)
{
	ASSERT_ANSWER(*state, "POST /json HTTP/1.1\r\nContent-Length: 7\r\n" END "{\"a\":1}", " 201 ", "{\"a\":1}");
	ASSERT_ANSWER(*state, "POST /json HTTP/1.1\r\nContent-Length: 9\r\n" END "{\n\"a\":x}\n", " 400 ",
		      "\"code\":\"invalid\"", "line 2");
	ASSERT_ANSWER(*state, "POST /json HTTP/1.1\r\nContent-Length: 0\r\n" END, " 400 ", "empty");
}

static void test_keep_alive(void **state)
{
	struct fixture *f = *state;
	struct http_server *server = start_server(f, (struct http_server_spec){ .routes = routes, .body_dir = f->dir });
	struct raw *raw = raw_open(f->loop, http_server_port(server));

	for (int i = 0; i < 50; i++) {
		_cleanup_free_ char *request =
			xasprintf("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nround-%03d", i);
		_cleanup_free_ char *wanted = xasprintf("round-%03d", i);

		raw_send(raw, request);
		assert_true(raw_wait(raw, wanted));
	}
	/* Also after one that was refused within its limits: the body was swallowed. */
	raw_send(raw, "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd");
	assert_true(raw_wait(raw, "not-found"));
	raw_send(raw, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nlast");
	assert_true(raw_wait(raw, "last"));
	/* Several at once: answered in order. */
	raw_send(raw,
		 "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nfirstPOST /echo HTTP/1.1\r\nHost: x\r\n"
		 "Connection: close\r\nContent-Length: 6\r\n\r\nsecond");
	raw_wait_end(raw);
	assert_non_null(strstr(raw->in.data, "second"));
	assert_true(strstr(raw->in.data, "\r\nfirst") < strstr(raw->in.data, "\r\nsecond"));
	raw_close(raw);
	http_server_free(server);
}

static void on_fallback(struct http_request *request, void *data)
{
	assert_string_equal(http_request_param(request, "*"), "some/where");
	http_answer_data(request, 200, "text/plain", "fallback", 8, NULL);
}

static bool on_admit(struct http_request *request, void *data)
{
	_cleanup_err_ struct err err = ERR_INIT;

	if (str_equal(http_request_bearer(request), "good"))
		return true;
	err_set(&err, ERR_UNAUTHENTICATED, "who are you");
	http_answer_problem(request, &err);
	return false;
}

static void test_fallback_and_admit(void **state)
{
	struct fixture *f = *state;
	struct http_server *server = start_server(
		f, (struct http_server_spec){
			   .routes = routes, .fallback = on_fallback, .admit = on_admit, .body_dir = f->dir });
	uint16_t port = http_server_port(server);
	char *answer = raw_talk(f->loop, port, "GET /some/where HTTP/1.1\r\nAuthorization: Bearer good\r\n" END);

	assert_non_null(strstr(answer, "fallback"));
	free(answer);
	/* Refused before a byte of the body was taken. */
	answer = raw_talk(f->loop, port,
			  "PUT /upload HTTP/1.1\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n" END);
	assert_non_null(strstr(answer, "HTTP/1.1 401 "));
	assert_null(strstr(answer, "HTTP/1.1 100 "));
	assert_non_null(strstr(answer, "WWW-Authenticate: Bearer"));
	assert_non_null(strstr(answer, "who are you"));
	free(answer);
	answer = raw_talk(f->loop, port,
			  "POST /echo HTTP/1.1\r\nContent-Length: 4\r\nAuthorization: Bearer good\r\n" END "body");
	assert_non_null(strstr(answer, "\r\n\r\nbody"));
	free(answer);
	http_server_free(server);
}

static void test_start_errors(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *other_key = NULL, *csr = NULL;
	struct http_server *server = start_server(f, (struct http_server_spec){ .routes = routes, .body_dir = f->dir });
	struct http_server *second = NULL;
	struct http_server_spec spec = { .loop = f->loop,
					 .routes = routes,
					 .body_dir = f->dir,
					 .address = "127.0.0.1",
					 .listen_fd = -1,
					 .port = http_server_port(server) };

	assert_true(http_server_new(&spec, &second, &err) < 0);
	assert_non_null(strstr(err.text, "127.0.0.1"));
	err_done(&err);
	spec.address = "nonsense";
	assert_int_equal(http_server_new(&spec, &second, &err), -EINVAL);
	err_done(&err);
	spec.address = "127.0.0.1";
	spec.port = 0;
	spec.cert_pem = f->cert_pem;
	assert_int_equal(http_server_new(&spec, &second, &err), -EINVAL);
	err_done(&err);
	assert_int_equal(csr_new("x", &other_key, &csr, &err), 0);
	spec.key_pem = other_key; /* the key of something else */
	assert_int_equal(http_server_new(&spec, &second, &err), -EINVAL);
	assert_non_null(strstr(err.text, "certificate"));
	err_done(&err);
	spec.key_pem = f->key_pem;
	spec.client_ca_pem = "junk";
	assert_int_equal(http_server_new(&spec, &second, &err), -EINVAL);
	err_done(&err);
	spec.client_ca_pem = NULL;
	spec.body_dir = NULL; /* a route wants one */
	assert_int_equal(http_server_new(&spec, &second, &err), -EINVAL);
	assert_null(second);
	http_server_free(server);
	assert_null(http_server_free(NULL));
}

static void test_inherited_socket(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	struct sockaddr_in6 address = { .sin6_family = AF_INET6 };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct http_server *server;
	struct http_server_spec spec = { .loop = f->loop, .routes = routes, .body_dir = f->dir, .listen_fd = fd };
	_cleanup_free_ char *answer = NULL;

	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(http_server_new(&spec, &server, &err), 0);
	assert_int_equal(http_server_port(server), ntohs(address.sin6_port));
	answer = raw_talk(f->loop, http_server_port(server), "GET / HTTP/1.1\r\n" END);
	assert_non_null(strstr(answer, "\"peer\":\"127.0.0.1\"")); /* not ::ffff:127.0.0.1 */
	http_server_free(server);
	assert_int_equal(close(fd), -1); /* it was the server's */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(test_routes),
		HTTP_TEST(test_head),
		HTTP_TEST(test_not_found),
		HTTP_TEST(test_problem),
		HTTP_TEST(test_busy_says_once_when_to_come_again),
		HTTP_TEST(test_bad_targets),
		HTTP_TEST(test_bodies),
		HTTP_TEST(test_body_limit),
		HTTP_TEST(test_body_file),
		HTTP_TEST(test_json),
		HTTP_TEST(test_keep_alive),
		HTTP_TEST(test_fallback_and_admit),
		HTTP_TEST(test_start_errors),
		HTTP_TEST(test_inherited_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
