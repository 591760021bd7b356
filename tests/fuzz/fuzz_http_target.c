/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The target of a request line, and the route it leads to. */
#include <assert.h>

#include "http/http_server_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_route routes[] = {
	{ .method = "GET", .path = "/v1/machines/{id}/deploy" },
	{ .method = "GET", .path = "/v1/machines" },
	{ .method = "GET", .path = "/files/{*}" },
	{ .method = "POST", .path = "/" },
};

static void check_clean(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		assert(*p >= 0x20 && *p != 0x7f);
	json_decref(json_string(text));
}

static void check(struct http_request *request)
{
	struct http_server server = { .routes = routes, .route_count = ARRAY_SIZE(routes) };
	_cleanup_free_ char *allowed = NULL, *padded = xasprintf("%s/", request->path);

	assert(request->path[0] == '/');
	assert(!strstr(padded, "/../") && !strstr(padded, "/./"));
	check_clean(request->path);
	for (unsigned i = 0; i < request->query_count; i++) {
		check_clean(request->query[i].name);
		check_clean(request->query[i].value);
		assert(http_request_query(request, request->query[i].name));
	}
	request->route = route_find(&server, request, &allowed);
	if (request->route == &routes[0]) {
		const char *id = http_request_param(request, "id");

		assert(id && id[0] && !strchr(id, '/'));
	} else if (request->route == &routes[2]) {
		assert(str_equal(http_request_param(request, "*"), request->path + 7));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_request request = { .method = "GET" };
	_cleanup_free_ char *target = xstrndup((const char *)data, size);

	if (target_parse(&request, target))
		check(&request);
	target_done(&request);
	return 0;
}
