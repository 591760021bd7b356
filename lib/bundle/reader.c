/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "bundle/bundle_priv.h"

struct bundle_reader {
	struct archive *archive;
	int fd;
	int read_errno; /* what read() of the descriptor said, negative */
	uint8_t *buffer;
	struct bundle_manifest manifest;
	unsigned next;	   /* index of the part that comes next */
	bool part_waiting; /* a part was announced and not copied yet */
};

void bundle_hash_zeros(struct sha256 *hash, uint64_t len)
{
	static const uint8_t zeros[64 * KIB];

	while (len) {
		size_t chunk = MIN_OF(len, sizeof(zeros));

		sha256_update(hash, zeros, chunk);
		len -= chunk;
	}
}

/* Fills the whole block before libarchive sees it: a pipe gives small pieces, and each costs a round. */
static ssize_t reader_fill(struct archive *archive, void *data, const void **ret_block)
{
	struct bundle_reader *reader = data;
	size_t len = 0;

	while (len < BUNDLE_BLOCK_BYTES) {
		ssize_t n = read(reader->fd, reader->buffer + len, BUNDLE_BLOCK_BYTES - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			reader->read_errno = -errno;
			archive_set_error(archive, errno, "read failed");
			return -1;
		}
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_block = reader->buffer;
	return (ssize_t)len;
}

/* What libarchive complains about, unless it is only the messenger of a failed read(). */
static int reader_error(struct bundle_reader *reader, struct err *err)
{
	const char *text = archive_error_string(reader->archive);

	if (reader->read_errno < 0)
		return err_set_errno(err, reader->read_errno, "the bundle cannot be read");
	return err_set(err, ERR_CORRUPT, "the bundle is cut short or not a bundle: %s",
		       str_or(text, "no archive found"));
}

/* The next entry, which must be a plain file of this name. *ret_size: its expanded size. */
static int next_entry(struct bundle_reader *reader, const char *name, uint64_t *ret_size, struct err *err)
{
	struct archive_entry *entry;
	const char *found;
	int r = archive_read_next_header(reader->archive, &entry);

	if (r == ARCHIVE_EOF)
		return err_set(err, ERR_CORRUPT, "the bundle ends before %s", name);
	if (r != ARCHIVE_OK)
		return reader_error(reader, err);
	found = archive_entry_pathname(entry);
	if (!str_equal(found, name))
		return err_set(err, ERR_CORRUPT, "the bundle holds %.64s where %s should come",
			       str_or(found, "an entry without a name"), name);
	if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) ||
	    !archive_entry_size_is_set(entry) || archive_entry_size(entry) < 0)
		return err_set(err, ERR_CORRUPT, "%s is not a plain file in the bundle", name);
	*ret_size = (uint64_t)archive_entry_size(entry);
	return 0;
}

/* A small entry as a whole. The caller frees *ret_data. */
static int read_small(struct bundle_reader *reader, const char *name, size_t max, char **ret_data, size_t *ret_len,
		      struct err *err)
{
	_cleanup_free_ char *data = NULL;
	uint64_t size = 0;
	size_t len = 0;
	int r = next_entry(reader, name, &size, err);

	if (r < 0)
		return r;
	if (size == 0 || size > max)
		return err_set(err, ERR_CORRUPT, "%s has %" PRIu64 " bytes, at most %zu are allowed", name, size, max);
	data = xmalloc(size + 1);
	while (len < size) {
		ssize_t n = archive_read_data(reader->archive, data + len, size - len);

		if (n <= 0)
			return reader_error(reader, err);
		len += (size_t)n;
	}
	data[len] = '\0';
	*ret_data = TAKE_PTR(data);
	*ret_len = len;
	return 0;
}

static int read_manifest(struct bundle_reader *reader, const char *key_pem, struct err *err)
{
	_cleanup_free_ char *text = NULL, *signature = NULL;
	size_t text_len = 0, signature_len = 0;
	int r;

	r = read_small(reader, BUNDLE_MANIFEST_NAME, BUNDLE_MANIFEST_MAX_BYTES, &text, &text_len, err);
	if (r < 0)
		return r;
	r = read_small(reader, BUNDLE_SIGNATURE_NAME, ED25519_SIGNATURE_SIZE, &signature, &signature_len, err);
	if (r < 0) {
		if (reader->read_errno < 0)
			return r;
		return err_prefix(err, "the bundle is not signed");
	}
	/* Not a byte of the manifest is looked at before its signature was checked. */
	r = ed25519_verify(key_pem, text, text_len, (const uint8_t *)signature, signature_len, err);
	if (r < 0)
		return err_prefix(err, "signature of the bundle");
	return bundle_manifest_parse(text, text_len, &reader->manifest, err);
}

int bundle_reader_new(int fd, const char *key_pem, struct bundle_reader **ret, struct err *err)
{
	_cleanup_(bundle_reader_free_p) struct bundle_reader *reader = new0(struct bundle_reader, 1);
	int r;

	reader->fd = fd;
	reader->buffer = xmalloc(BUNDLE_BLOCK_BYTES);
	reader->archive = archive_read_new();
	if (!reader->archive)
		return err_set_errno(err, -ENOMEM, "reading the bundle");
	archive_read_support_filter_zstd(reader->archive);
	archive_read_support_format_tar(reader->archive);
	r = archive_read_open(reader->archive, reader, NULL, reader_fill, NULL);
	if (r != ARCHIVE_OK)
		return reader_error(reader, err);
	r = read_manifest(reader, key_pem, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(reader);
	return 0;
}

struct bundle_reader *bundle_reader_free(struct bundle_reader *reader)
{
	if (!reader)
		return NULL;
	archive_read_free(reader->archive);
	bundle_manifest_done(&reader->manifest);
	free(reader->buffer);
	free(reader);
	return NULL;
}

const struct bundle_manifest *bundle_reader_manifest(const struct bundle_reader *reader)
{
	return &reader->manifest;
}

static int expect_end(struct bundle_reader *reader, struct err *err)
{
	struct archive_entry *entry;
	int r = archive_read_next_header(reader->archive, &entry);

	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK)
		return reader_error(reader, err);
	return err_set(err, ERR_CORRUPT, "the bundle holds %.64s, which its manifest does not name",
		       str_or(archive_entry_pathname(entry), "an entry without a name"));
}

int bundle_reader_next(struct bundle_reader *reader, const struct bundle_part **ret_part, struct err *err)
{
	const struct bundle_part *part;
	uint64_t size = 0;
	int r;

	if (reader->part_waiting)
		return err_set(err, ERR_STATE, "part %s was not copied", reader->manifest.parts[reader->next - 1].name);
	if (reader->next == reader->manifest.part_count)
		return expect_end(reader, err);
	part = &reader->manifest.parts[reader->next];
	r = next_entry(reader, part->name, &size, err);
	if (r < 0)
		return r;
	if (size != part->size_bytes)
		return err_set(err, ERR_CORRUPT, "part %s has %" PRIu64 " bytes where the manifest says %" PRIu64,
			       part->name, size, part->size_bytes);
	reader->next++;
	reader->part_waiting = true;
	*ret_part = part;
	return 1;
}

/* One part on its way through. */
struct copy {
	const struct bundle_part *part;
	const struct bundle_sink *sink;
	struct sha256 *hash; /* NULL: the sink's owner judges */
	uint64_t done_bytes;
};

/* Moves on to offset, over a hole if there is one. */
static int copy_hole(struct copy *copy, uint64_t offset, struct err *err)
{
	uint64_t len = offset - copy->done_bytes;
	int r;

	if (len == 0)
		return 0;
	if (copy->sink && copy->sink->hole) {
		r = copy->sink->hole(copy->done_bytes, len, copy->sink->ctx, err);
		if (r < 0)
			return r;
	}
	if (copy->hash)
		bundle_hash_zeros(copy->hash, len);
	copy->done_bytes = offset;
	return 0;
}

static int copy_block(struct copy *copy, const void *block, size_t len, int64_t offset, struct err *err)
{
	int r;

	/* Offsets come from the archive's sparse map: they may say anything. */
	if (offset < 0 || (uint64_t)offset < copy->done_bytes || (uint64_t)offset > copy->part->size_bytes ||
	    len > copy->part->size_bytes - (uint64_t)offset)
		return err_set(err, ERR_CORRUPT, "part %s has data outside its size or out of order", copy->part->name);
	r = copy_hole(copy, (uint64_t)offset, err);
	if (r < 0 || len == 0)
		return r;
	if (copy->sink && copy->sink->write) {
		r = copy->sink->write((uint64_t)offset, block, len, copy->sink->ctx, err);
		if (r < 0)
			return r;
	}
	if (copy->hash)
		sha256_update(copy->hash, block, len);
	copy->done_bytes += len;
	return 0;
}

int bundle_part_judge(const struct bundle_part *part, const uint8_t digest[SHA256_SIZE], struct err *err)
{
	_cleanup_free_ char *is = NULL, *should = NULL;

	if (equal_constant_time(digest, part->sha256, SHA256_SIZE))
		return 0;
	is = hex_encode(digest, SHA256_SIZE);
	should = hex_encode(part->sha256, SHA256_SIZE);
	return err_set(err, ERR_CORRUPT, "part %s has the SHA-256 %s where the manifest says %s", part->name, is,
		       should);
}

static int copy_finish(struct copy *copy, struct err *err)
{
	uint8_t digest[SHA256_SIZE];
	int r = copy_hole(copy, copy->part->size_bytes, err);

	if (r < 0 || !copy->hash)
		return r;
	sha256_final(TAKE_PTR(copy->hash), digest);
	return bundle_part_judge(copy->part, digest, err);
}

/* One block, or the end. 1: there is more. */
static int copy_step(struct bundle_reader *reader, struct copy *copy, struct err *err)
{
	const void *block;
	size_t len;
	la_int64_t offset;
	int r = archive_read_data_block(reader->archive, &block, &len, &offset);

	if (r == ARCHIVE_EOF)
		return copy_finish(copy, err);
	if (r != ARCHIVE_OK) {
		r = reader_error(reader, err);
		err_prefix(err, "part %s", copy->part->name);
		return r;
	}
	r = copy_block(copy, block, len, offset, err);
	return r < 0 ? r : 1;
}

static int copy_loop(struct bundle_reader *reader, struct copy *copy, struct err *err)
{
	const struct bundle_sink *sink = copy->sink;
	int r;

	do {
		if (sink && sink->cancelled && sink->cancelled(sink->ctx))
			return err_set(err, ERR_CANCELLED, "cancelled while part %s was copied", copy->part->name);
		r = copy_step(reader, copy, err);
		if (r >= 0 && sink && sink->progress)
			sink->progress(copy->done_bytes, copy->part->size_bytes, sink->ctx);
	} while (r > 0);
	return r;
}

int bundle_reader_copy(struct bundle_reader *reader, const struct bundle_sink *sink, struct err *err)
{
	struct copy copy = { .sink = sink };
	int r;

	if (!reader->part_waiting)
		return err_set(err, ERR_STATE, "no part of the bundle is waiting to be copied");
	reader->part_waiting = false;
	copy.part = &reader->manifest.parts[reader->next - 1];
	copy.hash = sink && sink->unjudged ? NULL : sha256_new();
	r = copy_loop(reader, &copy, err);
	sha256_free(copy.hash);
	return r;
}

static int verify_parts(struct bundle_reader *reader, struct err *err)
{
	const struct bundle_part *part;
	int r;

	while ((r = bundle_reader_next(reader, &part, err)) > 0) {
		r = bundle_reader_copy(reader, NULL, err);
		if (r < 0)
			break;
	}
	return r;
}

int bundle_verify(const char *path, const char *key_pem, struct bundle_manifest *ret_manifest, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct bundle_reader *reader = NULL;
	int r;

	if (fd < 0)
		return err_set_errno(err, -errno, "%s", path);
	r = bundle_reader_new(fd, key_pem, &reader, err);
	if (reader) {
		r = verify_parts(reader, err);
		if (r == 0 && ret_manifest) {
			*ret_manifest = reader->manifest;
			reader->manifest = (struct bundle_manifest){ 0 };
		}
	}
	bundle_reader_free(reader);
	return r < 0 ? err_prefix(err, "%s", path) : 0;
}
