# SPDX-License-Identifier: GPL-3.0-or-later
SIMSERVER_MODULES := $(filter-out provisioner/daemon,$(PROVISIONER_MODULES)) tests/sim
$(call module,tests/simserver,$(SIMSERVER_MODULES),jansson gnutls libmicrohttpd sqlite3)
$(call program,ingot-sim-server,tests/simserver/main.c,$(SIMSERVER_MODULES) tests/simserver)
