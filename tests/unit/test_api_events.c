/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The stream of events: it says at once when to expect the next sign of life, and ends for who may not hear it any more. How it is
 * taken up again: tests/namespaces/test_api.py. */
#include "api_world.h"

struct listener {
	struct world *w;
	struct http_call *call;
	char *beat, *kind,
		*id; /* of the last heartbeat and the last event; without an id it is none that could be taken up again */
	bool beat_has_id, ended;
};

static void on_event(const char *id, const char *event, const char *payload, void *data)
{
	struct listener *l = data;

	if (str_equal(event, "heartbeat")) {
		str_set(&l->beat, payload);
		l->beat_has_id = id != NULL;
	} else {
		json_t *json = json_loads(payload, 0, NULL);

		str_set(&l->kind, json_string_value(json_object_get(json, "kind")));
		str_set(&l->id, id);
		json_decref(json);
	}
	loop_quit(l->w->f->loop, 0);
}

static void on_end(const struct http_response *response, const struct err *err, void *data)
{
	struct listener *l = data;

	l->call = NULL;
	l->ended = true;
	loop_quit(l->w->f->loop, 0);
}

static void listen_to(struct world *w, struct listener *l)
{
	_cleanup_free_ char *url = xasprintf("%s/v1/events", w->origin);

	*l = (struct listener){ .w = w };
	l->call = http_call_new(
		w->viewer,
		&(struct http_call_spec){ .method = "GET", .url = url, .event = on_event, .done = on_end, .data = l });
	run_loop(w->f->loop);
}

static void listener_done(struct listener *l)
{
	http_call_free(l->call);
	free(l->beat);
	free(l->kind);
	free(l->id);
}

static void happen(struct world *w, const char *kind)
{
	struct store *store = w->rack.controller->store;

	store_begin(store);
	store_event_text(store, kind, "vm", w->vm, "web", "happens");
	assert_int_equal(store_commit(store, NULL), 0);
	run_loop(w->f->loop);
}

static void test_it_begins_with_a_heartbeat(void **state)
{
	struct world *w = *state;
	struct listener l;

	listen_to(w, &l);
	assert_string_equal(l.beat, "{\"every_ms\":5000}");
	assert_false(l.beat_has_id);
	happen(w, "vm.started");
	assert_string_equal(l.kind, "vm.started");
	assert_non_null(l.id);
	listener_done(&l);
}

static void test_it_ends_for_a_token_that_is_gone(void **state)
{
	struct world *w = *state;
	const struct token *token = NULL;
	struct listener l;

	listen_to(w, &l);
	token = store_find(w->rack.controller->store, &kind_token, "viewer");
	assert_int_equal(auth_token_delete(w->auth, token->id, NULL), 0);
	happen(w, "vm.stopped");
	while (!l.ended && !l.kind)
		run_loop(w->f->loop);
	assert_true(l.ended);
	assert_null(l.kind);
	listener_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_it_begins_with_a_heartbeat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_it_ends_for_a_token_that_is_gone, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
