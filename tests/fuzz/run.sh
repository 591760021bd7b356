#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh OUT SECONDS NAME...: runs fuzzers one after another and prints a closing line. What makes one fail is left in
# OUT/corpus/NAME.crash-* for a replay: OUT/tests/NAME FILE.
set -uo pipefail
out=$1 seconds=$2
shift 2
passed=0 failed=0
for name in "$@"; do
	corpus=$out/corpus/$name
	mkdir -p "$corpus"
	seeds=()
	[ -d "tests/fuzz/seeds/$name" ] && seeds=("tests/fuzz/seeds/$name")
	if log=$("$out/tests/$name" -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=1024 -timeout=10 \
		-artifact_prefix="$out/corpus/$name." "$corpus" "${seeds[@]}" 2>&1); then
		passed=$((passed + 1))
		printf '%-32s %s\n' "$name" "$(grep -o 'Done [0-9]* runs.*' <<<"$log" | tail -1)"
	else
		failed=$((failed + 1))
		printf '%-32s failed\n%s\n' "$name" "$(tail -60 <<<"$log")"
	fi
done
echo "fuzz: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
