#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh NAME...: runs tests/namespaces/test_NAME.py, two at a time: they wait more than they compute. What a test says comes
# out whole when it has ended. Status 0 if all passed.
set -uo pipefail
cd "$(dirname "$0")" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

one() {
	local name=$1 work=$2 start=$SECONDS status
	echo "-- test_$name.py begins"
	/usr/bin/python3 -B "test_$name.py" >"$work/$name" 2>&1 </dev/null
	status=$?
	# The words are for the inner shell.
	# shellcheck disable=SC2016
	flock "$work/lock" sh -c 'echo "-- test_$1.py, $2 s"; cat "$3"' say "$name" "$((SECONDS - start))" "$work/$name"
	return "$status"
}
export -f one
# The one that takes longest is not to be the last alone.
printf '%s\n' "$@" | sort | awk '$0 == "cluster" {print; next} {rest = rest $0 "\n"} END {printf "%s", rest}' |
	xargs -P 2 -I{} bash -c 'one "$@"' one {} "$work"
