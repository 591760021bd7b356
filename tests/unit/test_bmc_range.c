/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where BMCs are looked for: when a range is scanned, whose password a BMC is given, and what is noted of it. */
#include "rack_fixture.h"

#define SCAN_MS 31000

static struct rack_bmc *bmc_there(struct rack *rack, unsigned n, const char *password)
{
	static const char *const uuids[] = { UUID(0), UUID(1), UUID(2), UUID(3), UUID(4) };
	rack->bmcs[n] = (struct rack_bmc){ .there = true, .on = true, .uuid = uuids[n], .password = password };
	return &rack->bmcs[n];
}

static int make(struct rack *rack, const char *name, const char *range, const char *password, struct err *err)
{
	const struct bmc_range wanted = {
		.name = (char *)name, .range = (char *)range, .user = (char *)"root", .password = (char *)password
	};
	const struct bmc_range *made = NULL;
	return machine_bmc_range_create(rack->controller->machines, &wanted, &made, err);
}

static void made(struct rack *rack, const char *name, const char *range, const char *password)
{
	_cleanup_err_ struct err err = ERR_INIT;
	if (make(rack, name, range, password, &err) < 0)
		fail_msg("%s", err.text);
}

static const struct bmc_range *range_of(struct rack *rack, const char *name)
{
	return store_find(rack_store(rack), &kind_bmc_range, name);
}

static const struct machine *at(struct rack *rack, const char *address)
{
	STORE_EACH(struct machine, machine, rack_store(rack), &kind_machine)
		if (str_equal(machine->bmc_address, address))
			return machine;
	return NULL;
}

static void assert_scanned(const struct bmc_range *range, int answered, int refused)
{
	assert_non_null(range);
	assert_true(range->scanned_at > 0);
	assert_int_equal(range->answered, answered);
	assert_int_equal(range->refused, refused);
}

static bool was_told(struct rack *rack, const char *word)
{
	json_t *events = store_events(rack_store(rack), 0, 1000);
	char *text = json_dumps(events, JSON_COMPACT);
	bool found = strstr(text, word) != NULL;
	free(text);
	json_decref(events);
	return found;
}

/* ---- scans ---- */

static void a_range_is_scanned_as_soon_as_it_is_made(void **state)
{
	struct rack *rack = *state;
	rack_pass(rack, 1000); /* in the pause between two scans */
	bmc_there(rack, 1, "one's own");
	bmc_there(rack, 2, "one's own");
	made(rack, "rack1", "10.0.0.0-10.0.0.3", "one's own");
	assert_int_equal(range_of(rack, "rack1")->addresses, 4);
	assert_int_equal(range_of(rack, "rack1")->scanned_at, 0);
	rack_settle(rack);
	assert_scanned(range_of(rack, "rack1"), 2, 0);
	assert_int_equal(at(rack, "10.0.0.1")->bmc_state, BMC_STATE_OK);
	assert_string_equal(at(rack, "10.0.0.1")->bmc_user, "root");
	assert_string_equal(at(rack, "10.0.0.1")->bmc_password, "one's own");
	assert_true(was_told(rack, "bmc_range.created"));
	assert_false(was_told(rack, "one's own"));
	/* And from then on. */
	int64_t first = range_of(rack, "rack1")->scanned_at;
	bmc_there(rack, 3, "one's own");
	rack_pass(rack, SCAN_MS);
	assert_scanned(range_of(rack, "rack1"), 3, 0);
	assert_true(range_of(rack, "rack1")->scanned_at > first);
}

static void each_range_has_its_own_password(void **state)
{
	struct rack *rack = *state;
	bmc_there(rack, 1, "first");
	bmc_there(rack, 2, "second");
	made(rack, "rack1", "10.0.0.1", "first");
	made(rack, "rack2", "10.0.0.2", "second");
	rack_settle(rack);
	assert_scanned(range_of(rack, "rack1"), 1, 0);
	assert_scanned(range_of(rack, "rack2"), 1, 0);
	assert_int_equal(at(rack, "10.0.0.1")->bmc_state, BMC_STATE_OK);
	assert_int_equal(at(rack, "10.0.0.2")->bmc_state, BMC_STATE_OK);
}

static void a_wrong_password_is_told_and_the_right_one_taken_at_once(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	bmc_there(rack, 1, "right");
	bmc_there(rack, 2, "wrong");
	made(rack, "rack1", "10.0.0.0/29", "wrong");
	rack_settle(rack);
	assert_scanned(range_of(rack, "rack1"), 2, 1);
	assert_int_equal(at(rack, "10.0.0.1")->bmc_state, BMC_STATE_CREDENTIALS);
	rack_pass(rack, SCAN_MS);
	assert_scanned(range_of(rack, "rack1"), 2, 1);
	rack->bmcs[2].password = NULL; /* it takes any by now */
	const struct bmc_range changed = { .user = (char *)"root", .password = (char *)"right" };
	_cleanup_free_ char *id = xstrdup(range_of(rack, "rack1")->id);
	assert_int_equal(machine_bmc_range_update(rack->controller->machines, id, &changed, &err), 0);
	rack_settle(rack);
	assert_scanned(range_of(rack, "rack1"), 2, 0);
	assert_int_equal(at(rack, "10.0.0.1")->bmc_state, BMC_STATE_OK);
	assert_string_equal(at(rack, "10.0.0.1")->bmc_password, "right");
	assert_true(was_told(rack, "bmc_range.changed"));
	assert_false(was_told(rack, "right") || was_told(rack, "wrong"));
	/* What changes nothing is not told and not scanned for. */
	int64_t events = store_event_last(rack_store(rack));
	assert_int_equal(machine_bmc_range_update(rack->controller->machines, id, &changed, &err), 0);
	assert_true(store_event_last(rack_store(rack)) == events && range_of(rack, "rack1")->scanned_at > 0);
}

/* While BMCs are still being asked, the scan is not over: then comes the one that the new range waits for. */
static void one_that_is_made_during_a_scan_is_scanned_after_it(void **state)
{
	struct rack *rack = *state;
	bmc_there(rack, 1, "first");
	made(rack, "rack1", "10.0.0.1", "first");
	while (loop_fake_run_due(rack->loop)) /* the worker has not begun yet */
		;
	assert_null(at(rack, "10.0.0.1"));
	bmc_there(rack, 2, "second");
	made(rack, "rack2", "10.0.0.2", "second");
	while (loop_fake_run_due(rack->loop))
		;
	assert_true(range_of(rack, "rack1")->scanned_at == 0 && range_of(rack, "rack2")->scanned_at == 0);
	rack_settle(rack);
	assert_scanned(range_of(rack, "rack1"), 1, 0);
	assert_scanned(range_of(rack, "rack2"), 1, 0);
	assert_int_equal(at(rack, "10.0.0.2")->bmc_state, BMC_STATE_OK);
}

static bool was_noted_refused;

static void note_refused(const struct store_kind *kind, const char *id, void *data)
{
	const struct bmc_range *range = kind == &kind_bmc_range ? store_get(data, kind, id) : NULL;
	was_noted_refused |= range && range->refused > 0;
}

/* What the old password came to is not noted, as if the new one had. */
static void one_that_is_changed_during_a_scan_is_scanned_after_it(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	const struct bmc_range changed = { .user = (char *)"root", .password = (char *)"right" };
	bmc_there(rack, 1, "right");
	was_noted_refused = false;
	store_watch(rack_store(rack), note_refused, rack_store(rack));
	made(rack, "rack1", "10.0.0.1", "wrong");
	while (loop_fake_run_due(rack->loop)) /* the BMC is to be asked with the first */
		;
	_cleanup_free_ char *id = xstrdup(range_of(rack, "rack1")->id);
	assert_int_equal(machine_bmc_range_update(rack->controller->machines, id, &changed, &err), 0);
	rack_settle(rack);
	assert_true(was_told(rack, "refused the password")); /* it was */
	assert_false(was_noted_refused);
	assert_scanned(range_of(rack, "rack1"), 1, 0);
	assert_int_equal(at(rack, "10.0.0.1")->bmc_state, BMC_STATE_OK);
}

static void one_that_is_deleted_during_a_scan_is_gone(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	bmc_there(rack, 1, "first");
	made(rack, "rack1", "10.0.0.1", "first");
	while (loop_fake_run_due(rack->loop))
		;
	_cleanup_free_ char *id = xstrdup(range_of(rack, "rack1")->id);
	assert_int_equal(machine_bmc_range_delete(rack->controller->machines, id, &err), 0);
	rack_settle(rack);
	assert_null(range_of(rack, "rack1"));
	assert_int_equal(at(rack, "10.0.0.1")->bmc_state, BMC_STATE_OK); /* what was found stays */
	assert_true(was_told(rack, "bmc_range.deleted"));
	rack_pass(rack, SCAN_MS);
	assert_int_equal(store_count(rack_store(rack), &kind_bmc_range), 0);
}

static void they_are_there_again_after_a_restart(void **state)
{
	struct rack *rack = *state;
	bmc_there(rack, 1, "first");
	made(rack, "rack1", "10.0.0.1", "first");
	rack_settle(rack);
	bmc_there(rack, 2, "first");
	made(rack, "rack2", "10.0.0.2", "first"); /* and the process dies */
	rack_restart(rack);
	assert_scanned(range_of(rack, "rack1"), 1, 0);
	assert_scanned(range_of(rack, "rack2"), 1, 0);
	assert_int_equal(at(rack, "10.0.0.2")->bmc_state, BMC_STATE_OK);
}

/* ---- what is refused ---- */

static const struct {
	const char *name, *range, *field, *says;
	enum err_code code;
} wrong[] = {
	{ "rack1", "10.9.0.1", "name", "choose another", ERR_EXISTS },
	{ "rack2", "10.9.0.9-10.9.0.1", "range", "ends before it begins", ERR_INVALID },
	{ "rack2", "10.9.0.0/16", "range", "more than 4096", ERR_INVALID },
	{ "rack2", "fd00::1-fd00::9", "range", "IPv4", ERR_INVALID },
	{ "rack2", "bmc.example", "range", "IPv4", ERR_INVALID },
	{ "rack2", "10.0.0.9-10.0.0.200", "range", "10.0.0.9 is in the range rack1 (10.0.0.1-10.0.0.9)", ERR_EXISTS },
	{ "rack2", "10.9.0.0-10.9.15.255", "range", "with the 9 addresses of the other ranges these are 4105",
	  ERR_INVALID },
};

static void what_is_no_good_is_refused_with_the_field_and_the_remedy(void **state)
{
	struct rack *rack = *state;
	made(rack, "rack1", "10.0.0.1-10.0.0.9", "first");
	rack_settle(rack);
	int64_t events = store_event_last(rack_store(rack));
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		assert_true(make(rack, wrong[i].name, wrong[i].range, "second", &err) < 0);
		assert_int_equal(err.code, wrong[i].code);
		assert_string_equal(err.field, wrong[i].field);
		if (!strstr(err.text, wrong[i].says))
			fail_msg("%s", err.text);
	}
	assert_int_equal(store_count(rack_store(rack), &kind_bmc_range), 1);
	assert_true(store_event_last(rack_store(rack)) == events);
	made(rack, "rack2", "10.0.0.1-10.0.0.9:6230", "second"); /* another port is another BMC */
}

/* ---- what the configuration names ---- */

static void what_is_configured_is_scanned_and_shown(void **state)
{
	struct rack *rack = *state;
	static const char *const ranges[] = { "10.0.0.1-10.0.0.2", "10.0.0.4", NULL };
	bmc_there(rack, 1, "bmc-password");
	bmc_there(rack, 4, "bmc-password");
	made(rack, "configured-1", "10.0.1.1", "other"); /* the name is taken */
	rack->bmc_ranges = ranges;
	rack_restart(rack);
	const struct bmc_range *range = range_of(rack, "configured-3");
	assert_scanned(range, 1, 0);
	assert_true(range->configured);
	assert_string_equal(range->range, "10.0.0.1-10.0.0.2");
	assert_string_equal(range->user, "admin");
	assert_null(range->password); /* the configuration has it */
	assert_scanned(range_of(rack, "configured-2"), 1, 0);
	assert_int_equal(at(rack, "10.0.0.4")->bmc_state, BMC_STATE_OK);
	_cleanup_free_ char *id = xstrdup(range->id);
	rack_restart(rack);
	assert_string_equal(range_of(rack, "configured-3")->id, id);
	assert_int_equal(store_count(rack_store(rack), &kind_bmc_range), 3);
}

static void what_is_configured_is_changed_there_only(void **state)
{
	struct rack *rack = *state;
	static const char *const ranges[] = { "10.0.0.1", NULL };
	const struct bmc_range changed = { .user = (char *)"root", .password = (char *)"x" };
	rack->bmc_ranges = ranges;
	rack_restart(rack);
	_cleanup_free_ char *id = xstrdup(range_of(rack, "configured-1")->id);
	for (int deletes = 0; deletes <= 1; deletes++) {
		_cleanup_err_ struct err err = ERR_INIT;
		assert_true((deletes ? machine_bmc_range_delete(rack->controller->machines, id, &err)
				     : machine_bmc_range_update(rack->controller->machines, id, &changed, &err)) < 0);
		assert_int_equal(err.code, ERR_STATE);
		assert_non_null(strstr(err.text, "bmc.ranges"));
	}
	rack->bmc_ranges = NULL;
	rack_restart(rack);
	assert_int_equal(store_count(rack_store(rack), &kind_bmc_range), 0);
	assert_true(was_told(rack, "bmc_range.deleted"));
}

/* As ever: what is wrong there keeps nothing else from working. */
static void what_is_configured_may_be_wrong(void **state)
{
	struct rack *rack = *state;
	static const char *const ranges[] = { "bmc.example", "10.0.0.1", "10.8.0.0/20", NULL };
	bmc_there(rack, 1, "bmc-password");
	bmc_there(rack, 2, "own");
	made(rack, "rack1", "10.0.0.2", "own");
	rack->bmc_ranges = ranges;
	rack_restart(rack);
	assert_int_equal(store_count(rack_store(rack), &kind_bmc_range), 3);
	assert_scanned(range_of(rack, "rack1"), 1, 0);
	assert_scanned(range_of(rack, "configured-2"), 1, 0);
	assert_scanned(range_of(rack, "configured-3"), 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_range_is_scanned_as_soon_as_it_is_made),
		TEST(each_range_has_its_own_password),
		TEST(a_wrong_password_is_told_and_the_right_one_taken_at_once),
		TEST(one_that_is_made_during_a_scan_is_scanned_after_it),
		TEST(one_that_is_changed_during_a_scan_is_scanned_after_it),
		TEST(one_that_is_deleted_during_a_scan_is_gone),
		TEST(they_are_there_again_after_a_restart),
		TEST(what_is_no_good_is_refused_with_the_field_and_the_remedy),
		TEST(what_is_configured_is_scanned_and_shown),
		TEST(what_is_configured_is_changed_there_only),
		TEST(what_is_configured_may_be_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
