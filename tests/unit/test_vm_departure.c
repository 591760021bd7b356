/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What has left a node is not started there again under the order it left under. The part's own function for one machine, run
 * by the agent's core; libvirt is its test driver, on which nothing of the machine is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
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
	const char *note;   /* what is written first: as after a migration began; NULL: nothing */
	bool forget;	    /* and taken back */
	int64_t generation; /* of the order */
} world;

static int write_note(struct part_run *run, struct err *err)
{
	_cleanup_free_ char *path = part_run_path(run, "/var/lib/ingot/agent/departed/" ID);
	int r = vm_departure_write(run, ID, 5, err);

	if (r == 0 && world.note)
		r = write_file_atomic(path, world.note, strlen(world.note), 0600);
	if (r == 0 && world.forget)
		vm_departure_forget(run, ID);
	return r;
}

static int converge(struct part_run *run, json_t *desired, json_t **ret_report, struct err *err)
{
	const struct vm_order order = {
		.id = ID, .generation = world.generation, .want = VM_WANT_RUNNING, .cpus = 1, .memory_bytes = GIB
	};
	bool unsettled;
	int r = write_note(run, err);

	*ret_report = r < 0 ? json_null() : vm_converge_one(run, &world.state, &order, NULL, &unsettled);
	return r;
}

static const struct part part = { .abi = PART_ABI, .name = "vms", .modes = PART_NODE, .converge = converge };

static void quit(void *data)
{
	loop_quit(world.loop, 0);
}

static void ended(void *data)
{
	world.idle = true;
	quit(NULL);
}

static void quiet(void *unused, virErrorPtr error)
{
}

/* What the part says of the machine, ordered to run. The caller's. */
static json_t *said(void)
{
	static const struct part *const parts[] = { &part, NULL };
	char dir[] = "/tmp/ingot-test-departure-XXXXXX";
	struct converge *converger = NULL;
	json_t *report = json_object(), *vm;

	assert_non_null(mkdtemp(dir));
	virSetErrorFunc(NULL, quiet);
	world.loop = loop_new(2);
	world.state = (struct vm_state){ .conn = virConnectOpen("test:///default"), .boot = (char *)"host/boot" };
	list_init(&world.state.migrations);
	list_init(&world.state.memories);
	assert_int_equal(
		converge_new(
			&(struct converge_spec){
				.loop = world.loop, .parts = parts, .mode = PART_NODE, .prefix = dir, .changed = quit },
			&converger, NULL),
		0);
	loop_run(world.loop);
	converge_collect(converger, true, report);
	world.idle = false;
	converge_stop(converger, ended, NULL);
	if (!world.idle)
		loop_run(world.loop);
	converge_free(converger);
	loop_free(world.loop);
	vm_memory_forget(&world.state, ID);
	virConnectClose(world.state.conn);
	vm = json_incref(json_object_get(report, "vms"));
	json_decref(report);
	return vm;
}

static void assert_said(const char *expected, const char *text)
{
	json_t *vm = said();
	const char *why = str_or(json_string_value(json_object_get(json_object_get(vm, "error"), "text")), "");

	assert_string_equal(json_string_value(json_object_get(vm, "state")), expected);
	if (text ? !strstr(why, text) : *why)
		fail_msg("%s", *why ? why : "no error");
	json_decref(vm);
}

static void under_the_same_order_it_is_not_started(void **state)
{
	world.note = NULL;
	world.forget = false;
	world.generation = 5;
	assert_said("absent", NULL);
	world.generation = 4;
	assert_said("absent", NULL);
}

/* It is tried: there is no key to its disks here. */
#define IT_IS_TRIED assert_said("starting", "no key to the storage")

static void under_a_newer_one_it_is(void **state)
{
	world.note = NULL;
	world.forget = false;
	world.generation = 6;
	IT_IS_TRIED;
}

static void one_that_stayed_may_be_started_again(void **state)
{
	world.note = NULL;
	world.forget = true;
	world.generation = 5;
	IT_IS_TRIED;
}

static void a_note_that_cannot_be_read_lets_nothing_start(void **state)
{
	world.note = "soon";
	world.forget = false;
	world.generation = 9;
	assert_said("starting", "does not say a generation");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(under_the_same_order_it_is_not_started),
		cmocka_unit_test(under_a_newer_one_it_is),
		cmocka_unit_test(one_that_stayed_may_be_started_again),
		cmocka_unit_test(a_note_that_cannot_be_read_lets_nothing_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
