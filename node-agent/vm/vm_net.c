/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The node's side of networks: for each VLAN a bridge, joined to the network card by an interface that tags. The untagged network
 * is a bridge of the host's own, if it has one (docs/protocol.md): a host's address is never moved while it is in
 * use. ip(8) is asked and told, in its JSON. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "vm/vm_priv.h"

#define IP_DEADLINE_MS 10000
#define HOST_BRIDGE "ingot0"
#define VLAN_BRIDGE "ingot-v"
#define VLAN_PORT "ingot-u"

void vm_net_bridge_name(unsigned vlan, char ret_name[VM_NET_NAME_SIZE])
{
	if (vlan)
		snprintf(ret_name, VM_NET_NAME_SIZE, VLAN_BRIDGE "%u", vlan);
	else
		snprintf(ret_name, VM_NET_NAME_SIZE, HOST_BRIDGE);
}

/* ---- what there is ---- */

static int read_links(json_t **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	int r = cmd_outputl(err, IP_DEADLINE_MS, &text, "ip", "-json", "-details", "address", "show", NULL);

	if (r < 0)
		return r;
	*ret = json_loads(text, 0, NULL);
	return json_is_array(*ret) ? 0 : err_set(err, ERR_INTERNAL, "ip(8) does not answer in JSON");
}

static const char *text_of(const json_t *link, const char *key)
{
	return json_string_value(json_object_get(link, key));
}

static const char *kind_of(const json_t *link)
{
	return text_of(json_object_get(link, "linkinfo"), "info_kind");
}

static json_t *find_link(const json_t *links, const char *name)
{
	size_t i;
	json_t *link;

	json_array_foreach(links, i, link) {
		if (str_equal(text_of(link, "ifname"), name))
			return link;
	}
	return NULL;
}

static bool has_address(const json_t *link, const char *address)
{
	size_t i;
	json_t *info;

	json_array_foreach(json_object_get(link, "addr_info"), i, info) {
		if (str_equal(text_of(info, "local"), address))
			return true;
	}
	return false;
}

/* Of the host's bridge: the member that is no guest's. */
static json_t *card_of(const json_t *links, const char *bridge)
{
	json_t *card = NULL, *link;
	size_t i;

	json_array_foreach(links, i, link) {
		if (str_equal(text_of(link, "master"), bridge) && !str_equal(kind_of(link), "tun"))
			card = link;
	}
	return card;
}

/* The card that a link tags for; itself if it does not. NULL: it is not here. Nested ones have an end. */
static json_t *untagged_card(const json_t *links, json_t *card)
{
	for (size_t i = 0; card && str_equal(kind_of(card), "vlan"); i++)
		card = i < json_array_size(links) ? find_link(links, str_or(text_of(card, "link"), "")) : NULL;
	return card;
}

/* The link of the host's own that has this VLAN on the card, or NULL. */
static const char *host_vlan(const json_t *links, const char *card, unsigned vlan)
{
	size_t i;
	json_t *link;

	json_array_foreach(links, i, link) {
		const json_t *data = json_object_get(json_object_get(link, "linkinfo"), "info_data");

		if (str_equal(kind_of(link), "vlan") && str_equal(text_of(link, "link"), card) &&
		    json_integer_value(json_object_get(data, "id")) == (json_int_t)vlan &&
		    !str_starts(str_or(text_of(link, "ifname"), ""), VLAN_PORT))
			return text_of(link, "ifname");
	}
	return NULL;
}

/* What the node's own address is on: the card itself, the host's VLAN on it, or the host's bridge and the card in that. What
 * tags for others goes on the card: on a VLAN of the host's it would be tagged twice. */
static int find_uplink(const json_t *links, const char *address, json_t **ret_holder, json_t **ret_card,
		       struct err *err)
{
	json_t *holder = NULL, *card, *link;
	size_t i;

	json_array_foreach(links, i, link) {
		if (has_address(link, address))
			holder = link;
	}
	if (!holder)
		return err_set(err, ERR_STATE, "no network card of this node has its address %s", address);
	card = str_equal(kind_of(holder), "bridge") ? card_of(links, text_of(holder, "ifname")) : holder;
	if (!card)
		return err_set(err, ERR_STATE, "the bridge %s has no network card in it", text_of(holder, "ifname"));
	card = untagged_card(links, card);
	if (!card)
		return err_set(err, ERR_STATE, "the network card below %s is not found", text_of(holder, "ifname"));
	*ret_holder = holder;
	*ret_card = card;
	return 0;
}

static int check_mtu(const json_t *link, unsigned mtu, struct err *err)
{
	json_int_t has = json_integer_value(json_object_get(link, "mtu"));

	if (has >= (json_int_t)mtu)
		return 0;
	return err_set(err, ERR_UNSUPPORTED, "the network has an MTU of %u, and %s of this node one of %d", mtu,
		       text_of(link, "ifname"), (int)has);
}

/* ---- untagged ---- */

static int check_untagged(const json_t *links, const json_t *holder, unsigned mtu, struct err *err)
{
	if (!str_equal(text_of(holder, "ifname"), HOST_BRIDGE))
		return err_set(err, ERR_UNSUPPORTED,
			       "this node has no bridge " HOST_BRIDGE
			       " with its address, which untagged networks need: use a "
			       "network with a VLAN");
	return check_mtu(holder, mtu, err);
}

/* ---- a VLAN ---- */

/* The host is no neighbour of the guests: it neither takes an address there nor answers for those it has. Best effort: on a
 * kernel without IPv6 there is nothing to switch off. */
static void keep_host_out(const char *name)
{
	static const struct {
		const char *family, *key, *value;
	} settings[] = { { "ipv6", "disable_ipv6", "1" }, { "ipv4", "arp_ignore", "8" }, { "ipv4", "rp_filter", "1" } };

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		_cleanup_free_ char *path =
			xasprintf("/proc/sys/net/%s/conf/%s/%s", settings[i].family, name, settings[i].key);
		FILE *file;

		file = fopen(path, "we");
		if (!file)
			continue;
		fputs(settings[i].value, file);
		fclose(file);
	}
}

static bool is_up(const json_t *link)
{
	size_t i;
	json_t *flag;

	json_array_foreach(json_object_get(link, "flags"), i, flag) {
		if (str_equal(json_string_value(flag), "UP"))
			return true;
	}
	return false;
}

static bool is_whole(const json_t *bridge, const json_t *port, const char *card)
{
	return bridge && port && is_up(bridge) && is_up(port) && str_equal(text_of(port, "link"), card) &&
	       str_equal(text_of(port, "master"), text_of(bridge, "ifname"));
}

/* With an address of its own: what systemd-networkd has for the card by its address does not fit. */
static int add_port(const char *port, const char *card, const char *tag, const char *mtu, struct err *err)
{
	unsigned char random[5];
	_cleanup_free_ char *mac = NULL;

	random_bytes(random, sizeof(random));
	mac = xasprintf("02:%02x:%02x:%02x:%02x:%02x", random[0], random[1], random[2], random[3], random[4]);
	return cmd_runl(err, IP_DEADLINE_MS, "ip", "link", "add", "link", card, "name", port, "address", mac, "mtu",
			mtu, "addrgenmode", "none", "type", "vlan", "id", tag, NULL);
}

static int make_vlan(const json_t *links, const json_t *card_link, unsigned vlan, unsigned mtu, struct err *err)
{
	const char *card = text_of(card_link, "ifname");
	char bridge[VM_NET_NAME_SIZE], port[VM_NET_NAME_SIZE], tag[VM_NET_NAME_SIZE], size[VM_NET_NAME_SIZE];
	const char *own = host_vlan(links, card, vlan);
	const json_t *has_bridge, *has_port;
	int r = 0;

	if (own)
		return err_set(err, ERR_UNSUPPORTED,
			       "VLAN %u is this host's own (%s): virtual machines need another one", vlan, own);
	vm_net_bridge_name(vlan, bridge);
	snprintf(port, sizeof(port), VLAN_PORT "%u", vlan);
	snprintf(tag, sizeof(tag), "%u", vlan);
	snprintf(size, sizeof(size), "%u", mtu);
	has_bridge = find_link(links, bridge);
	has_port = find_link(links, port);
	if (is_whole(has_bridge, has_port, card))
		return 0;
	if (has_port && !str_equal(text_of(has_port, "link"), card)) {
		r = cmd_runl(err, IP_DEADLINE_MS, "ip", "link", "delete", port, NULL);
		has_port = NULL;
	}
	if (r == 0 && !has_bridge)
		r = cmd_runl(err, IP_DEADLINE_MS, "ip", "link", "add", "name", bridge, "mtu", size, "addrgenmode",
			     "none", "type", "bridge", "stp_state", "0", "forward_delay", "0", "mcast_snooping", "0",
			     NULL);
	if (r == 0 && !has_port)
		r = add_port(port, card, tag, size, err);
	if (r == 0) {
		keep_host_out(bridge);
		r = cmd_runl(err, IP_DEADLINE_MS, "ip", "link", "set", port, "master", bridge, "up", NULL);
	}
	if (r == 0)
		r = cmd_runl(err, IP_DEADLINE_MS, "ip", "link", "set", bridge, "up", NULL);
	if (r == 0)
		log_info("network: bridge %s on %s", bridge, card);
	return r;
}

int vm_net_ensure(const struct vm_order *order, struct err *err)
{
	json_t *holder = NULL, *card = NULL;
	_cleanup_json_ json_t *links = NULL;
	int r = order->nic_count ? read_links(&links, err) : 0;

	if (order->nic_count == 0)
		return 0;
	if (r == 0)
		r = find_uplink(links, order->uplink, &holder, &card, err);
	for (unsigned i = 0; r == 0 && i < order->nic_count; i++) {
		unsigned vlan = order->nics[i].vlan, mtu = order->nics[i].mtu;

		if (!vlan)
			r = check_untagged(links, holder, mtu, err);
		else
			r = check_mtu(card, mtu, err);
		if (vlan && r == 0)
			r = make_vlan(links, card, vlan, mtu, err);
	}
	return r < 0 ? err_prefix(err, "network") : 0;
}

/* ---- what is over ---- */

static bool is_ordered(const json_t *desired, json_int_t vlan)
{
	size_t i, n;
	json_t *vm, *nic;

	json_array_foreach(desired, i, vm) {
		json_array_foreach(json_object_get(vm, "nics"), n, nic) {
			if (json_integer_value(json_object_get(nic, "vlan")) == vlan)
				return true;
		}
	}
	return false;
}

/* Nothing is plugged in but the card. */
static bool is_unused(const json_t *links, const char *bridge)
{
	size_t i;
	json_t *link;

	json_array_foreach(links, i, link) {
		if (str_equal(text_of(link, "master"), bridge) && !str_starts(text_of(link, "ifname"), VLAN_PORT))
			return false;
	}
	return true;
}

static void remove_vlan(int64_t vlan)
{
	_cleanup_err_ struct err err = ERR_INIT;
	char bridge[VM_NET_NAME_SIZE], port[VM_NET_NAME_SIZE];

	vm_net_bridge_name((unsigned)vlan, bridge);
	snprintf(port, sizeof(port), VLAN_PORT "%u", (unsigned)vlan);
	cmd_runl(&err, IP_DEADLINE_MS, "ip", "link", "delete", port, NULL);
	if (cmd_runl(&err, IP_DEADLINE_MS, "ip", "link", "delete", bridge, NULL) < 0)
		log_warning("network: %s", err.text);
	else
		log_info("network: bridge %s is removed", bridge);
}

/* A process is only spent on it where there are bridges of ours. */
static bool have_bridges(void)
{
	DIR *dir = opendir("/proc/sys/net/ipv4/conf");
	bool found = false;
	struct dirent *entry;

	while (dir && !found && (entry = readdir(dir)))
		found = str_starts(entry->d_name, VLAN_BRIDGE);
	if (dir)
		closedir(dir);
	return found;
}

void vm_net_tidy(const json_t *desired)
{
	_cleanup_json_ json_t *links = NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	size_t i;
	json_t *link;

	if (!have_bridges() || read_links(&links, &err) < 0)
		return;
	json_array_foreach(links, i, link) {
		const char *name = text_of(link, "ifname");
		int64_t vlan;

		if (name && str_starts(name, VLAN_BRIDGE) && str_equal(kind_of(link), "bridge") &&
		    parse_i64(name + strlen(VLAN_BRIDGE), 1, 4094, &vlan) == 0 && !is_ordered(desired, vlan) &&
		    is_unused(links, name))
			remove_vlan(vlan);
	}
}
