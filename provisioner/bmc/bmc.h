/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Baseboard management controllers. Drivers are tables of blocking functions: they run on the loop's work queue, one
 * operation in flight per BMC (the BMC's address is the lane). The machine's code calls bmc_submit() and no driver.
 * The simulation registers a driver of its own through the same table. */
#ifndef INGOT_BMC_BMC_H
#define INGOT_BMC_BMC_H

#include "base/err.h"
#include "loop/loop.h"

enum bmc_power { BMC_POWER_UNKNOWN, BMC_POWER_OFF, BMC_POWER_ON };
enum bmc_power_action { BMC_ACTION_ON, BMC_ACTION_OFF, BMC_ACTION_CYCLE, BMC_ACTION_RESET, BMC_ACTION_SOFT_OFF };
enum bmc_boot_device { BMC_BOOT_NONE, BMC_BOOT_PXE, BMC_BOOT_DISK };
const char *bmc_power_name(enum bmc_power power);

/* What it takes to talk to one BMC. quirks and cipher_suite are found once by probe and remembered with the machine. */
struct bmc_target {
	char *driver;  /* "ipmi", "fake" */
	char *address; /* IP address; port 623 unless "IP:PORT" */
	char *user;
	char *password; /* never logged */
	uint32_t quirks;
	int cipher_suite; /* -1: not known yet */
	char *uuid;	  /* what probe told of the system; NULL: not known. All but probe ask again first */
};
void bmc_target_copy(struct bmc_target *dst, const struct bmc_target *src);
void bmc_target_done(struct bmc_target *target); /* wipes the password */

struct bmc_identity {
	char *system_uuid;  /* as DMI shows it, lower case; NULL if the BMC does not tell */
	char *manufacturer; /* may be NULL */
	char *firmware;	    /* may be NULL */
	uint32_t quirks;
	int cipher_suite;
};
void bmc_identity_done(struct bmc_identity *identity);
/* Whether a BMC's system UUID and one read by DMI are the same but for the order of bytes: BMCs send theirs in three
 * orders and the bytes do not always tell which (see bmc_uuid.c). Ignores case; false if either is NULL. */
bool bmc_uuid_matches(const char *bmc_uuid, const char *dmi_uuid);
/* Whether a BMC that tells this system UUID is not that of the system known by the other: false if either is NULL or tells
 * nothing (some vendors fill in nothing but zeros or ones). */
bool bmc_uuid_contradicts(const char *bmc_uuid, const char *known_uuid);
/* Whether it tells one system from another at all: false for NULL and for nothing but zeros or ones. */
bool bmc_uuid_tells(const char *uuid);
/* A word that all UUIDs have which match one another, to look them up by; few others have it, so those that are found are still to
 * be compared. NULL for NULL and for what is no UUID; the caller frees. */
char *bmc_uuid_key(const char *uuid);

enum bmc_sensor_state { BMC_SENSOR_OK, BMC_SENSOR_WARNING, BMC_SENSOR_CRITICAL, BMC_SENSOR_UNKNOWN };
struct bmc_sensor {
	unsigned number;   /* of its record */
	char *name, *type; /* in the BMC's words, and in the specification's */
	char *unit;	   /* NULL: none */
	char *text;	   /* what a sensor without a number says; or NULL */
	double value;	   /* NAN: none */
	enum bmc_sensor_state state;
};
struct bmc_sensors {
	struct bmc_sensor *list;
	size_t count;
};
void bmc_sensors_done(struct bmc_sensors *sensors);

/* An entry of the system event log. */
struct bmc_sel_entry {
	unsigned number; /* its record */
	int64_t time_ms; /* as the BMC's clock had it, taken for UTC; 0: it had not been set */
	char *sensor;	 /* what it is about; NULL: an entry of the manufacturer's own kind */
	char *type;	 /* of that sensor; or NULL */
	char *text;	 /* what happened, in the specification's words; of the manufacturer's own, bytes */
	bool ended;	 /* it is over by this entry (deassertion) */
	enum bmc_sensor_state state;
};
/* The newest entries, oldest first. */
struct bmc_sel {
	struct bmc_sel_entry *list;
	size_t count, total; /* total: entries that the BMC has */
};
#define BMC_SEL_MAX 512
void bmc_sel_done(struct bmc_sel *sel);

/* Of a serial console; both are called on the loop. */
struct bmc_console;
struct bmc_console_events {
	void (*output)(const void *data, size_t len, void *ctx);
	void (*closed)(const struct err *err, void *ctx); /* once, then the console is gone */
};

enum bmc_op_kind { BMC_OP_PROBE, BMC_OP_POWER_GET, BMC_OP_POWER_SET, BMC_OP_BOOT_DEVICE, BMC_OP_SENSORS, BMC_OP_SEL };

/* Errors of every function: ERR_UNREACHABLE (no answer within the deadline), ERR_CREDENTIALS (refused),
 * ERR_UNSUPPORTED, ERR_INTERNAL with the completion code (IPMI v2.0 section 5.2). All but probe also give ERR_STATE, and
 * nothing was changed, if the BMC that answers at the address is that of another system: nothing else gives that. */
struct bmc_driver {
	const char *name;
	unsigned capabilities; /* BMC_CAN_* */
	int (*probe)(const struct bmc_target *target, struct bmc_identity *ret, struct err *err);
	int (*power_get)(const struct bmc_target *target, enum bmc_power *ret, struct err *err);
	/* Returns once the BMC took the command; the caller asks power_get for the outcome. */
	int (*power_set)(const struct bmc_target *target, enum bmc_power_action action, struct err *err);
	/* Boot device for the next boot only, or for all boots. uefi: the firmware kind to set in the flags. */
	int (*boot_device)(const struct bmc_target *target, enum bmc_boot_device device, bool persistent, bool uefi,
			   struct err *err);
	/* All sensors that the BMC has a number or words for, within a minute. NULL: it cannot. */
	int (*sensors)(const struct bmc_target *target, struct bmc_sensors *ret, struct err *err);
	/* The newest BMC_SEL_MAX entries of the system event log (IPMI v2.0 chapter 31), within two minutes. NULL: it cannot. */
	int (*sel)(const struct bmc_target *target, struct bmc_sel *ret, struct err *err);
	/* As bmc_console_open(): on the loop's thread, and does not block. NULL: it cannot. */
	int (*console_open)(struct loop *loop, const struct bmc_target *target, const struct bmc_console_events *events,
			    void *ctx, struct bmc_console **ret, struct err *err);
};
enum { BMC_CAN_POWER = 1, BMC_CAN_BOOT_DEVICE = 2, BMC_CAN_CONSOLE = 4, BMC_CAN_SENSORS = 8, BMC_CAN_SEL = 16 };

/* The drivers of this build, NULL-terminated; bmc_drivers_set() replaces them (simulation, tests). */
const struct bmc_driver *bmc_driver_find(const char *name);
void bmc_drivers_set(const struct bmc_driver *const *drivers);
extern const struct bmc_driver bmc_driver_ipmi;

/* One operation, for the work queue. */
struct bmc_op {
	enum bmc_op_kind kind;
	struct bmc_target target; /* copied by bmc_submit() */
	enum bmc_power_action action;
	enum bmc_boot_device device;
	bool persistent, uefi;
	/* results */
	enum bmc_power power;
	struct bmc_identity identity;
	struct bmc_sensors sensors;
	struct bmc_sel sel;
	struct err err;
	/* called on the loop; op is freed afterwards */
	void (*done)(struct bmc_op *op, void *data);
	void *data;
};
/* Copies the request and queues it; at most BMC_IN_FLIGHT_MAX operations of a loop are with its workers, one for each BMC: the
 * others, oldest first, wait. ERR_UNSUPPORTED: there is no such driver; ERR_INVALID with field address: it has none; ERR_BUSY when
 * BMC_WAITING_MAX wait (done is not called). Loop thread. */
#define BMC_IN_FLIGHT_MAX 10
#define BMC_WAITING_MAX 16384
int bmc_submit(struct loop *loop, const struct bmc_op *request, struct err *err);

/* ---- scanning ---- */

/* Addresses that follow one another, at one port; in the host's byte order. */
struct bmc_addresses {
	uint32_t first, count;
	uint16_t port;
};
#define BMC_ADDRESSES_MAX 4096
/* "10.0.0.10-10.0.0.99", "10.0.0.7", "10.0.0.0/24" (all but the network's own address and the one for all); ":PORT" behind for
 * another port than 623. ERR_INVALID with what would be right: no such text, IPv6, a range that ends before it begins, more than
 * BMC_ADDRESSES_MAX addresses. Any thread. */
int bmc_addresses_parse(const char *text, struct bmc_addresses *ret, struct err *err);
/* Whether a BMC's address, IP or IP:PORT, is one of them. */
bool bmc_addresses_have(const struct bmc_addresses *range, const char *address);
/* The first address that both have, or NULL; the caller frees. */
char *bmc_addresses_shared(const struct bmc_addresses *a, const struct bmc_addresses *b);

/* Sends an RMCP/ASF presence ping (ASF 2.0 section 3.2.4.2; DMTF DSP0136) to every address of the ranges
 * (bmc_addresses_parse()) and calls found once for each that says it speaks IPMI, then done after deadline_ms; on the loop,
 * no thread. Pings are spread over two thirds of the deadline. More than BMC_ADDRESSES_MAX addresses in all are refused. Scans
 * are repeated by the caller. The scan is the caller's to free, also in found and done; freeing it early ends it without a
 * call. */
struct bmc_scan;
typedef void (*bmc_found_fn)(const char *address, void *data);
int bmc_scan_start(struct loop *loop, const char *const *ranges, int64_t deadline_ms, bmc_found_fn found, loop_fn done,
		   void *data, struct bmc_scan **ret, struct err *err);
struct bmc_scan *bmc_scan_free(struct bmc_scan *scan);

/* ---- serial over LAN, through libipmiconsole (its engine's threads; bytes come on the loop) ---- */

/* The console is open once output or closed was called; input before that waits. At most 64 KiB of input wait for the
 * BMC, then bmc_console_input() gives -EBUSY and took nothing. bmc_console_close() does not call closed and may be
 * called in output. An open session of somebody else is taken over. ERR_UNSUPPORTED: the target's driver has none. */
int bmc_console_open(struct loop *loop, const struct bmc_target *target, const struct bmc_console_events *events,
		     void *ctx, struct bmc_console **ret, struct err *err);
int bmc_console_input(struct bmc_console *console, const void *data, size_t len);
void bmc_console_close(struct bmc_console *console);

#endif
