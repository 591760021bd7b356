/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which parts the agent has, and a plugin that is loaded only when its part is first run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "node-agent/parts.h"

#define PLUGIN "ingot-agent-vm.so"

static char *dir, *plugin;

static int set_up(void **state)
{
	dir = xstrdup("/tmp/ingot-test-parts-XXXXXX");
	log_set_quiet(true);
	assert_non_null(mkdtemp(dir));
	plugin = xasprintf("%s/%s", dir, PLUGIN);
	return 0;
}

static int tear_down(void **state)
{
	unlink(plugin);
	rmdir(dir);
	free(plugin);
	free(dir);
	return 0;
}

static const struct part *find(const struct part *const *parts, const char *name)
{
	while (*parts && !str_equal((*parts)->name, name))
		parts++;
	return *parts;
}

static void test_parts_of_a_mode(void **state)
{
	unsigned live_count = 0, node_count = 0;
	_cleanup_free_ const struct part **live = parts_load(PART_LIVE, dir, &live_count);
	_cleanup_free_ const struct part **node = parts_load(PART_NODE, dir, &node_count);

	assert_non_null(find(live, "install"));
	assert_null(find(live, "ceph"));
	assert_non_null(find(node, "ceph"));
	assert_null(find(node, "install"));
	assert_null(live[live_count]);
	assert_null(node[node_count]);
}

static void test_plugin_that_is_not_there(void **state)
{
	unsigned count = 0;
	_cleanup_free_ const struct part **parts = parts_load(PART_NODE, dir, &count);

	assert_null(find(parts, "vms"));
}

static void test_plugin_that_is_none(void **state)
{
	static const char text[] = "this is no shared object";
	_cleanup_free_ const struct part **parts = NULL, **live = NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	const struct part *part;
	json_t *report = NULL;
	unsigned count = 0;

	assert_int_equal(write_file_atomic(plugin, text, sizeof(text) - 1, 0755), 0);
	live = parts_load(PART_LIVE, dir, &count);
	assert_null(find(live, "vms"));
	parts = parts_load(PART_NODE, dir, &count);
	part = find(parts, "vms");
	assert_non_null(part);
	/* It is not run, and so not loaded, before the provisioner has spoken. */
	assert_true(part->flags & PART_WAITS);
	assert_true(part->converge(NULL, NULL, &report, &err) < 0);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, PLUGIN));
	assert_null(report);
	part->release(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_parts_of_a_mode, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_plugin_that_is_not_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_plugin_that_is_none, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
