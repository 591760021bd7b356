/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client against the server, over TLS on the loopback. */
#include "http_fixture.h"

#include <gnutls/gnutls.h>
#include <time.h>

struct answer {
	struct loop *loop;
	int status;
	json_t *json;
	char *data, *location, *etag;
	struct err err;
	unsigned count;
};

static void on_done(const struct http_response *response, const struct err *err, void *data)
{
	struct answer *answer = data;

	answer->status = response->status;
	answer->json = json_incref(response->json);
	answer->data = xstrndup(response->data ? response->data : "", response->len);
	str_set(&answer->location, response->location);
	str_set(&answer->etag, response->etag);
	err_copy(&answer->err, err);
	answer->count++;
	loop_quit(answer->loop, 0);
}

static void answer_done(struct answer *answer)
{
	json_decref(answer->json);
	free(answer->data);
	free(answer->location);
	free(answer->etag);
	err_done(&answer->err);
}

/* ---- a server to talk to ---- */

static unsigned hellos;

static void on_hello(struct http_request *request, void *data)
{
	const char *const headers[] = { "Location: /v1/things/7", "ETag: \"42\"", NULL };

	http_answer_json(request, 202,
			 json_pack("{s:s?, s:s?, s:s}", "bearer", http_request_bearer(request), "client",
				   http_request_client_name(request), "method", http_request_method(request)),
			 headers);
	hellos++;
}

static void on_json(struct http_request *request, void *data)
{
	_cleanup_err_ struct err err = ERR_INIT;
	json_t *json;

	if (http_request_json(request, &json, &err) < 0)
		http_answer_problem(request, &err);
	else
		http_answer_json(request, 200, json, NULL);
}

static void on_refuse(struct http_request *request, void *data)
{
	_cleanup_err_ struct err err = ERR_INIT;

	err_set_field(&err, ERR_CAPACITY, "size_bytes", "the pool has room for less");
	http_answer_problem(request, &err);
}

static void on_teapot(struct http_request *request, void *data)
{
	http_answer_data(request, 404, "text/html", "<p>no</p>", 9, NULL);
}

static void on_broken_json(struct http_request *request, void *data)
{
	http_answer_data(request, 200, "application/json", "{\"a\":", 5, NULL);
}

static void on_big(struct http_request *request, void *data)
{
	_cleanup_free_ char *big = xcalloc(1, 300000);

	memset(big, 'x', 300000);
	http_answer_data(request, 200, "text/plain", big, 300000, NULL);
}

static void on_upload(struct http_request *request, void *data)
{
	_cleanup_free_ char *text = NULL, *hex = NULL;
	size_t len;

	assert_int_equal(read_file(http_request_body_file(request), 64 * MIB, &text, &len), 0);
	hex = sha256_hex(text, len);
	http_answer_json(request, 200, json_pack("{s:s, s:I}", "sha256", hex, "size", (json_int_t)len), NULL);
}

/* Kept and never answered. */
static void on_hang(struct http_request *request, void *data)
{
}

static const struct http_route routes[] = {
	{ .method = "GET", .path = "/hello", .handler = on_hello },
	{ .method = "DELETE", .path = "/hello", .handler = on_hello },
	{ .method = "POST", .path = "/hello", .handler = on_hello },
	{ .method = "POST", .path = "/json", .body_max_bytes = MIB, .handler = on_json },
	{ .method = "GET", .path = "/refuse", .handler = on_refuse },
	{ .method = "GET", .path = "/teapot", .handler = on_teapot },
	{ .method = "GET", .path = "/broken", .handler = on_broken_json },
	{ .method = "GET", .path = "/big", .handler = on_big },
	{ .method = "PUT",
	  .path = "/upload",
	  .body_max_bytes = 64 * MIB,
	  .handler = on_upload,
	  .stream_body_to_file = true },
	{ .method = "GET", .path = "/hang", .handler = on_hang },
	{ 0 },
};

struct pair {
	struct http_server *server;
	struct http_client *client;
	char *origin;
};

static struct pair pair_new(struct fixture *f)
{
	struct pair pair = { 0 };

	pair.server = start_server(f, (struct http_server_spec){ .routes = routes,
								 .body_dir = f->dir,
								 .cert_pem = f->cert_pem,
								 .key_pem = f->key_pem,
								 .client_ca_pem = ca_pem(f->ca) });
	pair.client = http_client_new(
		&(struct http_client_spec){ .loop = f->loop, .ca_pem = ca_pem(f->ca), .bearer = "tok" });
	pair.origin = xasprintf("https://127.0.0.1:%u", http_server_port(pair.server));
	return pair;
}

static void pair_done(struct pair *pair)
{
	http_client_free(pair->client);
	http_server_free(pair->server);
	free(pair->origin);
}

static struct answer call(struct fixture *f, struct http_client *client, const char *origin, struct http_call_spec spec)
{
	struct answer answer = { .loop = f->loop };
	_cleanup_free_ char *url = xasprintf("%s%s", origin, spec.url);

	spec.url = url;
	spec.done = on_done;
	spec.data = &answer;
	http_call_new(client, &spec);
	assert_int_equal(answer.count, 0); /* never from within */
	run_loop(f->loop);
	assert_int_equal(answer.count, 1);
	return answer;
}

static void test_get(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_new(f);
	static const char *const methods[] = { "GET", "DELETE", "POST" };

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		struct answer answer = call(f, pair.client, pair.origin,
					    (struct http_call_spec){ .method = methods[i], .url = "/hello" });

		assert_int_equal(answer.err.code, ERR_NONE);
		assert_int_equal(answer.status, 202);
		assert_string_equal(answer.location, "/v1/things/7");
		assert_string_equal(answer.etag, "\"42\"");
		assert_string_equal(json_string_value(json_object_get(answer.json, "bearer")), "tok");
		assert_string_equal(json_string_value(json_object_get(answer.json, "method")), methods[i]);
		assert_true(json_is_null(json_object_get(answer.json, "client")));
		answer_done(&answer);
	}
	pair_done(&pair);
}

static void test_post_json(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_new(f);
	json_t *json = json_pack("{s:s, s:[i,i]}", "name", "caf\xc3\xa9", "list", 1, 2);
	struct answer answer = call(f, pair.client, pair.origin,
				    (struct http_call_spec){ .method = "POST", .url = "/json", .json = json });

	assert_int_equal(answer.status, 200);
	assert_true(json_equal(answer.json, json));
	answer_done(&answer);
	json_decref(json);
	pair_done(&pair);
}

static void test_problems(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_new(f);
	struct answer answer =
		call(f, pair.client, pair.origin, (struct http_call_spec){ .method = "GET", .url = "/refuse" });

	assert_int_equal(answer.status, 507);
	assert_int_equal(answer.err.code, ERR_CAPACITY);
	assert_string_equal(answer.err.text, "the pool has room for less");
	assert_string_equal(answer.err.field, "size_bytes");
	answer_done(&answer);
	/* Not a problem document: the status has to do. */
	answer = call(f, pair.client, pair.origin, (struct http_call_spec){ .method = "GET", .url = "/teapot" });
	assert_int_equal(answer.status, 404);
	assert_int_equal(answer.err.code, ERR_NOT_FOUND);
	assert_string_equal(answer.data, "<p>no</p>");
	assert_null(answer.json);
	answer_done(&answer);
	answer = call(f, pair.client, pair.origin, (struct http_call_spec){ .method = "GET", .url = "/broken" });
	assert_int_equal(answer.status, 200);
	assert_int_equal(answer.err.code, ERR_INTERNAL);
	assert_null(answer.json);
	answer_done(&answer);
	pair_done(&pair);
}

static void test_too_large(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_new(f);
	struct answer answer =
		call(f, pair.client, pair.origin,
		     (struct http_call_spec){ .method = "GET", .url = "/big", .response_max_bytes = 299999 });

	assert_int_equal(answer.status, 0);
	assert_int_equal(answer.err.code, ERR_TOO_LARGE);
	answer_done(&answer);
	answer = call(f, pair.client, pair.origin,
		      (struct http_call_spec){ .method = "GET", .url = "/big", .response_max_bytes = 300000 });
	assert_int_equal(answer.status, 200);
	assert_int_equal(strlen(answer.data), 300000);
	answer_done(&answer);
	pair_done(&pair);
}

static void test_unreachable(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_new(f);
	struct answer answer =
		call(f, pair.client, "https://127.0.0.1:1", (struct http_call_spec){ .method = "GET", .url = "/" });

	assert_int_equal(answer.status, 0);
	assert_int_equal(answer.err.code, ERR_UNREACHABLE);
	answer_done(&answer);
	answer = call(f, pair.client, pair.origin,
		      (struct http_call_spec){ .method = "GET", .url = "/hang", .deadline_ms = 50 });
	assert_int_equal(answer.status, 0);
	assert_int_equal(answer.err.code, ERR_TIMEOUT);
	answer_done(&answer);
	answer = call(f, pair.client, "file:///etc/passwd", (struct http_call_spec){ .method = "GET", .url = "" });
	assert_int_equal(answer.err.code, ERR_INVALID);
	answer_done(&answer);
	answer = call(f, pair.client, pair.origin,
		      (struct http_call_spec){ .method = "GET",
					       .url = "/hello",
					       .headers = (const char *const[]){ "X-A: b\r\nX-C: d", NULL } });
	assert_int_equal(answer.err.code, ERR_INVALID);
	answer_done(&answer);
	pair_done(&pair);
}

struct progress {
	struct answer answer;
	uint64_t last, total;
	unsigned count;
};

static void on_upload_progress(uint64_t done, uint64_t total, void *data)
{
	struct progress *progress = CONTAINER_OF(data, struct progress, answer);

	assert_true(done > progress->last && done <= total);
	progress->last = done;
	progress->total = total;
	progress->count++;
}

static void test_upload(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_new(f);
	struct progress progress = { .answer.loop = f->loop };
	size_t len = 20 * MIB + 3;
	char *content = xcalloc(1, len);
	_cleanup_free_ char *path = xasprintf("%s/big", f->dir), *url = xasprintf("%s/upload", pair.origin),
			    *hex = NULL;

	for (size_t i = 0; i < len; i++)
		content[i] = (char)(i * 2654435761u >> 13);
	hex = sha256_hex(content, len);
	assert_int_equal(write_file_atomic(path, content, len, 0600), 0);
	free(content);
	http_call_new(pair.client, &(struct http_call_spec){ .method = "PUT",
							     .url = url,
							     .body_file = path,
							     .done = on_done,
							     .data = &progress.answer,
							     .upload_progress = on_upload_progress });
	run_loop(f->loop);
	assert_int_equal(progress.answer.status, 200);
	assert_string_equal(json_string_value(json_object_get(progress.answer.json, "sha256")), hex);
	assert_int_equal(progress.last, len);
	assert_int_equal(progress.total, len);
	assert_true(progress.count > 1);
	answer_done(&progress.answer);
	progress.answer =
		call(f, pair.client, pair.origin,
		     (struct http_call_spec){ .method = "PUT", .url = "/upload", .body_file = "/nowhere/file" });
	assert_int_equal(progress.answer.err.code, ERR_NOT_FOUND);
	assert_non_null(strstr(progress.answer.err.text, "/nowhere/file"));
	answer_done(&progress.answer);
	pair_done(&pair);
}

/* ---- trust ---- */

static struct http_client *client_with(struct fixture *f, struct ca *issuer, const char *name)
{
	_cleanup_free_ char *key = NULL, *csr = NULL, *cert = NULL;
	_cleanup_err_ struct err err = ERR_INIT;

	assert_int_equal(csr_new(name, &key, &csr, &err), 0);
	assert_int_equal(ca_sign_request(issuer, csr, name, NULL, &cert, &err), 0);
	return http_client_new(&(struct http_client_spec){
		.loop = f->loop, .ca_pem = ca_pem(f->ca), .cert_pem = cert, .key_pem = key });
}

static void test_client_certificates(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_new(f);
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *dir = xasprintf("%s/foreign", f->dir), *cert = NULL, *key = NULL;
	struct http_client *good = client_with(f, f->ca, "node-7"), *foreign, *wrong_use;
	struct ca *other;
	struct answer answer = call(f, good, pair.origin, (struct http_call_spec){ .method = "GET", .url = "/hello" });

	assert_int_equal(answer.status, 202);
	assert_string_equal(json_string_value(json_object_get(answer.json, "client")), "node-7");
	answer_done(&answer);
	assert_int_equal(ca_open(dir, &other, &err), 0);
	foreign = client_with(f, other, "node-7");
	answer = call(f, foreign, pair.origin, (struct http_call_spec){ .method = "GET", .url = "/hello" });
	assert_int_equal(answer.status, 401);
	assert_int_equal(answer.err.code, ERR_UNAUTHENTICATED);
	assert_non_null(strstr(answer.err.text, "certificate"));
	answer_done(&answer);
	/* Ours, but not made for clients. */
	assert_int_equal(ca_issue_server(f->ca, "node-7", NULL, &cert, &key, &err), 0);
	wrong_use = http_client_new(&(struct http_client_spec){
		.loop = f->loop, .ca_pem = ca_pem(f->ca), .cert_pem = cert, .key_pem = key });
	answer = call(f, wrong_use, pair.origin, (struct http_call_spec){ .method = "GET", .url = "/hello" });
	assert_int_equal(answer.status, 401);
	answer_done(&answer);
	http_client_free(good);
	http_client_free(foreign);
	http_client_free(wrong_use);
	ca_free(other);
	pair_done(&pair);
}

static void test_server_certificate(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_new(f);
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *dir = xasprintf("%s/other", f->dir), *origin = NULL;
	struct http_client *client, *system;
	struct ca *other;
	struct answer answer;

	/* Another authority, of the same kind. */
	assert_int_equal(ca_open(dir, &other, &err), 0);
	client = http_client_new(&(struct http_client_spec){ .loop = f->loop, .ca_pem = ca_pem(other) });
	answer = call(f, client, pair.origin, (struct http_call_spec){ .method = "GET", .url = "/hello" });
	assert_int_equal(answer.status, 0);
	assert_int_equal(answer.err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(answer.err.text, "certificate"));
	assert_null(strstr(answer.err.text, "/proc"));
	answer_done(&answer);
	/* The system's authorities do not know ours. */
	system = http_client_new(&(struct http_client_spec){ .loop = f->loop });
	answer = call(f, system, pair.origin, (struct http_call_spec){ .method = "GET", .url = "/hello" });
	assert_int_equal(answer.status, 0);
	answer_done(&answer);
	/* Right authority, wrong name. */
	origin = xasprintf("https://127.0.0.2:%u", http_server_port(pair.server));
	answer = call(f, pair.client, origin, (struct http_call_spec){ .method = "GET", .url = "/hello" });
	assert_int_equal(answer.status, 0);
	answer_done(&answer);
	http_client_free(client);
	http_client_free(system);
	ca_free(other);
	pair_done(&pair);
}

static void on_dialled(struct ws *ws, const struct err *err, void *data)
{
	struct fixture *f = data;

	assert_null(ws);
	assert_string_equal(err->text, "the server's certificate is another server's");
	loop_quit(f->loop, 0);
}

static int64_t years_off;

static time_t another_clock(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec + (time_t)(years_off * 365 * 86400);
	return now.tv_sec + (time_t)(years_off * 365 * 86400);
}

/* A certificate of the right authority is refused by a clock that is wrong, and it is said that it is the clock. */
static void test_wrong_clock(void **state)
{
	static const struct {
		int64_t years;
		const char *words;
	} clocks[] = { { -10, "not valid yet by this machine's clock" },
		       { 10, "not valid any more by this machine's clock" } };
	struct fixture *f = *state;
	struct pair pair = pair_new(f);

	gnutls_global_set_time_function(another_clock);
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		struct answer answer;

		years_off = clocks[i].years;
		answer = call(f, pair.client, pair.origin, (struct http_call_spec){ .method = "GET", .url = "/hello" });
		assert_int_equal(answer.err.code, ERR_UNREACHABLE);
		if (!strstr(answer.err.text, clocks[i].words))
			fail_msg("%s", answer.err.text);
		answer_done(&answer);
	}
	gnutls_global_set_time_function(time);
	pair_done(&pair);
}

/* A node's certificate is a server's as well, of the right authority and perhaps of the right address. */
static void test_server_name(void **state)
{
	static const char *const addresses[] = { "127.0.0.1", NULL };
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *key = NULL, *csr = NULL, *cert = NULL, *origin = NULL, *socket = NULL;
	struct pair pair = pair_new(f); /* its certificate says "server" */
	struct http_server *guest;
	struct http_client *client = http_client_new(&(struct http_client_spec){
		.loop = f->loop, .ca_pem = ca_pem(f->ca), .server_name = "server", .bearer = "tok" });
	struct answer answer;

	/* The second time perhaps with a session that is taken up again. */
	for (unsigned i = 0; i < 2; i++) {
		const char *const close[] = { "Connection: close", NULL };

		answer = call(f, client, pair.origin,
			      (struct http_call_spec){ .method = "GET", .url = "/hello", .headers = close });
		assert_int_equal(answer.status, 202);
		answer_done(&answer);
	}
	assert_int_equal(csr_new("x", &key, &csr, &err), 0);
	assert_int_equal(ca_sign_request(f->ca, csr, CERT_GUESTS_PREFIX "server", addresses, &cert, &err), 0);
	guest = start_server(
		f, (struct http_server_spec){ .routes = routes, .body_dir = f->dir, .cert_pem = cert, .key_pem = key });
	origin = xasprintf("https://127.0.0.1:%u", http_server_port(guest));
	answer = call(f, pair.client, origin, (struct http_call_spec){ .method = "GET", .url = "/hello" });
	assert_int_equal(answer.status, 202); /* whoever looks at the address alone is taken in */
	answer_done(&answer);
	hellos = 0;
	answer = call(f, client, origin, (struct http_call_spec){ .method = "GET", .url = "/hello" });
	assert_int_equal(answer.status, 0);
	assert_int_equal(answer.err.code, ERR_UNREACHABLE);
	assert_string_equal(answer.err.text, "the server's certificate is another server's");
	assert_int_equal(hellos, 0); /* it was told nothing */
	answer_done(&answer);
	ws_connect(client, origin, on_dialled, f);
	run_loop(f->loop);
	/* Nor is one spoken to that has no certificate at all. */
	http_server_free(guest);
	guest = start_server(f, (struct http_server_spec){ .routes = routes, .body_dir = f->dir });
	socket = xasprintf("http://127.0.0.1:%u", http_server_port(guest));
	answer = call(f, client, socket, (struct http_call_spec){ .method = "GET", .url = "/hello" });
	assert_int_equal(answer.status, 0);
	assert_int_equal(hellos, 0);
	answer_done(&answer);
	http_client_free(client);
	http_server_free(guest);
	pair_done(&pair);
}

/* ---- giving up ---- */

static void on_never(const struct http_response *response, const struct err *err, void *data)
{
	fail_msg("done of an abandoned call");
}

static void test_abandon(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_new(f);
	_cleanup_free_ char *url = xasprintf("%s/hang", pair.origin);
	struct http_call_spec spec = { .method = "GET", .url = url, .done = on_never };
	struct http_call *at_once = http_call_new(pair.client, &spec), *later = http_call_new(pair.client, &spec);
	struct answer answer;

	assert_null(http_call_free(at_once));
	assert_null(http_call_free(NULL));
	http_call_new(pair.client, &spec); /* ended by the client */
	answer = call(f, pair.client, pair.origin, (struct http_call_spec){ .method = "GET", .url = "/hello" });
	assert_int_equal(answer.status, 202);
	answer_done(&answer);
	http_call_free(later);
	pair_done(&pair);
}

static void on_done_free_client(const struct http_response *response, const struct err *err, void *data)
{
	struct pair *pair = data;

	assert_int_equal(response->status, 202);
	pair->client = http_client_free(pair->client);
	loop_timer_new(((struct fixture *)pair->origin)->loop, 0, fixture_quit, ((struct fixture *)pair->origin)->loop);
}

static void test_free_within_done(void **state)
{
	struct fixture *f = *state;
	struct pair pair = pair_new(f);
	_cleanup_free_ char *url = xasprintf("%s/hello", pair.origin), *origin = pair.origin;

	pair.origin = (char *)f;
	http_call_new(pair.client, &(struct http_call_spec){
					   .method = "GET", .url = url, .done = on_done_free_client, .data = &pair });
	http_call_new(pair.client, &(struct http_call_spec){ .method = "GET", .url = "nonsense", .done = NULL });
	run_loop(f->loop);
	assert_null(pair.client);
	pair.origin = NULL;
	(void)origin;
	pair_done(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(test_get),
		HTTP_TEST(test_post_json),
		HTTP_TEST(test_problems),
		HTTP_TEST(test_too_large),
		HTTP_TEST(test_unreachable),
		HTTP_TEST(test_upload),
		HTTP_TEST(test_client_certificates),
		HTTP_TEST(test_server_certificate),
		HTTP_TEST(test_wrong_clock),
		HTTP_TEST(test_server_name),
		HTTP_TEST(test_abandon),
		HTTP_TEST(test_free_within_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
