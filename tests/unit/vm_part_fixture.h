/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part for virtual machines as the agent's core runs it, once, on libvirt's test driver (test:///default: one domain,
 * "test", that runs). */
#ifndef INGOT_TESTS_VM_PART_FIXTURE_H
#define INGOT_TESTS_VM_PART_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/converge.h"
#include "loop/loop.h"
#include "vm/vm_priv.h"

#define ID "0191d8a0-6c1e-7b3a-9d2f-3c5b7a9e1f20"

static struct {
	struct loop *loop;
	bool idle;
	struct vm_state state;
} host;

static inline void host_quit(void *data)
{
	loop_quit(host.loop, 0);
}

static inline void host_ended(void *data)
{
	host.idle = true;
	host_quit(NULL);
}

static inline void host_quiet(void *unused, virErrorPtr error)
{
}

static inline void host_open(void)
{
	virSetErrorFunc(NULL, host_quiet);
	host.state = (struct vm_state){ .conn = virConnectOpen("test:///default"), .boot = (char *)"host/boot" };
	assert_non_null(host.state.conn);
	list_init(&host.state.migrations);
	list_init(&host.state.memories);
}

static inline void host_close(void)
{
	migration_forget(&host.state, NULL);
	vm_memory_forget(&host.state, ID);
	virConnectClose(host.state.conn);
}

static inline int host_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

/* One run in a folder of its own; what it reports is the caller's. */
static inline json_t *host_run(int (*converge)(struct part_run *, json_t *, json_t **, struct err *))
{
	const struct part part = { .abi = PART_ABI, .name = "vms", .modes = PART_NODE, .converge = converge };
	const struct part *const parts[] = { &part, NULL };
	char dir[] = "/tmp/ingot-test-vm-part-XXXXXX";
	struct converge *converger = NULL;
	json_t *report = json_object(), *vm;

	assert_non_null(mkdtemp(dir));
	host.loop = loop_new(2);
	assert_int_equal(converge_new(&(struct converge_spec){ .loop = host.loop,
							       .parts = parts,
							       .mode = PART_NODE,
							       .prefix = dir,
							       .changed = host_quit },
				      &converger, NULL),
			 0);
	loop_run(host.loop);
	converge_collect(converger, true, report);
	host.idle = false;
	converge_stop(converger, host_ended, NULL);
	if (!host.idle)
		loop_run(host.loop);
	converge_free(converger);
	loop_free(host.loop);
	nftw(dir, host_remove, 16, FTW_DEPTH | FTW_PHYS);
	vm = json_incref(json_object_get(report, "vms"));
	json_decref(report);
	return vm;
}

#endif
