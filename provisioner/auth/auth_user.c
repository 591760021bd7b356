/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Users. */
#include <errno.h>
#include <unistd.h>

#include "auth/auth_priv.h"

#include "base/log.h"

bool auth_is_admin(const struct user *user)
{
	return user->role == ROLE_ADMIN && !user->disabled;
}

void auth_forget_initial_password(struct auth *auth)
{
	if (auth->initial_password_file && unlink(auth->initial_password_file) < 0 && errno != ENOENT)
		log_warning("removing %s: %s", auth->initial_password_file, strerrordesc_np(errno));
}

static int check_password(const struct user *user, const char *name, struct err *err)
{
	if (!user->password || strcasecmp(user->password, name) != 0)
		return 0;
	return err_set_field(err, ERR_INVALID, "password", "password: must not be the name");
}

int auth_user_check(struct auth *auth, const struct user *user, struct err *err)
{
	if (store_find(auth->store, &kind_user, user->name))
		return err_set_field(err, ERR_EXISTS, "name", "name: there is a user '%s' already", user->name);
	return check_password(user, user->name, err);
}

int auth_user_create(struct auth *auth, const struct user *user, const char *password_hash, const struct user **ret,
		     struct err *err)
{
	int r = auth_user_check(auth, user, err);
	if (r < 0)
		return r;
	store_begin(auth->store);
	struct user *made = store_create(auth->store, &kind_user);
	_cleanup_free_ char *id = xstrdup(made->id);
	made->name = xstrdup(user->name);
	made->role = user->role;
	made->disabled = user->disabled;
	made->password_change_required = user->password_change_required;
	made->created_at = loop_now_ms(store_loop(auth->store));
	str_set(&made->password_hash, password_hash);
	store_event(auth->store, "user.created", "user", id, user->name, "role", role_words[user->role], NULL);
	r = store_commit(auth->store, err);
	if (r == 0)
		*ret = store_get(auth->store, &kind_user, id);
	return r;
}

static int check_not_last(struct auth *auth, const char *id, const char *field, struct err *err)
{
	const struct user *self = store_get(auth->store, &kind_user, id);
	if (!auth_is_admin(self))
		return 0;
	STORE_EACH(struct user, user, auth->store, &kind_user)
		if (auth_is_admin(user) && !str_equal(user->id, id))
			return 0;
	return err_set_field(err, ERR_STATE, field,
			     "'%s' is the last administrator who may sign in; make another one first", self->name);
}

static const char *change_code(bool disabled, bool password)
{
	static const char *const codes[2][2] = {
		{ "user.changed", "user.changed.password" },
		{ "user.changed.disabled", "user.changed.disabled-password" },
	};
	return codes[disabled][password];
}

int auth_user_update(struct auth *auth, const char *id, const struct user *changed, const char *password_hash,
		     struct err *err)
{
	const struct user *before = store_get(auth->store, &kind_user, id);
	int r = check_password(changed, before->name, err);
	if (r == 0 && changed->role != ROLE_ADMIN)
		r = check_not_last(auth, id, "role", err);
	if (r == 0 && changed->disabled)
		r = check_not_last(auth, id, "disabled", err);
	if (r < 0)
		return r;
	store_begin(auth->store);
	struct user *user = store_edit(auth->store, &kind_user, id);
	user->role = changed->role;
	user->disabled = changed->disabled;
	user->password_change_required = changed->password_change_required;
	if (password_hash)
		str_set(&user->password_hash, password_hash);
	if (password_hash || user->disabled)
		auth_sessions_end(auth, id, NULL);
	if (before->role != changed->role || before->disabled != changed->disabled || password_hash)
		store_event(auth->store, change_code(changed->disabled, password_hash != NULL), "user", id,
			    before->name, "role", role_words[changed->role], NULL);
	r = store_commit(auth->store, err);
	if (r == 0 && password_hash)
		auth_forget_initial_password(auth);
	return r;
}

int auth_user_delete(struct auth *auth, const char *id, struct err *err)
{
	const struct user *user = store_get(auth->store, &kind_user, id);
	int r = check_not_last(auth, id, NULL, err);
	if (r < 0)
		return r;
	store_begin(auth->store);
	auth_sessions_end(auth, id, NULL);
	STORE_EACH(struct token, token, auth->store, &kind_token)
		if (str_equal(token->user, id))
			store_remove(auth->store, &kind_token, token->id);
	store_remove(auth->store, &kind_user, id);
	store_event(auth->store, "user.deleted", "user", id, user->name, NULL);
	return store_commit(auth->store, err);
}

int auth_password_change(struct auth *auth, const struct auth_who *who, const struct password_work *work,
			 struct err *err)
{
	/* By the password that was looked at: it may have been changed meanwhile. */
	if (!work->fits || !str_equal(who->user->password_hash, work->hash))
		return err_set_field(err, ERR_FORBIDDEN, "current", "current: is not the password");
	if (!work->new_hash)
		return err_set(err, ERR_INTERNAL, "the password could not be hashed");
	store_begin(auth->store);
	struct user *user = store_edit(auth->store, &kind_user, who->user->id);
	user->password_change_required = false;
	str_set(&user->password_hash, work->new_hash);
	auth_sessions_end(auth, user->id, who->session->id);
	store_event(auth->store, "user.changed.own-password", "user", user->id, user->name, NULL);
	int r = store_commit(auth->store, err);
	if (r == 0)
		auth_forget_initial_password(auth);
	return r;
}
