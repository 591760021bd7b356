/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ingot-sim: runs seeds, says which failed and how to repeat one. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "world.h"

static const char usage[] = "Usage: ingot-sim [--seeds N] [--first SEED] [--replay SEED]\n"
			    "  --seeds N      run N seeds (default 100), from --first (default 1)\n"
			    "  --replay SEED  run one seed and say all that happens\n";

static int replay(uint64_t seed)
{
	log_set_level(LOG_LEVEL_INFO);
	struct world_result result = world_run(seed, true);
	printf("seed %llu: %s%s\n", (unsigned long long)seed, result.ok ? "passed" : "FAILED: ", result.why);
	free(result.why);
	return result.ok ? 0 : 1;
}

static int run_many(uint64_t first, uint64_t count)
{
	unsigned failed = 0, crashes = 0, installs = 0, migrations = 0;
	uint64_t messages = 0;
	int64_t begin = monotonic_ms(), simulated = 0;
	for (uint64_t seed = first; seed < first + count; seed++) {
		struct world_result result = world_run(seed, false);
		if (!result.ok) {
			failed++;
			printf("seed %llu: %s\n  again: ingot-sim --replay %llu\n", (unsigned long long)seed,
			       result.why, (unsigned long long)seed);
		}
		crashes += result.crashes;
		messages += result.messages;
		installs += result.installs;
		migrations += result.migrations;
		simulated += result.simulated_ms;
		free(result.why);
	}
	printf("sim: %llu seeds in %.1f s: %.0f simulated hours, %u crashes, %llu messages, %u installs, %u migrations\n",
	       (unsigned long long)count, (double)(monotonic_ms() - begin) / 1000, (double)simulated / 3600000, crashes,
	       (unsigned long long)messages, installs, migrations);
	printf("sim: %llu passed, %u failed\n", (unsigned long long)count - failed, failed);
	return failed || !count ? 1 : 0;
}

int main(int argc, char **argv)
{
	int64_t seeds = 100, first = 1, one = 0;
	for (int i = 1; i < argc; i++) {
		int64_t *number = str_equal(argv[i], "--seeds")	   ? &seeds
				  : str_equal(argv[i], "--first")  ? &first
				  : str_equal(argv[i], "--replay") ? &one
								   : NULL;
		if (!number || ++i == argc || parse_i64(argv[i], 0, INT64_MAX, number) < 0) {
			fputs(usage, stderr);
			return 2;
		}
	}
	return one ? replay((uint64_t)one) : run_many((uint64_t)first, (uint64_t)seeds);
}
