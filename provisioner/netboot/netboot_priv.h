/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this folder share. */
#ifndef INGOT_NETBOOT_NETBOOT_PRIV_H
#define INGOT_NETBOOT_NETBOOT_PRIV_H

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>

#include "base/list.h"
#include "cmd/cmd.h"
#include "netboot/netboot.h"

/* ---- words ---- */

struct mac {
	uint8_t bytes[6];
};
/* "aa:bb:cc:dd:ee:ff" or "aa-bb-...", any case, unicast. 0 or -EINVAL. */
int mac_parse(const char *text, struct mac *ret);
/* Where in an array in order of MAC, whose elements begin with theirs, the first stands that is not below mac. */
unsigned mac_position(const void *elements, unsigned count, size_t element_bytes, const struct mac *mac);
char *mac_format(const struct mac *mac, char separator); /* lower case; the caller frees */

/* "10.77.0.1/24" taken apart; addresses in host order. */
struct subnet {
	uint32_t address, netmask;
};
int subnet_parse(const char *text, struct subnet *ret);
int ipv4_parse(const char *text, uint32_t *ret);
char *ipv4_format(uint32_t address); /* the caller frees */
/* Refuses what cannot work or could be read as something else in the texts made from it. */
int netboot_spec_check(const struct netboot_spec *spec, struct err *err);

/* ---- texts ---- */

extern const char template_boot_ipxe[], template_live_ipxe[], template_disk_ipxe[], template_dnsmasq_conf[],
	template_dnsmasq_proxy_conf[], template_lease_sh[];
char *netboot_first_script(const struct netboot_spec *spec);
/* The content of a reservation for dnsmasq; host may be NULL. */
char *netboot_reservation(const struct mac *mac, uint32_t address, const char *host);
/* Whether a name may be given to a machine (RFC 1123 section 2.1, one label). */
bool netboot_host_valid(const char *host);

/* ---- what is known of each MAC: leases and reservations. Loop thread. ---- */

struct host_entry {
	struct mac mac;
	uint32_t leased;   /* 0: none */
	int64_t expires_s; /* wall clock; 0: never */
	uint32_t reserved; /* 0: none */
	char *text;	   /* of the reservation, as written */
};
struct host_table {
	struct host_entry *entries; /* in order of MAC */
	unsigned count;
};
struct host_entry *host_table_find(struct host_table *table, const struct mac *mac);
struct host_entry *host_table_get(struct host_table *table, const struct mac *mac); /* makes it if need be */
/* Takes in the lines of dnsmasq's lease file: "EXPIRES MAC ADDRESS NAME CLIENT-ID". */
void host_table_read_leases(struct host_table *table, const char *text);
/* "ACTION MAC ADDRESS EXPIRES" as pxe/lease.sh writes it. False for other events, such as the end of a TFTP transfer. */
struct lease_news {
	struct mac mac;
	uint32_t address;
	int64_t expires_s;
	bool ended;
};
bool lease_news_parse(const char *line, struct lease_news *ret);
/* A lease ended: the entry goes if nothing else is known of it. */
void host_table_drop_lease(struct host_table *table, const struct mac *mac);
/* The address that the MAC has, or else the last one of the range that nobody has. 0: the range is used up. */
uint32_t host_table_choose(struct host_table *table, const struct mac *mac, uint32_t first, uint32_t last,
			   const uint32_t *taken, unsigned taken_count, int64_t now_s);
/* The addresses that this host has itself, on whatever interface, and that are in the range: at most max. Returns how many. */
unsigned own_addresses_within(uint32_t first, uint32_t last, uint32_t *ret, unsigned max);
void host_table_done(struct host_table *table);

/* ---- the boot listener: threads of its own ---- */

/* ---- netboot_visits.c: who is connected to the boot listener ---- */

struct visits {
	pthread_mutex_t mutex;
	struct list list; /* struct visit, oldest first */
	unsigned count, places;
};
void visits_init(struct visits *visits, unsigned places);
/* After the daemon has ended. */
void visits_done(struct visits *visits);
/* MHD_OPTION_NOTIFY_CONNECTION: data is the visits. Any thread. */
void visits_follow(void *data, struct MHD_Connection *connection, void **socket_context,
		   enum MHD_ConnectionNotificationCode code);
/* The head of its request is there. Any thread. */
void visits_asked(struct visits *visits, struct MHD_Connection *connection);
/* Closes those that have not asked in time, and those through which next to nothing comes. Any thread. */
void visits_sweep(struct visits *visits, int64_t now_ms);

struct boot_listener;
int boot_listener_start(const struct netboot_spec *spec, struct boot_listener **ret, struct err *err);
struct boot_listener *boot_listener_free(struct boot_listener *listener);
/* Now and then: sends away who holds a connection and does nothing. */
void boot_listener_sweep(struct boot_listener *listener, int64_t now_ms);
/* See netboot_ops.set_intent. Any thread. */
void boot_listener_set_intent(struct boot_listener *listener, const char *const *macs, enum boot_intent intent,
			      const char *console);

/* ---- dnsmasq ---- */

struct dnsmasq;
typedef void (*lease_fn)(const struct mac *mac, uint32_t address, int64_t expires_s, bool ended, void *data);
/* lease is called for each lease that dnsmasq knows, gives, renews or ends. */
int dnsmasq_start(const struct netboot_spec *spec, lease_fn lease, void *data, struct dnsmasq **ret, struct err *err);
struct dnsmasq *dnsmasq_free(struct dnsmasq *dnsmasq);
const char *dnsmasq_health(const struct dnsmasq *dnsmasq);
/* Puts a reservation where dnsmasq sees it. changed: it replaces another one. */
int dnsmasq_reserve(struct dnsmasq *dnsmasq, const struct mac *mac, const char *text, bool changed, struct err *err);

#endif
