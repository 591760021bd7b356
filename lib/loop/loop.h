/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The event loop: one thread owns all mutable state of a program. A facade over sd-event, with a second engine for the
 * simulation whose clock stands still until it is moved and whose work runs when the caller says so.
 *
 * Everything here is called from the loop's thread, but for loop_post(). Callbacks run on the loop's thread. */
#ifndef INGOT_LOOP_LOOP_H
#define INGOT_LOOP_LOOP_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct loop;
struct loop_timer;
struct loop_io;
struct loop_child;
struct loop_signal;

/* The real loop. Aborts when the kernel gives no epoll. workers: threads of the work queue, started when first used. */
struct loop *loop_new(unsigned workers);
/* A loop whose clock starts at start_ms and moves by loop_fake_set_ms(); no files, children or signals. */
struct loop *loop_new_fake(int64_t start_ms);
/* Waits for the item that each worker has in hand. What was posted, what work waits and the done of what work ended
 * last are dropped without a call: their data stays the owner's. Handles that are left are freed. NULL is fine; returns
 * NULL. */
struct loop *loop_free(struct loop *loop);
DEFINE_CLEANUP(struct loop *, loop_free)

/* Runs until loop_quit(). Returns the code given there. May be run again. The thread that runs it is the loop's from
 * then on; until then it is the one that made it. Real loop only. */
int loop_run(struct loop *loop);
/* The event being handled is the last one. */
void loop_quit(struct loop *loop, int code);

/* Wall clock in milliseconds since 1970, as the loop sees it: what is stored and shown. */
int64_t loop_now_ms(struct loop *loop);
/* A clock that only moves forward, for measuring. */
int64_t loop_monotonic_ms(struct loop *loop);

/* What has much to do does it in turns: whoever walks over thousands of things in one callback looks after each whether its
 * turn, which began at began_ms of the monotonic clock, is over, and goes on in another callback (a timer of 0 ms). Others
 * come in between, so that an answer does not wait for the whole. The clock of the fake loop stands still: there a turn is
 * never over. */
#define LOOP_TURN_MS 5
bool loop_turn_is_over(struct loop *loop, int64_t began_ms);

typedef void (*loop_fn)(void *data);

/* Calls fn once after delay_ms (0: in the next round). The handle is valid until its call is over or it was freed;
 * freeing it within its call does no harm. Timers are monotonic: setting the clock does not fire them. Those due at the
 * same millisecond fire in the order they were made. */
struct loop_timer *loop_timer_new(struct loop *loop, int64_t delay_ms, loop_fn fn, void *data);
struct loop_timer *loop_timer_free(struct loop_timer *timer); /* NULL is fine; returns NULL */

/* events: EPOLLIN, EPOLLOUT. The descriptor stays the caller's, who frees the handle before closing it. It may be freed
 * within its call. Aborts for what cannot be waited for (a regular file, a descriptor that has a handle). Real loop
 * only. */
typedef void (*loop_io_fn)(int fd, uint32_t events, void *data);
struct loop_io *loop_io_new(struct loop *loop, int fd, uint32_t events, loop_io_fn fn, void *data);
void loop_io_set_events(struct loop_io *io, uint32_t events);
struct loop_io *loop_io_free(struct loop_io *io); /* NULL is fine; returns NULL */

/* Reaps the child when it has ended and calls fn once. status as of waitpid(). The handle is valid until its call is
 * over or it was freed; a freed one leaves the child to be reaped by the caller. pid is a child that nobody has reaped.
 * By pidfd: SIGCHLD need not be blocked. Real loop only. */
typedef void (*loop_child_fn)(pid_t pid, int status, void *data);
struct loop_child *loop_child_new(struct loop *loop, pid_t pid, loop_child_fn fn, void *data);
struct loop_child *loop_child_free(struct loop_child *child); /* NULL is fine; returns NULL */

/* Blocks the signal and takes it on the loop, before anything else that waits there. Call before any thread is started. Real loop only. */
struct loop_signal *loop_signal_new(struct loop *loop, int signal, loop_fn fn, void *data);
struct loop_signal *loop_signal_free(struct loop_signal *sig); /* NULL is fine; returns NULL; it stays blocked */

/* Runs fn on a worker, then done on the loop. lane: items of one lane run one after another in the order given (one
 * operation in flight per BMC); NULL means no order. At most LOOP_WORK_MAX items wait: then -EBUSY and nothing was
 * queued. done may be NULL. Workers block every signal. The lane is free once fn has ended; the dones of a lane come in
 * its order. What fn may touch is what data points to, and nothing else. */
#define LOOP_WORK_MAX 1024
int loop_work(struct loop *loop, const char *lane, loop_fn fn, loop_fn done, void *data);

/* From any thread: calls fn on the loop soon, in the order posted. In the fake loop as well. More than a million that
 * nobody takes abort. */
void loop_post(struct loop *loop, loop_fn fn, void *data);

/* Asserts that the caller is the loop's thread. */
void loop_assert_thread(struct loop *loop);

/* ---- the fake loop ---- */

/* Fires what is due now: posted calls, then timers in order of time. Returns how many ran. */
unsigned loop_fake_run_due(struct loop *loop);
/* The time of the next timer, or INT64_MAX. Posted calls have no time: run what is due until nothing ran. */
int64_t loop_fake_next_ms(struct loop *loop);
/* Moves the clock to a time (never back); fires nothing. */
void loop_fake_set_ms(struct loop *loop, int64_t ms);
/* How many work items may run now: the first of every lane, and those without one, in the order given. */
unsigned loop_fake_work_count(struct loop *loop);
/* Runs one of them, chosen by index, with its done. False if there is none. */
bool loop_fake_work_run(struct loop *loop, unsigned index);

#endif
