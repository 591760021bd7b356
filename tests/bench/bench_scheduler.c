/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long one placement takes among many nodes: the usual case, one among full nodes, and one that nobody can take. */
#include <stdio.h>
#include <time.h>

#include "cluster/scheduler.h"

#define ROUNDS 200

static int64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct schedule_node *make_nodes(size_t count)
{
	struct schedule_node *nodes = new0(struct schedule_node, count);
	uint64_t seed = 1;
	for (size_t i = 0; i < count; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		int64_t vms = (int64_t)(seed >> 33) % 100;
		char *id = xasprintf("019b76da-a800-7000-8000-%012zu", i);
		nodes[i] = (struct schedule_node){ id, id, true, 64, 4 * vms, 512 * GIB, (uint64_t)vms * 5 * GIB, vms };
	}
	return nodes;
}

static int compare(const void *a, const void *b)
{
	const int64_t *left = a, *right = b;
	return (*left > *right) - (*left < *right);
}

static void measure(const char *what, const struct schedule_node *nodes, size_t count, uint64_t memory_bytes)
{
	const struct schedule_request request = { .cpus = 2, .memory_bytes = memory_bytes };
	int64_t times[ROUNDS];
	for (unsigned i = 0; i < ROUNDS; i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		_cleanup_free_ char *why = NULL;
		size_t best;
		int64_t begin = cpu_ns();
		schedule(&request, nodes, count, &best, &why, &err);
		times[i] = cpu_ns() - begin;
	}
	qsort(times, ROUNDS, sizeof(times[0]), compare);
	printf("%6zu nodes, %-20s median %8.1f us, worst %8.1f us\n", count, what, (double)times[ROUNDS / 2] / 1000,
	       (double)times[ROUNDS - 1] / 1000);
}

int main(void)
{
	static const size_t counts[] = { 100, 1000, 10000 };
	for (size_t c = 0; c < ARRAY_SIZE(counts); c++) {
		struct schedule_node *nodes = make_nodes(counts[c]);
		measure("room everywhere", nodes, counts[c], GIB);
		measure("room on few", nodes, counts[c], 500 * GIB);
		measure("room nowhere", nodes, counts[c], 1024 * GIB);
		for (size_t i = 0; i < counts[c]; i++)
			free((char *)nodes[i].id);
		free(nodes);
	}
	return 0;
}
