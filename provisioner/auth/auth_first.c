/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first start, and the way back in for who lost the administrator's password. */
#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/auth_priv.h"

#include "base/log.h"
#include "crypto/crypto.h"

#define NAME "admin"
#define RANDOM_LENGTH 20 /* of 64 letters each: 120 bits */
#define PASSWORD_FILE_MAX 4096

static void wipe_free_p(char **text)
{
	if (*text)
		wipe(*text, strlen(*text));
	free(*text);
}

static int write_line(const char *path, const char *text, struct err *err)
{
	_cleanup_(wipe_free_p) char *line = xasprintf("%s\n", text);
	int r = write_file_atomic(path, line, strlen(line), 0600);
	return r < 0 ? err_set_errno(err, r, "writing %s", path) : 0;
}

static int make_token(struct auth *auth, const char *state_dir, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/admin.token", state_dir), *id = NULL;
	if (store_count(auth->store, &kind_token) > 0)
		return 0;
	_cleanup_(wipe_free_p) char *text = token_new("ingot");
	int r = write_line(path, text, err);
	if (r < 0)
		return r;
	const struct token token = { .name = (char *)NAME, .role = ROLE_ADMIN };
	store_begin(auth->store);
	auth_token_store(auth, &token, NULL, text, &id);
	return store_commit(auth->store, err);
}

/* ---- the user ---- */

/* Makes "admin" what it has to be. change: somebody else knows the password. */
static int set_admin(struct auth *auth, const char *hash, bool change, struct err *err)
{
	const struct user *known = store_find(auth->store, &kind_user, NAME);
	store_begin(auth->store);
	struct user *user =
		known ? store_edit(auth->store, &kind_user, known->id) : store_create(auth->store, &kind_user);
	str_set(&user->name, NAME);
	user->role = ROLE_ADMIN;
	user->disabled = false;
	user->password_change_required = change;
	if (!known)
		user->created_at = loop_now_ms(store_loop(auth->store));
	str_set(&user->password_hash, hash);
	auth_sessions_end(auth, user->id, NULL);
	store_event(auth->store, known ? "user.changed.file" : "user.created", "user", user->id, NAME, "role",
		    role_words[ROLE_ADMIN], NULL);
	return store_commit(auth->store, err);
}

static int set_password(struct auth *auth, const char *password, bool change, struct err *err)
{
	_cleanup_(password_work_free_p) struct password_work *work = new0(struct password_work, 1);
	work->new_password = xstrdup(password);
	password_work_run(work);
	if (!work->new_hash)
		return err_set(err, ERR_INTERNAL, "the administrator's password could not be hashed");
	return set_admin(auth, work->new_hash, change, err);
}

/* -ENOENT: there is no such file. Who else may read it knows the password already. */
static int read_given(const char *path, bool hashed, char **ret, struct err *err)
{
	struct stat st;
	char *text = NULL;
	size_t len = 0;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? -ENOENT : err_set_errno(err, -errno, "reading %s", path);
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) || st.st_uid != geteuid())
		return err_set(err, ERR_INVALID, "%s: must be a file of our own that nobody else may read (mode 0600)",
			       path);
	int r = read_file(path, PASSWORD_FILE_MAX, &text, &len);
	if (r < 0)
		return err_set_errno(err, r, "reading %s", path);
	text[strcspn(text, "\r\n")] = '\0';
	if (hashed) {
		if (crypt_checksalt(text) == CRYPT_SALT_OK) {
			*ret = text;
			return 0;
		}
		wipe_free_p(&text);
		return err_set(err, ERR_INVALID, "%s: its first line is a password's hash, as mkpasswd writes it",
			       path);
	}
	const struct field *f = schema_field(&user_schema, "password");
	if (strlen(text) >= (size_t)f->min && strlen(text) <= (size_t)f->max) {
		*ret = text;
		return 0;
	}
	wipe_free_p(&text);
	return err_set(err, ERR_INVALID, "%s: its first line is the password, of %lld to %lld bytes", path,
		       (long long)f->min, (long long)f->max);
}

static int take_given(struct auth *auth, const char *path, bool hashed, struct err *err)
{
	_cleanup_(wipe_free_p) char *text = NULL;
	int r = read_given(path, hashed, &text, err);
	if (r < 0)
		return r;
	r = hashed ? set_admin(auth, text, false, err) : set_password(auth, text, false, err);
	if (r < 0)
		return r;
	/* Only now: a crash before this sets the same password once more. */
	if (unlink(path) < 0)
		return err_set_errno(err, -errno, "removing %s", path);
	auth_forget_initial_password(auth);
	log_info("the password of '" NAME "' was taken from %s", path);
	return 0;
}

static int make_password(struct auth *auth, struct err *err)
{
	_cleanup_(wipe_free_p) char *token = token_new("");
	char *password = token + strspn(token, "_");
	password[RANDOM_LENGTH] = '\0';
	int r = auth->initial_password_file ? write_line(auth->initial_password_file, password, err) : 0;
	if (r == 0)
		r = set_password(auth, password, true, err);
	if (r < 0)
		return r;
	printf("first start: sign in as '" NAME "' with the password %s\n", password);
	fflush(stdout);
	return 0;
}

int auth_first_start(struct auth *auth, const char *state_dir, struct err *err)
{
	_cleanup_free_ char *given = xasprintf("%s/admin.password", state_dir);
	_cleanup_free_ char *given_hash = xasprintf("%s/admin.password-hash", state_dir);
	int r = make_token(auth, state_dir, err);
	if (r < 0)
		return r;
	r = take_given(auth, given, false, err);
	if (r == -ENOENT)
		r = take_given(auth, given_hash, true, err);
	if (r != -ENOENT)
		return r;
	return store_count(auth->store, &kind_user) > 0 ? 0 : make_password(auth, err);
}
