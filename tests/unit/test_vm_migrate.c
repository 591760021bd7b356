/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A migration that is called off, as the source's agent carries it out: libvirt is its test driver, which knows no migration;
 * how far one is, and that it is ended, is played here. The true thing: tests/namespaces/test_cluster.py. */
#include <sched.h>

#include "vm_part_fixture.h"

/* ---- libvirt's job ---- */

static struct {
	bool under_way, last_step; /* in its last step it cannot be ended */
	unsigned aborts;
} job;

int virDomainGetJobInfo(virDomainPtr domain, virDomainJobInfoPtr info)
{
	*info = (virDomainJobInfo){ .type = job.under_way ? VIR_DOMAIN_JOB_UNBOUNDED : VIR_DOMAIN_JOB_NONE,
				    .dataTotal = 200,
				    .dataProcessed = 80 };
	return 0;
}

int virDomainAbortJob(virDomainPtr domain)
{
	job.aborts++;
	if (job.last_step)
		return -1;
	job.under_way = false;
	return 0;
}

/* ---- the host ---- */

static struct {
	struct vm_mark mark; /* as an earlier run left it */
	struct vm_order order;
} given;

static struct {
	json_t *vm;
	struct vm_mark mark;
} seen;

static void mark_domain(void)
{
	struct vm_domain domain = { .domain = virDomainLookupByName(host.state.conn, "test"),
				    .mark = given.mark,
				    .active = true };

	assert_non_null(domain.domain);
	assert_int_equal(vm_domain_save_mark(&domain, NULL), 0);
	virDomainFree(domain.domain);
}

static int converge(struct part_run *run, json_t *desired, json_t **ret_report, struct err *err)
{
	_cleanup_(vm_domains_done) struct vm_domains domains = { 0 };
	struct vm_domain *domain;
	bool unsettled;

	assert_int_equal(vm_domains_read(&host.state, &domains, err), 0);
	domain = vm_domains_find(&domains, ID);
	assert_non_null(domain);
	*ret_report = vm_converge_one(run, &host.state, &given.order, domain, &unsettled);
	return 0;
}

static void look(void)
{
	_cleanup_(vm_domains_done) struct vm_domains domains = { 0 };

	json_decref(seen.vm);
	vm_mark_done(&seen.mark);
	seen.vm = host_run(converge);
	assert_int_equal(vm_domains_read(&host.state, &domains, NULL), 0);
	seen.mark = vm_domains_find(&domains, ID)->mark;
	vm_domains_find(&domains, ID)->mark = (struct vm_mark){ 0 };
}

static const char *reported(const char *field)
{
	return json_string_value(json_object_get(json_object_get(seen.vm, "migration"), field));
}

static int set_up(void **data)
{
	memset(&job, 0, sizeof(job));
	given.mark = (struct vm_mark){ .id = (char *)ID, .generation = 4, .boot = (char *)"host/boot" };
	given.order = (struct vm_order){ .id = ID,
					 .generation = 4,
					 .want = VM_WANT_RUNNING,
					 .cpus = 1,
					 .memory_bytes = GIB,
					 .migration = "m1",
					 .address = "10.0.0.2" };
	host_open();
	return 0;
}

static int tear_down(void **data)
{
	json_decref(seen.vm);
	seen.vm = NULL;
	vm_mark_done(&seen.mark);
	host_close();
	return 0;
}

/* ---- tests ---- */

static void one_that_was_not_begun_never_will_be(void **data)
{
	mark_domain();
	given.order.abort = true;
	look();
	assert_string_equal(reported("id"), "m1");
	assert_string_equal(reported("state"), "failed");
	assert_string_equal(json_string_value(json_object_get(seen.vm, "state")), "running");
	assert_string_equal(seen.mark.migration, "m1");
	/* An older document, or one of an older state that came back. */
	given.order.abort = false;
	look();
	assert_string_equal(reported("state"), "failed");
	assert_null(migration_find(&host.state, ID));
	assert_int_equal(job.aborts, 0);
}

/* As another process left it: nothing but the mark is known. */
static void begun_earlier(int64_t until_ms)
{
	given.mark.migration = (char *)"m1";
	given.mark.until_ms = until_ms;
	job.under_way = true;
	mark_domain();
}

static void one_that_an_earlier_agent_began_is_ended(void **data)
{
	begun_earlier(monotonic_ms() + 60000);
	look();
	assert_string_equal(reported("state"), "running");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(seen.vm, "migration"), "progress")), 40);
	assert_int_equal(job.aborts, 0);
	given.order.abort = true;
	look();
	assert_int_equal(job.aborts, 1);
	look();
	assert_string_equal(reported("state"), "failed");
	assert_int_equal(job.aborts, 1);
}

static void in_its_last_step_it_goes_on_until_its_end_is_known(void **data)
{
	begun_earlier(monotonic_ms() + 60000);
	given.order.abort = true;
	job.last_step = true;
	for (unsigned i = 1; i <= 3; i++) {
		look();
		assert_string_equal(reported("state"), "running");
		assert_int_equal(job.aborts, i);
	}
}

static void past_the_deadline_in_its_mark_it_is_ended(void **data)
{
	begun_earlier(1);
	look();
	assert_int_equal(job.aborts, 1);
}

static void one_that_is_not_ordered_any_more_is_ended(void **data)
{
	begun_earlier(monotonic_ms() + 60000);
	given.order.migration = given.order.address = NULL;
	look();
	assert_int_equal(job.aborts, 1);
}

/* What somebody does with it by hand is no migration of ours. */
static void a_job_of_others_is_left_alone(void **data)
{
	job.under_way = true;
	given.order.migration = given.order.address = NULL;
	mark_domain();
	look();
	assert_int_equal(job.aborts, 0);
	given.mark.migration = given.mark.arrived = (char *)"m0"; /* it has come by one */
	mark_domain();
	look();
	assert_int_equal(job.aborts, 0);
	assert_string_equal(reported("state"), "done");
}

static void await_end(struct migration *migration)
{
	int64_t until_ms = monotonic_ms() + 60000;

	while (!migration_ended(migration) && monotonic_ms() < until_ms)
		sched_yield();
	assert_true(migration_ended(migration));
}

/* The call has lost libvirt, which goes on with it. */
static void a_call_that_failed_is_not_the_end(void **data)
{
	mark_domain();
	look(); /* begins it: there is no such libvirt here */
	assert_true(seen.mark.until_ms > monotonic_ms());
	await_end(migration_find(&host.state, ID));
	job.under_way = true;
	look();
	assert_string_equal(reported("state"), "running");
	job.under_way = false;
	look();
	assert_string_equal(reported("id"), "m1");
	assert_string_equal(reported("state"), "failed");
	assert_non_null(json_string_value(
		json_object_get(json_object_get(json_object_get(seen.vm, "migration"), "error"), "text")));
	/* The next one is reported by its own name. */
	given.order.migration = "m2";
	given.order.abort = true;
	look();
	assert_string_equal(reported("id"), "m2");
	assert_string_equal(reported("state"), "failed");
}

static void of_one_that_is_gone_a_failed_call_says_nothing(void **data)
{
	json_t *report;

	assert_null(migration_report_gone(&host.state, ID));
	mark_domain();
	look();
	await_end(migration_find(&host.state, ID));
	report = migration_report_gone(&host.state, ID);
	assert_string_equal(json_string_value(json_object_get(report, "state")), "running");
	json_decref(report);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_was_not_begun_never_will_be),
		TEST(one_that_an_earlier_agent_began_is_ended),
		TEST(in_its_last_step_it_goes_on_until_its_end_is_known),
		TEST(past_the_deadline_in_its_mark_it_is_ended),
		TEST(one_that_is_not_ordered_any_more_is_ended),
		TEST(a_job_of_others_is_left_alone),
		TEST(a_call_that_failed_is_not_the_end),
		TEST(of_one_that_is_gone_a_failed_call_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
