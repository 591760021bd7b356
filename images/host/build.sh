#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# build.sh --agent FILE [--plugin FILE] [--program FILE]... [--ui DIR] --out DIR --cache DIR
#
# DIR of --ui: the built dashboard.
#
# Makes the parts of the host image in DIR: vmlinuz, initrd, root.squashfs.
# Three steps, each cached by all it is made from: the packages as they are
# (host-root), the trimmed image without our programs (host-base), and these
# appended to a copy of that.
set -euo pipefail

IMAGES=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=images/lib.sh
. "$IMAGES/lib.sh"
# shellcheck source=images/initrd.sh
. "$IMAGES/initrd.sh"

SQUASHFS_BLOCK=256K
SQUASHFS_LEVEL=15

programs=() ui='' agent='' plugin='' out='' cache=''
while [ $# -gt 0 ]; do
	case $1 in
	--agent) agent=$2 ;;
	--plugin) plugin=$2 ;;
	--program) programs+=("$2") ;;
	--ui) ui=$2 ;;
	--out) out=$2 ;;
	--cache) cache=$2 ;;
	*) die "unknown argument $1" ;;
	esac
	shift 2
done
if [ -z "$agent" ] || [ -z "$out" ] || [ -z "$cache" ]; then
	die "usage: build.sh --agent FILE [--plugin FILE] [--program FILE]... [--ui DIR] --out DIR --cache DIR"
fi
need_root
mkdir -p "$cache"
cache=$(realpath "$cache")

# ROOT: all packages, installed.
build_root() {
	local -a packages
	mapfile -t packages < <(list_words "$IMAGES/host/packages")
	bootstrap essential "$1" "${packages[@]}" -- \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-include=/usr/share/doc/*/copyright' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/info/*' \
		--dpkgopt=force-unsafe-io
}

# Takes out of ROOT what the trim list names.
trim() {
	local root=$1 word name path list
	while read -r word name; do
		if [ "$word" = package ]; then
			list="$root/var/lib/dpkg/info/$name.list"
			[ -e "$list" ] || list="$root/var/lib/dpkg/info/$name:amd64.list"
			[ -e "$list" ] || die "host/trim: the package $name is not in the image"
			while read -r path; do
				# Folders stay for now, and so do links to folders, as /lib is one.
				[ -d "$root$path" ] || rm -f -- "$root$path"
			done <"$list"
		fi
	done < <(list_words "$IMAGES/host/trim")
	while read -r word name; do
		# The wildcards of the list are meant to expand.
		# shellcheck disable=SC2086
		[ "$word" = package ] || (cd "$root" && rm -rf -- .$word)
	done < <(list_words "$IMAGES/host/trim")
	find "$root/usr" -xdev -name __pycache__ -prune -exec rm -rf {} +
	find "$root/usr" -xdev -type d -empty -delete
}

# What readelf says of every ELF file of ROOT. It fails on what is not one.
read_elf() {
	(cd "$1" && find . -xdev -type f \( -perm /111 -o -name '*.so*' \) -size +0 -print0 |
		{ xargs -0 readelf -d -W 2>/dev/null || true; } | sed 's,^File: \.,File: ,')
}

sweep_libraries() {
	local root=$1 tmp path
	tmp=$(mktemp -d)
	list_words "$IMAGES/host/libraries" >"$tmp/keep"
	read_elf "$root" >"$tmp/elf"
	awk -v libdir="$LIBDIR" -f "$IMAGES/host/sweep.awk" "$tmp/keep" "$tmp/elf" >"$tmp/unneeded"
	while read -r path; do rm -f -- "$root$path"; done <"$tmp/unneeded"
	for path in "$root$LIBDIR"/libicudata.so.*; do
		if [ ! -L "$path" ]; then icudata_stub "libicudata.so.$(basename "$path" | cut -d. -f3)" "$path"; fi
	done
	# Names that pointed at what went.
	find "$root$LIBDIR" -maxdepth 1 -xtype l -delete
	read_elf "$root" >"$tmp/elf"
	awk -v libdir="$LIBDIR" -v check=1 -f "$IMAGES/host/sweep.awk" "$tmp/keep" "$tmp/elf" >"$tmp/missing"
	if [ -s "$tmp/missing" ]; then
		die "host image: libraries are missing: $(sort -u "$tmp/missing" | head -n 20)"
	fi
	rm -rf "$tmp"
}

# Settings that are files come from the overlay; the rest is here.
configure() {
	local root=$1 units="$1/usr/lib/systemd/system" name
	cp -r "$IMAGES/host/overlay/." "$root/"

	mkdir -p "$units"/{multi-user,sockets,sysinit,local-fs}.target.wants
	for name in systemd-networkd.service ingot-agent.service ingot-provisioner.service ingot-banner.timer chrony.service; do
		ln -sf "../$name" "$units/multi-user.target.wants/$name"
	done
	for name in tty1 ttyS0 ttyS1; do
		ln -sf ../ingot-login@.service "$units/multi-user.target.wants/ingot-login@$name.service"
	done
	ln -sf ../systemd-networkd.socket "$units/sockets.target.wants/systemd-networkd.socket"
	ln -sf ../ingot-debug-shell.service "$units/sysinit.target.wants/ingot-debug-shell.service"
	ln -sf multi-user.target "$units/default.target"
	cp "$root/usr/share/systemd/tmp.mount" "$units/tmp.mount"
	ln -sf ../tmp.mount "$units/local-fs.target.wants/tmp.mount"
	# Run at boot only to find nothing to do in an image.
	for name in ldconfig systemd-update-done systemd-journal-catalog-update systemd-hwdb-update \
		systemd-fsck-root systemd-remount-fs systemd-rfkill systemd-pstore e2scrub_reap \
		systemd-tmpfiles-clean.timer systemd-networkd-wait-online; do
		case $name in *.timer) ;; *) name=$name.service ;; esac
		ln -sf /dev/null "$units/$name"
		rm -f "$units"/*.target.wants/"$name"
	done

	# Random numbers of their installation; without them nvme-cli takes the machine's UUID, which is its own.
	rm -f "$root"/etc/nvme/{hostid,hostnqn}
	: >"$root/etc/machine-id" # the initrd makes one on the state partition
	: >"$root/etc/fstab"
	: >"$root/etc/resolv.conf"
	echo 'LANG=C.UTF-8' >"$root/etc/default/locale"
	echo '127.0.0.1 localhost' >"$root/etc/hosts"
	echo ingot >"$root/etc/hostname"
	ln -sf /usr/share/zoneinfo/UTC "$root/etc/localtime"
	ln -sf /proc/self/mounts "$root/etc/mtab"
	printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files myhostname dns\nservices: files\nprotocols: files\n' \
		>"$root/etc/nsswitch.conf"
	# The installer names the time servers, and these know of leap seconds: the image has no zones that count them.
	sed -i '/^pool /d; /^leapsectz /d' "$root/etc/chrony/chrony.conf"
	sed -i -E 's,^root:[^:]*:,root:*:,; s,^([^:]*:[^:]*):[0-9]+:,\1:1:,' "$root/etc/shadow"
	# QEMU runs as the user that libvirt was compiled for; udev gives /dev/kvm to the group.
	echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin' >>"$root/etc/passwd"
	echo 'libvirt-qemu:x:64055:' >>"$root/etc/group"
	echo 'libvirt-qemu:*:1::::::' >>"$root/etc/shadow"
	grep -q '^kvm:' "$root/etc/group" || die "host image: there is no group kvm"
	sed -i 's,^\(kvm:.*:\),\1libvirt-qemu,' "$root/etc/group"
	# The provisioner's user. Fixed, as what it owns on the state partition outlives an image.
	echo 'ingot:x:64060:64060:Ingot provisioner:/var/lib/ingot/provisioner:/usr/sbin/nologin' >>"$root/etc/passwd"
	echo 'ingot:x:64060:' >>"$root/etc/group"
	echo 'ingot:*:1::::::' >>"$root/etc/shadow"
	rm -f "$root/etc/systemd/system/"*.service
	mkdir -p "$root"/var/{cache,log,lib,tmp} "$root"/{run,tmp,proc,sys,dev}
	chmod 1777 "$root/var/tmp" "$root/tmp"
	rm -rf "${root:?}"/{run,tmp,dev}/*
	mkdir -p "$root"/usr/lib/ingot
	# The last step of the build appends this folder.
	ln -sfn /opt/ingot/sbin/ingot-agent "$root/usr/sbin/ingot-agent"
	for name in ingot-provisioner ingot; do ln -sfn "/opt/ingot/sbin/$name" "$root/usr/sbin/$name"; done
	ln -sfn /opt/ingot/ui "$root/usr/share/ingot/ui"
	ln -sfn /opt/ingot/lib/ingot-agent-vm.so "$root/usr/lib/ingot/ingot-agent-vm.so"
}

# Bytecode for what the manager and the ceph command import: the image is read
# only, nothing would be compiled for keeps later.
compile_python() {
	env -u LD_PRELOAD chroot "$1" /usr/bin/python3 -m compileall -q -f --invalidation-mode unchecked-hash \
		/usr/lib/python3 /usr/lib/python3.11 /usr/share/ceph/mgr ||
		die "host image: compiling Python failed"
}

build_base() {
	local root=$1/root
	mkdir "$root"
	cp -a --reflink=auto "$cache/host-root-$root_key/." "$root" # which may be a link: what follows changes the copy
	rm "$root/inputs"
	mkdir -p "$root/usr/share/ingot"
	sed -n '/^Package: /{s///;h};/^Version: /{s///;H;g;s/\n/ /p}' "$root/var/lib/dpkg/status" \
		>"$root/usr/share/ingot/packages"
	trim "$root"
	sweep_libraries "$root"
	configure "$root"
	compile_python "$root"
	copy_modules "$root" "$IMAGES/host/modules"
	ldconfig -r "$root"
	rm -rf "$root/var/cache/ldconfig" # inode numbers of the machine that builds
	echo "$base_key" >"$root/usr/lib/ingot/base-version"
	printf 'IMAGE_ID=ingot-host\nIMAGE_VERSION=%s\n' "$base_key" >>"$root/usr/lib/os-release"
	env -u LD_PRELOAD chroot "$root" qemu-img --help | grep -q '\brbd\b' || die "host image: QEMU has no rbd"
	find "$root" -xdev -newermt '@1' -exec touch -h -d '@1' {} +
	SOURCE_DATE_EPOCH=1 mksquashfs "$root" "$1/root.squashfs" -noappend -quiet -no-progress -comp zstd \
		-Xcompression-level "$SQUASHFS_LEVEL" -b "$SQUASHFS_BLOCK" -no-exports
}

build_initrd() {
	local root=$1/initrd-root
	skeleton "$root"
	mkdir -p "$root/sysroot"
	copy_programs "$root" "$IMAGES/host/initrd-programs"
	copy_modules "$root" "$IMAGES/host/initrd-modules"
	install -m 755 "$IMAGES/host/init" "$root/init"
	pack_cpio "$root" "$1/initrd" 19
}

# A disk that the live image installs to has to be found by the initrd at the next start, and by the host when it is plugged in later.
check_disk_drivers() {
	local list missing
	for list in initrd-modules modules; do
		missing=$(comm -23 <(disk_drivers "$IMAGES/live/modules") <(module_paths "$IMAGES/host/$list") | sed 's,.*/,,; s,\.ko$,,')
		[ -z "$missing" ] || die "host/$list lacks what live/modules has for disks: ${missing//$'\n'/ }"
	done
}

tools_tree "$cache"
check_disk_drivers
lock "$cache" host
root_key=$({
	list_versions "$IMAGES/host/packages"
	hash_files "$IMAGES/host/packages" "$IMAGES/lib.sh" "$IMAGES/record-debs.sh"
	declare -f build_root
} | key_of_stdin)
rm -rf "$cache"/host-base-*.new # of a build that was broken off
if [ ! -d "$cache/host-root-$root_key" ]; then
	say "installing the packages of the host image"
	safe_rm_tree "$cache/host-root-$root_key.new"
	build_root "$cache/host-root-$root_key.new"
	mv "$cache/host-root-$root_key.new" "$cache/host-root-$root_key"
	prune_cache "$cache" host-root "$root_key"
fi

base_key=$({
	echo "$root_key $TOOLS_KEY"
	hash_files "$IMAGES"/host/{build.sh,trim,libraries,sweep.awk,modules,init,initrd-modules,initrd-programs} \
		"$IMAGES/initrd.sh"
	hash_tree "$IMAGES/host/overlay"
} | key_of_stdin)
base="$cache/host-base-$base_key"
if [ ! -d "$base" ]; then
	say "building the host image's base"
	safe_rm_tree "$base.new"
	mkdir -p "$base.new"
	build_base "$base.new"
	build_initrd "$base.new"
	cp "$TOOLS/boot/vmlinuz-$KERNEL_VERSION" "$base.new/vmlinuz"
	cp "$base.new/root/usr/share/ingot/packages" "$cache/host-root-$root_key/inputs" "$base.new/"
	paperwork "$cache/host-root-$root_key" "$base.new/licences"
	mv "$base.new" "$base"
	prune_cache "$cache" host-base "$base_key"
fi

key=$({
	echo "$base_key"
	hash_files "$agent" ${plugin:+"$plugin"} "${programs[@]}"
	[ -z "$ui" ] || hash_tree "$ui"
} | key_of_stdin)
if [ "$(cat "$out/key" 2>/dev/null)" = "$key" ]; then
	say "host image is up to date"
	exit 0
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/add/opt/ingot/sbin" "$tmp/add/opt/ingot/lib" "$out"
for program in "$agent" "${programs[@]}"; do
	install -s -m 755 "$program" "$tmp/add/opt/ingot/sbin/${program##*/}"
done
if [ -n "$ui" ]; then
	cp -r "$ui" "$tmp/add/opt/ingot/ui"
	# Whatever umask it was built with: the provisioner, who is not root, reads it.
	chmod -R u=rwX,go=rX "$tmp/add/opt/ingot/ui"
fi
if [ -n "$plugin" ]; then install -s -m 644 "$plugin" "$tmp/add/opt/ingot/lib/ingot-agent-vm.so"; fi
read_elf "$tmp/add" | awk '/\(NEEDED\)/ { gsub(/[][]/, "", $5); print $5 }' | sort -u |
	while read -r name; do
		[ -e "$base/root$LIBDIR/$name" ] || [ "$name" = ld-linux-x86-64.so.2 ] ||
			die "one of our programs needs $name, which is not in the host image: see host/packages and host/libraries"
	done
rm -f "$out/key"
cp "$base/root.squashfs" "$out/root.squashfs.new"
SOURCE_DATE_EPOCH=1 mksquashfs "$tmp/add/opt" "$out/root.squashfs.new" -quiet -no-progress -keep-as-directory -root-owned \
	-no-recovery >/dev/null
mv "$out/root.squashfs.new" "$out/root.squashfs"
cp "$base/vmlinuz" "$base/initrd" "$base/packages" "$base/inputs" "$out/"
rm -rf "$out/licences"
cp -r "$base/licences" "$out/"
echo "$key" >"$out/key"
say "host image: root $(($(stat -c %s "$out/root.squashfs") / 1024)) KiB, initrd $(($(stat -c %s "$out/initrd") / 1024)) KiB"
