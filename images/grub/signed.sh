# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# The boot loaders that firmware with Secure Boot starts: Debian's shim, signed
# by Microsoft, starts Debian's GRUB, which starts Debian's kernel, both signed
# by Debian. Sourced after lib.sh, never run.

# signed_loaders CACHE: unpacks them. Sets LOADERS to the tree, whose file
# "inputs" says which package files they are from.
signed_loaders() {
	local cache=$1 list=$IMAGES/grub/packages key deb tmp
	mkdir -p "$cache"
	cache=$(realpath "$cache")
	key=$({
		list_versions "$list"
		hash_files "$list" "$IMAGES/grub/signed.sh" "$IMAGES/record-debs.sh"
	} | key_of_stdin)
	LOADERS=$cache/loaders-$key
	lock "$cache" loaders
	[ ! -d "$LOADERS" ] || return 0
	say "unpacking the signed boot loaders"
	tmp=$(mktemp -d)
	chmod 755 "$tmp"
	list_words "$list" >"$tmp/names"
	# apt says where it downloads from; that is nobody's business unless it fails.
	if ! (cd "$tmp" && xargs apt-get -qq -o APT::Sandbox::User=root download <names >log 2>&1); then
		sed -E 's,[a-z+]+://[^ ]+,URL,g' "$tmp/log" >&2
		rm -rf "$tmp"
		die "apt-get download failed; run apt-get update first"
	fi
	for deb in "$tmp"/*.deb; do
		dpkg-deb -x "$deb" "$tmp/tree"
	done
	"$IMAGES/record-debs.sh" "$tmp/tree" "$tmp"
	rm -rf "$LOADERS.new"
	mv "$tmp/tree" "$LOADERS.new"
	rm -rf "$tmp"
	mv "$LOADERS.new" "$LOADERS"
	prune_cache "$cache" loaders "$key"
}

# signed_shim FOLDER NAME: the shim, by a name, and the program beside it with
# which a person at the screen lets in other keys. Not fbx64.efi: shim would
# start that in place of GRUB, and it changes the firmware's boot order.
signed_shim() {
	cp "$LOADERS/usr/lib/shim/shimx64.efi.signed" "$1/$2"
	cp "$LOADERS/usr/lib/shim/mmx64.efi.signed" "$1/mmx64.efi"
}

# signed_grub KIND FILE PREFIX: GRUB; KIND grub (for disks) or gcd (for media).
# PREFIX is where it has been built to look for grub.cfg: another one would
# start nothing, and nobody would notice before a machine does not start.
signed_grub() {
	local from="$LOADERS/usr/lib/grub/x86_64-efi-signed/$1x64.efi.signed"
	grep -aqF -- "$3" "$from" || die "$(basename "$from") does not look for grub.cfg in $3"
	cp "$from" "$2"
}
