/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A binary heap of timers. Both engines use it, so that the simulation fires in the order the real loop would. */
#include "loop/loop_priv.h"

struct loop_timer {
	struct loop *loop;
	int64_t due_ms; /* monotonic */
	uint64_t order;
	size_t index; /* in the heap */
	bool firing;
	loop_fn fn;
	void *data;
};

static bool before(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void place(struct timers *timers, size_t index, struct loop_timer *timer)
{
	timers->heap[index] = timer;
	timer->index = index;
}

/* Finds the place for a timer, starting from a hole at index. */
static void settle(struct timers *timers, size_t index, struct loop_timer *timer)
{
	while (index > 0 && before(timer, timers->heap[(index - 1) / 2])) {
		place(timers, index, timers->heap[(index - 1) / 2]);
		index = (index - 1) / 2;
	}
	for (;;) {
		size_t child = index * 2 + 1;
		if (child + 1 < timers->count && before(timers->heap[child + 1], timers->heap[child]))
			child++;
		if (child >= timers->count || before(timer, timers->heap[child]))
			break;
		place(timers, index, timers->heap[child]);
		index = child;
	}
	place(timers, index, timer);
}

static void heap_add(struct timers *timers, struct loop_timer *timer)
{
	if (timers->count == timers->alloc) {
		timers->alloc = MAX_OF(timers->alloc * 2, (size_t)16);
		timers->heap = xrealloc(timers->heap, timers->alloc * sizeof(*timers->heap));
	}
	settle(timers, timers->count++, timer);
}

static void heap_remove(struct timers *timers, struct loop_timer *timer)
{
	struct loop_timer *last = timers->heap[--timers->count];
	if (last != timer)
		settle(timers, timer->index, last);
}

struct loop_timer *loop_timer_new(struct loop *loop, int64_t delay_ms, loop_fn fn, void *data)
{
	loop_assert_thread(loop);
	struct loop_timer *timer = new0(struct loop_timer, 1);
	timer->loop = loop;
	if (__builtin_add_overflow(loop_monotonic_ms(loop), MAX_OF(delay_ms, 0), &timer->due_ms))
		timer->due_ms = INT64_MAX; /* never */
	timer->order = loop->timers.next_order++;
	timer->fn = fn;
	timer->data = data;
	heap_add(&loop->timers, timer);
	if (loop->ops->timers_changed)
		loop->ops->timers_changed(loop);
	return timer;
}

struct loop_timer *loop_timer_free(struct loop_timer *timer)
{
	/* In its own callback it is already on its way out. */
	if (!timer || timer->firing)
		return NULL;
	struct loop *loop = timer->loop;
	loop_assert_thread(loop);
	heap_remove(&loop->timers, timer);
	free(timer);
	if (loop->ops->timers_changed)
		loop->ops->timers_changed(loop);
	return NULL;
}

int64_t timers_next_ms(const struct timers *timers)
{
	return timers->count > 0 ? timers->heap[0]->due_ms : INT64_MAX;
}

/* Takes the first timer out if it is due and older than the end-th. */
static struct loop_timer *take_due(struct timers *timers, int64_t now_ms, uint64_t end)
{
	struct loop_timer *timer = timers->count > 0 ? timers->heap[0] : NULL;
	/* The analyzer does not follow that what was fired has left the heap. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	if (!timer || timer->due_ms > now_ms || timer->order >= end)
		return NULL;
	heap_remove(timers, timer);
	return timer;
}

unsigned timers_fire(struct timers *timers, int64_t now_ms)
{
	struct loop *loop = CONTAINER_OF(timers, struct loop, timers);
	int64_t began_ms = loop_monotonic_ms(loop);
	unsigned fired = 0;
	/* Those made meanwhile are of the next round. Older ones that are due lie before them: they are due earlier, or
	 * at the same time and come first for their age. */
	uint64_t end = timers->next_order;
	for (struct loop_timer *timer;
	     !(fired > 0 && loop_turn_is_over(loop, began_ms)) && (timer = take_due(timers, now_ms, end)); fired++) {
		timer->firing = true;
		timer->fn(timer->data);
		free(timer);
	}
	return fired;
}

void timers_done(struct timers *timers)
{
	for (size_t i = 0; i < timers->count; i++)
		free(timers->heap[i]);
	free(timers->heap);
	*timers = (struct timers){ 0 };
}
