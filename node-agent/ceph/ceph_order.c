/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads the desired section. Pure. */
#include <ctype.h>
#include <errno.h>

#include "ceph/ceph_node_priv.h"

static bool is_word(const char *text, const char *more)
{
	if (!*text || strlen(text) > 255 || *text == '.')
		return false;
	for (; *text; text++) {
		if (!isalnum((unsigned char)*text) && !strchr(more, *text))
			return false;
	}
	return true;
}

/* What a string may hold beside letters and digits. */
#define NAME_CHARS "-_."
#define KEY_CHARS "+/="
#define ADDRESS_CHARS ":."
#define MON_HOST_CHARS "[]:,.-"

static int take(const json_t *object, const char *where, const char *key, const char *more, const char **ret,
		struct err *err)
{
	const char *text = json_string_value(json_object_get(object, key));
	_cleanup_free_ char *field = xasprintf("ceph%s.%s", where, key);

	if (!text || !is_word(text, more))
		return err_set_field(err, ERR_INVALID, field, "%s is missing or has characters it must not have",
				     field);
	*ret = text;
	return 0;
}

static int take_mon(const json_t *mon, struct ceph_order *order, struct err *err)
{
	const struct {
		const char *key, *more;
		const char **ret;
	} fields[] = {
		{ "name", NAME_CHARS, &order->mon.name },
		{ "address", ADDRESS_CHARS, &order->mon.address },
		{ "key", KEY_CHARS, &order->mon.key },
		{ "admin_key", KEY_CHARS, &order->mon.admin_key },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		int r = take(mon, ".mon", fields[i].key, fields[i].more, fields[i].ret, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int take_pair(const json_t *object, const char *where, const char **ret_name, const char **ret_key,
		     struct err *err)
{
	int r = take(object, where, "name", NAME_CHARS, ret_name, err);

	return r < 0 ? r : take(object, where, "key", KEY_CHARS, ret_key, err);
}

static const char *optional(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && *text ? text : NULL;
}

static int take_osd(const json_t *json, struct osd_order *osd, struct err *err)
{
	const json_t *id = json_object_get(json, "id"), *disk = json_object_get(json, "disk");
	json_int_t memory = json_integer_value(json_object_get(json, "memory_bytes"));
	int r = take(json, ".osds", "uuid", "-", &osd->uuid, err);

	if (r == 0)
		r = take(json, ".osds", "key", KEY_CHARS, &osd->key, err);
	if (r < 0)
		return r;
	if (!uuid_valid(osd->uuid))
		return err_set_field(err, ERR_INVALID, "ceph.osds.uuid", "%s is no UUID", osd->uuid);
	if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > INT32_MAX)
		return err_set_field(err, ERR_INVALID, "ceph.osds.id", "an OSD has a number from 0 on");
	osd->id = (int)json_integer_value(id);
	osd->wwn = optional(disk, "wwn");
	osd->serial = optional(disk, "serial");
	osd->memory_bytes = memory > 0 ? (uint64_t)memory : 0;
	if (!osd->wwn && !osd->serial)
		return err_set_field(err, ERR_INVALID, "ceph.osds.disk",
				     "the disk of osd.%d has neither WWN nor serial", osd->id);
	return 0;
}

static int take_osds(const json_t *list, struct ceph_order *order, struct err *err)
{
	size_t i;
	json_t *osd;

	if (json_array_size(list) > CEPH_OSDS_MAX)
		return err_set_field(err, ERR_INVALID, "ceph.osds", "at most %d OSDs to a node", CEPH_OSDS_MAX);
	json_array_foreach(list, i, osd) {
		int r = take_osd(osd, &order->osds[order->osd_count], err);

		if (r < 0)
			return r;
		order->osd_count++;
	}
	return 0;
}

int ceph_order_parse(const json_t *desired, struct ceph_order *ret, struct err *err)
{
	const json_t *mon = json_object_get(desired, "mon"), *mgr = json_object_get(desired, "mgr");
	const json_t *client = json_object_get(desired, "client");
	struct ceph_order order = { 0 };
	int r = take(desired, "", "fsid", "-", &order.fsid, err);

	if (r == 0)
		r = take(desired, "", "mon_host", MON_HOST_CHARS, &order.mon_host, err);
	if (r == 0 && json_is_object(mon))
		r = take_mon(mon, &order, err);
	if (r == 0 && json_is_object(mgr))
		r = take_pair(mgr, ".mgr", &order.mgr.name, &order.mgr.key, err);
	if (r == 0 && json_is_object(client))
		r = take_pair(client, ".client", &order.client.name, &order.client.key, err);
	if (r == 0)
		r = take_osds(json_object_get(desired, "osds"), &order, err);
	if (r < 0)
		return r;
	if (!uuid_valid(order.fsid))
		return err_set_field(err, ERR_INVALID, "ceph.fsid", "%s is no UUID", order.fsid);
	*ret = order;
	return 0;
}

char *ceph_order_mon_address(const struct ceph_order *order)
{
	const char *start = strstr(order->mon_host, "v2:");
	const char *end;

	if (!start)
		return NULL;
	start += 3;
	if (*start == '[') {
		start++;
		end = strchr(start, ']');
	} else {
		end = strchr(start, ':');
	}
	return end ? xstrndup(start, (size_t)(end - start)) : NULL;
}
