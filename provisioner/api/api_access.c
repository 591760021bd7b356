/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who calls, and whether that one may. */
#include "api/api_priv.h"

char *api_cookie(const struct http_request *request)
{
	/* RFC 6265 section 4.2.1: "name=value; name=value". */
	static const char name[] = SESSION_COOKIE "=";
	for (const char *at = http_request_header(request, "Cookie"); at && *at;) {
		at += strspn(at, " ;");
		size_t len = strcspn(at, ";");
		if (str_starts(at, name))
			return xstrndup(at + strlen(name), len - strlen(name));
		at += len;
	}
	return NULL;
}

int api_check_origin(const struct http_request *request, bool needed, struct err *err)
{
	const char *origin = http_request_header(request, "Origin"), *host = http_request_header(request, "Host");
	if (!origin && !needed)
		return 0;
	if (origin && host && str_starts(origin, "https://") && strcasecmp(origin + strlen("https://"), host) == 0)
		return 0;
	return err_set_field(err, ERR_FORBIDDEN, "Origin",
			     "Origin: %s; a session is for the pages of this provisioner only",
			     origin ? "is another site" : "is missing");
}

static int check_session_call(const struct http_request *request, const struct operation *operation, const char *cookie,
			      struct err *err)
{
	bool socket = operation->kind == OPERATION_WEBSOCKET;
	if (!operation_is_unsafe(operation) && !socket)
		return 0;
	/* A page can give a WebSocket no header, but it cannot lie about its origin. */
	int r = api_check_origin(request, socket, err);
	if (r < 0 || socket)
		return r;
	return auth_check_csrf(cookie, http_request_header(request, "X-CSRF-Token"), err);
}

static int find_who(struct api *api, const struct http_request *request, const struct operation *operation,
		    struct auth_who *ret, struct err *err)
{
	const char *bearer = http_request_bearer(request);
	char *cookie = bearer ? NULL : api_cookie(request);
	if (!cookie)
		return auth_by_token(api->auth, bearer, ret, err);
	/* A page can give its stream no header; it opens it by itself, and again after each break. */
	bool unattended = http_request_header(request, "X-Unattended") ||
			  (operation->kind == OPERATION_EVENTS && api_wants_stream(request));
	int r = unattended ? auth_by_cookie_unattended(api->auth, cookie, ret, err)
			   : auth_by_cookie(api->auth, cookie, ret, err);
	if (r == 0)
		r = check_session_call(request, operation, cookie, err);
	wipe(cookie, strlen(cookie));
	free(cookie);
	return r;
}

/* What a session is for while its user has no password that only that one knows. */
static bool leads_to_password(const struct operation *operation)
{
	return operation == &operations[OP_SESSION_SHOW] || operation == &operations[OP_SESSION_DELETE] ||
	       operation == &operations[OP_SESSION_PASSWORD];
}

int api_authorize(struct api *api, struct http_request *request, const struct operation *operation,
		  struct auth_who *ret, struct err *err)
{
	*ret = AUTH_NOBODY;
	if (operation->role == ROLE_NONE)
		return api_check_origin(request, false, err);
	int r = find_who(api, request, operation, ret, err);
	if (r == 0 && !leads_to_password(operation))
		r = auth_require_own_password(ret, err);
	return r == 0 ? auth_require(ret, operation->role, err) : r;
}

bool api_sees(const struct api_call *call, const void *object)
{
	if (call->kind != &kind_token || call->who.role >= ROLE_ADMIN)
		return true;
	const struct token *token = object;
	return call->who.user && str_equal(token->user, call->who.user->id);
}
