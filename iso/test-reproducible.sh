#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# test-reproducible.sh --build DIR --version V --epoch SECONDS
#
# Builds the images, the bundle and the medium a second time, elsewhere, by
# another clock, umask, time zone and locale, from the same packages,
# programs and key, and compares every file with the first.
set -euo pipefail

ISO=$(cd "$(dirname "$0")" && pwd)
IMAGES=$ISO/../images
# shellcheck source=images/lib.sh
. "$IMAGES/lib.sh"

build='' version='' epoch=''
while [ $# -gt 0 ]; do
	case $1 in
	--build) build=$(realpath "$2") ;;
	--version) version=$2 ;;
	--epoch) epoch=$2 ;;
	*) die "unknown argument $1" ;;
	esac
	shift 2
done
if [ -z "$build" ] || [ -z "$version" ] || [ -z "$epoch" ]; then
	die "usage: test-reproducible.sh --build DIR --version V --epoch SECONDS"
fi

passed=0 failed=0
# Beside the first: a folder of the build, so that trees move and links work.
again=$build/again
safe_rm_tree "$again"
trap 'safe_rm_tree "$again"' EXIT
mkdir -p "$again/cache" "$again/images"

# The packages as they were unpacked are inputs; all that is made of them is made again.
for tree in "$build"/cache/tools-* "$build"/cache/host-root-* "$build"/cache/loaders-*; do
	[ ! -d "$tree" ] || ln -s "$tree" "$again/cache/"
done

# elsewhere COMMAND...: as somebody else would run it, next year. Times of
# files are left alone (they are inputs), and so is the monotonic clock.
elsewhere() (
	umask 077
	cd /
	NO_FAKE_STAT=1 FAKETIME_DONT_FAKE_MONOTONIC=1 TZ=Pacific/Kiritimati LC_ALL=POSIX LANG=C HOME=/nonexistent \
		faketime -f +400d "$@"
)
[ "$(elsewhere date +%Y)" -gt "$(date +%Y)" ] || die "faketime does not change the clock"

plugin=()
[ ! -e "$build/ingot-agent-vm.so" ] || plugin=(--plugin "$build/ingot-agent-vm.so")
elsewhere "$IMAGES/live/build.sh" --agent "$build/ingot-agent" --out "$again/images/live" --cache "$again/cache"
elsewhere "$IMAGES/host/build.sh" --agent "$build/ingot-agent" "${plugin[@]}" --program "$build/ingot-provisioner" \
	--program "$build/ingot" --ui "$build/ui" --out "$again/images/host" --cache "$again/cache"
elsewhere "$IMAGES/grub/build.sh" --out "$again/images/grub" --cache "$again/cache"
elsewhere "$IMAGES/bundle.sh" --tool "$build/ingot-bundle" --keys "$build/keys" --images "$again/images" --version "$version"
elsewhere "$ISO/build.sh" --images "$again/images" --keys "$build/keys" --cache "$again/cache" \
	--ui-paperwork "$build/ui-work/paperwork" --version "$version" --epoch "$epoch" --out "$again/ingot-$version.iso"

for name in images/live/{vmlinuz,initrd} images/host/{vmlinuz,initrd,root.squashfs} \
	images/grub/{boot.img,core.img,shimx64.efi,mmx64.efi,grubx64.efi,chain-grubx64.efi} images/host.bundle \
	"ingot-$version".{iso,spdx.json,licences.tar.zst}; do
	if cmp "$build/$name" "$again/$name"; then
		echo "  ok    $name"
		passed=$((passed + 1))
	else
		echo "  FAIL  $name: the second build differs"
		failed=$((failed + 1))
	fi
done
printf 'reproducible: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
