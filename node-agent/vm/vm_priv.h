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
#include "crypto/crypto.h"
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
	bool abort;			 /* the migration is called off */
};
/* One entry; strings are borrowed from it. ERR_INVALID with the field that is wrong. */
int vm_order_parse(const json_t *desired, struct vm_order *ret, struct err *err);

/* ---- members of the cluster (vm_members.c, pure) ---- */

/* Whom QEMU runs as: the user that Debian compiled libvirt for. */
#define VM_QEMU_USER "libvirt-qemu"

struct vm_members {
	const char *name; /* of this node's certificate; NULL with address */
	const char
		*address; /* where this node is spoken to by the others; NULL: nobody has said, and nobody is let in */
	const char **names; /* of their certificates */
	size_t count;
};
/* The section "members", or NULL if there is none; strings are borrowed from it. ERR_INVALID with the field that is wrong. */
int vm_members_parse(const json_t *section, struct vm_members *ret, struct err *err);
void vm_members_done(struct vm_members *members);
/* libvirtd.conf, and qemu.conf (direct: without systemd). The caller frees. */
char *vm_text_libvirtd(const struct vm_members *members);
char *vm_text_qemu(const struct vm_members *members, bool direct);
/* Whether somebody whom the one libvirtd.conf lets in is not let in by the other. */
bool vm_text_shuts_out(const char *before, const char *now);
/* Whether the second, with whatever else is in both, differs in nothing but that it lets in more. */
bool vm_text_only_adds(const char *before, const char *now);

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
	char *boot;	  /* host and boot that it was started in, or arrived at; NULL: it was not started yet */
	char *accel;	  /* "kvm" or "tcg", once it was started */
	char *migration;  /* the last migration that was begun with it, or was called off before; or NULL */
	int64_t until_ms; /* monotonic, in that boot: then the migration is called off; 0: not begun */
	char *arrived;	  /* the last migration that brought it here, or NULL */
};
void vm_mark_done(struct vm_mark *mark);
#define _cleanup_mark_ _cleanup_(vm_mark_done)
/* The metadata element as libvirt wants it (virDomainSetMetadata), and back: false if it is not ours. */
char *vm_mark_format(const struct vm_mark *mark);
bool vm_mark_parse(const char *xml, struct vm_mark *ret);

/* The domain. prefix: see part_run_path(). member: the name of this node's certificate, or NULL. */
char *vm_xml_domain(const struct vm_order *order, bool kvm, const char *member, const char *prefix);
/* A domain's XML as its QEMU at the target of a migration from this node is to be started with: it lets nobody else in. */
char *vm_xml_for_target(const char *xml, const char *member);
/* The secret that QEMU logs in to Ceph with. */
char *vm_xml_secret(void);

/* ---- the host ---- */

struct vm_state;

/* Does KVM run a guest here? /dev/kvm being there says little: tries one. Blocks up to 15 s. */
bool vm_accel_kvm_works(const struct part_run *run);

/* Writes libvirt's configuration and the node's certificates for it, starts the daemon, and starts it anew when it should read
 * them again, as soon as that may be: until then state->restart_since_ms is set. busy: a migration is under way, or may be. Virtual
 * machines go on; connections do not. ERR_STATE while the node has no certificate. 1: it was started just now. */
int vm_libvirtd_ensure(struct part_run *run, struct vm_state *state, const struct vm_members *members, bool busy,
		       struct err *err);

/* Whether the daemon, which should be started anew since state->restart_since_ms, may be: not while it is busy, unless that takes
 * long; nor soon after it was, if it is only to let in more. before, read: what it has read, and should have (vm_restart.c). */
bool vm_restart_may(const struct vm_state *state, const char *before, const char *read, bool busy, int64_t now_ms);
/* After each run: what its report says may be on the way to here. */
void vm_let_in_note(struct vm_state *state, const json_t *report);
/* Whether this one may be on its way to here; whether any is of which that is ordered. */
bool vm_let_in(const struct vm_state *state, const char *id);
bool vm_let_in_any(const struct vm_state *state, const json_t *desired);

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
	char *member; /* the name of this node's certificate, or NULL */
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
	bool warm;		  /* libvirt knows this host's QEMU */
	char *boot;		  /* names this host in this boot */
	char *member;		  /* the name of this node's certificate, or NULL: nobody has said */
	char *secret_key;	  /* what libvirt was told last, on this connection */
	int64_t restart_since_ms; /* monotonic; since when libvirtd should be started anew, 0: it need not */
	int64_t started_ms;	  /* monotonic; when we started it last, 0: this process has not */
	json_t *let_in;		  /* keys: the machines that may be on the way to here; NULL: not known */
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
 * first, so that this and its deadline hold over a restart of the agent. One that is called off is only marked. */
int migration_begin(struct part_run *run, struct vm_state *state, const struct vm_order *order,
		    struct vm_domain *domain, struct err *err);
/* It runs here, and no migration of it is under way, nor one whose end is not known. */
bool migration_is_settled(struct vm_state *state, const struct vm_domain *domain);
/* Of one that runs here: looks how far its migration is, whichever process began it, and ends it when it was called off, is
 * not ordered (any more), or its time is over. */
void migration_look(struct vm_state *state, const struct vm_order *order, const struct vm_domain *domain);
bool migration_ended(struct migration *migration);
/* One that this process began, and none has ended yet. */
bool migration_any(struct vm_state *state);
/* {"id", "state", "progress", "error"} of the last one of a machine that is here: "failed" only if that has stayed. New
 * reference; NULL: there was none. */
json_t *migration_report_here(struct vm_state *state, const struct vm_domain *domain);
/* The same where the machine is not here: of the one that this process began last. NULL: none. */
json_t *migration_report_gone(struct vm_state *state, const char *vm);
/* Forgets those that ended and whose machine has no order here. */
void migration_forget(struct vm_state *state, const json_t *desired);

/* ---- what has left this node (vm_departure.c) ---- */

/* So many are remembered. */
#define DEPARTED_MAX 1024
/* Durable: of this machine a migration is begun under the order of this generation. */
int vm_departure_write(const struct part_run *run, const char *id, int64_t generation, struct err *err);
/* 1 and the generation, 0 if none was begun, or a negative errno: then it is not known. */
int vm_departure_read(const struct part_run *run, const char *id, int64_t *ret_generation, struct err *err);
/* It has stayed, is back, runs here under a newer order, or is to be nowhere here. */
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
