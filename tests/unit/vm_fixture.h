/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Virtual machines on the nodes of rack_fixture.h: what people ask for and what nodes say of them. */
#ifndef INGOT_TESTS_VM_FIXTURE_H
#define INGOT_TESTS_VM_FIXTURE_H

#include "rack_fixture.h"

static inline const struct vm *rack_get_vm(const struct rack *rack, const char *id)
{
	const struct vm *vm = store_get(rack_store(rack), &kind_vm, id);
	assert_non_null(vm);
	return vm;
}

/* A volume as storage would have made it. */
static inline void rack_volume(struct rack *rack, const char *name, int volume_state)
{
	store_begin(rack_store(rack));
	struct volume *volume = store_create(rack_store(rack), &kind_volume);
	volume->name = xstrdup(name);
	volume->pool = xstrdup(STORAGE_POOL);
	volume->size_bytes = GIB;
	volume->state = volume_state;
	assert_int_equal(store_commit(rack_store(rack), NULL), 0);
}

static inline char *rack_vm(struct rack *rack, const char *name, const char *volume, bool start)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct vm wanted = {
		.name = (char *)name, .volume = (char *)volume, .cpus = 1, .memory_bytes = GIB, .start = start
	};
	const struct vm *vm = NULL;
	if (vm_create(rack->controller->compute, &wanted, &vm, &err) < 0)
		fail_msg("%s", err.text);
	char *id = xstrdup(vm->id);
	rack_settle(rack);
	return id;
}

/* A new one that is to run, placed if there is a node. */
static inline char *rack_started(struct rack *rack, const char *name)
{
	_cleanup_free_ char *volume = xasprintf("disk-of-%s", name);
	rack_volume(rack, volume, VOLUME_AVAILABLE);
	return rack_vm(rack, name, volume, true);
}

/* ---- what nodes are told ---- */

static inline int64_t rack_generation(struct rack *rack, const char *node)
{
	const struct peer peer = { .node = node };
	json_t *document = cluster_agent_desired(rack->controller->cluster, &peer, -1);
	int64_t generation = json_integer_value(json_object_get(document, "generation"));
	json_decref(document);
	return generation;
}

/* What a node is told of one; NULL if nothing. The caller's. */
static inline json_t *rack_desired_vm(struct rack *rack, const char *node, const char *id)
{
	const struct peer peer = { .node = node };
	json_t *document = cluster_agent_desired(rack->controller->cluster, &peer, -1), *found = NULL, *vm;
	size_t i;
	json_array_foreach(json_object_get(document, "vms"), i, vm)
		if (str_equal(json_string_value(json_object_get(vm, "id")), id))
			found = json_incref(vm);
	json_decref(document);
	return found;
}

static inline void assert_told(struct rack *rack, const char *node, const char *id, const char *wanted)
{
	json_t *vm = rack_desired_vm(rack, node, id);
	const char *told = json_string_value(json_object_get(vm, "state"));
	if (!str_equal(told, wanted))
		fail_msg("told to be %s instead of %s", str_or(told, "nothing"), str_or(wanted, "nothing"));
	json_decref(vm);
}

/* ---- what nodes say: vms is stolen; settled: the report is of the document that is wanted now ---- */

static inline void rack_say(struct rack *rack, const char *node, json_t *vms, bool settled)
{
	int64_t generation = settled ? rack_generation(rack, node) : 1;
	rack_node_report(rack, node,
			 json_pack("{s:{s:I}, s:o}", "generations", "vms", (json_int_t)generation, "vms", vms));
	rack_settle(rack);
}

static inline void rack_say_nothing(struct rack *rack, const char *node, bool settled)
{
	rack_say(rack, node, json_array(), settled);
}

static inline void rack_say_vm(struct rack *rack, const char *node, const char *id, int64_t generation,
			       const char *vm_state, bool settled)
{
	rack_say(rack, node,
		 json_pack("[{s:s, s:I, s:s}]", "id", id, "generation", (json_int_t)generation, "state", vm_state),
		 settled);
}

static inline char *rack_running(struct rack *rack, const char *name, const char *node)
{
	char *id = rack_started(rack, name);
	assert_string_equal(rack_get_vm(rack, id)->node, node);
	rack_say_vm(rack, node, id, rack_get_vm(rack, id)->generation, "running", true);
	assert_int_equal(rack_get_vm(rack, id)->state, VM_RUNNING);
	return id;
}

/* ---- what people ask for; the task's identifier is the caller's ---- */

static inline char *rack_vm_do(struct rack *rack, const char *id,
			       int (*fn)(struct compute *, const char *, const char **, struct err *))
{
	_cleanup_err_ struct err err = ERR_INIT;
	const char *task = NULL;
	if (fn(rack->controller->compute, id, &task, &err) < 0)
		fail_msg("%s", err.text);
	assert_non_null(task);
	char *copy = xstrdup(task);
	rack_settle(rack);
	return copy;
}

static inline char *rack_stop(struct rack *rack, const char *id)
{
	return rack_vm_do(rack, id, vm_stop);
}

static inline char *rack_delete(struct rack *rack, const char *id)
{
	return rack_vm_do(rack, id, vm_delete);
}

#endif
