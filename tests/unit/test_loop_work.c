/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The work queue of the real loop. Order and overlap are forced by barriers and semaphores, not by time. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "loop/loop.h"

#define GUARD_S 20

static struct loop *loop;

static void give_up(void *data)
{
	loop_quit(loop, 99);
}

static void quit(void *data)
{
	loop_quit(loop, 0);
}

static int run(void)
{
	struct loop_timer *guard = loop_timer_new(loop, GUARD_S * 1000, give_up, NULL);
	int code = loop_run(loop);
	if (code != 99)
		loop_timer_free(guard);
	return code;
}

/* A semaphore that a broken test does not wait for without end. */
static bool take(sem_t *sem)
{
	struct timespec end;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += GUARD_S;
	return sem_timedwait(sem, &end) == 0;
}

static void nothing(void *data)
{
}

/* ---- where things run ---- */

struct where {
	pthread_t fn, done;
	sigset_t mask;
};

static void look_around(void *data)
{
	struct where *where = data;
	where->fn = pthread_self();
	pthread_sigmask(SIG_BLOCK, NULL, &where->mask);
}

static void look_and_quit(void *data)
{
	struct where *where = data;
	where->done = pthread_self();
	loop_quit(loop, 0);
}

static void fn_runs_on_a_worker_without_signals_and_done_on_the_loop(void **state)
{
	struct where where = { .fn = pthread_self() };
	loop = loop_new(1);
	assert_int_equal(loop_work(loop, NULL, look_around, look_and_quit, &where), 0);
	assert_int_equal(run(), 0);
	assert_false(pthread_equal(where.fn, pthread_self()));
	assert_true(pthread_equal(where.done, pthread_self()));
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE, SIGUSR1, SIGALRM };
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		assert_true(sigismember(&where.mask, signals[i]));
	loop = loop_free(loop);
}

/* ---- lanes ---- */

static pthread_barrier_t both;

static void meet(void *data)
{
	pthread_barrier_wait(&both); /* returns only if another is here at the same time */
}

static unsigned met;

static void count_met(void *data)
{
	if (++met == 2)
		loop_quit(loop, 0);
}

static void two_lanes_run_at_once(void **state)
{
	loop = loop_new(2);
	pthread_barrier_init(&both, NULL, 2);
	assert_int_equal(loop_work(loop, "a", meet, count_met, NULL), 0);
	assert_int_equal(loop_work(loop, "b", meet, count_met, NULL), 0);
	assert_int_equal(run(), 0);
	loop = loop_free(loop);
	pthread_barrier_destroy(&both);
}

#define LANES 5
#define PER_LANE 100
static struct lane_check {
	atomic_int inside;
	unsigned next_fn, next_done;
	atomic_uint wrong;
} lanes[LANES];
static unsigned all_done;

static void in_lane(void *data)
{
	uintptr_t value = (uintptr_t)data;
	struct lane_check *lane = &lanes[value / PER_LANE];
	if (atomic_fetch_add(&lane->inside, 1) != 0)
		lane->wrong++;
	/* Not atomic: the thread sanitizer sees it if nothing orders the items of a lane. */
	if (lane->next_fn++ != value % PER_LANE)
		lane->wrong++;
	atomic_fetch_sub(&lane->inside, 1);
}

static void lane_done(void *data)
{
	uintptr_t value = (uintptr_t)data;
	struct lane_check *lane = &lanes[value / PER_LANE];
	if (lane->next_done++ != value % PER_LANE)
		lane->wrong++;
	if (++all_done == LANES * PER_LANE)
		loop_quit(loop, 0);
}

static void a_lane_runs_one_after_another_in_the_order_given(void **state)
{
	loop = loop_new(4);
	for (uintptr_t i = 0; i < PER_LANE; i++) {
		for (uintptr_t lane = 0; lane < LANES; lane++) {
			char name[2] = { (char)('a' + lane), 0 }; /* copied by the loop */
			assert_int_equal(loop_work(loop, name, in_lane, lane_done, (void *)(lane * PER_LANE + i)), 0);
		}
	}
	assert_int_equal(run(), 0);
	for (int i = 0; i < LANES; i++)
		assert_int_equal(lanes[i].wrong, 0);
	loop = loop_free(loop);
}

static sem_t started, go;
static atomic_uint ran;

static void block(void *data)
{
	sem_post(&started);
	if (take(&go))
		ran++;
}

static void count(void *data)
{
	ran++;
}

static void make_sems(void)
{
	sem_init(&started, 0, 0);
	sem_init(&go, 0, 0);
	ran = 0;
}

static void the_next_of_a_lane_waits_though_a_worker_is_free(void **state)
{
	make_sems();
	loop = loop_new(2);
	assert_int_equal(loop_work(loop, "lane", block, NULL, NULL), 0);
	assert_true(take(&started));
	assert_int_equal(loop_work(loop, "lane", count, quit, NULL), 0);
	/* Behind it, and it gets through. */
	assert_int_equal(loop_work(loop, "other", nothing, quit, NULL), 0);
	assert_int_equal(run(), 0);
	assert_int_equal(ran, 0);
	sem_post(&go);
	assert_int_equal(run(), 0);
	assert_int_equal(ran, 2);
	loop = loop_free(loop);
}

/* ---- the cap ---- */

static void more_than_the_cap_is_busy_and_not_queued(void **state)
{
	make_sems();
	loop = loop_new(1);
	assert_int_equal(loop_work(loop, NULL, block, NULL, NULL), 0);
	assert_true(take(&started)); /* it runs, so it does not wait */
	for (unsigned i = 0; i < LOOP_WORK_MAX - 1; i++)
		assert_int_equal(loop_work(loop, i % 3 ? NULL : "lane", count, NULL, NULL), 0);
	assert_int_equal(loop_work(loop, NULL, count, quit, NULL), 0);
	assert_int_equal(loop_work(loop, NULL, count, NULL, NULL), -EBUSY);
	assert_int_equal(loop_work(loop, "lane", count, NULL, NULL), -EBUSY);
	sem_post(&go);
	assert_int_equal(run(), 0);
	/* The last one without a lane may be overtaken by those in the lane. */
	loop_work(loop, "lane", nothing, quit, NULL);
	assert_int_equal(run(), 0);
	assert_int_equal(ran, LOOP_WORK_MAX + 1);
	loop = loop_free(loop);
}

/* ---- the end ---- */

static unsigned dones;

static void count_done(void *data)
{
	dones++;
}

static void *let_go(void *data)
{
	sem_post(&go);
	return NULL;
}

static void freeing_waits_for_what_runs_and_drops_what_waits(void **state)
{
	make_sems();
	loop = loop_new(1);
	char *data[10];
	assert_int_equal(loop_work(loop, "lane", block, count_done, NULL), 0);
	assert_true(take(&started));
	for (int i = 0; i < 10; i++) {
		data[i] = xstrdup("the owner's");
		assert_int_equal(loop_work(loop, i % 2 ? "lane" : NULL, count, count_done, data[i]), 0);
	}
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, let_go, NULL), 0);
	loop = loop_free(loop);
	pthread_join(thread, NULL);
	assert_in_range(ran, 1, 11); /* what ran was run to its end */
	assert_int_equal(dones, 0);
	for (int i = 0; i < 10; i++)
		free(data[i]);
}

static void a_loop_without_work_starts_no_thread(void **state)
{
	loop = loop_new(4);
	loop = loop_free(loop);
	loop = loop_new(0); /* has one nevertheless */
	assert_int_equal(loop_work(loop, NULL, nothing, quit, NULL), 0);
	assert_int_equal(run(), 0);
	loop = loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fn_runs_on_a_worker_without_signals_and_done_on_the_loop),
		cmocka_unit_test(two_lanes_run_at_once),
		cmocka_unit_test(a_lane_runs_one_after_another_in_the_order_given),
		cmocka_unit_test(the_next_of_a_lane_waits_though_a_worker_is_free),
		cmocka_unit_test(more_than_the_cap_is_busy_and_not_queued),
		cmocka_unit_test(freeing_waits_for_what_runs_and_drops_what_waits),
		cmocka_unit_test(a_loop_without_work_starts_no_thread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
