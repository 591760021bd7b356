# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,node-agent/inventory,lib/base node-agent/core,jansson)
test_inventory.modules := node-agent/core node-agent/inventory
