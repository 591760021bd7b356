/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop/loop.h"

#include <stdio.h>

#include "loop/loop_priv.h"

static _Noreturn void die(const char *loop_name, const char *why)
{
	fprintf(stderr, "loop (%s): %s\n", loop_name, why);
	abort();
}

void loop_init(struct loop *loop, const struct loop_ops *ops)
{
	loop->ops = ops;
	loop->thread = pthread_self();
	posts_init(&loop->posts);
}

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;
	loop_assert_thread(loop);
	loop->ops->done(loop); /* first: it ends the workers, who post */
	posts_done(&loop->posts);
	timers_done(&loop->timers);
	free(loop);
	return NULL;
}

int loop_run(struct loop *loop)
{
	if (!loop->ops->run)
		die(loop->ops->name, "does not run by itself");
	loop->thread = pthread_self(); /* may be made in one thread and run in another */
	return loop->ops->run(loop);
}

void loop_quit(struct loop *loop, int code)
{
	loop_assert_thread(loop);
	if (loop->ops->quit)
		loop->ops->quit(loop, code);
}

int64_t loop_now_ms(struct loop *loop)
{
	return loop->ops->now_ms(loop);
}

int64_t loop_monotonic_ms(struct loop *loop)
{
	return loop->ops->monotonic_ms(loop);
}

bool loop_turn_is_over(struct loop *loop, int64_t began_ms)
{
	return loop_monotonic_ms(loop) - began_ms >= LOOP_TURN_MS;
}

void loop_assert_thread(struct loop *loop)
{
	if (!pthread_equal(loop->thread, pthread_self()))
		die(loop->ops->name, "called from another thread than its own");
}

int loop_work(struct loop *loop, const char *lane, loop_fn fn, loop_fn done, void *data)
{
	loop_assert_thread(loop);
	return loop->ops->work(loop, lane, fn, done, data);
}

struct loop_io *loop_io_new(struct loop *loop, int fd, uint32_t events, loop_io_fn fn, void *data)
{
	loop_assert_thread(loop);
	if (!loop->ops->io_new)
		die(loop->ops->name, "has no files");
	return loop->ops->io_new(loop, fd, events, fn, data);
}

struct loop_child *loop_child_new(struct loop *loop, pid_t pid, loop_child_fn fn, void *data)
{
	loop_assert_thread(loop);
	if (!loop->ops->child_new)
		die(loop->ops->name, "has no children");
	return loop->ops->child_new(loop, pid, fn, data);
}

struct loop_signal *loop_signal_new(struct loop *loop, int signal, loop_fn fn, void *data)
{
	loop_assert_thread(loop);
	if (!loop->ops->signal_new)
		die(loop->ops->name, "has no signals");
	return loop->ops->signal_new(loop, signal, fn, data);
}

/* ---- posted calls ---- */

struct posted {
	struct list link;
	loop_fn fn;
	void *data;
};

void posts_init(struct posts *posts)
{
	pthread_mutex_init(&posts->lock, NULL);
	list_init(&posts->calls);
}

void posts_done(struct posts *posts)
{
	struct posted *call;
	LIST_FOREACH(call, &posts->calls, link)
		free(call);
	pthread_mutex_destroy(&posts->lock);
}

void loop_post(struct loop *loop, loop_fn fn, void *data)
{
	struct posted *call = new0(struct posted, 1);
	call->fn = fn;
	call->data = data;
	pthread_mutex_lock(&loop->posts.lock);
	if (++loop->posts.count > LOOP_POST_MAX)
		die(loop->ops->name, "posted calls are not taken: somebody posts without end");
	list_append(&loop->posts.calls, &call->link);
	pthread_mutex_unlock(&loop->posts.lock);
	if (loop->ops->wake)
		loop->ops->wake(loop);
}

static struct posted *posts_take(struct posts *posts)
{
	struct posted *call = NULL;
	pthread_mutex_lock(&posts->lock);
	if (!list_empty(&posts->calls)) {
		call = CONTAINER_OF(posts->calls.next, struct posted, link);
		list_remove(&call->link);
		posts->count--;
	}
	pthread_mutex_unlock(&posts->lock);
	return call;
}

unsigned posts_run(struct posts *posts)
{
	pthread_mutex_lock(&posts->lock);
	struct loop *loop = CONTAINER_OF(posts, struct loop, posts);
	int64_t began_ms = loop_monotonic_ms(loop);
	unsigned there = posts->count, ran = 0;
	pthread_mutex_unlock(&posts->lock);
	/* Only those: a call that posts itself again must not keep the loop from its timers and files. */
	for (struct posted *call;
	     ran < there && !(ran > 0 && loop_turn_is_over(loop, began_ms)) && (call = posts_take(posts)); ran++) {
		loop_fn fn = call->fn;
		void *data = call->data;
		free(call);
		fn(data);
	}
	return ran;
}
