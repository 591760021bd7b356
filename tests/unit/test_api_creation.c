/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Idempotency-Key: which calls are the same. How that looks from outside: tests/namespaces/test_api.py. */
#include "api_world.h"

static void make_volume(struct world *w)
{
	struct store *store = w->rack.controller->store;

	store_begin(store);
	struct volume *volume = store_create(store, &kind_volume);
	volume->name = xstrdup("disk");
	volume->pool = xstrdup(STORAGE_POOL);
	volume->size_bytes = GIB;
	volume->state = VOLUME_AVAILABLE;
	assert_int_equal(store_commit(store, NULL), 0);
}

static int create(struct world *w, const char *user_data)
{
	static const char *const headers[] = { "Idempotency-Key: one", NULL };

	return call(w, w->operator, w->origin, "POST", "/v1/vms",
		    json_pack("{s:s, s:s, s:s}", "name", "db", "volume", "disk", "user_data", user_data), headers);
}

static const struct creation *noted(struct world *w)
{
	return store_next(w->rack.controller->store, &kind_creation, NULL);
}

/* What is never shown makes another request as well. */
static void test_hidden_fields_count(void **state)
{
	struct world *w = *state;

	make_volume(w);
	assert_int_equal(create(w, "#!one"), 201);
	assert_int_equal(create(w, "#!one"), 201);
	assert_int_equal(create(w, "#!two"), 409);
	assert_string_equal(w->answer_err.field, "Idempotency-Key");
	assert_int_equal(store_count(w->rack.controller->store, &kind_creation), 1);
}

/* Another process has another key, so that what is noted tells nobody who has the store whether a guess at what is hidden is
 * right. It knows the call again by what is shown, and takes the caller's word for the rest. */
static void test_known_again_by_another_process(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *first = NULL;

	make_volume(w);
	assert_int_equal(create(w, "#!one"), 201);
	first = xstrdup(noted(w)->fingerprint);
	world_stop(w);
	world_start(w);
	start_listeners(w);
	assert_int_equal(create(w, "#!one"), 201);
	assert_int_equal(create(w, "#!two"), 201);
	assert_string_equal(noted(w)->fingerprint, first);

	struct store *store = w->rack.controller->store;
	const struct vm *vm = store_find(store, &kind_vm, "db");
	store_begin(store);
	struct volume *volume = store_edit(store, &kind_volume, vm->volume);
	volume->state = VOLUME_AVAILABLE;
	str_set(&volume->vm, NULL);
	store_remove(store, &kind_creation, noted(w)->id);
	store_remove(store, &kind_vm, vm->id);
	assert_int_equal(store_commit(store, NULL), 0);
	assert_int_equal(create(w, "#!one"), 201);
	assert_memory_equal(noted(w)->fingerprint, first, (size_t)2 * SHA256_SIZE);
	assert_string_not_equal(noted(w)->fingerprint, first);
}

static int stop(struct world *w, const char *vm, const char *key)
{
	_cleanup_free_ char *path = xasprintf("/v1/vms/%s/stop", vm);
	_cleanup_free_ char *header = xasprintf("Idempotency-Key: %s", key);
	const char *const headers[] = { header, NULL };

	return call(w, w->operator, w->origin, "POST", path, NULL, headers);
}

/* A deed is begun once, and its task is told again, also by another process. The key counts for this machine alone. */
static void test_a_deed_is_done_once(void **state)
{
	struct world *w = *state;
	struct store *store = w->rack.controller->store;
	_cleanup_free_ char *task = NULL;
	size_t before = store_count(store, &kind_task);

	store_begin(store);
	struct vm *other = store_create(store, &kind_vm);
	other->name = xstrdup("other");
	other->node = xstrdup(w->node);
	other->state = VM_RUNNING;
	other->wanted = true;
	assert_int_equal(store_commit(store, NULL), 0);

	assert_int_equal(stop(w, "web", "one"), 202);
	task = xstrdup(json_string_value(json_object_get(w->answer, "id")));
	assert_int_equal(stop(w, "web", "one"), 202);
	assert_string_equal(json_string_value(json_object_get(w->answer, "id")), task);
	assert_int_equal(stop(w, "web", "two"), 409);
	assert_int_equal(store_count(store, &kind_task), before + 1);
	assert_int_equal(stop(w, "other", "one"), 202);
	assert_string_not_equal(json_string_value(json_object_get(w->answer, "id")), task);

	world_stop(w);
	world_start(w);
	start_listeners(w);
	assert_int_equal(stop(w, "web", "one"), 202);
	assert_string_equal(json_string_value(json_object_get(w->answer, "id")), task);

	store = w->rack.controller->store;
	store_begin(store);
	store_remove(store, &kind_task, task);
	assert_int_equal(store_commit(store, NULL), 0);
	assert_int_equal(stop(w, "web", "one"), 404);
	assert_non_null(strstr(w->answer_err.text, "is gone"));
}

/* What was refused is not noted: it may be asked for again with the same key. */
static void test_a_refused_deed_is_not_noted(void **state)
{
	struct world *w = *state;
	struct store *store = w->rack.controller->store;

	store_begin(store);
	struct vm *vm = store_edit(store, &kind_vm, w->vm);
	vm->state = VM_STOPPED;
	assert_int_equal(store_commit(store, NULL), 0);
	assert_int_equal(stop(w, "web", "one"), 409);
	assert_int_equal(store_count(store, &kind_creation), 0);
	store_begin(store);
	vm = store_edit(store, &kind_vm, w->vm);
	vm->state = VM_RUNNING;
	assert_int_equal(store_commit(store, NULL), 0);
	assert_int_equal(stop(w, "web", "one"), 202);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hidden_fields_count, setup, teardown),
		cmocka_unit_test_setup_teardown(test_known_again_by_another_process, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_deed_is_done_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_refused_deed_is_not_noted, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
