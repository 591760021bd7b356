# SPDX-License-Identifier: GPL-3.0-or-later
# The images. The scripts keep what is slow in images.cache, keyed by all it is made from, and leave outputs alone that
# are up to date; so the targets always run them.

images.cache := $(BUILD)/cache
images.out := $(BUILD)/images

.PHONY: images live-image guest-image

live-image: $(OUT)/ingot-agent  ## build the live image (root)
	$(Q)images/live/build.sh --agent $< --out $(images.out)/live --cache $(images.cache)

guest-image: $(images.out)/guest/counter.img  ## build the counter guest

$(images.out)/guest/counter.img: images/guest/counter.S images/guest/build.sh
	@echo "  GUEST $@"
	$(Q)images/guest/build.sh $@

images: live-image guest-image  ## build all images
