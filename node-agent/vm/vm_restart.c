/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When libvirt's daemon may be started anew: not under a migration, but neither never. Pure. */
#include "vm/vm_priv.h"

/* Migrations under way keep one who is to be shut out inside for so long. */
#define SHUT_OUT_MS 60000
/* What they are in the way of otherwise waits until they have ended, for which they have a deadline of their own: no new one
 * is let in meanwhile. One that was let in and never came does not keep it for longer than this. */
#define RESTART_MAX_MS (35 * 60 * 1000)
/* Many nodes that join one after the other are one restart. */
#define ADDED_AGAIN_MS 30000

bool vm_restart_may(const struct vm_state *state, const char *before, const char *read, bool busy, int64_t now_ms)
{
	int64_t waited_ms = now_ms - state->restart_since_ms;

	if (busy)
		return waited_ms >= RESTART_MAX_MS || (waited_ms >= SHUT_OUT_MS && vm_text_shuts_out(before, read));
	return !state->started_ms || now_ms >= state->started_ms + ADDED_AGAIN_MS || !vm_text_only_adds(before, read);
}

/* ---- who may be on the way to here ---- */

void vm_let_in_note(struct vm_state *state, const json_t *report)
{
	size_t i;
	json_t *entry;

	json_decref(state->let_in);
	state->let_in = json_object();
	json_array_foreach(report, i, entry) {
		const char *word = json_string_value(json_object_get(entry, "state"));

		if (str_equal(word, "incoming") || str_equal(word, "arriving"))
			json_object_set_new(state->let_in, json_string_value(json_object_get(entry, "id")),
					    json_true());
	}
}

/* What an earlier process let in is not known: any may be on its way. */
bool vm_let_in(const struct vm_state *state, const char *id)
{
	return !state->let_in || json_object_get(state->let_in, id);
}

bool vm_let_in_any(const struct vm_state *state, const json_t *desired)
{
	size_t i;
	json_t *entry;

	json_array_foreach(desired, i, entry) {
		const char *id = json_string_value(json_object_get(entry, "id"));

		if (id && str_equal(json_string_value(json_object_get(entry, "state")), "incoming") &&
		    vm_let_in(state, id))
			return true;
	}
	return false;
}
