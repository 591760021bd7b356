/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may call the API: users who sign in (sessions), and tokens; each has a role. Of passwords, cookies and tokens only
 * hashes are stored. Loop thread, but for what is said to be of any thread. */
#ifndef INGOT_AUTH_AUTH_H
#define INGOT_AUTH_AUTH_H

#include "store/store.h"

struct auth;
/* initial_password_file: removed once the administrator's password was changed; or NULL. */
struct auth *auth_new(struct store *store, const char *initial_password_file);
struct auth *auth_free(struct auth *auth); /* NULL is fine; returns NULL */
DEFINE_CLEANUP(struct auth *, auth_free)

/* Who calls. What it points to is borrowed from the store: valid until control returns to the loop. */
struct auth_who {
	int via;  /* AUDIT_VIA_* */
	int role; /* enum role; ROLE_NONE: nobody */
	const char *id, *name;
	const struct user *user;	       /* NULL: a token that no user made */
	const struct sign_in_session *session; /* AUDIT_VIA_SESSION */
};
#define AUTH_NOBODY ((struct auth_who){ .role = ROLE_NONE })

/* By a token: 0, or ERR_UNAUTHENTICATED if there is none such, it has expired, or who made it may not sign in any more. Its
 * role is never more than its maker's is now. Notes the time of its use, to the minute. */
int auth_by_token(struct auth *auth, const char *bearer, struct auth_who *ret, struct err *err);
/* By the value of a session's cookie: 0, or ERR_UNAUTHENTICATED. Puts the session's end off. */
int auth_by_cookie(struct auth *auth, const char *cookie, struct auth_who *ret, struct err *err);
/* The same for what a page does by itself, with nobody at it: the session's end stays where it is. */
int auth_by_cookie_unattended(struct auth *auth, const char *cookie, struct auth_who *ret, struct err *err);
/* 0, or ERR_FORBIDDEN naming the role that is needed. */
int auth_require(const struct auth_who *who, int role, struct err *err);
/* 0, or ERR_FORBIDDEN naming password_change_required and how it is changed: who has signed in with a password that somebody
 * else chose. */
int auth_require_own_password(const struct auth_who *who, struct err *err);
/* What is kept of who opened something that lasts, such as a stream; the caller frees it. */
char *auth_reference(const struct auth_who *who);
/* Whether that one may still do what needs this role. */
bool auth_reference_valid(struct auth *auth, const char *reference, int role);
/* The same for what that one does now: it puts off the end of a session, as a call does. */
bool auth_reference_used(struct auth *auth, const char *reference, int role);

/* ---- passwords: hashing takes a tenth of a second and 16 MiB, on the work queue ---- */

struct password_work {
	char *password;	    /* to be looked at; NULL: none */
	char *hash;	    /* what it is to fit; NULL: nobody's. It takes as long either way */
	bool fits;	    /* result */
	char *new_password; /* to be hashed; NULL: none */
	char *new_hash;	    /* result; NULL: it could not be hashed */
};
struct password_work *password_work_free(struct password_work *work); /* wipes; NULL is fine; returns NULL */
DEFINE_CLEANUP(struct password_work *, password_work_free)
/* Any thread: does it here and now. */
void password_work_run(struct password_work *work);
/* Does it on a worker, one at a time, then calls done on the loop. ERR_BUSY: too many wait already, and nothing was begun;
 * work stays the caller's either way, until done. */
int auth_password_work(struct auth *auth, struct password_work *work, loop_fn done, void *data, struct err *err);

/* ---- signing in ---- */

/* Whether somebody may try a password of name from address now: 0 and one try is used up, or ERR_RATE_LIMIT and
 * *ret_after_s is when it may be tried again. What is tried elsewhere counts only when it comes from many addresses.
 * auth_try_succeeded() gives the try back. */
int auth_try(struct auth *auth, const char *name, const char *address, int64_t *ret_after_s, struct err *err);
void auth_try_succeeded(struct auth *auth, const char *name, const char *address);
/* The user of a name whose password work->hash has to fit: takes over a copy of its hash, or NULL if there is none. */
void auth_sign_in_begin(struct auth *auth, const struct sign_in *sign_in, struct password_work *work);
/* After the work: opens a session. *ret_cookie is shown this once; the caller wipes and frees it. ERR_UNAUTHENTICATED, the
 * same for a wrong name, a wrong password and a user that is disabled. */
int auth_sign_in_end(struct auth *auth, const struct sign_in *sign_in, const struct password_work *work,
		     const char *address, char **ret_cookie, struct err *err);
int auth_sign_out(struct auth *auth, const struct auth_who *who, struct err *err);
/* The session as its user sees it. The caller frees it with session_schema. */
struct session_info *auth_session_info(const struct auth_who *who, const char *cookie);
/* The token that a session's calls which change something carry besides the cookie. It follows from the cookie, which
 * scripts of other sites (and ours) cannot read. The caller frees it. */
char *auth_csrf_token(const char *cookie);
/* 0, or ERR_FORBIDDEN naming the header. given may be NULL. */
int auth_check_csrf(const char *cookie, const char *given, struct err *err);
/* Changes one's own password, after the work on both: ERR_FORBIDDEN if the current one is wrong. All other sessions of the
 * user end. */
int auth_password_change(struct auth *auth, const struct auth_who *who, const struct password_work *work,
			 struct err *err);

/* ---- users and tokens ---- */

/* Checks what is known before a password is hashed: ERR_INVALID, ERR_EXISTS. */
int auth_user_check(struct auth *auth, const struct user *user, struct err *err);
/* password_hash: of user->password. *ret: borrowed. */
int auth_user_create(struct auth *auth, const struct user *user, const char *password_hash, const struct user **ret,
		     struct err *err);
/* Makes a user what changed says; password_hash NULL leaves the password. Whoever is disabled, or has a new password, is
 * signed out. ERR_STATE: nobody would be left who may do everything. */
int auth_user_update(struct auth *auth, const char *id, const struct user *changed, const char *password_hash,
		     struct err *err);
/* With the user's sessions and tokens. ERR_STATE as above. */
int auth_user_delete(struct auth *auth, const char *id, struct err *err);
/* Makes a token for whoever asks: ERR_FORBIDDEN if its role is above theirs, ERR_EXISTS, ERR_INVALID. The text is shown
 * this once. The caller wipes and frees it. */
int auth_token_create(struct auth *auth, const struct auth_who *who, const struct token *token,
		      const struct token **ret, char **ret_text, struct err *err);
int auth_token_delete(struct auth *auth, const char *id, struct err *err);

/* ---- the list of what was done ---- */

/* Adds an entry, whose id and time are filled in; it is only read. The oldest go once there are AUDIT_MAX or they are
 * older than AUDIT_KEPT_MS. */
#define AUDIT_MAX 20000
#define AUDIT_KEPT_MS (INT64_C(400) * 24 * 60 * 60 * 1000)
int auth_audit(struct auth *auth, const struct audit *entry, struct err *err);

/* ---- the first start ---- */

/* On the first start: makes the administrator's token, written to STATE_DIR/admin.token, and the user "admin" with a random
 * password, printed to standard output and written to STATE_DIR/admin.initial-password (both mode 0600). On every start: a
 * file STATE_DIR/admin.password of mode 0600 is taken as the password of "admin", who is made an administrator that may sign
 * in, and the file is removed; likewise STATE_DIR/admin.password-hash, which has the password's hash (crypt(5)). Files are
 * written before what they are for is stored: a crash between leaves a file that does not work and is written anew. Blocks
 * for the time of a hash: before the loop runs. */
int auth_first_start(struct auth *auth, const char *state_dir, struct err *err);

#endif
