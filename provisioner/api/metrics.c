/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Metrics in Prometheus' text exposition format 0.0.4. */
#include "api/api_priv.h"

#define WORDS_MAX 64 /* api_list.c has a bit for each */

struct count {
	const char *metric, *help;
	const struct store_kind *kind;
	const char *field; /* an enumeration of the kind */
};

static const struct count counts[] = {
	{ "ingot_machines", "Machines by state.", &kind_machine, "state" },
	{ "ingot_nodes", "Nodes by health.", &kind_node, "health" },
	{ "ingot_volumes", "Volumes by state.", &kind_volume, "state" },
	{ "ingot_vms", "Virtual machines by state.", &kind_vm, "state" },
	{ "ingot_tasks", "Tasks kept, by state.", &kind_task, "state" },
	{ "ingot_pools", "Pools by state.", &kind_pool, "state" },
};

static void add_count(struct strbuf *sb, struct store *store, const struct count *count)
{
	const struct field *f = schema_field(count->kind->schema, count->field);
	strbuf_addf(sb, "# HELP %s %s\n# TYPE %s gauge\n", count->metric, count->help, count->metric);
	unsigned n[WORDS_MAX] = { 0 };
	const void *object;
	for (size_t i = 0; (object = store_at(store, count->kind, i)); i++)
		n[*(const int *)(const void *)((const char *)object + f->offset)]++;
	for (int word = 0; f->words[word]; word++)
		strbuf_addf(sb, "%s{%s=\"%s\"} %u\n", count->metric, count->field, f->words[word], n[word]);
}

static void add_pools(struct strbuf *sb, struct store *store)
{
	strbuf_adds(sb, "# HELP ingot_pool_available_bytes What can still be stored.\n"
			"# TYPE ingot_pool_available_bytes gauge\n");
	STORE_EACH(struct pool, pool, store, &kind_pool)
		strbuf_addf(sb, "ingot_pool_available_bytes{pool=\"%s\"} %llu\n", pool->name,
			    (unsigned long long)pool->available_bytes);
}

int api_metrics(struct api_call *call, struct err *err)
{
	_cleanup_strbuf_ struct strbuf sb = { 0 };
	const struct api_spec *spec = &call->api->spec;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		add_count(&sb, call->api->store, &counts[i]);
	add_pools(&sb, call->api->store);
	bool netboot = spec->netboot_health && str_equal(spec->netboot_health(spec->netboot_ctx), "running");
	strbuf_addf(&sb,
		    "# HELP ingot_netboot_up Whether DHCP and TFTP run.\n# TYPE ingot_netboot_up gauge\n"
		    "ingot_netboot_up %d\n",
		    netboot);
	strbuf_addf(&sb,
		    "# HELP ingot_events_total Events so far.\n# TYPE ingot_events_total counter\n"
		    "ingot_events_total %lld\n",
		    (long long)store_event_last(call->api->store));
	http_answer_data(call->request, 200, "text/plain; version=0.0.4", sb.data, sb.len, NULL);
	call->answered = true;
	return 0;
}
