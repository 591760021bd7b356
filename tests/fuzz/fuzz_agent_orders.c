/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an agent is told: the kernel command line that network boot gave it, the order to install, the order for Ceph. What
 * was taken ends on command lines, in paths and in configuration files, so that no character of it may mean anything there. */
#include <assert.h>
#include <ctype.h>

#include "ceph/ceph_node_priv.h"
#include "core/agent.h"
#include "http/http_server.h"
#include "install/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_plain(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)str_or(text, ""); *p; p++)
		assert(isalnum(*p) || strchr("._-+:~/@=%?&[],", *p));
}

static void check_printable(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)str_or(text, ""); *p; p++)
		assert(*p >= 0x20 && *p < 0x7f);
}

static void check_install(json_t *json)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct order order = { 0 };

	if (order_parse(json, &order, &err) < 0) {
		assert(err.code == ERR_INVALID && err.text);
		return;
	}
	assert(order.disk.wwn || order.disk.serial);
	check_printable(order.disk.wwn);
	check_printable(order.disk.serial);
	check_printable(order.console);
	const char *const words[] = { order.id,		  order.bundle.url, order.bundle.version, order.host.name,
				      order.host.machine, order.host.mac,   order.host.address,	  order.host.gateway,
				      order.host.server,  order.host.token };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		check_plain(words[i]);
	order_done(&order);
}

static void check_ceph(const json_t *json)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct ceph_text_host host = { .public_address = "10.0.0.1", .memory_bytes = 16 * GIB };
	struct ceph_order order = { 0 };

	if (ceph_order_parse(json, &order, &err) < 0) {
		assert(err.code == ERR_INVALID && err.text);
		return;
	}
	_cleanup_free_ char *conf = ceph_text_conf(&order, &host), *mon = ceph_order_mon_address(&order);
	assert(strstr(conf, order.fsid));
	for (unsigned i = 0; i < order.osd_count; i++) {
		assert(order.osds[i].id >= 0 && (order.osds[i].wwn || order.osds[i].serial));
		check_plain(order.osds[i].uuid);
		check_plain(order.osds[i].key);
	}
	check_plain(order.mon.name);
	check_plain(order.mgr.name);
	check_plain(order.client.name);
	check_plain(order.fsid);
	check_plain(order.mon_host);
	check_plain(mon);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	_cleanup_err_ struct err err = ERR_INIT;
	struct agent_boot boot;
	json_t *json = NULL;

	if (agent_boot_parse(text, &boot, &err) == 0) {
		assert(boot.server && boot.boot_url && strlen(boot.ca) == 64);
		agent_boot_done(&boot);
	}
	if (http_json_parse(text, strlen(text), &json, NULL) < 0)
		return 0;
	check_install(json);
	check_ceph(json);
	json_decref(json);
	return 0;
}
