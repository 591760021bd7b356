/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tokens, roles, and who somebody is. */
#include "auth/auth_priv.h"

#include "base/log.h"
#include "crypto/crypto.h"

#define HASH_DIGITS 64

struct auth *auth_new(struct store *store, const char *initial_password_file)
{
	struct auth *auth = new0(struct auth, 1);
	auth->store = store;
	auth->initial_password_file = xstrdup(initial_password_file);
	rate_table_init(&auth->tries, TRIES_KEPT);
	return auth;
}

struct auth *auth_free(struct auth *auth)
{
	if (!auth)
		return NULL;
	rate_table_done(&auth->tries);
	free(auth->initial_password_file);
	free(auth);
	return NULL;
}

/* ---- who ---- */

/* To the minute: a write for each call would be too much. */
static void note_use(struct auth *auth, const struct token *token)
{
	_cleanup_err_ struct err err = ERR_INIT;
	int64_t now = loop_now_ms(store_loop(auth->store));
	if (now - token->last_used_at < MINUTE_MS && now >= token->last_used_at)
		return;
	store_begin(auth->store);
	((struct token *)store_edit(auth->store, &kind_token, token->id))->last_used_at = now;
	if (store_commit(auth->store, &err) < 0)
		log_warning("token %s: its use was not noted: %s", token->name, err.text);
}

static bool token_works(struct auth *auth, const struct token *token, const struct user **ret_user)
{
	const struct user *user = token->user ? store_get(auth->store, &kind_user, token->user) : NULL;
	if (token->user && (!user || user->disabled))
		return false;
	*ret_user = user;
	return !token->expires_at || loop_now_ms(store_loop(auth->store)) < token->expires_at;
}

static struct auth_who who_of_token(const struct token *token, const struct user *user)
{
	return (struct auth_who){ .via = AUDIT_VIA_TOKEN,
				  .role = user ? MIN_OF(token->role, user->role) : token->role,
				  .id = token->id,
				  .name = token->name,
				  .user = user };
}

int auth_by_token(struct auth *auth, const char *bearer, struct auth_who *ret, struct err *err)
{
	_cleanup_free_ char *hash = bearer ? sha256_hex(bearer, strlen(bearer)) : NULL;
	const struct user *user = NULL;
	if (!bearer)
		return err_set(err, ERR_UNAUTHENTICATED, "sign in, or send a token: Authorization: Bearer TOKEN");
	STORE_EACH(struct token, token, auth->store, &kind_token) {
		if (!token->hash || !equal_constant_time(token->hash, hash, HASH_DIGITS))
			continue;
		if (!token_works(auth, token, &user))
			return err_set(err, ERR_UNAUTHENTICATED, "the token is not valid any more");
		*ret = who_of_token(token, user);
		note_use(auth, token);
		return 0;
	}
	return err_set(err, ERR_UNAUTHENTICATED, "the token is not valid");
}

int auth_require(const struct auth_who *who, int role, struct err *err)
{
	if (who->role >= role)
		return 0;
	return err_set(err, ERR_FORBIDDEN, "this needs the role %s; %s '%s' has the role %s", role_words[role],
		       who->via == AUDIT_VIA_TOKEN ? "token" : "user", who->name, role_words[who->role]);
}

int auth_require_own_password(const struct auth_who *who, struct err *err)
{
	if (!who->session || !who->user->password_change_required)
		return 0;
	return err_set_field(
		err, ERR_FORBIDDEN, "password_change_required",
		"password_change_required: somebody else knows the password of '%s'; change it first, with "
		"POST /v1/session/password",
		who->name);
}

/* "t" or "s", then the identifier of the token or session. */
char *auth_reference(const struct auth_who *who)
{
	return who->via == AUDIT_VIA_TOKEN ? xasprintf("t%s", who->id) : xasprintf("s%s", who->session->id);
}

bool auth_reference_valid(struct auth *auth, const char *reference, int role)
{
	const struct user *user = NULL;
	if (reference[0] == 't') {
		const struct token *token = store_get(auth->store, &kind_token, reference + 1);
		return token && token_works(auth, token, &user) && who_of_token(token, user).role >= role;
	}
	const struct sign_in_session *session = store_get(auth->store, &kind_sign_in_session, reference + 1);
	bool over = !session || loop_now_ms(store_loop(auth->store)) >= auth_session_end(session);
	user = over ? NULL : store_get(auth->store, &kind_user, session->user);
	return user && !user->disabled && !user->password_change_required && user->role >= role;
}

bool auth_reference_used(struct auth *auth, const char *reference, int role)
{
	if (!auth_reference_valid(auth, reference, role))
		return false;
	if (reference[0] == 's')
		auth_session_used(auth, store_get(auth->store, &kind_sign_in_session, reference + 1));
	else
		note_use(auth, store_get(auth->store, &kind_token, reference + 1));
	return true;
}

/* ---- tokens ---- */

void auth_token_store(struct auth *auth, const struct token *token, const char *user, const char *text, char **ret_id)
{
	struct token *made = store_create(auth->store, &kind_token);
	made->name = xstrdup(token->name);
	made->role = token->role;
	made->expires_at = token->expires_at;
	made->user = xstrdup(user);
	made->hash = sha256_hex(text, strlen(text));
	made->created_at = loop_now_ms(store_loop(auth->store));
	*ret_id = xstrdup(made->id);
}

static int check_token(struct auth *auth, const struct auth_who *who, const struct token *token, struct err *err)
{
	if (store_find(auth->store, &kind_token, token->name))
		return err_set_field(err, ERR_EXISTS, "name", "name: there is a token '%s' already", token->name);
	if (token->role > who->role)
		return err_set_field(err, ERR_FORBIDDEN, "role",
				     "role: a token's role is at most that of who makes it, which is %s",
				     role_words[who->role]);
	if (token->expires_at && token->expires_at <= loop_now_ms(store_loop(auth->store)))
		return err_set_field(err, ERR_INVALID, "expires_at", "expires_at: must be a time to come");
	return 0;
}

int auth_token_create(struct auth *auth, const struct auth_who *who, const struct token *token,
		      const struct token **ret, char **ret_text, struct err *err)
{
	_cleanup_free_ char *id = NULL;
	int r = check_token(auth, who, token, err);
	if (r < 0)
		return r;
	char *text = token_new("ingot");
	store_begin(auth->store);
	auth_token_store(auth, token, who->user ? who->user->id : NULL, text, &id);
	store_event(auth->store, "token.created", "token", id, token->name, "user", who->name, "role",
		    role_words[token->role], NULL);
	r = store_commit(auth->store, err);
	if (r < 0) {
		wipe(text, strlen(text));
		free(text);
		return r;
	}
	*ret = store_get(auth->store, &kind_token, id);
	*ret_text = text;
	return 0;
}

int auth_token_delete(struct auth *auth, const char *id, struct err *err)
{
	const struct token *token = store_get(auth->store, &kind_token, id);
	store_begin(auth->store);
	store_remove(auth->store, &kind_token, id);
	store_event(auth->store, "token.deleted", "token", id, token->name, NULL);
	return store_commit(auth->store, err);
}
