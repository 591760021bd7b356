/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cluster/scheduler.h"

#include "schema/schema.h"

#define REFUSALS_SHOWN 10

static uint64_t memory_free(const struct schedule_node *node)
{
	return node->memory_bytes > node->memory_used_bytes ? node->memory_bytes - node->memory_used_bytes : 0;
}

static bool out_avoided(const struct schedule_request *request, const struct schedule_node *node)
{
	return str_equal(request->avoid, node->id);
}

static bool out_not_ready(const struct schedule_request *request, const struct schedule_node *node)
{
	return !node->ready;
}

static bool out_memory(const struct schedule_request *request, const struct schedule_node *node)
{
	return request->memory_bytes > memory_free(node);
}

static bool out_cpus(const struct schedule_request *request, const struct schedule_node *node)
{
	return node->cpus_used + request->cpus > node->cpus * SCHEDULE_CPU_OVERCOMMIT;
}

/* In the order they are asked; the first that holds is the reason. */
static const struct {
	bool (*out)(const struct schedule_request *request, const struct schedule_node *node);
	const char *text;
} filters[] = {
	{ out_avoided, "it is there already" },
	{ out_not_ready, "does not report" },
	{ out_memory, "not enough free memory" },
	{ out_cpus, "its processors are promised too many times already" },
};

static const char *filter(const struct schedule_request *request, const struct schedule_node *node)
{
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
		if (filters[i].out(request, node))
			return filters[i].text;
	return NULL;
}

char *schedule_refusal(const struct schedule_request *request, const struct schedule_node *node)
{
	const char *text = filter(request, node);
	if (text && text != filters[2].text)
		return xstrdup(text);
	if (!text)
		return NULL;
	_cleanup_free_ char *free_memory = bytes_format(memory_free(node)),
			    *wanted = bytes_format(request->memory_bytes);
	return xasprintf("%s: %s of %s", text, free_memory, wanted);
}

/* More free memory first (per mille of the node's), then fewer virtual machines. */
static int64_t score(const struct schedule_node *node)
{
	int64_t memory = node->memory_bytes ? (int64_t)(memory_free(node) * 1000.0 / (double)node->memory_bytes) : 0;
	return memory * 1000 - node->vm_count * 10;
}

static int refuse_all(const struct schedule_request *request, const struct schedule_node *nodes, size_t count,
		      struct err *err)
{
	_cleanup_strbuf_ struct strbuf reasons = { 0 };
	for (size_t i = 0; i < count && i < REFUSALS_SHOWN; i++) {
		_cleanup_free_ char *why = schedule_refusal(request, &nodes[i]);
		strbuf_addf(&reasons, "%s%s: %s", i ? "; " : "", nodes[i].name, why);
	}
	if (count > REFUSALS_SHOWN)
		strbuf_addf(&reasons, "; and %zu more", count - REFUSALS_SHOWN);
	return err_set(err, ERR_CAPACITY, "no node can take it (%s)", count ? reasons.data : "there are no nodes");
}

int schedule(const struct schedule_request *request, const struct schedule_node *nodes, size_t count, size_t *ret_index,
	     char **ret_why, struct err *err)
{
	size_t best = count;
	int64_t best_score = 0;
	for (size_t i = 0; i < count; i++) {
		if (filter(request, &nodes[i]))
			continue;
		int64_t this_score = score(&nodes[i]);
		if (best < count &&
		    (this_score < best_score || (this_score == best_score && strcmp(nodes[i].id, nodes[best].id) >= 0)))
			continue;
		best = i;
		best_score = this_score;
	}
	if (best == count)
		return refuse_all(request, nodes, count, err);
	_cleanup_free_ char *free_memory = bytes_format(memory_free(&nodes[best]));
	*ret_why = xasprintf("most free memory (%s), %lld virtual machines on it", free_memory,
			     (long long)nodes[best].vm_count);
	*ret_index = best;
	return 0;
}
