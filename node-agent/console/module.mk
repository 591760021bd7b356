# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,node-agent/console,lib/base lib/loop lib/http node-agent/core node-agent/vm,jansson)
# For vm_paths.h alone; nothing of it is linked.
test_console.modules := node-agent/core node-agent/console node-agent/vm
