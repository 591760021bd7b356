#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# source.sh: SHA-256 over name and contents of each file of the sources, for what a medium was made from. The files that git
# knows, and new ones that it does not ignore: the build takes what lies in its folders. Without git (sources from an
# archive) all that .gitignore does not name, which is the same of a clean tree.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C

files() {
	if [ -e .git ]; then
		# Whoever owns the tree: what make runs is in it anyway.
		git -c safe.directory='*' ls-files -z --cached --others --exclude-standard
	else
		find . -name node_modules -prune -o -path ./build -prune -o -type f ! -name '*.swp' ! -path './ui/src/api/*.gen.*' -printf '%P\0'
	fi
}

files | sort -zu | while IFS= read -r -d '' path; do
	if [ -f "$path" ]; then printf '%s\0' "$path"; fi
done | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
