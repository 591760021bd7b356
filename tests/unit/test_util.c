/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/list.h"
#include "base/user.h"
#include "base/util.h"

/* ---- strings ---- */

static void take_ptr_leaves_null(void **state)
{
	_cleanup_free_ char *a = xstrdup("x");
	_cleanup_free_ char *b = TAKE_PTR(a);
	assert_null(a);
	assert_string_equal(b, "x");
}

static void xstrndup_stops_at_nul_and_at_len(void **state)
{
	_cleanup_free_ char *a = xstrndup("abc", 2), *b = xstrndup("abc", 9), *c = xstrndup("", 0);
	assert_string_equal(a, "ab");
	assert_string_equal(b, "abc");
	assert_string_equal(c, "");
	assert_null(xstrdup(NULL));
}

static void str_set_takes_a_part_of_itself(void **state)
{
	_cleanup_free_ char *s = NULL;
	str_set(&s, "prefix-name");
	str_set(&s, s + 7);
	assert_string_equal(s, "name");
	str_set(&s, NULL);
	assert_null(s);
}

static void str_equal_knows_null(void **state)
{
	assert_true(str_equal(NULL, NULL));
	assert_false(str_equal(NULL, ""));
	assert_true(str_equal("a", "a"));
	assert_true(str_starts("abc", "ab"));
	assert_false(str_starts("a", "ab"));
	assert_string_equal(str_or(NULL, "-"), "-");
}

static void strbuf_grows(void **state)
{
	_cleanup_strbuf_ struct strbuf sb = { 0 };
	_cleanup_strbuf_ struct strbuf want = { 0 };
	for (int i = 0; i < 5000; i++) {
		char digits[16];
		snprintf(digits, sizeof(digits), "%d,", i);
		strbuf_addf(&sb, "%d,", i);
		strbuf_adds(&want, digits);
	}
	assert_int_equal(sb.len, want.len);
	assert_int_equal(strlen(sb.data), sb.len);
	assert_string_equal(sb.data, want.data);
}

static void strbuf_addf_of_much_at_once(void **state)
{
	_cleanup_strbuf_ struct strbuf sb = { 0 };
	strbuf_adds(&sb, "x");
	strbuf_addf(&sb, "%*d", 100000, 7);
	assert_int_equal(sb.len, 100001);
	assert_int_equal(sb.data[100000], '7');
	assert_int_equal(sb.data[1], ' ');
}

static void strbuf_removes_from_the_front(void **state)
{
	_cleanup_strbuf_ struct strbuf sb = { 0 };
	strbuf_remove_front(&sb, 3); /* of nothing */
	strbuf_adds(&sb, "abcdef");
	strbuf_remove_front(&sb, 2);
	assert_string_equal(sb.data, "cdef");
	strbuf_remove_front(&sb, 99);
	assert_int_equal(sb.len, 0);
	assert_string_equal(sb.data, "");
}

static void strbuf_take_is_never_null(void **state)
{
	struct strbuf sb = { 0 };
	_cleanup_free_ char *empty = strbuf_take(&sb);
	assert_string_equal(empty, "");
	strbuf_add(&sb, "a\0b", 3);
	_cleanup_free_ char *data = strbuf_take(&sb);
	assert_memory_equal(data, "a\0b", 4);
	assert_null(sb.data);
	assert_int_equal(sb.len, 0);
}

/* ---- numbers and encodings ---- */

static void parse_i64_takes_whole_numbers_in_bounds(void **state)
{
	static const struct {
		const char *text;
		int64_t min, max;
		int result;
		int64_t value;
	} rows[] = {
		{ "0", 0, 10, 0, 0 },
		{ "10", 0, 10, 0, 10 },
		{ "-5", -5, 5, 0, -5 },
		{ "007", 0, 10, 0, 7 },
		{ "9223372036854775807", INT64_MIN, INT64_MAX, 0, INT64_MAX },
		{ "-9223372036854775808", INT64_MIN, INT64_MAX, 0, INT64_MIN },
		{ "9223372036854775808", INT64_MIN, INT64_MAX, -ERANGE, 0 },
		{ "-9223372036854775809", INT64_MIN, INT64_MAX, -ERANGE, 0 },
		{ "99999999999999999999999999", INT64_MIN, INT64_MAX, -ERANGE, 0 },
		{ "11", 0, 10, -ERANGE, 0 },
		{ "-1", 0, 10, -ERANGE, 0 },
		{ "99999999999999999999x", 0, 10, -EINVAL, 0 },
		{ "", 0, 10, -EINVAL, 0 },
		{ "-", -10, 10, -EINVAL, 0 },
		{ "+1", 0, 10, -EINVAL, 0 },
		{ " 1", 0, 10, -EINVAL, 0 },
		{ "1 ", 0, 10, -EINVAL, 0 },
		{ "0x1", 0, 10, -EINVAL, 0 },
		{ "1.0", 0, 10, -EINVAL, 0 },
		{ "--1", -10, 10, -EINVAL, 0 },
		{ NULL, 0, 10, -EINVAL, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t value = 4711;
		assert_int_equal(parse_i64(rows[i].text, rows[i].min, rows[i].max, &value), rows[i].result);
		/* untouched by an error */
		assert_true(value == (rows[i].result == 0 ? rows[i].value : 4711));
	}
}

static void hex_there_and_back(void **state)
{
	const uint8_t in[] = { 0x00, 0x0f, 0xa5, 0xff };
	uint8_t out[4] = { 0 };
	_cleanup_free_ char *text = hex_encode(in, sizeof(in));
	assert_string_equal(text, "000fa5ff");
	assert_int_equal(hex_decode("000FA5fF", out, 4), 0);
	assert_memory_equal(in, out, 4);
}

static void hex_decode_refuses_and_leaves_alone(void **state)
{
	uint8_t out[2] = { 7, 7 };
	static const char *const wrong[] = { "", "abc", "abcde", "abcdef", "zz00", "00 0", "00-1" };
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(hex_decode(wrong[i], out, 2), -EINVAL);
	assert_int_equal(hex_decode(NULL, out, 2), -EINVAL);
	assert_int_equal(out[0], 7);
	assert_int_equal(out[1], 7);
}

static void base64_of_the_standard(void **state)
{
	/* RFC 4648 section 10 */
	static const char *const rows[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *text = base64_encode(rows[i][0], strlen(rows[i][0]));
		_cleanup_free_ void *data = NULL;
		size_t len = 99;
		assert_string_equal(text, rows[i][1]);
		assert_int_equal(base64_decode(text, &data, &len), 0);
		assert_int_equal(len, strlen(rows[i][0]));
		assert_memory_equal(data, rows[i][0], len);
	}
}

static void base64_of_all_bytes(void **state)
{
	for (size_t len = 250; len <= 256; len++) {
		uint8_t in[256];
		for (size_t i = 0; i < len; i++)
			in[i] = (uint8_t)(255 - i);
		_cleanup_free_ char *text = base64_encode(in, len);
		_cleanup_free_ void *data = NULL;
		size_t out_len;
		assert_int_equal(base64_decode(text, &data, &out_len), 0);
		assert_int_equal(out_len, len);
		assert_memory_equal(data, in, len);
	}
}

static void base64_decode_refuses(void **state)
{
	static const char *const wrong[] = { "Z",    "Zg",	 "Zg=",	 "Zg===", "=",	    "====", "Z===", "Zh==",
					     "Zm9=", "Zg==Zg==", "Zm 9", "Zm-_",  "Zm9v\n", "Z=9v", "Zg=v" };
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		void *data = NULL;
		size_t len = 99;
		if (base64_decode(wrong[i], &data, &len) != -EINVAL)
			fail_msg("took \"%s\"", wrong[i]);
		assert_null(data);
		assert_int_equal(len, 99);
	}
}

static void uuids_are_of_version_4_and_differ(void **state)
{
	_cleanup_free_ char *a = uuid_new(), *b = uuid_new();
	assert_true(uuid_valid(a));
	assert_int_equal(a[14], '4');
	assert_non_null(strchr("89ab", a[19]));
	assert_string_not_equal(a, b);
	assert_false(uuid_valid(NULL));
	assert_false(uuid_valid(""));
	assert_false(uuid_valid("123e4567-e89b-42d3-a456-42661417400"));
	assert_false(uuid_valid("123e4567-e89b-42d3-a456-4266141740000"));
	assert_false(uuid_valid("123e4567-e89b-42d3-a456-42661417400g"));
	assert_false(uuid_valid("123e4567ee89b-42d3-a456-426614174000"));
	assert_true(uuid_valid("123E4567-e89b-42d3-a456-426614174000"));
}

static void compare_and_wipe(void **state)
{
	char secret[] = "secret";
	assert_true(equal_constant_time("secret", secret, 6));
	assert_false(equal_constant_time("secreT", secret, 6));
	assert_true(equal_constant_time("a", "b", 0));
	wipe(secret, sizeof(secret));
	assert_memory_equal(secret, "\0\0\0\0\0\0\0", 7);
}

/* ---- time ---- */

static void time_format_rounds_down(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ 951782400123, "2000-02-29T00:00:00.123Z" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *text = time_format(rows[i].ms);
		int64_t back = 1;
		assert_string_equal(text, rows[i].text);
		assert_int_equal(time_parse(text, &back), 0);
		assert_true(back == rows[i].ms);
	}
}

static void time_parse_knows_rfc_3339(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		/* RFC 3339 section 5.8 */
		{ "1985-04-12T23:20:50.52Z", 482196050520 },	    { "1996-12-19T16:39:57-08:00", 851042397000 },
		{ "1996-12-20T00:39:57Z", 851042397000 },	    { "1990-12-31T23:59:60Z", 662688000000 },
		{ "1937-01-01T12:00:27.87+00:20", -1041337172130 }, { "2024-02-29t00:00:00.123456789z", 1709164800123 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t ms = 0;
		assert_int_equal(time_parse(rows[i].text, &ms), 0);
		assert_true(ms == rows[i].ms);
	}
}

static void time_parse_refuses(void **state)
{
	static const char *const wrong[] = {
		"",
		"2024",
		"2024-01-01",
		"2024-01-01T00:00:00",
		"2024-1-01T00:00:00Z",
		"2024-13-01T00:00:00Z",
		"2024-00-01T00:00:00Z",
		"2023-02-29T00:00:00Z",
		"2024-01-32T00:00:00Z",
		"2024-01-01T24:00:00Z",
		"2024-01-01T00:60:00Z",
		"2024-01-01T00:00:61Z",
		"2024-01-01T00:00:00.Z",
		"2024-01-01T00:00:00Zx",
		"2024-01-01T00:00:00+25:00",
		"2024-01-01T00:00:00+0100",
		"-024-01-01T00:00:00Z",
		"2024-01-01T00:00:00.1234567890Z",
	};
	int64_t ms = 42;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (time_parse(wrong[i], &ms) != -EINVAL)
			fail_msg("took \"%s\"", wrong[i]);
	assert_int_equal(time_parse(NULL, &ms), -EINVAL);
	assert_int_equal(ms, 42);
}

static void clocks_go_forward(void **state)
{
	int64_t a = monotonic_ms(), b = monotonic_ms();
	assert_true(b >= a);
	assert_true(wall_ms() > 1700000000000);
}

/* ---- files ---- */

static char folder[64];

static int make_folder(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/ingot-test-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static char *in_folder(const char *name)
{
	return xasprintf("%s/%s", folder, name);
}

static int remove_folder(void **state)
{
	static const char *const made[] = { "a/b/c", "a/b", "a", "file", "link", "other", "" };
	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		_cleanup_free_ char *path = in_folder(made[i]);
		remove(path);
	}
	return access(folder, F_OK) == 0 ? -1 : 0; /* nothing else may be left there */
}

static void a_written_file_is_read_back(void **state)
{
	_cleanup_free_ char *path = in_folder("file"), *data = NULL;
	size_t len = 0;
	struct stat st;
	umask(022);
	assert_int_equal(write_file_atomic(path, "ab\0c", 4, 0640), 0);
	assert_int_equal(write_file_atomic(path, "new\0", 4, 0606), 0);
	assert_int_equal(read_file(path, 4, &data, &len), 0);
	assert_int_equal(len, 4);
	assert_memory_equal(data, "new\0", 5);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0606); /* as asked, whatever the umask */
}

static void read_file_has_a_cap(void **state)
{
	_cleanup_free_ char *path = in_folder("file"), *data = NULL;
	size_t len = 0;
	assert_int_equal(write_file_atomic(path, "12345", 5, 0600), 0);
	assert_int_equal(read_file(path, 4, &data, &len), -EFBIG);
	assert_null(data);
	/* A file whose size is not known before it is read. */
	assert_int_equal(read_file("/proc/self/status", 20, &data, &len), -EFBIG);
	assert_null(data);
	assert_int_equal(read_file("/dev/zero", 100000, &data, &len), -EFBIG);
	assert_null(data);
	assert_int_equal(read_file("/proc/self/status", 100000, &data, NULL), 0);
	assert_true(str_starts(data, "Name:"));
}

static void read_file_of_the_largest_size(void **state)
{
	_cleanup_free_ char *path = in_folder("file"), *data = NULL, *big = xmalloc(100000);
	size_t len = 0;
	memset(big, 'x', 100000);
	assert_int_equal(write_file_atomic(path, big, 100000, 0600), 0);
	assert_int_equal(read_file(path, SIZE_MAX - 8, &data, &len), 0);
	assert_int_equal(len, 100000);
	assert_memory_equal(data, big, len);
}

static void read_file_says_why_not(void **state)
{
	char *data = NULL;
	size_t len;
	assert_int_equal(read_file("/nonexistent/file", 10, &data, &len), -ENOENT);
	assert_int_equal(read_file("/", 10, &data, &len), -EISDIR);
	assert_null(data);
}

static void a_failed_write_leaves_the_old_file_and_no_other(void **state)
{
	_cleanup_free_ char *dir = in_folder("a"), *path = in_folder("a/b");
	assert_int_equal(mkdir_p(path, 0755), 0);
	/* A folder is in the way of the rename. remove_folder() finds a temporary file that is left. */
	assert_int_equal(write_file_atomic(dir, "x", 1, 0600), -EISDIR);
	assert_int_equal(write_file_atomic("/nonexistent/file", "x", 1, 0600), -ENOENT);
}

static void mkdir_p_makes_what_lacks(void **state)
{
	_cleanup_free_ char *deep = in_folder("a/b/c"), *slashes = in_folder("a//b/c/"), *file = in_folder("file");
	_cleanup_free_ char *below = in_folder("file/x");
	struct stat st;
	assert_int_equal(mkdir_p(deep, 0755), 0);
	assert_int_equal(stat(deep, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(mkdir_p(deep, 0755), 0);
	assert_int_equal(mkdir_p(slashes, 0755), 0);
	assert_int_equal(write_file_atomic(file, "", 0, 0600), 0);
	assert_int_equal(mkdir_p(file, 0755), -ENOTDIR);
	assert_int_equal(mkdir_p(below, 0755), -ENOTDIR);
	assert_int_equal(mkdir_p("", 0755), -ENOENT);
	assert_int_equal(mkdir_p("/", 0755), 0);
}

static void close_fd_keeps_errno(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	errno = EXDEV;
	assert_int_equal(close_fd(fd), -1);
	assert_int_equal(errno, EXDEV);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(close_fd(-1), -1);
}

/* ---- list ---- */

struct element {
	struct list link;
	int value;
};

static void users_are_found_by_name(void **state)
{
	uid_t uid = 1;
	gid_t gid = 1;
	assert_int_equal(user_find("root", &uid, &gid), 0);
	assert_int_equal(uid, 0);
	assert_int_equal(gid, 0);
	uid = gid = 77;
	assert_int_equal(user_find("no such user", &uid, &gid), -ENOENT);
	assert_int_equal(uid, 77);
	assert_int_equal(gid, 77);
}

static void a_list_keeps_order_and_loses_elements_on_the_way(void **state)
{
	struct list head;
	struct element e[5], *p;
	int sum = 0;
	list_init(&head);
	assert_true(list_empty(&head));
	for (int i = 0; i < 5; i++) {
		e[i].value = i;
		list_append(&head, &e[i].link);
	}
	LIST_FOREACH(p, &head, link) {
		assert_int_equal(p->value, sum++);
		if (p->value % 2 == 0)
			list_remove(&p->link);
	}
	assert_int_equal(sum, 5);
	sum = 0;
	LIST_FOREACH(p, &head, link)
		sum = sum * 10 + p->value;
	assert_int_equal(sum, 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(take_ptr_leaves_null),
		cmocka_unit_test(xstrndup_stops_at_nul_and_at_len),
		cmocka_unit_test(str_set_takes_a_part_of_itself),
		cmocka_unit_test(str_equal_knows_null),
		cmocka_unit_test(strbuf_grows),
		cmocka_unit_test(strbuf_addf_of_much_at_once),
		cmocka_unit_test(strbuf_removes_from_the_front),
		cmocka_unit_test(strbuf_take_is_never_null),
		cmocka_unit_test(parse_i64_takes_whole_numbers_in_bounds),
		cmocka_unit_test(hex_there_and_back),
		cmocka_unit_test(hex_decode_refuses_and_leaves_alone),
		cmocka_unit_test(base64_of_the_standard),
		cmocka_unit_test(base64_of_all_bytes),
		cmocka_unit_test(base64_decode_refuses),
		cmocka_unit_test(uuids_are_of_version_4_and_differ),
		cmocka_unit_test(compare_and_wipe),
		cmocka_unit_test(time_format_rounds_down),
		cmocka_unit_test(time_parse_knows_rfc_3339),
		cmocka_unit_test(time_parse_refuses),
		cmocka_unit_test(clocks_go_forward),
		cmocka_unit_test_setup_teardown(a_written_file_is_read_back, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(read_file_has_a_cap, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(read_file_of_the_largest_size, make_folder, remove_folder),
		cmocka_unit_test(read_file_says_why_not),
		cmocka_unit_test_setup_teardown(a_failed_write_leaves_the_old_file_and_no_other, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(mkdir_p_makes_what_lacks, make_folder, remove_folder),
		cmocka_unit_test(close_fd_keeps_errno),
		cmocka_unit_test(users_are_found_by_name),
		cmocka_unit_test(a_list_keeps_order_and_loses_elements_on_the_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
