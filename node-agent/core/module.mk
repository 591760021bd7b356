# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,node-agent/core,lib/base lib/loop lib/crypto lib/http,jansson)
test_agent.modules := node-agent/core
test_agent_node.modules := node-agent/core
