/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/auth.h"

#include "crypto/crypto.h"

int auth_token(struct store *store, const char *bearer, const struct token **ret_token, struct err *err)
{
	_cleanup_free_ char *hash = bearer ? sha256_hex(bearer, strlen(bearer)) : NULL;
	if (!bearer)
		return err_set(err, ERR_UNAUTHENTICATED, "a token is needed: Authorization: Bearer TOKEN");
	STORE_EACH(struct token, token, store, &kind_token) {
		if (token->hash && equal_constant_time(token->hash, hash, 64)) {
			*ret_token = token;
			return 0;
		}
	}
	return err_set(err, ERR_UNAUTHENTICATED, "the token is not valid");
}

int auth_require(const struct token *token, int role, struct err *err)
{
	if (token->role >= role)
		return 0;
	return err_set(err, ERR_FORBIDDEN, "this needs the role %s; token '%s' has the role %s", role_words[role],
		       token->name, role_words[token->role]);
}

static int store_token(struct store *store, const char *name, int role, const char *text, struct err *err)
{
	store_begin(store);
	struct token *token = store_create(store, &kind_token);
	token->name = xstrdup(name);
	token->role = role;
	token->hash = sha256_hex(text, strlen(text));
	token->created_at = loop_now_ms(store_loop(store));
	return store_commit(store, err);
}

int auth_token_create(struct store *store, const char *name, int role, char **ret_text, struct err *err)
{
	const struct token *other = store_find(store, &kind_token, name);
	if (other)
		return err_set_field(err, ERR_EXISTS, "name", "name: there is a token '%s' already", name);
	char *text = token_new("ingot");
	int r = store_token(store, name, role, text, err);
	if (r < 0) {
		wipe(text, strlen(text));
		free(text);
		return r;
	}
	*ret_text = text;
	return 0;
}

int auth_first_start(struct store *store, const char *path, struct err *err)
{
	if (store_count(store, &kind_token) > 0)
		return 0;
	_cleanup_free_ char *text = token_new("ingot");
	_cleanup_free_ char *line = xasprintf("%s\n", text);
	int r = write_file_atomic(path, line, strlen(line), 0600);
	if (r < 0)
		return err_set_errno(err, r, "writing %s", path);
	r = store_token(store, "admin", ROLE_ADMIN, text, err);
	wipe(text, strlen(text));
	wipe(line, strlen(line));
	return r;
}
