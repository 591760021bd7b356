# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# The options of the tests that boot machines. Sourced after lib.sh and
# machine.sh, never run.

# boot_options NAME VALUE ARGUMENT...: reads --NAME VALUE [--keep] [--kvm] and
# sets $given to the value and $keep. VALUE is how the usage calls it.
# shellcheck disable=SC2034 # used by who sources this
boot_options() {
	local name=$1 value=$2
	shift 2
	given='' keep=''
	while [ $# -gt 0 ]; do
		case $1 in
		"--$name")
			given=${2:-}
			shift
			;;
		--keep) keep=1 ;;
		--kvm) use_kvm ;;
		*) die "unknown argument $1" ;;
		esac
		shift || break
	done
	[ -n "$given" ] || die "usage: ${0##*/} --$name $value [--keep] [--kvm]"
}
