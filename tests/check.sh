#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs every tier of tests, the quick ones first, and ends with one line that counts what passed and failed. Each suite ends
# with a line of its own ("NAME: N passed, N failed"); one that fails without such a line counts as one failure.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
logs=build/check
mkdir -p "$logs"
passed=0 failed=0 began=$SECONDS
jobs=$(nproc)

suite() {
	local name=$1 log="$logs/$1.log" start=$SECONDS status p f
	shift
	echo "== $name: $*"
	"$@" 2>&1 </dev/null | tee "$log"
	status=${PIPESTATUS[0]}
	p=$(sed -nE 's/^([a-z-]+: )?([0-9]+) passed, ([0-9]+) failed.*$/\2/p' "$log" | awk '{n += $1} END {print n + 0}')
	f=$(sed -nE 's/^([a-z-]+: )?([0-9]+) passed, ([0-9]+) failed.*$/\3/p' "$log" | awk '{n += $1} END {print n + 0}')
	if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
	elif [ "$status" -eq 0 ] && [ "$p" -eq 0 ]; then
		echo "$name: no test ran"
		f=1
	fi
	passed=$((passed + p))
	failed=$((failed + f))
	echo "== $name: $p passed, $f failed, $((SECONDS - start)) s ($((SECONDS - began)) s in all)"
}

# Only what a person would call a result counts: a step that only builds passes as one.
step() {
	local name=$1
	shift
	suite "$name" bash -c '"$@" && echo "1 passed, 0 failed"' step "$@"
}

step build make -j"$jobs" WERROR=1 programs
suite unit make -j"$jobs" check-unit
suite sim make sim SEEDS="${SEEDS:-300}"
suite lint make lint
suite ui make check-ui
suite browser make check-ui-browser
suite asan make -j"$jobs" VARIANT=asan check-unit
suite fuzz make -j"$jobs" fuzz FUZZ_SECONDS=5
# With the sanitizers: these tests wait more than they compute.
suite namespaces make -j"$jobs" VARIANT=asan check-namespaces
step images make images
suite boot make check-images check-iso
suite lab make check-lab
suite metal make check-metal
suite path make check-make-lab
suite install make check-iso-install
suite reproducible make check-iso-reproducible

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
