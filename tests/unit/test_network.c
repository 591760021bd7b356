/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks and who is in them. */
#include "vm_fixture.h"

static int make(struct rack *rack, const char *name, int64_t vlan, struct err *err)
{
	const struct network wanted = { .name = (char *)name, .vlan = vlan, .mtu = 1500 };
	const struct network *network = NULL;
	int r = network_create(rack->controller->compute, &wanted, &network, err);
	if (r == 0)
		assert_string_equal(network->name, name);
	return r;
}

static const char *id_of(struct rack *rack, const char *name)
{
	const struct network *network = store_find(rack_store(rack), &kind_network, name);
	assert_non_null(network);
	return network->id;
}

static int plug(struct rack *rack, const char *name, const char *const *networks, size_t count, char **ret_id,
		struct err *err)
{
	_cleanup_free_ char *volume = xasprintf("disk-of-%s", name);
	const struct vm wanted = { .name = (char *)name,
				   .volume = volume,
				   .cpus = 1,
				   .memory_bytes = GIB,
				   .start = true,
				   .networks = (char **)(void *)networks,
				   .network_count = count };
	const struct vm *vm = NULL;
	rack_volume(rack, volume, VOLUME_AVAILABLE);
	int r = vm_create(rack->controller->compute, &wanted, &vm, err);
	if (r == 0)
		*ret_id = xstrdup(vm->id);
	rack_settle(rack);
	return r;
}

static void a_name_or_a_vlan_is_one_networks(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	assert_int_equal(make(rack, "lan", 0, &err), 0);
	assert_int_equal(make(rack, "dmz", 20, &err), 0);
	assert_true(make(rack, "lan", 30, &err) < 0);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_string_equal(err.field, "name");
	err_done(&err);
	assert_true(make(rack, "other", 20, &err) < 0);
	assert_string_equal(err.field, "vlan");
	assert_string_equal(err.text, "vlan: 20 is the network 'dmz' already");
	err_done(&err);
	assert_true(make(rack, "other", 0, &err) < 0);
	assert_string_equal(err.text, "vlan: 0 (untagged) is the network 'lan' already");
	assert_int_equal(store_count(rack_store(rack), &kind_network), 2);
}

static void each_card_has_an_address_of_its_own_for_good(void **state)
{
	static const char *const both[] = { "lan", "dmz" };
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *node = rack_node(rack, 1), *first = NULL, *second = NULL;
	assert_int_equal(make(rack, "lan", 0, &err), 0);
	assert_int_equal(make(rack, "dmz", 20, &err), 0);
	assert_int_equal(plug(rack, "a", both, 2, &first, &err), 0);
	assert_int_equal(plug(rack, "b", both, 1, &second, &err), 0);
	const struct vm *a = rack_get_vm(rack, first), *b = rack_get_vm(rack, second);
	assert_int_equal(a->nic_count, 2);
	assert_string_equal(a->networks[1], "dmz");
	assert_string_equal(a->nics[1].network, id_of(rack, "dmz"));
	assert_string_equal(a->nics[1].network_name, "dmz");
	assert_string_not_equal(a->nics[0].mac, a->nics[1].mac);
	assert_string_not_equal(a->nics[0].mac, b->nics[0].mac);
	/* Locally administered, of one station. */
	assert_true(str_starts(a->nics[0].mac, "02:"));
	assert_null(format_check(FORMAT_MAC, a->nics[0].mac));

	json_t *desired = rack_desired_vm(rack, node, first), *nics = json_object_get(desired, "nics");
	const struct node *where = store_get(rack_store(rack), &kind_node, node);
	assert_int_equal(json_array_size(nics), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(nics, 0), "mac")), a->nics[0].mac);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(nics, 1), "vlan")), 20);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(nics, 1), "mtu")), 1500);
	assert_string_equal(json_string_value(json_object_get(desired, "uplink")), where->address);
	_cleanup_free_ char *mac = xstrdup(a->nics[1].mac);
	json_decref(desired);
	rack_restart(rack);
	assert_string_equal(rack_get_vm(rack, first)->nics[1].mac, mac);
}

static void the_target_of_a_migration_is_told_the_same_cards(void **state)
{
	static const char *const networks[] = { "dmz" };
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *one = rack_node(rack, 1), *two = rack_node(rack, 2), *id = NULL;
	const char *task = NULL;
	assert_int_equal(make(rack, "dmz", 20, &err), 0);
	assert_int_equal(plug(rack, "a", networks, 1, &id, &err), 0);
	_cleanup_free_ char *source = xstrdup(rack_get_vm(rack, id)->node);
	rack_say_vm(rack, source, id, rack_get_vm(rack, id)->generation, "running", true);
	assert_int_equal(cluster_vm_migrate(rack->controller->cluster, id, NULL, &task, &err), 0);
	const char *target = str_equal(source, one) ? two : one;
	json_t *here = rack_desired_vm(rack, source, id), *there = rack_desired_vm(rack, target, id);
	assert_string_equal(json_string_value(json_object_get(there, "state")), "incoming");
	assert_true(json_equal(json_object_get(here, "nics"), json_object_get(there, "nics")));
	/* Each has them on its own card. */
	assert_string_equal(json_string_value(json_object_get(there, "uplink")),
			    ((const struct node *)store_get(rack_store(rack), &kind_node, target))->address);
	json_decref(here);
	json_decref(there);
}

static void a_network_that_is_used_stays(void **state)
{
	static const char *const networks[] = { "lan" };
	struct rack *rack = *state;
	struct compute *compute = rack->controller->compute;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = NULL;
	assert_int_equal(make(rack, "lan", 0, &err), 0);
	for (unsigned i = 0; i < 7; i++) {
		_cleanup_free_ char *name = xasprintf("web-%u", i);
		free(TAKE_PTR(id));
		assert_int_equal(plug(rack, name, networks, 1, &id, &err), 0);
	}
	assert_true(network_delete(compute, id_of(rack, "lan"), &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	/* Those of one moment are in no order. */
	assert_true(str_starts(err.text, "network lan is used by the virtual machines web-"));
	assert_non_null(strstr(err.text, ", web-"));
	assert_non_null(strstr(err.text, " and 2 more; delete them first"));
	STORE_EACH(struct vm, vm, rack_store(rack), &kind_vm) {
		_cleanup_free_ char *each = xstrdup(vm->id);
		free(rack_delete(rack, each));
	}
	assert_int_equal(store_count(rack_store(rack), &kind_vm), 0);
	assert_int_equal(network_delete(compute, id_of(rack, "lan"), &err), 0);
	assert_int_equal(store_count(rack_store(rack), &kind_network), 0);
}

static void there_is_no_card_in_no_network(void **state)
{
	static const char *const networks[] = { "lan", "nowhere" };
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = NULL;
	assert_int_equal(make(rack, "lan", 0, &err), 0);
	assert_true(plug(rack, "a", networks, 2, &id, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.field, "networks");
	assert_string_equal(err.text, "networks[1]: there is no network 'nowhere'");
	assert_int_equal(store_count(rack_store(rack), &kind_vm), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_name_or_a_vlan_is_one_networks),
		TEST(each_card_has_an_address_of_its_own_for_good),
		TEST(the_target_of_a_migration_is_told_the_same_cards),
		TEST(a_network_that_is_used_stays),
		TEST(there_is_no_card_in_no_network),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
