/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real engine, over sd-event(3). */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "loop/loop_priv.h"

/* One kernel wake-up may serve timers that lie this near to each other. */
#define TIMER_ACCURACY_US 1000

struct loop_event {
	struct loop loop;
	sd_event *event;
	sd_event_source *timer; /* armed for the first of loop.timers */
	int64_t armed_ms;	/* what for; INT64_MAX: off */
	bool firing;
	bool quit;
	int quit_code;
	sd_event_source *wakeup;
	int wakeup_fd;
	struct work_pool *pool;
	struct list handles; /* struct handle: what is left when the loop ends */
};

/* What a file, a child and a signal have in common. */
struct handle {
	struct list link;
	void (*destroy)(struct handle *handle);
	struct loop *loop;
	sd_event_source *source;
	void *data;
};

static struct loop_event *real(struct loop *loop)
{
	return CONTAINER_OF(loop, struct loop_event, loop);
}

/* Without memory or descriptors, or with a descriptor that is none, there is no going on. */
static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "loop: %s: %s\n", what, strerrordesc_np(-r));
	abort();
}

static void handle_init(struct handle *handle, struct loop *loop, void (*destroy)(struct handle *handle), void *data)
{
	handle->loop = loop;
	handle->destroy = destroy;
	handle->data = data;
	list_append(&real(loop)->handles, &handle->link);
}

static void handle_free(struct handle *handle)
{
	loop_assert_thread(handle->loop);
	sd_event_source_disable_unref(handle->source);
	list_remove(&handle->link);
	handle->destroy(handle);
}

/* ---- timers ---- */

static void event_timers_changed(struct loop *loop)
{
	struct loop_event *l = real(loop);
	int64_t next_ms = timers_next_ms(&loop->timers);
	if (l->firing || next_ms == l->armed_ms)
		return;
	l->armed_ms = next_ms;
	if (next_ms == INT64_MAX) {
		check(sd_event_source_set_enabled(l->timer, SD_EVENT_OFF), "timer");
		return;
	}
	check(sd_event_source_set_time(l->timer, (uint64_t)MIN_OF(next_ms, INT64_MAX / 1000) * 1000), "timer");
	check(sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT), "timer");
}

static int on_timer(sd_event_source *source, uint64_t usec, void *data)
{
	struct loop_event *l = data;
	l->armed_ms = INT64_MAX;
	l->firing = true;
	timers_fire(&l->loop.timers, monotonic_ms());
	l->firing = false;
	event_timers_changed(&l->loop);
	return 0;
}

/* ---- posted calls ---- */

static void event_wake(struct loop *loop)
{
	uint64_t one = 1;
	ssize_t n = write(real(loop)->wakeup_fd, &one, sizeof(one));
	(void)n; /* EAGAIN: it is awake enough */
}

static int on_wakeup(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct loop_event *l = data;
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));
	(void)n; /* EAGAIN: somebody's wake-up was taken together with another's */
	posts_run(&l->loop.posts);
	pthread_mutex_lock(&l->loop.posts.lock);
	bool more = l->loop.posts.count > 0;
	pthread_mutex_unlock(&l->loop.posts.lock);
	if (more)
		event_wake(&l->loop);
	return 0;
}

/* ---- files ---- */

struct loop_io {
	struct handle handle;
	loop_io_fn fn;
};

static int on_io(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct loop_io *io = data;
	io->fn(fd, events, io->handle.data); /* may free it */
	return 0;
}

static void io_destroy(struct handle *handle)
{
	free(CONTAINER_OF(handle, struct loop_io, handle));
}

static struct loop_io *event_io_new(struct loop *loop, int fd, uint32_t events, loop_io_fn fn, void *data)
{
	struct loop_io *io = new0(struct loop_io, 1);
	handle_init(&io->handle, loop, io_destroy, data);
	io->fn = fn;
	check(sd_event_add_io(real(loop)->event, &io->handle.source, fd, events, on_io, io), "file");
	return io;
}

void loop_io_set_events(struct loop_io *io, uint32_t events)
{
	loop_assert_thread(io->handle.loop);
	check(sd_event_source_set_io_events(io->handle.source, events), "file");
}

struct loop_io *loop_io_free(struct loop_io *io)
{
	if (io)
		handle_free(&io->handle);
	return NULL;
}

/* ---- children: by pidfd, which needs no SIGCHLD and so no rule about who blocks it ---- */

struct loop_child {
	struct handle handle;
	loop_child_fn fn;
	pid_t pid;
	int pidfd;
};

static int on_child(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct loop_child *child = data;
	pid_t pid = child->pid;
	loop_child_fn fn = child->fn;
	void *fn_data = child->handle.data;
	int status = 0;
	pid_t r = waitpid(pid, &status, WNOHANG);
	if (r == 0)
		return 0;
	if (r < 0)
		status = W_EXITCODE(255, 0); /* reaped by somebody else: it is gone, how is not known */
	/* It fires once: like a timer's, the handle is gone when its call is over. It lives until then, so that freeing
	 * it in the call does no harm. */
	child->pid = 0;
	sd_event_source_set_enabled(child->handle.source, SD_EVENT_OFF);
	fn(pid, status, fn_data);
	handle_free(&child->handle);
	return 0;
}

static void child_destroy(struct handle *handle)
{
	struct loop_child *child = CONTAINER_OF(handle, struct loop_child, handle);
	close_fd(child->pidfd);
	free(child);
}

static struct loop_child *event_child_new(struct loop *loop, pid_t pid, loop_child_fn fn, void *data)
{
	struct loop_child *child = new0(struct loop_child, 1);
	handle_init(&child->handle, loop, child_destroy, data);
	child->fn = fn;
	child->pid = pid;
	child->pidfd = pidfd_open(pid, 0); /* close-on-exec by itself */
	check(child->pidfd < 0 ? -errno : 0, "child");
	check(sd_event_add_io(real(loop)->event, &child->handle.source, child->pidfd, EPOLLIN, on_child, child),
	      "child");
	return child;
}

struct loop_child *loop_child_free(struct loop_child *child)
{
	/* In its own call it is already on its way out. */
	if (child && child->pid != 0)
		handle_free(&child->handle);
	return NULL;
}

/* ---- signals ---- */

struct loop_signal {
	struct handle handle;
	loop_fn fn;
};

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	struct loop_signal *sig = data;
	sig->fn(sig->handle.data); /* may free it */
	return 0;
}

static void signal_destroy(struct handle *handle)
{
	free(CONTAINER_OF(handle, struct loop_signal, handle));
}

static struct loop_signal *event_signal_new(struct loop *loop, int signal, loop_fn fn, void *data)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, signal);
	check(-pthread_sigmask(SIG_BLOCK, &set, NULL), "signal");
	struct loop_signal *sig = new0(struct loop_signal, 1);
	handle_init(&sig->handle, loop, signal_destroy, data);
	sig->fn = fn;
	check(sd_event_add_signal(real(loop)->event, &sig->handle.source, signal, on_signal, sig), "signal");
	/* However much there is to do: who wants the program to end is heard next. */
	check(sd_event_source_set_priority(sig->handle.source, SD_EVENT_PRIORITY_IMPORTANT), "signal");
	return sig;
}

struct loop_signal *loop_signal_free(struct loop_signal *sig)
{
	if (sig)
		handle_free(&sig->handle);
	return NULL;
}

/* ---- the loop ---- */

static void event_done(struct loop *loop)
{
	struct loop_event *l = real(loop);
	l->pool = work_pool_free(l->pool); /* they wake us until they are gone */
	struct handle *handle;
	LIST_FOREACH(handle, &l->handles, link)
		handle_free(handle);
	sd_event_source_disable_unref(l->timer);
	sd_event_source_disable_unref(l->wakeup);
	close_fd(l->wakeup_fd);
	sd_event_unref(l->event);
}

static int event_run(struct loop *loop)
{
	struct loop_event *l = real(loop);
	/* Not sd_event_loop(): that one runs once in the life of an sd_event. */
	for (l->quit = false; !l->quit;)
		check(sd_event_run(l->event, UINT64_MAX), "run");
	return l->quit_code;
}

static void event_quit(struct loop *loop, int code)
{
	real(loop)->quit = true;
	real(loop)->quit_code = code;
}

static int64_t event_now_ms(struct loop *loop)
{
	return wall_ms();
}

static int64_t event_monotonic_ms(struct loop *loop)
{
	return monotonic_ms();
}

static int event_work(struct loop *loop, const char *lane, loop_fn fn, loop_fn done, void *data)
{
	return work_pool_add(real(loop)->pool, lane, fn, done, data);
}

static const struct loop_ops event_ops = {
	.name = "sd-event",
	.done = event_done,
	.run = event_run,
	.quit = event_quit,
	.now_ms = event_now_ms,
	.monotonic_ms = event_monotonic_ms,
	.timers_changed = event_timers_changed,
	.wake = event_wake,
	.work = event_work,
	.io_new = event_io_new,
	.child_new = event_child_new,
	.signal_new = event_signal_new,
};

struct loop *loop_new(unsigned workers)
{
	struct loop_event *l = new0(struct loop_event, 1);
	loop_init(&l->loop, &event_ops);
	list_init(&l->handles);
	l->armed_ms = INT64_MAX;
	l->pool = work_pool_new(&l->loop, workers);
	check(sd_event_new(&l->event), "new");
	check(sd_event_add_time(l->event, &l->timer, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_US, on_timer, l), "timer");
	check(sd_event_source_set_enabled(l->timer, SD_EVENT_OFF), "timer");
	l->wakeup_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	check(l->wakeup_fd < 0 ? -errno : 0, "eventfd");
	check(sd_event_add_io(l->event, &l->wakeup, l->wakeup_fd, EPOLLIN, on_wakeup, l), "eventfd");
	return &l->loop;
}
