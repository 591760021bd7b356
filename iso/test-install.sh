#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# test-install.sh --iso FILE [--keep] [--kvm]
#
# From the installation medium to a provisioner, in QEMU: a damaged medium and
# wrong answers are refused with nothing written; answers on a second stick
# install; the machine starts from its disk, and a person signs in at its
# console. No network but QEMU's own.
set -euo pipefail

ISO=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=images/lib.sh
. "$ISO/../images/lib.sh"
# shellcheck source=images/machine.sh
. "$ISO/../images/machine.sh"
# shellcheck source=images/options.sh
. "$ISO/../images/options.sh"

boot_options iso FILE "$@"
iso=$given
machines_begin "$keep"

PASSWORD=walrus-Rack-42-tin
PROVISIONING_MAC=52:54:00:12:34:57

answers() {
	cat <<ANSWERS
role: provisioner
finish: poweroff
console: [tty0, "ttyS0,115200"]
disk:
  serial: $1
  erase: $1
network:
  mac: "$MAC"
  mode: dhcp
provisioning:
  mac: "$PROVISIONING_MAC"
  address: 10.10.0.1/24
  dhcp_first: 10.10.0.100
  dhcp_last: 10.10.0.250
host_name: rack-1
admin:
  password: $PASSWORD
ANSWERS
}

# answers_stick DISK-SERIAL: a second stick.
answers_stick() {
	answers "$1" >"$tmp/answers.yaml"
	rm -f "$tmp/answers.img"
	mkfs.fat -C -n INGOT-ANS "$tmp/answers.img" 4096 >/dev/null
	mcopy -i "$tmp/answers.img" "$tmp/answers.yaml" ::/answers.yaml
}

# A network that QEMU serves, and one where nobody is.
MACHINE=("${NET[@]}" -netdev "hubport,id=rack,hubid=7" -device "virtio-net-pci,netdev=rack,mac=$PROVISIONING_MAC"
	-drive "if=none,id=disk,file=$tmp/disk.img,format=raw,cache=unsafe" -device "virtio-blk-pci,drive=disk,serial=target")

# install NAME MEDIUM: starts the machine from the medium, with the stick of answers.
install() {
	start "$1" "${MACHINE[@]}" -device qemu-xhci \
		-drive "if=none,id=medium,file=$2,format=raw,media=cdrom,readonly=on" -device ide-cd,drive=medium,bootindex=1 \
		-drive "if=none,id=answers,file=$tmp/answers.img,format=raw,readonly=on" -device usb-storage,drive=answers
	expect 300 "the installer is started" 'ingot: starting the installer of version'
}

# refused PATTERN: the installer says something that matches, and ends.
refused() {
	if expect 180 "the installer refuses, and names $1" "$1"; then
		expect 60 "and has ended" 'the installer ended with status [1-9]' || true
	fi
}

# untouched: whether nothing was written to the disk.
untouched() {
	if cmp -n 8388608 "$tmp/disk.img" /dev/zero && [ "$(du -k "$tmp/disk.img" | cut -f1)" -lt 64 ]; then
		pass "nothing was written"
	else
		fail "nothing was written" "the disk is not empty"
	fi
}

truncate -s 16G "$tmp/disk.img"

say "a damaged medium"
cp "$iso" "$tmp/damaged.iso"
# A byte in the middle, which is the bundle's.
at=$(($(stat -c %s "$iso") / 2))
byte=$(od -An -tu1 -j "$at" -N 1 "$iso")
printf '%b' "\\x$(printf '%02x' $((byte ^ 255)))" | dd of="$tmp/damaged.iso" bs=1 seek="$at" conv=notrunc status=none
answers_stick target
if install damaged "$tmp/damaged.iso"; then
	refused 'host\.bundle'
fi
stop
untouched

say "answers about another disk"
answers_stick other
if install wrong "$iso"; then
	refused 'other'
fi
stop
untouched

say "answers that are right"
answers_stick target
if install right "$iso"; then
	expect 600 "the machine is switched off when it is done" 'Power down' || true
fi
wait "$qemu_pid" || true
stop

say "the provisioner"
start provisioner "${MACHINE[@]}" -boot c
appliance_console 10.0.2.15 "$PASSWORD" || true
stop

machines_end install
