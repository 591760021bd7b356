#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs cmocka programs; prints what fails whole, and one closing line that counts the tests.
set -uo pipefail
passed=0 failed=0
for program in "$@"; do
	output=$("$program" 2>&1)
	status=$?
	p=$(grep -c '^\[       OK \]' <<<"$output")
	f=$(grep -c '^\[  FAILED  \] [^0-9]*$' <<<"$output")
	[ "$status" -ne 0 ] && [ "$f" -eq 0 ] && f=1
	[ "$status" -eq 0 ] && [ "$p" -eq 0 ] && { f=1; output="$output"$'\n'"no test ran"; }
	[ "$status" -eq 0 ] && f=0
	printf '%-48s %3d passed %3d failed\n' "$(basename "$program")" "$p" "$f"
	[ "$f" -eq 0 ] || printf '%s\n' "$output"
	passed=$((passed + p))
	failed=$((failed + f))
done
echo "unit: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
