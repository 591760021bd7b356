/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of each MAC. A sorted array: some thousands of entries, looked up for each lease. */
#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>

#include "netboot_priv.h"

#define LINE_MAX_BYTES 512

static unsigned position(const struct host_table *table, const struct mac *mac)
{
	return mac_position(table->entries, table->count, sizeof(*table->entries), mac);
}

struct host_entry *host_table_find(struct host_table *table, const struct mac *mac)
{
	unsigned at = position(table, mac);

	return at < table->count && memcmp(&table->entries[at].mac, mac, sizeof(*mac)) == 0 ? &table->entries[at]
											    : NULL;
}

struct host_entry *host_table_get(struct host_table *table, const struct mac *mac)
{
	unsigned at = position(table, mac);

	if (at < table->count && memcmp(&table->entries[at].mac, mac, sizeof(*mac)) == 0)
		return &table->entries[at];
	table->entries = xrealloc(table->entries, (table->count + 1) * sizeof(*table->entries));
	memmove(&table->entries[at + 1], &table->entries[at], (table->count - at) * sizeof(*table->entries));
	table->count++;
	table->entries[at] = (struct host_entry){ .mac = *mac };
	return &table->entries[at];
}

void host_table_drop_lease(struct host_table *table, const struct mac *mac)
{
	struct host_entry *entry = host_table_find(table, mac);
	unsigned at;

	if (!entry)
		return;
	entry->leased = 0;
	if (entry->reserved)
		return;
	at = (unsigned)(entry - table->entries);
	memmove(entry, entry + 1, (table->count - at - 1) * sizeof(*entry));
	table->count--;
}

void host_table_read_leases(struct host_table *table, const char *text)
{
	/* Only lines that are there to their end: dnsmasq may have been killed while it wrote. */
	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		char line[LINE_MAX_BYTES], mac_text[32], address_text[32], expires_text[24];
		size_t len = (size_t)(end - text);
		struct host_entry *entry;
		struct mac mac;
		uint32_t address;
		int64_t expires;

		if (len >= sizeof(line))
			continue;
		memcpy(line, text, len);
		line[len] = '\0';
		if (sscanf(line, "%23s %31s %31s", expires_text, mac_text, address_text) != 3 ||
		    parse_i64(expires_text, 0, INT64_MAX, &expires) < 0 || mac_parse(mac_text, &mac) < 0 ||
		    ipv4_parse(address_text, &address) < 0)
			continue; /* the line of a server DUID, or of a MAC that is none */
		entry = host_table_get(table, &mac);
		entry->leased = address;
		entry->expires_s = expires;
	}
}

bool lease_news_parse(const char *line, struct lease_news *ret)
{
	char action[16], mac_text[32], address_text[32], expires_text[24];
	struct lease_news news = { 0 };

	if (sscanf(line, "%15s %31s %31s %23s", action, mac_text, address_text, expires_text) != 4 ||
	    mac_parse(mac_text, &news.mac) < 0 || ipv4_parse(address_text, &news.address) < 0 ||
	    parse_i64(expires_text, 0, INT64_MAX, &news.expires_s) < 0)
		return false;
	news.ended = str_equal(action, "del");
	if (!news.ended && !str_equal(action, "add") && !str_equal(action, "old"))
		return false;
	*ret = news;
	return true;
}

static bool lease_valid(const struct host_entry *entry, int64_t now_s)
{
	return entry->leased && (entry->expires_s == 0 || entry->expires_s > now_s);
}

uint32_t host_table_choose(struct host_table *table, const struct mac *mac, uint32_t first, uint32_t last,
			   const uint32_t *taken, unsigned taken_count, int64_t now_s)
{
	const struct host_entry *own = host_table_find(table, mac);
	uint32_t count = last - first + 1;
	_cleanup_free_ uint8_t *used = new0(uint8_t, count);

	if (own && own->reserved)
		return own->reserved;
	/* An address below first becomes a very large number: one comparison does for both ends. */
	for (unsigned i = 0; i < taken_count; i++) {
		if (taken[i] - first < count)
			used[taken[i] - first] = 1;
	}
	for (unsigned i = 0; i < table->count; i++) {
		const struct host_entry *entry = &table->entries[i];

		if (entry->reserved - first < count)
			used[entry->reserved - first] = 1;
		if (entry != own && lease_valid(entry, now_s) && entry->leased - first < count)
			used[entry->leased - first] = 1;
	}
	if (own && lease_valid(own, now_s) && own->leased - first < count && !used[own->leased - first])
		return own->leased;
	/* From the end: dnsmasq spreads its own choices over the whole range. */
	for (uint32_t n = count; n-- > 0;) {
		if (!used[n])
			return first + n;
	}
	return 0;
}

unsigned own_addresses_within(uint32_t first, uint32_t last, uint32_t *ret, unsigned max)
{
	unsigned count = 0;
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0)
		return 0;
	for (const struct ifaddrs *entry = all; entry && count < max; entry = entry->ifa_next) {
		uint32_t address;

		if (!entry->ifa_addr || entry->ifa_addr->sa_family != AF_INET)
			continue;
		address = ntohl(((const struct sockaddr_in *)(const void *)entry->ifa_addr)->sin_addr.s_addr);
		if (first <= address && address <= last)
			ret[count++] = address;
	}
	freeifaddrs(all);
	return count;
}

void host_table_done(struct host_table *table)
{
	for (unsigned i = 0; i < table->count; i++)
		free(table->entries[i].text);
	free(table->entries);
	*table = (struct host_table){ 0 };
}
