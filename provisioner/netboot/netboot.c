/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Network boot as the rest of the provisioner sees it. Loop thread. */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "netboot_priv.h"

#define LEASES_MAX_BYTES (16 * MIB)
#define SWEEP_EVERY_MS 2000
#define OWN_MAX 64

struct netboot {
	struct loop *loop;
	struct boot_listener *listener;
	struct loop_timer *sweep;
	struct dnsmasq *dnsmasq;
	struct host_table hosts;
	uint32_t first, last;
	uint32_t address, gateway; /* 0: none */
	char *bundle_url;
	void (*lease)(const char *mac, const char *address, void *data);
	void *data;
};

/* ---- leases and reservations ---- */

static void on_lease(const struct mac *mac, uint32_t address, int64_t expires_s, bool ended, void *data)
{
	struct netboot *netboot = data;
	_cleanup_free_ char *mac_text = mac_format(mac, ':');
	_cleanup_free_ char *address_text = ipv4_format(address);
	struct host_entry *entry;

	if (ended) {
		host_table_drop_lease(&netboot->hosts, mac);
		return;
	}
	entry = host_table_get(&netboot->hosts, mac);
	entry->leased = address;
	entry->expires_s = expires_s;
	if (netboot->lease)
		netboot->lease(mac_text, address_text, netboot->data);
}

static int reserve_address(struct netboot *netboot, const struct mac *mac, uint32_t address, const char *host,
			   struct err *err)
{
	_cleanup_free_ char *text = netboot_reservation(mac, address, host);
	struct host_entry *entry = host_table_get(&netboot->hosts, mac);
	bool changed = entry->text && !str_equal(entry->text, text);
	int r;

	if (entry->text && !changed)
		return 0;
	for (unsigned i = 0; i < netboot->hosts.count; i++) {
		if (netboot->hosts.entries[i].reserved == address && &netboot->hosts.entries[i] != entry)
			return err_set(err, ERR_EXISTS, "the address is reserved for another machine");
	}
	r = dnsmasq_reserve(netboot->dnsmasq, mac, text, changed, err);
	if (r < 0)
		return r;
	entry->reserved = address;
	free(entry->text);
	entry->text = TAKE_PTR(text);
	return 0;
}

static void netboot_set_intent(void *ctx, const char *const *macs, enum boot_intent intent, const char *console)
{
	struct netboot *netboot = ctx;

	boot_listener_set_intent(netboot->listener, macs, intent, console);
}

static void netboot_set_reservation(void *ctx, const char *mac_text, const char *address_text, const char *host)
{
	struct netboot *netboot = ctx;
	_cleanup_err_ struct err err = ERR_INIT;
	struct mac mac;
	uint32_t address;

	if (mac_parse(mac_text, &mac) < 0 || ipv4_parse(address_text, &address) < 0) {
		log_warning("netboot: no reservation for MAC \"%s\", address \"%s\": one of them is wrong",
			    str_or(mac_text, ""), str_or(address_text, ""));
		return;
	}
	if (host && !netboot_host_valid(host)) {
		log_warning("netboot: \"%s\" is no host name, so %s gets none", host, mac_text);
		host = NULL;
	}
	if (reserve_address(netboot, &mac, address, host, &err) < 0)
		log_warning("netboot: no reservation for %s: %s", mac_text, err.text);
}

/* None of our own, which may have come since we started, from another DHCP server as well; nor the gateway. */
static uint32_t choose_address(struct netboot *netboot, const struct mac *mac)
{
	uint32_t taken[OWN_MAX + 2] = { netboot->address, netboot->gateway };
	unsigned count = 2 + own_addresses_within(netboot->first, netboot->last, taken + 2, OWN_MAX);

	return host_table_choose(&netboot->hosts, mac, netboot->first, netboot->last, taken, count,
				 loop_now_ms(netboot->loop) / 1000);
}

static int netboot_reserve(void *ctx, const char *mac_text, char **ret_address, struct err *err)
{
	struct netboot *netboot = ctx;
	struct host_entry *entry;
	struct mac mac;
	uint32_t address;
	int r;

	if (mac_parse(mac_text, &mac) < 0)
		return err_set_field(err, ERR_INVALID, "mac", "\"%s\" is no MAC address", str_or(mac_text, ""));
	entry = host_table_find(&netboot->hosts, &mac);
	if (entry && entry->reserved) {
		*ret_address = ipv4_format(entry->reserved);
		return 0;
	}
	address = choose_address(netboot, &mac);
	if (!address)
		return err_set(err, ERR_CAPACITY, "every address of the DHCP range is taken");
	r = reserve_address(netboot, &mac, address, NULL, err);
	if (r < 0)
		return r;
	*ret_address = ipv4_format(address);
	return 0;
}

const struct netboot_ops netboot_ops_real = {
	.set_intent = netboot_set_intent,
	.set_reservation = netboot_set_reservation,
	.reserve = netboot_reserve,
};

/* ---- start and end ---- */

/* What dnsmasq gave before we started, so that reserve() knows it at once. */
static void read_leases(struct netboot *netboot, const char *run_dir)
{
	_cleanup_free_ char *path = xasprintf("%s/leases", run_dir);
	_cleanup_free_ char *text = NULL;
	int r = read_file(path, LEASES_MAX_BYTES, &text, NULL);

	if (r == 0)
		host_table_read_leases(&netboot->hosts, text);
	else if (r != -ENOENT)
		log_warning("netboot: cannot read %s: %s", path, strerror(-r));
}

static void sweep(void *data)
{
	struct netboot *netboot = data;

	boot_listener_sweep(netboot->listener, loop_monotonic_ms(netboot->loop));
	netboot->sweep = loop_timer_new(netboot->loop, SWEEP_EVERY_MS, sweep, netboot);
}

int netboot_start(const struct netboot_spec *spec, struct netboot **ret, struct err *err)
{
	struct netboot *netboot;
	struct subnet subnet = { 0 };
	int r = netboot_spec_check(spec, err);

	if (r < 0)
		return r;
	netboot = new0(struct netboot, 1);
	netboot->loop = spec->loop;
	netboot->lease = spec->lease;
	netboot->data = spec->data;
	subnet_parse(spec->address, &subnet);
	netboot->address = subnet.address;
	ipv4_parse(spec->gateway, &netboot->gateway);
	ipv4_parse(spec->dhcp_first, &netboot->first);
	ipv4_parse(spec->dhcp_last, &netboot->last);
	if (spec->bundle_path)
		netboot->bundle_url = xasprintf("http://%.*s:%u/bundle/%s", (int)strcspn(spec->address, "/"),
						spec->address, spec->boot_port, strrchr(spec->bundle_path, '/') + 1);
	read_leases(netboot, spec->run_dir);
	/* The listener first: a machine that gets an address asks it next. */
	r = boot_listener_start(spec, &netboot->listener, err);
	if (r == 0)
		r = dnsmasq_start(spec, on_lease, netboot, &netboot->dnsmasq, err);
	if (r < 0) {
		netboot_free(netboot);
		return r;
	}
	netboot->sweep = loop_timer_new(netboot->loop, SWEEP_EVERY_MS, sweep, netboot);
	*ret = netboot;
	return 0;
}

struct netboot *netboot_free(struct netboot *netboot)
{
	if (!netboot)
		return NULL;
	loop_timer_free(netboot->sweep);
	dnsmasq_free(netboot->dnsmasq);
	boot_listener_free(netboot->listener);
	host_table_done(&netboot->hosts);
	free(netboot->bundle_url);
	free(netboot);
	return NULL;
}

const char *netboot_bundle_url(const struct netboot *netboot)
{
	return netboot->bundle_url;
}

const char *netboot_health(const struct netboot *netboot)
{
	return dnsmasq_health(netboot->dnsmasq);
}
