/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of lib/bundle share. */
#ifndef INGOT_BUNDLE_BUNDLE_PRIV_H
#define INGOT_BUNDLE_BUNDLE_PRIV_H

#include "bundle/bundle.h"

#define BUNDLE_FORMAT 1
#define BUNDLE_ARCHITECTURE "x86_64"
#define BUNDLE_MANIFEST_NAME "manifest.json"
#define BUNDLE_SIGNATURE_NAME "manifest.sig"
#define BUNDLE_MANIFEST_MAX_BYTES ((size_t)(64 * KIB))
/* No part is larger: a declared size beyond it is a lie or a mistake, and sums of sizes cannot overflow. */
#define BUNDLE_PART_MAX_BYTES (1024 * GIB)
#define BUNDLE_BLOCK_BYTES ((size_t)(256 * KIB))

/* The file name of a type's part in the archives that we make. */
const char *bundle_part_file_name(enum bundle_part_type type);

/* Reads the bytes of a manifest whose signature was checked. ERR_UNSUPPORTED for a format or architecture that is not
 * ours, ERR_CORRUPT for everything else that is wrong in it, unknown keys included. */
int bundle_manifest_parse(const char *text, size_t len, struct bundle_manifest *ret, struct err *err);
/* The manifest as JSON; the caller frees. */
char *bundle_manifest_format(const struct bundle_manifest *manifest);

/* Adds len zero bytes to a hash. */
void bundle_hash_zeros(struct sha256 *hash, uint64_t len);

#endif
