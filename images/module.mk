# SPDX-License-Identifier: GPL-3.0-or-later
# The images. The scripts keep what is slow in images.cache, keyed by all that it is made from, and leave alone what is up
# to date; so the targets always run them.


images.cache ?= $(BUILD)/cache
images.out := $(BUILD)/images
images.version ?= $(VERSION)

.PHONY: images live-image host-image guest-image grub-image host-bundle check-images

OTHER_SOURCES += images/live/icudata-stub.c

live-image: $(OUT)/ingot-agent  ## build the live image (root)
	$(Q)images/live/build.sh --agent $< --out $(images.out)/live --cache $(images.cache)

# One image for every role: what a host runs is a matter of its configuration.
host-image: programs ui  ## build the parts of the host image (root)
	$(Q)images/host/build.sh --agent $(OUT)/ingot-agent --out $(images.out)/host --cache $(images.cache) \
		$$([ ! -e $(OUT)/ingot-agent-vm.so ] || echo --plugin $(OUT)/ingot-agent-vm.so) \
		--program $(OUT)/ingot-provisioner --program $(OUT)/ingot --ui $(BUILD)/ui

grub-image:
	$(Q)images/grub/build.sh --out $(images.out)/grub --cache $(images.cache)

host-bundle: host-image grub-image  ## build and sign the bundle of the host image (root)
	$(Q)images/bundle.sh --tool $(OUT)/ingot-bundle --keys $(BUILD)/keys --images $(images.out) --version $(images.version)

guest-image: $(images.out)/guest/counter.img  ## build the counter guest

$(images.out)/guest/counter.img: images/guest/counter.S images/guest/build.sh
	@echo "  GUEST $@"
	$(Q)images/guest/build.sh $@

images: guest-image live-image host-bundle  ## build all images and the bundle (root)

check-images: images  ## what a change builds; boot the images in QEMU (root)
	$(Q)images/test-cache.sh --agent $(OUT)/ingot-agent --other $(OUT)/ingot --images $(images.out) --cache $(images.cache)
	$(Q)images/test-boot.sh --images $(images.out)
