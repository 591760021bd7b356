/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which machine is meant: by its MAC addresses, its system UUID, its BMC. Each is an index of the store, so that a message costs
 * the same in a rack of ten and of ten thousand. */
#include "machine/machine_priv.h"

static void mac_keys(const struct store_kind *kind, const void *object, struct store_keys *to)
{
	const struct machine *machine = object;
	for (size_t i = 0; i < machine->mac_count; i++)
		store_keys_add(to, machine->macs[i]);
}

static void boot_mac_keys(const struct store_kind *kind, const void *object, struct store_keys *to)
{
	store_keys_add(to, ((const struct machine *)object)->boot_mac);
}

static void bmc_address_keys(const struct store_kind *kind, const void *object, struct store_keys *to)
{
	store_keys_add(to, ((const struct machine *)object)->bmc_address);
}

static void add_uuid(struct store_keys *to, const char *uuid)
{
	_cleanup_free_ char *key = bmc_uuid_key(uuid);
	store_keys_add(to, key);
}

/* Those that are known by their BMC alone, by its UUID or by what an earlier life told. Many machines of one make may share a
 * UUID: so each of these indexes has only those that may still be found by it. */
static void unseen_keys(const struct store_kind *kind, const void *object, struct store_keys *to)
{
	const struct machine *machine = object;
	if (machine->mac_count > 0)
		return;
	add_uuid(to, machine->bmc_uuid);
	add_uuid(to, machine->uuid);
}

/* Those that booted from the network by themselves, and whose BMC is not known. */
static void without_bmc_keys(const struct store_kind *kind, const void *object, struct store_keys *to)
{
	const struct machine *machine = object;
	if (!machine->bmc_address)
		add_uuid(to, machine->uuid);
}

/* Those whose BMC does not answer where it was. */
static void lost_bmc_keys(const struct store_kind *kind, const void *object, struct store_keys *to)
{
	const struct machine *machine = object;
	if (machine->bmc_state != BMC_STATE_OK)
		add_uuid(to, machine->bmc_uuid);
}

static void well_bmc_keys(const struct store_kind *kind, const void *object, struct store_keys *to)
{
	const struct machine *machine = object;
	if (machine->bmc_state == BMC_STATE_OK)
		add_uuid(to, machine->bmc_uuid);
}

void machine_index_init(struct machines *machines)
{
	static const store_keys_fn keys[INDEX_COUNT] = {
		[INDEX_MAC] = mac_keys,
		[INDEX_BOOT_MAC] = boot_mac_keys,
		[INDEX_BMC_ADDRESS] = bmc_address_keys,
		[INDEX_UNSEEN] = unseen_keys,
		[INDEX_WITHOUT_BMC] = without_bmc_keys,
		[INDEX_LOST_BMC] = lost_bmc_keys,
		[INDEX_WELL_BMC] = well_bmc_keys,
	};
	for (size_t i = 0; i < INDEX_COUNT; i++)
		machines->indexes[i] = store_index_new(machines->store, &kind_machine, keys[i]);
}

const struct machine *machine_find_by(struct machines *machines, enum machine_index index, const char *key, size_t nth)
{
	return store_index_get(machines->indexes[index], key, nth);
}

const struct machine *machine_find_by_uuid(struct machines *machines, enum machine_index index, const char *uuid)
{
	_cleanup_free_ char *key = bmc_uuid_key(uuid);
	const struct machine *machine;
	for (size_t n = 0; (machine = machine_find_by(machines, index, key, n)); n++)
		if (bmc_uuid_matches(machine->bmc_uuid, uuid) || bmc_uuid_matches(uuid, machine->uuid))
			return machine;
	return NULL;
}

/* Names that were given are not given again while this provisioner lives, even if a person has chosen another since. */
char *machine_free_name(struct machines *machines)
{
	for (;;) {
		_cleanup_free_ char *name = xasprintf("machine-%u", ++machines->last_name);
		if (!store_find(machines->store, &kind_machine, name))
			return TAKE_PTR(name);
	}
}
