/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Errors that a person reads: a code, a text, and the field it belongs to. */
#ifndef INGOT_BASE_ERR_H
#define INGOT_BASE_ERR_H

#include <stdbool.h>

#include "base/util.h"

enum err_code {
	ERR_NONE = 0,
	ERR_INVALID, /* the request is wrong; the field says where */
	ERR_NOT_FOUND,
	ERR_EXISTS,   /* the name is taken */
	ERR_STATE,    /* not in the present state */
	ERR_REVISION, /* somebody changed it meanwhile */
	ERR_UNAUTHENTICATED,
	ERR_FORBIDDEN,
	ERR_TOO_LARGE,
	ERR_CAPACITY,	 /* no room: pool, node, disk */
	ERR_UNREACHABLE, /* a BMC, a node or the storage does not answer */
	ERR_CREDENTIALS, /* a BMC or service refused our credentials */
	ERR_TIMEOUT,
	ERR_BUSY,    /* a queue is full; try again later */
	ERR_CORRUPT, /* a signature or a checksum is wrong */
	ERR_CANCELLED,
	ERR_UNSUPPORTED,
	ERR_RATE_LIMIT, /* tried too often; later again */
	ERR_INTERNAL,
	ERR_CODE_COUNT,
};

struct err {
	enum err_code code;
	char *text;  /* a sentence without a full stop */
	char *field; /* JSON path of the field that is wrong, or NULL */
};

/* What a code means outside: one row a code. */
struct err_meaning {
	const char *name;  /* stable word: problem type, task error, log */
	const char *title; /* short, the same for every occurrence (RFC 9457 section 3.1.3) */
	int http_status;
	bool retry;    /* trying the same again later may help */
	int exit_code; /* of the command line */
	int error;     /* the negative errno that stands for it */
};
const struct err_meaning *err_meaning(enum err_code code);
/* The code of a stable word; ERR_INTERNAL for an unknown one. */
enum err_code err_code_from_name(const char *name);
/* The code nearest to a negative errno. */
enum err_code err_code_from_errno(int negative_errno);
/* The code nearest to an HTTP status (0: no answer came). */
enum err_code err_code_from_http(int status);

/* Fills err, replacing what was there; err may be NULL. Returns a negative errno that fits, so that
 * `return err_set(err, ERR_INVALID, "...")` reads well. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same and names the field. */
int err_set_field(struct err *err, enum err_code code, const char *field, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* The same from a negative errno: "<text>: <strerror>". Returns the errno (-EIO for 0). */
int err_set_errno(struct err *err, int negative_errno, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Puts "<text>: " before what is there. Returns the negative errno of the code (-EIO where there is none):
 * where the caller's own number matters, return that instead. */
int err_prefix(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
void err_copy(struct err *dst, const struct err *src);
void err_move(struct err *dst, struct err *src);
/* Empties it; fit for the cleanup attribute. */
void err_done(struct err *err);
#define _cleanup_err_ _cleanup_(err_done)
#define ERR_INIT ((struct err){ 0 })

/* What is promised above, said so that a static analyzer hears it. */
#if defined(__clang_analyzer__) && !defined(INGOT_BASE_ERR_C)
#define ERR_NEGATIVE(call)                                                                                             \
	({                                                                                                             \
		int error_ = (call);                                                                                   \
		if (error_ >= 0)                                                                                       \
			__builtin_trap();                                                                              \
		error_;                                                                                                \
	})
#define err_set(...) ERR_NEGATIVE(err_set(__VA_ARGS__))
#define err_set_field(...) ERR_NEGATIVE(err_set_field(__VA_ARGS__))
#define err_set_errno(...) ERR_NEGATIVE(err_set_errno(__VA_ARGS__))
#define err_prefix(...) ERR_NEGATIVE(err_prefix(__VA_ARGS__))
#endif

#endif
