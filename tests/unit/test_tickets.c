/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tickets for consoles: once, for a while, and for what they were asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/tickets.h"
#include "loop/loop.h"

#define START_MS INT64_C(1800000000000)

struct world {
	struct loop *loop;
	struct tickets *tickets;
};

static int setup(void **state)
{
	struct world *w = new0(struct world, 1);

	w->loop = loop_new_fake(START_MS);
	w->tickets = tickets_new(w->loop);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	tickets_free(w->tickets);
	loop_free(w->loop);
	free(w);
	return 0;
}

static char *issue(struct world *w, const char *owner, const char *vm, enum console_kind kind)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct ticket what = { .owner = xstrdup(owner), .vm = xstrdup(vm), .kind = kind };
	int64_t expires_ms = 0;
	char *text = NULL;

	assert_int_equal(ticket_issue(w->tickets, &what, &text, &expires_ms, &err), 0);
	assert_null(what.owner);
	assert_int_equal(expires_ms, loop_now_ms(w->loop) + TICKET_LIFE_MS);
	return text;
}

static bool takes(struct world *w, const char *text, const char *vm)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct ticket ticket = { 0 };
	int r = ticket_take(w->tickets, text, &ticket, &err);
	bool right = r == 0 && str_equal(ticket.vm, vm);

	if (r < 0) {
		assert_int_equal(err.code, ERR_NOT_FOUND);
		assert_non_null(strstr(err.text, "ask for another"));
	}
	ticket_done(&ticket);
	return right;
}

static void pass(struct world *w, int64_t ms)
{
	loop_fake_set_ms(w->loop, loop_now_ms(w->loop) + ms);
	while (loop_fake_run_due(w->loop))
		;
}

static void test_once(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *first = issue(w, "token:1", "web", CONSOLE_SERIAL);
	_cleanup_free_ char *second = issue(w, "token:1", "db", CONSOLE_VNC);

	assert_string_not_equal(first, second);
	assert_true(strlen(first) >= strlen("ticket_") + 43); /* 256 bits */
	assert_true(takes(w, second, "db"));
	assert_false(takes(w, second, "db"));
	assert_true(takes(w, first, "web"));
	assert_false(takes(w, first, "web"));
}

static void test_what_it_is_for(void **state)
{
	struct world *w = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *text = issue(w, "session:7", "web", CONSOLE_VNC);
	struct ticket ticket = { 0 };

	assert_int_equal(ticket_take(w->tickets, text, &ticket, &err), 0);
	assert_string_equal(ticket.owner, "session:7");
	assert_int_equal(ticket.kind, CONSOLE_VNC);
	assert_null(ticket.machine);
	ticket_done(&ticket);
}

static void test_expires(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *early = issue(w, "a", "web", CONSOLE_SERIAL), *late = NULL;

	pass(w, TICKET_LIFE_MS - 1);
	late = issue(w, "a", "db", CONSOLE_SERIAL);
	assert_true(takes(w, early, "web"));
	pass(w, TICKET_LIFE_MS - 1);
	assert_true(takes(w, late, "db"));

	_cleanup_free_ char *missed = issue(w, "a", "web", CONSOLE_SERIAL);

	pass(w, TICKET_LIFE_MS);
	assert_false(takes(w, missed, "web"));
	assert_int_equal(loop_fake_next_ms(w->loop), INT64_MAX); /* nothing of it is left */
}

static void test_nonsense(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *text = issue(w, "a", "web", CONSOLE_SERIAL), *shorter = xstrndup(text, strlen(text) - 1);
	_cleanup_free_ char *longer = xasprintf("%sx", text);

	assert_false(takes(w, "", "web"));
	assert_false(takes(w, NULL, "web"));
	assert_false(takes(w, shorter, "web"));
	assert_false(takes(w, longer, "web"));
	assert_true(takes(w, text, "web"));
}

static void test_cap(void **state)
{
	struct world *w = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	struct ticket one_more = { .owner = xstrdup("a"), .vm = xstrdup("web") };
	int64_t expires_ms;
	char *text = NULL;

	for (unsigned i = 0; i < TICKETS_MAX; i++)
		free(issue(w, "a", "web", CONSOLE_SERIAL));
	assert_true(ticket_issue(w->tickets, &one_more, &text, &expires_ms, &err) < 0);
	assert_int_equal(err.code, ERR_BUSY);
	assert_null(text);
	ticket_done(&one_more);
	pass(w, TICKET_LIFE_MS);
	free(issue(w, "a", "web", CONSOLE_SERIAL));
}

int main(void)
{
#define TICKET_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TICKET_TEST(test_once),	   TICKET_TEST(test_what_it_is_for),
		TICKET_TEST(test_expires), TICKET_TEST(test_nonsense),
		TICKET_TEST(test_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
