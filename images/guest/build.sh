#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# build.sh OUT: assembles the counter guest into a raw disk image of 1 MiB.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: build.sh OUT}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

as --32 -o "$tmp/counter.o" <(gcc -E -x assembler-with-cpp "$here/counter.S")
ld -m elf_i386 -Ttext=0x7c00 --oformat=binary -o "$tmp/counter.img" "$tmp/counter.o"
[ "$(stat -c %s "$tmp/counter.img")" -eq 512 ] || {
	echo "counter.S does not fit a boot sector" >&2
	exit 1
}
truncate -s 1M "$tmp/counter.img"
mkdir -p "$(dirname "$out")"
mv "$tmp/counter.img" "$out"
