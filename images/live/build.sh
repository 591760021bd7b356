#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# build.sh --agent FILE --out DIR --cache DIR
#
# Makes DIR/vmlinuz and DIR/initrd of the live image. The slow part (packages,
# modules, libraries) is cached; the agent is a small archive behind it.
set -euo pipefail

IMAGES=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=images/lib.sh
. "$IMAGES/lib.sh"
# shellcheck source=images/initrd.sh
. "$IMAGES/initrd.sh"

LIMIT_BYTES=$((40 * 1024 * 1024))

agent='' out='' cache=''
while [ $# -gt 0 ]; do
	case $1 in
	--agent) agent=$2 ;;
	--out) out=$2 ;;
	--cache) cache=$2 ;;
	*) die "unknown argument $1" ;;
	esac
	shift 2
done
if [ -z "$agent" ] || [ -z "$out" ] || [ -z "$cache" ]; then
	die "usage: build.sh --agent FILE --out DIR --cache DIR"
fi
need_root

# What a program with a full-screen interface asks: terminals, and UTF-8.
copy_terminals() {
	local name
	for name in l/linux v/vt100 v/vt220 x/xterm; do
		install -D -m 644 "$TOOLS/lib/terminfo/$name" "$1/usr/lib/terminfo/$name"
	done
	mkdir -p "$1/usr/lib/locale"
	cp -r "$TOOLS/usr/lib/locale/C.utf8" "$1/usr/lib/locale/"
}

build_base() {
	local base=$1
	skeleton "$base"
	copy_programs "$base" "$IMAGES/live/programs"
	copy_modules "$base" "$IMAGES/live/modules"
	copy_terminals "$base"
	ln -s mkfs.fat "$base/usr/sbin/mkfs.vfat"
	install -m 755 "$IMAGES/live/init" "$base/init"
	install -D -m 644 "$IMAGES/live/installer.sh" "$base/etc/ingot/installer.sh"
	install -m 755 "$IMAGES/live/udhcpc.script" "$base/etc/udhcpc.script"
	install -m 644 "$IMAGES/live/mdev.conf" "$base/etc/mdev.conf"
	echo 'root:x:0:0:root:/root:/bin/sh' >"$base/etc/passwd"
	printf 'root:x:0:\ntty:x:5:\n' >"$base/etc/group"
	echo '127.0.0.1 localhost' >"$base/etc/hosts"
	echo 'hosts: files dns' >"$base/etc/nsswitch.conf"
	ln -s /proc/self/mounts "$base/etc/mtab"
}

tools_tree "$cache"
lock "$cache" live
base_key=$({
	echo "$TOOLS_KEY"
	hash_files "$IMAGES"/live/{build.sh,init,installer.sh,udhcpc.script,mdev.conf,modules,programs,icudata-stub.c} \
		"$IMAGES/initrd.sh"
} | key_of_stdin)
base="$cache/live-$base_key"
if [ ! -d "$base" ]; then
	say "building the live image's base"
	safe_rm_tree "$base.new"
	mkdir -p "$base.new/root"
	build_base "$base.new/root"
	pack_cpio "$base.new/root" "$base.new/base.cpio.zst" 19
	cp "$TOOLS/boot/vmlinuz-$KERNEL_VERSION" "$base.new/vmlinuz"
	packages_of "$TOOLS" >"$base.new/packages"
	cp "$TOOLS/inputs" "$base.new/"
	paperwork "$TOOLS" "$base.new/licences"
	mv "$base.new" "$base"
	prune_cache "$cache" live "$base_key"
fi

key=$({
	echo "$base_key"
	hash_files "$agent"
} | key_of_stdin)
if [ "$(cat "$out/key" 2>/dev/null)" = "$key" ]; then
	say "live image is up to date"
	exit 0
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/root/usr/sbin" "$out"
install -s -m 755 "$agent" "$tmp/root/usr/sbin/ingot-agent"
copy_libraries "$agent" "$tmp/root" "$base/root"
pack_cpio "$tmp/root" "$tmp/agent.cpio.zst" 9
rm -f "$out/key"
cat "$base/base.cpio.zst" "$tmp/agent.cpio.zst" >"$out/initrd.new"
mv "$out/initrd.new" "$out/initrd"
cp "$base/vmlinuz" "$out/vmlinuz.new"
mv "$out/vmlinuz.new" "$out/vmlinuz"
rm -rf "$out/licences"
cp -r "$base/packages" "$base/inputs" "$base/licences" "$out/"

size=$(($(stat -c %s "$out/vmlinuz") + $(stat -c %s "$out/initrd")))
say "live image: $((size / 1024)) KiB (kernel and initrd)"
[ "$size" -le "$LIMIT_BYTES" ] || die "the live image is larger than $((LIMIT_BYTES / 1048576)) MiB"
echo "$key" >"$out/key"
