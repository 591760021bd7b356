#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# bundle.sh --tool INGOT-BUNDLE --keys DIR --images DIR --version V
#
# Makes DIR/host.bundle from the parts in DIR/host and DIR/grub, signed with a
# key that is made once, and checks what it has made.
set -euo pipefail

IMAGES=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=images/lib.sh
. "$IMAGES/lib.sh"

tool='' keys='' images='' version=''
while [ $# -gt 0 ]; do
	case $1 in
	--tool) tool=$2 ;;
	--keys) keys=$2 ;;
	--images) images=$2 ;;
	--version) version=$2 ;;
	*) die "unknown argument $1" ;;
	esac
	shift 2
done
if [ -z "$tool" ] || [ -z "$keys" ] || [ -z "$images" ] || [ -z "$version" ]; then
	die "usage: bundle.sh --tool INGOT-BUNDLE --keys DIR --images DIR --version V"
fi

lock "$images" bundle
[ -e "$keys/signing.key" ] || "$tool" keygen --out "$keys"

bundle="$images/host.bundle"
key=$({
	cat "$images/host/key" "$images/grub/key"
	hash_files "$keys/signing.pub" "$tool"
	echo "$version"
} | key_of_stdin)
if [ -e "$bundle" ] && [ "$(cat "$bundle.key" 2>/dev/null)" = "$key" ]; then
	say "bundle is up to date"
	exit 0
fi

rm -f "$bundle.key"
# The root comes last: whoever streams the bundle to a disk has the small
# parts by then.
"$tool" create --key "$keys/signing.key" --version "$version" --out "$bundle.new" \
	"kernel=$images/host/vmlinuz" "initrd=$images/host/initrd" \
	"bios-boot=$images/grub/boot.img" "bios-core=$images/grub/core.img" \
	"efi-shim=$images/grub/shimx64.efi" "efi-keys=$images/grub/mmx64.efi" "efi-loader=$images/grub/grubx64.efi" \
	"efi-chain=$images/grub/chain-grubx64.efi" \
	"root=$images/host/root.squashfs"
"$tool" verify --key "$keys/signing.pub" "$bundle.new" >/dev/null
mv "$bundle.new" "$bundle"
echo "$key" >"$bundle.key"
say "bundle: $(($(stat -c %s "$bundle") / 1024)) KiB, version $version"
