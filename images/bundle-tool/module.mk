# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,images/bundle-tool,lib/base lib/crypto lib/bundle,)
$(call program,ingot-bundle,images/bundle-tool/main.c,lib/base lib/crypto lib/bundle)
