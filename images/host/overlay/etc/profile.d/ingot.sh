# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh # read by login shells
# The administrator's access to the provisioner of this host, for root's "ingot".
if [ "$(id -u)" = 0 ] && [ -r /var/lib/ingot/provisioner/admin.token ]; then
	export INGOT_URL=https://127.0.0.1
	export INGOT_TOKEN_FILE=/var/lib/ingot/provisioner/admin.token
	export INGOT_CACERT=/var/lib/ingot/provisioner/ca.pem
fi
