/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The connection to the monitors: made with deadlines, kept, and thrown away as soon as it looks broken. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "ceph/ceph_priv.h"

struct ceph_conn {
	struct ceph_librados *owner;
	rados_t rados;
	char *identity; /* which access it is for */
	unsigned refs;	/* under the owner's lock */
};

struct ceph_librados {
	pthread_mutex_t lock;
	struct ceph_conn *kept;
};

void *ceph_librados_new(void)
{
	struct ceph_librados *ctx = new0(struct ceph_librados, 1);
	pthread_mutex_init(&ctx->lock, NULL);
	return ctx;
}

void *ceph_librados_free(void *data)
{
	struct ceph_librados *ctx = data;
	if (!ctx)
		return NULL;
	ceph_conn_put(TAKE_PTR(ctx->kept));
	pthread_mutex_destroy(&ctx->lock);
	free(ctx);
	return NULL;
}

struct ceph_conn *ceph_conn_put(struct ceph_conn *conn)
{
	if (!conn)
		return NULL;
	pthread_mutex_lock(&conn->owner->lock);
	bool last = --conn->refs == 0;
	pthread_mutex_unlock(&conn->owner->lock);
	if (!last)
		return NULL;
	rados_shutdown(conn->rados);
	wipe(conn->identity, strlen(conn->identity));
	free(conn->identity);
	free(conn);
	return NULL;
}

/* Takes it out of the cache; calls under way keep it until they end. */
static void conn_drop(struct ceph_conn *conn)
{
	struct ceph_librados *ctx = conn->owner;
	pthread_mutex_lock(&ctx->lock);
	struct ceph_conn *dropped = ctx->kept == conn ? TAKE_PTR(ctx->kept) : NULL;
	pthread_mutex_unlock(&ctx->lock);
	ceph_conn_put(dropped);
}

/* What every connection is told before it is made. Small: the provisioner has 60 MB in all. */
static const struct {
	const char *option, *value;
} conn_options[] = {
	/* Ceph writes neither to our output nor to files of its own; errors come back as return codes. */
	{ "log_file", "" },
	{ "log_to_stderr", "false" },
	{ "err_to_stderr", "false" },
	{ "log_to_syslog", "false" },
	{ "err_to_syslog", "false" },
	{ "log_max_recent", "1" },
	{ "admin_socket", "" },
	{ "keyring", "" },
	/* Debug text is gathered in memory even where nothing writes it. */
	{ "debug_ms", "0/0" },
	{ "debug_monc", "0/0" },
	{ "debug_objecter", "0/0" },
	{ "debug_rados", "0/0" },
	{ "debug_rbd", "0/0" },
	{ "ms_async_op_threads", "1" },
	/* librbd waits on one of these threads for another (rbd_snap_unprotect); an image and a volume may be worked on at once. */
	{ "librados_thread_count", "4" },
	{ "objecter_inflight_op_bytes", "16777216" },
	/* Images are written in whole objects: a cache would only hold a second copy. */
	{ "rbd_cache", "false" },
};

static int conn_configure(rados_t rados, const struct ceph_access *access, struct err *err)
{
	_cleanup_free_ char *mon_timeout = xasprintf("%d", CEPH_MON_TIMEOUT_S);
	_cleanup_free_ char *osd_timeout = xasprintf("%d", CEPH_OSD_TIMEOUT_S);
	const char *own[][2] = {
		{ "fsid", access->fsid },
		{ "mon_host", access->mon_host },
		{ "key", access->key },
		{ "client_mount_timeout", mon_timeout },
		{ "rados_mon_op_timeout", mon_timeout },
		{ "rados_osd_op_timeout", osd_timeout },
	};
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		int rc = rados_conf_set(rados, own[i][0], own[i][1]);
		if (rc < 0) /* the value is not shown: one of them is the key */
			return err_set(err, ERR_INVALID, "Ceph refuses the value given for its option %s", own[i][0]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(conn_options); i++) {
		int rc = rados_conf_set(rados, conn_options[i].option, conn_options[i].value);
		if (rc < 0)
			return err_set(err, ERR_INTERNAL, "Ceph refuses %s = \"%s\": %s", conn_options[i].option,
				       conn_options[i].value, strerror(-rc));
	}
	/* Setting an option does not apply it; reading a (here empty) file does. Without it the log options come too
	 * late to keep a failed login off our standard error. */
	rados_conf_read_file(rados, "/dev/null");
	return 0;
}

static int conn_new(struct ceph_librados *ctx, const struct ceph_access *access, struct ceph_conn **ret,
		    struct err *err)
{
	if (!access->fsid || !access->mon_host || !access->key)
		return err_set(err, ERR_STATE, "there is no Ceph cluster yet");
	rados_t rados = NULL;
	int rc = rados_create(&rados, "admin");
	if (rc < 0)
		return err_set_errno(err, rc, "cannot set up librados");
	rc = conn_configure(rados, access, err);
	if (rc < 0) {
		rados_shutdown(rados);
		return rc;
	}
	rc = rados_connect(rados);
	if (rc < 0) {
		rados_shutdown(rados);
		return ceph_fail(NULL, rc, NULL, err, "cannot connect to Ceph at %s", access->mon_host);
	}
	struct ceph_conn *conn = new0(struct ceph_conn, 1);
	conn->owner = ctx;
	conn->rados = rados;
	conn->identity = xasprintf("%s %s %s", access->fsid, access->mon_host, access->key);
	conn->refs = 1;
	*ret = conn;
	return 0;
}

static bool conn_is_for(const struct ceph_conn *conn, const struct ceph_access *access)
{
	_cleanup_free_ char *identity =
		xasprintf("%s %s %s", str_or(access->fsid, ""), str_or(access->mon_host, ""), str_or(access->key, ""));
	bool same = str_equal(conn->identity, identity);
	wipe(identity, strlen(identity));
	return same;
}

int ceph_conn_get(struct ceph_librados *ctx, const struct ceph_access *access, struct ceph_conn **ret, struct err *err)
{
	pthread_mutex_lock(&ctx->lock);
	struct ceph_conn *conn = ctx->kept;
	if (conn && conn_is_for(conn, access))
		conn->refs++;
	else
		conn = NULL;
	pthread_mutex_unlock(&ctx->lock);
	if (conn) {
		*ret = conn;
		return 0;
	}

	/* Outside the lock: this may take the whole timeout, and calls with a working connection go on meanwhile. */
	int rc = conn_new(ctx, access, &conn, err);
	if (!conn)
		return rc;
	pthread_mutex_lock(&ctx->lock);
	struct ceph_conn *old = ctx->kept;
	ctx->kept = conn;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): ceph_fail() is negative, and conn_new() has made one */
	conn->refs++;
	pthread_mutex_unlock(&ctx->lock);
	ceph_conn_put(old);
	*ret = conn;
	return 0;
}

/* ---- failures ---- */

static const struct {
	int error;
	enum err_code code;
	bool drop; /* the connection is no good any more */
} conn_failures[] = {
	{ ETIMEDOUT, ERR_UNREACHABLE, true },	 { ESHUTDOWN, ERR_UNREACHABLE, true }, /* blocklisted */
	{ ENOTCONN, ERR_UNREACHABLE, true },	 { ECONNREFUSED, ERR_UNREACHABLE, true },
	{ EACCES, ERR_CREDENTIALS, true },	 { EPERM, ERR_CREDENTIALS, true },
	{ EKEYREJECTED, ERR_CREDENTIALS, true }, { ENOENT, ERR_NOT_FOUND, false },
	{ EEXIST, ERR_EXISTS, false },		 { ENOSPC, ERR_CAPACITY, false },
	{ EDQUOT, ERR_CAPACITY, false },	 { EBUSY, ERR_STATE, false },
};

int ceph_fail(struct ceph_conn *conn, int rc, const char *detail, struct err *err, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *what = xvasprintf(fmt, ap);
	va_end(ap);

	enum err_code code = ERR_INTERNAL;
	for (size_t i = 0; i < ARRAY_SIZE(conn_failures); i++) {
		if (conn_failures[i].error != -rc)
			continue;
		code = conn_failures[i].code;
		if (conn_failures[i].drop && conn)
			conn_drop(conn);
	}
	const char *why = detail && *detail ? detail : strerror(-rc);
	if (rc == -ETIMEDOUT)
		why = "no answer within the time allowed (monitors without quorum, or too few OSDs up)";
	else if (rc == -ESHUTDOWN)
		why = "the cluster has blocklisted this client";
	return err_set(err, code, "%s: %s", what, why);
}

/* ---- commands ---- */

/* Answers of librados are not NUL-terminated, and end with a newline. */
static char *answer_text(const char *data, size_t len)
{
	while (len > 0 && (data[len - 1] == '\n' || data[len - 1] == '\0'))
		len--;
	return xstrndup(data ? data : "", len);
}

static int answer_parse(const char *prefix, const char *data, size_t len, json_t **ret, struct err *err)
{
	if (len > CEPH_ANSWER_MAX_BYTES)
		return err_set(err, ERR_TOO_LARGE, "Ceph's answer to \"%s\" has %zu bytes", prefix, len);
	_cleanup_free_ char *text = answer_text(data, len);
	if (!*text) {
		*ret = json_null();
		return 0;
	}
	json_error_t bad;
	json_t *answer = json_loads(text, JSON_DECODE_ANY, &bad);
	if (!answer)
		return err_set(err, ERR_INTERNAL, "Ceph's answer to \"%s\" is not JSON: line %d: %s", prefix, bad.line,
			       bad.text);
	*ret = answer;
	return 0;
}

int ceph_command(struct ceph_conn *conn, json_t *command, const char *input, json_t **ret_answer, int *raw_rc,
		 struct err *err)
{
	_cleanup_json_ json_t *owned = command;
	json_object_set_new(owned, "format", json_string("json"));
	_cleanup_free_ char *text = json_dumps(owned, JSON_COMPACT);
	const char *prefix = json_string_value(json_object_get(owned, "prefix"));
	const char *argv[] = { text };
	char *out = NULL, *status = NULL;
	size_t out_len = 0, status_len = 0;

	int rc = rados_mon_command(conn->rados, argv, 1, input ? input : "", input ? strlen(input) : 0, &out, &out_len,
				   &status, &status_len);
	if (raw_rc)
		*raw_rc = rc;
	if (rc < 0) {
		_cleanup_free_ char *detail = answer_text(status, status_len);
		rc = ceph_fail(conn, rc, detail, err, "Ceph refuses \"%s\"", prefix);
	} else if (ret_answer) {
		rc = answer_parse(prefix, out, out_len, ret_answer, err);
	}
	if (out) {
		wipe(out, out_len); /* "auth" answers hold keys */
		rados_buffer_free(out);
	}
	if (status)
		rados_buffer_free(status);
	return rc < 0 ? rc : 0;
}

int ceph_io(struct ceph_conn *conn, const char *pool, rados_ioctx_t *ret, struct err *err)
{
	int rc = rados_ioctx_create(conn->rados, pool, ret);
	if (rc == -ENOENT) { /* made a moment ago, perhaps, and our map is older */
		rados_wait_for_latest_osdmap(conn->rados);
		rc = rados_ioctx_create(conn->rados, pool, ret);
	}
	if (rc < 0)
		return ceph_fail(conn, rc, rc == -ENOENT ? "there is no such pool" : NULL, err, "pool %s", pool);
	return 0;
}

int ceph_pool_get(struct ceph_librados *ctx, const struct ceph_access *access, const char *pool,
		  struct ceph_conn **ret_conn, rados_ioctx_t *ret_io, struct err *err)
{
	_cleanup_conn_ struct ceph_conn *conn = NULL;
	int rc = ceph_conn_get(ctx, access, &conn, err);
	if (rc < 0)
		return rc;
	assert(conn);
	rc = ceph_io(conn, pool, ret_io, err);
	if (rc == 0)
		*ret_conn = TAKE_PTR(conn);
	return rc;
}
