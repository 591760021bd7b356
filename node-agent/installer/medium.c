/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "installer/medium.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"

#define TEXT_MAX_BYTES ((size_t)(64 * KIB))
#define READ_BYTES ((size_t)(1 * MIB))
#define HEX_LEN (2 * SHA256_SIZE)

static const char *const needed[] = { "version", "host.bundle", "bundle.pub", "live/vmlinuz", "live/initrd" };

static int read_text(const char *dir, const char *name, char **ret, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	size_t len;
	int r = read_file(path, TEXT_MAX_BYTES, ret, &len);

	if (r == -ENOENT)
		return err_set(err, ERR_NOT_FOUND, "%s is not there: this is no installation medium of Ingot", path);
	return r < 0 ? err_set_errno(err, r, "%s", path) : 0;
}

int medium_open(const char *root, struct medium *ret, struct err *err)
{
	_cleanup_medium_ struct medium medium = { .dir = xasprintf("%s/ingot", root) };
	int r = read_text(medium.dir, "version", &medium.version, err);

	if (r == 0)
		r = read_text(medium.dir, "bundle.pub", &medium.key_pem, err);
	if (r < 0)
		return r;
	medium.version[strcspn(medium.version, "\r\n")] = '\0';
	medium.bundle = xasprintf("%s/host.bundle", medium.dir);
	*ret = medium;
	medium = (struct medium){ 0 }; /* NOLINT(clang-analyzer-deadcode.DeadStores): read by its cleanup */
	return 0;
}

void medium_done(struct medium *medium)
{
	free(medium->dir);
	free(medium->version);
	free(medium->key_pem);
	free(medium->bundle);
	*medium = (struct medium){ 0 };
}

/* ---- hashing ---- */

struct check {
	const struct medium *medium;
	void (*progress)(uint64_t done, uint64_t total, void *ctx);
	void *ctx;
	uint64_t done, total;
	bool seen[ARRAY_SIZE(needed)];
};

static int damaged(struct err *err, const char *path, const char *why)
{
	return err_set(err, ERR_CORRUPT, "the medium is damaged: %s %s; write or burn it anew", path, why);
}

static int hash_file(struct check *check, const char *path, uint8_t *ret_digest, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ uint8_t *buffer = xmalloc(READ_BYTES);
	_cleanup_(sha256_free_p) struct sha256 *hash = sha256_new();
	ssize_t n = 0;

	if (fd < 0)
		return damaged(err, path, strerror(errno));
	/* What is on the medium counts, not what memory kept of one that was exchanged or read badly. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	while ((n = read(fd, buffer, READ_BYTES)) > 0) {
		sha256_update(hash, buffer, (size_t)n);
		check->done += (uint64_t)n;
		if (check->progress)
			check->progress(check->done, check->total, check->ctx);
	}
	if (n < 0)
		return damaged(err, path, strerror(errno));
	sha256_final(TAKE_PTR(hash), ret_digest);
	return 0;
}

/* A line of sha256sum(1): the digest, two characters, the name. */
static bool split_line(char *line, uint8_t *ret_digest, const char **ret_name)
{
	if (strlen(line) < HEX_LEN + 3 || line[HEX_LEN] != ' ')
		return false;
	line[HEX_LEN] = '\0';
	*ret_name = line + HEX_LEN + 2;
	if (str_starts(*ret_name, "./"))
		*ret_name += 2;
	return hex_decode(line, ret_digest, SHA256_SIZE) == 0 && **ret_name != '/' && !strstr(*ret_name, "..");
}

static int check_line(struct check *check, char *line, struct err *err)
{
	uint8_t should[SHA256_SIZE], is[SHA256_SIZE];
	_cleanup_free_ char *path = NULL;
	const char *name;
	int r;

	if (!split_line(line, should, &name))
		return damaged(err, "SHA256SUMS", "has a line that is none of sha256sum");
	path = xasprintf("%s/%s", check->medium->dir, name);
	r = hash_file(check, path, is, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		check->seen[i] = check->seen[i] || str_equal(needed[i], name);
	return memcmp(is, should, SHA256_SIZE) == 0 ? 0
						    : damaged(err, path, "does not have the checksum it should have");
}

/* What there is to read; files that are missing are found later. */
static uint64_t total_bytes(const struct medium *medium, const char *sums)
{
	_cleanup_free_ char *copy = xstrdup(sums);
	char *next = copy, *line;
	uint64_t total = 0;

	while ((line = strsep(&next, "\n"))) {
		uint8_t digest[SHA256_SIZE];
		const char *name;
		struct stat st;

		if (split_line(line, digest, &name)) {
			_cleanup_free_ char *path = xasprintf("%s/%s", medium->dir, name);

			total += stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
		}
	}
	return total;
}

int medium_check(const struct medium *medium, void (*progress)(uint64_t done, uint64_t total, void *ctx), void *ctx,
		 struct err *err)
{
	struct check check = { .medium = medium, .progress = progress, .ctx = ctx };
	_cleanup_free_ char *sums = NULL;
	char *next, *line;
	int r = read_text(medium->dir, "SHA256SUMS", &sums, err);

	if (r < 0)
		return r;
	check.total = total_bytes(medium, sums);
	next = sums;
	while (r == 0 && (line = strsep(&next, "\n"))) {
		if (*line)
			r = check_line(&check, line, err);
	}
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(needed); i++) {
		if (!check.seen[i])
			r = damaged(err, needed[i], "is not in SHA256SUMS");
	}
	return r;
}
