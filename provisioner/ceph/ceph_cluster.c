/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The driver's functions about the cluster itself: status, keys, OSD numbers, pools. */
#include <errno.h>

#include "ceph/ceph_priv.h"

int ceph_cluster_status(void *ctx, const struct ceph_access *access, const char *pool, struct ceph_status *ret,
			struct err *err)
{
	_cleanup_conn_ struct ceph_conn *conn = NULL;
	int rc = ceph_conn_get(ctx, access, &conn, err);
	if (rc < 0)
		return rc;
	_cleanup_json_ json_t *status = NULL, *df = NULL, *tree = NULL;
	rc = ceph_command(conn, json_pack("{s:s}", "prefix", "status"), NULL, &status, NULL, err);
	if (rc == 0 && pool)
		rc = ceph_command(conn, json_pack("{s:s}", "prefix", "df"), NULL, &df, NULL, err);
	if (rc == 0)
		rc = ceph_command(conn, json_pack("{s:s}", "prefix", "osd tree"), NULL, &tree, NULL, err);
	if (rc < 0)
		return rc;

	struct ceph_status parsed = { 0 };
	rc = ceph_parse_status(status, &parsed, err);
	if (rc < 0)
		return rc;
	if (pool)
		ceph_parse_df(df, pool, &parsed);
	parsed.hosts_up = ceph_parse_hosts_up(tree);
	*ret = parsed;
	return 0;
}

/* force: also a name that Ceph does not know yet. A manager tells it the options of its modules when it starts. */
static int config_set(struct ceph_conn *conn, const char *who, const char *name, const char *value, bool force,
		      struct err *err)
{
	return ceph_command(conn,
			    json_pack("{s:s, s:s, s:s, s:s, s:b}", "prefix", "config set", "who", who, "name", name,
				      "value", value, "force", force),
			    NULL, NULL, NULL, err);
}

int ceph_cluster_configure(void *ctx, const struct ceph_access *access, struct err *err)
{
	_cleanup_conn_ struct ceph_conn *conn = NULL;
	int rc = ceph_conn_get(ctx, access, &conn, err);
	if (rc < 0)
		return rc;
	/* It would keep a pool of its own, and ask each OSD every day for what takes sudo and smartctl to find out. */
	return config_set(conn, "mgr", "mgr/devicehealth/enable_monitoring", "false", true, err);
}

static json_t *caps_json(const char *const *caps)
{
	json_t *array = json_array();
	for (; *caps; caps++)
		json_array_append_new(array, json_string(*caps));
	return array;
}

/* "auth get-or-create" refuses an entity that has other capabilities: give it the wanted ones and ask again. */
static int auth_set_caps(struct ceph_conn *conn, const char *entity, const char *const *caps, json_t **ret_answer,
			 struct err *err)
{
	int rc = ceph_command(
		conn, json_pack("{s:s, s:s, s:o}", "prefix", "auth caps", "entity", entity, "caps", caps_json(caps)),
		NULL, NULL, NULL, err);
	if (rc < 0)
		return rc;
	return ceph_command(conn, json_pack("{s:s, s:s}", "prefix", "auth get", "entity", entity), NULL, ret_answer,
			    NULL, err);
}

static int auth_get_or_create(struct ceph_conn *conn, const char *entity, const char *const *caps, char **ret_key,
			      struct err *err)
{
	_cleanup_json_ json_t *answer = NULL;
	int raw = 0;
	int rc = ceph_command(
		conn,
		json_pack("{s:s, s:s, s:o}", "prefix", "auth get-or-create", "entity", entity, "caps", caps_json(caps)),
		NULL, &answer, &raw, err);
	if (raw == -EINVAL)
		rc = auth_set_caps(conn, entity, caps, &answer, err);
	if (rc < 0)
		return rc;
	const char *key = json_string_value(json_object_get(json_array_get(answer, 0), "key"));
	if (!key)
		return err_set(err, ERR_INTERNAL, "Ceph gave no key for %s", entity);
	*ret_key = xstrdup(key);
	return 0;
}

int ceph_cluster_auth(void *ctx, const struct ceph_access *access, const char *entity, const char *const *caps,
		      char **ret_key, struct err *err)
{
	_cleanup_conn_ struct ceph_conn *conn = NULL;
	int rc = ceph_conn_get(ctx, access, &conn, err);
	if (rc < 0)
		return rc;
	return auth_get_or_create(conn, entity, caps, ret_key, err);
}

int ceph_cluster_osd_new(void *ctx, const struct ceph_access *access, const char *uuid, int *ret_id, char **ret_key,
			 struct err *err)
{
	_cleanup_conn_ struct ceph_conn *conn = NULL;
	int rc = ceph_conn_get(ctx, access, &conn, err);
	if (rc < 0)
		return rc;
	/* Without secrets "osd new" gives the same number each time it is asked about the same uuid. */
	_cleanup_json_ json_t *answer = NULL;
	rc = ceph_command(conn, json_pack("{s:s, s:s}", "prefix", "osd new", "uuid", uuid), NULL, &answer, NULL, err);
	if (rc < 0)
		return rc;
	const json_t *number = json_object_get(answer, "osdid");
	if (!json_is_integer(number))
		return err_set(err, ERR_INTERNAL, "Ceph gave no number for the OSD %s", uuid);
	int id = (int)json_integer_value(number);

	static const char *const caps[] = { "mon", "allow profile osd", "mgr", "allow profile osd",
					    "osd", "allow *",		NULL };
	_cleanup_free_ char *entity = xasprintf("osd.%d", id);
	rc = auth_get_or_create(conn, entity, caps, ret_key, err);
	if (rc < 0)
		return rc;
	*ret_id = id;
	return 0;
}

static int pool_set(struct ceph_conn *conn, const char *pool, const char *variable, unsigned value, bool really,
		    struct err *err)
{
	_cleanup_free_ char *text = xasprintf("%u", value);
	json_t *command =
		json_pack("{s:s, s:s, s:s, s:s}", "prefix", "osd pool set", "pool", pool, "var", variable, "val", text);
	if (really)
		json_object_set_new(command, "yes_i_really_mean_it", json_true());
	return ceph_command(conn, command, NULL, NULL, NULL, err);
}

/* Sets what differs only: a monitor puts changes of the OSD map a second apart. */
static int pool_ensure(struct ceph_conn *conn, const char *pool, const char *variable, unsigned value, struct err *err)
{
	_cleanup_json_ json_t *answer = NULL;
	int rc = ceph_command(conn,
			      json_pack("{s:s, s:s, s:s}", "prefix", "osd pool get", "pool", pool, "var", variable),
			      NULL, &answer, NULL, err);
	if (rc < 0)
		return rc;
	if (json_integer_value(json_object_get(answer, variable)) == (json_int_t)value)
		return 0;
	/* One copy is what a cluster of one disk can have; Ceph wants to hear it twice. */
	bool really = value == 1 && str_equal(variable, "size");
	rc = really ? config_set(conn, "global", "mon_allow_pool_size_one", "true", false, err) : 0;
	return rc < 0 ? rc : pool_set(conn, pool, variable, value, really, err);
}

int ceph_cluster_pool_create(void *ctx, const struct ceph_access *access, const char *pool, unsigned size,
			     unsigned min_size, unsigned pg_num, struct err *err)
{
	_cleanup_conn_ struct ceph_conn *conn = NULL;
	int rc = ceph_conn_get(ctx, access, &conn, err);
	if (rc < 0)
		return rc;
	/* replicated_rule is what a new cluster has: copies on different hosts. Asked again, Ceph says 0 and does
	 * nothing. */
	json_t *command =
		json_pack("{s:s, s:s, s:i, s:i, s:s, s:s}", "prefix", "osd pool create", "pool", pool, "pg_num",
			  (int)pg_num, "pgp_num", (int)pg_num, "pool_type", "replicated", "rule", "replicated_rule");
	if (size > 1)
		json_object_set_new(command, "size", json_integer(size));
	rc = ceph_command(conn, command, NULL, NULL, NULL, err);
	if (rc == 0)
		rc = pool_ensure(conn, pool, "size", size, err);
	if (rc == 0)
		rc = pool_ensure(conn, pool, "min_size", min_size, err);
	if (rc < 0)
		return rc;

	_cleanup_io_ rados_ioctx_t io = NULL;
	rc = ceph_io(conn, pool, &io, err);
	if (rc < 0)
		return rc;
	/* Says as well that the pool is for RBD ("osd pool application enable"). */
	rc = rbd_pool_init(io, false);
	if (rc < 0)
		return ceph_fail(conn, rc, NULL, err, "cannot prepare pool %s for volumes", pool);
	return 0;
}
