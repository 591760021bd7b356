/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The dashboard's files over a real server: what is sent, to whom, with which headers; and what must never be. */
#include <fcntl.h>
#include <sys/stat.h>

#include "http_fixture.h"

#include "api/ui_files.h"

#define HASHED "assets/index-B4kq_9xZ.js"

struct world {
	struct fixture *f;
	struct http_server *server;
	char *dir;
	char *answer;
};

static void on_fallback(struct http_request *request, void *data)
{
	ui_files_answer(request, ((struct world *)data)->dir);
}

static void put(const char *dir, const char *path, const char *text)
{
	_cleanup_free_ char *whole = xasprintf("%s/%s", dir, path);
	_cleanup_free_ char *parent = xstrndup(whole, (size_t)(strrchr(whole, '/') - whole));

	assert_int_equal(mkdir_p(parent, 0755), 0);
	assert_int_equal(write_file_atomic(whole, text, strlen(text), 0644), 0);
}

static int setup(void **state)
{
	struct world *w = new0(struct world, 1);

	fixture_setup((void **)&w->f);
	w->dir = xasprintf("%s/ui", w->f->dir);
	put(w->dir, "index.html", "<html>the dashboard</html>");
	put(w->dir, HASHED, "plain();");
	put(w->dir, HASHED ".gz", "gzip bytes");
	put(w->dir, HASHED ".br", "brotli bytes");
	put(w->dir, "assets/style.css", "a{}");
	put(w->dir, "favicon.svg", "<svg/>");
	put(w->dir, ".hidden", "hidden");
	put(w->f->dir, "secret.txt", "secret");
	w->server = start_server(w->f, (struct http_server_spec){ .fallback = on_fallback, .data = w });
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	http_server_free(w->server);
	fixture_teardown((void **)&w->f);
	free(w->dir);
	free(w->answer);
	free(w);
	return 0;
}

/* headers: whole lines, or "". */
static const char *ask(struct world *w, const char *method, const char *path, const char *headers)
{
	_cleanup_free_ char *text =
		xasprintf("%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", method, path, headers);

	free(w->answer);
	w->answer = raw_talk(w->f->loop, http_server_port(w->server), text);
	assert_non_null(w->answer);
	return w->answer;
}

static const char *get(struct world *w, const char *path)
{
	return ask(w, "GET", path, "");
}

static const char *body(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");

	assert_non_null(end);
	return end + 4;
}

static bool has_line(const char *answer, const char *line)
{
	_cleanup_free_ char *whole = xasprintf("\r\n%s\r\n", line);

	return strstr(answer, whole) != NULL;
}

static char *etag_of(const char *answer)
{
	const char *at = strstr(answer, "\r\nETag: ");

	assert_non_null(at);
	at += strlen("\r\nETag: ");
	return xstrndup(at, strcspn(at, "\r"));
}

static void expect_status(const char *answer, const char *status)
{
	if (strncmp(answer + strlen("HTTP/1.1 "), status, 3) != 0)
		fail_msg("not %s: %s", status, answer);
}

/* ---- tests ---- */

static void test_files(void **state)
{
	struct world *w = *state;

	expect_status(get(w, "/"), "200");
	assert_string_equal(body(w->answer), "<html>the dashboard</html>");
	assert_true(has_line(w->answer, "Content-Type: text/html; charset=utf-8"));
	assert_true(has_line(w->answer, "Cache-Control: no-cache"));
	expect_status(get(w, "/favicon.svg"), "200");
	assert_true(has_line(w->answer, "Content-Type: image/svg+xml"));
	expect_status(get(w, "/" HASHED), "200");
	assert_string_equal(body(w->answer), "plain();");
	assert_true(has_line(w->answer, "Content-Type: text/javascript; charset=utf-8"));
	assert_true(has_line(w->answer, "Cache-Control: public, max-age=31536000, immutable"));
	/* Without a hash it may change. */
	expect_status(get(w, "/assets/style.css"), "200");
	assert_true(has_line(w->answer, "Cache-Control: no-cache"));
	/* The query is the script's business. */
	expect_status(get(w, "/favicon.svg?x=1"), "200");
}

static void test_security_headers(void **state)
{
	static const char *const lines[] = {
		"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' "
		"data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors "
		"'none'",
		"X-Content-Type-Options: nosniff",
		"Referrer-Policy: no-referrer",
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_true(has_line(get(w, "/"), lines[i]));
		assert_true(has_line(get(w, "/" HASHED), lines[i]));
		assert_true(has_line(get(w, "/machines/m1"), lines[i]));
	}
}

static void test_client_routes(void **state)
{
	struct world *w = *state;

	expect_status(get(w, "/machines"), "200");
	assert_string_equal(body(w->answer), "<html>the dashboard</html>");
	assert_true(has_line(w->answer, "Cache-Control: no-cache"));
	expect_status(get(w, "/vms/web/console"), "200");
	assert_string_equal(body(w->answer), "<html>the dashboard</html>");
	expect_status(get(w, "/assets"), "200"); /* a folder is no file */
	assert_string_equal(body(w->answer), "<html>the dashboard</html>");
	/* What looks like a file is not a route: an old page must see that its script is gone. */
	expect_status(get(w, "/assets/index-00000000.js"), "404");
	/* Nor is the API. */
	expect_status(get(w, "/v1/machinez"), "404");
	assert_non_null(strstr(w->answer, "application/problem+json"));
	expect_status(get(w, "/v1"), "404");
	expect_status(get(w, "/v1x"), "200");
}

static void test_encodings(void **state)
{
	static const struct {
		const char *accept, *body, *encoding;
	} asked[] = {
		{ "Accept-Encoding: gzip, deflate, br\r\n", "brotli bytes", "Content-Encoding: br" },
		{ "Accept-Encoding: gzip\r\n", "gzip bytes", "Content-Encoding: gzip" },
		{ "Accept-Encoding: GZIP;q=0.5\r\n", "gzip bytes", "Content-Encoding: gzip" },
		{ "Accept-Encoding: br;q=0, gzip\r\n", "gzip bytes", "Content-Encoding: gzip" },
		{ "Accept-Encoding: br;q=0.0, *;q=0.3\r\n", "gzip bytes", "Content-Encoding: gzip" },
		{ "Accept-Encoding: *\r\n", "brotli bytes", "Content-Encoding: br" },
		{ "Accept-Encoding: br; q=0.001\r\n", "brotli bytes", "Content-Encoding: br" },
		{ "Accept-Encoding: identity, brotli, gzipped\r\n", "plain();", NULL },
		{ "Accept-Encoding: br;q=0, gzip;q=0.000\r\n", "plain();", NULL },
		{ "", "plain();", NULL },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		expect_status(ask(w, "GET", "/" HASHED, asked[i].accept), "200");
		if (!str_equal(body(w->answer), asked[i].body))
			fail_msg("%s gets %s", asked[i].accept, body(w->answer));
		assert_true(has_line(w->answer, "Vary: Accept-Encoding"));
		assert_true(has_line(w->answer, "Content-Type: text/javascript; charset=utf-8"));
		if (asked[i].encoding)
			assert_true(has_line(w->answer, asked[i].encoding));
		else
			assert_null(strstr(w->answer, "Content-Encoding"));
	}
	/* None is made of what has none. */
	expect_status(ask(w, "GET", "/favicon.svg", "Accept-Encoding: br, gzip\r\n"), "200");
	assert_string_equal(body(w->answer), "<svg/>");
}

static void test_conditional(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *plain = etag_of(get(w, "/" HASHED));
	_cleanup_free_ char *packed = etag_of(ask(w, "GET", "/" HASHED, "Accept-Encoding: br\r\n"));
	_cleanup_free_ char *same = xasprintf("If-None-Match: %s\r\n", plain);
	_cleanup_free_ char *listed = xasprintf("If-None-Match: \"x\", W/%s\r\n", plain);
	_cleanup_free_ char *other = xasprintf("If-None-Match: %s\r\n", packed);
	_cleanup_free_ char *page = NULL, *page_same = NULL;

	assert_string_not_equal(plain, packed);
	expect_status(ask(w, "GET", "/" HASHED, same), "304");
	assert_string_equal(body(w->answer), "");
	assert_true(has_line(w->answer, "Cache-Control: public, max-age=31536000, immutable"));
	expect_status(ask(w, "GET", "/" HASHED, listed), "304");
	expect_status(ask(w, "GET", "/" HASHED, "If-None-Match: *\r\n"), "304");
	expect_status(ask(w, "GET", "/" HASHED, other), "200");
	expect_status(ask(w, "GET", "/" HASHED, "If-None-Match: \"nothing\"\r\n"), "200");
	/* A new build is seen. */
	page = etag_of(get(w, "/"));
	page_same = xasprintf("If-None-Match: %s\r\n", page);
	expect_status(ask(w, "GET", "/", page_same), "304");
	put(w->dir, "index.html", "<html>another build</html>");
	expect_status(ask(w, "GET", "/", page_same), "200");
	assert_string_equal(body(w->answer), "<html>another build</html>");
}

static void test_methods(void **state)
{
	struct world *w = *state;

	expect_status(ask(w, "HEAD", "/" HASHED, ""), "200");
	assert_string_equal(body(w->answer), "");
	assert_true(has_line(w->answer, "Content-Length: 8"));
	expect_status(ask(w, "HEAD", "/nothing.js", ""), "404");
	expect_status(ask(w, "POST", "/", "Content-Length: 0\r\n"), "405");
	assert_true(has_line(w->answer, "Allow: GET, HEAD"));
	expect_status(ask(w, "DELETE", "/index.html", ""), "405");
	expect_status(ask(w, "POST", "/v1/nothing", "Content-Length: 0\r\n"), "404");
}

/* Everything that would leave the folder, or show what is hidden in it. */
static void test_traversal(void **state)
{
	static const char *const paths[] = {
		"/../secret.txt",
		"/assets/../../secret.txt",
		"/%2e%2e/secret.txt",
		"/..%2fsecret.txt",
		"/..%5csecret.txt",
		"/assets/%2e%2e/%2e%2e/secret.txt",
		"/%252e%252e/secret.txt",
		"//secret.txt",
		"/assets//style.css",
		"/.hidden",
		"/assets/.hidden",
		"/index.html%00.js",
		"/index.html/x.js",
		"/link.txt",
		"/folder/secret.txt",
		"/inner.html",
		"/fifo.js",
	};
	struct world *w = *state;
	_cleanup_free_ char *secret = xasprintf("%s/secret.txt", w->f->dir);
	_cleanup_free_ char *link_path = xasprintf("%s/link.txt", w->dir);
	_cleanup_free_ char *folder = xasprintf("%s/folder", w->dir);
	_cleanup_free_ char *inner = xasprintf("%s/inner.html", w->dir);
	_cleanup_free_ char *fifo = xasprintf("%s/fifo.js", w->dir);
	_cleanup_free_ char *absolute = xasprintf("/%s", secret);

	assert_int_equal(symlink(secret, link_path), 0);
	assert_int_equal(symlink(w->f->dir, folder), 0);
	assert_int_equal(symlink("index.html", inner), 0);
	assert_int_equal(mkfifo(fifo, 0644), 0);
	for (size_t i = 0; i < ARRAY_SIZE(paths) + 1; i++) {
		const char *path = i < ARRAY_SIZE(paths) ? paths[i] : absolute;

		get(w, path);
		if (!str_starts(w->answer, "HTTP/1.1 40"))
			fail_msg("%s: %s", path, w->answer);
		assert_null(strstr(w->answer, "secret\n"));
		assert_string_not_equal(body(w->answer), "secret");
		assert_string_not_equal(body(w->answer), "hidden");
	}
	/* A link beside a file is not followed either. */
	_cleanup_free_ char *packed = xasprintf("%s/favicon.svg.gz", w->dir);

	assert_int_equal(symlink(secret, packed), 0);
	expect_status(ask(w, "GET", "/favicon.svg", "Accept-Encoding: gzip\r\n"), "200");
	assert_string_equal(body(w->answer), "<svg/>");
}

static void test_not_installed(void **state)
{
	struct world *w = *state;

	str_set(&w->dir, "/nonexistent/ui");
	expect_status(get(w, "/"), "404");
	assert_non_null(strstr(w->answer, "the dashboard is not installed"));
	assert_non_null(strstr(w->answer, "ui.dir"));
}

int main(void)
{
#define UI_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		UI_TEST(test_files),	 UI_TEST(test_security_headers), UI_TEST(test_client_routes),
		UI_TEST(test_encodings), UI_TEST(test_conditional),	 UI_TEST(test_methods),
		UI_TEST(test_traversal), UI_TEST(test_not_installed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
