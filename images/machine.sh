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

# uefi CODE VARS: sets UEFI to QEMU's arguments, with variables of its own.
uefi() {
	cp "/usr/share/OVMF/$2" "$tmp/vars.fd"
	UEFI=(-drive "if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/$1"
		-drive "if=pflash,unit=1,format=raw,file=$tmp/vars.fd")
}

# secure_boot: the same, with Secure Boot and the keys that machines are sold
# with. It needs SMM, and firmware that tells the variables' owner from others.
secure_boot() {
	uefi OVMF_CODE_4M.secboot.fd OVMF_VARS_4M.ms.fd
	UEFI+=(-machine 'q35,smm=on' -global 'driver=cfi.pflash01,property=secure,value=on')
}

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

# expect_prompt SECONDS WHAT TEXT: reads the console until it shows the text,
# on a line that need not have ended.
expect_prompt() {
	local limit=$1 what=$2 text=$3 shown='' char deadline=$((SECONDS + $1)) left
	while left=$((deadline - SECONDS)) && [ "$left" -gt 0 ]; do
		IFS= read -r -N 1 -t "$left" -u 3 char || break
		shown+=$char
		if [[ $shown == *"$text" ]]; then
			printf '%8s %s\n' "$(seconds)" "$shown" >>"$log"
			pass "$what"
			return 0
		fi
	done
	fail "$what" "the console did not show \"$text\" in $limit s, but: $shown"
	return 1
}

# appliance_console ADDRESS PASSWORD: a person at the console of a
# provisioner, who waits for each prompt.
appliance_console() {
	local address=${1//./\\.} password=$2
	expect 300 "the provisioner is started" 'Started .*ingot-provisioner\.service' &&
		expect 120 "the console shows the dashboard's address" "^ +https://$address\$" &&
		expect 30 "and the fingerprint of its certificate's authority" '^ +([0-9A-F]{2}:){15}[0-9A-F]{2}$' &&
		expect 30 "and what to do next" 'ingot machine list' || return
	expect_prompt 60 "a login asks for a name" 'login: ' || return
	printf 'root\n' >&4
	expect_prompt 60 "and for a password" 'Password: ' || return
	printf '%s\n' "$password" >&4
	expect_prompt 60 "and gives a shell" '# ' || return
	# None of the answers is in the line that is typed, which comes back.
	printf 'ingot machine list; echo "ingot ended: $?"; ps -o user= -C ingot-provisioner,dnsmasq | sort -u | xargs echo run by\n' >&4
	expect 120 "ingot works on the console" 'ingot ended: 0' || return
	expect 30 "the provisioner and dnsmasq are no one but ingot" 'run by ingot$' || true
}

# stop: ends the machine.
stop() {
	kill "$qemu_pid" 2>/dev/null || true
	wait "$qemu_pid" 2>/dev/null || true
	qemu_pid=''
	exec 3<&-
}
