#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# build.sh --images DIR --keys DIR --cache DIR --ui-paperwork DIR --map FILE... --version V --epoch SECONDS --out FILE.iso [--inputs FILE]
#
# FILE of each --map: PROGRAM.map, what the linker says of a program that is on the medium.
# DIR of --ui-paperwork: what the dashboard is made of (ui/tools/paperwork.mjs).
# FILE of --inputs: FILE.inputs of another build; this one is refused if it is
# made from anything else.
#
# Makes the installation medium from what images/ has built, and beside it
# the list of what is in it (SPDX), the licences, and what it was made from. The same inputs make the
# same bytes: times in it are EPOCH, and nothing is random.
set -euo pipefail

ISO=$(cd "$(dirname "$0")" && pwd)
IMAGES=$ISO/../images
# shellcheck source=images/lib.sh
. "$IMAGES/lib.sh"
# shellcheck source=images/grub/signed.sh
. "$IMAGES/grub/signed.sh"

LABEL=INGOT
LIMIT_BYTES=1000000000
GRUB_BIOS=/usr/lib/grub/i386-pc

images='' keys='' cache='' paperwork='' version='' epoch='' out='' inputs='' maps=()
while [ $# -gt 0 ]; do
	case $1 in
	--images) images=$2 ;;
	--keys) keys=$2 ;;
	--cache) cache=$2 ;;
	--ui-paperwork) paperwork=$2 ;;
	--map) maps+=("$2") ;;
	--version) version=$2 ;;
	--epoch) epoch=$2 ;;
	--out) out=$2 ;;
	--inputs) inputs=$2 ;;
	*) die "unknown argument $1" ;;
	esac
	shift 2
done
for word in "$images" "$keys" "$cache" "$paperwork" "${maps[*]}" "$version" "$epoch" "$out"; do
	[ -n "$word" ] || die "usage: build.sh --images DIR --keys DIR --cache DIR --ui-paperwork DIR --map FILE... --version V --epoch SECONDS --out FILE.iso [--inputs FILE]"
done
export SOURCE_DATE_EPOCH=$epoch TZ=UTC LC_ALL=C

# EFI/BOOT of the medium.
efi_files() {
	mkdir -p "$1/EFI/BOOT"
	signed_shim "$1/EFI/BOOT" BOOTX64.EFI
	signed_grub gcd "$1/EFI/BOOT/grubx64.efi" /boot/grub
}

# esp TREE FILE: a FAT image of TREE.
esp() {
	local kib
	kib=$(($(du -sk --apparent-size "$1" | cut -f1) + 1024))
	truncate -s $(((kib + 1023) / 1024))M "$2"
	mkfs.fat --invariant -i 49474f54 -n INGOT-BOOT "$2" >/dev/null
	find "$1" -exec touch -h -d "@$epoch" {} +
	(cd "$1" && MTOOLS_SKIP_CHECK=1 mcopy -s -m -i "$2" ./* ::/)
}

# bios_loader FILE: GRUB for El Torito and for boot_hybrid.img, all in one.
bios_loader() {
	list_words "$ISO/early.cfg" >"$tmp/early.cfg" # the rescue parser knows no comments
	grub-mkimage -O i386-pc-eltorito -o "$1" -p /boot/grub -c "$tmp/early.cfg" \
		biosdisk iso9660 part_gpt part_msdos normal linux search search_fs_file configfile serial terminal \
		vga_text test echo gzio reboot halt sleep true regexp minicmd ls cat probe boot
}

# medium TREE: what a person finds on it.
medium() {
	mkdir -p "$1/ingot/live" "$1/boot/grub" "$1/.disk" "$1/licences"
	echo "$version" >"$1/ingot/version"
	cp "$images/host.bundle" "$1/ingot/"
	cp "$keys/signing.pub" "$1/ingot/bundle.pub"
	cp "$images/live/vmlinuz" "$images/live/initrd" "$1/ingot/live/"
	(cd "$1/ingot" && find . -type f -printf '%P\0' | sort -z | xargs -0 sha256sum) >"$tmp/sums"
	mv "$tmp/sums" "$1/ingot/SHA256SUMS"
	(cd "$1/ingot" && sha256sum --quiet --strict --check SHA256SUMS) || die "the medium's checksums are wrong"
	sed "s/@VERSION@/$version/g" "$ISO/grub.cfg" >"$1/boot/grub/grub.cfg"
	echo "Ingot $version" >"$1/.disk/info" # Debian's signed GRUB looks for it
	bios_loader "$1/boot/grub/eltorito.img"
	efi_files "$1"
	mkdir "$tmp/esp"
	efi_files "$tmp/esp"
	mkdir -p "$tmp/esp/boot/grub"
	cp "$ISO/esp.cfg" "$tmp/esp/boot/grub/grub.cfg"
	esp "$tmp/esp" "$tmp/esp.img"
}

# made_from: all that decides what comes out, a line each: the package files
# that go into images; the tools and libraries of this machine; the dashboard's
# packages (the lock file has their hashes); the sources (source.sh).
made_from() {
	echo "# What ingot-$version.iso was made from. \"make iso INPUTS=FILE\" makes it from nothing else."
	echo "version $version"
	echo "epoch $epoch"
	echo "source $("$ISO/source.sh")"
	echo "key $(sha256sum <"$keys/signing.pub" | cut -d' ' -f1)"
	echo "dashboard $(sha256sum <"$ISO/../ui/package-lock.json" | cut -d' ' -f1)"
	echo "compiler $(gcc --version | head -n 1)"
	echo "node $(node --version)"
	sed 's/^/package live /' "$images/live/inputs"
	sed 's/^/package host /' "$images/host/inputs"
	sed 's/^/package loader /' "$LOADERS/inputs"
	# shellcheck disable=SC2016 # dpkg's own words
	list_words "$ISO"/../{images,iso,lib,lib/*,node-agent,node-agent/*,provisioner/*,pxe,ui}/packages.list | sort -u | xargs dpkg-query \
		-W -f 'tool ${Package} ${Version}\n'
}

# same_inputs FILE: refuses to go on with other inputs than those of FILE.
same_inputs() {
	[ -r "$1" ] || die "INPUTS: $1 cannot be read"
	grep -q '^version ' "$1" || die "INPUTS: $1 does not say what a medium was made from; it lies beside the medium, FILE.inputs"
	diff <(grep -v '^#' "$1") <(grep -v '^#' "$tmp/inputs") >"$tmp/difference" || {
		sed -n "s/^</  $(basename "$1" | sed 's,[/&],,g'):/p; s/^>/  here:/p" "$tmp/difference" | head -n 40 >&2
		if grep -q '^[<>] source ' "$tmp/difference"; then
			say "source is the contents of all files of the sources: git status shows what here is not the commit's" >&2
		fi
		die "no medium is made: it would be made from other things than those in $1 (above). Take the commit, the key and the" \
			"packages of that file (for older packages point apt to a snapshot of the archive, run apt-get update, and remove" \
			"$cache), or build without INPUTS"
	}
}

# linked_in MAP: archives and startup objects of this machine that a program has parts of.
linked_in() {
	awk '/^Archive member included / { on = 1; next } /^[A-Z]/ && !/^LOAD / { on = 0 }
		on && /^\// { sub(/\([^)]*\)$/, ""); print } /^LOAD \/.*\.o$/ { print $2 }' "$1" | sort -u
}

# package_of FILE: NAME VERSION of the package that has brought it to this machine, which may know it by a name before /usr was merged.
package_of() {
	local path name
	path=$(realpath "$1")
	name=$(dpkg-query -S "$path" 2>/dev/null || dpkg-query -S "${path#/usr}" 2>/dev/null) ||
		die "$path is part of a program on the medium, and no package has brought it: nobody knows its licence"
	# shellcheck disable=SC2016
	dpkg-query -W -f '${Package} ${Version}\n' "${name%%: *}"
}

# static_packages: as packages_of_images, those that are in our programs without a file of their own on the medium.
static_packages() {
	local map path images
	for map in "${maps[@]}"; do
		[ -s "$map" ] || die "$map is missing: make programs"
		images=host
		[ "$(basename "$map")" != ingot-agent.map ] || images='host live'
		linked_in "$map" | while read -r path; do
			package_of "$path" || exit
		done | sort -u | awk -v images="$images" '{ n = split(images, words); for (i = 1; i <= n; i++) print $0, words[i] }'
	done
}

# packages_of_images: lines NAME VERSION IMAGE, one for each package that
# something on the medium comes from.
packages_of_images() {
	sed 's/$/ host/' "$images/host/packages"
	sed 's/$/ live/' "$images/live/packages"
	cat "$tmp/static"
	packages_of "$LOADERS" | sed 's/$/ loader/'
	# shellcheck disable=SC2016
	dpkg-query -W -f '${Package} ${Version} loader\n' grub-pc-bin grub-efi-amd64-bin
}

# paperwork TREE: the SBOM and the licences, in the medium's tree.
paperwork() {
	local name list="$tmp/packages" doc digest
	packages_of_images | sort -u >"$list"
	digest=$(cat "$list" "$paperwork/parts.json" | sha256sum | cut -d' ' -f1)
	jq -n -R --arg version "$version" --arg created "$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)" \
		--arg digest "$digest" \
		--arg bundle "$(sha256sum <"$images/host.bundle" | cut -d' ' -f1)" --slurpfile ui "$paperwork/parts.json" \
		-f "$ISO/sbom.jq" <"$list" >"$1/sbom.spdx.json"
	cp "$ISO/../LICENSE" "$1/licences/ingot"
	cp -r "$paperwork/licences" "$1/licences/dashboard"
	cp -r "$images/host/licences/common-licenses" "$1/licences/"
	while read -r name; do
		for doc in "$images/host/licences" "$images/live/licences" "$LOADERS/usr/share/doc" /usr/share/doc; do
			if [ -f "$doc/$name/copyright" ]; then
				mkdir -p "$1/licences/$name"
				cp -L "$doc/$name/copyright" "$1/licences/$name/copyright"
				continue 2
			fi
		done
		die "the licence of the package $name was not found"
	done < <(cut -d' ' -f1 "$list" | sort -u)
	chmod -R u=rwX,go=rX "$1/licences" # whatever umask those of the dashboard were made with
}

# make_iso TREE FILE. The ESP follows the file system as a partition of its
# own: sticks and virtual disks have it in the GPT and MBR, optical drives
# reach it through El Torito.
make_iso() {
	find "$1" -exec touch -h -d "@$epoch" {} +
	if ! xorriso -as mkisofs -quiet -o "$2" -V "$LABEL" -volset "ingot-$version" -R -J -joliet-long \
		-uid 0 -gid 0 -dir-mode 0555 -file-mode 0444 --set_all_file_dates set_to_mtime \
		--grub2-mbr "$GRUB_BIOS/boot_hybrid.img" --protective-msdos-label --mbr-force-bootable -partition_offset 16 -partition_cyl_align off \
		-append_partition 2 0xef "$tmp/esp.img" -appended_part_as_gpt \
		-c boot/boot.cat -b boot/grub/eltorito.img -no-emul-boot -boot-load-size 4 -boot-info-table --grub2-boot-info \
		-eltorito-alt-boot -e --interval:appended_partition_2:all:: -no-emul-boot \
		"$1" >"$tmp/xorriso.log" 2>&1; then
		cat "$tmp/xorriso.log" >&2
		die "xorriso failed"
	fi
}

mkdir -p "$(dirname "$out")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
signed_loaders "$cache"
made_from >"$tmp/inputs"
grep -q '^source [0-9a-f]' "$tmp/inputs" || die "the sources cannot be read"
[ -z "$inputs" ] || same_inputs "$inputs"
static_packages >"$tmp/static"
key=$({
	cat "$images/live/key" "$images/host.bundle.key" "$tmp/static"
	hash_files "$ISO"/{build.sh,early.cfg,esp.cfg,grub.cfg,sbom.jq} "$IMAGES/grub/signed.sh" "$GRUB_BIOS/boot_hybrid.img" "$GRUB_BIOS/kernel.img"
	hash_files "$keys/signing.pub" "$images/host.bundle"
	hash_tree "$paperwork"
	cat "$tmp/inputs"
	echo "$LOADERS $version $epoch"
} | key_of_stdin)
if [ -e "$out" ] && [ "$(cat "$out.key" 2>/dev/null)" = "$key" ]; then
	say "ISO is up to date: $out"
	exit 0
fi

rm -f "$out.key"
medium "$tmp/tree"
paperwork "$tmp/tree"
make_iso "$tmp/tree" "$tmp/iso"
size=$(stat -c %s "$tmp/iso")
[ "$size" -lt "$LIMIT_BYTES" ] || die "the ISO has $size bytes; less than $LIMIT_BYTES are allowed"
cp "$tmp/tree/sbom.spdx.json" "${out%.iso}.spdx.json"
cp "$tmp/inputs" "${out%.iso}.inputs"
tar -C "$tmp/tree" --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner -cf - licences |
	zstd -q -19 -T0 -f -o "${out%.iso}.licences.tar.zst"
mv "$tmp/iso" "$out"
chmod 644 "$out"
(cd "$(dirname "$out")" && sha256sum "$(basename "$out")") >"$out.sha256"
echo "$key" >"$out.key"
say "ISO: $out, $((size / 1048576)) MiB, SHA-256 $(cut -c1-16 "$out.sha256")..."
