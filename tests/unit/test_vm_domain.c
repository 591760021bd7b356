/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which domains are ours, on libvirt's own test driver (test:///default: one domain, "test", that runs), with a filter between
 * that makes a call fail the way it does when libvirtd hangs or starts anew. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "vm/vm_priv.h"

#define ID "0191d8a0-6c1e-7b3a-9d2f-3c5b7a9e1f20"

/* ---- the filter: without a domain the true function fails, and not for want of one ---- */

static bool mark_fails, state_fails;

char *virDomainGetMetadata(virDomainPtr domain, int type, const char *uri, unsigned int flags)
{
	char *(*next)(virDomainPtr, int, const char *, unsigned int) = dlsym(RTLD_NEXT, "virDomainGetMetadata");

	return next(mark_fails ? NULL : domain, type, uri, flags);
}

int virDomainGetState(virDomainPtr domain, int *state, int *reason, unsigned int flags)
{
	int (*next)(virDomainPtr, int *, int *, unsigned int) = dlsym(RTLD_NEXT, "virDomainGetState");

	return next(state_fails ? NULL : domain, state, reason, flags);
}

/* ---- the host ---- */

static void quiet(void *unused, virErrorPtr error)
{
}

static int set_up(void **ret)
{
	static struct vm_state state;

	mark_fails = state_fails = false;
	virSetErrorFunc(NULL, quiet);
	state = (struct vm_state){ .conn = virConnectOpen("test:///default"), .boot = (char *)"host/boot" };
	assert_non_null(state.conn);
	list_init(&state.migrations);
	*ret = &state;
	return 0;
}

static int tear_down(void **data)
{
	struct vm_state *state = *data;

	virConnectClose(state->conn);
	return 0;
}

static void mark_as_ours(struct vm_state *state)
{
	struct vm_domain domain = { .domain = virDomainLookupByName(state->conn, "test"),
				    .mark = { .id = (char *)ID, .generation = 4, .boot = state->boot },
				    .active = true };

	assert_non_null(domain.domain);
	assert_int_equal(vm_domain_save_mark(&domain, NULL), 0);
	virDomainFree(domain.domain);
}

/* ---- tests ---- */

static void one_without_our_mark_is_not_ours(void **data)
{
	_cleanup_(vm_domains_done) struct vm_domains domains = { 0 };

	assert_int_equal(vm_domains_read(*data, &domains, NULL), 0);
	assert_int_equal(domains.count, 0);
}

static void one_with_our_mark_is_found(void **data)
{
	_cleanup_(vm_domains_done) struct vm_domains domains = { 0 };
	const struct vm_domain *domain;

	mark_as_ours(*data);
	assert_int_equal(vm_domains_read(*data, &domains, NULL), 0);
	domain = vm_domains_find(&domains, ID);
	assert_non_null(domain);
	assert_true(domain->active);
	assert_int_equal(domain->mark.generation, 4);
	assert_false(vm_domain_is_arriving(*data, domain));
}

/* "Absent" may be said of what is not in the list: an incomplete one is none. */
static void a_libvirt_that_fails_shows_nothing_rather_than_too_little(void **data)
{
	bool *const faults[] = { &mark_fails, &state_fails };

	mark_as_ours(*data);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct vm_domains domains = { .count = 77 };
		_cleanup_err_ struct err err = ERR_INIT;

		*faults[i] = true;
		assert_true(vm_domains_read(*data, &domains, &err) < 0);
		assert_int_equal(domains.count, 77);
		assert_non_null(strstr(err.text, i == 0 ? "cannot read the mark" : "cannot read the state"));
		*faults[i] = false;
	}
}

/* Libvirt calls it so at both ends; at the source it bears this host's boot. */
static void paused_for_a_migration_it_arrives_only_where_it_did_not_run(void **data)
{
	struct vm_domain domain = { .state = VIR_DOMAIN_PAUSED, .reason = VIR_DOMAIN_PAUSED_MIGRATION, .active = true };

	domain.mark.boot = (char *)"host/boot";
	assert_false(vm_domain_is_arriving(*data, &domain));
	domain.mark.boot = (char *)"other/boot";
	assert_true(vm_domain_is_arriving(*data, &domain));
	domain.mark.boot = NULL;
	assert_true(vm_domain_is_arriving(*data, &domain));
	domain.reason = VIR_DOMAIN_PAUSED_USER;
	assert_false(vm_domain_is_arriving(*data, &domain));
	domain.reason = VIR_DOMAIN_PAUSED_STARTING_UP;
	assert_true(vm_domain_is_arriving(*data, &domain));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_without_our_mark_is_not_ours),
		TEST(one_with_our_mark_is_found),
		TEST(a_libvirt_that_fails_shows_nothing_rather_than_too_little),
		TEST(paused_for_a_migration_it_arrives_only_where_it_did_not_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
