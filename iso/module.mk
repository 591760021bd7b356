# SPDX-License-Identifier: GPL-3.0-or-later
# The installation medium, from the images.

# The commit's time; who has the sources without git says one.
iso.epoch = $(or $(SOURCE_DATE_EPOCH),$(shell git -c safe.directory='*' log -1 --format=%ct),$(error the time of the commit \
	cannot be read from git (above): give one, SOURCE_DATE_EPOCH=SECONDS))
iso.maps := $(patsubst %,--map $(OUT)/%.map,ingot-agent ingot-agent-vm.so ingot-provisioner ingot)
iso.out := $(BUILD)/ingot-$(images.version).iso

.PHONY: iso check-iso check-iso-reproducible

iso: live-image host-bundle $(BUILD)/ui-work/.paperwork  ## build the installation medium; INPUTS=FILE.inputs: from that and nothing else (root)
	$(Q)iso/build.sh --images $(images.out) --keys $(BUILD)/keys --cache $(images.cache) --ui-paperwork $(BUILD)/ui-work/paperwork $(iso.maps) --version $(images.version) \
		--epoch $(iso.epoch) --out $(iso.out) $(if $(INPUTS),--inputs $(INPUTS))

check-iso: iso  ## check the medium's list of contents and licences; boot it in QEMU: BIOS, UEFI, Secure Boot (root)
	$(Q)iso/test-paperwork.sh --iso $(iso.out)
	$(Q)iso/test-boot.sh --iso $(iso.out)

check-iso-reproducible: iso  ## build the images and the medium a second time and compare (root)
	$(Q)iso/test-reproducible.sh --build $(BUILD) --version $(images.version) --epoch $(iso.epoch)
