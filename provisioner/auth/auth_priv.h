/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef INGOT_AUTH_AUTH_PRIV_H
#define INGOT_AUTH_AUTH_PRIV_H

#include "auth/auth.h"
#include "base/rate.h"

#define MINUTE_MS INT64_C(60000)
#define TRIES_KEPT 4096

struct auth {
	struct store *store;
	char *initial_password_file;
	unsigned hashing;
	struct rate_table tries;
};

/* auth_session.c. When a session is over. */
int64_t auth_session_end(const struct sign_in_session *session);
/* Puts its end off, to the minute; gives it as it is then. */
const struct sign_in_session *auth_session_used(struct auth *auth, const struct sign_in_session *session);
/* Within a transaction: ends the sessions of a user, but for one (or NULL). */
void auth_sessions_end(struct auth *auth, const char *user, const char *except);

/* auth_user.c. Whether a user may sign in and do everything. */
bool auth_is_admin(const struct user *user);
void auth_forget_initial_password(struct auth *auth);

/* auth.c. Within a transaction. */
void auth_token_store(struct auth *auth, const struct token *token, const char *user, const char *text, char **ret_id);

#endif
