# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# What the image scripts share: messages, cache keys, the apt sources of the
# machine that builds. Sourced, never run.

# What is built depends on what is put in, not on whose shell builds it.
umask 022
export LC_ALL=C.UTF-8 TZ=UTC

say() { printf 'images: %s\n' "$*"; }
die() {
	printf 'images: %s\n' "$*" >&2
	exit 1
}

need_root() {
	[ "$(id -u)" -eq 0 ] || die "$(basename "$0") must run as root (it makes device nodes and chroots)"
}

# Package names of a list file: comments and blank lines dropped.
list_words() { sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$@"; }

# The versions apt would install now for the packages of list files. Part of
# the cache keys: a security update of a listed package rebuilds its image.
list_versions() {
	local names
	mapfile -t names < <(list_words "$@")
	apt-cache policy "${names[@]}" | awk '/^[^ ]/ { name = $1 } /^  Candidate:/ { print name, $2 }'
}

# A short key over standard input.
key_of_stdin() { sha256sum | cut -c1-16; }

# Hash of each file, by content and not by path.
hash_files() { cat -- "$@" | sha256sum | cut -d' ' -f1; }

# Hash of each file below a folder, by content and path.
hash_tree() { (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum); }

# lock CACHE NAME: holds a lock until this script ends. Two builds at once,
# of one tree or of several with one cache, take turns.
lock() {
	mkdir -p "$1"
	exec 9>"$1/$2.lock"
	flock 9
}

# Drops what PREFIX-* in a cache folder holds except one key.
prune_cache() {
	local cache=$1 prefix=$2 keep=$3 path
	for path in "$cache/$prefix"-*; do
		[ -e "$path" ] || continue
		[ "$path" = "$cache/$prefix-$keep" ] || rm -rf -- "$path"
	done
}

# Mounts under a folder would be deleted through: refuse.
safe_rm_tree() {
	[ -e "$1" ] || return 0
	if grep -q " $(realpath "$1")/" /proc/self/mounts; then
		die "$1 has file systems mounted below it; unmount them first"
	fi
	rm -rf -- "$1"
}

# One-line apt sources made from the indexes this machine's apt uses.
# Nothing but Debian itself goes into an image, whatever else the machine
# has configured.
write_apt_sources() {
	# The dollar words belong to apt-get.
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)' 'Created-By: Packages' |
		awk -F'|' '$1 == "Debian" && !seen[$0]++ { print "deb", $2, $3, $4 }' >"$1"
	[ -s "$1" ] || die "apt has no package indexes of Debian; run apt-get update first"
}

# How this machine's apt fetches (validity checks, proxies), without
# what it fetches.
write_apt_options() {
	apt-config dump | awk '/^Acquire::/ &&
		!/^Acquire::(IndexTargets|Changelogs|CompressionTypes|Languages|GzipIndexes|cdrom)/ &&
		!/ "";$/ && !seen[$0]++' >"$1"
}

# Keys that may sign packages: the machine's trusted ones and Debian's own.
write_keyring() {
	local path
	mkdir -p "$1"
	for path in /etc/apt/trusted.gpg.d/* /etc/apt/keyrings/debian-* \
		/usr/share/keyrings/debian-archive-*.gpg; do
		if [ -f "$path" ]; then cp -- "$path" "$1/"; fi
	done
}

# packages_of TREE: NAME VERSION of each package that a tree was made from.
packages_of() { cut -d' ' -f1,2 "$1/inputs"; }

# Runs a command with standard input, output and error and no other descriptor. mmdebstrap tells apt's hooks the numbers
# of its pipes, and dash, which runs them, takes numbers of one digit only.
alone() (
	for path in "/proc/$BASHPID/fd"/*; do
		fd=${path##*/}
		[ "$fd" -le 2 ] || exec {fd}>&-
	done
	exec "$@"
)

# bootstrap VARIANT TARGET PACKAGE... [-- MMDEBSTRAP-OPTION...]
#
# A tree of Debian packages in the folder TARGET. mmdebstrap prints where it
# downloads from, so its output is kept in a file and shown without
# addresses only when it fails. TARGET/inputs says which package files it took.
bootstrap() {
	local variant=$1 target=$2 work codename include hook=customize
	local -a packages=()
	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		packages+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	[ "$variant" != extract ] || hook=extract
	work=$(mktemp -d)
	chmod 755 "$work" # apt reads the keyring as its own user
	write_apt_sources "$work/sources.list"
	write_apt_options "$work/apt.conf"
	write_keyring "$work/keyring"
	# shellcheck disable=SC1091
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	include=$(IFS=, && echo "${packages[*]}")
	# By the real clock: the indexes are valid for some days only.
	if ! alone env -u LD_PRELOAD mmdebstrap --mode=root --variant="$variant" --keyring="$work/keyring" \
		--aptopt="$work/apt.conf" --include="$include" --format=directory \
		--skip=essential/unlink "--$hook-hook=$IMAGES/record-debs.sh" "$@" \
		"$codename" "$target" "$work/sources.list" >"$work/log" 2>&1; then
		sed -E 's,[a-z+]+://[^ ]+,URL,g' "$work/log" | tail -n 40 >&2
		rm -rf "$work"
		die "mmdebstrap failed"
	fi
	rm -rf "$work"
}
