/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A doubly linked list whose links live in the elements. */
#ifndef INGOT_BASE_LIST_H
#define INGOT_BASE_LIST_H

#include <stdbool.h>

#include "base/util.h"

struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}
static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}
static inline void list_append(struct list *head, struct list *item)
{
	item->prev = head->prev;
	item->next = head;
	head->prev->next = item;
	head->prev = item;
}
static inline void list_remove(struct list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	list_init(item);
}
/* Of a list that is not empty. */
static inline struct list *list_take_first(struct list *head)
{
	struct list *item = head->next;

	head->next = item->next;
	item->next->prev = head;
	list_init(item);
	return item;
}

/* The body may remove (and free) the current element, but not the one after it. */
#define LIST_FOREACH(var, head, member)                                                                                \
	for (struct list *next_##var = (var = CONTAINER_OF((head)->next, __typeof__(*var), member), var->member.next); \
	     &var->member != (head);                                                                                   \
	     var = CONTAINER_OF(next_##var, __typeof__(*var), member), next_##var = next_##var->next)

#endif
