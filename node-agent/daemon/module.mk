# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,node-agent/daemon,lib/base lib/loop lib/cmd,)
# Part of the agent and of its plugins.
node-agent/daemon.cflags += -fPIC
