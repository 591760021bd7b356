#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# build.sh --out DIR
#
# Makes GRUB for a host's disk: boot.img and core.img (BIOS), grubx64.efi
# (UEFI). Everything GRUB needs is inside; it loads /grub/grub.cfg of the ESP.
set -euo pipefail

IMAGES=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=images/lib.sh
. "$IMAGES/lib.sh"

if [ "${1:-}" != --out ] || [ -z "${2:-}" ]; then die "usage: build.sh --out DIR"; fi
out=$2
lock "$out" grub

COMMON=(part_gpt part_msdos fat normal linux search search_label configfile
	serial terminal test echo gzio reboot halt sleep true loadenv regexp minicmd ls cat probe)

key=$({
	hash_files "$IMAGES/grub/build.sh" "$IMAGES/grub/early.cfg"
	hash_files /usr/lib/grub/i386-pc/{boot.img,kernel.img,moddep.lst} /usr/lib/grub/x86_64-efi/{kernel.img,moddep.lst}
	grub-mkimage --version
} | key_of_stdin)
if [ "$(cat "$out/key" 2>/dev/null)" = "$key" ]; then exit 0; fi

mkdir -p "$out"
rm -f "$out/key"
early=$(mktemp)
trap 'rm -f "$early"' EXIT
list_words "$IMAGES/grub/early.cfg" >"$early" # the rescue parser knows no comments
cp /usr/lib/grub/i386-pc/boot.img "$out/boot.img"
# "(,gpt2)" is partition 2, the ESP, of the disk that booted.
grub-mkimage -O i386-pc -o "$out/core.img" -p '(,gpt2)/grub' -c "$early" \
	biosdisk vga_text "${COMMON[@]}"
grub-mkimage -O x86_64-efi -o "$out/grubx64.efi" -p /grub -c "$early" \
	efi_gop all_video "${COMMON[@]}"
echo "$key" >"$out/key"
say "GRUB: core.img $(($(stat -c %s "$out/core.img") / 1024)) KiB, grubx64.efi $(($(stat -c %s "$out/grubx64.efi") / 1024)) KiB"
