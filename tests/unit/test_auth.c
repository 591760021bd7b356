/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tokens and roles, and the first start. */
#include <sys/stat.h>
#include <unistd.h>

#include "auth_fixture.h"
#include "crypto/crypto.h"

static const struct auth_who root = { .via = AUDIT_VIA_TOKEN, .role = ROLE_ADMIN, .name = "root" };

static char *make_as(struct auth *auth, const struct auth_who *who, const char *name, int role, int64_t expires_at)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct token wanted = { .name = (char *)name, .role = role, .expires_at = expires_at }, *token = NULL;
	char *text = NULL;
	if (auth_token_create(auth, who, &wanted, &token, &text, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(token->name, name);
	return text;
}

static char *make(struct auth *auth, const char *name, int role)
{
	return make_as(auth, &root, name, role, 0);
}

static void assert_unknown(struct auth *auth, const char *bearer)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct auth_who who = AUTH_NOBODY;
	assert_true(auth_by_token(auth, bearer, &who, &err) < 0);
	assert_int_equal(err.code, ERR_UNAUTHENTICATED);
	assert_int_equal(who.role, ROLE_NONE);
}

static struct auth_who assert_known(struct auth *auth, const char *bearer, const char *name)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct auth_who who = AUTH_NOBODY;
	if (auth_by_token(auth, bearer, &who, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(who.name, name);
	assert_int_equal(who.via, AUDIT_VIA_TOKEN);
	return who;
}

static void a_token_is_known_by_its_text_only(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	_cleanup_free_ char *text = make(auth, "ci", ROLE_OPERATOR), *other = make(auth, "dashboard", ROLE_VIEWER);
	assert_int_equal(assert_known(auth, text, "ci").role, ROLE_OPERATOR);
	assert_int_equal(assert_known(auth, other, "dashboard").role, ROLE_VIEWER);
	const struct token *token = store_find(f->store, &kind_token, "ci");
	_cleanup_free_ char *shorter = xstrndup(text, strlen(text) - 1), *longer = xasprintf("%sx", text);
	const char *const wrong[] = { NULL, "", "ci", token->id, token->hash, shorter, longer, "ingot_" };
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_unknown(auth, wrong[i]);
}

static void the_text_is_stored_nowhere(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	_cleanup_free_ char *text = make(auth, "ci", ROLE_OPERATOR), *hash = sha256_hex(text, strlen(text));
	_cleanup_free_ char *content = NULL, *wal = xasprintf("%s-wal", f->path);
	size_t len;
	assert_string_equal(((const struct token *)store_find(f->store, &kind_token, "ci"))->hash, hash);
	assert_int_equal(read_file(wal, 16 * MIB, &content, &len), 0);
	assert_non_null(memmem(content, len, hash, strlen(hash)));
	assert_null(memmem(content, len, text, strlen(text)));
	json_t *shown = schema_encode(&token_schema, store_find(f->store, &kind_token, "ci"), false);
	assert_null(json_object_get(shown, "hash"));
	assert_true(json_is_null(json_object_get(shown, "token")));
	json_decref(shown);
	store_begin(f->store); /* one whose hash was lost is nobody's */
	str_set(&((struct token *)store_edit(f->store, &kind_token,
					     ((const struct token *)store_find(f->store, &kind_token, "ci"))->id))
			 ->hash,
		NULL);
	assert_commit(f->store);
	assert_unknown(auth, text);
}

static void roles_are_in_order(void **state)
{
	for (int has = ROLE_VIEWER; has <= ROLE_ADMIN; has++) {
		for (int needed = ROLE_VIEWER; needed <= ROLE_ADMIN; needed++) {
			_cleanup_err_ struct err err = ERR_INIT;
			const struct auth_who who = { .via = AUDIT_VIA_TOKEN, .name = "ci", .role = has };
			_cleanup_free_ char *text = xasprintf("this needs the role %s; token 'ci' has the role %s",
							      role_words[needed], role_words[has]);
			int r = auth_require(&who, needed, &err);
			assert_int_equal(r == 0, has >= needed);
			if (r == 0)
				continue;
			assert_int_equal(err.code, ERR_FORBIDDEN);
			assert_string_equal(err.text, text);
		}
	}
}

static void assert_not_made(struct auth *auth, const struct auth_who *who, struct token wanted, enum err_code code,
			    const char *field)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct token *token = NULL;
	char *text = NULL;
	assert_true(auth_token_create(auth, who, &wanted, &token, &text, &err) < 0);
	assert_int_equal(err.code, code);
	assert_string_equal(err.field, field);
	assert_null(token);
	assert_null(text);
}

static void a_token_that_cannot_be_is_refused(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	_cleanup_free_ char *text = make(auth, "ci", ROLE_OPERATOR);
	const struct auth_who operator_ = { .role = ROLE_OPERATOR, .name = "op" };
	char *ci = (char *)"ci", *other = (char *)"other";
	assert_not_made(auth, &root, (struct token){ .name = ci, .role = ROLE_ADMIN }, ERR_EXISTS, "name");
	assert_not_made(auth, &operator_, (struct token){ .name = other, .role = ROLE_ADMIN }, ERR_FORBIDDEN, "role");
	assert_not_made(auth, &root, (struct token){ .name = other, .expires_at = START_MS }, ERR_INVALID,
			"expires_at");
	assert_int_equal(store_count(f->store, &kind_token), 1);
	assert_int_equal(assert_known(auth, text, "ci").role, ROLE_OPERATOR);
}

static void a_token_ends_when_it_was_told_to(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	_cleanup_free_ char *text = make_as(auth, &root, "ci", ROLE_VIEWER, START_MS + 60000);
	fixture_pass(f, 59999);
	struct auth_who who = assert_known(auth, text, "ci");
	_cleanup_free_ char *reference = auth_reference(&who);
	assert_true(auth_reference_valid(auth, reference, ROLE_VIEWER));
	assert_false(auth_reference_valid(auth, reference, ROLE_OPERATOR));
	fixture_pass(f, 1);
	assert_unknown(auth, text);
	assert_false(auth_reference_valid(auth, reference, ROLE_VIEWER));
}

static void its_use_is_noted_to_the_minute(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	_cleanup_free_ char *text = make(auth, "ci", ROLE_VIEWER), *id = NULL;
	id = xstrdup(((const struct token *)store_find(f->store, &kind_token, "ci"))->id);
	assert_int_equal(((const struct token *)store_get(f->store, &kind_token, id))->last_used_at, 0);
	assert_known(auth, text, "ci");
	int64_t revision = store_revision(f->store, &kind_token, id);
	assert_int_equal(((const struct token *)store_get(f->store, &kind_token, id))->last_used_at, START_MS);
	fixture_pass(f, 59999);
	assert_known(auth, text, "ci");
	assert_int_equal(store_revision(f->store, &kind_token, id), revision); /* nothing was written */
	fixture_pass(f, 1);
	assert_known(auth, text, "ci");
	assert_int_equal(((const struct token *)store_get(f->store, &kind_token, id))->last_used_at, START_MS + 60000);
}

static void a_token_is_never_more_than_its_maker(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	make_user(f, auth, "root", ROLE_ADMIN);
	const struct user *user = make_user(f, auth, "kim", ROLE_ADMIN);
	_cleanup_free_ char *id = xstrdup(user->id), *cookie = must_sign_in(auth, "kim");
	struct auth_who kim = who_has(auth, cookie);
	_cleanup_free_ char *text = make_as(auth, &kim, "kims", ROLE_ADMIN, 0);
	assert_int_equal(assert_known(auth, text, "kims").role, ROLE_ADMIN);
	/* A token that her token makes is hers as well. */
	struct auth_who token = assert_known(auth, text, "kims");
	_cleanup_free_ char *second = make_as(auth, &token, "second", ROLE_VIEWER, 0);
	assert_string_equal(((const struct token *)store_find(f->store, &kind_token, "second"))->user, id);
	struct user changed = { .name = (char *)"kim", .role = ROLE_VIEWER };
	assert_int_equal(auth_user_update(auth, id, &changed, NULL, &err), 0);
	assert_int_equal(assert_known(auth, text, "kims").role, ROLE_VIEWER);
	changed.disabled = true;
	assert_int_equal(auth_user_update(auth, id, &changed, NULL, &err), 0);
	assert_unknown(auth, text);
	assert_unknown(auth, second);
	assert_int_equal(auth_user_delete(auth, id, &err), 0);
	assert_int_equal(store_count(f->store, &kind_token), 0);
}

/* ---- the first start ---- */

static char *read_line(const char *path)
{
	char *text = NULL;
	size_t len;
	assert_int_equal(read_file(path, 4096, &text, &len), 0);
	assert_int_equal(text[len - 1], '\n');
	text[len - 1] = '\0';
	return text;
}

static void assert_private(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void the_first_start_makes_the_administrator(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *path = xasprintf("%s/admin.token", f->dir), *initial = xasprintf("%s/initial", f->dir);
	struct auth *auth = auth_new(f->store, initial);
	assert_int_equal(auth_first_start(auth, f->dir, &err), 0);
	assert_private(path);
	assert_private(initial);
	_cleanup_free_ char *text = read_line(path), *password = read_line(initial);
	assert_int_equal(assert_known(auth, text, "admin").role, ROLE_ADMIN);
	assert_int_equal(strlen(password), 20);
	_cleanup_free_ char *cookie = sign_in(auth, "admin", password, &err);
	assert_non_null(cookie);
	assert_true(who_has(auth, cookie).user->password_change_required);
	auth_free(auth);
	fixture_reopen(f);
	auth = auth_new(f->store, initial);
	assert_int_equal(auth_first_start(auth, f->dir, &err), 0); /* later ones change nothing */
	_cleanup_free_ char *later = read_line(path), *same = read_line(initial);
	assert_string_equal(later, text);
	assert_string_equal(same, password);
	assert_int_equal(store_count(f->store, &kind_token), 1);
	assert_int_equal(store_count(f->store, &kind_user), 1);
	assert_int_equal(remove(path), 0); /* nor do they bring back what was taken away */
	assert_int_equal(auth_first_start(auth, f->dir, &err), 0);
	assert_int_not_equal(access(path, F_OK), 0);
	auth_free(auth);
}

static void a_password_that_is_given_is_taken(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *given = xasprintf("%s/admin.password", f->dir), *initial = xasprintf("%s/initial", f->dir);
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, initial);
	assert_int_equal(write_file_atomic(given, PASSWORD "\n", strlen(PASSWORD "\n"), 0600), 0);
	assert_int_equal(auth_first_start(auth, f->dir, &err), 0);
	assert_int_not_equal(access(given, F_OK), 0);
	assert_int_not_equal(access(initial, F_OK), 0);
	_cleanup_free_ char *cookie = must_sign_in(auth, "admin");
	struct auth_who who = who_has(auth, cookie);
	assert_false(who.user->password_change_required);
	/* And later again: the way back in for who lost it, with whom it was lost to signed out. */
	_cleanup_free_ char *id = xstrdup(who.user->id);
	store_begin(f->store);
	struct user *user = store_edit(f->store, &kind_user, id);
	user->disabled = true;
	user->role = ROLE_VIEWER;
	assert_commit(f->store);
	assert_int_equal(write_file_atomic(given, "another horse", 13, 0600), 0);
	assert_int_equal(auth_first_start(auth, f->dir, &err), 0);
	assert_no_session(auth, cookie);
	_cleanup_free_ char *old = sign_in(auth, "admin", PASSWORD, NULL),
			    *new = sign_in(auth, "admin", "another horse", NULL);
	assert_null(old);
	assert_int_equal(who_has(auth, new).role, ROLE_ADMIN);
}

static void a_hash_that_is_given_is_taken(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *given = xasprintf("%s/admin.password", f->dir), *hash_file = xasprintf("%s-hash", given);
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	assert_int_equal(write_file_atomic(given, PASSWORD "\n", strlen(PASSWORD "\n"), 0600), 0);
	assert_int_equal(auth_first_start(auth, f->dir, &err), 0);
	_cleanup_free_ char *cookie = must_sign_in(auth, "admin");
	_cleanup_free_ char *hash = xstrdup(who_has(auth, cookie).user->password_hash);
	assert_int_equal(write_file_atomic(given, "another horse", 13, 0600), 0);
	assert_int_equal(auth_first_start(auth, f->dir, &err), 0);
	assert_int_equal(write_file_atomic(hash_file, "no hash\n", 8, 0600), 0);
	assert_true(auth_first_start(auth, f->dir, &err) < 0);
	assert_non_null(strstr(err.text, hash_file));
	assert_int_equal(write_file_atomic(hash_file, hash, strlen(hash), 0600), 0);
	assert_int_equal(auth_first_start(auth, f->dir, &err), 0);
	assert_int_not_equal(access(hash_file, F_OK), 0);
	_cleanup_free_ char *old = sign_in(auth, "admin", "another horse", NULL);
	assert_null(old);
	_cleanup_free_ char *again = must_sign_in(auth, "admin");
	assert_false(who_has(auth, again).user->password_change_required);
}

static void a_password_file_that_others_can_read_is_refused(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *given = xasprintf("%s/admin.password", f->dir);
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	static const struct {
		const char *text, *words;
		unsigned mode;
	} cases[] = {
		{ PASSWORD "\n", "0600", 0644 },
		{ "short\n", "8 to 256 bytes", 0600 },
		{ "", "8 to 256 bytes", 0600 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		assert_int_equal(write_file_atomic(given, cases[i].text, strlen(cases[i].text), cases[i].mode), 0);
		assert_true(auth_first_start(auth, f->dir, &err) < 0);
		assert_non_null(strstr(err.text, given));
		assert_non_null(strstr(err.text, cases[i].words));
		assert_int_equal(access(given, F_OK), 0);
		assert_int_equal(store_count(f->store, &kind_user), 0);
	}
}

static void a_crash_in_between_leaves_a_token_that_is_made_anew(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *path = xasprintf("%s/admin.token", f->dir);
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	assert_int_equal(write_file_atomic(path, "ingot_old\n", 10, 0600), 0);
	assert_int_equal(auth_first_start(auth, f->dir, &err), 0);
	_cleanup_free_ char *text = read_line(path);
	assert_known(auth, text, "admin");
	assert_unknown(auth, "ingot_old");
}

static void a_file_that_cannot_be_written_is_told(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *dir = xasprintf("%s/none", f->dir);
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	assert_true(auth_first_start(auth, dir, &err) < 0);
	assert_non_null(strstr(err.text, dir));
	assert_int_equal(store_count(f->store, &kind_token), 0); /* or nobody would ever know it */
	assert_int_equal(store_count(f->store, &kind_user), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_token_is_known_by_its_text_only),
		TEST(the_text_is_stored_nowhere),
		cmocka_unit_test(roles_are_in_order),
		TEST(a_token_that_cannot_be_is_refused),
		TEST(a_token_ends_when_it_was_told_to),
		TEST(its_use_is_noted_to_the_minute),
		TEST(a_token_is_never_more_than_its_maker),
		TEST(the_first_start_makes_the_administrator),
		TEST(a_password_that_is_given_is_taken),
		TEST(a_hash_that_is_given_is_taken),
		TEST(a_password_file_that_others_can_read_is_refused),
		TEST(a_crash_in_between_leaves_a_token_that_is_made_anew),
		TEST(a_file_that_cannot_be_written_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
