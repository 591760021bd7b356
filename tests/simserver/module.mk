# SPDX-License-Identifier: GPL-3.0-or-later
# Of the agent: its part for consoles. core and vm for headers alone; nothing of them is linked.
SIMSERVER_MODULES := $(filter-out provisioner/daemon,$(PROVISIONER_MODULES)) tests/sim node-agent/console
$(call module,tests/simserver,$(SIMSERVER_MODULES) node-agent/core node-agent/vm,jansson gnutls libmicrohttpd sqlite3)
$(call program,ingot-sim-server,tests/simserver/main.c,$(SIMSERVER_MODULES) tests/simserver)
