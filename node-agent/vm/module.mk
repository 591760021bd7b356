# SPDX-License-Identifier: GPL-3.0-or-later
# A plugin: the live image has neither libvirt nor need of it. It uses the agent's symbols of lib/ and core/; what it brings
# along itself is its own folder and node-agent/daemon.
$(call module,node-agent/vm,lib/base lib/loop lib/cmd lib/crypto node-agent/core node-agent/daemon,jansson libvirt libxml-2.0 libarchive)
node-agent/vm.cflags += -fPIC

AGENT_VM := $(OUT)/ingot-agent-vm.so
PROGRAMS += $(AGENT_VM)
$(eval $(call mapped,$(AGENT_VM)))
# -pie and the sanitizers' runtime belong to the program that loads it.
$(AGENT_VM): $(node-agent/vm.objects) $(node-agent/vm.list) $(OUT)/obj/node-agent/daemon/daemon_systemd.o \
		$(OUT)/obj/node-agent/daemon/daemon_direct.o node-agent/vm/plugin.map
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) -shared -Wl,-z,relro,-z,now,--as-needed -Wl,--version-script=node-agent/vm/plugin.map -Wl,-Map=$@.map -o $@ \
		$(filter %.o,$^) $$(pkg-config --libs libvirt libxml-2.0 jansson libarchive)

test_vm.modules := node-agent/core node-agent/daemon node-agent/vm
test_vm_domain.modules := $(test_vm.modules)
test_vm_departure.modules := $(test_vm.modules)
test_vm_migrate.modules := $(test_vm.modules)
test_vm_seed.modules := $(test_vm.modules)
test_vm_restart.modules := $(test_vm.modules)
test_vm_net.modules := $(test_vm.modules)
