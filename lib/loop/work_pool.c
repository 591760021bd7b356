/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The threads that run work for the real loop, started one by one as there is more to do than they can take. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "loop/loop_priv.h"

struct work_pool {
	struct loop *loop;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct work_order order;
	pthread_t *threads;
	unsigned max, started, idle;
	bool ending;
};

struct work_pool *work_pool_new(struct loop *loop, unsigned workers)
{
	struct work_pool *pool = new0(struct work_pool, 1);
	pool->loop = loop;
	pool->max = MAX_OF(workers, 1u);
	pool->threads = new0(pthread_t, pool->max);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->more, NULL);
	work_order_init(&pool->order);
	return pool;
}

static void *work_thread(void *data)
{
	struct work_pool *pool = data;
	pthread_mutex_lock(&pool->lock);
	for (;;) {
		struct work_item *item = pool->ending ? NULL : work_order_take(&pool->order, 0);
		if (pool->ending)
			break;
		if (!item) {
			pool->idle++;
			pthread_cond_wait(&pool->more, &pool->lock);
			pool->idle--;
			continue;
		}
		pthread_mutex_unlock(&pool->lock);
		item->fn(item->data);
		/* Posted before the lane is let go, so that the dones of a lane come in its order. */
		if (item->done)
			loop_post(pool->loop, item->done, item->data);
		pthread_mutex_lock(&pool->lock);
		work_order_release(&pool->order, item);
		if (pool->order.ready_count > 0)
			pthread_cond_signal(&pool->more);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* The lock is held. */
static void start_thread(struct work_pool *pool)
{
	/* Signals are the loop's. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&pool->threads[pool->started], NULL, work_thread, pool);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0) {
		pthread_setname_np(pool->threads[pool->started], "worker");
		pool->started++;
	} else if (pool->started == 0) {
		fprintf(stderr, "loop: no thread: %s\n", strerrordesc_np(r));
		abort();
	}
}

int work_pool_add(struct work_pool *pool, const char *lane, loop_fn fn, loop_fn done, void *data)
{
	pthread_mutex_lock(&pool->lock);
	int r = work_order_add(&pool->order, lane, fn, done, data);
	if (r == 0 && pool->order.ready_count > pool->idle && pool->started < pool->max)
		start_thread(pool);
	if (r == 0)
		pthread_cond_signal(&pool->more);
	pthread_mutex_unlock(&pool->lock);
	return r;
}

struct work_pool *work_pool_free(struct work_pool *pool)
{
	if (!pool)
		return NULL;
	pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	pthread_cond_broadcast(&pool->more);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->started; i++)
		pthread_join(pool->threads[i], NULL);
	work_order_done(&pool->order);
	pthread_cond_destroy(&pool->more);
	pthread_mutex_destroy(&pool->lock);
	free(pool->threads);
	free(pool);
	return NULL;
}
