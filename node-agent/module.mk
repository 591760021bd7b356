# SPDX-License-Identifier: GPL-3.0-or-later
agent.modules := lib/base lib/loop lib/cmd lib/schema lib/crypto lib/http lib/bundle node-agent/core node-agent/inventory node-agent/disk \
	node-agent/daemon node-agent/ceph node-agent/console node-agent/install node-agent/installer
# Plugins (shared objects) use the program's symbols: -rdynamic, and all of what core/part.h promises them, used or not.
$(call module,node-agent,$(agent.modules),jansson,-rdynamic -lzstd)
$(call program,ingot-agent,node-agent/main.c,$(agent.modules) node-agent)
$(OUT)/ingot-agent: $(foreach m,lib/base lib/cmd lib/loop node-agent/core,$($(m).objects))
# The tar reader alone out of libarchive.a: the shared library brings libxml2 and ICU, which the live image would have to
# carry and every agent to map.
$(OUT)/ingot-agent: $(shell $(CC) -print-file-name=libarchive.a)
# And not for plugins: the one that writes archives has a libarchive of its own.
$(OUT)/ingot-agent: LDFLAGS += -Wl,--exclude-libs,libarchive.a
