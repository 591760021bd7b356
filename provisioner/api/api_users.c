/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions, users and tokens. */
#include "api/api_priv.h"

/* ---- sessions ---- */

static int need_session(const struct api_call *call, struct err *err)
{
	if (call->who.session)
		return 0;
	return err_set(err, ERR_UNAUTHENTICATED, "a token has no session; sign in with POST /v1/session");
}

static int try_password(struct api_call *call, const char *name, struct err *err)
{
	return auth_try(call->api->auth, name, call->address, &call->retry_after_s, err);
}

/* cookie: what is set; "" takes it away from the browser. */
static char *set_cookie(const char *cookie)
{
	return xasprintf("Set-Cookie: " SESSION_COOKIE "=%s; Path=/; Secure; HttpOnly; SameSite=Strict%s", cookie,
			 cookie[0] ? "" : "; Max-Age=0");
}

static void answer_session(struct api_call *call, const struct auth_who *who, const char *cookie, int status, bool set)
{
	struct session_info *info = auth_session_info(who, cookie);
	char *header = set ? set_cookie(cookie) : NULL;
	const char *const headers[] = { header, NULL };
	http_answer_json(call->request, status, schema_encode(&session_schema, info, false), headers);
	call->answered = true;
	call->status = status;
	schema_free(&session_schema, info);
	if (header)
		wipe(header, strlen(header));
	free(header);
}

int api_prepare_sign_in(struct api_call *call, struct password_work **ret_work, struct err *err)
{
	const struct sign_in *sign_in = call->body;
	int r = try_password(call, sign_in->name, err);
	if (r < 0)
		return r;
	*ret_work = new0(struct password_work, 1);
	auth_sign_in_begin(call->api->auth, sign_in, *ret_work);
	return 0;
}

int api_sign_in(struct api_call *call, struct err *err)
{
	char *cookie = NULL;
	int r = auth_sign_in_end(call->api->auth, call->body, call->passwords, call->address, &cookie, err);
	if (r < 0)
		return r;
	r = auth_by_cookie(call->api->auth, cookie, &call->who, err);
	if (r == 0)
		answer_session(call, &call->who, cookie, 201, true);
	wipe(cookie, strlen(cookie));
	free(cookie);
	return r;
}

int api_session_show(struct api_call *call, struct err *err)
{
	int r = need_session(call, err);
	char *cookie = r == 0 ? api_cookie(call->request) : NULL;
	if (!cookie)
		return r;
	answer_session(call, &call->who, cookie, 200, false);
	wipe(cookie, strlen(cookie));
	free(cookie);
	return 0;
}

int api_sign_out(struct api_call *call, struct err *err)
{
	int r = need_session(call, err);
	if (r == 0)
		r = auth_sign_out(call->api->auth, &call->who, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *header = set_cookie("");
	const char *const headers[] = { header, NULL };
	http_answer_json(call->request, 204, NULL, headers);
	call->answered = true;
	return 0;
}

int api_prepare_password(struct api_call *call, struct password_work **ret_work, struct err *err)
{
	const struct password_change *change = call->body;
	int r = need_session(call, err);
	if (r == 0 && strcasecmp(change->password, call->who.name) == 0)
		r = err_set_field(err, ERR_INVALID, "password", "password: must not be the name");
	if (r == 0 && str_equal(change->password, change->current))
		r = err_set_field(err, ERR_INVALID, "password", "password: is the same as before");
	if (r == 0)
		r = try_password(call, call->who.name, err);
	if (r < 0)
		return r;
	*ret_work = new0(struct password_work, 1);
	(*ret_work)->password = xstrdup(change->current);
	(*ret_work)->hash = xstrdup(call->who.user->password_hash);
	(*ret_work)->new_password = xstrdup(change->password);
	return 0;
}

int api_session_password(struct api_call *call, struct err *err)
{
	int r = auth_password_change(call->api->auth, &call->who, call->passwords, err);
	if (r < 0)
		return r;
	auth_try_succeeded(call->api->auth, call->who.name, call->address);
	call->who.user = store_get(call->api->store, &kind_user, call->who.user->id);
	return api_session_show(call, err);
}

/* ---- users ---- */

static struct password_work *work_of(const char *password)
{
	if (!password)
		return NULL;
	struct password_work *work = new0(struct password_work, 1);
	work->new_password = xstrdup(password);
	return work;
}

static int hash_of(const struct api_call *call, const char **ret, struct err *err)
{
	*ret = call->passwords ? call->passwords->new_hash : NULL;
	if (!call->passwords || *ret)
		return 0;
	return err_set_field(err, ERR_INTERNAL, "password", "password: it could not be hashed");
}

int api_prepare_user_create(struct api_call *call, struct password_work **ret_work, struct err *err)
{
	const struct user *user = call->body;
	/* With a key this may be a call that was made before: then the name is taken by right. */
	int r = http_request_header(call->request, "Idempotency-Key") ? 0 : auth_user_check(call->api->auth, user, err);
	if (r == 0)
		*ret_work = work_of(user->password);
	return r;
}

int api_user_create(struct api_call *call, struct err *err)
{
	const char *hash = NULL;
	const struct user *user = NULL;
	int r = hash_of(call, &hash, err);
	if (r == 0)
		r = auth_user_create(call->api->auth, call->body, hash, &user, err);
	call->result = user;
	return r;
}

int api_prepare_user_update(struct api_call *call, struct password_work **ret_work, struct err *err)
{
	*ret_work = work_of(((const struct user *)call->body)->password);
	return 0;
}

int api_user_update(struct api_call *call, struct err *err)
{
	const char *hash = NULL;
	int r = hash_of(call, &hash, err);
	return r == 0 ? auth_user_update(call->api->auth, call->id, call->body, hash, err) : r;
}

int api_user_delete(struct api_call *call, struct err *err)
{
	return auth_user_delete(call->api->auth, call->id, err);
}

/* ---- tokens ---- */

int api_token_create(struct api_call *call, struct err *err)
{
	const struct token *token = NULL;
	int r = auth_token_create(call->api->auth, &call->who, call->body, &token, &call->token_text, err);
	call->result = token;
	return r;
}

int api_token_delete(struct api_call *call, struct err *err)
{
	return auth_token_delete(call->api->auth, call->id, err);
}
