/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bridges of networks: what ip(8) is told, for what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cmd/cmd.h"
#include "vm/vm_priv.h"

#define CARD "{\"ifname\": \"enp1s0\", \"mtu\": 1500, \"flags\": [\"UP\"], \"addr_info\": [{\"local\": \"10.0.0.11\"}]}"
/* A card in the host's bridge, with a guest beside it. */
#define BRIDGED                                                                                                        \
	"{\"ifname\": \"enp1s0\", \"mtu\": 1500, \"master\": \"ingot0\", \"flags\": [\"UP\"], \"addr_info\": []},"     \
	"{\"ifname\": \"ingot0\", \"mtu\": 1500, \"flags\": [\"UP\"], \"linkinfo\": {\"info_kind\": \"bridge\"},"      \
	" \"addr_info\": [{\"local\": \"10.0.0.11\"}]},"                                                               \
	"{\"ifname\": \"vnet0\", \"mtu\": 1500, \"master\": \"ingot0\", \"linkinfo\": {\"info_kind\": \"tun\"}}"
/* The host's own address is on a VLAN. */
#define TAGGED                                                                                                         \
	"{\"ifname\": \"enp1s0\", \"mtu\": 1500, \"flags\": [\"UP\"], \"addr_info\": []},"                             \
	"{\"ifname\": \"lan0.30\", \"link\": \"enp1s0\", \"mtu\": 1400, \"flags\": [\"UP\"], \"linkinfo\":"            \
	" {\"info_kind\": \"vlan\", \"info_data\": {\"id\": 30}}, \"addr_info\": [{\"local\": \"10.0.0.11\"}]}"
#define VLAN_BRIDGE(flags)                                                                                             \
	"{\"ifname\": \"ingot-v20\", \"mtu\": 1500, \"flags\": [" flags "], \"linkinfo\": {\"info_kind\": \"bridge\"}}"
#define VLAN_PORT(link)                                                                                                \
	"{\"ifname\": \"ingot-u20\", \"mtu\": 1500, \"link\": \"" link "\", \"master\": \"ingot-v20\","                \
	" \"flags\": [\"UP\"], \"linkinfo\": {\"info_kind\": \"vlan\"}}"

static struct {
	const char *links;
	struct strbuf told; /* a line each, without what asks */
} world;

static int answer(const struct cmd *cmd, struct cmd_result *ret, struct err *err, void *data)
{
	if (str_equal(cmd->argv[1], "-json")) {
		*ret = (struct cmd_result){ .output = xstrdup(world.links), .out = xstrdup(world.links) };
		ret->output_len = ret->out_len = strlen(world.links);
		return 0;
	}
	for (unsigned i = 0; cmd->argv[i]; i++) {
		bool random = i > 0 && str_equal(cmd->argv[i - 1], "address");

		strbuf_addf(&world.told, "%s%s", i ? " " : "", random ? "MAC" : cmd->argv[i]);
	}
	strbuf_adds(&world.told, "\n");
	return 0;
}

static int set_up(void **state)
{
	cmd_set_hook(answer, NULL);
	strbuf_done(&world.told);
	world.told = (struct strbuf){ 0 };
	return 0;
}

static int tear_down(void **state)
{
	cmd_set_hook(NULL, NULL);
	strbuf_done(&world.told);
	return 0;
}

static int ensure(const char *links, unsigned vlan, unsigned mtu, struct err *err)
{
	const struct vm_order order = { .nics = { { .mac = "02:00:00:00:00:01", .vlan = vlan, .mtu = mtu } },
					.nic_count = 1,
					.uplink = "10.0.0.11" };

	world.links = links;
	return vm_net_ensure(&order, err);
}

static void a_vlan_gets_a_bridge_on_the_card(void **state)
{
	static const char made[] =
		"ip link add name ingot-v20 mtu 1400 addrgenmode none type bridge stp_state 0 "
		"forward_delay 0 mcast_snooping 0\n"
		"ip link add link enp1s0 name ingot-u20 address MAC mtu 1400 addrgenmode none type vlan "
		"id 20\n"
		"ip link set ingot-u20 master ingot-v20 up\n"
		"ip link set ingot-v20 up\n";

	assert_int_equal(ensure("[" CARD "]", 20, 1400, NULL), 0);
	assert_string_equal(world.told.data, made);
	/* Tagged once, also where the host's own address is tagged; of the card's size. */
	set_up(state);
	assert_int_equal(ensure("[" TAGGED "]", 20, 1400, NULL), 0);
	assert_string_equal(world.told.data, made);
	set_up(state);
	assert_int_equal(ensure("[" TAGGED "]", 20, 1500, NULL), 0);
	/* The card is the same one when it is in the host's bridge: never what a guest is plugged in with. */
	set_up(state);
	assert_int_equal(ensure("[" BRIDGED "]", 20, 1400, NULL), 0);
	assert_string_equal(world.told.data, made);
}

static void what_is_there_is_left_alone(void **state)
{
	assert_int_equal(ensure("[" CARD "," VLAN_BRIDGE("\"UP\"") "," VLAN_PORT("enp1s0") "]", 20, 1500, NULL), 0);
	assert_null(world.told.data);
	assert_int_equal(ensure("[" BRIDGED "]", 0, 1500, NULL), 0);
	assert_null(world.told.data);
}

static void what_was_cut_off_is_finished(void **state)
{
	assert_int_equal(ensure("[" CARD "," VLAN_BRIDGE("") "," VLAN_PORT("enp1s0") "]", 20, 1500, NULL), 0);
	assert_string_equal(world.told.data, "ip link set ingot-u20 master ingot-v20 up\nip link set ingot-v20 up\n");
	/* On a card that the host is not reached by any more. */
	set_up(state);
	assert_int_equal(ensure("[" CARD "," VLAN_BRIDGE("\"UP\"") "," VLAN_PORT("old0") "]", 20, 1500, NULL), 0);
	assert_non_null(strstr(world.told.data, "ip link delete ingot-u20\nip link add link enp1s0 name ingot-u20 "));
}

static void assert_refused(const char *links, unsigned vlan, unsigned mtu, const char *words)
{
	_cleanup_err_ struct err err = ERR_INIT;

	assert_true(ensure(links, vlan, mtu, &err) < 0);
	if (!strstr(err.text, words))
		fail_msg("%s", err.text);
	assert_null(world.told.data);
}

static void what_this_host_cannot_do_is_said(void **state)
{
	assert_refused("[]", 20, 1500, "no network card of this node has its address 10.0.0.11");
	assert_refused("[" CARD "]", 0, 1500, "this node has no bridge ingot0");
	assert_refused("[" CARD "]", 20, 9000, "an MTU of 9000, and enp1s0 of this node one of 1500");
	assert_refused("[" BRIDGED "]", 0, 9000, "an MTU of 9000, and ingot0 of this node one of 1500");
	assert_refused("[" TAGGED "]", 30, 1400, "VLAN 30 is this host's own (lan0.30)");
	assert_refused("[{\"ifname\": \"lan0.30\", \"link\": \"lan0.30\", \"linkinfo\": {\"info_kind\": \"vlan\"},"
		       " \"addr_info\": [{\"local\": \"10.0.0.11\"}]}]",
		       20, 1400, "the network card below lan0.30 is not found");
	assert_refused("no JSON", 20, 1500, "does not answer in JSON");
}

/* Names go along in the XML of a machine that migrates. */
static void names_fit_the_kernel(void **state)
{
	char name[VM_NET_NAME_SIZE];

	vm_net_bridge_name(4094, name);
	assert_string_equal(name, "ingot-v4094");
	vm_net_bridge_name(0, name);
	assert_string_equal(name, "ingot0");
}

int main(void)
{
#define HERE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		HERE(a_vlan_gets_a_bridge_on_the_card),
		HERE(what_is_there_is_left_alone),
		HERE(what_was_cut_off_is_finished),
		HERE(what_this_host_cannot_do_is_said),
		HERE(names_fit_the_kernel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
