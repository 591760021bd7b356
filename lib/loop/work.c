/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Work in lanes: of each lane one item is ready or runs, the others wait behind it in the lane. */
#include <errno.h>

#include "loop/loop_priv.h"

struct work_lane {
	struct list link;
	char *name;
	struct list waiting; /* struct work_item */
};

void work_order_init(struct work_order *order)
{
	*order = (struct work_order){ 0 };
	list_init(&order->ready);
	list_init(&order->lanes);
}

static void items_free(struct list *items)
{
	struct work_item *item;
	LIST_FOREACH(item, items, link)
		free(item);
}

static void lane_free(struct work_lane *lane)
{
	items_free(&lane->waiting);
	list_remove(&lane->link);
	free(lane->name);
	free(lane);
}

void work_order_done(struct work_order *order)
{
	struct work_lane *lane;
	items_free(&order->ready);
	LIST_FOREACH(lane, &order->lanes, link)
		lane_free(lane);
}

static struct work_lane *lane_find(struct work_order *order, const char *name)
{
	struct work_lane *lane;
	LIST_FOREACH(lane, &order->lanes, link)
		if (str_equal(lane->name, name))
			return lane;
	return NULL;
}

static void make_ready(struct work_order *order, struct work_item *item)
{
	list_append(&order->ready, &item->link);
	order->ready_count++;
}

int work_order_add(struct work_order *order, const char *lane_name, loop_fn fn, loop_fn done, void *data)
{
	if (order->waiting >= LOOP_WORK_MAX)
		return -EBUSY;
	struct work_item *item = new0(struct work_item, 1);
	item->fn = fn;
	item->done = done;
	item->data = data;
	order->waiting++;
	struct work_lane *lane = lane_name ? lane_find(order, lane_name) : NULL;
	if (lane) {
		/* The lane is there because something of it is ready or runs. */
		item->lane = lane;
		list_append(&lane->waiting, &item->link);
		return 0;
	}
	if (lane_name) {
		item->lane = lane = new0(struct work_lane, 1);
		lane->name = xstrdup(lane_name);
		list_init(&lane->waiting);
		list_append(&order->lanes, &lane->link);
	}
	make_ready(order, item);
	return 0;
}

struct work_item *work_order_take(struct work_order *order, unsigned index)
{
	struct work_item *item;
	LIST_FOREACH(item, &order->ready, link) {
		if (index-- > 0)
			continue;
		list_remove(&item->link);
		order->ready_count--;
		order->waiting--;
		return item;
	}
	return NULL;
}

void work_order_release(struct work_order *order, struct work_item *item)
{
	struct work_lane *lane = item->lane;
	free(item);
	if (!lane)
		return;
	if (list_empty(&lane->waiting)) {
		lane_free(lane);
		return;
	}
	struct work_item *next = CONTAINER_OF(lane->waiting.next, struct work_item, link);
	list_remove(&next->link);
	make_ready(order, next);
}
