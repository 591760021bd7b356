/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The installation medium (docs/protocol.md, "Installation medium"). Blocks. */
#ifndef INGOT_INSTALLER_MEDIUM_H
#define INGOT_INSTALLER_MEDIUM_H

#include "base/err.h"

struct medium {
	char *dir; /* its folder /ingot */
	char *version, *key_pem, *bundle;
};
/* ERR_NOT_FOUND, saying what is missing, if root (where it is mounted) is no medium. */
int medium_open(const char *root, struct medium *ret, struct err *err);
void medium_done(struct medium *medium);
#define _cleanup_medium_ _cleanup_(medium_done)

/* Reads all of it and compares with its SHA256SUMS, in which each file that is installed must be. ERR_CORRUPT names the file
 * that differs or cannot be read. progress may be NULL. */
int medium_check(const struct medium *medium, void (*progress)(uint64_t done, uint64_t total, void *ctx), void *ctx,
		 struct err *err);

#endif
