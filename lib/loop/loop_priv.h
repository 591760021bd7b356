/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two engines share: the table of what differs, the timers, the posted calls, the order of the work. */
#ifndef INGOT_LOOP_LOOP_PRIV_H
#define INGOT_LOOP_LOOP_PRIV_H

#include <pthread.h>

#include "base/list.h"
#include "loop/loop.h"

/* What an engine does in its own way. NULL: it has no such thing, and asking for it aborts. */
struct loop_ops {
	const char *name;
	void (*done)(struct loop *loop); /* frees what the engine holds, not the loop */
	int (*run)(struct loop *loop);
	void (*quit)(struct loop *loop, int code);
	int64_t (*now_ms)(struct loop *loop);
	int64_t (*monotonic_ms)(struct loop *loop);
	void (*timers_changed)(struct loop *loop); /* the first timer may be another one now */
	void (*wake)(struct loop *loop);	   /* something was posted; any thread */
	int (*work)(struct loop *loop, const char *lane, loop_fn fn, loop_fn done, void *data);
	struct loop_io *(*io_new)(struct loop *loop, int fd, uint32_t events, loop_io_fn fn, void *data);
	struct loop_child *(*child_new)(struct loop *loop, pid_t pid, loop_child_fn fn, void *data);
	struct loop_signal *(*signal_new)(struct loop *loop, int signal, loop_fn fn, void *data);
};

/* Timers: a heap by time and then by order of creation, so that equal times fire in the order they were made. */
struct timers {
	struct loop_timer **heap;
	size_t count, alloc;
	uint64_t next_order;
};
void timers_done(struct timers *timers);
/* The time of the first one on the monotonic clock, or INT64_MAX. */
int64_t timers_next_ms(const struct timers *timers);
/* Fires those due at now_ms that existed when it was called, at least one of them, until the turn is over. Returns how many. */
unsigned timers_fire(struct timers *timers, int64_t now_ms);

/* Calls posted from any thread. */
#define LOOP_POST_MAX (1 << 20)
struct posts {
	pthread_mutex_t lock;
	struct list calls; /* struct posted */
	unsigned count;
};
void posts_init(struct posts *posts);
void posts_done(struct posts *posts);
/* Runs those that were there when it was called, at least one of them, until the turn is over. Returns how many. */
unsigned posts_run(struct posts *posts);

struct loop {
	const struct loop_ops *ops;
	pthread_t thread;
	struct timers timers;
	struct posts posts;
};
/* For the engines' constructors. */
void loop_init(struct loop *loop, const struct loop_ops *ops);

/* ---- work ---- */

/* Work that waits, in the order in which it may run. It has no lock of its own. */
struct work_item {
	struct list link; /* in ready, or in its lane */
	struct work_lane *lane;
	loop_fn fn, done;
	void *data;
};
struct work_order {
	struct list ready; /* items that may run now */
	struct list lanes; /* lanes that have an item that is ready, runs or waits */
	unsigned ready_count, waiting;
};
void work_order_init(struct work_order *order);
void work_order_done(struct work_order *order);
/* Queues it, or says -EBUSY if LOOP_WORK_MAX wait. */
int work_order_add(struct work_order *order, const char *lane, loop_fn fn, loop_fn done, void *data);
/* Takes the index-th that may run; NULL if there are fewer. Its lane is held until work_order_release(). */
struct work_item *work_order_take(struct work_order *order, unsigned index);
void work_order_release(struct work_order *order, struct work_item *item);

/* The threads of the real loop. */
struct work_pool;
struct work_pool *work_pool_new(struct loop *loop, unsigned workers);
struct work_pool *work_pool_free(struct work_pool *pool); /* NULL is fine; returns NULL; waits for what runs */
int work_pool_add(struct work_pool *pool, const char *lane, loop_fn fn, loop_fn done, void *data);

#endif
