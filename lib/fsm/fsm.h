/* SPDX-License-Identifier: GPL-3.0-or-later */
/* State machines as tables. A step is a pure function: state, event and snapshot in; next state and effects out. Whoever
 * owns the machine commits both in one transaction and then acts. Any thread. */
#ifndef INGOT_FSM_FSM_H
#define INGOT_FSM_FSM_H

#include "base/err.h"

#define FSM_EFFECTS_MAX 4
#define FSM_SAME (-1) /* stay, without entering the state again */

struct fsm_state {
	const char *name;
	int public_state;
	int64_t deadline_ms; /* 0: may stay for ever */
	unsigned retries;    /* how often a timeout enters it again before the row for the timeout counts */
	const char *effects[FSM_EFFECTS_MAX]; /* done whenever it is entered */
	const char *help;		      /* "-ing" form for people: the step's name */
	bool restful;			      /* nothing is under way: needs no rows for timeout, failure, cancel */
};

typedef bool (*fsm_guard_fn)(const void *snapshot);

struct fsm_row {
	int state, event;
	fsm_guard_fn guard; /* NULL: always */
	const char *guard_name;
	int next;
};

struct fsm {
	const char *name;
	const struct fsm_state *states;
	int state_count;
	const char *const *events;
	int event_count;
	int timeout_event, failure_event, cancel_event;
	const struct fsm_row *rows;
	size_t row_count;
	int first_state;
};

#define FSM_STATE(id, name_, public_, deadline_, retries_, ...)                                                        \
	[id] = { .name = name_, .public_state = public_, .deadline_ms = deadline_, .retries = retries_, __VA_ARGS__ }
#define FSM_ROW(state_, event_, guard_, next_)                                                                         \
	{                                                                                                              \
		state_, event_, guard_, #guard_, next_                                                                 \
	}

struct fsm_result {
	const struct fsm_row *row; /* NULL: the event means nothing here */
	int next;
	bool entered; /* the state is entered: a new attempt, its effects, its deadline */
	bool retried; /* by the retry count of the state, not by a row */
};

/* The first row that fits decides. A timeout in a state with retries left enters it again. */
struct fsm_result fsm_step(const struct fsm *fsm, int state, int event, unsigned retries_done, const void *snapshot);

int fsm_state_find(const struct fsm *fsm, const char *name); /* -1: none */

/* Walks the table: every state and event has a name and every row speaks of those only; every state can be reached from
 * the first; every state that is not restful has rows (without a guard) for timeout, failure and cancel, and a deadline,
 * a restful one has none; no row stands behind one that always fits. ERR_INTERNAL says what. */
int fsm_check(const struct fsm *fsm, struct err *err);
/* The table as a Graphviz digraph; the caller frees. */
char *fsm_graph(const struct fsm *fsm);

#endif
