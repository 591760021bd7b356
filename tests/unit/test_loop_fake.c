/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loop/loop.h"

#define START_MS 1000000

/* What was called, in order. */
static struct strbuf trace;

#define TEXT(s) ((void *)(uintptr_t)(s))

static void note(void *data)
{
	strbuf_addf(&trace, "%s ", (const char *)data);
}

static void assert_trace(const char *want)
{
	assert_string_equal(trace.data ? trace.data : "", want);
	strbuf_done(&trace);
}

static struct loop *loop;

static int make_loop(void **state)
{
	loop = loop_new_fake(START_MS);
	return 0;
}

static int free_loop(void **state)
{
	loop = loop_free(loop);
	strbuf_done(&trace);
	return 0;
}

static void the_clock_stands_until_it_is_moved(void **state)
{
	assert_true(loop_now_ms(loop) == START_MS);
	assert_true(loop_monotonic_ms(loop) == START_MS);
	assert_true(loop_fake_next_ms(loop) == INT64_MAX);
	loop_fake_set_ms(loop, START_MS + 5);
	assert_true(loop_now_ms(loop) == START_MS + 5);
	loop_fake_set_ms(loop, START_MS); /* never back */
	assert_true(loop_now_ms(loop) == START_MS + 5);
}

static void a_timer_fires_when_it_is_due_and_once(void **state)
{
	loop_timer_new(loop, 10, note, TEXT("a"));
	assert_true(loop_fake_next_ms(loop) == START_MS + 10);
	loop_fake_set_ms(loop, START_MS + 9);
	assert_int_equal(loop_fake_run_due(loop), 0);
	loop_fake_set_ms(loop, START_MS + 10);
	assert_trace(""); /* moving the clock fires nothing by itself */
	assert_int_equal(loop_fake_run_due(loop), 1);
	assert_int_equal(loop_fake_run_due(loop), 0);
	assert_trace("a ");
}

static void timers_fire_by_time_and_then_in_the_order_made(void **state)
{
	loop_timer_new(loop, 20, note, TEXT("late"));
	loop_timer_new(loop, 10, note, TEXT("a"));
	loop_timer_new(loop, 10, note, TEXT("b"));
	struct loop_timer *removed = loop_timer_new(loop, 10, note, TEXT("removed"));
	loop_timer_new(loop, 5, note, TEXT("early"));
	loop_timer_new(loop, 10, note, TEXT("c"));
	assert_null(loop_timer_free(removed));
	loop_fake_set_ms(loop, START_MS + 100);
	assert_int_equal(loop_fake_run_due(loop), 5);
	assert_trace("early a b c late ");
}

static void posted_calls_come_before_timers_and_in_order(void **state)
{
	loop_timer_new(loop, 0, note, TEXT("timer"));
	loop_post(loop, note, TEXT("a"));
	loop_post(loop, note, TEXT("b"));
	assert_int_equal(loop_fake_run_due(loop), 3);
	assert_trace("a b timer ");
}

static void again(void *data)
{
	note(data);
	loop_timer_new(loop, 0, note, TEXT("next-timer"));
	loop_post(loop, note, TEXT("next-post"));
}

static void what_a_callback_adds_is_of_the_next_round(void **state)
{
	loop_timer_new(loop, 0, again, TEXT("timer"));
	loop_post(loop, again, TEXT("post"));
	assert_int_equal(loop_fake_run_due(loop), 3);
	assert_trace("post timer next-timer "); /* that one was added by the post, before the timers were looked at */
	assert_int_equal(loop_fake_run_due(loop), 3);
	assert_trace("next-post next-post next-timer ");
	assert_int_equal(loop_fake_run_due(loop), 0);
}

static struct loop_timer *first, *second;

static void free_both(void *data)
{
	note(data);
	first = loop_timer_free(first);	  /* itself */
	second = loop_timer_free(second); /* due as well */
}

static void a_callback_frees_itself_and_others(void **state)
{
	first = loop_timer_new(loop, 1, free_both, TEXT("first"));
	second = loop_timer_new(loop, 1, note, TEXT("second"));
	loop_timer_new(loop, 1, note, TEXT("third"));
	loop_fake_set_ms(loop, START_MS + 1);
	assert_int_equal(loop_fake_run_due(loop), 2);
	assert_trace("first third ");
	assert_null(loop_timer_free(NULL));
}

static void delays_at_the_ends_of_the_range(void **state)
{
	loop_timer_new(loop, -5, note, TEXT("past"));
	loop_timer_new(loop, INT64_MAX, note, TEXT("never"));
	assert_int_equal(loop_fake_run_due(loop), 1);
	assert_trace("past ");
	assert_true(loop_fake_next_ms(loop) == INT64_MAX);
}

/* Many timers made and freed at random fire as a sorted list of them would. */
struct random_timer {
	struct loop_timer *timer;
	int64_t due_ms;
	unsigned number;
};
static struct random_timer many[2000];
static unsigned fired_count;
static int64_t last_due_ms;
static unsigned last_number;

static void random_fired(void *data)
{
	struct random_timer *t = data;
	assert_true(t->due_ms <= loop_now_ms(loop));
	assert_true(t->due_ms > last_due_ms || (t->due_ms == last_due_ms && t->number > last_number));
	last_due_ms = t->due_ms;
	last_number = t->number;
	t->timer = NULL;
	fired_count++;
}

static void random_timers_fire_like_a_sorted_list(void **state)
{
	uint64_t seed = 12345;
	unsigned live = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(many); i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		int64_t delay_ms = (int64_t)(seed >> 33) % 300;
		many[i] = (struct random_timer){ .due_ms = START_MS + delay_ms, .number = i + 1 };
		many[i].timer = loop_timer_new(loop, delay_ms, random_fired, &many[i]);
		live++;
		struct random_timer *victim = &many[(seed >> 20) % (i + 1)];
		if ((seed >> 60) < 6 && victim->timer) {
			victim->timer = loop_timer_free(victim->timer);
			live--;
		}
	}
	assert_in_range(live, 500, 1900);
	while (loop_fake_next_ms(loop) != INT64_MAX) {
		loop_fake_set_ms(loop, loop_fake_next_ms(loop) + 3);
		loop_fake_run_due(loop);
	}
	assert_int_equal(fired_count, live);
}

/* ---- work ---- */

static void work_runs_when_told_to(void **state)
{
	assert_false(loop_fake_work_run(loop, 0));
	assert_int_equal(loop_work(loop, NULL, note, note, TEXT("x")), 0);
	assert_int_equal(loop_work(loop, NULL, note, NULL, TEXT("y")), 0);
	assert_int_equal(loop_fake_run_due(loop), 0);
	assert_trace("");
	assert_int_equal(loop_fake_work_count(loop), 2);
	assert_false(loop_fake_work_run(loop, 2));
	assert_true(loop_fake_work_run(loop, 1));
	assert_true(loop_fake_work_run(loop, 0));
	assert_int_equal(loop_fake_work_count(loop), 0);
	assert_trace("y x x "); /* with its done */
}

static void a_lane_shows_its_first_only(void **state)
{
	loop_work(loop, "bmc-1", note, NULL, TEXT("1a"));
	loop_work(loop, "bmc-1", note, NULL, TEXT("1b"));
	loop_work(loop, "bmc-2", note, NULL, TEXT("2a"));
	loop_work(loop, "bmc-1", note, NULL, TEXT("1c"));
	loop_work(loop, NULL, note, NULL, TEXT("free"));
	assert_int_equal(loop_fake_work_count(loop), 3); /* 1a 2a free */
	assert_true(loop_fake_work_run(loop, 2));
	assert_true(loop_fake_work_run(loop, 1));
	assert_int_equal(loop_fake_work_count(loop), 1);
	while (loop_fake_work_run(loop, 0)) {
	}
	assert_trace("free 2a 1a 1b 1c ");
}

static void done_that_queues(void *data)
{
	note(data);
	assert_int_equal(loop_work(loop, "lane", note, NULL, TEXT("again")), 0);
}

static void a_done_may_queue_more_in_its_lane(void **state)
{
	loop_work(loop, "lane", note, done_that_queues, TEXT("first"));
	loop_work(loop, "lane", note, NULL, TEXT("second"));
	while (loop_fake_work_run(loop, 0)) {
	}
	assert_trace("first first second again ");
}

static void the_queue_has_a_cap(void **state)
{
	for (unsigned i = 0; i < LOOP_WORK_MAX; i++)
		assert_int_equal(loop_work(loop, i % 2 ? "lane" : NULL, note, NULL, TEXT("x")), 0);
	assert_int_equal(loop_work(loop, NULL, note, NULL, TEXT("y")), -EBUSY);
	assert_int_equal(loop_work(loop, "lane", note, NULL, TEXT("y")), -EBUSY);
	assert_int_equal(loop_work(loop, "other", note, NULL, TEXT("y")), -EBUSY);
	assert_int_equal(loop_fake_work_count(loop), LOOP_WORK_MAX / 2 + 1);
	assert_true(loop_fake_work_run(loop, 0));
	assert_int_equal(loop_work(loop, "other", note, NULL, TEXT("z")), 0);
	assert_trace("x ");
	/* All of it is freed with the loop, which the address sanitizer sees. */
}

/* ---- other threads ---- */

static void *post_from_thread(void *data)
{
	loop_post(loop, note, data);
	return NULL;
}

static void other_threads_may_post(void **state)
{
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, post_from_thread, TEXT("posted")), 0);
	pthread_join(thread, NULL);
	assert_int_equal(loop_fake_run_due(loop), 1);
	assert_trace("posted ");
}

static void what_is_left_goes_with_the_loop(void **state)
{
	loop_timer_new(loop, 10, note, TEXT("timer"));
	loop_post(loop, note, TEXT("post"));
	loop_work(loop, "lane", note, note, TEXT("work"));
	loop_work(loop, "lane", note, note, TEXT("work"));
	loop = loop_free(loop);
	assert_trace("");
	assert_null(loop_free(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_loop, free_loop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_clock_stands_until_it_is_moved),
		TEST(a_timer_fires_when_it_is_due_and_once),
		TEST(timers_fire_by_time_and_then_in_the_order_made),
		TEST(posted_calls_come_before_timers_and_in_order),
		TEST(what_a_callback_adds_is_of_the_next_round),
		TEST(a_callback_frees_itself_and_others),
		TEST(delays_at_the_ends_of_the_range),
		TEST(random_timers_fire_like_a_sorted_list),
		TEST(work_runs_when_told_to),
		TEST(a_lane_shows_its_first_only),
		TEST(a_done_may_queue_more_in_its_lane),
		TEST(the_queue_has_a_cap),
		TEST(other_threads_may_post),
		TEST(what_is_left_goes_with_the_loop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
