/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Host image bundles: a tar archive of manifest.json, manifest.sig and the parts it names, in that order; see
 * docs/protocol.md. Read as a stream through libarchive: memory used does not grow with the bundle. Any thread; blocks. */
#ifndef INGOT_BUNDLE_BUNDLE_H
#define INGOT_BUNDLE_BUNDLE_H

#include "base/err.h"
#include "crypto/crypto.h"

#define BUNDLE_PARTS_MAX 16
enum bundle_part_type {
	BUNDLE_KERNEL,
	BUNDLE_INITRD,
	BUNDLE_BIOS_BOOT,
	BUNDLE_BIOS_CORE,
	BUNDLE_EFI_SHIM,   /* what firmware starts */
	BUNDLE_EFI_KEYS,   /* started by the shim for who lets in keys of his own */
	BUNDLE_EFI_LOADER, /* what the shim starts */
	BUNDLE_EFI_CHAIN,  /* what iPXE starts, which no shim knows */
	BUNDLE_ROOT,
	BUNDLE_PART_TYPE_COUNT,
};
const char *bundle_part_type_name(enum bundle_part_type type);
/* 0, or -ENOENT for a word that is no type. */
int bundle_part_type_from_name(const char *name, enum bundle_part_type *ret);

struct bundle_part {
	char *name;
	enum bundle_part_type type;
	uint64_t size_bytes; /* expanded */
	uint8_t sha256[SHA256_SIZE];
};
struct bundle_manifest {
	char *name, *version, *architecture;
	struct bundle_part parts[BUNDLE_PARTS_MAX];
	unsigned part_count;
};

struct bundle_reader;
/* fd: a file or a pipe, borrowed. Reads and checks the manifest before it returns: ERR_CORRUPT if it is unsigned, the
 * signature is not by key_pem, or it is not a bundle; ERR_UNSUPPORTED for another format or architecture. */
int bundle_reader_new(int fd, const char *key_pem, struct bundle_reader **ret, struct err *err);
struct bundle_reader *bundle_reader_free(struct bundle_reader *reader);
DEFINE_CLEANUP(struct bundle_reader *, bundle_reader_free)
const struct bundle_manifest *bundle_reader_manifest(const struct bundle_reader *reader);

/* The next part: 1 with *ret_part borrowed, 0 at the end (every part came), or a negative errno: ERR_CORRUPT if another
 * part comes than the manifest says, one is missing, or there is more; ERR_STATE if the part before was not copied, because
 * then nobody checked it. */
int bundle_reader_next(struct bundle_reader *reader, const struct bundle_part **ret_part, struct err *err);

/* Where a part's bytes go: called in growing order of offset, with data blocks only (holes are never passed). */
struct bundle_sink {
	/* Return 0, or a negative errno with err filled, which ends the copy. */
	int (*write)(uint64_t offset, const void *data, size_t len, void *ctx, struct err *err);
	int (*hole)(uint64_t offset, uint64_t len, void *ctx, struct err *err); /* must read as zeros later */
	void (*progress)(uint64_t done_bytes, uint64_t total_bytes, void *ctx); /* may be NULL */
	bool (*cancelled)(void *ctx);						/* may be NULL */
	void *ctx;
	/* The sink's owner hashes what it is given, on a thread of its own, and has the part judged: it is not hashed here. */
	bool unjudged;
};
/* Passes the current part to the sink and checks its size and, unless the sink is unjudged, its hash: ERR_CORRUPT if they differ,
 * after which what was written must not be used; ERR_CANCELLED; or the sink's error. sink NULL: checks only. A negative errno
 * from read() of the descriptor comes back as such, not as ERR_CORRUPT. */
int bundle_reader_copy(struct bundle_reader *reader, const struct bundle_sink *sink, struct err *err);

/* Whether a part that its sink's owner has hashed is what the manifest says: 0, or ERR_CORRUPT. */
int bundle_part_judge(const struct bundle_part *part, const uint8_t digest[SHA256_SIZE], struct err *err);

/* Ready sink: pwrite() to a file or block device; holes are punched or zeroed. fd is borrowed and must outlive the sink. */
struct bundle_sink bundle_sink_fd(int *fd);

/* Writes a bundle from files, at most one of each type; holes in them stay holes. The parts are put into the order of the
 * types, names, sizes and hashes are made. The same input gives the same bytes. out_path appears whole or not at all. */
struct bundle_source {
	const char *path;
	enum bundle_part_type type;
};
int bundle_create(const char *out_path, const char *name, const char *version, const char *key_pem,
		  const struct bundle_source *sources, unsigned count, struct err *err);
/* Checks signature and every hash. ret_manifest may be NULL. */
int bundle_verify(const char *path, const char *key_pem, struct bundle_manifest *ret_manifest, struct err *err);
void bundle_manifest_done(struct bundle_manifest *manifest);

#endif
