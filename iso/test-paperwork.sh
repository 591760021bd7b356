#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# test-paperwork.sh --iso FILE
#
# Holds the medium's list of contents against SPDX 2.3 and against what the
# medium was made of, and its licences against the list. Reads the medium and
# the files beside it, the images' lists of packages, and the dashboard's lock
# file.
set -euo pipefail

ISO=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=images/lib.sh
. "$ISO/../images/lib.sh"

if [ "${1:-}" != --iso ] || [ -z "${2:-}" ]; then die "usage: test-paperwork.sh --iso FILE"; fi
iso=$(realpath "$2")
build=$(dirname "$iso")
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
passed=0 failed=0

# same WHAT FILE FILE: what is in one of two sorted lists and not in the other fails it.
same() {
	if [ -s "$2" ] && diff "$2" "$3" >"$tmp/difference"; then
		echo "  ok    $1"
		passed=$((passed + 1))
	else
		echo "  FAIL  $1"
		head -n 20 "$tmp/difference"
		failed=$((failed + 1))
	fi
}

# holds WHAT JQ-FILTER: the filter gives what is wrong, one a line.
holds() {
	: >"$tmp/wrong"
	if jq -r "$2" "$sbom" >"$tmp/wrong" 2>&1 && [ ! -s "$tmp/wrong" ]; then
		echo "  ok    $1"
		passed=$((passed + 1))
	else
		echo "  FAIL  $1"
		head -n 20 "$tmp/wrong"
		failed=$((failed + 1))
	fi
}

xorriso -osirrox on -indev "$iso" -extract /licences "$tmp/medium" -extract /sbom.spdx.json "$tmp/sbom.json" >"$tmp/log" 2>&1 || {
	cat "$tmp/log" >&2
	die "$iso has no licences or no list of contents"
}
sbom=$tmp/sbom.json
mkdir "$tmp/beside"
zstd -qdc "${iso%.iso}.licences.tar.zst" | tar -C "$tmp/beside" -xf -

# That what is beside the medium is what is on it.
for tree in "$tmp/medium" "$tmp/beside/licences"; do hash_tree "$tree" >"$tree.sums"; done
same "the licences beside the medium are those on it" "$tmp/beside/licences.sums" "$tmp/medium.sums"
same "the list beside the medium is the one on it" "${iso%.iso}.spdx.json" "$sbom"

# SPDX 2.3, clauses 6 (document), 7 (packages), 11 (relationships).
holds "the document has what SPDX 2.3 asks for" '
	(select(.spdxVersion != "SPDX-2.3" or .dataLicense != "CC0-1.0" or .SPDXID != "SPDXRef-DOCUMENT" or (.name | length) == 0)
		| "version, licence, identifier or name"),
	(.documentNamespace | select(test("^https://[^# ]+$") | not)),
	(.creationInfo.created | select(test("^[0-9]{4}(-[0-9]{2}){2}T([0-9]{2}:){2}[0-9]{2}Z$") | not)),
	(.creationInfo.creators[] | select(test("^(Tool|Organization|Person): .") | not)),
	(select(.creationInfo.creators == []) | "no creators")'
holds "each package has what SPDX 2.3 asks for" '
	.packages[] | select((.name | length) == 0 or (.versionInfo | length) == 0 or (.SPDXID | test("^SPDXRef-[A-Za-z0-9.-]+$") | not)
		or (.downloadLocation | test("^(NOASSERTION|NONE|[a-z+]+://.+)$") | not) or .filesAnalyzed != false
		or (.licenseDeclared | test("^(NOASSERTION|[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*)$") | not)
		or (.copyrightText | length) == 0) | .SPDXID'
holds "no identifier is there twice" '.packages | group_by(.SPDXID)[] | select(length > 1) | .[0].SPDXID'
# The dollar words belong to jq, to regular expressions and to dpkg.
# shellcheck disable=SC2016
holds "each package address is one" '
	.packages[] | .name as $name | .externalRefs[]? | select(.referenceCategory != "PACKAGE-MANAGER" or .referenceType != "purl"
		or (.referenceLocator | test("^pkg:(deb/debian|npm)/(%40[a-z0-9.-]+/)?[A-Za-z0-9.%+_-]+@[A-Za-z0-9.%+~_-]+([?][a-z0-9=&.-]+)?$") | not))
	| "\($name): \(.referenceLocator)"'
# shellcheck disable=SC2016
holds "relations are between what there is, and nothing is left out" '
	(["SPDXRef-DOCUMENT"] + [.packages[].SPDXID]) as $ids
	| ((.relationships[] | .spdxElementId, .relatedSpdxElement) | select(IN($ids[]) | not)),
	  ($ids - ["SPDXRef-DOCUMENT"] - [.relationships[].relatedSpdxElement])[]'

# What it was made of, told by others than those who wrote the list.
jq -r '.packages[] | select(.SPDXID | startswith("SPDXRef-deb-")) | "\(.name) \(.versionInfo)"' "$sbom" | sort -u >"$tmp/debian"
{
	cut -d' ' -f1,2 "$build/images/host/packages" "$build/images/live/packages"
	# Of whose files the medium has bytes: what GRUB is made from, and the signed loaders.
	# shellcheck disable=SC2016
	dpkg-query -S /usr/lib/grub/i386-pc/kernel.img /usr/lib/grub/x86_64-efi/kernel.img | cut -d: -f1 | sort -u |
		xargs dpkg-query -W -f '${Package} ${Version}\n'
	# shellcheck disable=SC2016
	# Archives that the linker took parts of, and what every program begins and ends with: places of sections in its map.
	cat "$build/"{ingot-agent,ingot-agent-vm.so,ingot-provisioner,ingot}.map | grep -oE ' /[^ ()]+\.(a\(|o$)' | tr -d ' (' | sort -u |
		xargs realpath | sort -u | while IFS= read -r path; do
		dpkg-query -S "$path" 2>/dev/null || dpkg-query -S "${path#/usr}" || echo "no-package-of-$path"
	done | cut -d: -f1 | sort -u | xargs dpkg-query -W -f '${Package} ${Version}\n'
	list_words "$ISO/../images/grub/packages" | while IFS= read -r name; do
		grep "^$name " "$tmp/debian" || echo "$name is not in the list"
	done
} | sort -u >"$tmp/used"
same "the packages of Debian are those of the images and the loaders" "$tmp/used" "$tmp/debian"
jq -r '.packages[] | select(.SPDXID | startswith("SPDXRef-npm-")) | "\(.name) \(.versionInfo)"' "$sbom" | sort -u >"$tmp/npm"
jq -r '.packages | to_entries[] | select(.key | startswith("node_modules/"))
	| select((.value.dev or .value.optional or .value.devOptional) | not)
	| "\(.key | sub(".*node_modules/"; "")) \(.value.version)"' "$ISO/../ui/package-lock.json" | sort -u >"$tmp/locked"
same "the dashboard's packages are those of its lock file that are no tools" "$tmp/locked" "$tmp/npm"
find "$build/ui/assets" -name 'RedHat*VF*.woff2' -printf '%f\n' | sed -E 's/^RedHat([A-Z][a-z]+)VF.*/Red Hat \1/' | sort -u >"$tmp/fonts"
jq -r '.packages[] | select(.licenseDeclared == "OFL-1.1") | .name' "$sbom" | sort -u >"$tmp/listed-fonts"
same "the dashboard's fonts are in the list" "$tmp/fonts" "$tmp/listed-fonts"

# The licences.
holds "each part names the text of its licence" '.packages[1:][] | select(.comment | test("its licence is licences/[^ ]+$") | not) | .SPDXID'
jq -r '.packages[1:][].comment | sub(".*its licence is licences/"; "")' "$sbom" | sort -u >"$tmp/named"
while IFS= read -r path; do
	if [ -n "$(find "$tmp/medium/$path" -type f -size +0 -print -quit 2>/dev/null)" ]; then echo "$path"; fi
done <"$tmp/named" >"$tmp/there"
same "each of these texts is there" "$tmp/named" "$tmp/there"
printf 'paperwork: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
