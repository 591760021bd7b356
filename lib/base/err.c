/* SPDX-License-Identifier: GPL-3.0-or-later */
#define INGOT_BASE_ERR_C
#include "base/err.h"

#include <errno.h>

/* clang-format off */
static const struct err_meaning meanings[] = {
	/*                          name               title                              http  retry  exit errno */
	[ERR_NONE]            = { "none",            "No error",                          200, false, 0,  0 },
	[ERR_INVALID]         = { "invalid",         "The request is invalid",            400, false, 2,  -EINVAL },
	[ERR_NOT_FOUND]       = { "not-found",       "There is no such thing",            404, false, 3,  -ENOENT },
	[ERR_EXISTS]          = { "exists",          "The name is taken",                 409, false, 4,  -EEXIST },
	[ERR_STATE]           = { "state",           "Not possible in the present state", 409, false, 5,  -EBADFD },
	[ERR_REVISION]        = { "revision",        "It was changed meanwhile",          412, false, 6,  -ESTALE },
	[ERR_UNAUTHENTICATED] = { "unauthenticated", "Authentication is needed",          401, false, 7,  -EKEYREJECTED },
	[ERR_FORBIDDEN]       = { "forbidden",       "This is not allowed",               403, false, 8,  -EACCES },
	[ERR_TOO_LARGE]       = { "too-large",       "It is too large",                   413, false, 9,  -EFBIG },
	[ERR_CAPACITY]        = { "capacity",        "There is not enough room",          507, false, 10, -ENOSPC },
	[ERR_UNREACHABLE]     = { "unreachable",     "It does not answer",                502, true,  11, -EHOSTUNREACH },
	[ERR_CREDENTIALS]     = { "credentials",     "The credentials were refused",      502, false, 12, -EPERM },
	[ERR_TIMEOUT]         = { "timeout",         "It took too long",                  504, true,  13, -ETIMEDOUT },
	[ERR_BUSY]            = { "busy",            "Too busy at the moment",            503, true,  14, -EBUSY },
	[ERR_CORRUPT]         = { "corrupt",         "A signature or checksum is wrong",  422, false, 15, -EBADMSG },
	[ERR_CANCELLED]       = { "cancelled",       "It was cancelled",                  409, false, 16, -ECANCELED },
	[ERR_UNSUPPORTED]     = { "unsupported",     "This is not supported",             501, false, 17, -EOPNOTSUPP },
	[ERR_RATE_LIMIT]      = { "rate-limit",      "Too many tries",                    429, true,  18, -EUSERS },
	[ERR_INTERNAL]        = { "internal",        "Something went wrong inside",       500, false, 1,  -EIO },
};
/* clang-format on */
_Static_assert(ARRAY_SIZE(meanings) == ERR_CODE_COUNT, "a row for every code");

const struct err_meaning *err_meaning(enum err_code code)
{
	return (unsigned)code < ERR_CODE_COUNT ? &meanings[code] : &meanings[ERR_INTERNAL];
}

enum err_code err_code_from_name(const char *name)
{
	for (unsigned i = 0; i < ERR_CODE_COUNT; i++)
		if (str_equal(meanings[i].name, name))
			return (enum err_code)i;
	return ERR_INTERNAL;
}

/* Those that are nobody's own errno in the table above. */
static const struct {
	int error;
	enum err_code code;
} errno_codes[] = {
	{ EDOM, ERR_INVALID },
	{ ERANGE, ERR_INVALID },
	{ ENAMETOOLONG, ERR_INVALID },
	{ EILSEQ, ERR_INVALID },
	{ ENXIO, ERR_NOT_FOUND },
	{ ENODEV, ERR_NOT_FOUND },
	{ ESRCH, ERR_NOT_FOUND },
	{ ENOTEMPTY, ERR_STATE },
	{ EALREADY, ERR_STATE },
	{ EINPROGRESS, ERR_STATE },
	{ EPERM, ERR_FORBIDDEN },
	{ EROFS, ERR_FORBIDDEN },
	{ E2BIG, ERR_TOO_LARGE },
	{ EMSGSIZE, ERR_TOO_LARGE },
	{ EOVERFLOW, ERR_TOO_LARGE },
	{ EDQUOT, ERR_CAPACITY },
	{ ENOMEM, ERR_CAPACITY },
	{ ECONNREFUSED, ERR_UNREACHABLE },
	{ ECONNRESET, ERR_UNREACHABLE },
	{ ECONNABORTED, ERR_UNREACHABLE },
	{ ENETUNREACH, ERR_UNREACHABLE },
	{ ENETDOWN, ERR_UNREACHABLE },
	{ EHOSTDOWN, ERR_UNREACHABLE },
	{ ENOTCONN, ERR_UNREACHABLE },
	{ EPIPE, ERR_UNREACHABLE },
	{ ETIME, ERR_TIMEOUT },
	{ EAGAIN, ERR_BUSY },
	{ ETXTBSY, ERR_BUSY },
	{ EMFILE, ERR_BUSY },
	{ ENFILE, ERR_BUSY },
	{ EUCLEAN, ERR_CORRUPT },
	{ ENOSYS, ERR_UNSUPPORTED },
	{ ENOTTY, ERR_UNSUPPORTED },
	{ EPROTONOSUPPORT, ERR_UNSUPPORTED },
	{ EAFNOSUPPORT, ERR_UNSUPPORTED },
};

enum err_code err_code_from_errno(int negative_errno)
{
	int error = negative_errno < 0 ? -negative_errno : negative_errno;
	/* Before the rows: a system call's EPERM is about us, not about credentials for somebody else. */
	for (size_t i = 0; i < ARRAY_SIZE(errno_codes); i++)
		if (errno_codes[i].error == error)
			return errno_codes[i].code;
	for (unsigned i = 0; i < ERR_CODE_COUNT; i++)
		if (meanings[i].error == -error)
			return (enum err_code)i;
	return ERR_INTERNAL;
}

static const struct {
	int status;
	enum err_code code;
} http_codes[] = {
	{ 0, ERR_UNREACHABLE },	  { 401, ERR_UNAUTHENTICATED }, { 403, ERR_FORBIDDEN },	  { 404, ERR_NOT_FOUND },
	{ 405, ERR_UNSUPPORTED }, { 408, ERR_TIMEOUT },		{ 409, ERR_STATE },	  { 410, ERR_NOT_FOUND },
	{ 412, ERR_REVISION },	  { 413, ERR_TOO_LARGE },	{ 414, ERR_TOO_LARGE },	  { 428, ERR_REVISION },
	{ 429, ERR_RATE_LIMIT },  { 431, ERR_TOO_LARGE },	{ 501, ERR_UNSUPPORTED }, { 502, ERR_UNREACHABLE },
	{ 503, ERR_BUSY },	  { 504, ERR_TIMEOUT },		{ 507, ERR_CAPACITY },
};

enum err_code err_code_from_http(int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(http_codes); i++)
		if (http_codes[i].status == status)
			return http_codes[i].code;
	if (status >= 200 && status < 300)
		return ERR_NONE;
	return status >= 400 && status < 500 ? ERR_INVALID : ERR_INTERNAL;
}

/* Takes text over. */
static void err_replace(struct err *err, enum err_code code, const char *field, char *text)
{
	char *field_copy = xstrdup(field); /* may be the old one */
	err_done(err);
	err->code = code;
	err->text = text;
	err->field = field_copy;
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	if (err) {
		va_list ap;
		va_start(ap, fmt);
		err_replace(err, code, NULL, xvasprintf(fmt, ap));
		va_end(ap);
	}
	return err_meaning(code)->error;
}

int err_set_field(struct err *err, enum err_code code, const char *field, const char *fmt, ...)
{
	if (err) {
		va_list ap;
		va_start(ap, fmt);
		err_replace(err, code, field, xvasprintf(fmt, ap));
		va_end(ap);
	}
	return err_meaning(code)->error;
}

int err_set_errno(struct err *err, int negative_errno, const char *fmt, ...)
{
	int error = negative_errno < 0 ? -negative_errno : negative_errno;
	if (error == 0) /* what failed without a reason did not succeed */
		error = EIO;
	if (err) {
		va_list ap;
		va_start(ap, fmt);
		_cleanup_free_ char *text = xvasprintf(fmt, ap);
		va_end(ap);
		/* strerror() shares a buffer between threads; this one's texts are constant. */
		const char *reason = str_or(strerrordesc_np(error), "Unknown error");
		err_replace(err, err_code_from_errno(-error), NULL, xasprintf("%s: %s", text, reason));
	}
	return -error;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
	if (!err)
		return err_meaning(ERR_INTERNAL)->error;
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *prefix = xvasprintf(fmt, ap);
	va_end(ap);
	char *text = err->text ? xasprintf("%s: %s", prefix, err->text) : TAKE_PTR(prefix);
	free(err->text);
	err->text = text;
	return err_meaning(err->code == ERR_NONE ? ERR_INTERNAL : err->code)->error;
}

void err_copy(struct err *dst, const struct err *src)
{
	if (!dst || dst == src)
		return;
	err_replace(dst, src->code, src->field, xstrdup(src->text));
}

void err_move(struct err *dst, struct err *src)
{
	if (dst == src)
		return;
	if (dst) {
		err_done(dst);
		*dst = *src;
		*src = ERR_INIT;
	} else {
		err_done(src);
	}
}

void err_done(struct err *err)
{
	if (!err)
		return;
	free(err->text);
	free(err->field);
	*err = ERR_INIT;
}
