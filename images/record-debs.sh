#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# record-debs.sh TREE [FOLDER]
#
# Writes TREE/inputs, a line NAME VERSION ARCHITECTURE SHA256 for each package
# file in FOLDER, which is where apt has put them in TREE if it is not given.
# mmdebstrap calls it while they are still there.
set -eu
export LC_ALL=C

root=$1
debs=${2:-$root/var/cache/apt/archives}
for deb in "$debs"/*.deb; do
	# The dollar words belong to dpkg.
	# shellcheck disable=SC2016
	name=$(dpkg-deb -W --showformat '${Package} ${Version} ${Architecture}' "$deb")
	sum=$(sha256sum <"$deb")
	echo "$name ${sum%% *}"
done >"$root/inputs.unsorted"
sort "$root/inputs.unsorted" >"$root/inputs"
rm "$root/inputs.unsorted"
