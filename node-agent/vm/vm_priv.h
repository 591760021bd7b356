/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of this folder. What is not said to be otherwise runs on the part's worker. */
#ifndef INGOT_VM_VM_PRIV_H
#define INGOT_VM_VM_PRIV_H

#include <jansson.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>

#include "base/list.h"
#include "core/part.h"
#include "vm/vm_paths.h"

static inline void vm_domain_done(virDomainPtr *domain)
{
	if (*domain)
		virDomainFree(*domain);
}
#define _cleanup_domain_ _cleanup_(vm_domain_done)

/* ---- orders: the desired section, checked (vm_order.c, pure) ---- */

enum vm_want { VM_WANT_RUNNING, VM_WANT_STOPPED, VM_WANT_ABSENT, VM_WANT_INCOMING };
#define VM_DISKS_MAX 8
#define VM_NICS_MAX 8
struct vm_order {
	const char *id, *name;
	int64_t generation;
	enum vm_want want;
	unsigned cpus;
	uint64_t memory_bytes;
	struct {
		const char *pool, *image;
	} disks[VM_DISKS_MAX];
	unsigned disk_count;
	struct {
		const char *meta_data, *user_data; /* NULL: it has no seed */
		const char *network_config;	   /* NULL: none */
	} seed;
	struct {
		const char *mac;
		unsigned vlan; /* 0: untagged */
		unsigned mtu;
	} nics[VM_NICS_MAX];
	unsigned nic_count;
	const char *uplink; /* with nics: the address of this node on the card that their networks are on */
	const char *migration, *address; /* NULL: it stays here */
};
/* One entry; strings are borrowed from it. ERR_INVALID with the field that is wrong. */
int vm_order_parse(const json_t *desired, struct vm_order *ret, struct err *err);

/* ---- libvirt's text (vm_xml.c, pure) ---- */

#define VM_MACHINE "pc-q35-7.2"
#define VM_EMULATOR "/usr/bin/qemu-system-x86_64"
#define VM_DOMAIN_PREFIX "ingot-"
#define VM_METADATA_URI "urn:ingot:vm:1"
#define VM_METADATA_KEY "ingot"
#define VM_SECRET_USAGE "client.ingot"

/* What we write into a domain to find it again; it travels with it. */
struct vm_mark {
	char *id;
	int64_t generation;
	char *boot;	 /* host and boot that it was started in, or arrived at; NULL: it was not started yet */
	char *accel;	 /* "kvm" or "tcg", once it was started */
	char *migration; /* the last migration that was begun with it, or NULL */
	char *arrived;	 /* the last migration that brought it here, or NULL */
};
void vm_mark_done(struct vm_mark *mark);
#define _cleanup_mark_ _cleanup_(vm_mark_done)
/* The metadata element as libvirt wants it (virDomainSetMetadata), and back: false if it is not ours. */
char *vm_mark_format(const struct vm_mark *mark);
bool vm_mark_parse(const char *xml, struct vm_mark *ret);

/* The domain. prefix: see part_run_path(). */
char *vm_xml_domain(const struct vm_order *order, bool kvm, const char *prefix);
/* The secret that QEMU logs in to Ceph with. */
char *vm_xml_secret(void);

/* ---- the host ---- */

/* Does KVM run a guest here? /dev/kvm being there says little: tries one. Blocks up to 15 s. */
bool vm_accel_kvm_works(const struct part_run *run);

/* Writes libvirt's configuration and the node's certificates for it, starts the daemon. ERR_STATE while the node has no
 * certificate. 1: it was started just now. connected: it answers, so that it need not be asked for whether it runs. */
int vm_libvirtd_ensure(struct part_run *run, bool connected, struct err *err);

/* Turns libvirt's last error on this thread into err, "<what>: <text>". Returns a negative errno. */
int vm_fail(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- state of the part ---- */

/* How often a connection is tried, and how many answers may fail to come: then its calls fail. */
#define KEEPALIVE_S 5
#define KEEPALIVE_COUNT 5

/* A migration that this process began. */
struct migration {
	struct list link;
	char *id, *vm, *address;
	int64_t until_ms; /* monotonic: then it is called off */
	bool aborted;
	int progress;
	pthread_t thread;
	/* Below: shared with the thread. */
	pthread_mutex_t lock;
	bool ended;
	struct err err; /* ERR_NONE with ended: it is over there */
};

/* What is remembered of one virtual machine between runs. */
struct vm_memory {
	struct list link;
	char *id;
	int64_t generation;    /* that the failures are of */
	unsigned failures;     /* to start it */
	int64_t next_try_ms;   /* monotonic */
	struct err err;	       /* of the last try */
	int64_t stop_asked_ms; /* monotonic; 0: not asked to stop */
	int64_t stop_again_ms;
};

struct vm_state {
	virConnectPtr conn;
	bool probed, kvm;
	bool warm;	  /* libvirt knows this host's QEMU */
	char *boot;	  /* names this host in this boot */
	char *secret_key; /* what libvirt was told last, on this connection */
	struct list migrations, memories;
};
struct vm_state *vm_state_get(struct part_run *run);
/* At the end of the agent. Migrations under way go on without it, and so does what their threads use. */
void vm_state_release(void *data);
bool vm_connected(const struct vm_state *state);
/* Connects if there is no connection that works. */
int vm_connect(struct vm_state *state, struct err *err);
/* Sees that libvirt has the key to Ceph. ERR_STATE while this node has none. */
int vm_secret_ensure(struct part_run *run, struct vm_state *state, struct err *err);
/* Lets libvirt find out what QEMU can do here, which it does once and which takes seconds: before a migration waits for it. */
void vm_warm_up(struct vm_state *state);
/* After an error that speaks of the connection. */
void vm_disconnect(struct vm_state *state);

/* ---- domains ---- */

struct vm_domain {
	virDomainPtr domain;
	struct vm_mark mark;
	int state, reason; /* virDomainState and its reason */
	bool active;
};
struct vm_domains {
	struct vm_domain *list;
	unsigned count;
};
/* All that bear our mark. Whatever keeps us from seeing one is an error: what is not in the list is not there. */
int vm_domains_read(struct vm_state *state, struct vm_domains *ret, struct err *err);
void vm_domains_done(struct vm_domains *domains);
struct vm_domain *vm_domains_find(const struct vm_domains *domains, const char *id);
/* Writes the domain's mark, after a change, to libvirt: to what runs and to what is kept. */
int vm_domain_save_mark(const struct vm_domain *domain, struct err *err);
/* QEMU waits for the machine's state to arrive, or to be let run: it may yet become ours. One that is paused for the last
 * step of its way from here is none. */
bool vm_domain_is_arriving(const struct vm_state *state, const struct vm_domain *domain);

void vm_memory_forget(struct vm_state *state, const char *id);
/* Makes one virtual machine as ordered; domain NULL: there is none. Gives its entry of the report (new reference).
 * *unsettled is set if it should be looked at again soon. */
json_t *vm_converge_one(struct part_run *run, struct vm_state *state, const struct vm_order *order,
			struct vm_domain *domain, bool *unsettled);
/* The entry of one that nobody asked for. */
json_t *vm_report_stray(struct vm_state *state, const struct vm_domain *domain);

/* ---- migration ---- */

/* The migration of this machine that this process began last, or NULL. */
struct migration *migration_find(struct vm_state *state, const char *vm);
/* Begins the one that is ordered, unless it was begun before: never twice for one id. The mark in the domain is written
 * first, so that this holds over a restart of the agent. */
int migration_begin(struct part_run *run, struct vm_state *state, const struct vm_order *order,
		    struct vm_domain *domain, struct err *err);
/* It runs here, and no migration of it is under way, nor one whose end is not known. */
bool migration_is_settled(struct vm_state *state, const struct vm_domain *domain);
/* Looks how far it is; ends it when its time is over or it is no longer wanted. domain NULL: it is not here (any more). */
void migration_look(struct migration *migration, const struct vm_domain *domain, bool wanted);
bool migration_ended(struct migration *migration);
/* {"id", "state", "progress", "error"}, new reference. */
json_t *migration_report(struct migration *migration);
/* The same of one begun by an earlier process, from what the domain says. */
json_t *migration_report_earlier(const struct vm_state *state, const struct vm_domain *domain);
/* Forgets those that ended and whose machine has no order here. */
void migration_forget(struct vm_state *state, const json_t *desired);

/* ---- what has left this node (vm_departure.c) ---- */

/* Durable: of this machine a migration is begun under the order of this generation. */
int vm_departure_write(const struct part_run *run, const char *id, int64_t generation, struct err *err);
/* 1 and the generation, 0 if none was begun, or a negative errno: then it is not known. */
int vm_departure_read(const struct part_run *run, const char *id, int64_t *ret_generation, struct err *err);
/* It has stayed, is back, or runs here under a newer order. */
void vm_departure_forget(const struct part_run *run, const char *id);

/* ---- networks (vm_net.c) ---- */

/* The bridge of a network, on every node the same: it goes along in the XML of a machine that migrates. */
#define VM_NET_NAME_SIZE 24
void vm_net_bridge_name(unsigned vlan, char ret_name[VM_NET_NAME_SIZE]);
/* Sees that the bridges of an order are there and reach the network card. ERR_UNSUPPORTED says why this host cannot. */
int vm_net_ensure(const struct vm_order *order, struct err *err);
/* Removes bridges of VLANs that nothing is plugged into and no order speaks of. */
void vm_net_tidy(const json_t *desired);

/* ---- seeds of cloud-init (vm_seed.c) ---- */

/* The seed as an image of an ISO 9660 file system labelled cidata: the same order gives the same bytes, on every node, at any
 * time. The caller wipes and frees. */
int vm_seed_image(const struct vm_order *order, char **ret_image, size_t *ret_len, struct err *err);
/* Sees that the seed of an order is there, durably, before the machine is. prefix: see part_run_path(). */
int vm_seed_ensure(const char *prefix, const struct vm_order *order, struct err *err);
/* Removes those of machines that are neither here nor ordered. */
void vm_seed_tidy(const char *prefix, const json_t *desired, const struct vm_domains *domains);

/* ---- kept serial output ---- */

void vm_log_trim(const struct part_run *run, const char *id);
/* Removes what is left of machines that are gone, after a while. */
void vm_log_tidy(const struct part_run *run, const struct vm_domains *domains);

#endif
