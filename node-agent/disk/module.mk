# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,node-agent/disk,lib/base node-agent/inventory,jansson)
test_held_disk.modules := node-agent/core node-agent/inventory node-agent/disk
