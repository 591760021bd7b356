# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=dash
#
# Sourced by /init where the kernel command line has ingot.install: finds the
# installation medium and runs the installer on the consoles, for as long as
# the machine runs (docs/protocol.md).

MEDIUM=/run/ingot/medium
ANSWERS=/run/ingot/answers

# Prints the device whose file system has the label $1.
labelled() {
	local path dev
	for path in /sys/class/block/*; do
		dev=/dev/${path##*/}
		case $dev in /dev/loop* | /dev/ram*) continue ;; esac
		if [ "$(blkid -p -s LABEL -o value "$dev" 2>/dev/null)" = "$1" ]; then
			echo "$dev"
			return 0
		fi
	done
	return 1
}

# mount_labelled LABEL DIR: whether such a file system is there and mounted.
mount_labelled() {
	local dev type
	dev=$(labelled "$1") || return 1
	type=$(blkid -p -s TYPE -o value "$dev")
	case $type in iso9660 | vfat | ext4) ;; *) return 1 ;; esac
	mkdir -p "$2"
	mount -t "$type" -o ro,nosuid,nodev,noexec "$dev" "$2" || return 1
	say "$1 is $dev"
}

find_medium() {
	local rounds=0
	until mount_labelled INGOT "$MEDIUM"; do
		[ $((rounds % 60)) -ne 20 ] || say "looking for the installation medium, a disk or stick labelled INGOT"
		rounds=$((rounds + 1))
		usleep 500000
		coldplug
	done
}

# Prints the file or URL of the answers, if there are any. A second stick may
# come a little later than the first.
find_answers() {
	local rounds=0
	if [ -n "$1" ]; then
		echo "$1"
		return
	fi
	until mount_labelled INGOT-ANS "$ANSWERS" >/dev/null || [ "$rounds" -ge 6 ]; do
		rounds=$((rounds + 1))
		usleep 500000
	done
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

# install_on TTY ARGUMENT...: runs the installer there, again and again. Not
# by itself: what went wrong stays on the screen until someone has read it.
install_on() {
	local tty=/dev/$1 term=vt220 status
	case $1 in
	tty[0-9]*) term=linux ;;
	*) [ "$(stty size <"$tty" 2>/dev/null)" != '0 0' ] || stty rows 24 cols 80 <"$tty" ;;
	esac
	shift
	while :; do
		# One terminal, all three of them.
		# shellcheck disable=SC2094
		TERM=$term LANG=C.UTF-8 HOME=/root \
			setsid -c /usr/sbin/ingot-agent install --medium "$MEDIUM" "$@" <"$tty" >"$tty" 2>&1
		status=$?
		stty sane <"$tty" 2>/dev/null
		printf '\r\ningot: the installer ended with status %s; Enter starts it again\r\n' "$status" >"$tty"
		head -n 1 <"$tty" | grep -q '' || sleep 30
	done
}

# run_installer URL: does not return. URL: of the answers, or empty.
run_installer() {
	local name tty answers line
	modprobe -q -a sr_mod isofs vfat nls_cp437 nls_ascii nls_utf8
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
	say "starting the installer of version $(cat "$MEDIUM/ingot/version")"
	# From here on the consoles belong to the installer.
	echo 1 >/proc/sys/kernel/printk
	if [ -n "$answers" ]; then
		install_on "$(terminals | tail -n 1)" --answers "$answers"
	fi
	for tty in $(terminals); do
		install_on "$tty" &
	done
	wait
}
