/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tokens and roles. */
#include <sys/stat.h>

#include "auth/auth.h"
#include "crypto/crypto.h"
#include "store_fixture.h"

static char *make(struct fixture *f, const char *name, int role)
{
	_cleanup_err_ struct err err = ERR_INIT;
	char *text = NULL;
	if (auth_token_create(f->store, name, role, &text, &err) < 0)
		fail_msg("%s", err.text);
	return text;
}

static void assert_unknown(struct fixture *f, const char *bearer)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct token *token = NULL;
	assert_true(auth_token(f->store, bearer, &token, &err) < 0);
	assert_int_equal(err.code, ERR_UNAUTHENTICATED);
	assert_null(token);
}

static void a_token_is_known_by_its_text_only(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *text = make(f, "ci", ROLE_OPERATOR), *other = make(f, "dashboard", ROLE_VIEWER);
	const struct token *token = NULL;
	assert_int_equal(auth_token(f->store, text, &token, NULL), 0);
	assert_string_equal(token->name, "ci");
	assert_int_equal(auth_token(f->store, other, &token, NULL), 0);
	assert_string_equal(token->name, "dashboard");
	token = store_find(f->store, &kind_token, "ci");
	_cleanup_free_ char *shorter = xstrndup(text, strlen(text) - 1), *longer = xasprintf("%sx", text);
	const char *const wrong[] = { NULL, "", "ci", token->id, token->hash, shorter, longer, "ingot_" };
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_unknown(f, wrong[i]);
}

static void the_text_is_stored_nowhere(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *text = make(f, "ci", ROLE_OPERATOR), *hash = sha256_hex(text, strlen(text));
	_cleanup_free_ char *content = NULL, *wal = xasprintf("%s-wal", f->path);
	size_t len;
	assert_string_equal(((const struct token *)store_find(f->store, &kind_token, "ci"))->hash, hash);
	assert_int_equal(read_file(wal, 16 * MIB, &content, &len), 0);
	assert_non_null(memmem(content, len, hash, strlen(hash)));
	assert_null(memmem(content, len, text, strlen(text)));
	json_t *shown = schema_encode(&token_schema, store_find(f->store, &kind_token, "ci"), false);
	assert_null(json_object_get(shown, "hash"));
	json_decref(shown);
	store_begin(f->store); /* one whose hash was lost is nobody's */
	str_set(&((struct token *)store_edit(f->store, &kind_token,
					     ((const struct token *)store_find(f->store, &kind_token, "ci"))->id))
			 ->hash,
		NULL);
	assert_commit(f->store);
	assert_unknown(f, text);
}

static void roles_are_in_order(void **state)
{
	for (int has = ROLE_VIEWER; has <= ROLE_ADMIN; has++) {
		for (int needed = ROLE_VIEWER; needed <= ROLE_ADMIN; needed++) {
			_cleanup_err_ struct err err = ERR_INIT;
			const struct token token = { .name = (char *)"ci", .role = has };
			_cleanup_free_ char *text = xasprintf("this needs the role %s; token 'ci' has the role %s",
							      role_words[needed], role_words[has]);
			int r = auth_require(&token, needed, &err);
			assert_int_equal(r == 0, has >= needed);
			if (r == 0)
				continue;
			assert_int_equal(err.code, ERR_FORBIDDEN);
			assert_string_equal(err.text, text);
		}
	}
}

static void a_name_is_for_one_token(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *text = make(f, "ci", ROLE_OPERATOR);
	char *second = NULL;
	assert_true(auth_token_create(f->store, "ci", ROLE_ADMIN, &second, &err) < 0);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_string_equal(err.field, "name");
	assert_null(second);
	const struct token *token = NULL;
	assert_int_equal(auth_token(f->store, text, &token, NULL), 0);
	assert_int_equal(token->role, ROLE_OPERATOR);
}

/* ---- the first start ---- */

static char *read_token(const char *path)
{
	char *text = NULL;
	size_t len;
	assert_int_equal(read_file(path, 4096, &text, &len), 0);
	assert_int_equal(text[len - 1], '\n');
	text[len - 1] = '\0';
	return text;
}

static void the_first_start_makes_the_administrators_token(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *path = xasprintf("%s/admin.token", f->dir);
	struct stat st;
	assert_int_equal(auth_first_start(f->store, path, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	_cleanup_free_ char *text = read_token(path);
	const struct token *token = NULL;
	assert_int_equal(auth_token(f->store, text, &token, &err), 0);
	assert_int_equal(token->role, ROLE_ADMIN);
	fixture_reopen(f);
	assert_int_equal(auth_first_start(f->store, path, &err), 0); /* later ones change nothing */
	_cleanup_free_ char *later = read_token(path);
	assert_string_equal(later, text);
	assert_int_equal(store_count(f->store, &kind_token), 1);
	assert_int_equal(remove(path), 0); /* nor do they bring back what was taken away */
	assert_int_equal(auth_first_start(f->store, path, &err), 0);
	assert_int_not_equal(stat(path, &st), 0);
}

static void a_crash_in_between_leaves_a_token_that_is_made_anew(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *path = xasprintf("%s/admin.token", f->dir);
	assert_int_equal(write_file_atomic(path, "ingot_old\n", 10, 0600), 0);
	assert_int_equal(auth_first_start(f->store, path, &err), 0);
	_cleanup_free_ char *text = read_token(path);
	const struct token *token = NULL;
	assert_int_equal(auth_token(f->store, text, &token, &err), 0);
	assert_unknown(f, "ingot_old");
}

static void a_file_that_cannot_be_written_is_told(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *path = xasprintf("%s/none/admin.token", f->dir);
	assert_true(auth_first_start(f->store, path, &err) < 0);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(store_count(f->store, &kind_token), 0); /* or nobody would ever know it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_token_is_known_by_its_text_only),
		TEST(the_text_is_stored_nowhere),
		cmocka_unit_test(roles_are_in_order),
		TEST(a_name_is_for_one_token),
		TEST(the_first_start_makes_the_administrators_token),
		TEST(a_crash_in_between_leaves_a_token_that_is_made_anew),
		TEST(a_file_that_cannot_be_written_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
