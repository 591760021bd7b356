/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "bundle/bundle_priv.h"

/* A bundle on its way: sources in the order of the archive, opened once, so that what is hashed is what is written. */
struct creation {
	struct archive *archive;
	struct bundle_manifest manifest;
	int fds[BUNDLE_PARTS_MAX];
	const char *paths[BUNDLE_PARTS_MAX];
	int out_fd;
	char *tmp_path; /* removed when it goes wrong */
	uint8_t *buffer;
};

static void creation_done(struct creation *c)
{
	archive_write_free(c->archive);
	for (unsigned i = 0; i < c->manifest.part_count; i++)
		close_fd(c->fds[i]);
	bundle_manifest_done(&c->manifest);
	close_fd(c->out_fd);
	if (c->tmp_path)
		unlink(c->tmp_path);
	free(c->tmp_path);
	free(c->buffer);
}

/* The data and holes of a file in order: calls fn for each. data NULL: a hole. */
typedef int (*extent_fn)(struct creation *c, const void *data, uint64_t offset, uint64_t len, void *ctx,
			 struct err *err);

static int walk_data(struct creation *c, unsigned i, uint64_t offset, uint64_t end, extent_fn fn, void *ctx,
		     struct err *err)
{
	while (offset < end) {
		ssize_t n = pread(c->fds[i], c->buffer, MIN_OF(end - offset, BUNDLE_BLOCK_BYTES), (off_t)offset);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, -errno, "%s", c->paths[i]);
		if (n == 0)
			return err_set(err, ERR_STATE, "%s became shorter while it was read", c->paths[i]);
		r = fn(c, c->buffer, offset, (uint64_t)n, ctx, err);
		if (r < 0)
			return r;
		offset += (uint64_t)n;
	}
	return 0;
}

/* Where the next data begins and ends. A file system without holes says that all is data. */
static void find_data(int fd, uint64_t offset, uint64_t size, uint64_t *ret_begin, uint64_t *ret_end)
{
	off_t begin = lseek(fd, (off_t)offset, SEEK_DATA), end;

	if (begin < 0) {
		*ret_begin = errno == ENXIO ? size : offset;
		*ret_end = size;
		return;
	}
	end = lseek(fd, begin, SEEK_HOLE);
	*ret_begin = MIN_OF((uint64_t)begin, size);
	*ret_end = end < 0 ? size : MIN_OF((uint64_t)end, size);
}

static int walk_file(struct creation *c, unsigned i, extent_fn fn, void *ctx, struct err *err)
{
	uint64_t offset = 0, size = c->manifest.parts[i].size_bytes;

	while (offset < size) {
		uint64_t begin, end;
		int r = 0;

		find_data(c->fds[i], offset, size, &begin, &end);
		if (begin > offset)
			r = fn(c, NULL, offset, begin - offset, ctx, err);
		if (r == 0)
			r = walk_data(c, i, begin, end, fn, ctx, err);
		if (r < 0)
			return r;
		offset = end;
	}
	return 0;
}

static int hash_extent(struct creation *c, const void *data, uint64_t offset, uint64_t len, void *ctx, struct err *err)
{
	if (data)
		sha256_update(ctx, data, len);
	else
		bundle_hash_zeros(ctx, len);
	return 0;
}

static int add_source(struct creation *c, const struct bundle_source *source, struct err *err)
{
	unsigned i = c->manifest.part_count;
	struct bundle_part *part = &c->manifest.parts[i];
	struct sha256 *hash;
	struct stat st;
	int r;

	c->paths[i] = source->path;
	c->fds[i] = open(source->path, O_RDONLY | O_CLOEXEC);
	if (c->fds[i] < 0)
		return err_set_errno(err, -errno, "%s", source->path);
	c->manifest.part_count++;
	if (fstat(c->fds[i], &st) < 0)
		return err_set_errno(err, -errno, "%s", source->path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "%s is not a plain file", source->path);
	if (st.st_size == 0 || (uint64_t)st.st_size > BUNDLE_PART_MAX_BYTES)
		return err_set(err, ERR_INVALID, "%s has %jd bytes, 1 to %" PRIu64 " are allowed", source->path,
			       (intmax_t)st.st_size, (uint64_t)BUNDLE_PART_MAX_BYTES);
	part->name = xstrdup(bundle_part_file_name(source->type));
	part->type = source->type;
	part->size_bytes = (uint64_t)st.st_size;
	hash = sha256_new();
	r = walk_file(c, i, hash_extent, hash, err);
	if (r < 0) {
		sha256_free(hash);
		return r;
	}
	sha256_final(hash, part->sha256);
	return 0;
}

/* In the order of the types, whose last is the root. */
static int add_sources(struct creation *c, const struct bundle_source *sources, unsigned count, struct err *err)
{
	for (unsigned type = 0; type < BUNDLE_PART_TYPE_COUNT; type++) {
		const struct bundle_source *found = NULL;
		int r;

		for (unsigned i = 0; i < count; i++) {
			if (sources[i].type != type)
				continue;
			if (found)
				return err_set(err, ERR_INVALID, "two parts of type %s", bundle_part_type_name(type));
			found = &sources[i];
		}
		r = found ? add_source(c, found, err) : 0;
		if (r < 0)
			return r;
	}
	return c->manifest.part_count ? 0 : err_set(err, ERR_INVALID, "a bundle needs at least one part");
}

static int archive_failed(struct creation *c, struct err *err)
{
	return err_set(err, ERR_INTERNAL, "writing the bundle: %s",
		       str_or(archive_error_string(c->archive), "unknown"));
}

static int write_header(struct creation *c, struct archive_entry *entry, const char *name, uint64_t size,
			struct err *err)
{
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (la_int64_t)size);
	/* No owner, no time: the same input gives the same bytes. */
	archive_entry_set_mtime(entry, 0, 0);
	return archive_write_header(c->archive, entry) == ARCHIVE_OK ? 0 : archive_failed(c, err);
}

static int write_data(struct creation *c, const void *data, size_t len, struct err *err)
{
	return archive_write_data(c->archive, data, len) == (la_ssize_t)len ? 0 : archive_failed(c, err);
}

static int write_small(struct creation *c, const char *name, const void *data, size_t len, struct err *err)
{
	struct archive_entry *entry = archive_entry_new();
	int r = write_header(c, entry, name, len, err);

	archive_entry_free(entry);
	return r < 0 ? r : write_data(c, data, len, err);
}

/* What the second reading of a source does: the hash shows that it is still the same file. */
struct part_writing {
	struct archive_entry *entry;
	struct sha256 *hash;
};

static int note_extent(struct creation *c, const void *data, uint64_t offset, uint64_t len, void *ctx, struct err *err)
{
	struct part_writing *w = ctx;

	if (data)
		archive_entry_sparse_add_entry(w->entry, (la_int64_t)offset, (la_int64_t)len);
	return 0;
}

static int write_extent(struct creation *c, const void *data, uint64_t offset, uint64_t len, void *ctx, struct err *err)
{
	static const uint8_t zeros[64 * KIB];
	struct part_writing *w = ctx;

	hash_extent(c, data, offset, len, w->hash, err);
	if (data)
		return write_data(c, data, len, err);
	/* libarchive wants the holes too, and leaves them out. */
	while (len) {
		size_t chunk = MIN_OF(len, sizeof(zeros));
		int r = write_data(c, zeros, chunk, err);

		if (r < 0)
			return r;
		len -= chunk;
	}
	return 0;
}

static bool has_holes(int fd, uint64_t size)
{
	off_t hole = lseek(fd, 0, SEEK_HOLE);

	return hole >= 0 && (uint64_t)hole < size;
}

static int write_part_entry(struct creation *c, unsigned i, struct part_writing *w, struct err *err)
{
	const struct bundle_part *part = &c->manifest.parts[i];
	uint8_t digest[SHA256_SIZE];
	int r;

	if (has_holes(c->fds[i], part->size_bytes)) {
		/* libarchive drops extents past the size it knows. */
		archive_entry_set_size(w->entry, (la_int64_t)part->size_bytes);
		r = walk_file(c, i, note_extent, w, err);
		if (r < 0)
			return r;
		/* All hole: the map still needs an entry to be one. */
		if (archive_entry_sparse_count(w->entry) == 0)
			archive_entry_sparse_add_entry(w->entry, (la_int64_t)part->size_bytes, 0);
	}
	r = write_header(c, w->entry, part->name, part->size_bytes, err);
	if (r < 0)
		return r;
	r = walk_file(c, i, write_extent, w, err);
	if (r < 0)
		return r;
	if (archive_write_finish_entry(c->archive) != ARCHIVE_OK)
		return archive_failed(c, err);
	sha256_final(TAKE_PTR(w->hash), digest);
	if (memcmp(digest, part->sha256, SHA256_SIZE) != 0)
		return err_set(err, ERR_STATE, "%s changed while the bundle was made", c->paths[i]);
	return 0;
}

static int write_part(struct creation *c, unsigned i, struct err *err)
{
	struct part_writing w = { .entry = archive_entry_new(), .hash = sha256_new() };
	int r = write_part_entry(c, i, &w, err);

	archive_entry_free(w.entry);
	sha256_free(w.hash);
	return r;
}

static int write_archive(struct creation *c, const char *key_pem, struct err *err)
{
	_cleanup_free_ char *text = bundle_manifest_format(&c->manifest);
	uint8_t signature[ED25519_SIGNATURE_SIZE];
	int r;

	r = ed25519_sign(key_pem, text, strlen(text), signature, err);
	if (r < 0)
		return err_prefix(err, "signing the bundle");
	c->archive = archive_write_new();
	/* Not the restricted variant: that one forgets holes. */
	archive_write_set_format_pax(c->archive);
	archive_write_set_bytes_per_block(c->archive, (int)BUNDLE_BLOCK_BYTES);
	archive_write_set_bytes_in_last_block(c->archive, 512);
	if (archive_write_open_fd(c->archive, c->out_fd) != ARCHIVE_OK)
		return archive_failed(c, err);
	r = write_small(c, BUNDLE_MANIFEST_NAME, text, strlen(text), err);
	if (r < 0)
		return r;
	r = write_small(c, BUNDLE_SIGNATURE_NAME, signature, sizeof(signature), err);
	for (unsigned i = 0; r == 0 && i < c->manifest.part_count; i++)
		r = write_part(c, i, err);
	if (r < 0)
		return r;
	return archive_write_close(c->archive) == ARCHIVE_OK ? 0 : archive_failed(c, err);
}

static int creation_run(struct creation *c, const char *out_path, const char *key_pem,
			const struct bundle_source *sources, unsigned count, struct err *err)
{
	_cleanup_free_ char *checked = NULL;
	struct bundle_manifest again = { 0 };
	int r;

	r = add_sources(c, sources, count, err);
	if (r < 0)
		return r;
	/* Read back what will be written: a name or version that our own reader would refuse is refused here. */
	checked = bundle_manifest_format(&c->manifest);
	r = bundle_manifest_parse(checked, strlen(checked), &again, err);
	if (r < 0)
		return err_set(err, ERR_INVALID,
			       "name and version must be words of at most 64 letters, digits and ._+~-");
	bundle_manifest_done(&again);
	c->tmp_path = xasprintf("%s.tmp%d", out_path, (int)getpid());
	c->out_fd = open(c->tmp_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (c->out_fd < 0)
		return err_set_errno(err, -errno, "%s", c->tmp_path);
	r = write_archive(c, key_pem, err);
	if (r < 0)
		return r;
	if (fsync(c->out_fd) < 0 || rename(c->tmp_path, out_path) < 0)
		return err_set_errno(err, -errno, "%s", out_path);
	free(TAKE_PTR(c->tmp_path));
	return 0;
}

int bundle_create(const char *out_path, const char *name, const char *version, const char *key_pem,
		  const struct bundle_source *sources, unsigned count, struct err *err)
{
	struct creation c = { .out_fd = -1 };
	int r;

	c.buffer = xmalloc(BUNDLE_BLOCK_BYTES);
	c.manifest.name = xstrdup(name);
	c.manifest.version = xstrdup(version);
	c.manifest.architecture = xstrdup(BUNDLE_ARCHITECTURE);
	r = creation_run(&c, out_path, key_pem, sources, count, err);
	creation_done(&c);
	return r;
}
