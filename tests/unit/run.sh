#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs cmocka programs, each for 300 s at most; prints what fails whole, and one closing line that counts the tests. A test
# that a program did not come to has not passed.
set -uo pipefail
limit_s=300
passed=0 failed=0
for program in "$@"; do
	began_us=${EPOCHREALTIME/[.,]/}
	output=$(timeout --kill-after=10 "$limit_s" "$program" 2>&1)
	status=$?
	took_ms=$(((${EPOCHREALTIME/[.,]/} - began_us) / 1000))
	p=$(grep -c '^\[       OK \] ' <<<"$output")
	# A program may have several groups of tests. One that is skipped has not passed either.
	f=$(($(sed -n 's/^\[==========\] Running \([0-9]*\) test(s)\.$/\1/p' <<<"$output" | paste -sd+ | sed 's/^$/0/') - p))
	case $status in
	0) [ $((p + f)) -gt 0 ] || { f=1 && output+=$'\nno test ran'; } ;;
	124 | 137) output+=$'\n'"ended after $limit_s s" ;;
	*) output+=$'\n'"ended with status $status" ;;
	esac
	[ "$status" -eq 0 ] || [ "$f" -gt 0 ] || f=1
	printf '%-40s %3d passed %3d failed %4d.%03d s\n' "${program##*/}" "$p" "$f" $((took_ms / 1000)) $((took_ms % 1000))
	[ "$f" -eq 0 ] || printf '%s\n' "$output"
	passed=$((passed + p))
	failed=$((failed + f))
done
echo "unit: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
