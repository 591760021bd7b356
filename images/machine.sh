# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# What tests that boot machines share: a QEMU whose console is read line by
# line, with a count of what passed. Sourced after lib.sh, never run.

MAC=52:54:00:12:34:56
# Used by who sources this.
# shellcheck disable=SC2034
NET=(-nic "user,restrict=on,model=virtio-net-pci,mac=$MAC")
ACCEL=(-accel 'tcg,thread=multi' -cpu max)

use_kvm() { ACCEL=(-accel kvm -cpu host); }

# machines_begin KEEP: makes the folder $tmp for this run; it stays if KEEP is
# not empty or something failed.
machines_begin() {
	machines_keep=$1
	tmp=$(mktemp -d)
	passed=0 failed=0 qemu_pid=''
	trap machines_cleanup EXIT
	# Nobody types; the console's input stays open.
	mkfifo "$tmp/input"
	exec 4<>"$tmp/input"
}

machines_cleanup() {
	[ -z "$qemu_pid" ] || kill "$qemu_pid" 2>/dev/null || true
	if [ -n "$machines_keep" ] || [ "$failed" -gt 0 ]; then
		say "logs and disks are in $tmp"
	else
		rm -rf "$tmp"
	fi
}

# machines_end NAME: the closing line, and the status of the test.
machines_end() {
	printf '%s: %d passed, %d failed\n' "$1" "$passed" "$failed"
	[ "$failed" -eq 0 ]
}

# start NAME QEMU-ARGUMENT...: a machine whose console is $tmp/NAME.log and
# file descriptor 3.
start() {
	local name=$1
	shift
	mkfifo "$tmp/$name.console"
	qemu-system-x86_64 -machine q35 "${ACCEL[@]}" -smp 2 -m 2048 -nodefaults -display none -no-reboot \
		-monitor none -serial stdio "$@" <&4 >"$tmp/$name.console" 2>&1 &
	qemu_pid=$!
	exec 3<"$tmp/$name.console"
	log="$tmp/$name.log"
	: >"$log"
	started=$EPOCHREALTIME
}

seconds() { awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

# pass WHAT, fail WHAT WHY: counts and says it.
pass() {
	printf '  ok    %7s s  %s\n' "$(seconds)" "$1"
	passed=$((passed + 1))
}
fail() {
	printf '  FAIL  %7s s  %s: %s\n' "$(seconds)" "$1" "$2"
	failed=$((failed + 1))
}

# expect SECONDS WHAT PATTERN: reads the console until a line matches.
expect() {
	local limit=$1 what=$2 pattern=$3 line deadline=$((SECONDS + $1)) left
	while left=$((deadline - SECONDS)) && [ "$left" -gt 0 ]; do
		if ! IFS= read -r -t "$left" -u 3 line; then
			[ -n "${line:-}" ] || break # the machine has ended, or time is up
		fi
		line=${line//$'\r'/}
		printf '%8s %s\n' "$(seconds)" "$line" >>"$log"
		if [[ $line =~ $pattern ]]; then
			pass "$what"
			return 0
		fi
	done
	fail "$what" "no line of the console matched \"$pattern\" in $limit s"
	tail -n 15 "$log" | sed 's/^/          /'
	return 1
}

# stop: ends the machine.
stop() {
	kill "$qemu_pid" 2>/dev/null || true
	wait "$qemu_pid" 2>/dev/null || true
	qemu_pid=''
	exec 3<&-
}
