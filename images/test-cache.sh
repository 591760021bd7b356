#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# test-cache.sh --agent FILE --other FILE --images DIR --cache DIR
#
# Whether a change builds what it must and nothing else, on the live image: the
# same again, another agent, and another line in what starts it. Ends with a
# line that counts.
set -euo pipefail

IMAGES=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=images/lib.sh
. "$IMAGES/lib.sh"

agent='' other='' images='' cache=''
while [ $# -gt 0 ]; do
	case $1 in
	--agent) agent=$(realpath "$2") ;;
	--other) other=$(realpath "$2") ;;
	--images) images=$(realpath "$2") ;;
	--cache) cache=$(realpath "$2") ;;
	*) die "unknown argument $1" ;;
	esac
	shift 2
done
if [ -z "$agent" ] || [ -z "$other" ] || [ -z "$images" ] || [ -z "$cache" ]; then
	die "usage: test-cache.sh --agent FILE --other FILE --images DIR --cache DIR"
fi
need_root
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

# check WHAT COMMAND...: counts.
check() {
	local what=$1
	shift
	if "$@"; then
		echo "ok    cache: $what"
		passed=$((passed + 1))
	else
		echo "FAIL  cache: $what"
		failed=$((failed + 1))
	fi
}

# build SCRIPTS AGENT OUT CACHE: what it said is in $tmp/said.
build() { "$1/live/build.sh" --agent "$2" --out "$3" --cache "$4" >"$tmp/said" 2>&1 || cat "$tmp/said"; }
made_base() { grep -q "building the live image's base" "$tmp/said"; }
made_no_base() { grep -q "live image: " "$tmp/said" && ! made_base; }
differ() { ! cmp -s "$1" "$2"; }
base_of() { find "$1" -maxdepth 1 -name 'live-*' -type d -printf '%f %i %T@\n'; }
# What pads the file is no zstd, and zstd says so once it has given all there is.
starts_with() { { zstd -dc "$1"/live-*/base.cpio.zst 2>/dev/null || :; } | cpio --quiet --extract --to-stdout init 2>/dev/null | tail -n 1 | grep -qxF "$2"; }

before=$(stat -c '%i %Y' "$images/live/initrd")
build "$IMAGES" "$agent" "$images/live" "$cache"
check "the same inputs build nothing" grep -qx 'images: live image is up to date' "$tmp/said"
check "and leave the image alone" [ "$(stat -c '%i %Y' "$images/live/initrd")" = "$before" ]

base=$(base_of "$cache")
build "$IMAGES" "$other" "$tmp/live" "$cache"
check "another agent builds no base" made_no_base
check "and is what is packed" differ "$tmp/live/initrd" "$images/live/initrd"
check "onto the base that there was" [ "$(base_of "$cache")" = "$base" ]

# Scripts and a cache of their own: what is not used any more is dropped from a cache.
cp -r "$IMAGES" "$tmp/images"
echo '# one more line' >>"$tmp/images/live/init"
mkdir "$tmp/cache"
cp -a --reflink=auto "$cache"/tools-* "$tmp/cache/"
build "$tmp/images" "$agent" "$tmp/changed" "$tmp/cache"
check "another line in what starts it builds the base anew" made_base
check "with that line" starts_with "$tmp/cache" '# one more line'
check "and the other cache knows nothing of it" [ "$(base_of "$cache")" = "$base" ]

# What the live image installs to, a host starts from: a driver that only one of them has builds no host image.
# refused LIST SED WORDS: with the change of SED in LIST, WORDS are what the build says in place of an image.
refused() {
	cp "$IMAGES/live/modules" "$tmp/images/live/"
	cp "$IMAGES/host/"{initrd-modules,modules} "$tmp/images/host/"
	sed -i "$2" "$tmp/images/$1"
	! "$tmp/images/host/build.sh" --agent "$agent" --out "$tmp/refused" --cache "$tmp/cache" >"$tmp/said" 2>&1 &&
		grep -qxF "images: $3" "$tmp/said" && [ ! -e "$tmp/refused" ]
}
check "a disk's driver that the live image alone has is refused" refused live/modules 's/^ahci$/&\nsata_nv/' \
	"host/initrd-modules lacks what live/modules has for disks: sata_nv"
check "one that the host's initrd lacks is, too" refused host/initrd-modules '/^usb_storage$/d; /^uas$/d' \
	"host/initrd-modules lacks what live/modules has for disks: uas usb-storage"
check "and one that only the initrd has" refused host/modules '/^sdhci_pci$/d' \
	"host/modules lacks what live/modules has for disks: cqhci sdhci-pci"

echo "cache: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
