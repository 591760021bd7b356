#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# test-reproducible.sh --build DIR --version V --epoch SECONDS
#
# Builds everything a second time, elsewhere, by another clock, umask, time
# zone and locale, from the same package files and key: programs, dashboard,
# images, bundle, medium. Compares every file with the first, and then asks
# for a medium of other inputs, which must be refused.
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
again=$build/again
source=$again/elsewhere/source
safe_rm_tree "$again"
trap 'safe_rm_tree "$again"' EXIT
mkdir -p "$again/cache" "$again/images" "$source/build/ui-work"

# check WHAT COMMAND...: counts.
check() {
	local what=$1
	shift
	if "$@"; then
		echo "  ok    $what"
		passed=$((passed + 1))
	else
		echo "  FAIL  $what"
		failed=$((failed + 1))
	fi
}

# elsewhere COMMAND...: as somebody else would run it, next year. Times of
# files are left alone (they are inputs), and so is the monotonic clock.
elsewhere() (
	umask 077
	cd /
	NO_FAKE_STAT=1 FAKETIME_DONT_FAKE_MONOTONIC=1 TZ=Pacific/Kiritimati LC_ALL=POSIX LANG=C HOME=/nonexistent \
		faketime -f +400d "$@"
)
[ "$(elsewhere date +%Y)" -gt "$(date +%Y)" ] || die "faketime does not change the clock"

# part WHAT COMMAND...: runs it, and says how long that took.
part() {
	local what=$1 began=$SECONDS
	shift
	"$@"
	say "second build: $what, $((SECONDS - began)) s"
}

# The sources in another folder, without anything that was made from them. What npm has installed is an input, and only read.
copy_sources() {
	tar -C "$ISO/.." --exclude=./build --exclude=./.git --exclude=node_modules --exclude='*.gen.*' -cf - . | tar -C "$source" -xf -
	cp -al "$ISO/../ui/node_modules" "$source/ui/"
	touch "$source/build/ui-work/.npm" "$source/build/ui-work/.packages"
}

plugin=() plugin_name=()
if [ -e "$build/ingot-agent-vm.so" ]; then plugin=(--plugin "$source/build/ingot-agent-vm.so") plugin_name=(ingot-agent-vm.so); fi
programs=(ingot-agent "${plugin_name[@]}" ingot-provisioner ingot ingot-bundle)
maps=()
for name in ingot-agent "${plugin_name[@]}" ingot-provisioner ingot; do maps+=(--map "$source/build/$name.map"); done
build_programs() { elsewhere make -C "$source" --no-print-directory -j2 BUILD=build "${programs[@]/#/build/}" >"$again/make.log"; }
build_ui() { elsewhere make -C "$source" --no-print-directory BUILD=build build/ui-work/.paperwork >"$again/ui.log"; }
build_live() { elsewhere "$source/images/live/build.sh" --agent "$source/build/ingot-agent" --out "$again/images/live" --cache "$again/cache"; }
build_host() {
	elsewhere "$source/images/host/build.sh" --agent "$source/build/ingot-agent" "${plugin[@]}" \
		--program "$source/build/ingot-provisioner" --program "$source/build/ingot" --ui "$source/build/ui" \
		--out "$again/images/host" --cache "$again/cache"
}
build_bundle() {
	elsewhere "$source/images/grub/build.sh" --out "$again/images/grub" --cache "$again/cache"
	elsewhere "$source/images/bundle.sh" --tool "$source/build/ingot-bundle" --keys "$build/keys" --images "$again/images" \
		--version "$version"
}
# build_iso OPTION...
build_iso() {
	elsewhere "$source/iso/build.sh" --images "$again/images" --keys "$build/keys" --cache "$again/cache" \
		--ui-paperwork "$source/build/ui-work/paperwork" "${maps[@]}" --version "$version" --epoch "$epoch" \
		--out "$again/ingot-$version.iso" "$@"
}

part "copy of the sources" copy_sources
part "programs" build_programs
part "dashboard" build_ui
part "live image, packages included" build_live
part "host image, packages included" build_host
part "boot loaders and bundle" build_bundle
for name in live host; do
	# Not the build's fault, and all else would differ for it.
	diff "$build/images/$name/inputs" "$again/images/$name/inputs" ||
		die "apt offers other packages than those of the first build (above): remove $build/cache, build again, and then compare"
done
part "medium" build_iso --inputs "$build/ingot-$version.inputs"

for name in "${programs[@]}"; do check "$name" cmp "$build/$name" "$source/build/$name"; done
hash_tree "$build/ui" >"$again/ui.first"
hash_tree "$source/build/ui" >"$again/ui.second"
check "dashboard" diff "$again/ui.first" "$again/ui.second"
for name in images/live/{vmlinuz,initrd} images/host/{vmlinuz,initrd,root.squashfs} \
	images/grub/{boot.img,core.img,shimx64.efi,mmx64.efi,grubx64.efi,chain-grubx64.efi} images/host.bundle \
	"ingot-$version".{iso,spdx.json,licences.tar.zst,inputs}; do
	check "$name" cmp "$build/$name" "$again/$name"
done

# refused SED WORDS: inputs that were changed by SED make no medium, and WORDS say why.
refused() {
	sed "$1" "$build/ingot-$version.inputs" >"$again/other.inputs"
	! cmp -s "$build/ingot-$version.inputs" "$again/other.inputs" || die "the test changes nothing with $1"
	rm -f "$again/ingot-$version".iso*
	! build_iso --inputs "$again/other.inputs" >"$again/said" 2>&1 && grep -qF "$2" "$again/said" && [ ! -e "$again/ingot-$version.iso" ]
}
busybox=$(grep '^package live busybox-static ' "$build/ingot-$version.inputs")
check "another version of a package is refused, by its name" refused "s/^package live busybox-static [^ ]*/package live busybox-static 1:0.1/" \
	"  here: $busybox"
check "a package that the list lacks is refused, by its name" refused '/^package live busybox-static /d' "  here: $busybox"
check "another compiler is refused" refused 's/^compiler .*/compiler gcc 1.0/' "  other.inputs: compiler gcc 1.0"
check "a list of something else is refused" refused '/^version/d' "does not say what a medium was made from"
check "other sources are refused" refused 's/^source .*/source 0123/' "  other.inputs: source 0123"
# The same commit and time, with a change that nobody has committed.
echo '/* another */' >>"$source/lib/base/err.h"
check "a change in the sources is refused, and where to look is said" refused 's/^# What/& (a copy)/' "git status shows what here"
printf 'reproducible: %d passed, %d failed, %d s\n' "$passed" "$failed" "$SECONDS"
[ "$failed" -eq 0 ]
