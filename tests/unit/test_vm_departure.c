/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What has left a node is not started there again under the order it left under. The part's own function for one machine, run
 * by the agent's core; libvirt is its test driver, on which nothing of the machine is. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm_part_fixture.h"

static struct {
	const char *note;   /* what is written first: as after a migration began; NULL: nothing */
	bool forget;	    /* and taken back */
	bool absent_first;  /* it is ordered to be nowhere before it is ordered to run */
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
	struct vm_order absent = order;
	bool unsettled;
	int r = write_note(run, err);

	absent.want = VM_WANT_ABSENT;
	if (r == 0 && world.absent_first)
		json_decref(vm_converge_one(run, &host.state, &absent, NULL, &unsettled));
	*ret_report = r < 0 ? json_null() : vm_converge_one(run, &host.state, &order, NULL, &unsettled);
	return r;
}

/* What the part says of the machine, ordered to run. The caller's. */
static json_t *said(void)
{
	host_open();
	json_t *vm = host_run(converge);
	host_close();
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

static void one_that_is_to_be_nowhere_is_forgotten(void **state)
{
	world.note = NULL;
	world.forget = false;
	world.generation = 5;
	world.absent_first = true;
	IT_IS_TRIED;
	world.absent_first = false;
}

/* As many as there may be, the one called "4" the oldest; then another. */
static int fill(struct part_run *run, json_t *desired, json_t **ret_report, struct err *err)
{
	int64_t generation;
	int r = vm_departure_write(run, "0", 5, err);

	for (unsigned i = 1; r == 0 && i < DEPARTED_MAX; i++) {
		_cleanup_free_ char *path = part_run_path(run, "/var/lib/ingot/agent/departed/%u", i);
		struct timespec times[2] = { { .tv_sec = i == 4 ? 1000 : 2000 }, { .tv_sec = i == 4 ? 1000 : 2000 } };
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		if (fd < 0)
			return -errno;
		if (write(fd, "5", 1) != 1 || futimens(fd, times) < 0)
			r = -errno;
		close(fd);
	}
	if (r == 0)
		r = vm_departure_write(run, ID, 5, err);
	*ret_report = json_pack("{s:i, s:i, s:i, s:i}", "new", vm_departure_read(run, ID, &generation, err), "oldest",
				vm_departure_read(run, "4", &generation, err), "other",
				vm_departure_read(run, "5", &generation, err), "written", r);
	return r;
}

static void the_oldest_makes_room(void **state)
{
	host_open();
	json_t *said = host_run(fill);

	host_close();
	assert_int_equal(json_integer_value(json_object_get(said, "written")), 0);
	assert_int_equal(json_integer_value(json_object_get(said, "new")), 1);
	assert_int_equal(json_integer_value(json_object_get(said, "oldest")), 0);
	assert_int_equal(json_integer_value(json_object_get(said, "other")), 1);
	json_decref(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(under_the_same_order_it_is_not_started),
		cmocka_unit_test(under_a_newer_one_it_is),
		cmocka_unit_test(one_that_stayed_may_be_started_again),
		cmocka_unit_test(a_note_that_cannot_be_read_lets_nothing_start),
		cmocka_unit_test(one_that_is_to_be_nowhere_is_forgotten),
		cmocka_unit_test(the_oldest_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
