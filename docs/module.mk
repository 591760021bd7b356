# SPDX-License-Identifier: GPL-3.0-or-later
# Manual pages: each program prints its own (--man), from the table its --help comes from.
MAN_PAGES := $(OUT)/man/ingot.1

$(OUT)/man/ingot.1: $(OUT)/ingot
	@mkdir -p $(@D)
	$(Q)$< --man >$@

.PHONY: man
man: $(MAN_PAGES)  ## make the manual pages (build/man)
