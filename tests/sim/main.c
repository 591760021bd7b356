/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ingot-sim: runs seeds, says which failed and how to repeat one. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "world.h"

static const char usage[] =
	"Usage: ingot-sim [--seeds N] [--first SEED] [--sweep SEED] [--replay SEED [--die N]]\n"
	"  --seeds N      run N seeds (default 100), from --first (default 1)\n"
	"  --sweep SEED   run one seed without faults as often as it commits, and die after another commit each time\n"
	"  --replay SEED  run one seed and say all that happens\n"
	"  --die N        in a replay: no faults, but die after the Nth commit (0: never)\n";

/* die_at: -1 for the seed's own faults. */
static int replay(uint64_t seed, int64_t die_at)
{
	log_set_level(LOG_LEVEL_INFO);
	struct world_result result = die_at < 0 ? world_run(seed, true) : world_run_dying(seed, true, (unsigned)die_at);
	printf("seed %llu: %s%s\n", (unsigned long long)seed, result.ok ? "passed" : "FAILED: ", result.why);
	free(result.why);
	return result.ok ? 0 : 1;
}

/* Runs the seed with a death after commit n (0: none); returns how often it committed, 0 if it went wrong. */
static unsigned run_dying(uint64_t seed, unsigned n)
{
	struct world_result result = world_run_dying(seed, false, n);
	bool died = result.crashes == (n ? 1 : 0);
	if (!result.ok || !died)
		printf("seed %llu, death after commit %u: %s\n  again: ingot-sim --replay %llu --die %u\n",
		       (unsigned long long)seed, n, result.ok ? "it did not die" : result.why, (unsigned long long)seed,
		       n);
	free(result.why);
	return result.ok && died ? result.commits : 0;
}

static int sweep(uint64_t seed)
{
	int64_t begin = monotonic_ms();
	unsigned commits = run_dying(seed, 0), failed = 0;
	for (unsigned n = 1; n <= commits; n++)
		failed += run_dying(seed, n) == 0;
	printf("sim: seed %llu died after each of its %u commits in %.1f s\n", (unsigned long long)seed, commits,
	       (double)(monotonic_ms() - begin) / 1000);
	printf("sim: %u passed, %u failed\n", commits - failed, failed + !commits);
	return failed || !commits ? 1 : 0;
}

static int run_many(uint64_t first, uint64_t count)
{
	unsigned failed = 0, crashes = 0, installs = 0, migrations = 0, restores = 0, cuts = 0;
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
		restores += result.restores;
		cuts += result.cuts;
		simulated += result.simulated_ms;
		free(result.why);
	}
	printf("sim: %llu seeds in %.1f s: %.0f simulated hours, %u crashes, %llu messages, %u installs, %u migrations, "
	       "%u restores, %u cuts\n",
	       (unsigned long long)count, (double)(monotonic_ms() - begin) / 1000, (double)simulated / 3600000, crashes,
	       (unsigned long long)messages, installs, migrations, restores, cuts);
	printf("sim: %llu passed, %u failed\n", (unsigned long long)count - failed, failed);
	return failed || !count ? 1 : 0;
}

int main(int argc, char **argv)
{
	int64_t seeds = 100, first = 1, one = 0, die_at = -1, swept = 0;
	for (int i = 1; i < argc; i++) {
		int64_t *number = str_equal(argv[i], "--seeds")	   ? &seeds
				  : str_equal(argv[i], "--first")  ? &first
				  : str_equal(argv[i], "--replay") ? &one
				  : str_equal(argv[i], "--sweep")  ? &swept
				  : str_equal(argv[i], "--die")	   ? &die_at
								   : NULL;
		if (!number || ++i == argc || parse_i64(argv[i], 0, INT64_MAX, number) < 0) {
			fputs(usage, stderr);
			return 2;
		}
	}
	if (die_at >= 0 && !one) {
		fputs("ingot-sim: --die goes with --replay\n", stderr);
		return 2;
	}
	if (swept)
		return sweep((uint64_t)swept);
	return one ? replay((uint64_t)one, die_at) : run_many((uint64_t)first, (uint64_t)seeds);
}
