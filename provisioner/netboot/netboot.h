/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Network boot: dnsmasq as a supervised child hands out addresses and the boot loader; everything that depends on a
 * machine's state is asked from us over HTTP. The boot listener (plain HTTP, its own threads, read only, no secrets)
 * serves /boot.ipxe, /boot/<mac>, /live/..., /ca.pem and /bundle/<name>. Loop thread, except where said. */
#ifndef INGOT_NETBOOT_NETBOOT_H
#define INGOT_NETBOOT_NETBOOT_H

#include "base/err.h"
#include "loop/loop.h"

struct netboot;

struct netboot_spec {
	struct loop *loop;
	const char *run_dir; /* dnsmasq's configuration, pid file, reservations */
	const char *interface;
	const char *address;		    /* "10.77.0.1/24" */
	const char *dhcp_first, *dhcp_last; /* of proxy: of which the other server gives none, for hosts */
	bool proxy;			    /* another server gives the addresses; we only say where to boot from */
	const char *gateway;		    /* NULL: none is handed out */
	uint16_t boot_port, agent_port;
	const char *live_dir;	 /* vmlinuz and initrd */
	const char *loader_dir;	 /* undionly.kpxe and snponly.efi */
	const char *bundle_path; /* served as /bundle/<base name>; NULL: none */
	const char *ca_pem, *ca_fingerprint;
	/* A DHCP lease was given or renewed. */
	void (*lease)(const char *mac, const char *address, void *data);
	void *data;
};

/* What a machine gets when it asks. */
enum boot_intent { BOOT_INTENT_LIVE, BOOT_INTENT_DISK };

/* The interface the rest of the provisioner uses; the simulation has a table of its own. */
struct netboot_ops {
	/* The answer for these MACs ("aa:bb:cc:dd:ee:ff") from now on; unknown MACs get BOOT_INTENT_LIVE. The next
	 * request sees it: when the call returns, no older answer is given any more. console: what stands behind the
	 * kernel's console=, several with a space between; NULL (or what could not stand there) for tty0 and ttyS0. */
	void (*set_intent)(void *ctx, const char *const *macs, enum boot_intent intent, const char *console);
	/* Always the same address for this MAC; host may be NULL. To be called at each start again. A MAC or address
	 * that is none, or an address reserved for another MAC, is refused with a log line; a host that is none is
	 * left out. */
	void (*set_reservation)(void *ctx, const char *mac, const char *address, const char *host);
	/* An address that belongs to the MAC from now on: its present lease if it has one, else a free one of the
	 * range. ERR_CAPACITY if the range is used up. The caller stores it and calls set_reservation() at each
	 * start. */
	int (*reserve)(void *ctx, const char *mac, char **ret_address, struct err *err);
};
extern const struct netboot_ops netboot_ops_real; /* ctx: struct netboot */

/* What netboot_start() would refuse of interface, addresses and ports, without a look at this host: ERR_INVALID with the field
 * of the spec. Any thread. */
int netboot_settings_check(const struct netboot_spec *spec, struct err *err);
int netboot_start(const struct netboot_spec *spec, struct netboot **ret, struct err *err);
struct netboot *netboot_free(struct netboot *netboot);
/* URL of the bundle for an installer; borrowed. */
const char *netboot_bundle_url(const struct netboot *netboot);
/* "running", or what is wrong ("dnsmasq keeps ending: ..."); borrowed. */
const char *netboot_health(const struct netboot *netboot);

/* Pure text generators, covered by golden files. */
char *netboot_dnsmasq_config(const struct netboot_spec *spec);
char *netboot_script(const struct netboot_spec *spec, const char *mac, enum boot_intent intent, const char *console);

#endif
