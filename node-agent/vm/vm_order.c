/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads one entry of the desired section. Pure. */
#include <ctype.h>

#include "vm/vm_priv.h"

#define CPUS_MAX 512
#define VLAN_MAX 4094
#define MTU_MIN 576
#define MTU_MAX 65535
#define SEED_TEXT_MAX_BYTES (1024 * 1024)
#define MEMORY_MIN_BYTES (16 * MIB)
#define MEMORY_MAX_BYTES (64 * 1024 * GIB)

static const char *const want_names[] = {
	[VM_WANT_RUNNING] = "running",
	[VM_WANT_STOPPED] = "stopped",
	[VM_WANT_ABSENT] = "absent",
	[VM_WANT_INCOMING] = "incoming",
};

static int refuse(struct err *err, const char *field, const char *text)
{
	_cleanup_free_ char *path = xasprintf("vms.%s", field);

	return err_set_field(err, ERR_INVALID, path, "%s %s", path, text);
}

/* What becomes the name of an RBD image: nothing that separates (/ @ : , ; =) or ends a line. */
static bool is_image_name(const char *text)
{
	if (!text || !*text || strlen(text) > 255)
		return false;
	for (; *text; text++) {
		if (!isalnum((unsigned char)*text) && !strchr("-_.", *text))
			return false;
	}
	return true;
}

static int parse_want(const json_t *desired, enum vm_want *ret, struct err *err)
{
	const char *state = json_string_value(json_object_get(desired, "state"));

	for (size_t i = 0; i < ARRAY_SIZE(want_names); i++) {
		if (str_equal(state, want_names[i])) {
			*ret = (enum vm_want)i;
			return 0;
		}
	}
	return refuse(err, "state", "is none of running, stopped, absent, incoming");
}

static int parse_disks(const json_t *list, struct vm_order *order, struct err *err)
{
	size_t i;
	json_t *disk;

	if (json_array_size(list) > VM_DISKS_MAX)
		return refuse(err, "disks", "are more than 8");
	json_array_foreach(list, i, disk) {
		const char *pool = json_string_value(json_object_get(disk, "pool"));
		const char *image = json_string_value(json_object_get(disk, "image"));

		if (!is_image_name(pool) || !is_image_name(image))
			return refuse(err, "disks", "name a pool or image that cannot be one");
		order->disks[i].pool = pool;
		order->disks[i].image = image;
		order->disk_count++;
	}
	return 0;
}

/* A seed is a file for a guest: its text is none of our business, its size is. */
static int parse_seed(const json_t *seed, struct vm_order *order, struct err *err)
{
	const char *const texts[] = { json_string_value(json_object_get(seed, "meta_data")),
				      json_string_value(json_object_get(seed, "user_data")),
				      json_string_value(json_object_get(seed, "network_config")) };

	if (!texts[0] || !texts[1])
		return refuse(err, "seed", "has no meta_data or no user_data");
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (texts[i] && strlen(texts[i]) > SEED_TEXT_MAX_BYTES)
			return refuse(err, "seed", "is larger than any seed");
	}
	order->seed.meta_data = texts[0];
	order->seed.user_data = texts[1];
	order->seed.network_config = texts[2];
	return 0;
}

static bool is_mac(const char *text)
{
	unsigned digits = 0;

	if (!text || strlen(text) != 17)
		return false;
	for (unsigned i = 0; i < 17; i++)
		digits += i % 3 == 2 ? text[i] == ':' : isxdigit((unsigned char)text[i]) != 0;
	return digits == 17;
}

static bool is_address(const char *text)
{
	return text && *text && strspn(text, "0123456789abcdefABCDEF:.") == strlen(text);
}

static int parse_nics(const json_t *desired, struct vm_order *order, struct err *err)
{
	const json_t *list = json_object_get(desired, "nics");
	size_t i;
	json_t *nic;

	if (json_array_size(list) > VM_NICS_MAX)
		return refuse(err, "nics", "are more than 8");
	json_array_foreach(list, i, nic) {
		json_int_t vlan = json_integer_value(json_object_get(nic, "vlan"));
		json_int_t mtu = json_integer_value(json_object_get(nic, "mtu"));

		order->nics[i].mac = json_string_value(json_object_get(nic, "mac"));
		if (!is_mac(order->nics[i].mac))
			return refuse(err, "nics", "have one whose mac is none");
		if (vlan < 0 || vlan > VLAN_MAX || mtu < MTU_MIN || mtu > MTU_MAX)
			return refuse(err, "nics", "have a vlan or mtu that cannot be");
		order->nics[i].vlan = (unsigned)vlan;
		order->nics[i].mtu = (unsigned)mtu;
		order->nic_count++;
	}
	order->uplink = json_string_value(json_object_get(desired, "uplink"));
	return order->nic_count && !is_address(order->uplink) ? refuse(err, "uplink", "is no IP address") : 0;
}

static int parse_migrate(const json_t *migrate, struct vm_order *order, struct err *err)
{
	order->migration = json_string_value(json_object_get(migrate, "id"));
	order->address = json_string_value(json_object_get(migrate, "address"));
	if (!order->migration || !*order->migration || strlen(order->migration) > 64)
		return refuse(err, "migrate.id", "is missing");
	if (!is_address(order->address))
		return refuse(err, "migrate.address", "is no IP address");
	return 0;
}

int vm_order_parse(const json_t *desired, struct vm_order *ret, struct err *err)
{
	json_int_t cpus = json_integer_value(json_object_get(desired, "cpus"));
	json_int_t memory = json_integer_value(json_object_get(desired, "memory_bytes"));
	const json_t *migrate = json_object_get(desired, "migrate"), *seed = json_object_get(desired, "seed");
	struct vm_order order = {
		.id = json_string_value(json_object_get(desired, "id")),
		.name = json_string_value(json_object_get(desired, "name")),
		.generation = json_integer_value(json_object_get(desired, "generation")),
	};
	int r;

	/* Also the domain's UUID, and part of paths. */
	if (!uuid_valid(order.id))
		return refuse(err, "id", "is no UUID");
	r = parse_want(desired, &order.want, err);
	if (r < 0)
		return r;
	/* What is to be stopped or absent needs no more. */
	if (order.want == VM_WANT_RUNNING || order.want == VM_WANT_INCOMING) {
		if (cpus < 1 || cpus > CPUS_MAX)
			return refuse(err, "cpus", "is not from 1 to 512");
		if (memory < (json_int_t)MEMORY_MIN_BYTES || memory > (json_int_t)MEMORY_MAX_BYTES)
			return refuse(err, "memory_bytes", "is not from 16 MiB to 64 TiB");
		order.cpus = (unsigned)cpus;
		order.memory_bytes = (uint64_t)memory;
		r = parse_disks(json_object_get(desired, "disks"), &order, err);
		if (r == 0 && json_is_object(seed))
			r = parse_seed(seed, &order, err);
		if (r == 0)
			r = parse_nics(desired, &order, err);
		if (r == 0 && json_is_object(migrate))
			r = parse_migrate(migrate, &order, err);
		if (r < 0)
			return r;
	}
	*ret = order;
	return 0;
}
