/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine of the simulation: nothing happens by itself, and everything in an order that the caller determines. */
#include <stdio.h>

#include "loop/loop_priv.h"

struct loop_fake {
	struct loop loop;
	int64_t now_ms;
	struct work_order work;
};

static struct loop_fake *fake(struct loop *loop);

static void fake_done(struct loop *loop)
{
	work_order_done(&fake(loop)->work);
}

static int64_t fake_now_ms(struct loop *loop)
{
	return fake(loop)->now_ms;
}

static int fake_work(struct loop *loop, const char *lane, loop_fn fn, loop_fn done, void *data)
{
	return work_order_add(&fake(loop)->work, lane, fn, done, data);
}

static const struct loop_ops fake_ops = {
	.name = "fake",
	.done = fake_done,
	.now_ms = fake_now_ms,
	.monotonic_ms = fake_now_ms,
	.work = fake_work,
};

static struct loop_fake *fake(struct loop *loop)
{
	if (loop->ops != &fake_ops) {
		fprintf(stderr, "loop (%s): this is for the fake loop\n", loop->ops->name);
		abort();
	}
	return CONTAINER_OF(loop, struct loop_fake, loop);
}

struct loop *loop_new_fake(int64_t start_ms)
{
	struct loop_fake *f = new0(struct loop_fake, 1);
	loop_init(&f->loop, &fake_ops);
	f->now_ms = start_ms;
	work_order_init(&f->work);
	return &f->loop;
}

unsigned loop_fake_run_due(struct loop *loop)
{
	struct loop_fake *f = fake(loop);
	unsigned ran = posts_run(&loop->posts);
	return ran + timers_fire(&loop->timers, f->now_ms);
}

int64_t loop_fake_next_ms(struct loop *loop)
{
	return timers_next_ms(&fake(loop)->loop.timers);
}

void loop_fake_set_ms(struct loop *loop, int64_t ms)
{
	struct loop_fake *f = fake(loop);
	f->now_ms = MAX_OF(f->now_ms, ms);
}

unsigned loop_fake_work_count(struct loop *loop)
{
	return fake(loop)->work.ready_count;
}

bool loop_fake_work_run(struct loop *loop, unsigned index)
{
	struct loop_fake *f = fake(loop);
	struct work_item *item = work_order_take(&f->work, index);
	if (!item)
		return false;
	item->fn(item->data);
	/* As in the real loop: the lane is free once fn has ended, before done runs. */
	loop_fn done = item->done;
	void *data = item->data;
	work_order_release(&f->work, item);
	if (done)
		done(data);
	return true;
}
