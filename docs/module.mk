# SPDX-License-Identifier: GPL-3.0-or-later
# Manual pages: each program prints its own (--man), from the table its --help comes from.
MAN_PAGES := $(OUT)/man/ingot.1 $(OUT)/man/ingot-provisioner.8 $(OUT)/man/ingot-agent.8

define man_template
$(1): $(OUT)/$(basename $(notdir $(1)))
	@mkdir -p $$(@D)
	$$(Q)$$< --man >$$@
endef
$(foreach page,$(MAN_PAGES),$(eval $(call man_template,$(page))))

.PHONY: man
man: $(MAN_PAGES)  ## make the manual pages (build/man)
