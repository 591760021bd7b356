/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dnsmasq's lease file, and the lines that its script writes: a client of the provisioning network chooses much of them. */
#include <assert.h>

#include "netboot/netboot_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIRST 0x0a4d0064u /* 10.77.0.100 */
#define LAST 0x0a4d0073u  /* 10.77.0.115 */

static void check_mac(const struct mac *mac)
{
	_cleanup_free_ char *text = mac_format(mac, ':');
	struct mac again;

	assert(mac_parse(text, &again) == 0 && memcmp(&again, mac, sizeof(again)) == 0);
}

static void check_table(struct host_table *table)
{
	const uint32_t taken[] = { FIRST, FIRST + 1 };
	const struct mac unknown = { { 0x52, 0x54, 0, 0, 0, 1 } };

	for (unsigned i = 0; i < table->count; i++) {
		assert(i == 0 || memcmp(&table->entries[i - 1].mac, &table->entries[i].mac, sizeof(struct mac)) < 0);
		assert(host_table_find(table, &table->entries[i].mac) == &table->entries[i]);
		check_mac(&table->entries[i].mac);
	}
	for (int64_t now_s = 0; now_s < 3; now_s++) {
		uint32_t address = host_table_choose(table, &unknown, FIRST, LAST, taken, 2, now_s);

		assert(address == 0 || (address >= FIRST + 2 && address <= LAST));
	}
}

static void check_news(const char *text)
{
	struct host_table table = { 0 };

	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		_cleanup_free_ char *line = xstrndup(text, (size_t)(end - text));
		struct lease_news news;

		if (!lease_news_parse(line, &news))
			continue;
		check_mac(&news.mac);
		assert(news.expires_s >= 0);
		if (news.ended)
			host_table_drop_lease(&table, &news.mac);
		else
			host_table_get(&table, &news.mac)->leased = news.address;
		check_table(&table);
	}
	host_table_done(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	struct host_table table = { 0 };

	host_table_read_leases(&table, text);
	check_table(&table);
	host_table_done(&table);
	check_news(text);
	return 0;
}
