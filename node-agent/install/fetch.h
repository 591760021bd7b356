/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file over HTTP as a stream of bytes that survives the server: when the connection breaks it is made anew and goes on
 * where it was. A thread of its own writes into a pipe; memory used does not grow with the file. */
#ifndef INGOT_INSTALL_FETCH_H
#define INGOT_INSTALL_FETCH_H

#include "base/err.h"

struct fetch;
struct fetch_spec {
	const char *url;	/* copied */
	const char *what;	/* what it is, before errors; a literal; NULL: "the bundle" */
	int64_t give_up_ms;	/* after this long without a byte: ERR_UNREACHABLE; 0: 10 minutes */
	int64_t retry_pause_ms; /* between two tries; 0: 1 s */
	/* Asked about once a second, from the download's thread: true ends it. May be NULL. */
	bool (*cancelled)(void *ctx);
	void *ctx;
};
int fetch_start(const struct fetch_spec *spec, struct fetch **ret, struct err *err);
/* Where the bytes come out; the end of file means that all came or that it failed. Borrowed. */
int fetch_fd(const struct fetch *fetch);
/* Ends it, whether or not it is complete. 0 if the whole file went through; else a negative errno that says why not
 * (ERR_NOT_FOUND and such from the server's answer, ERR_INVALID for a redirection, which is not followed, ERR_UNREACHABLE,
 * ERR_CANCELLED if it was ended before its end). */
int fetch_finish(struct fetch *fetch, struct err *err);
/* Ends and frees it. NULL is fine; returns NULL. */
struct fetch *fetch_free(struct fetch *fetch);

#endif
