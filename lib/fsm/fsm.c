/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fsm/fsm.h"

struct fsm_result fsm_step(const struct fsm *fsm, int state, int event, unsigned retries_done, const void *snapshot)
{
	if (event == fsm->timeout_event && retries_done < fsm->states[state].retries)
		return (struct fsm_result){ .next = state, .entered = true, .retried = true };
	for (size_t i = 0; i < fsm->row_count; i++) {
		const struct fsm_row *row = &fsm->rows[i];
		if (row->state != state || row->event != event || (row->guard && !row->guard(snapshot)))
			continue;
		bool same = row->next == FSM_SAME;
		return (struct fsm_result){ .row = row, .next = same ? state : row->next, .entered = !same };
	}
	return (struct fsm_result){ .next = state };
}

int fsm_state_find(const struct fsm *fsm, const char *name)
{
	for (int i = 0; i < fsm->state_count; i++)
		if (str_equal(fsm->states[i].name, name))
			return i;
	return -1;
}

static void mark_reachable(const struct fsm *fsm, int state, bool *seen)
{
	if (seen[state])
		return;
	seen[state] = true;
	for (size_t i = 0; i < fsm->row_count; i++)
		if (fsm->rows[i].state == state && fsm->rows[i].next != FSM_SAME)
			mark_reachable(fsm, fsm->rows[i].next, seen);
}

static bool has_plain_row(const struct fsm *fsm, int state, int event)
{
	for (size_t i = 0; i < fsm->row_count; i++)
		if (fsm->rows[i].state == state && fsm->rows[i].event == event && !fsm->rows[i].guard)
			return true;
	return false;
}

static int check_state(const struct fsm *fsm, int state, struct err *err)
{
	const struct fsm_state *s = &fsm->states[state];
	const int needed[] = { fsm->timeout_event, fsm->failure_event, fsm->cancel_event };
	if (s->restful && s->deadline_ms > 0)
		return err_set(err, ERR_INTERNAL, "%s: state %s is restful and has a deadline", fsm->name, s->name);
	if (s->restful)
		return 0;
	if (s->deadline_ms <= 0)
		return err_set(err, ERR_INTERNAL, "%s: state %s has no deadline", fsm->name, s->name);
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!has_plain_row(fsm, state, needed[i]))
			return err_set(err, ERR_INTERNAL, "%s: state %s has no row for %s", fsm->name, s->name,
				       fsm->events[needed[i]]);
	return 0;
}

/* What the other checks and fsm_step() rely on. */
static int check_shape(const struct fsm *fsm, struct err *err)
{
	for (int i = 0; i < fsm->state_count; i++)
		if (!fsm->states[i].name)
			return err_set(err, ERR_INTERNAL, "%s: state %d has no row", fsm->name, i);
	for (int i = 0; i < fsm->event_count; i++)
		if (!fsm->events[i])
			return err_set(err, ERR_INTERNAL, "%s: event %d has no name", fsm->name, i);
	for (size_t i = 0; i < fsm->row_count; i++) {
		const struct fsm_row *row = &fsm->rows[i];
		if (row->state < 0 || row->state >= fsm->state_count || row->event < 0 ||
		    row->event >= fsm->event_count || row->next < FSM_SAME || row->next >= fsm->state_count)
			return err_set(err, ERR_INTERNAL, "%s: row %zu speaks of what there is not", fsm->name, i);
	}
	return 0;
}

static int check_shadow(const struct fsm *fsm, size_t later, struct err *err)
{
	const struct fsm_row *row = &fsm->rows[later];
	for (size_t i = 0; i < later; i++) {
		const struct fsm_row *earlier = &fsm->rows[i];
		if (earlier->state == row->state && earlier->event == row->event &&
		    (!earlier->guard || earlier->guard == row->guard))
			return err_set(err, ERR_INTERNAL, "%s: row %zu (%s, %s) is never reached", fsm->name, later,
				       fsm->states[row->state].name, fsm->events[row->event]);
	}
	return 0;
}

int fsm_check(const struct fsm *fsm, struct err *err)
{
	_cleanup_free_ bool *seen = new0(bool, (size_t)fsm->state_count);
	int r = check_shape(fsm, err);
	if (r < 0)
		return r;
	mark_reachable(fsm, fsm->first_state, seen);
	for (int i = 0; i < fsm->state_count; i++) {
		if (!seen[i])
			return err_set(err, ERR_INTERNAL, "%s: state %s cannot be reached", fsm->name,
				       fsm->states[i].name);
		r = check_state(fsm, i, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < fsm->row_count; i++) {
		r = check_shadow(fsm, i, err);
		if (r < 0)
			return r;
	}
	return 0;
}

char *fsm_graph(const struct fsm *fsm)
{
	struct strbuf sb = { 0 };
	strbuf_addf(&sb, "digraph %s {\n\trankdir=LR;\n\tnode [shape=box, fontname=\"sans-serif\"];\n", fsm->name);
	for (int i = 0; i < fsm->state_count; i++)
		strbuf_addf(&sb, "\t%s%s;\n", fsm->states[i].name, fsm->states[i].restful ? " [style=bold]" : "");
	for (size_t i = 0; i < fsm->row_count; i++) {
		const struct fsm_row *row = &fsm->rows[i];
		int next = row->next == FSM_SAME ? row->state : row->next;
		strbuf_addf(&sb, "\t%s -> %s [label=\"%s%s%s\"];\n", fsm->states[row->state].name,
			    fsm->states[next].name, fsm->events[row->event], row->guard ? "\\nif " : "",
			    row->guard ? row->guard_name : "");
	}
	strbuf_adds(&sb, "}\n");
	return strbuf_take(&sb);
}
