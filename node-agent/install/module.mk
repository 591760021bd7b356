# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,node-agent/install,lib/base lib/cmd lib/crypto lib/bundle lib/loop node-agent/core node-agent/inventory,\
	jansson libcurl)
