#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs the union of all packages.list files; says nothing and does nothing when all are there.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t wanted < <(cat ./*/packages.list ./*/*/packages.list 2>/dev/null | sed 's/#.*//' | tr -s ' \t' '\n' | sort -u | sed '/^$/d')
missing=()
for package in "${wanted[@]}"; do
	# Node.js may come from its own packages, which are called differently and exclude Debian's: any from 18 on will do.
	if [[ $package =~ ^(nodejs|npm)$ ]] && command -v node >/dev/null && command -v npm >/dev/null; then
		continue
	fi
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
echo "deps: installing ${#missing[@]} packages: ${missing[*]}"
if [ "$(id -u)" != 0 ]; then
	echo "deps: run as root (sudo make deps)" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
