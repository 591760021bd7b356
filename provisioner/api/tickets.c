/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/tickets.h"

#include "crypto/crypto.h"

struct entry {
	struct list link;
	struct tickets *all;
	struct ticket ticket;
	char *hash; /* a look into this memory opens nothing */
	struct loop_timer *end;
};

struct tickets {
	struct loop *loop;
	struct list entries;
	unsigned count;
};

void ticket_done(struct ticket *ticket)
{
	free(ticket->owner);
	free(ticket->vm);
	free(ticket->machine);
	*ticket = (struct ticket){ 0 };
}

static void entry_free(struct entry *entry)
{
	entry->all->count--;
	list_remove(&entry->link);
	loop_timer_free(entry->end);
	ticket_done(&entry->ticket);
	free(entry->hash);
	free(entry);
}

static void on_end(void *data)
{
	struct entry *entry = data;

	entry->end = NULL;
	entry_free(entry);
}

struct tickets *tickets_new(struct loop *loop)
{
	struct tickets *tickets = new0(struct tickets, 1);

	tickets->loop = loop;
	list_init(&tickets->entries);
	return tickets;
}

struct tickets *tickets_free(struct tickets *tickets)
{
	struct entry *entry;

	if (!tickets)
		return NULL;
	LIST_FOREACH(entry, &tickets->entries, link)
		entry_free(entry);
	free(tickets);
	return NULL;
}

int ticket_issue(struct tickets *tickets, struct ticket *what, char **ret_text, int64_t *ret_expires_ms,
		 struct err *err)
{
	struct entry *entry;
	char *text;

	if (tickets->count >= TICKETS_MAX)
		return err_set(err, ERR_BUSY, "%d tickets wait to be used; try again in half a minute", TICKETS_MAX);
	text = token_new("ticket");
	entry = new0(struct entry, 1);
	entry->all = tickets;
	entry->ticket = *what;
	*what = (struct ticket){ 0 };
	entry->hash = sha256_hex(text, strlen(text));
	entry->end = loop_timer_new(tickets->loop, TICKET_LIFE_MS, on_end, entry);
	list_append(&tickets->entries, &entry->link);
	tickets->count++;
	*ret_text = text;
	*ret_expires_ms = loop_now_ms(tickets->loop) + TICKET_LIFE_MS;
	return 0;
}

int ticket_take(struct tickets *tickets, const char *text, struct ticket *ret, struct err *err)
{
	_cleanup_free_ char *hash = text ? sha256_hex(text, strlen(text)) : NULL;
	struct entry *entry;

	LIST_FOREACH(entry, &tickets->entries, link) {
		if (!hash || !str_equal(entry->hash, hash))
			continue;
		*ret = entry->ticket;
		entry->ticket = (struct ticket){ 0 };
		entry_free(entry);
		return 0;
	}
	return err_set(err, ERR_NOT_FOUND,
		       "the ticket is not valid (any more): it opens one console, once, within %d "
		       "seconds; ask for another",
		       TICKET_LIFE_MS / 1000);
}
