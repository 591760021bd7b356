/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks: layer 2, a VLAN each on the card that the nodes are reached by. Who is in one, with which MAC address. */
#include "compute/compute_priv.h"

#define MAC_BYTES 6
#define NAMED_MAX 5 /* of the virtual machines in a message */

/* ---- create, delete ---- */

int network_create(struct compute *compute, const struct network *wanted, const struct network **ret, struct err *err)
{
	const struct network *other = store_find(compute->store, &kind_network, wanted->name);
	if (other)
		return err_set_field(err, ERR_EXISTS, "name", "name: '%s' is taken by network %s; choose another",
				     wanted->name, other->id);
	STORE_EACH(struct network, each, compute->store, &kind_network)
		if (each->vlan == wanted->vlan)
			return err_set_field(err, ERR_EXISTS, "vlan", "vlan: %lld%s is the network '%s' already",
					     (long long)wanted->vlan, wanted->vlan ? "" : " (untagged)", each->name);
	store_begin(compute->store);
	struct network *network = store_create(compute->store, &kind_network);
	_cleanup_free_ char *id = xstrdup(network->id);
	str_set(&network->name, wanted->name);
	str_set(&network->description, wanted->description);
	network->vlan = wanted->vlan;
	network->mtu = wanted->mtu;
	network->created = loop_now_ms(compute->loop);
	store_event(compute->store, "network.created", "network", id, network->name, NULL);
	int r = store_commit(compute->store, err);
	if (r == 0)
		*ret = store_get(compute->store, &kind_network, id);
	return r;
}

static bool is_in(const struct vm *vm, const char *network)
{
	for (size_t i = 0; i < vm->nic_count; i++)
		if (str_equal(vm->nics[i].network, network))
			return true;
	return false;
}

/* "web, db and 3 more", or NULL. The caller frees. */
static char *who_is_in(struct compute *compute, const char *network)
{
	_cleanup_strbuf_ struct strbuf names = { 0 };
	unsigned count = 0;
	STORE_EACH(struct vm, vm, compute->store, &kind_vm)
		if (is_in(vm, network) && ++count <= NAMED_MAX)
			strbuf_addf(&names, "%s%s", count > 1 ? ", " : "", vm->name);
	if (count > NAMED_MAX)
		strbuf_addf(&names, " and %u more", count - NAMED_MAX);
	return count ? strbuf_take(&names) : NULL;
}

int network_delete(struct compute *compute, const char *id, struct err *err)
{
	const struct network *network = store_get(compute->store, &kind_network, id);
	_cleanup_free_ char *users = who_is_in(compute, id);
	if (users)
		return err_set(err, ERR_STATE, "network %s is used by the virtual machines %s; delete them first",
			       network->name, users);
	store_begin(compute->store);
	store_event(compute->store, "network.deleted", "network", id, network->name, NULL);
	store_remove(compute->store, &kind_network, id);
	return store_commit(compute->store, err);
}

/* ---- cards ---- */

int vm_networks_check(struct compute *compute, const struct vm *wanted, struct err *err)
{
	for (size_t i = 0; i < wanted->network_count; i++) {
		const struct network *network = store_find(compute->store, &kind_network, wanted->networks[i]);
		if (!network)
			return err_set_field(err, ERR_INVALID, "networks", "networks[%zu]: there is no network '%s'", i,
					     wanted->networks[i]);
	}
	return 0;
}

static bool mac_is_taken(struct compute *compute, const char *mac)
{
	STORE_EACH(struct vm, vm, compute->store, &kind_vm)
		for (size_t i = 0; i < vm->nic_count; i++)
			if (str_equal(vm->nics[i].mac, mac))
				return true;
	return false;
}

static bool mac_is_among(const struct vm *vm, const char *mac)
{
	for (size_t i = 0; i < vm->nic_count; i++)
		if (str_equal(vm->nics[i].mac, mac))
			return true;
	return false;
}

/* Locally administered, unicast (IEEE 802 section 8.4). */
static char *new_mac(struct compute *compute, const struct vm *vm)
{
	for (;;) {
		unsigned char bytes[MAC_BYTES];
		random_bytes(bytes, sizeof(bytes));
		_cleanup_free_ char *mac =
			xasprintf("02:%02x:%02x:%02x:%02x:%02x", bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]);
		if (!mac_is_taken(compute, mac) && !mac_is_among(vm, mac))
			return TAKE_PTR(mac);
	}
}

void vm_networks_take(struct compute *compute, struct vm *vm, const struct vm *wanted)
{
	for (size_t i = 0; i < wanted->network_count; i++) {
		const struct network *network = store_find(compute->store, &kind_network, wanted->networks[i]);
		char *mac = new_mac(compute, vm);
		struct vm_nic *nic = schema_list_add(&vm_schema, vm, "nics");
		nic->network = xstrdup(network->id);
		nic->network_name = xstrdup(network->name);
		nic->mac = mac;
		schema_strings_add(&vm->networks, &vm->network_count, network->name);
	}
}

json_t *vm_networks_desired(struct compute *compute, const struct vm *vm)
{
	json_t *list = vm->nic_count ? json_array() : NULL;
	for (size_t i = 0; i < vm->nic_count; i++) {
		const struct network *network = store_get(compute->store, &kind_network, vm->nics[i].network);
		if (network)
			json_array_append_new(list,
					      json_pack("{s:s, s:I, s:I}", "mac", vm->nics[i].mac, "vlan",
							(json_int_t)network->vlan, "mtu", (json_int_t)network->mtu));
	}
	return list;
}
