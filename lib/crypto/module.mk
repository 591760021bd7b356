# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,lib/crypto,lib/base,gnutls)
