/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Users, their passwords and sessions, how often a password may be tried, and the audit list. */
#include <time.h>
#include <unistd.h>

#include "auth_fixture.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)

/* ---- passwords ---- */

static void a_password_fits_its_hash_only(void **state)
{
	static const char *const wrong[] = { "correct hors", "correct horse ", "Correct horse", "" };
	_cleanup_(password_work_free_p) struct password_work *made = new0(struct password_work, 1);
	_cleanup_(password_work_free_p) struct password_work *other = new0(struct password_work, 1);
	made->new_password = xstrdup(PASSWORD);
	other->new_password = xstrdup(PASSWORD);
	password_work_run(made);
	password_work_run(other);
	assert_true(str_starts(made->new_hash, "$y$"));
	assert_string_not_equal(made->new_hash, other->new_hash); /* each has a salt of its own */
	assert_null(strstr(made->new_hash, PASSWORD));
	for (size_t i = 0; i <= ARRAY_SIZE(wrong); i++) {
		bool right = i == ARRAY_SIZE(wrong);
		_cleanup_(password_work_free_p) struct password_work *work = new0(struct password_work, 1);
		work->password = xstrdup(right ? PASSWORD : wrong[i]);
		work->hash = xstrdup(made->new_hash);
		password_work_run(work);
		assert_int_equal(work->fits, right);
	}
}

static double seconds_of(const char *hash)
{
	struct timespec begin, end;
	_cleanup_(password_work_free_p) struct password_work *work = new0(struct password_work, 1);
	work->password = xstrdup(PASSWORD);
	work->hash = xstrdup(hash);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	password_work_run(work);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	assert_int_equal(work->fits, hash != NULL);
	return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
}

static void nobody_takes_as_long_as_somebody(void **state)
{
	_cleanup_(password_work_free_p) struct password_work *made = new0(struct password_work, 1);
	made->new_password = xstrdup(PASSWORD);
	password_work_run(made);
	double somebody = 1e9, nobody = 1e9;
	for (int i = 0; i < 3; i++) {
		double a = seconds_of(made->new_hash), b = seconds_of(NULL);
		somebody = a < somebody ? a : somebody;
		nobody = b < nobody ? b : nobody;
	}
	assert_true(nobody > somebody / 2 && nobody < somebody * 2);
	assert_true(somebody > 0.005); /* a hash that is quickly made is quickly guessed */
}

static void count_call(void *data)
{
	++*(int *)data;
}

static void hashing_runs_on_the_work_queue_and_has_a_cap(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	struct password_work work = { .password = (char *)"x" };
	int calls = 0, begun = 0;
	_cleanup_err_ struct err err = ERR_INIT;
	while (begun < 1000 && auth_password_work(auth, &work, count_call, &calls, &err) == 0)
		begun++;
	assert_in_range(begun, 8, 100);
	assert_int_equal(err.code, ERR_BUSY);
	assert_int_equal(calls, 0);
	assert_int_equal(loop_fake_work_count(f->loop), 1); /* one after another */
	assert_true(loop_fake_work_run(f->loop, 0));
	assert_int_equal(calls, 1);
	assert_false(work.fits);
	assert_int_equal(auth_password_work(auth, &work, count_call, &calls, NULL), 0); /* there is room for one more */
	assert_true(auth_password_work(auth, &work, count_call, &calls, NULL) < 0);
	while (loop_fake_work_run(f->loop, 0))
		continue;
	assert_int_equal(calls, begun + 1);
}

/* ---- sessions ---- */

static void signing_in_opens_a_session(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	const struct user *user = make_user(f, auth, "kim", ROLE_OPERATOR);
	_cleanup_free_ char *cookie = must_sign_in(auth, "kim"), *second = must_sign_in(auth, "kim");
	assert_string_not_equal(cookie, second);
	struct auth_who who = who_has(auth, cookie);
	assert_string_equal(who.name, "kim");
	assert_string_equal(who.id, user->id);
	assert_int_equal(who.role, ROLE_OPERATOR);
	assert_int_equal(who.via, AUDIT_VIA_SESSION);
	struct session_info *info = auth_session_info(&who, cookie);
	assert_string_equal(info->user->name, "kim");
	assert_int_equal(info->expires_at, START_MS + HOUR);
	assert_null(strstr(info->csrf_token, cookie));
	assert_int_equal(auth_check_csrf(cookie, info->csrf_token, NULL), 0);
	_cleanup_err_ struct err err = ERR_INIT;
	const char *const wrong[] = { NULL, "", cookie, "0", who.session->id };
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_true(auth_check_csrf(cookie, wrong[i], &err) < 0);
		assert_int_equal(err.code, ERR_FORBIDDEN);
		assert_string_equal(err.field, "X-CSRF-Token");
	}
	assert_true(auth_check_csrf(second, info->csrf_token, NULL) < 0); /* it is of one session */
	schema_free(&session_schema, info);
	fixture_reopen(f); /* it outlives a restart */
	_cleanup_(auth_free_p) struct auth *again = auth_new(f->store, NULL);
	who = who_has(again, cookie);
	assert_int_equal(auth_sign_out(again, &who, NULL), 0);
	assert_no_session(again, cookie);
	who_has(again, second);
}

static void the_cookie_is_stored_nowhere(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	make_user(f, auth, "kim", ROLE_OPERATOR);
	_cleanup_free_ char *cookie = must_sign_in(auth, "kim"), *csrf = auth_csrf_token(cookie);
	_cleanup_free_ char *content = NULL, *wal = xasprintf("%s-wal", f->path);
	const char *const secrets[] = { cookie, csrf, PASSWORD };
	size_t len;
	assert_int_equal(read_file(wal, 16 * MIB, &content, &len), 0);
	assert_non_null(memmem(content, len, ADDRESS, strlen(ADDRESS)));
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		assert_null(memmem(content, len, secrets[i], strlen(secrets[i])));
}

static void who_is_wrong_is_not_told_how(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	make_user(f, auth, "root", ROLE_ADMIN);
	_cleanup_free_ char *id = xstrdup(make_user(f, auth, "kim", ROLE_OPERATOR)->id), *first = NULL;
	const struct user off = { .name = (char *)"kim", .disabled = true };
	assert_int_equal(auth_user_update(auth, id, &off, NULL, NULL), 0);
	static const struct {
		const char *name, *password;
	} cases[] = {
		{ "root", "wrong" }, { "nobody", PASSWORD }, { "kim", PASSWORD }, { "", PASSWORD }, { "root", "" }
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		assert_null(sign_in(auth, cases[i].name, cases[i].password, &err));
		assert_int_equal(err.code, ERR_UNAUTHENTICATED);
		if (!first)
			first = xstrdup(err.text);
		assert_string_equal(err.text, first);
	}
	_cleanup_err_ struct err err = ERR_INIT;
	assert_null(sign_in(auth, id, PASSWORD, &err)); /* an identifier is no name */
	assert_int_equal(store_count(f->store, &kind_sign_in_session), 0);
}

static void a_session_ends_when_it_is_left_alone(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	make_user(f, auth, "kim", ROLE_OPERATOR);
	_cleanup_free_ char *cookie = must_sign_in(auth, "kim"), *idle = must_sign_in(auth, "kim");
	fixture_pass(f, HOUR - 1);
	struct auth_who who = who_has(auth, cookie); /* that puts its end off */
	_cleanup_free_ char *reference = auth_reference(&who);
	fixture_pass(f, 1);
	assert_no_session(auth, idle);
	who_has(auth, cookie);
	assert_true(auth_reference_valid(auth, reference, ROLE_OPERATOR));
	fixture_pass(f, HOUR - 1);
	assert_false(auth_reference_valid(auth, reference, ROLE_OPERATOR));
	assert_no_session(auth, cookie);
	assert_int_equal(store_count(f->store, &kind_sign_in_session), 0);
}

/* A page that is left open asks again and again: that is nobody's use. */
static void what_a_page_does_by_itself_keeps_no_session(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	make_user(f, auth, "kim", ROLE_OPERATOR);
	_cleanup_free_ char *cookie = must_sign_in(auth, "kim");
	_cleanup_err_ struct err err = ERR_INIT;
	for (int i = 0; i < 59; i++) {
		struct auth_who who = AUTH_NOBODY;
		fixture_pass(f, HOUR / 60);
		assert_int_equal(auth_by_cookie_unattended(auth, cookie, &who, &err), 0);
		assert_int_equal(who.role, ROLE_OPERATOR);
		assert_int_equal(who.session->seen, who.session->created);
	}
	fixture_pass(f, HOUR / 60);
	struct auth_who who = AUTH_NOBODY;
	assert_true(auth_by_cookie_unattended(auth, cookie, &who, &err) < 0);
	assert_int_equal(err.code, ERR_UNAUTHENTICATED);
	assert_int_equal(store_count(f->store, &kind_sign_in_session), 0);
}

static void a_session_ends_after_half_a_day(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	make_user(f, auth, "kim", ROLE_OPERATOR);
	_cleanup_free_ char *cookie = must_sign_in(auth, "kim");
	for (int i = 0; i < 23; i++) {
		fixture_pass(f, HOUR / 2);
		struct auth_who who = who_has(auth, cookie);
		struct session_info *info = auth_session_info(&who, cookie);
		assert_true(info->expires_at <= START_MS + 12 * HOUR);
		schema_free(&session_schema, info);
	}
	fixture_pass(f, HOUR / 2 - 1);
	who_has(auth, cookie);
	fixture_pass(f, 1);
	assert_no_session(auth, cookie);
}

static void sessions_of_a_user_are_not_without_end(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	_cleanup_free_ char *id = xstrdup(make_user(f, auth, "kim", ROLE_OPERATOR)->id);
	make_user(f, auth, "lee", ROLE_VIEWER);
	_cleanup_free_ char *other = must_sign_in(auth, "lee");
	for (int i = 0; i < 50; i++) {
		_cleanup_free_ char *sid = xasprintf("session-%d", i);
		store_begin(f->store);
		struct sign_in_session *session = store_create_id(f->store, &kind_sign_in_session, sid);
		session->user = xstrdup(id);
		session->created = session->seen = START_MS + i;
		assert_commit(f->store);
	}
	_cleanup_free_ char *cookie = must_sign_in(auth, "kim");
	assert_int_equal(store_count(f->store, &kind_sign_in_session), 51);
	assert_null(store_get(f->store, &kind_sign_in_session, "session-0"));
	who_has(auth, cookie);
	who_has(auth, other);
}

static void a_new_password_ends_all_other_sessions(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *initial = xasprintf("%s/initial", f->dir);
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, initial);
	make_user(f, auth, "kim", ROLE_ADMIN);
	assert_int_equal(write_file_atomic(initial, "x", 1, 0600), 0);
	_cleanup_free_ char *cookie = must_sign_in(auth, "kim"), *other = must_sign_in(auth, "kim");
	struct auth_who who = who_has(auth, cookie);
	_cleanup_(password_work_free_p) struct password_work *work = new0(struct password_work, 1);
	work->password = xstrdup("wrong");
	work->hash = xstrdup(who.user->password_hash);
	work->new_password = xstrdup("another horse");
	password_work_run(work);
	assert_true(auth_password_change(auth, &who, work, &err) < 0);
	assert_int_equal(err.code, ERR_FORBIDDEN);
	assert_string_equal(err.field, "current");
	who_has(auth, other);
	str_set(&work->password, PASSWORD);
	str_set(&work->new_hash, NULL);
	password_work_run(work);
	assert_int_equal(auth_password_change(auth, &who, work, &err), 0);
	who_has(auth, cookie);
	assert_no_session(auth, other);
	assert_int_not_equal(access(initial, F_OK), 0); /* nobody needs it any more */
	assert_null(sign_in(auth, "kim", PASSWORD, NULL));
	_cleanup_free_ char *anew = sign_in(auth, "kim", "another horse", NULL);
	assert_non_null(anew);
}

static void require_change(struct fixture *f, const char *user, bool required)
{
	store_begin(f->store);
	((struct user *)store_edit(f->store, &kind_user, user))->password_change_required = required;
	assert_commit(f->store);
}

static void a_password_that_somebody_else_knows_opens_nothing(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	_cleanup_free_ char *user = xstrdup(make_user(f, auth, "kim", ROLE_ADMIN)->id);
	_cleanup_free_ char *cookie = must_sign_in(auth, "kim"), *token = NULL;
	struct auth_who who = who_has(auth, cookie), bearer;
	const struct token wanted = { .name = (char *)"backup", .role = ROLE_VIEWER }, *made;
	_cleanup_free_ char *reference = auth_reference(&who);
	assert_int_equal(auth_token_create(auth, &who, &wanted, &made, &token, &err), 0);
	assert_int_equal(auth_require_own_password(&who, &err), 0);
	assert_true(auth_reference_valid(auth, reference, ROLE_ADMIN));
	require_change(f, user, true);
	who = who_has(auth, cookie); /* still: by it the password is changed */
	assert_true(auth_require_own_password(&who, &err) < 0);
	assert_int_equal(err.code, ERR_FORBIDDEN);
	assert_string_equal(err.field, "password_change_required");
	assert_non_null(strstr(err.text, "POST /v1/session/password"));
	assert_false(auth_reference_valid(auth, reference, ROLE_VIEWER));
	err_done(&err);
	assert_int_equal(auth_by_token(auth, token, &bearer, &err), 0);
	assert_int_equal(auth_require_own_password(&bearer, &err), 0);
	require_change(f, user, false);
	who = who_has(auth, cookie);
	assert_int_equal(auth_require_own_password(&who, &err), 0);
	assert_true(auth_reference_valid(auth, reference, ROLE_ADMIN));
}

static void a_password_that_was_changed_meanwhile_does_not_count(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	_cleanup_free_ char *id = xstrdup(make_user(f, auth, "kim", ROLE_ADMIN)->id);
	_cleanup_(password_work_free_p) struct password_work *work = new0(struct password_work, 1);
	const struct sign_in sent = { .name = (char *)"kim", .password = (char *)PASSWORD };
	const struct user same = { .name = (char *)"kim", .role = ROLE_ADMIN };
	char *cookie = NULL;
	auth_sign_in_begin(auth, &sent, work);
	password_work_run(work);
	assert_true(work->fits);
	assert_int_equal(auth_user_update(auth, id, &same, "$y$of-another", &err), 0);
	assert_true(auth_sign_in_end(auth, &sent, work, ADDRESS, &cookie, &err) < 0);
	assert_int_equal(err.code, ERR_UNAUTHENTICATED);
	assert_null(cookie);
}

/* ---- users ---- */

static void there_is_always_an_administrator(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	_cleanup_free_ char *root = xstrdup(make_user(f, auth, "root", ROLE_ADMIN)->id);
	_cleanup_free_ char *kim = xstrdup(make_user(f, auth, "kim", ROLE_ADMIN)->id);
	const struct user demoted = { .name = (char *)"x", .role = ROLE_OPERATOR };
	const struct user disabled = { .name = (char *)"x", .role = ROLE_ADMIN, .disabled = true };
	assert_int_equal(auth_user_update(auth, kim, &disabled, NULL, NULL), 0);
	_cleanup_err_ struct err err = ERR_INIT;
	assert_true(auth_user_update(auth, root, &demoted, NULL, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_string_equal(err.field, "role");
	assert_true(auth_user_update(auth, root, &disabled, NULL, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_string_equal(err.field, "disabled");
	assert_true(auth_user_delete(auth, root, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_non_null(strstr(err.text, "make another one first"));
	assert_int_equal(auth_user_delete(auth, kim, &err), 0); /* the other one could not sign in anyway */
	make_user(f, auth, "lee", ROLE_ADMIN);
	assert_int_equal(auth_user_update(auth, root, &demoted, NULL, &err), 0);
	assert_int_equal(auth_user_delete(auth, root, &err), 0);
	assert_int_equal(store_count(f->store, &kind_user), 1);
}

static void who_is_disabled_or_gone_is_signed_out(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	make_user(f, auth, "root", ROLE_ADMIN);
	_cleanup_free_ char *kim = xstrdup(make_user(f, auth, "kim", ROLE_OPERATOR)->id);
	_cleanup_free_ char *first = must_sign_in(auth, "kim"), *root = must_sign_in(auth, "root");
	struct user changed = { .name = (char *)"kim", .role = ROLE_VIEWER };
	assert_int_equal(auth_user_update(auth, kim, &changed, NULL, NULL), 0);
	assert_int_equal(who_has(auth, first).role, ROLE_VIEWER); /* a role holds at once */
	changed.disabled = true;
	assert_int_equal(auth_user_update(auth, kim, &changed, NULL, NULL), 0);
	assert_no_session(auth, first);
	changed.disabled = false;
	assert_int_equal(auth_user_update(auth, kim, &changed, NULL, NULL), 0);
	assert_no_session(auth, first); /* it does not come back */
	_cleanup_free_ char *second = must_sign_in(auth, "kim");
	assert_int_equal(auth_user_delete(auth, kim, NULL), 0);
	assert_no_session(auth, second);
	who_has(auth, root);
}

static void a_user_that_cannot_be_is_refused(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	make_user(f, auth, "kim", ROLE_VIEWER);
	static const struct {
		const char *name, *password, *field;
		enum err_code code;
	} cases[] = {
		{ "kim", "long enough", "name", ERR_EXISTS },
		{ "christopher", "Christopher", "password", ERR_INVALID },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		const struct user wanted = { .name = (char *)cases[i].name, .password = (char *)cases[i].password };
		assert_true(auth_user_check(auth, &wanted, &err) < 0);
		assert_int_equal(err.code, cases[i].code);
		assert_string_equal(err.field, cases[i].field);
	}
}

/* ---- how often ---- */

static unsigned tries(struct auth *auth, const char *name, const char *address, int64_t *ret_after_s)
{
	unsigned count = 0;
	_cleanup_err_ struct err err = ERR_INIT;
	while (count < 1000 && auth_try(auth, name, address, ret_after_s, &err) == 0)
		count++;
	assert_int_equal(err.code, ERR_RATE_LIMIT);
	return count;
}

static void a_name_can_be_tried_so_often(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	int64_t after_s = 0;
	assert_int_equal(tries(auth, "kim", "10.0.0.1", &after_s), 10);
	assert_int_equal(after_s, 10);
	assert_int_equal(tries(auth, "kim", "10.0.0.2", &after_s), 10); /* who is elsewhere is not kept out */
	fixture_pass(f, 9999);
	assert_int_equal(tries(auth, "kim", "10.0.0.1", &after_s), 0);
	assert_int_equal(after_s, 1);
	fixture_pass(f, 1);
	assert_int_equal(tries(auth, "kim", "10.0.0.1", &after_s), 1);
	fixture_pass(f, 10 * HOUR);
	assert_int_equal(tries(auth, "kim", "10.0.0.1", &after_s), 10);
	assert_int_equal(tries(auth, "lee", "10.0.0.1", &after_s), 10); /* others are not concerned */
}

static void a_name_can_be_tried_from_many_addresses_so_often(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	int64_t after_s = 0;
	unsigned count = 0;
	for (int i = 0; i < 100; i++) {
		_cleanup_free_ char *address = xasprintf("10.3.0.%d", i);
		count += tries(auth, "kim", address, &after_s);
	}
	assert_int_equal(count, 300);
	assert_int_equal(after_s, 1);
	assert_int_equal(tries(auth, "lee", "10.3.0.99", &after_s), 10);
	fixture_pass(f, 1000);
	assert_int_equal(tries(auth, "kim", "10.4.0.1", &after_s), 2);
}

static void an_address_can_try_so_often(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	int64_t after_s = 0;
	static const char *const nets[] = { "10.0.0.1", "2001:db8:1:2::%d" };
	for (size_t n = 0; n < ARRAY_SIZE(nets); n++) {
		unsigned count = 0;
		for (int i = 1; i <= 100; i++) {
			_cleanup_free_ char *name = xasprintf("user-%zu-%d", n, i);
			_cleanup_free_ char *address = n ? xasprintf("2001:db8:1:2::%d", i) : xstrdup(nets[0]);
			count += auth_try(auth, name, address, &after_s, NULL) == 0;
		}
		assert_int_equal(count, 30); /* a /64 counts as one address */
	}
	assert_int_equal(auth_try(auth, "kim", "2001:db8:1:3::1", &after_s, NULL), 0);
	for (int i = 1; i <= 100; i++) { /* a listener on "::" sees IPv4 like this */
		_cleanup_free_ char *name = xasprintf("mapped-%d", i), *address = xasprintf("::ffff:10.2.0.%d", i);
		assert_int_equal(auth_try(auth, name, address, &after_s, NULL), 0);
	}
	assert_int_equal(auth_try(auth, "kim", "10.0.0.2", &after_s, NULL), 0);
}

static void who_is_right_uses_nothing_up(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	int64_t after_s = 0;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(auth_try(auth, "kim", ADDRESS, &after_s, NULL), 0);
		auth_try_succeeded(auth, "kim", ADDRESS);
	}
	assert_int_equal(tries(auth, "kim", ADDRESS, &after_s), 10);
}

static void many_names_do_not_free_one_that_is_full(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	int64_t after_s = 0;
	assert_int_equal(tries(auth, "kim", "10.0.0.1", &after_s), 10);
	for (int i = 0; i < 2500; i++) {
		_cleanup_free_ char *name = xasprintf("user-%d", i),
				    *address = xasprintf("10.1.%d.%d", i / 250, i % 250);
		assert_int_equal(auth_try(auth, name, address, &after_s, NULL), 0);
	}
	assert_int_equal(tries(auth, "kim", "10.0.0.1", &after_s), 0);
}

/* ---- audit ---- */

static void entries_are_added_and_the_oldest_go(void **state)
{
	struct fixture *f = *state;
	_cleanup_(auth_free_p) struct auth *auth = auth_new(f->store, NULL);
	const struct audit entry = { .who = (char *)"kim",
				     .operation = (char *)"vm.delete",
				     .object = (char *)"web",
				     .address = (char *)ADDRESS,
				     .via = AUDIT_VIA_SESSION,
				     .status = 202 };
	for (int i = 0; i < 5; i++) {
		assert_int_equal(auth_audit(auth, &entry, NULL), 0);
		fixture_pass(f, MINUTE);
	}
	assert_int_equal(store_count(f->store, &kind_audit), 5);
	const struct audit *first = store_at(f->store, &kind_audit, 0);
	assert_string_equal(first->who, "kim");
	assert_string_equal(first->object, "web");
	assert_int_equal(first->time, START_MS);
	assert_int_equal(first->status, 202);
	assert_null(first->code);
	fixture_pass(f, AUDIT_KEPT_MS - 3 * MINUTE); /* two are older than is kept, the third just not */
	assert_int_equal(auth_audit(auth, &entry, NULL), 0);
	assert_int_equal(store_count(f->store, &kind_audit), 4);
	assert_int_equal(((const struct audit *)store_at(f->store, &kind_audit, 0))->time, START_MS + 2 * MINUTE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_password_fits_its_hash_only),
		cmocka_unit_test(nobody_takes_as_long_as_somebody),
		TEST(hashing_runs_on_the_work_queue_and_has_a_cap),
		TEST(signing_in_opens_a_session),
		TEST(the_cookie_is_stored_nowhere),
		TEST(who_is_wrong_is_not_told_how),
		TEST(a_session_ends_when_it_is_left_alone),
		TEST(what_a_page_does_by_itself_keeps_no_session),
		TEST(a_session_ends_after_half_a_day),
		TEST(sessions_of_a_user_are_not_without_end),
		TEST(a_new_password_ends_all_other_sessions),
		TEST(a_password_that_somebody_else_knows_opens_nothing),
		TEST(a_password_that_was_changed_meanwhile_does_not_count),
		TEST(there_is_always_an_administrator),
		TEST(who_is_disabled_or_gone_is_signed_out),
		TEST(a_user_that_cannot_be_is_refused),
		TEST(a_name_can_be_tried_so_often),
		TEST(a_name_can_be_tried_from_many_addresses_so_often),
		TEST(an_address_can_try_so_often),
		TEST(who_is_right_uses_nothing_up),
		TEST(many_names_do_not_free_one_that_is_full),
		TEST(entries_are_added_and_the_oldest_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
