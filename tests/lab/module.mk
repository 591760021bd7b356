# SPDX-License-Identifier: GPL-3.0-or-later
# The metal lab. lab.parts is what it is made of besides Debian's packages: the chassis of the
# simulated BMCs and a little guest that proves what the lab promises (and whether KVM works).

lab.dir := tests/lab
lab.parts := $(BUILD)/lab-parts
lab.python := PYTHONPATH=tests INGOT_BUILD=$(BUILD) /usr/bin/python3 -B
lab.built := $(lab.parts)/bmc_chassis.so $(lab.parts)/vmlinuz $(BUILD)/images/guest/counter.img
lab.product := $(BUILD)/ingot-provisioner $(BUILD)/ingot

OTHER_SOURCES += $(lab.dir)/bmc_chassis.c
$(lab.parts)/bmc_chassis.so: $(lab.dir)/bmc_chassis.c
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)gcc -std=gnu17 -O2 -g -Wall -Wextra -Wshadow -Wvla -Wmissing-prototypes -Wformat=2 -D_GNU_SOURCE \
		-fPIC -shared -o $@ $<

# Debian's kernel with busybox and ipmitool; built again when its recipe changes.
$(lab.parts)/vmlinuz: $(lab.dir)/guest.py $(lab.dir)/floor_init.sh
	@echo "  GUEST $(lab.parts)"
	$(Q)/usr/bin/python3 -B $(lab.dir)/guest.py $(lab.parts)

.PHONY: lab lab-down check-lab check-make-lab check-metal check-iso-install
lab: programs ui images $(lab.built)  ## three blank machines to a live-migrated virtual machine; leaves it running (root)
	$(Q)$(lab.python) -m lab up $(if $(BY),--by $(BY))

lab-down:  ## remove all that make lab has made
	$(Q)$(lab.python) -m lab down

check-lab: $(lab.built)  ## test the lab itself: network, firmware, BMCs (root)
	$(Q)$(lab.python) tests/metal/lab_floor.py

check-make-lab: programs ui images $(lab.built)  ## test make lab as a person has it: its words, its ends, make lab-down (root)
	$(Q)$(lab.python) tests/metal/make_lab.py

check-metal: programs ui images $(lab.built)  ## test the whole path on the lab's machines (root)
	$(Q)$(lab.python) tests/metal/whole_path.py

check-iso-install: iso $(lab.built)  ## from the medium to provisioners that deploy, attended and unattended (root)
	$(Q)$(lab.python) tests/metal/from_medium.py $(iso.out)
