/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The target of a request line: path and query, decoded; and the route for it. libmicrohttpd's own decoding is not used: it
 * decodes the path before it is split, so that "%2F" would make two segments of one. */
#include "base/utf8.h"
#include "http/http_server_priv.h"

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Text that may be compared, stored and logged: UTF-8 without control characters. */
static bool text_clean(const char *text)
{
	while (*text) {
		uint32_t c = 0;
		size_t len = utf8_take(text, &c);

		if (len == 0 || c < 0x20 || c == 0x7f)
			return false;
		text += len;
	}
	return true;
}

/* Decodes in place. False for a bad escape, and for one that gives NUL. */
static bool percent_decode(char *text, bool plus_is_space)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		if (*in == '%') {
			int high = hex_digit(in[1]), low = high < 0 ? -1 : hex_digit(in[2]);

			if (low < 0 || (high == 0 && low == 0))
				return false;
			*out++ = (char)(high << 4 | low);
			in += 2;
		} else {
			*out++ = plus_is_space && *in == '+' ? ' ' : *in;
		}
	}
	*out = '\0';
	return true;
}

static bool path_parse(struct http_request *request, const char *raw, size_t len)
{
	_cleanup_strbuf_ struct strbuf path = { 0 };

	if (len == 0 || raw[0] != '/')
		return false;
	request->parts = xstrndup(raw + 1, len - 1);
	for (char *at = request->parts;;) {
		char *end = strchrnul(at, '/');
		bool last = *end == '\0';

		*end = '\0';
		if (!percent_decode(at, false) || !text_clean(at) || strchr(at, '/') || str_equal(at, ".") ||
		    str_equal(at, "..") || request->part_count == PATH_SEGMENTS_MAX)
			return false;
		request->part[request->part_count++] = at;
		strbuf_adds(&path, "/");
		strbuf_adds(&path, at);
		if (last)
			break;
		at = end + 1;
	}
	request->path = strbuf_take(&path);
	return true;
}

static bool query_parse(struct http_request *request, const char *raw)
{
	unsigned count = 1;

	for (const char *p = raw; *p; p++)
		count += *p == '&';
	if (count > QUERY_PAIRS_MAX)
		return false;
	request->query_text = xstrdup(raw);
	request->query = new0(struct query_pair, count);
	for (char *at = request->query_text; at;) {
		char *end = strchr(at, '&'), *equals;
		struct query_pair *pair = &request->query[request->query_count];

		if (end)
			*end++ = '\0';
		if (*at) {
			equals = strchr(at, '=');
			if (equals)
				*equals++ = '\0';
			pair->name = at;
			pair->value = equals ? equals : at + strlen(at);
			if (!percent_decode(pair->name, true) || (equals && !percent_decode(pair->value, true)) ||
			    !text_clean(pair->name) || !text_clean(pair->value))
				return false;
			request->query_count++;
		}
		at = end;
	}
	return true;
}

bool target_parse(struct http_request *request, const char *target)
{
	const char *query;

	if (!target || strchr(target, ' '))
		return false;
	query = strchr(target, '?');
	if (!path_parse(request, target, query ? (size_t)(query - target) : strlen(target)))
		return false;
	return !query || query_parse(request, query + 1);
}

void target_done(struct http_request *request)
{
	free(request->path);
	free(request->parts);
	free(request->query_text);
	free(request->query);
}

/* ---- routes ---- */

/* Steps to the next segment of a route's path: its start in *at, its length is returned. */
static size_t route_segment(const char **at)
{
	(*at)++; /* the slash */
	return strcspn(*at, "/");
}

static bool is_rest(const char *segment, size_t len)
{
	return len == 3 && memcmp(segment, "{*}", 3) == 0;
}

static bool route_matches(const struct http_route *route, const struct http_request *request)
{
	const char *at = route->path;
	unsigned i = 0;

	for (; *at; i++) {
		size_t len = route_segment(&at);

		if (is_rest(at, len))
			return i < request->part_count;
		if (i == request->part_count)
			return false;
		if (len > 0 && at[0] == '{') {
			if (request->part[i][0] == '\0')
				return false;
		} else if (strlen(request->part[i]) != len || memcmp(request->part[i], at, len) != 0) {
			return false;
		}
		at += len;
	}
	return i == request->part_count;
}

const struct http_route *route_find(const struct http_server *server, const struct http_request *request,
				    char **ret_allowed)
{
	_cleanup_strbuf_ struct strbuf allowed = { 0 };

	for (size_t i = 0; i < server->route_count; i++) {
		const struct http_route *route = &server->routes[i];

		if (!route_matches(route, request))
			continue;
		/* The daemon cuts the body off an answer to HEAD. */
		if (str_equal(route->method, request->method) ||
		    (str_equal(request->method, "HEAD") && str_equal(route->method, "GET")))
			return route;
		strbuf_addf(&allowed, "%s%s", allowed.len > 0 ? ", " : "", route->method);
	}
	*ret_allowed = allowed.len > 0 ? strbuf_take(&allowed) : NULL;
	return NULL;
}

const char *route_param(const struct http_request *request, const char *name)
{
	size_t name_len = strlen(name);
	const char *at = request->route ? request->route->path : "", *rest = request->path;

	for (unsigned i = 0; *at && i < request->part_count; i++) {
		size_t len = route_segment(&at);

		rest++; /* the slash: what follows is part i and all after it */
		if (is_rest(at, len))
			return str_equal(name, "*") ? rest : NULL;
		if (len == name_len + 2 && at[0] == '{' && memcmp(at + 1, name, name_len) == 0)
			return request->part[i];
		rest += strlen(request->part[i]);
		at += len;
	}
	return NULL;
}
