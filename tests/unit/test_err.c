/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"

/* ---- the table ---- */

static void every_code_has_a_whole_row(void **state)
{
	for (unsigned i = 0; i < ERR_CODE_COUNT; i++) {
		const struct err_meaning *m = err_meaning((enum err_code)i);
		assert_non_null(m->name);
		assert_non_null(m->title);
		for (const char *p = m->name; *p; p++)
			assert_true((*p >= 'a' && *p <= 'z') || *p == '-');
		if (i == ERR_NONE) {
			assert_int_equal(m->error, 0);
			assert_int_equal(m->exit_code, 0);
			continue;
		}
		assert_true(m->error < 0);
		assert_in_range(m->http_status, 400, 599);
		assert_in_range(m->exit_code, 1, 125);
	}
}

static void words_exit_codes_and_errnos_are_each_of_one_code(void **state)
{
	for (unsigned i = 0; i < ERR_CODE_COUNT; i++) {
		const struct err_meaning *a = err_meaning((enum err_code)i);
		assert_int_equal(err_code_from_name(a->name), i);
		for (unsigned k = i + 1; k < ERR_CODE_COUNT; k++) {
			const struct err_meaning *b = err_meaning((enum err_code)k);
			assert_string_not_equal(a->name, b->name);
			assert_int_not_equal(a->exit_code, b->exit_code);
			assert_int_not_equal(a->error, b->error);
		}
	}
	assert_int_equal(err_code_from_name("nonsense"), ERR_INTERNAL);
	assert_int_equal(err_code_from_name(NULL), ERR_INTERNAL);
	assert_ptr_equal(err_meaning((enum err_code)999), err_meaning(ERR_INTERNAL));
}

static void codes_from_errno(void **state)
{
	static const struct {
		int error;
		enum err_code code;
	} rows[] = {
		{ 0, ERR_NONE },
		{ -ENOENT, ERR_NOT_FOUND },
		{ ENOENT, ERR_NOT_FOUND },
		{ -EEXIST, ERR_EXISTS },
		{ -EACCES, ERR_FORBIDDEN },
		{ -EPERM, ERR_FORBIDDEN }, /* of a system call; ERR_CREDENTIALS is about somebody else's */
		{ -ENOSPC, ERR_CAPACITY },
		{ -ECONNREFUSED, ERR_UNREACHABLE },
		{ -ETIMEDOUT, ERR_TIMEOUT },
		{ -EBUSY, ERR_BUSY },
		{ -EBADMSG, ERR_CORRUPT },
		{ -ECANCELED, ERR_CANCELLED },
		{ -EIO, ERR_INTERNAL },
		{ -EXFULL, ERR_INTERNAL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(err_code_from_errno(rows[i].error), rows[i].code);
}

static void an_errno_that_err_set_gives_leads_back_to_its_code(void **state)
{
	for (unsigned i = 0; i < ERR_CODE_COUNT; i++)
		if (i != ERR_CREDENTIALS)
			assert_int_equal(err_code_from_errno(err_meaning((enum err_code)i)->error), i);
}

static void codes_from_http(void **state)
{
	static const struct {
		int status;
		enum err_code code;
	} rows[] = {
		{ 0, ERR_UNREACHABLE },	 { 200, ERR_NONE },	 { 204, ERR_NONE },
		{ 304, ERR_INTERNAL },	 { 400, ERR_INVALID },	 { 401, ERR_UNAUTHENTICATED },
		{ 403, ERR_FORBIDDEN },	 { 404, ERR_NOT_FOUND }, { 409, ERR_STATE },
		{ 412, ERR_REVISION },	 { 413, ERR_TOO_LARGE }, { 418, ERR_INVALID },
		{ 429, ERR_RATE_LIMIT }, { 500, ERR_INTERNAL },	 { 502, ERR_UNREACHABLE },
		{ 503, ERR_BUSY },	 { 504, ERR_TIMEOUT },	 { 507, ERR_CAPACITY },
		{ 599, ERR_INTERNAL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(err_code_from_http(rows[i].status), rows[i].code);
}

/* ---- an error ---- */

static void set_replaces_and_returns_the_errno(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	assert_int_equal(err_set_field(&err, ERR_INVALID, "spec.cpus", "must be at least %d", 1), -EINVAL);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.text, "must be at least 1");
	assert_string_equal(err.field, "spec.cpus");
	/* made from what it replaces */
	assert_int_equal(err_set(&err, ERR_EXISTS, "not so: %s", err.text), -EEXIST);
	assert_string_equal(err.text, "not so: must be at least 1");
	assert_null(err.field);
	err_set_field(&err, ERR_INVALID, "a", "x");
	assert_int_equal(err_set_field(&err, ERR_INVALID, err.field, "%s", err.text), -EINVAL);
	assert_string_equal(err.field, "a");
	assert_string_equal(err.text, "x");
}

static void set_errno_tells_the_reason(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	assert_int_equal(err_set_errno(&err, -ENOENT, "open %s", "x"), -ENOENT);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_string_equal(err.text, "open x: No such file or directory");
	assert_int_equal(err_set_errno(&err, 99999, "odd"), -99999);
	assert_string_equal(err.text, "odd: Unknown error");
	/* Who fails without setting errno has failed all the same. */
	assert_int_equal(err_set_errno(&err, 0, "odd"), -EIO);
	assert_string_equal(err.text, "odd: Input/output error");
}

static void prefixes_pile_up_and_keep_the_field(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	err_set_field(&err, ERR_CORRUPT, "sha256", "differs");
	assert_int_equal(err_prefix(&err, "part %s", "root"), -EBADMSG);
	err_prefix(&err, "bundle");
	assert_string_equal(err.text, "bundle: part root: differs");
	assert_string_equal(err.field, "sha256");
	assert_int_equal(err.code, ERR_CORRUPT);
	err_done(&err);
	assert_int_equal(err_prefix(&err, "nothing is known"), -EIO);
	assert_string_equal(err.text, "nothing is known");
}

static void nobody_wants_to_know(void **state)
{
	assert_int_equal(err_set(NULL, ERR_TIMEOUT, "x"), -ETIMEDOUT);
	assert_int_equal(err_set_field(NULL, ERR_STATE, "f", "x"), -EBADFD);
	assert_int_equal(err_set_errno(NULL, -EXDEV, "x"), -EXDEV);
	assert_int_equal(err_prefix(NULL, "x"), -EIO);
	err_done(NULL);
	_cleanup_err_ struct err err = ERR_INIT;
	err_set(&err, ERR_STATE, "x");
	err_copy(NULL, &err);
	assert_string_equal(err.text, "x");
	err_move(NULL, &err);
	assert_null(err.text);
	assert_int_equal(err.code, ERR_NONE);
}

static void copy_and_move(void **state)
{
	_cleanup_err_ struct err a = ERR_INIT, b = ERR_INIT;
	err_set_field(&a, ERR_BUSY, "f", "a");
	err_set(&b, ERR_STATE, "b");
	err_copy(&b, &a);
	assert_string_equal(b.text, "a");
	assert_string_equal(b.field, "f");
	assert_ptr_not_equal(a.text, b.text);
	err_copy(&a, &a);
	err_move(&a, &a);
	assert_string_equal(a.text, "a");
	err_set(&b, ERR_STATE, "b");
	err_move(&a, &b);
	assert_string_equal(a.text, "b");
	assert_null(a.field);
	assert_int_equal(a.code, ERR_STATE);
	assert_null(b.text);
	assert_int_equal(b.code, ERR_NONE);
}

/* ---- the log ---- */

static int saved_stderr = -1, log_fd = -1;

/* Standard error becomes a file that the environment calls the journal's. */
static int catch_stderr(void **state)
{
	struct stat st;
	char stream[64];
	saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	log_fd = memfd_create("log", MFD_CLOEXEC);
	if (saved_stderr < 0 || log_fd < 0 || fstat(log_fd, &st) < 0)
		return -1;
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	return dup2(log_fd, STDERR_FILENO) < 0 ? -1 : 0;
}

static int give_stderr_back(void **state)
{
	dup2(saved_stderr, STDERR_FILENO);
	close_fd(saved_stderr);
	close_fd(log_fd);
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

static void assert_logged(const char *want)
{
	char text[512] = "";
	ssize_t n = pread(log_fd, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	assert_string_equal(text, want);
	assert_int_equal(ftruncate(log_fd, 0), 0);
	assert_true(lseek(log_fd, 0, SEEK_SET) == 0);
}

static void log_lines_have_levels(void **state)
{
	errno = EXDEV;
	log_error("disk %d", 7);
	assert_int_equal(errno, EXDEV);
	assert_logged("<3>disk 7\n");
	log_warning("w");
	log_info("i");
	log_debug("not this");
	assert_logged("<4>w\n<6>i\n");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("d");
	log_set_level(LOG_LEVEL_ERROR);
	log_warning("not this");
	assert_logged("<7>d\n");
	log_set_quiet(true);
	log_error("not this");
	log_set_quiet(false);
	assert_logged("");
}

static void what_came_from_outside_makes_no_line_of_its_own(void **state)
{
	log_error("name %s", "a\n<3>forged\x1b[31m\r\x7f");
	assert_logged("<3>name a <3>forged [31m  \n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_a_whole_row),
		cmocka_unit_test(words_exit_codes_and_errnos_are_each_of_one_code),
		cmocka_unit_test(codes_from_errno),
		cmocka_unit_test(an_errno_that_err_set_gives_leads_back_to_its_code),
		cmocka_unit_test(codes_from_http),
		cmocka_unit_test(set_replaces_and_returns_the_errno),
		cmocka_unit_test(set_errno_tells_the_reason),
		cmocka_unit_test(prefixes_pile_up_and_keep_the_field),
		cmocka_unit_test(nobody_wants_to_know),
		cmocka_unit_test(copy_and_move),
		cmocka_unit_test_setup_teardown(log_lines_have_levels, catch_stderr, give_stderr_back),
		cmocka_unit_test_setup_teardown(what_came_from_outside_makes_no_line_of_its_own, catch_stderr,
						give_stderr_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
