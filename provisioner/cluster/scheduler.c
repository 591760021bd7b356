/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cluster/scheduler.h"

#include "schema/schema.h"

#define REFUSALS_SHOWN 10

static uint64_t memory_free(const struct schedule_node *node)
{
	return node->memory_bytes > node->memory_used_bytes ? node->memory_bytes - node->memory_used_bytes : 0;
}

static int64_t cpus_left(const struct schedule_node *node)
{
	return MAX_OF(node->cpus * SCHEDULE_CPU_OVERCOMMIT - node->cpus_used, 0);
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
	return request->cpus > cpus_left(node);
}

static bool out_seeds(const struct schedule_request *request, const struct schedule_node *node)
{
	return request->seed_bytes > 0 && node->seed_bytes + request->seed_bytes > SCHEDULE_SEEDS_MAX_BYTES;
}

static char *why_avoided(const struct schedule_request *request, const struct schedule_node *node)
{
	return xstrdup("it is there already");
}

static char *why_not_ready(const struct schedule_request *request, const struct schedule_node *node)
{
	return xstrdup("does not report");
}

static char *why_memory(const struct schedule_request *request, const struct schedule_node *node)
{
	_cleanup_free_ char *left = bytes_format(memory_free(node)), *wanted = bytes_format(request->memory_bytes);
	return xasprintf("not enough free memory: %s of %s", left, wanted);
}

static char *why_cpus(const struct schedule_request *request, const struct schedule_node *node)
{
	return xasprintf("not enough processors: %lld of %lld (it has %lld; each is promised %d times at most)",
			 (long long)cpus_left(node), (long long)request->cpus, (long long)node->cpus,
			 SCHEDULE_CPU_OVERCOMMIT);
}

static char *why_seeds(const struct schedule_request *request, const struct schedule_node *node)
{
	_cleanup_free_ char *has = bytes_format(node->seed_bytes), *most = bytes_format(SCHEDULE_SEEDS_MAX_BYTES);
	return xasprintf("its virtual machines have %s of cloud-init data already, of %s", has, most);
}

/* In the order they are asked; the first that holds is the reason. */
static const struct filter {
	bool (*out)(const struct schedule_request *request, const struct schedule_node *node);
	char *(*why)(const struct schedule_request *request, const struct schedule_node *node);
} filters[] = {
	{ out_avoided, why_avoided }, { out_not_ready, why_not_ready }, { out_memory, why_memory },
	{ out_cpus, why_cpus },	      { out_seeds, why_seeds },
};

static const struct filter *filter(const struct schedule_request *request, const struct schedule_node *node)
{
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
		if (filters[i].out(request, node))
			return &filters[i];
	return NULL;
}

char *schedule_refusal(const struct schedule_request *request, const struct schedule_node *node)
{
	const struct filter *out = filter(request, node);
	return out ? out->why(request, node) : NULL;
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

static char *describe(const struct schedule_node *node, size_t fit)
{
	_cleanup_free_ char *free_memory = bytes_format(memory_free(node));
	double percent = 100.0 * (double)memory_free(node) / (double)MAX_OF(node->memory_bytes, 1);
	const char *rank = fit == 1 ? "the only node it fits on" : "the largest share of free memory";
	return xasprintf("%s; memory free: %s (%.0f %%); virtual machines: %lld", rank, free_memory, percent,
			 (long long)node->vm_count);
}

int schedule(const struct schedule_request *request, const struct schedule_node *nodes, size_t count, size_t *ret_index,
	     char **ret_why, struct err *err)
{
	size_t best = count, fit = 0;
	int64_t best_score = 0;
	for (size_t i = 0; i < count; i++) {
		if (filter(request, &nodes[i]))
			continue;
		fit++;
		int64_t this_score = score(&nodes[i]);
		if (best < count &&
		    (this_score < best_score || (this_score == best_score && strcmp(nodes[i].id, nodes[best].id) >= 0)))
			continue;
		best = i;
		best_score = this_score;
	}
	if (best == count)
		return refuse_all(request, nodes, count, err);
	*ret_why = describe(&nodes[best], fit);
	*ret_index = best;
	return 0;
}
