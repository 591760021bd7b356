# SPDX-License-Identifier: GPL-3.0-or-later
part_run_modules := lib/base lib/loop lib/cmd lib/crypto lib/http node-agent/core node-agent/inventory node-agent/disk node-agent/daemon \
	node-agent/ceph
$(call module,tests/tools/part_run,lib/base lib/loop node-agent/core node-agent/ceph,jansson)
$(call program,part-run,tests/tools/part_run/main.c,$(part_run_modules))
# Plugins use our symbols, also those that nothing here uses.
$(OUT)/part-run: $(foreach m,lib/base lib/cmd lib/loop node-agent/core,$($(m).objects))
$(OUT)/part-run: LDFLAGS += -rdynamic
# The sanitizer looks for the functions it stands before when the program starts; libvirt's XDR comes later, with the plugin.
ifeq ($(VARIANT),asan)
$(OUT)/part-run: LDFLAGS += -Wl,--no-as-needed -l:libtirpc.so.3 -Wl,--as-needed
endif
