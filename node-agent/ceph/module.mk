# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,node-agent/ceph,\
	lib/base lib/loop lib/cmd node-agent/core node-agent/inventory node-agent/disk node-agent/daemon,jansson)
test_ceph_node.modules := node-agent/core node-agent/inventory node-agent/disk node-agent/daemon node-agent/ceph
