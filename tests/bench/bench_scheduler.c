/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Placements per second among NODES nodes, beside the floor: one pass over the same nodes that keeps the one with the most
 * free memory. Virtual machines come and go: each placement is taken back some placements later. One line of JSON. */
#include <stdio.h>
#include <time.h>

#include "cluster/scheduler.h"

#define NODES_DEFAULT 10000
#define RUN_MS 1500
#define ROUNDS 3
#define LIVES 64 /* placements until one is taken back */

struct figures {
	double per_second, slowest_us;
};

static uint64_t random_state = 0x9E3779B97F4A7C15;

static uint64_t chance(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

static struct schedule_node *make_nodes(size_t count)
{
	struct schedule_node *nodes = new0(struct schedule_node, count);

	for (size_t i = 0; i < count; i++) {
		char *id = uuid_new();

		nodes[i] = (struct schedule_node){ .id = id,
						   .name = xasprintf("node-%zu", i),
						   .ready = chance(100) > 0,
						   .cpus = (int64_t)(16 << chance(4)),
						   .memory_bytes = (64 * GIB) << chance(5) };
		nodes[i].memory_used_bytes = nodes[i].memory_bytes / 100 * chance(90);
		nodes[i].cpus_used = (int64_t)chance((uint64_t)nodes[i].cpus * 4);
		nodes[i].vm_count = (int64_t)chance(50);
	}
	return nodes;
}

static void free_nodes(struct schedule_node *nodes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free((char *)nodes[i].id);
		free((char *)nodes[i].name);
	}
	free(nodes);
}

static void take(struct schedule_node *node, const struct schedule_request *request, int sign)
{
	node->memory_used_bytes += (uint64_t)sign * request->memory_bytes;
	node->cpus_used += sign * request->cpus;
	node->vm_count += sign;
}

static size_t place(struct schedule_node *nodes, size_t count)
{
	static struct {
		struct schedule_node *node;
		struct schedule_request request;
	} placed[LIVES];
	static unsigned next;
	const struct schedule_request request = { .cpus = 1 + (int64_t)chance(8), .memory_bytes = GIB << chance(5) };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *why = NULL;
	size_t best = 0;

	if (schedule(&request, nodes, count, &best, &why, &err) < 0) {
		fprintf(stderr, "bench-scheduler: %s\n", err.text);
		exit(1);
	}
	if (placed[next].node)
		take(placed[next].node, &placed[next].request, -1);
	placed[next].node = &nodes[best];
	placed[next].request = request;
	take(&nodes[best], &request, 1);
	next = (next + 1) % LIVES;
	return best;
}

static size_t pass(struct schedule_node *nodes, size_t count)
{
	uint64_t most = 0;
	size_t best = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t left = nodes[i].memory_bytes - nodes[i].memory_used_bytes;

		if (!nodes[i].ready || left <= most)
			continue;
		most = left;
		best = i;
	}
	return best;
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static struct figures measure(size_t (*fn)(struct schedule_node *nodes, size_t count), struct schedule_node *nodes,
			      size_t count)
{
	double begin = now_us(), last = begin;
	struct figures figures = { 0 };
	volatile size_t sink = 0;
	unsigned done = 0;

	while (last - begin < RUN_MS * 1e3) {
		sink += fn(nodes, count);
		double now = now_us();
		figures.slowest_us = MAX_OF(figures.slowest_us, now - last);
		last = now;
		done++;
	}
	(void)sink; /* what is found counts only in that it has to be found */
	figures.per_second = done / ((last - begin) / 1e6);
	return figures;
}

int main(int argc, char **argv)
{
	struct figures ours = { 0 }, floor = { 0 };
	int64_t count = NODES_DEFAULT;

	if (argc > 2 || (argc == 2 && parse_i64(argv[1], 1, 10000000, &count) < 0)) {
		fprintf(stderr, "usage: bench-scheduler [NODES]\n");
		return 2;
	}
	struct schedule_node *nodes = make_nodes((size_t)count);
	/* The best of several rounds, turn about: what else this host does slows both. */
	for (int i = 0; i < ROUNDS; i++) {
		struct figures a = measure(place, nodes, (size_t)count), b = measure(pass, nodes, (size_t)count);

		ours = a.per_second > ours.per_second ? a : ours;
		floor = b.per_second > floor.per_second ? b : floor;
	}
	free_nodes(nodes, (size_t)count);
	printf("{\"nodes\": %lld, \"per_second\": %.1f, \"slowest_us\": %.1f, \"floor_per_second\": %.1f}\n",
	       (long long)count, ours.per_second, ours.slowest_us, floor.per_second);
	return 0;
}
