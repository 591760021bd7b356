#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# test-boot.sh --images DIR [--keep] [--kvm]
#
# Boots the images as machines would, in QEMU: the live image up to its agent;
# an installation with the live image's own tools, laid out as
# docs/protocol.md says; the installed disk through GRUB under SeaBIOS, under
# OVMF and with Secure Boot up to the node agent; another one, of a provisioner, up to
# commands at its console. Prints the seconds from power-on of each step. No
# network but QEMU's own.
set -euo pipefail

IMAGES=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=images/lib.sh
. "$IMAGES/lib.sh"
# shellcheck source=images/machine.sh
. "$IMAGES/machine.sh"
# shellcheck source=images/options.sh
. "$IMAGES/options.sh"

boot_options images DIR "$@"
images=$given
machines_begin "$keep"

# What an installation does, with the tools of the live image. It comes into
# the image as a later archive that replaces the agent.
installer() {
	cat <<'INSTALL'
#!/bin/sh
set -eux
disk=/dev/disk/by-serial-is-not-here
for path in /sys/block/*; do
	[ "$(cat "$path/serial" 2>/dev/null)" != target ] || disk=/dev/${path##*/}
	[ "$(cat "$path/serial" 2>/dev/null)" != root ] || root=/dev/${path##*/}
done
wipefs -qa "$disk"
sfdisk -q "$disk" <<-TABLE
	label: gpt
	size=1MiB, type=21686148-6449-6E6F-744E-656564454649, name=ingot-bios
	size=256MiB, type=uefi, name=ingot-esp
	size=2GiB, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, name=ingot-root-a, uuid=11111111-1111-4111-8111-111111111111
	size=2GiB, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, name=ingot-root-b
	type=linux, name=ingot-state, uuid=22222222-2222-4222-8222-222222222222
TABLE
blockdev --rereadpt "$disk" || true
mkfs.vfat -F 32 -n INGOT-ESP "${disk}2" >/dev/null 2>&1
mkfs.ext4 -q -L ingot-state "${disk}5"
time dd if="$root" of="${disk}3" bs=1M
mkdir -p /esp /state
mount -t vfat "${disk}2" /esp
mkdir -p /esp/EFI/BOOT /esp/EFI/debian /esp/grub /esp/ingot/a
cp /parts/vmlinuz /parts/initrd /esp/ingot/a/
cp /parts/shimx64.efi /esp/EFI/BOOT/BOOTX64.EFI
cp /parts/grubx64.efi /esp/EFI/BOOT/
echo 'configfile ($root)/grub/grub.cfg' >/esp/EFI/debian/grub.cfg
cp /parts/grub.cfg /parts/boot.img /parts/core.img /esp/grub/
/parts/lib/ld-linux-x86-64.so.2 --library-path /parts/lib /parts/grub-bios-setup --directory=/esp/grub "$disk"
umount /esp
mount -t ext4 "${disk}5" /state
mkdir -p /state/etc/systemd/network /state/var/lib/ingot/agent
echo test-host >/state/etc/hostname
printf '[Match]\nMACAddress=%s\n[Network]\nAddress=10.0.2.15/24\n' "$(cat /sys/class/net/eth0/address)" \
	>/state/etc/systemd/network/10-ingot.network
# A provisioner, on the network that QEMU has.
if [ -e /parts/provisioner.json ]; then
	printf '[Match]\nMACAddress=%s\n[Link]\nName=prov0\n' "$(cat /sys/class/net/eth0/address)" \
		>/state/etc/systemd/network/05-prov.link
	mkdir -p /state/etc/ingot /state/var/lib/ingot/images/live
	cp /parts/provisioner.json /parts/console.hash /state/etc/ingot/
	chmod 640 /state/etc/ingot/provisioner.json
	chown 0:64060 /state/etc/ingot/provisioner.json
	chmod 600 /state/etc/ingot/console.hash
	cp /parts/vmlinuz /parts/initrd /state/var/lib/ingot/images/live/
fi
umount /state
sync
echo INSTALL DONE >/dev/console
echo o >/proc/sysrq-trigger
read -r forever </dev/console
INSTALL
}

# GRUB's own program for the BIOS boot sector, which the image does without: the agent writes it itself.
copy_setup() {
	local setup=/usr/lib/grub/i386-pc/grub-bios-setup
	mkdir -p "$1/lib"
	cp "$setup" "$1/"
	ldd "$setup" | awk '$2 == "=>" { print $3 } $1 ~ /^\/.*ld-linux/ { print $1 }' | xargs cp -L -t "$1/lib"
}

PASSWORD=a-password-for-the-test
appliance_config() {
	cat <<'CONFIG'
{"state_dir": "/var/lib/ingot/provisioner", "run_dir": "/run/ingot-provisioner", "api": {"listen": ["0.0.0.0:443"]},
 "provisioning": {"interface": "prov0", "address": "10.0.2.15/24", "dhcp_first": "10.0.2.100", "dhcp_last": "10.0.2.110"},
 "images": {"live_dir": "/var/lib/ingot/images/live"}}
CONFIG
}

grub_config() {
	cat <<'CONFIG'
if [ "$grub_platform" = pc ]; then
	serial --unit=0 --speed=115200
	terminal_output serial
fi
linux /ingot/a/vmlinuz ingot.root=PARTUUID=11111111-1111-4111-8111-111111111111 ingot.state=PARTUUID=22222222-2222-4222-8222-222222222222 systemd.hostname=test-host console=ttyS0 panic=10 WORDS
initrd /ingot/a/initrd
boot
CONFIG
}

say "live image"
start live "${NET[@]}" -kernel "$images/live/vmlinuz" -initrd "$images/live/initrd" \
	-append "console=ttyS0 BOOTIF=01-${MAC//:/-}"
if expect 300 "the kernel runs /init" 'ingot: live image, kernel' &&
	expect 180 "an address by DHCP on the BOOTIF interface" 'ingot: eth[0-9]+: address 10\.0\.2\.15/24'; then
	# Nobody told it of a server: it has to say so and end. 126 and 127 would be the shell's, for one that cannot run.
	expect 60 "the agent runs, and ends for want of a server" 'agent ended with status [0-9]{1,2},' || true
fi
stop

# install_disk NAME WHAT: in $tmp/disk.img.
install_disk() {
	say "$2"
	(cd "$tmp/add" && find . -mindepth 1 | cpio --create --quiet --format=newc --owner=0:0) >"$tmp/add.cpio"
	cat "$images/live/initrd" "$tmp/add.cpio" >"$tmp/initrd"
	rm -f "$tmp/disk.img"
	truncate -s 8G "$tmp/disk.img"
	start "$1" "${NET[@]}" -kernel "$images/live/vmlinuz" -initrd "$tmp/initrd" -append "console=ttyS0 loglevel=4" \
		-drive "if=none,id=target,file=$tmp/disk.img,format=raw,cache=unsafe" -device virtio-blk-pci,drive=target,serial=target \
		-drive "if=none,id=root,file=$images/host/root.squashfs,format=raw,readonly=on" -device virtio-blk-pci,drive=root,serial=root
	expect 600 "the disk is laid out and written, GRUB installed" 'INSTALL DONE' || true
	wait "$qemu_pid" || true
	stop
}

mkdir -p "$tmp/add/usr/sbin" "$tmp/add/parts"
installer >"$tmp/add/usr/sbin/ingot-agent"
chmod 755 "$tmp/add/usr/sbin/ingot-agent"
grub_config | sed "s/ WORDS\$/ ${INGOT_TEST_WORDS:-}/" >"$tmp/add/parts/grub.cfg"
cp "$images/host/vmlinuz" "$images/host/initrd" "$images/grub/"{boot.img,core.img,shimx64.efi,grubx64.efi} "$tmp/add/parts/"
copy_setup "$tmp/add/parts"
install_disk install "installation with the tools of the live image"

# start_host NAME WHAT QEMU-ARGUMENT...
start_host() {
	local name=$1
	say "$2"
	shift 2
	start "$name" "${NET[@]}" -snapshot \
		-drive "if=none,id=disk,file=$tmp/disk.img,format=raw" -device virtio-blk-pci,drive=disk,serial=target,bootindex=1 "$@"
}

# boot_host NAME WHAT QEMU-ARGUMENT...: a node that is not enrolled.
boot_host() {
	start_host "$@"
	if expect 240 "GRUB starts the kernel" 'Linux version' &&
		expect 300 "the initrd hands over to systemd" 'systemd\[1\]: .*running in system mode|systemd 25[0-9].* running in system mode' &&
		expect 600 "the node agent's service is started" 'Started .*ingot-agent\.service' &&
		expect 300 "multi-user.target is reached" 'Reached target .*multi-user\.target'; then
		# It ends, systemd starts it again, it says so again.
		expect 180 "the node agent runs, and ends for want of an identity" 'ingot-agent\[[0-9]+\]: ' || true
	fi
	stop
}

boot_host bios "host from its disk, SeaBIOS"
uefi OVMF_CODE_4M.fd OVMF_VARS_4M.fd
boot_host uefi "host from its disk, OVMF" "${UEFI[@]}"

# What the node agent does then is the same; that the kernel is one that the firmware trusts is what counts.
secure_boot
start_host secure "host from its disk, OVMF with Secure Boot" "${UEFI[@]}"
if expect 240 "shim starts GRUB, GRUB the kernel, which locks itself down" 'Kernel is locked down from EFI Secure Boot'; then
	expect 600 "the node agent's service is started" 'Started .*ingot-agent\.service' || true
fi
stop

appliance_config >"$tmp/add/parts/provisioner.json"
openssl passwd -6 "$PASSWORD" >"$tmp/add/parts/console.hash"
install_disk appliance-install "the same, as a provisioner"
start_host appliance "provisioner from its disk, SeaBIOS"
appliance_console 10.0.2.15 "$PASSWORD" || true
stop

machines_end images
