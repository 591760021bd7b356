/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The floor of machines that say hello: the same documents and events, each machine in a commit of its own, straight into the
 * store.
 *
 *     bench-store FOLDER COUNT
 *
 * Leaves a database in the folder. Prints one line of JSON. */
#include <stdio.h>

#include "store/store.h"

#define COUNT_MAX 1000000

static void add(struct store *store, int64_t number)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *mac = xasprintf("52:54:02:%02x:%02x:%02x", (unsigned)number >> 16 & 255,
					     (unsigned)number >> 8 & 255, (unsigned)number & 255);
	store_begin(store);
	struct machine *machine = store_create(store, &kind_machine);
	machine->name = xasprintf("machine-%lld", (long long)number);
	machine->uuid = uuid_new();
	machine->serial = xasprintf("H%06lld", (long long)number);
	machine->boot_mac = xstrdup(mac);
	schema_strings_add(&machine->macs, &machine->mac_count, mac);
	machine->boot_id = uuid_new();
	machine->live_token = xasprintf("%064llx", (unsigned long long)number);
	machine->step = xstrdup("NEW");
	machine->created = machine->agent_seen = loop_now_ms(store_loop(store));
	store_event_text(store, "machine.found", "machine", machine->id, machine->name,
			 "booted the live image from the network (MAC %s)", mac);
	if (store_commit(store, &err) < 0) {
		fprintf(stderr, "bench-store: %s\n", err.text);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct store *store;
	int64_t count;

	if (argc != 3 || parse_i64(argv[2], 1, COUNT_MAX, &count) < 0) {
		fprintf(stderr, "usage: bench-store FOLDER COUNT\n");
		return 2;
	}
	_cleanup_free_ char *path = xasprintf("%s/floor.db", argv[1]);
	_cleanup_(loop_free_p) struct loop *loop = loop_new(1);
	if (store_open(loop, path, &store, &err) < 0) {
		fprintf(stderr, "bench-store: %s\n", err.text);
		return 1;
	}
	int64_t began_ms = monotonic_ms();
	for (int64_t i = 0; i < count; i++)
		add(store, i);
	printf("{\"count\": %lld, \"seconds\": %.3f}\n", (long long)count, (double)(monotonic_ms() - began_ms) / 1000);
	store_free(store);
	return 0;
}
