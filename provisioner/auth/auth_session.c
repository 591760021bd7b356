/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions: a cookie of 256 random bits, whose hash is the identifier of what is stored. */
#include "auth/auth_priv.h"

#include "base/log.h"
#include "crypto/crypto.h"

#define IDLE_MS (60 * MINUTE_MS)
#define LONGEST_MS (12 * 60 * MINUTE_MS)
#define PER_USER_MAX 50
#define ID_DIGITS 32

static int64_t now_ms(struct auth *auth)
{
	return loop_now_ms(store_loop(auth->store));
}

static char *session_id(const char *cookie)
{
	_cleanup_free_ char *hash = sha256_hex(cookie, strlen(cookie));
	return xstrndup(hash, ID_DIGITS);
}

int64_t auth_session_end(const struct sign_in_session *session)
{
	return MIN_OF(session->seen + IDLE_MS, session->created + LONGEST_MS);
}

static int commit_or_log(struct auth *auth, const char *what)
{
	_cleanup_err_ struct err err = ERR_INIT;
	int r = store_commit(auth->store, &err);
	if (r < 0)
		log_warning("session: %s: %s", what, err.text);
	return r;
}

/* To the minute: a write for each call would be too much. */
const struct sign_in_session *auth_session_used(struct auth *auth, const struct sign_in_session *session)
{
	if (now_ms(auth) - session->seen < MINUTE_MS)
		return session;
	store_begin(auth->store);
	((struct sign_in_session *)store_edit(auth->store, &kind_sign_in_session, session->id))->seen = now_ms(auth);
	return commit_or_log(auth, "its use was not noted") == 0
		       ? store_get(auth->store, &kind_sign_in_session, session->id)
		       : session;
}

int auth_by_cookie_unattended(struct auth *auth, const char *cookie, struct auth_who *ret, struct err *err)
{
	_cleanup_free_ char *id = session_id(cookie);
	const struct sign_in_session *session = store_get(auth->store, &kind_sign_in_session, id);
	const struct user *user = session ? store_get(auth->store, &kind_user, session->user) : NULL;
	if (!user || user->disabled)
		return err_set(err, ERR_UNAUTHENTICATED, "there is no such session (any more); sign in");
	if (now_ms(auth) >= auth_session_end(session)) {
		store_begin(auth->store);
		store_remove(auth->store, &kind_sign_in_session, id);
		commit_or_log(auth, "it was not removed");
		return err_set(err, ERR_UNAUTHENTICATED, "the session is over; sign in again");
	}
	*ret = (struct auth_who){ .via = AUDIT_VIA_SESSION,
				  .role = user->role,
				  .id = user->id,
				  .name = user->name,
				  .user = user,
				  .session = session };
	return 0;
}

int auth_by_cookie(struct auth *auth, const char *cookie, struct auth_who *ret, struct err *err)
{
	int r = auth_by_cookie_unattended(auth, cookie, ret, err);
	if (r == 0)
		ret->session = auth_session_used(auth, ret->session);
	return r;
}

void auth_sessions_end(struct auth *auth, const char *user, const char *except)
{
	STORE_EACH(struct sign_in_session, session, auth->store, &kind_sign_in_session)
		if (str_equal(session->user, user) && !str_equal(session->id, except))
			store_remove(auth->store, &kind_sign_in_session, session->id);
}

/* ---- beginning and end ---- */

void auth_sign_in_begin(struct auth *auth, const struct sign_in *sign_in, struct password_work *work)
{
	const struct user *user = store_find(auth->store, &kind_user, sign_in->name);
	work->password = xstrdup(sign_in->password);
	work->hash = user ? xstrdup(user->password_hash) : NULL;
}

/* Within a transaction: drops what is over, and of a user with very many the one that was left alone for longest. */
static void make_room(struct auth *auth, const char *user)
{
	const struct sign_in_session *oldest = NULL;
	size_t count = 0;
	STORE_EACH(struct sign_in_session, session, auth->store, &kind_sign_in_session) {
		if (now_ms(auth) >= auth_session_end(session)) {
			store_remove(auth->store, &kind_sign_in_session, session->id);
		} else if (str_equal(session->user, user)) {
			count++;
			if (!oldest || session->seen < oldest->seen)
				oldest = session;
		}
	}
	if (count >= PER_USER_MAX)
		store_remove(auth->store, &kind_sign_in_session, oldest->id);
}

static int open_session(struct auth *auth, const struct user *user, const char *address, char **ret_cookie,
			struct err *err)
{
	char *cookie = token_new("session");
	_cleanup_free_ char *id = session_id(cookie);
	store_begin(auth->store);
	make_room(auth, user->id);
	struct sign_in_session *session = store_create_id(auth->store, &kind_sign_in_session, id);
	session->user = xstrdup(user->id);
	session->address = xstrdup(address);
	session->created = session->seen = now_ms(auth);
	int r = store_commit(auth->store, err);
	if (r == 0) {
		*ret_cookie = cookie;
		return 0;
	}
	wipe(cookie, strlen(cookie));
	free(cookie);
	return r;
}

int auth_sign_in_end(struct auth *auth, const struct sign_in *sign_in, const struct password_work *work,
		     const char *address, char **ret_cookie, struct err *err)
{
	const struct user *user = store_find(auth->store, &kind_user, sign_in->name);
	/* By name only, and by the password that was looked at: it may have been changed meanwhile. */
	bool right = work->fits && user && str_equal(user->name, sign_in->name) && !user->disabled &&
		     str_equal(user->password_hash, work->hash);
	if (!right)
		return err_set(err, ERR_UNAUTHENTICATED, "the name or the password is wrong");
	auth_try_succeeded(auth, sign_in->name, address);
	return open_session(auth, user, address, ret_cookie, err);
}

int auth_sign_out(struct auth *auth, const struct auth_who *who, struct err *err)
{
	store_begin(auth->store);
	store_remove(auth->store, &kind_sign_in_session, who->session->id);
	return store_commit(auth->store, err);
}

struct session_info *auth_session_info(const struct auth_who *who, const char *cookie)
{
	struct session_info *info = new0(struct session_info, 1);
	info->user = new0(struct session_user, 1);
	info->user->id = xstrdup(who->user->id);
	info->user->name = xstrdup(who->user->name);
	info->user->role = who->user->role;
	info->user->password_change_required = who->user->password_change_required;
	info->csrf_token = auth_csrf_token(cookie);
	info->expires_at = auth_session_end(who->session);
	return info;
}

/* ---- CSRF ---- */

char *auth_csrf_token(const char *cookie)
{
	_cleanup_free_ char *text = xasprintf("ingot csrf %s", cookie);
	char *token = sha256_hex(text, strlen(text));
	wipe(text, strlen(text));
	return token;
}

int auth_check_csrf(const char *cookie, const char *given, struct err *err)
{
	_cleanup_free_ char *right = auth_csrf_token(cookie);
	if (given && strlen(given) == strlen(right) && equal_constant_time(given, right, strlen(right)))
		return 0;
	return err_set_field(err, ERR_FORBIDDEN, "X-CSRF-Token",
			     "X-CSRF-Token: %s; a session's calls that change something carry its csrf_token in it",
			     given ? "is wrong" : "is missing");
}
