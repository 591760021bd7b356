#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# build.sh --out DIR --cache DIR
#
# The boot loaders of a host's disk. For UEFI: shimx64.efi, mmx64.efi and
# grubx64.efi, Debian's, signed, which firmware with Secure Boot starts. Made
# here: boot.img and core.img (BIOS), and chain-grubx64.efi, which iPXE starts
# and no firmware. What is made here has all it needs inside. All load
# /grub/grub.cfg of the ESP.
set -euo pipefail

IMAGES=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=images/lib.sh
. "$IMAGES/lib.sh"
# shellcheck source=images/grub/signed.sh
. "$IMAGES/grub/signed.sh"

out='' cache=''
while [ $# -gt 0 ]; do
	case $1 in
	--out) out=$2 ;;
	--cache) cache=$2 ;;
	*) die "unknown argument $1" ;;
	esac
	shift 2
done
if [ -z "$out" ] || [ -z "$cache" ]; then die "usage: build.sh --out DIR --cache DIR"; fi
signed_loaders "$cache"
lock "$out" grub

COMMON=(part_gpt part_msdos fat normal linux search search_label configfile
	serial terminal test echo gzio reboot halt sleep true loadenv regexp minicmd ls cat probe)

key=$({
	hash_files "$IMAGES/grub/"{build.sh,signed.sh,early.cfg}
	hash_files /usr/lib/grub/i386-pc/{boot.img,kernel.img,moddep.lst} /usr/lib/grub/x86_64-efi/{kernel.img,moddep.lst}
	grub-mkimage --version
	cat "$LOADERS/inputs"
} | key_of_stdin)
if [ "$(cat "$out/key" 2>/dev/null)" = "$key" ]; then exit 0; fi

mkdir -p "$out"
rm -f "$out/key"
early=$(mktemp)
trap 'rm -f "$early"' EXIT
list_words "$IMAGES/grub/early.cfg" >"$early" # the rescue parser knows no comments
signed_shim "$out" shimx64.efi
signed_grub grub "$out/grubx64.efi" /EFI/debian
cp /usr/lib/grub/i386-pc/boot.img "$out/boot.img"
# "(,gpt2)" is partition 2, the ESP, of the disk that booted.
grub-mkimage -O i386-pc -o "$out/core.img" -p '(,gpt2)/grub' -c "$early" \
	biosdisk vga_text "${COMMON[@]}"
grub-mkimage -O x86_64-efi -o "$out/chain-grubx64.efi" -p /grub -c "$early" \
	efi_gop all_video "${COMMON[@]}"
echo "$key" >"$out/key"
say "GRUB: $(cd "$out" && stat -c '%n %s' core.img ./*.efi | awk '{ printf "%s%s %d KiB", c, $1, $2 / 1024; c = ", " }')"
