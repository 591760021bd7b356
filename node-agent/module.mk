# SPDX-License-Identifier: GPL-3.0-or-later

agent.modules := lib/base lib/loop lib/cmd lib/crypto lib/http node-agent/core node-agent/inventory node-agent/daemon \
	node-agent/ceph node-agent/install
# Plugins (shared objects) use the program's symbols: -rdynamic.
$(call module,node-agent,$(agent.modules),jansson,-rdynamic)

# The agent reads bundles and makes none. So it takes the tar reader alone out of libarchive.a: the shared library brings
# libxml2 and ICU, which the live image would have to carry and every agent to map.
bundle-reader.archive := $(lib/bundle.archive)
bundle-reader.pkgs := jansson gnutls libzstd
$(call program,ingot-agent,node-agent/main.c,$(agent.modules) bundle-reader node-agent)
$(OUT)/ingot-agent: $(shell $(CC) -print-file-name=libarchive.a)
