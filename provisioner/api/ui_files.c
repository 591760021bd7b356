/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/ui_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api_priv.h"

#define INDEX "index.html"
#define HASH_MIN 8

static const char *const common_headers[] = {
	("Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
	 "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"),
	"Referrer-Policy: no-referrer",
	"Cross-Origin-Opener-Policy: same-origin",
	"Vary: Accept-Encoding",
};

static const struct {
	const char *ending, *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".json", "application/json" },
	{ ".map", "application/json" },
	{ ".webmanifest", "application/manifest+json" },
	{ ".svg", "image/svg+xml" },
	{ ".png", "image/png" },
	{ ".ico", "image/vnd.microsoft.icon" },
	{ ".webp", "image/webp" },
	{ ".woff2", "font/woff2" },
	{ ".woff", "font/woff" },
	{ ".wasm", "application/wasm" },
	{ ".txt", "text/plain; charset=utf-8" },
};

/* In the order of preference. */
static const struct coding {
	const char *name, *ending;
} codings[] = { { "br", ".br" }, { "gzip", ".gz" } };

static bool ends_with(const char *text, const char *ending)
{
	size_t len = strlen(text), ending_len = strlen(ending);

	return len > ending_len && str_equal(text + len - ending_len, ending);
}

static const char *type_of(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (ends_with(path, types[i].ending))
			return types[i].type;
	return "application/octet-stream";
}

/* "assets/index-B4kq_9xZ.js": what a build names by the hash of its content. */
static bool never_changes(const char *path)
{
	const char *dot = strrchr(path, '.'), *dash;

	if (!str_starts(path, "assets/") || !dot)
		return false;
	for (dash = path; (dash = strchr(dash, '-')); dash++) {
		size_t len = (size_t)(dot - dash - 1);

		/* The hash itself may have a dash in it. */
		if (dot > dash && len >= HASH_MIN &&
		    strspn(dash + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == len)
			return true;
	}
	return false;
}

/* ---- files ---- */

struct file {
	int fd; /* -1: there is none */
	struct stat st;
};

/* No segment may be a link: a file is below the folder or it is not found. */
static int open_below(const char *dir, const char *path)
{
	_cleanup_free_ char *copy = xstrdup(path);
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *at = copy, *slash;

	for (; fd >= 0; at = slash + 1) {
		int next;

		slash = strchr(at, '/');
		if (slash)
			*slash = '\0';
		if (*at == '\0' || *at == '.')
			return close_fd(fd);
		next = openat(fd, at, (slash ? O_PATH | O_DIRECTORY : O_RDONLY | O_NONBLOCK) | O_NOFOLLOW | O_CLOEXEC);
		close_fd(fd);
		if (!slash)
			return next;
		fd = next;
	}
	return -1;
}

static struct file file_open(const char *dir, const char *path)
{
	struct file file = { .fd = open_below(dir, path) };

	if (file.fd >= 0 && (fstat(file.fd, &file.st) < 0 || !S_ISREG(file.st.st_mode)))
		file.fd = close_fd(file.fd);
	return file;
}

/* ---- what the client takes ---- */

/* Whether Accept-Encoding takes a coding: named, or covered by "*"; with a weight of 0 it is refused. */
static bool takes(const char *accepted, const char *coding)
{
	bool star = false;

	for (const char *at = accepted; at && *at; at += *at == ',') {
		const char *item = at + strspn(at, " \t"), *weight;
		size_t len = strcspn(item, " \t;,"), whole = strcspn(item, ",");
		_cleanup_free_ char *text = xstrndup(item, whole);
		bool refused;

		at = item + whole;
		weight = strcasestr(text, "q=");
		refused = weight && weight[2] == '0' && strspn(weight + 2, "0.") == strcspn(weight + 2, " \t;");
		if (len == strlen(coding) && strncasecmp(item, coding, len) == 0)
			return !refused;
		if (len == 1 && *item == '*')
			star = !refused;
	}
	return star;
}

/* If-None-Match: a list of tags, or "*"; compared weakly (RFC 9110 section 8.8.3.2). */
static bool has_tag(const char *list, const char *tag)
{
	for (const char *at = list; at && *at;) {
		size_t len;

		at += strspn(at, " \t,");
		if (*at == '*')
			return true;
		if (str_starts(at, "W/"))
			at += 2;
		len = strcspn(at, ", \t");
		if (len == strlen(tag) && strncmp(at, tag, len) == 0)
			return true;
		at += len;
	}
	return false;
}

/* ---- answers ---- */

static void answer_missing(struct http_request *request, const char *dir)
{
	_cleanup_err_ struct err err = ERR_INIT;

	if (access(dir, X_OK) < 0)
		err_set(&err, ERR_NOT_FOUND,
			"the dashboard is not installed: there is no folder %s (ui.dir in the configuration)", dir);
	else
		err_set(&err, ERR_NOT_FOUND, "there is nothing at %s", http_request_path(request));
	http_answer_problem(request, &err);
}

/* Takes the descriptor over. */
static void answer_file(struct http_request *request, const char *path, const struct file *file,
			const struct coding *coding)
{
	_cleanup_free_ char *tag =
		xasprintf("\"%llx-%llx-%llx%s%s\"", (unsigned long long)file->st.st_size,
			  (unsigned long long)file->st.st_mtim.tv_sec, (unsigned long long)file->st.st_mtim.tv_nsec,
			  coding ? "-" : "", coding ? coding->name : "");
	_cleanup_free_ char *etag = xasprintf("ETag: %s", tag);
	_cleanup_free_ char *encoding = coding ? xasprintf("Content-Encoding: %s", coding->name) : NULL;
	const char *headers[ARRAY_SIZE(common_headers) + 4];
	size_t n = 0;

	for (; n < ARRAY_SIZE(common_headers); n++)
		headers[n] = common_headers[n];
	headers[n++] = etag;
	headers[n++] =
		never_changes(path) ? "Cache-Control: public, max-age=31536000, immutable" : "Cache-Control: no-cache";
	if (encoding)
		headers[n++] = encoding;
	headers[n] = NULL;
	if (has_tag(http_request_header(request, "If-None-Match"), tag)) {
		close(file->fd);
		http_answer_data(request, 304, NULL, "", 0, headers);
	} else {
		http_answer_file(request, 200, type_of(path), file->fd, (uint64_t)file->st.st_size, headers);
	}
}

static bool answer_path(struct http_request *request, const char *dir, const char *path)
{
	struct file plain = file_open(dir, path);
	const char *accepted = http_request_header(request, "Accept-Encoding");

	if (plain.fd < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(codings); i++) {
		_cleanup_free_ char *sibling = xasprintf("%s%s", path, codings[i].ending);
		struct file packed = { .fd = -1 };

		if (takes(accepted, codings[i].name))
			packed = file_open(dir, sibling);
		if (packed.fd >= 0) {
			close(plain.fd);
			answer_file(request, path, &packed, &codings[i]);
			return true;
		}
	}
	answer_file(request, path, &plain, NULL);
	return true;
}

void ui_files_answer(struct http_request *request, const char *dir)
{
	static const char *const allow[] = { "Allow: GET, HEAD", NULL };
	const char *path = http_request_path(request) + 1, *name = strrchr(path, '/');
	const char *method = http_request_method(request);
	bool ours = !str_equal(path, "v1") && !str_starts(path, "v1/");

	name = name ? name + 1 : path;
	if (ours && !str_equal(method, "GET") && !str_equal(method, "HEAD"))
		http_answer_data(request, 405, "text/plain", "only GET and HEAD\n", strlen("only GET and HEAD\n"),
				 allow);
	else if (!ours || !(answer_path(request, dir, *path ? path : INDEX) ||
			    (!strchr(name, '.') && answer_path(request, dir, INDEX))))
		answer_missing(request, dir);
}

void api_fallback(struct http_request *request, void *data)
{
	const struct api *api = data;

	ui_files_answer(request, api->spec.ui_dir);
}
