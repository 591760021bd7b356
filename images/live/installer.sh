# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=dash
#
# Sourced by /init where the kernel command line has ingot.install: finds the
# installation medium and runs the installer on the consoles, for as long as
# the machine runs (docs/protocol.md).

MEDIUM=/run/ingot/medium
ANSWERS=/run/ingot/answers

# Prints the devices whose file systems have the label $1.
labelled() {
	local path dev
	for path in /sys/class/block/*; do
		dev=/dev/${path##*/}
		case $dev in /dev/loop* | /dev/ram*) continue ;; esac
		if [ "$(blkid -p -s LABEL -o value "$dev" 2>/dev/null)" = "$1" ]; then
			echo "$dev"
		fi
	done
}

# mount_with FILE LABEL DIR: whether there is a file system of that label that
# has the file; it is mounted then. A stick of answers may bear the medium's label.
mount_with() {
	local dev type
	mkdir -p "$3"
	for dev in $(labelled "$2"); do
		type=$(blkid -p -s TYPE -o value "$dev")
		case $type in iso9660 | vfat | ext4) ;; *) continue ;; esac
		mount -t "$type" -o ro,nosuid,nodev,noexec "$dev" "$3" 2>/dev/null || continue
		if [ -f "$3/$1" ]; then
			say "$2 is $dev"
			return 0
		fi
		umount "$3"
	done
	return 1
}

find_medium() {
	local rounds=0
	until mount_with ingot/SHA256SUMS INGOT "$MEDIUM"; do
		[ $((rounds % 60)) -ne 20 ] || say "looking for the installation medium, a disk or stick labelled INGOT"
		rounds=$((rounds + 1))
		usleep 500000
		coldplug
	done
}

# Whether some USB storage is known, and its disk is not there yet.
usb_settling() {
	local interface
	for interface in /sys/bus/usb/devices/*:*; do
		[ "$(cat "$interface/bInterfaceClass" 2>/dev/null)" = 08 ] || continue
		set -- "$interface"/host*/target*/*/block/*
		[ -e "$1" ] || return 0
	done
	return 1
}

# Prints the file or URL of the answers, if there are any. A second stick may
# come a little later than the first: 3 s, and up to 18 s where it is on its way.
find_answers() {
	local rounds=0
	if [ -n "$1" ]; then
		echo "$1"
		return
	fi
	umount "$ANSWERS" 2>/dev/null
	until mount_with answers.yaml INGOT-ANS "$ANSWERS" || mount_with answers.yaml INGOT "$ANSWERS" ||
		{ [ "$rounds" -ge 6 ] && { [ "$rounds" -ge 36 ] || ! usb_settling; }; }; do
		rounds=$((rounds + 1))
		usleep 500000
	done >/dev/null
	for file in "$ANSWERS/answers.yaml" "$MEDIUM/ingot/answers.yaml"; do
		if [ -f "$file" ]; then
			echo "$file"
			return
		fi
	done
}

# The terminals of the kernel's consoles. With tty0 the kernel means the
# screen that is shown, which is tty1.
terminals() {
	local tty ttys
	read -r ttys </sys/class/tty/console/active
	for tty in $ttys; do
		[ "$tty" != tty0 ] || tty=tty1
		echo "$tty"
	done
}

# run_answers URL: installs without asking. Returns only when that has failed.
run_answers() {
	local file
	file=$(find_answers "$1")
	if [ -n "$file" ]; then
		/usr/sbin/ingot-agent install --medium "$MEDIUM" --answers "$file" </dev/null 2>&1
		echo "ingot: installing by $file has failed with status $?; the reason is above"
	else
		echo "ingot: there is no answers.yaml on a stick labelled INGOT or INGOT-ANS any more"
	fi
}

# by_answers URL TERMINAL...: the same, shown on these terminals.
by_answers() {
	local url=$1 tty shown=''
	shift
	for tty in "$@"; do shown="$shown /dev/$tty"; done
	# shellcheck disable=SC2086 # one word each
	run_answers "$url" | tee $shown >/dev/null
}

# after_failure URL TERMINAL: what by_answers said stays there until somebody
# has read it. Returns when the screens are wanted.
after_failure() {
	local line
	while :; do
		printf '\r\ningot: Enter opens the installer here; "r" and Enter tries the answers again\r\n' >"/dev/$2"
		if ! IFS= read -r line <"/dev/$2"; then
			sleep 30
		elif [ "$line" = r ]; then
			by_answers "$1" "$2"
		else
			return
		fi
	done
}

# screens TERMINAL: runs the installer there, again and again. Not by itself:
# what went wrong stays on the screen until someone has read it.
screens() {
	local tty=/dev/$1 term=vt220 status
	case $1 in
	tty[0-9]*) term=linux ;;
	*) [ "$(stty size <"$tty" 2>/dev/null)" != '0 0' ] || stty rows 24 cols 80 <"$tty" ;;
	esac
	while :; do
		# One terminal, all three of them.
		# shellcheck disable=SC2094
		TERM=$term LANG=C.UTF-8 HOME=/root \
			setsid -c /usr/sbin/ingot-agent install --medium "$MEDIUM" <"$tty" >"$tty" 2>&1
		status=$?
		stty sane <"$tty" 2>/dev/null
		printf '\r\ningot: the installer ended with status %s; Enter starts it again\r\n' "$status" >"$tty"
		head -n 1 <"$tty" | grep -q '' || sleep 30
	done
}

# run_installer URL: does not return. URL: of the answers, or empty.
run_installer() {
	local name tty answers line
	# No hardware asks for any of these. With loop comes /dev/loop-control, which
	# the installer wants for a host that was cut off and whose state is kept.
	modprobe -q -a sr_mod isofs vfat nls_cp437 nls_ascii nls_utf8 loop
	for name in $(ifaces ''); do
		ip link set "$name" up
		[ -z "$1" ] || dhcp "$name" &
	done
	if [ -n "$1" ]; then
		say "waiting for an address, to fetch the answers"
		# shellcheck disable=SC3045 # this is busybox
		if read -r -t 60 line <&9; then say "$line"; else say "no address after 60 s"; fi
	fi
	find_medium
	answers=$(find_answers "$1")
	[ -n "$answers" ] || say "no answers.yaml on a file system labelled INGOT-ANS or INGOT: the consoles ask"
	say "starting the installer of version $(cat "$MEDIUM/ingot/version")"
	# From here on the consoles belong to the installer.
	echo 1 >/proc/sys/kernel/printk
	# shellcheck disable=SC2046 # one word each
	[ -z "$answers" ] || by_answers "$1" $(terminals)
	for tty in $(terminals); do
		{
			[ -z "$answers" ] || after_failure "$1" "$tty"
			screens "$tty"
		} &
	done
	wait
}
