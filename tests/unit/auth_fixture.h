/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of provisioner/auth share, above store_fixture.h. */
#ifndef INGOT_TESTS_AUTH_FIXTURE_H
#define INGOT_TESTS_AUTH_FIXTURE_H

#include "auth/auth.h"
#include "store_fixture.h"

#define ADDRESS "10.0.0.7"
#define PASSWORD "correct horse"

/* A user whose password is PASSWORD; borrowed. */
static inline const struct user *make_user(struct fixture *f, struct auth *auth, const char *name, int role)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(password_work_free_p) struct password_work *work = new0(struct password_work, 1);
	const struct user wanted = { .name = (char *)name, .role = role };
	const struct user *user = NULL;
	work->new_password = xstrdup(PASSWORD);
	password_work_run(work);
	assert_non_null(work->new_hash);
	if (auth_user_create(auth, &wanted, work->new_hash, &user, &err) < 0)
		fail_msg("%s", err.text);
	return user;
}

/* The cookie, or NULL with err. The caller frees. */
static inline char *sign_in(struct auth *auth, const char *name, const char *password, struct err *err)
{
	_cleanup_(password_work_free_p) struct password_work *work = new0(struct password_work, 1);
	const struct sign_in sent = { .name = (char *)name, .password = (char *)password };
	char *cookie = NULL;
	auth_sign_in_begin(auth, &sent, work);
	password_work_run(work);
	auth_sign_in_end(auth, &sent, work, ADDRESS, &cookie, err);
	return cookie;
}

static inline char *must_sign_in(struct auth *auth, const char *name)
{
	_cleanup_err_ struct err err = ERR_INIT;
	char *cookie = sign_in(auth, name, PASSWORD, &err);
	if (!cookie)
		fail_msg("%s", err.text);
	return cookie;
}

static inline struct auth_who who_has(struct auth *auth, const char *cookie)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct auth_who who = AUTH_NOBODY;
	if (auth_by_cookie(auth, cookie, &who, &err) < 0)
		fail_msg("%s", err.text);
	return who;
}

static inline void assert_no_session(struct auth *auth, const char *cookie)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct auth_who who = AUTH_NOBODY;
	assert_true(auth_by_cookie(auth, cookie, &who, &err) < 0);
	assert_int_equal(err.code, ERR_UNAUTHENTICATED);
	assert_int_equal(who.role, ROLE_NONE);
}

#endif
