/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/bundle.h"

#define ROOT_BYTES (4 * MIB)
#define DATA_BYTES ((size_t)70000)

static char *private_pem, *public_pem, *other_pem;
static char dir[] = "/tmp/ingot-test-bundle-XXXXXX";

static char *in_dir(const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static void write_whole(const char *name, const void *data, size_t len)
{
	_cleanup_free_ char *path = in_dir(name);

	assert_int_equal(write_file_atomic(path, data, len, 0644), 0);
}

static char *read_whole(const char *name, size_t *ret_len)
{
	_cleanup_free_ char *path = in_dir(name);
	char *data;

	assert_int_equal(read_file(path, 64 * MIB, &data, ret_len), 0);
	return data;
}

/* A file of data at the beginning and in the middle, and holes elsewhere. */
static void make_sparse(const char *name, uint64_t size)
{
	_cleanup_free_ char *path = in_dir(name);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	uint8_t block[8192];

	random_bytes(block, sizeof(block));
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	if (size > 2 * sizeof(block)) {
		assert_int_equal(pwrite(fd, block, sizeof(block), 0), sizeof(block));
		assert_int_equal(pwrite(fd, block, sizeof(block), (off_t)(size / 2)), sizeof(block));
	}
}

static int set_up(void **state)
{
	static const char *const files[] = { "vmlinuz", "initrd", "grubx64.efi" };
	_cleanup_free_ uint8_t *data = xmalloc(DATA_BYTES);
	char *unused;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(ed25519_keygen(&private_pem, &public_pem, NULL), 0);
	assert_int_equal(ed25519_keygen(&unused, &other_pem, NULL), 0);
	free(unused);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		random_bytes(data, DATA_BYTES);
		write_whole(files[i], data, DATA_BYTES);
	}
	make_sparse("root", ROOT_BYTES);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const files[] = { "vmlinuz", "initrd",  "grubx64.efi", "root",
					     "out.tar", "bad.tar", "copy",	  "hole" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = in_dir(files[i]);

		unlink(path);
	}
	free(private_pem);
	free(public_pem);
	free(other_pem);
	return rmdir(dir);
}

/* Makes DIR/out.tar of three parts, given in the wrong order on purpose. */
static void make_bundle(void)
{
	_cleanup_free_ char *root = in_dir("root"), *kernel = in_dir("vmlinuz"), *initrd = in_dir("initrd");
	_cleanup_free_ char *out = in_dir("out.tar");
	struct bundle_source sources[] = { { root, BUNDLE_ROOT },
					   { kernel, BUNDLE_KERNEL },
					   { initrd, BUNDLE_INITRD } };
	_cleanup_err_ struct err err = ERR_INIT;

	if (bundle_create(out, "host", "1.2", private_pem, sources, ARRAY_SIZE(sources), &err) < 0)
		fail_msg("%s", err.text);
}

static enum err_code verify_code(const char *name, const char *key, char **ret_text)
{
	_cleanup_free_ char *path = in_dir(name);
	_cleanup_err_ struct err err = ERR_INIT;
	int r = bundle_verify(path, key, NULL, &err);

	assert_true(r <= 0);
	if (r == 0)
		return ERR_NONE;
	assert_int_not_equal(err.code, ERR_NONE);
	if (ret_text)
		*ret_text = xstrdup(err.text);
	return err.code;
}

static void assert_refused(const char *name, enum err_code code, const char *words)
{
	_cleanup_free_ char *text = NULL;

	assert_int_equal(verify_code(name, public_pem, &text), code);
	if (!strstr(text, words))
		fail_msg("\"%s\" does not say \"%s\"", text, words);
}

/* ---- archives made by hand ---- */

struct member {
	const char *name;
	const void *data;
	size_t len;
	const char *link; /* a symbolic link instead */
};

static void write_members(const char *name, bool zstd, const struct member *members, size_t count)
{
	_cleanup_free_ char *path = in_dir(name);
	struct archive *a = archive_write_new();

	archive_write_set_format_pax_restricted(a);
	if (zstd)
		assert_int_equal(archive_write_add_filter_zstd(a), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	for (size_t i = 0; i < count; i++) {
		struct archive_entry *entry = archive_entry_new();

		archive_entry_set_pathname(entry, members[i].name);
		archive_entry_set_filetype(entry, members[i].link ? AE_IFLNK : AE_IFREG);
		archive_entry_set_perm(entry, 0644);
		archive_entry_set_size(entry, (la_int64_t)members[i].len);
		if (members[i].link)
			archive_entry_set_symlink(entry, members[i].link);
		assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
		if (members[i].len)
			assert_int_equal(archive_write_data(a, members[i].data, members[i].len), members[i].len);
		archive_entry_free(entry);
	}
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
}

/* bad.tar: this manifest, properly signed, and then these members. */
static void write_signed(const char *manifest, const struct member *parts, size_t count)
{
	struct member members[8] = { { "manifest.json", manifest, strlen(manifest), NULL } };
	uint8_t signature[ED25519_SIGNATURE_SIZE];

	assert_true(count + 2 <= ARRAY_SIZE(members));
	assert_int_equal(ed25519_sign(private_pem, manifest, strlen(manifest), signature, NULL), 0);
	members[1] = (struct member){ "manifest.sig", signature, sizeof(signature), NULL };
	for (size_t i = 0; i < count; i++)
		members[2 + i] = parts[i];
	write_members("bad.tar", false, members, count + 2);
}

#define HASH_HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define HASH_WORLD "486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7"
#define PART(name, type, size, hash)                                                                                   \
	"{\"name\": \"" name "\", \"type\": \"" type "\", \"size\": " size ", \"sha256\": \"" hash "\"}"
#define MANIFEST(extra, parts)                                                                                         \
	"{\"format\": 1, \"name\": \"host\", \"version\": \"1\", \"architecture\": \"x86_64\"" extra                   \
	", \"parts\": [" parts "]}"

static const struct member hello = { "vmlinuz", "hello", 5, NULL };
static const struct member world = { "initrd", "world", 5, NULL };

/* ---- the good case ---- */

struct seen {
	uint64_t progress, last_hole_end;
	bool cancel;
	int fd;
};

static int seen_write(uint64_t offset, const void *data, size_t len, void *ctx, struct err *err)
{
	struct seen *seen = ctx;
	struct bundle_sink to_fd = bundle_sink_fd(&seen->fd);

	return to_fd.write(offset, data, len, to_fd.ctx, err);
}

static int seen_hole(uint64_t offset, uint64_t len, void *ctx, struct err *err)
{
	struct seen *seen = ctx;
	struct bundle_sink to_fd = bundle_sink_fd(&seen->fd);

	assert_true(offset >= seen->last_hole_end);
	seen->last_hole_end = offset + len;
	return to_fd.hole(offset, len, to_fd.ctx, err);
}

static void seen_progress(uint64_t done_bytes, uint64_t total_bytes, void *ctx)
{
	struct seen *seen = ctx;

	assert_true(done_bytes >= seen->progress && done_bytes <= total_bytes);
	seen->progress = done_bytes;
}

static bool seen_cancelled(void *ctx)
{
	return ((struct seen *)ctx)->cancel;
}

/* The descriptor is only borrowed by the reader: one is open at a time. */
static struct bundle_reader *open_reader(const char *name)
{
	static int fd = -1;
	_cleanup_free_ char *path = in_dir(name);
	_cleanup_err_ struct err err = ERR_INIT;
	struct bundle_reader *reader = NULL;

	close_fd(fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	if (bundle_reader_new(fd, public_pem, &reader, &err) < 0)
		fail_msg("%s", err.text);
	return reader;
}

static void assert_same_file(const char *a, const char *b)
{
	size_t a_len, b_len;
	_cleanup_free_ char *a_data = read_whole(a, &a_len), *b_data = read_whole(b, &b_len);

	assert_int_equal(a_len, b_len);
	assert_memory_equal(a_data, b_data, a_len);
}

static void test_round_trip(void **state)
{
	static const struct {
		const char *name, *file;
		enum bundle_part_type type;
		uint64_t size;
	} expected[] = {
		{ "vmlinuz", "vmlinuz", BUNDLE_KERNEL, DATA_BYTES },
		{ "initrd", "initrd", BUNDLE_INITRD, DATA_BYTES },
		{ "root.squashfs", "root", BUNDLE_ROOT, ROOT_BYTES },
	};
	_cleanup_free_ char *copy_path = in_dir("copy");
	struct bundle_reader *reader;
	const struct bundle_part *part;
	struct stat st;

	make_bundle();
	reader = open_reader("out.tar");
	assert_string_equal(bundle_reader_manifest(reader)->version, "1.2");
	assert_int_equal(bundle_reader_manifest(reader)->part_count, 3);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct seen seen = { .fd = open(copy_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) };
		struct bundle_sink sink = { seen_write, seen_hole, seen_progress, seen_cancelled, &seen, false };

		assert_int_equal(bundle_reader_next(reader, &part, NULL), 1);
		assert_string_equal(part->name, expected[i].name);
		assert_int_equal(part->type, expected[i].type);
		assert_int_equal(part->size_bytes, expected[i].size);
		assert_int_equal(bundle_reader_copy(reader, &sink, NULL), 0);
		assert_int_equal(seen.progress, expected[i].size);
		assert_int_equal(fstat(seen.fd, &st), 0);
		close(seen.fd);
		assert_same_file("copy", expected[i].file);
	}
	/* The last one is the sparse root: its holes arrived as holes. */
	assert_true(st.st_blocks * 512 < (off_t)ROOT_BYTES / 8);
	assert_int_equal(bundle_reader_next(reader, &part, NULL), 0);
	bundle_reader_free(reader);
}

static void test_same_input_same_bytes(void **state)
{
	_cleanup_free_ char *from = in_dir("out.tar"), *to = in_dir("bad.tar");

	make_bundle();
	assert_int_equal(rename(from, to), 0);
	make_bundle();
	assert_same_file("out.tar", "bad.tar");
}

static void test_sparse_stays_small(void **state)
{
	_cleanup_free_ char *path = in_dir("out.tar");
	struct stat st;

	make_bundle();
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < (off_t)(2 * DATA_BYTES + 64 * KIB));
}

static void test_part_of_one_hole(void **state)
{
	_cleanup_free_ char *path = in_dir("hole"), *out = in_dir("out.tar"), *copy = in_dir("copy");
	struct bundle_source source = { path, BUNDLE_ROOT };
	struct bundle_reader *reader;
	const struct bundle_part *part;
	struct bundle_sink sink;
	int fd;

	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, (off_t)MIB), 0);
	close(fd);
	assert_int_equal(bundle_create(out, "host", "1", private_pem, &source, 1, NULL), 0);
	assert_int_equal(verify_code("out.tar", public_pem, NULL), ERR_NONE);
	reader = open_reader("out.tar");
	assert_int_equal(bundle_reader_next(reader, &part, NULL), 1);
	/* Where something else was before, zeros must be read afterwards. */
	write_whole("copy", "not zero", 8);
	fd = open(copy, O_RDWR | O_CLOEXEC);
	sink = bundle_sink_fd(&fd);
	assert_int_equal(bundle_reader_copy(reader, &sink, NULL), 0);
	close(fd);
	bundle_reader_free(reader);
	assert_same_file("copy", "hole");
}

static void test_zstd_around_it(void **state)
{
	const char *manifest = MANIFEST("", PART("vmlinuz", "kernel", "5", HASH_HELLO));
	uint8_t signature[ED25519_SIGNATURE_SIZE];
	struct member members[] = { { "manifest.json", manifest, strlen(manifest), NULL },
				    { "manifest.sig", signature, sizeof(signature), NULL },
				    hello };

	assert_int_equal(ed25519_sign(private_pem, manifest, strlen(manifest), signature, NULL), 0);
	write_members("bad.tar", true, members, ARRAY_SIZE(members));
	assert_int_equal(verify_code("bad.tar", public_pem, NULL), ERR_NONE);
}

static void test_through_a_pipe(void **state)
{
	_cleanup_(bundle_reader_free_p) struct bundle_reader *reader = NULL;
	const char *manifest = MANIFEST("", PART("vmlinuz", "kernel", "5", HASH_HELLO));
	_cleanup_free_ char *data = NULL;
	const struct bundle_part *part;
	size_t len;
	int fds[2];

	write_signed(manifest, &hello, 1);
	data = read_whole("bad.tar", &len);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], data, len), len); /* fits into the pipe */
	close(fds[1]);
	assert_int_equal(bundle_reader_new(fds[0], public_pem, &reader, NULL), 0);
	assert_int_equal(bundle_reader_next(reader, &part, NULL), 1);
	assert_int_equal(bundle_reader_copy(reader, NULL, NULL), 0);
	assert_int_equal(bundle_reader_next(reader, &part, NULL), 0);
	close(fds[0]);
}

/* ---- what must be refused ---- */

static void flip_in_bundle(const char *file, size_t at)
{
	_cleanup_free_ char *needle = NULL, *bundle = NULL;
	size_t needle_len, bundle_len;
	char *found;

	needle = read_whole(file, &needle_len);
	bundle = read_whole("out.tar", &bundle_len);
	found = memmem(bundle, bundle_len, needle + at, 512);
	assert_non_null(found);
	*found ^= 1;
	write_whole("bad.tar", bundle, bundle_len);
}

static void test_altered_byte_in_each_part(void **state)
{
	make_bundle();
	flip_in_bundle("vmlinuz", 0);
	assert_refused("bad.tar", ERR_CORRUPT, "part vmlinuz has the SHA-256");
	flip_in_bundle("vmlinuz", DATA_BYTES - 512);
	assert_refused("bad.tar", ERR_CORRUPT, "part vmlinuz has the SHA-256");
	flip_in_bundle("initrd", 1024);
	assert_refused("bad.tar", ERR_CORRUPT, "part initrd has the SHA-256");
	flip_in_bundle("root", ROOT_BYTES / 2 + 1024);
	assert_refused("bad.tar", ERR_CORRUPT, "part root.squashfs has the SHA-256");
}

/* Whatever byte of the tar is altered outside the paddings and times, the bundle is refused; it never verifies with other
 * content, crashes or hangs. Here: every byte of the manifest, the signature and the sparse map. */
static void test_altered_bytes_in_front(void **state)
{
	_cleanup_free_ char *bundle = NULL;
	size_t len, manifest_at = 512, manifest_len;
	char *end;

	make_bundle();
	bundle = read_whole("out.tar", &len);
	end = memmem(bundle + manifest_at, len - manifest_at, "\n}\0", 3);
	assert_non_null(end);
	manifest_len = (size_t)(end + 2 - bundle) - manifest_at;
	for (size_t i = 0; i < manifest_len; i += 7) {
		bundle[manifest_at + i] ^= 4;
		write_whole("bad.tar", bundle, len);
		assert_int_equal(verify_code("bad.tar", public_pem, NULL), ERR_CORRUPT);
		bundle[manifest_at + i] ^= 4;
	}
	for (size_t i = 0; i < ED25519_SIGNATURE_SIZE; i += 9) {
		size_t at = manifest_at + (manifest_len + 511) / 512 * 512 + 512 + i;

		bundle[at] ^= 4;
		write_whole("bad.tar", bundle, len);
		assert_int_equal(verify_code("bad.tar", public_pem, NULL), ERR_CORRUPT);
		bundle[at] ^= 4;
	}
}

static void test_unsigned(void **state)
{
	const char *manifest = MANIFEST("", PART("vmlinuz", "kernel", "5", HASH_HELLO));
	struct member members[] = { { "manifest.json", manifest, strlen(manifest), NULL }, hello };
	uint8_t zeros[ED25519_SIGNATURE_SIZE] = { 0 };
	struct member zero_signed[] = { members[0], { "manifest.sig", zeros, sizeof(zeros), NULL }, hello };
	struct member empty_signed[] = { members[0], { "manifest.sig", zeros, 0, NULL }, hello };
	struct member long_signed[] = { members[0], { "manifest.sig", "x", 1, NULL }, hello };

	write_members("bad.tar", false, members, ARRAY_SIZE(members));
	assert_refused("bad.tar", ERR_CORRUPT, "not signed");
	write_members("bad.tar", false, zero_signed, ARRAY_SIZE(zero_signed));
	assert_refused("bad.tar", ERR_CORRUPT, "signature");
	write_members("bad.tar", false, empty_signed, ARRAY_SIZE(empty_signed));
	assert_refused("bad.tar", ERR_CORRUPT, "not signed");
	write_members("bad.tar", false, long_signed, ARRAY_SIZE(long_signed));
	assert_refused("bad.tar", ERR_CORRUPT, "signature");
}

static void test_other_key(void **state)
{
	make_bundle();
	assert_int_equal(verify_code("out.tar", other_pem, NULL), ERR_CORRUPT);
	assert_int_equal(verify_code("out.tar", "no key", NULL), ERR_INVALID);
	assert_int_equal(verify_code("out.tar", public_pem, NULL), ERR_NONE);
}

static void test_truncated_anywhere(void **state)
{
	_cleanup_free_ char *bundle = NULL;
	size_t len, content;

	make_bundle();
	bundle = read_whole("out.tar", &len);
	content = len - 1024; /* two zero blocks end an archive */
	for (size_t cut = 0; cut < content; cut += 1536) {
		write_whole("bad.tar", bundle, cut);
		assert_int_equal(verify_code("bad.tar", public_pem, NULL), ERR_CORRUPT);
	}
	write_whole("bad.tar", bundle, content - 512);
	assert_int_equal(verify_code("bad.tar", public_pem, NULL), ERR_CORRUPT);
}

static void test_order_and_company(void **state)
{
	const char *manifest =
		MANIFEST("", PART("vmlinuz", "kernel", "5", HASH_HELLO) "," PART("initrd", "initrd", "5", HASH_WORLD));
	struct member swapped[] = { world, hello };
	struct member good[] = { hello, world };
	struct member missing[] = { hello };
	struct member extra[] = { hello, world, { "passwd", "x", 1, NULL } };
	struct member link[] = { { "vmlinuz", NULL, 0, "/etc/passwd" }, world };
	struct member longer[] = { { "vmlinuz", "hello!", 6, NULL }, world };

	write_signed(manifest, good, ARRAY_SIZE(good));
	assert_int_equal(verify_code("bad.tar", public_pem, NULL), ERR_NONE);
	write_signed(manifest, swapped, ARRAY_SIZE(swapped));
	assert_refused("bad.tar", ERR_CORRUPT, "holds initrd where vmlinuz should come");
	write_signed(manifest, missing, ARRAY_SIZE(missing));
	assert_refused("bad.tar", ERR_CORRUPT, "ends before initrd");
	write_signed(manifest, extra, ARRAY_SIZE(extra));
	assert_refused("bad.tar", ERR_CORRUPT, "holds passwd, which its manifest does not name");
	write_signed(manifest, link, ARRAY_SIZE(link));
	assert_refused("bad.tar", ERR_CORRUPT, "not a plain file");
	write_signed(manifest, longer, ARRAY_SIZE(longer));
	assert_refused("bad.tar", ERR_CORRUPT, "has 6 bytes where the manifest says 5");
}

static void test_manifests(void **state)
{
	static const struct {
		const char *manifest, *words;
		enum err_code code;
	} cases[] = {
		{ "not json", "not a JSON object", ERR_CORRUPT },
		{ "[]", "not a JSON object", ERR_CORRUPT },
		{ "{}", "format", ERR_CORRUPT },
		{ "{\"format\": 2, \"new\": true}", "format 2 is not supported", ERR_UNSUPPORTED },
		{ "{\"format\": 1, \"format\": 1}", "duplicate", ERR_CORRUPT },
		{ "{\"format\": 1, \"name\": \"h\", \"version\": \"1\", \"architecture\": \"riscv64\", \"parts\": []}",
		  "riscv64", ERR_UNSUPPORTED },
		{ "{\"format\": 1, \"name\": \"a/b\", \"version\": \"1\", \"architecture\": \"x86_64\", \"parts\": []}",
		  "\"name\"", ERR_CORRUPT },
		{ MANIFEST("", ""), "1 to 16 parts", ERR_CORRUPT },
		{ MANIFEST(", \"extra\": 1", PART("vmlinuz", "kernel", "5", HASH_HELLO)), "unknown key \"extra\"",
		  ERR_CORRUPT },
		{ MANIFEST("", "{\"mode\": 1}"), "unknown key \"mode\"", ERR_CORRUPT },
		{ MANIFEST("", "7"), "parts[0]: not an object", ERR_CORRUPT },
		{ MANIFEST("", PART("x", "firmware", "5", HASH_HELLO)), "unknown type \"firmware\"", ERR_CORRUPT },
		{ MANIFEST("", PART("../x", "kernel", "5", HASH_HELLO)), "\"name\"", ERR_CORRUPT },
		{ MANIFEST("", PART("a\\u0000b", "kernel", "5", HASH_HELLO)), "not a JSON object", ERR_CORRUPT },
		{ MANIFEST("", PART("x", "kernel", "0", HASH_HELLO)), "\"size\"", ERR_CORRUPT },
		{ MANIFEST("", PART("x", "kernel", "-1", HASH_HELLO)), "\"size\"", ERR_CORRUPT },
		{ MANIFEST("", PART("x", "kernel", "9223372036854775807", HASH_HELLO)), "\"size\"", ERR_CORRUPT },
		{ MANIFEST("", PART("x", "kernel", "99999999999999999999", HASH_HELLO)), "not a JSON object",
		  ERR_CORRUPT },
		{ MANIFEST("", PART("x", "kernel", "5", "abc")), "sha256", ERR_CORRUPT },
		{ MANIFEST("", PART("x", "kernel", "5", HASH_HELLO) "," PART("x", "initrd", "5", HASH_HELLO)),
		  "parts[1]: a part of this name", ERR_CORRUPT },
		{ MANIFEST("", PART("x", "kernel", "5", HASH_HELLO) "," PART("y", "kernel", "5", HASH_HELLO)),
		  "parts[1]: a part of this name", ERR_CORRUPT },
		{ MANIFEST("", PART("x", "root", "5", HASH_HELLO) "," PART("y", "kernel", "5", HASH_HELLO)),
		  "root part is not the last", ERR_CORRUPT },
		{ MANIFEST("", PART("vmlinuz", "kernel", "1000000000000", HASH_HELLO)),
		  "has 5 bytes where the manifest says 1000000000000", ERR_CORRUPT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		write_signed(cases[i].manifest, &hello, 1);
		assert_refused("bad.tar", cases[i].code, cases[i].words);
	}
}

static void test_manifest_past_its_cap(void **state)
{
	size_t len = 65 * KIB;
	_cleanup_free_ char *manifest = xmalloc(len + 1);

	memset(manifest, ' ', len);
	manifest[len] = '\0';
	write_signed(manifest, &hello, 1);
	assert_refused("bad.tar", ERR_CORRUPT, "at most 65536 are allowed");
}

static void test_not_a_bundle(void **state)
{
	uint8_t noise[100000];

	random_bytes(noise, sizeof(noise));
	write_whole("bad.tar", noise, sizeof(noise));
	assert_int_equal(verify_code("bad.tar", public_pem, NULL), ERR_CORRUPT);
	write_whole("bad.tar", "", 0);
	assert_int_equal(verify_code("bad.tar", public_pem, NULL), ERR_CORRUPT);
	assert_int_equal(verify_code("nowhere.tar", public_pem, NULL), ERR_NOT_FOUND);
}

static void test_cancel_and_sink_errors(void **state)
{
	struct seen seen = { .cancel = true, .fd = -1 };
	struct bundle_sink sink = { .write = seen_write, .cancelled = seen_cancelled, .ctx = &seen };
	_cleanup_err_ struct err err = ERR_INIT;
	struct bundle_reader *reader;
	const struct bundle_part *part;

	make_bundle();
	reader = open_reader("out.tar");
	assert_int_equal(bundle_reader_next(reader, &part, NULL), 1);
	assert_true(bundle_reader_next(reader, &part, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_true(bundle_reader_copy(reader, &sink, &err) < 0);
	assert_int_equal(err.code, ERR_CANCELLED);
	bundle_reader_free(reader);

	reader = open_reader("out.tar");
	seen.cancel = false; /* and fd -1 cannot be written */
	assert_int_equal(bundle_reader_next(reader, &part, NULL), 1);
	assert_int_equal(bundle_reader_copy(reader, &sink, &err), -EBADF);
	assert_true(bundle_reader_copy(reader, &sink, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	bundle_reader_free(reader);
}

/* Whoever hashes what he is given is told the same. */
static void test_part_judged_elsewhere(void **state)
{
	_cleanup_free_ char *path = in_dir("copy");
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct bundle_sink sink = bundle_sink_fd(&fd);
	uint8_t digest[SHA256_SIZE] = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;
	struct bundle_reader *reader;
	const struct bundle_part *part;

	make_bundle();
	sink.unjudged = true;
	reader = open_reader("out.tar");
	assert_int_equal(bundle_reader_next(reader, &part, NULL), 1);
	assert_int_equal(bundle_reader_copy(reader, &sink, NULL), 0);
	assert_int_equal(sha256_of_file(fd, digest), 0);
	assert_int_equal(bundle_part_judge(part, digest, NULL), 0);
	digest[31] ^= 1;
	assert_true(bundle_part_judge(part, digest, &err) < 0);
	assert_int_equal(err.code, ERR_CORRUPT);
	bundle_reader_free(reader);
}

static void test_read_error_is_not_corruption(void **state)
{
	struct bundle_reader *reader = NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_CLOEXEC);

	assert_int_equal(bundle_reader_new(fd, public_pem, &reader, &err), -EISDIR);
	assert_int_not_equal(err.code, ERR_CORRUPT);
	assert_null(reader);
}

static void test_create_refuses(void **state)
{
	_cleanup_free_ char *kernel = in_dir("vmlinuz"), *out = in_dir("copy"), *none = in_dir("nowhere");
	struct bundle_source twice[] = { { kernel, BUNDLE_KERNEL }, { kernel, BUNDLE_KERNEL } };
	struct bundle_source missing = { none, BUNDLE_KERNEL }, folder = { dir, BUNDLE_ROOT };
	_cleanup_err_ struct err err = ERR_INIT;

	unlink(out);
	assert_true(bundle_create(out, "host", "1", private_pem, twice, 2, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(bundle_create(out, "host", "1", private_pem, &missing, 1, &err), -ENOENT);
	assert_true(bundle_create(out, "host", "1", private_pem, &folder, 1, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	assert_true(bundle_create(out, "host", "1", private_pem, NULL, 0, &err) < 0);
	assert_true(bundle_create(out, "host", "no good", private_pem, twice, 1, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	assert_true(bundle_create(out, "host", "1", public_pem, twice, 1, &err) < 0);
	assert_int_equal(access(out, F_OK), -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_same_input_same_bytes),
		cmocka_unit_test(test_sparse_stays_small),
		cmocka_unit_test(test_part_of_one_hole),
		cmocka_unit_test(test_zstd_around_it),
		cmocka_unit_test(test_through_a_pipe),
		cmocka_unit_test(test_altered_byte_in_each_part),
		cmocka_unit_test(test_altered_bytes_in_front),
		cmocka_unit_test(test_unsigned),
		cmocka_unit_test(test_other_key),
		cmocka_unit_test(test_truncated_anywhere),
		cmocka_unit_test(test_order_and_company),
		cmocka_unit_test(test_manifests),
		cmocka_unit_test(test_manifest_past_its_cap),
		cmocka_unit_test(test_not_a_bundle),
		cmocka_unit_test(test_cancel_and_sink_errors),
		cmocka_unit_test(test_part_judged_elsewhere),
		cmocka_unit_test(test_read_error_is_not_corruption),
		cmocka_unit_test(test_create_refuses),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
