/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may call the API: bearer tokens with a role. Only their hashes are stored. Loop thread. */
#ifndef INGOT_AUTH_AUTH_H
#define INGOT_AUTH_AUTH_H

#include "store/store.h"

/* The role of a token: 0 and *ret_token (borrowed), or ERR_UNAUTHENTICATED. */
int auth_token(struct store *store, const char *bearer, const struct token **ret_token, struct err *err);
/* 0, or ERR_FORBIDDEN naming the role that is needed. */
int auth_require(const struct token *token, int role, struct err *err);
/* Makes a token; the text is shown this once. The caller wipes and frees it. */
int auth_token_create(struct store *store, const char *name, int role, char **ret_text, struct err *err);
/* On the first start: makes the administrator's token and writes it to path (mode 0600). Later starts do nothing. The file
 * is written before the hash is stored: a crash between leaves a file that does not work and is written anew. */
int auth_first_start(struct store *store, const char *path, struct err *err);

#endif
