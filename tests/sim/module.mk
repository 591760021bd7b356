# SPDX-License-Identifier: GPL-3.0-or-later
SIM_MODULES := $(filter-out provisioner/daemon provisioner/api provisioner/auth,$(PROVISIONER_MODULES))
$(call module,tests/sim,$(SIM_MODULES),jansson gnutls sqlite3)
$(call program,ingot-sim,tests/sim/main.c,$(SIM_MODULES) tests/sim)
SEEDS ?= 100
FIRST ?= 1

.PHONY: sim
sim: $(OUT)/ingot-sim  ## run the simulation: SEEDS=n FIRST=n, and one seed with a death after each commit
	@$< --seeds $(SEEDS) --first $(FIRST)
	@$< --sweep $(FIRST)
