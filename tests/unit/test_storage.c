/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the pool comes to be, and volumes. Images: test_image.c. */
#include <unistd.h>

#include "storage_fixture.h"

/* ---- the cluster and its pool ---- */

static json_t *desired_ceph(struct rack *rack, const char *node)
{
	const struct peer peer = { .node = node };
	json_t *document = cluster_agent_desired(rack->controller->cluster, &peer, -1);
	json_t *ceph = json_incref(json_object_get(document, "ceph"));
	json_decref(document);
	return ceph;
}

static void the_pool_comes_step_by_step_and_each_is_asked_for_once(void **state)
{
	struct rack *rack = *state;
	assert_int_equal(rack_pool(rack)->state, POOL_WAITING);
	assert_string_equal(rack_pool(rack)->detail, "waits for the first node with a data disk");
	_cleanup_free_ char *one = rack_node(rack, 1);
	rack_pass(rack, 2000);
	json_t *ceph = desired_ceph(rack, one);
	assert_string_equal(json_string_value(json_object_get(ceph, "mon_host")), "[v2:10.77.0.150:3300]");
	assert_true(json_is_object(json_object_get(ceph, "mon")));
	assert_null(json_object_get(ceph, "mgr"));
	json_decref(ceph);
	assert_ceph_trace(rack, ""); /* nothing before the monitor runs */
	rack->quorum = true;
	rack_ceph_report(rack, one, "running");
	rack_pass(rack, 10000);
	assert_ceph_trace(rack, "configure() auth(mgr.machine-1) auth(client.ingot) osd_new() ");
	rack->hosts_up = 1;
	rack_pass(rack, 3000);
	assert_string_equal(rack_pool(rack)->detail, "waits for 2 nodes with a data disk up; there are 1");
	free(rack_node(rack, 2));
	rack_pass(rack, 3000);
	rack->hosts_up = 2;
	rack_pass(rack, 20000);
	assert_ceph_trace(rack, "osd_new() pool_create(default) ");
	assert_int_equal(rack_pool(rack)->state, POOL_ACTIVE);
	assert_true(rack_pool(rack)->available_bytes == 10 * GIB);
	rack_restart(rack);
	rack_pass(rack, 60000);
	assert_ceph_trace(rack, ""); /* all of it is known */
}

static void keys_go_only_to_whom_they_are_for(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	const struct node *one = store_find(rack_store(rack), &kind_node, "machine-1");
	const struct node *two = store_find(rack_store(rack), &kind_node, "machine-2");
	const struct ceph_cluster *cluster = store_next(rack_store(rack), &kind_ceph_cluster, NULL);
	json_t *first = desired_ceph(rack, one->id), *second = desired_ceph(rack, two->id);
	_cleanup_free_ char *first_text = json_dumps(first, 0), *second_text = json_dumps(second, 0);
	assert_non_null(strstr(first_text, cluster->admin_key));
	assert_non_null(strstr(first_text, cluster->mon_key));
	assert_non_null(strstr(first_text, "key of mgr.machine-1"));
	assert_null(strstr(second_text, cluster->admin_key));
	assert_null(strstr(second_text, cluster->mon_key));
	assert_null(strstr(second_text, "key of mgr"));
	assert_non_null(strstr(second_text, "key of client.ingot"));
	json_decref(first);
	json_decref(second);
	/* What is shown of a node has no key. */
	json_t *shown = schema_encode(&node_schema, one, false);
	_cleanup_free_ char *shown_text = json_dumps(shown, 0);
	assert_null(strstr(shown_text, "osd key"));
	json_decref(shown);
	_cleanup_free_ char *id = NULL;
	free(rack_ready(rack, 3, &id));
	const struct peer live = { .machine = id };
	json_t *document = cluster_agent_desired(rack->controller->cluster, &live, -1);
	assert_null(json_object_get(document, "ceph"));
	json_decref(document);
}

static void only_data_disks_are_taken(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *node = rack_node(rack, 1);
	rack_pass(rack, 2000);
	rack->quorum = true;
	rack_ceph_report(rack, node, "running");
	rack_node_report(rack, node,
			 json_pack("{s:{s:[{s:s, s:I}, {s:s, s:I}, {s:s, s:I}, {s:s, s:I}, {s:s, s:I}]}}", "inventory",
				   "disks", "serial", "S1a", "size_bytes", (json_int_t)(16 * GIB), "serial", "S1b",
				   "size_bytes", (json_int_t)(64 * GIB), "serial", "tiny", "size_bytes",
				   (json_int_t)(GIB - 1), "path", "/dev/sdx", "size_bytes", (json_int_t)(64 * GIB),
				   "wwn", "naa.5", "size_bytes", (json_int_t)(64 * GIB)));
	rack_pass(rack, 10000);
	const struct node *known = store_get(rack_store(rack), &kind_node, node);
	assert_int_equal(known->osd_count, 2); /* not the system's, not the small one, not the nameless one */
	assert_string_equal(known->osds[0].serial, "S1b");
	assert_string_equal(known->osds[1].wwn, "naa.5");
	assert_int_equal(rack->osd_count, 2);
}

static void a_quorum_that_is_lost_is_told_and_holds_nothing_up(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	rack->quorum = false;
	rack_pass(rack, 11000);
	assert_int_equal(rack_pool(rack)->state, POOL_UNREACHABLE);
	assert_string_equal(rack_pool(rack)->detail, "the monitors do not answer");
	rack->quorum = true;
	rack->hosts_up = 1;
	rack_pass(rack, 11000);
	assert_int_equal(rack_pool(rack)->state, POOL_DEGRADED);
	rack->hosts_up = 2;
	rack_pass(rack, 5000);
	assert_int_equal(rack_pool(rack)->state, POOL_ACTIVE);
}

static void what_ceph_refuses_is_asked_for_again(void **state)
{
	struct rack *rack = *state;
	_cleanup_free_ char *one = rack_node(rack, 1);
	free(rack_node(rack, 2));
	rack_pass(rack, 2000);
	rack->quorum = true;
	rack->hosts_up = 2;
	rack->ceph_fault = ERR_INTERNAL;
	rack_ceph_report(rack, one, "running");
	rack_pass(rack, 5000);
	rack->ceph_fault = ERR_NONE;
	rack_pass(rack, 20000);
	assert_int_equal(rack_pool(rack)->state, POOL_ACTIVE);
	assert_int_equal(rack->osd_count, 2);
}

/* ---- volumes ---- */

static int create(struct rack *rack, const char *name, uint64_t bytes, const char *image, const struct volume **ret,
		  struct err *err)
{
	const struct volume wanted = { .name = (char *)name, .size_bytes = bytes, .image = (char *)image };
	return volume_create(rack->controller->storage, &wanted, ret, err);
}

static char *created(struct rack *rack, const char *name)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct volume *volume = NULL;
	if (create(rack, name, GIB, NULL, &volume, &err) < 0)
		fail_msg("%s", err.text);
	return xstrdup(volume->id);
}

static const struct volume *get(struct rack *rack, const char *id)
{
	const struct volume *volume = store_get(rack_store(rack), &kind_volume, id);
	assert_non_null(volume);
	return volume;
}

static void assert_refused(struct rack *rack, const char *name, uint64_t bytes, const char *image, enum err_code code,
			   const char *field, const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct volume *volume = NULL;
	size_t count = store_count(rack_store(rack), &kind_volume), tasks = store_count(rack_store(rack), &kind_task);
	assert_true(create(rack, name, bytes, image, &volume, &err) < 0);
	if (!strstr(err.text, text))
		fail_msg("%s", err.text);
	assert_int_equal(err.code, code);
	assert_true(str_equal(err.field, field));
	assert_null(volume);
	assert_int_equal(store_count(rack_store(rack), &kind_volume), count);
	assert_int_equal(store_count(rack_store(rack), &kind_task), tasks);
}

static void add_image(struct rack *rack, const char *name, int image_state)
{
	store_begin(rack_store(rack));
	struct image *image = store_create(rack_store(rack), &kind_image);
	image->name = xstrdup(name);
	image->state = image_state;
	image->size_bytes = 2 * GIB;
	rack->rbd[rack->rbd_count++] = xasprintf("image-%s", image->id);
	assert_int_equal(store_commit(rack_store(rack), NULL), 0);
}

static void without_a_pool_nothing_is_created(void **state)
{
	assert_refused(*state, "disk", GIB, NULL, ERR_STATE, NULL,
		       "the pool is not ready: waits for the first node with a data disk");
}

static void creating_is_checked(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	add_image(rack, "guest", IMAGE_AVAILABLE);
	add_image(rack, "early", IMAGE_UPLOADING);
	free(created(rack, "taken"));
	assert_refused(rack, "taken", GIB, NULL, ERR_EXISTS, "name", "name: 'taken' is taken by volume");
	assert_refused(rack, "disk", 0, NULL, ERR_INVALID, "size_bytes", "is missing; an empty volume needs a size");
	assert_refused(rack, "disk", GIB + 1, NULL, ERR_INVALID, "size_bytes", "1073741825 is not a multiple of 512");
	assert_refused(rack, "disk", 10 * GIB + 512, NULL, ERR_CAPACITY, "size_bytes",
		       "10.0 GiB is more than the pool can still store (10 GiB)");
	assert_refused(rack, "disk", INT64_MAX - 511, NULL, ERR_CAPACITY, "size_bytes",
		       "more than the pool can still store");
	assert_refused(rack, "disk", GIB, "none", ERR_INVALID, "image", "image: there is no image 'none'");
	assert_refused(rack, "disk", GIB, "early", ERR_STATE, "image", "image: 'early' is uploading, not available");
	assert_refused(rack, "disk", GIB, "guest", ERR_INVALID, "size_bytes",
		       "size_bytes: 1 GiB is less than the image's 2 GiB");
}

static void a_volume_is_made_empty_or_cloned(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	const struct volume *volume = NULL;
	rack_with_pool(rack);
	add_image(rack, "guest", IMAGE_AVAILABLE);
	_cleanup_free_ char *id = created(rack, "empty");
	_cleanup_free_ char *task = xstrdup(get(rack, id)->task), *trace = xasprintf("create(volume-%s) ", id);
	assert_int_equal(get(rack, id)->state, VOLUME_CREATING);
	rack_settle(rack);
	assert_ceph_trace(rack, trace);
	assert_int_equal(get(rack, id)->state, VOLUME_AVAILABLE);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
	assert_null(get(rack, id)->task);
	assert_int_equal(create(rack, "clone", 0, "guest", &volume, &err), 0);
	assert_true(volume->size_bytes == 2 * GIB); /* the image's */
	assert_string_equal(volume->image,
			    ((const struct image *)store_find(rack_store(rack), &kind_image, "guest"))->id);
	_cleanup_free_ char *cloned = xasprintf("clone(volume-%s) ", volume->id);
	rack_settle(rack);
	assert_ceph_trace(rack, cloned);
}

static void what_ceph_refuses_is_told(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	rack->ceph_fault = ERR_CAPACITY;
	_cleanup_free_ char *id = created(rack, "disk"), *task = xstrdup(get(rack, id)->task);
	rack_settle(rack);
	assert_int_equal(get(rack, id)->state, VOLUME_FAILED);
	assert_string_equal(get(rack, id)->error->code, "capacity");
	assert_int_equal(rack_task(rack, task)->state, TASK_FAILED);
	rack->ceph_fault = ERR_NONE;
	const char *deletion;
	assert_int_equal(volume_delete(rack->controller->storage, id, &deletion, NULL), 0);
	rack_settle(rack);
	assert_null(store_get(rack_store(rack), &kind_volume, id));
}

static void what_was_cut_off_is_made_after_a_restart(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	_cleanup_free_ char *id = created(rack, "disk"), *task = xstrdup(get(rack, id)->task);
	_cleanup_free_ char *trace = xasprintf("create(volume-%s) create(volume-%s) ", id, id);
	while (loop_fake_run_due(rack->loop))
		;
	rack->controller = controller_free(rack->controller);
	assert_true(loop_fake_work_run(rack->loop, 0)); /* done in Ceph, and nobody is there to hear of it */
	assert_true(rack->rbd_count == 1);
	rack_start(rack);
	assert_int_equal(get(rack, id)->state, VOLUME_CREATING);
	rack_settle(rack);
	assert_int_equal(get(rack, id)->state, VOLUME_AVAILABLE);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
	assert_true(rack->rbd_count == 1);
	assert_ceph_trace(rack, trace);
}

static void a_volume_in_use_is_not_deleted(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	const char *task = NULL;
	rack_with_pool(rack);
	_cleanup_free_ char *id = created(rack, "disk");
	assert_true(volume_delete(rack->controller->storage, id, &task, &err) < 0);
	assert_string_equal(err.text, "volume disk is creating; wait for that to end");
	rack_settle(rack);
	const struct vm wanted = { .name = (char *)"web", .volume = id, .cpus = 1, .memory_bytes = GIB };
	const struct vm *vm;
	assert_int_equal(vm_create(rack->controller->compute, &wanted, &vm, &err), 0);
	assert_true(volume_delete(rack->controller->storage, id, &task, &err) < 0);
	assert_int_equal(err.code, ERR_STATE);
	assert_string_equal(err.text, "volume disk is used by virtual machine web; delete that first");
	assert_null(task);
	assert_int_equal(get(rack, id)->state, VOLUME_IN_USE);
}

static void a_volume_is_deleted_once(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	const char *task = NULL, *again = NULL;
	rack_with_pool(rack);
	_cleanup_free_ char *id = created(rack, "disk");
	rack_settle(rack);
	rack->ceph_fault = ERR_STATE; /* it has watchers */
	assert_int_equal(volume_delete(rack->controller->storage, id, &task, &err), 0);
	assert_true(volume_delete(rack->controller->storage, id, &again, &err) < 0);
	assert_string_equal(err.text, "volume disk is deleting; wait for that to end");
	_cleanup_free_ char *first = xstrdup(task);
	rack_settle(rack);
	assert_int_equal(rack_task(rack, first)->state, TASK_FAILED);
	assert_int_equal(get(rack, id)->state, VOLUME_AVAILABLE);
	assert_string_equal(get(rack, id)->error->text, "Ceph says no");
	rack->ceph_fault = ERR_NONE;
	assert_int_equal(volume_delete(rack->controller->storage, id, &task, &err), 0);
	_cleanup_free_ char *second = xstrdup(task);
	rack_settle(rack);
	assert_null(store_get(rack_store(rack), &kind_volume, id));
	assert_int_equal(rack_task(rack, second)->state, TASK_SUCCEEDED);
	assert_int_equal(rack->rbd_count, 0);
}

/* What was never made whole is nothing that a virtual machine could use, whatever becomes of its deletion. */
static void a_failed_volume_stays_failed_when_its_deletion_fails(void **state)
{
	struct rack *rack = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	const char *task = NULL;
	const struct vm *vm = NULL;
	rack_with_pool(rack);
	rack->ceph_fault = ERR_CAPACITY;
	_cleanup_free_ char *id = created(rack, "disk");
	rack_settle(rack);
	rack->ceph_fault = ERR_STATE;
	assert_int_equal(volume_delete(rack->controller->storage, id, &task, &err), 0);
	_cleanup_free_ char *first = xstrdup(task);
	rack_restart(rack); /* what it was before is known to the next process too */
	assert_int_equal(rack_task(rack, first)->state, TASK_FAILED);
	assert_int_equal(get(rack, id)->state, VOLUME_FAILED);
	assert_string_equal(get(rack, id)->error->code, "state");
	const struct vm wanted = { .name = (char *)"web", .volume = id, .cpus = 1, .memory_bytes = GIB };
	assert_true(vm_create(rack->controller->compute, &wanted, &vm, &err) < 0);
	rack->ceph_fault = ERR_NONE;
	assert_int_equal(volume_delete(rack->controller->storage, id, &task, NULL), 0);
	rack_settle(rack);
	assert_null(store_get(rack_store(rack), &kind_volume, id));
}

/* ---- what is cancelled ---- */

static void assert_nothing_left(struct rack *rack, const char *id, const char *task)
{
	assert_null(store_get(rack_store(rack), &kind_volume, id));
	assert_int_equal(rack_task(rack, task)->state, TASK_CANCELLED);
	assert_string_equal(rack_task(rack, task)->error->code, "cancelled");
	assert_int_equal(rack->rbd_count, 0);
}

static void cancel(struct rack *rack, const char *task)
{
	assert_int_equal(task_cancel(rack->controller->tasks, task, NULL), 0);
}

/* Its turn had not come: nothing is made, and what an earlier try may have left is removed all the same. */
static void a_volume_that_is_cancelled_before_its_turn_is_not_made(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	_cleanup_free_ char *id = created(rack, "disk"), *task = xstrdup(get(rack, id)->task);
	_cleanup_free_ char *trace = xasprintf("delete(volume-%s) ", id);
	cancel(rack, task);
	assert_int_equal(rack_task(rack, task)->state, TASK_RUNNING); /* until it is known what is left */
	rack_settle(rack);
	assert_nothing_left(rack, id, task);
	assert_ceph_trace(rack, trace);
	/* Its name is free, and what was asked for can be asked for again. */
	const char *again = NULL;
	assert_int_equal(cluster_task_retry(rack->controller->cluster, task, &again, NULL), 0);
	_cleanup_free_ char *made = xstrdup(rack_task(rack, again)->resource_id);
	assert_string_not_equal(made, id);
	rack_settle(rack);
	assert_int_equal(get(rack, made)->state, VOLUME_AVAILABLE);
	assert_string_equal(get(rack, made)->name, "disk");
	assert_int_equal(get(rack, made)->size_bytes, GIB);
}

/* Ceph was at it already: it is made, and removed then. */
static void a_volume_that_is_cancelled_while_it_is_made_is_removed(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	_cleanup_free_ char *id = created(rack, "disk"), *task = xstrdup(get(rack, id)->task);
	while (loop_fake_run_due(rack->loop))
		;
	rack->controller = controller_free(rack->controller);
	assert_true(loop_fake_work_run(rack->loop, 0)); /* the process dies; Ceph does not */
	assert_int_equal(rack->rbd_count, 1);
	rack_start(rack);
	cancel(rack, task);
	const char *other = NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	assert_true(volume_delete(rack->controller->storage, id, &other, &err) < 0); /* it is going already */
	rack_restart(rack);
	assert_nothing_left(rack, id, task);
}

/* Ceph does not answer: nobody is told that nothing is left. */
static void a_cancelled_volume_that_cannot_be_removed_has_failed(void **state)
{
	struct rack *rack = *state;
	const char *other = NULL;
	rack_with_pool(rack);
	_cleanup_free_ char *id = created(rack, "disk"), *task = xstrdup(get(rack, id)->task);
	cancel(rack, task);
	rack->ceph_fault = ERR_UNREACHABLE;
	rack_settle(rack);
	assert_int_equal(rack_task(rack, task)->state, TASK_FAILED);
	assert_string_equal(rack_task(rack, task)->error->code, "unreachable");
	assert_int_equal(get(rack, id)->state, VOLUME_FAILED);
	assert_string_equal(get(rack, id)->error->text,
			    "it was cancelled, and what there was of it could not be removed; delete it: Ceph says no");
	rack->ceph_fault = ERR_NONE;
	assert_int_equal(volume_delete(rack->controller->storage, id, &other, NULL), 0);
	rack_settle(rack);
	assert_null(store_get(rack_store(rack), &kind_volume, id));
}

/* "Cancelled" is not said of a volume that goes. */
static void a_deletion_cannot_be_called_back(void **state)
{
	struct rack *rack = *state;
	const char *task = NULL;
	rack_with_pool(rack);
	_cleanup_free_ char *id = created(rack, "disk");
	rack_settle(rack);
	assert_int_equal(volume_delete(rack->controller->storage, id, &task, NULL), 0);
	_cleanup_free_ char *kept = xstrdup(task);
	cancel(rack, kept);
	assert_string_equal(rack_task(rack, kept)->message, "cannot be called back");
	rack_settle(rack);
	assert_null(store_get(rack_store(rack), &kind_volume, id));
	assert_int_equal(rack_task(rack, kept)->state, TASK_SUCCEEDED);
}

/* ---- what takes long ---- */

/* Time passes, and all is done but for the operation that was begun first: that one takes long. */
static void pass_but_the_first(struct rack *rack, int64_t ms)
{
	int64_t end = loop_now_ms(rack->loop) + ms;
	for (;;) {
		while (loop_fake_run_due(rack->loop) || loop_fake_work_run(rack->loop, 1))
			;
		if (loop_fake_next_ms(rack->loop) > end)
			break;
		loop_fake_set_ms(rack->loop, loop_fake_next_ms(rack->loop));
	}
}

static char *import_begun(struct rack *rack)
{
	_cleanup_free_ char *path = xasprintf("%s/.upload-test", rack->dir);
	const struct image wanted = { .name = (char *)"guest" }, *image = NULL;
	const char *task = NULL;
	assert_int_equal(image_create(rack->controller->storage, &wanted, &image, NULL), 0);
	_cleanup_free_ char *id = xstrdup(image->id);
	assert_int_equal(write_file_atomic(path, "", 0, 0600), 0);
	assert_int_equal(truncate(path, 512), 0);
	assert_int_equal(image_upload(rack->controller->storage, id, path, NULL, &task, NULL), 0);
	return xstrdup(task);
}

static void an_import_holds_up_neither_volumes_nor_the_status(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	_cleanup_free_ char *import = import_begun(rack);
	while (loop_fake_run_due(rack->loop))
		;
	_cleanup_free_ char *id = created(rack, "disk"), *task = xstrdup(get(rack, id)->task);
	rack->hosts_up = 1;
	pass_but_the_first(rack, INT64_C(15) * 60 * 1000);
	assert_int_equal(rack_task(rack, import)->state, TASK_RUNNING);
	assert_int_equal(get(rack, id)->state, VOLUME_AVAILABLE);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
	assert_int_equal(rack_pool(rack)->state, POOL_DEGRADED);
	rack_settle(rack);
	assert_int_equal(rack_task(rack, import)->state, TASK_SUCCEEDED);
}

static void the_time_of_what_waits_its_turn_has_not_begun(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	_cleanup_free_ char *slow = created(rack, "slow"), *slow_task = xstrdup(get(rack, slow)->task);
	while (loop_fake_run_due(rack->loop))
		;
	_cleanup_free_ char *id = created(rack, "disk"), *task = xstrdup(get(rack, id)->task);
	int64_t given_ms = rack_task(rack, task)->deadline - loop_now_ms(rack->loop);
	pass_but_the_first(rack, 3 * given_ms);
	assert_int_equal(rack_task(rack, slow_task)->state, TASK_FAILED); /* it had all its time */
	assert_int_equal(rack_task(rack, task)->state, TASK_RUNNING);
	assert_true(loop_fake_work_run(rack->loop, 0));
	assert_int_equal(get(rack, slow)->state, VOLUME_AVAILABLE);
	assert_true(rack_task(rack, task)->deadline == loop_now_ms(rack->loop) + given_ms);
	/* Now that it has its turn it may fail by its deadline. */
	pass_but_the_first(rack, given_ms + 2000);
	assert_int_equal(rack_task(rack, task)->state, TASK_FAILED);
	assert_string_equal(rack_task(rack, task)->error->code, "timeout");
	rack_settle(rack);
	assert_int_equal(get(rack, id)->state, VOLUME_AVAILABLE);
}

static void what_waits_is_taken_up_by_the_next_process(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	_cleanup_free_ char *one = created(rack, "one"), *two = created(rack, "two"),
			    *task = xstrdup(get(rack, two)->task);
	while (loop_fake_run_due(rack->loop))
		;
	rack->controller = controller_free(rack->controller);
	loop_fake_set_ms(rack->loop, loop_now_ms(rack->loop) + INT64_C(3600) * 1000);
	rack_start(rack);
	pass_but_the_first(rack, 60000);
	assert_int_equal(rack_task(rack, task)->state, TASK_RUNNING);
	rack_settle(rack);
	assert_int_equal(get(rack, one)->state, VOLUME_AVAILABLE);
	assert_int_equal(get(rack, two)->state, VOLUME_AVAILABLE);
	assert_int_equal(rack_task(rack, task)->state, TASK_SUCCEEDED);
}

/* ---- how full it was ---- */

#define HOUR_MS (60 * 60 * 1000)
#define SAMPLES_MAX (4 * 7 * 24)

static const struct pool_usage *usage_of(const struct rack *rack)
{
	return store_get(rack_store(rack), &kind_pool_usage, rack_pool(rack)->id);
}

static const struct pool_sample *newest(const struct rack *rack)
{
	return &usage_of(rack)->samples[usage_of(rack)->sample_count - 1];
}

static void what_is_used_is_noted_once_an_hour(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	assert_int_equal(usage_of(rack)->sample_count, 1);
	assert_int_equal(newest(rack)->total_bytes, rack_pool(rack)->total_bytes);
	int64_t first_ms = newest(rack)->time;
	rack->used_bytes = 7 * GIB;
	rack_pass(rack, HOUR_MS - 60000);
	assert_int_equal(usage_of(rack)->sample_count, 1);
	rack_pass(rack, 60000);
	assert_int_equal(usage_of(rack)->sample_count, 2);
	assert_int_equal(newest(rack)->used_bytes, 7 * GIB);
	assert_true(newest(rack)->time - first_ms >= HOUR_MS);
	rack->quorum = false; /* who does not answer says nothing */
	rack_pass(rack, 3 * HOUR_MS);
	assert_int_equal(usage_of(rack)->sample_count, 2);
}

/* Puts as many samples as there may be before now, the newest so long ago; negative: it is yet to come. */
static void fill_samples(struct rack *rack, int64_t newest_ago_ms)
{
	struct store *store = rack_store(rack);
	_cleanup_free_ char *id = xstrdup(rack_pool(rack)->id);
	store_begin(store);
	struct pool_usage *usage = store_edit(store, &kind_pool_usage, id);
	usage->sample_count = 0;
	for (int64_t i = 0; i < SAMPLES_MAX; i++) {
		struct pool_sample *sample = schema_list_add(&pool_usage_schema, usage, "samples");
		sample->time = loop_now_ms(rack->loop) - newest_ago_ms - (SAMPLES_MAX - 1 - i) * HOUR_MS;
		sample->used_bytes = (uint64_t)i;
		sample->total_bytes = GIB;
	}
	store_must_commit(store);
}

static void the_oldest_samples_go(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	fill_samples(rack, HOUR_MS);
	rack_pass(rack, 60000);
	assert_int_equal(usage_of(rack)->sample_count, SAMPLES_MAX);
	assert_int_equal(usage_of(rack)->samples[0].used_bytes, 1);
	assert_int_equal(newest(rack)->total_bytes, rack_pool(rack)->total_bytes);
}

static void a_clock_that_was_set_back_does_not_stop_it(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	fill_samples(rack, -10 * HOUR_MS);
	rack_pass(rack, 60000);
	assert_int_equal(usage_of(rack)->sample_count, SAMPLES_MAX - 10 + 1);
	assert_true(newest(rack)->time <= loop_now_ms(rack->loop));
	assert_int_equal(newest(rack)->total_bytes, rack_pool(rack)->total_bytes);
}

static void a_pool_says_since_when_it_is_as_it_is(void **state)
{
	struct rack *rack = *state;
	rack_with_pool(rack);
	int64_t active_ms = rack_pool(rack)->state_since;
	assert_true(active_ms > 0);
	rack_pass(rack, HOUR_MS);
	assert_int_equal(rack_pool(rack)->state_since, active_ms);
	rack->quorum = false;
	rack_pass(rack, 60000);
	assert_int_equal(rack_pool(rack)->state, POOL_UNREACHABLE);
	assert_true(rack_pool(rack)->state_since >= active_ms + HOUR_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_pool_comes_step_by_step_and_each_is_asked_for_once),
		TEST(keys_go_only_to_whom_they_are_for),
		TEST(only_data_disks_are_taken),
		TEST(a_quorum_that_is_lost_is_told_and_holds_nothing_up),
		TEST(what_ceph_refuses_is_asked_for_again),
		TEST(without_a_pool_nothing_is_created),
		TEST(creating_is_checked),
		TEST(a_volume_is_made_empty_or_cloned),
		TEST(what_ceph_refuses_is_told),
		TEST(what_was_cut_off_is_made_after_a_restart),
		TEST(a_volume_in_use_is_not_deleted),
		TEST(a_volume_is_deleted_once),
		TEST(a_failed_volume_stays_failed_when_its_deletion_fails),
		TEST(a_volume_that_is_cancelled_before_its_turn_is_not_made),
		TEST(a_volume_that_is_cancelled_while_it_is_made_is_removed),
		TEST(a_cancelled_volume_that_cannot_be_removed_has_failed),
		TEST(a_deletion_cannot_be_called_back),
		TEST(an_import_holds_up_neither_volumes_nor_the_status),
		TEST(the_time_of_what_waits_its_turn_has_not_begun),
		TEST(what_waits_is_taken_up_by_the_next_process),
		TEST(what_is_used_is_noted_once_an_hour),
		TEST(the_oldest_samples_go),
		TEST(a_clock_that_was_set_back_does_not_stop_it),
		TEST(a_pool_says_since_when_it_is_as_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
