#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# test-boot.sh --iso FILE [--keep] [--kvm]
#
# Boots the installation medium as machines would, in QEMU, up to the
# installer: with BIOS from an optical drive and from a stick, with UEFI from a
# stick and from virtual media, and with UEFI and the Secure Boot keys that
# machines are sold with. No network but QEMU's own.
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

# A machine needs the medium, one disk and nothing else.
truncate -s 16G "$tmp/disk.img"
DISK=(-drive "if=none,id=disk,file=$tmp/disk.img,format=raw,cache=unsafe" -device "virtio-blk-pci,drive=disk,serial=target")
CDROM=(-drive "if=none,id=medium,file=$iso,format=raw,media=cdrom,readonly=on" -device "ide-cd,drive=medium,bootindex=1")
STICK=(-device qemu-xhci -drive "if=none,id=medium,file=$iso,format=raw,readonly=on"
	-device "usb-storage,drive=medium,removable=on,bootindex=1")
# What a BMC makes of a file: an optical drive on USB.
VIRTUAL=(-device qemu-xhci -drive "if=none,id=medium,file=$iso,format=raw,media=cdrom,readonly=on"
	-device "usb-storage,drive=medium,removable=on,bootindex=1")

# to_installer NAME WHAT FIRMWARE QEMU-ARGUMENT...
to_installer() {
	local name=$1 what=$2 firmware=$3
	shift 3
	say "$what"
	start "$name" "${NET[@]}" "${DISK[@]}" "$@"
	if expect 300 "the medium's GRUB starts the kernel and the live image" "ingot: live image, kernel .*, $firmware\$" &&
		expect 120 "the medium is found" 'ingot: INGOT is /dev/'; then
		expect 60 "the installer is started" 'ingot: starting the installer of version' || true
	fi
}

to_installer cdrom-bios "BIOS, optical drive" BIOS "${CDROM[@]}"
stop
to_installer stick-bios "BIOS, stick" BIOS "${STICK[@]}"
stop
uefi OVMF_CODE_4M.fd OVMF_VARS_4M.fd
to_installer stick-uefi "UEFI, stick" UEFI "${STICK[@]}" "${UEFI[@]}"
stop
uefi OVMF_CODE_4M.fd OVMF_VARS_4M.fd
to_installer virtual-uefi "UEFI, virtual media" UEFI "${VIRTUAL[@]}" "${UEFI[@]}"
stop

secure_boot
to_installer cdrom-secure "UEFI with Secure Boot, optical drive" "UEFI with Secure Boot" "${CDROM[@]}" "${UEFI[@]}"
stop
machines_end iso
