/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine of the state tables: how a row is chosen, and what is found wrong with a wrong table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fsm/fsm.h"

enum { IDLE, BUSY, DONE, STATES };
enum { GO, FAILURE, TIMEOUT, CANCEL, EVENTS };

static bool lucky(const void *snapshot)
{
	return *(const bool *)snapshot;
}

static bool unlucky(const void *snapshot)
{
	return !lucky(snapshot);
}

/* A table that is right; each test spoils its own copy. */
struct table {
	struct fsm fsm;
	struct fsm_state states[STATES];
	const char *events[EVENTS];
	struct fsm_row rows[8];
};

static void table_init(struct table *t)
{
	static const struct fsm_state states[STATES] = {
		FSM_STATE(IDLE, "IDLE", 0, 0, 0, .restful = true),
		FSM_STATE(BUSY, "BUSY", 1, 1000, 2, .effects = { "work" }),
		FSM_STATE(DONE, "DONE", 2, 0, 0, .restful = true),
	};
	static const struct fsm_row rows[] = {
		FSM_ROW(IDLE, GO, lucky, DONE),	    FSM_ROW(IDLE, GO, NULL, BUSY),
		FSM_ROW(BUSY, GO, lucky, DONE),	    FSM_ROW(BUSY, FAILURE, NULL, IDLE),
		FSM_ROW(BUSY, TIMEOUT, NULL, IDLE), FSM_ROW(BUSY, CANCEL, NULL, FSM_SAME),
		FSM_ROW(DONE, CANCEL, NULL, IDLE),
	};
	static const char *const events[EVENTS] = { "GO", "FAILURE", "TIMEOUT", "CANCEL" };
	memcpy(t->states, states, sizeof(states));
	memcpy(t->events, events, sizeof(events));
	memcpy(t->rows, rows, sizeof(rows));
	t->fsm = (struct fsm){ .name = "lamp",
			       .states = t->states,
			       .state_count = STATES,
			       .events = t->events,
			       .event_count = EVENTS,
			       .timeout_event = TIMEOUT,
			       .failure_event = FAILURE,
			       .cancel_event = CANCEL,
			       .rows = t->rows,
			       .row_count = ARRAY_SIZE(rows),
			       .first_state = IDLE };
}

/* ---- steps ---- */

static void the_first_row_that_fits_decides(void **state)
{
	struct table t;
	bool luck = true;
	table_init(&t);
	struct fsm_result r = fsm_step(&t.fsm, IDLE, GO, 0, &luck);
	assert_ptr_equal(r.row, &t.rows[0]);
	assert_int_equal(r.next, DONE);
	assert_true(r.entered);
	luck = false;
	r = fsm_step(&t.fsm, IDLE, GO, 0, &luck);
	assert_ptr_equal(r.row, &t.rows[1]);
	assert_int_equal(r.next, BUSY);
}

static void an_event_without_a_row_means_nothing(void **state)
{
	struct table t;
	bool luck = false;
	table_init(&t);
	struct fsm_result r = fsm_step(&t.fsm, IDLE, FAILURE, 0, &luck);
	assert_null(r.row);
	assert_int_equal(r.next, IDLE);
	assert_false(r.entered || r.retried);
	r = fsm_step(&t.fsm, BUSY, GO, 0, &luck); /* nor does one whose guards all refuse */
	assert_null(r.row);
	assert_int_equal(r.next, BUSY);
}

static void same_stays_without_entering(void **state)
{
	struct table t;
	table_init(&t);
	struct fsm_result r = fsm_step(&t.fsm, BUSY, CANCEL, 0, NULL);
	assert_non_null(r.row);
	assert_int_equal(r.next, BUSY);
	assert_false(r.entered);
	t.rows[5].next = BUSY; /* which is not the same as entering it again */
	r = fsm_step(&t.fsm, BUSY, CANCEL, 0, NULL);
	assert_true(r.entered);
	assert_false(r.retried);
}

static void a_timeout_enters_again_until_the_retries_are_used_up(void **state)
{
	struct table t;
	table_init(&t);
	for (unsigned done = 0; done < 2; done++) {
		struct fsm_result r = fsm_step(&t.fsm, BUSY, TIMEOUT, done, NULL);
		assert_null(r.row);
		assert_int_equal(r.next, BUSY);
		assert_true(r.entered && r.retried);
	}
	struct fsm_result r = fsm_step(&t.fsm, BUSY, TIMEOUT, 2, NULL);
	assert_int_equal(r.next, IDLE);
	assert_false(r.retried);
	r = fsm_step(&t.fsm, BUSY, FAILURE, 0, NULL); /* only timeouts are retried */
	assert_int_equal(r.next, IDLE);
}

static void states_are_found_by_name(void **state)
{
	struct table t;
	table_init(&t);
	assert_int_equal(fsm_state_find(&t.fsm, "DONE"), DONE);
	assert_int_equal(fsm_state_find(&t.fsm, "done"), -1);
	assert_int_equal(fsm_state_find(&t.fsm, ""), -1);
}

/* ---- tables ---- */

static void assert_right(const struct table *t)
{
	_cleanup_err_ struct err err = ERR_INIT;
	if (fsm_check(&t->fsm, &err) < 0)
		fail_msg("%s", err.text);
}

static void assert_wrong(const struct table *t, const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	assert_true(fsm_check(&t->fsm, &err) < 0);
	assert_int_equal(err.code, ERR_INTERNAL);
	assert_string_equal(err.text, text);
	assert_true(fsm_check(&t->fsm, NULL) < 0);
}

static void a_right_table_passes(void **state)
{
	struct table t;
	table_init(&t);
	assert_right(&t);
	t.rows[0].guard = unlucky; /* two guards, neither is always true */
	t.rows[1].guard = lucky;
	assert_right(&t);
}

static void a_state_that_cannot_be_reached_is_found(void **state)
{
	struct table t;
	table_init(&t);
	t.rows[0].next = t.rows[2].next = FSM_SAME;
	assert_wrong(&t, "lamp: state DONE cannot be reached");
	table_init(&t);
	t.fsm.first_state = DONE; /* through DONE's own row everything is reached again */
	assert_right(&t);
	t.fsm.row_count--;
	assert_wrong(&t, "lamp: state IDLE cannot be reached");
}

static void a_state_at_work_needs_its_rows_and_a_deadline(void **state)
{
	static const struct {
		size_t row;
		const char *text;
	} missing[] = {
		{ 3, "lamp: state BUSY has no row for FAILURE" },
		{ 4, "lamp: state BUSY has no row for TIMEOUT" },
		{ 5, "lamp: state BUSY has no row for CANCEL" },
	};
	struct table t;
	for (size_t i = 0; i < ARRAY_SIZE(missing); i++) {
		table_init(&t);
		t.rows[missing[i].row] = t.rows[--t.fsm.row_count];
		assert_wrong(&t, missing[i].text);
		table_init(&t);
		t.rows[missing[i].row].guard = lucky; /* a row that may not fit is none */
		assert_wrong(&t, missing[i].text);
	}
	table_init(&t);
	t.states[BUSY].deadline_ms = 0;
	assert_wrong(&t, "lamp: state BUSY has no deadline");
}

static void a_restful_state_has_no_deadline(void **state)
{
	struct table t;
	table_init(&t);
	t.states[DONE].deadline_ms = 1;
	assert_wrong(&t, "lamp: state DONE is restful and has a deadline");
}

static void a_row_behind_one_that_always_fits_is_found(void **state)
{
	struct table t;
	table_init(&t);
	t.rows[7] = (struct fsm_row)FSM_ROW(IDLE, GO, unlucky, DONE);
	t.fsm.row_count++;
	assert_wrong(&t, "lamp: row 7 (IDLE, GO) is never reached");
	table_init(&t);
	t.rows[7] = (struct fsm_row)FSM_ROW(BUSY, GO, lucky, IDLE); /* the same guard twice */
	t.fsm.row_count++;
	assert_wrong(&t, "lamp: row 7 (BUSY, GO) is never reached");
	t.rows[7].guard = unlucky;
	assert_right(&t);
}

static void what_there_is_not_is_found(void **state)
{
	struct table t;
	table_init(&t);
	t.states[DONE].name = NULL; /* an enumerator without a row */
	assert_wrong(&t, "lamp: state 2 has no row");
	table_init(&t);
	t.events[CANCEL] = NULL;
	assert_wrong(&t, "lamp: event 3 has no name");
	const int wrong[][3] = { { STATES, GO, DONE }, { -1, GO, DONE },     { IDLE, EVENTS, DONE },
				 { IDLE, -1, DONE },   { IDLE, GO, STATES }, { IDLE, GO, -2 } };
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		table_init(&t);
		t.rows[6] = (struct fsm_row){ .state = wrong[i][0], .event = wrong[i][1], .next = wrong[i][2] };
		assert_wrong(&t, "lamp: row 6 speaks of what there is not");
	}
}

static void the_graph_has_every_state_and_row(void **state)
{
	struct table t;
	table_init(&t);
	_cleanup_free_ char *graph = fsm_graph(&t.fsm);
	assert_string_equal(graph, "digraph lamp {\n\trankdir=LR;\n\tnode [shape=box, fontname=\"sans-serif\"];\n"
				   "\tIDLE [style=bold];\n\tBUSY;\n\tDONE [style=bold];\n"
				   "\tIDLE -> DONE [label=\"GO\\nif lucky\"];\n\tIDLE -> BUSY [label=\"GO\"];\n"
				   "\tBUSY -> DONE [label=\"GO\\nif lucky\"];\n\tBUSY -> IDLE [label=\"FAILURE\"];\n"
				   "\tBUSY -> IDLE [label=\"TIMEOUT\"];\n\tBUSY -> BUSY [label=\"CANCEL\"];\n"
				   "\tDONE -> IDLE [label=\"CANCEL\"];\n}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_row_that_fits_decides),
		cmocka_unit_test(an_event_without_a_row_means_nothing),
		cmocka_unit_test(same_stays_without_entering),
		cmocka_unit_test(a_timeout_enters_again_until_the_retries_are_used_up),
		cmocka_unit_test(states_are_found_by_name),
		cmocka_unit_test(a_right_table_passes),
		cmocka_unit_test(a_state_that_cannot_be_reached_is_found),
		cmocka_unit_test(a_state_at_work_needs_its_rows_and_a_deadline),
		cmocka_unit_test(a_restful_state_has_no_deadline),
		cmocka_unit_test(a_row_behind_one_that_always_fits_is_found),
		cmocka_unit_test(what_there_is_not_is_found),
		cmocka_unit_test(the_graph_has_every_state_and_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
